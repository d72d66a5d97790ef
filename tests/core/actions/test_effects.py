"""The actions that are one effect: values in, a step out."""

from dataclasses import replace

import pytest

from bot.core.actions.spec import NextStep
from bot.core.actions.step import Do, End, Seen
from bot.core.actions.table import spec_of
from bot.core.effects import (
    ChangeAssignees,
    ChangeDraft,
    ChangeLabels,
    ChangeMilestone,
    ChangeReviewers,
    ChangeState,
    CreateComment,
    Receipt,
)
from bot.core.model import Action, ItemKind, Link, Outcome, OutcomeKind
from tests.core.actions.jobs import MARK, REPOSITORY, TWELVE, job

CHANGED = Receipt(id=12)
SO_ALREADY = Receipt(id=12, changed=False)


def machine(action: Action) -> NextStep:
    spec = spec_of(action)
    assert spec is not None
    assert spec.next_step is not None
    return spec.next_step


def run(
    action: Action, receipt: Receipt, *, kind: ItemKind = ItemKind.ISSUE
) -> tuple[Do, Outcome]:
    """Return the one effect, and the end when it has this receipt."""
    next_step, at = machine(action), job(action, kind=kind)
    effect = next_step(at, Seen())
    assert isinstance(effect, Do)
    end = next_step(at, Seen().done(effect.key, receipt))
    assert isinstance(end, End)
    return effect, end.outcome


def state(*, is_open: bool, is_pull: bool = False, reason: str = "") -> ChangeState:
    return ChangeState(REPOSITORY, TWELVE, is_open, is_pull, reason)


@pytest.mark.parametrize(
    ("action", "intent", "summary"),
    [
        (
            Action("label", ("+bug", "-triage", "good first issue")),
            ChangeLabels(REPOSITORY, TWELVE, ("bug", "good first issue"), ("triage",)),
            "labelled `bug` and `good first issue`; took off `triage`",
        ),
        (
            Action("assign", ("+ada", "-bob")),
            ChangeAssignees(REPOSITORY, TWELVE, ("ada",), ("bob",)),
            "assigned `ada`; unassigned `bob`",
        ),
        (Action("close"), state(is_open=False, reason="completed"), "closed"),
        (
            Action("close", ("not-planned",)),
            state(is_open=False, reason="not_planned"),
            "closed as not planned",
        ),
        (Action("reopen"), state(is_open=True), "reopened"),
        (Action("ready"), ChangeDraft(REPOSITORY, TWELVE, False), "marked as ready"),
        (Action("draft"), ChangeDraft(REPOSITORY, TWELVE, True), "made a draft"),
        (
            Action("request", ("+ada", "+team:core", "-bob")),
            ChangeReviewers(REPOSITORY, TWELVE, ("ada", "team:core"), ("bob",)),
            "asked `ada` and `team:core`; no longer asks `bob`",
        ),
        (
            Action("milestone", ("2.4",)),
            ChangeMilestone(REPOSITORY, TWELVE, "2.4"),
            "put into `2.4`",
        ),
        (
            Action("milestone", ("none",)),
            ChangeMilestone(REPOSITORY, TWELVE, ""),
            "taken out of its milestone",
        ),
        (
            Action("stale", ("-fresh",), uses="label"),
            ChangeLabels(REPOSITORY, TWELVE, (), ("fresh",)),
            "took off `fresh`",
        ),
    ],
)
def test_an_action_is_one_effect_and_says_what_it_did(action, intent, summary):
    done, outcome = run(action, CHANGED)
    assert done == Do(action.does, intent)
    assert replace(outcome, undo=None) == Outcome(
        OutcomeKind.COMPLETED, summary=summary
    )


@pytest.mark.parametrize(
    ("action", "summary"),
    [
        (Action("label", ("+bug",)), "was labelled so already"),
        (Action("label", ("-bug",)), "had no such label"),
        (Action("assign", ("+ada",)), "was assigned so already"),
        (Action("assign", ("-ada",)), "was not assigned"),
        (Action("close"), "was closed already"),
        (Action("reopen"), "was open already"),
        (Action("ready"), "was ready for review already"),
        (Action("draft"), "was a draft already"),
        (Action("request", ("+ada",)), "was asked for so already"),
        (Action("request", ("-ada",)), "was not asked for"),
        (Action("milestone", ("2.4",)), "was in `2.4` already"),
        (Action("milestone", ("none",)), "was in no milestone"),
    ],
)
def test_what_was_so_already_is_no_change(action, summary):
    _, outcome = run(action, SO_ALREADY)
    assert outcome == Outcome(OutcomeKind.UNCHANGED, summary=summary)


@pytest.mark.parametrize(
    "action",
    [
        Action("label", ("+bug",)),
        Action("assign", ("+ada",)),
        Action("close"),
        Action("reopen"),
        Action("ready"),
        Action("request", ("+ada",)),
        Action("milestone", ("2.4",)),
    ],
)
def test_what_a_try_without_an_answer_may_have_changed_is_not_denied(action):
    _, outcome = run(action, Receipt(id=12, changed=False, was_tried=True))
    assert outcome.kind is OutcomeKind.COMPLETED
    assert outcome.summary.endswith(", probably by a try that got no answer")


@pytest.mark.parametrize("arguments", [(), ("not-planned",)])
def test_a_pull_request_is_closed_without_a_reason(arguments):
    action = Action("close", arguments)
    effect, outcome = run(action, CHANGED, kind=ItemKind.PULL_REQUEST)
    assert effect.intent == state(is_open=False, is_pull=True)
    assert outcome.summary == "closed"


def test_a_comment_is_found_again_by_its_first_line():
    action = Action("comment", ("Please rebase.",))
    effect, outcome = run(action, Receipt(id=9, url="https://x.test/9"))
    body = f"{MARK}\nPlease rebase."
    assert effect.intent == CreateComment(REPOSITORY, TWELVE, MARK, body)
    link = Link("comment", "https://x.test/9")
    assert outcome == Outcome(OutcomeKind.COMPLETED, link=link)


def test_a_comment_without_an_address_is_said_in_words():
    _, outcome = run(Action("comment", ("Hello",)), Receipt(id=9))
    assert outcome == Outcome(OutcomeKind.COMPLETED, summary="commented")


@pytest.mark.parametrize(
    ("action", "added", "removed", "summary"),
    [
        (
            ("label", "+bug", "-old"),
            ("bug",),
            (),
            "labelled `bug`; `old` was not there",
        ),
        (("label", "+bug", "-old"), (), ("old",), "took off `old`"),
        (("assign", "+ada", "-bob"), (), ("bob",), "unassigned `bob`"),
        (("request", "+ada", "-bob"), ("ada",), (), "asked `ada`"),
        (("milestone", "2.4"), ("2.4",), ("2.3",), "put into `2.4`, was in `2.3`"),
        (("milestone", "none"), (), ("2.3",), "taken out of `2.3`"),
    ],
)
def test_what_is_said_is_what_was_read_back(action, added, removed, summary):
    receipt = Receipt(id=12, added=added, removed=removed)
    _, outcome = run(Action(action[0], action[1:]), receipt)
    assert replace(outcome, undo=None) == Outcome(
        OutcomeKind.COMPLETED, summary=summary
    )


@pytest.mark.parametrize(
    ("action", "added", "removed", "undo"),
    [
        (
            ("label", "+bug", "+ui", "-old"),
            ("bug",),
            ("old",),
            ("label", "-bug", "+old"),
        ),
        (("label", "+bug"), (), (), None),
        (("label", "+bug"), None, None, None),  # a receipt of an older version
        (("assign", "+ada", "-bob"), ("ada",), ("bob",), ("assign", "-ada", "+bob")),
        (("request", "+team:core"), ("team:core",), (), ("request", "-team:core")),
        (("close",), (), ("open",), ("reopen",)),
        (("close", "not-planned"), (), ("closed", "completed"), None),
        (("close",), None, None, None),
        (("reopen",), (), ("closed", "not_planned"), ("close", "not-planned")),
        (("reopen",), (), ("closed",), ("close",)),
        (("reopen",), (), ("closed", "duplicate"), None),
        (("reopen",), None, None, None),
        (("ready",), None, None, ("draft",)),
        (("draft",), None, None, ("ready",)),
        (("milestone", "2.4"), ("2.4",), (), ("milestone", "none", "2.4")),
        (("milestone", '"none"'), ("none",), (), ("milestone", "none", '"none"')),
        (("milestone", "2.4"), ("2.4",), ("2.3",), ("milestone", "2.3", "2.4")),
        (("milestone", "none"), (), ("2.3",), ("milestone", "2.3", "none")),
    ],
)
def test_what_takes_a_change_back_is_what_was_really_changed(
    action, added, removed, undo
):
    receipt = Receipt(id=12, added=added, removed=removed)
    _, outcome = run(Action(action[0], action[1:]), receipt)
    assert outcome.undo == (Action(undo[0], undo[1:]) if undo else None)


@pytest.mark.parametrize(
    ("left", "said"),
    [("3.0", "somebody has put it into `3.0` since"), ("", "has taken it out since")],
)
def test_a_milestone_is_taken_back_only_from_where_it_was_put(left: str, said: str):
    action = Action("milestone", ("2.3", "2.4"))
    done, outcome = run(action, Receipt(id=12, changed=False, left=left))
    assert isinstance(done, Do)
    assert done.intent == ChangeMilestone(REPOSITORY, TWELVE, "2.3", "2.4")
    assert said in outcome.summary
    assert outcome.kind is OutcomeKind.UNCHANGED


def test_what_changed_nothing_is_not_taken_back():
    for receipt in (SO_ALREADY, Receipt(id=12, changed=False, was_tried=True)):
        for action in (Action("label", ("+bug",)), Action("close"), Action("ready")):
            _, outcome = run(action, receipt)
            assert outcome.undo is None


def test_labels_that_github_did_not_put_on_are_said():
    note = "new could not be put on"
    action = Action("label", ("+bug", "+new"))
    _, partly = run(action, Receipt(id=12, note=note, added=("bug",), removed=()))
    assert partly.summary == f"labelled `bug`; {note}"
    _, failed = run(action, Receipt(id=12, changed=False, note=note))
    assert (failed.kind, failed.reason) == (OutcomeKind.FAILED, note)


@pytest.mark.parametrize(
    "action", [Action("ready"), Action("draft"), Action("milestone", ("2.4",))]
)
def test_what_github_left_as_it_was_has_failed(action):
    _, outcome = run(action, Receipt(id=12, changed=False, note="GitHub left it"))
    assert (outcome.kind, outcome.reason) == (OutcomeKind.FAILED, "GitHub left it")


def test_whom_github_does_not_ask_for_a_review_is_named():
    note = "eve cannot be asked for reviews here"
    action = Action("request", ("+ada", "+eve"))
    _, partly = run(action, Receipt(id=12, note=note, added=("ada",), removed=()))
    assert partly.summary == f"asked `ada`; {note}"
    _, failed = run(action, Receipt(id=12, changed=False, note=note))
    assert failed.kind is OutcomeKind.FAILED
    assert (failed.reason, bool(failed.advice)) == (note, True)


def test_a_reason_that_the_server_did_not_take_is_not_claimed():
    action = Action("close", ("not-planned",))
    _, outcome = run(action, Receipt(id=12, note="the server took no reason"))
    assert outcome.summary == "closed"


def test_whom_github_does_not_assign_is_named():
    action = Action("assign", ("+ada", "+zed"))
    note = "GitHub did not assign zed"
    _, partly = run(action, Receipt(id=12, note=note))
    assert partly.summary == f"assigned in part: {note}"
    _, failed = run(action, Receipt(id=12, changed=False, note=note))
    assert failed.kind is OutcomeKind.FAILED
    assert (failed.reason, bool(failed.advice)) == (note, True)
