"""People who sign in at the app's own pages with their account here.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_hex, token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from aiohttp import web
from yarl import URL

from bot.localhub.accounts import App, User
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.state import Now

AUTHORIZE = "/login/oauth/authorize"
EXCHANGE = "/login/oauth/access_token"
CODE_SECONDS = 600
TOKEN_SECONDS = 28_800
REFRESH_SECONDS = 15_897_600
DOCS = "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
DESCRIPTIONS = {
    "access_denied": "The user has denied your application access.",
    "application_suspended": (
        "Your application has been suspended. Contact support@github.com."
    ),
    "bad_verification_code": "The code passed is incorrect or expired.",
    "incorrect_client_credentials": (
        "The client_id and/or client_secret passed are incorrect."
    ),
    "redirect_uri_mismatch": (
        "The redirect_uri MUST match the registered callback URL for this application."
    ),
    "unverified_user_email": "The user must have a verified primary email.",
}


@dataclass(frozen=True, slots=True)
class Astray:
    """A page that leads nowhere: an address that the app did not register."""

    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person is asked to allow: to tell the app who they are."""

    app: App
    callback: str


@dataclass(frozen=True, slots=True)
class _Code:
    user: User
    callback: str
    challenge: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class UserToken:
    """What an app shows to act for a person."""

    value: str
    user: User
    expires_at: datetime | None  # None: the app's owner has opted out of that


class SignIns:
    """Who has allowed the app what, and the codes and tokens that are about."""

    def __init__(self, now: Now, app: Callable[[], App]) -> None:
        self._now = now
        self._app = app
        self.client_secret = token_hex(20)
        self.callback_urls: list[str] = []
        self.is_suspended = False
        self.tokens_expire = True
        self.unverified: set[str] = set()  # logins without a verified address
        self.allowed: set[int] = set()  # ids of people who were asked before
        self.tokens: dict[str, UserToken] = {}
        self._codes: dict[str, _Code] = {}

    def ask(self, user: User, query: Mapping[str, str]) -> Asked | Astray | URL:
        """Return what a person is asked, or where the browser goes without a question.

        Raises 404 for an app that is not there.
        """
        app = self._app()
        if query.get("client_id") != app.client_id:
            raise not_found()
        callback = query.get("redirect_uri") or next(iter(self.callback_urls), "")
        if not self._is_registered(callback):
            return Astray("The redirect_uri is not associated with this application.")
        if self.is_suspended:
            return _refused(callback, query, "application_suspended")
        if user.id in self.allowed:
            return self.decide(user, query, is_allowed=True)
        return Asked(app, callback)

    def decide(self, user: User, query: Mapping[str, str], *, is_allowed: bool) -> URL:
        """Return where the browser goes once a person has decided; raises 404."""
        callback = query.get("redirect_uri") or next(iter(self.callback_urls), "")
        is_ours = query.get("client_id") == self._app().client_id
        if not is_ours or not self._is_registered(callback):
            raise not_found()
        if not is_allowed:
            return _refused(callback, query, "access_denied")
        is_challenged = query.get("code_challenge_method") == "S256"
        challenge = query.get("code_challenge", "") if is_challenged else ""
        self.allowed.add(user.id)
        code = token_hex(10)
        self._codes[code] = _Code(user, callback, challenge, self._now())
        return _back(callback, query, {"code": code})

    def exchange(self, asked: Mapping[str, str]) -> dict[str, Any]:
        """Return the answer to an app that has a code; raises 404 for no app of ours."""
        if asked.get("client_id") != self._app().client_id:
            raise not_found()
        secret = asked.get("client_secret", "")
        if not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            return _error("incorrect_client_credentials")
        code = self._codes.pop(asked.get("code", ""), None)  # each is good once
        if code is None or self._now() > code.made_at + timedelta(seconds=CODE_SECONDS):
            return _error("bad_verification_code")
        if asked.get("redirect_uri", code.callback) != code.callback:
            return _error("redirect_uri_mismatch")
        verifier = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        if code.challenge and not hmac.compare_digest(proof, code.challenge):
            return _error("bad_verification_code")
        if code.user.login in self.unverified:
            return _error("unverified_user_email")
        return self._token(code.user)

    def user_of(self, value: str) -> User | None:
        """Return whom a token speaks for; None if it is worthless by now."""
        token = self.tokens.get(value)
        if token is None:
            return None
        is_over = token.expires_at is not None and token.expires_at <= self._now()
        return None if is_over else token.user

    def is_client(self, authorization: str) -> bool:
        """Return whether a header has the name and secret of the app."""
        scheme, _, value = authorization.partition(" ")
        wanted = f"{self._app().client_id}:{self.client_secret}".encode()
        try:
            given = base64.b64decode(value, validate=True)
        except binascii.Error:
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, wanted)

    def add_to(self, application: web.Application) -> None:
        """Mount where apps exchange their codes."""
        application.router.add_post(EXCHANGE, self._exchanged)

    async def _exchanged(self, request: web.Request) -> web.Response:
        try:
            answer = self.exchange({**request.query, **await _sent(request)})
        except GitHubError:
            return web.json_response({"error": "Not Found"}, status=404)
        if "json" in request.headers.get("Accept", ""):
            return web.json_response(answer)
        text = urlencode(answer)
        return web.Response(text=text, content_type="application/x-www-form-urlencoded")

    def _token(self, user: User) -> dict[str, Any]:
        value = f"ghu_{token_urlsafe(27)}"
        answer: dict[str, Any] = {"access_token": value}
        expires_at = None
        if self.tokens_expire:
            expires_at = self._now() + timedelta(seconds=TOKEN_SECONDS)
            answer |= {
                "expires_in": TOKEN_SECONDS,
                "refresh_token": f"ghr_{token_urlsafe(57)}",
                "refresh_token_expires_in": REFRESH_SECONDS,
            }
        self.tokens[value] = UserToken(value, user, expires_at)
        return {**answer, "scope": "", "token_type": "bearer"}

    def _is_registered(self, callback: str) -> bool:
        return any(_fits(callback, known) for known in self.callback_urls)


def _fits(callback: str, registered: str) -> bool:
    """Return whether an address is the registered one; loopback may have any port."""
    asked, known = urlsplit(callback), urlsplit(registered)
    if asked.hostname in LOOPBACK and asked.hostname == known.hostname:
        return (asked.scheme, asked.path) == (known.scheme, known.path)
    return callback == registered


def _refused(callback: str, query: Mapping[str, str], error: str) -> URL:
    return _back(callback, query, _error(error))


def _back(callback: str, query: Mapping[str, str], more: Mapping[str, str]) -> URL:
    state = {"state": query["state"]} if query.get("state") else {}
    return URL(callback).update_query({**more, **state})


def _error(name: str) -> dict[str, str]:
    page = "troubleshooting-oauth-app-access-token-request-errors"
    return {
        "error": name,
        "error_description": DESCRIPTIONS[name],
        "error_uri": f"{DOCS}/{page}/#{name.replace('_', '-')}",
    }


async def _sent(request: web.Request) -> Mapping[str, str]:
    if request.content_type == "application/json":
        sent = await request.json()
        return sent if isinstance(sent, dict) else {}
    return dict(parse_qsl(await request.text()))
