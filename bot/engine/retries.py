"""Starts a new batch from what did not succeed in one that has ended."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core import events as e
from bot.core.model import (
    Batch,
    BatchState,
    ItemFacts,
    ItemId,
    ItemNumber,
    Request,
    Role,
)
from bot.core.plan.graph import moved
from bot.core.run import control
from bot.core.run.progress import Progress
from bot.core.say import declines
from bot.engine.creation import NAMELESS, record_batch
from bot.engine.recorder import Recorder
from bot.engine.starts import Starts
from bot.engine.tracker import Tracker
from bot.engine.which import Which, by_repository
from bot.ports.clock import Clock
from bot.ports.github import Lookups
from bot.ports.store import Batches


class Retries:
    """Has ended batches tried again."""

    def __init__(
        self,
        *,
        github: Lookups,
        batches: Batches,
        recorder: Recorder,
        tracker: Tracker,
        starts: Starts,
        which: Which,
        clock: Clock,
    ) -> None:
        self._github = github
        self._batches = batches
        self._recorder = recorder
        self._tracker = tracker
        self._starts = starts
        self._which = which
        self._clock = clock

    async def again(
        self,
        request: Request,
        before: Progress,
        numbers: Sequence[ItemNumber],
        role: Role,
    ) -> Batch | str:
        """Return the new batch, begun, or why there is none."""
        old = before.batch
        batch = await self._batches.by_source(request.source)
        if batch is None:
            problem = await self.why_not(before, numbers, role)
            if problem:
                return problem
            facts = await self._facts_again(request, before, numbers)
            if facts is None:
                return declines.archived()
            now = self._clock.now()
            new = replace(
                moved(control.again(before, facts), request.repository),
                id=NAMELESS,
                request=request,
                created_at=now,
            )
            if not new.plan.items:
                return declines.none_found()
            started = e.BatchStarted(now, request.asker.login)
            batch = await record_batch(self._batches, new, facts, [started])
        if before.retried_as != batch.id:
            retried = e.BatchRetried(self._clock.now(), batch.id)
            await self._recorder.record({old.id: [retried]})
        await self._starts.begin(batch)
        await self._tracker.redraw(old.id)
        return batch

    async def _facts_again(
        self, request: Request, before: Progress, numbers: Sequence[ItemNumber]
    ) -> Mapping[ItemId, ItemFacts] | None:
        """Return GitHub's present facts of what runs again, as far as it is there.

        None if a repository of it is archived: it takes no change.
        """
        found: dict[ItemId, ItemFacts] = {}
        items = control.to_run_again(before, numbers)
        for repository, own in by_repository(before, items):
            numbered = {item: before.items[item].item.number for item in own}
            is_here = repository.id == request.repository.id
            present = request.repository if is_here else repository
            about, facts = await self._github.facts(present, list(numbered.values()))
            if about.is_archived:
                return None
            found |= {i: facts[n] for i, n in numbered.items() if n in facts}
        return found

    async def why_not(
        self, before: Progress, numbers: Sequence[ItemNumber], role: Role
    ) -> str:
        """Return why an ended batch cannot be tried again, if so."""
        batch = before.batch
        items = control.to_run_again(before, numbers)
        if before.state is BatchState.PLANNED:
            return declines.never_started(batch.id)
        if role < batch.needed_role:
            return declines.needs_role(batch.needed_role)
        if not items:
            return declines.all_succeeded(batch.id)
        if busy := await self._which.busy(before, items):
            return declines.busy(busy, is_retry=True)
        return ""
