"""Who goes first once GitHub can be asked again: whoever stops something, or asks how
it stands.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from bot.errors import RateLimited, TransientError
from bot.ports.clock import Clock

AGAIN_SECONDS = 15.0
"""After how long one whom nobody answered asks again, at the latest."""

MOST_SECONDS = 20.0
"""How long others give way after that."""


@dataclass(slots=True, eq=False)
class _Claim:
    """The right to go first of what is asked inside a block, until that ends."""

    key: str
    is_over: bool = False


_claim: ContextVar[_Claim | None] = ContextVar("claim", default=None)


class Precedence:
    """Those of one account whom others let go first, because they had to wait.

    *is_away* says whether nobody is answered now, whatever is asked.
    """

    def __init__(self, clock: Clock, is_away: Callable[[], bool]) -> None:
        self._clock = clock
        self._is_away = is_away
        self._owed: dict[str, float] = {}  # until when, monotonic
        self._changed = asyncio.Event()

    @contextmanager
    def first(self, key: str) -> Iterator[None]:
        """Let what is asked inside, and in tasks begun inside, give way to nobody.

        What ends because nobody was answered comes again as the same *key*, and is owed
        its turn until then.
        """
        claim = _Claim(key)
        token = _claim.set(claim)
        try:
            yield
        except TransientError as error:
            if isinstance(error, RateLimited) or self._is_away():
                self._owe(key, error.retry_after_seconds or AGAIN_SECONDS)
            else:
                self._pay(key)
            raise
        except BaseException:
            self._pay(key)
            raise
        else:
            self._pay(key)
        finally:
            claim.is_over = True
            _claim.reset(token)

    def waits(self, seconds: float) -> None:
        """Note that whoever asks now has to wait: if claimed, its turn is owed to it."""
        claim = _claim.get()
        if claim is not None and not claim.is_over:
            self._owe(claim.key, seconds)

    @property
    def is_owed_to_others(self) -> bool:
        """Whether whoever asks now lets somebody else go first."""
        claim = _claim.get()
        if not self._owed or self._is_away() or (claim and not claim.is_over):
            return False
        now = self._clock.monotonic()
        self._owed = {key: until for key, until in self._owed.items() if until > now}
        return bool(self._owed)

    async def give_way(self) -> None:
        """Let those go first to whom that is owed, if there are any."""
        while self.is_owed_to_others:
            seconds = max(self._owed.values()) - self._clock.monotonic()
            await self._changed_within(seconds)

    def _owe(self, key: str, seconds: float) -> None:
        self._owed[key] = self._clock.monotonic() + seconds + MOST_SECONDS

    def _pay(self, key: str) -> None:
        if self._owed.pop(key, None) is not None:
            self._changed.set()

    async def _changed_within(self, seconds: float) -> None:
        self._changed.clear()
        waits = {
            asyncio.ensure_future(self._changed.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
