"""Which of the live batches a pass has to look at: with thousands, not at all of them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot.core.actions.table import kind_of
from bot.core.model import (
    BatchId,
    BatchKind,
    BatchState,
    InstallationId,
    ItemState,
)
from bot.core.run.schedule import Schedule
from bot.engine.live import Live, Taken


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is of the live batches, for those who watch."""

    batches: Mapping[BatchState, int]
    kinds: Mapping[BatchKind, int]
    items: Mapping[ItemState, int]
    unblocked: int  # pending items that wait for no other item
    waiting_for_budget: int  # batches
    messages: int  # that the next pass will take


class Agenda:
    """The live batches by installation, for that is who has slots and requests.

    An installation is due when something has happened in one of its batches, when a
    delay is over, and in each pass while it would start an item and could not: only then
    what is free elsewhere, or by itself, makes a difference.
    """

    def __init__(self) -> None:
        self.lives: dict[BatchId, Live] = {}
        self._added = 0
        self._batches: dict[InstallationId, dict[BatchId, Live]] = {}
        self._wanting: set[InstallationId] = set()
        self._delayed: dict[InstallationId, datetime] = {}
        self.taken: Counter[Taken] = Counter()
        """How many places commands take on workers, in all installations."""

    def add(self, live: Live) -> None:
        """Take a batch in; it has to be among the *touched* of the same pass."""
        self._added += 1
        live.place = self._added
        live.recount = partial(self._count, live)
        self.lives[live.batch.id] = live

    def remove(self, live: Live) -> None:
        """Forget a batch."""
        del self.lives[live.batch.id]
        self.taken -= live.taken
        self._leave(live)

    def of(self, installation_id: InstallationId) -> Iterable[Live]:
        """Return the batches of an installation."""
        return self._batches.get(installation_id, {}).values()

    def due(self, touched: Iterable[Live], now: datetime) -> Sequence[Live]:
        """Return the batches of all installations that are due, in order of adoption.

        The *touched* are those in which something has happened.
        """
        delayed = (key for key, at in self._delayed.items() if at <= now)
        keys = {*self._wanting, *delayed}
        for live in touched:
            keys.update(self._found(live))
        due = [live for key in keys for live in self.of(key)]
        due.sort(key=lambda live: live.place)
        for live in due:
            live.schedule.wake(now)
            self._count(live)
        return due

    def looked_at(self, due: Sequence[Live], able: Sequence[Schedule]) -> None:
        """Note when those that were *due* are due again, if nothing happens.

        *able* are the schedules for which it was asked what is free.
        """
        self._wanting = {s.installation_id for s in able if s.has_ready}
        for key in {live.schedule.installation_id for live in due}:
            found = (live.schedule.next_retry_at() for live in self.of(key))
            delays = [at for at in found if at is not None]
            if delays:
                self._delayed[key] = min(delays)
            else:
                self._delayed.pop(key, None)
        for live in due:
            self._count(live)

    def next_retry_at(self) -> datetime | None:
        """Return when the next delay is over."""
        return min(self._delayed.values(), default=None)

    def figures(self, messages: int) -> Figures:
        """Return how much there is of the live batches, and *messages* to take."""
        schedules = [live.schedule for live in self.lives.values()]
        items: Counter[ItemState] = Counter()
        for schedule in schedules:
            items.update(schedule.counts())
        return Figures(
            batches=Counter(schedule.state for schedule in schedules),
            kinds=Counter(kind_of(schedule.batch.plan.items) for schedule in schedules),
            items=items,
            unblocked=sum(schedule.unblocked for schedule in schedules),
            waiting_for_budget=sum(
                live.budget_until is not None for live in self.lives.values()
            ),
            messages=messages,
        )

    def _count(self, live: Live) -> None:
        """Count again what the items of a batch take on workers."""
        if live.batch.id not in self.lives:
            return  # it has ended
        taken = Counter((i.worker, i.action.runs) for i in live.schedule.on_workers)
        if taken != live.taken:
            self.taken -= live.taken
            self.taken += taken
            live.taken = taken

    def _found(self, live: Live) -> Iterator[InstallationId]:
        """File a batch under its installation; yield that, and the one that it has left."""
        if live.batch.id not in self.lives:
            return  # it has ended
        key = live.schedule.installation_id
        if live.filed_under not in (None, key):
            yield live.filed_under
            self._leave(live)
        live.filed_under = key
        self._batches.setdefault(key, {})[live.batch.id] = live
        yield key

    def _leave(self, live: Live) -> None:
        key = live.filed_under
        if key is None:
            return
        self._batches[key].pop(live.batch.id, None)
        if not self._batches[key]:
            del self._batches[key]
            self._delayed.pop(key, None)
