"""GitHub's time, by which the bot goes."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.ports.clock import Clock

LEAST_SECONDS = 2.0
"""What is closer to GitHub's time than this is as good as it: no time steps for it."""


class GitHubTime:
    """A ``Clock`` that tells GitHub's time, as far as answers have told it.

    So what the bot records and says can be compared with what GitHub does, wherever this
    machine's clock stands. Before the first answer it is that clock.
    """

    def __init__(self, own: Clock) -> None:
        self.own = own
        """This machine's."""
        self.ahead_seconds = 0.0
        """How far that is ahead of GitHub's, as of the last answer."""
        self._corrected = timedelta()

    def now(self) -> datetime:
        """Return the present instant, aware, UTC."""
        return self.own.now() - self._corrected

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for intervals."""
        return self.own.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds*."""
        await self.own.sleep(seconds)

    def heard(self, date: str, *, sent_at: float) -> None:
        """Compare this machine's clock with *date*, GitHub's in the answer to a request.

        *sent_at* is when that was sent, on the monotonic clock. An answer says when it
        was written to the second, and that lies between then and now.
        """
        try:
            told = parsedate_to_datetime(date)
        except ValueError:
            return
        if told.tzinfo is None:  # it names no zone
            return
        now = self.own.now()
        began = now - timedelta(seconds=self.own.monotonic() - sent_at)
        early = (began - told).total_seconds() - 1
        late = (told - now).total_seconds()
        self.ahead_seconds = max(early, 0.0) - max(late, 0.0)
        measured = timedelta(seconds=self.ahead_seconds)
        if abs(measured - self._corrected) >= timedelta(seconds=LEAST_SECONDS):
            self._corrected = measured
