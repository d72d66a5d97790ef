"""SIGTERM ends the bot in order: it says so, and goes on after its restart."""

import signal
from contextlib import suppress
from pathlib import Path
from time import monotonic

import aiohttp
import psutil
import pytest

from bot.localhub.faults import Fault, FaultKind
from tests.flow.killing import Child, mortal_world, processes_of
from tests.flow.world import REPOSITORY, World

pytestmark = pytest.mark.slow


async def readiness(child: Child) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{child.url}/readyz") as answer,
    ):
        return answer.status, await answer.text()


def tracking(on: World) -> str:
    return on.comments("tracking")[-1].body if on.comments("tracking") else ""


def _has_forked(folder: Path) -> bool:
    """Return whether the agent has left a child behind that nobody waits for."""
    for pid in processes_of(folder):
        with suppress(psutil.Error):
            if "import time; time.sleep(3600)" in psutil.Process(pid).cmdline():
                return True
    return False


def slow_pull_request(on: World, seconds: float) -> Fault:
    """Let the answer to the next new pull request take a while."""
    path = f"/repos/{REPOSITORY}/pulls$"
    fault = Fault(FaultKind.DELAY, method="POST", path=path, delay_seconds=seconds)
    on.hub.faults.add(fault)
    return fault


async def test_interrupted_items_run_again_after_the_restart(tmp_path: Path):
    async with mortal_world(tmp_path) as (on, _, child):
        go = tmp_path / "go"
        on.issue(12, f"write a b\nfork\nwait {go}")
        on.issue(15, "write c d")
        await child.start()
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: _has_forked(tmp_path) and tracking(on))
        assert await child.stop() == 0
        assert processes_of(tmp_path) == []
        assert "goes on after a restart of the bot — 0 of 2" in tracking(on)
        go.touch()
        await child.start()
        await on.finished(command)
        assert set(on.pull_requests()) == {12, 15}
        assert len(on.comments("tracking")) == len(on.comments("report")) == 1
        tries = on.rows("SELECT attempt FROM items ORDER BY number")
        assert tries == [(2,), (1,)]
        assert await child.stop() == 0


async def test_what_is_being_published_is_finished_and_readyz_says_why(tmp_path: Path):
    async with mortal_world(tmp_path) as (on, _, child):
        on.issue(12, "write a b")
        on.issue(15, "write c d")
        slow = slow_pull_request(on, 5.0)
        await child.start()
        assert (await readiness(child))[0] == 200
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: slow.times == 0)
        child.signal(signal.SIGTERM)
        status = 200
        while status == 200:
            status, said = await readiness(child)
        assert (status, "the bot is stopping" in said) == (503, True)
        assert await child.gone() == 0
        assert set(on.pull_requests()) == {12}
        states = on.rows("SELECT state FROM items ORDER BY number")
        assert states == [("completed",), ("pending",)]
        await child.start()
        await on.finished(command)
        assert set(on.pull_requests()) == {12, 15}
        assert await child.stop() == 0


async def test_it_does_not_wait_longer_than_it_may(tmp_path: Path):
    async with mortal_world(tmp_path) as (on, _, child):
        on.issue(12, "write a b")
        slow = slow_pull_request(on, 60.0)
        await child.start(SHUTDOWN_TIMEOUT="2")
        on.say("/batch 12")
        await on.until(lambda: slow.times == 0)
        began = monotonic()
        await child.stop()
        assert monotonic() - began < 40  # and not the 60 of the answer


async def test_a_command_that_does_not_want_to_end_is_killed_in_time(tmp_path: Path):
    async with mortal_world(tmp_path) as (on, _, child):
        on.issue(12, "ignore\nsay deaf\nhang")
        await child.start(SHUTDOWN_TIMEOUT="10")
        on.say("/batch 12")
        await on.until(lambda: processes_of(on.folder) and on.comments("tracking"))
        await on.until(lambda: "deaf" in on.said("tracking"))
        began = monotonic()
        assert await child.stop() == 0
        assert monotonic() - began < 40  # and not for ever
        assert processes_of(on.folder) == []
        assert "restart" in on.said("tracking")


async def test_a_second_signal_ends_it_at_once(tmp_path: Path):
    async with mortal_world(tmp_path) as (on, _, child):
        on.issue(12, "write a b")
        slow = slow_pull_request(on, 60.0)
        await child.start(SHUTDOWN_TIMEOUT="50")
        on.say("/batch 12")
        await on.until(lambda: slow.times == 0)
        child.signal(signal.SIGTERM)
        while (await readiness(child))[0] == 200:
            pass
        began = monotonic()
        assert await child.stop() == 1
        assert monotonic() - began < 40  # and not the 60 of the answer
