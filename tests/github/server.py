"""A GitHub that says what the test tells it to, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from functools import cache
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from bot.core.model import InstallationId, Repository
from bot.github.adapter import GitHubReader
from bot.github.app import App
from bot.github.auth import AppCredentials
from bot.github.client import Client, Connection, open_session
from bot.github.effects import GitHubEffects
from bot.github.ledger import Ledger, Pace
from bot.github.rules import BranchRules
from tests.fakes import FakeClock

INSTALLATION = InstallationId(7)
REPOSITORY = Repository(1, "octo/app", INSTALLATION)
APP = App(id=99, login="batch-bot[bot]")


class HurriedClock(FakeClock):
    """Time that passes at once for whoever sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += seconds
        await asyncio.sleep(0)


@dataclass
class Reply:
    """An answer to send."""

    data: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None  # instead of the data


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    data: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


Answering = Reply | Callable[[Seen], Reply | Awaitable[Reply]]


class ScriptedGitHub:
    """Answers each route with its replies in order; the last one stays."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.ahead_seconds = 0.0  # of its own time, in the header ``Date``
        self.seen: list[Seen] = []
        self._routes: dict[str, list[Answering]] = {}
        self.on(
            "POST /app/installations/7/access_tokens",
            Reply({"token": "t1", "expires_at": "2026-03-03T16:00:00Z"}, status=201),
        )

    def on(self, route: str, *replies: Answering) -> None:
        self._routes[route] = list(replies)

    @property
    def calls(self) -> list[str]:
        """The requests that arrived, without those for tokens."""
        return [str(one) for one in self.seen if "access_tokens" not in one.path]

    @property
    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        return application

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seen = Seen(
            request.method,
            request.rel_url.raw_path,
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
            json.loads(body) if body else None,
        )
        self.seen.append(seen)
        replies = self._routes.get(str(seen), [Reply({"message": "Not Found"}, 404)])
        answering = replies.pop(0) if len(replies) > 1 else replies[0]
        told = self.clock.now() + timedelta(seconds=self.ahead_seconds)
        date = {"Date": format_datetime(told, usegmt=True)}
        reply = answering if isinstance(answering, Reply) else answering(seen)
        if not isinstance(reply, Reply):
            reply = await reply
        if reply.status == 0:  # cut the line
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if reply.status in (204, 304):
            return web.Response(status=reply.status, headers=date | reply.headers)
        return web.Response(
            text=json.dumps(reply.data) if reply.text is None else reply.text,
            content_type="application/json",
            status=reply.status,
            headers=date | reply.headers,
        )


CUT = Reply(status=0)


def limits(
    clock: FakeClock,
    *,
    remaining: int,
    limit: int = 5000,
    resource: str = "core",
    reset_in: float = 3600,
) -> dict[str, str]:
    """Return the rate-limit headers of an answer."""
    reset_at = clock.now() + timedelta(seconds=reset_in)
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(reset_at.timestamp())),
        "x-ratelimit-resource": resource,
    }


@cache
def private_key() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ).decode()


@dataclass
class Bench:
    """The adapter in front of a scripted GitHub."""

    github: ScriptedGitHub
    clock: HurriedClock
    client: Client
    api_url: str

    @property
    def connection(self) -> Connection:
        return self.client.installation(INSTALLATION)

    @property
    def reader(self) -> GitHubReader:
        return GitHubReader(self.client, APP, BranchRules(self.client, self.clock))

    @property
    def effects(self) -> GitHubEffects:
        return GitHubEffects(self.client, APP)


@asynccontextmanager
async def bench(
    server: Any, *, path: str = "", pace: Pace | None = None
) -> AsyncIterator[Bench]:
    """Open the adapter; *server* is pytest-aiohttp's ``aiohttp_server``."""
    clock = HurriedClock()
    github = ScriptedGitHub(clock)
    ledger = Ledger(clock, pace=pace or Pace(write_interval_seconds=0))
    running = await server(github.application)
    api_url = str(running.make_url(path)).rstrip("/")
    async with open_session() as session:
        yield Bench(
            github,
            clock,
            Client(
                session,
                api_url=api_url,
                app=AppCredentials(
                    "123",
                    private_key(),
                    ledger.clock,
                ),
                ledger=ledger,
                random=lambda: 0.5,
            ),
            api_url,
        )
