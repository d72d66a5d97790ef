"""What one attempt asks of the scheduler, and what is known of it after a restart."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.actions.step import Await
from bot.core.effects import Receipt
from bot.core.model import CommandResult, Outcome, Repository


class Desk(Protocol):
    """What an attempt asks of the scheduler."""

    def repository(self) -> Repository:
        """Return the item's repository as it is now: its name may have changed."""

    async def overtaken(self) -> Outcome | None:
        """Return how the item ended in somebody else's hands, if it did.

        Raises ``TransientError`` and ``BatchOver``.
        """

    async def allowed(self) -> None:
        """Raise ``BatchOver`` if whoever started the batch may not do so any more.

        Raises ``TransientError``.
        """

    async def accept(self, result: CommandResult) -> bool:
        """Return, once it is on disk, whether a command's result still counts."""

    def say(self, line: str) -> None:
        """Show what the attempt is doing, in the words of the work."""

    async def hold(self, name: str) -> bool:
        """Have *name* instead of what is held; return whether others had it first."""

    def waiting(self, wait: Await) -> AbstractAsyncContextManager[None]:
        """Park the attempt, and what it holds with it: its slot is free inside."""

    async def wait_as(self, wait: Await) -> None:
        """Show a wait that goes on in other words."""

    def changing(self, *, is_begun: bool) -> AbstractAsyncContextManager[None]:
        """Inside, and once it is done, it is too late to stop.

        Whoever comes out with an error has changed nothing, unless it *is_begun*.
        """


@dataclass(frozen=True, slots=True)
class Resumed:
    """What is known of an attempt that an earlier process of the bot began."""

    result: CommandResult | None = None  # accepted
    external_id: str = ""  # by which a worker knows what still runs there
    receipts: Mapping[str, Receipt] = field(default_factory=dict)  # by the effect's key
