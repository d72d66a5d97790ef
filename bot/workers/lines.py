"""What a command prints, passed on while it runs."""

import asyncio
from dataclasses import dataclass, field

from bot.ports.clock import Clock
from bot.ports.work import Emit

PROGRESS_SECONDS = 2.0
"""The least time between two progress lines that are passed on."""


@dataclass(eq=False, slots=True)
class LastLine:
    """The last line that a command has printed."""

    _line: str = ""
    _printed: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, line: str) -> None:
        """Take note of a line; one that nobody has looked at yet is forgotten."""
        self._line = line
        self._printed.set()

    async def relay(self, emit: Emit, clock: Clock) -> None:
        """Pass on what is new, at a bearable pace, until cancelled."""
        shown = ""
        while True:
            await self._printed.wait()
            self._printed.clear()
            if self._line != shown:
                shown = self._line
                emit(shown)
                await clock.sleep(PROGRESS_SECONDS)
