"""Waits for the disk and for GitHub: what has to be done is done once it can be."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bot.core.run.retry import delay_seconds
from bot.errors import (
    RateLimited,
    StoreUnavailable,
    TransientError,
    Unauthorized,
)
from bot.ports.clock import Clock

PATIENT_TRIES = 24
"""How often an effect, or the start of a command, is tried before the item fails for
want of GitHub: some two hours."""

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


async def leave_alone(
    clock: Clock, tries: int, error: TransientError, *, fraction: float
) -> None:
    """Leave GitHub alone for as long as it wants, or as the tries suggest."""
    after = error.retry_after_seconds
    if isinstance(error, RateLimited):
        await clock.sleep(after or 60.0)
    else:
        await clock.sleep(delay_seconds(tries, fraction, after))


def is_tried(error: TransientError) -> bool:
    """Return whether a try was made, which GitHub let nobody make otherwise."""
    return not isinstance(error, RateLimited | Unauthorized)
