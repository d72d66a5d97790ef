"""Files below a folder, reached from it: no path is spelled that is longer than their own.

The kernel takes a path of 4,095 bytes, and a file that git knows may have one as long
as that below the workspace.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self

MOST_PATH_BYTES = 4095
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class Below:
    """An open folder; to be closed, as a context."""

    def __init__(self, root: Path) -> None:
        self._folder = os.open(root, _FOLDER)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._folder)

    def status(self, path: str) -> os.stat_result | None:
        """Return what there is by that path, be it a link; None for nothing."""
        try:
            return os.lstat(path, dir_fd=self._folder)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def size(self, path: str) -> int:
        """Return how many bytes a file has; 0 if there is none."""
        found = self.status(path)
        return found.st_size if found else 0

    def target(self, path: str) -> str:
        """Return where a link leads."""
        return os.readlink(path, dir_fd=self._folder)

    def open(self, path: str) -> BufferedReader:
        """Open a file to read; never what a link names, nor a pipe for ever."""
        return os.fdopen(os.open(path, _FILE, dir_fd=self._folder), "rb")

    def is_empty(self, path: str) -> bool:
        """Return whether nothing is in a folder."""
        folder = os.open(path, _FOLDER, dir_fd=self._folder)
        try:
            with os.scandir(folder) as inside:
                return not any(True for _ in inside)
        finally:
            os.close(folder)


@dataclass(slots=True)
class _Level:
    """A folder on the way down; ``inside`` are the folders in it not yet looked at."""

    name: str
    status: os.stat_result
    inside: list[str]


def walk(root: Path, visit: Callable[[int], list[str]]) -> None:
    """Visit a folder and those below it; *visit* is given each one, open, and returns
    which folders in it are to be visited.

    Nothing recurses, and one folder is open at a time: a command may nest them deeper
    than either would go. What goes or is closed meanwhile is passed over.
    """
    with suppress(OSError):
        folder = os.open(root, _FOLDER)
        try:
            way = [_Level("", os.fstat(folder), visit(folder))]
            while way:
                if way[-1].inside:
                    name = way[-1].inside.pop()
                    with suppress(OSError):
                        folder = _exchanged(
                            folder, os.open(name, _FOLDER, dir_fd=folder)
                        )
                        way.append(_Level(name, os.fstat(folder), []))
                        way[-1].inside = visit(folder)
                    continue
                way.pop()
                if way:
                    above = os.open("..", _FOLDER, dir_fd=folder)
                    folder = _exchanged(folder, above)
                    if not os.path.samestat(os.fstat(folder), way[-1].status):
                        # It was moved: no way leads out of what is looked at.
                        folder = _exchanged(folder, os.open(root, _FOLDER))
                        folder = _descended(folder, way)
        finally:
            os.close(folder)


def _descended(folder: int, way: list[_Level]) -> int:
    """Return the last folder of a way from the top, cut where it leads no further."""
    for depth, level in enumerate(way[1:], 1):
        try:
            folder = _exchanged(folder, os.open(level.name, _FOLDER, dir_fd=folder))
        except OSError:
            del way[depth:]
            break
    return folder


def _exchanged(old: int, new: int) -> int:
    os.close(old)
    return new
