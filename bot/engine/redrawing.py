"""Writes again what batches have said of what may not be shown any more.

However many there are: the newest at once, the others at a pace that leaves the
installation its requests. What is left is known from the events, also after a restart.
"""

import asyncio
from collections.abc import Sequence

import structlog
from structlog.contextvars import bound_contextvars

from bot.core.events import CommentsRedrawn, News, RepositoryHidden
from bot.core.model import BatchId
from bot.engine.patience import when_stored
from bot.engine.recorder import Recorder
from bot.engine.situation import Situations
from bot.engine.tracker import Tracker
from bot.errors import BotError
from bot.ports.clock import Clock
from bot.ports.github import Budgets
from bot.ports.store import Batches

AT_ONCE = 10
"""Batches that are written again one after the other."""

EDITS = 4
"""Of one batch at most: of its plan, its progress, its check run and its report."""

PAUSE_SECONDS = 60.0
"""Before others follow, or what failed is tried again."""

log = structlog.get_logger()


class Redrawing:
    """Has the comments of batches say nothing any more of what is hidden."""

    def __init__(
        self,
        *,
        batches: Batches,
        recorder: Recorder,
        situations: Situations,
        tracker: Tracker,
        github: Budgets,
        clock: Clock,
    ) -> None:
        self._batches = batches
        self._recorder = recorder
        self._situations = situations
        self._tracker = tracker
        self._github = github
        self._clock = clock
        self._hidden = asyncio.Event()
        self._failed: set[BatchId] = set()  # which keep others back only once
        recorder.listen(self._notice)

    async def run(self) -> None:
        """Work for ever, beginning with what an earlier process left."""
        while True:
            self._hidden.clear()
            left = await when_stored(self._clock, self._batches.to_be_redrawn)
            left = sorted(left, key=lambda one: one in self._failed)
            for batch_id in left[:AT_ONCE]:
                with bound_contextvars(batch=batch_id), self._github.metered(batch_id):
                    await self._try_to_redraw(batch_id)
            if left:
                await self._clock.sleep(PAUSE_SECONDS)
            else:
                await self._hidden.wait()

    async def _try_to_redraw(self, batch_id: BatchId) -> None:
        try:
            is_redrawn = await self._redraw(batch_id)
        except BotError as error:
            log.warning("comments not redrawn yet", error=str(error))
            is_redrawn = False
        if is_redrawn:
            self._failed.discard(batch_id)
        else:
            self._failed.add(batch_id)

    async def _redraw(self, batch_id: BatchId) -> bool:
        """Write all comments again; return False if the requests are used up."""
        progress = await self._situations.progress(batch_id)
        places = tuple(sorted(progress.hidden_places))
        if self._github.requests_fit(progress.batch.repository.installation_id) < EDITS:
            return False
        await self._tracker.redraw_all(batch_id)
        event = CommentsRedrawn(self._situations.now(), places)
        await self._recorder.record({batch_id: [event]})
        return True

    def _notice(self, _: BatchId, news: Sequence[News]) -> None:
        if any(isinstance(one, RepositoryHidden) for one in news):
            self._hidden.set()
