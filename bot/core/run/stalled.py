"""Whether a batch only waits for something that it cannot do anything about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.model import BatchState, ItemId, ItemState, Reference, Stage
from bot.core.run.progress import Progress

SO_FAR_AFTER = timedelta(days=1)
"""After how long a batch that only waits says what it came to so far."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """What a batch waits for, per item, since when. Nothing of it runs, and nothing can."""

    since: datetime
    outside: Mapping[ItemId, tuple[Reference, ...]]  # to be closed or merged
    parked: Mapping[ItemId, str]  # "the checks of 4f2c1ab"

    @property
    def references(self) -> tuple[Reference, ...]:
        """Return what is waited for outside, each once."""
        return tuple(
            dict.fromkeys(one for some in self.outside.values() for one in some)
        )


def idle_since(progress: Progress) -> datetime | None:
    """Return when something of a batch last ended, or began to wait for others."""
    if progress.started_at is None:
        return None
    since = progress.started_at
    for view in progress.items.values():
        since = max(since, view.ended_at or since, view.waits_since or since)
    return since


def stalled(progress: Progress) -> Stalled | None:
    """Return what a batch waits for, if it does nothing else; it may wait for years."""
    if progress.state is not BatchState.RUNNING:
        return None
    views = progress.items
    parked: dict[ItemId, str] = {}
    pending: set[ItemId] = set()
    for item, view in views.items():
        if view.state is ItemState.RUNNING:
            if view.stage is not Stage.PARKED:
                return None
            parked[item] = view.waits_for
        elif view.state is ItemState.PENDING:
            if view.next_at is not None:
                return None
            pending.add(item)
    outside: dict[ItemId, tuple[Reference, ...]] = {}
    plan = progress.batch.plan
    for edge in plan.outside:
        if edge.successor in pending and not progress.settled.get(edge.predecessor):
            before = outside.get(edge.successor, ())
            outside[edge.successor] = (*before, edge.predecessor)
    behind = {
        edge.successor
        for edge in plan.edges
        if views[edge.predecessor].state is not ItemState.COMPLETED
    }
    is_stuck = bool(outside or parked) and pending <= behind | outside.keys()
    since = idle_since(progress)
    return Stalled(since, outside, parked) if is_stuck and since else None
