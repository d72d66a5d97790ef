"""What batches cost over time: the words for the figures, and their charts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.core.durations import spell
from bot.core.model import ItemState
from bot.core.run.usage import Stats, StatsDay, StatsRow, Wait

HEADINGS = (
    "repository",
    "action",
    "items",
    "success",
    "median",
    "90 of 100",
    "requests",
    "retries",
    "did not complete",
    "waited for",
)
FIGURES = 8
"""How many columns are short: figures, and what they are of."""

WAITS = {
    Wait.ITEMS: "other items",
    Wait.RETRY: "the next try",
    Wait.PAUSED: "the end of a pause",
    Wait.REQUESTS: "API requests",
    Wait.SLOT: "a free place",
    Wait.OUTSIDE: "checks, reviews and people",
}
ENDS = (
    ItemState.COMPLETED,
    ItemState.FAILED,
    ItemState.SKIPPED,
    ItemState.CANCELLED,
)
BARS = 53
"""How many bars a chart has at most, a year of weeks; the table has all."""

DAYS = 31
"""How many days are bars of their own; more are weeks."""

WIDTH, LEFT, BAR = 820, 260, 20
"""Of a chart, of its names, and from one bar to the next, in pixels."""

_ROOM = 90  # right of the bars, for what they come to
Spell = Callable[[float], str]
_GREEN, _RED, _GREY = "#2da44e", "#cf222e", "#8c959f"
_OCHRE, _BLUE, _SKY, _PURPLE = "#bf8700", "#0969da", "#80ccff", "#8250df"
_ENDS = dict(zip(map(str, ENDS), (_GREEN, _RED, _GREY, _OCHRE), strict=True))
_TIMES = {"median": _BLUE, "up to 90 of 100": _SKY}
_WAITS = dict(
    zip(WAITS.values(), (_BLUE, _OCHRE, _GREY, _RED, _SKY, _PURPLE), strict=True)
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bar, in pixels."""

    x: int
    width: int
    colour: str
    title: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart: its name, its parts, and what they come to."""

    name: str
    parts: tuple[Part, ...]
    total: str
    end: int  # where the last part ends


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars under a title; ``legend`` has the colours and their words."""

    title: str
    legend: tuple[tuple[str, str], ...]
    bars: tuple[Bar, ...]
    left_out: str  # which bars were too many


def cells(row: StatsRow) -> Sequence[str]:
    """Return a row of the table, as ``HEADINGS`` names it."""
    return (
        row.repository,
        row.action,
        f"{row.items:,}",
        _share(row.success),
        _spelled(row.median_seconds),
        _spelled(row.p90_seconds),
        f"{row.requests:,}",
        f"{row.retries:,}",
        _lost(row),
        _waited(row),
    )


def heading(told: Stats) -> str:
    """Return what the figures are about."""
    begins, ends = f"{told.since:%Y-%m-%d %H:%M}", f"{told.until:%Y-%m-%d %H:%M} UTC"
    if not told.rows:
        return f"No item of a batch ended between {begins} and {ends}."
    count = sum(row.items for row in told.rows)
    items = "1 item" if count == 1 else f"{count:,} items"
    return f"{items} of batches ended between {begins} and {ends}."


def footnote() -> str:
    """Return how the columns are to be read."""
    return (
        "Times are those of completed items, with all their tries and without what they"
        " waited for; success leaves out what was skipped or cancelled."
    )


def charts(told: Stats) -> Sequence[Chart]:
    """Return the charts: what ended when, the times, and what was waited for."""
    names = [(f"{row.repository} · {row.action}", row) for row in told.rows]
    times = [
        (
            name,
            {
                "median": row.median_seconds,
                "up to 90 of 100": (row.p90_seconds or 0) - row.median_seconds,
            },
        )
        for name, row in names
        if row.median_seconds is not None
    ]
    waits = [
        (name, {WAITS[wait]: row.wait_seconds[wait] for wait in Wait})
        for name, row in names
        if any(row.wait_seconds.values())
    ]
    found = (
        _over_time(told.days),
        _chart("Time of an item", _TIMES, times, spell),
        _chart("What items waited for, together", _WAITS, waits, spell),
    )
    return [chart for chart in found if chart.bars]


def _over_time(days: Sequence[StatsDay]) -> Chart:
    step, each = (1, "day") if len(days) <= DAYS else (7, "week, from its first day")
    spans = [days[max(0, end - step) : end] for end in range(len(days), 0, -step)]
    rows = [
        (
            f"{some[0].day:%b} {some[0].day.day}",
            {end.value: sum(getattr(day, end) for day in some) for end in ENDS},
        )
        for some in reversed(spans)
    ]
    title = f"Items that ended each {each}"
    return _chart(title, _ENDS, rows, _counted, keeps_order=True)


def _chart(
    title: str,
    colours: Mapping[str, str],
    rows: Sequence[tuple[str, Mapping[str, float]]],
    spelled: Spell,
    *,
    keeps_order: bool = False,
) -> Chart:
    if not keeps_order:
        rows = sorted(rows, key=lambda row: -sum(row[1].values()))
    most = max((sum(values.values()) for _, values in rows), default=0) or 1
    scale = (WIDTH - LEFT - _ROOM) / most
    kept = rows[-BARS:] if keeps_order else rows[:BARS]
    more, which = len(rows) - len(kept), "before" if keeps_order else "more"
    return Chart(
        title,
        tuple((colour, word) for word, colour in colours.items()),
        tuple(_bar(name, values, colours, scale, spelled) for name, values in kept),
        f"and {more} {which}" if more else "",
    )


def _bar(
    name: str,
    values: Mapping[str, float],
    colours: Mapping[str, str],
    scale: float,
    spelled: Spell,
) -> Bar:
    parts, sum_ = [], 0.0
    for series, value in values.items():
        x, end = LEFT + round(sum_ * scale), LEFT + round((sum_ + value) * scale)
        sum_ += value
        if value > 0:
            words = f"{name}: {series}, {spelled(value)}"
            parts.append(Part(x, max(1, end - x), colours[series], words))
    end = parts[-1].x + parts[-1].width if parts else LEFT
    return Bar(name, tuple(parts), spelled(sum_), end)


def _counted(count: float) -> str:
    return f"{count:.0f}"


def _lost(row: StatsRow) -> str:
    parts = [
        (row.failed, "failed"),
        (row.skipped, "skipped"),
        (row.cancelled, "cancelled"),
    ]
    return ", ".join(f"{count:,} {word}" for count, word in parts if count) or "—"


def _share(success: float | None) -> str:
    """Return a share in whole percent; what is not all is no hundred, some is not none."""
    if success is None:
        return "—"
    percent = round(success * 100)
    return f"{min(max(percent, 1), 99) if 0 < success < 1 else percent}%"


def _spelled(seconds: float | None) -> str:
    return "—" if seconds is None else spell(seconds)


def _waited(row: StatsRow) -> str:
    """Return what was waited for a second or more, the longest first."""
    longest = sorted(Wait, key=lambda wait: -row.wait_seconds[wait])
    told = [
        f"{WAITS[wait]} {spell(row.wait_seconds[wait])}"
        for wait in longest
        if round(row.wait_seconds[wait])
    ]
    return ", ".join(told) or "—"
