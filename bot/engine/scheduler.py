"""The one loop: what has happened, what follows, what starts; then write, then act.

Attempts, controls and the world post messages. A pass takes all that are there, moves
the schedules, asks ``bot.core.run.decide`` what starts, records every event of the pass in
one transaction, and only then starts attempts and answers whoever waits. Nothing else
changes the state of an item.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from math import inf

from bot.core import events as e
from bot.core.model import (
    BatchId,
    Expectations,
    InstallationId,
    ItemFacts,
    ItemId,
    Reference,
)
from bot.core.run.capacity import MEMORY_LINE, Capacity, InstallationCapacity
from bot.core.run.control import ControlResult
from bot.core.run.decide import Started, decide
from bot.core.run.progress import fold
from bot.core.run.reasons import Reason, reasons
from bot.core.run.schedule import Schedule
from bot.core.world.budget import is_other_end
from bot.engine.agenda import Agenda, Figures
from bot.engine.endings import take_in
from bot.engine.live import Live, Pass
from bot.engine.present import Findings
from bot.engine.recorder import Recorder
from bot.engine.running import Running
from bot.ports.clock import Clock
from bot.ports.github import Budgets
from bot.ports.host import Memory
from bot.ports.store import Batches

HOLD_SECONDS = 5.0
"""How often a hold that nothing announces, such as memory, is looked at again."""


@dataclass(frozen=True, slots=True)
class SlotLimits:
    """What this server allows: slots of an installation, workspaces of the host."""

    slots: int = 3
    workspaces: int = 5


class Scheduler:
    """Runs all live batches. ``run`` is its loop; the other methods post to it."""

    def __init__(
        self,
        *,
        batches: Batches,
        recorder: Recorder,
        running: Running,
        github: Budgets,
        memory: Memory,
        clock: Clock,
        limits: SlotLimits,
    ) -> None:
        self._batches = batches
        self._recorder = recorder
        self._running = running
        self._mailbox = running.mailbox
        self._github = github
        self._memory = memory
        self._clock = clock
        self._limits = limits
        self._agenda = Agenda()
        self._live = self._agenda.lives
        self._turn = 0
        self.is_held = asyncio.Event()  # set when an outage keeps items from starting

    @property
    def is_stopping(self) -> bool:
        """Whether the bot ends: nothing new starts."""
        return self._running.is_stopping

    @property
    def slots(self) -> int:
        """How many items of an installation may run at a time."""
        return self._limits.slots

    # --- for others ----------------------------------------------------------------

    async def adopt(
        self,
        batch_id: BatchId,
        *,
        is_restart: bool = False,
        expectations: Expectations | None = None,
    ) -> None:
        """Take charge of a live batch; its recorded events are applied again.

        What is expected of items is asked for, if it is not known. After a restart the running attempts go on from where they were, apart from
        commands that have ended with the bot: those begin again.
        """
        batch = await self._batches.load(batch_id)
        if batch is None or batch_id in self._live:
            return
        events = await self._batches.events(batch_id)
        if expectations is None:
            expectations = await self._batches.expectations()
        schedule = Schedule(batch, expectations, self._running.takes_workspace)
        for event in events:
            schedule.apply(event)
        live = Live(schedule)
        progress = fold(batch, events)
        live.budget_until = progress.budget_wait_until
        for item, view in progress.items.items():
            if view.outcome is not None and view.outcome.branch:
                live.branches[item] = view.outcome.branch
        kept = await self._running.resumable(progress) if is_restart else {}
        is_sequel = batch.retry_of is not None or batch.undo_of is not None
        is_unwatched = progress.expires_at is not None or is_sequel
        if is_restart or is_unwatched:
            # Nobody watched while it was a plan; a retry asks for what did not succeed.
            self._running.doubt(batch_id, is_restart=is_restart)

        def take(step: Pass) -> None:
            self._agenda.add(live)
            if is_restart:
                self._running.recover(step, live, kept)
            step.follow_up(live)

        await self._mailbox.post(take)

    async def change(
        self, batch_id: BatchId, decision: Callable[[Schedule, datetime], ControlResult]
    ) -> ControlResult | None:
        """Make a change that a person asked for; return it once it is on disk.

        None if the batch is not live any more.
        """
        decided: list[ControlResult] = []

        def make(step: Pass) -> None:
            live = self._live.get(batch_id)
            if live is None:
                return
            change = decision(live.schedule, step.now)
            decided.append(change)
            for event in change.events:
                step.happen(live, event)
            for number in change.stop:
                step.afterwards.append(
                    partial(self._running.stop, live, number, change.by)
                )
            step.follow_up(live)

        await self._mailbox.post(make)
        return decided[0] if decided else None

    async def settle_outside(
        self, reference: Reference, facts: ItemFacts | None
    ) -> None:
        """Note that something outside ended, or is gone, for all that waits for it."""

        def settle(step: Pass) -> None:
            for live in self._live.values():
                if reference in live.schedule.open_outside():
                    step.happen(live, e.settled(step.now, reference, facts))
                    step.follow_up(live)

        await self._mailbox.post(settle)

    async def found(self, batch_id: BatchId, findings: Findings) -> None:
        """Take in what is not as it was when the command of a batch was accepted."""

        def take(step: Pass) -> None:
            live = self._live.get(batch_id)
            if live is not None:
                take_in(step, live, findings, stop=self._running.stop)

        await self._mailbox.post(take)

    def live(self, repository_id: int | None = None) -> Sequence[Schedule]:
        """Return the schedules of live batches: all, or those of or in one repository."""
        return [
            live.schedule
            for live in self._live.values()
            if live.schedule.state.is_live
            and (repository_id is None or live.is_in(repository_id))
        ]

    def open_outside(self) -> Mapping[InstallationId, frozenset[Reference]]:
        """Return what live batches wait for outside themselves, by installation."""
        found: dict[InstallationId, frozenset[Reference]] = {}
        for live in self._live.values():
            key, waiting = live.schedule.installation_id, live.schedule.open_outside()
            found[key] = found.get(key, frozenset()).union(waiting)
        return found

    def reasons(self, batch_id: BatchId) -> Mapping[ItemId, Reason]:
        """Return why each pending item of a live batch is not running."""
        live = self._live.get(batch_id)
        if live is None:
            return {}
        capacity = self.capacity([live.schedule.installation_id])
        return reasons(live.schedule, capacity, now=self._clock.now())

    def capacity(self, of: Collection[InstallationId] | None = None) -> Capacity:
        """Return one snapshot of what is free, *of* some installations or of all."""
        busy: dict[InstallationId, list[tuple[Live, ItemId]]] = {}
        found = (
            self._live.values()
            if of is None
            else (live for key in of for live in self._agenda.of(key))
        )
        for live in found:
            at_work = busy.setdefault(live.schedule.installation_id, [])
            at_work += [(live, item) for item in live.schedule.at_work]
        taken = self._agenda.taken
        here = self._running.takes_workspace
        workspaces = sum(many for (w, _), many in taken.items() if here.get(w, False))
        return Capacity(
            {k: self._free(k, busy.get(k, [])) for k in {*busy, *(of or ())}},
            self._limits.workspaces - workspaces,
            self._limits.workspaces,
            self._memory.used_fraction(),
            self.is_stopping,
            self._running.git_away(),
            self._running.pools(),
        ).without(taken)

    def figures(self) -> Figures:
        """Return how much there is of the live batches."""
        return self._agenda.figures(len(self._mailbox.messages))

    def short_of_requests(self) -> frozenset[InstallationId]:
        """Return the installations in which batches wait for API requests."""
        return frozenset(
            live.schedule.batch.repository.installation_id
            for live in self._live.values()
            if live.budget_until is not None
        )

    def held(self) -> Mapping[BatchId, InstallationId]:
        """Return the batches that would start an item if GitHub could be worked with."""
        ready = {
            batch_id: live.schedule.installation_id
            for batch_id, live in self._live.items()
            if live.schedule.has_ready
        }
        away = {key for key in {*ready.values()} if self._github.budget(key).outage}
        return {batch_id: key for batch_id, key in ready.items() if key in away}

    def look_again(self) -> None:
        """Look at what may start: something may have become free."""
        self._mailbox.wake.set()

    async def drain(self, seconds: float) -> None:
        """Start nothing new, and bring the attempts to their end or a place to go on
        from, in *seconds* at most.
        """
        await self._running.drain(list(self._live.values()), seconds)

    async def run(self) -> None:
        """Work for ever."""
        seconds: float | None = None
        while True:
            await self._woken(seconds)
            seconds = await self._pass()

    # --- the pass --------------------------------------------------------------------

    async def _pass(self) -> float | None:
        """Take what has happened; return after how many seconds to look again."""
        step = Pass(self._clock.now())
        for message in self._mailbox.take():
            message(step)
        due = self._agenda.due(step.touched.values(), step.now)
        able = self._able(due)
        capacity = self.capacity({schedule.installation_id for schedule in able})
        started = decide(able, capacity, now=step.now, turn=self._turn)
        self._turn += len(started)
        for start in started:
            step.note(self._live[start.schedule.batch.id], start.event)
        self._note_budget(step, due, capacity)
        if step.events:
            await self._recorder.record(step.events)
        for act in step.afterwards:
            act()
        self._begin(started)
        self._forget_ended(step.touched.values())
        self._agenda.looked_at(due, able)
        if any(one.outage for one in capacity.installations.values()) and self.held():
            self.is_held.set()
        return self._seconds_to_wait(due, capacity)

    def _able(self, due: Sequence[Live]) -> list[Schedule]:
        """Return the schedules that lack nothing but what may be free for them.

        In all others nothing starts, whatever there is of requests, memory and
        workspaces: that takes too long to be asked for in vain.
        """
        taken: Counter[InstallationId] = Counter()
        for live in due:
            taken[live.schedule.installation_id] += live.schedule.slots_taken
        return [
            live.schedule
            for live in due
            if taken[live.schedule.installation_id] < self._limits.slots
            and live.schedule.has_ready
        ]

    async def _woken(self, seconds: float | None) -> None:
        """Return when there is something to take, or a delay or hold may be over."""
        wake = self._mailbox.wake
        if seconds is None or wake.is_set():
            await wake.wait()
        else:
            waits = {
                asyncio.ensure_future(wake.wait()),
                asyncio.ensure_future(self._clock.sleep(seconds)),
            }
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
        wake.clear()

    def _begin(self, started: Sequence[Started]) -> None:
        for start in started:
            live = self._live[start.schedule.batch.id]
            self._running.launch(
                live, start.event.item, start.event.attempt, at=start.event.at
            )

    def _forget_ended(self, touched: Iterable[Live]) -> None:
        for live in touched:
            is_over = not live.schedule.state.is_live and not live.tasks
            if is_over and live.batch.id in self._live:
                self._agenda.remove(live)
                self._running.forget(live.batch.id)

    def _note_budget(self, step: Pass, due: Sequence[Live], capacity: Capacity) -> None:
        """Record when a batch begins and ceases to wait for API requests."""
        for live in due:
            free = capacity.installations.get(live.schedule.installation_id)
            waits = free is not None and live.schedule.lacks_requests(free)
            if waits and free is not None:
                known = live.budget_until
                minute = step.now + timedelta(minutes=1)
                told = known if known and known > step.now else minute
                until = free.budget_until or told
                if is_other_end(known, until):
                    step.note(live, e.BudgetWaitStarted(step.now, until))
                    live.budget_until = until
            elif live.budget_until is not None:
                step.note(live, e.BudgetWaitEnded(step.now))
                live.budget_until = None

    def _seconds_to_wait(self, due: Sequence[Live], capacity: Capacity) -> float | None:
        now = self._clock.now()
        next_retry_at = self._agenda.next_retry_at()
        waits = [(next_retry_at - now).total_seconds()] if next_retry_at else []
        is_low = capacity.memory_used > MEMORY_LINE
        for live in due:
            free = capacity.installations.get(live.schedule.installation_id)
            if free is None:
                continue  # what it waits for is told
            if live.budget_until is not None and free.budget_until:
                waits.append((free.budget_until - now).total_seconds())
            is_away = free.outage is not None
            is_held = is_low or is_away or not live.schedule.slots_taken
            if is_held and live.schedule.has_ready:
                waits.append(HOLD_SECONDS)
        return max(0.05, min(waits)) if waits else None

    def _free(
        self,
        installation_id: InstallationId,
        at_work: Sequence[tuple[Live, ItemId]],
    ) -> InstallationCapacity:
        budget = self._github.budget(installation_id)
        free = InstallationCapacity(
            slots_free=self._limits.slots - len(at_work),
            slots_total=self._limits.slots,
            requests_fit=self._github.requests_fit(installation_id),
            requests_most=(budget.limit - budget.reserve) / 2
            if budget.is_known
            else inf,
            budget_until=budget.held_until or budget.reset_at,
            outage=budget.outage,
        )
        # What runs has not asked for all it needs: that room is taken already.
        claimed = sum(live.schedule.cost_requests(n, free) for live, n in at_work)
        return replace(free, requests_fit=free.requests_fit - claimed)
