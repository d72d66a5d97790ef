"""How much one query may ask for: what is too dear for GitHub is asked for in halves."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from cachetools import TTLCache

from bot.core.world.answers import MAYBE_TOO_DEAR, Answered, Failure
from bot.errors import TransientError
from bot.ports.clock import Clock

KEPT_SECONDS = 3600.0
"""How long a size that passed is not exceeded."""

REPEAT_SECONDS = 0.5
"""After how long a query that failed is sent once more before it is halved."""

T = TypeVar("T")

log = structlog.get_logger()


class Sizes:
    """The sizes of queries that passed where a larger one did not, by kind of query."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passed: TTLCache[str, int] = TTLCache(
            64, KEPT_SECONDS, timer=clock.monotonic
        )

    async def ask(
        self,
        kind: str,
        most: int,
        query: Callable[[int], Awaitable[T]],
        *,
        leaner: Callable[[TransientError], Awaitable[T]] | None = None,
    ) -> tuple[T, int]:
        """Return the answer to the largest query of at most *most* that passes, its size.

        What is too dear even alone is asked for by *leaner*, which is told why. GitHub
        may just be away: then that fails as well, and the error is that of the smallest.
        """
        size = most = max(1, min(most, self._passed.get(kind, most)))
        was_repeated = False
        while True:
            try:
                answer = await query(size)
            except TransientError as error:
                failure = _failure_of(error)
                if failure not in MAYBE_TOO_DEAR:
                    raise
                if size == 1:
                    if leaner is None:
                        raise
                    return await _in_part(leaner, error), 1
                if was_repeated or failure is Failure.TOO_DEAR:
                    size //= 2
                was_repeated = True
                log.info("query failed", kind=kind, error=str(error), next_size=size)
                await self._clock.sleep(REPEAT_SECONDS)
                continue
            if size < most:
                self._passed[kind] = size
                log.warning("queries are smaller from now on", kind=kind, size=size)
            return answer, size


async def _in_part(
    leaner: Callable[[TransientError], Awaitable[T]], error: TransientError
) -> T:
    try:
        answer = await leaner(error)
    except TransientError:
        raise error from None
    log.warning("one query alone is too dear", error=str(error))
    return answer


def _failure_of(error: TransientError) -> Failure | None:
    return error.problem.failure if isinstance(error.problem, Answered) else None
