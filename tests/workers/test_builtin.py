import pytest

from bot.core.effects import (
    ChangeAssignees,
    ChangeLabels,
    ChangeState,
    CreateComment,
    Intent,
    Receipt,
)
from bot.core.model import Action, ItemKind, ItemNumber, Link, Outcome, OutcomeKind
from bot.errors import PermanentError
from bot.ports.work import Work
from bot.workers.builtin import BuiltinRunner
from tests.workers.conftest import REPOSITORY, Effects, make_spec

TWELVE = ItemNumber(12)
CHANGED = Receipt(id=12)
SO_ALREADY = Receipt(id=12, changed=False)


def marker(kind: str, name: str) -> str:
    return f"<!-- batch-bot:{kind} {name} -->"


async def publish(
    action: Action, receipt: Receipt, *, kind: ItemKind = ItemKind.ISSUE
) -> tuple[Intent, Outcome]:
    runner = BuiltinRunner(marker=marker)
    effects = Effects(receipt)
    spec = make_spec(action, kind=kind)
    outcome = await runner.publish(spec, Work(""), effects.perform)
    (intent,) = effects.intents.values()
    return intent, outcome


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
        (
            Action("close"),
            ChangeState(REPOSITORY, TWELVE, False, False, "completed"),
            "closed",
        ),
        (
            Action("close", ("not-planned",)),
            ChangeState(REPOSITORY, TWELVE, False, False, "not_planned"),
            "closed as not planned",
        ),
        (Action("reopen"), ChangeState(REPOSITORY, TWELVE, True, False), "reopened"),
        (
            Action("stale", ("-fresh",), uses="label"),
            ChangeLabels(REPOSITORY, TWELVE, (), ("fresh",)),
            "took off `fresh`",
        ),
    ],
)
async def test_an_action_is_one_intent_and_says_what_it_did(action, intent, summary):
    done, outcome = await publish(action, CHANGED)
    assert done == intent
    assert outcome == Outcome(OutcomeKind.COMPLETED, summary=summary)


@pytest.mark.parametrize(
    ("action", "summary"),
    [
        (Action("label", ("+bug",)), "was labelled so already"),
        (Action("label", ("-bug",)), "had no such label"),
        (Action("assign", ("+ada",)), "was assigned so already"),
        (Action("assign", ("-ada",)), "was not assigned"),
        (Action("close"), "was closed already"),
        (Action("reopen"), "was open already"),
    ],
)
async def test_what_was_so_already_is_no_change(action, summary):
    _, outcome = await publish(action, SO_ALREADY)
    assert outcome == Outcome(OutcomeKind.UNCHANGED, summary=summary)


async def test_a_pull_request_is_closed_without_a_reason():
    kind = ItemKind.PULL_REQUEST
    intent, _ = await publish(Action("close", ("not-planned",)), CHANGED, kind=kind)
    assert intent == ChangeState(REPOSITORY, TWELVE, False, True)


async def test_people_who_cannot_be_assigned_are_named():
    note = "ghost cannot be assigned here"
    action = Action("assign", ("+ada", "+ghost"))
    _, outcome = await publish(action, Receipt(note=note))
    assert outcome.kind is OutcomeKind.COMPLETED
    assert outcome.summary == f"assigned in part: {note}"


async def test_nobody_assigned_at_all_is_a_failure():
    note = "ghost cannot be assigned here"
    action = Action("assign", ("+ghost",))
    _, outcome = await publish(action, Receipt(note=note, changed=False))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == note
    assert outcome.advice


async def test_a_comment_is_posted_as_written_under_a_marker_of_the_item():
    url = "https://github.com/acme/widgets/issues/12#issuecomment-5"
    text = "Thanks @bob, see #7 *soon*"
    intent, outcome = await publish(Action("comment", (text,)), Receipt(id=5, url=url))
    line = "<!-- batch-bot:comment b7k2-12 -->"
    assert intent == CreateComment(REPOSITORY, TWELVE, line, f"{line}\n{text}")
    assert outcome == Outcome(OutcomeKind.COMPLETED, link=Link("comment", url))


@pytest.mark.parametrize(
    "action", [Action("merge"), Action("x", command="close"), Action("dispatch")]
)
async def test_what_it_cannot_do_is_refused_and_nothing_happens(action):
    runner = BuiltinRunner(marker=marker)
    assert runner.why_not(action, ItemKind.PULL_REQUEST)
    effects = Effects()
    with pytest.raises(PermanentError):
        await runner.publish(make_spec(action), Work(""), effects.perform)
    assert effects.intents == {}


async def test_a_change_that_a_lost_try_may_have_made_is_said_to_be_so():
    maybe = Receipt(id=12, changed=False, was_tried=True)
    _, outcome = await publish(Action("label", ("+bug",)), maybe)
    assert outcome.kind is OutcomeKind.COMPLETED
    assert outcome.summary == "labelled `bug`, probably by a try that got no answer"
