"""Gathers what a comment shows besides the events: slots, budget, reasons, time left."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from bot.core.model import (
    BatchId,
    BatchState,
    Expectations,
    InstallationId,
    ItemId,
    ItemState,
)
from bot.core.run.capacity import Capacity
from bot.core.run.estimate import requests_left, seconds_left
from bot.core.run.progress import Progress
from bot.core.run.reasons import NotStarted, Reason
from bot.core.run.stalled import stalled
from bot.core.say.places import Needs
from bot.core.say.situation import BudgetView, Situation
from bot.engine.recorder import Recorder
from bot.ports.clock import Clock
from bot.ports.github import Budgets
from bot.ports.store import Batches


class Slots(Protocol):
    """What the scheduler knows of the present."""

    @property
    def is_stopping(self) -> bool:
        """Whether the bot ends: nothing new starts."""

    def reasons(self, batch_id: BatchId) -> Mapping[ItemId, Reason]:
        """Return why each pending item of a live batch is not running."""

    def capacity(self, of: Collection[InstallationId] | None = None) -> Capacity:
        """Return one snapshot of what is free, *of* some installations or of all."""


@dataclass(frozen=True, slots=True)
class Face:
    """What the comments of this server have in common."""

    marker_key: bytes
    web_url: str = ""  # of the bot's pages; empty: no links to them
    isolation: str = ""  # of commands
    needs: Needs | None = None  # of commands; None where all run on this machine
    link_key: bytes = field(default=b"", repr=False)  # of links to the pages


class Situations:
    """Reads the present of a batch for a renderer."""

    def __init__(
        self,
        *,
        batches: Batches,
        recorder: Recorder,
        github: Budgets,
        slots: Slots,
        clock: Clock,
        face: Face,
    ) -> None:
        self._batches = batches
        self._recorder = recorder
        self._github = github
        self._slots = slots
        self._clock = clock
        self._face = face
        self._since = clock.now()

    def now(self) -> datetime:
        """Return the time."""
        return self._clock.now()

    async def progress(self, batch_id: BatchId) -> Progress:
        """Return the progress of a batch as of now."""
        return await self._recorder.progress(batch_id)

    def glance(self, progress: Progress) -> Situation:
        """Return as much of the present of a batch as can be seen at once."""
        return Situation(
            now=self._clock.now(),
            marker_key=self._face.marker_key,
            budget=self.budget(progress.batch.repository.installation_id),
            needs=self._face.needs,
            is_stopping=self._slots.is_stopping,
        )

    async def situation(self, progress: Progress) -> Situation:
        """Return the present of a batch."""
        batch = progress.batch
        expectations = await self._batches.expectations()
        concurrency = batch.plan.options.concurrency
        now = self._clock.now()
        waits = stalled(progress)
        return replace(
            self.glance(progress),
            now=now,
            reasons=self._reasons(progress),
            stalled=waits,
            seconds_left=None
            if waits
            else seconds_left(progress, expectations, slots=concurrency, now=now),
            used_requests=self._used_requests(progress),
            is_counted_whole=self._has_seen(progress),
            needed_requests=requests_left(progress, expectations),
            slots_busy=progress.count(ItemState.RUNNING),
            slots_total=concurrency,
            web_url=self._face.web_url,
            link_key=self._face.link_key,
            isolation=self._face.isolation,
        )

    async def expectations(self) -> Expectations:
        """Return what actions took in the past."""
        return await self._batches.expectations()

    def _used_requests(self, progress: Progress) -> int:
        """Return what a batch has caused: what asked for it and for its controls, its
        items, its comments. Of an earlier process only its items' ended attempts count.
        """
        batch = progress.batch
        asked = {batch.source, progress.start_source, *progress.controls}
        counted = self._github.spent(batch.id) + sum(map(self._github.spent, asked))
        known = sum(view.requests for view in progress.items.values())
        return counted if self._has_seen(progress) else max(counted, known)

    def _has_seen(self, progress: Progress) -> bool:
        """Return whether all that a batch has done was done by this process."""
        return progress.batch.created_at >= self._since

    def _reasons(self, progress: Progress) -> Mapping[ItemId, Reason]:
        if progress.state is BatchState.PLANNED:
            return dict.fromkeys(
                progress.items, NotStarted(progress.starts_at, progress.starts_zone)
            )
        return self._slots.reasons(progress.batch.id)

    def of_installation(self, installation_id: InstallationId) -> Situation:
        """Return the present of an installation, apart from any one batch."""
        capacity = self._slots.capacity([installation_id])
        free = capacity.installations.get(installation_id)
        return Situation(
            now=self._clock.now(),
            marker_key=self._face.marker_key,
            budget=self.budget(installation_id),
            slots_busy=free.slots_total - free.slots_free if free else 0,
            slots_total=free.slots_total if free else 0,
            web_url=self._face.web_url,
            link_key=self._face.link_key,
            is_stopping=self._slots.is_stopping,
        )

    def budget(self, installation_id: InstallationId) -> BudgetView | None:
        """Return what is left of the installation's requests, None while unknown."""
        budget = self._github.budget(installation_id)
        if not budget.is_known:
            return None
        return BudgetView(
            budget.remaining, budget.limit, budget.reset_at, budget.reserve
        )
