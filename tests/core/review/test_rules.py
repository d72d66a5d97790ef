import time

import pytest

from bot.core.model import ReviewRule, RuleWhen
from bot.core.review.rules import BadPattern, check_pattern, hits
from tests.core.review.scenes import changed


def at(rule: ReviewRule, *files) -> list[tuple[str, int]]:
    return [(hit.path, hit.line) for hit in hits(files, rule)]


@pytest.mark.parametrize(
    ("glob", "path", "is_meant"),
    [
        ("migrations/**", "migrations/a/b.sql", True),
        ("migrations/**", "src/migrations/b.sql", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "a/b/c.py", True),
        ("**/*.py", "a.pyc", False),
        ("*.py", "a/b.py", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("a.b+(c)", "a.b+(c)", True),
        ("a.b", "axb", False),
        ("**", "ü/ä.py", True),
    ],
)
def test_globs_mean_what_they_mean_in_gitignore(glob, path, is_meant):
    found = at(ReviewRule("x", (glob,)), changed(path, "+a"))
    assert bool(found) is is_meant


def test_a_pattern_is_looked_for_in_added_lines_only():
    rule = ReviewRule("x", pattern=r"print\(")
    file = changed("a.py", " print(1)", "-print(2)", "+print(3)", "+pass", "+ print(4)")
    assert at(rule, file) == [("a.py", 2), ("a.py", 4)]


def test_without_a_pattern_a_rule_speaks_of_the_first_new_line():
    assert at(ReviewRule("x"), changed("a", " a", "-b", "+c")) == [("a", 2)]


def test_a_file_without_a_diff_is_spoken_of_as_a_whole():
    assert at(ReviewRule("x"), changed("a.png", status="added")) == [("a.png", 0)]


def test_a_rule_may_mean_new_files_or_removed_ones():
    files = [
        changed("new", "+a", status="added"),
        changed("old", "-a", status="removed"),
        changed("there", "+a"),
    ]
    assert at(ReviewRule("x", when=RuleWhen.ADDED), *files) == [("new", 1)]
    assert at(ReviewRule("x", when=RuleWhen.REMOVED), *files) == [("old", 0)]
    assert len(at(ReviewRule("x"), *files)) == 3


@pytest.mark.parametrize("pattern", ["(a", "(?=a)", r"(a)\1", "[z-a]"])
def test_what_is_no_pattern_is_said_with_its_reason(pattern):
    with pytest.raises(BadPattern, match="[a-z]"):
        check_pattern(pattern)


def test_a_pattern_that_takes_others_for_ever_takes_no_time():
    rule = ReviewRule("x", pattern="(a+)+$")
    began = time.monotonic()
    assert at(rule, changed("a", *[f"+{'a' * 1_900}b"] * 50)) == []
    assert time.monotonic() - began < 5
