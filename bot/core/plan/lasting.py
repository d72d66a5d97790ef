"""How long a plan waits for its start."""

from datetime import datetime, timedelta

from bot.core.command.start_at import StartAt
from bot.core.events import BatchPlanned
from bot.core.plan.schedules import MADE_UP_FOR

VALID = timedelta(hours=1)
UNSEEN_VALID = timedelta(days=1)
"""How long one can be started that the clock has made: nobody may be there."""


def planned(
    start_at: StartAt | None, *, given_at: datetime, now: datetime, is_awaited: bool
) -> BatchPlanned:
    """Return that a plan is made *now*, and until when it can be started.

    The time at which it starts by itself is the next one behind its command, which was
    *given_at* some time: it may be over. *is_awaited* is whether somebody asked for it
    just now.
    """
    if start_at is None:
        return BatchPlanned(now, now + (VALID if is_awaited else UNSEEN_VALID))
    at = start_at.after(given_at)
    return BatchPlanned(now, at + MADE_UP_FOR, at, start_at.zone)
