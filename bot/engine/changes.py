"""Deals with what others do to items, threads, repositories and installations.

A delivery is only the reason to look: it may be late. What GitHub says now decides.
"""

from collections.abc import Callable, Sequence

import structlog

from bot.core.command.trigger import InstallationChanged, ItemChanged, RepositoryChanged
from bot.core.events import RepositoryHidden
from bot.core.model import Batch, Cause, PlanItem, Reference, Repository
from bot.core.run.freshness import needs_it_open, sees_to_itself
from bot.core.run.schedule import Schedule
from bot.engine.elsewhere import barred
from bot.engine.present import Findings, Present
from bot.engine.recorder import Recorder
from bot.engine.scheduler import Scheduler
from bot.engine.situation import Situations
from bot.engine.tracker import Tracker
from bot.errors import AppUnavailable, PermanentError, TransientError
from bot.ports.github import GitHub
from bot.ports.store import Batches

log = structlog.get_logger()


class Changes:
    """Tells batches of what has changed around them."""

    def __init__(
        self,
        *,
        github: GitHub,
        batches: Batches,
        present: Present,
        scheduler: Scheduler,
        situations: Situations,
        recorder: Recorder,
        tracker: Tracker,
    ) -> None:
        self._github = github
        self._batches = batches
        self._present = present
        self._scheduler = scheduler
        self._situations = situations
        self._recorder = recorder
        self._tracker = tracker

    async def item(self, changed: ItemChanged) -> None:
        """Deal with an issue or pull request that may have ended, or gone."""
        await self._tell_who_waits(changed)
        for schedule in self._scheduler.live(changed.repository.id):
            if items := _concerned(schedule, changed):
                await self._compare(schedule.batch, items[0].repository, items)
            is_home = schedule.batch.repository.id == changed.repository.id
            if is_home and schedule.batch.thread == changed.number:
                self._tracker.head_moved(schedule.batch.id)
                if changed.is_taken_away:
                    await self._check_thread(schedule.batch)
        thread = (changed.repository.id, changed.number)
        await self._catch_up(lambda b: (b.repository.id, b.thread) == thread)

    async def repository(self, changed: RepositoryChanged) -> None:
        """Deal with another name or owner, and with the archive."""
        repository = changed.repository
        await self.readers(repository)
        await self._catch_up(lambda b: b.repository.id == repository.id, repository)

    async def readers(self, repository: Repository) -> None:
        """Deal with who may read a repository now, or where it lets itself be shown."""
        for schedule in self._scheduler.live(repository.id):
            place = next(
                one for one in schedule.batch.repositories if one.id == repository.id
            )
            await self._compare(schedule.batch, place, seen_as=repository)
            if place.id == schedule.batch.repository.id:
                for other in schedule.batch.elsewhere:
                    await self._compare(schedule.batch, other)
        await self._hide(repository)

    async def installation(self, changed: InstallationChanged) -> None:
        """Deal with access that was taken away or given back."""
        named = {one.id: one for one in changed.repositories}

        def is_concerned(place: Repository) -> bool:
            is_its_own = place.installation_id == changed.installation_id
            return is_its_own or place.id in named

        for schedule in self._scheduler.live():
            for place in filter(is_concerned, schedule.batch.repositories):
                seen_as = named.get(place.id)
                await self._compare(schedule.batch, place, seen_as=seen_as)
        await self._catch_up(
            lambda batch: is_concerned(batch.repository), *changed.repositories
        )

    async def _hide(self, repository: Repository) -> None:
        """Show nothing any more of what batches at home in one repository have in another
        that does not let them, if *repository* is either: of plans too, and of what has
        ended. Those that run have looked themselves.
        """
        known: dict[tuple[int, int], bool] = {}
        for batch_id in await self._batches.across(repository.id):
            progress = await self._situations.progress(batch_id)
            if progress.state.is_live:
                continue
            home = progress.batch.repository
            pairs = {
                (home.id, place.id): place
                for place in progress.batch.elsewhere
                if place.id not in progress.hidden_places
                and repository.id in (home.id, place.id)
            }
            for pair in pairs.keys() - known.keys():
                known[pair] = await self._is_barred(home, pairs[pair])
            if barred_places := [pair for pair in pairs if known[pair]]:
                now = self._situations.now()
                events = [RepositoryHidden(now, id_) for _, id_ in barred_places]
                await self._recorder.record({batch_id: events})

    async def _is_barred(self, home: Repository, place: Repository) -> bool:
        try:
            about, _ = await self._github.facts(place, [])
            return await barred(self._github, home, about) is not None
        except PermanentError:
            return False  # nobody can say who may read it now

    async def _tell_who_waits(self, changed: ItemChanged) -> None:
        """Let those who wait for it from outside know that it has ended."""
        reference = Reference(changed.repository.name, changed.number)
        installation_id = changed.repository.installation_id
        waiting = self._scheduler.open_outside().get(installation_id, frozenset())
        if reference not in waiting:
            return
        found = await self._github.references(installation_id, [reference])
        facts = found.get(reference)
        if facts is not None and facts.is_open:
            return
        await self._scheduler.settle_outside(reference, facts)

    async def _compare(
        self,
        batch: Batch,
        place: Repository,
        items: Sequence[PlanItem] = (),
        *,
        seen_as: Repository | None = None,
    ) -> None:
        try:
            if not items:
                await self._github.check_access(seen_as or place)
            findings = await self._present.look(
                batch, items, place=place, seen_as=seen_as
            )
        except AppUnavailable as error:
            before = place.installation_id
            if seen_as is not None and seen_as.installation_id != before:
                return  # news of an installation that is not the batch's
            is_home = place.id == batch.repository.id
            elsewhere = None if is_home else place
            findings = Findings(cause=Cause(error.why), elsewhere=elsewhere)
        if not findings.is_nothing:
            await self._scheduler.found(batch.id, findings)

    async def _check_thread(self, batch: Batch) -> None:
        """End a batch whose thread is gone: it could tell nobody what it does."""
        if await self._present.is_thread_gone(batch):
            gone = Findings(cause=Cause.THREAD_GONE)
            await self._scheduler.found(batch.id, gone)

    async def _catch_up(
        self, is_concerned: Callable[[Batch], bool], *seen_as: Repository
    ) -> None:
        """Say the last word of ended batches that could not be said before."""
        named = {one.id: one for one in seen_as}
        for batch_id in await self._batches.unconcluded():
            batch = await self._batches.load(batch_id)
            if batch is not None and is_concerned(batch):
                await self._try_to_conclude(batch, named.get(batch.repository.id))

    async def _try_to_conclude(self, batch: Batch, seen_as: Repository | None) -> None:
        progress = await self._situations.progress(batch.id)
        batch = progress.batch
        try:
            await self._github.check_access(seen_as or batch.repository)
            findings = await self._present.look(batch, (), seen_as=seen_as)
        except AppUnavailable:
            return
        except TransientError as error:
            log.warning("looked in vain", batch=batch.id, error=str(error))
            findings = Findings()  # whoever writes the last word is patient
        if findings.moved_to is not None:
            await self._recorder.record_move(batch.id, findings.moved_to)
        if findings.cause is not Cause.ARCHIVED:
            self._tracker.catch_up(batch.id)


def _concerned(schedule: Schedule, changed: ItemChanged) -> list[PlanItem]:
    """Return the unfinished items of the batch that the change is about."""
    return [
        item
        for item in schedule.batch.plan.items
        if item.number == changed.number
        and item.repository.id == changed.repository.id
        and not schedule.state_of(item.id).is_final
        and not (item.id in schedule.running and sees_to_itself(item.action))
        and (changed.is_taken_away or needs_it_open(item.action))
    ]
