"""What the bot's process can be made to do: die at a moment, lack a safeguard, lose writes.

Variables say so: ``DIE=before-commit:7`` kills it around its seventh commit since the
start, ``BOOK=FILE`` at each point that is not yet in that file, ``WITHOUT=look-up``
takes a safeguard away, ``DISK=50`` lets every fiftieth commit fail, ``TIME=0:20`` lets
time run faster. It dies like by ``kill -9``: before a commit, when nothing of it is on
disk, or after, when nobody has been told yet.
"""

import asyncio
import os
import random
import re
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zlib import crc32

from bot.store import batches, deliveries, effects
from bot.store.connection import Connections

LONGEST_HESITATION = 0.02
"""Seconds for which death may come late: what else is under way gets as far as that."""

Kill = Callable[[str, Sequence[Any]], None]
"""Called before and after a commit, with the side and the jobs."""


class SwiftClock:
    """Time that runs faster than outside: the processes of one machine that are given
    the same *began* have the same time.
    """

    def __init__(self, speed: float = 20.0, *, began: float | None = None) -> None:
        self.speed = speed
        self.began = time.monotonic() if began is None else began
        self._start = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self.began) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.speed)


class Book:
    """The points at which the bot has died, each of which is good for one death.

    It is a file, which the bot and whoever watches it share. As long as it has not been
    opened nobody dies. With *only*, points between ``|``, no other one counts; with the
    *share* ``1/3``, a third of them, and others with ``0/3`` and ``2/3``.
    """

    def __init__(self, path: Path, *, only: str = "", share: str = "0/1") -> None:
        self.path = path
        self.only = only
        self._share, self._shares = map(int, share.split("/"))

    def _counts(self, point: str) -> bool:
        is_share = crc32(point.encode()) % self._shares == self._share
        return is_share and (not self.only or point in self.only.split("|"))

    def open(self) -> None:
        self.path.touch()

    @property
    def points(self) -> list[str]:
        """The points in the order of the deaths; several may share one."""
        return self.path.read_text().splitlines()

    def enter(self, points: Sequence[str]) -> bool:
        """Write down what is new; return whether anything is, and so is to be died of."""
        if not self.path.exists():
            return False
        known = self.points
        new = [
            point
            for point in dict.fromkeys(points)
            if point not in known and self._counts(point)
        ]
        with self.path.open("a") as file:
            file.writelines(f"{point}\n" for point in new)
        return bool(new)


def prepare(environment: Mapping[str, str]) -> None:
    """Do to this process what *environment* says."""
    if number := environment.get("DIE"):
        around_commits(_nth(*number.split(":")))
    if path := environment.get("BOOK"):
        only, share = environment.get("ONLY", ""), environment.get("SHARE", "0/1")
        book = Book(Path(path), only=only, share=share)
        around_commits(_each_once(book, environment.get("SEED", "")))
    if safeguard := environment.get("WITHOUT"):
        SAFEGUARDS[safeguard]()
    if value := environment.get("ACTIONS"):
        points = [EntryPoint("action", value, "batch_bot.actions")]
        patch("bot.wiring.entry_points", lambda group: points).start()
    if every := environment.get("DISK"):
        around_commits(_failing(int(every)))
    if pace := environment.get("TIME"):
        began, _, speed = pace.partition(":")
        clock = SwiftClock(float(speed), began=float(began))
        patch("bot.app.SystemClock", lambda: clock).start()


def around_commits(kill: Kill) -> None:
    commit = Connections._commit

    def deadly(self: Connections, jobs: Sequence[Any]) -> list[Any]:
        if jobs:
            kill("before", jobs)
        results = commit(self, jobs)
        if jobs:
            kill("after", jobs)
        return results

    Connections._commit = deadly  # type: ignore[method-assign]  # the point of it


def _nth(where: str, number: str) -> Kill:
    commits = count(1)

    def kill(side: str, _: Sequence[Any]) -> None:
        if where == f"{side}-commit" and next(commits) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def _each_once(book: Book, seed: str) -> Kill:
    def kill(side: str, jobs: Sequence[Any]) -> None:
        points = [f"{side} commit: {name}" for job in jobs for name in _names(job)]
        if book.enter(points):
            chance = random.Random(f"{seed} {points}")  # noqa: S311 - no secret
            time.sleep(chance.uniform(0, LONGEST_HESITATION))
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def _names(job: Any) -> Iterator[str]:
    """Yield what a job of a commit writes, in words that no run changes."""
    match job.operation:
        case deliveries._add:
            yield "delivery taken"
        case deliveries._settle:
            yield "delivery dealt with"
        case batches._create:
            yield "batch"
        case batches._append:
            for events in job.argument.values():
                yield from (type(event).__name__ for event in events)
        case effects._intend:
            yield f"{plain(job.argument[0])} intended"
        case effects._done:
            yield f"{plain(job.argument[-1])} done"
        case operation:
            yield operation.__name__


def plain(name: str) -> str:
    """Return a name without the ids of batches, comments and forms, which differ each
    time.
    """
    name = re.sub(r"\b[0-9a-f]{32}\b", "*", name)
    name = re.sub(r"\b[a-z][2-9][a-z][2-9](?:[a-z][2-9])*\b", "*", name)
    return re.sub(r"\d{4,}", "*", name)


def _failing(every: int) -> Kill:
    commits = count(1)

    def fail(side: str, _: Sequence[Any]) -> None:
        if side == "before" and next(commits) % every == 0:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    return fail


def _without_look_up() -> None:
    async def find(*_: Any, **__: Any) -> None:
        return None

    patch("bot.wiring.Outside.find", find).start()


def _without_key() -> None:
    async def find(*_: Any) -> None:
        return None

    patch("bot.store.effects.SqliteEffectLog.find", find).start()


def _without_lock() -> None:
    patch("bot.store.store.locked", lambda *_, **__: nullcontext()).start()


def _without_reaping() -> None:
    """Neither end commands with the bot nor look for them at the next start."""

    async def kill_orphans(_: Any) -> int:
        return 0

    patch("bot.host.commands.HostCommands.kill_orphans", kill_orphans).start()
    patch("bot.host.nursery._PROGRAM", Path(__file__).with_name("unguarded.py")).start()


SAFEGUARDS = {
    "look-up": _without_look_up,
    "key": _without_key,
    "lock": _without_lock,
    "reaping": _without_reaping,
}
