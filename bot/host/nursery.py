"""Guards of commands, forked by a small process that this one keeps (``guard.py``)."""

import asyncio
import atexit
import fcntl
import marshal
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_PROGRAM = Path(__file__).with_name("guard.py")
_LET_GO_SECONDS = 15.0
"""What a guard has to end all that came of its command before it is not waited for."""

_END_SECONDS = 0.2


class Guard:
    """The guard of a command, on its leash; used by the event loop that began it."""

    def __init__(self, leash: socket.socket) -> None:
        leash.setblocking(False)  # noqa: FBT003 - no keyword there
        self._leash = leash
        self._loop = asyncio.get_running_loop()
        self._told = bytearray()
        self._answered = asyncio.Event()
        self._ended = asyncio.Event()
        self._loop.add_reader(leash, self._read)

    @property
    def pid(self) -> int:
        """Its process, which leads a session and a group; what it said at the start."""
        return int.from_bytes(self._told[:4], "little", signed=True)

    @property
    def returncode(self) -> int | None:
        """How the command ended, or -9 if the guard was killed; None until then."""
        if not self._ended.is_set():
            return None
        if len(self._told) < 8:
            return -signal.SIGKILL
        return int.from_bytes(self._told[4:8], "little", signed=True)

    @property
    def is_clean(self) -> bool:
        """Whether it has said that nothing is left of the command."""
        return self._ended.is_set() and any(self._told[8:])

    async def begin(self, request: bytes) -> bool:
        """Return False where nothing has begun. Raises ``OSError`` when nothing can."""
        with suppress(BrokenPipeError, ConnectionResetError):  # it says why, or nothing
            await self._loop.sock_sendall(self._leash, request)
        await self._answered.wait()
        if self.pid < 0:
            raise OSError(-self.pid, os.strerror(-self.pid))
        return self.pid > 0

    async def wait(self) -> int:
        """Return how the command ended, once the guard has."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def let_go(self) -> None:
        """Wait until the guard has killed what is left, and has ended."""
        with suppress(OSError):  # it has ended
            self._leash.shutdown(socket.SHUT_WR)
        with suppress(TimeoutError):  # a start finds what is left of the one before
            async with asyncio.timeout(_LET_GO_SECONDS):
                await self._ended.wait()

    def close(self) -> None:
        """Forget it: it ends what is left by itself."""
        self._loop.remove_reader(self._leash)
        self._leash.close()

    def _read(self) -> None:
        try:
            data = self._leash.recv(64)
        except BlockingIOError:
            return
        except ConnectionResetError:  # killed before it had read the request
            data = b""
        self._told += data
        if not data:
            self._loop.remove_reader(self._leash)
            self._ended.set()
        if not data or len(self._told) >= 4:
            self._answered.set()


class Nursery:
    """A process that forks guards, started when it is needed, and anew when it is gone.

    It belongs to no event loop. *marker* is in its environment: a value of its own for
    each host, so that the next start of the bot finds it, should it not end.
    """

    def __init__(self) -> None:
        self._marker: Mapping[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        return self._process.pid if self._process else None

    def bear(self, streams: Sequence[int], marker: Mapping[str, str]) -> Guard:
        """Return a guard that waits for its request. Raises ``OSError``."""
        is_there = self._process is not None and self._process.poll() is None
        if not is_there or marker != self._marker:
            self.end()
            self._start(marker)
        assert self._control is not None
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [b"+"], [theirs.fileno(), *streams])
            return Guard(ours)
        except BaseException:
            ours.close()
            raise

    def _start(self, marker: Mapping[str, str]) -> None:
        control, theirs = socket.socketpair()
        try:
            # Not below 3, where a bot without streams has it: its own go there.
            with theirs, socket.socket(fileno=_above_streams(theirs)) as theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own
                    [sys.executable, "-I", "-S", str(_PROGRAM), str(theirs.fileno())],
                    env={**marker},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except BaseException:
            control.close()
            raise
        control.setblocking(False)  # noqa: FBT003 - no keyword there
        self._control, self._marker = control, dict(marker)

    def end(self) -> None:
        """End it; the guards go on, and what it was asked for is still begun."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:  # stopped by a command, say
                self._process.kill()
                self._process.wait()
            self._process = None


def _above_streams(end: socket.socket) -> int:
    return fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3)


NURSERY = Nursery()
"""The one of this process."""

atexit.register(NURSERY.end)


def request(
    argv: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path | None,
    limits: Mapping[str, int],
) -> bytes:
    """Return what a guard is told, as the interpreter of the nursery reads it."""
    words = [os.fsencode(word) for word in argv]
    variables = {os.fsencode(k): os.fsencode(v) for k, v in environment.items()}
    for word in (*words, *variables, *variables.values()):
        if b"\0" in word:
            reason = "embedded null byte"
            raise ValueError(reason)
    folder = os.fsencode(cwd) if cwd else b""
    data = marshal.dumps((words, variables, folder, dict(limits)))
    return len(data).to_bytes(8, "little") + data
