"""``update``: a branch gets what its base has had since, by a merge that GitHub makes, or
by a rebase whose commits are proved to be the same.
"""

from bot.core.actions import mergeable as m
from bot.core.actions.spec import ActionSpec, AppliesTo, ItemNeed, Overtaken, Words
from bot.core.actions.step import Ask, Await, Do, End, Job, Seen, Step
from bot.core.effects import UpdateBranch
from bot.core.model import (
    Expectation,
    ItemKind,
    Outcome,
    OutcomeKind,
    UpdateMethod,
)
from bot.core.world.markdown import prose_code
from bot.core.world.merge_refusals import Then, refusal
from bot.core.world.permissions import Needed
from bot.core.world.pulls import MergeState, PullRequest, RebaseOf

_ON_ITS_WAY = "GitHub to update its branch"


def next_step(job: Job, seen: Seen) -> Step:
    """Bring the branch up to date once, whatever happens to the base meanwhile."""
    asked = m.question(job)
    pull = seen.answer(asked)
    if pull is None:
        return first_look(job, seen)
    if ended := m.overtaken(job, pull):
        return End(ended)
    if pull.head_sha != job.item.head_sha:
        words = f"updated to {prose_code(pull.head_sha[:7])}"
        return End(Outcome(OutcomeKind.COMPLETED, summary=words))
    if pull.merge_state is MergeState.DIRTY:
        return m.conflicts(job, pull, seen)
    if step := bring_up_to_date(job, pull, seen):
        return step
    words = f"was up to date with {prose_code(pull.base_branch)}"
    return End(Outcome(OutcomeKind.UNCHANGED, summary=words))


def first_look(job: Job, seen: Seen, *, turn: str = "") -> Step:
    """Look at the pull request; in a moment, if it has just been told to be updated."""
    asked = m.question(job)
    last = next(reversed([*seen.receipts]), "")
    if last.startswith("update@") and seen.receipts[last].changed:
        return Await(asked, _ON_ITS_WAY, holds=turn, is_brief=True)
    return Ask(asked)


def bring_up_to_date(
    job: Job, pull: PullRequest, seen: Seen, *, holds: str = ""
) -> Step | None:
    """Return the next step of an update; None once the branch is known to be up to date."""
    if is_known_up_to_date(pull):
        return None
    is_rebase = job.item.merge_way.update_method is UpdateMethod.REBASE
    key = f"update@{pull.head_sha[:12]}-{pull.base_sha[:12]}"
    receipt = seen.receipts.get(key)
    if receipt is None:
        if not pull.may_be_pushed_to:
            return End(_closed_fork(pull))
        if is_rebase and (step := _prepare(job, pull, seen)):
            return step
        change = UpdateBranch(
            job.repository,
            job.item.number,
            pull.head_sha,
            pull.node_id if is_rebase else "",
        )
        return Do(key, change, holds=holds, is_minor=True)
    says = _ON_ITS_WAY
    if receipt.note:
        found = refusal(receipt.note)
        if found.then is Then.NAME:
            return m.conflicts(job, pull, seen)
        if found.then is Then.FAIL:
            return End(m.failed(found.words, found.advice))
        if found.then is not Then.LOOK:
            says = found.words
    elif not receipt.changed:
        return None
    return Await(m.awaited(job, pull), says, holds=holds, is_brief=True)


def _prepare(job: Job, pull: PullRequest, seen: Seen) -> Step | None:
    """Return what comes before a rebase, which is to be known for one afterwards."""
    asked = RebaseOf(job.repository, pull.number, pull.head_sha, pull.base_branch)
    why_not = seen.answer(asked)
    if why_not is None:
        return Ask(asked)
    if not why_not:
        return None
    return End(
        m.failed(
            f"it cannot be rebased: {why_not}",
            "Update it with `update-method:merge`, or by hand.",
        )
    )


def is_known_up_to_date(pull: PullRequest) -> bool:
    """Return whether the last commit is the app's own merge of the base as it is, or the
    commits were made again on that.
    """
    if pull.rebased_onto == pull.base_sha:
        return True
    last = pull.commits[-1] if pull.commits else None
    return (
        last is not None
        and last.sha == pull.head_sha
        and last.by_app
        and last.parents[1:] == (pull.base_sha,)
    )


def needed(kind: ItemKind) -> Needed:
    """Return what has to be granted to write to a branch."""
    return (("contents",), ("pull_requests",))


def _closed_fork(pull: PullRequest) -> Outcome:
    return m.failed(
        f"it cannot be brought up to date with {prose_code(pull.base_branch)}:"
        " its fork lets nobody else push",
        "Ask its author to update the branch, or to allow edits by maintainers.",
    )


UPDATE = ActionSpec(
    "update",
    Words(
        "update",
        "updating",
        "Pull requests updated",
        "bring the branch up to date with its base",
    ),
    AppliesTo.PULL_REQUESTS,
    ItemNeed.OPEN,
    next_step,
    builds_on_predecessors=True,
    overtaken_by=Overtaken.UNTIL_IT_RUNS,
    writes=needed,
    expected=Expectation(seconds=60, requests=4),
)
