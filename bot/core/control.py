"""What a control does to a live batch: pause, resume, cancel, retry, skip.

Each function decides from the schedule and returns a ``Change``; the scheduler applies
its events and stops what is to be stopped.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core import events as e
from bot.core.model import BatchState, ItemNumber, ItemState
from bot.core.plan import predecessors
from bot.core.schedule import Schedule

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
    if not items:
        running = tuple(schedule.running)
        if schedule.state is BatchState.CANCELLING and not schedule.by:
            return Change(by, stop=running, touched=running)
        if not schedule.state.is_live or schedule.state is BatchState.CANCELLING:
            return Change(by, nothing=f"it is {schedule.state}")
        pending = schedule.numbers_in(ItemState.PENDING)
        touched = (*running, *pending)
        return Change(by, (e.BatchCancelling(now, by),), running, touched)
    pending = [n for n in schedule.numbers_in(ItemState.PENDING) if n in items]
    running = tuple(n for n in schedule.running if n in items)
    events = tuple(e.ItemCancelled(now, number, by) for number in pending)
    touched = (*running, *pending)
    return _change(by, events, running, touched, items)


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
