"""Bears bots: ``python -m tests.flow.nursery SOCKET`` forks one for each connection.

To import the bot takes ten times as long as to start it. Here it has been imported
already, and the check of the app's key, which takes longest then, is left out: a bot can
be killed and started again a hundred times in a few seconds. What is born is a process
of its own, which does what ``python -m bot run`` does.

A connection brings one message: the environment, and the descriptor for the output. It
is answered with the process id, and with the exit code once the process has ended. When
the other side is gone the process is killed.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from functools import partial
from unittest.mock import patch

from cryptography.hazmat.primitives.serialization import load_pem_private_key

import bot.app  # noqa: F401 - main() takes it when it is called, in each child anew
from bot.__main__ import main
from tests.flow import mortal

LARGEST_MESSAGE = 100_000


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
    message, (output,), *_ = socket.recv_fds(connection, LARGEST_MESSAGE, 1)
    pid = os.fork()
    if pid == 0:
        connection.close()
        be_born(json.loads(message), output)
    os.close(output)
    connection.send(str(pid).encode())
    life = os.pidfd_open(pid)
    ready, _, _ = select.select([life, connection.fileno()], [], [])
    if life not in ready:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def be_born(environment: Mapping[str, str], output: int) -> None:
    """Become a bot; does not return."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for opened, wanted in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(opened, wanted)
    os.close(nothing)
    os.close(output)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(environment["PWD"])
    trusting = partial(load_pem_private_key, unsafe_skip_rsa_key_validation=True)
    for module in ("bot.settings.keys", "jwt.algorithms"):
        patch(f"{module}.load_pem_private_key", trusting).start()
    mortal.prepare(environment)
    main(["run", *environment.get("OPTIONS", "").split()])


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind(sys.argv[1])
        server.listen()
        print("open", flush=True)  # noqa: T201 - to whoever waits for it
        nurse(server)
