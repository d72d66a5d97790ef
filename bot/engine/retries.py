"""Starts a new batch from one that has ended: what did not succeed, or what is undone."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core import events as e
from bot.core.command.syntax import Retry, Undo
from bot.core.model import (
    Batch,
    BatchState,
    ItemFacts,
    ItemId,
    Plan,
    Request,
    Role,
)
from bot.core.plan.graph import moved, settle_outside
from bot.core.run import control
from bot.core.run.progress import Progress
from bot.core.run.undo import to_undo, undoing
from bot.core.say import declines
from bot.engine.creation import NAMELESS, record_batch
from bot.engine.outside import outside
from bot.engine.recorder import Recorder
from bot.engine.starts import Starts
from bot.engine.tracker import Tracker
from bot.engine.which import Which, by_repository
from bot.ports.clock import Clock
from bot.ports.github import Lookups
from bot.ports.store import Batches

Sequel = Retry | Undo


class Retries:
    """Has ended batches tried again, or taken back."""

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
        command: Sequel,
        role: Role,
    ) -> Batch | str:
        """Return the new batch, begun, or why there is none."""
        old = before.batch
        async with self._starts.taking(request.repository, *old.elsewhere):
            batch = await self._recorded(request, before, command, role)
        if isinstance(batch, str):
            return batch
        if batch.id not in (before.retried_as, *before.undone.values()):
            noted = self._noted(command, batch)
            await self._recorder.record({old.id: [noted]})
        await self._starts.begin(batch)
        if isinstance(command, Undo):
            await self._tracker.redraw_all(old.id)
        else:
            await self._tracker.redraw(old.id)
        return batch

    async def _recorded(
        self, request: Request, before: Progress, command: Sequel, role: Role
    ) -> Batch | str:
        """Return the new batch, recorded, or why there is none."""
        batch = await self._batches.by_source(request.source)
        if batch is not None:
            return batch
        problem = await self.why_not(request, before, command, role)
        if problem:
            return problem
        facts = await self._present(request, before, _meant(before, command))
        if facts is None:
            return declines.archived()
        now = self._clock.now()
        make = undoing if isinstance(command, Undo) else control.again
        new = replace(
            moved(make(before, facts), request.repository),
            id=NAMELESS,
            request=request,
            created_at=now,
        )
        if not new.plan.items:
            return declines.none_found()
        if role < new.needed_role:
            return declines.needs_role(new.needed_role)
        plan = await self._settled(request, new.plan)
        if isinstance(plan, str):
            return plan
        started = e.BatchStarted(now, request.asker.login)
        new = replace(new, plan=plan)
        return await record_batch(self._batches, new, facts, [started])

    async def _settled(self, request: Request, plan: Plan) -> Plan | str:
        """Return the plan without waits that are over, or why it can never be done."""
        wanted = list(dict.fromkeys(edge.predecessor for edge in plan.outside))
        if not wanted:
            return plan
        facts = await outside(self._github, request.repository, wanted)
        settled, lost = settle_outside(plan, facts)
        named = {item.id: item for item in plan.items}
        said = [(named[x.successor], facts[x.predecessor], x) for x in lost]
        return declines.never_done(said, request.repository.name) if said else settled

    def _noted(self, command: Sequel, batch: Batch) -> e.Event:
        now = self._clock.now()
        if isinstance(command, Undo):
            items = tuple(item.id for item in batch.plan.items)
            return e.BatchUndone(now, batch.id, items)
        return e.BatchRetried(now, batch.id)

    async def _present(
        self, request: Request, before: Progress, items: Sequence[ItemId]
    ) -> Mapping[ItemId, ItemFacts] | None:
        """Return GitHub's present facts of items, as far as they are there.

        None if a repository of it is archived: it takes no change.
        """
        found: dict[ItemId, ItemFacts] = {}
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
        self, request: Request, before: Progress, command: Sequel, role: Role
    ) -> str:
        """Return why an ended batch cannot be tried again, or taken back, if so."""
        batch = before.batch
        items = _meant(before, command)
        if before.state is BatchState.PLANNED:
            return declines.never_started(batch.id)
        if role < batch.needed_role:
            return declines.needs_role(batch.needed_role)
        if not items and isinstance(command, Undo):
            return declines.nothing_to_undo(batch.id)
        if not items:
            return declines.all_succeeded(batch.id)
        if busy := await self._which.busy(before, items):
            return declines.busy(busy, is_retry=True)
        meant = [before.items[item].item for item in items]
        return await self._starts.why_not_elsewhere(request, meant)


def _meant(before: Progress, command: Sequel) -> tuple[ItemId, ...]:
    if isinstance(command, Undo):
        return to_undo(before, command.items)
    return control.to_run_again(before, command.items)
