"""How many deliveries a second are acknowledged durably, and how soon.

``python -m tests.bench.bench_deliveries [DIRECTORY]`` runs the real routes on the real
store, and a bare aiohttp echo beside them for scale. The server has one processor and
the load another. DIRECTORY is where the database is put: the disk is part of the answer.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from click import echo

from tests.web.serving import SECRET

BODY = json.dumps(
    {
        "action": "created",
        "issue": {"number": 12, "title": "A title", "body": "Some text. " * 500},
        "comment": {"id": 991, "body": "/batch 12 15 18", "user": {"login": "ada"}},
        "repository": {
            "full_name": "acme/widgets",
            **{
                f"{n}_url": f"https://api.github.test/repos/acme/{n}"
                for n in range(140)
            },
        },
        "installation": {"id": 7},
    }
).encode()
CONNECTIONS = 128
ROUNDS = 5


class Connection(asyncio.Protocol):
    """One keep-alive connection that posts one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end or self._answer is None or self._answer.done():
            return
        length = int(head.lower().partition(b"content-length:")[2].split(None, 1)[0])
        if len(body) >= length:
            self._received = b""
            self._answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError())

    async def post(self, guid: str) -> int:
        """Return the status of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request(guid))
        return await self._answer

    def close(self) -> None:
        if self._transport:
            self._transport.close()


_HEAD = (
    "POST / HTTP/1.1\r\nHost: bot.test\r\nUser-Agent: GitHub-Hookshot/044aadd\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
    "X-GitHub-Event: issue_comment\r\nX-Hub-Signature-256: sha256="
    f"{hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()}\r\n"
)


def request(guid: str) -> bytes:
    return f"{_HEAD}X-GitHub-Delivery: {guid}\r\n\r\n".encode() + BODY


def guids() -> Iterator[str]:
    prefix = str(uuid.uuid4())[:24]
    return (f"{prefix}{n:012x}" for n in itertools.count())


@contextlib.asynccontextmanager
async def server(
    database: str,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Yield a server and its port. It is killed at the end, in the middle of its work."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.web.serving", database, str(PROCESSORS[0])),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        yield process, int(await process.stdout.readline())
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def connections(port: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(Connection, "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]


async def closed_loop(
    port: int, ids: Iterator[str], *, seconds: float, acknowledged: list[str]
) -> float:
    """Return answers a second with every connection busy all the time."""
    ends_at = time.monotonic() + seconds

    async def work(connection: Connection) -> int:
        count = 0
        while time.monotonic() < ends_at:
            guid = next(ids)
            status = await connection.post(guid)
            assert status in (200, 202), status
            acknowledged.append(guid)
            count += 1
        connection.close()
        return count

    counts = await asyncio.gather(*map(work, await connections(port)))
    return sum(counts) / seconds


async def open_loop(
    port: int,
    ids: Iterator[str],
    *,
    rate: float,
    seconds: float,
    acknowledged: list[str],
) -> list[float]:
    """Return the latencies of requests sent at a steady rate, late ones included."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in await connections(port):
        free.put_nowait(connection)
    latencies: list[float] = []

    async def one(due: float) -> None:
        connection = await free.get()
        guid = next(ids)
        await connection.post(guid)
        latencies.append(time.monotonic() - due)
        acknowledged.append(guid)
        free.put_nowait(connection)

    began = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            due = began + number / rate
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one(due))
    while not free.empty():
        free.get_nowait().close()
    return sorted(latencies)


async def killed_while_busy(database: str, ids: Iterator[str]) -> list[str]:
    """Return what was acknowledged by a server that was killed under load."""
    acknowledged: list[str] = []
    async with server(database) as (process, port):
        load = asyncio.create_task(
            closed_loop(port, ids, seconds=30, acknowledged=acknowledged)
        )
        await asyncio.sleep(1.5)
        process.kill()
        with contextlib.suppress(ConnectionError):
            await load
    return acknowledged


def missing(database: str, acknowledged: list[str]) -> int:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute(
            "SELECT guid, length(body) FROM deliveries JOIN delivery_bodies"
            " ON delivery_id = id"
        )
        stored = {guid for guid, size in rows if size == len(BODY)}
    return len(set(acknowledged) - stored)


async def main(directory: str | None, rate: float, seconds: float) -> None:
    ids = guids()
    acknowledged: list[str] = []
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        database = str(Path(folder) / "batch.db")
        ratios: list[float] = []
        async with server("echo") as (_, echo_port), server(database) as (_, port):
            for _ in range(ROUNDS):
                echoed = await closed_loop(
                    echo_port, ids, seconds=seconds, acknowledged=[]
                )
                stored = await closed_loop(
                    port, ids, seconds=seconds, acknowledged=acknowledged
                )
                ratios.append(stored / echoed)
                echo(
                    f"echo {echoed:6.0f}/s  durable {stored:6.0f}/s  ratio {ratios[-1]:.2f}"
                )
            latencies = await open_loop(
                port, ids, rate=rate, seconds=2 * seconds, acknowledged=acknowledged
            )
        acknowledged += await killed_while_busy(database, ids)
        lost = missing(database, acknowledged)
    p50, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.99))
    echo(f"body {len(BODY)} bytes, {CONNECTIONS} connections, {ROUNDS} rounds")
    echo(f"ratio to the echo: {statistics.median(ratios):.2f} (median)")
    echo(f"at {rate:.0f}/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    echo(f"acknowledged {len(acknowledged)}, missing after SIGKILL: {lost}")
    if lost:
        sys.exit(1)


PROCESSORS = sorted(os.sched_getaffinity(0))

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", help="default: the system's")
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    os.sched_setaffinity(0, {PROCESSORS[-1]})
    asyncio.run(main(options.directory, options.rate, options.seconds))
