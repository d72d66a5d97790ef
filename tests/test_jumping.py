"""The clock jumps when nothing can run, and stands while anything does."""

import asyncio
import os
import selectors
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.host.process import guarded
from bot.store.connection import Connections
from tests.jumping import PARKED, JumpingClock, _counts

HOUR = 3600.0
PARKING = f"""
import os, pathlib, sys, time
folder = pathlib.Path(os.environ["TMPDIR"])
until = sys.argv[1] if len(sys.argv) > 1 else ""
(folder / "new").write_text(f"{{os.getpid()}} {{until}}")
(folder / "new").rename(folder / "{PARKED}")
print("parked", flush=True)
while not (until and pathlib.Path(until).exists()):
    time.sleep(0.05)
time.sleep(0.1)
sys.exit(5)
"""


@pytest.fixture
async def clock() -> AsyncIterator[JumpingClock]:
    made = JumpingClock()
    with made.ruling():
        yield made


async def started(script: str, *arguments: str, folder: Path):
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        *arguments,
        env={"TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )


async def parked(folder: Path, *arguments: str):
    process = await started(PARKING, *arguments, folder=folder)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"parked\n"
    return process


async def test_an_hour_is_over_at_once(clock: JumpingClock):
    began, began_at = time.monotonic(), clock.now()
    await clock.sleep(HOUR)
    assert clock.monotonic() == pytest.approx(HOUR, abs=0.001)
    assert (clock.now() - began_at).total_seconds() == pytest.approx(HOUR, abs=0.001)
    assert time.monotonic() - began < HOUR / 10


async def test_sleepers_wake_in_their_order_each_at_its_time(clock: JumpingClock):
    woke: list[tuple[float, int]] = []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        woke.append((seconds, round(clock.monotonic())))

    await asyncio.gather(*map(sleep, (30, 10, 20)))
    assert woke == [(10, 10), (20, 20), (30, 30)]


async def test_the_time_outs_of_the_loop_go_by_it(clock: JumpingClock):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(HOUR):
            await asyncio.Event().wait()
    assert round(clock.monotonic()) == HOUR


async def test_a_moment_too_short_for_the_loop_passes_as_well(clock: JumpingClock):
    deadline = clock.monotonic() + 1e-12
    for _ in range(3):
        if (left := deadline - clock.monotonic()) > 0:
            await clock.sleep(left)
    assert clock.monotonic() > deadline


async def test_time_does_not_stop_at_a_sleeper_that_was_cancelled(clock: JumpingClock):
    sleeping = [asyncio.create_task(clock.sleep(seconds)) for seconds in (10, 20)]
    await asyncio.sleep(0)
    sleeping[0].cancel()
    seen: list[float] = []
    while not sleeping[1].done():
        await clock.settled()
        seen.append(round(clock.monotonic()))
        if seen[-1] == 20:
            await sleeping[1]
    assert set(seen) <= {0, 20}


async def test_whoever_watches_looks_before_time_passes(clock: JumpingClock):
    sleeping = asyncio.create_task(clock.sleep(HOUR))
    await clock.settled()
    assert (clock.monotonic(), sleeping.done()) == (0, False)
    await clock.settled()  # and lets it pass if that was not enough
    assert round(clock.monotonic()) == HOUR
    assert sleeping.done()


async def test_time_that_is_skipped_wakes_who_should_have_woken(clock: JumpingClock):
    sleeping = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)
    clock.skip(HOUR)
    await sleeping
    assert round(clock.monotonic()) == HOUR


async def test_no_time_passes_while_a_thread_works(clock: JumpingClock):
    async with asyncio.timeout(0.001):
        await asyncio.to_thread(time.sleep, 0.1)
    assert clock.monotonic() == 0


async def test_no_time_passes_while_a_commit_is_made(
    clock: JumpingClock, tmp_path: Path
):
    def slow(_: sqlite3.Connection, arguments: Sequence[int]) -> Sequence[int]:
        time.sleep(0.1)
        return arguments

    path = tmp_path / "some.db"
    sqlite3.connect(path).close()
    connections = Connections(path)
    async with asyncio.timeout(0.001):
        assert await connections.write(slow, 7) == 7
    await connections.close()
    assert clock.monotonic() == 0


async def test_a_request_takes_what_it_is_told_to_and_no_more(clock: JumpingClock):
    async def answer(request: web.Request) -> web.Response:
        await asyncio.to_thread(time.sleep, 0.1)
        await clock.sleep(float(request.query["seconds"]))
        return web.Response(body=b"x" * 1_000_000)

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestClient(TestServer(app)) as client:
        for seconds in (0, 30):
            began = clock.monotonic()
            async with client.get(f"/?seconds={seconds}") as response:
                assert len(await response.read()) == 1_000_000
            assert clock.monotonic() - began == pytest.approx(seconds, abs=0.001)


async def test_an_idle_connection_is_closed_in_its_time(clock: JumpingClock):
    """And the loop does not turn for ever around the time-out that closes it."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestClient(TestServer(app)) as client:
        await client.get("/")
        await clock.sleep(HOUR)
        await client.get("/")
    assert round(clock.monotonic()) == HOUR


async def test_time_goes_no_faster_than_outside_while_a_process_runs(
    clock: JumpingClock, tmp_path: Path
):
    began = time.monotonic()
    process = await started("import time; time.sleep(0.5)", folder=tmp_path)
    await clock.sleep(0.2)
    assert time.monotonic() - began >= 0.2
    async with asyncio.timeout(HOUR):
        assert await process.wait() == 0
    assert clock.monotonic() <= time.monotonic() - began


async def test_time_passes_while_a_process_never_stops_talking(
    clock: JumpingClock, tmp_path: Path
):
    process = await started("while True: print('x' * 80)", folder=tmp_path)
    assert process.stdout is not None
    while clock.monotonic() < 0.2:
        assert await process.stdout.readline()
    process.kill()
    await process.communicate()


async def test_a_process_that_waits_holds_nobody_up(
    clock: JumpingClock, tmp_path: Path
):
    process = await parked(tmp_path)
    began = time.monotonic()
    await clock.sleep(HOUR)
    assert time.monotonic() - began < HOUR / 10
    process.kill()
    async with asyncio.timeout(HOUR):
        await process.wait()


async def test_a_process_goes_on_when_what_it_waits_for_is_there(
    clock: JumpingClock, tmp_path: Path
):
    process = await parked(tmp_path, str(tmp_path / "go"))
    await clock.sleep(HOUR)
    (tmp_path / "go").touch()
    async with asyncio.timeout(HOUR):
        assert await process.wait() == 5


async def test_what_another_process_waits_below_is_no_hindrance_either(
    clock: JumpingClock, tmp_path: Path
):
    argv = [sys.executable, "-c", PARKING, str(tmp_path / "go")]
    below = f"import subprocess, sys; sys.exit(subprocess.run({argv!r}).returncode)"
    process = await started(below, folder=tmp_path)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"parked\n"
    began = time.monotonic()
    await clock.sleep(HOUR)
    assert time.monotonic() - began < HOUR / 10
    (tmp_path / "go").touch()
    async with asyncio.timeout(HOUR):
        assert await process.wait() == 5


async def test_a_process_has_the_time_that_it_takes_to_end(
    clock: JumpingClock, tmp_path: Path
):
    process = await parked(tmp_path)
    await clock.sleep(HOUR)
    process.send_signal(signal.SIGSTOP)  # it takes its time
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        await asyncio.to_thread(time.sleep, 0.01)
    process.terminate()
    threading.Timer(0.2, os.kill, [process.pid, signal.SIGCONT]).start()
    async with asyncio.timeout(HOUR):
        assert await process.wait() == -signal.SIGTERM


def test_what_was_sent_and_received_is_counted():
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as near,
    ):
        far, _ = listening.accept()
        with far:
            assert _counts(listening.fileno()) is None
            reading, writing = os.pipe()
            assert _counts(reading) is _counts(writing) is None
            files = psutil.Process().num_fds()
            far.sendall(b"x" * 1000)
            near.sendall(b"y" * 30)
            here, there = near.getsockname(), far.getsockname()
            with selectors.DefaultSelector() as selector:
                for end in (near, far):
                    selector.register(end, selectors.EVENT_READ)
                    while len(selector.select(1)) == 0:
                        pass
            assert _counts(near.fileno()) == ((here, there), (1000, 30))
            assert _counts(far.fileno()) == ((there, here), (30, 1000))
            assert psutil.Process().num_fds() == files
            for pipe in (reading, writing):
                os.close(pipe)


async def test_everybodys_time_is_back_afterwards():
    loop = asyncio.get_running_loop()
    with JumpingClock().ruling():
        await asyncio.sleep(HOUR)
        assert loop.time() > time.monotonic() + HOUR / 2
    assert abs(loop.time() - time.monotonic()) < HOUR / 2


async def test_a_command_below_its_guard_is_waited_for_like_a_process(
    clock: JumpingClock, tmp_path: Path
):
    sleeping = asyncio.create_task(clock.sleep(HOUR))
    script = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(0.3)")
    async with guarded(script, environment={"PATH": os.defpath}) as command:
        assert await command.wait() == 0
        assert clock.monotonic() < HOUR
    await sleeping
    parking = (sys.executable, "-c", PARKING)
    variables = {"PATH": os.defpath, "TMPDIR": str(tmp_path)}
    async with guarded(parking, environment=variables):
        await clock.sleep(HOUR)  # it says that it waits, and time jumps
