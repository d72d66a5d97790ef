"""Many installations with live batches, whose commands a worker runs that only waits."""

import contextlib
import json
import re
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.core import events as e
from bot.core.model import (
    Asker,
    Batch,
    BatchId,
    Box,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemKind,
    ItemNumber,
    Options,
    Repository,
    Request,
)
from bot.localhub.state import Repository as HubRepository
from bot.store.store import Store, open_store
from tests.flow.world import World
from tests.plans import plan

BATCHES = 2  # of each installation
ITEMS = 50  # of each batch
THREADS = (1, 2)  # where they are shown
FIRST = 11
SECONDS = (240, 600)
"""How long commands take, the shortest and the longest."""

WORKER = f'''
import asyncio, time, zlib

from bot.core.model import CommandResult
from bot.ports.work import unheard


class Waits:
    """Runs nothing: each command takes its time, and changes nothing."""

    name = "waits"
    outlives_the_bot = True
    takes = frozenset()

    def __init__(self, means):
        self._began = {{}}

    def why_not(self, command):
        return None

    async def start(self, job, emit=unheard):
        self._began.setdefault(job.attempt, time.monotonic())
        return job.attempt

    async def find(self, attempt):
        return attempt if attempt in self._began else None

    async def result(self, external_id, job, emit):
        part = zlib.crc32(external_id.encode()) / 2**32
        takes = {SECONDS[0]} + part * {SECONDS[1] - SECONDS[0]}
        began = self._began[external_id]
        await asyncio.sleep(began + takes - time.monotonic())
        return CommandResult(0, log_tail=("nothing to change",))

    async def stop(self, attempt):
        self._began.pop(attempt, None)

    async def clean(self, attempt):
        self._began.pop(attempt, None)
'''


LARGE = 3000
"""Characters of a query that asks for many items: the repositories are alike in them."""


def alike() -> Middleware:
    """Return what answers questions for the items of a batch from what was answered for
    another, with the repository's name and number in place: GitHub's time is not what is
    measured.
    """
    answers: dict[str, tuple[str, str, int]] = {}

    @web.middleware
    async def answered(
        request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]
    ) -> web.StreamResponse:
        body = await request.text()
        if not request.path.endswith("/graphql") or len(body) < LARGE:
            response: web.StreamResponse = await handler(request)
            return response
        asked = json.loads(body)
        owner, query = asked["variables"]["owner"], asked["query"]
        if query not in answers:
            answer = await handler(request)
            assert isinstance(answer, web.Response)
            text = str(answer.text)
            number = json.loads(text)["data"]["repository"]["databaseId"]
            answers[query] = (text, owner, number)
            return answer
        text, first, number = answers[query]
        text = text.replace(f"{first}/", f"{owner}/")
        text = re.sub(rf'("databaseId": ?){number}\b', rf"\g<1>{NUMBERS[owner]}", text)
        return web.Response(text=text, content_type="application/json")

    return answered


NUMBERS: dict[str, int] = {}
"""The numbers of repositories by the names of their owners."""


class Crowd:
    """Installations on a local GitHub, and the database of a bot that was ended.

    It is a server of somebody's own, without limits on bursts: on github.com the app gets
    170 tokens a minute, so that a thousand installations begin again within minutes,
    however quick the bot is.
    """

    def __init__(self, on: World) -> None:
        self._on = on
        secondary = on.hub.limits.secondary
        secondary.points_a_minute = secondary.concurrent = None
        self.repositories: list[HubRepository] = []

    def install(self, count: int, *, issues: int) -> None:
        """Install the app on *count* accounts, each with a repository of so many *issues*
        and the threads before them.
        """
        hub = self._on.hub
        for _ in range(count):
            name = f"org{len(self.repositories)}"
            hub.add_organization(name)
            full = f"{name}/widgets"
            found = hub.create_repository(full, files={"README.md": "# widgets\n"})
            hub.set_role(name, full, "ada", "admin")
            hub.install(name)
            for number in range(FIRST + issues - 1):
                hub.new_thread(found, hub.user("ada"), f"Item {number + 1}", "")
            self.repositories.append(found)
            NUMBERS[name] = found.id

    async def record(self) -> None:
        """Have every installation so far begin its batches; nothing of them runs yet."""
        on = self._on
        async with open_store(on.settings().database, clock=on.clock) as store:
            for found in self.repositories:
                for place in range(BATCHES):
                    await self._record(store, found, place)

    async def _record(self, store: Store, found: HubRepository, place: int) -> None:
        hub, now = self._on.hub, self._on.clock.now() - timedelta(minutes=1)
        installation = hub.state.installation_of(found)
        assert installation is not None
        at = Repository(found.id, found.full_name, InstallationId(installation.id))
        first = FIRST + place * ITEMS
        numbers = range(first, first + ITEMS)
        waits = {n: [n - 10] if n - 10 >= first else [] for n in numbers}
        wanted = plan(waits, options=Options(is_pinned=False), worker="waits")
        wanted = replace(
            wanted, items=tuple(replace(i, repository=at) for i in wanted.items)
        )
        thread = ItemNumber(THREADS[place])
        url = f"https://github.test/{found.full_name}/issues/{thread}"
        batch = Batch(
            id=BatchId(f"{'ab'[place]}{len(self.repositories):03x}{found.id:05x}"),
            request=Request(
                repository=at,
                thread=thread,
                thread_is_pull_request=False,
                asker=Asker("ada", url),
                origin=Box(found.id * BATCHES + place, "retry", "bench"),
            ),
            default_branch="main",
            command=f"/batch {first}..{first + ITEMS - 1}",
            created_at=now,
            plan=wanted,
        )
        facts = {
            ItemId(str(n)): ItemFacts(
                ItemNumber(n), ItemKind.ISSUE, f"Item {n}", "", url, True, now
            )
            for n in numbers
        }
        shown = hub.comment(hub.app.bot.login, found.full_name, thread, "A batch")
        events: list[e.Event] = [
            e.BatchStarted(now, "ada"),
            e.TrackingCommented(now, shown.id, url),
        ]
        await store.batches.create(batch, facts, events)

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the variables of a bot that has the worker."""
        folder: Path = self._on.folder
        packages = folder / "packages"
        told = packages / "waits-1.0.dist-info"
        told.mkdir(parents=True, exist_ok=True)
        (told / "METADATA").write_text("Name: waits\nVersion: 1.0\n")
        (told / "entry_points.txt").write_text(
            "[batch_bot.workers]\nwaits = waits:Waits\n"
        )
        (packages / "waits.py").write_text(WORKER)
        file = folder / "batch-bot.yml"
        settings = {"commands": {"implement": ["true"]}, "workers": ["waits"]}
        file.write_text(yaml.safe_dump(settings))
        return {
            **self._on.environment(),
            "BATCH_SETTINGS_FILE": str(file),
            "PYTHONPATH": str(packages),
            **variables,
        }

    def running(self) -> int:
        """Return how many items run, or have run."""
        path = self._on.folder / "data" / "batch.db"
        query = "SELECT count(*) FROM events WHERE kind = 'ItemStarted'"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            return int(connection.execute(query).fetchone()[0])
