"""When what one person marks within a short time is all there: the window's end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.command.trigger import Marking
from bot.core.model import ItemNumber

MOST = timedelta(minutes=10)
"""How long a window stays open at most, whatever comes; a longer one of the
repository's own counts instead.
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A label, or a request for a review, that waits for its window to close."""

    change: Marking
    delivery: str  # its GUID
    received_at: datetime
    window: timedelta


def closes_at(arrivals: Iterable[Arrival]) -> datetime:
    """Return when the window of *arrivals* closes, if nothing else comes."""
    found = list(arrivals)
    first = min(one.received_at for one in found)
    most = max(MOST, *(one.window for one in found))
    return min(max(one.received_at + one.window for one in found), first + most)


def standing(
    arrivals: Iterable[Arrival], taken_back: Iterable[Marking]
) -> Sequence[Arrival]:
    """Return what was not taken back later, each mark once, the oldest first.

    What happened within one second is left for GitHub to tell.
    """
    ends: dict[tuple[ItemNumber, str], datetime] = {}
    for change in taken_back:
        key = _key(change)
        ends[key] = max(change.at, ends.get(key, change.at))
    newest: dict[tuple[ItemNumber, str], Arrival] = {}
    for one in sorted(arrivals, key=_in_order):
        newest[_key(one.change)] = one
    kept = [
        one
        for key, one in newest.items()
        if key not in ends or one.change.at >= ends[key]
    ]
    return sorted(kept, key=_in_order)


def _in_order(one: Arrival) -> tuple[datetime, ItemNumber, str, str]:
    return one.change.at, one.change.number, one.change.name.casefold(), one.delivery


def _key(change: Marking) -> tuple[ItemNumber, str]:
    return change.number, change.name.casefold()
