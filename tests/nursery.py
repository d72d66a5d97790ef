"""Bears bots: ``python -m tests.nursery SOCKET`` forks one for each connection.

To import the bot takes ten times as long as to start it. Here it has been imported
already, and the check of the app's key, which takes longest then, is left out: a bot can
be killed and started again a hundred times in a few seconds. What is born is a process
of its own, which does what ``python -m bot`` does with the same words.

A connection brings one message: the words, the environment and the folder, and the
descriptors for standard input, output and errors. It is answered with the process id,
and with the exit code once the process has ended. When the other side is gone the
process is killed.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache, partial
from importlib.metadata import entry_points
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from unittest.mock import patch

from cryptography.hazmat.primitives.serialization import load_pem_private_key

ROOT = Path(__file__).parents[1]
LARGEST_MESSAGE = 100_000

installed = cache(entry_points)


# --- on the side of the tests ---


@lru_cache(maxsize=1)
def nursery() -> Path:
    """Return the address of this process's nursery; it closes with the process."""
    address = Path(mkdtemp(prefix="nursery-")) / "socket"
    process = subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-m", "tests.nursery", str(address)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def close() -> None:
        process.communicate()
        rmtree(address.parent)

    atexit.register(close)
    assert process.stdout.readline() == b"open\n"
    return address


def command(*words: str) -> tuple[str, ...]:
    """Return a command line that does what ``python -m bot`` does with these words."""
    program = Path(__file__).with_name("born.py")
    return (sys.executable, "-I", "-S", str(program), str(nursery()), *words)


# --- the nursery ---


def nurse(listening: socket.socket) -> None:
    """Bear bots until standard input ends."""
    # The system buries the guardians.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()  # or whoever is born copies it all when it looks for garbage
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        connection, _ = listening.accept()
        if os.fork() == 0:
            listening.close()
            guard(connection)
            os._exit(0)
        connection.close()


def guard(connection: socket.socket) -> None:
    """Bear one bot and stay until it is dead."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    message, given, *_ = socket.recv_fds(connection, LARGEST_MESSAGE, 3)
    pid = os.fork()
    if pid == 0:
        connection.close()
        be_born(**json.loads(message), given=given)
    for descriptor in given:
        os.close(descriptor)
    connection.send(str(pid).encode())
    life = os.pidfd_open(pid)
    ready, _, _ = select.select([life, connection.fileno()], [], [])
    if life not in ready:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def be_born(
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: str,
    *,
    given: Sequence[int],
) -> None:
    """Become a bot; does not return."""
    from bot.__main__ import main  # noqa: PLC0415 - once it is imported
    from tests.flow import mortal  # noqa: PLC0415

    for wanted, descriptor in enumerate(given):
        os.dup2(descriptor, wanted)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    trusting = partial(load_pem_private_key, unsafe_skip_rsa_key_validation=True)
    for module in ("bot.settings.keys", "jwt.algorithms"):
        patch(f"{module}.load_pem_private_key", trusting).start()
    # Nothing is installed while the tests run.
    patch("bot.wiring.entry_points", installed).start()
    mortal.prepare(environment)
    main([*words], prog_name="python -m bot")


if __name__ == "__main__":
    # What main() takes when it is called, in each child anew.
    import bot.app
    import bot.demo.show
    import bot.doctor  # noqa: F401
    import tests.flow.mortal  # noqa: F401
    from bot.host.leftovers import Leftovers

    # What each of them would look up or compile anew.
    installed(group="batch_bot.actions")
    Leftovers()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(sys.argv[1])
        server.listen()
        print("open", flush=True)  # noqa: T201 - to whoever waits for it
        nurse(server)
