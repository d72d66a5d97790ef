"""The tracking comment from its first version to its last, over a store on disk."""

import asyncio
import cProfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core import events as e
from bot.core.effects import CreateComment, EditComment, Intent, Receipt
from bot.core.model import (
    BatchId,
    CommandResult,
    InstallationId,
    ItemId,
    Outcome,
    OutcomeKind,
)
from bot.core.run.pace import CLOCKS_SECONDS, spread_seconds
from bot.core.run.progress import Progress
from bot.core.run.reasons import Reason
from bot.core.world.answers import Answered, Failure
from bot.core.world.markers import marker
from bot.engine import voice
from bot.engine.effects import Effects
from bot.engine.recorder import Recorder
from bot.engine.supervisor import Supervisor
from bot.engine.watch import Page, render
from bot.errors import NotFound, Refused
from bot.ports.github import Budget
from bot.store.batches import SqliteBatches
from bot.store.store import Store, open_store
from tests.engine.house import tracking
from tests.engine.test_recorder import calls_of
from tests.fakes import FakeClock
from tests.store.samples import make_batch, make_facts

NAME = BatchId("b7k2")
NUMBERS = (12, 15, 18)
TWELVE, FIFTEEN = ItemId("12"), ItemId("15")
DONE = Outcome(OutcomeKind.COMPLETED, summary="rebased")


class Thread:
    """Where comments are written; it is also a GitHub and a scheduler with nothing."""

    is_stopping = False

    def __init__(self) -> None:
        self.written: list[str] = []
        self.reports: list[str] = []
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.is_writing = asyncio.Event()
        self.found: Receipt | None = None  # of an earlier process
        self.is_deleted = False
        self.is_locked = False  # for new comments
        self.refuses_with = 0  # a status for every comment and edit

    async def do(self, intent: Intent) -> Receipt:
        is_comment = isinstance(intent, CreateComment) and intent.thread not in NUMBERS
        if self.is_locked and is_comment:
            raise Refused(Answered(Failure.FORBIDDEN, "locked"), status=403)
        if self.refuses_with and isinstance(intent, CreateComment | EditComment):
            kind = NotFound if self.refuses_with == 404 else Refused
            raise kind(Answered(Failure.REFUSED, "no"), status=self.refuses_with)
        match intent:
            case CreateComment() if "tracking" in intent.marker:
                self.written.append(intent.body)
            case CreateComment():
                self.reports.append(intent.body)
            case EditComment():
                self.is_writing.set()
                await self.may_write.wait()
                if self.is_deleted:
                    raise NotFound(Answered(Failure.NOT_FOUND, "Not Found"), status=404)
                self.written.append(intent.body)
            case _:
                pass
        return Receipt(len(self.written), "https://x.test/1")

    async def find(self, intent: Intent, *, since: object) -> Receipt | None:
        return self.found

    def budget(self, installation_id: InstallationId) -> Budget:
        return Budget(0, 0, None, 0)

    def spent(self, meter: str) -> int:
        return 0

    def metered(self, *meters: str) -> AbstractContextManager[None]:
        return nullcontext()

    def reasons(self, batch_id: BatchId) -> Mapping[ItemId, Reason]:
        return {}


class Desk:
    """A tracker, the disk it reads and the thread it writes to."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.thread = Thread()
        anything: Any = self.thread
        self.clock, self.store = clock, store
        self.recorder = Recorder(batches=store.batches, clock=clock)
        self.supervisor = Supervisor()
        effects = Effects(
            effect_log=store.effects,
            adapter=anything,
            clock=clock,
            fraction=lambda: 0.5,
        )
        _, self.tracker = tracking(
            store, self.recorder, effects, anything, anything, self.supervisor, clock
        )

    async def happen(self, *news: e.News) -> None:
        await self.recorder.record({NAME: news})

    async def begun(self, *numbers: int) -> None:
        """Start items, once the comment is there."""
        self.tracker.follow(NAME)
        await self.clock.run_until(lambda: bool(self.thread.written))
        now = self.clock.now()
        await self.happen(*(e.ItemStarted(now, ItemId(str(i)), 1) for i in numbers))

    def says(self, line: str, number: int = 12, attempt: int = 1) -> e.ItemProgressed:
        return e.ItemProgressed(self.clock.now(), ItemId(str(number)), attempt, line)

    async def until_shown(self, text: str, *, most_seconds: float = 86_400.0) -> None:
        await self.clock.run_until(
            lambda: text in self.thread.written[-1], most_seconds=most_seconds
        )
        await self.at_rest()

    async def at_rest(self) -> None:
        """Let the disk answer, until the tracker waits for time to pass."""
        await self.clock.run_until(lambda: self.clock.sleepers > 0, most_seconds=0)


@asynccontextmanager
async def desk_at(path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    """A bot that starts on what is at *path*, and stops."""
    async with open_store(path, clock=clock) as store:
        desk = Desk(store, clock)
        yield desk
        await desk.supervisor.close()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(tmp_path / "batch.db", FakeClock()) as made:
        await begin(made)
        yield made


async def begin(desk: Desk) -> None:
    batch = make_batch(numbers=NUMBERS)
    batch = replace(batch, created_at=desk.clock.now())
    started = [e.BatchStarted(desk.clock.now(), "ada")]
    await desk.store.batches.create(batch, make_facts(batch), started)


async def test_what_an_attempt_says_last_is_shown_at_the_pace_of_items(desk: Desk):
    await desk.begun(12)
    await desk.until_shown("#12 — **running**")
    edits = len(desk.thread.written)
    await desk.happen(desk.says("step 1"), desk.says("step 2"))
    await desk.clock.advance(9)
    assert len(desk.thread.written) == edits
    await desk.until_shown("step 2", most_seconds=5)
    assert not any("step 1" in body for body in desk.thread.written)


async def test_a_failure_is_shown_at_once(desk: Desk):
    await desk.begun(12)
    await desk.until_shown("#12 — **running**")
    failed = Outcome(OutcomeKind.FAILED, reason="tests failed")
    await desk.happen(e.ItemEnded(desk.clock.now(), TWELVE, 1, failed))
    await desk.until_shown("1 failed", most_seconds=2.5)


async def test_what_happens_while_an_edit_is_under_way_is_shown_by_the_next(desk: Desk):
    await desk.begun(12)
    await desk.until_shown("#12 — **running**")
    thread = desk.thread
    thread.may_write.clear()
    thread.is_writing.clear()
    await desk.happen(desk.says("step 1"))
    await desk.clock.run_until(thread.is_writing.is_set)
    failed = Outcome(OutcomeKind.FAILED, reason="tests failed")
    await desk.happen(e.ItemEnded(desk.clock.now(), TWELVE, 1, failed))
    thread.may_write.set()
    await desk.until_shown("step 1")
    assert "1 failed" not in thread.written[-1]
    await desk.until_shown("1 failed", most_seconds=2.5)


async def test_a_box_that_is_ticked_while_an_edit_is_under_way_is_cleared(desk: Desk):
    """The comment reads as the bot wrote it, but that is not what stands there."""
    await desk.begun(12)
    await desk.until_shown("#12 — **running**")
    thread = desk.thread
    thread.may_write.clear()
    thread.is_writing.clear()
    await desk.happen(desk.says("step 1"))
    await desk.clock.run_until(thread.is_writing.is_set)
    await desk.tracker.redraw(NAME)
    thread.may_write.set()
    await desk.until_shown("step 1")
    edits = len(thread.written)
    await desk.clock.run_until(lambda: len(thread.written) > edits, most_seconds=2.5)


async def test_nothing_is_written_while_nothing_happens_but_the_clock(desk: Desk):
    await desk.begun(12)
    await desk.until_shown("#12 — **running**")
    await desk.clock.advance(30)
    edits = len(desk.thread.written)
    await desk.clock.advance(25)
    assert len(desk.thread.written) == edits


async def test_a_restart_shows_nothing_that_was_said_before_it(tmp_path: Path):
    path, clock = tmp_path / "batch.db", FakeClock()
    async with desk_at(path, clock) as before:
        await begin(before)
        await before.begun(12, 15)
        await before.happen(before.says("step 1"), before.says("at work", 15))
        await before.until_shown("step 1")
        assert "at work" in before.thread.written[-1]
        now = clock.now()
        await before.happen(e.ItemAccepted(now, FIFTEEN, 1, CommandResult(0)))
    async with desk_at(path, clock) as later:
        later.thread.written.append("")  # as GitHub has it
        later.tracker.follow(NAME)
        now = clock.now()
        recovered = e.BatchRecovered(now, kept=(FIFTEEN,), again=(TWELVE,))
        reset = e.ItemReset(now, TWELVE, by="")
        await later.happen(recovered, reset, e.ItemStarted(now, TWELVE, 2))
        await later.until_shown("The bot was restarted")
        assert "#12 — **running**" in later.thread.written[-1]
        assert "bringing the result to GitHub" in later.thread.written[-1]
        assert not any("step 1" in body for body in later.thread.written)
        assert not any("at work" in body for body in later.thread.written)


async def test_the_first_times_after_a_restart_come_early_and_later_ones_do_not(
    tmp_path: Path,
):
    path, clock = tmp_path / "batch.db", FakeClock()
    async with desk_at(path, clock) as before:
        await begin(before)
        await before.begun(12)
        await before.until_shown("#12 — **running**")
    async with desk_at(path, clock) as later:
        written = later.thread.written
        later.tracker.follow(NAME)
        came = []
        for count in (1, 2, 3):
            await clock.run_until(lambda count=count: len(written) == count)  # type: ignore[misc]
            await later.at_rest()
            came.append(clock.monotonic())
        early = spread_seconds(NAME)
        first, second = came[1] - came[0], came[2] - came[1]
        assert 1 < early < 50
        assert first == pytest.approx(CLOCKS_SECONDS * (1 + 5 / 120) - early)
        assert second == pytest.approx(CLOCKS_SECONDS * (1 + 10 / 120))


async def test_however_many_comments_are_due_at_once_others_run_between_any_two(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    names = [BatchId(f"b{number:03}") for number in range(100)]
    for name in names:
        batch = replace(make_batch(name, numbers=NUMBERS), created_at=desk.clock.now())
        started = [e.BatchStarted(desk.clock.now(), "ada")]
        await desk.store.batches.create(batch, make_facts(batch), started)
        desk.tracker.follow(name)
    await desk.clock.run_until(lambda: len(desk.thread.written) >= len(names))
    turns = 0
    rendered = []

    def noting(*what: Any) -> Page:
        rendered.append(turns)
        return render(*what)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(voice, "render", noting)
    running = asyncio.create_task(others())
    for name in names:
        await desk.tracker.redraw(name)
    await desk.clock.run_until(lambda: len(rendered) >= len(names))
    running.cancel()
    assert len(set(rendered)) == len(rendered)


async def test_a_comment_that_an_earlier_process_wrote_is_brought_up_to_date(
    tmp_path: Path,
):
    path, clock = tmp_path / "batch.db", FakeClock()
    async with desk_at(path, clock) as before:
        await begin(before)
        # It is posted, and nothing says so: the bot is killed in between.
        now = clock.now()
        batch = make_batch(numbers=NUMBERS)
        first = marker("tracking", NAME, b"key")
        comment = CreateComment(batch.repository, batch.thread, first, "running")
        await before.store.effects.intend(f"{NAME}/tracking", comment, at=now)
        ends = [e.ItemEnded(now, ItemId(str(i)), 1, DONE, 2) for i in NUMBERS]
        await before.happen(*ends, e.BatchFinished(now))
    async with desk_at(path, clock) as later:
        later.thread.found = Receipt(1, "https://x.test/1")
        later.thread.written.append("running")  # as GitHub has it
        later.tracker.follow(NAME)
        await clock.run_until(lambda: not later.tracker._watches)
        assert "3 of 3" in later.thread.written[-1]


async def test_the_end_is_told_once_and_then_nothing_is_followed(desk: Desk):
    await desk.begun(*NUMBERS)
    now = desk.clock.now()
    ends = [e.ItemEnded(now, ItemId(str(i)), 1, DONE, 2) for i in NUMBERS]
    await desk.happen(*ends, e.BatchFinished(now))
    await desk.clock.run_until(lambda: not desk.tracker._watches)
    assert "3 of 3" in desk.thread.written[-1]
    kinds = [type(event) for event in await desk.store.batches.events(NAME)]
    for kind in (e.TrackingCommented, e.Reported, e.BatchConcluded):
        assert kinds.count(kind) == 1
    assert len(desk.thread.reports) == 1
    assert not desk.recorder._followed


@pytest.mark.parametrize("status", [403, 404, 422])
async def test_an_end_that_was_refused_is_told_when_it_is_tried_again(
    desk: Desk, status: int
):
    await desk.begun(*NUMBERS)
    desk.thread.refuses_with = status
    now = desk.clock.now()
    ends = [e.ItemEnded(now, ItemId(str(i)), 1, DONE, 2) for i in NUMBERS]
    await desk.happen(*ends, e.BatchFinished(now))
    await desk.clock.run_until(lambda: not desk.tracker._watches)
    assert await desk.store.batches.unconcluded() == [NAME]
    desk.tracker.catch_up(NAME)  # as each sweep does
    await desk.clock.run_until(lambda: not desk.tracker._watches)
    assert desk.thread.reports == []
    desk.thread.refuses_with = 0
    desk.tracker.catch_up(NAME)
    await desk.clock.run_until(lambda: not desk.tracker._watches)
    assert "3 of 3" in desk.thread.written[-1]
    assert len(desk.thread.reports) == 1
    assert await desk.store.batches.unconcluded() == []


async def test_a_report_that_its_thread_refuses_for_an_hour_is_posted_on_an_item(
    desk: Desk,
):
    await desk.begun(*NUMBERS)
    desk.thread.is_locked = True
    now = desk.clock.now()
    ends = [e.ItemEnded(now, ItemId(str(i)), 1, DONE, 2) for i in NUMBERS]
    await desk.happen(*ends, e.BatchFinished(now))
    await desk.clock.run_until(lambda: not desk.tracker._watches)
    desk.tracker.catch_up(NAME)
    await desk.clock.run_until(lambda: not desk.tracker._watches)
    assert desk.thread.reports == []
    assert desk.tracker._voice._reports.untold == {NAME: "acme/widgets#3"}
    await desk.clock.advance(3600)
    desk.tracker.catch_up(NAME)
    await desk.clock.run_until(lambda: not desk.tracker._watches)
    (report,) = desk.thread.reports
    assert "This report is for" in report
    assert "locked" in report
    assert desk.tracker._voice._reports.untold == {}
    assert await desk.store.batches.unconcluded() == []


async def test_a_comment_that_a_person_deleted_is_made_again_for_who_asks(desk: Desk):
    await desk.begun(12)
    await desk.until_shown("#12 — **running**")
    desk.thread.is_deleted = True
    edits = len(desk.thread.written)
    await desk.happen(desk.says("step 1"))
    await desk.clock.advance(300)
    assert len(desk.thread.written) == edits
    desk.tracker.refresh(NAME)
    await desk.until_shown("step 1")
    kinds = [type(event) for event in await desk.store.batches.events(NAME)]
    assert kinds.count(e.TrackingCommented) == 2


async def test_however_much_is_said_each_word_is_folded_once_and_shown_now_and_then(
    desk: Desk,
):
    """Three attempts of 250 lines, one a second: an edit takes ten seconds' lines."""
    await desk.begun(*NUMBERS)
    await desk.until_shown("#12 — **running**")
    stored = len(await desk.store.batches.events(NAME))
    edits = len(desk.thread.written)
    with cProfile.Profile() as profile:
        for i in range(250):
            await desk.happen(*(desk.says(f"line {i}", number) for number in NUMBERS))
            await desk.clock.advance(1)
        await desk.until_shown("line 249")
    assert calls_of(profile, SqliteBatches.history) == 0
    assert calls_of(profile, Progress.advance) == 750
    assert len(await desk.store.batches.events(NAME)) == stored
    assert len(desk.thread.written) - edits <= 250 / 10 + 1
