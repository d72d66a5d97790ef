"""Looks again and again for what no delivery told: missed ones, and what others settled."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from bot.core.command.trigger import EVENTS
from bot.core.model import InstallationId, Reference
from bot.engine.inbox import Inbox
from bot.engine.scheduler import Scheduler
from bot.errors import BotError
from bot.ports.clock import Clock
from bot.ports.github import HookDeliveries, Lookups
from bot.ports.store import Deliveries

GITHUB_KEEPS = timedelta(days=3)
"""How long a past delivery can be read from GitHub."""

KEEP_GUIDS = timedelta(days=30)
"""How long a delivery is known again. Of what is settled, the body goes as soon as
GitHub has it no more.
"""

log = structlog.get_logger()


class Sweep:
    """What was missed is taken in, what is old is forgotten."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        past: HookDeliveries,
        inbox: Inbox,
        scheduler: Scheduler,
        github: Lookups,
        clock: Clock,
        every_seconds: float,
    ) -> None:
        self._deliveries = deliveries
        self._past = past
        self._inbox = inbox
        self._scheduler = scheduler
        self._github = github
        self._clock = clock
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Look for missed deliveries again and again, and for what others settled."""
        since = self._clock.now() - GITHUB_KEEPS
        while True:
            began_at = self._clock.now()
            await self._look_outside()
            try:
                await self._take_missed(since - timedelta(minutes=10))
                await self._deliveries.prune(
                    before=began_at - KEEP_GUIDS, bodies_before=began_at - GITHUB_KEEPS
                )
                since = began_at
            except BotError as error:
                log.warning("sweep failed", error=str(error))
            await self._clock.sleep(self._every_seconds)

    async def _take_missed(self, since: datetime) -> None:
        """Take in what GitHub tried to deliver in vain and is not stored.

        What was answered with 2xx was on disk once: if it is not known now, the
        database is an older one, and to run its command again would double it.
        """
        listed = await self._past.since(since)
        accepted = {one.guid for one in listed if one.is_accepted}
        known = await self._deliveries.known_guids([one.guid for one in listed])
        here = accepted | known
        wanted = [one for one in listed if one.event in EVENTS]
        missed = {one.guid: one for one in wanted if one.guid not in here}
        for one in missed.values():
            log.info(
                "missed delivery taken in", delivery=one.guid, event_name=one.event
            )
            await self._inbox.add(await self._past.get(one))

    async def _look_outside(self) -> None:
        """Ask how what batches wait for outside stands, in case no event said so."""
        waiting = self._scheduler.open_outside()
        for installation_id, references in waiting.items():
            if references:
                try:
                    await self._look_at(installation_id, sorted(references))
                except BotError as error:
                    log.warning(
                        "what is waited for cannot be seen",
                        installation=installation_id,
                        error=str(error),
                    )

    async def _look_at(
        self, installation_id: InstallationId, references: Sequence[Reference]
    ) -> None:
        found = await self._github.references(installation_id, references)
        for reference in references:
            facts = found.get(reference)  # None: nothing can ever tell that it is done
            if facts is None or not facts.is_open:
                is_satisfied = facts is not None and facts.is_satisfied
                await self._scheduler.settle_outside(
                    reference, is_satisfied=is_satisfied
                )
