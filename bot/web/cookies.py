"""The bot's cookies: each closed by ``Seals``, for this host alone.

https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from yarl import URL

from bot.web.seals import Seals


@dataclass(frozen=True, slots=True)
class Cookie:
    """A kind of cookie and how long it is good for."""

    name: str
    seconds: int


SESSION = Cookie("session", 8 * 3600)
LINKS = Cookie("links", 8 * 3600)
STATE = Cookie("state", 600)
"""Ties a sign-in to the browser that began it."""


class Cookies:
    """Reads and writes them."""

    def __init__(self, seals: Seals, web_url: str) -> None:
        self._seals = seals
        self._is_secure = URL(web_url).scheme == "https"

    def name(self, cookie: Cookie) -> str:
        """Return its name. Over https no other host, and no page that came without
        encryption, can set one whose name begins so.
        """
        return f"{'__Host-' if self._is_secure else ''}batch-{cookie.name}"

    def read(self, request: web.Request, cookie: Cookie) -> Mapping[str, Any]:
        """Return what it holds; nothing for one that is missing, old or not ours.

        Of two of the same name one is somebody else's: neither counts.
        """
        name = self.name(cookie)
        given = [
            value
            for header in request.headers.getall("Cookie", ())
            for key, _, value in (part.partition("=") for part in header.split(";"))
            if key.strip() == name
        ]
        if len(given) != 1:
            return {}
        text = given[0].strip().strip('"')
        return self._seals.open(cookie.name, text, seconds=cookie.seconds) or {}

    def write(
        self, response: web.StreamResponse, cookie: Cookie, value: Mapping[str, Any]
    ) -> None:
        """Have the browser keep a value."""
        response.set_cookie(
            self.name(cookie),
            self._seals.close(cookie.name, value),
            max_age=cookie.seconds,
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="Lax",
        )

    def drop(self, response: web.StreamResponse, cookie: Cookie) -> None:
        """Have the browser forget it."""
        response.del_cookie(
            self.name(cookie),
            path="/",
            secure=self._is_secure,
            httponly=True,
            samesite="Lax",
        )
