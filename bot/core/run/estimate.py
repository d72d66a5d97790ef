"""How long the rest of a batch takes: its own list schedule, run ahead in thought."""

import heapq
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median

from bot.core.actions.table import estimate_key, expectation
from bot.core.model import BatchState, Expectation, Expectations, ItemId, ItemState
from bot.core.plan.graph import chain_seconds
from bot.core.run.progress import ItemView, Progress

MINIMUM_OBSERVED = 2
"""Items that must have finished before a batch's own times say anything."""


def learned(progress: Progress, expectations: Expectations) -> Expectations:
    """Return the expectations with the medians of this batch's own finished items."""
    seconds: dict[str, list[float]] = {}
    kinds = {estimate_key(view.item): view.item for view in progress.items.values()}
    for view in progress.items.values():
        if view.state is ItemState.COMPLETED:
            key = estimate_key(view.item)
            seconds.setdefault(key, []).append(view.worked.total_seconds())
    own = {
        key: Expectation(median(times), expectation(expectations, kinds[key]).requests)
        for key, times in seconds.items()
        if len(times) >= MINIMUM_OBSERVED
    }
    return {**expectations, **own}


def seconds_left(
    progress: Progress, expectations: Expectations, *, slots: int, now: datetime
) -> float | None:
    """Return the seconds until the batch ends, if everything goes well.

    The rest of the plan is simulated on *slots* with the expected times. None when
    nobody could say: fewer than two items have finished, or the batch is not running.
    """
    completed = progress.count(ItemState.COMPLETED)
    if completed < MINIMUM_OBSERVED or progress.state is not BatchState.RUNNING:
        return None
    expectations = learned(progress, expectations)
    views = list(progress.items.values())
    remaining = [_remaining_seconds(view, expectations, now) for view in views]
    running = [i for i, v in enumerate(views) if v.state is ItemState.RUNNING]
    pending = [i for i, v in enumerate(views) if v.state is ItemState.PENDING]
    return _simulate(progress, expectations, remaining, running, pending, slots)


def makespan_seconds(
    progress: Progress, expectations: Expectations, *, slots: int
) -> float:
    """Return the seconds that the whole plan takes on *slots* from its start."""
    views = list(progress.items.values())
    times = [expectation(expectations, v.item).seconds for v in views]
    everything = list(range(len(views)))
    return _simulate(progress, expectations, times, [], everything, slots)


def requests_left(progress: Progress, expectations: Expectations) -> float:
    """Return the API requests that the items which have not ended will take."""
    return sum(
        expectation(expectations, view.item).requests
        for view in progress.items.values()
        if not view.state.is_final
    )


def _remaining_seconds(
    view: ItemView, expectations: Expectations, now: datetime
) -> float:
    seconds = expectation(expectations, view.item).seconds
    if view.state is not ItemState.RUNNING or view.started_at is None:
        return seconds
    spent = (now - view.started_at).total_seconds()
    # Once over its time, an item is expected to take a tenth of it more.
    return max(seconds - spent, seconds / 10)


def _simulate(
    progress: Progress,
    expectations: Expectations,
    remaining: Sequence[float],
    running: Sequence[int],
    pending: Sequence[int],
    slots: int,
) -> float:
    """Return the end of the list schedule of *pending* behind *running*, in seconds."""
    plan = progress.batch.plan
    index: Mapping[ItemId, int] = {x.id: i for i, x in enumerate(plan.items)}
    is_open = {*running, *pending}
    unmet = dict.fromkeys(pending, 0)
    successors: dict[int, list[int]] = {}
    for edge in plan.edges:
        before, behind = index[edge.predecessor], index[edge.successor]
        if before in is_open and behind in unmet:
            unmet[behind] += 1
            successors.setdefault(before, []).append(behind)
    chains = chain_seconds(plan, expectations)

    def rank(i: int) -> tuple[int, float, int]:
        return (-plan.items[i].priority, -chains[i], i)

    ready = [rank(i) for i in pending if not unmet[i]]
    heapq.heapify(ready)
    ends = [(remaining[i], i) for i in running]
    heapq.heapify(ends)
    now = 0.0
    while ready or ends:
        while ready and len(ends) < max(1, slots):
            i = heapq.heappop(ready)[2]
            heapq.heappush(ends, (now + remaining[i], i))
        now, ended = heapq.heappop(ends)
        for behind in successors.get(ended, ()):
            unmet[behind] -= 1
            if not unmet[behind]:
                heapq.heappush(ready, rank(behind))
    return now
