from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import Edge, ItemId, Origin, OutsideEdge, Plan, Reference
from bot.core.say.names import Names
from bot.core.say.pictures import NODES, Look, order_of_work, squares, tally
from bot.core.world.markdown import Links
from tests import scenes
from tests.scenes import item, number


def chain(length: int) -> Plan:
    items = tuple(scenes.plan_item(n, "x") for n in range(1, length + 1))
    edges = tuple(Edge(item(n + 1), item(n), Origin.TYPED) for n in range(1, length))
    return Plan(items, edges)


def picture(plan: Plan, looks: Mapping[ItemId, Look]) -> str:
    return order_of_work(plan, Names.of(plan.items, Links("acme/widgets")), looks)


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
    body = picture(chain(2), {item(1): Look.DONE, item(2): Look.WAITING})
    assert '  i1["#35;1 done"]:::d\n  i2["#35;2 waiting"]:::w\n  i1 --> i2' in body


def test_a_graph_names_what_is_outside_in_ascii():
    edge = OutsideEdge(item(1), Reference('a/b"]<b>é', number(9)), Origin.TYPED)
    body = picture(Plan(chain(1).items, (), (edge,)), {})
    assert '  o0["a/b]b#35;9"]:::s' in body
    assert "  o0 -.-> i1" in body


def test_a_graph_names_what_is_outside_at_home_by_its_number():
    edge = OutsideEdge(item(1), Reference("acme/widgets", number(9)), Origin.TYPED)
    body = picture(Plan(chain(1).items, (), (edge,)), {})
    assert '  o0["#35;9"]:::s' in body


def test_a_graph_that_nobody_could_read_is_left_out():
    assert picture(chain(NODES), {})
    assert picture(chain(NODES + 1), {}) == ""
    assert picture(Plan(chain(3).items), {}) == ""
