"""Compares what a batch is about to do with what GitHub says now.

Deliveries tell most changes at once; this finds out about the rest. Before an item
starts, its facts must have been as accepted within ``FRESH``, and looked at by this
process. One query refreshes the next items along with it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from weakref import WeakValueDictionary

from bot.core.model import (
    Batch,
    BatchId,
    Cause,
    ItemId,
    Outcome,
    Permit,
    PlanItem,
    Repository,
)
from bot.core.run.freshness import overtaken
from bot.core.say.problems.github import RoleFell, Unseen
from bot.engine.elsewhere import barred
from bot.errors import AppUnavailable, NotFound, RoleLost, TransientError
from bot.ports.clock import Clock
from bot.ports.github import GitHub

FRESH = timedelta(minutes=5)
"""How long it is taken for granted that an item is as it was: what no delivery told,
the sweep for missed ones finds within that time.
"""

MOMENT = timedelta(minutes=1)
"""The same for the role of whoever has something run that cannot be taken back."""

AT_A_TIME = 50
"""Items of one query."""

NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is not as it was when the command was accepted."""

    overtaken: Mapping[ItemId, Outcome] = field(default_factory=dict)
    moved_to: Repository | None = None
    # Why the batch cannot go on, in *elsewhere* only if that is not its home.
    cause: Cause | None = None
    elsewhere: Repository | None = None

    @property
    def is_nothing(self) -> bool:
        """Whether all is as it was."""
        return self == AS_IT_WAS


AS_IT_WAS = Findings()


class Present:
    """Looks at GitHub for the batches that run."""

    def __init__(self, *, github: GitHub, clock: Clock) -> None:
        self._github = github
        self._clock = clock
        self._seen: dict[BatchId, dict[ItemId, datetime]] = {}
        self._doubted: set[BatchId] = set()
        self._roles_doubted: set[BatchId] = set()
        self._roles_seen: dict[BatchId, dict[int, datetime]] = {}  # by repository
        self._locks: WeakValueDictionary[BatchId, asyncio.Lock] = WeakValueDictionary()

    def forget(self, batch_id: BatchId) -> None:
        """Forget what was seen for a batch that has ended."""
        self._seen.pop(batch_id, None)
        self._doubted.discard(batch_id)
        self._roles_doubted.discard(batch_id)
        self._roles_seen.pop(batch_id, None)

    def doubt_all(self, batch_id: BatchId) -> None:
        """Take nothing for granted, nor the starter's role: nobody has watched."""
        self.doubt(batch_id)
        self._roles_doubted.add(batch_id)

    def doubt(self, batch_id: BatchId) -> None:
        """Take it for granted of no item that it is as it was."""
        self._seen.pop(batch_id, None)
        self._doubted.add(batch_id)

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
        place = item.repository
        if self._is_fresh(batch, item.id) and self._is_allowed(batch, place):
            return AS_IT_WAS
        lock = self._locks.setdefault(batch.id, asyncio.Lock())
        async with lock:
            findings = AS_IT_WAS
            if not self._is_fresh(batch, item.id):
                others = upcoming(AT_A_TIME - 1)
                stale = [
                    i
                    for i in others
                    if i.repository.id == place.id and not self._is_fresh(batch, i.id)
                ]
                findings = await self.look(batch, [item, *stale], place=place)
            if findings.cause is None:
                present = findings.moved_to or place
                try:
                    await self._check_role(batch, starter, present)
                except TransientError:
                    self.doubt(batch.id)  # the findings are lost
                    raise
            return findings

    async def before_run(self, batch: Batch, starter: str, place: Repository) -> None:
        """Raise ``BatchOver`` if whoever started a batch may not do so any more.

        A role that was told a moment ago is taken for granted. Raises ``TransientError``.
        """
        await self._check_role(batch, starter, place, within=MOMENT)

    async def look(
        self,
        batch: Batch,
        items: Sequence[PlanItem],
        *,
        place: Repository | None = None,
        seen_as: Repository | None = None,
    ) -> Findings:
        """Return what has changed for *items* and for the batch as a whole.

        All items are of *place*, one of the batch's repositories; else its home. *seen_as*
        is under which name, and as which installation, GitHub is asked about it, if
        not as the batch knows it. Raises ``AppUnavailable`` if nothing can be seen, and
        ``TransientError``.
        """
        place = place or batch.repository
        is_home = place.id == batch.repository.id
        asked_as = seen_as or place
        asked_at = self._clock.now()
        numbers = list(dict.fromkeys(item.number for item in items))
        try:
            about, facts = await self._github.facts(asked_as, numbers)
        except NotFound as error:
            unseen = Unseen(asked_as.name)
            raise AppUnavailable(unseen, why=Cause.REMOVED) from error
        found = {i.id: overtaken(i, facts.get(i.number)) for i in items}
        if found:
            seen = self._seen.setdefault(batch.id, {})
            # What is overtaken may be retried as it is, and has to be found again.
            seen.update({i: NEVER if o else asked_at for i, o in found.items()})
        present = replace(asked_as, name=about.name or asked_as.name)
        cause = Cause.ARCHIVED if about.is_archived else None
        if await self._is_given_away(place, present):
            cause = Cause.TRANSFERRED
        if not is_home and await barred(self._github, batch.repository, about):
            cause = Cause.HIDDEN  # whatever else: no word of it is shown any more
        is_elsewhere = cause is not None and not is_home
        return Findings(
            overtaken={i: outcome for i, outcome in found.items() if outcome},
            moved_to=present if present != place else None,
            cause=cause,
            elsewhere=place if is_elsewhere else None,
        )

    async def is_thread_gone(self, batch: Batch) -> bool:
        """Return whether the thread in which the command was given is gone."""
        _, facts = await self._github.facts(batch.repository, [batch.thread])
        return batch.thread not in facts

    def _is_fresh(self, batch: Batch, item: ItemId) -> bool:
        accepted_at = NEVER if batch.id in self._doubted else batch.created_at
        return self._is_recent(self._seen.get(batch.id, {}).get(item, accepted_at))

    def _is_recent(self, seen_at: datetime, within: timedelta = FRESH) -> bool:
        return self._clock.now() - seen_at < within

    def _is_allowed(
        self, batch: Batch, place: Repository, within: timedelta = FRESH
    ) -> bool:
        accepted_at = NEVER if batch.id in self._roles_doubted else batch.created_at
        seen = self._roles_seen.get(batch.id, {})
        return self._is_recent(seen.get(place.id, accepted_at), within)

    async def _check_role(
        self,
        batch: Batch,
        starter: str,
        present: Repository,
        *,
        within: timedelta = FRESH,
    ) -> None:
        if self._is_allowed(batch, present, within):
            return
        await self._github.check_access(present, within=within)
        needed, permits = batch.needed_role, batch.permits
        if present.id != batch.repository.id:
            permits = _taken_in(batch, present)
            needed = max((permit.role for permit in permits), default=needed)
        role = await self._github.role(present, starter, permits)
        if role < needed:
            # Without access GitHub would tell of nobody that they may.
            await self._github.check_access(present)
            raise RoleLost(RoleFell(starter, role, needed))
        self._roles_seen.setdefault(batch.id, {})[present.id] = self._clock.now()

    async def _is_given_away(self, before: Repository, now: Repository) -> bool:
        """Return whether the repository has another owner, not one with a new name."""
        if _owner(now) == _owner(before):
            return False
        if now.installation_id != before.installation_id:
            return True
        try:
            # An installation is on one account, and so is what it has access to.
            await self._github.check_access(now)
        except AppUnavailable:
            return True
        return False


def _taken_in(batch: Batch, place: Repository) -> tuple[Permit, ...]:
    """Return what the items of another repository than its home take of the starter."""
    own = (item for item in batch.plan.items if item.repository.id == place.id)
    return tuple(dict.fromkeys(item.takes for item in own if item.takes))


def _owner(repository: Repository) -> str:
    return repository.name.partition("/")[0].casefold()
