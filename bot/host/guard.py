"""The parent of each command: ends all that came of it when the command or the bot ends.

It runs as a program, in an interpreter of its own, and imports nothing of the bot: a
nursery that forks a guard for each command, as to start one takes ten times as long. One
end of a socket, the leash, is the bot's alone: however the bot ends, the other end here
says so. What is started becomes a child of its guard even where it daemonises.
"""

import contextlib
import ctypes
import gc
import marshal
import os
import resource
import select
import signal
import socket
import sys
import time
import warnings  # noqa: F401 - or each command imports it, to look for its program

_LEFTOVER_SECONDS = 1.0
"""What processes in the background have to end themselves once the command has."""

_UNKILLABLE_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_COUNT_SECONDS = 0.1
_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IS_LINUX = sys.platform == "linux"
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


def nurse(control: socket.socket) -> None:
    """Fork a guard for each message until the bot lets go of the other end.

    A message is a byte, with the end of the leash and the command's three streams.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are meant for the command
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries the guards
    gc.disable()
    gc.freeze()  # or each guard copies it all
    while True:
        message, given, *_ = socket.recv_fds(control, 1, 4, _CLOEXEC)
        if not message:
            return
        if len(given) == 4:
            _bear(control, given)
        for descriptor in given:
            os.close(descriptor)


def _bear(control: socket.socket, given: list[int]) -> None:
    try:
        pid = os.fork()
    except OSError as error:
        _tell(given[0], -(error.errno or 1))
        return
    if pid == 0:
        try:
            control.close()
            _guard(*given)
        except BaseException:  # noqa: BLE001 - it must not become a second nursery
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)


def _guard(leash: int, *streams: int) -> None:
    """Do what the leash brings: the words, environment, folder and limits of a command.

    The bot is told this process's number, or why it cannot be; at the end the exit code,
    and whether all is gone that came of the command. The command begins only after the
    first, and not once the bot has ended.
    """
    os.set_inheritable(leash, False)  # noqa: FBT003 - no keyword there
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size = int.from_bytes(_read(leash, 8), "little")
    argv, environment, cwd, limits = marshal.loads(_read(leash, size))  # noqa: S302 - the bot's
    os.setsid()
    for wanted, stream in enumerate(streams):
        os.dup2(stream, wanted)
        os.close(stream)
    try:
        if cwd:
            os.chdir(cwd)
    except OSError as error:
        _tell(leash, -(error.errno or 1))
        return
    _tell(leash, os.getpid())
    _run(leash, limits, argv, environment)


def _read(leash: int, size: int) -> bytes:
    """Return so many bytes; end where the bot ends before it has sent them."""
    data = bytearray()
    while len(data) < size:
        piece = os.read(leash, size - len(data))
        if not piece:
            os._exit(1)
        data += piece
    return bytes(data)


def _tell(leash: int, *numbers: int) -> None:
    with contextlib.suppress(
        BrokenPipeError, ConnectionResetError
    ):  # the bot has ended
        os.write(leash, b"".join(n.to_bytes(4, "little", signed=True) for n in numbers))


def _run(
    leash: int,
    limits: dict[str, int],
    argv: list[bytes],
    environment: dict[bytes, bytes],
) -> None:
    """Run *argv* within *limits*, and tell how it ended."""
    if _IS_LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    guard = os.getpid()
    if _is_loose(leash, seconds=0):
        return
    try:
        command = os.fork()
    except OSError as error:
        print(f"fork: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        _tell(leash, _TRY_AGAIN, _IS_LINUX)
        return
    if command == 0:
        _become(argv, environment, limits, guard)
    most = limits.get("RLIMIT_NPROC", 0) if _IS_LINUX and os.geteuid() == 0 else 0
    stderr = os.dup(2) if most else -1
    _let_go_of_streams()
    if most:
        _come_first()
    code = _wait(leash, woken, command, most, stderr)
    is_clean = _end_leftovers(leash)
    _tell(leash, code, is_clean)


def _become(
    argv: list[bytes],
    environment: dict[bytes, bytes],
    limits: dict[str, int],
    guard: int,
) -> None:
    """Turn this process into the command."""
    signal.set_wakeup_fd(-1)
    # Ignored by this guard, by Python, or by the shell that began the bot behind it.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    for name, wanted in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            most = resource.getrlimit(kind)[1]
            value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
            resource.setrlimit(kind, (value, value))
    if _IS_LINUX:
        try:  # when memory runs out, the kernel takes commands before the bot
            with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123 - lean
                file.write("500")
        except OSError as error:
            print(f"oom_score_adj: {error.strerror}", file=sys.stderr)  # noqa: T201
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(1)
    try:
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - the operator's own words
    except OSError as error:
        os.write(2, argv[0] + f": {error.strerror}\n".encode())
        os._exit(127)


def _let_go_of_streams() -> None:
    """Leave them to the command: nobody waits for a stream that only this one holds."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    os.close(nothing)


def _come_first() -> None:
    """Run before thousands that want to: whoever counts them must not wait in line."""
    how = os.SCHED_RR | os.SCHED_RESET_ON_FORK
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, how, os.sched_param(1))


def _wait(leash: int, woken: int, command: int, most: int, stderr: int) -> int:
    """Return the exit code of the command, unless the bot ends first.

    One that has more than *most* processes is ended: the kernel excepts root. With 0 it
    sees to that itself.
    """
    while True:
        if _is_loose(leash, woken, _COUNT_SECONDS if most else None):
            _kill_all()
            os._exit(1)
        # It cannot have more than there are in all: that is quickly told.
        if most and len(os.listdir("/proc")) > most:  # noqa: PTH208 - lean
            count = len(_descendants())
            if count > most:
                _kill_all()
                os.write(stderr, f"too many processes: {count}\n".encode())
                return 1
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        status = _reap(command)
        if status is not None:
            return os.waitstatus_to_exitcode(status)


def _is_loose(leash: int, woken: int = -1, seconds: float | None = None) -> bool:
    """Wait for the leash or another child to end; return whether the leash has."""
    both = select.poll()  # select() takes no number above 1,023
    for end in (leash, woken):
        if end >= 0:
            both.register(end, select.POLLIN)
    ready = both.poll(None if seconds is None else 1000 * seconds)
    return leash in (end for end, _ in ready)


def _reap(command: int = 0) -> int | None:
    """Take the status of all that ended; return the command's if it is among them.

    Raises ``ChildProcessError`` when there is no child left, and never did for the
    command.
    """
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == command and pid:
            return status
        if not pid:
            return None


def _end_leftovers(leash: int) -> bool:
    """End what the command left in the background: asked first, then killed.

    Return whether nothing is left, where that can be told.
    """
    kill_at = time.monotonic() + _LEFTOVER_SECONDS  # noqa: TID251 - no clock here
    asked: set[int] = set()
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < kill_at:  # noqa: TID251 - no clock here
            _reap()
            found = _descendants()
            _send(signal.SIGTERM, found - asked)
            asked |= found
            if _is_loose(leash, seconds=_LOOK_SECONDS):
                break
    return _kill_all()


def _kill_all() -> bool:
    """Kill until nobody is left: each level's children come here when it is gone."""
    give_up_at = time.monotonic() + _UNKILLABLE_SECONDS  # noqa: TID251 - no clock here
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < give_up_at:  # noqa: TID251 - no clock here
            _reap()
            _send(signal.SIGKILL, _descendants())
            time.sleep(_LOOK_SECONDS / 10)
        return False
    return _IS_LINUX


def _send(number: int, pids: set[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _descendants() -> set[int]:
    """Return the processes below this one; without /proc, kill the group and end."""
    if not _IS_LINUX:
        os.killpg(0, signal.SIGKILL)
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib takes longer to import
        if name.isdigit():
            with (
                contextlib.suppress(OSError),
                open(f"/proc/{name}/stat", "rb") as file,  # noqa: PTH123 - lean
            ):
                # The name of a program may hold spaces and brackets.
                parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    pending = [os.getpid()]
    while pending:
        below = children.get(pending.pop(), [])
        pending += below
        found.update(below)
    return found


if __name__ == "__main__":
    while (_free := os.open(os.devnull, os.O_RDWR)) < 3:
        pass  # a bot without streams: what is received must not become one
    os.close(_free)
    nurse(socket.socket(fileno=int(sys.argv[1])))
