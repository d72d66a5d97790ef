"""What reaches an attempt at awkward moments: twice, too early, or in the same pass."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.core import events as e
from bot.core.actions.step import CommandJob
from bot.core.effects import Intent, Receipt
from bot.core.model import (
    AttemptId,
    BatchId,
    Cause,
    CommandResult,
    InstallationId,
    ItemId,
    ItemNumber,
    ItemState,
    Options,
    Outcome,
    OutcomeKind,
    Reference,
)
from bot.core.run import control
from bot.core.run.capacity import Outage
from bot.core.run.progress import fold
from bot.core.world.answers import Answered, Failure
from bot.core.world.questions import Bases, BasesOf, BranchNow
from bot.engine.effects import Effects
from bot.engine.outages import Outages
from bot.engine.present import Findings, Present
from bot.engine.recorder import Recorder
from bot.engine.running import Running
from bot.engine.scheduler import Scheduler, SlotLimits
from bot.engine.steps import Steps
from bot.engine.supervisor import Supervisor
from bot.engine.work import Work
from bot.errors import TransientError
from bot.host.clock import SystemClock
from bot.ports.github import Budget
from bot.ports.work import Emit, Resource, unheard
from bot.store.store import Store, open_store
from tests.bench.bench_schedule import Unlimited, facts_of
from tests.fakes import settle
from tests.plans import batch, plan

NAME = BatchId("b7k2")
TWELVE = ItemId("12")
CLOSED = Outcome(OutcomeKind.FAILED, reason="closed after the command")

Hook = Callable[[Sequence[e.Event]], Awaitable[None]]


RESULT = CommandResult(0, commit="c" * 40)
BUSY = CommandResult(75, log_tail=("busy",))
NOTHING = CommandResult(0)


class Gated:
    """A worker that goes on when it is let."""

    name = "scripted"
    outlives_the_bot = False
    takes = frozenset[Resource]()

    def __init__(self) -> None:
        self.watched, self.cleaning = asyncio.Event(), asyncio.Event()
        self.may_end, self.may_clean = asyncio.Event(), asyncio.Event()
        self.may_clean.set()
        self.end = NOTHING

    def why_not(self, command: str) -> None:
        return None

    async def start(self, job: CommandJob, emit: Emit = unheard) -> str:
        return job.attempt

    async def find(self, attempt: AttemptId) -> str | None:
        return None

    async def result(
        self, external_id: str, job: CommandJob, emit: Emit
    ) -> CommandResult:
        self.watched.set()
        await self.may_end.wait()
        return self.end

    async def stop(self, attempt: AttemptId) -> None: ...

    async def clean(self, attempt: AttemptId) -> None:
        self.cleaning.set()
        await self.may_clean.wait()


class Waiting(SystemClock):
    """A clock whose sleepers sleep until they are woken."""

    def __init__(self) -> None:
        self.asleep, self.awake = asyncio.Event(), asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        await self.awake.wait()


class Budgeted(Unlimited):
    """A GitHub whose reset is read anew, and never quite the same, at each look."""

    resets_at: datetime | None = None
    looks = 0
    outage: Outage | None = None

    def budget(self, installation_id: InstallationId) -> Budget:
        self.looks += 1
        noise = timedelta(microseconds=self.looks)
        at = self.resets_at and self.resets_at + noise
        return Budget(5000, 500, at, 500, held_until=at, outage=self.outage)

    async def look(self, question: BasesOf, *, meters: Sequence[str]) -> Bases:
        there = BranchNow(exists=True)
        return Bases("main", dict.fromkeys(question.branches, there))

    def requests_fit(self, installation_id: InstallationId) -> int:
        return 0 if self.resets_at else super().requests_fit(installation_id)


class Desk:
    """A scheduler with one batch of item 12, and what its disk is asked to do."""

    def __init__(self, store: Store) -> None:
        clock, github = SystemClock(), Budgeted()
        anything: Any = github
        adapter: Any = self
        self.intents: list[Intent] = []
        self.outages = 0  # before GitHub can be changed
        self.worker = Gated()
        self.github = github
        self.store = store
        self.after_append: Hook | None = None
        self.over = asyncio.Event()
        self.waiting = Waiting()
        self.supervisor = Supervisor()
        batches: Any = self
        steps = Steps(
            effects=Effects(
                effect_log=store.effects,
                adapter=adapter,
                clock=clock,
                fraction=lambda: 0.5,
            ),
            role=github.role,
            waits=anything,
            work=Work(
                workers={"scripted": self.worker},
                workspaces=anything,
                clock=self.waiting,
                fraction=lambda: 0.5,
            ),
            clock=self.waiting,
            fraction=lambda: 0.5,
        )
        running = Running(
            steps=steps,
            batches=store.batches,
            github=anything,
            present=Present(github=anything, clock=clock),
            supervisor=self.supervisor,
            marker_key=b"key",
            fraction=lambda: 0.5,
        )
        self.scheduler = Scheduler(
            batches=store.batches,
            recorder=Recorder(batches=batches, clock=clock),
            running=running,
            github=anything,
            memory=anything,
            clock=clock,
            limits=SlotLimits(),
        )
        self.clock = clock

    async def append(
        self, events: Mapping[BatchId, Sequence[e.Event]]
    ) -> Mapping[BatchId, int]:
        """Write, and let the test do something before that is known to be done."""
        places = await self.store.batches.append(events)
        happened = [one for some in events.values() for one in some]
        if self.after_append is not None:
            await self.after_append(happened)
        if any(isinstance(event, e.BatchFinished) for event in happened):
            self.over.set()
        return places

    async def do(self, intent: Intent) -> Receipt:
        """Change GitHub."""
        if self.outages:
            self.outages -= 1
            raise TransientError(Answered(Failure.LATE))
        self.intents.append(intent)
        return Receipt(1, sha=RESULT.commit)

    async def begin(self, *earlier: e.Event) -> None:
        """Begin a batch, or go on after a restart behind *earlier* events."""
        self.supervisor.start("scheduler", self.scheduler.run())
        now = self.clock.now()
        made = replace(
            batch(plan({12: []}, options=Options(retries=2)), name=NAME), created_at=now
        )
        events = [e.BatchStarted(now, "ada"), *earlier]
        await self.store.batches.create(made, facts_of(made.plan), events)
        await self.scheduler.adopt(NAME, is_restart=bool(earlier))

    async def ended(self) -> ItemState:
        """Return how item 12 ended, once its batch has."""
        async with asyncio.timeout(60):
            await self.over.wait()
        made = await self.store.batches.load(NAME)
        assert made is not None
        progress = fold(made, await self.store.batches.events(NAME))
        return progress.items[TWELVE].state

    async def cancel(self, *items: int) -> None:
        numbers = [ItemNumber(number) for number in items]

        def decision(schedule: Any, now: Any) -> control.ControlResult:
            change = control.cancel(schedule, now, by="ada", names=numbers)
            given = e.ControlGiven(now, "ada", "comment:1.0", stopping=change.stop)
            return replace(change, events=(*change.events, given))

        await self.scheduler.change(NAME, decision)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_store(tmp_path / "batch.db", clock=SystemClock()) as store:
        made = Desk(store)
        yield made
        with suppress(asyncio.CancelledError):
            await made.supervisor.close()


async def test_what_is_being_stopped_is_not_stopped_once_more(desk: Desk):
    await desk.begin()
    await desk.worker.watched.wait()
    desk.worker.may_clean.clear()
    await desk.cancel(12)
    await desk.worker.cleaning.wait()
    await desk.cancel()
    await desk.scheduler.found(NAME, Findings(cause=Cause.REMOVED))
    desk.worker.may_clean.set()
    assert await desk.ended() is ItemState.CANCELLED


async def test_an_attempt_that_is_stopped_before_its_first_step_ends(desk: Desk):
    waiting: list[asyncio.Task[None]] = []

    async def close_it(events: Sequence[e.Event]) -> None:
        if any(isinstance(event, e.ItemStarted) for event in events):
            found = desk.scheduler.found(NAME, Findings({TWELVE: CLOSED}))
            waiting.append(asyncio.create_task(found))
            await asyncio.sleep(0)

    desk.after_append = close_it
    await desk.begin()
    assert await desk.ended() is ItemState.FAILED
    assert not desk.worker.watched.is_set()
    await asyncio.gather(*waiting)


async def test_an_item_cancelled_in_the_pass_of_its_fault_is_not_tried_again(
    desk: Desk,
):
    waiting: list[asyncio.Task[None]] = []

    async def cancel_it(events: Sequence[e.Event]) -> None:
        if any(isinstance(event, e.BatchPaused) for event in events):
            waiting.append(asyncio.create_task(desk.cancel(12)))
            await asyncio.sleep(0)
            desk.worker.may_end.set()
            await settle()

    desk.worker.end = BUSY
    await desk.begin()
    await desk.worker.watched.wait()
    desk.after_append = cancel_it
    await desk.scheduler.change(
        NAME, lambda schedule, now: control.pause(schedule, now, by="ada")
    )
    await asyncio.gather(*waiting)
    assert await desk.ended() is ItemState.CANCELLED


async def test_work_that_comes_while_its_item_is_being_stopped_is_not_accepted(
    desk: Desk,
):
    waiting: list[asyncio.Task[None]] = []

    async def close_it(events: Sequence[e.Event]) -> None:
        if any(isinstance(event, e.BatchPaused) for event in events):
            over = desk.scheduler.found(NAME, Findings(cause=Cause.TRANSFERRED))
            waiting.append(asyncio.create_task(over))
            await asyncio.sleep(0)
            desk.worker.may_end.set()
            await settle()

    desk.worker.end = RESULT
    await desk.begin()
    await desk.worker.watched.wait()
    desk.after_append = close_it
    await desk.scheduler.change(
        NAME, lambda schedule, now: control.pause(schedule, now, by="ada")
    )
    assert await desk.ended() is ItemState.CANCELLED
    await asyncio.gather(*waiting)
    assert desk.intents == []


async def test_what_is_cancelled_while_it_waits_for_github_is_not_published_after_all(
    desk: Desk,
):
    async def hold(events: Sequence[e.Event]) -> None:
        if any(isinstance(event, e.ControlGiven) for event in events):
            desk.waiting.awake.set()  # before anybody has told the attempt
            await settle()

    desk.worker.end, desk.outages = RESULT, 1
    desk.worker.may_end.set()
    await desk.begin()
    await desk.waiting.asleep.wait()
    desk.after_append = hold
    await desk.cancel(12)
    assert await desk.ended() is ItemState.CANCELLED
    assert desk.intents == []


async def test_what_was_cancelled_before_the_bot_was_killed_is_not_published_later(
    desk: Desk,
):
    now = desk.clock.now()
    await desk.begin(
        e.ItemStarted(now, TWELVE, 1),
        e.ItemAccepted(now, TWELVE, 1, RESULT),
        e.ControlGiven(now, "ada", "comment:1.0", stopping=(TWELVE,)),
    )
    assert await desk.ended() is ItemState.CANCELLED
    assert desk.intents == []


async def test_what_is_published_goes_to_where_the_repository_is_by_then(desk: Desk):
    desk.worker.end = RESULT
    await desk.begin()
    await desk.worker.watched.wait()
    here = batch(plan({12: []})).repository
    there = replace(here, name="acme/gadgets", installation_id=InstallationId(8))
    await desk.scheduler.found(NAME, Findings(moved_to=there))
    desk.worker.may_end.set()
    assert await desk.ended() is ItemState.COMPLETED
    assert [intent.repository for intent in desk.intents] == [there, there]


async def test_a_wait_for_requests_is_recorded_when_its_end_is_another_one(desk: Desk):
    soon = desk.clock.now() + timedelta(minutes=5)
    elsewhere = Reference("octo/other", ItemNumber(1))
    desk.github.resets_at = soon
    await desk.begin()

    async def recorded_after_looks(at: datetime) -> int:
        desk.github.resets_at = at
        for _ in range(3):
            await desk.scheduler.settle_outside(elsewhere, None)
        events = await desk.store.batches.events(NAME)
        return sum(isinstance(event, e.BudgetWaitStarted) for event in events)

    assert await recorded_after_looks(soon) == 1
    assert await recorded_after_looks(soon + timedelta(seconds=30)) == 2
    assert await recorded_after_looks(soon - timedelta(seconds=30)) == 3


async def test_an_outage_is_asked_after_until_it_is_over(desk: Desk):
    probes: list[Outage | None] = []
    redrawn: list[BatchId] = []

    async def probe(installation_id: InstallationId) -> None:
        probes.append(desk.github.outage)
        if len(probes) == 2:
            desk.github.outage = None
        else:
            raise TransientError(Answered(Failure.LATE))

    async def redraw(batch_id: BatchId) -> None:
        redrawn.append(batch_id)

    tracker: Any = SimpleNamespace(redraw=redraw)
    outages = Outages(
        desk.scheduler, tracker, probe, clock=desk.waiting, fraction=lambda: 0.5
    )
    desk.supervisor.start("outages", outages.run())
    desk.github.outage = Outage(desk.clock.now())
    await desk.begin()
    await desk.waiting.asleep.wait()
    assert not desk.worker.watched.is_set()
    desk.worker.may_end.set()
    desk.waiting.awake.set()
    assert await desk.ended() is ItemState.COMPLETED
    assert len(probes) == 2
    assert redrawn == [NAME]
