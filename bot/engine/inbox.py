"""Takes deliveries in order, each one once.

What arrives is stored first. Deliveries of one repository are dealt with one after the
other, in the order of arrival; repositories do not wait for each other, however many
deliveries of one of them do. Where one waits for GitHub, those behind it that stop,
settle or ask about something go ahead.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from bot.core.run.retry import delay_seconds
from bot.core.say import declines
from bot.engine.patience import when_stored
from bot.engine.supervisor import Supervisor
from bot.errors import PermanentError, TransientError
from bot.ports.clock import Clock
from bot.ports.store import Deliveries, Delivery

AT_A_TIME = 1000
"""Ids of deliveries that are read from the disk at a time; bodies are read one by one."""

SLOW_SECONDS = 5.0
"""After how long in hand a delivery counts as one that waits for GitHub."""

PROMPT_SECONDS = 15.0
"""How long one that is prompt waits at most for another try, if GitHub names no time."""

PATIENCE_SECONDS = 3600.0
"""How long a delivery is tried again while GitHub does not answer."""

TELL_SECONDS = 3 * 86_400.0
"""How long the bot tries to say that it gave a delivery up."""

log = structlog.get_logger()


class Dealer(Protocol):
    """Deals with deliveries."""

    def lane_of(self, delivery: Delivery, /) -> str | None:
        """Return with which others one is dealt with in order; None: it needs nothing."""

    def is_prompt(self, delivery: Delivery) -> bool:
        """Return whether one goes ahead of those that wait for GitHub."""

    async def handle(self, delivery: Delivery, /) -> str:
        """Deal with one; return what became of it, in a few words."""

    def unsaid(self, delivery: Delivery) -> asyncio.Task[object] | None:
        """Return what still tells of one that was dealt with, if anything does."""

    async def tell(self, delivery: Delivery, words: str) -> None:
        """Tell whoever is behind one why it was not dealt with: half a sentence."""


@dataclass(slots=True, eq=False)
class _Lane:
    """Deliveries in their order, by id: the bodies stay on disk.

    Those that are *stuck* let the prompt ones behind them go ahead.
    """

    waiting: deque[int] = field(default_factory=deque)
    in_hand: dict[int, float] = field(default_factory=dict)  # since when, monotonic
    stuck: set[int] = field(default_factory=set)
    prompt: dict[int, bool] = field(default_factory=dict)  # as far as they were asked
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def wait(self, delivery_id: int) -> None:
        """Note that a delivery waits for GitHub."""
        self.stuck.add(delivery_id)
        self.changed.set()

    def leave(self, delivery_id: int) -> None:
        """Let go of a delivery that was dealt with."""
        del self.in_hand[delivery_id]
        self.stuck.discard(delivery_id)
        self.prompt.pop(delivery_id, None)
        self.changed.set()


class Inbox:
    """The deliveries on disk, and those in hand."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        dealer: Dealer,
        clock: Clock,
        supervisor: Supervisor,
        fraction: Callable[[], float],
    ) -> None:
        self._deliveries = deliveries
        self._dealer = dealer
        self._clock = clock
        self._supervisor = supervisor
        self._fraction = fraction
        self._lanes: dict[str, _Lane] = {}
        self._arrived = asyncio.Event()

    async def add(self, delivery: Delivery) -> bool:
        """Store a delivery; it is on disk when this returns. False if it is known."""
        is_new = await self._deliveries.add(delivery)
        if is_new and not delivery.outcome:
            self._arrived.set()
        return is_new

    async def run(self) -> None:
        """Work for ever, beginning with what an earlier process left."""
        taken_id = 0
        while True:
            self._arrived.clear()
            unsettled = partial(
                self._deliveries.unsettled, after_id=taken_id, limit=AT_A_TIME
            )
            arrived = await when_stored(self._clock, unsettled)
            # Chatter stands in no line, and all of it is settled in one commit.
            chatter = [(one, guid) for one in arrived if (guid := await self._put(one))]
            await asyncio.gather(*(self._ignore(*one) for one in chatter))
            taken_id = max(arrived, default=taken_id)
            if not arrived:
                await self._arrived.wait()

    async def _put(self, delivery_id: int) -> str:
        """Put a delivery into its lane; return its GUID if it needs none."""
        delivery = await self._load(delivery_id)
        with _bound(delivery.guid):
            key = self._dealer.lane_of(delivery)
            if key is None:
                return delivery.guid
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = _Lane()
                self._supervisor.start(f"lane {key}", self._work(key, lane))
            lane.waiting.append(delivery_id)
            lane.changed.set()
            return ""

    async def _ignore(self, delivery_id: int, guid: str) -> None:
        with _bound(guid):
            await self._settle(delivery_id, "ignored")

    async def _work(self, key: str, lane: _Lane) -> None:
        """Deal with a lane's deliveries until it is empty."""
        try:
            while lane.waiting or lane.in_hand:
                lane.changed.clear()
                delivery_id = await self._next(lane)
                if delivery_id is not None:
                    lane.waiting.remove(delivery_id)
                    lane.in_hand[delivery_id] = self._clock.monotonic()
                    work = self._deal(lane, delivery_id)
                    self._supervisor.start(f"delivery {delivery_id}", work)
                elif not await self._changed(lane):
                    slow = self._clock.monotonic() - SLOW_SECONDS
                    lane.stuck |= {i for i, at in lane.in_hand.items() if at <= slow}
        finally:
            del self._lanes[key]

    async def _next(self, lane: _Lane) -> int | None:
        """Return the delivery to begin with now, if any."""
        if not lane.in_hand:
            return lane.waiting[0]
        if lane.in_hand.keys() <= lane.stuck:
            for delivery_id in [*lane.waiting]:
                if delivery_id not in lane.prompt:
                    delivery = await self._load(delivery_id)
                    lane.prompt[delivery_id] = self._dealer.is_prompt(delivery)
                if lane.prompt[delivery_id]:
                    return delivery_id
        return None

    async def _changed(self, lane: _Lane) -> bool:
        """Wait until a lane changes; False if it is slow in that, and others wait."""
        if not lane.waiting or lane.in_hand.keys() <= lane.stuck:
            return await lane.changed.wait()
        changed = asyncio.ensure_future(lane.changed.wait())
        late = asyncio.ensure_future(self._clock.sleep(SLOW_SECONDS))
        try:
            await asyncio.wait({changed, late}, return_when=asyncio.FIRST_COMPLETED)
            return changed.done()
        finally:
            changed.cancel()
            late.cancel()

    async def _deal(self, lane: _Lane, delivery_id: int) -> None:
        """Deal with one delivery of a lane."""
        try:
            delivery = await self._load(delivery_id)
            with _bound(delivery.guid):
                outcome = await self._patiently(
                    delivery, waits=partial(lane.wait, delivery_id)
                )
                if isinstance(outcome, _GivenUp):
                    # Until that is said, a restart begins anew.
                    work = self._give_up(delivery_id, delivery, outcome)
                    self._supervisor.start(f"given up {delivery_id}", work)
                elif (saying := self._dealer.unsaid(delivery)) is not None:
                    work = self._settle_said(delivery_id, outcome, saying)
                    self._supervisor.start(f"said {delivery_id}", work)
                else:
                    await self._settle(delivery_id, outcome)
        finally:
            lane.leave(delivery_id)

    async def _settle_said(
        self, delivery_id: int, outcome: str, saying: asyncio.Task[object]
    ) -> None:
        """Settle a delivery once it has been told of: until then a restart does so."""
        await saying
        await self._settle(delivery_id, outcome)

    async def _give_up(
        self, delivery_id: int, delivery: Delivery, given_up: "_GivenUp"
    ) -> None:
        """Tell whoever waits for it, once GitHub can be reached, and settle it."""
        outcome = given_up.outcome
        log.error("delivery given up", outcome=outcome)
        began = self._clock.monotonic()
        for tries in itertools.count(1):
            try:
                await self._dealer.tell(delivery, given_up.words)
                break
            except TransientError as error:
                wait = delay_seconds(tries, self._fraction(), error.retry_after_seconds)
                if self._clock.monotonic() - began + wait > TELL_SECONDS:
                    outcome += "; untold"
                    break
                await self._clock.sleep(wait)
            except PermanentError as error:
                outcome += f"; untold: {error}"
                break
            except Exception:
                # Supervised: what cannot be said must not come back at each start.
                log.exception("telling failed by a bug")
                outcome += "; untold"
                break
        await self._settle(delivery_id, outcome)

    async def _patiently(
        self, delivery: Delivery, *, waits: Callable[[], None]
    ) -> "str | _GivenUp":
        """Return what became of a delivery; *waits* is told when it has to wait."""
        began = self._clock.monotonic()
        tries = 0
        while True:
            tries += 1
            try:
                return await self._dealer.handle(delivery)
            except TransientError as error:
                log.warning("delivery waits", error=str(error), tries=tries)
                waits()
                wait = self._wait_seconds(delivery, tries, error)
                spent = self._clock.monotonic() - began
                if spent + wait > PATIENCE_SECONDS:
                    words = declines.no_answer_for_an_hour()
                    return _GivenUp(f"gave up: {error}", words)
                await self._clock.sleep(wait)
            except PermanentError as error:
                log.warning("delivery failed", error=str(error))
                return f"failed: {error}"
            except Exception as error:
                log.exception("delivery failed by a bug")
                name = type(error).__name__
                words = declines.stopped_by_a_bug(name)
                return _GivenUp(f"internal error: {name}", words)

    def _wait_seconds(
        self, delivery: Delivery, tries: int, error: TransientError
    ) -> float:
        """Return after how long to try again: what is prompt is back at once."""
        after, fraction = error.retry_after_seconds, self._fraction()
        if not self._dealer.is_prompt(delivery):
            return delay_seconds(min(tries, 6), fraction, after)
        return after or delay_seconds(
            tries, fraction, first_seconds=5.0, most_seconds=PROMPT_SECONDS
        )

    async def _load(self, delivery_id: int) -> Delivery:
        return await when_stored(
            self._clock, partial(self._deliveries.load, delivery_id)
        )

    async def _settle(self, delivery_id: int, outcome: str) -> None:
        settle = partial(self._deliveries.settle, delivery_id, outcome=outcome)
        await when_stored(self._clock, settle)
        write = log.debug if outcome == "ignored" else log.info
        write("delivery settled", outcome=outcome)


@dataclass(frozen=True, slots=True)
class _GivenUp:
    """What became of a delivery, and how that is said to people."""

    outcome: str
    words: str


def _bound(guid: str) -> AbstractContextManager[object]:
    """Put the delivery on each line that is logged inside, and in tasks begun inside."""
    return structlog.contextvars.bound_contextvars(delivery=guid)
