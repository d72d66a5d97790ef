"""Controls of a batch: who may, which batch, what changed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from structlog.contextvars import bound_contextvars

from bot.core import events as e
from bot.core.command import syntax
from bot.core.command.faults import NotPermitted
from bot.core.command.syntax import Control, format_command
from bot.core.effects import Reaction
from bot.core.model import Batch, BatchState, Box, Button, Request, Role
from bot.core.run import control
from bot.core.run.control import ControlResult
from bot.core.run.progress import Progress
from bot.core.run.schedule import Schedule
from bot.core.say import declines, refusals
from bot.core.say.controls import already, render_control_done, render_withdrawn
from bot.core.say.problems.github import EarlierWaits
from bot.core.say.start_times import dropped as say_dropped
from bot.engine.recorder import Recorder
from bot.engine.replies import Replies
from bot.engine.retries import Retries, Sequel
from bot.engine.scheduler import Scheduler
from bot.engine.situation import Situations
from bot.engine.which import Which
from bot.engine.withdrawals import Withdrawals
from bot.errors import TransientError

Decision = Callable[[Schedule, datetime], ControlResult]


class Controls:
    """Carries out what people want of a batch that is there."""

    def __init__(
        self,
        *,
        which: Which,
        scheduler: Scheduler,
        retries: Retries,
        replies: Replies,
        situations: Situations,
        withdrawals: Withdrawals,
        recorder: Recorder,
    ) -> None:
        self._recorder = recorder
        self._which = which
        self._withdrawals = withdrawals
        self._scheduler = scheduler
        self._retries = retries
        self._replies = replies
        self._situations = situations

    async def command(self, request: Request, command: Control, role: Role) -> str:
        """Carry out a control of the batch that it means."""
        batch = await self.meant(request, command)
        if isinstance(batch, str) and command == syntax.Cancel():
            waiting = self._withdrawals.take_back(request, role)
            withdrawn = [one for one in waiting if not await self._which.begun(one)]
            for one in withdrawn:
                await self._replies.withdraw(one, request.asker.login)
            if withdrawn:
                await self._replies.say(
                    request,
                    "cancel",
                    lambda first: render_withdrawn(len(withdrawn), marker=first),
                )
                return f"withdrew {len(withdrawn)}"
        is_nameless = command in (syntax.Pause(), syntax.Cancel())
        is_open = is_nameless or isinstance(
            command, syntax.Skip | syntax.Priority | syntax.Concurrency
        )
        if isinstance(batch, str) and is_open and self._withdrawals.before(request):
            raise TransientError(EarlierWaits())  # it may be about that
        return await self.control(request, batch, command, role)

    async def meant(self, request: Request, command: Control) -> Batch | str:
        """Return the batch that a control means, or why that cannot be said."""
        match command:
            case syntax.Skip(None, names) | syntax.Priority(None, names):
                return await self._which.live_with(request, names)
            case (
                syntax.Cancel(batch_id)
                | syntax.Pause(batch_id)
                | syntax.Resume(batch_id)
                | syntax.Retry(batch_id)
                | syntax.Undo(batch_id)
                | syntax.Skip(batch_id)
                | syntax.Priority(batch_id)
                | syntax.Concurrency(batch_id)
            ):
                is_sequel = isinstance(command, Sequel)
                return await self._which.meant(
                    request,
                    batch_id,
                    also_ended=is_sequel,
                    also_planned=isinstance(command, syntax.Cancel),
                )
            case _:
                assert_never(command)

    async def control(
        self,
        request: Request,
        batch: Batch | str,
        command: Control,
        role: Role,
    ) -> str:
        """Carry out a control of *batch*, which may be why there is none."""
        if isinstance(batch, str):
            batch = await self._which.carried_out(request) or batch
        if isinstance(batch, str):
            await self._replies.decline(request, batch)
            return "refused: which batch"
        with bound_contextvars(batch=batch.id):
            return await self._control_batch(request, batch, command, role)

    async def _control_batch(
        self, request: Request, batch: Batch, command: Control, role: Role
    ) -> str:
        name = type(command).__name__.lower()
        before = await self._situations.progress(batch.id)
        if not may_control(request, before, role):
            denied = NotPermitted(
                needed=Role.MAINTAIN,
                had=role,
                what=refusals.of_somebody_else(name),
                command=format_command(command),
            )
            await self._replies.deny(request, denied)
            return "refused: role"
        is_over = not before.state.is_live
        is_new = request.source not in before.controls
        if isinstance(command, Sequel) and is_over and is_new:
            left = await self._left(request, before, command)
            again = await self._retries.again(request, left, command, role)
            if isinstance(again, str):
                await self._replies.decline(request, again)
                return f"refused: cannot {name}"
            return f"batch {again.id}"
        is_whole = command in (syntax.Cancel(batch.id), syntax.Cancel())
        if is_whole and await self._dropped(request, batch):
            await self._replies.say(
                request, name, lambda first: say_dropped(batch.id, marker=first)
            )
            return f"{name} {batch.id}"
        change = await self._changed(request, batch, command, before)
        progress = await self._situations.progress(batch.id)
        if change is None:
            change = ControlResult(request.asker.login, nothing=already(progress))
        if change.nothing or not isinstance(request.origin, Box | Button):
            done = change
            await self._replies.say(
                request,
                name,
                lambda first: render_control_done(name, progress, done, marker=first),
                changed=not done.nothing,
            )
        if change.nothing:
            await self._replies.react(request, Reaction.REFUSED)
        return f"{name} {batch.id}"

    async def _dropped(self, request: Request, batch: Batch) -> bool:
        """Return whether this wish has let a plan go that starts by itself."""
        async with self._which.taking(batch.repository, *batch.elsewhere):
            progress = await self._situations.progress(batch.id)
            if progress.started_at is not None or progress.starts_at is None:
                return False
            if progress.state is BatchState.PLANNED:
                now, by = self._situations.now(), request.asker.login
                events = control.drop(progress, now, by=by, source=request.source)
                await self._recorder.record({batch.id: events})
                return True
            return request.source in progress.controls

    async def why_not(self, request: Request, command: Control, role: Role) -> str:
        """Return why a control would change nothing at this moment, if so."""
        batch = await self.meant(request, command)
        if isinstance(batch, str):
            return batch
        before = await self._situations.progress(batch.id)
        if not may_control(request, before, role):
            return declines.needs_role(Role.MAINTAIN)
        if isinstance(command, Sequel) and not before.state.is_live:
            left = await self._left(request, before, command)
            return await self._retries.why_not(request, left, command, role)
        decide = self._decision(command, request.asker.login)

        def only_look(schedule: Schedule, now: datetime) -> ControlResult:
            return replace(decide(schedule, now), events=(), stop=())

        change = await self._scheduler.change(batch.id, only_look)
        if change is None and isinstance(command, syntax.Cancel) and before.starts_at:
            is_whole = not command.items and before.state is BatchState.PLANNED
            return "" if is_whole else already(before)
        return change.nothing if change else already(before)

    async def _left(
        self, request: Request, before: Progress, command: Sequel
    ) -> Progress:
        """Return the batch that has what is left to try again: the last retry of an ended
        one, if it had all that is meant and has ended too.
        """
        while isinstance(command, syntax.Retry) and before.retried_as:
            later = await self._situations.progress(before.retried_as)
            wanted = control.to_run_again(before, command.items)
            is_own = later.batch.request.source == request.source  # asked for twice
            if is_own or later.state.is_live or not {*wanted} <= later.items.keys():
                break
            before = later
        return before

    async def _changed(
        self, request: Request, batch: Batch, command: Control, before: Progress
    ) -> ControlResult | None:
        """Make the change, unless the same wish was carried out before."""
        source = request.source
        by = request.asker.login
        given = before.controls.get(source)
        if given is not None:
            return ControlResult(
                by,
                touched=given.touched,
                ignored=given.ignored,
                too_late=given.too_late,
            )
        decide = self._decision(command, by)

        def decision(schedule: Schedule, now: datetime) -> ControlResult:
            change = decide(schedule, now)
            if change.nothing:
                return change
            noted = e.ControlGiven(
                now,
                by,
                source,
                change.touched,
                change.ignored,
                change.stop,
                change.too_late,
            )
            return replace(change, events=(*change.events, noted))

        return await self._scheduler.change(batch.id, decision)

    def _decision(self, command: Control, by: str) -> Decision:
        match command:
            case syntax.Pause():
                return lambda schedule, now: control.pause(schedule, now, by=by)
            case syntax.Resume():
                return lambda schedule, now: control.resume(schedule, now, by=by)
            case syntax.Cancel(_, names):
                return lambda s, now: control.cancel(s, now, by=by, names=names)
            case syntax.Retry(_, names):
                return lambda s, now: control.retry(s, now, by=by, names=names)
            case syntax.Undo():
                nothing = declines.still_runs()
                return lambda _s, _now: ControlResult(by, nothing=nothing)
            case syntax.Skip(_, names):
                return lambda s, now: control.skip(s, now, by=by, names=names)
            case syntax.Priority(_, names, priority):
                return lambda s, now: control.prioritize(
                    s, now, by=by, names=names, priority=priority
                )
            case syntax.Concurrency(_, asked):
                most = self._scheduler.slots
                return lambda s, now: control.widen(
                    s, now, by=by, concurrency=min(asked, most)
                )
            case _:
                assert_never(command)


def may_control(request: Request, before: Progress, role: Role) -> bool:
    """Return whether whoever asks may control a batch: their own, or as a maintainer."""
    own = {before.batch.asker.login, before.started_by}
    return role >= Role.MAINTAIN or request.asker.login in own
