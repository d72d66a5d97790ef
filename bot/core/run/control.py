"""What a control does to a live batch: pause, resume, cancel, retry, skip.

Each function decides from the schedule and returns a ``ControlResult``; the scheduler applies
its events and stops what is to be stopped.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core import events as e
from bot.core.model import (
    Batch,
    BatchState,
    ItemFacts,
    ItemId,
    ItemNumber,
    ItemState,
    Named,
    PlanChange,
    PlanItem,
)
from bot.core.plan.graph import predecessors
from bot.core.plan.naming import on_numbers
from bot.core.run.progress import Progress
from bot.core.run.schedule import Schedule

RETRYABLE = (ItemState.FAILED, ItemState.SKIPPED, ItemState.CANCELLED)


@dataclass(frozen=True, slots=True)
class ControlResult:
    """What a control decided. Without ``events`` and ``stop`` nothing changes, and
    ``nothing`` says why.
    """

    by: str
    events: tuple[e.Event, ...] = ()
    stop: tuple[ItemId, ...] = ()  # running items
    touched: tuple[ItemId, ...] = ()  # items that the control is about
    ignored: tuple[Named, ...] = ()  # typed, but no item is in a state for it
    nothing: str = ""
    too_late: tuple[ItemId, ...] = ()  # to be stopped, but on their way to GitHub


def drop(
    progress: Progress, now: datetime, *, by: str, source: str
) -> Sequence[e.Event]:
    """Return what lets a plan go that starts by itself."""
    pending = [
        item for item, view in progress.items.items() if view.state is ItemState.PENDING
    ]
    return (
        e.BatchCancelling(now, by),
        *(e.ItemCancelled(now, item, by) for item in pending),
        e.BatchFinished(now),
        e.BatchConcluded(now),
        e.ControlGiven(now, by, source, tuple(pending)),
    )


def pause(schedule: Schedule, now: datetime, *, by: str) -> ControlResult:
    """Let running items finish and start nothing new."""
    if schedule.state is not BatchState.RUNNING:
        return ControlResult(by, nothing=f"it is {schedule.state}")
    return ControlResult(by, (e.BatchPaused(now, by),))


def resume(schedule: Schedule, now: datetime, *, by: str) -> ControlResult:
    """Start items again, over the ``budget:`` of the command if that is used up."""
    if schedule.state is not BatchState.PAUSED:
        return ControlResult(by, nothing=f"it is {schedule.state}")
    return ControlResult(by, (e.BatchResumed(now, by),))


def cancel(
    schedule: Schedule, now: datetime, *, by: str, names: Collection[Named] = ()
) -> ControlResult:
    """Stop the batch, or only some items of it."""
    late = schedule.publishing
    if not names:
        too_late = tuple(i for i in schedule.running if i in late)
        running = tuple(i for i in schedule.running if i not in late)
        is_by_failure = not schedule.by and schedule.cause is None
        if schedule.state is BatchState.CANCELLING and is_by_failure:
            return ControlResult(by, stop=running, touched=running, too_late=too_late)
        if not schedule.state.is_live or schedule.state is BatchState.CANCELLING:
            return ControlResult(by, nothing=f"it is {schedule.state}")
        pending = schedule.items_in(ItemState.PENDING)
        touched = (*running, *pending)
        events = (e.BatchCancelling(now, by),)
        return ControlResult(by, events, running, touched, too_late=too_late)
    items = on_numbers(schedule.batch, names)
    change = withdraw(schedule, now, by=by, items=items)
    return _with_ignored(change, schedule, names)


def withdraw(
    schedule: Schedule, now: datetime, *, by: str, items: Collection[ItemId]
) -> ControlResult:
    """Stop some items of a batch, as far as it is not too late."""
    late = schedule.publishing
    pending = [i for i in schedule.items_in(ItemState.PENDING) if i in items]
    too_late = tuple(i for i in schedule.running if i in items and i in late)
    running = tuple(i for i in schedule.running if i in items and i not in late)
    cancelled = tuple(e.ItemCancelled(now, item, by) for item in pending)
    touched = (*running, *pending)
    return ControlResult(by, cancelled, running, touched, too_late=too_late)


def take_back(
    schedule: Schedule,
    now: datetime,
    *,
    by: str,
    source: str,
    items: Collection[ItemId],
) -> ControlResult:
    """Stop what nobody asks for any more, and note for what it is too late, which
    includes what is done.
    """
    change = withdraw(schedule, now, by=by, items=items)
    done = [i for i in schedule.items_in(ItemState.COMPLETED) if i in items]
    late = (*done, *change.too_late)
    if not change.touched and not late:
        return change
    noted = e.ControlGiven(
        now, by, source, change.touched, stopping=change.stop, too_late=late
    )
    return replace(change, events=(*change.events, noted), too_late=late)


def skip(
    schedule: Schedule, now: datetime, *, by: str, names: Collection[Named]
) -> ControlResult:
    """Leave pending items out; what waits for them is skipped as well."""
    items = on_numbers(schedule.batch, names)
    pending = tuple(i for i in schedule.items_in(ItemState.PENDING) if i in items)
    events = tuple(e.ItemSkipped(now, item, by=by) for item in pending)
    return _with_ignored(ControlResult(by, events, touched=pending), schedule, names)


def prioritize(
    schedule: Schedule,
    now: datetime,
    *,
    by: str,
    names: Collection[Named],
    priority: int,
) -> ControlResult:
    """Have pending items start before others, or behind them."""
    items = on_numbers(schedule.batch, names)
    pending = tuple(i for i in schedule.items_in(ItemState.PENDING) if i in items)
    change = PlanChange(priorities=tuple((item, priority) for item in pending))
    events = (e.BatchEdited(now, by, change),) if pending else ()
    return _with_ignored(ControlResult(by, events, touched=pending), schedule, names)


def widen(
    schedule: Schedule, now: datetime, *, by: str, concurrency: int
) -> ControlResult:
    """Work on more items at a time, or on fewer: what runs is not stopped for that."""
    if schedule.state not in (BatchState.RUNNING, BatchState.PAUSED):
        return ControlResult(by, nothing=f"it is {schedule.state}")
    if schedule.batch.plan.options.concurrency == concurrency:
        nothing = f"it works on {concurrency} at a time already"
        return ControlResult(by, nothing=nothing)
    change = PlanChange(concurrency=concurrency)
    return ControlResult(by, (e.BatchEdited(now, by, change),))


def extend(
    schedule: Schedule, now: datetime, *, by: str, change: PlanChange
) -> ControlResult:
    """Add items; *change* is made of the plan as it is."""
    if schedule.state not in (BatchState.RUNNING, BatchState.PAUSED):
        return ControlResult(by, nothing=f"it is {schedule.state}")
    there = {item.id for item in schedule.batch.plan.items}
    if any(item.id in there for item in change.items):
        nothing = "somebody else has just changed it: give the command again"
        return ControlResult(by, nothing=nothing)
    touched = tuple(item.id for item in change.items)
    return ControlResult(by, (e.BatchEdited(now, by, change),), touched=touched)


def retry(
    schedule: Schedule, now: datetime, *, by: str, names: Collection[Named] = ()
) -> ControlResult:
    """Put failed, skipped and cancelled items back to pending, all of them if none are
    named, together with the predecessors without which they could not start.
    """
    able = [i for i in schedule.items_in(*RETRYABLE) if not _is_vain(schedule, i)]
    items = on_numbers(schedule.batch, names)
    asked = [i for i in able if i in items] if names else able
    wanted = with_predecessors(schedule, asked)
    touched = tuple(item for item in able if item in wanted)
    events = tuple(e.ItemReset(now, item, by) for item in touched)
    if schedule.state is BatchState.CANCELLING:
        return ControlResult(by, nothing="it is being cancelled")
    return _with_ignored(ControlResult(by, events, touched=touched), schedule, names)


def to_run_again(
    progress: Progress, names: Collection[Named] = ()
) -> tuple[ItemId, ...]:
    """Return what did not succeed in a batch that has ended, all of it or the named
    items with the predecessors that they need.
    """
    lost = [
        i
        for i, view in progress.items.items()
        if view.state in RETRYABLE
        and not (view.item.is_unopened and _is_done(progress, view.item.opened_by))
    ]
    if not names:
        return tuple(lost)
    before = predecessors(progress.batch.plan)
    wanted: set[ItemId] = set()
    todo = [item for item in on_numbers(progress.batch, names) if item in lost]
    while todo:
        item = todo.pop()
        if item not in wanted:
            wanted.add(item)
            todo.extend(i for i in before[item] if i in lost)
    return tuple(item for item in lost if item in wanted)


def again(progress: Progress, facts: Mapping[ItemId, ItemFacts]) -> Batch:
    """Return a batch like that of *progress* with only the items of *facts*, pinned to
    what they are now. It builds on the branches of what succeeded before.
    """
    batch = progress.batch
    plan = batch.plan
    items = tuple(
        replace(
            item,
            title=facts[item.id].title,
            head_sha=facts[item.id].head_sha,
            base_branch=facts[item.id].base_branch,
            beside=(*item.beside, *_opened_by_siblings(progress, item)),
        )
        for item in plan.items
        if item.id in facts
    )
    done = {
        item: (view.item.number, view.outcome.branch)
        for item, view in progress.items.items()
        if view.state is ItemState.COMPLETED and view.outcome and view.outcome.branch
    }
    places = {item.id: item.repository.id for item in plan.items}
    return replace(
        batch,
        plan=replace(
            plan,
            items=items,
            edges=tuple(
                edge
                for edge in plan.edges
                if edge.successor in facts and edge.predecessor in facts
            ),
            outside=tuple(x for x in plan.outside if x.successor in facts),
        ),
        builds_on=tuple(
            (edge.successor, *done[edge.predecessor])
            for edge in plan.edges
            if edge.successor in facts
            and edge.predecessor in done
            and places[edge.successor] == places[edge.predecessor]
        ),
        retry_of=batch.id,
    )


def _opened_by_siblings(progress: Progress, item: PlanItem) -> tuple[ItemNumber, ...]:
    """Return the pull requests that the other actions on an item's issue opened."""
    siblings = (
        view.outcome
        for view in progress.items.values()
        if view.item.id != item.id
        and (view.item.number, view.item.repository.id)
        == (item.number, item.repository.id)
    )
    found = (outcome and outcome.pull_request for outcome in siblings)
    return tuple(number for number in found if number)


def with_predecessors(schedule: Schedule, items: Sequence[ItemId]) -> frozenset[ItemId]:
    """Return the items with all that they, directly or not, wait for."""
    before = predecessors(schedule.batch.plan)
    found: set[ItemId] = set()
    todo = list(items)
    while todo:
        item = todo.pop()
        if item not in found:
            found.add(item)
            todo.extend(before[item])
    return frozenset(found)


def _is_vain(schedule: Schedule, item: ItemId) -> bool:
    """Return whether an item is about a pull request that nobody will open any more."""
    planned = schedule.planned(item)
    opener = planned.opened_by if planned.is_unopened else None
    return opener is not None and schedule.state_of(opener) is ItemState.COMPLETED


def _is_done(progress: Progress, item: ItemId | None) -> bool:
    """Return whether an item was completed, be it in the batch before this one."""
    view = progress.items.get(item) if item is not None else None
    return view is None or view.state is ItemState.COMPLETED


def _with_ignored(
    change: ControlResult, schedule: Schedule, names: Collection[Named]
) -> ControlResult:
    """Return *change* with the typed numbers that it does nothing about."""
    done = {*change.touched, *change.too_late}
    batch = schedule.batch
    ignored = tuple(name for name in names if not on_numbers(batch, [name]) & done)
    is_nothing = not change.touched and not change.too_late
    nothing = "none of its items is in a state for that" if is_nothing else ""
    return replace(change, ignored=ignored, nothing=nothing)
