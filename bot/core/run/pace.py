"""When the tracking comment may be edited next, so that it is current and yet quiet."""

from dataclasses import dataclass
from zlib import crc32

from bot.core.model import BatchId

HEADING_SECONDS = 2.0  # between any two edits
ITEMS_SECONDS = 10.0  # when only items changed
CLOCKS_SECONDS = 60.0  # when only times grew old
EDITS_AN_HOUR = 120  # of one installation; GitHub allows 500 that create content
MOMENT_SECONDS = 0.001
EASY_BUDGET = 0.5  # fraction of the usable requests from which on edits cost nothing
LOW_BUDGET = 0.2  # the one below which only headings go out


@dataclass(frozen=True, slots=True)
class Stale:
    """What of a comment has changed since it was last written."""

    heading: bool
    items: bool
    clocks: bool  # whether it shows times at all


def seconds_to_edit(
    stale: Stale,
    *,
    since_last: float,
    edits_last_hour: int,
    left: float = 1.0,
    items_seconds: float = ITEMS_SECONDS,
    early_seconds: float = 0.0,
) -> float | None:
    """Return the seconds until the comment should be written again, None for never.

    *since_last* is the age of the last edit in seconds; *left* the fraction of the
    usable requests that are left until the reset; *items_seconds* what is to lie between
    edits when only items changed; *early_seconds* what times that grew old may come early.
    """
    if stale.heading:
        return _rest(min(HEADING_SECONDS, items_seconds), since_last)
    if left < LOW_BUDGET or edits_last_hour >= EDITS_AN_HOUR:
        return None
    # As the hour's edits and requests are used up, the pace slows down to meet its end.
    slower = max(1 + 5 * edits_last_hour / EDITS_AN_HOUR, EASY_BUDGET / left)
    if stale.items:
        return _rest(items_seconds * slower, since_last)
    if stale.clocks:
        early = min(early_seconds, max(0.0, CLOCKS_SECONDS - items_seconds))
        return _rest(CLOCKS_SECONDS * slower - early, since_last)
    return None


def spread_seconds(batch_id: BatchId) -> float:
    """Return how many seconds early the times of a batch are written for the first time
    after a restart: from 10 s after it on, each batch at another moment.

    A restart writes every comment at once; without this all would be due together again
    every minute.
    """
    part: float = crc32(batch_id.encode()) / 2**32
    return part * (CLOCKS_SECONDS - ITEMS_SECONDS)


def _rest(seconds: float, since_last: float) -> float:
    # Less than a moment may be lost in the last digits of a clock that has run for long,
    # and then it would be waited for again and again.
    left = seconds - since_last
    return left if left > MOMENT_SECONDS else 0.0
