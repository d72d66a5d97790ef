"""When a command wants to be started, as a value."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.calendar import due_after, read_times
from bot.core.zones import known_zones


@dataclass(frozen=True, slots=True)
class StartAt:
    """The next time that a clock shows something, as it is typed: ``22:00`` or
    ``Mon-06:00``, of a zone by its name.
    """

    at: str
    zone: str = "UTC"

    def __str__(self) -> str:
        """Write it as it is typed."""
        return self.at if self.zone == "UTC" else f"{self.at}@{self.zone}"

    def after(self, now: datetime) -> datetime:
        """Return when that is, in UTC: within a day, or with a day within a week."""
        times = read_times(self.at.replace("-", " "))
        assert times is not None
        return due_after(times, known_zones()[self.zone], now)
