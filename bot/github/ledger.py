"""What each installation may send, and when: the ledger that every request passes.

One account per installation holds its windows, its hold, its pace and its queue of
writes. All that accounts share is the line: when there are more requests than the bot can
follow, an installation that has sent little lately waits for none that has sent more.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from cachetools import LRUCache

from bot.core.model import InstallationId
from bot.core.run.capacity import Outage
from bot.core.world import budget
from bot.core.world.answers import Answered, Failure
from bot.core.world.budget import Call, Hold, Reserve, Spent, Window, is_other_end
from bot.errors import RateLimited
from bot.github.line import APP, Line, Place, is_awaited
from bot.github.precedence import Precedence
from bot.github.time import GitHubTime
from bot.github.traffic import LOST, Traffic, class_of
from bot.github.write_queue import Turn, WriteQueue
from bot.ports.clock import Clock
from bot.ports.github import Budget
from bot.ports.store import Held

LONGEST_WAIT_SECONDS = 60.0
QUERIES = 2  # that new work may have to make before it ends
KEY_LOOKS = 1  # 401s in a row that the app itself may get
TOKEN_LOOKS = 5  # 401s in a row that a new token may get
Keep = Callable[[InstallationId, Held | None], None]
"""Sees to it that a hold, or its end, is known after a restart."""

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
    searches_per_minute: int = budget.SEARCHES_PER_MINUTE

    @property
    def is_off(self) -> bool:
        """Whether requests go out as fast as they can."""
        return self.write_interval_seconds == 0

    def shares(self, *, kept: float = 0.0) -> "tuple[Share, ...]":
        """Return the account's share of each limit on bursts, nothing spent yet.

        *kept* is the fraction of the points for what people wait for.
        """
        points = self.points_per_minute
        return (
            Share(points, budget.MINUTE, lambda call: call.points, kept=points * kept),
            Share(self.content_per_minute, budget.MINUTE, _content),
            Share(self.content_per_hour, budget.HOUR, _content),
            Share(self.searches_per_minute, budget.MINUTE, _searches),
        )


class Share:
    """At most so much in any so many seconds of what a call counts for."""

    def __init__(
        self,
        most: int,
        seconds: float,
        cost_of: Callable[[Call], int],
        *,
        kept: float = 0.0,
    ) -> None:
        self._most = most
        self._kept = kept
        self._seconds = seconds
        self._cost_of = cost_of
        self._spent: deque[Spent] = deque()

    def wait(self, call: Call, *, now: float) -> float:
        """Return the seconds until *call* fits, 0.0 for at once."""
        cost = self._cost_of(call)
        if not cost:
            return 0.0
        while self._spent and self._spent[0].at + self._seconds <= now:
            self._spent.popleft()
        seconds = self._seconds
        most = self._most if is_awaited() else int(self._most - self._kept)
        return budget.rolling_wait(
            self._spent, now=now, most=most, seconds=seconds, cost=cost
        )

    def take(self, call: Call, *, now: float) -> None:
        """Note that *call* was sent."""
        if cost := self._cost_of(call):
            self._spent.append(Spent(now, cost))


def _content(call: Call) -> int:
    return int(call.is_content)


def _searches(call: Call) -> int:
    return int(call.resource == budget.SEARCH)


class Ledger:
    """The accounts of all installations, and what each meter has spent."""

    def __init__(
        self,
        clock: Clock,
        *,
        reserve: Reserve = budget.DEFAULT_RESERVE,
        pace: Pace | None = None,
        keep: Keep = lambda _installation_id, _held: None,
    ) -> None:
        self.clock = GitHubTime(clock)
        self._reserve = reserve
        self._pace = pace or Pace()
        self._keep = keep
        self._accounts: dict[InstallationId, Account] = {}
        self._spent: LRUCache[str, int] = LRUCache(maxsize=100_000)
        self.traffic = Traffic(self.clock)
        self._line = Line(self.clock)

    def account(self, installation_id: InstallationId) -> "Account":
        """Return the account of an installation, opened when it is first asked for."""
        if installation_id not in self._accounts:
            charge = None if installation_id == APP else self._charge
            self._accounts[installation_id] = Account(
                self.clock,
                installation_id=installation_id,
                line=self._line,
                reserve=self._reserve,
                pace=self._pace,
                charge=charge,
                keep=partial(self._keep, installation_id),
                traffic=self.traffic,
            )
        return self._accounts[installation_id]

    def go_on(self, holds: Mapping[InstallationId, Held]) -> None:
        """Hold on where an earlier process was held: *holds* is what it kept."""
        for installation_id, held in holds.items():
            self.account(installation_id).go_on(held)

    @contextmanager
    def metered(self, *meters: str) -> Iterator[None]:
        """Charge the requests made inside, and in tasks begun inside, to *meters* alone."""
        token = _meters.set(meters)
        try:
            yield
        finally:
            _meters.reset(token)

    def spent(self, meter: str) -> int:
        """Return the requests charged to *meter* so far."""
        return self._spent.get(meter, 0)

    def budgets(self) -> Mapping[InstallationId, Mapping[str, Budget]]:
        """Return what GitHub has told is left, by installation and resource."""
        return {key: account.budgets() for key, account in self._accounts.items()}

    def held_seconds(self) -> Mapping[InstallationId, float]:
        """Return for how long GitHub wants nothing more of an installation, if so."""
        held = {key: one.held_seconds() for key, one in self._accounts.items()}
        return {key: seconds for key, seconds in held.items() if seconds}

    def outage(self, installation_id: InstallationId) -> Outage | None:
        """Return why nothing of an installation can be worked on, if that is so."""
        for key, most in ((APP, KEY_LOOKS), (installation_id, TOKEN_LOOKS)):
            one = self.account(key)
            if one.refusals > most and one.refused_since is not None:
                return Outage(one.refused_since, is_refusal=True)
        away = self.traffic.out_of_reach
        return Outage(away.since) if away else None

    @property
    def refuses_key(self) -> bool:
        """Whether GitHub says again and again that the app's key is none."""
        return self.account(APP).refusals > KEY_LOOKS

    @property
    def refused_installations(self) -> Sequence[InstallationId]:
        """The installations whose tokens GitHub refuses again and again."""
        accounts = sorted(self._accounts.items())
        return [k for k, one in accounts if k != APP and one.refusals > TOKEN_LOOKS]

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
        self.class_ = LOST  # of the answer, until there is one


class Account:
    """What one installation may send, and when."""

    def __init__(
        self,
        clock: GitHubTime,
        *,
        installation_id: InstallationId,
        line: Line,
        reserve: Reserve,
        pace: Pace,
        charge: Callable[[], None] | None = None,
        keep: Callable[[Held | None], None] = lambda _: None,
        traffic: Traffic | None = None,
    ) -> None:
        self._clock = clock
        self._installation_id = installation_id
        self._line = line
        self._reserve = reserve
        self._pace = pace
        self._charge = charge
        self._keep = keep
        self._traffic = traffic or Traffic(clock)
        self.refusals = 0  # how often in a row GitHub answered 401
        self.refused_since: datetime | None = None
        self._windows: dict[str, Window] = {}
        self._in_flight: Counter[str] = Counter()
        self._hold = Hold()
        self._kept: Held | None = None  # of the hold, as a restart would know it
        self._writes = WriteQueue()
        self.precedence = Precedence(clock, self._is_away)
        self._under_way = 0
        self._answered = asyncio.Event()
        self._last_write_began: float | None = None
        is_app = installation_id == APP
        self._shares = pace.shares(kept=budget.KEPT_FOR_PEOPLE if is_app else 0.0)

    # --- questions ---

    def budget(self) -> Budget:
        """Return what is left of the core limit, and until when nothing may be sent."""
        window = self._window(budget.CORE)
        now = self._clock.now()
        waits = [now + timedelta(seconds=self.held_seconds())]
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

    def budgets(self) -> Mapping[str, Budget]:
        """Return what is left by resource, as far as GitHub has told."""
        windows = {resource: self._window(resource) for resource in self._windows}
        return {
            resource: Budget(
                limit=window.limit,
                remaining=self._left(resource),
                reset_at=window.reset_at,
                reserve=self._reserve.of(window.limit),
            )
            for resource, window in windows.items()
            if window.limit
        }

    def held_seconds(self) -> float:
        """Return for how long GitHub wants nothing to be sent."""
        return max(0.0, self._hold.until - self._clock.monotonic())

    def room(self) -> int:
        """Return how many requests of new work may begin now, 0 while held.

        A query or two must fit into the GraphQL window as well: facts come from there.
        """
        if self.held_seconds() > 0 or self._room(budget.GRAPHQL) < QUERIES:
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
            await self._admitted(call)
            while not (place := await self._placed(call)):
                await self._admitted(call)
            with self._sent(call, place) as ticket:
                yield ticket
            return
        due = self._clock.monotonic() + call.lateness_seconds
        async with self._writes.turn(due) as turn:
            await self._admitted(call)
            while not (place := await self._placed(call, turn)):
                await self._admitted(call)
            with self._sent(call, place) as ticket:
                yield ticket

    def answered(
        self, ticket: Ticket, status: int, headers: Mapping[str, str], message: str = ""
    ) -> bool:
        """Take note of an answer; return whether it says that too much was sent."""
        ticket.is_free = status == 304
        if status == 401:
            self.refusals += 1
            self.refused_since = self.refused_since or self._clock.now()
        else:
            self.refusals, self.refused_since = 0, None
        self._clock.heard(headers.get("date", ""), sent_at=ticket.sent_at)
        self._read_window(ticket, status, headers)
        is_limited = budget.is_limited(status, headers, message)
        ticket.class_ = class_of(status, is_limited=is_limited)
        before = self._hold
        if is_limited:
            self._hold = budget.struck(
                before,
                sent_at=ticket.sent_at,
                now=self._clock.monotonic(),
                named=budget.named_seconds(headers, now=self._clock.now()),
            )
        elif status < 500:
            self._hold = budget.relieved(before, sent_at=ticket.sent_at)
        if self._hold != before:
            self._keep_hold()
        return is_limited

    def _keep_hold(self) -> None:
        held, kept = self._held(), self._kept
        if held is not None and kept is not None and held.strikes == kept.strikes:
            is_known = not is_other_end(kept.until, held.until)
        else:
            is_known = held is kept  # there was none, and is none
        if is_known:
            return
        self._kept = held
        self._keep(held)

    def go_on(self, held: Held) -> None:
        """Hold on where an earlier process was held."""
        seconds = (held.until - self._clock.own.now()).total_seconds()
        self._hold = Hold(self._clock.monotonic() + seconds, held.strikes)
        self._kept = held

    def learn(self, resources: Mapping[str, Mapping[str, int]]) -> None:
        """Take note of what GitHub says of all resources at once."""
        for resource, told in resources.items():
            headers = {f"x-ratelimit-{key}": str(value) for key, value in told.items()}
            if seen := budget.window_of(headers):
                known, now = self._window(resource), self._clock.now()
                self._windows[resource] = budget.merged(known, seen, now=now)

    def limited(self, seconds: float) -> RateLimited:
        """Return the error for a wait of *seconds* from now."""
        until = self._clock.now() + timedelta(seconds=seconds)
        problem = Answered(Failure.LIMITED, f"{until:%H:%M:%S}", 429)
        return RateLimited(problem, until=until, seconds=seconds)

    # --- admission ---

    async def _admitted(self, call: Call) -> None:
        """Return when *call* may be sent. Nothing is awaited after the last look."""
        while (found := self._wait(call))[1] != 0:
            why, wait = found
            if why != "pace":
                self.precedence.waits(wait or 0.0)
            if wait is not None and wait > LONGEST_WAIT_SECONDS:
                self._traffic.turned_away[why] += 1
                raise self.limited(wait)
            with self._traffic.waiting(why):
                if wait is None:
                    self._answered.clear()
                    await self._answered.wait()
                else:
                    await self._clock.sleep(wait)

    async def _placed(self, call: Call, turn: Turn | None = None) -> Place | None:
        """Return the place in which *call* may be sent now; None if it has to wait again.

        Whoever goes first went meanwhile. A write that stands in line does so without its
        *turn*: another that somebody waits for may have that.
        """
        others = self.precedence
        if self._is_overtaken(turn):
            await (turn.give_way(others.give_way) if turn else others.give_way())
            return None
        if place := self._line.begin(self._installation_id):
            return place
        with self._traffic.waiting("line"):
            if turn:
                turn.end()
            place = await self._line.wait(self._installation_id)
            try:
                if turn:
                    await turn.begin()
            except BaseException:
                self._line.leave(place)
                raise
        if self._wait(call)[1] == 0 and not self._is_overtaken(turn):
            return place
        self._line.leave(place)
        return None

    def _is_overtaken(self, turn: Turn | None) -> bool:
        """Return whether somebody came who is due earlier, or was owed a turn."""
        is_late = turn is not None and turn.is_overtaken
        return is_late or self.precedence.is_owed_to_others

    def _wait(self, call: Call) -> tuple[str, float | None]:
        """Return for what to wait and the seconds, as far as they are known now; None:
        until an answer comes.
        """
        held, pace = self.held_seconds(), self._pace_seconds(call)
        if wait := max(held, pace):
            return ("hold" if held >= pace else "pace"), wait
        # Counted last, so that what waits for anything else keeps no place.
        if self._under_way >= self._most_at_once():
            return "pace", None
        return "budget", budget.primary_wait(
            self._window(call.resource),
            in_flight=self._in_flight[call.resource],
            cost=call.cost,
            now=self._clock.now(),
        )

    def _most_at_once(self) -> int:
        """Return how many requests may be under way."""
        if self._installation_id == APP:
            return budget.MOST_OF_THE_APP
        return (
            budget.MOST_CONCURRENT_AWAITED if is_awaited() else budget.MOST_CONCURRENT
        )

    def _is_away(self) -> bool:
        """Return whether nothing that is sent now would get a good answer."""
        return self.held_seconds() > 0 or self._traffic.out_of_reach is not None

    def _held(self) -> Held | None:
        if not self._hold.strikes:
            return None
        seconds = self._hold.until - self._clock.monotonic()
        # By this machine's clock: after a restart nobody has told the difference yet.
        until = self._clock.own.now() + timedelta(seconds=seconds)
        return Held(until, self._hold.strikes)

    def _pace_seconds(self, call: Call) -> float:
        if self._pace.is_off:
            return 0.0
        now = self._clock.monotonic()
        waits = [share.wait(call, now=now) for share in self._shares]
        if call.is_write:
            interval = self._pace.write_interval_seconds
            last = self._last_write_began
            waits.append(budget.write_wait(last, now=now, interval=interval))
        return max(waits)

    # --- bookkeeping ---

    @contextmanager
    def _sent(self, call: Call, place: Place) -> Iterator[Ticket]:
        ticket = Ticket(call, sent_at=self._clock.monotonic())
        self._in_flight[call.resource] += call.cost
        self._under_way += 1
        if call.is_write:
            self._last_write_began = ticket.sent_at
        if not self._pace.is_off:
            for share in self._shares:
                share.take(call, now=ticket.sent_at)
        try:
            yield ticket
        finally:
            self._in_flight[call.resource] -= call.cost
            self._under_way -= 1
            self._line.leave(place)
            self._settle(ticket)
            self._answered.set()

    def _settle(self, ticket: Ticket) -> None:
        call = ticket.call
        self._traffic.note(call.resource, ticket.class_)
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
