"""Work that leaves room for others."""

from bot.ports.clock import Clock

SLICE_SECONDS = 0.005
"""How long a board is drawn at a time; what waits, such as a delivery, is next."""


class Slices:
    """Work that is done a little at a time, and what it took."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self.seconds = 0.0

    async def pause(self) -> None:
        """Let others go first, if this has been at it for a while."""
        if self._clock.monotonic() - self._began < SLICE_SECONDS:
            return
        self.stop()
        await self._clock.sleep(0)
        self._began = self._clock.monotonic()

    def stop(self) -> None:
        """Count what has been done."""
        self.seconds += self._clock.monotonic() - self._began
