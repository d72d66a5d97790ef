"""Child processes: started clean, read to the end, ended with all their descendants."""

import asyncio
import errno
import fcntl
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

import psutil
import structlog

from bot.host.nursery import NURSERY, Guard, request
from bot.ports.clock import Clock

HOST_MARKER = "BATCH_HOST"
ATTEMPT_MARKER = "BATCH_ATTEMPT"
"""Variables that every child carries: who started it, and for what."""

GRACE_SECONDS = 5.0
"""Between TERM and KILL."""

KILL_SECONDS = 10.0
"""How long killed processes may take to go before that is logged as a fault."""

INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
"""What commands get of the bot's own environment, where it is set."""

PROXIES = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"),
    *("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"),
)
AUTHORITIES = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"),
    *("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
)
"""How to get out, and whom to trust there: for git, and for commands with a network."""

_POLL_SECONDS = 0.05
_IDLE = 0.01
"""Of a processor: a tool that takes less only waits."""

_PIPE_BYTES = 1024 * 1024
_FLOOD_BYTES = _PIPE_BYTES // 4
"""A piece so large that the pipe would be full, and the command wait, after a pause."""

_PAUSE_SECONDS = 0.0005  # which the loop makes a millisecond of
_TRIES = 4
_START_SECONDS = 10.0
_T = TypeVar("_T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What the kernel holds each process of a command to."""

    open_files: int = 4_096
    processes: int = 4_096  # of the user; the kernel excepts root
    file_bytes: int = 2 * 1024**3
    data_bytes: int = 8 * 1024**3


@dataclass(frozen=True, slots=True)
class Captured:
    """A process that ended by itself, with all that it printed."""

    exit_code: int
    output: bytes
    errors: str


def clean_environment(
    environment: Mapping[str, str], names: Sequence[str] = INHERITED
) -> dict[str, str]:
    """Return only the variables named: what is not listed cannot leak."""
    kept = {name: environment[name] for name in names if environment.get(name)}
    return {"PATH": os.defpath, "LANG": "C.UTF-8", **kept}


_LIMIT_NAMES = {
    "open_files": "RLIMIT_NOFILE",
    "processes": "RLIMIT_NPROC",
    "file_bytes": "RLIMIT_FSIZE",
    "data_bytes": "RLIMIT_DATA",
}


def wait_by_descriptors() -> None:
    """Have children waited for without a thread for each; before an event loop runs.

    Python does so by itself from 3.12 on, where the system has what it takes.
    """
    if sys.version_info < (3, 12) and hasattr(os, "pidfd_open"):
        with suppress(OSError):  # an old kernel, or one that forbids it
            os.close(os.pidfd_open(os.getpid()))
            asyncio.set_child_watcher(asyncio.PidfdChildWatcher())


class Guarded:
    """A command below its guard, and this side of its pipes."""

    def __init__(self, guard: Guard, pipes: "_Pipes") -> None:
        self._guard = guard
        self._pipes = pipes
        self.pid = guard.pid
        self.wait = guard.wait

    @property
    def returncode(self) -> int | None:
        """How the command ended; None while the guard runs."""
        return self._guard.returncode

    @property
    def is_clean(self) -> bool:
        """Whether the guard ended by itself, and nothing is left of the command."""
        return self._guard.is_clean

    async def communicate(self, stdin: bytes | None = None) -> tuple[bytes, bytes]:
        """Send all of *stdin*; return what is printed until the end."""
        output, errors = bytearray(), bytearray()
        takes = {1: output.extend, 2: errors.extend}
        talks = [self._send(stdin or b"")]
        talks += [
            read_pipe(self._pipes.take(n), takes[n]) for n in self._pipes.readable
        ]
        async with asyncio.TaskGroup() as group:
            for talk in talks:
                group.create_task(talk)
        await self.wait()
        return bytes(output), bytes(errors)

    async def _send(self, data: bytes) -> None:
        if self._pipes.stdin is not None:
            with self._pipes.stdin as stdin, suppress(BrokenPipeError, ConnectionError):
                await asyncio.get_running_loop().sock_sendall(stdin, data)


class _Pipes:
    """The streams of a command: the ends it gets, and this side's where that is asked.

    As a context, it closes what has been opened and is still here.
    """

    def __init__(self, stdin: int, stdout: int, stderr: int) -> None:
        self.stdin: socket.socket | None = None
        self.theirs: list[int] = []
        self._opened: set[int] = set()
        self._ours: dict[int, int] = {}
        try:
            for number, wanted in enumerate((stdin, stdout, stderr)):
                self.theirs.append(self._end(number, wanted))
        except BaseException:
            self.close()
            raise

    @property
    def readable(self) -> list[int]:
        """Which of them this side reads: 1, 2."""
        return list(self._ours)

    def take(self, number: int) -> int:
        """Return this side's end of a stream, for the caller to close."""
        return self._ours.pop(number)

    def hand_over(self) -> None:
        """Close the ends that are the command's now."""
        for end in self._opened:
            os.close(end)
        self._opened.clear()

    def close(self) -> None:
        """Close all that is still open here."""
        self.hand_over()
        for end in self._ours.values():
            os.close(end)
        self._ours.clear()
        if self.stdin is not None:
            self.stdin.close()

    def _end(self, number: int, wanted: int) -> int:
        match wanted:
            case asyncio.subprocess.STDOUT:
                return self.theirs[1]
            case asyncio.subprocess.DEVNULL:
                end = os.open(os.devnull, os.O_RDWR)
            case asyncio.subprocess.PIPE if number == 0:
                self.stdin, theirs = socket.socketpair()
                self.stdin.setblocking(False)  # noqa: FBT003 - no keyword there
                end = theirs.detach()
            case asyncio.subprocess.PIPE:
                self._ours[number], end = os.pipe()
            case _:
                return wanted
        self._opened.add(end)
        return end


@asynccontextmanager
async def guarded(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path | None = None,
    limits: ProcessLimits | None = None,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int = asyncio.subprocess.DEVNULL,
    stderr: int = asyncio.subprocess.DEVNULL,
) -> AsyncIterator[Guarded]:
    """Run *argv* within *limits*, below a guard (``guard.py``) that leads a session.

    When the context is left, or the bot ends in whatever way, all that came of it is
    killed. Raises ``OSError`` when the machine cannot start another process.
    """
    values = {_LIMIT_NAMES[n]: v for n, v in asdict(limits).items()} if limits else {}
    told = request(argv, environment, cwd, {"RLIMIT_CORE": 0, **values})
    marker = {n: environment[n] for n in (HOST_MARKER,) if n in environment}
    with closing(_Pipes(stdin, stdout, stderr)) as pipes:
        guard = await _begun(told, pipes.theirs, marker)
        try:
            pipes.hand_over()
            yield Guarded(guard, pipes)
        finally:
            await _let_go(guard)


async def _begun(
    told: bytes, streams: Sequence[int], marker: Mapping[str, str]
) -> Guard:
    """Return a guard that has begun, by another nursery where the last was killed."""
    for _ in range(_TRIES):
        try:
            guard = NURSERY.bear(streams, marker)
        except (BrokenPipeError, ConnectionResetError):
            NURSERY.end()
            continue
        has_begun, asked = False, NURSERY.pid
        try:
            async with asyncio.timeout(_START_SECONDS):
                has_begun = await guard.begin(told)
        except TimeoutError:  # stopped, say
            if NURSERY.pid == asked:
                NURSERY.end()
        finally:
            if not has_begun:
                await _let_go(guard)
        if has_begun:
            return guard
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


async def _let_go(guard: Guard) -> None:
    """Return when it has ended: neither does it begin later what it was told."""
    try:
        if guard.returncode is None:
            await to_the_end(guard.let_go())
    finally:
        guard.close()


@dataclass(frozen=True, slots=True)
class Tree:
    """The processes of one command: descendants, session mates, bearers of its marks.

    ``root`` is the guard of the command. A wrapper (such as bwrap) holds all of it in a
    namespace: nobody gets out from below the guard, and all end with the wrapper, so
    that it is spared the TERM.
    """

    markers: Mapping[str, str]
    root: int | None = None
    is_wrapper: bool = False

    def processes(self) -> list[psutil.Process]:
        """Return those that are alive."""
        if self.is_wrapper and self.root is not None:
            return _below(self.root)
        own = {os.getpid(), NURSERY.pid}
        alive = [p for p in psutil.process_iter(["ppid", "status"]) if p.pid not in own]
        children: dict[int, list[psutil.Process]] = {}
        for process in alive:
            children.setdefault(process.info["ppid"], []).append(process)
        found: dict[int, psutil.Process] = {}
        pending = [process for process in alive if self._has(process)]
        while pending:
            process = pending.pop()
            if process.pid not in found:
                found[process.pid] = process
                pending += children.get(process.pid, [])
        return [p for p in found.values() if p.info["status"] != psutil.STATUS_ZOMBIE]

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to all of it; return whether there was anyone."""
        if number is signal.SIGKILL and self.is_wrapper and self.root is not None:
            _kill_children(self.root)
        processes = self.processes()
        for process in processes:
            if (
                number is signal.SIGTERM
                and self.is_wrapper
                and _parent(process) == self.root
            ):
                continue
            try:
                process.send_signal(number)
            except psutil.Error:
                continue  # gone by itself
        return bool(processes)

    def _has(self, process: psutil.Process) -> bool:
        try:
            if self.root is not None and (
                process.pid == self.root or os.getsid(process.pid) == self.root
            ):
                return True
            environment = process.environ()
        except (psutil.Error, OSError):
            return False  # gone, or another user's
        return all(environment.get(k) == v for k, v in self.markers.items())


def _below(root: int) -> list[psutil.Process]:
    """Return *root* and its descendants without a look at any other's environment."""
    with suppress(psutil.NoSuchProcess):
        guard = psutil.Process(root)
        found = [guard, *guard.children(recursive=True)]
        return [process for process in found if _is_alive(process)]
    return []


def _kill_children(pid: int) -> None:
    """Kill the wrapper below a guard: all that is in it ends with it, at once, however
    fast it multiplies and however long it takes to count.
    """
    with suppress(OSError):
        told = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        for child in told.split():
            os.kill(int(child), signal.SIGKILL)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


async def end_tree(
    tree: Tree, clock: Clock, *, grace_seconds: float = GRACE_SECONDS
) -> bool:
    """End every process of a tree: TERM, some time, then KILL until nothing is left.

    Without any time there is no TERM either. Return whether nothing is left.
    """
    if grace_seconds and not await asyncio.to_thread(tree.send, signal.SIGTERM):
        return True
    deadline = clock.monotonic() + grace_seconds
    while clock.monotonic() < deadline:
        if not await asyncio.to_thread(tree.processes):
            return True
        await clock.sleep(_POLL_SECONDS)
    deadline = clock.monotonic() + KILL_SECONDS
    while await asyncio.to_thread(tree.send, signal.SIGKILL):
        if clock.monotonic() > deadline:
            pids = [process.pid for process in tree.processes()]
            log.error("processes survive being killed", pids=pids)
            return False
        await clock.sleep(_POLL_SECONDS)
    return True


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a conversation with another machine may be silent.

    ``notice`` is told at each look that finds nothing moved, and since how many
    seconds.
    """

    notice: Callable[[float], None]
    look_seconds: float = 30
    silent_seconds: float = 120


class Silent(TimeoutError):
    """The other side has sent and taken no byte for ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


async def capture(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    timeout_seconds: float,
    cwd: Path | None = None,
    stdin: bytes | IO[bytes] = b"",
    stdout: IO[bytes] | None = None,
    patience: Patience | None = None,
) -> Captured:
    """Run one of the bot's own tools to its end; with *patience* below a guard.

    Raises ``TimeoutError`` after *timeout_seconds*, and ``Silent``. When it is
    cancelled or times out, the process and its group are killed first.
    """
    start = partial(guarded, argv) if patience else partial(_alone, argv)
    pipe = asyncio.subprocess.PIPE
    text, source = (stdin, pipe) if isinstance(stdin, bytes) else (None, stdin.fileno())
    target = pipe if stdout is None else stdout.fileno()
    async with start(
        environment=environment, cwd=cwd, stdin=source, stdout=target, stderr=pipe
    ) as process:
        talk = asyncio.create_task(process.communicate(text), name=f"talk {argv[0]}")
        try:
            async with asyncio.timeout(timeout_seconds):
                if patience:
                    await _listen(process.pid, talk, patience)
                output, errors = await talk
        except BaseException:
            if process.returncode is None:
                kill_group(process.pid)
            await to_the_end(asyncio.wait({talk}))
            await to_the_end(process.wait())
            raise
    assert process.returncode is not None
    return Captured(
        process.returncode, output or b"", errors.decode("utf-8", "replace")
    )


@asynccontextmanager
async def _alone(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path | None,
    stdin: int,
    stdout: int,
    stderr: int,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a short tool that ends by itself; its marks let the next start find it."""
    yield await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=dict(environment),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


async def _listen(pid: int, talk: asyncio.Task[Any], patience: Patience) -> None:
    """Return when *talk* ends. Raises ``Silent`` when nothing moves any more."""
    silent_seconds, before = 0.0, await asyncio.to_thread(_moved, pid)
    while not (await asyncio.wait({talk}, timeout=patience.look_seconds))[0]:
        now = await asyncio.to_thread(_moved, pid)
        is_silent = now.is_still(before, patience.look_seconds)
        silent_seconds = silent_seconds + patience.look_seconds if is_silent else 0.0
        before = now
        if silent_seconds >= patience.silent_seconds:
            raise Silent(silent_seconds)
        if silent_seconds:
            patience.notice(silent_seconds)


@dataclass(frozen=True, slots=True)
class _Moved:
    """What the processes of a tool have read, written and computed so far.

    What comes from the network passes through pipes between them, and is counted; only
    the first answer of a remote, its list of refs for a push, passes as one piece.
    """

    pids: frozenset[int]
    characters: int
    cpu_seconds: float

    def is_still(self, before: "_Moved", seconds: float) -> bool:
        """Return whether nothing moved since: waiting takes some of the processor."""
        same = (self.pids, self.characters) == (before.pids, before.characters)
        return same and self.cpu_seconds - before.cpu_seconds < _IDLE * seconds


def _moved(pid: int) -> _Moved:
    characters, cpu_seconds, pids = 0, 0.0, set()
    with suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error), process.oneshot():
                pids.add(process.pid)
                times = process.cpu_times()
                cpu_seconds += times.user + times.system
                # Only Linux counts them; elsewhere nothing is ever silent.
                counters = getattr(process, "io_counters", None)
                if counters is None:
                    return _Moved(frozenset(), -1, float("inf"))
                both = counters()
                characters += both.read_chars + both.write_chars
    return _Moved(frozenset(pids), characters, cpu_seconds)


def kill_group(pid: int) -> None:
    """Kill a process that leads a group, and the group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return  # ended already


async def to_the_end(work: Awaitable[_T]) -> _T:
    """Await what has to be finished even when the caller is cancelled meanwhile.

    The cancellation is raised afterwards.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()


async def read_pipe(descriptor: int, take: Callable[[bytes], None]) -> None:
    """Hand everything from a pipe to *take* until all writers have closed it.

    In large pieces, with a pause between them in which the pipe takes the next: neither
    must a talkative command wait, nor be woken for each of its lines.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # a limit of the machine; it is only quicker with it
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    os.set_blocking(descriptor, False)

    def listen() -> None:
        if not ended.done():
            loop.add_reader(descriptor, read)

    def read() -> None:
        try:
            data = os.read(descriptor, _PIPE_BYTES)
        except BlockingIOError:
            return
        if len(data) >= _FLOOD_BYTES:
            take(data)  # the next is there already
            return
        loop.remove_reader(descriptor)
        if data:
            take(data)
            loop.call_later(_PAUSE_SECONDS, listen)
        elif not ended.done():
            ended.set_result(None)

    listen()
    try:
        await ended
    finally:
        ended.cancel()
        loop.remove_reader(descriptor)
        os.close(descriptor)
