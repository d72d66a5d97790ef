"""How soon the next item starts when the bot comes back to a large batch.

Run ``python -m tests.bench.bench_restart``. A database is made in which three items of
a batch run and the rest are pending; then the real process is started in front of the
local GitHub. What counts is from the start of the process until it listens, and until
GitHub sees the first item's label: the time of the processor, for that of a wall clock is
the machine's mood. Baseline: the same with a batch of ten, in turns.
"""

import asyncio
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import psutil

from bot.core import events as e
from bot.core.model import ItemId, ItemNumber
from bot.host.clock import SystemClock
from bot.logs import configure_logging
from tests.bench.figures import Figure, report
from tests.bench.recorded import record
from tests.flow.world import REPOSITORY, World, world

ROUNDS = 3
ROOT = Path(__file__).parents[2]
FIRST = 101


async def interrupt(on: World, count: int) -> None:
    """Leave the database of a bot that was killed at the beginning of a batch."""
    numbers = [ItemNumber(FIRST + i) for i in range(count)]
    for number in numbers:
        on.issue(number)
    on.hub.add_label(REPOSITORY, "ready")
    now = on.clock.now()
    events: list[e.Event] = [e.BatchStarted(now, "ada")]
    events += [e.ItemStarted(now, ItemId(str(n)), 1) for n in numbers[:3]]
    await record(on, numbers, events, at=now, label="ready")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds since the start of a process: of the processor, and on the clock."""

    cpu: float
    wall: float


async def restart(on: World) -> tuple[Spent, Spent]:
    """Return what it takes until the process listens, and until its first effect."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "LOG_FORMAT": "json",
        **on.environment(),
    }
    log = on.hub.log
    seen = len(log)
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"),
        env=environment,
        cwd=on.folder,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None

    def spent() -> Spent:
        times = psutil.Process(process.pid).cpu_times()
        return Spent(times.user + times.system, perf_counter() - began)

    try:
        async for raw in process.stderr:
            if json.loads(raw)["event"] == "ready":
                break
        up = spent()
        await on.until(lambda: any(map(_is_label, list(log)[seen:])))
        return up, spent()
    finally:
        process.kill()
        await process.wait()


def _is_label(exchange: object) -> bool:
    path, method = getattr(exchange, "path", ""), getattr(exchange, "method", "")
    return method == "POST" and path.endswith("/labels")


async def measure(count: int) -> tuple[Spent, Spent]:
    """Return what the restart of a new batch takes."""
    with tempfile.TemporaryDirectory() as name:
        async with world(Path(name), clock=SystemClock()) as on:
            await interrupt(on, count)
            return await restart(on)


async def main() -> None:
    """Measure and print."""
    configure_logging(level="error", style="json")
    rounds = [(await measure(10), await measure(10_000)) for _ in range(ROUNDS)]
    for place, what in enumerate(("it listens", "the next item's effect")):
        few = [small[place] for small, _ in rounds]
        many = [large[place] for _, large in rounds]
        cpu, wall = median(one.cpu for one in many), median(one.wall for one in many)
        report(
            [
                Figure(
                    f"CPU of a start with 10,000 pending items, until {what}",
                    median(b.cpu / a.cpu for a, b in zip(few, many, strict=True)),
                    "the same with 10",
                    "lower",
                    f"{cpu:.2f} s; {wall:.1f} s on the clock",
                )
            ]
        )


if __name__ == "__main__":
    asyncio.run(main())
