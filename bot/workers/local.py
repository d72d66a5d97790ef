"""Runs the operator's commands on the bot's own machine."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId, CommandResult
from bot.core.say.problems.server import (
    AttemptCancelled,
    AttemptUnknown,
    NoCommand,
    NoMachine,
)
from bot.errors import Lost, Problem
from bot.ports.clock import Clock
from bot.ports.host import Commands, Workspaces
from bot.ports.work import Emit, Resource, unheard
from bot.workers.lines import LastLine

Run = Callable[[CommandJob, Callable[[str], None]], Awaitable[CommandResult]]
"""Runs a job from workspace to commit, telling how far it is."""


@dataclass(eq=False, slots=True)
class _Attempt:
    task: asyncio.Task[CommandResult]
    last: LastLine = field(default_factory=LastLine)


class LocalWorker:
    """Runs the commands of these *names*; what runs ends with the bot.

    *needs* are of those that it cannot run: they need another machine.
    """

    name = "local"
    outlives_the_bot = False
    takes = frozenset({Resource.WORKSPACE})

    def __init__(
        self,
        *,
        run: Run,
        commands: Commands,
        workspaces: Workspaces,
        clock: Clock,
        names: Collection[str],
        needs: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
    ) -> None:
        self._run = run
        self._commands = commands
        self._workspaces = workspaces
        self._clock = clock
        self._names = names
        self._needs = needs
        self._attempts: dict[AttemptId, _Attempt] = {}

    def why_not(self, command: str) -> Problem | None:
        """Return why it cannot run a command; None if it can."""
        if command in self._names:
            return None
        needs = self._needs.get(command)
        return NoMachine(command, needs, is_pool=False) if needs else NoCommand(command)

    async def start(self, job: CommandJob, emit: Emit = unheard) -> str:
        """Begin an attempt; starting it again begins nothing."""
        known = self._attempts.get(job.attempt)
        if known is None or known.task.done():
            task = asyncio.create_task(self._work(job), name=f"local {job.attempt}")
            self._attempts[job.attempt] = _Attempt(task)
        return job.attempt

    async def find(self, attempt: AttemptId) -> str | None:
        """Return the id of an attempt of this process; none survives a restart."""
        return attempt if attempt in self._attempts else None

    async def result(
        self, external_id: str, job: CommandJob, emit: Emit
    ) -> CommandResult:
        """Wait for the end of an attempt, passing on the last line from time to time.

        Raises ``Lost``, and what ``Workspaces`` raises.
        """
        attempt = self._attempts.get(job.attempt)
        if attempt is None:
            raise Lost(AttemptUnknown(job.attempt))
        relay = asyncio.create_task(
            attempt.last.relay(emit, self._clock), name=f"log {job.attempt}"
        )
        try:
            await asyncio.wait({attempt.task, relay}, return_when="FIRST_COMPLETED")
        finally:
            relay.cancel()
            await asyncio.wait({relay})
        if not relay.cancelled():
            relay.result()  # only a fault ends it by itself
        if attempt.task.cancelled():
            raise Lost(AttemptCancelled(job.attempt))
        return attempt.task.result()

    async def stop(self, attempt: AttemptId) -> None:
        """Stop an attempt; nothing of it runs any more when this returns."""
        running = self._attempts.get(attempt)
        if running is not None:
            running.task.cancel()
            await asyncio.wait({running.task})
        await self._commands.kill(attempt)

    async def clean(self, attempt: AttemptId) -> None:
        """Remove the workspace and what the command left beside it."""
        ended = self._attempts.pop(attempt, None)
        if ended is not None and ended.task.done() and not ended.task.cancelled():
            ended.task.exception()  # seen by whoever waited, if anyone did
        await self._workspaces.remove(attempt)

    async def _work(self, job: CommandJob) -> CommandResult:
        return await self._run(job, self._attempts[job.attempt].last.say)
