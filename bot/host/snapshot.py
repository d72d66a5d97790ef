"""What lies in a workspace against what the bot put there, byte by byte.

Git's index notes of each file that it wrote when, where and how large. Neither a
command nor a conversion (line ends, idents, encodings) can make a file look changed
that is not, or unchanged that is: a status change cannot be set back.
"""

import filecmp
import os
import stat
import struct
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.core.say.problems.change import Closed
from bot.errors import PermanentError

GITLINK = 0o160000
"""The mode of a submodule's commit."""

_HEADER = struct.Struct(">4sLL")
_ENTRY = struct.Struct(">10L20sH")
_HAS_MORE_FLAGS = 0x4000
_MOST_READ_BYTES = 1024**2
_LOW = 0xFFFFFFFF  # the index keeps 32 bits of each number


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as it was written. ``mode`` is git's."""

    path: str
    mode: int
    changed_at: tuple[int, int]  # seconds and nanoseconds: of the status
    written_at: tuple[int, int]
    inode: int
    size: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Paths of entries; what is in no list is as it was."""

    changed: tuple[str, ...]  # by type, mode or size
    touched: tuple[str, ...]  # may have other bytes
    missing: tuple[str, ...]
    filled: tuple[str, ...]  # submodules with something in their folder
    vanished: tuple[str, ...]  # submodules without a folder


def read_index(path: Path) -> Iterator[Entry]:
    """Yield the entries of an index of version 2 or 3."""
    data = path.read_bytes()
    magic, version, count = _HEADER.unpack_from(data)
    assert (magic, version in (2, 3)) == (b"DIRC", True), (magic, version)
    place = _HEADER.size
    for _ in range(count):
        entry = _ENTRY.unpack_from(data, place)
        c_s, c_ns, m_s, m_ns, _dev, inode, mode, _uid, _gid, size, _sha, flags = entry
        start = place + _ENTRY.size + (2 if flags & _HAS_MORE_FLAGS else 0)
        end = data.index(b"\0", start)
        name = data[start:end].decode("utf-8", "surrogateescape")
        yield Entry(name, mode, (c_s, c_ns), (m_s, m_ns), inode, size)
        place += (end - place + 8) & ~7  # padded with 1 to 8 zeros


def compare(root: Path, entries: Iterable[Entry]) -> Comparison:
    """Return how files differ from their entries, by what the file system knows.

    Raises ``PermanentError`` when a folder cannot be read.
    """
    changed, touched, missing, filled, vanished = [], [], [], [], []
    folders = _Folders(root)
    for entry in entries:
        try:
            found = folders.look(entry.path)
        except PermissionError as error:
            raise unreadable(entry.path) from error
        if entry.mode == GITLINK:
            if found is None:
                vanished.append(entry.path)
            elif not stat.S_ISDIR(found.st_mode):
                changed.append(entry.path)
            elif folders.has_content(entry.path):
                filled.append(entry.path)
        elif found is None or not git_mode(found):
            missing.append(entry.path)
        elif git_mode(found) != entry.mode or found.st_size & _LOW != entry.size:
            changed.append(entry.path)
        elif not _is_untouched(found, entry):
            touched.append(entry.path)
    lists = (changed, touched, missing, filled, vanished)
    return Comparison(*(tuple(paths) for paths in lists))


def different(root: Path, other: Path, paths: Iterable[str]) -> list[str]:
    """Return those files and links that are not the same in two folders."""
    found = []
    for path in paths:
        one, two = root / path, other / path
        try:
            if one.is_symlink():
                is_same = one.readlink() == two.readlink()
            else:
                is_same = filecmp.cmp(one, two, shallow=False)
        except PermissionError as error:
            raise unreadable(path) from error
        if not is_same:
            found.append(path)
    return found


def read_regular(root: Path, name: str) -> bytes:
    """Return how a file begins that a command may have made; nothing of all but a regular
    file: a pipe would never end, nor would a link to a device.

    Raises ``PermanentError`` when it cannot be read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        if not stat.S_ISREG((root / name).lstat().st_mode):
            return b""
        with os.fdopen(os.open(root / name, flags), "rb") as file:
            return file.read(_MOST_READ_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except PermissionError as error:
        raise unreadable(name) from error


def remove_pipes(root: Path, names: Collection[str]) -> None:
    """Delete pipes of such names in all folders, without following links.

    Git opens what it expects to be a file, and nobody ever writes to these.
    """
    pending = [str(root)]
    while pending:
        # What is closed, or has no path that could be said, git cannot enter either.
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.name in names and stat.S_ISFIFO(
                    entry.stat(follow_symlinks=False).st_mode
                ):
                    Path(entry).unlink()


def unreadable(path: str) -> PermanentError:
    """Return the error of a file or folder that the bot may not read."""
    return PermanentError(Closed(readable(path)))


def readable(name: str) -> str:
    """Return a file's name as text; names are bytes and need not be UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Folders:
    """Looks for files below a folder without following links on the way."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}/"
        self._is_real = {"": True}

    def look(self, path: str) -> os.stat_result | None:
        return self._status(path) if self._has(path.rpartition("/")[0]) else None

    def has_content(self, path: str) -> bool:
        with os.scandir(self._root + path) as inside:
            return any(True for _ in inside)

    def _has(self, folder: str) -> bool:
        unknown = []
        while folder not in self._is_real:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        is_real = self._is_real[folder]
        for inner in reversed(unknown):
            found = self._status(inner) if is_real else None
            is_real = found is not None and stat.S_ISDIR(found.st_mode)
            self._is_real[inner] = is_real
        return is_real

    def _status(self, path: str) -> os.stat_result | None:
        try:
            return os.lstat(self._root + path)
        except (FileNotFoundError, NotADirectoryError):
            return None


def git_mode(found: os.stat_result) -> int:
    """Return the mode that git has for a file, or 0 for what it does not keep."""
    if stat.S_ISLNK(found.st_mode):
        return 0o120000
    if stat.S_ISREG(found.st_mode):
        return 0o100755 if found.st_mode & stat.S_IXUSR else 0o100644
    return 0


def _is_untouched(found: os.stat_result, entry: Entry) -> bool:
    return (
        found.st_ino & _LOW == entry.inode
        and _instant(found.st_ctime_ns) == entry.changed_at
        and _instant(found.st_mtime_ns) == entry.written_at
    )


def _instant(nanoseconds: int) -> tuple[int, int]:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return seconds & _LOW, rest
