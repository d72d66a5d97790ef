"""What happened to a batch, in the past tense. Everything people see is a fold of these."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.model import (
    BatchId,
    Cause,
    CommandResult,
    ItemFacts,
    ItemId,
    Named,
    OpenedPull,
    Outcome,
    PlanChange,
    Reference,
    Repository,
)


@dataclass(frozen=True, slots=True)
class BatchPlanned:
    """A plan waits for its start box, or until it starts by itself (``starts_at``)."""

    at: datetime
    expires_at: datetime
    starts_at: datetime | None = None
    zone: str = "UTC"  # by whose clock that was asked for


@dataclass(frozen=True, slots=True)
class BatchStarted:
    """The batch may start items. ``by`` is a login; ``source`` names the comment or box
    that started a plan, so that the same wish delivered again is known.
    """

    at: datetime
    by: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class BatchPaused:
    """Nothing new starts until it is resumed.

    ``by`` is a login; it is empty for ``on-failure:pause``, and for a batch that has
    used the requests of its ``budget:``, where ``why`` is ``budget``.
    """

    at: datetime
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class BatchResumed:
    """Items start again."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class BatchCancelling:
    """Nothing new starts. ``by`` is empty for ``on-failure:stop``, where running items
    finish; otherwise, and if there is a ``cause``, they are stopped.
    """

    at: datetime
    by: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class BatchFinished:
    """Every item has ended: the batch is finished, or cancelled if that was asked."""

    at: datetime


@dataclass(frozen=True, slots=True)
class BatchRecovered:
    """The bot was restarted while the batch was live.

    ``kept`` go on from where they were, ``again`` begin a new attempt.
    """

    at: datetime
    kept: tuple[ItemId, ...] = ()
    again: tuple[ItemId, ...] = ()


@dataclass(frozen=True, slots=True)
class BudgetWaitStarted:
    """Items wait for API requests until ``until``."""

    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class BudgetWaitEnded:
    """Requests are there again."""

    at: datetime


@dataclass(frozen=True, slots=True)
class TrackingCommented:
    """The tracking comment exists."""

    at: datetime
    comment_id: int
    url: str


@dataclass(frozen=True, slots=True)
class CheckRunPlaced:
    """A check run is to show the batch on a head of its pull request, and no other one;
    with its id once it is there.
    """

    at: datetime
    head_sha: str  # empty: there is none after all
    check_run_id: int = 0


@dataclass(frozen=True, slots=True)
class Reported:
    """The report exists."""

    at: datetime
    comment_id: int
    url: str


@dataclass(frozen=True, slots=True)
class BatchRetried:
    """What did not succeed runs again in another batch."""

    at: datetime
    batch_id: BatchId


@dataclass(frozen=True, slots=True)
class BatchUndone:
    """What was done to ``items`` is taken back by another batch."""

    at: datetime
    batch_id: BatchId
    items: tuple[ItemId, ...]


@dataclass(frozen=True, slots=True)
class ControlGiven:
    """A person's control was carried out; ``source`` names the comment or box, so that
    the same wish delivered again changes nothing more. Items in ``stopping`` were
    running and are cancelled as soon as they have stopped; names in ``ignored`` were
    typed and have no item in a state for that.
    """

    at: datetime
    by: str
    source: str
    touched: tuple[ItemId, ...] = ()
    ignored: tuple[Named, ...] = ()
    stopping: tuple[ItemId, ...] = ()
    too_late: tuple[ItemId, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchEdited:
    """A person changed the plan; ``by`` is a login."""

    at: datetime
    by: str
    change: PlanChange


@dataclass(frozen=True, slots=True)
class RepositoryMoved:
    """A repository of the batch was found under another name or installation."""

    at: datetime
    repository: Repository


@dataclass(frozen=True, slots=True)
class RepositoryHidden:
    """A repository of the batch may not be shown in its home any more: from here on no
    word of its items is.
    """

    at: datetime
    repository_id: int


@dataclass(frozen=True, slots=True)
class CommentsRedrawn:
    """What the batch had written was written again without a word of some repositories."""

    at: datetime
    repository_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BatchConcluded:
    """Everything has been said about a batch that ended; nothing is left to do."""

    at: datetime


@dataclass(frozen=True, slots=True)
class ItemResolved:
    """What the item is done to is there: the pull request that another item opened."""

    at: datetime
    item: ItemId
    opened: OpenedPull


@dataclass(frozen=True, slots=True)
class ItemStarted:
    """An attempt began; it is counted from 1."""

    at: datetime
    item: ItemId
    attempt: int


@dataclass(frozen=True, slots=True)
class ItemProgressed:
    """A running attempt said what it is doing, in its own words.

    That is no history but how it stands now: it is shown, and gone with the process.
    """

    at: datetime
    item: ItemId
    attempt: int
    step: str


@dataclass(frozen=True, slots=True)
class ItemAccepted:
    """What an attempt's command made was accepted, and is brought to GitHub."""

    at: datetime
    item: ItemId
    attempt: int
    result: CommandResult


@dataclass(frozen=True, slots=True)
class ItemParked:
    """A running attempt waits for somebody outside, or for its turn; its slot is free.

    ``says`` completes "waits for"; meanwhile it ``holds`` a name that others wait for.
    """

    at: datetime
    item: ItemId
    attempt: int
    says: str
    holds: str = ""
    url: str = ""  # of what it waits for
    is_in_line: bool = False  # for a name that another item holds


@dataclass(frozen=True, slots=True)
class ItemUnparked:
    """What a parked attempt waited for has come about."""

    at: datetime
    item: ItemId
    attempt: int


@dataclass(frozen=True, slots=True)
class ItemRetrying:
    """An attempt ended with a transient fault; the next begins at ``next_at``.

    ``requests``, here and below, counts the API requests that the attempt took.
    """

    at: datetime
    item: ItemId
    attempt: int
    outcome: Outcome
    next_at: datetime
    requests: int = 0


@dataclass(frozen=True, slots=True)
class ItemEnded:
    """The last attempt ended: completed or failed, as its outcome says."""

    at: datetime
    item: ItemId
    attempt: int
    outcome: Outcome
    requests: int = 0


@dataclass(frozen=True, slots=True)
class ItemSkipped:
    """The item will not run: ``because`` did not complete, or ``by`` asked for it.

    What is done to the pull request of an item that *completed* is skipped as well if
    that ``opened_nothing``.
    """

    at: datetime
    item: ItemId
    because: Reference | None = None
    by: str = ""
    opened_nothing: bool = False
    ended: str = ""  # how ``because`` ended outside: see ``ItemFacts.ended``


@dataclass(frozen=True, slots=True)
class ItemCancelled:
    """The item was cancelled; ``kept`` says what stays of it, if anything."""

    at: datetime
    item: ItemId
    by: str
    kept: str = ""
    requests: int = 0


@dataclass(frozen=True, slots=True)
class ItemReset:
    """A failed, skipped or cancelled item was put back to pending, or a restart ended
    its attempt. ``by`` is empty for the restart.
    """

    at: datetime
    item: ItemId
    by: str


@dataclass(frozen=True, slots=True)
class OutsideSettled:
    """Something outside that items wait for has ended, well or not."""

    at: datetime
    reference: Reference
    is_satisfied: bool
    ended: str = ""  # if not well: see ``ItemFacts.ended``


def settled(
    at: datetime, reference: Reference, facts: ItemFacts | None
) -> OutsideSettled:
    """Return that something outside ended as *facts* say; None: it is gone."""
    is_satisfied = facts is not None and facts.is_satisfied
    ended = facts.ended if facts is not None else ""
    return OutsideSettled(at, reference, is_satisfied, ended)


BatchEvent = (
    BatchPlanned
    | BatchStarted
    | BatchPaused
    | BatchResumed
    | BatchCancelling
    | BatchFinished
    | BatchRecovered
    | BudgetWaitStarted
    | BudgetWaitEnded
    | TrackingCommented
    | CheckRunPlaced
    | Reported
    | BatchConcluded
    | ControlGiven
    | BatchEdited
    | BatchRetried
    | BatchUndone
    | RepositoryMoved
    | RepositoryHidden
    | CommentsRedrawn
)
ItemEvent = (
    ItemResolved
    | ItemStarted
    | ItemAccepted
    | ItemParked
    | ItemUnparked
    | ItemRetrying
    | ItemEnded
    | ItemSkipped
    | ItemCancelled
    | ItemReset
)
Event = BatchEvent | ItemEvent | OutsideSettled
News = Event | ItemProgressed
"""What those who show a batch are told: its history, and how its attempts stand."""
