"""How a batch looks at a glance: a symbol and a word per item, squares, the graph."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import assert_never

from bot.core.model import ItemId, ItemState, Plan, Reference
from bot.core.run.progress import ItemView, Progress
from bot.core.say.names import Names
from bot.core.world.markdown import details

SQUARES = 24
NODES = 40
"""GitHub draws larger mermaid graphs slowly, small or not at all."""
_EDGES = 120


class Look(Enum):
    """How an item is shown. The order is that of the squares and of the totals."""

    DONE = ("✅", "🟩", "done", "d")
    FAILED = ("❌", "🟥", "failed", "f")
    SKIPPED = ("⏭️", "⬛", "skipped", "s")
    CANCELLED = ("🚫", "⬛", "cancelled", "s")
    RETRYING = ("🟡", "🟨", "retrying", "y")
    RUNNING = ("🔵", "🟦", "running", "r")
    WAITING = ("⏳", "⬜", "waiting", "w")

    def __init__(self, icon: str, square: str, word: str, css: str) -> None:
        self.icon = icon
        self.square = square
        self.word = word
        self.css = css


_COLOURS = {
    "d": "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    "r": "fill:#ddf4ff,stroke:#0969da,color:#1f2328",
    "y": "fill:#fff8c5,stroke:#9a6700,color:#1f2328",
    "w": "fill:#f6f8fa,stroke:#59636e,color:#1f2328",
    "f": "fill:#ffebe9,stroke:#cf222e,color:#1f2328",
    "s": "fill:#eaeef2,stroke:#59636e,color:#1f2328,stroke-dasharray:4",
}


def look(view: ItemView) -> Look:
    """Return how an item is shown."""
    match view.state:
        case ItemState.PENDING:
            return Look.RETRYING if view.next_at else Look.WAITING
        case ItemState.RUNNING:
            return Look.RUNNING
        case ItemState.COMPLETED:
            return Look.DONE
        case ItemState.FAILED:
            return Look.FAILED
        case ItemState.SKIPPED:
            return Look.SKIPPED
        case ItemState.CANCELLED:
            return Look.CANCELLED
        case _:
            assert_never(view.state)


def tally(views: Iterable[ItemView]) -> Mapping[Look, int]:
    """Return how many items have each look, in the order of ``Look``, without zeros."""
    counts = Counter(map(look, views))
    return {one: counts[one] for one in Look if counts[one]}


def squares(progress: Progress, most: int = SQUARES) -> str:
    """Return one square per item, or *most* in proportion with one per look that occurs."""
    counts = tally(progress.items.values())
    total = sum(counts.values())
    if total <= most:
        return "".join(one.square * count for one, count in counts.items())
    shares = {one: max(1, count * most // total) for one, count in counts.items()}
    # What rounding left over, or took too much, goes to the largest: least seen there.
    largest = max(counts, key=lambda one: counts[one])
    shares[largest] += most - sum(shares.values())
    return "".join(one.square * share for one, share in shares.items())


def order_of_work(plan: Plan, names: Names, looks: Mapping[ItemId, Look]) -> str:
    """Return the folded graph of who waits for whom; empty if that would not help.

    *looks* may be empty, for a plan. Items without an edge are left out.
    """
    inside = {n for edge in plan.edges for n in (edge.predecessor, edge.successor)}
    inside |= {edge.successor for edge in plan.outside}
    outside = list(dict.fromkeys(edge.predecessor for edge in plan.outside))
    edges = [f"  {_place(e.predecessor)} --> {_place(e.successor)}" for e in plan.edges]
    edges += [
        f"  o{outside.index(e.predecessor)} -.-> {_place(e.successor)}"
        for e in plan.outside
    ]
    if not edges or len(edges) > _EDGES or len(inside) + len(outside) > NODES:
        return ""
    items = [item.id for item in plan.items if item.id in inside]
    nodes = [_node(item, names.text(item), looks.get(item)) for item in items]
    home = names.links.repository
    nodes += [_outside_node(place, it, home) for place, it in enumerate(outside)]
    used = {line.rpartition(":::")[2] for line in nodes}
    classes = [
        f"  classDef {name} {colours}"
        for name, colours in _COLOURS.items()
        if name in used
    ]
    lines = ["```mermaid", "flowchart LR", *nodes, *edges, *classes, "```"]
    return details("Order of work", "\n".join(lines))


def _node(item: ItemId, name: str, shown: Look | None) -> str:
    word = f" {shown.word}" if shown else ""
    return f'  {_place(item)}["{_safe(name)}{word}"]:::{(shown or Look.WAITING).css}'


def _outside_node(place: int, reference: Reference, home: str) -> str:
    is_home = reference.repository == home
    name = f"#{reference.number}" if is_home else str(reference)
    return f'  o{place}["{_safe(name)}"]:::s'


def _place(item: ItemId) -> str:
    # A dash may begin an arrow.
    return f"i{item.replace('-', '_')}"


def _safe(name: str) -> str:
    # "#35;" is mermaid's way to write "#" in a label.
    kept = "".join(c for c in name if c.isascii() and c not in "\"'<>&")
    return kept.replace("#", "#35;")
