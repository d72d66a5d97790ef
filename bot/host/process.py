"""Child processes: started clean, read to the end, ended with all their descendants."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import structlog

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

_POLL_SECONDS = 0.05
_T = TypeVar("_T")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
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


# The program that becomes the command: what has to happen between fork and exec. It
# runs in an interpreter of its own because preexec_fn can deadlock.
_LAUNCHER = """
import ctypes, json, os, resource, signal, sys
parent, limits, argv = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
for name, wanted in limits.items():
    kind = getattr(resource, name, None)
    if kind is not None:
        most = resource.getrlimit(kind)[1]
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(kind, (value, value))
if sys.platform == "linux":
    try:  # when memory runs out, the kernel takes commands before the bot
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("500")
    except OSError as error:
        print(f"oom_score_adj: {error.strerror}", file=sys.stderr)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit(1)
try:
    os.execvp(argv[0], argv)
except OSError as error:
    print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
    sys.exit(127)
"""
_LIMIT_NAMES = {
    "open_files": "RLIMIT_NOFILE",
    "processes": "RLIMIT_NPROC",
    "file_bytes": "RLIMIT_FSIZE",
    "data_bytes": "RLIMIT_DATA",
}


def launched(argv: Sequence[str], limits: Limits) -> list[str]:
    """Return a command line that runs *argv* within *limits* and dies with the bot.

    The kernel ends the process when the thread that started it does: start it from
    the main thread.
    """
    values = {_LIMIT_NAMES[name]: value for name, value in asdict(limits).items()}
    told = json.dumps({"RLIMIT_CORE": 0, **values})
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), told, *argv]


@dataclass(frozen=True, slots=True)
class Tree:
    """The processes of one command: descendants, session mates, bearers of its marks.

    ``root`` is the process that was started. A wrapper (such as bwrap) ends everything
    inside at once when it gets a TERM, so that it is spared until the KILL.
    """

    markers: Mapping[str, str]
    root: int | None = None
    is_wrapper: bool = False

    def processes(self) -> list[psutil.Process]:
        """Return those that are alive."""
        own = os.getpid()
        alive = [p for p in psutil.process_iter(["ppid", "status"]) if p.pid != own]
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
        processes = self.processes()
        for process in processes:
            if (
                number is signal.SIGTERM
                and self.is_wrapper
                and process.pid == self.root
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


async def end_tree(
    tree: Tree, clock: Clock, *, grace_seconds: float = GRACE_SECONDS
) -> None:
    """End every process of a tree: TERM, some time, then KILL until nothing is left."""
    if not await asyncio.to_thread(tree.send, signal.SIGTERM):
        return
    deadline = clock.monotonic() + grace_seconds
    while clock.monotonic() < deadline:
        if not await asyncio.to_thread(tree.processes):
            return
        await clock.sleep(_POLL_SECONDS)
    deadline = clock.monotonic() + KILL_SECONDS
    while await asyncio.to_thread(tree.send, signal.SIGKILL):
        if clock.monotonic() > deadline:
            pids = [process.pid for process in tree.processes()]
            log.error("processes survive being killed", pids=pids)
            return
        await clock.sleep(_POLL_SECONDS)


async def capture(
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    timeout_seconds: float,
    cwd: Path | None = None,
    stdin: bytes = b"",
) -> Captured:
    """Run one of the bot's own tools to its end.

    Raises ``TimeoutError`` after *timeout_seconds*. When it is cancelled or times out,
    the process and its group are killed first.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=dict(environment),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            output, errors = await process.communicate(stdin)
    except BaseException:
        kill_group(process.pid)
        await to_the_end(process.wait())
        raise
    assert process.returncode is not None
    return Captured(process.returncode, output, errors.decode("utf-8", "replace"))


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
    """Hand everything from a pipe to *take* until all writers have closed it."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol: Any = asyncio.StreamReaderProtocol(reader)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: protocol, pipe)
    try:
        while data := await reader.read(65_536):
            take(data)
    finally:
        transport.close()
