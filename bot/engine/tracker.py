"""Keeps each batch's tracking comment current, and posts its report at the end.

A batch's progress is loaded once and then moves with what is recorded. What happens is
cheap as long as nothing is due: only then the comment is rendered.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from bot.core.actions.table import is_one_change
from bot.core.effects import (
    CreateComment,
    EditComment,
    PinComment,
    Reaction,
    UnpinComment,
)
from bot.core.events import BatchConcluded, News, Reported, TrackingCommented
from bot.core.model import Batch, BatchId, BatchState, InstallationId, ItemState
from bot.core.run.pace import ITEMS_SECONDS, Stale, seconds_to_edit
from bot.core.run.progress import Progress
from bot.core.run.retry import delay_seconds
from bot.core.run.speech import reports_its_end, shows_progress
from bot.core.run.stalled import SO_FAR_AFTER
from bot.core.say.headings import heading_key, needs_clock
from bot.core.say.tracking import render_so_far, so_far_marker
from bot.core.world.markers import marker
from bot.engine.effects import Effects
from bot.engine.recorder import Recorder
from bot.engine.replies import react_to
from bot.engine.reports import Reports, ended_at
from bot.engine.situation import Situations
from bot.engine.supervisor import Supervisor
from bot.engine.watch import Page, Watch, render
from bot.errors import BotError, NotFound, PermanentError, TransientError
from bot.ports.clock import Clock
from bot.ports.github import Budgets

TOLD_WITHIN = timedelta(days=30)
"""How long a report that GitHub does not take waits for the way to be free."""

DELETED_WITHIN = timedelta(days=1)
"""How long the last edit of a comment waits that GitHub does not find."""

AT_ONCE = timedelta(minutes=1)
"""How long a batch of one change may take whose tracking comment is its report too."""

OVER = (BatchState.FINISHED, BatchState.CANCELLED)

log = structlog.get_logger()


class Tracker:
    """One task per batch: created, edited at a pace, reported, unpinned."""

    def __init__(
        self,
        *,
        situations: Situations,
        recorder: Recorder,
        effects: Effects,
        reports: Reports,
        github: Budgets,
        clock: Clock,
        supervisor: Supervisor,
        items_seconds: float = ITEMS_SECONDS,
    ) -> None:
        self._items_seconds = items_seconds
        self._situations = situations
        self._recorder = recorder
        self._effects = effects
        self._reports = reports
        self._github = github
        self._clock = clock
        self._supervisor = supervisor
        self._watches: dict[BatchId, Watch] = {}
        self._tasks: dict[BatchId, asyncio.Task[None]] = {}
        self._edits: dict[InstallationId, deque[float]] = {}
        recorder.listen(self._notice)

    def follow(self, batch_id: BatchId) -> None:
        """Keep a batch's comment current until its report is out."""
        if batch_id not in self._tasks:
            self._watches[batch_id] = Watch()
            name = f"tracker {batch_id}"
            task = self._supervisor.start(name, self._follow(batch_id))
            self._tasks[batch_id] = task

    def catch_up(self, batch_id: BatchId) -> None:
        """Say what a batch that ended has left to say: it may be taken now."""
        self.follow(batch_id)
        self._watches[batch_id].is_free_again = True

    def refresh(self, batch_id: BatchId | None = None) -> None:
        """Look again at one batch or at all, such as when the bot begins to stop; a
        comment that a person deleted is made again for the one.
        """
        for key, watch in self._watches.items():
            if batch_id == key:
                watch.redraws += 1
                watch.is_asked_for, watch.is_gone = True, False
            if batch_id in (None, key):
                watch.changed.set()

    async def redraw(self, batch_id: BatchId) -> None:
        """Write the comment again from the recorded state, whatever stands there now."""
        watch = self._watches.get(batch_id)
        if watch is not None:
            watch.redraws += 1
            watch.changed.set()
            return
        progress = await self._situations.progress(batch_id)
        if progress.tracking_comment_id:
            await self._write(progress, Watch())

    async def redraw_all(self, batch_id: BatchId) -> None:
        """Write both comments of a batch that has ended again."""
        await self.redraw(batch_id)
        await self._reports.redraw(await self._situations.progress(batch_id))

    async def say_stopping(self, seconds: float) -> None:
        """Write every comment once more, *seconds* at most: the bot restarts."""
        watches = [item for item in self._watches.items() if not item[1].is_gone]
        waiting = [
            asyncio.create_task(self._write_last(batch_id, watch))
            for batch_id, watch in watches
        ]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=seconds)
            for task in late:
                task.cancel()

    async def _write_last(self, batch_id: BatchId, watch: Watch) -> None:
        progress = await self._situations.progress(batch_id)
        if progress.tracking_comment_id and progress.state.is_live:
            try:
                with bound_contextvars(batch=batch_id):
                    await self._write(progress, watch)
            except BotError as error:
                log.warning("comment waits", batch=batch_id, error=str(error))

    def _notice(self, batch_id: BatchId, news: Sequence[News]) -> None:
        watch = self._watches.get(batch_id)
        if watch is not None and news:
            watch.news += len(news)
            watch.changed.set()

    async def _follow(self, batch_id: BatchId) -> None:
        watch = self._watches[batch_id]
        tries = 0
        try:
            while True:
                try:
                    with (
                        self._github.metered(batch_id),
                        bound_contextvars(batch=batch_id),
                    ):
                        is_over = await self._step(batch_id, watch)
                    tries = 0
                    if is_over and not watch.is_free_again:
                        return
                    if watch.is_free_again:
                        watch.is_free_again = watch.is_gone = False
                except TransientError as error:
                    tries += 1
                    log.warning("comment waits", batch=batch_id, error=str(error))
                    after = error.retry_after_seconds
                    await self._clock.sleep(delay_seconds(min(tries, 6), 0.5, after))
                except PermanentError as error:
                    # The thread takes no comment: the batch goes on without one.
                    log.warning("comment refused", batch=batch_id, error=str(error))
                    watch.is_gone = True
        finally:
            self._recorder.leave(batch_id)
            del self._watches[batch_id]
            del self._tasks[batch_id]

    async def _step(self, batch_id: BatchId, watch: Watch) -> bool:
        """Write what is due, or wait for it; return True when all is said."""
        progress = await self._recorder.follow(batch_id)
        watch.changed.clear()
        watch.is_gone = watch.is_gone or not shows_progress(progress)
        if progress.state in OVER:
            if not progress.is_concluded:  # while somebody asked for it once more
                await self._close(progress, watch)
            return True
        is_there = progress.tracking_comment_id and not watch.is_missed
        if not is_there and not watch.is_gone:
            await self._create(progress, watch)
            return False
        if not watch.is_marked:
            await self._mark(progress, watch)
        wait = self._seconds_to_edit(progress, watch)
        report_in = self._seconds_to_so_far(watch)
        if wait == 0.0:
            await self._write(progress, watch)
        elif report_in == 0.0:
            await self._say_so_far(progress, watch)
        else:
            await self._wait(watch, min(filter(None, (wait, report_in)), default=None))
        return False

    def _seconds_to_so_far(self, watch: Watch) -> float | None:
        """Return when a batch that only waits tells what it came to so far, if it does."""
        since = watch.shown.stalled_since if watch.shown else None
        if watch.is_gone or since is None or since == watch.told_of:
            return None
        left = since + SO_FAR_AFTER - self._clock.now()
        return max(0.0, left.total_seconds())

    def _seconds_to_edit(self, progress: Progress, watch: Watch) -> float | None:
        if watch.is_gone:
            return None
        situation = self._situations.glance(progress)
        budget = situation.budget
        usable = max(1, budget.limit - budget.reserve) if budget else 1
        left = max(0, budget.remaining - budget.reserve) if budget else 1
        now = self._clock.monotonic()
        shown = watch.shown
        stale = Stale(
            heading=shown is None
            or shown.redraws != watch.redraws
            or shown.heading != heading_key(progress, situation),
            items=shown is None or shown.news != watch.news,
            clocks=needs_clock(progress)
            and (shown is None or shown.stalled_since is None),
        )
        return seconds_to_edit(
            stale,
            since_last=now - watch.edited_at,
            edits_last_hour=self._edits_last_hour(progress, now),
            left=left / usable,
            items_seconds=self._items_seconds,
        )

    async def _wait(self, watch: Watch, seconds: float | None) -> None:
        if watch.changed.is_set():
            return
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(watch.changed.wait())]
        if seconds is not None:
            waits.append(asyncio.create_task(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    # --- the comment -------------------------------------------------------------------

    async def _say_so_far(self, progress: Progress, watch: Watch) -> None:
        situation = await self._situations.situation(progress)
        watch.told_of = watch.shown.stalled_since if watch.shown else None
        if situation.stalled is None or situation.stalled.since != watch.told_of:
            return
        batch = progress.batch
        first = so_far_marker(progress, situation)
        body = render_so_far(progress, situation)
        key = f"{batch.id}/so-far/{situation.stalled.since:%Y%m%dT%H%M%S}"
        await self._effects.attempt(
            key, CreateComment(batch.repository, batch.thread, first, body)
        )

    async def _create(self, progress: Progress, watch: Watch) -> None:
        batch = progress.batch
        situation = await self._situations.situation(progress)
        page = render(progress, situation, watch)
        first = marker("tracking", batch.id, situation.marker_key)
        key = f"{batch.id}/tracking"
        if progress.tracking_comment_id:  # a person deleted that one
            key += f"/{progress.tracking_comment_id}"
        comment = CreateComment(batch.repository, batch.thread, first, page.body)
        # One that an earlier try made, or an earlier process, says what was so then.
        is_new = not await self._effects.is_meant(key)
        receipt = await self._effects.perform(key, comment)
        watch.is_missed = watch.is_asked_for = watch.is_marked = False
        now = self._clock.now()
        event = TrackingCommented(now, receipt.id, receipt.url)
        await self._recorder.record({batch.id: [event]})
        if is_new:
            self._written(watch, page)

    async def _mark(self, progress: Progress, watch: Watch) -> None:
        """Pin the comment, and react to the command: the comment says more, and is first.

        Once, also if the bot was killed before it could.
        """
        batch = progress.batch
        comment_id = progress.tracking_comment_id
        if comment_id and _has_pin(batch):
            pin = PinComment(batch.repository, batch.thread, comment_id)
            await self._effects.attempt(f"{batch.id}/pin", pin)
        await self._react_to_start(progress)
        watch.is_marked = True

    async def _write(self, progress: Progress, watch: Watch) -> PermanentError | None:
        """Edit the comment, if that would change more than its clock.

        Return what GitHub said if it does not take that.
        """
        situation = await self._situations.situation(progress)
        page = render(progress, situation, watch)
        shown = watch.shown
        if shown and (page.body, page.redraws) == (shown.body, shown.redraws):
            self._written(watch, page)
            return None
        batch = progress.batch
        edit = EditComment(batch.repository, progress.tracking_comment_id, page.body)
        try:
            await self._effects.perform(f"{batch.id}/edit", edit)
        except PermanentError as error:
            # Deleted, or the thread was locked: it is left so until somebody asks.
            log.info("tracking comment left", batch=batch.id, error=str(error))
            watch.is_missed = watch.is_asked_for and isinstance(error, NotFound)
            watch.is_gone = not watch.is_missed
            return error
        watch.is_asked_for = False
        self._written(watch, page)
        edits = self._edits.setdefault(batch.repository.installation_id, deque())
        edits.append(self._clock.monotonic())
        return None

    def _written(self, watch: Watch, page: Page) -> None:
        watch.shown = page
        watch.edited_at = self._clock.monotonic()

    def _edits_last_hour(self, progress: Progress, now: float) -> int:
        edits = self._edits.get(progress.batch.repository.installation_id)
        while edits and now - edits[0] > 3600:
            edits.popleft()
        return len(edits or ())

    # --- the end -----------------------------------------------------------------------

    async def _close(self, progress: Progress, watch: Watch) -> None:
        """Say all that there is to say about a batch that has ended.

        Where that is not allowed just now, it stays to be said: see ``Changes`` and
        ``Sweep``.
        """
        refused: PermanentError | None = None
        batch = progress.batch
        if not progress.tracking_comment_id and not watch.is_gone:
            # It may exist: the bot was killed before it knew.
            await self._create(progress, watch)
        is_all = not progress.report_url and _says_it_all(progress)
        is_told = bool(progress.report_url) or not reports_its_end(progress)
        if not is_told and not is_all:
            await self._reports.post(progress)
        if progress.tracking_comment_id:
            # Also if it took no edits before: the last word is worth a try.
            refused = await self._write(progress, watch)
            if is_all and refused is None:
                at, url = progress.tracking_comment_id, progress.tracking_url
                told = Reported(self._clock.now(), at, url)
                await self._recorder.record({batch.id: [told]})
            elif is_all:
                await self._reports.post(progress)
            if _has_pin(batch):
                unpin = UnpinComment(batch.repository, progress.tracking_comment_id)
                await self._effects.attempt(f"{batch.id}/unpin", unpin)
        if not watch.is_marked:
            await self._react_to_start(progress)
        await self._reports.react(progress)
        now = self._clock.now()
        waited = now - ended_at(progress)
        # A comment that is not there may be one that a person deleted.
        patience = DELETED_WITHIN if isinstance(refused, NotFound) else TOLD_WITHIN
        is_shown = refused is None or waited > patience
        is_told = bool(progress.report_url) or not reports_its_end(progress)
        if (is_told and is_shown) or waited > TOLD_WITHIN:
            await self._recorder.record({batch.id: [BatchConcluded(now)]})

    async def _react_to_start(self, progress: Progress) -> None:
        if progress.expires_at is None:  # else another comment started it
            request = progress.batch.request
            await react_to(request, Reaction.STARTED, self._effects)


def _says_it_all(progress: Progress) -> bool:
    """Return whether the tracking comment is the report too: one change, made at once."""
    if not (progress.tracking_comment_id and is_one_change(progress.batch.plan.items)):
        return False
    took = ended_at(progress) - (progress.started_at or progress.batch.created_at)
    is_done = progress.count(ItemState.COMPLETED) == len(progress.items)
    return is_done and took < AT_ONCE


def _has_pin(batch: Batch) -> bool:
    """Return whether a batch's comment is pinned while it runs: pull requests have no
    pins, and one change is made before anybody looks for it.
    """
    is_quick = is_one_change(batch.plan.items)
    is_wanted = batch.plan.options.is_pinned
    return is_wanted and not (batch.request.thread_is_pull_request or is_quick)
