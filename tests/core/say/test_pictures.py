from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Edge, Origin, OutsideEdge, Plan, Reference
from bot.core.say.pictures import NODES, Look, order_of_work, squares, tally
from tests import scenes
from tests.scenes import number


def chain(length: int) -> Plan:
    items = tuple(scenes.plan_item(n, "x") for n in range(1, length + 1))
    edges = tuple(
        Edge(number(n + 1), number(n), Origin.TYPED) for n in range(1, length)
    )
    return Plan(items, edges)


def test_squares_of_a_small_batch_are_its_items():
    assert squares(scenes.running()) == "🟩🟩🟩🟩🟩🟥⬛🟨🟦🟦⬜⬜"


def test_squares_of_a_large_batch_show_every_state_that_occurs():
    row = squares(scenes.large_running()[0])
    assert len(row) == 24
    assert set(row) == set("🟩🟥⬛🟦⬜")


@given(st.lists(st.sampled_from(scenes.STATES), min_size=1, max_size=500))
def test_squares_are_few_and_show_every_state_whatever_the_batch(states):
    progress = scenes.in_states(states)
    row = squares(progress)
    assert len(row) == min(24, len(states))
    assert {one.square for one in tally(progress.items.values())} == set(row)


def test_a_graph_shows_what_has_an_edge_and_its_state():
    body = order_of_work(chain(2), {number(1): Look.DONE, number(2): Look.WAITING})
    assert '  i1["#35;1 done"]:::d\n  i2["#35;2 waiting"]:::w\n  i1 --> i2' in body


def test_a_graph_names_what_is_outside_in_ascii():
    edge = OutsideEdge(number(1), Reference('a/b"]<b>é', number(9)), Origin.TYPED)
    body = order_of_work(Plan(chain(1).items, (), (edge,)), {})
    assert '  o0["a/b]b#35;9"]:::s' in body
    assert "  o0 -.-> i1" in body


def test_a_graph_that_nobody_could_read_is_left_out():
    assert order_of_work(chain(NODES), {})
    assert order_of_work(chain(NODES + 1), {}) == ""
    assert order_of_work(Plan(chain(3).items), {}) == ""
