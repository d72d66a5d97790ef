"""A clock that skips the time in which nothing happens."""

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import inf
from time import monotonic

from aiohttp import web

PATIENCE = ((6.0, 8), (inf, 50))
"""After how many quiet milliseconds time leaps over how many seconds: a commit needs a
few, and to leap over one is dear if the leap is long.
"""


class LeapingClock:
    """Real time while requests are under way, and a leap to whoever sleeps next.

    A request takes what it really takes, so that a pause of a second is one to the
    millisecond, and an hour without requests is over at once.
    """

    def __init__(self) -> None:
        self._start = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
        self._began = monotonic()
        self._leapt = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._under_way = 0
        self._quiet = 0  # rounds of the loop since anything happened

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return monotonic() - self._began + self._leapt

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self.monotonic() + seconds
        heapq.heappush(self._sleepers, (due, next(self._order), future))
        await future

    @web.middleware
    async def notice(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Let no time be skipped while the request is answered."""
        self._under_way += 1
        try:
            return await handler(request)
        finally:
            self._under_way -= 1
            self._quiet = 0

    async def run(self) -> None:
        """Wake the sleepers, for ever."""
        while True:
            await asyncio.sleep(0.001)
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)  # its task was cancelled
            if not self._sleepers:
                continue
            self._quiet = 0 if self._under_way else self._quiet + 1
            ahead = max(0.0, self._sleepers[0][0] - self.monotonic())
            patience = next(rounds for most, rounds in PATIENCE if ahead <= most)
            if self._quiet > patience:
                self._leapt += ahead
            while self._sleepers and self._sleepers[0][0] <= self.monotonic():
                future = heapq.heappop(self._sleepers)[2]
                self._quiet = 0
                with suppress(asyncio.InvalidStateError):
                    future.set_result(None)
