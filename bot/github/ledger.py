"""What each installation may send, and when: the ledger that every request passes.

One account per installation holds its windows, its hold, its pace and its queue of
writes. Accounts share nothing, so that no installation waits for another.
"""

import asyncio
import heapq
import itertools
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from cachetools import LRUCache

from bot.core import budget
from bot.core.budget import Call, Hold, Reserve, Spent, Window
from bot.core.model import InstallationId
from bot.errors import RateLimited
from bot.ports import Budget, Clock

LONGEST_WAIT_SECONDS = 60.0
QUERIES = 2  # that new work may have to make before it ends
APP = InstallationId(0)
"""The account of the app itself, whose requests no installation pays for."""

_meters: ContextVar[tuple[str, ...]] = ContextVar("meters", default=())


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an account may write. An interval of 0 switches all pacing off: that is
    for servers of one's own, which have no secondary limits.
    """

    write_interval_seconds: float = 1.0
    content_per_minute: int = budget.CONTENT_PER_MINUTE
    content_per_hour: int = budget.CONTENT_PER_HOUR
    points_per_minute: int = budget.POINTS_PER_MINUTE

    @property
    def is_off(self) -> bool:
        """Whether requests go out as fast as they can."""
        return self.write_interval_seconds == 0


class Ledger:
    """The accounts of all installations, and what each meter has spent."""

    def __init__(
        self,
        clock: Clock,
        *,
        reserve: Reserve = budget.DEFAULT_RESERVE,
        pace: Pace | None = None,
    ) -> None:
        self._clock = clock
        self._reserve = reserve
        self._pace = pace or Pace()
        self._accounts: dict[InstallationId, Account] = {}
        self._spent: LRUCache[str, int] = LRUCache(maxsize=10_000)

    def account(self, installation_id: InstallationId) -> "Account":
        """Return the account of an installation, opened when it is first asked for."""
        if installation_id not in self._accounts:
            charge = None if installation_id == APP else self._charge
            self._accounts[installation_id] = Account(
                self._clock, reserve=self._reserve, pace=self._pace, charge=charge
            )
        return self._accounts[installation_id]

    @contextmanager
    def metered(self, *meters: str) -> Iterator[None]:
        """Charge the requests made inside, and in tasks begun inside, to *meters* too."""
        token = _meters.set((*_meters.get(), *meters))
        try:
            yield
        finally:
            _meters.reset(token)

    def spent(self, meter: str) -> int:
        """Return the requests charged to *meter* so far."""
        return self._spent.get(meter, 0)

    def _charge(self) -> None:
        for meter in set(_meters.get()):
            self._spent[meter] = self._spent.get(meter, 0) + 1


class Ticket:
    """One request on its way. Tell it the answer before its turn ends."""

    def __init__(self, call: Call, *, sent_at: float) -> None:
        self.call = call
        self.sent_at = sent_at
        self.is_counted = False  # whether GitHub's number is known to include it
        self.is_free = False


class Account:
    """What one installation may send, and when."""

    def __init__(
        self,
        clock: Clock,
        *,
        reserve: Reserve,
        pace: Pace,
        charge: Callable[[], None] | None = None,
    ) -> None:
        self._clock = clock
        self._reserve = reserve
        self._pace = pace
        self._charge = charge
        self._windows: dict[str, Window] = {}
        self._in_flight: Counter[str] = Counter()
        self._hold = Hold()
        self._writes = WriteQueue()
        self._slots = asyncio.Semaphore(budget.MOST_CONCURRENT)
        self._answered = asyncio.Event()
        self._last_write_ended: float | None = None
        self._points: deque[Spent] = deque()
        self._content: deque[Spent] = deque()

    # --- questions ---

    def budget(self) -> Budget:
        """Return what is left of the core limit, and until when nothing may be sent."""
        window = self._window(budget.CORE)
        now = self._clock.now()
        waits = [now + timedelta(seconds=self._held_seconds())]
        for resource in (budget.CORE, budget.GRAPHQL):
            other = self._window(resource)
            kept = self._reserve.of(other.limit)
            if other.reset_at and self._left(resource) <= kept:
                waits.append(other.reset_at)
        held_until = max(waits)
        return Budget(
            limit=window.limit,
            remaining=self._left(budget.CORE),
            reset_at=window.reset_at,
            reserve=self._reserve.of(window.limit),
            held_until=held_until if held_until > now else None,
        )

    def room(self) -> int:
        """Return how many requests of new work may begin now, 0 while held.

        A query or two must fit into the GraphQL window as well: facts come from there.
        """
        if self._held_seconds() > 0 or self._room(budget.GRAPHQL) < QUERIES:
            return 0
        return self._room(budget.CORE)

    def _room(self, resource: str) -> int:
        return budget.room(
            self._window(resource),
            in_flight=self._in_flight[resource],
            reserve=self._reserve,
        )

    # --- sending ---

    @asynccontextmanager
    async def turn(self, call: Call) -> AsyncIterator[Ticket]:
        """Wait until *call* may be sent; it is in flight inside.

        Raises ``RateLimited`` at once if the wait is longer than a minute.
        """
        if not call.is_write:
            async with self._slots:
                await self._admitted(call)
                with self._sent(call) as ticket:
                    yield ticket
            return
        due = self._clock.monotonic() + call.lateness_seconds
        async with self._writes.turn(due) as turn, self._slots:
            await self._admitted(call)
            # Who came during the wait and is due earlier goes first.
            while await turn.gave_way():
                await self._admitted(call)
            with self._sent(call) as ticket:
                yield ticket

    def answered(
        self, ticket: Ticket, status: int, headers: Mapping[str, str], message: str = ""
    ) -> bool:
        """Take note of an answer; return whether it says that too much was sent."""
        ticket.is_free = status == 304
        self._read_window(ticket, status, headers)
        if not budget.is_limited(status, headers, message):
            if status < 500:
                self._hold = budget.relieved(self._hold, sent_at=ticket.sent_at)
            return False
        self._hold = budget.struck(
            self._hold,
            sent_at=ticket.sent_at,
            now=self._clock.monotonic(),
            retry_after=budget.retry_after_seconds(headers),
        )
        return True

    def limited(self, seconds: float) -> RateLimited:
        """Return the error for a wait of *seconds* from now."""
        until = self._clock.now() + timedelta(seconds=seconds)
        message = f"GitHub's limits allow the next request at {until:%H:%M:%S} UTC."
        return RateLimited(message, until=until, seconds=seconds)

    # --- admission ---

    async def _admitted(self, call: Call) -> None:
        """Return when *call* may be sent. Nothing is awaited after the last look."""
        while (wait := self._wait_seconds(call)) != 0:
            if wait is None:
                self._answered.clear()
                await self._answered.wait()
            elif wait > LONGEST_WAIT_SECONDS:
                raise self.limited(wait)
            else:
                await self._clock.sleep(wait)

    def _wait_seconds(self, call: Call) -> float | None:
        """Return the wait as far as it is known now; None: until an answer comes."""
        if wait := max(self._held_seconds(), self._pace_seconds(call)):
            return wait
        return budget.primary_wait(
            self._window(call.resource),
            in_flight=self._in_flight[call.resource],
            cost=call.cost,
            now=self._clock.now(),
        )

    def _held_seconds(self) -> float:
        return max(0.0, self._hold.until - self._clock.monotonic())

    def _pace_seconds(self, call: Call) -> float:
        if self._pace.is_off:
            return 0.0
        now, pace = self._clock.monotonic(), self._pace
        while self._points and self._points[0].at + budget.MINUTE <= now:
            self._points.popleft()
        while self._content and self._content[0].at + budget.HOUR <= now:
            self._content.popleft()
        waits = [
            budget.rolling_wait(
                self._points,
                now=now,
                most=pace.points_per_minute,
                seconds=budget.MINUTE,
                cost=call.points,
            )
        ]
        if call.is_write:
            waits.append(
                budget.write_wait(
                    self._last_write_ended,
                    now=now,
                    interval=pace.write_interval_seconds,
                )
            )
        if call.is_content:
            for most, seconds in (
                (pace.content_per_minute, budget.MINUTE),
                (pace.content_per_hour, budget.HOUR),
            ):
                waits.append(
                    budget.rolling_wait(
                        self._content, now=now, most=most, seconds=seconds
                    )
                )
        return max(waits)

    # --- bookkeeping ---

    @contextmanager
    def _sent(self, call: Call) -> Iterator[Ticket]:
        ticket = Ticket(call, sent_at=self._clock.monotonic())
        self._in_flight[call.resource] += call.cost
        if not self._pace.is_off:
            self._points.append(Spent(ticket.sent_at, call.points))
            if call.is_content:
                self._content.append(Spent(ticket.sent_at, 1))
        try:
            yield ticket
        finally:
            self._in_flight[call.resource] -= call.cost
            self._settle(ticket)
            self._answered.set()

    def _settle(self, ticket: Ticket) -> None:
        call = ticket.call
        if call.is_write:
            self._last_write_ended = self._clock.monotonic()
        if not ticket.is_counted:
            lost = Spent(self._clock.monotonic(), call.cost)
            window = self._window(call.resource)
            self._windows[call.resource] = budget.charged(window, lost)
        if self._charge is not None and not ticket.is_free:
            self._charge()

    def _left(self, resource: str) -> int:
        return max(0, self._window(resource).left - self._in_flight[resource])

    def _window(self, resource: str) -> Window:
        window = self._windows.get(resource, Window())
        return budget.rolled(window, now=self._clock.now())

    def _read_window(
        self, ticket: Ticket, status: int, headers: Mapping[str, str]
    ) -> None:
        call = ticket.call
        seen = budget.window_of(headers)
        if seen is not None:
            ticket.is_counted = True
            resource = headers.get("x-ratelimit-resource") or call.resource
            self._windows[resource] = budget.merged(
                self._window(resource),
                seen,
                now=self._clock.now(),
                sent_at=ticket.sent_at,
            )
        elif status < 400 and not self._window(call.resource).is_told:
            self._windows[call.resource] = budget.UNLIMITED


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

    async def gave_way(self) -> bool:
        """Let a writer that is due earlier go first; return whether there was one."""
        if not self._queue.has_earlier(self._due):
            return False
        self._is_held = False
        waiting = self._queue.line_up(self._due)
        self._queue.pass_on()
        await self._waited(waiting)
        self._is_held = True
        return True

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
