"""The bot as a process of its own, killed at chosen moments and started again."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import yaml
from aiohttp import web

from bot.core import events as e
from bot.core.model import ItemState
from bot.host.clock import SystemClock
from bot.host.folders import Folders
from bot.host.nursery import NURSERY
from bot.localhub.pulls import pull_of
from bot.ports.clock import Clock
from bot.store.codec import decode_event
from tests.flow.mortal import Book, SwiftClock, plain
from tests.flow.world import REPOSITORY, WORKER, World, world
from tests.flow.writes import mutation_in, unlogged_writes
from tests.nursery import nursery

START_SECONDS = 100.0
LIFE_SECONDS = 200.0

ACTIONS = {
    12: "implement",
    15: "implement",
    16: "comment",
    17: "label",
    18: "close",
    19: "assign",
    20: "reopen",
}
"""What the stories do to which issue."""

CHANGES = {
    21: "ready",
    22: "draft",
    23: "request",
    24: "milestone",
    25: "review",
}
"""And in a story of their own, to which pull request; #24 is an issue."""

EVENTS = {
    "label": "labeled",
    "close": "closed",
    "assign": "assigned",
    "reopen": "reopened",
    "ready": "ready_for_review",
    "draft": "converted_to_draft",
    "request": "review_requested",
    "milestone": "milestoned",
}
"""What GitHub shows of it."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Scythe:
    """Kills the bot around its requests that change something on GitHub.

    *before*: GitHub never sees the request. *after*: GitHub has done it, and the answer
    finds nobody. It is aimed at the n-th request, or by a book at each that is new.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.side = ""
        self.left = 0  # requests until it falls; 0: never
        self.book: Book | None = None

    def aim(self, side: str, number: int) -> None:
        self.side = side if side in ("before", "after") else ""
        self.left = number

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if not await _is_change(request):
            return await handler(request)
        self.left -= 1
        name = await _name(request) if self.book else ""
        if self._falls("before", name):
            return web.Response(status=502)
        response = await handler(request)
        self._falls("after", name)
        return response

    def _falls(self, side: str, name: str) -> bool:
        falls = (
            self.book.enter([f"{side} request: {name}"])
            if self.book
            else self.side == side and self.left == 0
        )
        if falls and self.pid:
            with suppress(ProcessLookupError):  # it has died of something else
                os.kill(self.pid, signal.SIGKILL)
        return falls


async def _is_change(request: web.Request) -> bool:
    path = request.path
    if path.endswith("/access_tokens"):
        return False
    if path.endswith("/graphql"):
        return bool(mutation_in(await request.json()))
    if path.startswith("/api/"):
        return request.method != "GET"
    return request.method == "POST" and path.endswith("/git-receive-pack")


async def _name(request: web.Request) -> str:
    """Return what is asked for, in words that no run changes."""
    if not request.path.startswith("/api/"):
        return "push"
    _, _, path = request.path.partition(f"/{REPOSITORY}")
    if not path:  # of another repository, or of none
        path = request.path.removeprefix("/api/v3/repos")
    name = f"{request.method} {plain(path)}"
    data = await request.json() if await request.read() else {}
    if mutation := mutation_in(data):
        return mutation
    if "content" in data:
        return f"{name} {data['content']}"
    if path.endswith("/comments"):
        return f"{name} {data['body'].split()[1]}"
    return name


class Child:
    """The bot's process. It may be dead."""

    def __init__(self, on: World, scythe: Scythe) -> None:
        self._on = on
        self._scythe = scythe
        self._guardian: socket.socket | None = None
        self._living: asyncio.Task[int] | None = None
        self._ready = asyncio.Event()
        self.lines: list[str] = []  # what it logged, of all its lives
        self.lives = 0
        self.pid = 0
        self.url = ""

    async def start(self, **variables: str) -> None:
        """Start it and return once it listens or stands by, or is dead.

        *variables* are for it, and for ``mortal.prepare``; ``OPTIONS`` are of ``run``.
        """
        output = await self._born({**self._environment(), **variables})
        self._scythe.pid = self.pid
        self.lives += 1
        started, self._ready = asyncio.Event(), asyncio.Event()
        self._living = asyncio.create_task(self._live(output, started, self._ready))
        async with asyncio.timeout(START_SECONDS):
            await started.wait()

    async def ready(self) -> None:
        """Wait until it listens, or is dead."""
        async with asyncio.timeout(START_SECONDS):
            await self._ready.wait()

    def _environment(self) -> dict[str, str]:
        file = self._on.folder / "batch-bot.yml"
        argv = [sys.executable, str(WORKER)]
        file.write_text(
            yaml.safe_dump({"commands": {"implement": argv, "looker": [*argv]}})
        )
        clock = self._on.clock
        time = {}
        if isinstance(clock, SwiftClock):
            time["TIME"] = f"{clock.began}:{clock.speed}"
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "LOG_FORMAT": "json",
            "BATCH_SETTINGS_FILE": str(file),
            **time,
            **self._on.environment(),
        }

    async def _born(self, environment: Mapping[str, str]) -> asyncio.StreamReader:
        """Have it born; return what it will print."""
        read_end, write_end = os.pipe()
        address = await asyncio.to_thread(nursery)
        self._guardian = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._guardian.setblocking(False)
        self._guardian.connect(str(address))
        message = {
            "words": ["run", *environment.get("OPTIONS", "").split()],
            "environment": environment,
            "folder": str(self._on.folder),
        }
        nothing = os.open(os.devnull, os.O_RDONLY)
        streams = [nothing, write_end, write_end]
        socket.send_fds(self._guardian, [json.dumps(message).encode()], streams)
        os.close(nothing)
        os.close(write_end)
        self.pid = await self._told()
        loop = asyncio.get_running_loop()
        output = asyncio.StreamReader(limit=1 << 20)
        protocol = asyncio.StreamReaderProtocol(output)
        await loop.connect_read_pipe(lambda: protocol, os.fdopen(read_end, "rb"))
        return output

    async def _told(self) -> int:
        assert self._guardian is not None
        loop = asyncio.get_running_loop()
        return int(await loop.sock_recv(self._guardian, 64))

    async def _live(
        self,
        output: asyncio.StreamReader,
        started: asyncio.Event,
        ready: asyncio.Event,
    ) -> int:
        try:
            async for raw in output:
                line = raw.decode(errors="replace").rstrip()
                self.lines.append(line)
                if '"standing by"' in line:
                    started.set()
                if '"ready"' in line:
                    self.url = json.loads(line)["url"]
                    hook = f"{self.url}/api/github/webhooks"
                    self._on.hub.set_webhook_url(hook)
                    started.set()
                    ready.set()
            return await self._told()
        finally:
            started.set()
            ready.set()

    @property
    def is_dead(self) -> bool:
        return self._living is None or self._living.done()

    async def gone(self) -> int:
        """Wait until it is dead; return the exit code, negative for a signal."""
        assert self._living is not None
        assert self._guardian is not None
        code = await self._living
        self._scythe.pid = 0
        self._guardian.close()
        return code

    def signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it has died of something else
            os.kill(self.pid, number)

    async def stop(self) -> int:
        """End it in order; return the exit code."""
        self.signal(signal.SIGTERM)
        return await self.gone()

    async def kill(self) -> None:
        if not self.is_dead:
            self.signal(signal.SIGKILL)
        if self._living is not None:
            await self.gone()


@asynccontextmanager
async def mortal_world(
    folder: Path, *, clock: Clock | None = None
) -> AsyncIterator[tuple[World, Scythe, Child]]:
    """Yield a world, in everybody's time if no other is given, and a bot that has not
    been started.
    """
    scythe = Scythe()
    clock = clock or SystemClock()
    async with world(folder, clock=clock, middlewares=[scythe.middleware]) as on:
        on.hub.set_webhook_url("http://127.0.0.1:9/")  # nobody is there yet
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
            is_ours = process.environ().get("BATCH_HOST") == host
            if is_ours and process.pid != NURSERY.pid:  # this one may need it again
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


# --- what is to come of it -----------------------------------------------------------


DISPATCHED = (31, 32)
"""Items for each of which a workflow is run."""


def open_issues(on: World, bodies: Mapping[int, str] = MappingProxyType({})) -> None:
    """Open an issue for each kind of item."""
    for number, action in ACTIONS.items():
        does_work = action == "implement"
        body = f"write file{number}.txt hello" if does_work else ""
        on.issue(number, bodies.get(number, body))
    on.hub.close("ada", REPOSITORY, 20)
    on.hub.add_label(REPOSITORY, "ready")


def open_pull_requests(on: World) -> None:
    """Open what changes of their own state are made to."""
    for number in (21, 22, 23, 25):
        on.pull_request(number)
    on.issue(24)
    on.hub.set_draft("linus", REPOSITORY, 21, is_draft=True)
    on.hub.add_milestone("ada", REPOSITORY, "2.4")


def times_done(on: World, number: int) -> int:
    """Return how often GitHub shows the work on an item as done by the bot."""
    if number in DISPATCHED:
        runs = [r for r in on.repository.workflow_runs if r.conclusion == "success"]
        return sum(run.inputs["batch_item"] == str(number) for run in runs)
    action = {**ACTIONS, **CHANGES}[number]
    if action == "implement":
        opened = [t.pull for t in on.repository.threads.values() if t.pull]
        return sum(pull.head_ref.endswith(f"/{number}") for pull in opened)
    if action == "comment":
        return len(on.comments("comment", on=number))
    login = on.hub.app.bot.login
    if action == "review":
        reviews = pull_of(on.thread(number)).reviews
        return sum(review.author.login == login for review in reviews)
    events = [e for e in on.thread(number).events if e.actor.login == login]
    return [e.kind for e in events].count(EVENTS[action])


def states(on: World) -> dict[int, str]:
    """Return the state of each item of the bot's batches."""
    return dict(on.rows("SELECT number, state FROM items"))


def assert_sound(on: World, *, batches: int, thread: int = 40) -> None:
    """Check that nothing was lost, nothing happened twice and nothing is left over.

    What is completed is on GitHub once, what is not is not there at all.
    """
    comments = Counter(c.body.splitlines()[0] for c in on.thread(thread).comments)
    own = {first: n for first, n in comments.items() if "batch-bot:" in first}
    assert set(own.values()) == {1}, own
    kinds = Counter(first.split()[1].partition(":")[2] for first in own)
    assert kinds["tracking"] == len(on.comments("report", on=thread)) == batches
    for number, state in states(on).items():
        if number not in ACTIONS | CHANGES:
            continue  # a pull request that the bot opened
        is_done = state == ItemState.COMPLETED
        assert times_done(on, number) == is_done, f"#{number} is {state}"
        branches = [r for r in on.repository.git.refs() if r.endswith(f"/{number}")]
        assert len(branches) == (is_done and ACTIONS.get(number) == "implement")
    assert_events_sound(on)
    undone = [
        key for (key,) in on.rows("SELECT key FROM effects WHERE receipt IS NULL")
    ]
    # A pin is of no use any more when its batch is over.
    assert [key for key in undone if not key.endswith("/pin")] == []
    assert unlogged_writes(on) == []
    assert processes_of(on.folder) == []
    attempts = on.folder / "data" / "host" / "attempts"
    assert [*attempts.iterdir()] == [] if attempts.exists() else True


def assert_events_sound(on: World) -> None:
    """Check that the recorded events tell a story that can be, each to its end."""
    found = on.rows("SELECT batch, kind, item, data FROM events ORDER BY seq")
    by_batch: dict[str, list[e.Event]] = {}
    for batch, kind, _, data in found:
        by_batch.setdefault(batch, []).append(decode_event(kind, data))
    ended = dict(on.rows("SELECT id, state FROM batches"))
    for batch, events in by_batch.items():
        of_batch = Counter(type(event) for event in events)
        if not of_batch[e.BatchStarted]:
            continue  # a plan
        for kind in (e.BatchFinished, e.Reported, e.BatchConcluded):
            assert of_batch[kind] == 1, (batch, of_batch)
        assert ended[batch] in ("finished", "cancelled")
    items: dict[tuple[str, str], list[e.Event]] = {}
    for batch, kind, item, data in found:
        if item is not None:
            items.setdefault((batch, item), []).append(decode_event(kind, data))
    for (batch, item), events in items.items():
        where = f"{batch} {item}: {[type(event).__name__ for event in events]}"
        state = state_after(events, where)
        query = f"SELECT state FROM items WHERE batch = '{batch}' AND item = '{item}'"  # noqa: S608 - the bot's own
        assert on.rows(query) == [(state,)], where


def state_after(events: Sequence[e.Event], where: str) -> ItemState:
    """Return an item's state; each event has to follow from the one before."""
    state, attempt = ItemState.PENDING, 0
    for event in events:
        match event:
            case e.ItemStarted():
                assert state is ItemState.PENDING, where
                assert event.attempt == attempt + 1, where
                state, attempt = ItemState.RUNNING, event.attempt
            case e.ItemAccepted():
                assert (state, event.attempt) == (ItemState.RUNNING, attempt), where
            case e.ItemRetrying():
                assert (state, event.attempt) == (ItemState.RUNNING, attempt), where
                state = ItemState.PENDING
            case e.ItemEnded() if state is ItemState.PENDING:
                assert event.attempt in (0, attempt), where  # by others
                is_good = event.outcome.is_success
                state = ItemState.COMPLETED if is_good else ItemState.FAILED
            case e.ItemEnded():
                assert (state, event.attempt) == (ItemState.RUNNING, attempt), where
                is_good = event.outcome.is_success
                state = ItemState.COMPLETED if is_good else ItemState.FAILED
            case e.ItemCancelled():
                assert not state.is_final, where
                state = ItemState.CANCELLED
            case e.ItemSkipped():
                assert state is ItemState.PENDING, where
                state = ItemState.SKIPPED
            case e.ItemReset():
                assert state not in (ItemState.PENDING, ItemState.COMPLETED), where
                state = ItemState.PENDING
    assert state.is_final, where
    return state


# --- the life of a bot that dies -----------------------------------------------------


async def live(
    on: World,
    child: Child,
    people: Coroutine[Any, Any, None],
    next_life: Callable[[], Mapping[str, str]] = dict,
    **variables: str,
) -> int:
    """Let the bot live, and again after each death, until what people wanted is done;
    then start it once more, which changes nothing. Return how often it died.

    *variables* are for every life, and what *next_life* returns for the next one.
    """
    await child.start(**variables, **next_life())
    acting = asyncio.create_task(people)
    try:
        while True:
            await on.until(
                lambda: child.is_dead or (acting.done() and is_quiet(on)),
                seconds=LIFE_SECONDS,
            )
            if not child.is_dead:
                break
            assert await child.gone() == -signal.SIGKILL, child.lines[-20:]
            await child.start(**variables, **next_life())
        await acting
    finally:
        acting.cancel()
    deaths = child.lives - 1
    await child.kill()
    await child.start(**{**variables, "BOOK": ""})
    await on.dealt_with()
    assert await child.stop() == 0
    return deaths


def is_quiet(on: World) -> bool:
    """Whether everything has been said and dealt with; plans may wait."""
    return on.rows(
        "SELECT (SELECT count(*) FROM batches"
        " WHERE NOT is_concluded AND state != 'planned')"
        " + (SELECT count(*) FROM deliveries WHERE outcome IS NULL)"
    ) == [(0,)]
