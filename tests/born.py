"""``python -I -S born.py SOCKET WORD…``: ``python -m bot WORD…`` without its imports.

The bot is born in the nursery (``tests.nursery``), with the environment, the folder and
the standard streams of this process, which passes signals on and ends as the bot does.
"""

import json
import os
import signal
import socket
import sys

with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as nursery:
    nursery.connect(sys.argv[1])
    message = {
        "words": sys.argv[2:],
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109 - fewer imports
    }
    socket.send_fds(nursery, [json.dumps(message).encode()], [0, 1, 2])
    pid = int(nursery.recv(64))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    for stream in (0, 1, 2):
        os.close(stream)  # or who reads what the bot writes would not see it end
    code = int(nursery.recv(64))
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
