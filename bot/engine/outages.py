"""Asks GitHub again and again while items wait for it, until they may start."""

import itertools
from collections.abc import Awaitable, Callable

import structlog

from bot.core.model import BatchId, InstallationId
from bot.core.run.retry import delay_seconds
from bot.engine.scheduler import Scheduler
from bot.engine.tracker import Tracker
from bot.errors import BotError
from bot.ports.clock import Clock

MOST_SECONDS = 60.0
"""How long an outage may be over at most before it is noticed."""

log = structlog.get_logger()


class Outages:
    """Ends what keeps items from starting: nobody else may have anything to ask.

    *probe* asks what costs nothing, and raises ``BotError`` while GitHub does not answer
    or refuses the app.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        tracker: Tracker,
        probe: Callable[[InstallationId], Awaitable[None]],
        *,
        clock: Clock,
        fraction: Callable[[], float],
    ) -> None:
        self._scheduler = scheduler
        self._tracker = tracker
        self._probe = probe
        self._clock = clock
        self._fraction = fraction

    async def run(self) -> None:
        """Work for ever."""
        while True:
            await self._scheduler.is_held.wait()
            await self._sit_out()
            self._scheduler.is_held.clear()
            self._scheduler.look_again()

    async def _sit_out(self) -> None:
        told: set[BatchId] = set()
        for tries in itertools.count(1):
            held = self._scheduler.held()
            for batch_id in held.keys() - told:
                await self._tracker.redraw(batch_id)
            told |= held.keys()
            if not held:
                break
            await self._clock.sleep(
                delay_seconds(tries, self._fraction(), most_seconds=MOST_SECONDS)
            )
            for installation_id in sorted(set(held.values())):
                try:
                    await self._probe(installation_id)
                except BotError as error:
                    log.warning("items wait for GitHub", error=str(error))
