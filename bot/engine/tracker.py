"""Keeps each batch's tracking comment current, and posts its report at the end.

A batch's progress is loaded once and then moves with what is recorded. What happens is
cheap as long as nothing is due: only then the comment is rendered.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from bot.core.events import CheckRunPlaced, News
from bot.core.model import BatchId, BatchState
from bot.core.run.pace import ITEMS_SECONDS, Stale, seconds_to_edit
from bot.core.run.progress import Progress
from bot.core.run.retry import delay_seconds
from bot.core.run.speech import shows_progress
from bot.core.run.stalled import SO_FAR_AFTER
from bot.core.say.headings import heading_key, needs_clock
from bot.engine.recorder import Recorder
from bot.engine.situation import Situations
from bot.engine.supervisor import Supervisor
from bot.engine.voice import Voice
from bot.engine.watch import Watch
from bot.errors import BotError, PermanentError, TransientError
from bot.ports.clock import Clock
from bot.ports.github import Budgets

OVER = (BatchState.FINISHED, BatchState.CANCELLED)

log = structlog.get_logger()


class Tracker:
    """One task per batch: created, edited at a pace, reported, unpinned."""

    def __init__(
        self,
        *,
        situations: Situations,
        recorder: Recorder,
        voice: Voice,
        github: Budgets,
        clock: Clock,
        supervisor: Supervisor,
        items_seconds: float = ITEMS_SECONDS,
    ) -> None:
        self._items_seconds = items_seconds
        self._situations = situations
        self._recorder = recorder
        self._voice = voice
        self._github = github
        self._clock = clock
        self._supervisor = supervisor
        self._watches: dict[BatchId, Watch] = {}
        self._tasks: dict[BatchId, asyncio.Task[None]] = {}
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
                watch.check.head_sha, watch.check.is_due = "", True
            if batch_id in (None, key):
                watch.changed.set()

    def head_moved(self, batch_id: BatchId) -> None:
        """Have the check of a live batch follow the head of its pull request."""
        watch = self._watches.get(batch_id)
        if watch is not None:
            watch.check.head_sha, watch.check.is_due = "", True
            watch.changed.set()

    async def redraw(self, batch_id: BatchId) -> None:
        """Write the comment again from the recorded state, whatever stands there now."""
        watch = self._watches.get(batch_id)
        if watch is not None:
            watch.redraws += 1
            watch.changed.set()
            return
        await self._voice.redraw(await self._situations.progress(batch_id))

    async def redraw_all(self, batch_id: BatchId) -> None:
        """Write all comments of a batch again: its plan's and its report, too."""
        await self.redraw(batch_id)
        progress = await self._situations.progress(batch_id)
        await self._voice.redraw_plan(progress)
        await self._voice.redraw_report(progress)

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
                    await self._voice.write(progress, watch)
            except BotError as error:
                log.warning("comment waits", batch=batch_id, error=str(error))

    def _notice(self, batch_id: BatchId, news: Sequence[News]) -> None:
        watch = self._watches.get(batch_id)
        told = [one for one in news if not isinstance(one, CheckRunPlaced)]
        if watch is not None and told:
            watch.news += len(told)
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
                await self._voice.close(progress, watch)
            return True
        is_there = progress.tracking_comment_id and not watch.is_missed
        if not is_there and not watch.is_gone:
            await self._voice.create(progress, watch)
            return False
        if not watch.is_marked:
            await self._voice.mark(progress, watch)
        wait = self._seconds_to_edit(progress, watch)
        report_in = self._seconds_to_so_far(watch)
        if wait == 0.0 and watch.is_gone:
            await self._voice.pass_over(progress, watch)
        elif wait == 0.0:
            await self._voice.write(progress, watch)
        elif watch.check.is_due:
            await self._check(progress, watch)
        elif report_in == 0.0:
            await self._voice.say_so_far(progress, watch)
        else:
            await self._wait(watch, min(filter(None, (wait, report_in)), default=None))
        return False

    async def _check(self, progress: Progress, watch: Watch) -> None:
        try:
            await self._voice.check(progress, watch)
        except TransientError as error:
            # The comment does not wait for that; its next edit brings another try.
            log.warning("check waits", batch=progress.batch.id, error=str(error))

    def _seconds_to_so_far(self, watch: Watch) -> float | None:
        """Return when a batch that only waits tells what it came to so far, if it does."""
        since = watch.shown.stalled_since if watch.shown else None
        if watch.is_gone or since is None or since == watch.told_of:
            return None
        left = since + SO_FAR_AFTER - self._clock.now()
        return max(0.0, left.total_seconds())

    def _seconds_to_edit(self, progress: Progress, watch: Watch) -> float | None:
        if watch.is_gone and not progress.check_run_id:
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
            edits_last_hour=self._voice.edits_last_hour(
                progress.batch.repository.installation_id
            ),
            left=left / usable,
            items_seconds=self._items_seconds,
            early_seconds=watch.early_seconds,
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
