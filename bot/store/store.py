"""Opens everything that is remembered: lock, check, migrate, serve, close."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from errno import EACCES
from pathlib import Path

from sqlite_utils import Database

from bot.core.say import findings, starts
from bot.core.say.problems.server import BackupFailed, FolderClosed
from bot.errors import Problem, SettingsError, StoreUnavailable
from bot.ports.clock import Clock
from bot.ports.examined import Finding, State
from bot.store.batches import SqliteBatches
from bot.store.codec import to_us
from bot.store.connection import Connections, connect
from bot.store.costs import SqliteCosts
from bot.store.deliveries import SqliteDeliveries
from bot.store.effects import SqliteEffectLog
from bot.store.freezes import SqliteFreezes
from bot.store.holds import SqliteHolds
from bot.store.lists import SqliteBatchLists
from bot.store.lock import locked, taken_over
from bot.store.refusals import SqliteRefusals
from bot.store.schema import known_migrations, migrations
from bot.store.timetables import SqliteTimetables

LITTLE_ROOM_BYTES = 1_000_000_000
"""Less free than this, and an operator should know."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether the store can write at this moment, and the room it takes and has."""

    problem: Problem | None  # why nothing can be written
    size_bytes: int  # of the database with its write-ahead log; 0 with a problem
    free_bytes: int  # on its disk; 0 with a problem

    @property
    def is_writable(self) -> bool:
        """Whether a write reached the disk."""
        return self.problem is None


class Store:
    """Everything remembered, by port."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._connections = Connections(path)
        self.deliveries = SqliteDeliveries(self._connections)
        self.batches = SqliteBatches(self._connections)
        self.lists = SqliteBatchLists(self._connections)
        self.costs = SqliteCosts(self._connections)
        self.effects = SqliteEffectLog(self._connections)
        self.refusals = SqliteRefusals(self._connections)
        self.holds = SqliteHolds(self._connections)
        self.freezes = SqliteFreezes(self._connections)
        self.timetables = SqliteTimetables(self._connections)

    async def probe(self) -> Probe:
        """Write something and return how that went. Never raises."""
        problem: Problem | None = None
        size_bytes = free_bytes = 0
        try:
            await self._connections.write(_probe, to_us(self._clock.now()))
            size_bytes, free_bytes = await asyncio.to_thread(_room, self.path)
        except StoreUnavailable as error:
            problem = error.problem
        except OSError as error:
            problem = FolderClosed(str(error.strerror))
        return Probe(problem, size_bytes, free_bytes)

    async def examine(self) -> Sequence[Finding]:
        """Return whether a write reaches the disk, and what room it has. Never raises."""
        probe = await self.probe()
        if probe.problem is not None:
            words = findings.told(probe.problem)
            return [Finding("database", State.BROKEN, *words)]
        if probe.free_bytes < LITTLE_ROOM_BYTES:
            words = findings.disk_is_nearly_full(probe.free_bytes)
            return [Finding("database", State.NOTE, *words)]
        words = findings.database_works(probe.size_bytes, probe.free_bytes)
        return [Finding("database", State.FINE, *words)]

    async def backup(self, target: Path) -> None:
        """Put a copy as of now at *target*, replacing what is there; writes go on.

        Raises ``StoreUnavailable``; *target* is then as it was.
        """
        try:
            await asyncio.to_thread(_back_up, self.path, target)
        except (sqlite3.Error, OSError) as error:
            why = getattr(error, "strerror", None) or str(error)
            failed = BackupFailed(str(target), why)
            raise StoreUnavailable(failed) from error

    async def close(self) -> None:
        """Commit what was asked for and let go of the file."""
        await self._connections.close()


@asynccontextmanager
async def open_store(
    path: Path, *, clock: Clock, waits: Callable[[str], None] | None = None
) -> AsyncIterator[Store]:
    """Lock, check and migrate the database at *path*, made if need be, and yield it.

    While another process has it, *waits* is told again and again which. Raises
    ``SettingsError`` if nobody *waits* then, or if it is damaged, of a newer version or
    cannot be written.
    """
    path = await asyncio.to_thread(_make, path)
    with ExitStack() as stack:
        if waits is None:
            stack.enter_context(locked(path, now=clock.now()))
        else:
            # What it could not take over it does not wait for.
            await asyncio.to_thread(_check, path, "PRAGMA schema_version")
            await taken_over(stack, path, clock=clock, waits=waits)
        await asyncio.to_thread(_prepare, path)
        store = Store(path, clock)
        try:
            yield store
        finally:
            await store.close()


@asynccontextmanager
async def read_store(
    path: Path, *, clock: Clock, is_thorough: bool = True
) -> AsyncIterator[Store]:
    """Yield a store to read while another process may have it; do not write to it.

    All of it is looked through before, if that is to be *thorough*. Raises
    ``SettingsError`` if there is none.
    """
    check = check_sound if is_thorough else check_version
    await asyncio.to_thread(check, path)
    store = Store(path, clock)
    try:
        yield store
    finally:
        await store.close()


def check_file(path: Path) -> str:
    """Return what a thorough look at a database found; nothing if it is sound.

    Raises ``SettingsError`` if it is missing, or none of this version's.
    """
    check_sound(path)
    with closing(connect(path, is_read_only=True)) as connection:
        found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
        astray = connection.execute("PRAGMA foreign_key_check").fetchall()
    tables = sorted({str(row[0]) for row in astray})
    found = [one for one in found if one != "ok"]
    return "; ".join([*found, *(f"rows of {name} belong to none" for name in tables)])


def _make(path: Path) -> Path:
    """Make the file if need be; return its one true name, for the lock."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Bodies of private repositories are in there: for the owner's eyes only.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(EACCES, os.strerror(EACCES))
        return path.resolve()
    except OSError as error:
        why = str(error.strerror)
        raise SettingsError(starts.database_not_written(str(path), why)) from error


def _prepare(path: Path) -> None:
    check_sound(path)
    try:
        with closing(connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            migrations.apply(Database(connection, execute_plugins=False))
    except sqlite3.Error as error:
        message = starts.database_not_migrated(str(path), str(error))
        raise SettingsError(message) from error


def check_version(path: Path) -> None:
    """Raise ``SettingsError`` unless the file is one of this very version. Only reads."""
    _check(path, "PRAGMA schema_version")
    with closing(connect(path, is_read_only=True)) as connection:
        if migrations.pending(Database(connection, execute_plugins=False)):
            raise SettingsError(starts.database_older(str(path)))


def check_sound(path: Path) -> None:
    """Raise ``SettingsError`` unless the file is sound and ours. Only reads."""
    found = _check(path, "PRAGMA quick_check(3)")
    if found != ["ok"]:
        raise SettingsError(starts.database_damaged(str(path), "; ".join(found)))


def _check(path: Path, look: str) -> list[str]:
    """Return what a look found; raise ``SettingsError`` unless the file is ours."""
    if not path.exists():
        message = f"BATCH_DB: {path} is missing"
        raise SettingsError(message)
    try:
        with closing(connect(path, is_read_only=True)) as connection:
            found = [str(row[0]) for row in connection.execute(look)]
            database = Database(connection, execute_plugins=False)
            is_foreign = bool(database.table_names()) and not migrations.applied(
                database
            )
            newer = {m.name for m in migrations.applied(database)} - known_migrations()
    except sqlite3.Error as error:
        message = starts.database_damaged(str(path), str(error))
        raise SettingsError(message) from error
    if is_foreign:
        raise SettingsError(starts.database_foreign(str(path)))
    if newer:
        raise SettingsError(starts.database_newer(str(path), newer))
    return found


def _probe(connection: sqlite3.Connection, probed_us: Sequence[int]) -> Sequence[None]:
    connection.execute(
        "REPLACE INTO probes (id, probed_us) VALUES (1, ?)", probed_us[-1:]
    )
    return [None] * len(probed_us)


def _room(path: Path) -> tuple[int, int]:
    files = (path, path.with_name(path.name + "-wal"))
    disk = os.statvfs(path.parent)
    return (
        sum(file.stat().st_size for file in files if file.exists()),
        disk.f_bavail * disk.f_frsize,
    )


def _back_up(source: Path, target: Path) -> None:
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    with (
        closing(connect(source, is_read_only=True)) as reading,
        closing(connect(partial)) as writing,
    ):
        reading.backup(writing)
    partial.replace(target)
