"""The one way to write down what happened: event and projection in one transaction."""

from collections.abc import Callable, Mapping, Sequence

import structlog

from bot.core.events import Event
from bot.core.model import BatchId
from bot.engine.patience import RETRY_SECONDS
from bot.errors import StoreUnavailable
from bot.ports.clock import Clock
from bot.ports.store import Batches

Listener = Callable[[BatchId, Sequence[Event]], None]

log = structlog.get_logger()


class Recorder:
    """Appends events and tells those who show them."""

    def __init__(self, *, batches: Batches, clock: Clock) -> None:
        self._batches = batches
        self._clock = clock
        self._listeners: list[Listener] = []
        self.trouble = ""  # why nothing can be written just now; empty if all is well

    def listen(self, listener: Listener) -> None:
        """Call *listener* after each commit."""
        self._listeners.append(listener)

    async def record(self, events: Mapping[BatchId, Sequence[Event]]) -> None:
        """Return when the events are on disk, however long the disk takes.

        Nothing that depends on them may begin before.
        """
        while True:
            try:
                await self._batches.append(events)
            except StoreUnavailable as error:
                if not self.trouble:
                    log.warning("the store does not take writes", error=str(error))
                self.trouble = str(error)
                await self._clock.sleep(RETRY_SECONDS)
                continue
            break
        if self.trouble:
            log.info("the store takes writes again")
        self.trouble = ""
        for batch_id, happened in events.items():
            for listener in self._listeners:
                listener(batch_id, happened)
