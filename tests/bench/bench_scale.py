"""What a thousand installations cost one process, and what they cost each other.

Run ``python -m tests.bench.bench_scale [INSTALLATIONS]``. A database is made in which each
installation has two live batches of 50 pending items, whose commands a worker runs that
only waits; then the real process is started on it, in front of the local GitHub, with one
processor. Baseline: the same with ten installations.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil
from yarl import URL

from bot.host.clock import SystemClock
from bot.localhub.state import Repository
from bot.logs import configure_logging
from tests.bench.bench_deliveries import (
    PROCESSORS,
    ROOT,
    Server,
    address,
    on_first_processor,
)
from tests.bench.crowd import BATCHES, FIRST, ITEMS, Crowd, alike
from tests.bench.figures import Figure, report
from tests.bench.timed import passes
from tests.flow.world import World, world

FEW = 10
MANY = 1000
SLOTS = 3
CHATTER = 50.0  # deliveries a second
FLOOD = 20.0  # commands a second
NEWCOMERS = 5  # in each situation
SENDERS = 20
FLOODED_SECONDS = 3.0  # before a newcomer comes, and after
CALM_SECONDS = 40.0  # until every batch has said that it goes on


@dataclass(frozen=True, slots=True)
class Situation:
    """What was seen while something went on. Seconds."""

    answers: Sequence[float]  # of deliveries, sorted
    firsts: Sequence[float]  # from a command until its first item starts
    passes: Sequence[float]  # of the processor

    @property
    def p99(self) -> float:
        return self.answers[int(len(self.answers) * 0.99)]

    @property
    def first(self) -> float:
        return statistics.median(self.firsts)

    def __str__(self) -> str:
        """What it was here."""
        p50 = statistics.median(self.answers)
        mean = statistics.fmean(self.passes) if self.passes else 0.0
        return (
            f"answers p50 {p50 * 1e3:.1f} ms, p99 {self.p99 * 1e3:.1f} ms; first items "
            f"{', '.join(f'{one:.2f}' for one in self.firsts)} s; "
            f"{len(self.passes)} passes of {mean * 1e3:.2f} ms"
        )


class Process:
    """The bot, with its crowd."""

    def __init__(self, on: World, crowd: Crowd, server: Server) -> None:
        self._on = on
        self._crowd = crowd
        self.server = server
        self._passes = on.folder / "passes"

    async def settled(self, count: int) -> None:
        """Wait until that many items have been started."""
        while self._crowd.running() < count:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(0.2)

    async def seen(self, newcomers: Sequence[Repository]) -> Situation:
        """Have newcomers give commands one after another, among chatter."""
        before = len(passes(self._passes))
        seconds = 3.0 * len(newcomers)
        knocking = asyncio.create_task(self._knock(seconds))
        firsts = [await self._first(one) for one in newcomers]
        return Situation(sorted(await knocking), firsts, passes(self._passes, before))

    async def paired(
        self, newcomers: Sequence[Repository], by: Repository
    ) -> tuple[Situation, list[float]]:
        """Have newcomers give commands in turns beside a flood *by* another and without;
        return what was seen, and after how long the first items began beside the flood.
        """
        before = len(passes(self._passes))
        knocking = asyncio.create_task(self._knock(6.0 * len(newcomers)))
        calm, flooded = [], []
        for one, other in zip(newcomers[::2], newcomers[1::2], strict=True):
            calm.append(await self._first(one))
            async with self.flood(by):
                await asyncio.sleep(FLOODED_SECONDS)
                flooded.append(await self._first(other))
            await asyncio.sleep(FLOODED_SECONDS)
        answers = sorted(await knocking)
        return Situation(answers, calm, passes(self._passes, before)), flooded

    async def _first(self, newcomer: Repository) -> float:
        """Return after how long the first item of a newcomer's batch starts."""
        query = (
            "SELECT count(*) FROM events WHERE kind = 'ItemStarted' AND batch IN"
            " (SELECT id FROM batches WHERE repository_id = ?)"
        )
        database = self._on.folder / "data" / "batch.db"
        began = perf_counter()
        command = f"/batch {FIRST} {FIRST + 1}"
        self._on.hub.comment("ada", newcomer.full_name, 1, command)
        with contextlib.closing(sqlite3.connect(database)) as connection:
            while True:
                count = connection.execute(query, (newcomer.id,)).fetchone()[0]
                if count:
                    return perf_counter() - began
                await asyncio.sleep(0.02)

    async def _knock(self, seconds: float) -> list[float]:
        secret = self._on.hub.app.webhook_secret
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.knocking"),
            *map(str, (self.server.port, secret, CHATTER, seconds)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        out, _ = await process.communicate()
        found: list[float] = json.loads(out)
        return found

    @contextlib.asynccontextmanager
    async def flood(self, by: Repository) -> AsyncIterator[None]:
        """Have one installation give commands without end, while inside."""

        async def give() -> None:
            number = FIRST
            while True:
                number = FIRST + (number - FIRST + 1) % ITEMS
                text = f"/batch label {number} +x" if number % 2 else "/batch status"
                self._on.hub.comment("ada", by.full_name, 2, text)
                await asyncio.sleep(1 / FLOOD)

        flooding = asyncio.create_task(give())
        try:
            yield
        finally:
            flooding.cancel()


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen of one crowd. Seconds and bytes."""

    start_cpu: float  # until it listens
    start: float
    resumed_cpu: float  # until every installation works as much as it may
    resumed: float
    memory: int
    hurried: Situation  # while it begins
    calm: Situation
    flooded: Sequence[float]  # first items beside another's flood


@contextlib.asynccontextmanager
async def bot(on: World, crowd: Crowd) -> AsyncIterator[Server]:
    """Yield the bot with its passes timed, once it listens."""
    environment = {"PATH": os.environ["PATH"], "LOG_FORMAT": "json"}
    environment |= crowd.environment()
    environment["PYTHONPATH"] += f":{ROOT}"
    log = on.folder / "bot.log"
    with log.open("wb") as file:
        argv = ("-m", "tests.bench.timed", str(on.folder / "passes"), "run")
        async with on_first_processor(
            *argv, cwd=on.folder, env=environment, stderr=file
        ) as process:
            url = await address(log, process)
            on.hub.set_webhook_url(f"{url}/api/github/webhooks")
            try:
                yield Server(
                    psutil.Process(process.pid),
                    URL(url).port or 0,
                    on.folder / "data" / "batch.db",
                )
            finally:
                on.hub.set_webhook_url(None)


@contextlib.asynccontextmanager
async def side_by_side(on: World) -> AsyncIterator[None]:
    """Have the local GitHub send several deliveries at a time, as GitHub does."""
    senders = [asyncio.create_task(on.hub.webhooks.run()) for _ in range(SENDERS)]
    try:
        yield
    finally:
        for sender in senders:
            sender.cancel()


async def measure(count: int, log: Path | None) -> Measured:
    """Return what a crowd of *count* installations makes of the bot."""
    with tempfile.TemporaryDirectory() as name:
        async with world(Path(name), clock=SystemClock(), middlewares=[alike()]) as on:
            crowd = Crowd(on)
            crowd.install(count, issues=BATCHES * ITEMS)
            await crowd.record()
            crowd.install(3 * NEWCOMERS, issues=2)
            newcomers = crowd.repositories[count:]
            began = perf_counter()
            async with side_by_side(on), bot(on, crowd) as server:
                start, start_cpu = perf_counter() - began, server.cpu_seconds()
                process = Process(on, crowd, server)
                hurried = await process.seen(newcomers[:NEWCOMERS])
                await process.settled(count * SLOTS + NEWCOMERS)
                resumed, resumed_cpu = perf_counter() - began, server.cpu_seconds()
                await asyncio.sleep(CALM_SECONDS)
                calm, flooded = await process.paired(
                    newcomers[NEWCOMERS:], crowd.repositories[0]
                )
                memory = server.process.memory_info().rss
            if log:
                shutil.copy(on.folder / "bot.log", log)
            return Measured(
                start_cpu,
                start,
                resumed_cpu,
                resumed,
                memory,
                hurried,
                calm,
                flooded,
            )


async def main(count: int, log: Path | None) -> None:
    """Measure and print."""
    configure_logging(level="error", style="json")
    few = await measure(FEW, None)
    many = await measure(count, log)
    for name, one in ((FEW, few), (count, many)):
        sys.stdout.write(
            f"\n{name} installations: listens after {one.start:.1f} s ({one.start_cpu:.1f}"
            f" of CPU), all work after {one.resumed:.1f} s ({one.resumed_cpu:.1f} of CPU),"
            f" {one.memory >> 20} MiB\n"
        )
        beside = ", ".join(f"{took:.2f}" for took in one.flooded)
        sys.stdout.write(
            f"  hurried: {one.hurried}\n  calm: {one.calm}\n"
            f"  beside a flood: {beside} s\n"
        )
    report(figures(few, many, count))


def figures(few: Measured, many: Measured, count: int) -> list[Figure]:
    """Return what the crowd costs."""
    crowd, same = f"with {count} installations", f"the same with {FEW}"
    each = (many.start_cpu - few.start_cpu) / (BATCHES * (count - FEW))
    return [
        Figure(
            f"a first item beside a flood of commands, {crowd}",
            statistics.median(many.flooded) / many.calm.first,
            "the same without the flood",
            "lower",
            f"{statistics.median(many.flooded):.2f} s",
        ),
        Figure(
            f"a first item {crowd}",
            many.calm.first / few.calm.first,
            same,
            "lower",
            f"{many.calm.first:.2f} s",
        ),
        Figure(
            f"a first item while all begin again after a restart, {crowd}",
            many.hurried.first / many.calm.first,
            "the same later",
            "lower",
            f"{many.hurried.first:.2f} s; all have begun after {many.resumed:.0f} s",
        ),
        Figure(
            f"p99 of deliveries {crowd}",
            many.calm.p99 / few.calm.p99,
            same,
            "lower",
            f"{many.calm.p99 * 1e3:.0f} ms at {CHATTER:.0f} a second",
        ),
        Figure(
            f"CPU of a pass of the scheduler {crowd}",
            statistics.fmean(many.calm.passes) / statistics.fmean(few.calm.passes),
            same,
            "lower",
            f"{statistics.fmean(many.calm.passes) * 1e3:.2f} ms",
        ),
        Figure(
            f"memory {crowd}",
            many.memory / few.memory,
            same,
            "lower",
            f"{many.memory >> 20} MiB",
        ),
        Figure(
            f"CPU of a restart {crowd}, until every batch is taken up",
            many.start_cpu / few.start_cpu,
            same,
            "lower",
            f"{many.start_cpu:.1f} s, {each * 1e3:.1f} ms a batch; "
            f"{many.start:.1f} s on the clock",
        ),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=MANY)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args()
    os.sched_setaffinity(0, {PROCESSORS[-1]})
    asyncio.run(main(options.count, options.log))
