"""Sleeps until something is due by the clock, and has the inbox deal with it, once."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog

from bot.core.command.trigger import SCHEDULE_EVENT, START_EVENT
from bot.core.model import BatchId, Repository
from bot.core.plan.schedules import Kept, Timetable
from bot.engine.patience import when_stored
from bot.engine.start_times import StartTimes
from bot.engine.sweep import KEEP_GUIDS
from bot.engine.timetables import Timetables, due_in
from bot.ports.clock import Clock
from bot.ports.store import Delivery

LONGEST_SECONDS = 3600.0
"""How long it sleeps at most: somebody may set the machine's clock meanwhile."""

_A_DAY = timedelta(days=1)

log = structlog.get_logger()


class Alarm:
    """Puts what is due among the deliveries: what has a GUID is there once."""

    def __init__(
        self,
        *,
        timetables: Timetables,
        start_times: StartTimes,
        add: Callable[[Delivery], Awaitable[bool]],
        clock: Clock,
    ) -> None:
        self._timetables = timetables
        self._start_times = start_times
        self._add = add
        self._clock = clock

    async def run(self) -> None:
        """Work for ever, beginning with what was missed."""
        while True:
            self._timetables.changed.clear()
            self._start_times.changed.clear()
            now = self._clock.now()
            starts = await when_stored(self._clock, self._start_times.all)
            for starts_at, batch_id, repository in starts:
                # Whose GUID may not be known any more is left alone.
                if timedelta() <= now - starts_at < KEEP_GUIDS - _A_DAY:
                    await self._start(starts_at, batch_id, repository)
            coming = [at for at, *_ in starts if at > now]
            for due_at, timetable, kept in due_in(await self._timetables.all(), now):
                await self._ring(due_at, timetable, kept)
            await self._sleep(await self._seconds(coming))

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

    async def _start(
        self, starts_at: datetime, batch_id: BatchId, repository: Repository
    ) -> None:
        body = {
            "repository": {"id": repository.id, "full_name": repository.name},
            "installation": {"id": repository.installation_id},
            "batch": batch_id,
        }
        delivery = Delivery(
            guid=f"start {batch_id}@{starts_at:%Y%m%dT%H%MZ}",
            event=START_EVENT,
            received_at=self._clock.now(),
            body=json.dumps(body).encode(),
        )
        if await when_stored(self._clock, partial(self._add, delivery)):
            log.info("start due", batch=batch_id, at=starts_at)

    async def _seconds(self, starts: Sequence[datetime]) -> float:
        now = self._clock.now()
        coming = [
            *starts,
            *(
                at
                for timetable in (await self._timetables.all()).values()
                for kept in timetable.schedules
                if (at := kept.next_at(now)) is not None
            ),
        ]
        if not coming:
            return LONGEST_SECONDS
        return max(0.0, min(LONGEST_SECONDS, (min(coming) - now).total_seconds()))

    async def _sleep(self, seconds: float) -> None:
        waits: set[asyncio.Future[object]] = {
            asyncio.ensure_future(self._timetables.changed.wait()),
            asyncio.ensure_future(self._start_times.changed.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
