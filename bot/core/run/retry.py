"""When to try again; ``bot.core.world.answers`` says whether."""


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
