"""The app's web flow for people: who sits at a browser.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app

A person's token is asked for once, tells the account, and is given back: the bot does
nothing in anybody's name.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlencode

import aiohttp
import structlog
from aiohttp import encode_basic_auth
from pydantic_core import from_json

from bot.core.say.problems.github import SignInRefused
from bot.core.world.answers import Failure, error_of, failure_of
from bot.errors import BotError, Refused
from bot.github.client import ACCEPT, API_VERSION, TIMEOUT, USER_AGENT
from bot.ports.people import Account, Proof

log = structlog.get_logger()

MOST_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class GitHubSignIns:
    """The port ``SignIns``. ``site`` is where people see GitHub, ``api`` its REST API."""

    session: aiohttp.ClientSession
    site: str
    api: str
    client_id: str
    client_secret: str = field(repr=False)
    learn: Callable[[str], None]  # told of each token, which must show nowhere

    def address(self, proof: Proof, *, callback: str) -> str:
        """Return where GitHub asks the person; it sends the browser to *callback*."""
        digest = hashlib.sha256(proof.verifier.encode()).digest()
        asked = {
            "client_id": self.client_id,
            "redirect_uri": callback,
            "state": proof.state,
            # A server that does not know it goes by the state and the secret alone.
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.site}/login/oauth/authorize?{urlencode(asked)}"

    async def account(self, code: str, proof: Proof, *, callback: str) -> Account:
        """Return whose browser came back with *code*.

        Raises ``TransientError`` and ``Refused``.
        """
        sent = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code": code,
            "redirect_uri": callback,
            "code_verifier": proof.verifier,
        }
        url = f"{self.site}/login/oauth/access_token"
        told = await self._asked("POST", url, data=sent, accept="application/json")
        # What is refused comes with 200 too.
        if error := told.get("error"):
            _refuse(str(error), str(told.get("error_description") or ""))
        token = str(told.get("access_token") or "")
        if not token:
            raise error_of(Failure.UNREADABLE, is_change=False, status=200)
        self.learn(token)
        if refreshing := told.get("refresh_token"):
            self.learn(str(refreshing))
        try:
            user = await self._asked(
                "GET", f"{self.api}/user", authorization=f"Bearer {token}"
            )
        finally:
            await self._give_back(token)
        id_, login = user.get("id"), user.get("login")
        if not isinstance(id_, int) or not isinstance(login, str) or not login:
            raise error_of(Failure.UNREADABLE, is_change=False, status=200)
        return Account(id_, login)

    async def _give_back(self, token: str) -> None:
        """Make a token worthless; without that it ends by itself in hours."""
        url = f"{self.api}/applications/{self.client_id}/token"
        app = encode_basic_auth(self.client_id, self.client_secret)
        sent = {"access_token": token}
        try:
            await self._asked("DELETE", url, json=sent, authorization=app)
        except BotError as error:
            log.info("a person's token was not given back", error=str(error))

    async def _asked(
        self,
        method: str,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        json: Mapping[str, str] | None = None,
        authorization: str = "",
        accept: str = ACCEPT,
    ) -> Mapping[str, Any]:
        headers = {"Accept": accept, "User-Agent": USER_AGENT}
        if url.startswith(self.api):
            headers["X-GitHub-Api-Version"] = API_VERSION
        if authorization:
            headers["Authorization"] = authorization
        try:
            async with self.session.request(
                method,
                url,
                data=data,
                json=json,
                headers=headers,
                allow_redirects=False,  # nothing of this goes anywhere else
                timeout=TIMEOUT,
            ) as response:
                content = await response.content.read(MOST_BYTES)
                status = response.status
        except TimeoutError as error:
            raise error_of(Failure.LATE, is_change=False) from error
        except aiohttp.ClientError as error:
            said = type(error).__name__  # its words may have the address with the code
            raise error_of(Failure.BROKEN, is_change=False, said=said) from error
        if status not in (200, 201, 204):
            raise error_of(
                failure_of(status), is_change=False, said=str(status), status=status
            )
        return _json(content) if content else {}


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        found = from_json(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise error_of(Failure.UNREADABLE, is_change=False, status=200)
    return found


def _refuse(error: str, said: str) -> NoReturn:
    raise Refused(SignInRefused(error, said), status=200)
