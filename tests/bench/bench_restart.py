"""How soon the next item starts when the bot comes back to a large batch.

Run ``python -m tests.bench.bench_restart``. A database is made in which three items of
a batch run and the rest are pending; then the real process is started in front of the
local GitHub. Baseline: the same with a batch of ten. Times are in seconds from the start
of the process until it listens, and until GitHub sees the first item's label.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bot.core import events as e
from bot.core.model import ItemId, ItemNumber
from bot.host.clock import SystemClock
from bot.logs import configure_logging
from tests.bench.figures import Figure, report
from tests.bench.recorded import record
from tests.flow.world import REPOSITORY, World, world

RUNS = 5
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


async def restart(on: World) -> tuple[float, float]:
    """Return the seconds until the process listens, and until its first item's effect."""
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
    up_at = 0.0
    try:
        async for raw in process.stderr:
            line = json.loads(raw)
            if line["event"] == "ready":
                up_at = perf_counter() - began
                break
        await on.until(lambda: any(map(_is_label, list(log)[seen:])))
        return up_at, perf_counter() - began
    finally:
        process.kill()
        await process.wait()


def _is_label(exchange: object) -> bool:
    path, method = getattr(exchange, "path", ""), getattr(exchange, "method", "")
    return method == "POST" and path.endswith("/labels")


async def measure(count: int) -> tuple[float, float]:
    """Return the medians over a few restarts, each of a new batch."""
    found = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as name:
            async with world(Path(name), clock=SystemClock()) as on:
                await interrupt(on, count)
                found.append(await restart(on))
    ups, firsts = zip(*found, strict=True)
    return statistics.median(ups), statistics.median(firsts)


async def main() -> None:
    """Measure and print."""
    configure_logging(level="error", style="json")
    small_up, small_first = await measure(10)
    up, first = await measure(10_000)
    report(
        [
            Figure(
                "start with 10,000 pending items, until it listens",
                up / small_up,
                "the same with 10",
                "lower",
                f"{up:.2f} s",
            ),
            Figure(
                "start with 10,000 pending items, until the next item's effect",
                first / small_first,
                "the same with 10",
                "lower",
                f"{first:.2f} s, {first - up:.2f} s after it listens",
            ),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main())
