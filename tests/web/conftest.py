"""The routes on a real socket, in front of a store that can be told to fail."""

import asyncio
import hashlib
import hmac
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession, DummyCookieJar, web
from prometheus_client import CollectorRegistry

from bot.core.command.trigger import WAKING, may_matter
from bot.core.say.problems.server import DatabaseFails
from bot.errors import StoreUnavailable
from bot.ports.store import Delivery
from bot.web.routes import Readiness, WebSurface, make_app, make_runner
from tests.fakes import FakeClock

SECRET = "first secret"  # noqa: S105 - of tests
NEXT_SECRET = "second secret"  # noqa: S105 - of tests
LIMIT = 2 * 1024 * 1024


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(body: bytes, guid: str = "g-1", event: str = "issues") -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-Hub-Signature-256": signature(body),
    }


@dataclass
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]


@dataclass
class Site:
    """A running server and what it was given."""

    session: ClientSession
    port: int = 0
    stored: dict[str, Delivery] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    is_broken: bool = False
    reasons: tuple[str, ...] = ()

    async def add(self, delivery: Delivery) -> bool:
        if self.is_broken:
            raise StoreUnavailable(DatabaseFails("database or disk is full"))
        is_new = delivery.guid not in self.stored
        self.stored.setdefault(delivery.guid, delivery)
        return is_new

    def may_act_on(self, event: str, payload: Mapping[str, Any]) -> bool:
        self.asked.append((event, payload))
        is_news = event in WAKING and not may_matter(event, payload.get("action"))
        return payload.get("action") != "labeled" and not is_news

    async def readiness(self) -> Readiness:
        return Readiness(self.reasons)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        async with self.session.request(
            method,
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else io.BytesIO(body),
            headers=headers,
        ) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def deliver(
        self, body: bytes, *, path: str = "/api/github/webhooks", **changes: str | None
    ) -> Answer:
        """Post a signed delivery with some headers changed or (None) left out."""
        sent = headers(body) | {
            k.replace("_", "-"): v or "" for k, v in changes.items()
        }
        left_out = {k.replace("_", "-") for k, v in changes.items() if v is None}
        return await self.ask(
            "POST",
            path,
            body=body,
            headers={
                name: value for name, value in sent.items() if name not in left_out
            },
        )

    async def say(self, request: bytes) -> bytes:
        """Return what the server says to raw bytes, until it closes or waits."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        return head


@pytest.fixture
def changes() -> dict[str, object]:
    """Fields of the surface that a test sets: see ``pytest.mark.parametrize``."""
    return {}


@pytest.fixture
async def site(changes: dict[str, object]) -> AsyncIterator[Site]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        made = Site(session)
        fields = {
            "add_delivery": made.add,
            "may_act_on": made.may_act_on,
            "secrets": [SECRET, NEXT_SECRET],
            "readiness": made.readiness,
            "clock": FakeClock(),
            "registry": CollectorRegistry(),
            "max_body_bytes": LIMIT,
            "body_seconds": 0.2,
        }
        surface = WebSurface(**(fields | changes))  # type: ignore[arg-type]  # of tests
        runner = make_runner(make_app(surface), shutdown_seconds=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.port = runner.addresses[0][1]
        yield made
        await runner.cleanup()
