"""What the local GitHub does later than it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bot.localhub.errors import GitHubError

Sleep = Callable[[float], Awaitable[None]]


class Jobs:
    """Work in its order, each a while after it was asked for."""

    def __init__(self) -> None:
        self.lag_seconds = 0.0
        self._queue: asyncio.Queue[Callable[[], object]] = asyncio.Queue()

    def add(self, work: Callable[[], object]) -> None:
        """Do something later. What GitHub would refuse then is left undone, silently."""
        self._queue.put_nowait(work)

    async def drain(self) -> None:
        """Return once everything asked for so far is done."""
        await self._queue.join()

    async def run(self, sleep: Sleep) -> None:
        """Work until cancelled."""
        while True:
            work = await self._queue.get()
            try:
                await sleep(self.lag_seconds)
                with suppress(GitHubError):
                    work()
            finally:
                self._queue.task_done()


class Later:
    """Work at its own time: each piece a while after it was asked for."""

    def __init__(self) -> None:
        self.sleep: Sleep | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def after(self, seconds: float, work: Callable[[], object]) -> None:
        """Do something after *seconds*; without a clock that never comes."""
        if self.sleep is None:
            return
        task = asyncio.create_task(self._do(self.sleep, seconds, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Leave undone what is not done yet."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _do(
        self, sleep: Sleep, seconds: float, work: Callable[[], object]
    ) -> None:
        await sleep(seconds)
        with suppress(GitHubError):
            work()
