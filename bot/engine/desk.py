"""What one attempt asks of the scheduler, answered: parked, changing, accepted, held."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

from bot.core import events as e
from bot.core.actions.step import Await
from bot.core.model import (
    AttemptId,
    BatchState,
    CommandResult,
    ItemId,
    Outcome,
    Repository,
)
from bot.core.say import notes
from bot.engine.live import Live, Mailbox, Pass

Look = Callable[[Live, ItemId], Awaitable[Outcome | None]]
"""Returns how an item ended in somebody else's hands, if it did."""

AskRole = Callable[[Live, ItemId], Awaitable[None]]
"""Raises ``BatchOver`` if whoever started a batch may not do so any more."""


@dataclass(slots=True, eq=False)
class _Turns:
    """Who holds a name, and who waits for it, longest first."""

    holder: object
    waiting: deque["asyncio.Future[None]"] = field(default_factory=deque)


class Holds:
    """Names that one attempt at a time has, across batches."""

    def __init__(self) -> None:
        self._turns: dict[str, _Turns] = {}

    def is_free(self, name: str, holder: object) -> bool:
        """Whether *holder* has the name, or nobody has it."""
        turns = self._turns.get(name)
        return turns is None or turns.holder is holder

    async def take(self, name: str, holder: object) -> None:
        """Return when *holder* has the name."""
        turns = self._turns.get(name)
        if turns is None:
            self._turns[name] = _Turns(holder)
            return
        if turns.holder is holder:
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        turns.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                turns.holder = holder  # its turn came in the moment it was stopped
                self.give(name, holder)
            raise
        turns.holder = holder

    def give(self, name: str, holder: object) -> None:
        """Let the next one have the name, if *holder* has it."""
        turns = self._turns.get(name)
        if turns is None or turns.holder is not holder:
            return
        while turns.waiting:
            turn = turns.waiting.popleft()
            if not turn.done():
                turns.holder = turn  # until who waited for it goes on
                turn.set_result(None)
                return
        del self._turns[name]


@dataclass(eq=False, slots=True)
class AttemptDesk:
    """What one attempt asks of the scheduler: see ``bot.engine.steps.Desk``."""

    mailbox: Mailbox
    holds: Holds
    look: Look
    ask_role: AskRole
    live: Live
    item: ItemId
    attempt: int
    name: AttemptId
    held: str = ""
    kept: str = ""  # what stays of a cancelled attempt
    has_changed: bool = False  # since it began, or was parked
    is_asking: bool = True  # whether it minds that the item is unwanted

    def repository(self) -> Repository:
        """Return the item's repository as it is now."""
        return self.live.schedule.planned(self.item).repository

    async def overtaken(self) -> Outcome | None:
        """Return how the item ended in somebody else's hands, if it did."""
        return await self.look(self.live, self.item)

    async def allowed(self) -> None:
        """Raise ``BatchOver`` if whoever started the batch may not do so any more."""
        await self.ask_role(self.live, self.item)

    async def accept(self, result: CommandResult) -> bool:
        """Accept a result if its attempt is still the item's present one."""
        live, item = self.live, self.item
        accepted: list[bool] = []

        def accept(step: Pass) -> None:
            is_current = live.is_current(item, self.attempt)
            accepted.append(is_current and not live.is_unwanted(item))
            if accepted[0]:
                event = e.ItemAccepted(step.now, item, self.attempt, result)
                step.happen(live, event)

        await self.mailbox.post(accept)
        return accepted[0]

    def say(self, line: str) -> None:
        """Show what the attempt is doing."""

        def progress(step: Pass) -> None:
            if self.live.is_current(self.item, self.attempt):
                event = e.ItemProgressed(step.now, self.item, self.attempt, line)
                step.note(self.live, event)

        self.mailbox.put(progress)

    @asynccontextmanager
    async def waiting(self, wait: Await) -> AsyncIterator[None]:
        """Park the attempt: its slot is free inside."""
        await self._park(wait)
        schedule = self.live.schedule
        is_over = schedule.state is BatchState.CANCELLING and bool(schedule.by)
        if self.is_asking and wait.named and is_over:
            # Its batch was cancelled while it was too late to stop it.
            self.live.stopping.setdefault(self.item, schedule.by)
            raise asyncio.CancelledError
        yield
        await self._unpark()

    async def wait_as(self, wait: Await) -> None:
        """Show a wait that goes on in other words."""
        await self._park(wait)

    @asynccontextmanager
    async def changing(self, *, is_begun: bool) -> AsyncIterator[None]:
        """It is too late to stop inside, and once it is done."""
        if self.is_asking and self.live.is_unwanted(self.item):
            # That is being written down just now.
            by = self.live.schedule.stopping.get(self.item, "")
            self.live.stopping.setdefault(self.item, by)
            raise asyncio.CancelledError
        self.has_changed |= is_begun
        self.live.change(self.item)
        try:
            yield
        except BaseException:
            if not self.has_changed:
                self.live.work(self.item)
            raise
        self.has_changed = True

    @property
    def _is_current(self) -> bool:
        return self.is_asking and self.live.is_current(self.item, self.attempt)

    async def hold(self, name: str) -> bool:
        """Have *name* instead of what is held; wait parked until it is free."""
        if name == self.held:
            return False
        self.let_go()
        if not name:
            return False
        is_free = self.holds.is_free(name, self)
        if not is_free:
            says = notes.its_turn(name)
            await self._parked(partial(e.ItemParked, says=says, is_in_line=True))
        await self.holds.take(name, self)
        self.held = name
        if not is_free:
            await self._unpark()
        return not is_free

    def let_go(self) -> None:
        """Give back what is held, at the end of the attempt."""
        self.holds.give(self.held, self)
        self.held = ""

    async def _park(self, wait: Await) -> None:
        park = partial(e.ItemParked, says=wait.says, holds=wait.holds, url=wait.url)
        await self._parked(park)

    async def _parked(self, parked: Callable[..., e.ItemParked]) -> None:
        def park(step: Pass) -> None:
            event = parked(step.now, self.item, self.attempt)
            before = self.live.schedule.parked.get(self.item)
            is_parked = before is not None and replace(before, at=event.at) == event
            if self._is_current and not is_parked:
                step.happen(self.live, event)

        await self.mailbox.post(park)
        self.has_changed = False

    async def _unpark(self) -> None:
        def unpark(step: Pass) -> None:
            if self._is_current:
                event = e.ItemUnparked(step.now, self.item, self.attempt)
                step.happen(self.live, event)

        await self.mailbox.post(unpark)
