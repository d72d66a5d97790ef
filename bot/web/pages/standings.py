"""How all live batches stand, for lists: looked at once for everybody, now and then.

What has happened to a batch is looked at again at once; what nothing announces, such as
a slot that another batch has freed, within a few seconds, or a little later where there
are thousands of batches: nobody waits for a look at all of them twice.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from bot.core.model import BatchId
from bot.core.say.installations import DeliveriesRow, Standing, deliveries_row, standing
from bot.ports.clock import Clock
from bot.ports.store import Batches, Deliveries
from bot.web.pages.slices import Slices
from bot.web.pages.sources import Presents

FRESH_SECONDS = 2.0
"""How long it is taken for granted that a batch to which nothing has happened stands as
it did.
"""

LOOK_SECONDS = 0.05
"""How long who asks for a list waits at most for another look at such batches."""

_DAY = timedelta(days=1)


class Standings:
    """What lists say of all live batches together."""

    def __init__(
        self,
        *,
        presents: Presents,
        batches: Batches,
        deliveries: Deliveries,
        clock: Clock,
    ) -> None:
        self._presents = presents
        self._batches = batches
        self._deliveries = deliveries
        self._clock = clock
        self._known: dict[BatchId, tuple[float, Standing]] = {}  # when it was looked at
        self._changed: set[BatchId] = set()
        self._lock = asyncio.Lock()
        self._arrivals: tuple[float, DeliveriesRow] | None = None

    @property
    def is_any_live(self) -> bool:
        """Whether there was work left at the last look."""
        return bool(self._known)

    def notice(self, batch_id: BatchId) -> None:
        """Take note that something has happened to a batch."""
        self._changed.add(batch_id)

    async def live(self) -> Sequence[Standing]:
        """Return how each live batch stands."""
        async with self._lock:
            ids = await self._batches.live()
            self._known = {one: self._known[one] for one in ids if one in self._known}
            self._changed &= self._known.keys()
            slices = Slices(self._clock)
            for batch_id in ids:
                if batch_id not in self._known or batch_id in self._changed:
                    await self._look(batch_id)
                    await slices.pause()
            began = self._clock.monotonic()
            for batch_id, (at, _) in sorted(self._known.items(), key=_age):
                now = self._clock.monotonic()
                if now - at <= FRESH_SECONDS or now - began > LOOK_SECONDS:
                    break
                await self._look(batch_id)
                await slices.pause()
            return [self._known[batch_id][1] for batch_id in ids]

    async def _look(self, batch_id: BatchId) -> None:
        at = self._clock.monotonic()
        self._changed.discard(batch_id)
        progress = await self._presents.progress(batch_id)
        found = standing(progress, await self._presents.situation(progress))
        self._known[batch_id] = at, found

    async def deliveries(self) -> DeliveriesRow:
        """Return what comes from GitHub."""
        now = self._clock.monotonic()
        if self._arrivals is None or now - self._arrivals[0] > FRESH_SECONDS:
            at = self._clock.now()
            came = await self._deliveries.arrivals(since=at - _DAY)
            self._arrivals = now, deliveries_row(came.last_at, came.failed, at)
        return self._arrivals[1]


def _age(known: tuple[BatchId, tuple[float, Standing]]) -> float:
    return known[1][0]
