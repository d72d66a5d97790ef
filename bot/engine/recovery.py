"""What follows a start: remove what was left, and go on."""

import asyncio
from collections.abc import Awaitable

import structlog

from bot.engine.scheduler import Scheduler
from bot.engine.tracker import Tracker
from bot.ports.host import Commands, Workspaces
from bot.ports.store import Batches

AT_A_TIME = 100
"""Batches that are taken up in one pass of the scheduler, and so in one commit."""

log = structlog.get_logger()


class Recovery:
    """Brings the bot back to where it was."""

    def __init__(
        self,
        *,
        batches: Batches,
        scheduler: Scheduler,
        tracker: Tracker,
        commands: Commands,
        workspaces: Workspaces,
    ) -> None:
        self._batches = batches
        self._scheduler = scheduler
        self._tracker = tracker
        self._commands = commands
        self._workspaces = workspaces

    async def clean(self) -> None:
        """Remove the processes and workspaces that an earlier process left."""
        killed = await _cleaned("processes", self._commands.kill_orphans())
        removed = await _cleaned("workspaces", self._workspaces.remove_all())
        if killed or removed:
            log.info("orphans removed", processes=killed, workspaces=removed)

    async def resume(self) -> None:
        """Go on with every batch that has work left, and report those that ended."""
        live = await self._batches.live()
        expectations = await self._batches.expectations()
        for first in range(0, len(live), AT_A_TIME):
            some = live[first : first + AT_A_TIME]
            adopting = (
                self._scheduler.adopt(one, is_restart=True, expectations=expectations)
                for one in some
            )
            await asyncio.gather(*adopting)
            for batch_id in some:
                self._tracker.follow(batch_id)
        for batch_id in await self._batches.unconcluded():
            self._tracker.follow(batch_id)


async def _cleaned(what: str, cleaning: Awaitable[int]) -> int:
    """Return how many were removed, or 0: what is left must not keep the bot from living."""
    try:
        return await cleaning
    except Exception:  # a fault here, or in what a stranger left, ends no start
        log.exception("cleaning failed", what=what)
        return 0
