"""An open pull request of another batch whose base was merged goes to where that is."""

from dataclasses import replace

import pytest

from bot.core.actions.step import Do, End, Follow, Followed, Seen, Step
from bot.core.effects import ChangeBase, PushBranch, Receipt
from bot.core.model import Link, OpenedPull, Outcome, OutcomeKind
from bot.core.world.questions import BranchNow
from tests.core.actions.jobs import REPOSITORY, job
from tests.core.actions.test_implement import (
    IMPLEMENT,
    bases_of,
    closed,
    merged,
    open_pull,
    step_of,
)

OURS, BELOW, LOWER = "batch/a1a1/12", "batch/a1a1/10", "batch/a1a1/9"
PULL = open_pull(33, OURS, base=BELOW, head_sha="a" * 40)
WAS_MERGED = merged(32, BELOW)
assert WAS_MERGED.pull
MERGED = replace(WAS_MERGED, pull=replace(WAS_MERGED.pull, head_sha="b" * 40))
FOLLOW = Follow(OURS, BELOW, "b" * 40, "main")
BROUGHT = Followed(FOLLOW, "a" * 40, "c" * 40)
PUSH = f"push@{'a' * 40}"
BASE = "base@33-main"


def comes(seen: Seen, below: BranchNow = MERGED, **more: BranchNow) -> Step:
    branches = {BELOW: below, LOWER: merged(31, LOWER), "next": BranchNow(exists=True)}
    at = job(IMPLEMENT)
    known = bases_of(at, open_pulls=(PULL,), branches=branches | more)
    return step_of(at, seen, known)


def summary(step: Step, head: str = "a" * 40, base: str = BELOW) -> str:
    assert isinstance(step, End)
    assert step.outcome == Outcome(
        OutcomeKind.UNCHANGED,
        summary=step.outcome.summary,
        link=Link("PR 33", PULL.url),
        branch=OURS,
        opened=OpenedPull(PULL.number, head, base),
    )
    return step.outcome.summary


def test_its_branch_is_brought_there_pushed_and_its_base_changed_once_each():
    assert comes(Seen()) == FOLLOW
    seen = Seen().brought(BROUGHT)
    push = comes(seen)
    assert isinstance(push, Do)
    assert push.key == PUSH
    assert push.intent == PushBranch(
        REPOSITORY, OURS, "c" * 40, expected_sha="a" * 40, base_branch="main"
    )
    seen = seen.done(push.key, Receipt(sha="c" * 40))
    change = comes(seen)
    assert isinstance(change, Do)
    assert change.key == BASE
    assert change.intent == ChangeBase(REPOSITORY, PULL.number, BELOW, "main")
    assert push.holds == change.holds
    # GitHub's answer may lag behind its own change.
    seen = seen.done(BASE, Receipt(id=33))
    assert summary(comes(seen), "c" * 40, "main") == (
        "its pull request is open already and goes to main now"
    )


def test_what_needs_no_commit_is_only_sent_elsewhere():
    step = comes(Seen().brought(replace(BROUGHT, sha="")))
    assert isinstance(step, Do)
    assert step.key == BASE


def test_what_cannot_be_brought_there_goes_there_and_says_why():
    stuck = "the change conflicts with main in a.py"
    seen = Seen().brought(Followed(FOLLOW, stuck=stuck))
    step = comes(seen)
    assert isinstance(step, Do)
    assert step.key == BASE
    assert summary(comes(seen.done(BASE, Receipt())), base="main") == (
        f"its pull request goes to main now as it is: {stuck}"
    )


def test_what_github_refuses_is_said_and_not_tried_for_ever():
    note = "GitHub did not change its base: no new commits"
    seen = Seen().brought(BROUGHT).done(PUSH, Receipt()).done(BASE, Receipt(note=note))
    assert summary(comes(seen)) == (f"its pull request stays on a merged base: {note}")


@pytest.mark.parametrize(
    "below",
    [
        BranchNow(exists=True, pull=open_pull(32, BELOW)),
        BranchNow(exists=True),
        BranchNow(exists=False),
        closed(32, BELOW),
        merged(32, BELOW, exists=False),  # GitHub has seen to it
    ],
)
def test_what_stands_on_anything_but_a_merged_branch_stays_there(below: BranchNow):
    assert summary(comes(Seen(), below)) == "its pull request is open already"


def test_a_base_of_somebody_elses_stays_one_though_it_was_merged_before():
    at = job(IMPLEMENT)
    pull = replace(PULL, base="next")
    known = bases_of(at, open_pulls=(pull,), branches={"next": merged(30, "next")})
    step = step_of(at, Seen(), known)
    assert summary(step, base="next") == "its pull request is open already"


def test_what_was_merged_into_a_merged_branch_goes_to_the_end_of_the_way():
    below = merged(32, BELOW, base=LOWER)
    step = comes(Seen(), below)
    assert isinstance(step, Follow)
    assert step.onto == "main"


def test_a_base_that_is_merged_on_meanwhile_is_followed_there():
    on_lower = merged(32, BELOW, base=LOWER)
    lower = BranchNow(exists=True, pull=open_pull(31, LOWER))
    first = comes(Seen(), on_lower, **{LOWER: lower})
    assert isinstance(first, Follow)
    assert first.onto == LOWER
    again = comes(Seen().brought(Followed(first, "a" * 40)), on_lower)
    assert again == replace(first, onto="main")


def test_the_command_may_ask_for_another_one_beside_it():
    at = job(IMPLEMENT)
    at = replace(at, item=replace(at.item, beside=(PULL.number,)))
    known = bases_of(at, open_pulls=(PULL,), branches={BELOW: MERGED})
    assert not isinstance(step_of(at, Seen(), known), End | Do | Follow)
