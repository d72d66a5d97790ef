"""What the engine keeps on disk, and how it asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.core.effects import Intent, Receipt
from bot.core.events import BatchPlanned, Event
from bot.core.model import (
    Batch,
    BatchId,
    BatchKind,
    BatchState,
    Expectation,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemNumber,
    Repository,
)
from bot.core.plan.schedules import Timetable
from bot.core.run.usage import Stats
from bot.core.world.freezes import Freeze


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook request that GitHub signed. ``body`` is kept as it came.

    ``outcome`` says what became of it before it was stored, if that is known: then
    nobody has to deal with it, and its body is not kept.
    """

    guid: str  # X-GitHub-Delivery
    event: str  # X-GitHub-Event
    received_at: datetime
    body: bytes | bytearray
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries that wait to be dealt with."""

    count: int
    oldest_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What has come from GitHub: the newest, and how many could not be dealt with."""

    last_at: datetime | None  # None before the first
    failed: int


class Deliveries(Protocol):
    """The inbox on disk. All raise ``StoreUnavailable``."""

    async def add(self, delivery: Delivery) -> bool:
        """Keep a delivery; it is on disk when this returns.

        Return False, and change nothing, if its GUID is known.
        """

    async def unsettled(self, *, after_id: int, limit: int) -> Sequence[int]:
        """Return the ids of deliveries that nobody has dealt with, in order of arrival."""

    async def load(self, delivery_id: int) -> Delivery:
        """Return a delivery. Raises ``LookupError`` if none with a body has this id."""

    async def backlog(self) -> Backlog:
        """Return how many deliveries nobody has dealt with, and since when."""

    async def arrivals(self, *, since: datetime) -> Arrivals:
        """Return what has come from GitHub; failures of what came *since* then."""

    async def settle(self, delivery_id: int, *, outcome: str) -> None:
        """Note that a delivery was dealt with, and how (``ignored``, ``batch b7k2`` …)."""

    async def known_guids(self, guids: Sequence[str]) -> frozenset[str]:
        """Return which of *guids* are stored."""

    async def prune(self, *, before: datetime, bodies_before: datetime) -> int:
        """Delete what is settled and was received before; return how many deliveries.

        The bodies go first: a GUID is all that is needed to know a delivery again.
        """


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """One row of a list of batches."""

    batch: Batch
    state: BatchState


@dataclass(frozen=True, slots=True)
class History:
    """A batch with all its events, oldest first, and the place of the newest."""

    batch: Batch
    events: Sequence[Event]
    place: int


class Batches(Protocol):
    """Batches and their events. All raise ``StoreUnavailable``."""

    async def create(
        self,
        batch: Batch,
        facts: Mapping[ItemId, ItemFacts],
        events: Sequence[Event],
    ) -> bool:
        """Keep a batch with its frozen facts and first events, in one transaction.

        Return False, and change nothing, if ``batch.source`` or its id is taken.
        """

    async def append(
        self, events: Mapping[BatchId, Sequence[Event]]
    ) -> Mapping[BatchId, int]:
        """Add events and bring the projection along, in one transaction.

        Return, for each batch, the place of its newest event among all that are
        stored: later ones have higher places.
        """

    async def load(self, batch_id: BatchId) -> Batch | None:
        """Return a batch."""

    async def by_source(self, source: str) -> Batch | None:
        """Return the batch that *source* started."""

    async def events(self, batch_id: BatchId) -> Sequence[Event]:
        """Return all events of a batch, oldest first."""

    async def history(self, batch_id: BatchId) -> History:
        """Return a batch with its events. Raises ``LookupError`` if there is none."""

    async def keep_facts(
        self, batch_id: BatchId, facts: Mapping[ItemId, ItemFacts]
    ) -> None:
        """Keep the facts of items that are about to be added to a batch.

        Done again it changes nothing; what is then not added is never asked for.
        """

    async def facts(
        self, batch_id: BatchId, items: Sequence[ItemId]
    ) -> Mapping[ItemId, ItemFacts]:
        """Return the facts of items as they were when the command was accepted."""

    async def live(self) -> Sequence[BatchId]:
        """Return the batches with work left, oldest first: running, paused, cancelling."""

    async def starting(self) -> Sequence[tuple[Batch, BatchPlanned]]:
        """Return the plans that start by themselves and were not started yet, whether
        their time has come or not.
        """

    async def busy_installations(self) -> Sequence[InstallationId]:
        """Return the installations in which batches with work left were begun."""

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

    async def counts_in(self, repository_id: int) -> Mapping[BatchState, int]:
        """Return how many batches a repository has in each state that occurs."""

    async def with_item(
        self, repository_id: int, number: ItemNumber, *, limit: int = 20
    ) -> Sequence[BatchSummary]:
        """Return batches of a repository that have an item of it, newest first."""

    async def across(self, repository_id: int) -> Sequence[BatchId]:
        """Return the batches at home in a repository that have items of others, and those
        at home in others that have items of it, newest first.
        """

    async def to_be_redrawn(self) -> Sequence[BatchId]:
        """Return the batches whose comments may still say what is hidden, newest first."""

    async def live_items(
        self, repository_id: int, numbers: Sequence[ItemNumber]
    ) -> Mapping[ItemNumber, BatchId]:
        """Return which of a repository's *numbers* have an unfinished item in a live
        batch of any.
        """

    async def expectations(self) -> Mapping[str, Expectation]:
        """Return medians of past items by action name, of at most the last 100 each."""


WAITING = (BatchState.PLANNED, BatchState.PAUSED)
"""What waits for a person; what waits for something else is told by the engine."""

OVER = (BatchState.FINISHED, BatchState.CANCELLED)


@dataclass(frozen=True, slots=True)
class BatchesWanted:
    """Which batches to list: all that fit, newest first.

    Those of the *repositories*, and of the others the *batches*; ``before`` is where an
    earlier page ended.
    """

    repositories: Sequence[int]
    batches: Sequence[BatchId] = ()
    states: Sequence[BatchState] = ()  # none: any
    also: Sequence[BatchId] = ()  # of them, those that fit whatever their state is
    has_failed: bool = False  # an item of it
    kind: BatchKind | None = None
    text: str = ""  # in the id, the command, the asker's login or the thread's number
    before: int = 0  # 0: from the newest on
    limit: int = 25

    @property
    def reads_plans(self) -> bool:
        """Whether plans have to be read to find out what fits, which takes a while."""
        return bool(self.text or self.kind)


@dataclass(frozen=True, slots=True)
class BatchesFound:
    """One page of a list of batches; ``next`` is ``before`` of the next one, 0 if none.

    It may be short of what was wanted, even empty, and have a next one: no more is
    looked through at a time than others can wait for.
    """

    batches: Sequence[BatchId]
    next: int = 0


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """How many batches fit, by what of them is asked for."""

    all: int
    live: int
    waiting: int  # see ``BatchesWanted.also``
    failed: int
    over: int
    is_whole: bool = True  # False: of the newest ones alone, there are more


class BatchLists(Protocol):
    """Batches across repositories, to be listed. All raise ``StoreUnavailable``."""

    async def repositories(self) -> Sequence[Repository]:
        """Return the repositories that have batches, those of the newest ones first, as
        the newest one of each was asked for.
        """

    async def wanted(self, wanted: BatchesWanted) -> BatchesFound:
        """Return which batches fit."""

    async def counts(self, wanted: BatchesWanted) -> BatchCounts:
        """Return how many batches fit in whichever state: its states, failures and
        ``before`` do not matter here, and ``also`` names those that are kept waiting.
        """


class Costs(Protocol):
    """What batches cost over time. All raise ``StoreUnavailable``."""

    async def between(self, since: datetime, until: datetime) -> Stats:
        """Return the figures of the items that ended in a time, both ends included."""

    async def keep_more(self) -> bool:
        """Keep what came of the next events of batches that are over, so that no look has
        to work it out; return False if there are none.
        """


@dataclass(frozen=True, slots=True)
class EffectRecord:
    """What the store knows of an effect. ``receipt`` is None until it is done."""

    intent: Intent
    receipt: Receipt | None
    intended_at: datetime


@dataclass(frozen=True, slots=True)
class ItemEffect:
    """An effect of an item under its key, such as ``push``, and when it was done."""

    key: str
    record: EffectRecord
    done_at: datetime | None


class EffectList(Protocol):
    """The same effects, to be shown. Raises ``StoreUnavailable``."""

    async def of_item(self, batch_id: BatchId, item: ItemId) -> Sequence[ItemEffect]:
        """Return what an item's attempts changed, or were about to, in that order."""


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


class Freezes(Protocol):
    """Which branches batches do not merge into. All raise ``StoreUnavailable``."""

    async def of(self, repository_id: int) -> Mapping[str, Freeze]:
        """Return what is frozen in a repository, by branch."""

    async def freeze(self, repository_id: int, freeze: Freeze) -> Freeze:
        """Freeze a branch, unless it is or was by the same request.

        Return the freeze that is in force, or what came of the request before.
        """

    async def unfreeze(
        self, repository_id: int, branch: str, *, source: str, at: datetime
    ) -> Freeze | None:
        """End a freeze, and return it; None if the branch is not frozen, unless the same
        request ended that before.
        """


class Timetables(Protocol):
    """The schedules of repositories. All raise ``StoreUnavailable``."""

    async def all(self) -> Mapping[int, Timetable]:
        """Return what was kept last, by the repository's id."""

    async def keep(self, repository_id: int, timetable: Timetable | None) -> None:
        """Keep a timetable in place of the one before; None: there is none any more."""


class Holds(Protocol):
    """The holds of installations, over restarts. All raise ``StoreUnavailable``."""

    async def all(self) -> Mapping[InstallationId, Held]:
        """Return what was kept last, by installation."""

    async def keep(self, installation_id: InstallationId, held: Held | None) -> None:
        """Keep a hold in place of the one before; None: there is none any more."""
