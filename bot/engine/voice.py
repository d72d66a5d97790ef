"""What a batch says on GitHub of itself: its comment, its check, its last words.

Each is written when ``Tracker`` says so.
"""

import asyncio
from collections import deque
from datetime import timedelta

import structlog

from bot.core.actions.table import is_one_change
from bot.core.effects import (
    CreateComment,
    EditComment,
    PinComment,
    Reaction,
    UnpinComment,
)
from bot.core.events import BatchConcluded, Reported, TrackingCommented
from bot.core.model import Batch, InstallationId, ItemState
from bot.core.run.pace import spread_seconds
from bot.core.run.progress import Progress
from bot.core.run.speech import reports_its_end
from bot.core.say.plan import render_plan
from bot.core.say.tracking import render_so_far, so_far_marker
from bot.core.world.markers import marker
from bot.engine.checks import Checks
from bot.engine.effects import Effects
from bot.engine.recorder import Recorder
from bot.engine.replies import react_to, reply_key
from bot.engine.reports import Reports, ended_at
from bot.engine.situation import Situations
from bot.engine.watch import Page, Watch, render
from bot.errors import NotFound, PermanentError
from bot.ports.clock import Clock

TOLD_WITHIN = timedelta(days=30)
"""How long a report that GitHub does not take waits for the way to be free."""

DELETED_WITHIN = timedelta(days=1)
"""How long the last edit of a comment waits that GitHub does not find."""

AT_ONCE = timedelta(minutes=1)
"""How long a batch of one change may take whose tracking comment is its report too."""

HOUR_SECONDS = 3600.0

log = structlog.get_logger()


class Voice:
    """Writes what batches say of themselves."""

    def __init__(
        self,
        *,
        situations: Situations,
        recorder: Recorder,
        effects: Effects,
        reports: Reports,
        checks: Checks,
        clock: Clock,
    ) -> None:
        self._situations = situations
        self._recorder = recorder
        self._effects = effects
        self._reports = reports
        self._checks = checks
        self._clock = clock
        self._edits: dict[InstallationId, deque[float]] = {}
        self._turn = asyncio.Lock()

    async def create(self, progress: Progress, watch: Watch) -> None:
        """Post the tracking comment, or find the one that was posted."""
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

    async def mark(self, progress: Progress, watch: Watch) -> None:
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

    async def write(self, progress: Progress, watch: Watch) -> PermanentError | None:
        """Edit the comment, if that would change more than its clock.

        Return what GitHub said if it does not take that.
        """
        page = await self._page(progress, watch)
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
        self._edited(batch)
        if shown is None:
            watch.early_seconds = spread_seconds(batch.id)
        return None

    async def pass_over(self, progress: Progress, watch: Watch) -> None:
        """Take a comment that is not to be there for written: the check run follows it."""
        self._written(watch, await self._page(progress, watch))

    async def _page(self, progress: Progress, watch: Watch) -> Page:
        """Return the comment as it is now.

        Those of thousands of batches may be due, and asyncio runs all that is ready before
        it looks for news: with the lock, at most one edit in each such round is rendered.
        """
        async with self._turn:
            situation = await self._situations.situation(progress)
            return render(progress, situation, watch)

    def _written(self, watch: Watch, page: Page) -> None:
        watch.shown, watch.check.is_due = page, True
        watch.edited_at, watch.early_seconds = self._clock.monotonic(), 0.0

    async def check(self, progress: Progress, watch: Watch) -> None:
        """Have the check run on the pull request say the same.

        Raises ``TransientError``.
        """
        batch = progress.batch
        if _is_quick(batch) or not batch.request.thread_is_pull_request:
            watch.check.is_due = False
            return
        situation = await self._situations.situation(progress)
        if await self._checks.show(progress, situation, watch.check):
            self._edited(batch)

    async def say_so_far(self, progress: Progress, watch: Watch) -> None:
        """Post what a batch that only waits came to so far."""
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

    async def close(self, progress: Progress, watch: Watch) -> None:
        """Say all that there is to say about a batch that has ended.

        Where that is not allowed just now, it stays to be said: see ``Changes`` and
        ``Sweep``.
        """
        refused: PermanentError | None = None
        batch = progress.batch
        if not progress.tracking_comment_id and not watch.is_gone:
            # It may exist: the bot was killed before it knew.
            await self.create(progress, watch)
        is_all = not progress.report_url and _says_it_all(progress)
        is_told = bool(progress.report_url) or not reports_its_end(progress)
        if not is_told and not is_all:
            await self._reports.post(progress)
        if progress.tracking_comment_id:
            # Also if it took no edits before: the last word is worth a try.
            refused = await self.write(progress, watch)
            if is_all and refused is None:
                at, url = progress.tracking_comment_id, progress.tracking_url
                told = Reported(self._clock.now(), at, url)
                await self._recorder.record({batch.id: [told]})
            elif is_all:
                await self._reports.post(progress)
            if _has_pin(batch):
                unpin = UnpinComment(batch.repository, progress.tracking_comment_id)
                await self._effects.attempt(f"{batch.id}/unpin", unpin)
        watch.check.head_sha = ""  # what the batch did last may have moved it
        await self.check(progress, watch)
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

    async def redraw(self, progress: Progress) -> None:
        """Write all that a batch has said again, from the recorded state."""
        watch = Watch()
        if progress.tracking_comment_id:
            await self.write(progress, watch)
        if progress.check_run_id:
            await self.check(progress, watch)

    async def redraw_plan(self, progress: Progress) -> None:
        """Write the plan again from the recorded state, if one was posted and GitHub
        takes that. Raises ``TransientError``.
        """
        batch = progress.batch
        posted = await self._effects.receipt(reply_key("plan", batch.request))
        if posted is None:
            return
        situation = await self._situations.situation(progress)
        expectations = await self._situations.expectations()
        first = marker("plan", batch.request.reply, situation.marker_key)
        body = render_plan(progress, situation, expectations, marker=first)
        edit = EditComment(batch.repository, posted.id, body)
        try:
            await self._effects.perform(f"{batch.id}/plan/redraw", edit)
        except PermanentError as error:
            log.info("plan left", batch=batch.id, error=str(error))

    async def redraw_report(self, progress: Progress) -> None:
        """Write a report again, if GitHub takes that. Raises ``TransientError``."""
        await self._reports.redraw(progress)

    def edits_last_hour(self, installation_id: InstallationId) -> int:
        """Return how often something was edited in an installation lately."""
        edits = self._edits.get(installation_id)
        oldest = self._clock.monotonic() - HOUR_SECONDS
        while edits and edits[0] < oldest:
            edits.popleft()
        return len(edits or ())

    def _edited(self, batch: Batch) -> None:
        edits = self._edits.setdefault(batch.repository.installation_id, deque())
        edits.append(self._clock.monotonic())

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


def _is_quick(batch: Batch) -> bool:
    """Return whether a batch is over before anybody looks for it: one change."""
    return is_one_change(batch.plan.items)


def _has_pin(batch: Batch) -> bool:
    """Return whether a batch's comment is pinned while it runs: pull requests have no
    pins.
    """
    is_wanted = batch.plan.options.is_pinned
    return is_wanted and not (batch.request.thread_is_pull_request or _is_quick(batch))
