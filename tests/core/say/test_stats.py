"""What batches cost, as people read it, and as bars."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.durations import spell
from bot.core.run.usage import Stats, StatsDay, StatsRow, Wait
from bot.core.say.stats import BARS, LEFT, WAITS, WIDTH, cells, charts, heading
from tests.plans import NOON

MONTH = timedelta(days=30)
NOTHING = dict.fromkeys(map(str, Wait), 0.0)
ROW = StatsRow(
    "acme/widgets",
    "implement",
    items=3,
    completed=2,
    failed=1,
    skipped=0,
    cancelled=0,
    success=2 / 3,
    median_seconds=90.0,
    p90_seconds=120.0,
    requests=3600,
    retries=3,
    wait_seconds=NOTHING,
)


def told(*rows: StatsRow, days: tuple[StatsDay, ...] = ()) -> Stats:
    return Stats(NOON - MONTH, NOON, rows, days)


def test_a_row_says_what_an_action_took():
    waits = {"slot": 65.0, "requests": 3600.0, "paused": 0.2}
    assert cells(replace(ROW, wait_seconds=NOTHING | waits)) == (
        "acme/widgets",
        "implement",
        "3",
        "67%",
        "1m 30s",
        "2m 00s",
        "3,600",
        "3",
        "1 failed",
        "API requests 1h 00m, a free place 1m 05s",
    )


def test_what_did_not_happen_is_a_dash():
    row = replace(ROW, completed=0, failed=0, cancelled=3, success=None)
    row = replace(row, median_seconds=None, p90_seconds=None)
    assert cells(row)[2:6] == ("3", "—", "—", "—")
    assert cells(row)[-2:] == ("3 cancelled", "—")
    assert cells(replace(ROW, failed=0))[-2] == "—"


@pytest.mark.parametrize(
    ("success", "said"),
    [(1.0, "100%"), (0.999, "99%"), (0.001, "1%"), (0.0, "0%"), (0.125, "12%")],
)
def test_only_all_is_a_hundred_percent_and_only_none_is_nothing(
    success: float, said: str
):
    assert cells(replace(ROW, success=success))[3] == said


def test_the_heading_counts_and_says_of_when():
    span = "between 2026-01-31 12:00 and 2026-03-02 12:00 UTC."
    assert heading(told(ROW, ROW)) == f"6 items of batches ended {span}"
    assert heading(told(replace(ROW, items=1))) == f"1 item of batches ended {span}"
    assert heading(told()) == f"No item of a batch ended {span}"
    assert charts(told()) == []


def test_bars_are_in_proportion_and_stay_in_the_picture():
    waits = {"slot": 100.0, "outside": 300.0}
    times, waited = charts(told(replace(ROW, wait_seconds=NOTHING | waits)))
    [bar] = waited.bars
    slot, outside = bar.parts
    assert (slot.x, outside.x + outside.width) == (LEFT, bar.end)
    assert abs(outside.width - 3 * slot.width) <= 4  # pixels are whole
    assert bar.total == spell(400)
    assert outside.title == (f"acme/widgets · implement: {WAITS[Wait.OUTSIDE]}, 5m 00s")
    assert {word: colour for colour, word in waited.legend}[
        WAITS[Wait.OUTSIDE]
    ] == outside.colour
    assert all(bar.end < WIDTH for chart in (times, waited) for bar in chart.bars)


def days_of(count: int) -> tuple[StatsDay, ...]:
    """Return days up to the second of March, one completed on each."""
    today = NOON.date()
    return tuple(
        StatsDay(today - timedelta(days=n), completed=1)
        for n in range(count - 1, -1, -1)
    )


def test_more_days_than_a_month_has_are_told_by_the_week():
    [month] = charts(told(days=days_of(31)))
    assert month.title == "Items that ended each day"
    assert (len(month.bars), month.bars[-1].name) == (31, "Mar 2")
    [year] = charts(told(days=days_of(32)))
    assert year.title.startswith("Items that ended each week")
    assert [(bar.name, bar.total) for bar in year.bars] == [
        ("Jan 30", "4"),
        ("Feb 3", "7"),
        ("Feb 10", "7"),
        ("Feb 17", "7"),
        ("Feb 24", "7"),
    ]


def test_a_chart_keeps_the_largest_and_what_was_last():
    rows = [
        replace(ROW, action=f"action-{n:02}", median_seconds=n, p90_seconds=n)
        for n in range(1, BARS + 6)
    ]
    weeks, times = charts(told(*rows, days=days_of(7 * BARS + 1)))
    assert (weeks.left_out, times.left_out) == ("and 1 before", "and 5 more")
    assert times.bars[0].name == f"acme/widgets · action-{BARS + 5}"
    assert weeks.bars[-1].name == "Feb 24"
