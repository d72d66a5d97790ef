from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import ReviewRule, RuleWhen
from bot.core.remarks import Side
from bot.core.review import diff
from bot.core.review.beside import MOST_COMMENTS, MOST_OF_A_RULE
from bot.core.review.facts import Annotation, ChangedFile, ReviewFacts
from bot.core.review.text import review
from bot.core.world.markdown import BODY_LIMIT, utf16_length
from bot.core.world.questions import CheckState
from tests.core.actions.pulls import check, pull
from tests.core.review.scenes import BUSY, MARK, QUIET, RULES, changed
from tests.golden import assert_golden
from tests.scenes import WORST


def test_a_review_reads_as_it_was_reviewed():
    made = review(BUSY, RULES, mark=MARK)
    at_lines = [f"`{one.path}:{one.line}`\n\n{one.body}" for one in made.comments]
    assert_golden("review", "\n\n---\n\n".join([made.body, *at_lines]))
    assert_golden("review-without-lines", made.body_alone)


def test_nothing_certain_to_say_is_one_line():
    made = review(QUIET, RULES, mark=MARK)
    assert made.comments == ()
    assert made.body.splitlines() == [
        MARK,
        "Nothing certain to say about `aaaaaaa`: 2 files, +3 −1 (code 1, tests 1),"  # noqa: RUF001
        " 1 check passed.",
    ]


def test_what_several_rules_say_of_a_line_is_one_comment():
    rules = (ReviewRule("one", pattern="a"), ReviewRule("two", pattern="a"))
    made = review(ReviewFacts(pull(), (changed("x", "+a"),)), rules)
    assert [one.body for one in made.comments] == ["⚠️ one\n\n⚠️ two"]


def test_places_without_a_comment_are_told_in_the_summary():
    rows = ["+a"] * (MOST_OF_A_RULE + 3)
    made = review(
        ReviewFacts(pull(), (changed("x", *rows),)), (ReviewRule("no", pattern="a"),)
    )
    assert len(made.comments) == MOST_OF_A_RULE
    assert "- ⚠️ no — `x:11` and 2 more places" in made.body
    assert "- ⚠️ no — `x:1` and 12 more places" in made.body_alone


# --- laws ----------------------------------------------------------------------------------

texts = st.sampled_from(["a", "print(1)", WORST[:300], "🟥" * 90, "def test_x():", ""])
paths = st.sampled_from(
    ["a.py", "tests/test_a.py", ".github/workflows/c.yml", "go.sum", "m/1.sql", "b.png"]
) | st.builds("{}.py".format, texts)
patches = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(1, 3),
        st.lists(
            st.builds("{}{}".format, st.sampled_from(" +-\\"), texts), max_size=40
        ),
    ),
    max_size=3,
)


def _patch(parts) -> str:
    rows, at = [], 0
    for left, right, lines in parts:
        head = f"@@ -{at + left},9 +{at + right},9 @@"
        rows += [head, *(line.replace("\n", " ") for line in lines)]
        at += 100
    return "\n".join(rows)


files = st.builds(
    ChangedFile,
    paths,
    st.sampled_from(["added", "removed", "modified", "renamed"]),
    st.integers(0, 10_000),
    st.integers(0, 10_000),
    st.none() | st.builds(_patch, patches),
)
rules = st.builds(
    ReviewRule,
    texts,
    st.sampled_from([(), ("**/*.py",), ("m/**", "*.png")]),
    st.sampled_from(["", "a", r"\(", "^"]),
    st.sampled_from(RuleWhen),
)
facts = st.builds(
    lambda files, names: ReviewFacts(
        pull(checks=tuple(check(name, CheckState.FAILED) for name in names)),
        tuple({file.path: file for file in files}.values()),
        len(files) + 1,
        {name: (Annotation(name, 1, WORST),) * 9 for name in names},
    ),
    st.lists(files, max_size=60),
    st.lists(texts, max_size=40),
)


@settings(deadline=None, max_examples=60)
@given(facts, st.lists(rules, max_size=30))
def test_every_comment_is_in_the_diff_and_nothing_is_too_much_for_github(facts, rules):
    made = review(facts, rules, mark=MARK)
    patch_of = {file.path: file.patch or "" for file in facts.files}
    places = [(one.path, Side(one.side), one.line) for one in made.comments]
    assert all(diff.has(patch_of[path], side, line) for path, side, line in places)
    assert len(set(places)) == len(places) <= MOST_COMMENTS
    bodies = [made.body, made.body_alone, *(one.body for one in made.comments)]
    assert all(utf16_length(body) <= BODY_LIMIT for body in bodies)
    assert made.body.startswith(MARK)
    assert review(replace(facts), list(rules), mark=MARK) == made
