"""One SQLite file: a writer thread that commits in groups, and a reader thread."""

import asyncio
import itertools
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bot.core.say.problems.server import DatabaseClosed, DatabaseFails
from bot.errors import StoreUnavailable

A = TypeVar("A")
R = TypeVar("R")

Operation = Callable[[sqlite3.Connection, Sequence[A]], Sequence[R]]
"""Writes for all the arguments inside an open transaction; one result for each.

It may be run again after a roll-back, so it does nothing but write.
"""

BUSY_SECONDS = 5.0
"""How long a statement waits for another process, such as ``sqlite3`` at a prompt."""

_GROUP_SIZE = 500
_ROWS_PER_STATEMENT = 200
_HELD_BYTES = 65_536
_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


def connect(path: Path, *, is_read_only: bool = False) -> sqlite3.Connection:
    """Return a connection in which nothing is committed but by COMMIT."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'ro' if is_read_only else 'rw'}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        cached_statements=512,
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or nothing of it.

    The write lock is taken at once: a transaction that starts by reading cannot wait
    for it later and fails with "database is locked".
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def insert(
    connection: sqlite3.Connection, into: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert *rows* into *into*, such as ``t (a, b)``.

    Many rows go into one statement, because each statement gives up the interpreter
    lock and a busy event loop takes up to 5 ms to hand it back. A statement holds what it
    was given until it is given something else, and Python keeps a hundred of them: after
    large values it is run once more, with nothing.
    """
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        some = rows[start : start + _ROWS_PER_STATEMENT]
        values = tuple(itertools.chain.from_iterable(some))
        sql = f"""
            INSERT INTO {into}
            SELECT * FROM (VALUES {marks(len(some), len(some[0]))}) WHERE ?
        """  # noqa: S608 - of constants and question marks
        connection.execute(sql, (*values, True))
        if _bytes_of(values) > _HELD_BYTES:
            connection.execute(sql, (*(None for _ in values), False))


def _bytes_of(values: Iterable[Any]) -> int:
    return sum(len(v) for v in values if isinstance(v, str | bytes | bytearray))


def marks(rows: int, columns: int) -> str:
    """Return ``(?, ?), (?, ?)`` for the shape."""
    return ", ".join(["(" + ", ".join("?" * columns) + ")"] * rows)


@dataclass(slots=True)
class _Job:
    operation: Operation[Any, Any]
    argument: Any
    result: asyncio.Future[Any]


class Connections:
    """The threads that alone touch the file. Use it in the event loop that made it.

    Writes that are asked for while a commit runs share the next one. An operation
    that fails fails alone: the others of its group are committed without it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Job] = []
        self._groups: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._is_closed = False
        self._writing: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._writer = threading.Thread(
            target=self._write_groups, name="store-writer", daemon=True
        )
        self._writer.start()

    def write(self, operation: Operation[A, R], argument: A) -> asyncio.Future[R]:
        """Return a future that is done once the operation is on disk.

        Cancelling it takes nothing back. Raises ``StoreUnavailable``, and what the
        operation raises.
        """
        self._refuse_if_closed()
        result: asyncio.Future[R] = self._loop.create_future()
        if not self._waiting:
            # What is asked for in one turn of the loop wakes the writer once.
            self._loop.call_soon(self._hand_over)
        self._waiting.append(_Job(operation, argument, result))
        return result

    async def read(self, query: Callable[[sqlite3.Connection], R]) -> R:
        """Return what *query* finds, all writes acknowledged so far included."""
        self._refuse_if_closed()
        return await self._loop.run_in_executor(self._reader, self._read, query)

    async def read_apart(self, query: Callable[[sqlite3.Connection], R]) -> R:
        """Return what *query* finds that takes long, by a thread and with a connection of
        its own: nobody else waits for it.
        """
        self._refuse_if_closed()
        return await asyncio.to_thread(self._read_apart, query)

    async def close(self) -> None:
        """Commit what was asked for, then let go of the file."""
        self._is_closed = True
        self._hand_over()
        self._groups.put(None)
        await asyncio.to_thread(self._writer.join)
        await self._loop.run_in_executor(self._reader, self._forget_reading)
        self._reader.shutdown()

    def _hand_over(self) -> None:
        if self._waiting:
            self._groups.put(self._waiting)
            self._waiting = []

    def _refuse_if_closed(self) -> None:
        if self._is_closed:
            raise StoreUnavailable(DatabaseClosed())

    def _read(self, query: Callable[[sqlite3.Connection], R]) -> R:
        try:
            self._reading = self._reading or connect(self.path, is_read_only=True)
            return query(self._reading)
        except sqlite3.Error as error:
            self._forget_reading()
            raise _translated(error) from error

    def _read_apart(self, query: Callable[[sqlite3.Connection], R]) -> R:
        try:
            with closing(connect(self.path, is_read_only=True)) as connection:
                return query(connection)
        except sqlite3.Error as error:
            raise _translated(error) from error

    def _forget_reading(self) -> None:
        if self._reading:
            self._reading.close()
        self._reading = None

    def _write_groups(self) -> None:
        is_last = False
        while not is_last:
            jobs, is_last = self._next_group()
            outcomes = self._outcomes(jobs)
            self._loop.call_soon_threadsafe(_resolve, jobs, outcomes)
        self._forget_writing()

    def _next_group(self) -> tuple[list[_Job], bool]:
        jobs: list[_Job] = []
        while len(jobs) < _GROUP_SIZE:
            try:
                more = self._groups.get(block=not jobs)
            except queue.Empty:
                break
            if more is None:
                return jobs, True
            jobs += more
        return jobs, False

    def _outcomes(self, jobs: Sequence[_Job]) -> list[Any]:
        """Return a result or an exception for each of *jobs*."""
        try:
            return self._commit(jobs)
        except sqlite3.Error as error:
            if isinstance(_translated(error), StoreUnavailable):
                self._forget_writing()  # a fresh connection recovers with the disk
                return [_translated(error) for _ in jobs]
            return self._outcomes_apart(jobs, error)
        except Exception as error:  # noqa: BLE001 - it is raised where the write is awaited
            return self._outcomes_apart(jobs, error)

    def _outcomes_apart(self, jobs: Sequence[_Job], error: Exception) -> list[Any]:
        if len(jobs) == 1:
            return [error]
        return [outcome for job in jobs for outcome in self._outcomes([job])]

    def _commit(self, jobs: Sequence[_Job]) -> list[Any]:
        results: list[Any] = []
        if jobs:
            self._writing = self._writing or connect(self.path)
            with transaction(self._writing):
                for operation, same in itertools.groupby(jobs, lambda j: j.operation):
                    arguments = [job.argument for job in same]
                    results += operation(self._writing, arguments)
        return results

    def _forget_writing(self) -> None:
        if self._writing:
            self._writing.close()
        self._writing = None


def _resolve(jobs: Sequence[_Job], outcomes: Sequence[Any]) -> None:
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.result.done():
            continue  # its caller was cancelled
        if isinstance(outcome, BaseException):
            job.result.set_exception(outcome)
        else:
            job.result.set_result(outcome)


def _translated(error: sqlite3.Error) -> Exception:
    # Errors of the driver itself, such as a wrong number of parameters, have no code.
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _UNAVAILABLE:
        return error
    return StoreUnavailable(DatabaseFails(str(error)))
