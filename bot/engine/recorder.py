"""The one way to write down what happened: event and projection in one transaction.

Whoever shows a batch follows it here: its events are read and folded once, and from
then on its progress moves with what is recorded.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from bot.core.events import Event, ItemProgressed, News, RepositoryMoved
from bot.core.model import BatchId, Repository
from bot.core.run.progress import Progress, fold
from bot.engine.patience import RETRY_SECONDS
from bot.errors import Problem, StoreUnavailable
from bot.ports.clock import Clock
from bot.ports.store import Batches

Listener = Callable[[BatchId, Sequence[News]], None]

log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Followed:
    """A progress that moves. Until it is loaded, what is recorded waits in ``early``."""

    progress: Progress | None = None
    loaded: int = 0  # the place of the newest event that was loaded
    early: list[tuple[int | None, Sequence[News]]] = field(default_factory=list)

    def take(self, place: int | None, news: Sequence[News]) -> None:
        """Move by *news*, stored up to *place*, None if nothing of it is stored."""
        if self.progress is None:
            self.early.append((place, news))
        elif place is None or place > self.loaded:
            for one in news:
                self.progress.advance(one)


class Recorder:
    """Appends events, moves what is followed by them and tells those who listen."""

    def __init__(self, *, batches: Batches, clock: Clock) -> None:
        self._batches = batches
        self._clock = clock
        self._listeners: list[Listener] = []
        self._followed: dict[BatchId, _Followed] = {}
        self.trouble: Problem | None = None  # why nothing can be written just now

    def listen(self, listener: Listener) -> None:
        """Call *listener* after each commit."""
        self._listeners.append(listener)

    async def record_move(self, batch_id: BatchId, to: Repository) -> None:
        """Record that a batch's repository was found elsewhere."""
        await self.record({batch_id: [RepositoryMoved(self._clock.now(), to)]})

    async def record(self, news: Mapping[BatchId, Sequence[News]]) -> None:
        """Return when the events are on disk, however long the disk takes.

        Nothing that depends on them may begin before. What attempts say of themselves
        is passed on and not written.
        """
        events = {batch_id: _history(told) for batch_id, told in news.items()}
        events = {batch_id: some for batch_id, some in events.items() if some}
        places = await self._append(events) if events else {}
        for batch_id, told in news.items():
            if followed := self._followed.get(batch_id):
                followed.take(places.get(batch_id), told)
            for listener in self._listeners:
                listener(batch_id, told)

    async def follow(self, batch_id: BatchId) -> Progress:
        """Return a batch's progress, which moves until nobody follows it any more."""
        followed = self._followed.setdefault(batch_id, _Followed())
        if followed.progress is None:
            history = await self._batches.history(batch_id)
            followed.progress = fold(history.batch, history.events)
            followed.loaded = history.place
            early, followed.early = followed.early, []
            for place, news in early:
                followed.take(place, news)
        return followed.progress

    def leave(self, batch_id: BatchId) -> None:
        """Follow a batch no more."""
        self._followed.pop(batch_id, None)

    async def progress(self, batch_id: BatchId) -> Progress:
        """Return a batch's progress as of now."""
        followed = self._followed.get(batch_id)
        if followed is not None and followed.progress is not None:
            return followed.progress.copy()
        history = await self._batches.history(batch_id)
        return fold(history.batch, history.events)

    async def _append(
        self, events: Mapping[BatchId, Sequence[Event]]
    ) -> Mapping[BatchId, int]:
        while True:
            try:
                places = await self._batches.append(events)
            except StoreUnavailable as error:
                if self.trouble is None:
                    log.warning("the store does not take writes", error=str(error))
                self.trouble = error.problem
                await self._clock.sleep(RETRY_SECONDS)
                continue
            break
        if self.trouble is not None:
            log.info("the store takes writes again")
        self.trouble = None
        return places


def _history(news: Sequence[News]) -> Sequence[Event]:
    return [one for one in news if not isinstance(one, ItemProgressed)]
