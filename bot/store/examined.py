"""How the database stands as a file, beside whoever has it: it is only read."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from errno import EACCES
from pathlib import Path

from sqlite_utils import Database

from bot.core.say import checkup as say
from bot.core.say import findings, starts
from bot.errors import SettingsError
from bot.ports.examined import Finding, State
from bot.store.connection import connect
from bot.store.lock import holder_of
from bot.store.schema import migrations
from bot.store.store import LITTLE_ROOM_BYTES, check_sound


class DatabaseFile:
    """The file that ``BATCH_DB`` names, and whether a bot has it. Nothing is made."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        return await asyncio.to_thread(lambda: list(self._look()))

    def _look(self) -> Iterator[Finding]:
        path = self._path
        try:
            holder = holder_of(path)
            folder = _existing(path.parent)
            disk = os.statvfs(folder)
            free_bytes = disk.f_bavail * disk.f_frsize
            if not os.access(path if path.exists() else folder, os.W_OK):
                raise PermissionError(EACCES, os.strerror(EACCES))
        except OSError as error:
            words = starts.database_not_written(str(path), str(error.strerror))
            yield Finding("database", State.BROKEN, words)
            return
        yield self._of_file(free_bytes)
        if free_bytes < LITTLE_ROOM_BYTES:
            words_ = findings.disk_is_nearly_full(free_bytes)
            yield Finding("disk", State.NOTE, *words_)
        if holder is None:
            yield Finding("bot", State.NOTE, *say.not_running())
        else:
            yield Finding("bot", State.FINE, *say.running(holder))

    def _of_file(self, free_bytes: int) -> Finding:
        name = str(self._path)
        if not self._path.exists() or not self._path.stat().st_size:
            words = say.no_database_yet(name, free_bytes)
            return Finding("database", State.FINE, *words)
        try:
            check_sound(self._path)
            with closing(connect(self._path, is_read_only=True)) as connection:
                database = Database(connection, execute_plugins=False)
                steps = len(migrations.pending(database))
        except SettingsError as error:
            return Finding("database", State.BROKEN, str(error))
        except sqlite3.Error as error:
            words_ = starts.database_damaged(name, str(error))
            return Finding("database", State.BROKEN, words_)
        if steps:
            return Finding("database", State.NOTE, *say.migrates(name, steps))
        return Finding("database", State.FINE, *say.sound(name))


def _existing(folder: Path) -> Path:
    """Return the nearest folder that is there: those below it are made at the start."""
    return next(one for one in (folder, *folder.absolute().parents) if one.exists())
