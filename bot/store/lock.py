"""One process per database."""

import fcntl
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from bot.core.say.starts import database_in_use, database_linked
from bot.errors import SettingsError
from bot.ports.clock import Clock

LOOKS = 1000
"""How often the lock is tried for while somebody only looks whether a bot has it."""

STANDBY_SECONDS = 0.25
"""How often a standby looks whether the database is free."""

DYING_SECONDS = 5.0
"""How long the system takes at most to let go of all that a dead process had."""


class InUse(SettingsError):
    """Another process has the database: *holder*, empty where that is not known."""

    def __init__(self, database: Path, holder: str) -> None:
        super().__init__(database_in_use(str(database), holder))
        self.holder = holder


class Linked(SettingsError):
    """Another process has the database under another name of the same file."""

    def __init__(self, database: Path) -> None:
        super().__init__(database_linked(str(database)))


async def taken_over(
    stack: ExitStack, database: Path, *, clock: Clock, waits: Callable[[str], None]
) -> None:
    """Hold *database* while *stack* lasts, once no other process has it any more.

    *waits* is told at each look who has it. Raises ``SettingsError`` if somebody has it
    under another name of the same file.
    """
    let_go_by = clock.monotonic()
    while True:
        try:
            stack.enter_context(locked(database, now=clock.now()))
        except InUse as error:
            waits(error.holder)
            let_go_by = clock.monotonic() + DYING_SECONDS
        except Linked:
            # Of who has just died the system lets go bit by bit.
            if clock.monotonic() >= let_go_by:
                raise
        else:
            return
        await clock.sleep(STANDBY_SECONDS)


@contextmanager
def locked(database: Path, *, now: datetime) -> Iterator[None]:
    """Hold *database* and the lock file next to it; the system lets go of both with the
    process.

    Raises ``SettingsError`` naming the holder if another process has it.
    """
    path = database.with_name(database.name + ".lock")
    # The file stays: deleting it would let two processes lock two files of one name.
    own: int | None = None
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _taken(descriptor):
            holder = os.read(descriptor, 300).decode(errors="replace").strip()
            raise InUse(database, holder)
        os.ftruncate(descriptor, 0)
        own = _lock_itself(database)
        holder = f"process {os.getpid()} on {socket.gethostname()} since {now:%Y-%m-%d %H:%M:%S} UTC"
        os.write(descriptor, holder.encode())
        yield
    finally:
        # Last of all: with any descriptor of the file go the locks that SQLite has on it.
        if own is not None:
            os.close(own)
        os.close(descriptor)


def holder_of(database: Path) -> str | None:
    """Return who has *database*, None if nobody has. Nothing is locked that others want.

    Raises ``OSError`` if that cannot be seen.
    """
    database = database.resolve()
    path = database.with_name(database.name + ".lock")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # Let go of at once; ``locked`` knows that it may meet this.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 300).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    return None


def _taken(descriptor: int) -> bool:
    """Take the lock; False if another bot has it, and not somebody who only looks."""
    for _ in range(LOOKS):
        for how, is_taken in ((fcntl.LOCK_EX, True), (fcntl.LOCK_SH, False)):
            try:
                fcntl.flock(descriptor, how | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if is_taken:
                return True
            break
        else:
            return False
    return False


def _lock_itself(database: Path) -> int | None:
    """Return a descriptor that locks the file, under whatever name others open it.

    Two names of one file have two logs beside them, which would end it. None if it
    cannot be opened: that is said by who opens it to use it.
    """
    try:
        descriptor = os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise Linked(database) from None
    return descriptor
