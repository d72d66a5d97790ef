"""Which request begins next, of all installations: more at once than the bot can follow
would only make each of them late.
"""

import asyncio
import heapq
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import exp, log

from bot.core.model import InstallationId
from bot.ports.clock import Clock

MOST_AT_ONCE = 50
"""Requests under way, of all installations together, when one begins for which nobody
waits."""

MOST_AWAITED = 100
"""The same when one begins for which a person waits."""

SLOW_SECONDS = 5.0
"""After how long without an answer a request is in nobody's way any more."""

APP = InstallationId(0)
"""The account of the app itself, whose requests no installation pays for."""

LATELY_SECONDS = 60.0
"""How soon it is forgotten what an installation has sent."""


@dataclass(slots=True, eq=False)
class _Wish:
    """Somebody waits for what is asked inside a block, until that ends."""

    is_over: bool = False


_wish: ContextVar[_Wish | None] = ContextVar("wish", default=None)


@contextmanager
def awaited() -> Iterator[None]:
    """Let what is asked inside, and in tasks begun inside, go before all for which nobody
    waits: a person waits for it.
    """
    wish = _Wish()
    token = _wish.set(wish)
    try:
        yield
    finally:
        wish.is_over = True
        _wish.reset(token)


def is_awaited() -> bool:
    """Return whether a person waits for what is asked now."""
    wish = _wish.get()
    return wish is not None and not wish.is_over


def _is_first(who: InstallationId) -> bool:
    return who == APP or is_awaited()


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A request under way since ``began``, monotonic seconds."""

    began: float


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """Somebody in the line; who is first there is the least."""

    order: tuple[bool, float, int]
    turn: "asyncio.Future[Place]" = field(compare=False)

    @property
    def is_first(self) -> bool:
        return not self.order[0]


class Line:
    """Requests under way, and those that wait to begin: first those for which a person
    waits, and among equals whose installation has sent the least lately. Who waits moves
    on, however many come that have sent less.

    What the app asks for itself is its installations' tokens, and stands before what they
    are for. A request that takes long is not counted for ever, so that a few installations
    that GitHub is slow to answer do not stop all others.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        most: int = MOST_AT_ONCE,
        most_awaited: int = MOST_AWAITED,
    ) -> None:
        self._clock = clock
        self._most = most
        self._most_awaited = most_awaited
        self._under_way: dict[Place, None] = {}  # the oldest first
        self._waiting: list[_Waiting] = []
        self._numbers = itertools.count()
        self._lately: dict[InstallationId, tuple[float, float]] = {}
        self._changed = asyncio.Event()  # a place was left, or somebody came
        self._calling: asyncio.Task[None] | None = None

    def begin(self, who: InstallationId) -> Place | None:
        """Return a place for a request that may begin at once, None for another."""
        first = self._waiting[0] if self._waiting else None
        goes_first = first is None or (_is_first(who) and not first.is_first)
        if goes_first and self._has_room(for_first=_is_first(who)):
            self._counted(who)
            return self._begun()
        return None

    async def wait(self, who: InstallationId) -> Place:
        """Return the place of a request once it may begin."""
        turn: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        order = (not _is_first(who), self._counted(who), next(self._numbers))
        heapq.heappush(self._waiting, _Waiting(order, turn))
        self._changed.set()
        if self._calling is None:
            self._calling = asyncio.create_task(self._call())
        try:
            return await turn
        except asyncio.CancelledError:
            # The place may have come in the same moment: it must not be lost.
            if not turn.cancelled():
                self.leave(turn.result())
            raise

    def leave(self, place: Place) -> None:
        """Note that a request has ended, or has not begun after all."""
        self._under_way.pop(place, None)
        self._changed.set()

    def _begun(self) -> Place:
        place = Place(self._clock.monotonic())
        self._under_way[place] = None
        return place

    def _counted(self, who: InstallationId) -> float:
        """Count a request; return its rank.

        Each request counts the less the longer it is ago. Two that are ranked at different
        times compare as their counts would at any one time.
        """
        now = self._clock.monotonic()
        count, at = self._lately.get(who, (0.0, now))
        count = 1.0 if who == APP else count * exp((at - now) / LATELY_SECONDS) + 1.0
        self._lately[who] = (count, now)
        return log(count) + now / LATELY_SECONDS

    def _has_room(self, *, for_first: bool) -> bool:
        slow = self._clock.monotonic() - SLOW_SECONDS
        while self._under_way and (oldest := next(iter(self._under_way))).began <= slow:
            del self._under_way[oldest]
        most = self._most_awaited if for_first else self._most
        return len(self._under_way) < most

    async def _call(self) -> None:
        """Call those who wait, one in each turn of the loop."""
        try:
            while self._waiting:
                if self._waiting[0].turn.done():
                    heapq.heappop(self._waiting)  # given up
                elif self._has_room(for_first=self._waiting[0].is_first):
                    first = heapq.heappop(self._waiting)
                    first.turn.set_result(self._begun())
                    await self._clock.sleep(0)
                else:
                    await self._change()
        finally:
            self._calling = None

    async def _change(self) -> None:
        """Return when there may be room, or somebody else may be first."""
        self._changed.clear()
        oldest = next(iter(self._under_way)).began
        slow = self._clock.sleep(oldest + SLOW_SECONDS - self._clock.monotonic())
        waits = {
            asyncio.ensure_future(self._changed.wait()),
            asyncio.ensure_future(slow),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
