"""The bot as a process of its own, killed at chosen moments and started again."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import yaml
from aiohttp import web

from bot.core.model import ItemState
from bot.host.clock import SystemClock
from bot.host.folders import Folders
from tests.flow.world import REPOSITORY, WORKER, World, world

ROOT = Path(__file__).parents[2]
START_SECONDS = 30.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Scythe:
    """Kills the bot around its n-th request that changes something on GitHub.

    *before*: GitHub never sees the request. *after*: GitHub has done it, and the answer
    finds nobody.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.side = ""
        self.left = 0  # requests until it falls; 0: never

    def aim(self, side: str, number: int) -> None:
        self.side = side if side in ("before", "after") else ""
        self.left = number

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if not self.side or not _is_change(request):
            return await handler(request)
        self.left -= 1
        if self.left != 0 or not self.pid:
            return await handler(request)
        if self.side == "before":
            os.kill(self.pid, signal.SIGKILL)
            return web.Response(status=502)
        response = await handler(request)
        os.kill(self.pid, signal.SIGKILL)
        return response


def _is_change(request: web.Request) -> bool:
    path = request.path
    if path.endswith("/access_tokens"):
        return False
    if path.startswith("/api/"):
        return request.method != "GET" and not path.endswith("/graphql")
    return request.method == "POST" and path.endswith("/git-receive-pack")


class Child:
    """The bot's process. It may be dead."""

    def __init__(self, on: World, scythe: Scythe) -> None:
        self._on = on
        self._scythe = scythe
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.lines: list[str] = []  # what it logged, of all its lives
        self.lives = 0
        self.url = ""

    async def start(self, *, die: str = "", **variables: str) -> None:
        """Start it and return once it listens, or is dead."""
        file = self._on.folder / "batch-bot.yml"
        argv = [sys.executable, str(WORKER)]
        file.write_text(yaml.safe_dump({"commands": {"implement": argv}}))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "LOG_FORMAT": "json",
            "BATCH_SETTINGS_FILE": str(file),
            **self._on.environment(),
            **variables,
        }
        module = "bot"
        if die:
            module, environment["DIE"] = "tests.flow.mortal", die
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, "run"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            cwd=self._on.folder,
        )
        self._scythe.pid = self._process.pid
        self.lives += 1
        ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._process, ready))
        async with asyncio.timeout(START_SECONDS):
            await ready.wait()

    async def _read(
        self, process: asyncio.subprocess.Process, ready: asyncio.Event
    ) -> None:
        assert process.stdout is not None
        async for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            self.lines.append(line)
            if '"ready"' in line:
                self.url = json.loads(line)["url"]
                hook = f"{self.url}/api/github/webhooks"
                self._on.sandbox.set_webhook_url(hook)
                ready.set()
        await process.wait()
        ready.set()

    @property
    def is_dead(self) -> bool:
        return self._process is None or self._process.returncode is not None

    async def gone(self) -> int:
        """Wait until it is dead; return the exit code, negative for a signal."""
        assert self._process is not None
        assert self._reading is not None
        await self._reading
        self._scythe.pid = 0
        assert self._process.returncode is not None
        return self._process.returncode

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def stop(self) -> int:
        """End it in order; return the exit code."""
        self.signal(signal.SIGTERM)
        return await self.gone()

    async def kill(self) -> None:
        if not self.is_dead:
            self.signal(signal.SIGKILL)
        if self._process is not None:
            await self.gone()


@asynccontextmanager
async def mortal_world(folder: Path) -> AsyncIterator[tuple[World, Scythe, Child]]:
    """Yield a world in everybody's time, and a bot that has not been started."""
    scythe = Scythe()
    clock = SystemClock()
    async with world(folder, clock=clock, middlewares=[scythe.middleware]) as on:
        on.sandbox.set_webhook_url("http://127.0.0.1:9/")  # nobody is there yet
        child = Child(on, scythe)
        try:
            yield on, scythe, child
        except AssertionError as error:
            error.add_note("\n".join(["The bot's log ends with:", *child.lines[-20:]]))
            raise
        finally:
            await child.kill()


def processes_of(folder: Path) -> list[int]:
    """Return the processes that the bot of *folder* started, and theirs."""
    host = Folders(folder / "data" / "host").host
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("BATCH_HOST") == host:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def assert_once(on: World, *, batches: int) -> None:
    """Check that nothing was lost and nothing happened twice.

    Issues whose number is below 16 are implemented, 16 is commented on, 17 labelled
    and 18 closed.
    """
    comments = Counter(c.body.splitlines()[0] for c in on.thread().comments)
    own = {first: n for first, n in comments.items() if "batch-bot:" in first}
    assert set(own.values()) == {1}, own
    kinds = Counter(first.split()[1] for first in own)
    assert kinds == {"batch-bot:tracking": batches, "batch-bot:report": batches}
    opened = [t for t in on.repository.threads.values() if t.pull]
    assert len(opened) == len(on.pull_requests())
    assert len(on.comments("comment", on=16)) == 1
    assert [label.name for label in on.thread(17).labels] == ["ready"]
    assert not on.thread(18).is_open
    events = Counter((e.kind, e.detail) for e in on.thread(17).events)
    assert events["labeled", "ready"] == 1
    closings = [e for e in on.thread(18).events if e.kind == "closed"]
    assert len(closings) == 1
    undone = [
        key for (key,) in on.rows("SELECT key FROM effects WHERE receipt IS NULL")
    ]
    # A pin is of no use any more when its batch is over.
    assert [key for key in undone if not key.endswith("/pin")] == []
    states = Counter(state for (state,) in on.rows("SELECT state FROM items"))
    assert set(states) == {ItemState.COMPLETED}, states
    ends = on.rows(
        "SELECT batch, item, count(*) FROM events"
        " WHERE kind = 'ItemEnded' GROUP BY batch, item HAVING count(*) > 1"
    )
    assert ends == []
    reports = "SELECT batch FROM events WHERE kind = 'Reported'"
    assert len(set(on.rows(reports))) == len(on.rows(reports)) == batches
    assert processes_of(on.folder) == []
    attempts = on.folder / "data" / "host" / "attempts"
    assert [*attempts.iterdir()] == [] if attempts.exists() else True


def open_issues(on: World) -> None:
    on.issue(12, "write file12.txt hello")
    on.issue(15, "write file15.txt hello")
    for number in (16, 17, 18):
        on.issue(number)
    on.sandbox.add_label(REPOSITORY, "ready")


COMMANDS = (
    "/batch 15 after:12 12 close:18\n"
    '/batch comment "All done." 16\n'
    "/batch label +ready 17"
)
BATCHES = 3


def is_over(on: World) -> bool:
    """Whether every batch has had its last word: the reaction to the command."""
    done = (
        "SELECT count(*) FROM effects WHERE key GLOB '*/reaction' AND receipt NOTNULL"
    )
    return on.rows(done) == [(BATCHES,)]
