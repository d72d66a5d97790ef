"""What commands take of the disk: each at most a quota, all of them never the last of it."""

import asyncio
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from bot.core.say.problems.server import DiskNearlyFull, OverQuota, TookMost
from bot.errors import Problem, TransientError
from bot.host.below import walk
from bot.host.folders import AttemptFolder
from bot.ports.clock import Clock

QUOTA_BYTES = 10 * 1000**3
RESERVE_BYTES = 1000**3
_RESERVE_FRACTION = 0.05
"""What is kept free for the bot itself: so much, or that part of a small disk."""

_LOOK_SECONDS = 1.0
_COUNT_SECONDS = 15.0
"""How often the files are counted although the disk does not seem to fill."""

_Inode = tuple[int, int]  # its device, its number


class Disk:
    """The disk on which commands work, below *root*."""

    def __init__(
        self,
        root: Path,
        clock: Clock,
        *,
        quota_bytes: int = QUOTA_BYTES,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self._root = root
        self._clock = clock
        self.quota_bytes = quota_bytes
        self._reserve_bytes = reserve_bytes
        self._taken: dict[Path, int] = {}

    def check(self) -> None:
        """Raise ``TransientError`` if no command may begin for want of room."""
        if self._free() < self._reserve():
            raise TransientError(DiskNearlyFull(self._free()))

    async def watch(
        self, folder: AttemptFolder, pids: Callable[[], Iterable[int]]
    ) -> Problem:
        """Return why a command has to end, as soon as it has to.

        *pids* tells its processes: they may hold files that have no name any more.
        It is looked at every second, so that it may have taken more by then.
        """
        try:
            return await self._watch(folder, pids)
        finally:
            self._taken.pop(folder.root, None)

    async def _watch(
        self, folder: AttemptFolder, pids: Callable[[], Iterable[int]]
    ) -> Problem:
        taken, free_then, counted_at = self.quota_bytes, self._free(), 0.0
        while True:
            await self._clock.sleep(_LOOK_SECONDS)
            free = self._free()
            is_low = free < self._reserve()
            now = self._clock.monotonic()
            # It cannot have taken more than the disk lost, unless others gave back.
            if (
                is_low
                or taken + free_then - free >= self.quota_bytes
                or now - counted_at >= _COUNT_SECONDS
            ):
                taken = await asyncio.to_thread(_taken, folder.root, pids)
                free_then, counted_at = free, now
                self._taken[folder.root] = taken
            if taken > self.quota_bytes:
                return OverQuota(taken, self.quota_bytes)
            if is_low and taken >= max(self._taken.values()):
                return TookMost(taken, free)

    def _free(self) -> int:
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    def _reserve(self) -> int:
        found = os.statvfs(self._root)
        part = int(_RESERVE_FRACTION * found.f_blocks * found.f_frsize)
        return min(self._reserve_bytes, part)


def _taken(root: Path, pids: Callable[[], Iterable[int]]) -> int:
    return size_bytes(root) + deleted_bytes(pids(), root.stat().st_dev)


def size_bytes(root: Path) -> int:
    """Return what a folder takes of the disk, each file once however many names it has."""
    total = 0
    seen: set[_Inode] = set()

    def visit(folder: int) -> list[str]:
        nonlocal total
        taken, inside = _look(folder, seen)
        total += taken
        return inside

    walk(root, visit)
    return total


def _look(folder: int, seen: set[_Inode]) -> tuple[int, list[str]]:
    """Return what the entries of a folder take, and the names of folders in it."""
    total, inside = 0, []
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    inside.append(entry.name)
                elif found.st_nlink > 1:
                    if (found.st_dev, found.st_ino) in seen:
                        continue
                    seen.add((found.st_dev, found.st_ino))
                total += found.st_blocks * 512
    return total, inside


def deleted_bytes(pids: Iterable[int], device: int) -> int:
    """Return what files of a disk take that have no name any more, but are held: open,
    or mapped where this process may look (as root, or with CAP_CHECKPOINT_RESTORE).
    """
    found: dict[_Inode, int] = {}
    for pid in pids:
        for way in (*_open_files(pid), *_mapped_files(pid)):
            # Processes and their files come and go meanwhile.
            with suppress(OSError):
                held = way.stat()
                if (
                    stat.S_ISREG(held.st_mode)
                    and held.st_nlink == 0
                    and held.st_dev == device  # not in memory
                ):
                    found[held.st_dev, held.st_ino] = held.st_blocks * 512
    return sum(found.values())


def _open_files(pid: int) -> list[Path]:
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as descriptors:
        return [Path(descriptor) for descriptor in descriptors]
    return []


def _mapped_files(pid: int) -> list[Path]:
    """Return the ways to files that a process maps, and whose names are gone."""
    with suppress(OSError), Path(f"/proc/{pid}/maps").open("rb") as maps:
        gone = [
            line.split(b" ", 1)[0] for line in maps if line.endswith(b"(deleted)\n")
        ]
        spans = [[int(end, 16) for end in one.split(b"-")] for one in gone]
        return [Path(f"/proc/{pid}/map_files/{a:x}-{b:x}") for a, b in spans]
    return []
