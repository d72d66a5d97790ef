"""The parent of each command: ends all that came of it when the command or the bot ends.

It runs as a program, in an interpreter of its own, and imports nothing of the bot. One
end of a pipe, the leash, is the bot's alone: however the bot ends, the other end here
says so. What is started becomes a child of this process even where it daemonises.
"""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time

_LEFTOVER_SECONDS = 1.0
"""What processes in the background have to end themselves once the command has."""

_UNKILLABLE_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_COUNT_SECONDS = 0.1
_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IS_LINUX = sys.platform == "linux"


def main(leash: int, limits: dict[str, int], argv: list[str]) -> None:
    """Run *argv* within *limits*, and end as it ends."""
    os.set_inheritable(leash, False)  # noqa: FBT003 - no keyword there
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # they are meant for the command
    if _IS_LINUX:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    guard = os.getpid()
    try:
        command = os.fork()
    except OSError as error:
        print(f"fork: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(_TRY_AGAIN)
    if command == 0:
        _become(argv, limits, guard)
    most = limits.get("RLIMIT_NPROC", 0) if _IS_LINUX and os.geteuid() == 0 else 0
    stderr = os.dup(sys.stderr.fileno()) if most else -1
    _let_go_of_streams()
    if most:
        _come_first()
    status = _wait(leash, woken, command, most, stderr)
    _end_leftovers(leash)
    _end_as(status)


def _become(argv: list[str], limits: dict[str, int], guard: int) -> None:
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
        os.execvp(argv[0], argv)  # noqa: S606 - the operator's own words
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
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
    """Return the status of the command, unless the bot ends first.

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
                os._exit(1)
        with contextlib.suppress(BlockingIOError):
            os.read(woken, 4096)
        status = _reap(command)
        if status is not None:
            return status


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


def _end_leftovers(leash: int) -> None:
    """End what the command left in the background: asked first, then killed."""
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
    _kill_all()


def _kill_all() -> None:
    """Kill until nobody is left: each level's children come here when it is gone."""
    give_up_at = time.monotonic() + _UNKILLABLE_SECONDS  # noqa: TID251 - no clock here
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < give_up_at:  # noqa: TID251 - no clock here
            _reap()
            _send(signal.SIGKILL, _descendants())
            time.sleep(_LOOK_SECONDS / 10)


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


def _end_as(status: int) -> None:
    """End with the command's exit code, or of the signal that ended it."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _limits(told: str) -> dict[str, int]:
    """Read ``NAME=1 NAME=2``: to import JSON is a fifth of the time of a start."""
    pairs = (limit.split("=") for limit in told.split())
    return {name: int(number) for name, number in pairs}


if __name__ == "__main__":
    main(int(sys.argv[1]), _limits(sys.argv[2]), sys.argv[3:])
