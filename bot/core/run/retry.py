"""When to try again; ``bot.core.world.answers`` says whether."""

from dataclasses import replace
from datetime import timedelta

from bot.core import events as e
from bot.core.model import OutcomeKind


def delay_seconds(
    attempt: int,
    fraction: float,
    retry_after: float | None = None,
    *,
    first_seconds: float = 10.0,
    most_seconds: float = 600.0,
) -> float:
    """Return how long to wait after the *attempt*-th failed try, counted from 1.

    The wait doubles from *first_seconds* up to *most_seconds*; its upper half is
    scaled by *fraction* (0.0 to 1.0, random), so that what failed together does not
    come back together. *retry_after* is a lower bound, never shortened by the jitter.
    """
    # 2.0 ** 1024 overflows, and long before that the cap decides.
    full = min(most_seconds, first_seconds * 2.0 ** min(max(attempt, 1) - 1, 62))
    delay = full * (1 + fraction) / 2
    if retry_after is None:
        return delay
    return max(delay, retry_after + fraction * first_seconds)


def after_attempt(
    ended: e.ItemEnded, *, tries: int, retries: int, fraction: float
) -> e.ItemEnded | e.ItemRetrying:
    """Return what the end of an attempt is for its item: the end, or another try.

    *tries* counts this one; *fraction* as in ``delay_seconds``.
    """
    outcome = ended.outcome
    if outcome.kind is not OutcomeKind.TRANSIENT:
        return ended
    if tries > retries:
        failed = replace(
            outcome,
            kind=OutcomeKind.FAILED,
            retry_helps=True,
            retry_after_seconds=None,
        )
        return replace(ended, outcome=failed)
    seconds = delay_seconds(tries, fraction, outcome.retry_after_seconds)
    return e.ItemRetrying(
        ended.at,
        ended.item,
        ended.attempt,
        outcome,
        next_at=ended.at + timedelta(seconds=seconds),
        requests=ended.requests,
    )
