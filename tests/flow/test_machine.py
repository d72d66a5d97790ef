"""Whatever people, GitHub, the disk and the host do in whatever order, it ends well.

Stories that hypothesis makes up, and shortens when one goes wrong. More of them, with
other choices: ``EXAMPLES=500 pytest tests/flow/test_machine.py``.
"""

import asyncio
import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Coroutine, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bot.localhub.faults import Fault, FaultKind
from bot.store.connection import Connections
from tests.flow.killing import assert_events_sound, is_quiet, processes_of
from tests.flow.test_disk import CODES, Disk
from tests.flow.world import REPOSITORY, World, world
from tests.flow.writes import unlogged_writes

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
NUMBERS = range(12, 20)
PEOPLE = st.sampled_from(["ada", "ada", "grace", "linus", "tess"])
WRITERS = st.sampled_from(["ada", "grace", "linus"])
ITEMS = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=3, unique=True)
ACTIONS = ["", "close:", "reopen:"]
CONTROLS = ["cancel", "pause", "resume", "retry", "status", "skip 15", "cancel 12"]
BOXES = ["batch:pause", "batch:resume", "batch:cancel", "batch:retry", "batch:start"]


class Crash(Exception):
    """The bot's end without warning."""


class Story(RuleBasedStateMachine):
    """A world with a bot, and everything that can happen there."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(mkdtemp(prefix="story-"))
        self.stack = contextlib.AsyncExitStack()
        self.disk = Disk()
        self.bot: contextlib.AbstractAsyncContextManager[Any] | None = None

    def do(self, what: Coroutine[Any, Any, object]) -> None:
        self.runner.run(what)

    @initialize()
    def begin(self) -> None:
        commit = Connections._commit

        def checked(connections: Connections, jobs: Sequence[Any]) -> list[Any]:
            if jobs:
                self.disk.check()
            return commit(connections, jobs)

        async def open_world() -> World:
            self.stack.enter_context(patch.object(Connections, "_commit", checked))
            opened = world(self.folder)
            on = await self.stack.enter_async_context(opened)
            bodies = {
                12: "write a.txt a",
                13: "exit 75 once\nwrite b.txt b",
                14: "exit 1",
                15: f"write c.txt c\nwait {self.folder / 'go'}",
            }
            for number in NUMBERS:
                on.issue(number, bodies.get(number, "write d.txt d"))
            on.hub.add_label(REPOSITORY, "ready")
            return on

        self.on = self.runner.run(open_world())
        self.do(self._start())
        # There is something to steer from the beginning.
        self.do(self._say("/batch 15 13 close:18 after:15 concurrency:1", "ada"))

    async def _start(self) -> None:
        self.bot = self.on.bot(BATCH_SWEEP_SECONDS="20", SHUTDOWN_TIMEOUT="20")
        await self.bot.__aenter__()

    async def _stop(self, error: Exception | None = None) -> None:
        assert self.bot is not None
        bot, self.bot = self.bot, None
        with contextlib.suppress(Crash):
            await bot.__aexit__(type(error) if error else None, error, None)

    # --- people ----------------------------------------------------------------------

    @rule(
        items=ITEMS, action=st.sampled_from(ACTIONS), chained=st.booleans(), by=PEOPLE
    )
    def command(self, items: list[int], action: str, chained: bool, by: str) -> None:
        terms = [f"{action}{number}" for number in items]
        if chained:
            terms[1:] = [
                f"{term} after:{before}"
                for term, before in zip(terms[1:], items, strict=False)
            ]
        self.do(self._say(f"/batch {' '.join(terms)}", by))

    @rule(
        items=ITEMS,
        action=st.sampled_from(['comment "Done."', "label +ready", "assign +linus"]),
        by=PEOPLE,
    )
    def simple_command(self, items: list[int], action: str, by: str) -> None:
        self.do(self._say(f"/batch {action} {' '.join(map(str, items))}", by))

    @rule(words=st.sampled_from([*CONTROLS, "plan 16 17", "why 12"]), by=PEOPLE)
    def control(self, words: str, by: str) -> None:
        self.do(self._say(f"/batch {words}", by))

    @rule(words=st.sampled_from(["pause", "cancel 13", "skip 18", "retry", "resume"]))
    def steer(self, words: str) -> None:
        self.do(self._say(f"/batch {words}", "ada"))

    @rule(words=st.sampled_from(CONTROLS), choice=st.integers(0, 9), by=PEOPLE)
    def control_by_name(self, words: str, choice: int, by: str) -> None:
        names = [name for (name,) in self.on.rows("SELECT id FROM batches")]
        if names and " " not in words:
            name = names[choice % len(names)]
            self.do(self._say(f"/batch {words} {name}", by))

    @rule(text=st.sampled_from(BOXES), choice=st.integers(0, 9), by=WRITERS)
    def tick(self, text: str, choice: int, by: str) -> None:
        drawn = self.on.comments("tracking") + self.on.comments("plan")
        having = [comment for comment in drawn if f"- [ ] <!-- {text}" in comment.body]
        if having:
            comment = having[choice % len(having)]

            async def tick() -> None:
                self.on.hub.tick(by, REPOSITORY, comment.id, text)

            self.do(tick())

    async def _say(self, text: str, by: str) -> None:
        self.on.say(text, by=by)

    # --- GitHub ----------------------------------------------------------------------

    @rule(choice=st.integers(0, 99), is_replay=st.booleans())
    def deliver_again(self, choice: int, is_replay: bool) -> None:
        past = self.on.hub.webhooks.deliveries
        if past:
            delivery = past[-1 - choice % len(past)]

            async def again() -> None:
                self.on.hub.webhooks.redeliver(delivery)
                if is_replay:
                    replayed = self.on.hub.webhooks.deliveries[-1]
                    replayed.guid = str(uuid4())
                    replayed.request_headers["X-GitHub-Delivery"] = replayed.guid

            self.do(again())

    @rule(twice=st.booleans(), dropped=st.booleans(), shuffled=st.booleans())
    def change_the_post(self, twice: bool, dropped: bool, shuffled: bool) -> None:
        faults = self.on.hub.webhooks.faults
        faults.twice, faults.dropped, faults.shuffled = twice, dropped, shuffled

    @rule(
        kind=st.sampled_from(FaultKind),
        status=st.sampled_from([500, 502, 503]),
        method=st.sampled_from(["", "GET", "POST", "PATCH", "PUT"]),
        times=st.integers(1, 4),
    )
    def break_github(
        self, kind: FaultKind, status: int, method: str, times: int
    ) -> None:
        if kind is FaultKind.SECONDARY_LIMIT:
            times = 1  # each of them holds everything for twice as long
        fault = Fault(kind, status, method, times=times, delay_seconds=5.0)
        self.on.hub.faults.add(fault)

    # --- the host --------------------------------------------------------------------

    @rule(kind=st.sampled_from(sorted(CODES)), times=st.integers(1, 5))
    def break_the_disk(self, kind: str, times: int) -> None:
        until = self.disk.commits + times
        self.disk.kind = kind
        self.disk.fails = lambda number: number <= until

    @precondition(lambda self: self.bot is not None)
    @rule(is_crash=st.booleans())
    def end(self, is_crash: bool) -> None:
        self.do(self._stop(Crash() if is_crash else None))

    @precondition(lambda self: self.bot is not None)
    @rule(is_crash=st.booleans(), turns=st.integers(0, 10))
    def restart(self, is_crash: bool, turns: int) -> None:
        self.let_it_work(turns)
        self.end(is_crash)
        self.start()

    @precondition(lambda self: self.bot is None)
    @rule()
    def start(self) -> None:
        self.do(self._start())

    # --- time ------------------------------------------------------------------------

    @rule(turns=st.integers(1, 20))
    def let_it_work(self, turns: int) -> None:
        """Let a part of a second pass, in which anything or nothing gets done."""
        self.do(asyncio.sleep(turns / 100))

    @rule()
    def open_the_gate(self) -> None:
        (self.folder / "go").touch()

    # --- the end ---------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if hasattr(self, "on"):
                self.do(self._end_well())
        finally:
            self.do(self._clear_up())
            self.runner.close()
            shutil.rmtree(self.folder)

    async def _end_well(self) -> None:
        on = self.on
        self.change_the_post(twice=False, dropped=False, shuffled=False)
        on.hub.faults.clear()
        self.disk.fails = lambda _: False
        (self.folder / "go").touch()
        if self.bot is None:
            await self._start()
        await on.hub.webhooks.drain()
        resumed: set[str] = set()

        def is_over() -> bool:
            paused = on.rows("SELECT id FROM batches WHERE state = 'paused'")
            for name in {name for (name,) in paused} - resumed:
                resumed.add(name)
                on.say(f"/batch resume {name}")
            self._close_what_is_waited_for()
            return not paused and not missed(on) and is_quiet(on)

        await on.until(is_over)
        self.check()

    def _close_what_is_waited_for(self) -> None:
        """Close the issues that a batch left out and waits for outside itself."""
        live = self.on.rows("SELECT number FROM items WHERE ended_us IS NULL")
        for number in set(NUMBERS) - {number for (number,) in live}:
            if self.on.thread(number).is_open:
                self.on.hub.close("ada", REPOSITORY, number)

    def check(self) -> None:
        on = self.on
        assert_events_sound(on)
        own = [
            comment.body.partition("\n")[0]
            for thread in on.repository.threads.values()
            for comment in thread.comments
            if comment.author is on.hub.app.bot
        ]
        assert [first for first, n in Counter(own).items() if n > 1] == []
        started = on.rows("SELECT id FROM batches WHERE state != 'planned'")
        for kind in ("tracking", "report"):
            assert len(on.comments(kind)) == len(started), kind
        heads = [t.pull.head_ref for t in on.repository.threads.values() if t.pull]
        assert len(heads) == len(set(heads))
        begun = on.rows("SELECT batch, item FROM events WHERE kind = 'ItemStarted'")
        of_items = {
            tuple(key.partition("/")[0].split("-"))
            for (key,) in on.rows("SELECT key FROM effects WHERE key GLOB '????*-*/*'")
        }
        assert of_items <= {(batch, str(item)) for batch, item in begun}
        assert unlogged_writes(on) == []
        assert processes_of(on.folder) == []

    async def _clear_up(self) -> None:
        if self.bot is not None:
            await self._stop()
        await self.stack.aclose()


def missed(on: World) -> set[str]:
    """Return the comments that never came through and are still to be swept."""
    deliveries = [
        delivery
        for delivery in on.hub.webhooks.deliveries
        if delivery.event == "issue_comment"
    ]
    came = {guid for (guid,) in on.rows("SELECT guid FROM deliveries")}
    return {d.guid for d in deliveries} - came


class Monday(Story):
    """Some of the stories: by its name hypothesis makes up others than for the rest."""


class Tuesday(Story):
    """More of them."""


class Wednesday(Story):
    """And more."""


class Thursday(Story):
    """And more."""


DAYS = (Monday, Tuesday, Wednesday, Thursday)
for day in DAYS:
    day.TestCase.settings = settings(
        max_examples=(EXAMPLES or 24) // len(DAYS),
        stateful_step_count=25,
        deadline=None,
        derandomize=not EXAMPLES,
        suppress_health_check=list(HealthCheck),
    )

TestMonday, TestTuesday, TestWednesday, TestThursday = (day.TestCase for day in DAYS)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 20 * EXAMPLES)]
