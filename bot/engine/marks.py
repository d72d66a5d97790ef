"""Labels and requests for reviews of batches that are there: taken back, or done with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from bot.core import events as e
from bot.core.command.trigger import LabelChanged, Marking
from bot.core.effects import ChangeLabels
from bot.core.model import (
    Batch,
    BatchState,
    ItemFacts,
    ItemId,
    ItemNumber,
    ItemState,
    Labelled,
    Mark,
    ReviewAsked,
)
from bot.core.plan.gathering import still_asked, still_on
from bot.core.run import control
from bot.core.run.marks import is_whole, items_of, taken_back
from bot.core.run.progress import Progress
from bot.engine.effects import Effects
from bot.engine.recorder import Recorder
from bot.engine.scheduler import Scheduler
from bot.engine.situation import Situations
from bot.errors import PermanentError
from bot.ports.clock import Clock
from bot.ports.github import Lookups
from bot.ports.store import Batches

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Cancels what somebody has taken the label off since, or does not ask for any more."""

    github: Lookups
    batches: Batches
    scheduler: Scheduler
    recorder: Recorder
    clock: Clock

    async def cancel(self, change: Marking) -> str:
        """Cancel the items that a mark alone asked for; return what became of that."""
        outcomes = []
        for batch in await self._unfinished(change.repository.id):
            gone = [mark for mark in _marks(batch, change) if _is_meant(mark, change)]
            if gone:
                # It may be on again: the delivery may be an old one.
                _, facts = await self.github.facts(change.repository, [change.number])
                gone = _off(gone, facts, change)
            if items := _alone(batch, gone):
                cancelled = await self._withdraw(batch, items, change)
                outcomes.append(f"cancelled {cancelled} of batch {batch.id}")
        return ", ".join(outcomes) or "noted"

    async def _unfinished(self, repository_id: int) -> Sequence[Batch]:
        """Return the batches that run, and those that wait for their start box."""
        live = [schedule.batch for schedule in self.scheduler.live(repository_id)]
        recent = await self.batches.recent(repository_id)
        return live + [s.batch for s in recent if s.state is BatchState.PLANNED]

    async def _withdraw(
        self, batch: Batch, items: frozenset[ItemId], change: Marking
    ) -> int:
        """Cancel items as far as it is not too late; return how many."""
        by, source = change.sender.login, taken_back(change.name, change.number)
        decide = partial(control.take_back, by=by, source=source, items=items)
        if (result := await self.scheduler.change(batch.id, decide)) is not None:
            return len(result.touched)
        progress = await self.recorder.progress(batch.id)
        if progress.state is not BatchState.PLANNED:
            return 0
        pending = [i for i in items if progress.items[i].state is ItemState.PENDING]
        if pending:
            now = self.clock.now()
            cancelled = [e.ItemCancelled(now, item, by) for item in pending]
            await self.recorder.record({batch.id: cancelled})
        return len(pending)


@dataclass(frozen=True, slots=True)
class Labels:
    """Takes the labels off what completed."""

    situations: Situations
    effects: Effects

    async def take_off(self, progress: Progress) -> None:
        """Take each label off whose items have all completed, in this batch or in those
        that it tries again. Raises ``TransientError``.
        """
        batch = progress.batch
        completed = {batch.id: progress}
        while batch.retry_of is not None and batch.retry_of not in completed:
            before = await self.situations.progress(batch.retry_of)
            completed[before.batch.id] = before
            batch = before.batch
        if not isinstance(batch.request.origin, Labelled):
            return
        done = {
            item
            for one in completed.values()
            for item, view in one.items.items()
            if view.state is ItemState.COMPLETED
        }
        for mark in batch.request.marks:
            if not is_whole(mark, batch) or not items_of(mark, batch) <= done:
                continue
            change = ChangeLabels(
                progress.batch.repository, mark.number, remove=(mark.name,)
            )
            try:
                key = f"{progress.batch.id}/label-off/{mark.number}/{mark.name}"
                await self.effects.perform(key, change)
            except PermanentError as error:
                log.info("label left on", number=mark.number, error=str(error))


def _marks(batch: Batch, change: Marking) -> Sequence[Mark]:
    """Return the marks of a batch that are of the kind of *change*."""
    kind = Labelled if isinstance(change, LabelChanged) else ReviewAsked
    return batch.request.marks if isinstance(batch.request.origin, kind) else ()


def _off(
    gone: Sequence[Mark],
    facts: Mapping[ItemNumber, ItemFacts],
    change: Marking,
) -> list[Mark]:
    """Return the marks that were taken back by *change*, and not made again since.

    Of a request that GitHub does not tell of, the delivery is believed.
    """
    if isinstance(change, LabelChanged):
        kept = still_on(gone, facts)
    else:
        told = {n: fact for n, fact in facts.items() if fact.reviewers is not None}
        kept = still_asked([mark for mark in gone if mark.number in told], told)
    return [mark for mark in gone if mark not in kept]


def _is_meant(mark: Mark, change: Marking) -> bool:
    is_later = change.at >= mark.at
    names = ("", mark.name.casefold())
    is_its_name = change.name.casefold() in names
    return is_later and is_its_name and mark.number == change.number


def _alone(batch: Batch, gone: Sequence[Mark]) -> frozenset[ItemId]:
    """Return the items that no other mark of the batch asks for."""
    kept = [mark for mark in batch.request.marks if mark not in gone]
    found = frozenset[ItemId]().union(*(items_of(mark, batch) for mark in gone))
    return found.difference(*(items_of(mark, batch) for mark in kept))
