"""Time, which tests own."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time. Tests own it."""

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for intervals."""

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds*."""
