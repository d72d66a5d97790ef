"""What the repositories' schedules are, and in whose name each file's run.

A push tells, and where none did GitHub's record of pushes. It is kept, so that after a
start no repository has to be asked.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog

from bot.core.command.trigger import ConfigurationPushed, Sender
from bot.core.model import Repository
from bot.core.plan.configuration import PATH, RepositoryConfiguration
from bot.core.plan.schedules import Kept, Timetable, digest_of, learned
from bot.core.say import schedules as say
from bot.engine.configured import configured
from bot.engine.patience import when_stored
from bot.errors import (
    ConfigurationError,
    PermanentError,
    StoreUnavailable,
    TransientError,
)
from bot.ports import store
from bot.ports.clock import Clock
from bot.ports.examined import Finding, State
from bot.ports.github import GitHub, RepositoryFacts

log = structlog.get_logger()


class Timetables:
    """The schedules of all repositories that have some."""

    def __init__(
        self,
        *,
        kept: store.Timetables,
        github: GitHub,
        clock: Clock,
        bots: Collection[str] = (),
    ) -> None:
        self._kept = kept
        self._github = github
        self._clock = clock
        self._bots = bots  # that may command, by login in small letters
        self._known: dict[int, Timetable] | None = None
        self._reading, self._writing = asyncio.Lock(), asyncio.Lock()
        self.changed = asyncio.Event()

    async def all(self) -> Mapping[int, Timetable]:
        """Return what is known, by the repository's id."""
        async with self._reading:
            if self._known is None:
                found = await when_stored(self._clock, self._kept.all)
                self._known = dict(found)
        return self._known

    def why_off(self, timetable: Timetable) -> say.Off | None:
        """Return why the schedules of a file do not run, if so."""
        pusher = timetable.pusher
        counts = pusher is not None and (
            not pusher.is_bot or pusher.login.lower() in self._bots
        )
        return say.off(pusher, counts=counts)

    async def told(self, repository: Repository) -> str:
        """Return when a repository's schedules run, as Markdown; empty without any."""
        known = (await self.all()).get(repository.id)
        if known is None:
            return ""
        return say.runs_next(known, self._clock.now(), self.why_off(known))

    async def learn(self, pushed: ConfigurationPushed) -> Timetable | None:
        """Return what a push to a default branch makes of a repository's schedules; None
        if it has none.

        While the file does not fit, what was known stays. Raises ``TransientError``, and
        what GitHub refuses.
        """
        about, _ = await self._github.facts(pushed.repository, [])
        try:
            configuration = await configured(self._github, pushed.repository, about)
        except ConfigurationError:
            return (await self.all()).get(pushed.repository.id)
        return await self.update(pushed.repository, about, configuration, pushed)

    async def update(
        self,
        repository: Repository,
        about: RepositoryFacts,
        configuration: RepositoryConfiguration,
        pushed: ConfigurationPushed | None = None,
    ) -> Timetable | None:
        """Return what is known once a repository's file is *about* this.

        Who brought it there is who *pushed*, if that is the file as it is, else asked for.
        """
        before = (await self.all()).get(repository.id)
        file = about.configuration
        if file is None or not configuration.schedules:
            await self._keep(repository.id, None)
            return None
        digest = digest_of(file.content)
        known = before.pusher if before and before.digest == digest else None
        if known is not None and (pushed is None or pushed.pusher == known):
            pusher: Sender | None = known
        else:
            # Who pushes the text that is known may have brought it back, or be late.
            told = pushed if known is None else None
            pusher = await self._pusher(repository, about, told)
            before = (await self.all()).get(repository.id)  # as it is meanwhile
        now = replace(repository, name=about.name or repository.name)
        found = learned(
            before,
            configuration.schedules,
            repository=now,
            digest=digest,
            url=f"{about.url}/blob/{about.default_branch}/{PATH}",
            pusher=pusher,
            now=self._clock.now(),
        )
        await self._keep(repository.id, found)
        return found

    async def notice(
        self,
        repository: Repository,
        about: RepositoryFacts,
        configuration: RepositoryConfiguration,
    ) -> None:
        """Learn of schedules that no push has told of: their file was there before."""
        is_known = repository.id in await self.all()
        if is_known or about.configuration is None or not configuration.schedules:
            return
        try:
            await self.update(repository, about, configuration)
        except TransientError as error:
            log.warning("schedules not learned", error=str(error))

    async def seen(self, repositories: Sequence[Repository]) -> None:
        """Note under which names, and by which installations, repositories are seen."""
        known = await self.all()
        for one in repositories:
            before = known.get(one.id)
            if before is not None and before.repository != one:
                await self._keep(one.id, replace(before, repository=one))

    async def dealt_with(
        self, repository_id: int, key: str, due_at: datetime, became: str = ""
    ) -> None:
        """Note that what was due is dealt with, and what *became* of it once that is
        known: then it is due no more.
        """
        before = (await self.all()).get(repository_id)
        if before is not None:
            await self._keep(repository_id, before.dealt_with(key, due_at, became))

    async def examine(self) -> Sequence[Finding]:
        """Return when the next schedule runs, and which do not. Never raises."""
        try:
            known = [*(await self._kept.all()).values()]
        except StoreUnavailable:
            return []  # which the database says itself
        now = self._clock.now()
        count = sum(len(one.schedules) for one in known)
        off = [(one, why) for one in known if (why := self.why_off(one))]
        found = [Finding("schedules", State.NOTE, *say.is_off(*one)) for one in off[:3]]
        on = [
            (at, one, kept)
            for one in known
            if self.why_off(one) is None
            for kept in one.schedules
            if (at := kept.next_at(now)) is not None
        ]
        if count:
            first = min(on, key=lambda it: it[0])[1:] if on else None
            words = say.works(count, first, now)
            found.append(Finding("schedules", State.FINE, *words))
        return found

    async def _pusher(
        self,
        repository: Repository,
        about: RepositoryFacts,
        pushed: ConfigurationPushed | None,
    ) -> Sender | None:
        if pushed is not None and pushed.pusher is not None:
            then = await self._github.proposed(repository, pushed.sha)
            if then is not None and then == about.configuration:
                return pushed.pusher
        try:
            return await self._github.pushed_by(repository, about.default_branch)
        except PermanentError as error:
            log.warning("pusher unknown", error=str(error))
            return None

    async def _keep(self, repository_id: int, timetable: Timetable | None) -> None:
        """Know it from now on, and keep it; others may have come to know more before it
        is written.
        """
        known = self._known
        assert known is not None
        if known.get(repository_id) == timetable:
            return
        if timetable is None:
            del known[repository_id]
        else:
            known[repository_id] = timetable
        self.changed.set()
        async with self._writing:
            latest = known.get(repository_id)
            keep = partial(self._kept.keep, repository_id, latest)
            await when_stored(self._clock, keep)


def due_in(
    timetables: Mapping[int, Timetable], now: datetime
) -> Sequence[tuple[datetime, Timetable, Kept]]:
    """Return what is due in any of them, the earliest first."""
    found = [
        (due, timetable, kept)
        for timetable in timetables.values()
        for kept in timetable.schedules
        if (due := kept.due(now)) is not None
    ]
    return sorted(found, key=lambda one: one[0])
