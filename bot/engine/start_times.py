"""Starts batches at the time that their command names."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from bot.core.command import syntax
from bot.core.command.trigger import StartDue
from bot.core.model import BatchId, BatchState, Repository, Request, Role, StartTime
from bot.core.run.progress import Progress
from bot.core.say import start_times as say
from bot.engine import roles
from bot.engine.replies import Replies
from bot.engine.situation import Situations
from bot.engine.starts import Starts
from bot.errors import PermanentError
from bot.ports.github import GitHub
from bot.ports.store import Batches

log = structlog.get_logger()


class StartTimes:
    """Has each such batch started once, in the name of who asked for it."""

    def __init__(
        self,
        *,
        batches: Batches,
        github: GitHub,
        starts: Starts,
        replies: Replies,
        situations: Situations,
        allows: Callable[[str], bool],
    ) -> None:
        self._batches = batches
        self._github = github
        self._starts = starts
        self._replies = replies
        self._situations = situations
        self._allows = allows

    @property
    def changed(self) -> asyncio.Event:
        """What is set when there is one more."""
        return self._starts.planned

    async def all(self) -> Sequence[tuple[datetime, BatchId, Repository]]:
        """Return the batches that wait for their time, and those whose time has passed
        and that nobody started.
        """
        found = []
        for batch, planned in await self._batches.starting():
            if planned.starts_at is not None:
                found.append((planned.starts_at, batch.id, batch.repository))
        return found

    async def begin(self, due: StartDue) -> str:
        """Start a batch whose time has come; return what became of it, in a few words.

        Raises ``TransientError``: it is to be tried again.
        """
        batch = await self._batches.load(due.batch_id)
        if batch is None:
            return "ignored: no batch"
        progress = await self._situations.progress(batch.id)
        if progress.state is not BatchState.PLANNED or progress.starts_at is None:
            return f"ignored: batch {batch.id} was started or dropped before"
        with self._github.metered(str(StartTime(batch.id, progress.starts_at))):
            request = await self._request(progress, progress.starts_at)
            if not self._allows(request.repository.name):
                return "ignored: the server's settings leave the repository out"
            role = await self._role(request, progress)
            if isinstance(role, str):
                await self._replies.decline(request, role)
                return "refused: it could not start at its time"
            return await self._starts.start(request, batch.id, role)

    async def tell(self, due: StartDue, words: str) -> None:
        """Say why a batch did not start at its time (*words*).

        Raises ``TransientError`` and ``PermanentError``.
        """
        if await self._batches.load(due.batch_id) is None:
            return
        progress = await self._situations.progress(due.batch_id)
        if progress.state is BatchState.PLANNED and progress.starts_at is not None:
            request = await self._request(progress, progress.starts_at)
            now = self._situations.now()
            await self._replies.decline(request, say.given_up(progress, words, now))

    async def _request(self, progress: Progress, starts_at: datetime) -> Request:
        """Return what is asked for at that time, where the repository is now."""
        batch = progress.batch
        # It may have another name by now, and its name another one.
        about, _ = await self._github.facts(batch.repository, [])
        name = about.name or batch.repository.name
        return Request(
            repository=replace(batch.repository, name=name),
            thread=batch.thread,
            thread_is_pull_request=batch.request.thread_is_pull_request,
            asker=batch.asker,
            origin=StartTime(batch.id, starts_at),
        )

    async def _role(self, request: Request, progress: Progress) -> Role | str:
        """Return the role with which the batch starts, or why it does not."""
        now, batch = self._situations.now(), progress.batch
        if progress.expires_at is not None and now > progress.expires_at:
            return say.too_late(progress, now)
        login = request.asker.login
        try:
            role = await self._github.role(request.repository, login)
        except PermanentError as error:
            log.warning("role unknown", login=login, error=str(error))
            return say.role_unknown(progress, str(error), now)
        start = syntax.Start(batch.id)
        role = await roles.of_batch(self._github, request, role, start, batch)
        if role < batch.needed_role:
            return say.short_of_role(progress, role, now)
        return role
