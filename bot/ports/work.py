"""How an item is carried out: attempts, and who runs them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from bot.core.effects import Intent, Receipt
from bot.core.model import (
    Asker,
    AttemptId,
    BatchId,
    ItemFacts,
    ItemNumber,
    Outcome,
    PlanItem,
    Repository,
)


@dataclass(frozen=True, slots=True)
class AttemptSpec:
    """One try at one item, with all that a runner needs to know."""

    id: AttemptId
    batch_id: BatchId
    repository: Repository
    default_branch: str
    item: PlanItem
    facts: Callable[[], Awaitable[ItemFacts]]  # as when the command was accepted
    asker: Asker
    # What it builds on in its repository, by number, and the branch each pushed.
    predecessors: tuple[tuple[ItemNumber, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """Accepted by the engine before any of it reaches GitHub.

    ``data`` is a text of the runner's own, enough to publish after a restart.
    """

    data: str


Emit = Callable[[str], None]
"""Takes a progress line, in the words of the work."""


Perform = Callable[[str, Intent], Awaitable[Receipt]]
"""Carries out an effect under a key local to the attempt, exactly once."""


class Runner(Protocol):
    """A way to run an item."""

    name: str
    needs_workspace: bool
    survives_restart: bool  # whether attempts outlive the bot's process

    async def submit(self, spec: AttemptSpec) -> str:
        """Begin an attempt; return the id by which the runner knows it.

        Submitting an attempt again returns the same id and begins nothing.
        """

    async def find(self, attempt: AttemptId) -> str | None:
        """Return the id of an attempt that was submitted, or None."""

    async def watch(self, spec: AttemptSpec, emit: Emit) -> Work | Outcome:
        """Wait for the end of an attempt.

        ``Work`` still has to be published; an ``Outcome`` is the end. Raises ``Lost``.
        """

    async def publish(self, spec: AttemptSpec, work: Work, perform: Perform) -> Outcome:
        """Bring accepted work to GitHub. Called again after a crash with the same work."""

    async def cancel(self, attempt: AttemptId) -> None:
        """Stop an attempt; nothing of it runs any more when this returns."""

    async def clean(self, attempt: AttemptId) -> None:
        """Remove what an ended attempt left on this machine."""
