"""Values as HTML, by the templates beside this file."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.core.durations import spell
from bot.core.model import ItemId, Plan
from bot.core.say.drawing import HEIGHT, WIDTH, Box, Drawing, drawing
from bot.core.say.installations import BudgetRow
from bot.core.say.pictures import Look
from bot.core.say.view import AttemptRow, BatchView, ItemRow
from bot.web.pages.markup import blocks, inline

FOLDER = Path(__file__).parent

WORDS = tuple(one.word for one in Look)
SHOWN = {
    "all": WORDS,
    "failed": ("failed", "skipped"),
    "running": ("running", "retrying"),
    "waiting": ("waiting",),
    "done": ("done",),
}
"""What each filter of the items of a batch shows."""

_BAR = 1000  # the width of a bar in its own units
_DRAWINGS = 64
_CHART_WIDTH, _CHART_HEIGHT = 600, 90
_LANES_WIDTH, _LANE = 600, 14
"""Of the time line, and the height of one item in it."""


def spell_seconds(seconds: float) -> str:
    """Return a time as people read it; nothing for none."""
    return spell(timedelta(seconds=seconds)) if seconds else ""


def stamp(at: datetime) -> Markup:
    """Return an instant, in UTC."""
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), f"{at:%Y-%m-%d %H:%M:%S} UTC"
    )


def apart(words: str) -> str:
    """Return words of others for where there are no elements: whichever way they run,
    they turn nothing around them (UAX #9, isolates).
    """
    return f"\u2068{words}\u2069"


def moment(at: datetime, now: datetime) -> Markup:
    """Return the time of day of an instant, in UTC, with the day if it is not today's."""
    day = "" if at.date() == now.date() else f"{at:%b} {at.day} "
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), f"{day}{at:%H:%M:%S}"
    )


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a bar, of one look."""

    word: str
    x: int
    width: int
    count: int


def shares(counts: Mapping[str, int], total: int) -> Sequence[Share]:
    """Return the parts of a bar, in the order of the looks."""
    found, x = [], 0
    for word in WORDS:
        count = counts.get(word, 0)
        width = round(_BAR * count / max(1, total))
        if count:
            found.append(Share(word, x, width, count))
        x += width
    return found


def budget_shares(row: BudgetRow) -> Sequence[Share]:
    """Return the parts of the bar of a budget: what is used, promised, free, kept back."""
    limit, remaining = row.limit or 0, row.remaining or 0
    kept = min(row.reserve, remaining)
    promised = min(row.promised, remaining - kept)
    parts = {
        "used": limit - remaining,
        "promised": promised,
        "free": remaining - kept - promised,
        "kept": kept,
    }
    found, x = [], 0
    for word, count in parts.items():
        width = round(_BAR * count / max(1, limit))
        found.append(Share(word, x, width, count))
        x += width
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """An attempt in the time line."""

    row: AttemptRow
    x: int
    y: int
    width: int


@dataclass(frozen=True, slots=True)
class TimeLine:
    """All attempts of a batch, a lane for each item."""

    spans: Sequence[Span]
    lanes: Sequence[tuple[str, int]]  # name, y
    height: int
    began_at: datetime
    ended_at: datetime


def time_line(view: BatchView) -> TimeLine | None:
    """Return the attempts side by side; None before the first one."""
    if not view.attempts:
        return None
    began = view.attempts[0].started_at
    ends = [one.ended_at or view.now for one in view.attempts]
    ended = max(ends)
    whole = max((ended - began).total_seconds(), 1e-3)
    lanes: dict[str, tuple[str, int]] = {}
    spans = []
    for row, end in zip(view.attempts, ends, strict=True):
        _, y = lanes.setdefault(row.item, (row.name, len(lanes) * _LANE))
        x = round(_LANES_WIDTH * (row.started_at - began).total_seconds() / whole)
        width = round(_LANES_WIDTH * (end - row.started_at).total_seconds() / whole)
        spans.append(Span(row, min(x, _LANES_WIDTH - 2), y, max(2, width)))
    height = len(lanes) * _LANE
    return TimeLine(spans, list(lanes.values()), height, began, ended)


@dataclass(frozen=True, slots=True)
class Chart:
    """Requests over time: the points of a line, and where it ends."""

    points: str
    most: int
    began_at: datetime
    ended_at: datetime


def chart(view: BatchView) -> Chart | None:
    """Return the requests of a batch over time; None before any were counted."""
    if not view.spent or view.started_at is None:
        return None
    began, ended = view.started_at, max(view.ended_at or view.now, view.spent[-1].at)
    whole = max((ended - began).total_seconds(), 1e-3)
    most = max(1, view.spent[-1].requests)
    points, before = [(0, _CHART_HEIGHT)], 0
    for one in view.spent:
        x = round(_CHART_WIDTH * (one.at - began).total_seconds() / whole)
        points.append((x, _y(before, most)))
        points.append((x, _y(one.requests, most)))
        before = one.requests
    points.append((_CHART_WIDTH, _y(before, most)))
    return Chart(_spelled(points), most, began, ended)


def _y(requests: int, most: int) -> int:
    return _CHART_HEIGHT - round((_CHART_HEIGHT - 4) * requests / most)


def _spelled(points: Iterable[tuple[int, int]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


@dataclass(frozen=True, slots=True)
class Graph:
    """A plan as it is drawn: where its items stand, and all around them as SVG."""

    plan: Plan
    drawing: Drawing
    boxes: Mapping[ItemId, Box]
    around: Markup


class Templates:
    """Makes the HTML of pages; every value is escaped."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "md": inline,
            "blocks": blocks,
            "spelled": spell_seconds,
            "at": stamp,
            "moment": moment,
            "apart": apart,
        }
        self._environment.globals |= {"shares": shares, "budget_shares": budget_shares}
        self._row = self._environment.get_template("row.html").module
        self._graphs: OrderedDict[int, Graph] = OrderedDict()

    def page(self, name: str, **values: Any) -> str:
        """Return a whole page."""
        return self._environment.get_template(name).render(**values)

    def part(self, name: str, **values: Any) -> Markup:
        """Return a part of a page."""
        html = self._environment.get_template(name).render(**values)
        return Markup(html)  # noqa: S704 - the template has escaped it

    def row(self, row: ItemRow) -> Markup:
        """Return the row of one item."""
        made: Markup = self._row.row(row)  # type: ignore[attr-defined]  # its macro
        return made

    def node(self, plan: Plan, row: ItemRow) -> Markup:
        """Return one item in the drawing of its plan."""
        box = self.lay_out(plan).boxes[row.id]
        made: Markup = self._row.node(box, row, WIDTH, HEIGHT)  # type: ignore[attr-defined]
        return made

    def parts(self, view: BatchView) -> Iterator[tuple[str, str]]:
        """Yield all parts of the page of a batch but those of items."""
        yield "head", self.part("head.html", view=view)
        yield "messages", self.part("messages.html", view=view)
        yield "offers", self.part("offers.html", offers=view.offers)
        for name, words in SHOWN.items():
            count = sum(view.counts.get(word, 0) for word in words)
            yield f"count-{name}", self.part("count.html", sort=name, count=count)
        yield "figures", self.part("figures.html", view=view, chart=chart(view))
        yield "news", self.part("news.html", view=view)
        yield "timeline", self.part("timeline.html", view=view, line=time_line(view))

    def lay_out(self, plan: Plan) -> Graph:
        """Return where everything of a plan stands, which is found out once."""
        known = self._graphs.get(id(plan))  # to compare plans takes longer
        if known is not None:
            return known
        drawn = drawing(plan)
        around = self.part("around.html", drawing=drawn, width=WIDTH, height=HEIGHT)
        boxes = {box.item: box for box in drawn.boxes if box.item}
        made = self._graphs[id(plan)] = Graph(plan, drawn, boxes, around)
        if len(self._graphs) > _DRAWINGS:
            self._graphs.popitem(last=False)
        return made
