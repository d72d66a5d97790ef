"""How quickly items that do nothing go through the real scheduler and the real store.

Run ``python -m tests.bench.bench_schedule``. Every transition is on disk before
the next follows from it. The baseline is the least that schedules durably, see
``tests.bench.reference``; the two take turns, and what is compared is the time of the
processor, for that of a disk depends on who else uses it.
"""

import asyncio
import contextlib
import random
import tempfile
import tracemalloc
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

from bot.app import calm_collector
from bot.core import events as e
from bot.core.actions.label import LABEL
from bot.core.actions.step import End
from bot.core.actions.table import installed
from bot.core.model import (
    Batch,
    BatchId,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemKind,
    Options,
    Outcome,
    OutcomeKind,
    Plan,
    Repository,
    Role,
)
from bot.core.run.schedule import Schedule
from bot.engine.effects import Effects
from bot.engine.present import Present
from bot.engine.recorder import Recorder
from bot.engine.running import Running
from bot.engine.scheduler import Scheduler, SlotLimits
from bot.engine.steps import Steps
from bot.engine.supervisor import Supervisor
from bot.engine.work import Work
from bot.host.clock import SystemClock
from bot.ports.github import Budget
from bot.store.store import Store, open_store
from tests.bench import reference
from tests.bench.figures import Figure, report
from tests.plans import NOON, batch, plan

UNLIMITED = 1_000_000
ROUNDS = 3
REFERENCE = "the least that schedules durably"


NO_OP = replace(
    LABEL,
    name="no-op",
    next_step=lambda job, seen: End(Outcome(OutcomeKind.COMPLETED)),
)
"""An action that is done at once, with no effect."""


class Unlimited:
    """A GitHub with requests for ever, and a host with memory for ever."""

    def budget(self, installation_id: InstallationId) -> Budget:
        return Budget(0, 0, None, 0)

    def requests_fit(self, installation_id: InstallationId) -> int:
        return UNLIMITED

    def spent(self, meter: str) -> int:
        return 0

    def metered(self, *meters: str) -> AbstractContextManager[None]:
        return nullcontext()

    def used_fraction(self) -> float:
        return 0.0

    async def role(
        self, repository: Repository, login: str, permits: object = ()
    ) -> Role:
        return Role.ADMIN


def random_graph(count: int, *, seed: int = 1) -> dict[int, list[int]]:
    """Return items of which each waits for up to three of the 2,000 before it."""
    rng = random.Random(seed)  # noqa: S311  # a graph, no secret
    return {
        n: sorted({rng.randrange(max(1, n - 2000), n) for _ in range(rng.randrange(4))})
        if n > 1
        else []
        for n in range(1, count + 1)
    }


def chain(count: int) -> dict[int, list[int]]:
    """Return items of which each waits for the one before it."""
    return {n: [n - 1] if n > 1 else [] for n in range(1, count + 1)}


def facts_of(of: Plan) -> Mapping[ItemId, ItemFacts]:
    """Return facts as small as they come."""
    return {
        item.id: ItemFacts(item.number, ItemKind.ISSUE, item.title, "", "", True, NOON)
        for item in of.items
    }


@dataclass(frozen=True, slots=True)
class Taken:
    """What a number of items took, from the start of a batch to its end on disk."""

    items: int
    seconds: float
    cpu_seconds: float
    commits: int = 0

    @property
    def cpu_each(self) -> float:
        """The seconds of the processor for one item."""
        return self.cpu_seconds / self.items

    def __str__(self) -> str:
        """What it is here."""
        return (
            f"{self.cpu_each * 1e6:.0f} us; {self.items / self.seconds:,.0f} a second"
        )


async def run(store: Store, work: Batch) -> Taken:
    """Run a batch to its end."""
    clock = SystemClock()
    supervisor = Supervisor()
    recorder = Recorder(batches=store.batches, clock=clock)
    unlimited: Any = Unlimited()  # no more of the ports is used
    steps = Steps(
        effects=Effects(
            effect_log=store.effects,
            adapter=unlimited,
            clock=clock,
            fraction=random.random,
        ),
        role=unlimited.role,
        waits=unlimited,
        work=Work(
            workers={}, workspaces=unlimited, clock=clock, fraction=random.random
        ),
        clock=clock,
        fraction=random.random,
    )
    running = Running(
        steps=steps,
        batches=store.batches,
        github=unlimited,
        present=Present(github=unlimited, clock=clock),
        supervisor=supervisor,
        marker_key=b"key",
        fraction=random.random,
    )
    scheduler = Scheduler(
        batches=store.batches,
        recorder=recorder,
        running=running,
        github=unlimited,
        memory=unlimited,
        clock=clock,
        limits=SlotLimits(slots=UNLIMITED, workspaces=UNLIMITED),
    )
    ended = asyncio.Event()
    commits = 0

    def recorded(_: BatchId, events: Sequence[e.News]) -> None:
        nonlocal commits
        commits += 1
        if isinstance(events[-1], e.BatchFinished):
            ended.set()

    recorder.listen(recorded)
    now = clock.now()
    work = replace(work, created_at=now)  # what it knows of its items is fresh
    started = [e.BatchStarted(now, "ada")]
    await store.batches.create(work, facts_of(work.plan), started)
    loop = asyncio.create_task(scheduler.run())
    began, spent = perf_counter(), process_time()
    await scheduler.adopt(work.id)
    await ended.wait()
    seconds, cpu_seconds = perf_counter() - began, process_time() - spent
    loop.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await loop
    await supervisor.close()
    return Taken(len(work.plan.items), seconds, cpu_seconds, commits)


def one_batch(waits: Mapping[int, list[int]], name: str) -> Batch:
    """Return a batch with room for all its items at once."""
    options = Options(concurrency=UNLIMITED)
    actions = dict.fromkeys(waits, "no-op")
    return batch(plan(waits, options=options, actions=actions, worker=""), name=name)


def bytes_per_item(count: int = 10_000) -> float:
    """Return the memory that a schedule takes, per item, over its plan."""
    work = one_batch(random_graph(count), "m1m1")
    tracemalloc.start()
    schedule = Schedule(work, {}, {})
    schedule.apply(e.BatchStarted(NOON + timedelta(seconds=1), "ada"))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert schedule.has_ready
    return size / count


async def compared(
    store: Store, folder: Path, waits: Mapping[int, list[int]], what: str, *, name: str
) -> Taken:
    """Report what an item takes against the reference, in turns."""
    ratios, all_taken = [], []
    for round_ in range(ROUNDS):
        spent = process_time()
        await reference.run(folder / f"{name}{round_}.db", waits)
        least = (process_time() - spent) / len(waits)
        taken = await run(store, one_batch(waits, f"{name}{round_}"))
        ratios.append(taken.cpu_each / least)
        all_taken.append(taken)
    middle = sorted(all_taken, key=lambda taken: taken.cpu_seconds)[ROUNDS // 2]
    ratio = median(ratios)
    report([Figure(f"CPU of {what}", ratio, REFERENCE, "lower", str(middle))])
    return middle


async def main() -> None:
    """Measure and print."""
    calm_collector()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with open_store(folder / "batch.db", clock=SystemClock()) as store:
            await run(store, one_batch(random_graph(500), "w0w0"))
            random_10_000 = random_graph(10_000)
            flat: dict[int, list[int]] = {n: [] for n in random_10_000}
            await compared(store, folder, random_10_000, "an item of 10,000", name="r")
            await compared(store, folder, flat, "an item of 10,000 at once", name="f")
            links = await compared(
                store, folder, chain(1_000), "a link of a chain", name="c"
            )
            few = random_graph(1_000)
            small = [await run(store, one_batch(few, f"s{n}s{n}")) for n in range(5)]
            large = await run(store, one_batch(random_graph(100_000), "l0l0"))
    one_of_few = median(taken.cpu_each for taken in small)
    report(
        Figure(what, ratio, baseline, "lower", note)
        for what, ratio, baseline, note in (
            ("a link of a chain", links.commits / links.items, "a commit", ""),
            (
                "CPU of an item of 100,000",
                large.cpu_each / one_of_few,
                "an item of 1,000",
                str(large),
            ),
            ("memory of an item's schedule", bytes_per_item(), "a byte", ""),
        )
    )


if __name__ == "__main__":
    with installed([NO_OP]):
        asyncio.run(main())
