"""The names of items: short, never shared, and good wherever a name is needed."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.model import (
    AttemptId,
    BatchId,
    InstallationId,
    ItemId,
    ItemNumber,
    Reference,
    Repository,
    attempt_id,
    branch,
)
from bot.core.plan.naming import item_ids, on_numbers
from tests.plans import batch, item, plan

HERE = "acme/widgets"


def named(*asked: str) -> list[str]:
    """Return the names of ``15 review`` or ``acme/api#15 review``."""
    pairs = []
    for one in asked:
        where, _, action = one.partition(" ")
        repository, _, number = where.rpartition("#")
        pairs.append((Reference(repository or HERE, ItemNumber(int(number))), action))
    return list(item_ids(pairs, home=HERE))


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (["12 implement", "15 implement"], ["12", "15"]),
        (["61 update", "12 implement", "61 review"], ["61", "12", "61-review"]),
        (["61 a", "61 b", "61 b", "61 b"], ["61", "61-b", "61-b-2", "61-b-3"]),
        (["acme/api#15 review", "15 review"], ["api-15", "15"]),
        (["acme/api#15 update", "acme/api#15 review"], ["api-15", "api-15-review"]),
        (["acme/api#15 review", "other/api#15 review"], ["api-15", "api-15-2"]),
        (["acme/.GitHub_#1 a", "acme/...#2 a"], ["github-1", "x-2"]),
        (["15 a", "15 b", "acme/15-b#2 a", "15 b"], ["15", "15-b", "15-b-2", "15-b-3"]),
    ],
)
def test_an_item_is_called_by_its_number_as_far_as_that_says_which(asked, names):
    assert named(*asked) == names


REPOSITORIES = st.sampled_from(
    [HERE, "acme/api", "other/api", "acme/15", "acme/15-review", "a/.._.lock", "a/15-2"]
)
ACTIONS = st.sampled_from(["review", "update", "fix", "fix-2", "2", "r" * 60])
ASKED = st.lists(
    st.tuples(
        st.builds(Reference, REPOSITORIES, st.integers(1, 20).map(ItemNumber)), ACTIONS
    ),
    max_size=30,
)


@given(ASKED)
def test_no_two_items_share_a_name_and_each_is_good_in_a_ref_and_a_path(asked):
    names = item_ids(asked, home=HERE)
    assert len(set(names)) == len(names) == len(asked)
    for (reference, _), name in zip(asked, names, strict=True):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert len(name) < 120
        if name.isdecimal():
            assert reference == Reference(HERE, ItemNumber(int(name)))


@given(ASKED)
def test_the_first_on_a_number_at_home_is_that_number(asked):
    names = item_ids(asked, home=HERE)
    first: dict[int, str] = {}
    for (reference, _), name in zip(asked, names, strict=True):
        if reference.repository == HERE:
            first.setdefault(reference.number, name)
    assert first == {number: str(number) for number in first}


@given(ASKED, st.integers(1, 30), st.integers(1, 30))
def test_no_two_attempts_share_a_name(asked, one, two):
    known: dict[AttemptId, tuple[ItemId, int]] = {}
    for name in item_ids(asked, home=HERE):
        for attempt in {one, two}:
            made = attempt_id(BatchId("b7k2"), name, attempt)
            assert known.setdefault(made, (name, attempt)) == (name, attempt)


def test_a_branch_is_called_by_its_batch_and_item():
    assert branch(BatchId("b7k2"), ItemId("15-review")) == "batch/b7k2/15-review"


def test_a_typed_number_means_all_items_on_it_at_home():
    made = plan({1: [], 2: [], 3: []})
    api = Repository(9, "acme/api", InstallationId(7))
    one, two, three = made.items
    items = (
        one,
        replace(one, id=ItemId("1-review")),
        two,
        replace(one, id=ItemId("api-1"), repository=api),
        three,
    )
    of = batch(replace(made, items=items))
    numbers = [ItemNumber(1), ItemNumber(3), ItemNumber(7)]
    assert on_numbers(of, numbers) == {item(1), "1-review", item(3)}


@given(ASKED, st.data())
def test_what_people_type_for_an_item_means_all_that_the_batch_has_on_it(asked, data):
    """For any mix of repositories, and names go there and back again."""
    made, places = plan({1: []}), {HERE: batch(plan({1: []})).repository}
    for reference, _ in asked:
        id_ = 100 + len(places)
        there = Repository(id_, reference.repository, InstallationId(7))
        places.setdefault(reference.repository, there)
    names = item_ids(asked, home=HERE)
    items = tuple(
        replace(
            made.items[0],
            id=name,
            number=reference.number,
            repository=places[reference.repository],
        )
        for (reference, _), name in zip(asked, names, strict=True)
    )
    of = batch(replace(made, items=items, edges=()))
    for (reference, _), name in zip(asked, names, strict=True):
        alike = {n for (r, _), n in zip(asked, names, strict=True) if r == reference}
        typed = str(reference)
        typed = data.draw(st.sampled_from([typed, typed.upper(), typed.title()]))
        assert on_numbers(of, [ItemId(typed)]) == alike
        assert name in on_numbers(of, [name])
        if reference.repository == HERE:
            assert on_numbers(of, [reference.number]) == alike
