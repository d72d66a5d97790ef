"""How much of the memory that this process may use is in use."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bot.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class _Files:
    """What one version of control groups calls its files."""

    used: str
    limit: str
    cache: str  # in memory.stat: file pages that the kernel drops when it needs room


_V1 = _Files("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file")
_V2 = _Files("memory.current", "memory.max", "inactive_file")


_FRESH_SECONDS = 1.0
"""For how long a reading is used again: every comment and every batch asks."""


class HostMemory:
    """The machine's memory, or the control group's where that is tighter.

    *root* is the file system that ``/proc`` and ``/sys`` are looked up in.
    """

    def __init__(self, clock: Clock, root: Path = Path("/")) -> None:
        self._clock = clock
        self._root = root
        self._read_at = -_FRESH_SECONDS
        self._used = 0.0

    def used_fraction(self) -> float:
        """Return 0.0 to 1.0, as it was within the last second."""
        now = self._clock.monotonic()
        if now - self._read_at >= _FRESH_SECONDS:
            self._read_at, self._used = now, self._used_now()
        return self._used

    def _used_now(self) -> float:
        machine = psutil.virtual_memory()
        used = 1 - machine.available / machine.total
        groups = (
            _group_fraction(folder, files, machine.total)
            for folder, files in self._groups()
        )
        return min(1.0, max(used, *groups, 0.0))

    def _groups(self) -> Iterator[tuple[Path, _Files]]:
        """Yield this process's group and those around it: each may set a limit."""
        memberships = _read(self._root / "proc/self/cgroup").splitlines()
        for membership in memberships:
            _, controllers, path = membership.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            mount = self._root / "sys/fs/cgroup"
            files = _V1 if controllers else _V2
            if controllers:
                mount /= "memory"
            folder = mount / path.strip("/")
            for place in (folder, *folder.parents):
                if place.is_relative_to(mount):
                    yield place, files


def _group_fraction(folder: Path, files: _Files, total: int) -> float:
    """Return the used part of a group's limit; 0 where there is no limit."""
    limit = _number(_read(folder / files.limit))
    used = _number(_read(folder / files.used))
    if limit is None or used is None or not 0 < limit < total:
        return 0.0
    statistics = dict(
        line.split(" ", 1) for line in _read(folder / "memory.stat").splitlines()
    )
    cache = _number(statistics.get(files.cache, "")) or 0
    return max(0, used - cache) / limit


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # other kernels and namespaces do not have the file
        return ""


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None
