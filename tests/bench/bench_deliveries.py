"""How many deliveries a second the bot acknowledges durably, and what each costs.

Run ``python -m tests.bench.bench_deliveries [DIRECTORY]``. The real process, ``python -m
bot run`` before the local GitHub, is sent deliveries over HTTP, beside a bare aiohttp
echo that is sent the same. Both have one processor, and the load another. The time of the
processor is counted until the inbox is empty. DIRECTORY is where the database is put: the
disk is part of the answer.
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
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from yarl import URL

from bot.host.clock import SystemClock
from bot.logs import configure_logging
from tests.bench.figures import Figure, report
from tests.flow.world import World, world

ROOT = Path(__file__).parents[2]
CONNECTIONS = 128
ROUNDS = 5
ECHO = "a bare aiohttp echo"
PROCESSORS = sorted(os.sched_getaffinity(0))

WHERE = {
    "repository": {
        "id": 1296269,
        "full_name": "acme/widgets",
        **{f"{n}_url": f"https://api.github.test/repos/acme/{n}" for n in range(140)},
    },
    "installation": {"id": 7},
    "sender": {"login": "batch-bot[bot]", "type": "Bot"},
}
ISSUE = {"number": 12, "title": "A title", "body": "Some text. " * 500}
LABELLED = {"action": "labeled", "issue": ISSUE, "label": {"name": "ready"}, **WHERE}
CLOSED = {"action": "closed", "issue": ISSUE, **WHERE}


@dataclass(frozen=True, slots=True)
class Load:
    """One delivery again and again, under GUIDs of its own."""

    event: str
    body: bytes
    head: bytes

    @classmethod
    def of(cls, event: str, payload: dict[str, Any], secret: str) -> "Load":
        body = json.dumps(payload).encode()
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        head = (
            "POST / HTTP/1.1\r\nHost: bot.test\r\nUser-Agent: GitHub-Hookshot/044aadd\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-GitHub-Event: {event}\r\nX-Hub-Signature-256: sha256={digest}\r\n"
        )
        return cls(event, body, head.encode())

    def request(self, guid: str) -> bytes:
        return b"%sX-GitHub-Delivery: %s\r\n\r\n%s" % (
            self.head,
            guid.encode(),
            self.body,
        )


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

    async def post(self, request: bytes) -> int:
        """Return the status of the answer."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        if self._transport:
            self._transport.close()


def guids() -> Iterator[str]:
    prefix = str(uuid.uuid4())[:24]
    return (f"{prefix}{n:012x}" for n in itertools.count())


@dataclass(frozen=True, slots=True)
class Server:
    """A process that takes deliveries. ``database`` is the bot's; the echo has none."""

    process: psutil.Process
    port: int
    database: Path | None = None

    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def left(self) -> int:
        """Return how many deliveries nobody has dealt with."""
        if self.database is None:
            return 0
        query = "SELECT count(*) FROM deliveries WHERE outcome IS NULL"
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return int(connection.execute(query).fetchone()[0])


@contextlib.asynccontextmanager
async def on_first_processor(
    *argv: str, **more: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Yield a process; it is killed at the end, in the middle of its work."""
    os.sched_setaffinity(0, {PROCESSORS[0]})
    try:
        process = await asyncio.create_subprocess_exec(sys.executable, *argv, **more)
    finally:
        os.sched_setaffinity(0, {PROCESSORS[-1]})
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[Server]:
    """Yield a server that says what it hears."""
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    argv = ("-m", "tests.bench.echo", str(PROCESSORS[0]))
    async with on_first_processor(*argv, stdout=pipe, stderr=nothing) as process:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        yield Server(psutil.Process(process.pid), port)


@contextlib.asynccontextmanager
async def bot(on: World) -> AsyncIterator[Server]:
    """Yield the bot, in front of a GitHub of its own."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    environment |= {"LOG_FORMAT": "json", **on.environment()}
    log = on.folder / "bot.log"
    with log.open("wb") as file:
        argv = ("-m", "bot", "run")
        async with on_first_processor(
            *argv, cwd=on.folder, env=environment, stderr=file
        ) as process:
            url = await address(log, process)
            yield Server(
                psutil.Process(process.pid),
                URL(url).port or 0,
                on.folder / "data" / "batch.db",
            )


async def address(log: Path, process: asyncio.subprocess.Process) -> str:
    """Return where a bot listens, once its *log* says so."""
    while process.returncode is None:
        for line in (await asyncio.to_thread(log.read_text)).splitlines():
            if line.endswith("}") and json.loads(line)["event"] == "ready":
                return str(json.loads(line)["url"])
        await asyncio.sleep(0.05)
    raise AssertionError(await asyncio.to_thread(log.read_text))


async def connections(port: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(Connection, "127.0.0.1", port))[1]
        for _ in range(CONNECTIONS)
    ]


@dataclass(frozen=True, slots=True)
class Round:
    """What a server made of a load: answers a second, and its processor's time each."""

    rate: float
    cpu_seconds: float


async def closed_loop(
    server: Server,
    load: Load,
    ids: Iterator[str],
    *,
    seconds: float,
    acknowledged: list[str],
) -> Round:
    """Keep every connection busy all the time, and wait until nothing is left to do."""
    open_ones = await connections(server.port)
    spent = server.cpu_seconds()
    began = time.monotonic()

    async def work(connection: Connection) -> int:
        count = 0
        while time.monotonic() < began + seconds:
            guid = next(ids)
            status = await connection.post(load.request(guid))
            assert status in (200, 202), status
            acknowledged.append(guid)
            count += 1
        connection.close()
        return count

    count = sum(await asyncio.gather(*map(work, open_ones)))
    while server.left():  # noqa: ASYNC110 - another process's
        await asyncio.sleep(0.02)
    took = time.monotonic() - began
    return Round(count / took, (server.cpu_seconds() - spent) / count)


async def open_loop(
    server: Server, load: Load, ids: Iterator[str], *, rate: float, seconds: float
) -> list[float]:
    """Return the latencies of requests sent at a steady rate, late ones included."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in await connections(server.port):
        free.put_nowait(connection)
    latencies: list[float] = []

    async def one(due: float) -> None:
        connection = await free.get()
        await connection.post(load.request(next(ids)))
        latencies.append(time.monotonic() - due)
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


async def killed_while_busy(on: World, load: Load, ids: Iterator[str]) -> list[str]:
    """Return what was acknowledged by a bot that was killed under load."""
    acknowledged: list[str] = []
    async with bot(on) as server:
        busy = asyncio.create_task(
            closed_loop(server, load, ids, seconds=30, acknowledged=acknowledged)
        )
        await asyncio.sleep(1.5)
        server.process.kill()
        with contextlib.suppress(ConnectionError, psutil.Error):
            await busy
    return acknowledged


def missing(database: Path, acknowledged: Sequence[str]) -> int:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        stored = {guid for (guid,) in connection.execute("SELECT guid FROM deliveries")}
    return len(set(acknowledged) - stored)


def started(echoing: Server, taking: Server) -> list[Figure]:
    """Return what a start takes, and what the bot that does nothing holds."""
    spent = taking.cpu_seconds()
    held = taking.process.memory_info().rss
    bare = echoing.process.memory_info().rss
    return [
        Figure(
            "CPU of a start",
            spent / echoing.cpu_seconds(),
            ECHO,
            "lower",
            f"{spent:.2f} s",
        ),
        Figure("memory when idle", held / bare, ECHO, "lower", f"{held >> 20} MiB"),
    ]


async def compared(
    echoing: Server, taking: Server, load: Load, ids: Iterator[str], seconds: float
) -> tuple[float, str]:
    """Return how many deliveries a processor takes against echoes, in alternating rounds.

    The rates themselves are those of whoever sends, where that is slower.
    """
    costs, rates, spent = [], [], []
    for _ in range(ROUNDS):
        bare = await closed_loop(echoing, load, ids, seconds=seconds, acknowledged=[])
        ours = await closed_loop(taking, load, ids, seconds=seconds, acknowledged=[])
        costs.append(bare.cpu_seconds / ours.cpu_seconds)
        rates.append(ours.rate / bare.rate)
        spent.append(ours.cpu_seconds)
    each = f"{statistics.median(spent) * 1e6:.0f} us of CPU each"
    return (
        statistics.median(costs),
        f"{each}; sent from one processor, {statistics.median(rates):.2f} of its rate",
    )


async def main(directory: str | None, rate: float, seconds: float) -> None:
    configure_logging(level="error", style="json")
    ids = guids()
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        async with world(Path(folder), clock=SystemClock()) as on:
            secret = on.hub.app.webhook_secret
            chatter = Load.of("issues", LABELLED, secret)
            reason = Load.of("issues", CLOSED, secret)
            async with echo() as echoing, bot(on) as taking:
                report(started(echoing, taking))
                found = {
                    name: await compared(echoing, taking, load, ids, seconds)
                    for name, load in (("chatter", chatter), ("reasons to act", reason))
                }
                latencies = await open_loop(
                    taking, reason, ids, rate=rate, seconds=2 * seconds
                )
            acknowledged = await killed_while_busy(on, reason, ids)
            lost = missing(on.folder / "data" / "batch.db", acknowledged)
    p50, p99 = (latencies[int(len(latencies) * q)] * 1000 for q in (0.5, 0.99))
    report(
        Figure(f"deliveries of a processor, {name}", ratio, ECHO, "higher", note)
        for name, (ratio, note) in found.items()
    )
    sys.stdout.write(
        f"bodies of {len(chatter.body)} bytes, {CONNECTIONS} connections, {ROUNDS} rounds\n"
        f"at {rate:.0f}/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms\n"
        f"acknowledged {len(acknowledged)}, missing after SIGKILL: {lost}\n"
    )
    if lost:
        sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", help="default: the system's")
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    os.sched_setaffinity(0, {PROCESSORS[-1]})
    asyncio.run(main(options.directory, options.rate, options.seconds))
