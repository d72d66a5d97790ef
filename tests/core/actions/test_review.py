"""A review of a pull request: values in, a step out."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.core.actions.review import next_step
from bot.core.actions.step import Ask, Await, Do, End, Execute, PullHead, Seen, Step
from bot.core.actions.table import mark_kind
from bot.core.effects import CreateReview, HideReviews, LineComment, Receipt
from bot.core.model import Action, CommandResult, Link, OutcomeKind, ReviewRule
from bot.core.remarks import Said, Verdict
from bot.core.review.facts import (
    EarlierReview,
    ReviewFacts,
    ReviewFactsOf,
)
from bot.core.world.questions import PullState
from tests.core.actions.jobs import MARK, REPOSITORY, TWELVE
from tests.core.actions.pulls import PINNED, TIP, end, merge_job, pull
from tests.core.review.scenes import changed

OF_OLD = MARK.replace("b7k2-12", "a2b3-12")
JOB = merge_job(does="review")
ASKED = ReviewFactsOf(REPOSITORY, TWELVE)
KEY = f"review@{PINNED[:12]}"
RECEIPT = Receipt(id=900, url="https://x/12#pullrequestreview-900")


def earlier(commit: str, name: str = "PRR_1", **facts: Any) -> EarlierReview:
    return EarlierReview(
        name, f"https://x/{name}", commit, facts.pop("mark", OF_OLD), **facts
    )


def posted(*own: EarlierReview) -> Seen:
    """Return what is seen once the review is there, after what was there before."""
    return Seen().told(ASKED, ReviewFacts(pull(), earlier=own)).done(KEY, RECEIPT)


def step(facts: ReviewFacts, job=JOB) -> Step:
    return next_step(job, Seen().told(ASKED, facts))


def test_it_looks_first():
    assert next_step(JOB, Seen()) == Ask(ASKED)


def test_it_posts_what_is_certain_and_what_the_rules_say():
    rule = ReviewRule("No.", pattern="x")
    job = replace(JOB, item=replace(JOB.item, rules=(rule,)))
    found = step(ReviewFacts(pull(), (changed("a.md", "+x"),)), job)
    assert isinstance(found, Do)
    assert isinstance(found.intent, CreateReview)
    assert (found.key, found.intent.head_sha) == (KEY, PINNED)
    assert found.intent.body.startswith(f"{MARK}\n")
    assert found.intent.comments == (LineComment("a.md", 1, "⚠️ No."),)
    assert "No." in found.intent.body_alone


def test_it_waits_until_github_knows_of_conflicts():
    found = step(ReviewFacts(pull(), has_conflicts=None))
    assert isinstance(found, Await)
    assert found.is_brief


def test_a_head_that_was_reviewed_keeps_its_review():
    outcome = end(step(ReviewFacts(pull(), earlier=(earlier(PINNED),))))
    assert outcome.kind is OutcomeKind.UNCHANGED
    assert outcome.link == Link("review", "https://x/PRR_1")


def test_a_review_that_somebody_hid_or_that_is_of_another_head_is_none():
    for one in (earlier(PINNED, is_hidden=True), earlier(TIP)):
        assert isinstance(step(ReviewFacts(pull(), earlier=(one,))), Do)


def test_its_own_review_from_before_a_crash_is_found_again_and_gone_on_from():
    found = step(ReviewFacts(pull(), earlier=(earlier(PINNED, mark=MARK),)))
    assert isinstance(found, Do)


def test_nothing_is_said_of_another_head_or_of_what_is_closed():
    moved = end(step(ReviewFacts(pull(head_sha=TIP))))
    assert (moved.kind, moved.reason) == (
        OutcomeKind.FAILED,
        "head moved: aaaaaaa is now bbbbbbb",
    )
    closed = step(ReviewFacts(pull(state=PullState.CLOSED), has_conflicts=None))
    assert end(closed).kind is OutcomeKind.FAILED


def test_afterwards_what_was_said_of_other_heads_is_hidden_and_resolved():
    own = (
        earlier(TIP, "PRR_1", open_threads=("T1", "T2")),
        earlier(TIP, "PRR_2", is_hidden=True),
        earlier(PINNED, "PRR_3", open_threads=("T3",)),
    )
    hide = HideReviews(REPOSITORY, TWELVE, ("PRR_1",), ("T1", "T2"))
    assert next_step(JOB, posted(*own)) == Do(f"hide@{PINNED[:12]}", hide)
    hidden = posted(*own).done(f"hide@{PINNED[:12]}", Receipt())
    assert end(next_step(JOB, hidden)).kind is OutcomeKind.COMPLETED
    noted = posted(*own).done(f"hide@{PINNED[:12]}", Receipt(note="T1 stays"))
    outcome = end(next_step(JOB, noted))
    assert (outcome.kind, outcome.summary) == (OutcomeKind.COMPLETED, "T1 stays")


def test_it_ends_with_a_link_to_the_review():
    found = next_step(JOB, posted(earlier(PINNED, mark=MARK)))
    assert isinstance(found, End)
    assert found.outcome.link == Link("review", "https://x/12#pullrequestreview-900")


# --- with a command ------------------------------------------------------------------------

WITH = replace(JOB, item=replace(JOB.item, worker="local"))
SAW = CommandResult(0, isolation="a fake", said=Said("Reads well."))


def after(result: CommandResult, facts: ReviewFacts | None = None, job=WITH) -> Step:
    """Return what follows once the command has ended, and GitHub was asked again."""
    found = next_step(job, Seen().ran(result))
    if not isinstance(found, Ask):
        return found
    return next_step(job, Seen().ran(result).told(ASKED, facts or ReviewFacts(pull())))


def test_a_command_looks_at_the_pinned_head():
    found = step(ReviewFacts(pull(), has_conflicts=None), WITH)
    assert isinstance(found, Execute)
    assert found.job.pull == PullHead(TWELVE, PINNED)
    assert (found.job.command, found.job.base) == ("review", "main")
    told = json.loads(found.job.inputs["item.json"])
    assert (told["number"], told["kind"]) == (12, "pull_request")


@pytest.mark.parametrize(
    "facts",
    [
        ReviewFacts(pull(head_sha=TIP)),
        ReviewFacts(pull(state=PullState.CLOSED)),
        ReviewFacts(pull(), earlier=(earlier(PINNED),)),
    ],
)
def test_nothing_is_run_where_nothing_would_be_posted(facts: ReviewFacts):
    assert isinstance(step(facts, WITH), End)
    assert isinstance(after(SAW, facts), End)


def test_what_it_says_is_posted_with_what_is_certain():
    found = after(SAW)
    assert isinstance(found, Do)
    assert isinstance(found.intent, CreateReview)
    assert "`review` says:\n\nReads well." in found.intent.body
    assert "isolation: a fake" in found.intent.body
    assert found.intent.event == "COMMENT"


def test_its_verdict_counts_where_the_repository_lets_it():
    said = replace(SAW, said=Said(verdict=Verdict.APPROVE))
    allowed = replace(WITH, item=replace(WITH.item, verdicts=(Verdict.APPROVE,)))
    for job, event in ((WITH, "COMMENT"), (allowed, "APPROVE")):
        found = after(said, job=job)
        assert isinstance(found, Do)
        assert isinstance(found.intent, CreateReview)
        assert found.intent.event == event


@pytest.mark.parametrize(
    ("result", "kind", "reason"),
    [
        (replace(SAW, exit_code=75), OutcomeKind.TRANSIENT, "asked for another try"),
        (replace(SAW, exit_code=1), OutcomeKind.FAILED, "exit code 1"),
        (replace(SAW, exit_code=127), OutcomeKind.FAILED, "cannot be started"),
        (replace(SAW, exit_code=-9), OutcomeKind.FAILED, "ended by SIGKILL"),
        (replace(SAW, exit_code=-9, timed_out=True), OutcomeKind.FAILED, "timed out"),
        (replace(SAW, said=Said(fault="line 3")), OutcomeKind.FAILED, "line 3"),
    ],
)
def test_a_command_that_says_nothing_ends_the_item(result, kind, reason):
    found = after(result)
    assert isinstance(found, End)
    assert found.outcome.kind is kind
    assert reason in found.outcome.reason


def test_a_review_of_another_command_is_another_one():
    other = OF_OLD.replace(":comment", ":comment:linter")
    facts = ReviewFacts(pull(), earlier=(earlier(PINNED, mark=other),))
    assert isinstance(step(facts, WITH), Execute)
    old = earlier(TIP, mark=other)
    assert isinstance(next_step(JOB, posted(old)), End)


def test_the_mark_names_the_command_that_looks():
    assert mark_kind(JOB.item) == "review"
    assert mark_kind(WITH.item) == "review:review"
    lint = replace(WITH.item, action=Action("lint", uses="review", command="linter"))
    assert mark_kind(lint) == "review:linter"
