from typing import Any

import pytest

from bot.core.review.facts import ChangedFile, EarlierReview, ReviewFacts
from bot.core.review.findings import Weight, findings, size
from bot.core.world.pulls import BaseRules, MergeState, ReviewDecision
from bot.core.world.questions import Check, CheckState
from tests.core.actions.pulls import TIP, check, pull
from tests.core.review.scenes import changed
from tests.growth import assert_linear

STOPPED = Check("CI", CheckState.STOPPED, "action_required", "https://ci")
FAILED = tuple(check(f"c{number}", CheckState.FAILED) for number in range(13))


def said(facts: ReviewFacts) -> list[str]:
    return [one.text for one in findings(facts)]


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            {"merge_state": MergeState.BEHIND},
            "Behind `main`, which wants it up to date",
        ),
        (
            {"review": ReviewDecision.CHANGES_REQUESTED, "objectors": ("ada", "bob")},
            "ada and bob requested changes",
        ),
        (
            {"review": ReviewDecision.REQUIRED, "rules": BaseRules(approvals=2)},
            "Needs 2 approvals",
        ),
        (
            {
                "review": ReviewDecision.REQUIRED,
                "rules": BaseRules(wants_code_owners=True),
            },
            "Needs an approval, by a code owner where CODEOWNERS names one",
        ),
        (
            {"unapproved": (STOPPED,)},
            "1 workflow waits for somebody's approval to run: [CI](https://ci)",
        ),
        ({"open_conversations": 1}, "1 conversation is not resolved"),
        ({"is_draft": True}, "Still a draft"),
    ],
)
def test_how_it_stands_is_told(facts: dict[str, Any], text: str):
    assert said(ReviewFacts(pull(**facts))) == [text]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            ChangedFile("go.sum", "modified", 5_000, 9, "@@ -1 +1 @@"),
            "Lock files changed: `go.sum`",
        ),
        (
            changed("vendor/a.go", "+a"),
            "Generated or vendored: `vendor/a.go`",
        ),
        (
            ChangedFile("a.txt", "modified", 1_001, 0, "@@ -1 +1 @@"),
            "More than 1,000 lines changed in `a.txt`",
        ),
        (changed("app.py", "+a"), "Changes 1 file of code and no test"),
        (
            changed("tests/a.py", "-def test_a():", "-def test_b():", "+def test_b():"),
            "Tests taken out of files that stay: `test_a`",
        ),
        (
            changed("a_test.go", "-func TestA(t *testing.T) {"),
            "Tests taken out of files that stay: `TestA`",
        ),
        (
            changed("old/a.txt", status="renamed", previous_path="tests/test_a.py"),
            "1 file moved out of the tests: `tests/test_a.py` to `old/a.txt`",
        ),
        (
            changed("lib.js", "-s", "+s", submodule=("a" * 40, "b" * 40)),
            "Moves the submodule `lib.js` from `aaaaaaa` to `bbbbbbb`",
        ),
        (
            changed("lib.js", "+s", submodule=("", "b" * 40)),
            "Adds the submodule `lib.js` at `bbbbbbb`",
        ),
        (
            changed("tests/lib", "-s", submodule=("a" * 40, "")),
            "Removes the submodule `tests/lib`",
        ),
    ],
)
def test_what_its_files_say_is_told(file: ChangedFile, text: str):
    assert said(ReviewFacts(pull(), (file,), 1)) == [text]


def test_a_test_that_moved_to_another_file_was_not_taken_out():
    there = changed("tests/b.py", "+def test_a():")
    assert (
        said(ReviewFacts(pull(), (changed("tests/a.py", "-def test_a():"), there)))
        == []
    )


def test_empty_files_moves_and_code_that_goes_say_nothing():
    files = (
        changed("pkg/__init__.py", status="added", is_empty=True),
        changed("b.png", status="renamed", previous_path="a.png"),
        changed("old.py", "-a", status="removed"),
    )
    assert said(ReviewFacts(pull(), files, 3)) == []


def test_what_a_workflow_gains_is_named():
    rows = ("+permissions:", "+    contents: write", "+  - id-token: write", "+  on: x")
    text = "`.github/workflows/a.yml` gains `permissions:`, `contents: write` and"
    told = said(ReviewFacts(pull(), (changed(".github/workflows/a.yml", *rows),)))
    assert told[1] == f"{text} `- id-token: write`"


def test_lines_of_spaces_take_no_time():
    def look(spaces: int) -> None:
        wide = changed(".github/workflows/a.yml", *["+" + " " * spaces] * 400)
        assert said(ReviewFacts(pull(), (wide,)))

    assert_linear(look, 2_000)


def test_what_github_does_not_list_is_said_and_nothing_is_made_of_it():
    facts = ReviewFacts(pull(), (changed("app.py", "+a"),), 3_200)
    cut = "GitHub lists 1 of its 3,200 files: nothing is known of the rest"
    assert said(facts) == [cut]
    assert size(facts).startswith("3,200 files, ")


def test_a_head_that_changes_nothing_is_called_so():
    assert size(ReviewFacts(pull())) == "no file changed"


def test_many_checks_are_named_in_part():
    told = said(ReviewFacts(pull(checks=FAILED)))
    assert len(told) == 11
    assert told[-1] == "3 more required checks did not pass"


def test_conversations_of_its_own_are_not_held_against_it():
    own = (EarlierReview("R", "", TIP, "", open_threads=("T1", "T2")),)
    facts = ReviewFacts(pull(open_conversations=2), earlier=own)
    assert findings(facts) == []


def test_what_stops_a_merge_comes_first():
    mixed = pull(
        is_draft=True, checks=FAILED[:1], open_conversations=1, unapproved=(STOPPED,)
    )
    order = [one.weight for one in findings(ReviewFacts(mixed))]
    assert order == [Weight.STOPS, Weight.WAITS, Weight.LOOK, Weight.NOTE]
