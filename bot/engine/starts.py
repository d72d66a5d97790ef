"""Begins what was recorded: a new batch, or a plan that somebody starts."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from structlog.contextvars import bound_contextvars

from bot.core import events as e
from bot.core.command import syntax
from bot.core.command.faults import NotPermitted
from bot.core.command.syntax import format_command
from bot.core.effects import Reaction
from bot.core.model import (
    Batch,
    BatchId,
    BatchState,
    PlanItem,
    Repository,
    Request,
    Role,
)
from bot.core.run.progress import Progress
from bot.core.say import declines, refusals
from bot.core.say import elsewhere as say_elsewhere
from bot.engine.elsewhere import Elsewhere
from bot.engine.recorder import Recorder
from bot.engine.replies import Replies
from bot.engine.scheduler import Scheduler
from bot.engine.situation import Situations
from bot.engine.tracker import Tracker
from bot.engine.which import Which


class Starts:
    """Has batches run and shown."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        scheduler: Scheduler,
        tracker: Tracker,
        replies: Replies,
        situations: Situations,
        which: Which,
        elsewhere: Elsewhere,
    ) -> None:
        self._recorder = recorder
        self._scheduler = scheduler
        self._tracker = tracker
        self._replies = replies
        self._situations = situations
        self._which = which
        self._elsewhere = elsewhere
        self.planned = asyncio.Event()
        """Set when a batch is planned that starts by itself."""

    def taking(self, *repositories: Repository) -> AbstractAsyncContextManager[None]:
        """Hold what whoever takes items of repositories for a batch holds meanwhile."""
        return self._which.taking(*repositories)

    async def why_not_elsewhere(
        self, request: Request, items: Sequence[PlanItem]
    ) -> str:
        """Return why whoever asks may not begin items of other repositories, if so."""
        home, login = request.repository, request.asker.login
        why = await self._elsewhere.why_not(home, login, items)
        return say_elsewhere.refused(why) if why else ""

    async def begin(self, batch: Batch) -> None:
        """Have a started batch run and shown; harmless to do again."""
        await self._scheduler.adopt(batch.id)
        self._tracker.follow(batch.id)

    async def start(
        self, request: Request, batch_id: BatchId | None, role: Role
    ) -> str:
        """Start a plan; return what became of it, in a few words."""
        if before := await self._which.carried_out(request):
            await self._go_on(request, before)
            return f"batch {before.id}"
        batch = await self.meant(request, batch_id)
        if isinstance(batch, str):
            await self._replies.decline(request, batch)
            return "refused: no such plan"
        with bound_contextvars(batch=batch.id):
            async with self.taking(request.repository, *batch.elsewhere):
                problem = await self._start_plan(request, batch, role)
            if problem:
                return problem
            await self._go_on(request, batch)
            return f"batch {batch.id}"

    async def meant(self, request: Request, batch_id: BatchId | None) -> Batch | str:
        """Return the plan that is to be started, or why that cannot be said."""
        if batch_id is None:
            return await self._which.planned(request) or declines.which_plan()
        found = await self._which.known(request, batch_id)
        return found or declines.no_such_batch(batch_id)

    async def _start_plan(self, request: Request, batch: Batch, role: Role) -> str:
        """Record the start of a plan, or return what became of it instead."""
        if role < batch.needed_role:
            denied = NotPermitted(
                needed=batch.needed_role,
                had=role,
                what=refusals.START_IT,
                command=format_command(syntax.Start(batch.id)),
            )
            await self._replies.deny(request, denied)
            return "refused: role"
        progress = await self._situations.progress(batch.id)
        problem = await self._cannot_start(progress)
        problem = problem or await self.why_not_elsewhere(request, batch.plan.items)
        if problem and progress.started_at is not None and progress.state.is_live:
            await self._replies.inform(request, problem)  # it runs, as was asked for
            return f"batch {batch.id} runs already"
        if problem:
            await self._replies.decline(request, problem)
            return "refused: cannot start"
        if progress.started_at is None:
            now = self._situations.now()
            by, source = request.asker.login, request.source
            events: list[e.Event] = [e.BatchStarted(now, by, source)]
            if request.repository != progress.batch.repository:
                events.append(e.RepositoryMoved(now, request.repository))
            await self._recorder.record({batch.id: events})
        return ""

    async def _go_on(self, request: Request, batch: Batch) -> None:
        """Do what follows the record of a start; harmless to do again."""
        progress = await self._situations.progress(batch.id)
        if not progress.is_concluded:
            await self.begin(batch)
        await self._replies.react(request, Reaction.STARTED)

    async def _cannot_start(self, progress: Progress) -> str:
        batch_id = progress.batch.id
        if progress.started_at is not None:
            is_over = not progress.state.is_live
            return declines.started_before(
                batch_id, progress.tracking_url, is_over=is_over
            )
        if progress.state is not BatchState.PLANNED:
            return declines.was_dropped(batch_id)
        expires_at = progress.expires_at
        if expires_at is not None and self._situations.now() > expires_at:
            return declines.plan_expired(batch_id)
        if busy := await self._which.busy(progress, list(progress.items)):
            return declines.busy(busy)
        return ""
