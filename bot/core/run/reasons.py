"""Why a pending item is not running, as values; the sentences are in ``bot.core.say``."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.model import BatchState, ItemId, ItemState, Reference
from bot.core.run.capacity import MEMORY_LINE, Capacity, Outage
from bot.core.run.schedule import Schedule


@dataclass(frozen=True, slots=True)
class WaitsFor:
    """Predecessors in the batch have not completed."""

    items: tuple[ItemId, ...]


@dataclass(frozen=True, slots=True)
class WaitsOutside:
    """Something outside the batch has not been closed or merged."""

    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class NoFreeSlot:
    """All slots are taken; ``whose`` says which: batch, installation or host."""

    busy: int
    total: int
    whose: str = "batch"


@dataclass(frozen=True, slots=True)
class WaitsForMachine:
    """No machine of the pool has room for its command."""

    command: str


@dataclass(frozen=True, slots=True)
class WaitsForGitHub:
    """GitHub is out of reach, or refuses the app."""

    outage: Outage


@dataclass(frozen=True, slots=True)
class WaitsForGit:
    """Git does not get through to the repository; another item tries again and again."""

    since: datetime


@dataclass(frozen=True, slots=True)
class WaitsForBudget:
    """Its requests do not fit before the reset."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class OverBatchBudget:
    """The batch has used the requests that ``budget:`` allows it."""

    used: int
    allowed: int


@dataclass(frozen=True, slots=True)
class LowMemory:
    """The host's memory is above the line where nothing new starts."""

    used_fraction: float


@dataclass(frozen=True, slots=True)
class IsPaused:
    """The batch is paused; ``by`` is empty when ``on-failure:pause`` did it."""

    by: str


@dataclass(frozen=True, slots=True)
class NextTry:
    """A transient fault is being waited out."""

    at: datetime


@dataclass(frozen=True, slots=True)
class NotStarted:
    """The plan waits for its start box, or for the time at which it starts by itself."""

    starts_at: datetime | None = None
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class BotStopping:
    """The bot is shutting down and goes on after its restart."""


@dataclass(frozen=True, slots=True)
class IsNext:
    """It starts in a moment."""


Reason = (
    WaitsFor
    | WaitsOutside
    | NoFreeSlot
    | WaitsForMachine
    | WaitsForGitHub
    | WaitsForGit
    | WaitsForBudget
    | OverBatchBudget
    | LowMemory
    | IsPaused
    | NextTry
    | NotStarted
    | BotStopping
    | IsNext
)


def reasons(
    schedule: Schedule, capacity: Capacity, *, now: datetime
) -> dict[ItemId, Reason]:
    """Return, for each pending item of a batch, why it is not running."""
    batch_wide = _batch_wide_reason(schedule, capacity)
    waits: dict[ItemId, list[ItemId]] = {}
    outside: dict[ItemId, list[Reference]] = {}
    for edge in schedule.batch.plan.edges:
        if schedule.state_of(edge.predecessor) is not ItemState.COMPLETED:
            waits.setdefault(edge.successor, []).append(edge.predecessor)
    still_open = set(schedule.open_outside())
    for away in schedule.batch.plan.outside:
        if away.predecessor in still_open:
            outside.setdefault(away.successor, []).append(away.predecessor)
    found: dict[ItemId, Reason] = {}
    for item in schedule.items_in(ItemState.PENDING):
        next_at = schedule.next_at_of(item)
        if item in waits:
            found[item] = WaitsFor(tuple(waits[item]))
        elif item in outside:
            found[item] = WaitsOutside(tuple(outside[item]))
        elif isinstance(batch_wide, IsPaused | OverBatchBudget | BotStopping):
            found[item] = batch_wide  # until it goes on, no time is the next one
        elif next_at is not None and next_at > now:
            found[item] = NextTry(next_at)
        else:
            found[item] = batch_wide or _own_reason(schedule, item, capacity)
    return found


def _batch_wide_reason(schedule: Schedule, capacity: Capacity) -> Reason | None:
    installation = capacity.installations[schedule.installation_id]
    options = schedule.batch.plan.options
    busy = len(schedule.at_work)
    if schedule.state is BatchState.PLANNED:
        return NotStarted()
    if schedule.state is BatchState.PAUSED and schedule.by:
        return IsPaused(schedule.by)
    if schedule.is_over_budget:
        allowed = options.budget_requests or 0
        return OverBatchBudget(schedule.requests_used, allowed)
    if schedule.state is BatchState.PAUSED:
        return IsPaused(schedule.by)
    if capacity.is_stopping:
        return BotStopping()
    if installation.outage is not None:
        return WaitsForGitHub(installation.outage)
    if busy >= options.concurrency:
        return NoFreeSlot(busy, options.concurrency)
    if installation.slots_free <= 0:
        total = installation.slots_total
        return NoFreeSlot(total, total, whose="installation")
    if capacity.memory_used > MEMORY_LINE:
        return LowMemory(capacity.memory_used)
    return None


def _own_reason(schedule: Schedule, item: ItemId, capacity: Capacity) -> Reason:
    planned = schedule.planned(item)
    installation = capacity.installations[schedule.installation_id]
    # Nothing overtakes the first one that lacks requests.
    if schedule.lacks_requests(installation):
        return WaitsForBudget(installation.budget_until)
    needs_workspace = schedule.needs_workspace.get(planned.worker, False)
    since = capacity.git_away.get(planned.repository.id)
    if needs_workspace and since is not None:
        return WaitsForGit(since)
    if needs_workspace and capacity.workspaces_free <= 0:
        total = capacity.workspaces_total
        return NoFreeSlot(total, total, whose="host")
    if not capacity.has_machine(planned.worker, planned.action.runs):
        return WaitsForMachine(planned.action.runs)
    return IsNext()
