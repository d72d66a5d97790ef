"""Runs the operator's commands on the machines of a dask pool.

The bot fetches from GitHub, and sends a machine what that lacks of the repository, or a
code for a token with which it fetches by itself; what comes back the bot takes in. See
``bot.workers.member`` for the other side.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError as Cancelled
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import structlog
from distributed import Future
from distributed.scheduler import KilledWorker

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId, CommandResult, Person
from bot.core.run.capacity import Room
from bot.core.say import notes
from bot.core.say.problems.server import (
    AttemptCancelled,
    AttemptUnknown,
    Breach,
    NoCommand,
    NoMachine,
    NotAsAgreed,
    WorkerGone,
)
from bot.errors import Lost, PermanentError, Problem, TransientError
from bot.ports.clock import Clock
from bot.ports.github import People
from bot.ports.host import PACKED, Shipment, Shipping
from bot.ports.work import Emit, Resource, unheard
from bot.workers.codes import Codes
from bot.workers.pool import Pool, takes
from bot.workers.wire import Answer, decode, without_moves

PIECE_BYTES = 4 * 1024**2
"""How much of a file goes at once: all of it passes through the scheduler's memory."""

PIECE_SECONDS = 120.0

FETCH_SECONDS = 960.0
"""How long a machine may take to fetch a repository: as long as git may, and a little."""

STOP_SECONDS = 8.0
"""How long a machine has to end a command; what does not answer has lost it anyway."""

AGAIN_SECONDS = 2.0
"""How soon the pool is asked again that did not answer."""

WATCH_SECONDS = 5.0
"""How often the scheduler is asked which machines there are."""

_SHA = re.compile(r"[0-9a-f]{40}")

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class _Attempt:
    """What this process knows of an attempt."""

    emit: Emit = unheard
    shipment: Shipment | None = None
    future: Future | None = None
    machine: str = ""  # that asks for it, or has it
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    is_begun: bool = False  # by this process
    is_over: bool = False

    def hear(self, said: Mapping[str, Any]) -> None:
        """Take what its machine says."""
        if machine := said.get("asks"):
            self.machine = str(machine)
            self.asked.set()
        if line := said.get("line"):
            self.emit(str(line))


class DaskWorker:
    """The pool. *commands* are the operator's, each with what it needs of a machine.

    With *codes* its machines fetch from GitHub themselves, as far as they can.
    """

    name = "dask"
    outlives_the_bot = True
    takes: frozenset[Resource] = frozenset()

    def __init__(
        self,
        *,
        pool: Pool,
        shipping: Shipping,
        people: People,
        clock: Clock,
        commands: Mapping[str, Mapping[str, float]],
        codes: Codes | None = None,
    ) -> None:
        self._pool = pool
        self._shipping = shipping
        self._people = people
        self._clock = clock
        self._commands = commands
        self._codes = codes
        self._attempts: dict[AttemptId, _Attempt] = {}
        self._untold: set[AttemptId] = set()  # stopped, and the pool was away
        self._starting: WeakValueDictionary[AttemptId, asyncio.Lock] = (
            WeakValueDictionary()
        )
        pool.hear = self._hear

    def why_not(self, command: str) -> Problem | None:
        """Return why it cannot run a command; None if it can."""
        if command not in self._commands:
            return NoCommand(command)
        room = self.room()
        # One that is empty, or away, may have any machine once it is back.
        if room is None or not room.machines or room.fits(command):
            return None
        return NoMachine(command, self._commands[command])

    def room(self) -> Room | None:
        """Return what the machines have that there were last, None while nobody knows."""
        found = self._pool.known
        if found is None:
            return None
        machines = [dict(one.resources) for one in found if one.slots]
        return Room(machines, {name: self._takes(name) for name in self._commands})

    async def watch(self, changed: Callable[[], None]) -> None:
        """Look for ever which machines there are; say when they are others."""
        while True:
            before = self._pool.known
            with suppress(TransientError):  # whoever asks then waits for it
                await self._pool.machines()
            if self._pool.known != before:
                changed()
            for attempt in list(self._untold) if self._pool.known is not None else ():
                async with self._locked(attempt):
                    await self._stop_untold(attempt)
            await self._clock.sleep(WATCH_SECONDS)

    def _takes(self, command: str) -> Mapping[str, float]:
        return takes(command, self._commands[command])

    async def start(self, job: CommandJob, emit: Emit = unheard) -> str:
        """Return once a machine has begun; starting again begins nothing.

        The time in which all machines are taken is none of the command's. Raises what
        ``Shipping.prepare`` raises, and ``TransientError`` while the pool is away.
        """
        async with self._locked(job.attempt):
            return await self._started(job, emit)

    def _locked(self, attempt: AttemptId) -> asyncio.Lock:
        return self._starting.setdefault(attempt, asyncio.Lock())

    async def _stop_untold(self, attempt: AttemptId) -> None:
        """Stop what was stopped while the pool was away."""
        if attempt in self._untold:
            await self.stop(attempt)

    async def _started(self, job: CommandJob, emit: Emit) -> str:
        known = self._attempts.get(job.attempt)
        if known is not None and known.is_begun:
            return job.attempt
        await self._stop_untold(job.attempt)
        emit(notes.getting_repository())
        shipment = await self._prepared(job)
        known = self._attempts[job.attempt] = _Attempt(emit, shipment)
        while True:
            known.asked.clear()
            takes = self._takes(job.command)
            known.future = await self._pool.submit(job.attempt, takes)
            emit(notes.waits_for_machine())
            if await self._is_begun(known, known.future, shipment):
                return job.attempt
            # Its machine was lost, or the scheduler, before anything began.
            known.future.release()
            await self._pool.forget(job.attempt)
            await self._clock.sleep(AGAIN_SECONDS)

    async def find(self, attempt: AttemptId) -> str | None:
        """Return the id of an attempt that has begun and is still known.

        One that still waited for a machine went with the process that asked for it.
        """
        try:
            return attempt if await self._pool.find(attempt) else None
        except TransientError as error:
            # It may run there: whoever waits for its result finds out.
            log.warning("the pool is away", attempt=attempt, error=str(error))
            return attempt

    async def result(
        self, external_id: str, job: CommandJob, emit: Emit
    ) -> CommandResult:
        """Wait for the end of an attempt, and take in what it made.

        Raises ``Lost`` if its machine, or the scheduler, has lost it.
        """
        known = self._attempts.setdefault(job.attempt, _Attempt())
        known.emit = emit
        ended = await self._ended(job, known)
        known.is_over = True
        answer = decode(ended)
        if answer.kind == "stopped":
            raise Lost(AttemptCancelled(job.attempt))
        if answer.parcel is None:
            raise answer.error()
        await self._fetch(job.attempt, known.machine, answer)
        author = await self._people.bot(job.repository)
        co_author = await self._co_author(job)
        result = await self._shipping.take_in(
            job, answer.parcel, author=author, co_author=co_author
        )
        return without_moves(result)

    async def stop(self, attempt: AttemptId) -> None:
        """Stop an attempt; nothing of it runs any more when this returns.

        A machine that does not answer ends it as soon as it can: it has lost its place.
        """
        known = self._attempts.pop(attempt, None)
        try:
            if known is None:
                found = await self._pool.find(attempt)
                known = _Attempt(machine=found[1] if found else "")
            # Of what is over nothing runs: its machine deletes it once it is forgotten.
            if known.machine and not known.is_over:
                await self._end(known.machine, attempt)
            if known.future is not None:
                known.future.release()
            await self._pool.forget(attempt)
            self._untold.discard(attempt)
        except TransientError as error:
            self._untold.add(attempt)
            log.warning("the pool was not told", attempt=attempt, error=str(error))

    async def _end(self, machine: str, attempt: AttemptId) -> None:
        try:
            await self._pool.call(machine, "remove", attempt, seconds=STOP_SECONDS)
        except TransientError as error:
            log.warning("a machine is lost", attempt=attempt, error=str(error))

    async def clean(self, attempt: AttemptId) -> None:
        """Remove what is left of an attempt here, in the pool and on its machine."""
        await self.stop(attempt)
        await self._shipping.remove(attempt)

    # --- beginning -----------------------------------------------------------------------

    async def _is_begun(
        self, known: _Attempt, future: Future, shipment: Shipment
    ) -> bool:
        """Send an attempt to the machine that asks for it; return False if none did."""
        attempt = shipment.job.attempt
        over = asyncio.ensure_future(_over(future))
        try:
            if not await _asks(known, over):
                return False
            await self._pool.keep(attempt, future, known.machine)
            await _unless_lost(over, self._send(known, shipment))
        except TransientError as error:
            log.warning("a machine was lost", attempt=attempt, error=str(error))
            await self.stop(attempt)
            self._attempts[attempt] = known
            return False
        finally:
            over.cancel()
        known.is_begun = True
        return True

    async def _send(self, known: _Attempt, shipment: Shipment) -> None:
        """Have a machine begin, with what it lacks; once it has, nothing is sent."""
        attempt, machine = shipment.job.attempt, known.machine
        have = await self._pool.call(machine, "offer", attempt, shipment)
        if have is None:
            return
        known.emit(notes.getting_repository())
        if self._codes is not None:
            code = self._codes.issue(shipment.job.repository, attempt)
            have = await self._pool.call(
                *(machine, "fetch", attempt, replace(shipment, code=code)),
                seconds=FETCH_SECONDS,
            )
        path = await self._shipping.pack(shipment, _shas(have))
        if path is not None:
            offset = 0
            with await asyncio.to_thread(Path(path).open, "rb") as file:
                while data := await asyncio.to_thread(file.read, PIECE_BYTES):
                    await self._pool.call(
                        *(machine, "take", attempt, PACKED, offset, data),
                        seconds=PIECE_SECONDS,
                    )
                    offset += len(data)
            await asyncio.to_thread(Path(path).unlink)
        await self._pool.call(machine, "begin", attempt, shipment)

    async def _prepared(self, job: CommandJob) -> Shipment:
        author = await self._people.bot(job.repository)
        co_author = await self._co_author(job)
        return await self._shipping.prepare(job, author=author, co_author=co_author)

    async def _co_author(self, job: CommandJob) -> Person | None:
        if not job.asked_by or job.pull is not None:
            return None
        return await self._people.person(job.repository, job.asked_by)

    # --- ending --------------------------------------------------------------------------

    async def _ended(self, job: CommandJob, known: _Attempt) -> object:
        """Return the answer of an attempt, over whatever losses of the connection."""
        attempt = job.attempt
        while True:
            try:
                if known.future is None:
                    known.future, known.machine = await self._found(attempt)
                return await self._answer(job, known, known.future)
            except Lost:
                raise
            except KilledWorker as error:
                machine = getattr(error.last_worker, "name", "")
                raise Lost(WorkerGone(str(machine))) from error
            except (TransientError, Cancelled) as error:
                # The connection is gone, the attempt perhaps not.
                log.warning("the pool is away", attempt=attempt, error=str(error))
                if attempt not in self._attempts:
                    raise Lost(AttemptCancelled(attempt)) from error
                known.future = None
                known.emit(notes.pool_away())
                await self._clock.sleep(AGAIN_SECONDS)

    async def _found(self, attempt: AttemptId) -> tuple[Future, str]:
        found = await self._pool.find(attempt)
        if found is None:
            raise Lost(AttemptUnknown(attempt))
        return found

    async def _answer(self, job: CommandJob, known: _Attempt, future: Future) -> object:
        over = asyncio.ensure_future(_outcome(future))
        try:
            while await _asks(known, over):
                # The bot ended when it had kept the attempt, and before that was sent.
                known.shipment = known.shipment or await self._prepared(job)
                await self._send(known, known.shipment)
            return await over
        finally:
            over.cancel()

    async def _fetch(self, attempt: AttemptId, machine: str, answer: Answer) -> None:
        """Fetch the files of a parcel, which are as large as it says and no larger."""
        assert answer.parcel is not None
        folder = Path(self._shipping.folder(attempt))
        await asyncio.to_thread(_write, folder, answer.contents)
        try:
            for name, size in answer.parcel.files.items():
                if name in answer.contents:
                    continue
                with await asyncio.to_thread((folder / name).open, "wb") as file:
                    left = size
                    while left:
                        most = min(left, PIECE_BYTES)
                        data = await self._pool.call(
                            *(machine, "give", attempt, name, size - left, most),
                            seconds=PIECE_SECONDS,
                        )
                        if not isinstance(data, bytes) or not 0 < len(data) <= most:
                            raise PermanentError(NotAsAgreed(Breach.PIECES))
                        await asyncio.to_thread(file.write, data)
                        left -= len(data)
        except TransientError as error:
            raise Lost(WorkerGone()) from error

    def _hear(self, said: Mapping[str, Any]) -> None:
        known = self._attempts.get(AttemptId(str(said.get("attempt", ""))))
        if known is not None:
            known.hear(said)


def _shas(said: object) -> list[str]:
    """Return the commits that a machine has. Raises ``PermanentError`` for nonsense."""
    if not isinstance(said, tuple) or not all(isinstance(sha, str) for sha in said):
        raise PermanentError(NotAsAgreed(Breach.UNREADABLE))
    return [sha for sha in said if _SHA.fullmatch(sha)]


def _write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Have a folder, with these files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


async def _asks(known: _Attempt, over: asyncio.Future[Any]) -> bool:
    """Return whether the machine of an attempt asks for it before that is *over*."""
    asked = asyncio.ensure_future(known.asked.wait())
    try:
        await asyncio.wait({over, asked}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
    known.asked.clear()
    return not over.done()


async def _unless_lost(
    over: asyncio.Future[bool], work: Coroutine[Any, Any, None]
) -> None:
    """Do something for an attempt. Raises ``TransientError`` if that is lost meanwhile."""
    working = asyncio.ensure_future(work)
    try:
        both: set[asyncio.Future[Any]] = {working, over}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not working.done() and not over.result():
            raise TransientError(WorkerGone())
        await working
    finally:
        working.cancel()
        await asyncio.wait({working})


async def _outcome(future: Future) -> object:
    return await future


async def _over(future: Future) -> bool:
    """Return whether a future has a result, once nothing more becomes of it."""
    with suppress(Exception, Cancelled):
        await future
        return True
    return False
