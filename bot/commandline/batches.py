"""Batches as the running bot has them or, without one, as the database does."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.core.model import AttemptId, BatchId, ItemId, attempt_id
from bot.core.run.progress import Progress, fold
from bot.core.say.schedules import rows as schedule_rows
from bot.core.say.situation import Situation
from bot.core.say.terminal import document_of, row_of
from bot.errors import UserError
from bot.host.clock import SystemClock
from bot.host.folders import Folders
from bot.store.store import Store, read_store
from bot.web.door import Door, NoBot

MOST_COMPLETED = 50
"""Batches that the shell is told of."""

Json = Mapping[str, Any]
Render = Callable[[Progress, Situation], Json]


class BatchReader:
    """Reads batches, with why items wait if a bot runs that knows."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._door = Door(database)

    async def rows(self, *, limit: int) -> Sequence[Json]:
        """Return a row for each batch: those with work left, then the newest."""
        async with self._store() as store:
            wanted = await store.batches.latest(limit=limit)
            try:
                found = self._door.ask("rows", batches=wanted)["batches"]
            except NoBot:
                return [await self._read(store, one, row_of) for one in wanted]
        return list(found)

    async def document(self, batch_id: str) -> Json:
        """Return all that is known of a batch. Raises ``UserError`` if there is none."""
        try:
            found = self._door.ask("show", batch=batch_id)["batch"]
            if found is None:
                raise _no_batch(batch_id)
            return dict(found) | {"from": "bot"}
        except NoBot:
            async with self._store() as store:
                read = await self._read(store, BatchId(batch_id), document_of)
                return dict(read) | {"from": "database"}

    async def attempt(self, batch_id: str, item: str, number: int = 0) -> AttemptId:
        """Return an attempt of an item, the last one without a number.

        Raises ``UserError`` if there is none.
        """
        async with self._store() as store:
            progress = await _progress(store, BatchId(batch_id))
        view = progress.items.get(ItemId(item.lstrip("#")))
        if view is None:
            known = ", ".join(progress.items)
            message = f"Batch {batch_id} has no item {item}. It has {known}."
            raise UserError(message)
        if not view.attempt:
            message = f"Item {item} of batch {batch_id} has not begun."
            raise UserError(message)
        return attempt_id(batch_id=BatchId(batch_id), item=view.item.id, attempt=number or view.attempt)  # fmt: skip

    async def is_running(self, batch_id: str, attempt: AttemptId) -> bool:
        """Return whether an attempt still runs."""
        document = await self.document(batch_id)
        return any(
            one["attempt"] == attempt and one["state"] == "running"
            for one in document["items"]
        )

    def log(self, attempt: AttemptId) -> Path:
        """Return where the log of an attempt is, if its command has printed anything."""
        return Folders(self._database.resolve().parent / "host").log(attempt)

    def _store(self) -> Any:
        clock = SystemClock()
        return read_store(self._database, clock=clock, is_thorough=False)

    async def _read(self, store: Store, batch_id: BatchId, render: Render) -> Json:
        progress = await _progress(store, batch_id)
        nobody = hashlib.sha256().digest()  # no marker is made of what is read here
        return render(progress, Situation(now=SystemClock().now(), marker_key=nobody))


async def schedules(database: Path) -> Sequence[Json]:
    """Return a row for each schedule that is known."""
    clock = SystemClock()
    async with read_store(database, clock=clock, is_thorough=False) as store:
        known = await store.timetables.all()
    found = sorted(known.values(), key=lambda one: one.repository.name)
    return schedule_rows(found, clock.now())


async def _progress(store: Store, batch_id: BatchId) -> Progress:
    try:
        history = await store.batches.history(batch_id)
    except LookupError as error:
        raise _no_batch(batch_id) from error
    return fold(history.batch, history.events)


def _no_batch(batch_id: str) -> UserError:
    return UserError(f"There is no batch {batch_id}; `batches` lists those there are.")


def complete(database: Path, begun: str, *, with_items: bool = False) -> Iterator[str]:
    """Yield the ids of batches that begin so, for the shell; or those of their items,
    as ``logs`` takes them.
    """
    import asyncio  # noqa: PLC0415

    async def known() -> Sequence[str]:
        clock = SystemClock()
        async with read_store(database, clock=clock, is_thorough=False) as store:
            latest = await store.batches.latest(limit=MOST_COMPLETED)
            if not with_items:
                return latest
            batch = begun.partition("/")[0]
            plans = [
                await _progress(store, one) for one in latest if one.startswith(batch)
            ]
        return [f"{one.batch.id}/{item}" for one in plans for item in one.items]

    yield from (one for one in asyncio.run(known()) if one.startswith(begun))
