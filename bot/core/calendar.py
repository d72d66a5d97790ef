"""Times that come again on a wall clock, and when they are due."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LAST_DAY = 28
"""The last day of a month that every month has."""

_DAY = "|".join(DAYS)
TIMES = (
    rf"(?:(?:(?:{_DAY})(?:-(?:{_DAY}))?|(?:[1-9]|1[0-9]|2[0-8])[.]) )?"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
)
"""How such times are written, in what Python and ECMAScript share."""

FORM = "a time such as 06:00, Mon 06:00, Mon-Fri 06:00 or 1. 06:00"

_LOOSE = re.compile(
    r"(?:(?:every|on|each|the)\s+)*"
    r"(?:(?P<first>[a-z]{2,9})s?[.,]?\s*(?:(?:-|\u2013|to)\s*(?P<last>[a-z]{2,9})[.,]?\s*)?"
    r"|(?P<day>[0-9]{1,2})(?:[.]|st|nd|rd|th)\s*)?"
    r"(?:at\s+)?(?P<hour>[0-9]{1,2})(?:[:.h](?P<minute>[0-9]{2}))?(?::00)?\s*(?P<half>am|pm)?",
    re.IGNORECASE,
)
_MOST_DAYS = 40  # between two times of one month and the next, with room to spare
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Times:
    """A time of the day, on some days: of the week (0 is Monday), or one of the month."""

    at: time
    weekdays: frozenset[int] = frozenset(range(7))
    day: int = 0  # of the month, 1 to ``LAST_DAY``; 0: any

    def on(self, day: date) -> bool:
        """Return whether it comes on a day."""
        return day.weekday() in self.weekdays and self.day in (0, day.day)


def read_times(text: str) -> Times | None:
    """Return what ``Mon-Fri 06:00`` means; None if it is not written like ``TIMES``."""
    if not re.fullmatch(TIMES, text):
        return None
    days, _, at = text.rpartition(" ")
    found = time.fromisoformat(at)
    if days.endswith("."):
        return Times(found, day=int(days[:-1]))
    if not days:
        return Times(found)
    first, _, last = days.partition("-")
    start = DAYS.index(first)
    length = (DAYS.index(last or first) - start) % 7
    return Times(found, frozenset((start + n) % 7 for n in range(length + 1)))


def likely_times(text: str) -> str:
    """Return how what may be meant is written; nothing if nobody can say."""
    found = _LOOSE.fullmatch(text.strip())
    if found is None:
        return ""
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    if half := (found["half"] or "").lower():
        hour = hour % 12 + 12 * (half == "pm")
    elif found["minute"] is None:
        return ""
    names = [_day_called(name) for name in (found["first"], found["last"]) if name]
    days = "-".join(names) if all(names) else "?"
    days = f"{int(found['day'])}." if found["day"] else days
    likely = f"{days} {hour:02}:{minute:02}".strip()
    return likely if re.fullmatch(TIMES, likely) else ""


def _day_called(name: str) -> str:
    longer = [day for day in DAYS if name.lower().startswith(day.lower())]
    shorter = [day for day in DAYS if day.lower().startswith(name.lower())]
    found = longer or shorter
    return found[0] if len(found) == 1 else ""


def instant(day: date, at: time, zone: tzinfo) -> datetime:
    """Return when it is *at* on a day, in UTC.

    A time that the clock skips is the next one that it shows; of one that it shows twice
    it is the first.
    """
    shown = datetime.combine(day, at)
    while not _exists(shown, zone):
        shown += _MINUTE
    return shown.replace(tzinfo=zone).astimezone(UTC)


def due_after(times: Times, zone: tzinfo, after: datetime) -> datetime:
    """Return the first instant after *after* at which *times* are due, in UTC."""
    start = after.astimezone(zone).date()
    # The day before: what its clock skips may be due today.
    return next(
        found
        for found in _instants(times, zone, start - timedelta(days=1), _MOST_DAYS)
        if found > after
    )


def last_due(
    times: Times, zone: tzinfo, *, after: datetime, until: datetime
) -> datetime | None:
    """Return the last instant after *after*, and not after *until*, at which *times* are
    due; None if there is none.
    """
    end = until.astimezone(zone).date()
    start = end - timedelta(days=_MOST_DAYS - 2)
    found = [
        one for one in _instants(times, zone, start, _MOST_DAYS) if after < one <= until
    ]
    return found[-1] if found else None


def next_time(at: time, zone: tzinfo, after: datetime) -> datetime:
    """Return the first instant after *after* at which a clock shows *at*, in UTC."""
    return due_after(Times(at), zone, after)


def _instants(times: Times, zone: tzinfo, start: date, days: int) -> Iterator[datetime]:
    for number in range(days):
        day = start + timedelta(days=number)
        if times.on(day):
            yield instant(day, times.at, zone)


def _exists(shown: datetime, zone: tzinfo) -> bool:
    there = shown.replace(tzinfo=zone)
    return there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == shown
