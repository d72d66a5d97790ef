"""What batches cost over time: their events folded by repository and action.

An item counts from the instant at which it ended, with all it ever took. What has not
ended is no cost yet, and counts nowhere.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import median

from bot.core import events as e
from bot.core.model import Batch, ItemId, ItemState, Plan, Reference
from bot.core.run.progress import Progress


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
    what these waited for outside; an item that ran never worked for no time.
    """

    repository: str
    action: str
    state: ItemState
    ended_at: datetime
    has_run: bool
    worked: timedelta
    requests: int
    retries: int
    waits: Waits


@dataclass(frozen=True, slots=True)
class Usage:
    """What one action took in one repository."""

    repository: str
    action: str
    ended: Mapping[ItemState, int]
    median_worked: timedelta | None  # of the items that were completed, if any ran
    p90_worked: timedelta | None  # nearest rank: nine of ten took no longer
    requests: int
    retries: int
    waits: Waits

    @property
    def items(self) -> int:
        """How many items ended."""
        return sum(self.ended.values())

    @property
    def success(self) -> float | None:
        """The share of completed items, 0 to 1, among those that completed or failed:
        the others say nothing of the action. None if there are none.
        """
        done, failed = self.ended[ItemState.COMPLETED], self.ended[ItemState.FAILED]
        return done / (done + failed) if done + failed else None


def item_usages(batch: Batch, events: Sequence[e.Event]) -> Iterator[ItemUsage]:
    """Yield what each item of a batch that has ended took."""
    progress = Progress(batch)
    for event in events:
        progress.advance(event)
    walk = _Walk(progress.batch.plan)
    for event in events:
        walk.advance(event)
    for view in progress.items.values():
        if not view.state.is_final or view.ended_at is None:
            continue
        spent = walk.spent[view.item.id]
        yield ItemUsage(
            repository=view.item.repository.name,
            action=view.item.action.name,
            state=view.state,
            ended_at=view.ended_at,
            has_run=view.attempt > 0,
            worked=spent.worked,
            requests=view.requests,
            retries=spent.retries,
            waits=spent.waits,
        )


def usages(items: Sequence[ItemUsage]) -> Sequence[Usage]:
    """Return the figures of each repository and action, by name."""
    groups: dict[tuple[str, str], list[ItemUsage]] = defaultdict(list)
    for item in items:
        groups[item.repository, item.action].append(item)
    return [_usage(*key, groups[key]) for key in sorted(groups)]


def by_day(items: Sequence[ItemUsage]) -> Mapping[date, Mapping[ItemState, int]]:
    """Return how many items ended each day in UTC, from the first to the last one; days
    without any included.
    """
    if not items:
        return {}
    counts: dict[date, Counter[ItemState]] = defaultdict(Counter)
    for item in items:
        counts[item.ended_at.date()][item.state] += 1
    first, last = min(counts), max(counts)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return {day: counts[day] for day in days}


def _usage(repository: str, action: str, items: Sequence[ItemUsage]) -> Usage:
    times = sorted(
        item.worked
        for item in items
        if item.state is ItemState.COMPLETED and item.has_run
    )
    return Usage(
        repository=repository,
        action=action,
        ended=Counter(item.state for item in items),
        median_worked=_median(times) if times else None,
        p90_worked=times[math.ceil(0.9 * len(times)) - 1] if times else None,
        requests=sum(item.requests for item in items),
        retries=sum(item.retries for item in items),
        waits={
            wait: sum(
                (item.waits.get(wait, timedelta()) for item in items), timedelta()
            )
            for wait in Wait
        },
    )


def _median(times: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(one.total_seconds() for one in times))


@dataclass(slots=True)
class _Spent:
    """What an item took up to now."""

    pending_since: datetime | None = None
    next_at: datetime | None = None  # of the next try
    running_since: datetime | None = None
    parked_since: datetime | None = None
    parked: timedelta = timedelta()  # in this attempt
    worked: timedelta = timedelta()
    retries: int = 0
    waits: dict[Wait, timedelta] = field(default_factory=lambda: defaultdict(timedelta))


class _Walk:
    """Goes through the events of a batch once, with *plan* as it was in the end."""

    def __init__(self, plan: Plan) -> None:
        self.spent = {item.id: _Spent() for item in plan.items}
        self._before: dict[ItemId, list[ItemId | Reference]] = defaultdict(list)
        for edge in plan.edges:
            self._before[edge.successor].append(edge.predecessor)
        for outside in plan.outside:
            self._before[outside.successor].append(outside.predecessor)
        self._ended: dict[ItemId | Reference, datetime] = {}
        # What else keeps an item that could start, and since when.
        self._holds: list[tuple[datetime, Wait]] = []
        self._is_paused = self._lacks_requests = False

    def advance(self, event: e.Event) -> None:
        at = event.at
        match event:
            case e.BatchStarted():
                for spent in self.spent.values():
                    spent.pending_since = spent.pending_since or at
            case e.BatchEdited(change=change):
                for item in change.items:
                    self.spent[item.id].pending_since = at
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
                self._ended[reference] = at
            case e.ItemStarted(item=item):
                self._waited(item, at, has_started=True)
                spent = self.spent[item]
                spent.running_since, spent.parked = at, timedelta()
            case e.ItemParked(item=item):
                self.spent[item].parked_since = at
            case e.ItemUnparked(item=item):
                _unpark(self.spent[item], at)
            case e.ItemRetrying(item=item):
                spent = self.spent[item]
                _stop(spent, at)
                spent.retries += 1
                spent.pending_since, spent.next_at = at, event.next_at
            case e.ItemReset(item=item):
                spent = self.spent[item]
                # An attempt that a restart ended may have been dead for long.
                spent.running_since = spent.parked_since = spent.next_at = None
                spent.pending_since = at
                self._ended.pop(item, None)
            case e.ItemEnded(item=item) | e.ItemSkipped(item=item):
                self._end(item, at)
            case e.ItemCancelled(item=item):
                self._end(item, at)
            case _:
                pass  # it moves no item

    def _end(self, item: ItemId, at: datetime) -> None:
        self._waited(item, at, has_started=False)
        _stop(self.spent[item], at)
        self._ended[item] = at

    def _held(self, at: datetime) -> None:
        why = Wait.SLOT
        if self._lacks_requests:
            why = Wait.REQUESTS
        if self._is_paused:
            why = Wait.PAUSED
        self._holds.append((at, why))

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
        ends = [self._ended.get(one, unknown) for one in self._before[item]]
        free_at = min(at, max([since, *ends]))
        try_at = min(at, max(free_at, spent.next_at or free_at))
        spent.waits[Wait.ITEMS] += free_at - since
        spent.waits[Wait.RETRY] += try_at - free_at
        for begin, end, why in self._held_between(try_at, at):
            spent.waits[why] += end - begin
        spent.pending_since = spent.next_at = None

    def _held_between(
        self, since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, datetime, Wait]]:
        whole = [(since, Wait.SLOT), *self._holds, (until, Wait.SLOT)]
        for (begins_at, why), (ends_at, _) in pairwise(whole):
            begin, end = max(begins_at, since), min(ends_at, until)
            if begin < end:
                yield begin, end, why


def _unpark(spent: _Spent, at: datetime) -> None:
    if spent.parked_since is not None:
        spent.parked += at - spent.parked_since
        spent.waits[Wait.OUTSIDE] += at - spent.parked_since
    spent.parked_since = None


def _stop(spent: _Spent, at: datetime) -> None:
    """End the attempt that runs, if one does."""
    _unpark(spent, at)
    if spent.running_since is not None:
        spent.worked += at - spent.running_since - spent.parked
    spent.running_since = None
