"""What the engine and the runners need from outside, as Protocols with their contracts.

``bot.app`` joins these to the adapters in ``github``, ``store``, ``host`` and
``runners``. Every method may raise what its docstring names and nothing else that a
caller is meant to handle.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bot.core.effects import Intent, Receipt
from bot.core.events import Event
from bot.core.features import Feature
from bot.core.model import (
    Asker,
    AttemptId,
    Batch,
    BatchId,
    BatchState,
    Expectation,
    InstallationId,
    ItemFacts,
    ItemNumber,
    Outcome,
    PlanItem,
    Reference,
    Repository,
    Role,
)


class Clock(Protocol):
    """Time. Tests own it."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for intervals."""

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds*."""


# --- the store ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook request that GitHub signed. ``body`` is kept as it came."""

    guid: str  # X-GitHub-Delivery
    event: str  # X-GitHub-Event
    received_at: datetime
    body: bytes | bytearray


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries that wait to be dealt with."""

    count: int
    oldest_at: datetime | None = None


class Deliveries(Protocol):
    """The inbox on disk. All raise ``StoreUnavailable``."""

    async def add(self, delivery: Delivery) -> bool:
        """Keep a delivery; it is on disk when this returns.

        Return False, and change nothing, if its GUID is known.
        """

    async def unsettled(self, *, after_id: int, limit: int) -> Sequence[int]:
        """Return the ids of deliveries that nobody has dealt with, in order of arrival."""

    async def load(self, delivery_id: int) -> Delivery:
        """Return a delivery. Raises ``LookupError`` for an unknown id."""

    async def backlog(self) -> Backlog:
        """Return how many deliveries nobody has dealt with, and since when."""

    async def settle(self, delivery_id: int, *, outcome: str) -> None:
        """Note that a delivery was dealt with, and how (``ignored``, ``batch b7k2`` …)."""

    async def known_guids(self, guids: Sequence[str]) -> frozenset[str]:
        """Return which of *guids* are stored."""

    async def prune(self, *, before: datetime) -> int:
        """Delete settled deliveries received before; return how many."""


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """One row of a list of batches."""

    batch: Batch
    state: BatchState


class Batches(Protocol):
    """Batches and their events. All raise ``StoreUnavailable``."""

    async def create(
        self,
        batch: Batch,
        facts: Mapping[ItemNumber, ItemFacts],
        events: Sequence[Event],
    ) -> bool:
        """Keep a batch with its frozen facts and first events, in one transaction.

        Return False, and change nothing, if ``batch.source`` or its id is taken.
        """

    async def append(self, events: Mapping[BatchId, Sequence[Event]]) -> None:
        """Add events and bring the projection along, in one transaction."""

    async def load(self, batch_id: BatchId) -> Batch | None:
        """Return a batch."""

    async def by_source(self, source: str) -> Batch | None:
        """Return the batch that *source* started."""

    async def events(self, batch_id: BatchId) -> Sequence[Event]:
        """Return all events of a batch, oldest first."""

    async def facts(
        self, batch_id: BatchId, items: Sequence[ItemNumber]
    ) -> Mapping[ItemNumber, ItemFacts]:
        """Return the facts of items as they were when the command was accepted."""

    async def live(self) -> Sequence[BatchId]:
        """Return the batches with work left, oldest first: running, paused, cancelling."""

    async def unconcluded(self) -> Sequence[BatchId]:
        """Return the batches that have ended but have no ``BatchConcluded`` event, oldest
        first.
        """

    async def recent(
        self, repository_id: int, *, thread: ItemNumber | None = None, limit: int = 20
    ) -> Sequence[BatchSummary]:
        """Return batches of a repository (of one thread), newest first."""

    async def live_in(self, repository_id: int) -> Sequence[BatchSummary]:
        """Return the batches of a repository with work left, newest first."""

    async def with_item(
        self, repository_id: int, number: ItemNumber, *, limit: int = 20
    ) -> Sequence[BatchSummary]:
        """Return batches of a repository that have an item, newest first."""

    async def live_items(
        self, repository_id: int, numbers: Sequence[ItemNumber]
    ) -> Mapping[ItemNumber, BatchId]:
        """Return which of *numbers* have an unfinished item in a live batch."""

    async def expectations(self) -> Mapping[str, Expectation]:
        """Return medians of past items by action name, of at most the last 100 each."""


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """What the store knows of an effect. ``receipt`` is None until it is done."""

    intent: Intent
    receipt: Receipt | None
    intended_at: datetime


class EffectLog(Protocol):
    """The write-ahead log of outside effects. All raise ``StoreUnavailable``."""

    async def find(self, key: str) -> EffectRecord | None:
        """Return what is known of the effect with this key."""

    async def intend(self, key: str, intent: Intent, *, at: datetime) -> None:
        """Note that the effect is about to happen, replacing an older note of the key."""

    async def done(self, key: str, receipt: Receipt, *, at: datetime) -> None:
        """Note that the effect happened."""


class Refusals(Protocol):
    """Whom the bot has told that they may not, and when."""

    async def first_today(
        self, repository_id: int, login: str, *, at: datetime
    ) -> bool:
        """Return True once per person, repository and 24 hours."""


@dataclass(frozen=True, slots=True)
class Held:
    """GitHub wants nothing before ``until``; ``strikes`` is how often it said so in a
    row.
    """

    until: datetime
    strikes: int


class Holds(Protocol):
    """The holds of installations, over restarts. All raise ``StoreUnavailable``."""

    async def all(self) -> Mapping[InstallationId, Held]:
        """Return what was kept last, by installation."""

    async def keep(self, installation_id: InstallationId, held: Held | None) -> None:
        """Keep a hold in place of the one before; None: there is none any more."""


# --- GitHub ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What one query says of a repository besides its items."""

    default_branch: str
    configuration: str | None  # the text of .github/batch.yml, None if there is none
    configuration_sha: str = ""
    newest_number: int = 0  # of issues and pull requests; 0 if unknown
    name: str = ""  # owner/name at present, whatever name was asked for
    is_archived: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of an installation's hourly requests.

    ``limit`` is 0 while GitHub has not told. ``held_until`` is set while GitHub, or
    the reserve, wants nothing more to be sent.
    """

    limit: int
    remaining: int
    reset_at: datetime | None
    reserve: int
    held_until: datetime | None = None

    @property
    def is_known(self) -> bool:
        """Whether GitHub has told the numbers."""
        return self.limit > 0


class GitHub(Protocol):
    """What the bot reads from GitHub.

    Every method raises ``TransientError`` (``RateLimited`` with the instant),
    ``NotFound``, ``Refused`` and ``AppUnavailable``.
    """

    async def role(self, repository: Repository, login: str) -> Role:
        """Return the person's role at this moment."""

    async def facts(
        self, repository: Repository, numbers: Sequence[ItemNumber]
    ) -> tuple[RepositoryFacts, Mapping[ItemNumber, ItemFacts]]:
        """Return the facts of the items, 50 a query; unknown numbers are left out.

        One query answers for up to 50 items and the repository; with no numbers it
        answers for the repository alone.
        """

    async def select(
        self, repository: Repository, *, filters: Mapping[str, str], limit: int
    ) -> Sequence[ItemNumber]:
        """Return the open issues and pull requests that fit all filters, lowest first.

        Keys: ``label``, ``milestone`` (title or number), ``author``, ``assignee``. At
        most *limit* + 1 numbers come back, so that a caller can tell "more".
        """

    async def labels(self, repository: Repository) -> Mapping[str, int]:
        """Return the repository's labels with the count of open items of each."""

    async def references(
        self, installation_id: InstallationId, references: Sequence[Reference]
    ) -> Mapping[Reference, ItemFacts]:
        """Return facts of items of any repository that the installation can see."""

    async def check_access(self, repository: Repository) -> None:
        """Raise ``AppUnavailable`` unless the app may work there at this moment.

        Being able to read it says nothing: a public repository can be read by everybody.
        """

    def heard(self, payload: Mapping[str, Any]) -> None:
        """Take note of what a delivery tells, so that nobody asks for it."""

    def lacks(self, repository: Repository) -> frozenset[Feature]:
        """Return what the server was found to lack so far, without a request."""

    def budget(self, installation_id: InstallationId) -> Budget:
        """Return the ledger's present state, without a request."""

    def requests_fit(self, installation_id: InstallationId) -> int:
        """Return how many requests of item work fit before the reset, over the reserve.

        A large number while GitHub has told no limit; 0 while anything is held.
        """

    def spent(self, meter: str) -> int:
        """Return the requests charged to *meter* so far: see ``metered``."""

    def metered(self, *meters: str) -> AbstractContextManager[None]:
        """Charge the requests made inside to each of *meters* (batch and attempt ids)."""


class EffectAdapter(Protocol):
    """The one way to change anything outside. ``bot.engine.effects`` alone calls it."""

    async def find(self, intent: Intent, *, since: datetime) -> Receipt | None:
        """Look whether the effect has happened since *since*.

        Raises ``TransientError``, ``Refused`` and ``AppUnavailable``.
        """

    async def do(self, intent: Intent) -> Receipt:
        """Carry the effect out.

        Raises ``Uncertain`` when it may have happened, any other ``TransientError``
        when it has not, ``Refused`` or ``AppUnavailable`` when it cannot.
        """


class Tokens(Protocol):
    """Gives git what it needs to fetch and push."""

    async def token(self, repository: Repository, *, to_push: bool = False) -> str:
        """Return a token that reaches this repository alone, good for minutes at least.

        It reads the contents and nothing else, unless it is needed to push. Raises
        ``TransientError``, ``Refused`` and ``AppUnavailable``.
        """

    def drop(self, text: str) -> None:
        """Forget a token that GitHub no longer accepts."""


@dataclass(frozen=True, slots=True)
class HookDelivery:
    """A delivery as GitHub's list has it, without the payload.

    ``id`` is GitHub's own and new for each redelivery; the GUID stays.
    """

    id: int
    guid: str
    event: str
    delivered_at: datetime
    is_accepted: bool  # whether it was answered with 2xx


class HookDeliveries(Protocol):
    """What GitHub has delivered, or tried to. All raise as ``GitHub`` does."""

    async def since(self, instant: datetime) -> Sequence[HookDelivery]:
        """Return the deliveries and redeliveries since *instant*, oldest first."""

    async def get(self, delivery: HookDelivery) -> Delivery:
        """Return a delivery with its payload, written as JSON anew."""

    async def redeliver(self, delivery: HookDelivery) -> None:
        """Ask GitHub to deliver once more, with the same GUID."""


# --- runners -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttemptSpec:
    """One try at one item, with all that a runner needs to know."""

    id: AttemptId
    batch_id: BatchId
    repository: Repository
    default_branch: str
    item: PlanItem
    facts: Callable[[], Awaitable[ItemFacts]]  # as when the command was accepted
    asker: Asker
    predecessors: tuple[tuple[ItemNumber, str], ...] = ()  # with the branch each pushed


@dataclass(frozen=True, slots=True)
class Work:
    """Accepted by the engine before any of it reaches GitHub.

    ``data`` is a text of the runner's own, enough to publish after a restart.
    """

    data: str


Emit = Callable[[str], None]
"""Takes a progress line, in the words of the work."""

Perform = Callable[[str, Intent], Awaitable[Receipt]]
"""Carries out an effect under a key local to the attempt, exactly once."""


class Runner(Protocol):
    """A way to run an item."""

    name: str
    needs_workspace: bool
    survives_restart: bool  # whether attempts outlive the bot's process

    async def submit(self, spec: AttemptSpec) -> str:
        """Begin an attempt; return the id by which the runner knows it.

        Submitting an attempt again returns the same id and begins nothing.
        """

    async def find(self, attempt: AttemptId) -> str | None:
        """Return the id of an attempt that was submitted, or None."""

    async def watch(self, spec: AttemptSpec, emit: Emit) -> Work | Outcome:
        """Wait for the end of an attempt.

        ``Work`` still has to be published; an ``Outcome`` is the end. Raises ``Lost``.
        """

    async def publish(self, spec: AttemptSpec, work: Work, perform: Perform) -> Outcome:
        """Bring accepted work to GitHub. Called again after a crash with the same work."""

    async def cancel(self, attempt: AttemptId) -> None:
        """Stop an attempt; nothing of it runs any more when this returns."""

    async def clean(self, attempt: AttemptId) -> None:
        """Remove what an ended attempt left on this machine."""


# --- the host ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Workspace:
    """A clone for one attempt. The git directory is outside ``path``."""

    attempt: AttemptId
    path: str  # what the command sees and changes
    base_sha: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a command changed: one commit in the mirror, not yet on GitHub."""

    sha: str
    files: tuple[str, ...]
    insertions: int
    deletions: int


class Workspaces(Protocol):
    """Clones of repositories, made and removed."""

    async def create(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str] = (),
    ) -> Workspace:
        """Fetch the repository and clone *base* (a branch), merging branches into it.

        Raises ``TransientError`` when the fetch fails, ``PermanentError`` when a
        branch does not exist or a merge conflicts.
        """

    async def commit(self, workspace: Workspace, *, message: str) -> Change | None:
        """Commit everything that changed into the mirror; None if nothing did.

        The commit is kept under a ref of the attempt until ``remove``.
        """

    async def remove(self, attempt: AttemptId) -> None:
        """Delete the workspace and the attempt's ref. No error if there is none."""

    async def remove_all(self) -> int:
        """Delete every workspace; for the start. Return how many there were."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command ended. ``log_tail`` is its last lines, redacted, without ANSI codes."""

    exit_code: int  # negative: the signal
    timed_out: bool
    log_tail: tuple[str, ...]
    log_truncated: bool


class Commands(Protocol):
    """Runs an operator's command in a workspace, isolated, and kills its whole tree."""

    @property
    def isolation(self) -> str:
        """How commands are isolated, such as ``bubblewrap``."""

    async def run(
        self,
        attempt: AttemptId,
        argv: Sequence[str],
        *,
        workspace: Workspace,
        inputs: Mapping[str, str],
        environment: Mapping[str, str],
        timeout_seconds: float,
        on_line: Callable[[str], None],
    ) -> Finished:
        """Run until it ends, or kill it at the time-out.

        *inputs* are files by name, put outside the workspace into the folder that
        ``BATCH_INPUT`` names (``item.json`` is also named by ``BATCH_ITEM_FILE``, and
        so on); the command may write into ``BATCH_OUTPUT``. Exit code 127 means that
        there is no such command. Raises ``TransientError`` when nothing can be started.
        Cancelling the task kills the tree before it returns.
        """

    async def output(self, attempt: AttemptId, name: str) -> str | None:
        """Return a file that the command wrote into its output folder, capped."""

    async def kill(self, attempt: AttemptId) -> None:
        """Kill the whole tree of an attempt; nothing of it is left on return."""

    async def kill_orphans(self) -> int:
        """Kill what an earlier process of the bot left; return how many."""


class Memory(Protocol):
    """The memory that this process may use, cgroup limit included."""

    def used_fraction(self) -> float:
        """Return 0.0 to 1.0."""
