"""How many items a second can be recorded: two events and the projection of each.

``python -m tests.bench.bench_events [DIRECTORY]``. DIRECTORY is where the database is
put: the disk is part of the answer.
"""

import asyncio
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bot.core import events as e
from bot.core.model import BatchId, CommandResult
from bot.store.store import Store, open_store
from tests.bench.bench_schedule import commit_seconds, row_seconds
from tests.bench.figures import Figure, report
from tests.fakes import FakeClock
from tests.store.samples import DONE, NOW, after, i, make_batch, make_facts

BATCHES = 40
ITEMS = 500
SMALL_APPENDS = 500


async def big_append(store: Store, round_: int) -> float:
    """Return items a second when the events of many batches are appended at once."""
    events: dict[BatchId, list[e.Event]] = {}
    for number in range(BATCHES):
        batch = make_batch(f"{round_}-{number}", tuple(range(ITEMS)))
        await store.batches.create(batch, make_facts(batch), [e.BatchStarted(NOW, "a")])
        pairs = (
            (e.ItemStarted(NOW, i(k), 1), e.ItemEnded(after(k), i(k), 1, DONE, 7))
            for k in range(ITEMS)
        )
        events[batch.id] = list(itertools.chain.from_iterable(pairs))
    began = time.perf_counter()
    await store.batches.append(events)
    return BATCHES * ITEMS / (time.perf_counter() - began)


async def small_appends(store: Store) -> list[float]:
    """Return the seconds that appends of two events take, one after the other."""
    batch = make_batch("small", tuple(range(SMALL_APPENDS)))
    await store.batches.create(batch, make_facts(batch), [e.BatchStarted(NOW, "a")])
    seconds = []
    for k in range(SMALL_APPENDS):
        began = time.perf_counter()
        await store.batches.append(
            {
                batch.id: [
                    e.ItemStarted(NOW, i(k), 1),
                    e.ItemAccepted(NOW, i(k), 1, CommandResult(0)),
                ]
            }
        )
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)


async def main(directory: str | None) -> None:
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        path = Path(folder) / "batch.db"
        commit, row = commit_seconds(Path(folder)), row_seconds(Path(folder))
        async with open_store(path, clock=FakeClock()) as store:
            rates = [await big_append(store, round_) for round_ in range(5)]
            seconds = await small_appends(store)
    middle, late = (seconds[int(len(seconds) * q)] * 1000 for q in (0.5, 0.99))
    rate = statistics.median(rates)
    report(
        [
            Figure(
                "an item's two events, in an append of many",
                1 / rate / row,
                "a row in a large commit",
                "lower",
                f"{rate:.0f} items/s in appends of {BATCHES * ITEMS} items",
            ),
            Figure(
                "an append of two events",
                middle / 1000 / commit,
                "a commit of one row",
                "lower",
                f"p50 {middle:.2f} ms, p99 {late:.2f} ms, on disk",
            ),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
