"""Looks again and again for what no delivery told, and says what could not be said."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from bot.core.command.trigger import WAKING, may_matter
from bot.core.model import BatchId, InstallationId, Reference
from bot.core.world.markers import boxes, parse_marker
from bot.engine.inbox import Inbox
from bot.engine.scheduler import Scheduler
from bot.engine.tracker import Tracker
from bot.errors import BotError
from bot.ports.clock import Clock
from bot.ports.github import HookDeliveries, HookDelivery, Lookups
from bot.ports.store import Batches, Costs, Deliveries, Delivery

GITHUB_KEEPS = timedelta(days=3)
"""How long a past delivery can be read from GitHub."""

KEEP_GUIDS = timedelta(days=30)
"""How long a delivery is known again. Of what is settled, the body goes as soon as
GitHub has it no more.
"""

MOST_LOOKED_AT = 100
"""Deliveries of comments that are read in one sweep to see what was lost."""

log = structlog.get_logger()


class Sweep:
    """Looks at each of *chores* again and again; none of them keeps others back."""

    def __init__(
        self, chores: Sequence["Chore"], *, clock: Clock, every_seconds: float
    ) -> None:
        self._chores = chores
        self._clock = clock
        self._every_seconds = every_seconds

    async def run(self) -> None:
        """Work for ever; a fault that lasts is warned of once, until it is over."""
        failing: set[str] = set()
        while True:
            for chore in self._chores:
                name = type(chore).__name__
                try:
                    await chore.sweep()
                except BotError as error:
                    write = log.debug if name in failing else log.warning
                    write("sweep failed", chore=name, error=str(error))
                    failing.add(name)
                else:
                    if name in failing:
                        log.info("sweep works again", chore=name)
                    failing.discard(name)
            await self._clock.sleep(self._every_seconds)


class Chore(Protocol):
    """What has to be looked at now and then."""

    async def sweep(self) -> None:
        """Look at it. Raises ``BotError``."""


class Short:
    """Asks anew what is left where batches wait for requests: there may be more now."""

    def __init__(
        self, scheduler: Scheduler, learn: Callable[[InstallationId], Awaitable[None]]
    ) -> None:
        self._scheduler = scheduler
        self._learn = learn

    async def sweep(self) -> None:
        """Ask, which costs nothing, and have it looked at."""
        short = self._scheduler.short_of_requests()
        for installation_id in sorted(short):
            await self._learn(installation_id)
        if short:
            self._scheduler.look_again()


class Uncounted:
    """Has what ended batches cost kept, so that nobody who looks waits for it."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    async def sweep(self) -> None:
        """Go through what has happened since."""
        while await self._costs.keep_more():
            pass  # others had their turn


class Missed:
    """Takes in the deliveries that were missed, and forgets what is old."""

    def __init__(
        self,
        *,
        deliveries: Deliveries,
        past: HookDeliveries,
        inbox: Inbox,
        forgotten: "Forgotten",
        clock: Clock,
        hears: Callable[[str, Mapping[str, Any]], object] = lambda _event, _payload: (
            None
        ),
        is_direct: bool = True,
    ) -> None:
        self._hears = hears
        self._is_direct = is_direct
        self._heard: dict[str, datetime] = {}
        self._forgotten = forgotten
        self._deliveries = deliveries
        self._past = past
        self._inbox = inbox
        self._clock = clock
        self._began_at = clock.now()
        self._one = asyncio.Lock()
        self._since: datetime | None = None

    async def sweep(self) -> None:
        """Take in what GitHub tried to deliver in vain since the last time."""
        async with self._one:  # several may have a reason to look
            await self._look()

    async def _look(self) -> None:
        began_at = self._clock.now()
        since = self._since or began_at - GITHUB_KEEPS
        self._since = since
        await self._take_missed(since - timedelta(minutes=10))
        await self._deliveries.prune(
            before=began_at - KEEP_GUIDS, bodies_before=began_at - GITHUB_KEEPS
        )
        self._since = began_at

    async def _take_missed(self, since: datetime) -> None:
        """Take in what GitHub tried to deliver in vain and is not stored.

        What was answered with 2xx was on disk once: if it is not known now, the
        database is an older one, and to run its command again would double it. Where
        GitHub does not deliver here, what it was answered says nothing of this bot.
        """
        listed = await self._past.since(since)
        if not self._is_direct:
            await self._hear(listed, since)
            listed = [replace(one, is_accepted=False) for one in listed]
        accepted = {one.guid for one in listed if one.is_accepted}
        known = await self._deliveries.known_guids([one.guid for one in listed])
        here = accepted | known
        wanted = [one for one in listed if may_matter(one.event, one.action)]
        missed = {one.guid: one for one in wanted if one.guid not in here}
        for one in missed.values():
            log.info(
                "missed delivery taken in", delivery=one.guid, event_name=one.event
            )
            await self._inbox.add(await self._past.get(one))
        lost = [one for one in wanted if one.is_accepted and one.guid not in known]
        await self._forgotten.look_at(lost)

    async def _hear(self, listed: Sequence[HookDelivery], since: datetime) -> None:
        """Let what batches wait for be known by what is not kept, once each."""
        self._heard = {guid: at for guid, at in self._heard.items() if at >= since}
        fresh = [one for one in listed if one.delivered_at >= self._began_at]
        for one in fresh:
            if one.event in WAKING and one.guid not in self._heard:
                self._heard[one.guid] = one.delivered_at
                told = await self._past.get(one)
                self._hears(one.event, json.loads(told.body))


class Forgotten:
    """What the database does not know any more: it lost its end, or is an older one."""

    def __init__(
        self, *, past: HookDeliveries, batches: Batches, marker_key: bytes
    ) -> None:
        self._past = past
        self._batches = batches
        self._marker_key = marker_key
        self._unread: deque[HookDelivery] = deque()
        self.deliveries: dict[str, datetime] = {}
        """Those that GitHub saw accepted, by GUID, of this process."""
        self.running: dict[BatchId, str] = {}
        """Batches that nobody knows and whose comments say that they run, with those."""

    async def look_at(self, lost: Sequence[HookDelivery]) -> None:
        """Note deliveries, and what those of the bot's own comments tell; oldest first."""
        new = [one for one in lost if one.guid not in self.deliveries]
        for one in new:
            log.warning("delivery lost", delivery=one.guid, event_name=one.event)
            self.deliveries[one.guid] = one.delivered_at
            if one.event == "issue_comment":
                self._unread.append(one)
        for _ in range(min(len(self._unread), MOST_LOOKED_AT)):
            await self._read(await self._past.get(self._unread[0]))
            self._unread.popleft()  # once it is read: GitHub may not answer
        if new and self.running:
            log.warning("batches lost", batches=sorted(self.running.values()))

    async def _read(self, delivery: Delivery) -> None:
        comment = json.loads(delivery.body).get("comment") or {}
        body, url = str(comment.get("body")), str(comment.get("html_url"))
        mark = parse_marker(body, self._marker_key)
        if mark is None or mark[0] != "tracking":
            return
        batch_id = BatchId(mark[1])
        if await self._batches.load(batch_id) is not None:
            return
        # Only the comment of a live batch has boxes to control it.
        if ("cancel", ()) in boxes(body):
            self.running[batch_id] = url
        else:
            self.running.pop(batch_id, None)


class Awaited:
    """Asks how what batches wait for outside stands, in case no event said so."""

    def __init__(self, scheduler: Scheduler, github: Lookups) -> None:
        self._scheduler = scheduler
        self._github = github

    async def sweep(self) -> None:
        """Look at what each installation's batches wait for."""
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
                await self._scheduler.settle_outside(reference, facts)


class Untold:
    """Says what ended batches could not say yet, whatever refused it the last time."""

    def __init__(self, batches: Batches, tracker: Tracker) -> None:
        self._batches = batches
        self._tracker = tracker

    async def sweep(self) -> None:
        """Have each report and last edit that is not out tried again."""
        for batch_id in await self._batches.unconcluded():
            self._tracker.catch_up(batch_id)
