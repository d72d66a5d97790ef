"""Has operators' commands run on workers, and moves what they made."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

import structlog

from bot.core.actions.step import CommandJob, Follow, Followed, Rebase
from bot.core.model import AttemptId, CommandResult, Repository
from bot.core.run.capacity import Room
from bot.core.say import notes
from bot.engine.patience import PATIENT_TRIES, is_tried, leave_alone
from bot.errors import BranchMissing, Lost, PermanentError, TransientError
from bot.ports.clock import Clock
from bot.ports.host import Brought, Rebased, Workspaces
from bot.ports.work import Emit, Resource, Worker

LATE_SECONDS = 900.0
"""How much longer than the item's time-out a worker may take with all around it."""

T = TypeVar("T")

log = structlog.get_logger()


class Work:
    """The workers by name, and the workspaces of this host."""

    def __init__(
        self,
        *,
        workers: Mapping[str, Worker],
        workspaces: Workspaces,
        clock: Clock,
        fraction: Callable[[], float],
        rooms: Mapping[str, Callable[[], Room | None]] = MappingProxyType({}),
    ) -> None:
        self._workers = workers
        self._workspaces = workspaces
        self._clock = clock
        self._fraction = fraction
        self._rooms = rooms
        self.is_leaving = False
        """Whether the bot ends: what outlives it is let alone then."""
        self._waiting: dict[AttemptId, tuple[Repository, datetime]] = {}

    def git_away(self) -> Mapping[int, datetime]:
        """Return since when git does not get through, by repository, where somebody
        tries again and again.
        """
        away: dict[int, datetime] = {}
        for repository, since in self._waiting.values():
            if self._workspaces.is_away(repository):
                away[repository.id] = min(since, away.get(repository.id, since))
        return away

    @property
    def takes_workspace(self) -> Mapping[str, bool]:
        """Which workers take a workspace of this host."""
        return {
            name: Resource.WORKSPACE in worker.takes
            for name, worker in self._workers.items()
        }

    def pools(self) -> Mapping[str, Room]:
        """Return what the machines of pools have, by worker, as far as it is known."""
        found = {name: room() for name, room in self._rooms.items()}
        return {name: room for name, room in found.items() if room is not None}

    def has(self, worker: str) -> bool:
        """Return whether there is a worker of that name."""
        return worker in self._workers

    async def find(self, worker: str, attempt: AttemptId) -> str:
        """Return the id of an attempt that went on while the bot was away, if it did."""
        known = self._workers.get(worker)
        if known is None or not known.outlives_the_bot:
            return ""
        return await known.find(attempt) or ""

    async def clean(self, worker: str, attempt: AttemptId) -> None:
        """Remove what an attempt left; what cannot be removed waits for the restart."""
        known = self._workers.get(worker)
        if known is None or self._goes_on(known):
            return
        try:
            await known.clean(attempt)
        except Exception:
            log.exception("attempt left something behind", attempt=attempt)

    async def execute(
        self, worker: str, job: CommandJob, emit: Emit, *, known_as: str = ""
    ) -> CommandResult:
        """Run a command, or wait for the end of one that a worker knows by *known_as*.

        An outage before it begins costs no try. Raises what the worker raises, ``Lost``
        included; cancelling stops the command.
        """
        found = self._workers[worker]
        ids = [known_as]  # of what was begun before: the next try begins anew

        async def execute() -> CommandResult:
            try:
                return await self._execute(found, job, emit, ids.pop() if ids else "")
            except Lost:
                raise
            except (BranchMissing, TransientError):
                await found.clean(job.attempt)
                raise

        return await self._patiently(job.attempt, job.repository, emit, execute)

    async def rebase(
        self,
        attempt: AttemptId,
        repository: Repository,
        result: CommandResult,
        step: Rebase,
        emit: Emit,
    ) -> CommandResult:
        """Return a result made again elsewhere, or with why that does not go.

        Raises ``BranchMissing``.
        """

        async def rebase() -> Rebased:
            return await self._workspaces.rebase(
                attempt, repository, result.commit, base=step.base, merge=step.merge
            )

        stuck = ""
        try:
            moved = await self._patiently(attempt, repository, emit, rebase)
        except BranchMissing:
            raise
        except (PermanentError, TransientError) as error:
            # What is done is not thrown away: people get it as it is.
            stuck = str(error)
            moved = Rebased(result.commit, step.base, step.merge)
        return replace(
            result,
            commit=moved.sha,
            base=moved.base,
            merged=moved.merged,
            moved_from=result.moved_from or (result.base, *result.merged),
            stuck=stuck,
        )

    async def follow(
        self, attempt: AttemptId, repository: Repository, step: Follow, emit: Emit
    ) -> Followed:
        """Return what a branch needs to go elsewhere, or why that does not go.

        Raises ``BranchMissing``.
        """

        async def bring() -> Brought:
            return await self._workspaces.bring(
                *(attempt, repository, step.head),
                was=step.was,
                merged_sha=step.merged_sha,
                onto=step.onto,
            )

        try:
            found = await self._patiently(attempt, repository, emit, bring)
        except BranchMissing:
            raise
        except (PermanentError, TransientError) as error:
            return Followed(step, stuck=str(error))
        return Followed(step, found.head_sha, found.sha)

    async def _patiently(
        self,
        attempt: AttemptId,
        repository: Repository,
        emit: Emit,
        work: Callable[[], Awaitable[T]],
    ) -> T:
        """Return what comes of work with git, however long GitHub is away.

        Meanwhile nobody else has to find that out: see ``git_away``.
        """
        tries = 1
        try:
            while True:
                try:
                    return await work()
                except Lost:
                    raise
                except TransientError as error:
                    if tries == PATIENT_TRIES:
                        raise
                    log.info("work waits", attempt=attempt, error=str(error))
                    self._waiting.setdefault(attempt, (repository, self._clock.now()))
                    emit(notes.waits(error))
                    fraction = self._fraction()
                    await leave_alone(self._clock, tries, error, fraction=fraction)
                    tries += is_tried(error)
        finally:
            self._waiting.pop(attempt, None)

    def _goes_on(self, worker: Worker) -> bool:
        """Return whether what runs there goes on without the bot, which ends now."""
        return worker.outlives_the_bot and self.is_leaving

    async def _execute(
        self, worker: Worker, job: CommandJob, emit: Emit, known_as: str
    ) -> CommandResult:
        try:
            external_id = known_as or await worker.start(job, emit)
            work = asyncio.ensure_future(worker.result(external_id, job, emit))
            late = asyncio.ensure_future(
                self._clock.sleep(job.timeout_seconds + LATE_SECONDS)
            )
            try:
                await asyncio.wait({work, late}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    return work.result()
            finally:
                for task in (work, late):
                    task.cancel()
                await asyncio.wait({work, late})
        except asyncio.CancelledError:
            if not self._goes_on(worker):
                await worker.stop(job.attempt)
            raise
        await worker.stop(job.attempt)
        return CommandResult(exit_code=-9, timed_out=True)
