"""Who agrees to have items shown in the threads of another repository."""

from itertools import product

import pytest

from bot.core.model import Visibility
from bot.core.plan.consent import Bar, bar
from bot.core.plan.sources import Source, read_sources, shown_in

PRIVATE, INTERNAL, PUBLIC = Visibility
AGREED = Source("shown-in: [acme/widgets]")


def test_nothing_is_shown_to_more_people_than_may_read_it_whatever_is_agreed():
    for there, home in product(Visibility, repeat=2):
        found = bar(there, AGREED, home="acme/widgets", at_home=home)
        may_be = there is PUBLIC or home <= there
        assert found is (None if may_be else Bar.TOO_PUBLIC)
        unasked = bar(there, None, home="acme/widgets", at_home=home)
        listed = Bar.NOT_LISTED if may_be else Bar.TOO_PUBLIC
        assert unasked is (None if there is PUBLIC else listed)


@pytest.mark.parametrize(
    ("there", "at_home", "found"),
    [
        (None, PRIVATE, None),
        (None, INTERNAL, Bar.TOO_PUBLIC),
        (PRIVATE, None, Bar.TOO_PUBLIC),
        (INTERNAL, None, None),
        (None, None, Bar.TOO_PUBLIC),
    ],
)
def test_what_a_server_does_not_tell_counts_as_what_keeps_out(there, at_home, found):
    assert bar(there, AGREED, home="acme/widgets", at_home=at_home) is found


@pytest.mark.parametrize(
    ("text", "homes"),
    [
        ("shown-in: Acme/Widgets", {"acme/widgets"}),
        ("shown-in: [acme/a, acme/b.c]\nlimits: {items: many}", {"acme/a", "acme/b.c"}),
        ("shown-in: []", set()),
        ("home: 12", set()),
        ("shown-in: [acme/a, acme/*]", set()),
        ("shown-in: [acme/a]\nshown-in: [acme/b]", set()),
        ("shown-in: [acme/a]\nlimits: {items: [", set()),
    ],
)
def test_a_list_counts_if_nothing_is_wrong_with_it(text: str, homes: set[str]):
    assert shown_in(Source(text)) == homes


def test_what_another_file_agrees_to_says_nothing_of_this_repository():
    """It is read of the own file alone, and is no fault of the one that has it."""
    shared = Source("shown-in: [acme/widgets]\nhome: 12", "acme/.github:x")
    own = Source("_extends: .github")
    assert read_sources([own, shared]).home == 12
    assert shown_in(own) == frozenset()
