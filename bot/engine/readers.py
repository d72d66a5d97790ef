"""Who may read what the bot shows on its pages.

GitHub is asked with the requests that are over the reserve, and what it said counts for
some minutes. What it did not say is no.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from cachetools import LRUCache, TTLCache

from bot.core.model import Batch, BatchId, Repository, Role
from bot.engine.situation import Situations
from bot.errors import BotError
from bot.ports.clock import Clock
from bot.ports.github import GitHub
from bot.ports.people import Account
from bot.ports.store import Batches

FRESH_SECONDS = 180.0
"""How long a role counts before it is asked for again."""

KEPT_SECONDS = 900.0
"""How long it counts while GitHub cannot be asked."""

MOST_ASKED = 60
ASKED_SECONDS = 60.0
"""How many roles are asked for one person at most in so many seconds."""

MOST_SPENT = 600
SPENT_SECONDS = 3600.0
"""How many are asked of one installation: its requests are for its batches."""

ANSWER_SECONDS = 10.0
LINK_LASTS = timedelta(days=30)
"""How long the link in a comment opens its batch, once that has ended."""

CLOSES_SECONDS = 60.0
"""How long it is taken for granted until when a batch's links are good: to find out, all
that ever happened to it is read.
"""

_NEVER = datetime.max.replace(tzinfo=UTC)

_MOST_KNOWN = 20_000
_MOST_PEOPLE = 1_000

log = structlog.get_logger()


@dataclass(slots=True)
class _Known:
    """What GitHub said of somebody in a repository, and when (monotonic)."""

    role: Role = Role.NONE
    at: float | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Readers:
    """Knows the roles of who looks at pages, and how long links are good."""

    def __init__(
        self,
        *,
        github: GitHub,
        batches: Batches,
        situations: Situations,
        clock: Clock,
    ) -> None:
        self._github = github
        self._batches = batches
        self._situations = situations
        self._clock = clock
        self._known: LRUCache[tuple[int, int, str], _Known] = LRUCache(_MOST_KNOWN)
        self._asked: LRUCache[int, deque[float]] = LRUCache(_MOST_PEOPLE)
        self._spent: LRUCache[int, deque[float]] = LRUCache(_MOST_PEOPLE)
        self._closes: TTLCache[BatchId, datetime] = TTLCache(
            _MOST_KNOWN, ttl=CLOSES_SECONDS, timer=clock.monotonic
        )

    async def role(self, repository: Repository, account: Account) -> Role:
        """Return the role that somebody had there some minutes ago at most. Never raises
        for what GitHub answers.
        """
        key = (repository.id, account.id, account.login.casefold())
        known = self._known.setdefault(key, _Known())
        async with known.lock:
            if not self._is_younger(known, FRESH_SECONDS):
                await self._ask(known, repository, account)
        return known.role if self._is_younger(known, KEPT_SECONDS) else Role.NONE

    async def batch(self, batch_id: BatchId) -> Batch | None:
        """Return a batch. Raises ``StoreUnavailable``."""
        return await self._batches.load(batch_id)

    async def is_open(self, batch_id: BatchId) -> bool:
        """Return whether links to a batch still open it. Raises ``StoreUnavailable``."""
        closes_at = self._closes.get(batch_id)
        if closes_at is None:
            try:
                closes_at = await self._close(batch_id)
            except LookupError:
                return False
            self._closes[batch_id] = closes_at
        return self._clock.now() < closes_at

    async def _close(self, batch_id: BatchId) -> datetime:
        """Return when links to a batch end, as things are; never while it is live."""
        progress = await self._situations.progress(batch_id)
        ended_at = progress.ended_at
        if progress.started_at is None:
            ended_at = progress.expires_at
        elif progress.state.is_live:
            ended_at = None
        return _NEVER if ended_at is None else ended_at + LINK_LASTS

    async def _ask(
        self, known: _Known, repository: Repository, account: Account
    ) -> None:
        if not self._may_ask(account) or not self._fits(repository):
            return
        try:
            with self._github.awaited():
                async with asyncio.timeout(ANSWER_SECONDS):
                    known.role = await self._github.role_of(repository, account)
        except (BotError, TimeoutError) as error:
            said = str(error) or type(error).__name__
            log.info("role unknown", login=account.login, error=said)
            return
        known.at = self._clock.monotonic()

    def _fits(self, repository: Repository) -> bool:
        """Return whether an installation has requests for this; count one if so."""
        installation_id = repository.installation_id
        if self._github.requests_fit(installation_id) <= 0:
            return False
        spent = self._spent.setdefault(installation_id, deque(maxlen=MOST_SPENT))
        return self._take(spent, SPENT_SECONDS)

    def _may_ask(self, account: Account) -> bool:
        """Return whether one person has not asked too often; count it if so."""
        asked = self._asked.setdefault(account.id, deque(maxlen=MOST_ASKED))
        return self._take(asked, ASKED_SECONDS)

    def _take(self, taken: deque[float], seconds: float) -> bool:
        now = self._clock.monotonic()
        if len(taken) == taken.maxlen and now - taken[0] < seconds:
            return False
        taken.append(now)
        return True

    def _is_younger(self, known: _Known, seconds: float) -> bool:
        return known.at is not None and self._clock.monotonic() - known.at < seconds
