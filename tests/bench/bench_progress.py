"""What a batch costs the bot as it goes on, and as it is larger.

Run ``python -m tests.bench.bench_progress``. The real process runs in front of the local
GitHub, in time that runs twenty times faster; what it costs is the CPU time that it has
used, and what it is compared with is the same process earlier, or with small batches:

- a line that a command prints, late in the life of a batch against early;
- an item of a batch of 500 against one of a batch of 10, each without what a batch of
  one item costs beyond it;
- the memory that a batch of 10,000 takes while it runs, per item.
"""

import asyncio
import sys
import tempfile
import tracemalloc
from pathlib import Path
from statistics import median

import psutil
import yaml

from bot.core import events as e
from bot.core.model import Outcome, OutcomeKind
from bot.core.run.progress import fold
from bot.core.run.schedule import Schedule
from bot.logs import configure_logging
from bot.workers.lines import PROGRESS_SECONDS
from tests.bench.bench_schedule import one_batch, random_graph
from tests.bench.figures import Figure, report
from tests.flow.killing import Child, is_quiet, mortal_world
from tests.flow.mortal import SwiftClock
from tests.flow.world import REPOSITORY, World
from tests.plans import NOON

LINES = 750
"""That three commands say together."""

TALK = """
import itertools, time
for i in itertools.count():
    print("line", i, flush=True)
    time.sleep({seconds})
"""
FIRST = 1001


def cpu_seconds(child: Child) -> float:
    """Return the CPU time that the bot has used since its start."""
    times = psutil.Process(child.pid).cpu_times()
    return times.user + times.system


async def line_costs(on: World, child: Child, clock: SwiftClock) -> tuple[float, float]:
    """Return the CPU seconds that a line costs early in a batch, and late."""
    talk = TALK.format(seconds=1.1 * PROGRESS_SECONDS / clock.speed)
    file = on.folder / "talkative.yml"
    file.write_text(
        yaml.safe_dump({"commands": {"implement": [sys.executable, "-c", talk]}})
    )
    for number in (12, 15, 18):
        on.issue(number)
    await child.start(BATCH_SETTINGS_FILE=str(file), LOG_LEVEL="debug")

    def lines() -> int:
        return sum('"item progressed"' in line for line in child.lines)

    async def at(count: int) -> tuple[int, float]:
        await on.until(lambda: lines() >= count)
        return lines(), cpu_seconds(child)

    on.say("/batch 12 15 18 timeout:8h")
    part = LINES // 3
    begun = await at(part // 5)  # behind the start of everything
    early = await at(begun[0] + part)
    late_from = await at(LINES - part)
    late = await at(late_from[0] + part)
    await child.kill()
    return _each(begun, early), _each(late_from, late)


def _each(before: tuple[int, float], after: tuple[int, float]) -> float:
    return (after[1] - before[1]) / (after[0] - before[0])


async def batch_cost(on: World, child: Child, first: int, count: int) -> float:
    """Return the CPU seconds that a batch of *count* labels takes, with its last word."""
    begun = cpu_seconds(child)
    items = f"{first}..{first + count - 1}" if count > 1 else str(first)
    reports, plans = len(on.comments("report")), len(on.comments("plan"))
    on.say(f"/batch label +ready {items}")

    await on.until(
        lambda: (
            len(on.comments("plan")) > plans or len(on.comments("tracking")) > reports
        )
    )
    if len(on.comments("plan")) > plans:
        name = on.said("plan").split("batch:start ")[1].split(" ")[0]
        on.say(f"/batch start {name}")
    await on.until(lambda: len(on.comments("report")) > reports, seconds=900)
    await on.dealt_with()
    await on.until(lambda: is_quiet(on))
    return cpu_seconds(child) - begun


async def item_costs(on: World, child: Child, *, most: int) -> tuple[float, float]:
    """Return the CPU seconds of an item of a batch of ten, and of one of *most*."""
    on.configure(f"limits: {{items: {most}}}\n")
    on.hub.add_label(REPOSITORY, "ready")
    rounds = [1, 10] * 10
    for number in range(FIRST, FIRST + sum(rounds) + most + 1):
        on.issue(number)
    await child.start(BATCH_WRITE_INTERVAL="1")
    place = FIRST
    costs: dict[int, list[float]] = {1: [], 10: [], most: []}
    # The small ones stand before and behind the large one: machines have moods.
    half = len(rounds) // 2
    for count in (1, *rounds[:half], most, *rounds[half:]):
        costs[count].append(await batch_cost(on, child, place, count))
        place += count
    await child.stop()
    one, ten, many = (median(costs[count]) for count in (1, 10, most))
    return (ten - one) / 9, (many - one) / (most - 1)


def bytes_per_item(count: int = 10_000) -> float:
    """Return the memory of a batch that runs, per item: plan, schedule and progress."""
    done = Outcome(OutcomeKind.COMPLETED, summary="done")
    tracemalloc.start()
    batch = one_batch(random_graph(count), "m1m1")
    schedule = Schedule(batch, {}, {"scripted": False})
    events: list[e.Event] = [e.BatchStarted(NOON, "ada")]
    for item in batch.plan.items[: count // 2]:
        events.append(e.ItemStarted(NOON, item.id, 1))
        events.append(e.ItemEnded(NOON, item.id, 1, done, 2))
    progress = fold(batch, events)
    for event in events:
        schedule.apply(event)
    del events, event
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert schedule.has_ready
    assert progress.finished == count // 2
    return size / count


async def main(most: int) -> None:
    """Measure and print."""
    configure_logging(level="error", style="json")
    clock = SwiftClock()
    with tempfile.TemporaryDirectory() as name:
        async with mortal_world(Path(name), clock=clock) as (on, _, child):
            early, late = await line_costs(on, child, clock)
    clock = SwiftClock()
    with tempfile.TemporaryDirectory() as name:
        async with mortal_world(Path(name), clock=clock) as (on, _, child):
            small, large = await item_costs(on, child, most=most)
    report(
        [
            Figure(
                "CPU of a line that a command prints, late in a batch",
                late / early,
                "one early in it",
                "lower",
                f"{late * 1e3:.2f} ms",
            ),
            Figure(
                f"CPU of an item of a batch of {most}",
                large / small,
                "one of a batch of 10",
                "lower",
                f"{large * 1e3:.2f} ms",
            ),
            Figure("memory of an item of 10,000", bytes_per_item(), "a byte", "lower"),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
