"""What batches cost over time: the events of one folded into what its items took, and
what comes of the items of many.

An item counts from the instant at which it ended, with all it ever took. What has not
ended is no cost yet, and counts nowhere.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from operator import itemgetter

from bot.core import events as e
from bot.core.model import Batch, ItemId, ItemState, Reference, Repository
from bot.core.plan.graph import edited, moved, name_of, renamed
from bot.core.run.transitions import after


class Wait(StrEnum):
    """What an item waited for while nothing of it ran, or while its attempt was parked."""

    ITEMS = "items"  # others of its batch, and what it waits for outside
    RETRY = "retry"  # the delay before its next try
    PAUSED = "paused"  # somebody, or a budget, had paused the batch
    REQUESTS = "requests"  # the installation's API requests
    SLOT = "slot"  # a free place: of the batch, of the server, of a branch
    OUTSIDE = "outside"  # checks, reviews, runs: what a parked attempt waits for


Waits = Mapping[Wait, timedelta]


@dataclass(frozen=True, slots=True)
class ItemUsage:
    """What one item that ended took. ``worked`` is the time of its attempts, but for
    what these waited for outside; None if there were none.
    """

    item: ItemId
    repository: Repository
    action: str
    state: ItemState
    ended_at: datetime
    worked: timedelta | None
    requests: int
    retries: int
    waits: Waits


@dataclass(frozen=True, slots=True)
class StatsRow:
    """What one action took in one repository. Times are in seconds; ``success`` is the
    share of completed items among those that completed or failed: the others say nothing
    of the action. It is null without any.
    """

    repository: str  # as it was called when an item of it ended last
    action: str
    items: int
    completed: int
    failed: int
    skipped: int
    cancelled: int
    success: float | None
    median_seconds: float | None  # of the completed items that ran
    p90_seconds: float | None  # nearest rank: nine of ten took no longer
    requests: int
    retries: int
    wait_seconds: dict[str, float]  # all items' together, by what they waited for


@dataclass(frozen=True, slots=True)
class StatsDay:
    """How many items ended on a day in UTC."""

    day: date
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    cancelled: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """What the items took that ended in a time, both ends included; the days go from the
    first to the last on which any did.
    """

    since: datetime
    until: datetime
    rows: tuple[StatsRow, ...]
    days: tuple[StatsDay, ...]


def item_usages(batch: Batch, events: Sequence[e.Event]) -> Iterator[ItemUsage]:
    """Yield what each item of a batch that has ended took."""
    walk = _Walk(batch)
    for event in events:
        walk.advance(event)
    for item in walk.batch.plan.items:
        spent = walk.spent[item.id]
        if not spent.state.is_final:
            continue
        yield ItemUsage(
            item=item.id,
            repository=item.repository,
            action=item.action.name,
            state=spent.state,
            ended_at=walk.ended[item.id],
            worked=spent.worked if spent.has_run else None,
            requests=spent.requests,
            retries=spent.retries,
            waits=spent.waits,
        )


def without_gaps(days: Sequence[StatsDay]) -> tuple[StatsDay, ...]:
    """Return the days, in order, with those between them on which nothing ended."""
    if not days:
        return ()
    known = {day.day: day for day in days}
    first, last = days[0].day, days[-1].day
    between = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return tuple(known.get(day, StatsDay(day)) for day in between)


@dataclass(slots=True)
class _Spent:
    """What an item took up to now."""

    state: ItemState = ItemState.PENDING
    has_run: bool = False
    pending_since: datetime | None = None
    next_at: datetime | None = None  # of the next try
    running_since: datetime | None = None
    parked_since: datetime | None = None
    parked_for: Wait = Wait.OUTSIDE
    parked: timedelta = timedelta()  # in this attempt
    worked: timedelta = timedelta()
    requests: int = 0
    retries: int = 0
    waits: dict[Wait, timedelta] = field(default_factory=lambda: defaultdict(timedelta))


class _Walk:
    """Goes through the events of a batch once."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.spent = {item.id: _Spent() for item in batch.plan.items}
        self.ended: dict[ItemId | Reference, datetime] = {}
        self._take_edges()
        # What else keeps an item that could start: since when, and what held before it.
        self._holds: list[tuple[datetime, Wait, Waits]] = [
            (batch.created_at, Wait.SLOT, {})
        ]
        self._is_paused = self._lacks_requests = False

    def advance(self, event: e.Event) -> None:
        at = event.at
        match event:
            case e.BatchStarted():
                for spent in self.spent.values():
                    spent.pending_since = spent.pending_since or at
            case e.BatchEdited(change=change):
                plan = edited(self.batch.plan, change)
                self.batch = replace(self.batch, plan=plan)
                self._take_edges()
                for item in change.items:
                    self.spent[item.id] = _Spent(pending_since=at)
            case e.RepositoryMoved(repository=repository):
                self._move(repository)
            case e.BatchPaused():
                self._is_paused = True
                self._held(at)
            case e.BatchResumed():
                self._is_paused = False
                self._held(at)
            case e.BudgetWaitStarted():
                self._lacks_requests = True
                self._held(at)
            case e.BudgetWaitEnded():
                self._lacks_requests = False
                self._held(at)
            case e.OutsideSettled(reference=reference):
                self.ended[reference] = at
            case e.ItemStarted(item=item):
                self._waited(item, at, has_started=True)
                spent = self.spent[item]
                spent.has_run = True
                spent.running_since, spent.parked = at, timedelta()
            case e.ItemParked(item=item):
                spent = self.spent[item]
                _unpark(spent, at)  # it may go on to wait for something else
                spent.parked_since = at
                spent.parked_for = Wait.SLOT if event.is_in_line else Wait.OUTSIDE
            case e.ItemUnparked(item=item):
                _unpark(self.spent[item], at)
            case e.ItemRetrying(item=item):
                spent = self.spent[item]
                _stop(spent, at)
                spent.retries += 1
                spent.requests += event.requests
                spent.pending_since, spent.next_at = at, event.next_at
            case e.ItemReset(item=item):
                spent = self.spent[item]
                # An attempt that a restart ended may have been dead for long.
                spent.running_since = spent.parked_since = spent.next_at = None
                spent.pending_since = at
                self.ended.pop(item, None)
            case e.ItemEnded() | e.ItemCancelled():
                self.spent[event.item].requests += event.requests
                self._end(event.item, at)
            case e.ItemSkipped():
                self._end(event.item, at)
            case _:
                pass  # it moves no item
        if isinstance(event, e.ItemEvent):
            spent = self.spent[event.item]
            spent.state = after(event) or spent.state

    def _take_edges(self) -> None:
        self._before: dict[ItemId, list[ItemId | Reference]] = defaultdict(list)
        for edge in self.batch.plan.edges:
            self._before[edge.successor].append(edge.predecessor)
        for outside in self.batch.plan.outside:
            self._before[outside.successor].append(outside.predecessor)

    def _move(self, repository: Repository) -> None:
        old = name_of(self.batch, repository)
        self.batch = moved(self.batch, repository)
        self._take_edges()
        for one in [one for one in self.ended if isinstance(one, Reference)]:
            now = renamed(one, old, repository.name)
            self.ended[now] = self.ended.pop(one)

    def _end(self, item: ItemId, at: datetime) -> None:
        self._waited(item, at, has_started=False)
        _stop(self.spent[item], at)
        self.ended[item] = at

    def _held(self, at: datetime) -> None:
        why = Wait.SLOT
        if self._lacks_requests:
            why = Wait.REQUESTS
        if self._is_paused:
            why = Wait.PAUSED
        self._holds.append((at, why, self._held_up_to(at)))

    def _held_up_to(self, at: datetime) -> dict[Wait, timedelta]:
        """Return for how long in all each cause has held the whole batch."""
        place = bisect_right(self._holds, at, key=itemgetter(0))
        since, why, before = self._holds[max(0, place - 1)]
        return {**before, why: before.get(why, timedelta()) + (at - since)}

    def _waited(self, item: ItemId, at: datetime, *, has_started: bool) -> None:
        """Say what an item waited for that was pending up to *at*: first for others,
        then for its delay, then for what held the whole batch, the rest for a slot.
        """
        spent = self.spent[item]
        if spent.pending_since is None:
            return
        since = spent.pending_since
        # An item that started waits for nothing; else what has not ended keeps it.
        unknown = since if has_started else at
        ends = [self.ended.get(one, unknown) for one in self._before[item]]
        free_at = min(at, max([since, *ends]))
        try_at = min(at, max(free_at, spent.next_at or free_at))
        spent.waits[Wait.ITEMS] += free_at - since
        spent.waits[Wait.RETRY] += try_at - free_at
        before = self._held_up_to(try_at)
        for why, held in self._held_up_to(at).items():
            spent.waits[why] += held - before.get(why, timedelta())
        spent.pending_since = spent.next_at = None


def _unpark(spent: _Spent, at: datetime) -> None:
    if spent.parked_since is not None:
        spent.parked += at - spent.parked_since
        spent.waits[spent.parked_for] += at - spent.parked_since
    spent.parked_since = None


def _stop(spent: _Spent, at: datetime) -> None:
    """End the attempt that runs, if one does."""
    _unpark(spent, at)
    if spent.running_since is not None:
        spent.worked += at - spent.running_since - spent.parked
    spent.running_since = None
