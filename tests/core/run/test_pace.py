"""When a comment is written again."""

from collections import Counter
from itertools import pairwise

import pytest

from bot.core.model import BatchId
from bot.core.run.pace import (
    CLOCKS_SECONDS,
    EDITS_AN_HOUR,
    Stale,
    seconds_to_edit,
    spread_seconds,
)

HEADING = Stale(heading=True, items=True, clocks=True)
ITEMS = Stale(heading=False, items=True, clocks=True)
CLOCKS = Stale(heading=False, items=False, clocks=True)
NOTHING = Stale(heading=False, items=False, clocks=False)


@pytest.mark.parametrize(
    ("stale", "since_last", "edits", "left", "expected"),
    [
        (HEADING, 0.5, 0, 1.0, 1.5),
        (HEADING, 9.0, 0, 1.0, 0.0),
        (ITEMS, 4.0, 0, 1.0, 6.0),
        (ITEMS, 11.0, 0, 1.0, 0.0),
        (CLOCKS, 15.0, 0, 1.0, 45.0),
        (ITEMS, 10 - 1e-9, 0, 1.0, 0.0),  # that may be no time at all to a clock
        (NOTHING, 999.0, 0, 1.0, None),
        # As the hour's edits are used up, the pace slows down.
        (ITEMS, 0.0, EDITS_AN_HOUR // 2, 1.0, 35.0),
        (CLOCKS, 0.0, EDITS_AN_HOUR // 2, 1.0, 210.0),
        (ITEMS, 999.0, EDITS_AN_HOUR, 1.0, None),
        # So it does with the hour's requests.
        (ITEMS, 0.0, 0, 0.5, 10.0),
        (ITEMS, 0.0, 0, 0.25, 20.0),
        (CLOCKS, 0.0, 0, 0.2, 150.0),
        (ITEMS, 0.0, EDITS_AN_HOUR // 2, 0.25, 35.0),
        # On a low budget only the heading is news enough.
        (ITEMS, 999.0, 0, 0.19, None),
        (CLOCKS, 999.0, 0, 0.19, None),
        (HEADING, 999.0, 0, 0.19, 0.0),
        (HEADING, 999.0, EDITS_AN_HOUR, 0.19, 0.0),
    ],
)
def test_an_edit_comes_as_soon_as_its_news_and_the_budget_are_worth_it(
    stale, since_last, edits, left, expected
):
    found = seconds_to_edit(
        stale, since_last=since_last, edits_last_hour=edits, left=left
    )
    assert found == expected


def test_times_that_were_all_written_at_once_are_written_again_at_different_times():
    waits = [
        seconds_to_edit(
            CLOCKS,
            since_last=0.0,
            edits_last_hour=0,
            early_seconds=spread_seconds(BatchId(f"{number:04x}")),
        )
        or 0.0
        for number in range(2000)
    ]
    assert 10.0 <= min(waits) < max(waits) <= CLOCKS_SECONDS
    assert max(Counter(int(wait) for wait in waits).values()) < 3 * 2000 / 50


def test_times_never_come_earlier_than_items_may():
    found = seconds_to_edit(
        CLOCKS, since_last=0, edits_last_hour=0, items_seconds=45, early_seconds=40
    )
    assert found == 45


def test_items_that_end_all_day_are_edited_in_at_most_120_times_an_hour():
    at: list[float] = [0.0]
    now = 0.0
    while now < 6 * 3600:
        now += 1
        last_hour = sum(now - one <= 3600 for one in at)
        wait = seconds_to_edit(
            ITEMS,
            since_last=now - at[-1],
            edits_last_hour=last_hour,
        )
        if wait == 0.0:
            at.append(now)
    in_an_hour = [sum(one <= other < one + 3600 for other in at) for one in at]
    assert max(in_an_hour) <= EDITS_AN_HOUR
    # And it never falls silent: the gaps stay below two minutes.
    assert max(b - a for a, b in pairwise(at)) < 120


def test_edits_may_come_faster_where_that_is_set():
    items = Stale(heading=False, items=True, clocks=False)
    wait = seconds_to_edit(items, since_last=0.5, edits_last_hour=0, items_seconds=1.5)
    assert wait == 1.0
    heading = Stale(heading=True, items=True, clocks=False)
    wait = seconds_to_edit(heading, since_last=0, edits_last_hour=0, items_seconds=1.5)
    assert wait == 1.5
