"""Where items stand in the drawing of who waits for whom."""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Origin, OutsideEdge, Reference
from bot.core.say.drawing import HEIGHT, MOST_LINES, WIDTH, Drawing, drawing
from tests.growth import assert_linear
from tests.plans import item, plan
from tests.scenes import number


def at(drawn: Drawing) -> dict[str, tuple[int, int]]:
    return {str(b.item or b.outside): (b.x, b.y) for b in drawn.boxes}


def test_an_item_stands_behind_all_it_waits_for():
    """15 waits for 12, 18 for both: three columns; the line from 12 to 18 passes 15."""
    places = at(drawn := drawing(plan({12: [], 15: [12], 18: [12, 15], 20: []})))
    assert places["12"][0] < places["15"][0] < places["18"][0]
    assert len(drawn.lines) == 3
    passing = max(drawn.lines, key=lambda line: len(line.points))
    heights = [y for x, y in passing.points if x == places["15"][0]]
    top = places["15"][1]
    assert heights
    assert not top <= heights[0] <= top + HEIGHT
    assert places["20"][1] > max(places[one][1] for one in ("12", "15", "18"))


def test_lines_that_need_not_cross_do_not():
    """Typed so that they would cross, in the order of the plan."""
    places = at(drawing(plan({1: [], 2: [], 3: [2], 4: [1]})))
    assert (places["1"][1] < places["2"][1]) == (places["4"][1] < places["3"][1])


def test_what_is_waited_for_outside_has_a_box_and_a_line():
    reference = Reference("acme/api", number(9))
    edge = OutsideEdge(item(12), reference, Origin.TYPED)
    drawn = drawing(plan({12: []}, outside=(edge,)))
    assert at(drawn)["acme/api#9"][0] < at(drawn)["12"][0]
    assert [line.is_outside for line in drawn.lines] == [True]


def test_a_plan_without_edges_is_rows_of_boxes():
    drawn = drawing(plan({n: [] for n in range(1, 12)}))
    assert drawn.lines == ()
    assert len({box.y for box in drawn.boxes}) == 2


def test_so_many_lines_that_nobody_sees_anything_are_not_drawn():
    left, right = range(1, 52), range(100, 142)
    plan_ = plan({n: [] for n in left} | {n: list(left) for n in right})
    assert len(plan_.edges) > MOST_LINES
    drawn = drawing(plan_)
    assert drawn.lines == ()
    assert len(drawn.boxes) == len(plan_.items)


def test_500_items_are_drawn_while_nobody_waits():
    """A chain that branches: each waits for the one at half its number."""

    def draw(most: int) -> None:
        waits = {n: [n // 2] if n > 1 else [] for n in range(1, most + 1)}
        assert len(drawing(plan(waits)).boxes) == most

    assert_linear(draw, 500)


@given(
    st.integers(1, 14).flatmap(
        lambda size: st.fixed_dictionaries(
            {
                n: st.lists(st.integers(1, n - 1), unique=True, max_size=3)
                if n > 1
                else st.just([])
                for n in range(1, size + 1)
            }
        )
    )
)
def test_no_two_boxes_touch_and_every_line_runs_from_left_to_right(
    waits: dict[int, list[int]],
):
    drawn = drawing(plan(waits))
    assert {box.item for box in drawn.boxes} == {item(n) for n in waits}
    for one, other in combinations(drawn.boxes, 2):
        assert abs(one.x - other.x) > WIDTH or abs(one.y - other.y) > HEIGHT
    for line in drawn.lines:
        assert all(a[0] <= b[0] for a, b in pairwise(line.points))
    assert all(b.x >= 0 and b.x + WIDTH <= drawn.width for b in drawn.boxes)
    assert all(b.y >= 0 and b.y + HEIGHT <= drawn.height for b in drawn.boxes)
