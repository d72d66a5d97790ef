"""Arithmetic on GitHub's limits: what is left, what fits, how long to wait.

The primary limit is a window per installation and resource that GitHub reports with
every answer; secondary limits are reported only once they are passed.
https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api

Instants are wall time where GitHub's clock decides (a window's reset) and monotonic
seconds where an interval does (a hold, the pace).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf

CORE = "core"
SEARCH = "search"
GRAPHQL = "graphql"

SAME_WINDOW_SECONDS = 5
LATE_ANSWER_SECONDS = 60  # no answer is under way for longer
RESET_MARGIN_SECONDS = 1  # the reset is told in whole seconds
HOLD_SECONDS = 60.0
MOST_HOLD_SECONDS = 3600.0

# GitHub's limits on bursts, each with something left over for other clients.
MINUTE = 60.0
HOUR = 3600.0
CONTENT_PER_MINUTE = 60  # of 80
CONTENT_PER_HOUR = 400  # of 500
SEARCHES_PER_MINUTE = 20  # of 30
POINTS_PER_MINUTE = 850  # of 900; a read is 1, a write 5
KEPT_FOR_PEOPLE = 0.2  # of the app's own points: no token that is waited for lacks them
MOST_CONCURRENT = 20  # of 100
MOST_CONCURRENT_AWAITED = 40  # of 100, when a person waits for the next
MOST_OF_THE_APP = 80  # of 100: what it asks for is for all installations


# --- one request -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as far as limits care.

    ``lateness_seconds`` orders waiting writes: whoever is due first goes first. A command
    is seen at once, marks and edits come behind what says more, and nobody starves.
    """

    resource: str = CORE
    cost: int = 1  # of the primary limit
    is_write: bool = False
    is_content: bool = False
    is_token: bool = False  # asks for one: a POST that changes nothing
    lateness_seconds: float = 5.0

    @property
    def points(self) -> int:
        """What the secondary limit of points a minute counts."""
        return 5 if self.is_write or self.is_token else 1


_COMMENT = re.compile(r"/comments/\d+$")
_CONTENT = re.compile(r"/(comments|reviews|issues|pulls)(/\d+)?$")
_REACTIONS = re.compile(r"/reactions$")
_SEEN = b'"eyes"'
_TOKEN = re.compile(r"/access_tokens$")


def call_of(method: str, path: str, body: bytes = b"") -> Call:
    """Return what a REST request means for the limits; *path* has no query.

    Asking for a token is a POST that creates nothing: it is in nobody's turn to write.
    """
    resource = SEARCH if re.search(r"(^|/)search/", path) else CORE
    is_token = bool(_TOKEN.search(path))
    if method in ("GET", "HEAD") or is_token:
        return Call(resource, is_token=is_token)
    is_content = method in ("POST", "PATCH") and bool(_CONTENT.search(path))
    lateness = 5.0
    if _REACTIONS.search(path):
        lateness = 0.0 if _SEEN in body else 10.0
    elif method == "POST" and path.endswith("/comments"):
        lateness = 2.0  # somebody waits for it
    elif method == "PATCH" and _COMMENT.search(path):
        lateness = 15.0
    return Call(
        resource, is_write=True, is_content=is_content, lateness_seconds=lateness
    )


# --- the primary limit -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent at an instant."""

    at: float  # monotonic seconds
    amount: int


@dataclass(frozen=True, slots=True)
class Window:
    """What is known of one resource until its reset.

    ``is_told`` is False until GitHub has answered in this window; a window that is
    told without a limit is unlimited, as on Enterprise servers by default. ``unseen``
    are requests that no answer came to: they may have counted, and an answer to a
    request sent before their loss does not say so yet.
    """

    limit: int = 0
    remaining: int = 0
    reset_at: datetime | None = None
    is_told: bool = False
    unseen: tuple[Spent, ...] = ()

    @property
    def left(self) -> int:
        """What is left if all that may have counted did."""
        return max(0, self.remaining - sum(spent.amount for spent in self.unseen))

    @property
    def is_unlimited(self) -> bool:
        """Whether GitHub answers without naming a limit."""
        return self.is_told and self.limit == 0


UNLIMITED = Window(is_told=True)


def window_of(headers: Mapping[str, str]) -> Window | None:
    """Return what the headers of an answer say, None if they say nothing usable."""
    try:
        limit = int(headers["x-ratelimit-limit"])
        remaining = int(headers["x-ratelimit-remaining"])
        reset_at = datetime.fromtimestamp(float(headers["x-ratelimit-reset"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return None
    if limit <= 0:
        return None
    return Window(limit, max(0, min(remaining, limit)), reset_at, is_told=True)


def rolled(window: Window, *, now: datetime) -> Window:
    """Return the window as of *now*: after the reset, full and not yet told."""
    if window.reset_at is None or now < _after_reset(window.reset_at):
        return window
    return Window(window.limit, window.limit)


def merged(
    window: Window, seen: Window, *, now: datetime, sent_at: float = inf
) -> Window:
    """Return what is known after the answer to a request of *sent_at* said *seen*.

    Answers overtake each other. Within a window ``remaining`` only falls, so the
    lowest number is the latest; an answer of a window that is over, or nearly so while
    a later one is known, says nothing. Any other difference means that GitHub began a
    new window or changed the limit: believe it.
    """
    assert seen.reset_at is not None
    if now >= _after_reset(seen.reset_at):
        return window
    unseen = tuple(spent for spent in window.unseen if spent.at >= sent_at)
    if not window.is_told or window.reset_at is None:
        return replace(seen, unseen=unseen)
    later_by = (seen.reset_at - window.reset_at).total_seconds()
    left = (seen.reset_at - now).total_seconds()
    if later_by < -SAME_WINDOW_SECONDS and left <= LATE_ANSWER_SECONDS:
        return window
    if abs(later_by) > SAME_WINDOW_SECONDS or seen.limit != window.limit:
        return replace(seen, unseen=unseen)
    remaining = min(window.remaining, seen.remaining)
    return replace(window, remaining=remaining, unseen=unseen)


def charged(window: Window, lost: Spent) -> Window:
    """Return the window after a request whose answer did not come, or said nothing."""
    if window.is_unlimited or not window.is_told:
        return window
    return replace(window, unseen=(*window.unseen, lost))


def primary_wait(
    window: Window, *, in_flight: int, cost: int, now: datetime
) -> float | None:
    """Return the seconds until a request may be sent, 0.0 for at once.

    None means: not before one of the requests in flight is answered. They count in
    full, whether or not GitHub's number has them already. While nothing is told one
    request goes ahead and the others wait for its answer.
    """
    if window.is_unlimited:
        return 0.0
    if not window.is_told:
        return None if in_flight else 0.0
    needed = min(cost, window.limit)
    if window.left - in_flight >= needed:
        return 0.0
    if in_flight and window.left >= needed:
        return None
    assert window.reset_at is not None
    wait = (_after_reset(window.reset_at) - now).total_seconds()
    return max(0.0, wait)


def _after_reset(reset_at: datetime) -> datetime:
    return reset_at + timedelta(seconds=RESET_MARGIN_SECONDS)


# --- the reserve -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reserve:
    """The part of a limit that no new work may use."""

    fraction: float = 0.0
    requests: int = 0

    def of(self, limit: int) -> int:
        """Return the requests kept back of *limit*; at most nine tenths of it."""
        return min(max(int(limit * self.fraction), self.requests), limit * 9 // 10)

    def __str__(self) -> str:
        return f"{self.fraction:.0%}" if self.fraction else str(self.requests)


DEFAULT_RESERVE = Reserve(fraction=0.1)

ENDLESS_ROOM = 1_000_000
"""What fits while GitHub has told no limit, in requests."""


def room(window: Window, *, in_flight: int, reserve: Reserve) -> int:
    """Return how many requests of new work fit into this window, over the reserve."""
    if window.limit == 0:
        return ENDLESS_ROOM
    return max(0, window.left - in_flight - reserve.of(window.limit))


# --- secondary limits --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is sent before ``until`` (monotonic seconds).

    ``strikes`` counts how often in a row GitHub said so.
    """

    until: float = 0.0
    strikes: int = 0


_LIMIT_MESSAGE = re.compile(
    r"secondary rate limit|abuse detection|rate limit (already )?exceeded",
    re.IGNORECASE,
)


def is_limited(status: int, headers: Mapping[str, str], message: str) -> bool:
    """Return whether an answer says that too much was sent."""
    if status == 429:
        return True
    return status == 403 and (
        "retry-after" in headers
        or headers.get("x-ratelimit-remaining") == "0"
        or _LIMIT_MESSAGE.search(message) is not None
    )


def named_seconds(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Return for how long an answer wants nothing to be sent, if it says so.

    That is its ``retry-after``; or the time until the reset, where nothing is left.
    """
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    seen = window_of(headers)
    if seen is None or seen.remaining or seen.reset_at is None:
        return None
    left = (_after_reset(seen.reset_at) - now).total_seconds()
    return min(max(left, 0.0), MOST_HOLD_SECONDS)


def struck(hold: Hold, *, sent_at: float, now: float, named: float | None) -> Hold:
    """Return the hold after an answer for which ``is_limited`` is true.

    It lasts for the seconds that GitHub *named*, each time; where it names none, for a
    minute at first and twice as long each further time. Answers to requests that were on
    their way when the hold began belong to the same strike. A hold is never shortened.
    """
    is_same = hold.strikes > 0 and sent_at < hold.until
    strikes = hold.strikes if is_same else hold.strikes + 1
    doubled = min(HOLD_SECONDS * 2.0 ** min(strikes - 1, 30), MOST_HOLD_SECONDS)
    seconds = doubled if named is None else named
    return Hold(max(hold.until, now + seconds), strikes)


def relieved(hold: Hold, *, sent_at: float) -> Hold:
    """Return the hold after a good answer: over, if it was asked after its end."""
    return Hold() if sent_at >= hold.until else hold


def is_other_end(before: datetime | None, after: datetime | None) -> bool:
    """Return whether the end of a wait is another one, worth to be written down.

    Two looks at one end differ by what passes between two readings of a clock.
    """
    if before is None or after is None:
        return before is not after
    return abs((after - before).total_seconds()) >= 1


# --- the pace ----------------------------------------------------------------------


def rolling_wait(
    spent: Iterable[Spent], *, now: float, most: int, seconds: float, cost: int = 1
) -> float:
    """Return the seconds until *cost* more fit into *most* per *seconds*.

    *spent* is in order, oldest first. An amount counts for *seconds* after it was
    spent, so no interval of that length ever holds more than *most*.
    """
    recent = [one for one in spent if one.at + seconds > now]
    over = sum(one.amount for one in recent) + cost - most
    for one in recent:
        if over <= 0:
            break
        over -= one.amount
        if over <= 0:
            return one.at + seconds - now
    return 0.0


def write_wait(last_began: float | None, *, now: float, interval: float) -> float:
    """Return the seconds until the next write may begin, *interval* after the last did."""
    return 0.0 if last_began is None else max(0.0, last_began + interval - now)
