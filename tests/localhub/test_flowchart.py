import re

import pytest

from bot.localhub.flowchart import draw, parse

SOURCE = """
flowchart LR
  i12["#35;12 done"]:::d
  i18["#35;18 running"]:::r
  i20["#35;20 waiting"]
  i12 --> i18
  i18 --> i20
  i12 --> i20
  %% a note
  a["alone"]
  classDef d fill:#dafbe1,stroke:#1a7f37,color:#1f2328
  classDef r fill:#ddf4ff,stroke:#0969da,stroke-dasharray:4
"""


def boxes(source: str) -> dict[str, tuple[float, float]]:
    """Return left and top of each box by its text."""
    drawing = str(draw(source))
    rects = re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', drawing)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
    return {
        text: (float(x), float(y)) for text, (x, y) in zip(texts, rects, strict=True)
    }


def test_a_successor_stands_right_of_its_predecessor() -> None:
    places = boxes(SOURCE)
    assert places["#12 done"][0] < places["#18 running"][0] < places["#20 waiting"][0]


def test_what_hangs_together_shares_no_row_with_the_rest() -> None:
    places = boxes(SOURCE)
    assert places["alone"][1] > max(
        top for text, (_, top) in places.items() if text != "alone"
    )


def test_no_two_boxes_lie_on_each_other() -> None:
    source = "flowchart LR\n" + "\n".join(
        f"a{start} --> a{end}" for start in range(8) for end in range(start + 1, 8)
    )
    places = boxes(source + "\nb --> c\nb --> d\nb --> e\nx --> e")
    assert len(set(places.values())) == len(places) == 13


def test_colours_come_from_the_classes_and_only_colours_do() -> None:
    drawing = str(draw(SOURCE))
    assert 'fill="#dafbe1" stroke="#1a7f37"' in drawing
    assert 'stroke-dasharray="4"' in drawing
    bad = draw(
        'flowchart LR\n a["x"]:::e\n classDef e fill:url(evil),stroke:"><script>'
    )
    assert "evil" not in str(bad)
    assert "<script" not in str(bad)


def test_a_chain_on_one_line_is_two_edges() -> None:
    chart = parse('flowchart LR\n a["A"] --> b --> c["C"]:::x;')
    assert chart is not None
    assert chart.edges == [("a", "b"), ("b", "c")]
    assert [node.text for node in chart.nodes.values()] == ["A", "b", "C"]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "flowchart TD\n a --> b",
        "sequenceDiagram\n a->>b: hi",
        "flowchart LR",
        "flowchart LR\n a -->|label| b",
        "flowchart LR\n subgraph x\n a\n end",
        "flowchart LR\n a --> b\n b --> a",
        "flowchart LR\n click a href",
        "flowchart LR\n" + "\n".join(f"n{i}" for i in range(201)),
    ],
)
def test_what_is_not_understood_is_not_drawn(source: str) -> None:
    assert draw(source) is None
