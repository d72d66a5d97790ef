"""One machine of the pool: runs what the bot sends, and ends it when it is told to.

An attempt is a task of the pool under its own name. The task knows that name alone:
it asks the bot, by an event, for what it is about, and begins once the bot has sent
that. So nothing of the work stands in the scheduler, and nothing runs twice: the bot
sends it to one machine, whatever the scheduler makes of a machine that it has lost.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog
from distributed import Worker as Process
from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from bot.core.model import AttemptId
from bot.core.say.problems.server import AttemptUnknown
from bot.errors import BotError, Lost
from bot.ports.clock import Clock
from bot.ports.host import PACKED, Receiving, Shipment
from bot.workers.lines import LastLine
from bot.workers.wire import Answer, encode

NAME = "batch-bot"
"""Of the plugin on each machine, and of the topic of its events."""

ASK_SECONDS = 5.0
"""How often a task asks that has not been answered: the bot may be away."""

SMALL_BYTES = 64 * 1024

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class _Attempt:
    shipped: asyncio.Future[Shipment]
    task: asyncio.Task[Answer] | None = None
    last: LastLine = field(default_factory=LastLine)


class Member(WorkerPlugin):  # type: ignore[misc]  # distributed has no types
    """What a machine of the pool does for the bot."""

    name = NAME

    def __init__(self, receiving: Receiving, clock: Clock) -> None:
        self._receiving = receiving
        self._clock = clock
        self._attempts: dict[AttemptId, _Attempt] = {}
        self._cleaning: dict[AttemptId, asyncio.Task[None]] = {}
        self._process: Process | None = None

    def setup(self, worker: Process) -> None:
        """Take part in the pool, as that process."""
        self._process = worker

    async def teardown(self, worker: Process) -> None:
        """End all that runs: whoever leaves the pool does nothing for it any more."""
        for attempt in list(self._attempts):
            await self.remove(attempt)
        await asyncio.gather(*self._cleaning.values(), return_exceptions=True)

    def transition(self, key: object, start: str, finish: str, **kwargs: Any) -> None:
        """End what the pool wants no more: its name was given back, or taken away."""
        is_given_up = finish in ("cancelled", "released", "forgotten")
        attempt = AttemptId(str(key))
        if is_given_up and attempt in self._attempts:
            self._begin_cleaning(attempt)

    # --- the task ----------------------------------------------------------------------

    async def work(self, attempt: AttemptId) -> bytes:
        """Run an attempt to its end; return its answer as JSON.

        One that the pool begins once more runs once: its answer is the same.
        """
        if cleaning := self._cleaning.get(attempt):
            await asyncio.wait({cleaning})
        assert self._process is not None
        wanted = self._process.state.tasks.get(attempt)
        if wanted is None or wanted.state != "executing":
            return encode(Answer("stopped"))  # the pool gave it up before it got here
        running = self._attempts.get(attempt)
        if running is None:
            running = _Attempt(asyncio.get_running_loop().create_future())
            self._attempts[attempt] = running
        # A task of its own: that of the pool is not ours to cancel.
        task = running.task = running.task or asyncio.create_task(
            self._work(attempt, running), name=f"pool {attempt}"
        )
        await asyncio.wait({task})
        return encode(Answer("stopped") if task.cancelled() else task.result())

    async def _work(self, attempt: AttemptId, running: _Attempt) -> Answer:
        asking = self._beside(self._ask(attempt), f"ask {attempt}")
        try:
            shipment = await running.shipped
        finally:
            await _end(asking)
        relay = self._beside(
            running.last.relay(
                lambda line: self._tell(attempt, line=line), self._clock
            ),
            f"relay {attempt}",
        )
        try:
            parcel = await self._receiving.run(shipment, running.last.say)
        except BotError as error:
            return Answer.of(error)
        finally:
            await _end(relay)
        folder = Path(self._receiving.folder(attempt))
        contents = await asyncio.to_thread(_small, folder, parcel.files)
        return Answer("parcel", parcel, contents=contents)

    def _beside(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name)

    async def _ask(self, attempt: AttemptId) -> None:
        while True:
            self._tell(attempt, asks=self._address)
            await self._clock.sleep(ASK_SECONDS)

    @property
    def _address(self) -> str:
        assert self._process is not None
        return str(self._process.address)

    def _tell(self, attempt: AttemptId, **said: str) -> None:
        assert self._process is not None
        self._process.log_event(NAME, {"attempt": attempt, **said})

    # --- what the bot calls --------------------------------------------------------------

    async def offer(
        self, attempt: AttemptId, shipment: Shipment
    ) -> tuple[str, ...] | None:
        """Begin an attempt all of whose commits are here; else return those that are."""
        if self._waiting(attempt).shipped.done():
            return None
        torn = (
            Path(self._receiving.folder(attempt)) / PACKED
        )  # of a bot that was killed
        await asyncio.to_thread(torn.unlink, missing_ok=True)
        have = await self._receiving.have(shipment.job.repository)
        if not set(shipment.shas) <= set(have):
            return have
        await self.begin(attempt, shipment)
        return None

    async def fetch(self, attempt: AttemptId, shipment: Shipment) -> tuple[str, ...]:
        """Fetch what an attempt needs with a token for a code; return what is here."""
        self._waiting(attempt)
        return await self._receiving.fetch(shipment)

    async def take(
        self, attempt: AttemptId, name: str, offset: int, data: bytes
    ) -> None:
        """Take a piece of a file that an attempt needs."""
        self._waiting(attempt)
        path = Path(self._receiving.folder(attempt)) / name
        await asyncio.to_thread(_write, path, offset, data)

    async def begin(self, attempt: AttemptId, shipment: Shipment) -> None:
        """Begin an attempt with all that was sent for it. Twice is once."""
        running = self._waiting(attempt)
        if not running.shipped.done():
            running.shipped.set_result(shipment)

    async def give(
        self, attempt: AttemptId, name: str, offset: int, size: int
    ) -> bytes:
        """Return a piece of a file of an attempt's parcel."""
        self._waiting(attempt)
        path = Path(self._receiving.folder(attempt)) / name
        return await asyncio.to_thread(_read, path, offset, size)

    async def remove(self, attempt: AttemptId) -> None:
        """End an attempt, if it is here; nothing of it is left when this returns."""
        self._begin_cleaning(attempt)
        await asyncio.shield(self._cleaning[attempt])

    def _waiting(self, attempt: AttemptId) -> _Attempt:
        running = self._attempts.get(attempt)
        if running is None:
            raise Lost(AttemptUnknown(attempt))
        return running

    def _begin_cleaning(self, attempt: AttemptId) -> None:
        if attempt in self._cleaning:
            return
        running = self._attempts.pop(attempt, None)
        task = asyncio.create_task(
            self._clean(attempt, running), name=f"clean {attempt}"
        )
        self._cleaning[attempt] = task
        task.add_done_callback(lambda _: self._cleaning.pop(attempt, None))

    async def _clean(self, attempt: AttemptId, running: _Attempt | None) -> None:
        if running is not None and running.task is not None:
            running.task.cancel()
            await asyncio.wait({running.task})
        try:
            await self._receiving.remove(attempt)
        except Exception:  # the machine lives; its next start removes it
            log.exception("attempt left something behind", attempt=attempt)


async def work(attempt: AttemptId) -> bytes:
    """Run an attempt on whatever machine of the pool this is called: the pool's task."""
    member: Member = get_worker().plugins[NAME]
    return await member.work(attempt)


async def call(method: str, *arguments: object, dask_worker: Process) -> object:
    """Have a machine do one of the things that the bot asks of it."""
    member: Member = dask_worker.plugins[NAME]
    done: Callable[..., Coroutine[Any, Any, object]] = getattr(member, method)
    return await done(*arguments)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()  # only a fault ends it by itself


def _small(folder: Path, files: Mapping[str, int]) -> dict[str, bytes]:
    """Return the files of a parcel if they are so small that they need no way of their
    own.
    """
    if sum(files.values()) > SMALL_BYTES:
        return {}
    return {name: (folder / name).read_bytes() for name in files}


def _write(path: Path, offset: int, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        file.write(data)


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)
