"""Draws simple Mermaid flowcharts as SVG, as GitHub does for ``mermaid`` fences.

Understood are ``flowchart LR``, nodes ``a["text"]:::class``, edges ``a --> b`` and
``classDef``. Whatever else stands there: ``draw`` answers None and the reader sees the
source.
"""

import re
from dataclasses import dataclass, field
from html import unescape
from itertools import pairwise

from markupsafe import Markup

HEAD = re.compile(r"(?:flowchart|graph)\s+LR;?")
NODE = re.compile(
    r'(?P<id>[A-Za-z]\w*)\s*(?:\[\s*(?:"(?P<quoted>[^"]*)"|(?P<plain>[^\]"\[]*))\s*\])?'
    r"(?::::(?P<style>\w+))?"
)
ARROW = re.compile(r"\s*--+>\s*")
CLASS = re.compile(r"classDef\s+(\w+)\s+([^;]+);?")
COLOUR = re.compile(r"#[0-9A-Fa-f]{3,8}|[a-z]{3,20}")
ENTITY = re.compile(r"#(\d+|[a-z]+);")
MOST_NODES = 200
CHARACTER_WIDTH = 7.6
NODE_HEIGHT, ROW_GAP, COLUMN_GAP, MARGIN, PADDING = 36, 18, 48, 12, 18


@dataclass(slots=True)
class Node:
    """A box: its text, the class of its colours, and its place in the grid."""

    text: str
    style: str = ""
    column: int = 0
    row: int = 0


@dataclass(slots=True)
class Chart:
    """Nodes by id in the order of their first appearance, edges, and colours."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    styles: dict[str, dict[str, str]] = field(default_factory=dict)


def draw(source: str) -> Markup | None:
    """Return the flowchart as an ``svg`` element, None if it is not understood."""
    chart = parse(source)
    if chart is None or not _place(chart):
        return None
    return _render(chart)


def parse(source: str) -> Chart | None:
    """Return the chart that the source describes, None if it says anything else."""
    lines = [line.strip() for line in source.splitlines()]
    lines = [line for line in lines if line and not line.startswith("%%")]
    if not lines or not HEAD.fullmatch(lines[0]):
        return None
    chart = Chart()
    for line in lines[1:]:
        if not (_read_class(chart, line) or _read_chain(chart, line.rstrip(";"))):
            return None
    return chart if 0 < len(chart.nodes) <= MOST_NODES else None


def _read_class(chart: Chart, line: str) -> bool:
    match = CLASS.fullmatch(line)
    if match is None:
        return False
    pairs = (pair.partition(":") for pair in match[2].split(","))
    chart.styles[match[1]] = {key.strip(): value.strip() for key, _, value in pairs}
    return True


def _read_chain(chart: Chart, line: str) -> bool:
    """Read ``a --> b --> c``, or a node alone."""
    ids = []
    for part in ARROW.split(line):
        match = NODE.fullmatch(part.strip())
        if match is None:
            return False
        ids.append(match["id"])
        node = chart.nodes.setdefault(match["id"], Node(match["id"]))
        text = match["quoted"] if match["quoted"] is not None else match["plain"]
        if text is not None:
            node.text = _plain(text)
        node.style = match["style"] or node.style
    chart.edges.extend(pairwise(ids))
    return True


def _plain(text: str) -> str:
    """Return a label without Mermaid's entities: ``#35;`` is ``#``."""
    return unescape(
        ENTITY.sub(lambda m: chr(int(m[1])) if m[1].isdigit() else f"&{m[1]};", text)
    )


def _place(chart: Chart) -> bool:
    """Give each node its column and row; False if nodes wait for each other."""
    before: dict[str, list[str]] = {name: [] for name in chart.nodes}
    for start, end in chart.edges:
        before[end].append(start)
    columns: dict[str, int] = {}
    for _ in chart.nodes:
        for name, sources in before.items():
            if name not in columns and all(s in columns for s in sources):
                columns[name] = max((columns[s] + 1 for s in sources), default=0)
    if len(columns) < len(chart.nodes):
        return False
    first_row = 0
    for group in _groups(chart):
        taken: set[tuple[int, int]] = set()
        for name in sorted(group, key=columns.__getitem__):
            node, sources = chart.nodes[name], before[name]
            node.column = columns[name]
            node.row = min((chart.nodes[s].row for s in sources), default=first_row)
            while (node.column, node.row) in taken:
                node.row += 1
            taken.add((node.column, node.row))
        first_row = max(row for _, row in taken) + 1
    return True


def _groups(chart: Chart) -> list[list[str]]:
    """Return the nodes that hang together, in the order of the source."""
    group = {name: number for number, name in enumerate(chart.nodes)}
    for start, end in chart.edges:
        low, high = sorted((group[start], group[end]))
        group = {name: low if g == high else g for name, g in group.items()}
    found: dict[int, list[str]] = {}
    for name, number in group.items():
        found.setdefault(number, []).append(name)
    return list(found.values())


def _render(chart: Chart) -> Markup:
    nodes = chart.nodes.values()
    widths = [
        max(
            (_width(node) for node in nodes if node.column == column),
            default=0.0,
        )
        for column in range(max(node.column for node in nodes) + 1)
    ]
    lefts = [MARGIN + sum(widths[:c]) + c * COLUMN_GAP for c in range(len(widths))]
    total_width = lefts[-1] + widths[-1] + MARGIN
    rows = max(node.row for node in nodes) + 1
    total_height = 2 * MARGIN + rows * NODE_HEIGHT + (rows - 1) * ROW_GAP
    parts = [
        _edge(
            lefts[chart.nodes[start].column] + widths[chart.nodes[start].column],
            _middle(chart.nodes[start]),
            lefts[chart.nodes[end].column],
            _middle(chart.nodes[end]),
        )
        for start, end in chart.edges
    ]
    parts += [_box(chart, n, lefts[n.column], widths[n.column]) for n in nodes]
    return Markup(  # noqa: S704 - its parts are escaped by format below
        '<svg class="flowchart" role="img" aria-label="Flowchart" '
        f'viewBox="0 0 {total_width:.0f} {total_height}" '
        f'width="{total_width:.0f}" height="{total_height}">{"".join(parts)}</svg>'
    )


def _width(node: Node) -> float:
    return len(node.text) * CHARACTER_WIDTH + 2 * PADDING


def _middle(node: Node) -> float:
    return MARGIN + node.row * (NODE_HEIGHT + ROW_GAP) + NODE_HEIGHT / 2


def _edge(x1: float, y1: float, x2: float, y2: float) -> str:
    bend = (x2 - x1) / 2
    return (
        f'<path class="edge" d="M{x1:.1f} {y1:.1f}C{x1 + bend:.1f} {y1:.1f} '
        f'{x2 - bend:.1f} {y2:.1f} {x2 - 7:.1f} {y2:.1f}"/>'
        f'<path class="tip" d="M{x2:.1f} {y2:.1f}l-8 -4v8z"/>'
    )


def _box(chart: Chart, node: Node, left: float, width: float) -> Markup:
    style = chart.styles.get(node.style, {})
    dashes = style.get("stroke-dasharray", "")
    return Markup(
        '<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="4" '
        'fill="{fill}" stroke="{stroke}" stroke-dasharray="{dashes}"/>'
        '<text x="{middle:.1f}" y="{base:.1f}" fill="{color}">{text}</text>'
    ).format(
        x=left,
        y=_middle(node) - NODE_HEIGHT / 2,
        width=width,
        height=NODE_HEIGHT,
        fill=_colour(style, "fill", "#f6f8fa"),
        stroke=_colour(style, "stroke", "#59636e"),
        dashes=dashes if re.fullmatch(r"[\d ]+", dashes) else "none",
        middle=left + width / 2,
        base=_middle(node) + 5,
        color=_colour(style, "color", "#1f2328"),
        text=node.text,
    )


def _colour(style: dict[str, str], key: str, default: str) -> str:
    value = style.get(key, "")
    return value if COLOUR.fullmatch(value) else default
