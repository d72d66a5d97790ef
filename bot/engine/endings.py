"""What ends a batch, or its items in one repository, though nobody asked for that."""

from functools import partial
from typing import Protocol

from bot.core import events as e
from bot.core.model import (
    BatchState,
    Cause,
    ItemId,
    ItemState,
    Outcome,
    Repository,
)
from bot.core.run.freshness import sees_to_itself
from bot.core.say import ends
from bot.engine.live import Live, Pass
from bot.engine.present import Findings


class Stop(Protocol):
    """Stops a running attempt: see ``Running.stop``."""

    def __call__(self, live: Live, item: ItemId, ending: str | Outcome) -> None:
        """Stop it; *ending* is who wanted that, or how the item ends."""


def take_in(step: Pass, live: Live, findings: Findings, *, stop: Stop) -> None:
    """Deal with what is not as it was when the command was accepted."""
    if findings.moved_to is not None:
        step.happen(live, e.RepositoryMoved(step.now, findings.moved_to))
    schedule = live.schedule
    for item, outcome in findings.overtaken.items():
        has_begun = schedule.attempt_of(item) > 0
        if has_begun and sees_to_itself(schedule.planned(item).action):
            continue
        _end(step, live, item, outcome, stop)
    if findings.cause is not None:
        place = findings.elsewhere or live.batch.repository
        end_place(step, live, place, findings.cause, stop=stop)
    step.follow_up(live)


def end_place(
    step: Pass, live: Live, place: Repository, cause: Cause, *, stop: Stop
) -> None:
    """End the whole batch with its home; with another repository what it has there."""
    if place.id == live.batch.repository.id:
        if live.schedule.state in (BatchState.RUNNING, BatchState.PAUSED):
            step.happen(live, e.BatchCancelling(step.now, by="", cause=cause))
        for item in live.schedule.running:
            step.afterwards.append(partial(stop, live, item, ""))
        return
    if cause is Cause.HIDDEN:
        step.happen(live, e.RepositoryHidden(step.now, place.id))
    for planned in live.batch.plan.items:
        if planned.repository.id == place.id:
            _end(step, live, planned.id, ended_with(live, place, cause), stop)


def ended_with(live: Live, place: Repository, cause: Cause) -> Outcome:
    """Return how an item ends with its repository."""
    starter = live.schedule.starter or live.batch.asker.login
    home = live.batch.repository.name
    return ends.with_repository(place.name, cause, starter=starter, home=home)


def _end(step: Pass, live: Live, item: ItemId, outcome: Outcome, stop: Stop) -> None:
    """End an item that has not ended, or have it stopped."""
    schedule = live.schedule
    match schedule.state_of(item):
        case ItemState.PENDING:
            attempt = schedule.attempt_of(item)
            step.happen(live, e.ItemEnded(step.now, item, attempt, outcome))
        case ItemState.RUNNING:
            step.afterwards.append(partial(stop, live, item, outcome))
        case _:
            pass  # it has ended already
