"""Who the bot is to GitHub: the app's key and JWT, and the tokens of installations.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import jwt
from cachetools import TLRUCache

from bot.core.model import InstallationId, Repository
from bot.core.say.problems.github import NotInstalled, TakenFromApp
from bot.errors import AppUnavailable, NotFound, Refused
from bot.github.line import is_awaited
from bot.github.time import GitHubTime
from bot.ports.clock import Clock
from bot.ports.github import NOW

CLOCK_SKEW = timedelta(seconds=60)
JWT_LIFE = timedelta(minutes=9)  # GitHub accepts at most ten
JWT_REFRESHED_BEFORE = timedelta(minutes=1)
TOKEN_REFRESHED_BEFORE = timedelta(minutes=5)


FRESH_SECONDS = 10.0
"""How long a token may be unknown to a part of GitHub's servers after it was made."""

LAGS_SECONDS = (1.0, 2.0, 4.0)
"""After how long it is shown again: a new one would only begin that time anew."""

MOST_DRIFT_SECONDS = 5.0
"""How far a clock may go astray before the JWT is signed anew."""


class Credentials(Protocol):
    """What a connection shows to GitHub."""

    async def header(self) -> str:
        """Return the value of the ``authorization`` header."""

    def refused(self, header: str, *, tries: int) -> float | None:
        """Note that GitHub refused *header*, after *tries* repetitions.

        Return after how many seconds to try again, 0.0 for at once with another one;
        None if that would not help.
        """

    def is_fresh(self, header: str) -> bool:
        """Return whether *header* may not be known everywhere, with all it may do."""


class AppCredentials:
    """The app itself, by a JWT that is signed anew every few minutes.

    *private_key* is PEM, checked where the settings are read.
    """

    def __init__(
        self,
        app_id: str,
        private_key: str,
        clock: GitHubTime,
    ) -> None:
        self._app_id = app_id
        # Read once: each reading of the text takes longer than 40 signatures.
        self._private_key = jwt.get_algorithm_by_name("RS256").prepare_key(private_key)
        self._clock = clock
        self._signed = ""
        self._signed_ahead = 0.0
        self._good_until = datetime.min.replace(tzinfo=UTC)

    async def header(self) -> str:
        """Return the value of the ``authorization`` header."""
        now = self._clock.now()
        if now >= self._good_until or self._is_astray:
            self._signed_ahead = self._clock.ahead_seconds
            expires_at = now + JWT_LIFE
            claims = {"iat": now - CLOCK_SKEW, "exp": expires_at, "iss": self._app_id}
            self._signed = jwt.encode(claims, self._private_key, algorithm="RS256")
            self._good_until = expires_at - JWT_REFRESHED_BEFORE
        return f"Bearer {self._signed}"

    @property
    def _is_astray(self) -> bool:
        """Whether the JWT was signed at a time that is not GitHub's."""
        drift = abs(self._clock.ahead_seconds - self._signed_ahead)
        return bool(self._signed) and drift > MOST_DRIFT_SECONDS

    def refused(self, header: str, *, tries: int) -> float | None:
        """Return 0.0 if the answer told of another time; else try once more."""
        if self._is_astray:
            return 0.0
        return LAGS_SECONDS[0] if tries == 0 else None

    def is_fresh(self, header: str) -> bool:
        """Return False: the key is known for long."""
        return False


class Exchange(Protocol):
    """Sends a request as the app and returns the JSON of the answer."""

    async def __call__(self, path: str, data: object) -> Any:
        """Post *data* to *path*."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str = field(repr=False)
    expires_at: datetime
    made_at: float  # monotonic


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a token reaches: the whole installation, or one repository."""

    installation_id: InstallationId
    repository_id: int = 0  # 0: all of the installation
    permissions: tuple[tuple[str, str], ...] = ()  # none: all that the app was given

    def asked(self) -> dict[str, object]:
        """Return what to ask for."""
        asked: dict[str, object] = {}
        if self.repository_id:
            asked["repository_ids"] = [self.repository_id]
        if self.permissions:
            asked["permissions"] = dict(self.permissions)
        return asked


def _scope(repository: Repository, *, to_push: bool) -> _Scope:
    # A push of workflows takes a permission of its own, which the operator may have
    # given: for pushing a token has all there are.
    permissions = () if to_push else (("contents", "read"),)
    return _Scope(repository.installation_id, repository.id, permissions)


class InstallationTokens:
    """Tokens of installations, each asked for once and renewed before it expires."""

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        learn: Callable[[str], None],
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._learn = learn  # told of each token, which must show nowhere
        self._locks: dict[_Scope, asyncio.Lock] = {}
        self.granted: dict[InstallationId, Mapping[str, str]] = {}
        """What each installation has granted, as its latest token says."""
        self._tokens: TLRUCache[_Scope, _Token] = TLRUCache(
            maxsize=4096,
            ttu=lambda _key, token, _now: (
                token.expires_at - TOKEN_REFRESHED_BEFORE
            ).timestamp(),
            timer=lambda: clock.now().timestamp(),
        )

    async def token(self, repository: Repository, *, to_push: bool = False) -> str:
        """Return a token that reaches this repository alone, for git.

        It reads the contents and nothing else, unless it is needed to push. Raises
        ``AppUnavailable`` and ``TransientError``.
        """
        return await self._token(_scope(repository, to_push=to_push))

    async def for_installation(self, installation_id: InstallationId) -> str:
        """Return a token of an installation, for the API."""
        return await self._token(_Scope(installation_id))

    async def check_access(
        self, repository: Repository, *, within: timedelta = NOW
    ) -> None:
        """Raise ``AppUnavailable`` unless the app may work there at this moment, or could
        *within* so much time.
        """
        scope = _scope(repository, to_push=False)
        token = self._tokens.get(scope)
        if token and self._clock.monotonic() - token.made_at >= within.total_seconds():
            self._tokens.pop(scope, None)
        await self.token(repository)

    def drop(self, text: str) -> None:
        """Forget a token that GitHub no longer accepts, unless it is too new for that."""
        if not self.is_fresh(text):
            self.discard(text)

    def discard(self, text: str) -> None:
        """Forget a token."""
        for key, token in [*self._tokens.items()]:
            if token.text == text:
                self._tokens.pop(key, None)

    def forget(self, installation_id: InstallationId) -> None:
        """Forget all tokens of an installation: new ones may do something else."""
        for scope in [*self._tokens]:
            if scope.installation_id == installation_id:
                self._tokens.pop(scope, None)

    def is_fresh(self, text: str) -> bool:
        """Return whether a token may not be known everywhere, with all it may do."""
        found = (token for token in self._tokens.values() if token.text == text)
        return any(map(self._is_fresh, found))

    def _is_fresh(self, token: _Token) -> bool:
        return self._clock.monotonic() - token.made_at < FRESH_SECONDS

    async def _token(self, scope: "_Scope") -> str:
        lock = self._locks.setdefault(scope, asyncio.Lock())
        token = self._tokens.get(scope)
        if token is None and lock.locked() and is_awaited():
            # Nobody waits for whoever asks: that may stand in line for long.
            token = self._tokens[scope] = await self._asked_for(scope)
        if token is None:
            async with lock:
                token = self._tokens.get(scope)
                if token is None:
                    token = self._tokens[scope] = await self._asked_for(scope)
        return token.text

    async def _asked_for(self, scope: "_Scope") -> _Token:
        path = f"/app/installations/{scope.installation_id}/access_tokens"
        try:
            answer = await self._exchange(path, scope.asked())
        except NotFound as error:
            raise AppUnavailable(NotInstalled(), why="removed") from error
        except Refused as error:
            if error.status != 422 or not scope.repository_id:
                raise
            raise AppUnavailable(TakenFromApp(), why="removed") from error
        if not scope.permissions:
            self.granted[scope.installation_id] = dict(answer.get("permissions") or {})
        self._learn(str(answer["token"]))
        expires_at = datetime.fromisoformat(answer["expires_at"])
        return _Token(str(answer["token"]), expires_at, self._clock.monotonic())


class InstallationCredentials:
    """One installation of the app, by its token."""

    def __init__(
        self, tokens: InstallationTokens, installation_id: InstallationId
    ) -> None:
        self._tokens = tokens
        self._installation_id = installation_id

    async def header(self) -> str:
        """Return the value of the ``authorization`` header."""
        return f"token {await self._tokens.for_installation(self._installation_id)}"

    def refused(self, header: str, *, tries: int) -> float | None:
        """Show a new token again for some seconds, then ask for another one: what that
        says tells whether the app may still have any.
        """
        if self.is_fresh(header) and tries < len(LAGS_SECONDS):
            return LAGS_SECONDS[tries]
        self._tokens.discard(header.removeprefix("token "))
        return 0.0

    def is_fresh(self, header: str) -> bool:
        """Return whether the token was made some seconds ago."""
        return self._tokens.is_fresh(header.removeprefix("token "))
