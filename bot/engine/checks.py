"""Shows batches as check runs, where their comments cannot be pinned."""

import structlog

from bot.core.effects import CheckReport, CreateCheckRun, EditCheckRun
from bot.core.events import CheckRunPlaced
from bot.core.run.progress import Progress
from bot.core.say.checks import check_name, render_check, render_moved
from bot.core.say.situation import Situation
from bot.core.world.permissions import Needed
from bot.engine.effects import Effects
from bot.engine.recorder import Recorder
from bot.engine.watch import CheckWatch
from bot.errors import PermanentError
from bot.ports.clock import Clock
from bot.ports.github import GitHub

NEEDED: Needed = (("checks",),)

log = structlog.get_logger()


class Checks:
    """Keeps the check run of a batch on the head of the pull request it was asked for in.

    A batch that has said its last word does not follow the head any more.
    """

    def __init__(
        self, *, github: GitHub, recorder: Recorder, effects: Effects, clock: Clock
    ) -> None:
        self._github = github
        self._recorder = recorder
        self._effects = effects
        self._clock = clock

    async def show(
        self, progress: Progress, situation: Situation, watch: CheckWatch
    ) -> bool:
        """Have the check run on a pull request say how a batch stands; return whether that
        took a change.

        What GitHub refuses is left until the head is another one. Raises
        ``TransientError``.
        """
        watch.is_due = False
        try:
            report = render_check(progress, situation)
            is_made = False
            if not progress.is_concluded:
                is_made = await self._follow_head(progress, report, watch)
            if watch.is_refused or not progress.check_run_id or report == watch.shown:
                return is_made
            await self._say(progress, report)
        except PermanentError as error:
            log.info("check refused", batch=progress.batch.id, error=str(error))
            watch.is_refused = True
            return False
        watch.shown = report
        return True

    async def _follow_head(
        self, progress: Progress, report: CheckReport, watch: CheckWatch
    ) -> bool:
        """Have a check run on the present head; return whether one was made."""
        batch = progress.batch
        if not watch.head_sha:
            _, found = await self._github.facts(batch.repository, [batch.thread])
            facts = found.get(batch.thread)
            watch.head_sha = facts.head_sha if facts else ""
            watch.is_refused = False
        if progress.check_head_sha and not progress.check_run_id:
            await self._create(progress, progress.check_head_sha, report, watch)
        head = watch.head_sha
        if watch.is_refused or head in ("", progress.check_head_sha):
            return False
        grants = await self._github.grants(batch.repository.installation_id)
        watch.is_granted = grants is None or not grants.missing(NEEDED)
        if not watch.is_granted:
            watch.is_refused = True
            return False
        if progress.check_run_id:
            await self._leave(progress, head)
        # Who comes after a crash has to know that it may be there, wherever the head is.
        await self._place(progress, head)
        return await self._create(progress, head, report, watch)

    async def _leave(self, progress: Progress, head: str) -> None:
        """Have the check run on the head that was say where the batch is shown now."""
        try:
            await self._say(progress, render_moved(progress, head))
        except PermanentError as error:
            log.info("check left", batch=progress.batch.id, error=str(error))

    async def _create(
        self, progress: Progress, head: str, report: CheckReport, watch: CheckWatch
    ) -> bool:
        """Make the check run that is to be there; return False if it was already."""
        batch = progress.batch
        key = f"{batch.id}/check/{head}"
        is_new = not await self._effects.is_meant(key)
        create = CreateCheckRun(
            batch.repository, head, check_name(progress), batch.id, report
        )
        try:
            receipt = await self._effects.perform(key, create)
        except PermanentError:
            await self._place(progress, "")
            raise
        await self._place(progress, head, receipt.id)
        watch.shown = report if is_new else None
        return is_new

    async def _place(self, progress: Progress, head: str, id_: int = 0) -> None:
        placed = CheckRunPlaced(self._clock.now(), head, id_)
        await self._recorder.record({progress.batch.id: [placed]})

    async def _say(self, progress: Progress, report: CheckReport) -> None:
        batch = progress.batch
        edit = EditCheckRun(batch.repository, progress.check_run_id, report)
        key = f"{batch.id}/check/{progress.check_head_sha}/edit"
        await self._effects.perform(key, edit)
