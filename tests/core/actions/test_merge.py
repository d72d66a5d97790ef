"""The way of a pull request into its base: values in, a step out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.actions.merge import cancel_step, next_step
from bot.core.actions.step import Ask, Await, Do, End, Seen, Step
from bot.core.effects import (
    ChangeBase,
    DequeuePullRequest,
    EnqueuePullRequest,
    MergePullRequest,
    Receipt,
    RerunFailedJobs,
    UpdateBranch,
)
from bot.core.model import Link, MergeWay, OutcomeKind, UpdateWhen
from bot.core.world.freezes import Freeze
from bot.core.world.job_logs import JobLogOf
from bot.core.world.markdown import escape_prose
from bot.core.world.pulls import (
    BaseRules,
    HeadCommit,
    MergeMethod,
    MergeState,
    PullRequest,
    PullRequestNow,
    QueueEntry,
    ReviewDecision,
)
from bot.core.world.questions import Check, CheckState, PullState
from tests.core.actions.jobs import REPOSITORY, STARTED, TWELVE
from tests.core.actions.pulls import (
    ASKED,
    DONE,
    NOTHING,
    OWN,
    PINNED,
    TIP,
    UPDATED,
    WRITTEN,
    check,
    end,
    merge_job,
    pull,
    refused,
)
from tests.core.actions.pulls import step as step_of

TURN = "merge acme/widgets main"
MERGE_KEY = f"merge@{PINNED[:12]}"
IN_QUEUE = QueueEntry(3, "queued", STARTED, by_app=True)
UPDATE_KEY = f"update@{PINNED[:12]}-{TIP[:12]}"
STRICT = BaseRules(is_strict=True, checks=("ci",))
PASSED = check("ci", CheckState.PASSED)
PENDING = check("ci", CheckState.PENDING)
FAILED = check("ci", CheckState.FAILED)


def step(
    found: PullRequest,
    way: MergeWay | None = None,
    receipts: Mapping[str, Receipt] | None = None,
) -> Step:
    return step_of(next_step, merge_job(way), found, receipts)


def merging(method: str = "merge", head: str = PINNED) -> MergePullRequest:
    return MergePullRequest(REPOSITORY, TWELVE, head, method, "main")


def says(found: Step) -> str:
    assert isinstance(found, Await), found
    return found.says


def test_nothing_is_brought_into_a_frozen_base():
    frozen = Freeze("main", "ada", STARTED, "release")
    behind = pull(frozen=frozen, rules=STRICT, merge_state=MergeState.BEHIND)
    for found in (pull(frozen=frozen), behind):
        said = says(step(found))
        assert said == "main, frozen by ada since 09:00 UTC on 1 Mar (release)"
    merged = pull(frozen=frozen, state=PullState.MERGED, merged_sha="d" * 40)
    assert end(step(merged, receipts={MERGE_KEY: DONE})).kind is OutcomeKind.COMPLETED


def test_where_github_says_no_more_than_that_it_can_be_merged_refusals_tell_the_rest():
    untold = pull(merge_state=MergeState.UNTOLD)
    first = step(untold)
    assert isinstance(first, Do)
    assert first.intent == merging()
    said = refused("At least 1 approving review is required.")
    waits = step(untold, receipts={first.key: said})
    assert says(waits) == "At least 1 approving review is required"
    approved = replace(untold, review=ReviewDecision.APPROVED)
    again = step(approved, receipts={first.key: said})
    assert isinstance(again, Do)
    assert again.intent == merging()
    assert again.key != first.key
    assert isinstance(step(replace(untold, rules=STRICT, checks=(PASSED,))), Do)
    outcome = end(step(replace(untold, may_bypass=True)))
    assert outcome.reason == (
        "this GitHub server does not say whether the rules of `main` are met, and this"
        " app could bypass them"
    )


# --- what it does ----------------------------------------------------------------------


def test_what_can_be_merged_is_merged_at_its_pinned_head_when_it_is_its_turn():
    assert step(pull()) == Do(MERGE_KEY, merging(), holds=TURN)


def test_a_merge_is_read_back_and_says_its_commit():
    merged = pull(state=PullState.MERGED, merged_sha="d" * 40)
    outcome = end(step(merged, receipts={MERGE_KEY: DONE}))
    assert outcome.kind is OutcomeKind.COMPLETED
    assert outcome.summary == "merged into `main`"
    url = f"https://github.com/acme/widgets/commit/{'d' * 40}"
    assert outcome.link == Link("ddddddd", url)
    assert outcome.branch == "topic-12"


def test_github_may_take_a_moment_to_show_a_merge():
    waits = step(pull(), receipts={MERGE_KEY: DONE})
    assert isinstance(waits, Await)
    assert (waits.is_brief, waits.holds) == (True, TURN)


def test_after_a_crash_what_the_app_merged_is_known_by_who_merged_it():
    merged = pull(state=PullState.MERGED, merged_by="batch-bot", is_merged_by_app=True)
    assert end(step(merged)).kind is OutcomeKind.COMPLETED


def test_what_others_merged_is_no_change():
    merged = pull(state=PullState.MERGED, merged_by="linus")
    assert end(step(merged)).summary == "somebody else merged it"


# --- what ends it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"state": PullState.CLOSED}, "closed without a merge after the command"),
        ({"head_sha": "f" * 40}, "head moved: aaaaaaa is now fffffff"),
        ({"is_draft": True}, "it is a draft"),
        (
            {"merge_state": MergeState.DIRTY},
            "it conflicts with `main` in `a.py`, `b.py`, `c.py`, `d.py`, `e.py` and"
            " 2 more",
        ),
        (
            {"base_branch": "next"},
            "its base was changed from `main` to `next` after the command",
        ),
        (
            {"checks": (FAILED, check("docs", CheckState.PASSED))},
            "1 required check ended with failure: ci",
        ),
        (
            {"checks": (FAILED, check("e2e", CheckState.FAILED, "timed_out"))},
            "2 required checks failed: ci, e2e",
        ),
        (
            {"checks": (check("ci", CheckState.STOPPED, "cancelled"),)},
            "1 required check ended with cancelled: ci",
        ),
        (
            {"checks": (check("x", CheckState.FAILED, is_required=False),)},
            "1 check ended with failure: x",
        ),
    ],
)
def test_what_cannot_be_merged_fails_with_its_reason(facts, reason):
    outcome = end(step(pull(**facts)))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == reason
    assert outcome.advice or facts.get("state")


def test_a_conflict_and_a_failed_check_have_a_link():
    conflict = end(step(pull(merge_state=MergeState.DIRTY)))
    assert conflict.link == Link(
        "conflicts", "https://github.com/acme/widgets/pull/12/conflicts"
    )
    failed = end(step(pull(checks=(FAILED,))))
    assert failed.link == Link("ci", "https://ci/ci")


def test_the_link_of_a_failed_check_is_its_own():
    bare = replace(check("bare", CheckState.FAILED), url="")
    assert end(step(pull(checks=(bare, FAILED)))).link == Link("ci", "https://ci/ci")


def test_names_of_others_in_reasons_are_shown_as_they_are():
    dirty = pull(base_branch="a|`b", merge_state=MergeState.DIRTY)
    asked = merge_job(base="a|`b")
    reason = end(step_of(next_step, asked, dirty)).reason
    assert escape_prose(reason).startswith(
        "it conflicts with <code>a\\|ˋb</code> in `a.py`, `b.py`"  # noqa: RUF001 - meant
    )


def test_a_check_that_the_base_does_not_require_stops_nothing():
    other = check("flaky", CheckState.FAILED, is_required=False)
    found = pull(checks=(PASSED, other), merge_state=MergeState.UNSTABLE)
    assert isinstance(step(found), Do)


# --- what it waits for -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (
            {
                "checks": (
                    check("lint", CheckState.PENDING),
                    check("docs", CheckState.PASSED),
                    check("build (linux)", CheckState.PENDING),
                    check("a", CheckState.PASSED),
                ),
                "rules": BaseRules(checks=("never",)),
            },
            "3 of 5 required checks: lint, build (linux), never",
        ),
        (
            {"checks": (check("x", CheckState.PENDING, is_required=False), PASSED)},
            None,  # only what is required is waited for
        ),
        (
            {"checks": (check("x", CheckState.PENDING, is_required=False),)},
            "1 of 1 check: x",
        ),
        (
            {
                "checks": (PENDING,),
                "unapproved": (Check("CI", CheckState.STOPPED, "action_required"),),
            },
            "1 of 1 required check: ci; somebody who approves 1 workflow run"
            " (CI: action_required)",
        ),
        ({"review": ReviewDecision.REQUIRED}, "an approval"),
        (
            {
                "review": ReviewDecision.REQUIRED,
                "rules": BaseRules(approvals=2, wants_code_owners=True),
            },
            "2 approvals, one by a code owner where CODEOWNERS names one",
        ),
        (
            {"review": ReviewDecision.CHANGES_REQUESTED, "objectors": ("bob",)},
            "the changes that bob requested",
        ),
        (
            {
                "rules": BaseRules(wants_conversations_resolved=True),
                "open_conversations": 2,
            },
            "2 open conversations to be resolved",
        ),
        (
            {"merge_state": MergeState.UNKNOWN},
            "GitHub to work out whether it can be merged",
        ),
        (
            {"merge_state": MergeState.BLOCKED, "may_bypass": True},
            "a rule of main, which this app could bypass and does not",
        ),
        ({"queue": IN_QUEUE}, "the merge queue of main"),
    ],
)
def test_a_wait_names_whom_it_waits_for(facts, words):
    found = step(pull(**facts))
    if words is None:
        assert isinstance(found, Do)
        return
    assert says(found) == words
    assert isinstance(found, Await)
    assert found.what.wakes == {"pull request 7 12", f"commit 7 {PINNED}"}


def test_a_wait_goes_on_while_nothing_has_changed():
    found = pull(checks=(PENDING,))
    waits = step(found)
    assert isinstance(waits, Await)
    seen = Seen().told_after_waiting(waits.what, found)
    assert next_step(merge_job(), seen) == waits


def test_reviews_are_waited_for_without_holding_anybody_up():
    found = pull(
        rules=STRICT,
        merge_state=MergeState.BEHIND,
        review=ReviewDecision.REQUIRED,
        checks=(PENDING,),
    )
    waits = step(found)
    assert says(waits) == "an approval; 1 of 1 required check: ci"
    assert isinstance(waits, Await)
    assert waits.holds == ""


# --- updates ---------------------------------------------------------------------------


def test_what_is_behind_a_strict_base_is_updated_on_its_turn_and_checked_on_it():
    behind = pull(rules=STRICT, merge_state=MergeState.BEHIND, checks=(FAILED,))
    update = UpdateBranch(REPOSITORY, TWELVE, PINNED)
    assert step(behind) == Do(UPDATE_KEY, update, holds=TURN, is_minor=True)
    waits = step(behind, receipts={UPDATE_KEY: DONE})
    assert isinstance(waits, Await)
    assert (waits.says, waits.is_brief) == ("GitHub to update its branch", True)
    updated = pull(
        rules=STRICT,
        head_sha=UPDATED,
        commits=(WRITTEN, OWN),
        merge_state=MergeState.BLOCKED,
        checks=(PENDING,),
    )
    checks = step(updated, receipts={UPDATE_KEY: DONE})
    assert isinstance(checks, Await)
    assert checks.holds == TURN
    ready = replace(updated, merge_state=MergeState.CLEAN, checks=(PASSED,))
    key = f"merge@{UPDATED[:12]}"
    assert step(ready) == Do(key, merging(head=UPDATED), holds=TURN)


def test_a_base_that_is_not_strict_is_held_around_the_merge_alone():
    waits = step(pull(checks=(PENDING,)))
    assert isinstance(waits, Await)
    assert waits.holds == ""


@pytest.mark.parametrize(
    ("facts", "way"),
    [
        # Classic protection tells that it is strict by nothing but this state.
        ({"merge_state": MergeState.BEHIND}, MergeWay()),
        ({}, MergeWay(update=UpdateWhen.ALWAYS)),
    ],
)
def test_who_is_updated_keeps_its_turn_until_it_is_merged(facts, way):
    update = step(pull(**facts), way)
    assert isinstance(update, Do)
    assert isinstance(update.intent, UpdateBranch)
    assert update.holds == TURN
    updated = pull(
        head_sha=UPDATED,
        commits=(WRITTEN, OWN),
        merge_state=MergeState.BLOCKED,
        checks=(PENDING,),
    )
    waits = step(updated, way)
    assert isinstance(waits, Await)
    assert (waits.says, waits.holds) == ("1 of 1 required check: ci", TURN)


def test_a_strict_base_may_block_for_nothing_but_that_it_is_behind():
    blocked = pull(rules=STRICT, merge_state=MergeState.BLOCKED, checks=(PASSED,))
    found = step(blocked)
    assert isinstance(found, Do)
    assert isinstance(found.intent, UpdateBranch)
    # It was up to date: GitHub may tell why by refusing the merge.
    tried = step(blocked, receipts={UPDATE_KEY: NOTHING})
    assert isinstance(tried, Do)
    assert isinstance(tried.intent, MergePullRequest)


def test_a_check_that_may_never_report_on_an_old_base_is_no_reason_to_wait():
    stale = pull(rules=STRICT, merge_state=MergeState.BLOCKED, checks=())
    change = UpdateBranch(REPOSITORY, TWELVE, PINNED)
    expected = Do(UPDATE_KEY, change, holds=TURN, is_minor=True)
    assert step(stale) == expected
    assert step(replace(stale, checks=(FAILED,))) == expected
    assert (
        says(step(stale, receipts={UPDATE_KEY: NOTHING})) == "1 of 1 required check: ci"
    )
    assert says(step(stale, MergeWay(update=UpdateWhen.NEVER))) == (
        "1 of 1 required check: ci"
    )


def test_what_github_has_not_worked_out_is_updated_or_tried_on_a_strict_base():
    unsure = pull(rules=STRICT, merge_state=MergeState.UNKNOWN, checks=(PASSED,))
    update = step(unsure)
    assert isinstance(update, Do)
    assert isinstance(update.intent, UpdateBranch)
    own = replace(unsure, head_sha=UPDATED, commits=(WRITTEN, OWN))
    merge = step(own)
    assert isinstance(merge, Do)
    assert isinstance(merge.intent, MergePullRequest)
    assert isinstance(step(replace(own, may_bypass=True)), Await)


def test_an_update_is_waited_for_a_moment_before_anybody_looks():
    waits = next_step(merge_job(), Seen().done(UPDATE_KEY, DONE))
    assert isinstance(waits, Await)
    assert (waits.is_brief, waits.holds) == (True, TURN)


def test_always_updates_what_is_not_known_to_be_up_to_date():
    way = MergeWay(update=UpdateWhen.ALWAYS)
    assert isinstance(step(pull(), way), Do)
    after = step(pull(), way, receipts={UPDATE_KEY: NOTHING})
    assert after == Do(MERGE_KEY, merging(), holds=TURN)
    own = step(pull(head_sha=UPDATED, commits=(WRITTEN, OWN)), way)
    assert isinstance(own, Do)
    assert isinstance(own.intent, MergePullRequest)


def test_never_updates_and_says_so_where_the_base_wants_it():
    way = MergeWay(update=UpdateWhen.NEVER)
    outcome = end(step(pull(merge_state=MergeState.BEHIND), way))
    assert "and this one is behind" in outcome.reason


def test_a_fork_that_nobody_else_may_push_to_is_told_with_the_remedy():
    fork = pull(
        merge_state=MergeState.BEHIND, is_from_fork=True, may_be_pushed_to=False
    )
    outcome = end(step(fork))
    assert "its fork lets nobody else push" in outcome.reason
    assert outcome.advice.startswith("Ask its author")


def test_a_fork_that_may_be_behind_is_not_taken_for_it():
    fork = pull(rules=STRICT, checks=(PASSED,), may_be_pushed_to=False)
    waits = step(replace(fork, merge_state=MergeState.UNKNOWN))
    assert says(waits) == "GitHub to work out whether it can be merged"
    blocked = replace(fork, merge_state=MergeState.BLOCKED)
    tried = step(blocked)
    assert isinstance(tried, Do)
    assert isinstance(tried.intent, MergePullRequest)
    said = refused("Head branch is out of date. Review and try the merge again.")
    outcome = end(step(blocked, receipts={MERGE_KEY: said}))
    assert "its fork lets nobody else push" in outcome.reason


def test_a_workflow_that_changed_in_the_base_is_told_with_the_remedy():
    said = (
        "refusing to allow a GitHub App to create or update workflow"
        " `.github/workflows/ci.yml` without `workflows` permission"
    )
    behind = pull(merge_state=MergeState.BEHIND)
    outcome = end(step(behind, receipts={UPDATE_KEY: refused(said)}))
    assert "workflow files changed in the base" in outcome.reason
    assert outcome.advice.startswith("Merge it by hand")


# --- stacks ----------------------------------------------------------------------------

STACKED = PullRequestNow(REPOSITORY, TWELVE, stacked_on="topic-11")


def stacked(found: PullRequest, receipts: Mapping[str, Receipt] | None = None) -> Step:
    at = merge_job(base="topic-11", predecessors={11: "topic-11"})
    assert next_step(at, Seen()) == Ask(STACKED)
    return step_of(next_step, at, found, receipts)


def test_what_is_stacked_on_a_merged_branch_goes_where_that_went():
    below = pull(base_branch="topic-11", merged_below="main")
    change = ChangeBase(REPOSITORY, TWELVE, "topic-11", "main")
    assert stacked(below) == Do("retarget@main", change)
    waits = stacked(below, {"retarget@main": DONE})
    assert says(waits) == "GitHub to move it to main"
    moved = stacked(pull(merged_below="main"))
    assert isinstance(moved, Do)
    assert moved.intent == merging()
    note = Receipt(id=12, changed=False, note="it is part of a stack")
    outcome = end(stacked(below, {"retarget@main": note}))
    assert "GitHub does not move it: it is part of a stack" in outcome.reason


def test_a_base_that_is_merged_again_and_again_is_no_stack():
    # Only the branch of a predecessor is asked about: ``develop`` stays a base.
    assert next_step(merge_job(base="develop"), Seen()) == Ask(ASKED)


def test_a_branch_that_is_out_of_date_by_the_refusal_is_updated():
    said = refused("Head branch is out of date. Review and try the merge again.")
    update = step(pull(), receipts={MERGE_KEY: said})
    assert isinstance(update, Do)
    assert isinstance(update.intent, UpdateBranch)


# --- methods ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "repository", "base", "taken"),
    [
        ("", "squash merge", "merge squash rebase", "squash"),
        ("merge", "squash merge", "merge squash rebase", "merge"),
        ("", "merge squash", "squash", "squash"),
    ],
)
def test_the_method_is_what_was_asked_for_else_what_the_repository_prefers(
    wanted, repository, base, taken
):
    found = pull(
        methods=tuple(map(MergeMethod, repository.split())),
        rules=BaseRules(methods=tuple(map(MergeMethod, base.split()))),
    )
    merge = step(found, MergeWay(wanted))
    assert isinstance(merge, Do)
    assert merge.intent == merging(taken)


def test_a_method_that_is_not_allowed_is_refused_with_those_that_are():
    outcome = end(step(pull(), MergeWay("rebase")))
    assert outcome.reason == "`main` takes no `rebase` merges"
    assert outcome.advice == "Name a method that it takes: `merge`."


# --- refusals --------------------------------------------------------------------------


def test_a_refusal_because_something_changed_is_tried_again_at_once_some_times():
    said = refused("Base branch was modified. Review and try the merge again.")
    receipts = {MERGE_KEY: said}
    for tries in range(2, 6):
        again = step(pull(), receipts=receipts)
        assert again == Do(f"{MERGE_KEY}.{tries}", merging(), holds=TURN)
        receipts[f"{MERGE_KEY}.{tries}"] = said
    outcome = end(step(pull(), receipts=receipts))
    assert outcome.kind is OutcomeKind.TRANSIENT


def test_a_rule_that_only_the_refusal_names_is_waited_for_while_github_blocks():
    said = refused("Waiting on code owner review from acme/core.")
    blocked = pull(merge_state=MergeState.BLOCKED)
    waits = step(blocked, receipts={MERGE_KEY: said})
    assert says(waits) == "Waiting on code owner review from acme/core"
    again = step(pull(), receipts={MERGE_KEY: said})
    assert isinstance(again, Do)


def test_a_stack_of_githubs_own_is_told_with_what_to_do():
    said = (
        "This pull request is part of a stack and must be merged using the"
        " asynchronous merge REST API."
    )
    outcome = end(step(pull(), receipts={MERGE_KEY: refused(said)}))
    assert "GitHub's own stacks" in outcome.reason
    assert outcome.advice.startswith("Merge the stack on GitHub")


# --- the merge queue -------------------------------------------------------------------

QUEUED = BaseRules(has_queue=True)
ENQUEUE_KEY = f"enqueue@{PINNED[:12]}"
TAKE_OUT = Do(
    "dequeue@20260301T090000",
    DequeuePullRequest(REPOSITORY, TWELVE, "PR_12"),
    is_minor=True,
)


def test_a_base_with_a_queue_is_merged_into_through_it_with_the_pinned_head():
    change = EnqueuePullRequest(REPOSITORY, TWELVE, "PR_12", PINNED, "main")
    assert step(pull(rules=QUEUED)) == Do(ENQUEUE_KEY, change)
    waits = step(pull(rules=QUEUED), receipts={ENQUEUE_KEY: DONE})
    assert says(waits) == "the merge queue of main"
    merged = pull(state=PullState.MERGED, merged_by="github-merge-queue")
    assert end(step(merged)).kind is OutcomeKind.COMPLETED


def test_the_queue_updates_by_itself():
    found = pull(rules=QUEUED, merge_state=MergeState.BEHIND)
    queue = step(found, MergeWay(update=UpdateWhen.ALWAYS))
    assert isinstance(queue, Do)
    assert isinstance(queue.intent, EnqueuePullRequest)


def test_a_queue_that_only_the_refusal_names_is_gone_through():
    said = refused("Changes must be made through the merge queue")
    found = step(pull(merge_state=MergeState.BLOCKED), receipts={MERGE_KEY: said})
    assert isinstance(found, Do)
    assert isinstance(found.intent, EnqueuePullRequest)


@pytest.mark.parametrize(("minutes", "is_over"), [(-1, False), (1, True)])
def test_what_the_queue_threw_out_since_the_start_fails_with_its_reason(
    minutes, is_over
):
    left = pull(
        rules=QUEUED,
        left_queue_because="failed_checks",
        left_queue_at=STARTED + timedelta(minutes=minutes),
    )
    found = step(left)
    assert isinstance(found, End) is is_over
    if is_over:
        words = "the merge queue of `main` took it out: failed checks"
        assert end(found).reason == words


def test_what_this_item_put_there_may_seem_to_have_left_before_it_began():
    left = pull(rules=QUEUED, left_queue_at=STARTED - timedelta(seconds=5))
    assert isinstance(step(left), Do)
    assert end(step(left, receipts={ENQUEUE_KEY: DONE})).reason.endswith("given")


@pytest.mark.parametrize("by_app", [False, True])
def test_what_was_thrown_out_before_is_put_there_again_and_what_comes_then_counts(
    by_app,
):
    left_at = STARTED - timedelta(seconds=5)
    before = pull(rules=QUEUED, left_queue_at=left_at, is_taken_out_by_app=by_app)
    again = step(before)
    assert isinstance(again, Do)
    assert again.key == f"{ENQUEUE_KEY}-20260301T085955"
    # GitHub may take a moment to show that.
    done = {again.key: DONE}
    assert says(step(before, receipts=done)) == "the merge queue of main"
    later = replace(before, left_queue_at=STARTED, is_taken_out_by_app=False)
    assert "took it out" in end(step(later, receipts=done)).reason


def test_what_is_in_the_queue_of_a_frozen_base_is_taken_out_and_put_there_again():
    frozen = Freeze("main", "ada", STARTED, "release")
    queued = pull(rules=QUEUED, queue=IN_QUEUE, frozen=frozen)
    assert step(queued) == TAKE_OUT
    out = {ENQUEUE_KEY: DONE, TAKE_OUT.key: DONE}
    left_at = STARTED + timedelta(minutes=1)
    gone = replace(queued, queue=None, left_queue_at=left_at, is_taken_out_by_app=True)
    for found in (queued, gone):
        assert says(step(found, receipts=out)).startswith("main, frozen by ada")
    again = step(replace(gone, frozen=None), receipts=out)
    assert isinstance(again, Do)
    assert again.key == f"{ENQUEUE_KEY}-20260301T090100"
    # It is being merged, or somebody wants it there.
    late = {**out, TAKE_OUT.key: refused("Failed to remove PR #12")}
    assert says(step(queued, receipts=late)) == "the merge queue of main"
    others = replace(queued, queue=replace(IN_QUEUE, by_app=False))
    assert says(step(others)) == "the merge queue of main"


def test_who_cancels_takes_it_out_of_the_queue():
    queued = pull(queue=IN_QUEUE)
    out = step_of(cancel_step, merge_job(), queued)
    assert out == TAKE_OUT
    after = cancel_step(merge_job(), Seen().done(TAKE_OUT.key, DONE))
    assert end(after).summary == "it was taken out of the merge queue"
    locked = cancel_step(merge_job(), Seen().done(TAKE_OUT.key, refused("Locked")))
    assert end(locked).summary == "it stays in the merge queue: Locked"
    assert end(step_of(cancel_step, merge_job(), pull())).summary == ""


# --- failed jobs -----------------------------------------------------------------------

JOB = check("ci", CheckState.FAILED, run_id=5, job_id=90)
RERUN = MergeWay(rerun_failed=1)


def test_a_failed_job_of_actions_tells_its_last_lines():
    found = step(pull(checks=(JOB,)))
    assert found == Ask(JobLogOf(REPOSITORY, 90))
    seen = Seen().told(ASKED, pull(checks=(JOB,)))
    seen = seen.told(JobLogOf(REPOSITORY, 90), ("E  assert 1 == 2",))
    assert end(next_step(merge_job(), seen)).log_tail == ("E  assert 1 == 2",)


def test_failed_jobs_are_run_again_once_if_that_is_wanted():
    other = check("lint", CheckState.FAILED, run_id=5, job_id=88)
    failing = pull(checks=(JOB, other))
    again = RerunFailedJobs(REPOSITORY, 5, 90)
    assert step(failing, RERUN) == Do("rerun@5", again)
    waits = step(failing, RERUN, receipts={"rerun@5": Receipt(id=90)})
    assert says(waits) == "the re-run of ci, lint"
    failed = replace(JOB, job_id=95)
    ended = step(pull(checks=(failed,)), RERUN, receipts={"rerun@5": Receipt(id=90)})
    assert ended == Ask(JobLogOf(REPOSITORY, 95))


def test_a_run_is_run_again_once_it_has_ended():
    goes_on = check("e2e", CheckState.PENDING, run_id=5, job_id=91)
    other = check("docs", CheckState.PENDING, run_id=6, job_id=92)
    failing = pull(checks=(JOB, goes_on, other))
    assert says(step(failing, RERUN)) == "the rest of the run, to run it again: e2e"
    assert isinstance(step(pull(checks=(JOB, other)), RERUN), Do)
    assert isinstance(step(failing), Ask)  # nothing is to be waited for


def test_what_is_no_job_of_actions_is_not_run_again():
    assert isinstance(
        step(pull(checks=(JOB, check("x", CheckState.FAILED))), RERUN), Ask
    )


def test_a_rerun_that_github_refuses_leaves_the_failure():
    no = Receipt(id=90, changed=False, note="not accessible by integration")
    found = step(pull(checks=(JOB,)), RERUN, receipts={"rerun@5": no})
    assert found == Ask(JobLogOf(REPOSITORY, 90))


# --- laws ------------------------------------------------------------------------------


@st.composite
def pulls(draw: Any) -> PullRequest:
    checks = [PASSED, PENDING, FAILED, JOB, check("x", CheckState.STOPPED, "stale")]
    other = HeadCommit("f" * 40, (PINNED,))
    commits = draw(
        st.sampled_from([(WRITTEN,), (WRITTEN, OWN), (WRITTEN, other), (other,)])
    )
    queue = draw(st.sampled_from([None, IN_QUEUE]))
    return pull(
        state=draw(st.sampled_from(PullState)),
        head_sha=commits[-1].sha,
        commits=commits,
        base_branch=draw(st.sampled_from(["main", "next"])),
        is_draft=draw(st.booleans()),
        may_be_pushed_to=draw(st.booleans()),
        merge_state=draw(st.sampled_from(MergeState)),
        may_bypass=draw(st.booleans()),
        review=draw(st.sampled_from(ReviewDecision)),
        open_conversations=draw(st.integers(0, 1)),
        checks=tuple(draw(st.lists(st.sampled_from(checks), max_size=3))),
        rules=BaseRules(
            checks=tuple(draw(st.lists(st.sampled_from(["ci", "e2e"]), max_size=1))),
            is_strict=draw(st.booleans()),
            wants_conversations_resolved=draw(st.booleans()),
            has_queue=draw(st.booleans()),
        ),
        queue=queue,
    )


@given(pulls(), st.sampled_from(UpdateWhen), st.integers(0, 1))
def test_nothing_is_merged_that_the_base_does_not_take_or_that_nobody_asked_for(
    found: PullRequest, update: UpdateWhen, rerun: int
):
    way = MergeWay(update=update, rerun_failed=rerun)
    next_ = step(found, way)
    if not isinstance(next_, Do):
        return
    assert found.state is PullState.OPEN
    assert found.head_sha in (PINNED, UPDATED)
    assert found.base_branch == "main"
    assert not found.is_draft
    if isinstance(next_.intent, MergePullRequest | EnqueuePullRequest):
        assert next_.intent.head_sha == found.head_sha
        assert all(c.state is CheckState.PASSED for c in found.required)
        assert found.review in (ReviewDecision.NONE, ReviewDecision.APPROVED)
        is_blocked = found.merge_state is MergeState.BLOCKED
        assert not (is_blocked and found.may_bypass)
        assert found.merge_state is not MergeState.DIRTY
