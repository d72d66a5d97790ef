from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import events as e
from bot.core.model import Outcome, OutcomeKind
from bot.core.run.retry import after_attempt, delay_seconds
from tests.plans import NOON, item

FRACTIONS = st.floats(0, 1)


def test_delays_double_up_to_the_cap():
    assert [delay_seconds(attempt, 1.0) for attempt in (1, 2, 3, 4)] == [10, 20, 40, 80]
    assert delay_seconds(50, 1.0) == 600


def test_jitter_takes_at_most_half_away():
    assert delay_seconds(1, 0.0) == 5
    assert delay_seconds(1, 0.5) == 7.5


def test_what_was_told_to_come_back_after_a_minute_does_not_come_back_together():
    assert [delay_seconds(1, f, 60) for f in (0.0, 0.5, 1.0)] == [60, 65, 70]


@pytest.mark.parametrize("retries", [0, 2])
def test_an_item_has_its_retries_and_the_first_try(retries: int):
    busy = Outcome(OutcomeKind.TRANSIENT, reason="busy", retry_after_seconds=60)
    ended = e.ItemEnded(NOON, item(12), 7, busy, 3)
    for tries in range(1, retries + 1):
        again = after_attempt(ended, tries=tries, retries=retries, fraction=0.0)
        assert isinstance(again, e.ItemRetrying)
        assert (again.attempt, again.outcome, again.requests) == (7, busy, 3)
        assert again.next_at == NOON + timedelta(seconds=60)
    last = after_attempt(ended, tries=retries + 1, retries=retries, fraction=0.0)
    assert isinstance(last, e.ItemEnded)
    assert last.outcome.kind is OutcomeKind.FAILED
    assert (last.outcome.retry_helps, last.outcome.retry_after_seconds) == (True, None)


@given(st.integers(1, 10_000), FRACTIONS, st.floats(0, 10_000))
def test_a_retry_after_is_never_undercut(attempt, fraction, retry_after):
    assert delay_seconds(attempt, fraction, retry_after) >= retry_after


@given(st.integers(-5, 10_000), FRACTIONS)
def test_a_delay_is_never_longer_than_the_cap(attempt, fraction):
    assert 0 < delay_seconds(attempt, fraction, most_seconds=30) <= 30
