"""Posts the report of a batch that has ended, in its thread or where it can be read."""

from datetime import datetime, timedelta

import structlog

from bot.core.effects import CreateComment, EditComment, React, Reaction, Receipt
from bot.core.events import Reported
from bot.core.model import BatchId, Comment, ItemState
from bot.core.run.progress import Progress
from bot.core.say.report import render_elsewhere, render_report
from bot.core.world.answers import takes_no_comment
from bot.core.world.markers import marker
from bot.engine.effects import Effects
from bot.engine.marks import Labels
from bot.engine.recorder import Recorder
from bot.engine.situation import Situations
from bot.errors import PermanentError
from bot.ports.clock import Clock

ELSEWHERE_AFTER = timedelta(hours=1)
"""After how long a report that its thread does not take is posted on an item."""

MOST_ELSEWHERE = 3
"""On how many items that is tried."""

log = structlog.get_logger()


class Reports:
    """Says how batches ended, once each."""

    def __init__(
        self,
        *,
        situations: Situations,
        recorder: Recorder,
        effects: Effects,
        clock: Clock,
    ) -> None:
        self._situations = situations
        self._recorder = recorder
        self._effects = effects
        self._clock = clock
        self._labels = Labels(situations, effects)
        self.untold: dict[BatchId, str] = {}
        """The batches that could not say how they ended, and where; of this process."""

    async def post(self, progress: Progress) -> None:
        """Post the report, and record that; it may be refused.

        Raises ``TransientError``.
        """
        batch = progress.batch
        situation = await self._situations.situation(progress)
        first = marker("report", batch.id, situation.marker_key)
        body = render_report(progress, situation)
        comment = CreateComment(batch.repository, batch.thread, first, body)
        receipt = await self._posted(progress, comment)
        if receipt is None:
            self.untold[batch.id] = f"{batch.repository.name}#{batch.thread}"
            return
        self.untold.pop(batch.id, None)
        event = Reported(self._clock.now(), receipt.id, receipt.url)
        await self._recorder.record({batch.id: [event]})

    async def redraw(self, progress: Progress) -> None:
        """Write a report again from the recorded state, if it is a comment of its own
        in the batch's thread and GitHub takes that. Raises ``TransientError``.
        """
        batch, comment_id = progress.batch, progress.report_comment_id
        is_here = f"/{batch.thread}#" in progress.report_url
        if not is_here or comment_id in (0, progress.tracking_comment_id):
            return
        situation = await self._situations.situation(progress)
        body = render_report(progress, situation)
        edit = EditComment(batch.repository, comment_id, body)
        try:
            await self._effects.perform(f"{batch.id}/report/redraw", edit)
        except PermanentError as error:
            log.info("report left", batch=batch.id, error=str(error))

    async def react(self, progress: Progress) -> None:
        """React to what asked for a batch with how that ended: to the command, or by
        taking labels off.

        Raises ``TransientError``.
        """
        await self._labels.take_off(progress)
        batch = progress.batch
        origin = batch.request.origin
        if not isinstance(origin, Comment):
            return
        done = progress.count(ItemState.COMPLETED) == len(progress.items)
        mood = Reaction.DONE if done else Reaction.REFUSED
        react = React(batch.repository, origin.kind, origin.id, mood, origin.node_id)
        await self._effects.attempt(f"{batch.id}/reaction", react)

    async def _posted(
        self, progress: Progress, report: CreateComment
    ) -> Receipt | None:
        """Post a report where it is taken; None if that is nowhere yet."""
        batch = progress.batch
        try:
            return await self._effects.perform(f"{batch.id}/report", report)
        except PermanentError as error:
            log.warning("report refused", batch=batch.id, error=str(error))
            refusal = str(error)
        waited = self._clock.now() - ended_at(progress)
        if not takes_no_comment(refusal) and waited < ELSEWHERE_AFTER:
            return None
        # Of its home alone: who reads another repository need not be a reader of this one.
        home = [i for i in batch.plan.items if i.repository.id == batch.repository.id]
        others = {i.number: i for i in home if i.number != batch.thread}
        for item in [*others.values()][:MOST_ELSEWHERE]:
            body = render_elsewhere(report.body, batch, why=refusal)
            comment = CreateComment(item.repository, item.number, report.marker, body)
            try:
                key = f"{batch.id}/report/{item.id}"
                return await self._effects.perform(key, comment)
            except PermanentError as error:
                log.warning("report refused", batch=batch.id, error=str(error))
        return None


def ended_at(progress: Progress) -> datetime:
    """Return when a batch ended, at the latest; when it began if nobody knows."""
    return progress.ended_at or progress.batch.created_at
