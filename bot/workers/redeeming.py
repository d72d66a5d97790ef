"""A machine of the pool gets the token for a code from the bot, if that listens."""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from errno import ECONNREFUSED
from http import HTTPStatus

import aiohttp
from pydantic import TypeAdapter, ValidationError

from bot.core.say import findings
from bot.core.say.problems.server import NoToken, Silence
from bot.core.world.markdown import cut
from bot.core.world.redaction import Secrets
from bot.errors import PermanentError, TransientError
from bot.ports.examined import Finding, State
from bot.workers.codes import PATH

PART = "tokens"

SECONDS = 10.0
"""How long the bot may take, all in all: it may have to ask GitHub."""

_WORDS_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Given:
    """The bot's answer to a code."""

    token: str = field(repr=False)


_GIVEN = TypeAdapter(Given)


class Redeeming:
    """Asks the bot at *address* (``host:port``); *secrets* learn what it gives.

    It is a ``Redeem`` of ``bot.ports.host``.
    """

    def __init__(
        self, address: str, *, context: ssl.SSLContext, secrets: Secrets
    ) -> None:
        self._url = f"https://{address}{PATH}"
        self._context = context
        self._secrets = secrets

    async def __call__(self, code: str) -> str:
        """Return the token for a code. Raises ``TransientError`` and ``PermanentError``."""
        self._secrets.learn(code)
        try:
            status, body = await self._answer(code)
        except TimeoutError as error:
            raise TransientError(NoToken(Silence.LATE)) from error
        except (aiohttp.ClientError, OSError) as error:
            # The words of a failed connection spell out objects of Python as well.
            why = getattr(error, "strerror", None) or str(error)
            raise TransientError(NoToken(why)) from error
        if status == 403:
            raise PermanentError(NoToken(self._words(body)))
        if status != 200:
            raise TransientError(NoToken(self._words(body)))
        try:
            token = _GIVEN.validate_json(body, strict=True).token
        except ValidationError:
            # Without its cause, which holds what was sent.
            raise TransientError(NoToken(Silence.UNREADABLE)) from None
        self._secrets.learn(token)
        return token

    async def _answer(self, code: str) -> tuple[int, bytes]:
        timeout = aiohttp.ClientTimeout(total=SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                self._url,
                json={"code": code},
                ssl=self._context,
                allow_redirects=False,
            ) as answer,
        ):
            return answer.status, await answer.read()

    def _words(self, body: bytes) -> str:
        return cut(self._secrets.hide(body.decode(errors="replace")), _WORDS_LENGTH)


async def is_taken(host: str, port: int, *, context: ssl.SSLContext) -> bool:
    """Return whether what listens there is no bot of this pool; False if nothing does."""
    name = f"[{host}]" if ":" in host else host
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"https://{name}:{port}{PATH}", ssl=context) as answer,
        ):
            return answer.status != HTTPStatus.METHOD_NOT_ALLOWED
    except (aiohttp.ClientError, OSError) as error:
        return getattr(error, "errno", None) != ECONNREFUSED


async def _never() -> bool:
    return False


class TokensExamined:
    """Whether machines of the pool get tokens at *address*.

    The bot itself does not start where it cannot listen; who stands beside it says
    whether the port *is taken* by something else.
    """

    def __init__(
        self, address: str, *, is_taken: Callable[[], Awaitable[bool]] = _never
    ) -> None:
        self._address = address
        self._is_taken = is_taken

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        if await self._is_taken():
            words = findings.tokens_port_is_taken(self._address)
            return [Finding(PART, State.NOTE, *words)]
        return [Finding(PART, State.FINE, *findings.tokens_are_given(self._address))]
