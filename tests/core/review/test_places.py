"""Where remarks stand on a diff."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.core.remarks import Edit, Level, Remark, Said, Side, Verdict
from bot.core.review import diff
from bot.core.review.beside import MOST_COMMENTS, MOST_OF_A_RULE
from bot.core.review.facts import ChangedFile, ReviewFacts
from bot.core.review.places import Placed, Spot, place
from bot.core.review.text import Reviewer, review
from bot.core.world.markdown import BODY_LIMIT, utf16_length
from tests.core.actions.pulls import pull
from tests.core.review.scenes import BUSY, MARK, QUIET, RULES, changed, patch
from tests.core.review.test_text import facts, paths, rules, texts
from tests.golden import assert_golden
from tests.scenes import WORST

TWO_PARTS = "\n".join(
    [
        patch(" one", "-two", "+zwei", "+drei", " four", left=10, right=20),
        patch(" x", "+y", left=50, right=61),
    ]
)
FILE = ChangedFile("a.py", "modified", patch=TWO_PARTS)
RENAMED = ChangedFile("new.py", "renamed", patch=patch("-a"), previous_path="old.py")


def placed(remark: Remark) -> Placed:
    (found,) = place([remark], [FILE, RENAMED])
    return found


def on(
    line: int, start: int = 0, side: Side = Side.RIGHT, path: str = "a.py"
) -> Remark:
    return Remark(path, "b", line=line, start_line=start, side=side)


@pytest.mark.parametrize(
    ("remark", "spot"),
    [
        (on(21), Spot("a.py", 21)),
        (on(20), Spot("a.py", 20)),  # context
        (on(19), None),
        (on(0), None),
        (on(11, side=Side.LEFT), Spot("a.py", 11, Side.LEFT)),
        (on(10, side=Side.LEFT), Spot("a.py", 20)),  # context is on the right
        (on(22, 21), Spot("a.py", 22, start_line=21)),
        (on(40, 21), Spot("a.py", 23, start_line=21)),  # as far as it is shown
        (on(62, 1), Spot("a.py", 23, start_line=20)),  # one part alone
        (on(62, 30), Spot("a.py", 62, start_line=61)),
        (on(60, 30), None),
        (on(12, 10, Side.LEFT), Spot("a.py", 23, start_line=20)),
        (on(11, 10, Side.LEFT), Spot("a.py", 11, Side.LEFT, 20, Side.RIGHT)),
        (on(1, path="b.py"), None),
        (on(1, path="old.py"), None),
        (on(1, side=Side.LEFT, path="old.py"), Spot("new.py", 1, Side.LEFT)),
    ],
)
def test_a_remark_stands_where_the_diff_shows_it(remark: Remark, spot: Spot | None):
    assert placed(remark).spot == spot


def suggests(line: int, start: int = 0, side: Side = Side.RIGHT) -> str | None:
    remark = Remark("a.py", "", line=line, start_line=start, side=side, suggestion="s")
    return placed(remark).suggestion


def test_only_exactly_those_lines_on_the_right_are_replaced():
    assert suggests(21) == suggests(22, 21) == suggests(23, 20) == "s"
    assert suggests(24, 20) is None  # the diff ends before
    assert suggests(62, 21) is None  # another part
    assert suggests(11, side=Side.LEFT) is None
    assert suggests(19) is None


@pytest.mark.parametrize(
    ("edits", "spot", "suggestion"),
    [
        ([Edit(21, 1, 22, 1, "")], Spot("a.py", 21), ""),
        ([Edit(21, 2, 21, 4, "o")], Spot("a.py", 21), "zoi"),
        ([Edit(21, 1, 23, 1, "x\n")], Spot("a.py", 22, start_line=21), "x"),
        ([Edit(22, 1, 22, 1, "new\n")], Spot("a.py", 22), "new\ndrei"),
        (
            [Edit(22, 1, 22, 2, "D"), Edit(21, 1, 21, 2, "Z")],
            Spot("a.py", 22, start_line=21),
            "Zwei\nDrei",
        ),
    ],
)
def test_a_tools_fix_becomes_a_suggestion(edits, spot: Spot, suggestion: str):
    found = placed(Remark("a.py", "b", line=21, edits=tuple(edits)))
    assert (found.spot, found.suggestion) == (spot, suggestion)


@pytest.mark.parametrize(
    "edits",
    [
        [Edit(23, 1, 24, 3, "")],  # past what is shown
        [Edit(19, 1, 20, 1, "")],
        [Edit(21, 9, 21, 10, "")],  # no such column
        [Edit(21, 1, 21, 3, ""), Edit(21, 2, 21, 4, "")],  # into each other
        [Edit(21, 1, 21, 2, "z")],  # nothing new
        [Edit(21, 1, 22, 1, "joined ")],  # with a line that is not among them
    ],
)
def test_a_fix_that_cannot_be_told_from_the_diff_is_none(edits):
    found = placed(Remark("a.py", "b", line=21, edits=tuple(edits)))
    assert (found.spot, found.suggestion) == (Spot("a.py", 21), None)


# --- as it reads ---------------------------------------------------------------------------

BODY = """\
## Sorting

This is **quadratic**; see `sorted`. Closes #12, says @ada <b>now</b>:

1. sort once
* then search

```suggestion
rm -rf /
```
/approve
"""
SAID = Said(
    "# Overall\nGood, but for one thing.\n\n/batch merge 12",
    Verdict.REQUEST_CHANGES,
    (
        Remark("src/paths.py", BODY, line=2, suggestion="    return f'{a}/```{b}'"),
        Remark(
            "src/server.py",
            "`os` imported but unused",
            line=3,
            start_line=1,
            level=Level.ERROR,
            rule="F401",
            rule_url="https://lint.example/F401",
        ),
        Remark("src/server.py", "Two.\n\nParagraphs.", line=3, level=Level.NOTE),
        Remark("src/server.py", "", line=1, suggestion="\u202eevil"),
        Remark("src/other.py", "Never called, @ada", line=7),
        Remark("src/other.py", "Never called, @ada", line=9, start_line=8),
        Remark("migrations/0004_labels.sql", "As a whole"),
        Remark("", "Nowhere at all", rule="X1"),
    ),
    left_out=12,
    tools=("lint 1.2",),
)
SECOND = Reviewer("second", SAID, (Verdict.REQUEST_CHANGES,), "bubblewrap")


def test_a_review_with_a_command_reads_as_it_was_reviewed():
    made = review(BUSY, RULES, mark=MARK, reviewer=SECOND)
    at_lines = [
        f"`{one.path}:{one.start_line or ''}-{one.line} {one.side}`\n\n{one.body}"
        for one in made.comments
    ]
    assert_golden("review-command", "\n\n---\n\n".join([made.body, *at_lines]))
    assert_golden("review-command-without-lines", made.body_alone)
    assert made.verdict is Verdict.REQUEST_CHANGES


def test_a_verdict_counts_only_where_it_is_allowed():
    made = review(QUIET, (), reviewer=Reviewer("second", SAID))
    assert made.verdict is Verdict.COMMENT
    assert (
        "`second` would request changes; that counts only where `verdicts`" in made.body
    )
    own = ReviewFacts(pull(), QUIET.files, is_own=True)
    made = review(own, (), reviewer=SECOND)
    assert made.verdict is Verdict.COMMENT
    assert "GitHub lets nobody do that on a pull request of their own." in made.body


def test_a_command_without_remarks_says_so():
    made = review(QUIET, (), reviewer=Reviewer("second", Said()))
    assert made.body.startswith("**`second` has no remark** at `aaaaaaa`")


def test_a_fork_on_which_nothing_is_run_is_told():
    made = review(QUIET, (), withheld="second")
    assert made.body.startswith("Nothing certain to say")
    assert "The command `second` was not run: this comes from a fork" in made.body


def test_the_same_words_at_many_places_are_counted():
    rows = ["+a"] * (MOST_OF_A_RULE + 3)
    said = Said(remarks=tuple(Remark("x", "no", line=n + 1) for n in range(len(rows))))
    at = ReviewFacts(pull(), (changed("x", *rows),))
    made = review(at, (), reviewer=Reviewer("second", said))
    assert len(made.comments) == MOST_OF_A_RULE
    assert "- no — `x:11` and 2 more places" in made.body


def test_what_matters_most_is_beside_lines():
    rows = ["+a"] * (MOST_COMMENTS + 1)
    remarks = [Remark("x", f"n{n}", line=n + 1) for n in range(MOST_COMMENTS)]
    last = Remark("x", "worst", line=MOST_COMMENTS + 1, level=Level.ERROR)
    said = Said(remarks=(*remarks, last))
    at = ReviewFacts(pull(), (changed("x", *rows),))
    made = review(at, (), reviewer=Reviewer("second", said))
    assert len(made.comments) == MOST_COMMENTS
    assert made.comments[0].body == "❌ worst"
    assert f"- n{MOST_COMMENTS - 1} — `x:{MOST_COMMENTS}`" in made.body


# --- laws ----------------------------------------------------------------------------------

numbers = st.integers(0, 30) | st.integers(95, 130)
long_texts = texts | st.sampled_from([WORST, BODY, "x\n" * 999, "- a\n```\n" * 50])
remarks = st.builds(
    lambda path, body, line, span, side, level, suggestion, edits: Remark(
        path, body, line, max(0, line - span), side, level, suggestion, edits, body[:9]
    ),
    paths,
    long_texts,
    numbers,
    st.integers(0, 20),
    st.sampled_from(Side),
    st.sampled_from(Level),
    st.none() | long_texts,
    st.lists(
        st.builds(Edit, numbers, st.integers(0, 9), numbers, st.integers(0, 9), texts),
        max_size=2,
    ).map(tuple),
)
reviewers = st.builds(
    lambda summary, verdict, remarks, allowed: Reviewer(
        "second", Said(summary, verdict, tuple(remarks)), tuple(allowed)
    ),
    long_texts,
    st.sampled_from(Verdict),
    st.lists(remarks, max_size=60),
    st.lists(st.sampled_from(Verdict)),
)


@settings(deadline=None, max_examples=60)
@given(facts, st.lists(rules, max_size=5), reviewers)
def test_every_comment_is_in_the_diff(facts, rules, reviewer):
    made = review(facts, rules, mark=MARK, reviewer=reviewer)
    patch_of = {file.path: file.patch or "" for file in facts.files}
    assert len(made.comments) <= MOST_COMMENTS
    for one in made.comments:
        rows = list(diff.lines(patch_of[one.path]))
        (last,) = _at(rows, Side(one.side), one.line)
        if one.start_line:
            (first,) = _at(rows, Side(one.start_side), one.start_line)
            assert rows.index(first) < rows.index(last)
            assert first.hunk == last.hunk
            if one.side == one.start_side:
                assert one.start_line < one.line
        if _offers(one.body):
            assert (one.side, one.start_side) == ("RIGHT", "RIGHT")
    bodies = [made.body, made.body_alone, *(one.body for one in made.comments)]
    assert all(utf16_length(body) <= BODY_LIMIT for body in bodies)
    assert made.verdict in (Verdict.COMMENT, *reviewer.verdicts)
    assert review(facts, list(rules), mark=MARK, reviewer=reviewer) == made


def _offers(body: str) -> bool:
    """Return whether GitHub would show a suggestion: what is quoted offers nothing."""
    tokens = MarkdownIt().parse(body)
    return any(one.type == "fence" and one.info == "suggestion" for one in tokens)


def test_what_a_suggestion_quotes_offers_nothing_where_none_can_be():
    remark = Remark("x", "no", line=1, side=Side.LEFT, suggestion=BODY)
    at = ReviewFacts(pull(), (changed("x", "-a", "+b"),))
    made = review(at, (), reviewer=Reviewer("second", Said(remarks=(remark,))))
    (one,) = made.comments
    assert "```suggestion" in one.body
    assert (one.side, _offers(one.body)) == (Side.LEFT, False)


def _at(rows: list[diff.Line], side: Side, number: int) -> list[diff.Line]:
    return [row for row in rows if row.number(side) == number]
