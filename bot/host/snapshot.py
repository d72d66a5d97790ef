"""What lies in a workspace against what the bot put there, byte by byte.

Git's index notes of each file that it wrote when, where and how large. Neither a
command nor a conversion (line ends, idents, encodings) can make a file look changed
that is not, or unchanged that is: a status change cannot be set back.
"""

import os
import stat
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.core.say.problems.change import Closed
from bot.errors import PermanentError
from bot.host.below import Below, walk
from bot.host.printed import readable

GITLINK = 0o160000
"""The mode of a submodule's commit."""

_HEADER = struct.Struct(">4sLL")
_ENTRY = struct.Struct(">10L20sH")
_FLAGS = struct.Struct(">H")
_EXTENSION = struct.Struct(">4sL")
_SHA_BYTES = 20
_HAS_MORE_FLAGS = 0x4000
_MOST_READ_BYTES = 1024**2
_BLOCK_BYTES = 1024**2
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
    for start, end in _places(data):
        entry = _ENTRY.unpack_from(data, start)
        c_s, c_ns, m_s, m_ns, _dev, inode, mode, _uid, _gid, size, _sha, flags = entry
        named = start + _ENTRY.size + (2 if flags & _HAS_MORE_FLAGS else 0)
        name = data[named:end].decode("utf-8", "surrogateescape")
        yield Entry(name, mode, (c_s, c_ns), (m_s, m_ns), inode, size)


def root_tree(path: Path) -> str:
    """Return the tree of which an index was made; empty if it does not say.

    https://git-scm.com/docs/index-format, "Cache tree": the first of its entries.
    """
    data = path.read_bytes()
    place = _HEADER.size
    for start, end in _places(data):
        place = _after(start, end)
    while place < len(data) - _SHA_BYTES:
        name, size = _EXTENSION.unpack_from(data, place)
        place += _EXTENSION.size
        if name == b"TREE":
            sha = data.index(b"\n", place) + 1
            return data[sha : sha + _SHA_BYTES].hex()
        place += size
    return ""


def _places(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each entry begins, and where its name ends."""
    magic, version, count = _HEADER.unpack_from(data)
    assert (magic, version in (2, 3)) == (b"DIRC", True), (magic, version)
    start = _HEADER.size
    for _ in range(count):
        (flags,) = _FLAGS.unpack_from(data, start + _ENTRY.size - _FLAGS.size)
        more = 2 if flags & _HAS_MORE_FLAGS else 0
        end = data.index(b"\0", start + _ENTRY.size + more)
        yield start, end
        start = _after(start, end)


def _after(start: int, end: int) -> int:
    """Return where the next entry begins: each is padded with 1 to 8 zeros."""
    return start + ((end - start + 8) & ~7)


def compare(root: Path, entries: Iterable[Entry]) -> Comparison:
    """Return how files differ from their entries, by what the file system knows.

    Raises ``PermanentError`` when a folder cannot be read.
    """
    lists: tuple[list[str], ...] = ([], [], [], [], [])
    changed, touched, missing, filled, vanished = lists
    with Below(root) as below:
        folders = _Folders(below)
        for entry in entries:
            try:
                found = folders.look(entry.path)
                is_folder = found is not None and stat.S_ISDIR(found.st_mode)
                if entry.mode == GITLINK and is_folder:
                    if not below.is_empty(entry.path):
                        filled.append(entry.path)
                    continue
            except PermissionError as error:
                raise unreadable(entry.path) from error
            if found is None or not git_mode(found):
                gone = vanished if entry.mode == GITLINK else missing
                gone.append(entry.path)
            elif git_mode(found) != entry.mode or found.st_size & _LOW != entry.size:
                changed.append(entry.path)
            elif not _is_untouched(found, entry):
                touched.append(entry.path)
    return Comparison(*(tuple(paths) for paths in lists))


def different(root: Path, other: Path, paths: Iterable[str]) -> list[str]:
    """Return those files and links that are not the same in two folders."""
    found = []
    with Below(root) as one, Below(other) as two:
        for path in paths:
            try:
                if not _is_same(one, two, path):
                    found.append(path)
            except PermissionError as error:
                raise unreadable(path) from error
    return found


def read_regular(root: Path, name: str) -> bytes:
    """Return how a file begins that a command may have made; nothing of all but a regular
    file: a pipe would never end, nor would a link to a device.

    Raises ``PermanentError`` when it cannot be read.
    """
    try:
        with Below(root) as below:
            found = below.status(name)
            if found is None or not stat.S_ISREG(found.st_mode):
                return b""
            with below.open(name) as file:
                return file.read(_MOST_READ_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except PermissionError as error:
        raise unreadable(name) from error


def remove_pipes(root: Path, names: Collection[str]) -> None:
    """Delete pipes of such names in all folders, without following links.

    Git opens what it expects to be a file, and nobody ever writes to these.
    """

    def visit(folder: int) -> list[str]:
        inside = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    inside.append(entry.name)
                elif entry.name in names and stat.S_ISFIFO(
                    entry.stat(follow_symlinks=False).st_mode
                ):
                    os.unlink(entry.name, dir_fd=folder)
        return inside

    # What is closed git cannot enter either.
    walk(root, visit)


def unreadable(path: str) -> PermanentError:
    """Return the error of a file or folder that the bot may not read."""
    return PermanentError(Closed(readable(path)))


class _Folders:
    """Looks for files below a folder without following links on the way."""

    def __init__(self, below: Below) -> None:
        self._below = below
        self._is_real = {"": True}

    def look(self, path: str) -> os.stat_result | None:
        is_there = self._has(path.rpartition("/")[0])
        return self._below.status(path) if is_there else None

    def _has(self, folder: str) -> bool:
        unknown = []
        while folder not in self._is_real:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        is_real = self._is_real[folder]
        for inner in reversed(unknown):
            found = self._below.status(inner) if is_real else None
            is_real = found is not None and stat.S_ISDIR(found.st_mode)
            self._is_real[inner] = is_real
        return is_real


def git_mode(found: os.stat_result) -> int:
    """Return the mode that git has for a file, or 0 for what it does not keep."""
    if stat.S_ISLNK(found.st_mode):
        return 0o120000
    if stat.S_ISREG(found.st_mode):
        return 0o100755 if found.st_mode & stat.S_IXUSR else 0o100644
    return 0


def _is_same(one: Below, two: Below, path: str) -> bool:
    found = one.status(path)
    if found is not None and stat.S_ISLNK(found.st_mode):
        return one.target(path) == two.target(path)
    with one.open(path) as ours, two.open(path) as theirs:
        while True:
            block = ours.read(_BLOCK_BYTES)
            if block != theirs.read(_BLOCK_BYTES):
                return False
            if not block:
                return True


def _is_untouched(found: os.stat_result, entry: Entry) -> bool:
    return (
        found.st_ino & _LOW == entry.inode
        and _instant(found.st_ctime_ns) == entry.changed_at
        and _instant(found.st_mtime_ns) == entry.written_at
    )


def _instant(nanoseconds: int) -> tuple[int, int]:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return seconds & _LOW, rest
