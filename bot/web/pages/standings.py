"""How all live batches stand, for lists: looked at once for everybody, now and then.

What has happened to a batch is looked at again at once; what nothing announces, such as
a slot that another batch has freed, within a few seconds.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.core.model import BatchId
from bot.core.say.installations import DeliveriesRow, Standing, deliveries_row, standing
from bot.ports.clock import Clock
from bot.ports.store import Batches, Deliveries
from bot.web.pages.slices import Slices
from bot.web.pages.sources import Presents

FRESH_SECONDS = 2.0
SHARE = 40
"""All of them are looked at again after 40 times as long as that took, or two seconds:
it never takes more than a fortieth of a core.
"""

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
        self._known: dict[BatchId, Standing] = {}
        self._changed: set[BatchId] = set()
        self._lock = asyncio.Lock()
        self._looked_at = self._cost_seconds = 0.0
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
            began = self._clock.monotonic()
            rest = max(FRESH_SECONDS, SHARE * self._cost_seconds)
            is_old = began - self._looked_at > rest
            known = {} if is_old else self._known
            slices = Slices(self._clock)
            found: dict[BatchId, Standing] = {}
            for batch_id in ids:
                found[batch_id] = await self._one(batch_id, known)
                await slices.pause()
            slices.stop()
            if is_old or not self._known:
                self._looked_at, self._cost_seconds = began, slices.seconds
            self._known = found
            self._changed &= found.keys()
            return list(found.values())

    async def _one(
        self, batch_id: BatchId, known: Mapping[BatchId, Standing]
    ) -> Standing:
        if batch_id in known and batch_id not in self._changed:
            return known[batch_id]
        self._changed.discard(batch_id)
        progress = await self._presents.progress(batch_id)
        return standing(progress, await self._presents.situation(progress))

    async def deliveries(self) -> DeliveriesRow:
        """Return what comes from GitHub."""
        now = self._clock.monotonic()
        if self._arrivals is None or now - self._arrivals[0] > FRESH_SECONDS:
            at = self._clock.now()
            came = await self._deliveries.arrivals(since=at - _DAY)
            self._arrivals = now, deliveries_row(came.last_at, came.failed, at)
        return self._arrivals[1]
