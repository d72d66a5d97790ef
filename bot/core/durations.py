"""Times as people read them: UTC, and no seconds above an hour."""

import re
from datetime import datetime, timedelta

_SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,3})(?P<unit>[hdw])", re.ASCII)
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def spell(duration: timedelta | float) -> str:
    """Return ``48s``, ``4m 12s``, ``5h 08m`` or ``2d 3h``; numbers are seconds."""
    seconds = max(0, round(_seconds(duration)))
    if seconds < _MINUTE:
        return f"{seconds}s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}m {seconds % _MINUTE:02}s"
    if seconds < _DAY:
        return f"{seconds // _HOUR}h {seconds % _HOUR // _MINUTE:02}m"
    return f"{seconds // _DAY}d {seconds % _DAY // _HOUR}h"


def spell_about(duration: timedelta | float) -> str:
    """Return an estimate: ``about 11m``, ``about 1h 10m``, ``less than a minute``."""
    minutes = round(_seconds(duration) / _MINUTE)
    if minutes < 1:
        return "less than a minute"
    if minutes < _HOUR // _MINUTE:
        return f"about {minutes}m"
    return f"about {spell(minutes * _MINUTE)}"


def spell_option(seconds: int) -> str:
    """Return a time as it is typed in a command: ``90s``, ``30m``, ``2h``."""
    for size, unit in ((_HOUR, "h"), (_MINUTE, "m")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def span(text: str) -> timedelta | None:
    """Return a time as operators write it, such as ``12h``, ``30d`` or ``8w``; None if it
    is none. It is 9999 weeks at most.
    """
    found = _SPAN.fullmatch(text)
    if found is None:
        return None
    return timedelta(**{_UNITS[found["unit"]]: int(found["count"])})


def clock(at: datetime, now: datetime) -> str:
    """Return ``15:42 UTC``, with the day when it is not today's."""
    day = "" if at.date() == now.date() else f" on {at.day} {at:%b}"
    return f"{at:%H:%M} UTC{day}"


def _seconds(duration: timedelta | float) -> float:
    return duration.total_seconds() if isinstance(duration, timedelta) else duration
