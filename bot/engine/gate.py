"""The last look before a merge is sent: whether somebody has frozen its base by now."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.core.effects import EnqueuePullRequest, MergePullRequest, Receipt
from bot.core.say.freezes import PassedGate
from bot.core.say.problems.github import FrozenMeanwhile
from bot.errors import BotError, TransientError, Uncertain
from bot.ports.clock import Clock
from bot.ports.store import Freezes

WAIT_SECONDS = 45.0
"""How long whoever freezes a base waits for GitHub's answer to a merge that was sent."""

Merge = MergePullRequest | EnqueuePullRequest


@dataclass(eq=False, slots=True)
class _UnderWay:
    """A merge that nothing stops any more."""

    intent: Merge
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    went_in: bool | None = None  # None: GitHub has not said


class Gate:
    """Lets no merge into a frozen base, and knows those that were through before."""

    def __init__(self, kept: Freezes, clock: Clock) -> None:
        self._kept = kept
        self._clock = clock
        self._under_way: set[_UnderWay] = set()

    @asynccontextmanager
    async def passing(self, intent: Merge) -> AsyncIterator["Passage"]:
        """Know of a merge while it is sent: its ``last_look`` is asked right before."""
        passage = Passage(self, intent)
        try:
            yield passage
        finally:
            passage.end()

    async def look(self, merge: _UnderWay) -> None:
        """Raise ``TransientError`` if the base is frozen; else the merge is under way.

        Who freezes writes that down and then asks who is under way; who merges is under
        way and then reads it: one of them sees the other.
        """
        self._under_way.add(merge)
        intent = merge.intent
        frozen = await self._kept.of(intent.repository.id)
        if freeze := frozen.get(intent.base_branch):
            self.end(merge)
            raise TransientError(FrozenMeanwhile(freeze))

    def end(self, merge: _UnderWay) -> None:
        """Take note that a merge has come to its end."""
        self._under_way.discard(merge)
        merge.ended.set()

    async def passed(self, repository_id: int, branch: str) -> Sequence[PassedGate]:
        """Return the merges that were under way when *branch* was frozen, with how they
        ended.
        """
        found = [
            one
            for one in self._under_way
            if (one.intent.repository.id, one.intent.base_branch)
            == (repository_id, branch)
        ]
        if found:
            await self._ended(found)
        return [
            PassedGate(one.intent.number, went_in=one.went_in)
            for one in found
            if isinstance(one.intent, MergePullRequest) and one.went_in is not False
        ]

    async def _ended(self, merges: Sequence[_UnderWay]) -> None:
        """Return when all have ended, or it is time to say so without that."""

        async def all_of_them() -> None:
            for one in merges:
                await one.ended.wait()

        tasks = {
            asyncio.ensure_future(all_of_them()),
            asyncio.ensure_future(self._clock.sleep(WAIT_SECONDS)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


class Passage:
    """The way of one merge through the gate."""

    def __init__(self, gate: Gate, intent: Merge) -> None:
        self._gate = gate
        self._merge = _UnderWay(intent)

    async def last_look(self) -> None:
        """Raise ``TransientError`` if the base is frozen by now."""
        await self._gate.look(self._merge)

    async def told(self, answer: Awaitable[Receipt]) -> Receipt:
        """Return what GitHub answered, and take note of it."""
        try:
            receipt = await answer
        except Uncertain:
            raise
        except BotError:
            self._merge.went_in = False
            raise
        self._merge.went_in = receipt.changed
        return receipt

    def end(self) -> None:
        """The merge has come to its end."""
        self._gate.end(self._merge)
