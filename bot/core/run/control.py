"""What a control does to a live batch: pause, resume, cancel, retry, skip.

Each function decides from the schedule and returns a ``Change``; the scheduler applies
its events and stops what is to be stopped.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core import events as e
from bot.core.model import Batch, BatchState, ItemFacts, ItemNumber, ItemState
from bot.core.plan.graph import predecessors
from bot.core.run.progress import Progress
from bot.core.run.schedule import Schedule

RETRYABLE = (ItemState.FAILED, ItemState.SKIPPED, ItemState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Change:
    """What a control decided. Without ``events`` and ``stop`` nothing changes, and
    ``nothing`` says why.
    """

    by: str
    events: tuple[e.Event, ...] = ()
    stop: tuple[ItemNumber, ...] = ()  # running items
    touched: tuple[ItemNumber, ...] = ()  # items that the control is about
    ignored: tuple[ItemNumber, ...] = ()  # asked for, but not in a state for it
    nothing: str = ""
    too_late: tuple[ItemNumber, ...] = ()  # to be stopped, but on their way to GitHub


def pause(schedule: Schedule, now: datetime, *, by: str) -> Change:
    """Let running items finish and start nothing new."""
    if schedule.state is not BatchState.RUNNING:
        return Change(by, nothing=f"it is {schedule.state}")
    return Change(by, (e.BatchPaused(now, by),))


def resume(schedule: Schedule, now: datetime, *, by: str) -> Change:
    """Start items again, over the ``budget:`` of the command if that is used up."""
    if schedule.state is not BatchState.PAUSED:
        return Change(by, nothing=f"it is {schedule.state}")
    return Change(by, (e.BatchResumed(now, by),))


def cancel(
    schedule: Schedule, now: datetime, *, by: str, items: Collection[ItemNumber] = ()
) -> Change:
    """Stop the batch, or only some items of it."""
    late = schedule.publishing
    if not items:
        too_late = tuple(n for n in schedule.running if n in late)
        running = tuple(n for n in schedule.running if n not in late)
        is_by_failure = not schedule.by and schedule.cause is None
        if schedule.state is BatchState.CANCELLING and is_by_failure:
            return Change(by, stop=running, touched=running, too_late=too_late)
        if not schedule.state.is_live or schedule.state is BatchState.CANCELLING:
            return Change(by, nothing=f"it is {schedule.state}")
        pending = schedule.numbers_in(ItemState.PENDING)
        touched = (*running, *pending)
        events = (e.BatchCancelling(now, by),)
        return Change(by, events, running, touched, too_late=too_late)
    pending = [n for n in schedule.numbers_in(ItemState.PENDING) if n in items]
    too_late = tuple(n for n in schedule.running if n in items and n in late)
    running = tuple(n for n in schedule.running if n in items and n not in late)
    cancelled = tuple(e.ItemCancelled(now, number, by) for number in pending)
    touched = (*running, *pending)
    change = _change(by, cancelled, running, touched, items)
    ignored = tuple(number for number in change.ignored if number not in too_late)
    nothing = "" if too_late else change.nothing
    return replace(change, too_late=too_late, ignored=ignored, nothing=nothing)


def skip(
    schedule: Schedule, now: datetime, *, by: str, items: Collection[ItemNumber]
) -> Change:
    """Leave pending items out; what waits for them is skipped as well."""
    pending = tuple(n for n in schedule.numbers_in(ItemState.PENDING) if n in items)
    events = tuple(e.ItemSkipped(now, number, by=by) for number in pending)
    return _change(by, events, (), pending, items)


def retry(
    schedule: Schedule, now: datetime, *, by: str, items: Collection[ItemNumber] = ()
) -> Change:
    """Put failed, skipped and cancelled items back to pending, all of them if none are
    named, together with the predecessors without which they could not start.
    """
    able = schedule.numbers_in(*RETRYABLE)
    asked = [n for n in able if n in items] if items else able
    wanted = with_predecessors(schedule, asked)
    touched = tuple(number for number in able if number in wanted)
    events = tuple(e.ItemReset(now, number, by) for number in touched)
    if schedule.state is BatchState.CANCELLING:
        return Change(by, nothing="it is being cancelled")
    return _change(by, events, (), touched, items)


def to_run_again(
    progress: Progress, items: Collection[ItemNumber] = ()
) -> tuple[ItemNumber, ...]:
    """Return what did not succeed in a batch that has ended, all of it or the named
    items with the predecessors that they need.
    """
    lost = [n for n, v in progress.items.items() if v.state in RETRYABLE]
    if not items:
        return tuple(lost)
    before = predecessors(progress.batch.plan)
    wanted: set[ItemNumber] = set()
    todo = [number for number in items if number in lost]
    while todo:
        number = todo.pop()
        if number not in wanted:
            wanted.add(number)
            todo.extend(n for n in before[number] if n in lost)
    return tuple(number for number in lost if number in wanted)


def again(progress: Progress, facts: Mapping[ItemNumber, ItemFacts]) -> Batch:
    """Return a batch like that of *progress* with only the items of *facts*, pinned to
    what they are now. It builds on the branches of what succeeded before.
    """
    batch = progress.batch
    plan = batch.plan
    items = tuple(
        replace(
            item,
            title=facts[item.number].title,
            head_sha=facts[item.number].head_sha,
            base_branch=facts[item.number].base_branch,
        )
        for item in plan.items
        if item.number in facts
    )
    done = {
        number: view.outcome.branch
        for number, view in progress.items.items()
        if view.state is ItemState.COMPLETED and view.outcome and view.outcome.branch
    }
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
            (edge.successor, edge.predecessor, done[edge.predecessor])
            for edge in plan.edges
            if edge.successor in facts and edge.predecessor in done
        ),
        retry_of=batch.id,
    )


def with_predecessors(
    schedule: Schedule, items: Sequence[ItemNumber]
) -> frozenset[ItemNumber]:
    """Return the items with all that they, directly or not, wait for."""
    before = predecessors(schedule.batch.plan)
    found: set[ItemNumber] = set()
    todo = list(items)
    while todo:
        number = todo.pop()
        if number not in found:
            found.add(number)
            todo.extend(before[number])
    return frozenset(found)


def _change(
    by: str,
    events: tuple[e.Event, ...],
    stop: tuple[ItemNumber, ...],
    touched: tuple[ItemNumber, ...],
    asked: Collection[ItemNumber],
) -> Change:
    ignored = tuple(number for number in asked if number not in touched)
    nothing = "" if touched else "none of its items is in a state for that"
    return Change(by, events, stop, touched, ignored, nothing)
