"""GitHub's rate limits: the hourly windows, the secondary limits, and their headers."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.localhub.errors import DOCUMENTATION, GitHubError

HOURLY_LIMITS = {"core": 5_000, "graphql": 5_000}
SEARCH_LIMIT = 30
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
PERIODS = {"core": HOUR, "graphql": HOUR, "search": MINUTE}
PRIMARY_MESSAGE = "API rate limit exceeded for installation ID {}."
SECONDARY_MESSAGE = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you "
    "try again."
)


@dataclass(slots=True)
class Window:
    """What one client has used of one resource until the reset."""

    limit: int
    used: int = 0
    reset_at: datetime | None = None

    @property
    def remaining(self) -> int:
        """What is left."""
        return max(self.limit - self.used, 0)


@dataclass(slots=True)
class SecondaryLimits:
    """The limits on bursts. None turns one off."""

    concurrent: int | None = 100
    points_a_minute: int | None = 900  # a read is 1, a write 5
    content_a_minute: int | None = 80
    content_an_hour: int | None = 500
    status: int = 403  # GitHub answers 403 or 429
    retry_after_seconds: int = 60


@dataclass(slots=True)
class _Recent:
    """What one client has done lately."""

    under_way: int = 0
    points: deque[tuple[datetime, int]] = field(default_factory=deque)
    content: deque[datetime] = field(default_factory=deque)


class Limits:
    """The limits of every client: an installation, or the app itself (0)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.secondary = SecondaryLimits()
        self.most_nodes: int | None = None  # of a GraphQL query that can be worked out
        self.too_dear_status = 502  # or 504, or 200 with an error beside the data
        self._now = now
        self._windows: dict[tuple[int, str], Window] = {}
        self._recent: dict[int, _Recent] = {}

    def window(self, client: int, resource: str) -> Window:
        """Return the present window of a client; a new one when the last has passed."""
        limit = HOURLY_LIMITS.get(resource, SEARCH_LIMIT)
        window = self._windows.setdefault((client, resource), Window(limit))
        now = self._now()
        if window.reset_at is None or now >= window.reset_at:
            window.used = 0
            window.reset_at = now.replace(microsecond=0) + PERIODS[resource]
        return window

    def set_limit(
        self,
        client: int,
        *,
        limit: int | None = None,
        remaining: int | None = None,
        resource: str = "core",
    ) -> None:
        """Change a client's limit, or what is left of it until the reset."""
        window = self.window(client, resource)
        if limit is not None:
            window.limit = limit
        if remaining is not None:
            window.used = window.limit - remaining

    def begin_again(self, client: int, resource: str = "core") -> None:
        """Begin a new window of a client, which is told by its later reset."""
        window = self.window(client, resource)
        assert window.reset_at is not None
        period = PERIODS[resource]
        fresh = self._now().replace(microsecond=0) + period
        window.used = 0
        window.reset_at = max(fresh, window.reset_at + MINUTE)

    def require_left(self, client: int, resource: str) -> None:
        """Raise 403 when the window is used up."""
        if self.window(client, resource).remaining == 0:
            raise GitHubError(403, PRIMARY_MESSAGE.format(client))

    def charge(self, client: int, resource: str, points: int = 1) -> None:
        """Take points out of the window."""
        self.window(client, resource).used += points

    def begin(self, client: int, *, is_write: bool, makes_content: bool) -> None:
        """Note that a request begins; raise when a secondary limit is passed.

        A request that was let in has to be given to ``end``.
        """
        recent, now = self._recent.setdefault(client, _Recent()), self._now()
        limits = self.secondary
        while recent.points and recent.points[0][0] <= now - MINUTE:
            recent.points.popleft()
        while recent.content and recent.content[0] <= now - HOUR:
            recent.content.popleft()
        points = 5 if is_write else 1
        spent = sum(count for _, count in recent.points)
        last_minute = sum(at > now - MINUTE for at in recent.content)
        if (
            _exceeds(recent.under_way + 1, limits.concurrent)
            or _exceeds(spent + points, limits.points_a_minute)
            or (makes_content and _exceeds(last_minute + 1, limits.content_a_minute))
            or (
                makes_content
                and _exceeds(len(recent.content) + 1, limits.content_an_hour)
            )
        ):
            raise self.refusal()
        recent.under_way += 1
        recent.points.append((now, points))
        if makes_content:
            recent.content.append(now)

    def end(self, client: int) -> None:
        """Note that a request has been answered."""
        self._recent[client].under_way -= 1

    def refusal(self) -> GitHubError:
        """Return the answer to somebody over a secondary limit."""
        return GitHubError(
            self.secondary.status,
            SECONDARY_MESSAGE,
            headers={"retry-after": str(self.secondary.retry_after_seconds)},
            url=f"{DOCUMENTATION}/overview/rate-limits-for-the-rest-api",
        )

    def headers(self, client: int, resource: str) -> dict[str, str]:
        """Return the ``x-ratelimit-…`` headers of an answer."""
        window = self.window(client, resource)
        return {
            "x-ratelimit-limit": str(window.limit),
            "x-ratelimit-remaining": str(window.remaining),
            "x-ratelimit-used": str(window.used),
            "x-ratelimit-reset": str(reset_seconds(window)),
            "x-ratelimit-resource": resource,
        }


def reset_seconds(window: Window) -> int:
    """Return when the window ends, in seconds of Unix time."""
    assert window.reset_at is not None
    return int(window.reset_at.timestamp())


def _exceeds(value: int, limit: int | None) -> bool:
    return limit is not None and value > limit
