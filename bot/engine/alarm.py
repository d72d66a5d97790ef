"""Sleeps until something is due by the clock, and has the inbox deal with it, once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

import structlog

from bot.core.command.trigger import SCHEDULE_EVENT
from bot.core.plan.schedules import Kept, Timetable
from bot.engine.patience import when_stored
from bot.engine.timetables import Timetables, due_in
from bot.ports.clock import Clock
from bot.ports.store import Delivery

LONGEST_SECONDS = 3600.0
"""How long it sleeps at most: somebody may set the machine's clock meanwhile."""

log = structlog.get_logger()


class Alarm:
    """Puts what is due among the deliveries: what has a GUID is there once."""

    def __init__(
        self,
        *,
        timetables: Timetables,
        add: Callable[[Delivery], Awaitable[bool]],
        clock: Clock,
    ) -> None:
        self._timetables = timetables
        self._add = add
        self._clock = clock

    async def run(self) -> None:
        """Work for ever, beginning with what was missed."""
        changed = self._timetables.changed
        while True:
            changed.clear()
            now = self._clock.now()
            for due_at, timetable, kept in due_in(await self._timetables.all(), now):
                await self._ring(due_at, timetable, kept)
            await self._sleep(await self._seconds())

    async def _ring(self, due_at: datetime, timetable: Timetable, kept: Kept) -> None:
        repository = timetable.repository
        key = kept.schedule.key(repository)
        body = {
            "repository": {"id": repository.id, "full_name": repository.name},
            "installation": {"id": repository.installation_id},
            "schedule": key,
            "due_at": due_at.isoformat(),
        }
        delivery = Delivery(
            guid=f"{key}@{due_at:%Y%m%dT%H%MZ}",
            event=SCHEDULE_EVENT,
            received_at=self._clock.now(),
            body=json.dumps(body).encode(),
        )
        # Stored first: after a crash it comes again, under the same GUID.
        is_new = await when_stored(self._clock, partial(self._add, delivery))
        log.info("schedule due", repository=repository.name, at=due_at, is_new=is_new)
        await self._timetables.dealt_with(repository.id, key, due_at)

    async def _seconds(self) -> float:
        now = self._clock.now()
        coming = [
            at
            for timetable in (await self._timetables.all()).values()
            for kept in timetable.schedules
            if (at := kept.next_at(now)) is not None
        ]
        if not coming:
            return LONGEST_SECONDS
        return min(LONGEST_SECONDS, (min(coming) - now).total_seconds())

    async def _sleep(self, seconds: float) -> None:
        changed = asyncio.ensure_future(self._timetables.changed.wait())
        late = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({changed, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
            late.cancel()
