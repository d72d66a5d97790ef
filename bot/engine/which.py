"""Which batch somebody means."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from bot.core.model import (
    Batch,
    BatchId,
    BatchState,
    ItemId,
    Named,
    Repository,
    Request,
)
from bot.core.plan.naming import number_in, on_numbers
from bot.core.run.progress import Progress
from bot.core.say import declines
from bot.core.say.names import names_of
from bot.engine.situation import Situations
from bot.ports.store import Batches, BatchSummary


class Which:
    """Finds the batches that people speak of, and those that stand in their way."""

    def __init__(self, batches: Batches, situations: Situations) -> None:
        self._batches = batches
        self._situations = situations
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def taking(self, *repositories: Repository) -> AsyncIterator[None]:
        """Hold what whoever takes items of repositories for a batch holds, from the look
        at which are free until they are recorded: two at once would take the same item.
        """
        async with AsyncExitStack() as held:
            # In one order, so that no two wait for each other.
            for id_ in sorted({one.id for one in repositories}):
                lock = self._locks.setdefault(id_, asyncio.Lock())
                await held.enter_async_context(lock)
            yield

    async def known(self, request: Request, batch_id: BatchId) -> Batch | None:
        """Return the batch of that name, if the repository has one."""
        batch = await self._batches.load(batch_id)
        if batch is None or batch.repository.id != request.repository.id:
            return None
        return batch

    async def begun(self, request: Request) -> Batch | None:
        """Return the batch that a request has started, if it has."""
        return await self._batches.by_source(request.source)

    async def meant(
        self,
        request: Request,
        batch_id: BatchId | None,
        *,
        also_ended: bool = False,
        also_planned: bool = False,
    ) -> Batch | str:
        """Return the batch that a control means, or why that cannot be said.

        Without an id it is the live one of the thread; with *also_ended* its last one
        if none is live; with *also_planned* also one that waits for its time, which it is
        anyway if there is no other.
        """
        if batch_id is not None:
            found = await self.known(request, batch_id)
            return found or declines.no_such_batch(batch_id)
        made = await self._batches.by_source(request.source)
        before = (made.retry_of or made.undo_of) if made is not None else None
        if made is not None and before is not None:
            # A crash came behind the new batch: what was meant is the one before.
            return await self._batches.load(before) or made
        live = await self._batches.live_in(request.repository.id)
        here = [s.batch for s in live if s.batch.thread == request.thread]
        if also_planned:
            here += await self._coming(request)
        if not here and also_ended:
            recent = await self._batches.recent(
                request.repository.id, thread=request.thread
            )
            here = [s.batch for s in recent if s.state is not BatchState.PLANNED][:1]
        if not here and (done := await self.carried_out(request)) is not None:
            return done
        # Whoever means one that has not started is to hear that of it.
        here = here or await self._coming(request)
        if len(here) == 1:
            return here[0]
        return declines.which_batch([batch.id for batch in here])

    async def _coming(self, request: Request) -> list[Batch]:
        """Return the plans of the thread that start by themselves."""
        recent = await self._batches.recent(
            request.repository.id, thread=request.thread
        )
        found = [s.batch for s in recent if s.state is BatchState.PLANNED]
        now, coming = self._situations.now(), []
        for batch in found:
            starts_at = (await self._situations.progress(batch.id)).starts_at
            if starts_at is not None and starts_at > now:
                coming.append(batch)
        return coming

    async def planned(self, request: Request) -> Batch | None:
        """Return the one plan of the thread that waits for its start, if it is one."""
        recent = await self._batches.recent(
            request.repository.id, thread=request.thread
        )
        found = [s.batch for s in recent if s.state is BatchState.PLANNED]
        return found[0] if len(found) == 1 else None

    async def having(self, request: Request, name: Named) -> Sequence[BatchSummary]:
        """Return the batches that have an item: those of the thread before others, live
        ones before ended ones, and those before a plan that may never start.
        """
        number = number_in(name)
        found = [*await self._batches.with_item(request.repository.id, number)]
        if isinstance(name, str):  # what it is done to may have a number of its own
            here = await self._batches.recent(
                request.repository.id, thread=request.thread
            )
            live = await self._batches.live_in(request.repository.id)
            known = {one.batch.id: one for one in (*here, *live, *found)}
            found = [one for one in known.values() if await self._has(one, name)]
        return sorted(
            found,
            key=lambda s: (
                s.batch.thread != request.thread,
                not s.state.is_live,
                s.state is BatchState.PLANNED,
            ),
        )

    async def _has(self, one: BatchSummary, name: Named) -> bool:
        progress = await self._situations.progress(one.batch.id)  # it may have grown
        return bool(on_numbers(progress.batch, [name]))

    async def live_with(self, request: Request, names: Sequence[Named]) -> Batch | str:
        """Return the live batch that has the items to do, or why there is no such one."""
        live: list[tuple[Named, BatchId]] = []
        for summary in await self._batches.live_in(request.repository.id):
            progress = await self._situations.progress(summary.batch.id)
            for name in names:
                items = on_numbers(progress.batch, [name])
                if any(not progress.items[one].state.is_final for one in items):
                    live.append((name, summary.batch.id))
        if not live:
            for batch in await self._coming(request):
                if on_numbers(batch, names):
                    return batch
            return declines.not_unfinished(names)
        found = {batch_id for _, batch_id in live}
        if len(found) > 1:
            return declines.in_different_batches(live)
        (batch_id,) = found
        return await self._batches.load(batch_id) or declines.no_such_batch(batch_id)

    async def carried_out(self, request: Request) -> Batch | None:
        """Return the batch for which this very wish was carried out, before a crash
        came between that and the answer; the batch may have ended since.
        """
        for summary in await self._batches.recent(request.repository.id, limit=5):
            progress = await self._situations.progress(summary.batch.id)
            known = (progress.start_source, *progress.controls)
            if request.source in known:
                return summary.batch
        return None

    async def busy(
        self, progress: Progress, items: Sequence[ItemId]
    ) -> list[tuple[str, BatchId]]:
        """Return which of *items*, by the names people read, are live in which batch."""
        names = names_of(progress)
        found: list[tuple[str, BatchId]] = []
        for repository, own in by_repository(progress, items):
            numbers = [progress.items[item].item.number for item in own]
            live = await self._batches.live_items(repository.id, numbers)
            for item, number in zip(own, numbers, strict=True):
                if number in live:
                    found.append((names.plain(item), live[number]))
        return found


def by_repository(
    progress: Progress, items: Sequence[ItemId]
) -> list[tuple[Repository, list[ItemId]]]:
    """Return the items by the repository that each is of."""
    found: dict[Repository, list[ItemId]] = {}
    for item in items:
        found.setdefault(progress.items[item].item.repository, []).append(item)
    return list(found.items())
