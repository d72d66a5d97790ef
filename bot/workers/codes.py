"""Codes for tokens: a machine of the pool is sent one, and shows it to the bot.

The code goes through the scheduler, so it is worth little: good once, soon too old, and
for one repository that is read. Here it is known by its digest alone.
"""

import hashlib
import secrets
from dataclasses import dataclass, replace

import structlog

from bot.core.model import AttemptId, Repository
from bot.core.say.problems.server import CodeSpent, Spent
from bot.errors import PermanentError
from bot.ports.clock import Clock
from bot.ports.github import Tokens

PATH = "/tokens"
"""Where the bot takes them, below its address for machines."""

GOOD_SECONDS = 60.0

MOST_CODES = 4096
"""How many of the newest are known, the spent ones too, so as to say what they were."""

log = structlog.get_logger()


class CodeRefused(PermanentError):
    """A code that is good for no token, by what is known here."""


@dataclass(frozen=True, slots=True)
class _Code:
    repository: Repository
    attempt: AttemptId
    good_until: float  # monotonic
    is_used: bool = False


class Codes:
    """Gives codes out, and the tokens for them; a restart forgets all."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._codes: dict[bytes, _Code] = {}  # by digest, the oldest first

    def issue(self, repository: Repository, attempt: AttemptId) -> str:
        """Return a code for a token that reads *repository*, for whoever runs *attempt*.

        It is good once, for ``GOOD_SECONDS``.
        """
        code = secrets.token_urlsafe(32)
        good_until = self._clock.monotonic() + GOOD_SECONDS
        self._codes[_digest(code)] = _Code(repository, attempt, good_until)
        if len(self._codes) > MOST_CODES:
            del self._codes[next(iter(self._codes))]
        return code

    async def redeem(self, code: str) -> str:
        """Return the token for a code, which is spent by that, also if GitHub gives none.

        Raises ``CodeRefused``, and what ``Tokens.token`` raises.
        """
        digest = _digest(code)
        known = self._codes.get(digest)
        if why := self._why_not(known):
            problem = CodeSpent(why)
            attempt = {"attempt": known.attempt} if known else {}
            advice = {"advice": problem.advice} if problem.advice else {}
            log.warning("a code was refused", why=str(why), **attempt, **advice)
            raise CodeRefused(problem)
        assert known is not None
        # Before anything is awaited: of two that come at once, one gets a token.
        self._codes[digest] = replace(known, is_used=True)
        token = await self._tokens.token(known.repository)
        log.info(
            "a token was given out",
            attempt=known.attempt,
            repository=known.repository.name,
        )
        return token

    def _why_not(self, known: _Code | None) -> Spent | None:
        if known is None:
            return Spent.UNKNOWN
        if known.is_used:
            return Spent.USED
        return Spent.OLD if self._clock.monotonic() >= known.good_until else None


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
