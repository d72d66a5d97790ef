"""Takes deliveries in order, each one once.

What arrives is stored first. Deliveries of one repository are dealt with one after the
other, in the order of arrival; repositories do not wait for each other.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import structlog

from bot.core.retry import delay_seconds
from bot.engine.patience import when_stored
from bot.engine.supervisor import Supervisor
from bot.errors import PermanentError, TransientError
from bot.ports import Clock, Deliveries, Delivery, StoredDelivery

IN_HAND = 200
"""Deliveries that may be in memory at a time."""

PATIENCE_SECONDS = 3600.0
"""How long a delivery is tried again while GitHub does not answer."""

Handle = Callable[[Delivery, Mapping[str, Any]], Awaitable[str]]
"""Deals with a delivery and its payload; returns what became of it, in a few words."""

log = structlog.get_logger()


class Inbox:
    """The deliveries on disk, and those in hand."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        handle: Handle,
        is_relevant: Callable[[str, Mapping[str, Any]], bool],
        clock: Clock,
        supervisor: Supervisor,
        fraction: Callable[[], float],
    ) -> None:
        self._deliveries = deliveries
        self._handle = handle
        self._is_relevant = is_relevant
        self._clock = clock
        self._supervisor = supervisor
        self._fraction = fraction
        self._lanes: dict[int, asyncio.Queue[tuple[StoredDelivery, Any]]] = {}
        self._arrived = asyncio.Event()
        self._in_hand = asyncio.Semaphore(IN_HAND)
        self.taken_id = 0  # the last delivery that was taken up

    async def add(self, delivery: Delivery) -> bool:
        """Store a delivery; it is on disk when this returns. False if it is known."""
        is_new = await self._deliveries.add(delivery)
        if is_new:
            self._arrived.set()
        return is_new

    async def run(self) -> None:
        """Work for ever, beginning with what an earlier process left."""
        while True:
            self._arrived.clear()
            unsettled = partial(
                self._deliveries.unsettled, after_id=self.taken_id, limit=IN_HAND
            )
            arrived = await when_stored(self._clock, unsettled)
            for stored in arrived:
                await self._in_hand.acquire()
                self.taken_id = stored.id
                with _bound(stored):
                    await self._put(stored)
            if not arrived:
                await self._arrived.wait()

    async def _put(self, stored: StoredDelivery) -> None:
        payload = json.loads(stored.delivery.body)
        if not self._is_relevant(stored.delivery.event, payload):
            # Chatter does not stand in line behind a command that waits for GitHub.
            await self._settle(stored.id, "ignored")
            self._in_hand.release()
            return
        repository = payload.get("repository")
        key = repository.get("id", 0) if isinstance(repository, dict) else 0
        key = key if isinstance(key, int) else 0
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = asyncio.Queue()
            self._supervisor.start(f"lane {key}", self._work(key, lane))
        lane.put_nowait((stored, payload))

    async def _work(
        self, key: int, lane: "asyncio.Queue[tuple[StoredDelivery, Any]]"
    ) -> None:
        """Deal with a lane's deliveries until it is empty."""
        try:
            while not lane.empty():
                stored, payload = lane.get_nowait()
                try:
                    with _bound(stored):
                        outcome = await self._patiently(stored.delivery, payload)
                        await self._settle(stored.id, outcome)
                finally:
                    self._in_hand.release()
        finally:
            del self._lanes[key]

    async def _patiently(self, delivery: Delivery, payload: Any) -> str:
        began = self._clock.monotonic()
        tries = 0
        while True:
            tries += 1
            try:
                return await self._handle(delivery, payload)
            except TransientError as error:
                log.warning("delivery waits", error=str(error), tries=tries)
                after = error.retry_after_seconds
                wait = delay_seconds(min(tries, 6), self._fraction(), after)
                spent = self._clock.monotonic() - began
                if spent + wait > PATIENCE_SECONDS:
                    return f"gave up: {error}"
                await self._clock.sleep(wait)
            except PermanentError as error:
                log.warning("delivery failed", error=str(error))
                return f"failed: {error}"
            except Exception as error:
                log.exception("delivery failed by a bug")
                return f"internal error: {type(error).__name__}"

    async def _settle(self, delivery_id: int, outcome: str) -> None:
        settle = partial(self._deliveries.settle, delivery_id, outcome=outcome)
        await when_stored(self._clock, settle)
        write = log.debug if outcome == "ignored" else log.info
        write("delivery settled", outcome=outcome)


def _bound(stored: StoredDelivery) -> AbstractContextManager[object]:
    """Put the delivery on each line that is logged inside, and in tasks begun inside."""
    return structlog.contextvars.bound_contextvars(delivery=stored.delivery.guid)
