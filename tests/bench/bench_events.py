"""How many items a second can be recorded: two events and the projection of each.

``python -m tests.bench.bench_events [DIRECTORY]``. DIRECTORY is where the database is
put. Large appends are compared with rows in a large commit, by the time of the processor;
small ones with commits of one row, in turns, by the clock: the disk is part of the answer.
"""

import asyncio
import itertools
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median

from bot.core import events as e
from bot.core.model import BatchId, CommandResult
from bot.store.store import Store, open_store
from tests.bench.figures import Figure, report
from tests.fakes import FakeClock
from tests.store.samples import DONE, NOW, after, i, make_batch, make_facts

BATCHES = 40
ITEMS = 500
SMALL_APPENDS = 500


async def big_append(store: Store, round_: int) -> float:
    """Return the CPU seconds of an item when the events of many batches are appended."""
    events: dict[BatchId, list[e.Event]] = {}
    for number in range(BATCHES):
        batch = make_batch(f"{round_}-{number}", tuple(range(ITEMS)))
        await store.batches.create(batch, make_facts(batch), [e.BatchStarted(NOW, "a")])
        pairs = (
            (e.ItemStarted(NOW, i(k), 1), e.ItemEnded(after(k), i(k), 1, DONE, 7))
            for k in range(ITEMS)
        )
        events[batch.id] = list(itertools.chain.from_iterable(pairs))
    began = time.process_time()
    await store.batches.append(events)
    return (time.process_time() - began) / (BATCHES * ITEMS)


def plain_rows(bare: sqlite3.Connection) -> float:
    """Return the CPU seconds of a row in a large transaction."""
    rows = [("b7k2", n, 0, "ItemEnded", '{"x": 1}') for n in range(BATCHES * ITEMS)]
    began = time.process_time()
    bare.execute("BEGIN IMMEDIATE")
    bare.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)
    bare.execute("COMMIT")
    return (time.process_time() - began) / len(rows)


async def small_appends(
    store: Store, bare: sqlite3.Connection
) -> tuple[list[float], list[float]]:
    """Return the seconds of appends of two events, and of commits of one row, in turns."""
    batch = make_batch("small", tuple(range(SMALL_APPENDS)))
    await store.batches.create(batch, make_facts(batch), [e.BatchStarted(NOW, "a")])
    appends, commits = [], []
    for k in range(SMALL_APPENDS):
        events: list[e.Event] = [
            e.ItemStarted(NOW, i(k), 1),
            e.ItemAccepted(NOW, i(k), 1, CommandResult(0)),
        ]
        began = time.perf_counter()
        await store.batches.append({batch.id: events})
        between = time.perf_counter()
        bare.execute("BEGIN IMMEDIATE")
        bare.execute("INSERT INTO t (a) VALUES (?)", (k,))
        bare.execute("COMMIT")
        appends.append(between - began)
        commits.append(time.perf_counter() - between)
    return appends, commits


def opened(path: Path) -> sqlite3.Connection:
    """Return a bare database, as durable as the bot's."""
    bare = sqlite3.connect(path, isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE t (a, b, c, d, e)")
    return bare


async def main(directory: str | None) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        path = Path(folder) / "batch.db"
        with closing(opened(Path(folder) / "bare.db")) as bare:
            async with open_store(path, clock=FakeClock()) as store:
                large = [
                    (await big_append(store, round_), plain_rows(bare))
                    for round_ in range(5)
                ]
                appends, commits = await small_appends(store, bare)
    each = median(item for item, _ in large)
    report(
        [
            Figure(
                "CPU of an item's two events, in an append of many",
                median(item / row for item, row in large),
                "a row in a large commit",
                "lower",
                f"{each * 1e6:.0f} us",
            ),
            Figure(
                "an append of two events",
                median(appends) / median(commits),
                "a commit of one row",
                "lower",
                f"{median(appends) * 1000:.2f} ms",
            ),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else None))
