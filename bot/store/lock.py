"""One process per database."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bot.errors import SettingsError


@contextmanager
def locked(database: Path, *, now: datetime) -> Iterator[None]:
    """Hold the lock file next to *database*; the system lets go of it with the process.

    Raises ``SettingsError`` naming the holder if another process has it.
    """
    path = database.with_name(database.name + ".lock")
    # The file stays: deleting it would let two processes lock two files of one name.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 300).decode(errors="replace").strip()
            message = (
                f"{database} is in use by {holder or 'another process'}; stop it, or"
                " name another file in BATCH_DB"
            )
            raise SettingsError(message) from None
        os.ftruncate(descriptor, 0)
        holder = f"process {os.getpid()} on {socket.gethostname()} since {now:%Y-%m-%d %H:%M:%S} UTC"
        os.write(descriptor, holder.encode())
        yield
    finally:
        os.close(descriptor)
