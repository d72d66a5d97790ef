"""Where each item of a plan stands in a drawing of who waits for whom.

Layers from left to right, as Sugiyama, Tagawa and Toda draw them (1981): an item stands
behind all it waits for; a line that passes a layer has a place of its own there; the
order in a layer follows the middle of the neighbours, swept to and fro.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.core.model import ItemId, Plan, Reference

WIDTH, HEIGHT = 132, 30
"""Of a box, in pixels."""

_GAP_X, _GAP_Y, _MARGIN = 44, 12, 8
_PASSING = 10  # what a line takes that passes a layer
_SWEEPS = 4
MOST_LINES = 2_000
"""Above that nobody sees anything but lines, and none is drawn."""

_APART = (
    8  # boxes in a row of those that wait for nothing and are waited for by nothing
)

Place = tuple[str, str, int]
"""A box is ``("item", id, 0)`` or ``("outside", name, 0)``; a line is at ``("line", name,
layer)`` where it passes a layer.
"""


@dataclass(frozen=True, slots=True)
class Box:
    """An item, or something outside the plan that is waited for; left upper corner."""

    x: int
    y: int
    item: ItemId | None = None
    outside: Reference | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """From the right edge of a box to the left edge of what waits for it."""

    points: tuple[tuple[int, int], ...]
    is_outside: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """All boxes and lines, and the size of the whole in pixels."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: int
    height: int


def drawing(plan: Plan) -> Drawing:
    """Return where everything stands; a plan without items has no size."""
    chains, outside = _chains(plan)
    is_drawn = len(chains) <= MOST_LINES
    rows = _ordered(_layers(chains), chains)
    at = _places(rows)
    linked = {name for kind, name, _ in at if kind == "item"}
    boxes = [
        Box(x, y, item=ItemId(name))
        if kind == "item"
        else Box(x, y, outside=outside[name])
        for (kind, name, _), (x, y) in at.items()
        if kind != "line"
    ]
    bottom = max((box.y + HEIGHT + _GAP_Y for box in boxes), default=_MARGIN)
    alone = [item.id for item in plan.items if item.id not in linked]
    boxes += [
        Box(
            _MARGIN + place % _APART * (WIDTH + _GAP_Y),
            bottom + place // _APART * (HEIGHT + _GAP_Y),
            item=item,
        )
        for place, item in enumerate(alone)
    ]
    return Drawing(
        tuple(boxes),
        tuple(_line(chain, at) for chain in chains if is_drawn),
        max((box.x + WIDTH + _MARGIN for box in boxes), default=0),
        max((box.y + HEIGHT + _MARGIN for box in boxes), default=0),
    )


def _chains(plan: Plan) -> tuple[list[list[Place]], Mapping[str, Reference]]:
    """Return the places that each line leads through, and what is outside by its name."""
    outside = {str(edge.predecessor): edge.predecessor for edge in plan.outside}
    edges: list[tuple[Place, Place]] = [
        (("item", edge.predecessor, 0), ("item", edge.successor, 0))
        for edge in plan.edges
    ]
    edges += [
        (("outside", str(edge.predecessor), 0), ("item", edge.successor, 0))
        for edge in plan.outside
    ]
    depth = _depths(edges)
    if len(edges) > MOST_LINES:
        return [[before, after] for before, after in edges], outside
    return [
        [
            before,
            *(
                ("line", f"{before[1]} {after[1]}", layer)
                for layer in range(depth[before] + 1, depth[after])
            ),
            after,
        ]
        for before, after in dict.fromkeys(edges)
    ], outside


def _depths(edges: Iterable[tuple[Place, Place]]) -> Mapping[Place, int]:
    """Return how many boxes are before each one at the most; edges have no circle."""
    after: dict[Place, list[Place]] = defaultdict(list)
    missing: dict[Place, int] = {}
    for one, other in edges:
        after[one].append(other)
        missing[other] = missing.get(other, 0) + 1
        missing.setdefault(one, 0)
    depth = dict.fromkeys(missing, 0)
    ready = [place for place, count in missing.items() if not count]
    for place in ready:
        for other in after[place]:
            depth[other] = max(depth[other], depth[place] + 1)
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
    return depth


def _layers(chains: Sequence[Sequence[Place]]) -> list[list[Place]]:
    """Return the places of each layer, in the order in which the plan names them."""
    pairs = [pair for chain in chains for pair in pairwise(chain)]
    depth = _depths(pairs)
    layers: list[list[Place]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for place in dict.fromkeys(place for chain in chains for place in chain):
        layers[depth[place]].append(place)
    return layers


def _ordered(
    layers: list[list[Place]], chains: Sequence[Sequence[Place]]
) -> list[list[Place]]:
    """Return the layers so that few lines cross."""
    before: dict[Place, list[Place]] = defaultdict(list)
    after: dict[Place, list[Place]] = defaultdict(list)
    for chain in chains:
        for one, other in pairwise(chain):
            before[other].append(one)
            after[one].append(other)
    for sweep in range(_SWEEPS):
        is_forth = sweep % 2 == 0
        neighbours = before if is_forth else after
        order = layers if is_forth else layers[::-1]
        for fixed, moved in pairwise(order):
            rank = {place: number for number, place in enumerate(fixed)}
            own = {place: number for number, place in enumerate(moved)}
            moved.sort(key=lambda one: _middle(neighbours[one], rank, own[one]))
    return layers


def _middle(neighbours: Sequence[Place], rank: Mapping[Place, int], own: int) -> float:
    ranks = [rank[one] for one in neighbours if one in rank]
    return sum(ranks) / len(ranks) if ranks else own


def _places(layers: Sequence[Sequence[Place]]) -> dict[Place, tuple[int, int]]:
    """Return the upper left corner of each place; shorter layers are centred."""
    heights = [sum(map(_height, layer)) for layer in layers]
    found: dict[Place, tuple[int, int]] = {}
    for number, layer in enumerate(layers):
        x = _MARGIN + number * (WIDTH + _GAP_X)
        y = _MARGIN + (max(heights) - heights[number]) // 2
        for place in layer:
            found[place] = x, y
            y += _height(place)
    return found


def _height(place: Place) -> int:
    return _PASSING if place[0] == "line" else HEIGHT + _GAP_Y


def _line(chain: Sequence[Place], at: Mapping[Place, tuple[int, int]]) -> Line:
    points: list[tuple[int, int]] = []
    for number, place in enumerate(chain):
        x, y = at[place]
        middle = y + (_PASSING if place[0] == "line" else HEIGHT) // 2
        if number > 0:
            points.append((x, middle))
        if number < len(chain) - 1:
            points.append((x + WIDTH, middle))
    return Line(tuple(points), is_outside=chain[0][0] == "outside")
