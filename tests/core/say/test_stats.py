"""What batches cost, as people read it, and as bars."""

from datetime import timedelta

from bot.core.durations import spell
from bot.core.model import ItemState
from bot.core.run.usage import ItemUsage, Wait
from bot.core.say.stats import (
    BARS,
    LEFT,
    WAITS,
    WIDTH,
    Stats,
    cells,
    charts,
    heading,
    stats,
)
from tests.plans import NOON

MONTH = timedelta(days=30)


def usage(
    state: ItemState = ItemState.COMPLETED,
    *,
    action: str = "implement",
    worked: float = 60,
    days: int = 0,
    waits: dict[Wait, float] | None = None,
) -> ItemUsage:
    return ItemUsage(
        "acme/widgets",
        action,
        state,
        NOON - timedelta(days=days),
        has_run=True,
        worked=timedelta(seconds=worked),
        requests=1200,
        retries=1,
        waits={w: timedelta(seconds=s) for w, s in (waits or {}).items()},
    )


def told(*items: ItemUsage) -> Stats:
    return stats(items, since=NOON - MONTH, until=NOON)


def test_a_row_says_what_an_action_took():
    waits = {Wait.SLOT: 65.0, Wait.REQUESTS: 3600.0, Wait.PAUSED: 0.2}
    [row] = told(
        usage(worked=60), usage(worked=120, waits=waits), usage(ItemState.FAILED)
    ).rows
    assert cells(row) == (
        "acme/widgets",
        "implement",
        "3 (1 failed)",
        "67%",
        "1m 30s",
        "2m 00s",
        "3,600",
        "3",
        "API requests 1h 00m, a free place 1m 05s",
    )


def test_what_did_not_happen_is_a_dash():
    [row] = told(usage(ItemState.CANCELLED)).rows
    assert cells(row)[2:6] == ("1 (1 cancelled)", "—", "—", "—")
    assert cells(row)[-1] == "—"


def test_what_ended_before_counts_no_more():
    found = told(usage(days=31), usage(days=29))
    assert heading(found) == (
        "1 item of batches ended between 2026-01-31 12:00 and 2026-03-02 12:00 UTC."
    )
    assert [day.completed for day in found.days] == [1]
    none = told(usage(days=31))
    assert heading(none).startswith("No item of a batch ended between 2026-01-31")
    assert charts(none) == []


def test_bars_are_in_proportion_and_stay_in_the_picture():
    waits = {Wait.SLOT: 100.0, Wait.OUTSIDE: 300.0}
    _, times, waited = charts(told(usage(worked=90), usage(worked=180, waits=waits)))
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


def test_a_chart_keeps_the_largest_and_the_days_that_were_last():
    items = [
        usage(action=f"action-{n:02}", worked=n, days=n) for n in range(1, BARS + 6)
    ]
    days, times = charts(told(*items))
    assert [chart.left_out for chart in (days, times)] == [5, 5]
    assert times.bars[0].name == f"acme/widgets · action-{BARS + 5}"
    assert days.bars[-1].name == "Mar 1"
