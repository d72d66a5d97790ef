"""Waits for the disk: what has to be written is written once it can be."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bot.errors import StoreUnavailable
from bot.ports.clock import Clock

RETRY_SECONDS = 1.0
"""How often the store is tried again while the disk is busy, full or failing."""

T = TypeVar("T")

log = structlog.get_logger()


async def when_stored(clock: Clock, ask: Callable[[], Awaitable[T]]) -> T:
    """Return what *ask* returns, however long the store takes to be available."""
    while True:
        try:
            return await ask()
        except StoreUnavailable as error:
            log.warning("waiting for the store", error=str(error))
            await clock.sleep(RETRY_SECONDS)
