"""Where operators' commands run."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId, CommandResult
from bot.errors import Problem
from bot.ports.clock import Clock

Emit = Callable[[str], None]
"""Takes a progress line, in the words of the work."""


def unheard(line: str) -> None:
    """Take a progress line that nobody wants."""


class Resource(StrEnum):
    """What a command takes of this host while it runs."""

    WORKSPACE = "workspace"


class Worker(Protocol):
    """A place where commands run. All else that is done to an item needs none."""

    name: str
    outlives_the_bot: bool  # whether attempts go on while the bot is away
    takes: frozenset[Resource]

    def why_not(self, command: str) -> Problem | None:
        """Return why it cannot run the command of that name; None if it can."""

    async def start(self, job: CommandJob, emit: Emit = unheard) -> str:
        """Return, once the command has begun, the id by which the worker knows it.

        Starting an attempt again returns the same id and begins nothing. Raises what
        ``result`` raises.
        """

    async def find(self, attempt: AttemptId) -> str | None:
        """Return the id of an attempt that was started and is still known, or None."""

    async def result(
        self, external_id: str, job: CommandJob, emit: Emit
    ) -> CommandResult:
        """Wait for the end of the command.

        Raises ``Lost`` if the worker knows nothing of it any more, ``TransientError``
        if the command could not begin, and ``PermanentError`` if it never can.
        """

    async def stop(self, attempt: AttemptId) -> None:
        """Stop an attempt; nothing of it runs any more when this returns."""

    async def clean(self, attempt: AttemptId) -> None:
        """Remove what an ended attempt left."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a worker of an installed package may use."""

    local: Worker  # runs commands on the bot's machine, isolated
    commands: Collection[str]  # the operator's names for them
    clock: Clock


MakeWorker = Callable[[Means], Worker]
"""What an entry point of the group ``batch_bot.workers`` names."""
