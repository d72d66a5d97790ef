from hypothesis import given
from hypothesis import strategies as st

from bot.core.remarks import Side
from bot.core.review.diff import has, lines
from tests.core.review.scenes import patch

PATCH = patch(" one", "-two", "+zwei", "+drei", " four", left=10, right=20)


def test_lines_are_numbered_on_the_sides_that_they_are_on():
    assert [(line.text, line.left, line.right) for line in lines(PATCH)] == [
        ("one", 10, 20),
        ("two", 11, 0),
        ("zwei", 0, 21),
        ("drei", 0, 22),
        ("four", 12, 23),
    ]


def test_what_git_says_of_the_end_of_a_file_is_no_line():
    ended = patch("-a", "\\ No newline at end of file", "+a")
    assert [(one.text, one.left, one.right) for one in lines(ended)] == [
        ("a", 1, 0),
        ("a", 0, 1),
    ]


def test_a_line_that_looks_like_a_file_name_is_a_line():
    assert [one.text for one in lines(patch("--- a/x", "+++ b/x"))] == [
        "-- a/x",
        "++ b/x",
    ]


def test_each_part_of_a_patch_counts_anew():
    both = "\n".join([patch("+a"), patch(" b", left=50, right=51)])
    assert [(one.right, one.hunk) for one in lines(both)] == [(1, 0), (51, 1)]


def test_only_what_the_patch_shows_can_be_commented_on():
    assert has(PATCH, Side.RIGHT, 21)
    assert has(PATCH, Side.LEFT, 11)
    assert not has(PATCH, Side.RIGHT, 19)
    assert not has(PATCH, Side.RIGHT, 24)
    assert not has(PATCH, Side.LEFT, 0)


@given(st.lists(st.sampled_from([" ", "+", "-"]), max_size=30), st.integers(1, 99))
def test_numbers_go_up_by_one_on_each_side(signs, start):
    found = list(lines(patch(*signs, left=start, right=start)))
    for side, other in (("left", "+"), ("right", "-")):
        numbers = [n for one in found if (n := getattr(one, side))]
        count = sum(sign != other for sign in signs)
        assert numbers == list(range(start, start + count))
