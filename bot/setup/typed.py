"""What is typed in the terminal, or comes through a pipe, while something else goes on."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

MOST_BYTES = 65_536


async def lines() -> AsyncIterator[str]:
    """Yield the lines of the standard input until it ends; none where it is a file."""
    loop, waiting = asyncio.get_running_loop(), asyncio.Queue[bytes]()
    try:
        number = sys.stdin.fileno()
    except (ValueError, OSError, AttributeError):  # there is none
        return

    def read() -> None:
        try:
            chunk = os.read(number, MOST_BYTES)
        except BlockingIOError:
            return
        except OSError:  # the terminal is gone
            chunk = b""
        if not chunk:
            loop.remove_reader(number)
        waiting.put_nowait(chunk)

    try:
        loop.add_reader(number, read)
    except PermissionError:  # a file, or /dev/null, which is always ready
        return
    left = b""
    try:
        while chunk := await waiting.get():
            *whole, left = (left + chunk).split(b"\n")
            for line in whole:
                yield line.decode(errors="replace")
    finally:
        loop.remove_reader(number)
