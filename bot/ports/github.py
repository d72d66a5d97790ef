"""What the bot reads from GitHub and changes there."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from bot.core.command.syntax import Search
from bot.core.command.trigger import Sender
from bot.core.effects import Intent, Receipt
from bot.core.model import (
    Comment,
    InstallationId,
    ItemFacts,
    ItemNumber,
    Permit,
    Person,
    Reference,
    Repository,
    Request,
    Role,
    Visibility,
)
from bot.core.plan.sources import Gone, Place, Source
from bot.core.run.capacity import Outage
from bot.core.world.features import Feature
from bot.core.world.permissions import Grants
from bot.core.world.questions import Question
from bot.core.world.runs import WorkflowNow
from bot.ports.people import Account
from bot.ports.store import Delivery

NOW = timedelta(0)


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What one query says of a repository besides its items."""

    default_branch: str
    configuration: Source | None  # .github/batch.yml, None if there is none
    newest_number: int = 0  # of issues and pull requests; 0 if unknown
    name: str = ""  # owner/name at present, whatever name was asked for
    is_archived: bool = False
    # None: not public, and the server does not tell more.
    visibility: Visibility | None = Visibility.PUBLIC
    shared: Source | None = None  # the same file in the owner's repository .github
    url: str = ""  # of its page

    @property
    def is_public(self) -> bool:
        """Whether everybody can read it."""
        return self.visibility is Visibility.PUBLIC


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of an installation's hourly requests.

    ``limit`` is 0 while GitHub has not told. ``held_until`` is set while GitHub, or
    the reserve, wants nothing more to be sent, ``outage`` while it cannot be worked with.
    """

    limit: int
    remaining: int
    reset_at: datetime | None
    reserve: int
    held_until: datetime | None = None
    outage: Outage | None = None

    @property
    def is_known(self) -> bool:
        """Whether GitHub has told the numbers."""
        return self.limit > 0


class Lookups(Protocol):
    """What the bot reads from GitHub.

    Every method raises ``TransientError`` (``RateLimited`` with the instant),
    ``NotFound``, ``Refused`` and ``AppUnavailable``.
    """

    async def role(
        self, repository: Repository, login: str, permits: Sequence[Permit] = ()
    ) -> Role:
        """Return the person's role at this moment.

        Whoever is in a team of each of *permits* counts as having the roles of all.
        """

    async def role_of(self, repository: Repository, account: Account) -> Role:
        """Return an account's role at this moment; ``NONE`` if its login is another
        account's by now.
        """

    async def may_be_asked(self, repository: Repository, name: str) -> bool:
        """Return whether a login, or ``team:slug``, can be asked for reviews."""

    async def facts(
        self, repository: Repository, numbers: Sequence[ItemNumber]
    ) -> tuple[RepositoryFacts, Mapping[ItemNumber, ItemFacts]]:
        """Return the facts of the items, 50 a query; unknown numbers are left out.

        One query answers for up to 50 items and the repository; with no numbers it
        answers for the repository alone.
        """

    async def file(self, repository: Repository, place: Place) -> Source | None:
        """Return a file that *repository*'s installation may read; None if it sees none."""

    async def proposed(
        self,
        repository: Repository,
        sha: str,
        *,
        number: ItemNumber | None = None,
        base_sha: str = "",
    ) -> Source | Gone | None:
        """Return ``.github/batch.yml`` as a commit has it; None if it has the one of
        *base_sha*, or if it is the head of a pull request (*number*) that does not change
        it.
        """

    async def pushed_by(self, repository: Repository, branch: str) -> Sender | None:
        """Return who brought ``.github/batch.yml`` as it is onto a branch, as GitHub's
        record of pushes has it; None if that does not say.
        """

    async def workflow(self, repository: Repository, file: str) -> WorkflowNow:
        """Return a workflow, by its file's name, as the default branch has it."""

    async def select(
        self, repository: Repository, search: Search, *, limit: int
    ) -> Sequence[ItemNumber]:
        """Return the open issues and pull requests that fit all filters, lowest first.

        A milestone is named by its title or its number. At most *limit* + 1 numbers
        come back, so that a caller can tell "more".
        """

    async def said(
        self, repository: Repository, thread: ItemNumber, comment: Comment
    ) -> str | None:
        """Return what a comment says at this moment, None if it is gone."""

    async def is_answered(self, request: Request, *, since: datetime) -> bool:
        """Return whether the app's own last mark or answer to a comment stands on GitHub:
        a reaction that comes at the end, a reply, or what shows its batch. *since* is
        when the comment was written.
        """

    async def repository_named(self, name: str) -> Repository:
        """Return ``owner/name``, if the app is installed there. Raises ``NotFound``."""

    async def labels(self, repository: Repository) -> Mapping[str, int]:
        """Return the repository's labels with the count of open items of each."""

    async def has_branch(self, repository: Repository, branch: str) -> bool:
        """Return whether the repository has a branch of exactly that name."""

    async def milestones(self, repository: Repository) -> Mapping[str, int]:
        """Return the titles of its milestones, open or closed, with the count of open
        items of each.
        """

    async def references(
        self, installation_id: InstallationId, references: Sequence[Reference]
    ) -> Mapping[Reference, ItemFacts]:
        """Return facts of items of any repository that the installation can see."""

    async def ask(
        self, questions: Sequence[Question[Any]]
    ) -> Mapping[Question[Any], Any]:
        """Return the answers to questions about one repository, in one query if it can.

        What GitHub does not have is left out.
        """

    def heard(self, payload: Mapping[str, Any]) -> None:
        """Take note of what a delivery tells, so that nobody asks for it."""

    def lacks(self, repository: Repository) -> frozenset[Feature]:
        """Return what the server was found to lack so far, without a request."""

    def first(
        self, installation_id: InstallationId, key: str
    ) -> AbstractContextManager[None]:
        """Let what an installation asks inside go first, once it has had to wait for
        GitHub: also when it comes again as the same *key*, after a ``TransientError``.
        """

    def awaited(self) -> AbstractContextManager[None]:
        """Let what is asked inside go first: a person waits for it."""


class Access(Protocol):
    """Where the app may work, and what it may do there."""

    async def check_access(
        self, repository: Repository, *, within: timedelta = NOW
    ) -> None:
        """Raise ``AppUnavailable`` unless the app may work there at this moment, or could
        *within* so much time: asking takes points of all installations.

        Being able to read it says nothing: a public repository can be read by everybody.
        """

    async def grants(self, installation_id: InstallationId) -> Grants | None:
        """Return what an installation grants; None while GitHub has not told.

        Only if that is less than the app uses, GitHub is asked whether it still is.
        """


class Budgets(Protocol):
    """What is left of the hourly requests, and what was spent. Nothing here asks GitHub."""

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


class People(Protocol):
    """Under which names and addresses accounts commit. All raise as ``GitHub`` does."""

    async def bot(self, repository: Repository) -> Person:
        """Return the app's own bot user."""

    async def person(self, repository: Repository, login: str) -> Person | None:
        """Return an account by its login; None for one that GitHub does not know."""


class GitHub(Lookups, Access, Budgets, Protocol):
    """All three, for who needs more than one."""


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

    def is_fresh(self, text: str) -> bool:
        """Return whether a token may not be known everywhere yet."""


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
    action: str = ""


@dataclass(frozen=True, slots=True)
class LargeObject:
    """A file that is kept beside git, under its SHA-256."""

    oid: str
    size_bytes: int
    path: str  # where its content lies


class LargeFiles(Protocol):
    """Takes what a repository keeps with Git LFS."""

    async def upload(
        self, repository: Repository, branch: str, objects: Sequence[LargeObject]
    ) -> None:
        """Upload what GitHub does not have yet, before its pointers are pushed.

        Raises ``TransientError`` when it does not answer, ``PermanentError`` when it
        does not take them.
        """


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What a tree has at a path from now on; without a ``sha`` nothing.

    ``mode`` is git's. ``content`` is there for what GitHub is told along with it.
    """

    path: str
    mode: str
    sha: str
    content: str | None = None


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit to be made: ``tree`` is what ``base_tree`` comes to with the changes."""

    message: str
    tree: str
    base_tree: str
    parents: tuple[str, ...]
    changes: tuple[TreeEntry, ...]


@dataclass(frozen=True, slots=True)
class RemoteCommit:
    """A commit as GitHub has it; ``unverified`` is why it is not verified, if so."""

    sha: str
    tree: str
    message: str
    unverified: str = ""


class SignedCommits(Protocol):
    """Has GitHub make commits, which it signs. All raise as ``GitHub`` does."""

    async def are_wanted(self, repository: Repository, branch: str) -> bool:
        """Return whether a rule that the app may read wants signatures on a branch."""

    async def keep(self, repository: Repository, content: bytes) -> None:
        """Upload the content of a file, which trees may name then."""

    async def make(self, repository: Repository, commit: NewCommit) -> RemoteCommit:
        """Make a commit that is on no branch yet.

        Raises ``PermanentError`` when another tree came of it.
        """

    async def look(self, repository: Repository, sha: str) -> RemoteCommit:
        """Return a commit as GitHub has it."""

    async def point(
        self, repository: Repository, branch: str, sha: str, *, expected_sha: str
    ) -> None:
        """Make a branch (nothing is expected), or move it from where it is expected.

        Raises ``PermanentError`` when it is somewhere else.
        """


class HookDeliveries(Protocol):
    """What GitHub has delivered, or tried to. All raise as ``GitHub`` does."""

    async def since(self, instant: datetime) -> Sequence[HookDelivery]:
        """Return the deliveries and redeliveries since *instant*, oldest first."""

    async def get(self, delivery: HookDelivery) -> Delivery:
        """Return a delivery with its payload, written as JSON anew."""
