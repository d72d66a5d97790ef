"""Adds items to a live batch, by the same plan and for the same people as at its start."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from structlog.contextvars import bound_contextvars

from bot.core import events as e
from bot.core.actions.table import needed_role
from bot.core.command import syntax
from bot.core.command.faults import CycleFound, Declined, NotPermitted, Refusal
from bot.core.model import (
    Batch,
    BatchState,
    ItemFacts,
    ItemId,
    PlanChange,
    Request,
    Role,
)
from bot.core.plan.graph import joined
from bot.core.run import control
from bot.core.run.control import ControlResult
from bot.core.run.progress import Progress
from bot.core.run.schedule import Schedule
from bot.core.say import declines, refusals
from bot.core.say.controls import already, render_added
from bot.engine.batches import Chosen, NewBatches, facts_of
from bot.engine.controls import may_control
from bot.engine.reading import Reader, Reading
from bot.engine.replies import Replies
from bot.engine.scheduler import Scheduler
from bot.engine.situation import Situations
from bot.engine.which import Which
from bot.ports.store import Batches


class Additions:
    """Adds what people want to a batch that is there, once for each wish."""

    def __init__(
        self,
        *,
        batches: Batches,
        new: NewBatches,
        reader: Reader,
        which: Which,
        scheduler: Scheduler,
        situations: Situations,
        replies: Replies,
    ) -> None:
        self._batches = batches
        self._new = new
        self._reader = reader
        self._which = which
        self._scheduler = scheduler
        self._situations = situations
        self._replies = replies

    async def add(
        self, request: Request, command: syntax.Add, reading: Reading, role: Role
    ) -> str | Refusal:
        """Add items; return what became of it, in a few words, or why nothing did."""
        batch = await self._which.meant(request, command.id)
        if isinstance(batch, str):
            batch = await self._which.carried_out(request) or batch
        if isinstance(batch, str):
            return Declined(batch)
        with bound_contextvars(batch=batch.id):
            before = await self._situations.progress(batch.id)
            if before.state is BatchState.PLANNED:
                return Declined(declines.not_added(batch.id, already(before)))
            given = before.controls.get(request.source)
            if given is not None:  # delivered again, or a crash came between
                done = ControlResult(given.by, touched=given.touched)
                return await self._told(request, batch, done)
            places = (place.repository for place in reading.known.parts)
            async with self._which.taking(request.repository, *places):
                made = await self._change(request, command, reading, before, role)
                if not isinstance(made, tuple):
                    return made
                change, facts, notes = made
                await self._batches.keep_facts(batch.id, facts)
                result = await self._extended(request, batch, change)
            if result is None or result.nothing:
                why = result.nothing if result else already(before)
                return Declined(declines.not_added(batch.id, why))
            return await self._told(request, batch, result, notes)

    async def _extended(
        self, request: Request, batch: Batch, change: PlanChange
    ) -> ControlResult | None:
        """Record the change of a batch, once; None if it has ended."""
        by, source = request.asker.login, request.source

        def decide(schedule: Schedule, now: datetime) -> ControlResult:
            result = control.extend(schedule, now, by=by, change=change)
            if result.nothing:
                return result
            noted = e.ControlGiven(now, by, source, result.touched)
            return replace(result, events=(*result.events, noted))

        return await self._scheduler.change(batch.id, decide)

    async def why_not(self, request: Request, command: syntax.Add, role: Role) -> str:
        """Return why nothing can be added at this moment, as far as it is no matter of
        the items.
        """
        batch = await self._which.meant(request, command.id)
        if isinstance(batch, str):
            return batch
        before = await self._situations.progress(batch.id)
        if before.state is BatchState.PLANNED:
            return declines.not_added(batch.id, already(before))
        if not may_control(request, before, role):
            return declines.needs_role(Role.MAINTAIN)
        return ""

    async def _change(
        self,
        request: Request,
        command: syntax.Add,
        reading: Reading,
        before: Progress,
        role: Role,
    ) -> tuple[PlanChange, Mapping[ItemId, ItemFacts], tuple[str, ...]] | Refusal:
        """Return the change with the facts of its items and how it was read, or why
        there is none.
        """
        batch, limits = before.batch, reading.configuration.limits
        if not may_control(request, before, role):
            return NotPermitted(
                needed=Role.MAINTAIN,
                had=role,
                what=refusals.of_somebody_else("add"),
                command=syntax.format_command(command),
            )
        plan = batch.plan
        if whole := [k for k in _WHOLE if getattr(command.run.options, k) is not None]:
            return Declined(declines.for_the_whole(len(whole)))
        known = await self._reader.with_live_items(request.repository, reading.known)
        chosen = await self._new.choose(
            request, command.run, known, options=plan.options
        )
        if not isinstance(chosen, Chosen):
            return _as_addition(chosen, batch)
        count = len(chosen.plan.items)
        if len(plan.items) + count > limits.items:
            return Declined(
                declines.too_many_added(len(plan.items), count, limits.items)
            )
        if chosen.selection.must_confirm:
            return Declined(declines.unasked(count))
        own = batch.repository.id
        added = [one for one in chosen.plan.items if one.repository.id == own]
        actions = [item.action for item in added]
        needed = needed_role(actions, to_run=Role.WRITE)
        starter = before.started_by or batch.asker.login
        if needed > batch.needed_role and request.asker.login != starter:
            return Declined(declines.starter_needs(starter, needed))
        change = joined(plan, chosen.plan, home=batch.repository.name)
        if isinstance(change, CycleFound):
            return change
        why = await self._reader.elsewhere.why_not(
            batch.repository, starter, change.items
        )
        if why and starter != request.asker.login:
            return Declined(declines.starter_may_not(starter, why))
        facts = facts_of(change.items, known)
        return change, facts, chosen.plan.notes

    async def _told(
        self,
        request: Request,
        batch: Batch,
        done: ControlResult,
        notes: tuple[str, ...] = (),
    ) -> str:
        progress = await self._situations.progress(batch.id)
        await self._replies.say(
            request,
            "add",
            lambda first: render_added(progress, done.touched, notes, marker=first),
        )
        return f"add {batch.id}"


_WHOLE = ("concurrency", "on_failure", "budget_requests", "start_at")
"""Options that a batch has as a whole."""


def _as_addition(refusal: Refusal, batch: Batch) -> Refusal:
    """Return a refusal whose correction adds to the batch as well."""
    if isinstance(refusal, NotPermitted) or not refusal.corrected:
        return refusal
    words = refusal.corrected.partition(" ")[2]
    return replace(refusal, corrected=f"/batch add {batch.id} {words}")
