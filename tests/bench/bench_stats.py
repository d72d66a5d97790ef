"""What a look at what batches cost takes, once that is kept: ``python -m tests.bench.bench_stats``.

10,000 batches of 12 items, one that ended each minute. A look at all of them is compared
with SQL that adds the same rows up, a look at one hour with the same one among 100 batches;
and while somebody looks, how long the loop is held is measured.
"""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from statistics import median

from bot.core import events as e
from bot.core.model import BatchId
from bot.core.run.usage import Wait
from bot.store.store import Store, open_store
from tests.bench.figures import Figure, report
from tests.fakes import FakeClock
from tests.store.samples import DONE, NOW, after, i, make_batch, make_facts

BATCHES, FEW, ITEMS, ROUNDS, GROUP = 10_000, 100, 12, 7, 250
END = NOW + timedelta(minutes=BATCHES + 1)
HELD_SECONDS = 0.05
NUMBERS = tuple(range(1, ITEMS + 1))


def events_of(began: float) -> list[e.Event]:
    """Return what happens in a batch that begins so many seconds after all of them."""
    over = e.BatchFinished(after(began + 50))
    items = [
        event
        for k in NUMBERS
        for event in (
            e.ItemStarted(after(began + k), i(k), 1),
            e.ItemParked(after(began + k + 1), i(k), 1, "the checks"),
            e.ItemUnparked(after(began + k + 2), i(k), 1),
            e.ItemEnded(after(began + k + 5 + k % 7), i(k), 1, DONE, 7),
        )
    ]
    return [*items, over]


@asynccontextmanager
async def filled(folder: str, batches: int) -> AsyncIterator[tuple[Store, float]]:
    """Yield a store of that many batches, and the CPU seconds that each took to be kept."""
    path = Path(folder) / f"{batches}.db"
    async with open_store(path, clock=FakeClock()) as store:
        for first in range(0, batches, GROUP):
            some = range(first, min(first + GROUP, batches))
            made = {n: make_batch(f"{n:05}", NUMBERS) for n in some}
            await asyncio.gather(
                *(
                    store.batches.create(
                        batch,
                        make_facts(batch),
                        [e.BatchStarted(after(60 * n), "ada")],
                    )
                    for n, batch in made.items()
                )
            )
            await store.batches.append(
                {BatchId(f"{n:05}"): events_of(60 * n) for n in some}
            )
        began = time.process_time()
        while await store.costs.keep_more():
            pass
        yield store, (time.process_time() - began) / batches


async def seconds(look: Callable[[], Awaitable[object]]) -> float:
    """Return the CPU seconds of a look, of several."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        await look()
        found.append(time.process_time() - began)
    return median(found)


async def bare(store: Store) -> None:
    """Add all columns of all rows up."""
    columns = ("worked_us", "requests", "retries", *(f"{wait}_us" for wait in Wait))
    sums = ", ".join(f"sum({one})" for one in columns)
    with closing(sqlite3.connect(store.path)) as connection:
        sql = f"SELECT repository_id, action, {sums} FROM usages GROUP BY 1, 2"  # noqa: S608 - of constants
        connection.execute(sql).fetchall()


async def held(look: Callable[[], Awaitable[object]]) -> float:
    """Return the longest time for which the loop turned to nothing else."""
    longest, looking = 0.0, asyncio.ensure_future(look())
    while not looking.done():
        began = time.perf_counter()
        await asyncio.sleep(0)
        longest = max(longest, time.perf_counter() - began)
    await looking
    return longest


async def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            filled(folder, FEW) as (few, _),
            filled(folder, BATCHES) as (many, kept),
        ):
            hour = (NOW, NOW + timedelta(hours=1))

            async def all_of_them() -> object:
                return await many.costs.between(NOW, END)

            everything = await seconds(all_of_them)
            rows = await seconds(lambda: bare(many))
            short = await seconds(lambda: many.costs.between(*hour))
            shortest = await seconds(lambda: few.costs.between(*hour))
            longest = median([await held(all_of_them) for _ in range(ROUNDS)])
    report(
        [
            Figure(
                "a look at what 10,000 batches cost",
                everything / rows,
                "SQL that adds the same rows up",
                "lower",
                f"{everything:.2f} s; kept at {kept * 1000:.1f} ms a batch",
            ),
            Figure(
                "a look at one hour among 10,000 batches",
                short / shortest,
                "the same among 100",
                "lower",
                f"{short * 1000:.1f} ms",
            ),
            Figure(
                "the longest turn of the loop during a look at 10,000 batches",
                longest / HELD_SECONDS,
                "50 ms",
                "lower",
                f"{longest * 1000:.1f} ms",
            ),
        ]
    )


if __name__ == "__main__":
    asyncio.run(main())
