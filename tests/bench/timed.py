"""The bot, with the processor's time of each pass of its scheduler in a file.

``python -m tests.bench.timed FILE run``: each pass adds 8 bytes, seconds as a double.
"""

import struct
import sys
from collections.abc import Coroutine, Generator
from pathlib import Path
from time import thread_time
from typing import Any

from bot.__main__ import main
from bot.engine.scheduler import Scheduler


class Timed:
    """Awaits something, and adds up what its own steps take, without what runs while it
    waits.
    """

    def __init__(self, work: Coroutine[Any, Any, float | None]) -> None:
        self._steps = work.__await__()
        self.seconds = 0.0

    def __await__(self) -> Generator[Any, Any, float | None]:
        while True:
            began = thread_time()
            try:
                waited_for = next(self._steps)
            except StopIteration as end:
                seconds: float | None = end.value
                return seconds
            finally:
                self.seconds += thread_time() - began
            yield waited_for


def time_passes(path: Path) -> None:
    """Have every pass from now on timed."""
    one_pass = Scheduler._pass
    file = path.open("ab", buffering=0)

    async def timed(self: Scheduler) -> float | None:
        timing = Timed(one_pass(self))
        seconds = await timing
        file.write(struct.pack("d", timing.seconds))
        return seconds

    Scheduler._pass = timed  # type: ignore[method-assign]


def passes(path: Path, since: int = 0) -> list[float]:
    """Return the seconds of the passes from the *since*-th on."""
    data = path.read_bytes()[8 * since :]
    return list(struct.unpack(f"{len(data) // 8}d", data))


if __name__ == "__main__":
    time_passes(Path(sys.argv.pop(1)))
    sys.exit(main())
