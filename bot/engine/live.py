"""The working state of live batches, and the mailbox through which alone it changes."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from bot.core import events as e
from bot.core.actions.step import Predecessor
from bot.core.model import Batch, BatchId, InstallationId, ItemId, Outcome
from bot.core.run.schedule import Schedule

Taken = tuple[str, str]
"""A worker, and the command that takes a place there."""


def _nobody_counts() -> None:
    """Count nothing: the batch is not among the live ones yet."""


@dataclass(slots=True, eq=False)
class Live:
    """A batch that the scheduler has to do with."""

    schedule: Schedule
    tasks: dict[ItemId, asyncio.Task[None]] = field(default_factory=dict)
    # item → by whom it is stopped, or how it ends because somebody else did it or took
    # it away
    stopping: dict[ItemId, str | Outcome] = field(default_factory=dict)
    branches: dict[ItemId, str] = field(default_factory=dict)  # that items pushed
    budget_until: datetime | None = None  # as recorded, while it waits for requests
    place: int = 0  # in the order of adoption
    filed_under: InstallationId | None = None  # see ``Agenda``, as the next two
    taken: Counter[Taken] = field(default_factory=Counter)
    recount: Callable[[], None] = _nobody_counts
    _places_of: Batch | None = None
    _places: frozenset[int] = frozenset()  # ids of repositories, of that batch

    @property
    def batch(self) -> Batch:
        """The batch, with its repository's present name."""
        return self.schedule.batch

    def is_in(self, repository_id: int) -> bool:
        """Return whether a repository is its home, or that of an item."""
        if self._places_of is not self.batch:
            self._places_of = self.batch
            self._places = frozenset(one.id for one in self.batch.repositories)
        return repository_id in self._places

    def is_current(self, item: ItemId, attempt: int) -> bool:
        """Whether an attempt is the one that the item's state is about."""
        return self.schedule.running.get(item) == attempt

    def change(self, item: ItemId) -> None:
        """Note that it is too late to stop a running item, until ``work``."""
        self.schedule.change(item)
        self.recount()

    def work(self, item: ItemId) -> None:
        """Note that a running item can be stopped."""
        self.schedule.work(item)
        self.recount()

    def is_unwanted(self, item: ItemId) -> bool:
        """Whether a running item is to be stopped, though it may not know yet."""
        is_over = self.schedule.cause is not None
        return is_over or item in self.stopping or item in self.schedule.stopping

    def pushed_predecessors(self, item: ItemId) -> tuple[Predecessor, ...]:
        """Return the predecessors of an item, in its repository, that pushed a branch."""
        earlier = tuple(
            Predecessor(number, branch)
            for successor, number, branch in self.batch.builds_on
            if successor == item
        )
        if not self.branches:
            return earlier
        repository = self.schedule.planned(item).repository
        before = map(self.schedule.planned, self.schedule.predecessors_of(item))
        now = tuple(
            Predecessor(one.number, self.branches[one.id])
            for one in before
            if one.id in self.branches and one.repository.id == repository.id
        )
        return (*earlier, *now)


@dataclass(slots=True, eq=False)
class Pass:
    """What one pass is about to record and to do afterwards."""

    now: datetime
    events: dict[BatchId, list[e.News]] = field(default_factory=dict)
    afterwards: list[Callable[[], object]] = field(default_factory=list)
    touched: dict[BatchId, Live] = field(default_factory=dict)

    def touch(self, live: Live) -> None:
        """Have it looked at what may begin now, or is over, in a batch."""
        self.touched[live.batch.id] = live

    def happen(self, live: Live, event: e.Event) -> None:
        """Apply an event, and have it recorded."""
        live.schedule.apply(event)
        self.note(live, event)

    def note(self, live: Live, event: e.News) -> None:
        """Have an event recorded that is applied already."""
        self.touch(live)
        self.events.setdefault(live.batch.id, []).append(event)

    def follow_up(self, live: Live) -> None:
        """Have recorded what follows from the batch's state."""
        self.touch(live)
        for event in live.schedule.follow_up(self.now):
            self.note(live, event)


Message = Callable[[Pass], None]


class Mailbox:
    """What the next pass of the scheduler takes. Nothing else changes any state."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.wake = asyncio.Event()

    def put(self, message: Message) -> None:
        """Have *message* taken by the next pass."""
        self.messages.append(message)
        self.wake.set()

    async def post(self, message: Message) -> None:
        """Return when the pass that took *message* is on disk."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take(step: Pass) -> None:
            message(step)
            step.afterwards.append(partial(_resolve, done))

        self.put(take)
        await done

    def take(self) -> list[Message]:
        """Return what is there, and leave it empty."""
        messages, self.messages = self.messages, []
        return messages


def _resolve(waiting: "asyncio.Future[None]") -> None:
    if not waiting.done():
        waiting.set_result(None)


def ending_of(
    at: datetime,
    item: ItemId,
    attempt: int,
    ending: str | Outcome,
    requests: int = 0,
    *,
    kept: str = "",
) -> e.Event:
    """Return what happened to an item that was stopped: see ``Live.stopping``."""
    if isinstance(ending, Outcome):
        return e.ItemEnded(at, item, attempt, ending, requests)
    return e.ItemCancelled(at, item, ending, kept=kept, requests=requests)
