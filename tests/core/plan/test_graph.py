from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.actions.ability import Runner
from bot.core.command.faults import CycleFound
from bot.core.model import (
    Action,
    Deps,
    Edge,
    ItemFacts,
    ItemKind,
    ItemNumber,
    Options,
    Origin,
    OutsideEdge,
    Plan,
    Reference,
)
from bot.core.plan.graph import (
    build_plan,
    chain_seconds,
    find_cycle,
    longest_chain,
    settle_outside,
    topological_order,
    waves,
)
from bot.core.plan.selection import SelectedItem, Selection
from tests.plans import WIDGETS, graphs, item, plan

HERE = "acme/widgets"


def facts(number, **kwargs) -> ItemFacts:
    defaults = {
        "kind": ItemKind.ISSUE,
        "title": f"Item {number}",
        "body": "",
        "url": f"https://github.com/acme/widgets/issues/{number}",
        "is_open": True,
        "updated_at": datetime(2026, 3, 2, tzinfo=UTC),
    }
    return ItemFacts(number=ItemNumber(number), **{**defaults, **kwargs})


def ref(number, repository=HERE) -> Reference:
    return Reference(repository, ItemNumber(number))


def selected(number, *, after=(), action="implement", **kwargs) -> SelectedItem:
    return SelectedItem(
        facts(number, **kwargs),
        Action(action),
        tuple(ref(n) for n in after),
        None,
        None,
        None,
    )


def build(*items, deps=Deps.ALL) -> Plan | CycleFound:
    return build_plan(
        Selection(tuple(items), Options(deps=deps), False, ()),
        repository=WIDGETS,
        runner_of=lambda action, place, *, is_from_fork: Runner("local"),
    )


def built(*items, deps=Deps.ALL) -> Plan:
    made = build(*items, deps=deps)
    assert isinstance(made, Plan)
    return made


def edge(successor, predecessor, origin=Origin.TYPED) -> Edge:
    return Edge(item(successor), item(predecessor), origin)


def test_every_source_of_dependencies_shows_its_origin():
    made = built(
        selected(12),
        selected(15, after=[12]),
        selected(18, blocked_by=(ref(15),)),
        selected(20, body="Depends on #18"),
    )
    assert made.edges == (
        edge(15, 12),
        edge(18, 15, Origin.NATIVE),
        edge(20, 18, Origin.TEXT),
    )


def test_an_edge_with_two_origins_is_kept_once_with_the_stronger():
    made = built(selected(12), selected(15, after=[12], blocked_by=(ref(12),)))
    assert made.edges == (edge(15, 12),)


@pytest.mark.parametrize(
    ("deps", "origins"),
    [
        (Deps.ALL, {Origin.TYPED, Origin.NATIVE, Origin.TEXT}),
        (Deps.NATIVE, {Origin.TYPED, Origin.NATIVE}),
        (Deps.TYPED, {Origin.TYPED}),
    ],
)
def test_deps_chooses_the_sources(deps, origins):
    made = built(
        selected(12),
        selected(15, after=[12]),
        selected(18, blocked_by=(ref(12),), body="Blocked by #15"),
        deps=deps,
    )
    assert {e.origin for e in made.edges} == origins


def test_a_label_does_not_wait_for_what_nobody_typed():
    made = built(
        selected(12, action="label"),
        selected(15, action="label", blocked_by=(ref(12),), body="Depends on #12"),
    )
    assert made.edges == ()


def test_a_stacked_pull_request_waits_for_its_base():
    made = built(
        selected(61, action="merge", kind=ItemKind.PULL_REQUEST, head_branch="a"),
        selected(62, action="merge", kind=ItemKind.PULL_REQUEST, base_branch="a"),
    )
    assert made.edges == (edge(62, 61, Origin.STACK),)


def test_what_is_not_in_the_batch_is_waited_for_outside():
    made = built(selected(12), selected(15, after=[99]))
    assert made.outside == (OutsideEdge(item(15), ref(99), Origin.TYPED),)


def test_an_outside_predecessor_that_is_done_is_not_waited_for():
    made = built(selected(15, after=[97, 98, 99]))
    left, lost = settle_outside(
        made,
        {
            ref(97): facts(97, is_open=False, state_reason="completed"),
            ref(98): facts(98, is_open=False, state_reason="not_planned"),
            ref(99): facts(99),
        },
    )
    assert [e.predecessor for e in left.outside] == [ref(98), ref(99)]
    assert lost == (OutsideEdge(item(15), ref(98), Origin.TYPED),)


def test_an_item_never_waits_for_itself():
    assert built(selected(12, after=[12], body="Depends on #12")).edges == ()


def test_a_cycle_is_found_with_the_origin_of_each_edge():
    found = build(
        selected(12, body="Depends on #20"),
        selected(18, after=[12]),
        selected(20, blocked_by=(ref(18),)),
        selected(21, after=[20]),
    )
    assert found == CycleFound(
        path=tuple(map(item, (12, 18, 20, 12))),
        edges=(
            edge(18, 12),
            edge(20, 18, Origin.NATIVE),
            edge(12, 20, Origin.TEXT),
        ),
    )


def test_who_waits_for_a_number_waits_for_the_item_typed_first_on_it():
    made = built(
        selected(61, action="update"),
        selected(61, action="merge", after=[61], body="Depends on #61"),
        selected(12, blocked_by=(ref(61),)),
        selected(15, after=[61]),
    )
    assert [one.id for one in made.items] == ["61", "61-merge", "12", "15"]
    assert {one.number for one in made.items[:2]} == {61}
    assert [(e.successor, e.predecessor, e.origin) for e in made.edges] == [
        ("61-merge", "61", Origin.TYPED),
        ("12", "61", Origin.NATIVE),
        ("15", "61", Origin.TYPED),
    ]
    assert made.outside == ()


def test_an_item_never_waits_for_another_on_its_own_number_unless_that_is_typed():
    made = built(
        selected(61, action="update", blocked_by=(ref(61),)),
        selected(61, action="merge", body="Blocked by #61"),
    )
    assert (made.edges, made.outside) == ((), ())


@given(graphs())
def test_every_order_is_topological(waits):
    made = plan(waits)
    order = topological_order((i.id for i in made.items), made.edges)
    assert set(order) == set(map(item, waits))
    for edge_ in made.edges:
        assert order.index(edge_.predecessor) < order.index(edge_.successor)


@given(graphs(), st.data())
def test_an_edge_that_closes_a_circle_is_found(waits, data):
    made = plan(waits)
    items = [one.id for one in made.items]
    assert find_cycle(items, made.edges) is None
    if not made.edges:
        return
    back = data.draw(st.sampled_from(made.edges))
    edges = (*made.edges, Edge(back.predecessor, back.successor, Origin.TEXT))
    found = find_cycle(items, edges)
    assert found is not None
    assert found.path[0] == found.path[-1]
    steps = [(behind, before) for before, behind in pairwise(found.path)]
    assert [(e.successor, e.predecessor) for e in found.edges] == steps
    assert set(found.edges) <= set(edges)


@given(graphs())
def test_waves_put_each_item_behind_its_predecessors(waits):
    levels = {n: i for i, wave in enumerate(waves(plan(waits))) for n in map(int, wave)}
    assert sorted(levels) == sorted(waits)
    for number, before in waits.items():
        assert levels[number] == max((levels[p] + 1 for p in before), default=0)


@given(graphs())
def test_the_longest_chain_is_a_path_of_the_expected_length(waits):
    made = plan(waits)
    chain = [int(one) for one in longest_chain(made, {})]
    assert all(a in waits[b] for a, b in pairwise(chain))
    assert len(chain) == len(waves(made))
    assert max(chain_seconds(made, {})) == pytest.approx(420 * len(chain))
