from hypothesis import given
from hypothesis import strategies as st

from bot.core.run.retry import delay_seconds

FRACTIONS = st.floats(0, 1)


def test_delays_double_up_to_the_cap():
    assert [delay_seconds(attempt, 1.0) for attempt in (1, 2, 3, 4)] == [10, 20, 40, 80]
    assert delay_seconds(50, 1.0) == 600


def test_jitter_takes_at_most_half_away():
    assert delay_seconds(1, 0.0) == 5
    assert delay_seconds(1, 0.5) == 7.5


@given(st.integers(1, 10_000), FRACTIONS, st.floats(0, 10_000))
def test_a_retry_after_is_never_undercut(attempt, fraction, retry_after):
    assert delay_seconds(attempt, fraction, retry_after) >= retry_after


@given(st.integers(-5, 10_000), FRACTIONS)
def test_a_delay_is_never_longer_than_the_cap(attempt, fraction):
    assert 0 < delay_seconds(attempt, fraction, most_seconds=30) <= 30
