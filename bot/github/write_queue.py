"""One write at a time, as GitHub asks for it: the earliest due goes first."""

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager


class WriteQueue:
    """Lets one writer at a time through, the earliest due first."""

    def __init__(self) -> None:
        self._is_busy = False
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    @asynccontextmanager
    async def turn(self, due: float) -> AsyncIterator["Turn"]:
        """Wait for the turn of a write that is due at *due*; it ends with the block."""
        turn = Turn(self, due)
        await turn.begin()
        try:
            yield turn
        finally:
            turn.end()

    def take(self) -> bool:
        """Take the turn if nobody has it; return whether that worked."""
        was_busy, self._is_busy = self._is_busy, True
        return not was_busy

    def line_up(self, due: float) -> asyncio.Future[None]:
        """Return what is done when the turn of a write comes."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (due, next(self._numbers), turn))
        return turn

    def has_earlier(self, due: float) -> bool:
        """Return whether somebody waits who is due before *due*."""
        while self._waiting and self._waiting[0][-1].done():
            heapq.heappop(self._waiting)  # cancelled
        return bool(self._waiting) and self._waiting[0][0] < due

    def pass_on(self) -> None:
        """Give the turn to the earliest due."""
        while self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._is_busy = False


class Turn:
    """The right to write, while it is held."""

    def __init__(self, queue: WriteQueue, due: float) -> None:
        self._queue = queue
        self._due = due
        self._is_held = False

    async def begin(self) -> None:
        """Wait until the turn comes."""
        if not self._queue.take():
            await self._waited(self._queue.line_up(self._due))
        self._is_held = True

    @property
    def is_overtaken(self) -> bool:
        """Whether a writer waits that is due earlier."""
        return self._queue.has_earlier(self._due)

    async def give_way(self, others: Callable[[], Awaitable[object]]) -> None:
        """Let others go first, and whoever is due earlier; have the turn again then."""
        self._is_held = False
        self._queue.pass_on()
        await others()
        await self.begin()

    def end(self) -> None:
        """Pass the turn on, if it is held."""
        if self._is_held:
            self._is_held = False
            self._queue.pass_on()

    async def _waited(self, waiting: asyncio.Future[None]) -> None:
        try:
            await waiting
        except asyncio.CancelledError:
            # The turn may have come in the same moment: it must not be lost.
            if not waiting.cancelled():
                self._queue.pass_on()
            raise
