"""Bringing a branch up to date: values in, a step out."""

from bot.core.actions.step import Await, Do
from bot.core.actions.update import next_step
from bot.core.effects import UpdateBranch
from bot.core.model import OutcomeKind
from bot.core.world.pulls import MergeState
from bot.core.world.questions import PullState
from tests.core.actions.jobs import REPOSITORY, TWELVE
from tests.core.actions.pulls import (
    DONE,
    NOTHING,
    OWN,
    PINNED,
    TIP,
    UPDATED,
    WRITTEN,
    end,
    merge_job,
    pull,
    refused,
    step,
)

KEY = f"update@{PINNED[:12]}-{TIP[:12]}"
JOB = merge_job(does="update")


def test_a_branch_is_updated_from_exactly_its_pinned_head():
    change = UpdateBranch(REPOSITORY, TWELVE, PINNED)
    assert step(next_step, JOB, pull()) == Do(KEY, change, is_minor=True)
    waits = step(next_step, JOB, pull(), {KEY: DONE})
    assert isinstance(waits, Await)
    assert waits.is_brief


def test_the_new_head_is_the_evidence():
    found = pull(head_sha=UPDATED, commits=(WRITTEN, OWN))
    outcome = end(step(next_step, JOB, found, {KEY: DONE}))
    assert outcome.kind is OutcomeKind.COMPLETED
    assert outcome.summary == "updated to `eeeeeee`"


def test_what_is_up_to_date_is_no_change():
    outcome = end(step(next_step, JOB, pull(), {KEY: NOTHING}))
    assert outcome.kind is OutcomeKind.UNCHANGED
    assert outcome.summary == "was up to date with `main`"


def test_another_head_is_nobodys_update():
    outcome = end(step(next_step, JOB, pull(head_sha="f" * 40), {KEY: DONE}))
    assert outcome.reason == "head moved: aaaaaaa is now fffffff"


def test_a_conflict_is_found_before_and_by_the_refusal():
    before = end(step(next_step, JOB, pull(merge_state=MergeState.DIRTY)))
    assert before.reason == "it conflicts with `main`"
    said = refused("merge conflict between base and head")
    after = end(step(next_step, JOB, pull(), {KEY: said}))
    assert after.reason == "it conflicts with its base"
    assert after.advice


def test_what_was_merged_or_closed_meanwhile_needs_no_update():
    merged = end(step(next_step, JOB, pull(state=PullState.MERGED)))
    assert merged.kind is OutcomeKind.UNCHANGED
    assert end(step(next_step, JOB, pull(state=PullState.CLOSED))).reason
