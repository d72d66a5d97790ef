"""The bot, with the processor's time of each pass of its scheduler in a file.

``python -m tests.bench.timed FILE run``: each pass adds 8 bytes, seconds as a double.
"""

import struct
import sys
from pathlib import Path
from time import thread_time

from bot.__main__ import main
from bot.engine.scheduler import Scheduler


def time_passes(path: Path) -> None:
    """Have every pass from now on timed."""
    one_pass = Scheduler._pass
    file = path.open("ab", buffering=0)

    async def timed(self: Scheduler) -> float | None:
        began = thread_time()
        try:
            return await one_pass(self)
        finally:
            file.write(struct.pack("d", thread_time() - began))

    Scheduler._pass = timed  # type: ignore[method-assign]


def passes(path: Path, since: int = 0) -> list[float]:
    """Return the seconds of the passes from the *since*-th on."""
    data = path.read_bytes()[8 * since :]
    return list(struct.unpack(f"{len(data) // 8}d", data))


if __name__ == "__main__":
    time_passes(Path(sys.argv.pop(1)))
    sys.exit(main())
