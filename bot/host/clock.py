"""The time of this machine."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """A ``Clock`` that goes as fast as everybody's."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for intervals."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds*."""
        await asyncio.sleep(seconds)
