"""Who may see the bot's pages."""

import hmac
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from bot.core.model import BatchId, Repository

_TURNED_AWAY = "Sign in to see this: send the operator's token as a bearer token.\n"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page; without any of these, a stranger."""

    login: str = ""  # at GitHub
    is_operator: bool = False
    batches: frozenset[BatchId] = frozenset()  # opened by signed links


class Access(Protocol):
    """Says who looks, and what of it they may see."""

    async def viewer(self, request: web.Request) -> Viewer:
        """Return who looks. Never raises for what a stranger can send."""

    async def may_see(
        self, viewer: Viewer, repository: Repository, batch: BatchId | None
    ) -> bool:
        """Return whether somebody may see a batch, or without one all of a repository."""

    def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Return what a stranger gets instead of any page."""


@dataclass(frozen=True, slots=True)
class OperatorAccess:
    """Lets the operator in, by a bearer token; without one set up, nobody."""

    token: str = field(repr=False)

    async def viewer(self, request: web.Request) -> Viewer:
        """Return the operator, or a stranger."""
        wanted = f"Bearer {self.token}".encode()
        given = request.headers.get("Authorization", "").encode(errors="replace")
        is_same = hmac.compare_digest(given, wanted)
        return Viewer(is_operator=bool(self.token) and is_same)

    async def may_see(
        self, viewer: Viewer, repository: Repository, batch: BatchId | None
    ) -> bool:
        """Return whether it is the operator, who may see everything."""
        return viewer.is_operator

    def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Return a refusal that says what is missing."""
        headers = {"WWW-Authenticate": "Bearer"}
        return web.Response(status=401, text=_TURNED_AWAY, headers=headers)
