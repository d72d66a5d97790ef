"""A plain client of the local GitHub, and a receiver of its webhooks."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import jwt
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.localhub.accounts import Installation
from bot.localhub.hub import LocalHub

NAME = "acme/widgets"
REPO = f"/repos/{NAME}"


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    headers: Mapping[str, str]


class Client:
    """Sends requests as the app and as its installation."""

    def __init__(self, hub: LocalHub, session: ClientSession) -> None:
        self.hub = hub
        self.session = session
        self.token = hub.new_token(self.installation).value

    @property
    def installation(self) -> Installation:
        return next(iter(self.hub.state.installations.values()))

    def jwt(self, **claims: Any) -> str:
        now = int(self.hub.now().timestamp())
        app_id = str(self.hub.app.id)
        payload = {"iss": app_id, "iat": now - 60, "exp": now + 540} | claims
        return jwt.encode(payload, self.hub.private_key, "RS256")

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request; *token* is the installation's unless another is given."""
        url = self.hub.api_url + path
        credentials = {"Authorization": f"Bearer {token or self.token}"}
        async with self.session.request(
            method,
            url,
            json=body,
            headers=credentials | dict(headers or {}),
            allow_redirects=False,
        ) as answer:
            text = await answer.text()
            parsed = json.loads(text) if text else None
            return Reply(answer.status, parsed, answer.headers.copy())

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.send("GET", path, **options)

    async def app(self, method: str, path: str, body: Any = None) -> Reply:
        """Send a request as the app."""
        return await self.send(method, path, body, token=self.jwt())

    async def graphql(self, query: str, **variables: Any) -> Any:
        """Return the answer's JSON to a query."""
        body = {"query": query, "variables": variables}
        return (await self.send("POST", "/graphql", body)).body


@asynccontextmanager
async def client(hub: LocalHub) -> AsyncIterator[Client]:
    async with ClientSession() as session:
        yield Client(hub, session)


@dataclass(frozen=True)
class Hook:
    event: str
    guid: str
    payload: Any
    headers: Mapping[str, str]
    body: bytes

    @property
    def name(self) -> str:
        action = self.payload.get("action")
        return f"{self.event}.{action}" if action else self.event


class Receiver:
    """An app's webhook that keeps what it gets and answers with ``status``."""

    def __init__(self) -> None:
        self.hooks: list[Hook] = []
        self.status = 202

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = request.headers
        self.hooks.append(
            Hook(
                headers["X-GitHub-Event"],
                headers["X-GitHub-Delivery"],
                json.loads(body),
                dict(headers),
                body,
            )
        )
        return web.Response(status=self.status)

    @property
    def names(self) -> list[str]:
        return [hook.name for hook in self.hooks]


@asynccontextmanager
async def receiver(hub: LocalHub) -> AsyncIterator[Receiver]:
    """Receive the hub's webhooks while the context lasts."""
    found = Receiver()
    application = web.Application()
    application.router.add_post("/hook", found.handle)
    async with TestServer(application) as server:
        hub.set_webhook_url(str(server.make_url("/hook")))
        yield found
        await hub.webhooks.drain()
        hub.set_webhook_url(None)
