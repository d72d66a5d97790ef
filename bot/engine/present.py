"""Compares what a batch is about to do with what GitHub says now.

Deliveries tell most changes at once; this finds out about the rest. Before an item
starts, its facts must have been as accepted within ``FRESH`` and since the start of the
bot. One query refreshes the next items along with it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from bot.core.drift import overtaken
from bot.core.model import (
    Batch,
    BatchId,
    Cause,
    ItemNumber,
    Outcome,
    PlanItem,
    Repository,
)
from bot.errors import AppUnavailable, NotFound, RoleLost
from bot.ports import Clock, GitHub

FRESH = timedelta(minutes=5)
"""How long it is taken for granted that an item is as it was: what no delivery told,
the sweep for missed ones finds within that time.
"""

AT_A_TIME = 50
"""Items of one query."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What is not as it was when the command was accepted."""

    overtaken: Mapping[ItemNumber, Outcome] = field(default_factory=dict)
    moved_to: Repository | None = None
    cause: Cause | None = None  # the batch cannot go on

    @property
    def is_nothing(self) -> bool:
        """Whether all is as it was."""
        return self == Findings()


class Present:
    """Looks at GitHub for the batches that run."""

    def __init__(self, *, github: GitHub, clock: Clock) -> None:
        self._github = github
        self._clock = clock
        self._since = clock.now()
        self._seen: dict[BatchId, dict[ItemNumber, datetime]] = {}
        self._roles_seen: dict[BatchId, datetime] = {}
        self._locks: WeakValueDictionary[BatchId, asyncio.Lock] = WeakValueDictionary()

    def forget(self, batch_id: BatchId) -> None:
        """Forget what was seen for a batch that has ended."""
        self._seen.pop(batch_id, None)
        self._roles_seen.pop(batch_id, None)

    async def before_start(
        self,
        batch: Batch,
        starter: str,
        item: PlanItem,
        upcoming: Callable[[int], Sequence[PlanItem]],
    ) -> Findings:
        """Return what has changed for *item*, which is about to start.

        If that has to be asked for, so many *upcoming* ones are looked at along with it.
        Raises ``BatchOver`` if nothing may start any more, and ``TransientError``.
        """
        lock = self._locks.setdefault(batch.id, asyncio.Lock())
        async with lock:
            if self._is_fresh(batch, item.number):
                return Findings()
            others = upcoming(AT_A_TIME - 1)
            stale = [i for i in others if not self._is_fresh(batch, i.number)]
            await self._check_role(batch, starter)
            return await self.look(batch, [item, *stale])

    async def look(
        self,
        batch: Batch,
        items: Sequence[PlanItem],
        *,
        repository: Repository | None = None,
    ) -> Findings:
        """Return what has changed for *items* and for the batch as a whole.

        *repository* is under which name, and as which installation, GitHub is asked, if
        not the batch's own. Raises ``AppUnavailable`` if nothing can be seen, and
        ``TransientError``.
        """
        asked_as = repository or batch.repository
        asked_at = self._clock.now()
        numbers = [item.number for item in items]
        try:
            about, facts = await self._github.facts(asked_as, numbers)
        except NotFound as error:
            message = f"{asked_as.name} cannot be seen by the app any more."
            advice = "Give the app access to it again."
            raise AppUnavailable(message, why=Cause.REMOVED, advice=advice) from error
        found = {i.number: overtaken(i, facts.get(i.number)) for i in items}
        as_before = (number for number, outcome in found.items() if outcome is None)
        seen = self._seen.setdefault(batch.id, {})
        seen.update(dict.fromkeys(as_before, asked_at))
        present = replace(asked_as, name=about.name or asked_as.name)
        return Findings(
            overtaken={n: outcome for n, outcome in found.items() if outcome},
            moved_to=present if present != batch.repository else None,
            cause=_cause(batch.repository, present, is_archived=about.is_archived),
        )

    async def is_thread_gone(self, batch: Batch) -> bool:
        """Return whether the thread in which the command was given is gone."""
        _, facts = await self._github.facts(batch.repository, [batch.thread])
        return batch.thread not in facts

    def _is_fresh(self, batch: Batch, number: ItemNumber) -> bool:
        seen = self._seen.get(batch.id, {})
        return self._is_recent(seen.get(number, batch.created_at))

    def _is_recent(self, seen_at: datetime) -> bool:
        return seen_at >= self._since and self._clock.now() - seen_at < FRESH

    async def _check_role(self, batch: Batch, starter: str) -> None:
        if self._is_recent(self._roles_seen.get(batch.id, batch.created_at)):
            return
        role = await self._github.role(batch.repository, starter)
        if role < batch.needed_role:
            had, needed = role.name.lower(), batch.needed_role.name.lower()
            message = f"{starter} has {had} access now, not {needed}"
            advice = f"Somebody with {needed} access can retry it."
            raise RoleLost(message, advice=advice)
        self._roles_seen[batch.id] = self._clock.now()


def _cause(
    before: Repository,
    now: Repository,
    *,
    is_archived: bool,
) -> Cause | None:
    if _owner(now) != _owner(before):
        return Cause.TRANSFERRED
    return Cause.ARCHIVED if is_archived else None


def _owner(repository: Repository) -> str:
    return repository.name.partition("/")[0].casefold()
