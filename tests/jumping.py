"""A clock that jumps to whoever sleeps next, as soon as nothing else can run."""

import asyncio
import os
import selectors
import socket
import stat
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot.host import process
from bot.host.nursery import Guard
from bot.store.connection import Connections

PARKED = "parked"
"""The file in its ``TMPDIR`` with which a process says that it does nothing until it is
told to end, or until a path exists: its number, a space, and the path if there is one.
"""

TICK_SECONDS = 0.01
"""The most time that passes in one turn of the loop while a process runs."""

LATE_SECONDS = 1e-6
"""How late a timer is after a jump: aiohttp sets one again that is not."""

GLANCE_SECONDS = 0.02
"""How often, in everybody's time, whoever watches looks while others work."""

_START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)


class JumpingClock:
    """The time of an event loop, of its timers, time-outs and sleeps alike.

    Time stands still while anything of this process can run: a callback of the loop, a
    thread, a commit, bytes on their way from one of its sockets to another. So no
    deadline falls due because the machine is busy. While a process that the loop started
    runs, time goes as outside, or slower on a busy machine. When nothing can run, time
    jumps to the next timer; a cancelled one is none.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._offset = 0.0  # of the loop's time
        self._working = 0  # threads, commits
        self._starting = 0  # processes that have no number yet
        self._processes: set[asyncio.SubprocessTransport | _Command] = set()
        self._watchers: list[asyncio.Future[None]] = []
        self._is_told = False  # whether the watchers know how things are
        self._accounted_at = time.monotonic()  # up to here outside, while processes run

    def now(self) -> datetime:
        return _START + timedelta(seconds=self._now)

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Sleep; a moment too short for the loop passes as well.

        Whoever sleeps until a deadline would else try again for ever.
        """
        await asyncio.sleep(max(LATE_SECONDS, seconds) if seconds > 0 else 0.0)

    def skip(self, seconds: float) -> None:
        """Let time pass at once; whoever should have woken meanwhile wakes now."""
        self._now += seconds

    async def settled(self) -> None:
        """Return before time passes, or when something may have happened outside."""
        watcher = asyncio.get_running_loop().create_future()
        self._watchers.append(watcher)
        await watcher

    @contextmanager
    def ruling(self) -> Iterator[None]:
        """Make this the time of the running loop."""
        loop: Any = asyncio.get_running_loop()
        self._offset = loop.time() - self._now
        with ExitStack() as stack:
            for owner, name, made in (
                (loop, "time", lambda: self._offset + self._now),
                (loop, "_selector", _Selector(loop._selector, self)),
                (loop, "run_in_executor", self._counting(loop.run_in_executor)),
                (loop, "subprocess_exec", self._noticing(loop.subprocess_exec)),
                (process, "_begun", self._noticing_guards(process._begun)),
                (Connections, "write", self._counting(Connections.write)),
                # It measures with this how old an idle connection is.
                ("aiohttp.connector", "monotonic", lambda: self._offset + self._now),
            ):
                if isinstance(owner, str):
                    stack.enter_context(patch(f"{owner}.{name}", made))
                else:
                    stack.enter_context(patch.object(owner, name, made))
            yield

    # --- what is under way ---

    def _counting(self, begin: Any) -> Any:
        """Return *begin*, with the futures that it returns counted until they are done."""

        @wraps(begin)
        def counted(*arguments: Any, **named: Any) -> Any:
            future = begin(*arguments, **named)
            self._working += 1
            future.add_done_callback(self._worked)
            return future

        return counted

    def _worked(self, _: object) -> None:
        self._working -= 1

    def _noticing(self, begin: Any) -> Any:
        """Return *begin*, with the processes that it starts remembered."""

        @wraps(begin)
        async def noticed(*arguments: Any, **named: Any) -> Any:
            self._starting += 1
            try:
                transport, protocol = await begin(*arguments, **named)
            finally:
                self._starting -= 1
            self._processes.add(transport)
            return transport, protocol

        return noticed

    def _noticing_guards(self, begin: Any) -> Any:
        """Return *begin*, with the commands below its guards remembered."""

        @wraps(begin)
        async def noticed(*arguments: Any, **named: Any) -> Guard:
            self._starting += 1
            try:
                guard: Guard = await begin(*arguments, **named)
            finally:
                self._starting -= 1
            self._processes.add(_Command(guard))
            return guard

        return noticed

    def _is_process_running(self) -> bool:
        self._processes = {p for p in self._processes if p.get_returncode() is None}
        return self._starting > 0 or not all(map(_is_parked, self._processes))

    # --- a turn of the loop ---

    def turn(
        self, selector: selectors.BaseSelector, seconds: float | None
    ) -> list[Any]:
        """Return what the loop has to do next; it can wait for *seconds*, or for ever.

        Asked for no seconds it has callbacks to run.
        """
        events = selector.select(0)
        passed = time.monotonic() - self._accounted_at
        if events or seconds == 0:
            self._is_told = self._is_told and not events
            if passed >= TICK_SECONDS and self._processes:
                self._accounted_at += passed
                self._now += TICK_SECONDS * self._is_process_running()
            return events
        if self._working or _is_on_its_way(selector):
            return self._glance(selector, GLANCE_SECONDS)
        if self._is_process_running():
            most = TICK_SECONDS if seconds is None else min(TICK_SECONDS, seconds)
            self._now += min(passed, most)
            return self._glance(selector, TICK_SECONDS)
        if not self._is_told and self._tell():
            return []
        if seconds is None:
            return self._glance(selector, GLANCE_SECONDS)
        self._is_told = False
        self._now += seconds + LATE_SECONDS
        return []

    def _glance(self, selector: selectors.BaseSelector, seconds: float) -> list[Any]:
        """Return what comes from outside within *seconds*, and let people look."""
        self._accounted_at = time.monotonic()
        events = selector.select(seconds)
        if not events:
            self._tell()
        self._is_told = False
        return events

    def _tell(self) -> bool:
        """Wake the watchers; return whether there are any."""
        watchers, self._watchers = self._watchers, []
        watchers = [watcher for watcher in watchers if not watcher.done()]
        for watcher in watchers:
            watcher.set_result(None)
        self._is_told = True
        return bool(watchers)


class _Selector:
    """The selector of a loop, asked through a clock."""

    def __init__(self, selector: selectors.BaseSelector, clock: JumpingClock) -> None:
        self._selector = selector
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._selector, name)

    def select(self, timeout: float | None = None) -> list[Any]:
        return self._clock.turn(self._selector, timeout)


# --- processes -----------------------------------------------------------------------


class _Command:
    """A command below its guard, as the loop has other processes."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def get_returncode(self) -> int | None:
        return self._guard.returncode

    def get_pid(self) -> int:
        """Return the guard's child; the guard itself, while it has none."""
        pid = self._guard.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid


def _is_parked(process: "asyncio.SubprocessTransport | _Command") -> bool:
    """Whether a process, or one below it, has said that it waits, and still does."""
    try:
        variables = Path(f"/proc/{process.get_pid()}/environ").read_bytes().split(b"\0")
        told = dict(one.split(b"=", 1) for one in variables if b"=" in one)
        said = Path(os.fsdecode(told[b"TMPDIR"]), PARKED).read_text()
        pid, _, until = said.partition(" ")
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
    except (OSError, KeyError):
        return False  # it has ended, or has never said so
    is_asleep = status["State"].startswith("S")
    signals = int(status["SigPnd"], 16) | int(status["ShdPnd"], 16)
    return is_asleep and not signals and not (until and Path(until).exists())


# --- sockets -------------------------------------------------------------------------

_RECEIVED, _SENT, _AGAIN = 128, 200, 208
"""Where Linux has these counts of bytes in ``struct tcp_info``."""


def _is_on_its_way(selector: selectors.BaseSelector) -> bool:
    """Whether one of the loop's sockets has not received what another one has sent.

    The kernel takes a moment now and then, on a busy machine. Who does not read at
    present is not waited for.
    """
    ends: dict[tuple[Any, Any], tuple[int, int]] = {}
    for key in list(selector.get_map().values()):
        if key.events & selectors.EVENT_READ and (found := _counts(key.fd)):
            ends[found[0]] = found[1]
    return any(
        ends[there, here][0] < sent
        for (here, there), (_, sent) in ends.items()
        if (there, here) in ends
    )


def _counts(descriptor: int) -> tuple[tuple[Any, Any], tuple[int, int]] | None:
    """Return both addresses of a connection, and the bytes received and sent there."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return None
    end = socket.socket(fileno=descriptor)
    try:
        if end.type != socket.SOCK_STREAM or end.family != socket.AF_INET:
            return None
        addresses = end.getsockname(), end.getpeername()
        info = end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except OSError:
        return None  # it only listens
    finally:
        end.detach()
    counts: Sequence[int] = [
        struct.unpack_from("=Q", info, offset)[0]
        for offset in (_RECEIVED, _SENT, _AGAIN)
    ]
    return addresses, (counts[0], counts[1] - counts[2])
