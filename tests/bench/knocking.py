"""Deliveries that nobody acts on, at a steady rate, from a process of their own.

``python -m tests.bench.knocking PORT SECRET RATE SECONDS`` prints how long each took to
be answered, in seconds, as a JSON list.
"""

import asyncio
import json
import sys

import psutil

from tests.bench.bench_deliveries import CLOSED, Load, Server, guids, open_loop


async def main(port: int, secret: str, rate: float, seconds: float) -> None:
    """Send, and print."""
    server = Server(psutil.Process(), port)
    load = Load.of("issues", CLOSED, secret)
    took = await open_loop(server, load, guids(), rate=rate, seconds=seconds)
    sys.stdout.write(json.dumps(took))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], *map(float, sys.argv[3:])))
