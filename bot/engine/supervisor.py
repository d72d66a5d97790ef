"""Owns every background task: names it, logs its end, and ends all in order."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class Supervisor:
    """Background tasks, each with a name. The owner awaits ``close``."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failed = asyncio.Event()  # a task that must live has died

    def start(
        self, name: str, work: Coroutine[Any, Any, Any], *, is_vital: bool = False
    ) -> asyncio.Task[Any]:
        """Run *work* in the background. A vital task that dies sets ``failed``."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(done, is_vital=is_vital))
        return task

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any], *, is_vital: bool) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("task died", task=task.get_name(), exc_info=error)
        if is_vital:
            self.failed.set()
