"""Bringing a branch up to date: values in, a step out."""

from dataclasses import replace

from bot.core.actions.step import Ask, Await, Do, Seen
from bot.core.actions.update import next_step
from bot.core.effects import UpdateBranch
from bot.core.model import MergeWay, OutcomeKind, UpdateMethod
from bot.core.world.pulls import ConflictsOf, HeadCommit, MergeState, RebaseOf
from bot.core.world.questions import PullState
from tests.core.actions.jobs import REPOSITORY, TWELVE
from tests.core.actions.pulls import (
    ASKED,
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
    assert before.reason.startswith("it conflicts with `main` in `a.py`, ")
    said = refused("merge conflict between base and head")
    after = end(step(next_step, JOB, pull(), {KEY: said}))
    assert after == before
    assert after.advice


def test_conflicts_that_nobody_can_name_are_linked():
    seen = Seen().told(ASKED, pull(merge_state=MergeState.DIRTY))
    asked = next_step(JOB, seen)
    assert isinstance(asked, Ask)
    assert asked.question == ConflictsOf(REPOSITORY, TWELVE, PINNED, TIP, "main")
    outcome = end(next_step(JOB, seen.told(asked.question, ())))
    assert outcome.reason == "it conflicts with `main`"
    assert outcome.link


def test_a_rebase_is_asked_for_where_it_will_be_known_for_one():
    job = merge_job(MergeWay(update_method=UpdateMethod.REBASE), does="update")
    question = replace(ASKED, pinned_sha=PINNED)
    seen = Seen().told(question, pull())
    asked = next_step(job, seen)
    assert isinstance(asked, Ask)
    assert asked.question == RebaseOf(REPOSITORY, TWELVE, PINNED, "main")
    change = UpdateBranch(REPOSITORY, TWELVE, PINNED, "PR_12")
    told = seen.told(asked.question, "")
    assert next_step(job, told) == Do(KEY, change, is_minor=True)
    told = seen.told(asked.question, "its branch has merges in it")
    outcome = end(next_step(job, told))
    assert outcome.reason == "it cannot be rebased: its branch has merges in it"


def test_what_is_proved_to_be_a_rebase_is_an_update_and_nothing_else_is():
    job = merge_job(MergeWay(update_method=UpdateMethod.REBASE), does="update")
    moved = pull(head_sha=UPDATED, commits=(HeadCommit(UPDATED, (TIP,)),))
    proved = replace(moved, rebased_onto=TIP)
    assert end(step(next_step, job, proved, {KEY: DONE})).summary == (
        "updated to `eeeeeee`"
    )
    assert end(step(next_step, job, moved, {KEY: DONE})).reason == (
        "head moved: aaaaaaa is now eeeeeee"
    )


def test_what_was_merged_or_closed_meanwhile_needs_no_update():
    merged = end(step(next_step, JOB, pull(state=PullState.MERGED)))
    assert merged.kind is OutcomeKind.UNCHANGED
    assert end(step(next_step, JOB, pull(state=PullState.CLOSED))).reason
