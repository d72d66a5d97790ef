"""A process for tests that writes until it is killed: ``… writing DATABASE``.

It prints each delivery, batch and effect once it is acknowledged, and keeps what batches
cost.
"""

import asyncio
import itertools
import sys
from pathlib import Path

import click

from bot.core import events as e
from bot.core.effects import CreateComment
from bot.store.store import Store, open_store
from tests.fakes import FakeClock
from tests.store.samples import (
    DONE,
    NOW,
    REPOSITORY,
    i,
    make_batch,
    make_delivery,
    n,
    start,
)

ITEMS = tuple(range(1, 21))


async def deliver(store: Store, worker: int) -> None:
    for number in itertools.count():
        guid = f"{worker}-{number}"
        await store.deliveries.add(make_delivery(guid, b"x" * 14_000))
        click.echo(f"delivery {guid}")


EVENTS: tuple[e.Event, ...] = tuple(
    event
    for item in ITEMS
    for event in (e.ItemStarted(NOW, i(item), 1), e.ItemEnded(NOW, i(item), 1, DONE))
)


async def run_batches(store: Store, worker: int) -> None:
    for number in itertools.count():
        batch = make_batch(f"{worker}-{number}", ITEMS)
        await start(store, batch)
        click.echo(f"batch {batch.id}")
        await store.batches.append({batch.id: EVENTS})
        click.echo(f"events {batch.id}")
        intent = CreateComment(REPOSITORY, n(1), "<!-- m -->", "Hello")
        await store.effects.intend(batch.id, intent, at=NOW)
        click.echo(f"effect {batch.id}")


async def keep_costs(store: Store) -> None:
    for number in itertools.count():
        batch = make_batch(f"over-{number}", ITEMS)
        await start(store, batch)
        await store.batches.append({batch.id: [*EVENTS, e.BatchFinished(NOW)]})
        while await store.costs.keep_more():
            pass


async def main(path: str) -> None:
    async with open_store(Path(path), clock=FakeClock()) as store:
        await asyncio.gather(
            *(deliver(store, worker) for worker in range(4)),
            *(run_batches(store, worker) for worker in range(2)),
            keep_costs(store),
        )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
