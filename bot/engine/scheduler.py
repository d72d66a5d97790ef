"""The one loop: what has happened, what follows, what starts; then write, then act.

Attempts, controls and the world post messages. A pass takes all that are there, moves
the schedules, asks ``bot.core.run.schedule`` what starts, records every event of the pass in
one transaction, and only then starts attempts and answers whoever waits. Nothing else
changes the state of an item.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from math import inf

import structlog
from structlog.contextvars import bound_contextvars

from bot.core import events as e
from bot.core.model import (
    Batch,
    BatchId,
    BatchState,
    Cause,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemNumber,
    ItemState,
    Outcome,
    OutcomeKind,
    Reference,
    attempt_id,
)
from bot.core.run.control import Change
from bot.core.run.progress import Progress, fold
from bot.core.run.reasons import Reason
from bot.core.run.retry import delay_seconds
from bot.core.run.schedule import (
    MEMORY_LINE,
    Capacity,
    InstallationCapacity,
    Schedule,
    Started,
    decide,
    reasons,
)
from bot.engine.attempt import Attempts
from bot.engine.present import Findings, Present
from bot.engine.recorder import Recorder
from bot.engine.supervisor import Supervisor
from bot.errors import BatchOver
from bot.ports.clock import Clock
from bot.ports.github import GitHub
from bot.ports.host import Memory
from bot.ports.store import Batches
from bot.ports.work import AttemptSpec, Runner, Work

HOLD_SECONDS = 5.0
"""How often a hold that nothing announces, such as memory, is looked at again."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """What this server allows: slots of an installation, workspaces of the host."""

    slots: int = 3
    workspaces: int = 5


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is of the live batches, for those who watch."""

    batches: Mapping[BatchState, int]
    items: Mapping[ItemState, int]
    unblocked: int  # pending items that wait for no other item
    waiting_for_budget: int  # batches
    messages: int  # that the next pass will take


@dataclass(slots=True, eq=False)
class Live:
    """A batch that the scheduler has to do with."""

    schedule: Schedule
    tasks: dict[ItemId, asyncio.Task[None]] = field(default_factory=dict)
    publishing: dict[ItemId, str] = field(default_factory=dict)  # item → work
    # item → by whom, or how it ends because somebody else did it or took it away
    stopping: dict[ItemId, str | Outcome] = field(default_factory=dict)
    branches: dict[ItemId, str] = field(default_factory=dict)
    budget_until: datetime | None = None  # as recorded, while it waits for requests

    @property
    def batch(self) -> Batch:
        """The batch, with its repository's present name."""
        return self.schedule.batch

    def is_unwanted(self, item: ItemId) -> bool:
        """Whether a running item is to be stopped, though it may not know yet."""
        is_over = self.schedule.cause is not None
        return is_over or item in self.stopping or item in self.schedule.stopping

    def pushed_predecessors(self, item: ItemId) -> tuple[tuple[ItemNumber, str], ...]:
        """Return the predecessors of an item, in its repository, that pushed a branch,
        with the branch.
        """
        earlier = tuple((n, b) for i, n, b in self.batch.builds_on if i == item)
        if not self.branches:
            return earlier
        repository = self.schedule.planned(item).repository
        before = map(self.schedule.planned, self.schedule.predecessors_of(item))
        now = tuple(
            (one.number, self.branches[one.id])
            for one in before
            if one.id in self.branches and one.repository.id == repository.id
        )
        return (*earlier, *now)


@dataclass(slots=True, eq=False)
class _Pass:
    """What one pass is about to record and to do afterwards."""

    now: datetime
    events: dict[BatchId, list[e.News]] = field(default_factory=dict)
    afterwards: list[Callable[[], object]] = field(default_factory=list)

    def happen(self, live: Live, event: e.Event) -> None:
        live.schedule.apply(event)
        self.note(live, event)

    def note(self, live: Live, event: e.News) -> None:
        self.events.setdefault(live.batch.id, []).append(event)


Message = Callable[[_Pass], None]


class Scheduler:
    """Runs all live batches. ``run`` is its loop; the other methods post to it."""

    def __init__(
        self,
        *,
        batches: Batches,
        recorder: Recorder,
        attempts: Attempts,
        runners: Mapping[str, Runner],
        github: GitHub,
        present: Present,
        memory: Memory,
        clock: Clock,
        supervisor: Supervisor,
        limits: Limits,
        fraction: Callable[[], float],
    ) -> None:
        self._batches = batches
        self._recorder = recorder
        self._attempts = attempts
        self._runners = runners
        self._github = github
        self._present = present
        self._memory = memory
        self._clock = clock
        self._supervisor = supervisor
        self._limits = limits
        self._fraction = fraction
        self._needs_workspace = {n: r.needs_workspace for n, r in runners.items()}
        self._live: dict[BatchId, Live] = {}
        self._messages: list[Message] = []
        self._wake = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None
        self._turn = 0
        self.is_stopping = False
        self.attempts_ended: Counter[tuple[str, str]] = Counter()
        """Since the start, by runner and kind of outcome, or ``stopped``."""

    # --- for others ----------------------------------------------------------------

    async def adopt(self, batch_id: BatchId, *, is_restart: bool = False) -> None:
        """Take charge of a live batch; its recorded events are applied again.

        After a restart, accepted work goes on to be published, attempts on runners
        that outlive the bot are watched again, all others begin a new attempt.
        """
        batch = await self._batches.load(batch_id)
        if batch is None or batch_id in self._live:
            return
        events = await self._batches.events(batch_id)
        schedule = Schedule(
            batch, await self._batches.expectations(), self._needs_workspace
        )
        for event in events:
            schedule.apply(event)
        live = Live(schedule)
        progress = fold(batch, events)
        live.budget_until = progress.budget_wait_until
        for item, view in progress.items.items():
            if view.outcome is not None and view.outcome.branch:
                live.branches[item] = view.outcome.branch
        kept = await self._kept(batch, progress) if is_restart else {}
        if progress.expires_at is not None or batch.retry_of is not None:
            # Nobody watched while it was a plan; a retry asks for what did not succeed.
            self._present.doubt(batch_id)

        def take(step: _Pass) -> None:
            self._live[batch_id] = live
            if is_restart:
                self._recover(step, live, kept)
            self._follow_up(step, live)

        await self._post(take)

    async def change(
        self, batch_id: BatchId, decision: Callable[[Schedule, datetime], Change]
    ) -> Change | None:
        """Make a change that a person asked for; return it once it is on disk.

        None if the batch is not live any more.
        """
        decided: list[Change] = []

        def make(step: _Pass) -> None:
            live = self._live.get(batch_id)
            if live is None:
                return
            change = decision(live.schedule, step.now)
            decided.append(change)
            for event in change.events:
                step.happen(live, event)
            for item in change.stop:
                step.afterwards.append(partial(self._stop, live, item, change.by))
            self._follow_up(step, live)

        await self._post(make)
        return decided[0] if decided else None

    async def settle_outside(self, reference: Reference, *, is_satisfied: bool) -> None:
        """Note that something outside ended, for every batch that waits for it."""

        def settle(step: _Pass) -> None:
            for live in self._live.values():
                if reference in live.schedule.open_outside():
                    event = e.OutsideSettled(step.now, reference, is_satisfied)
                    step.happen(live, event)
                    self._follow_up(step, live)

        await self._post(settle)

    async def found(self, batch_id: BatchId, findings: Findings) -> None:
        """Take in what is not as it was when the command of a batch was accepted."""

        def take(step: _Pass) -> None:
            live = self._live.get(batch_id)
            if live is not None:
                self._found(step, live, findings)

        await self._post(take)

    def live(self, repository_id: int | None = None) -> Sequence[Schedule]:
        """Return the schedules of the live batches, of one repository or all."""
        return [
            live.schedule
            for live in self._live.values()
            if repository_id in (None, live.batch.repository.id)
            and live.schedule.state.is_live
        ]

    def open_outside(self) -> Mapping[InstallationId, frozenset[Reference]]:
        """Return what live batches wait for outside themselves, by installation."""
        found: dict[InstallationId, frozenset[Reference]] = {}
        for live in self._live.values():
            key = live.schedule.installation_id
            waiting = frozenset(live.schedule.open_outside())
            found[key] = found.get(key, frozenset()) | waiting
        return found

    def reasons(self, batch_id: BatchId) -> Mapping[ItemId, Reason]:
        """Return why each pending item of a live batch is not running."""
        live = self._live.get(batch_id)
        if live is None:
            return {}
        return reasons(live.schedule, self.capacity(), now=self._clock.now())

    def capacity(self) -> Capacity:
        """Return one snapshot of what is free."""
        busy: dict[InstallationId, list[tuple[Live, ItemId]]] = {}
        for live in self._live.values():
            running = busy.setdefault(live.schedule.installation_id, [])
            running += [(live, item) for item in live.schedule.running]
        # What is being published needs none any more; it may wait for GitHub for long.
        workspaces = sum(
            self._needs_workspace[live.schedule.planned(item).runner]
            for running in busy.values()
            for live, item in running
            if item not in live.publishing
        )
        return Capacity(
            {key: self._free(key, running) for key, running in busy.items()},
            self._limits.workspaces - workspaces,
            self._limits.workspaces,
            self._memory.used_fraction(),
            self.is_stopping,
        )

    def figures(self) -> Figures:
        """Return how much there is of the live batches."""
        items: Counter[ItemState] = Counter()
        for live in self._live.values():
            items.update(live.schedule.counts())
        return Figures(
            batches=Counter(live.schedule.state for live in self._live.values()),
            items=items,
            unblocked=sum(live.schedule.unblocked for live in self._live.values()),
            waiting_for_budget=sum(
                live.budget_until is not None for live in self._live.values()
            ),
            messages=len(self._messages),
        )

    async def drain(self, seconds: float) -> None:
        """Start nothing new and wait for work that is being published, *seconds* at
        most; then stop the attempts, to be made again after the restart.
        """
        self.is_stopping = True
        self._wake.set()
        publishing = [
            live.tasks[item]
            for live in self._live.values()
            for item in live.publishing
            if item in live.tasks
        ]
        if publishing:
            await asyncio.wait(publishing, timeout=seconds)
        running = [t for live in self._live.values() for t in live.tasks.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def run(self) -> None:
        """Work for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._pass()

    # --- the pass --------------------------------------------------------------------

    async def _pass(self) -> None:
        messages, self._messages = self._messages, []
        step = _Pass(self._clock.now())
        for message in messages:
            message(step)
        capacity = self.capacity()
        schedules = [live.schedule for live in self._live.values()]
        started = decide(schedules, capacity, now=step.now, turn=self._turn)
        self._turn += len(started)
        for start in started:
            step.note(self._live[start.schedule.batch.id], start.event)
        self._note_budget(step, capacity)
        if step.events:
            await self._recorder.record(step.events)
        for act in step.afterwards:
            act()
        self._begin(started)
        self._forget_ended()
        self._set_timer(capacity)

    def _follow_up(self, step: _Pass, live: Live) -> None:
        for event in live.schedule.follow_up(step.now):
            step.note(live, event)

    def _begin(self, started: Sequence[Started]) -> None:
        for start in started:
            live = self._live[start.schedule.batch.id]
            self._launch(live, start.event.item, start.event.attempt)

    def _forget_ended(self) -> None:
        ended = [
            batch_id
            for batch_id, live in self._live.items()
            if not live.schedule.state.is_live and not live.tasks
        ]
        for batch_id in ended:
            del self._live[batch_id]
            self._present.forget(batch_id)

    def _note_budget(self, step: _Pass, capacity: Capacity) -> None:
        """Record when a batch begins and ceases to wait for API requests."""
        for live in self._live.values():
            free = capacity.installations.get(live.schedule.installation_id)
            waits = free is not None and live.schedule.lacks_requests(free)
            if waits and free is not None:
                until = free.budget_until or step.now + timedelta(minutes=1)
                if live.budget_until is None or until > live.budget_until:
                    step.note(live, e.BudgetWaitStarted(step.now, until))
                    live.budget_until = until
            elif live.budget_until is not None:
                step.note(live, e.BudgetWaitEnded(step.now))
                live.budget_until = None

    def _set_timer(self, capacity: Capacity) -> None:
        """Wake up when a delay or a hold may be over; everything else wakes by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        seconds = self._seconds_to_wait(capacity)
        if seconds is not None:
            self._timer = self._supervisor.start("timer", self._wake_after(seconds))

    def _seconds_to_wait(self, capacity: Capacity) -> float | None:
        now = self._clock.now()
        waits = [
            (at - now).total_seconds()
            for live in self._live.values()
            if (at := live.schedule.next_retry_at()) is not None
        ]
        for live in self._live.values():
            free = capacity.installations.get(live.schedule.installation_id)
            if live.budget_until is not None and free is not None and free.budget_until:
                waits.append((free.budget_until - now).total_seconds())
            is_held = capacity.memory_used > MEMORY_LINE or not live.schedule.running
            if is_held and live.schedule.has_ready:
                waits.append(HOLD_SECONDS)
        return max(0.05, min(waits)) if waits else None

    async def _wake_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._timer = None
        self._wake.set()

    async def _post(self, message: Message) -> None:
        """Return when the pass that took the message is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take(step: _Pass) -> None:
            message(step)
            step.afterwards.append(partial(_resolve, done))

        self._send(take)
        await done

    def _send(self, message: Message) -> None:
        self._messages.append(message)
        self._wake.set()

    def _free(
        self,
        installation_id: InstallationId,
        running: Sequence[tuple[Live, ItemId]],
    ) -> InstallationCapacity:
        budget = self._github.budget(installation_id)
        free = InstallationCapacity(
            slots_free=self._limits.slots - len(running),
            slots_total=self._limits.slots,
            requests_fit=self._github.requests_fit(installation_id),
            requests_most=(budget.limit - budget.reserve) / 2
            if budget.is_known
            else inf,
            budget_until=budget.held_until or budget.reset_at,
        )
        # What runs has not asked for all it needs: that room is taken already.
        claimed = sum(live.schedule.cost_requests(n, free) for live, n in running)
        return replace(free, requests_fit=free.requests_fit - claimed)

    # --- attempts --------------------------------------------------------------------

    def _launch(
        self, live: Live, item: ItemId, attempt: int, work: Work | None = None
    ) -> None:
        if self.is_stopping:
            return  # recorded as started: it begins again after the restart
        spec = self._spec(live, item, attempt)
        task = self._supervisor.start(spec.id, self._attempt(live, spec, attempt, work))
        live.tasks[item] = task
        # Told by the task's end: stopped before its first step, it runs no line.
        task.add_done_callback(partial(self._gone, live, item, attempt))

    def _spec(self, live: Live, item: ItemId, attempt: int) -> AttemptSpec:
        batch = live.batch

        async def facts() -> ItemFacts:
            return (await self._batches.facts(batch.id, [item]))[item]

        return AttemptSpec(
            id=attempt_id(batch.id, item, attempt),
            batch_id=batch.id,
            repository=live.schedule.planned(item).repository,
            default_branch=batch.default_branch,
            item=live.schedule.planned(item),
            facts=facts,
            asker=replace(
                batch.asker, login=live.schedule.starter or batch.asker.login
            ),
            predecessors=live.pushed_predecessors(item),
        )

    async def _attempt(
        self, live: Live, spec: AttemptSpec, attempt: int, work: Work | None
    ) -> None:
        item = spec.item.id

        async def accept(result: Work) -> bool:
            return await self._accept(live, item, attempt, result)

        def emit(line: str) -> None:
            self._send(lambda step: self._progress(step, live, item, attempt, line))

        @contextmanager
        def rest() -> Iterator[None]:
            live.schedule.rest(item)  # it can still be stopped
            yield
            if live.is_unwanted(item):  # and that is being written down just now
                by = live.schedule.stopping.get(item, "")
                live.stopping.setdefault(item, by)
                raise asyncio.CancelledError
            live.schedule.go_on(item)

        async def look() -> Outcome | None:
            return await self._look(live, item)

        came = "stopped"
        with (
            self._github.metered(spec.batch_id, spec.id),
            bound_contextvars(batch=spec.batch_id, item=item, attempt=spec.id),
        ):
            try:
                outcome = await self._attempts.run(
                    spec,
                    look=look,
                    accept=accept,
                    emit=emit,
                    rest=rest,
                    work=work,
                    present=lambda: live.schedule.planned(item).repository,
                )
                came = outcome.kind.value
            except BatchOver as error:
                over = error  # the name ends with the clause
                self._send(lambda step: self._over(step, live, spec, attempt, over))
                return
            except asyncio.CancelledError:
                # What was accepted is published after the restart and stays.
                if item in live.stopping or item not in live.publishing:
                    await self._attempts.clean(spec)
                raise
            finally:
                self.attempts_ended[spec.item.runner, came] += 1
        self._send(lambda step: self._ended(step, live, spec, attempt, outcome))

    async def _look(self, live: Live, item: ItemId) -> Outcome | None:
        """Return how an item that is about to start has ended already, if it has."""
        schedule = live.schedule
        findings = await self._present.before_start(
            schedule.batch,
            schedule.starter,
            schedule.planned(item),
            schedule.upcoming,
        )
        others = {n: o for n, o in findings.overtaken.items() if n != item}
        rest = replace(findings, overtaken=others)
        if not rest.is_nothing:
            # Behind this the batch has its repository's present name, or has ended.
            await self._post(lambda step: self._found(step, live, rest))
        return findings.overtaken.get(item)

    async def _accept(self, live: Live, item: ItemId, attempt: int, work: Work) -> bool:
        """Accept a result if its attempt is still the item's present one."""
        accepted: list[bool] = []

        def accept(step: _Pass) -> None:
            is_current = live.schedule.running.get(item) == attempt
            accepted.append(is_current and not live.is_unwanted(item))
            if accepted[0]:
                live.publishing[item] = work.data
                event = e.ItemAccepted(step.now, item, attempt, work.data)
                step.happen(live, event)

        await self._post(accept)
        return accepted[0]

    def _progress(
        self, step: _Pass, live: Live, item: ItemId, attempt: int, line: str
    ) -> None:
        if live.schedule.running.get(item) == attempt:
            step.note(live, e.ItemProgressed(step.now, item, attempt, line))

    def _ended(
        self,
        step: _Pass,
        live: Live,
        spec: AttemptSpec,
        attempt: int,
        outcome: Outcome,
    ) -> None:
        item = spec.item.id
        live.tasks.pop(item, None)
        live.publishing.pop(item, None)
        # In the pass in which somebody stops it, nothing has been told to it yet.
        ending = live.stopping.pop(item, live.schedule.stopping.get(item))
        if live.schedule.running.get(item) != attempt:
            log.warning(
                "result of an old attempt thrown away",
                batch=spec.batch_id,
                item=item,
                attempt=spec.id,
            )
            return
        requests = self._github.spent(spec.id)
        if outcome.branch:
            live.branches[item] = outcome.branch
        if ending is not None and outcome.kind is OutcomeKind.TRANSIENT:
            event = _stopped(step.now, item, attempt, ending, requests)
        else:
            event = self._end_event(step.now, live, spec, attempt, outcome, requests)
        step.happen(live, event)
        self._follow_up(step, live)

    def _end_event(
        self,
        now: datetime,
        live: Live,
        spec: AttemptSpec,
        attempt: int,
        outcome: Outcome,
        requests: int,
    ) -> e.Event:
        item = spec.item
        if outcome.kind is not OutcomeKind.TRANSIENT:
            return e.ItemEnded(now, item.id, attempt, outcome, requests)
        tries = live.schedule.tries_of(item.id)
        if tries > item.retries:
            failed = _given_up(outcome)
            return e.ItemEnded(now, item.id, attempt, failed, requests)
        wait = delay_seconds(tries, self._fraction(), outcome.retry_after_seconds)
        next_at = now + timedelta(seconds=wait)
        return e.ItemRetrying(now, item.id, attempt, outcome, next_at, requests)

    def _stop(self, live: Live, item: ItemId, ending: str | Outcome) -> None:
        """Stop a running attempt, unless its work is on its way to GitHub already.

        *ending* is who wanted that, or how the item ends.
        """
        task = live.tasks.get(item)
        if task is None or item in live.schedule.publishing:
            return
        if item not in live.stopping:  # a second time would cut its cleaning short
            live.stopping[item] = ending
            task.cancel()

    def _gone(
        self, live: Live, item: ItemId, attempt: int, task: asyncio.Task[None]
    ) -> None:
        if task.cancelled() and item in live.stopping:  # else by the shutdown
            self._send(lambda step: self._cancelled(step, live, item, attempt))

    def _cancelled(self, step: _Pass, live: Live, item: ItemId, attempt: int) -> None:
        live.tasks.pop(item, None)
        live.publishing.pop(item, None)
        ending = live.stopping.pop(item, "")
        if live.schedule.running.get(item) == attempt:
            requests = self._github.spent(attempt_id(live.batch.id, item, attempt))
            event = _stopped(step.now, item, attempt, ending, requests)
            step.happen(live, event)
            self._follow_up(step, live)

    # --- what others did -----------------------------------------------------------

    def _found(self, step: _Pass, live: Live, findings: Findings) -> None:
        if findings.moved_to is not None:
            step.happen(live, e.RepositoryMoved(step.now, findings.moved_to))
        schedule = live.schedule
        for item, outcome in findings.overtaken.items():
            match schedule.state_of(item):
                case ItemState.PENDING:
                    attempt = schedule.attempt_of(item)
                    ended = e.ItemEnded(step.now, item, attempt, outcome)
                    step.happen(live, ended)
                case ItemState.RUNNING:
                    step.afterwards.append(partial(self._stop, live, item, outcome))
                case _:
                    pass  # it has ended already
        if findings.cause is not None:
            self._end(step, live, findings.cause)
        self._follow_up(step, live)

    def _over(
        self,
        step: _Pass,
        live: Live,
        spec: AttemptSpec,
        attempt: int,
        error: BatchOver,
    ) -> None:
        """End the whole batch, with the attempt that found out that it is over."""
        item = spec.item.id
        before = spec.repository.installation_id
        live.tasks.pop(item, None)
        is_moved = before != live.batch.repository.installation_id
        if is_moved and item not in live.stopping:
            # The batch has moved on to where the app may work.
            live.publishing.pop(item, None)
            if live.schedule.running.get(item) == attempt:
                step.happen(live, e.ItemReset(step.now, item, by=""))
            return
        ending: str | Outcome = live.stopping.pop(item, "")
        if live.publishing.pop(item, None) is not None:
            # Some of it may be on GitHub.
            ending = Outcome(OutcomeKind.FAILED, reason=str(error), advice=error.advice)
        if live.schedule.running.get(item) == attempt:
            requests = self._github.spent(spec.id)
            event = _stopped(step.now, item, attempt, ending, requests)
            step.happen(live, event)
        self._end(step, live, Cause(error.why))
        self._follow_up(step, live)

    def _end(self, step: _Pass, live: Live, cause: Cause) -> None:
        if live.schedule.state in (BatchState.RUNNING, BatchState.PAUSED):
            step.happen(live, e.BatchCancelling(step.now, by="", cause=cause))
        for item in live.schedule.running:
            step.afterwards.append(partial(self._stop, live, item, ""))

    # --- after a restart ---------------------------------------------------------------

    async def _kept(
        self, batch: Batch, progress: Progress
    ) -> Mapping[ItemId, tuple[int, Work | None]]:
        """Return the running items that need not begin again, with how they go on."""
        running = {
            item: view
            for item, view in progress.items.items()
            if view.state is ItemState.RUNNING
        }
        kept: dict[ItemId, tuple[int, Work | None]] = {}
        for item, view in running.items():
            runner = self._runners[view.item.runner]
            attempt = attempt_id(batch.id, item, view.attempt)
            if view.is_publishing:
                kept[item] = (view.attempt, Work(view.work))
            elif runner.survives_restart and await runner.find(attempt) is not None:
                kept[item] = (view.attempt, None)
        return kept

    def _recover(
        self,
        step: _Pass,
        live: Live,
        kept: Mapping[ItemId, tuple[int, Work | None]],
    ) -> None:
        stopped = live.schedule.stopping
        # Accepted, and stopped while nothing of it was on GitHub: see ``rest``.
        kept = {n: k for n, k in kept.items() if n not in stopped or k[1] is None}
        ended = [n for n in live.schedule.running if n not in kept]
        stopping = {n: by for n, by in stopped.items() if n in ended}
        again = [item for item in ended if item not in stopping]
        event = e.BatchRecovered(step.now, tuple(kept), tuple(again))
        step.happen(live, event)
        for item, by in stopping.items():
            step.happen(live, e.ItemCancelled(step.now, item, by))
        for item in again:
            step.happen(live, e.ItemReset(step.now, item, by=""))
        for item, (attempt, work) in kept.items():
            if work is not None:
                live.publishing[item] = work.data
            step.afterwards.append(partial(self._launch, live, item, attempt, work))


def _stopped(
    at: datetime,
    item: ItemId,
    attempt: int,
    ending: str | Outcome,
    requests: int = 0,
) -> e.Event:
    if isinstance(ending, Outcome):
        return e.ItemEnded(at, item, attempt, ending, requests)
    return e.ItemCancelled(at, item, ending, requests=requests)


def _resolve(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def _given_up(outcome: Outcome) -> Outcome:
    return Outcome(
        OutcomeKind.FAILED,
        reason=outcome.reason,
        advice=outcome.advice,
        retry_helps=True,
        log_tail=outcome.log_tail,
        isolation=outcome.isolation,
    )
