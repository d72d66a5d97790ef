"""What the bot's pages take: of a large batch, and for many who watch one.

Run ``python -m tests.bench.bench_pages``. The pages are served by a process of their own,
from a real database with a batch of 500 items in which something happens every second.

- The page of that batch, asked for again and again by one after the other, against an
  empty page (a list in which nothing is found), in the time of the processor; and what it
  takes when it has to be drawn from the start.
- What 100 watchers of that batch add to the load of the processor.
"""

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

import aiohttp
import psutil
from aiohttp import web

from bot.core import events as e
from bot.core.run.reasons import NoFreeSlot
from bot.engine.recorder import Recorder
from bot.host.clock import SystemClock
from bot.store.store import open_store
from bot.web.pages.site import add_pages
from bot.web.routes import AccessLog
from tests import scenes
from tests.bench.figures import Figure, report
from tests.paged import Everybody, Present, sources_of

ITEMS, WATCHERS, SECONDS, ROUNDS = 500, 100, 20, 60
BATCH, EMPTY = "/batches/c4m9", "/?q=nothing"


async def serve(folder: Path) -> None:
    """Serve the pages until this process is killed; print the port."""
    clock = SystemClock()
    plan = scenes.large_plan(ITEMS)
    batch = replace(scenes.batch_of(plan, "c4m9"), created_at=clock.now())
    waiting = {item.id: NoFreeSlot(4, 4) for item in plan.items}
    async with open_store(folder / "batch.db", clock=clock) as store:
        await store.batches.create(batch, {}, scenes.large_events(plan, ITEMS // 4))
        recorder = Recorder(batches=store.batches, clock=clock)
        await recorder.follow(batch.id)
        present = Present(waiting)
        sources = sources_of(store, recorder, present, folder=folder, clock=clock)
        app = web.Application()
        add_pages(app, Everybody(), lambda: sources)
        runner = web.AppRunner(app, access_log_class=AccessLog, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sys.stdout.write(f"{runner.addresses[0][1]}\n")
        sys.stdout.flush()
        for planned in plan.items[ITEMS // 4 :]:
            began = e.ItemStarted(clock.now(), planned.id, 1)
            says = e.ItemProgressed(clock.now(), planned.id, 1, "step 1 of 5")
            await recorder.record({batch.id: [began, says]})
            await clock.sleep(1)
            outcome = scenes.large_outcome(planned, 1)
            ended = e.ItemEnded(clock.now(), planned.id, 1, outcome, 24)
            await recorder.record({batch.id: [ended]})


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[str, psutil.Process]]:
    """Yield the address of the pages, and the process."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.bench_pages", str(folder)),
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    try:
        port = int(await child.stdout.readline())
        yield f"http://127.0.0.1:{port}", psutil.Process(child.pid)
    finally:
        child.kill()
        await child.wait()


def cpu(process: psutil.Process) -> float:
    """Return the seconds of the processor that a process has used."""
    times = process.cpu_times()
    return times.user + times.system


async def load(process: psutil.Process) -> float:
    """Return which part of a processor a process takes."""
    before, began = cpu(process), perf_counter()
    await asyncio.sleep(SECONDS)
    return (cpu(process) - before) / (perf_counter() - began)


async def page(session: aiohttp.ClientSession, path: str) -> float:
    """Return how many seconds a page takes."""
    began = perf_counter()
    async with session.get(path) as answer:
        assert answer.status == 200
        await answer.read()
    return perf_counter() - began


async def pages(
    session: aiohttp.ClientSession, process: psutil.Process, path: str
) -> float:
    """Return how many seconds of the processor a page takes, of many."""
    before = cpu(process)
    for _ in range(ROUNDS):
        await page(session, path)
    return (cpu(process) - before) / ROUNDS


async def watch(
    session: aiohttp.ClientSession, stack: AsyncExitStack
) -> asyncio.Task[int]:
    """Watch the batch; return what counts the bytes that come."""
    answer = await stack.enter_async_context(session.get(f"{BATCH}/live?since=x"))
    assert answer.status == 200

    async def read() -> int:
        count = 0
        async for chunk in answer.content.iter_any():
            count += len(chunk)
        return count

    return asyncio.create_task(read())


async def measure() -> list[Figure]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            served(Path(folder)) as (url, process),
            aiohttp.ClientSession(
                url, connector=aiohttp.TCPConnector(limit=0)
            ) as session,
        ):
            first = await page(session, BATCH)
            await page(session, EMPTY)
            rounds = [
                (
                    await pages(session, process, BATCH),
                    await pages(session, process, EMPTY),
                )
                for _ in range(3)
            ]
            large, empty = map(median, zip(*rounds, strict=True))
            alone = await load(process)
            async with AsyncExitStack() as stack:
                watching = [await watch(session, stack) for _ in range(WATCHERS)]
                await asyncio.sleep(2)
                watched = await load(process)
                for one in watching:
                    one.cancel()
    return [
        Figure(
            f"page of a batch of {ITEMS} items",
            large / empty,
            "an empty page",
            "lower",
            f"{large * 1e3:.1f} ms of CPU against {empty * 1e3:.1f};"
            f" {first * 1e3:.0f} ms drawn from the start",
        ),
        Figure(
            f"{WATCHERS} watchers of a batch of {ITEMS} items",
            watched - alone,
            "a processor",
            "lower",
            f"{watched:.1%} of one, {alone:.1%} without them",
        ),
    ]


def main() -> None:
    """Serve, or measure and report."""
    if len(sys.argv) > 1:
        asyncio.run(serve(Path(sys.argv[1])))
    else:
        report(asyncio.run(measure()))


if __name__ == "__main__":
    main()
