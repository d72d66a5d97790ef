"""Bases that people keep from merges for a time."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Freeze:
    """A branch that no batch merges into meanwhile. ``source`` is the request's name."""

    branch: str
    by: str  # the login
    at: datetime
    reason: str = ""
    url: str = ""  # of the comment
    source: str = ""


def frozen_words(freeze: Freeze) -> str:
    """Return ``main, frozen by ada since 14:02 UTC on 29 Nov (release)``, unescaped."""
    at = freeze.at
    since = f"{at:%H:%M} UTC on {at.day} {at:%b}"
    why = f" ({freeze.reason})" if freeze.reason else ""
    return f"{freeze.branch}, frozen by {freeze.by} since {since}{why}"
