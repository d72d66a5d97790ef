"""What was sent to GitHub since the start and how it was answered, for those who watch."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from datetime import datetime

from bot.ports.clock import Clock

LOST = "lost"
CLASSES = ("2xx", "304", "3xx", "4xx", "limited", "5xx", LOST)
WAITS = ("hold", "pace", "budget", "line")
MOST_BAD_ANSWERS = 3  # in a row; after them GitHub counts as out of reach


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """How many requests in a row had no good answer, and since when."""

    since: datetime
    requests: int
    _: KW_ONLY
    answers: bool  # whether there was any answer


class Traffic:
    """Figures of all accounts together. They only grow, and begin anew with the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.answers: Counter[tuple[str, str]] = Counter()
        """Requests by resource and class of the answer: see ``class_of`` and ``LOST``."""
        self.waits: Counter[str] = Counter()
        """How often requests waited, by which of ``WAITS``."""
        self.waited_seconds: defaultdict[str, float] = defaultdict(float)
        self.turned_away: Counter[str] = Counter()
        """Requests that were not sent because the wait would be long, by why."""
        self._bad_answers = 0  # in a row
        self._bad_since: datetime | None = None
        self._last_class = ""

    @property
    def out_of_reach(self) -> OutOfReach | None:
        """How GitHub is out of reach; None while it answers."""
        if self._bad_answers < MOST_BAD_ANSWERS or self._bad_since is None:
            return None
        answers = self._last_class != LOST
        return OutOfReach(self._bad_since, self._bad_answers, answers=answers)

    def note(self, resource: str, class_: str) -> None:
        """Note how a request was answered."""
        self.answers[resource, class_] += 1
        if class_ not in (LOST, "5xx"):
            self._bad_answers, self._bad_since = 0, None
            return
        self._bad_answers += 1
        self._bad_since = self._bad_since or self._clock.now()
        self._last_class = class_

    @contextmanager
    def waiting(self, why: str) -> Iterator[None]:
        """Count the time inside as waited."""
        began = self._clock.monotonic()
        self.waits[why] += 1
        try:
            yield
        finally:
            self.waited_seconds[why] += self._clock.monotonic() - began


def class_of(status: int, *, is_limited: bool) -> str:
    """Return the class of an answer: limited, 304, or 2xx to 5xx."""
    if is_limited:
        return "limited"
    return "304" if status == 304 else f"{status // 100}xx"
