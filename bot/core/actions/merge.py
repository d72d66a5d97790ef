"""``merge``: a pull request gets into its base, by the base's own rules.

Brought up to date if that is wanted, checked, approved, merged at the pinned head or the
bot's own update of it, and read back. On a base that wants branches up to date one item
at a time goes from its update to its merge; on any other one they meet at the merge.
"""

from bot.core.actions import mergeable as m
from bot.core.actions.failed_checks import after_failure
from bot.core.actions.merge_queue import enqueue, in_queue, left_queue, take_out
from bot.core.actions.refused import after_refusals, next_try, tries
from bot.core.actions.spec import ActionSpec, AppliesTo, ItemNeed, Overtaken, Words
from bot.core.actions.step import Ask, Await, Do, End, Job, Seen, Step
from bot.core.actions.update import (
    bring_up_to_date,
    first_look,
    is_known_up_to_date,
    needed,
)
from bot.core.effects import ChangeBase, MergePullRequest
from bot.core.model import (
    Expectation,
    Link,
    Outcome,
    OutcomeKind,
    Role,
    UpdateWhen,
)
from bot.core.world.freezes import frozen_words
from bot.core.world.markdown import join, prose_code
from bot.core.world.merge_refusals import Then, refusal
from bot.core.world.pulls import MergeMethod, MergeState, PullRequest
from bot.core.world.questions import PullState

_QUEUE_APP = "github-merge-queue"


def next_step(job: Job, seen: Seen) -> Step:
    """Say what comes next on the way of a pull request into its base."""
    asked = m.question(job)
    pull = seen.answer(asked)
    if pull is None:
        # Who was updated has its turn, and keeps it.
        return first_look(job, seen, turn=m.turn_of(job, job.item.base_branch))
    if pull.state is PullState.MERGED:
        return End(_merged(job, pull, seen))
    if ended := m.overtaken(job, pull) or _unfit(pull):
        return End(ended)
    if pull.merge_state is MergeState.DIRTY:
        return m.conflicts(job, pull, seen)
    if pull.queue is not None:
        return in_queue(job, pull, pull.queue, seen)
    if ended := left_queue(job, pull, seen):
        return End(ended)
    return _toward_merge(job, pull, seen)


def cancel_step(job: Job, seen: Seen) -> Step:
    """Take it out of the queue; what else was done stays."""
    asked = m.question(job)
    if seen.receipts:
        (out,) = seen.receipts.values()
        summary = "it was taken out of the merge queue" if out.changed else ""
        if out.note:
            summary = f"it stays in the merge queue: {out.note}"
        return End(Outcome(OutcomeKind.UNCHANGED, summary=summary))
    pull = seen.answer(asked)
    if pull is None:
        return Ask(asked)
    if pull.queue is not None:
        return take_out(job, pull, pull.queue)
    is_updated = pull.head_sha != job.item.head_sha and not m.overtaken(job, pull)
    summary = "its branch stays up to date with its base" if is_updated else ""
    return End(Outcome(OutcomeKind.UNCHANGED, summary=summary))


def _toward_merge(job: Job, pull: PullRequest, seen: Seen) -> Step:
    """Say what is still to be done, or to be waited for, before it can be merged."""
    if pull.merged_below not in ("", pull.base_branch):
        return _retarget(job, pull, seen)
    awaited, turn = m.awaited(job, pull), m.turn_of(job, pull.base_branch)
    if pull.frozen is not None:
        return Await(awaited, frozen_words(pull.frozen))
    checks = m.waits_for_checks(pull)
    if people := m.waits_for_people(pull):
        return Await(awaited, "; ".join(filter(None, (people, checks))))
    has_queue = pull.rules.has_queue
    holds = turn if _takes_turns(job, pull) and not has_queue else ""
    if _wants_update(job, pull) and (step := _update(job, pull, seen, holds)):
        return step
    if bad := m.broken(pull):
        return after_failure(job, pull, seen, bad, holds)
    if checks:
        return Await(awaited, checks, holds=holds)
    if pull.merge_state is MergeState.UNKNOWN and not _is_safe(pull):
        says = "GitHub to work out whether it can be merged"
        return Await(awaited, says, holds=holds, is_brief=True)
    is_blocked = pull.merge_state is MergeState.BLOCKED
    if is_blocked and pull.may_bypass:
        says = f"a rule of {pull.base_branch}, which this app could bypass and does not"
        return Await(awaited, says)
    if pull.merge_state is MergeState.UNTOLD and pull.may_bypass:
        return End(_could_bypass_unseen(pull))
    if has_queue:
        return enqueue(job, pull, seen)
    return _merge(job, pull, seen, turn)


def _retarget(job: Job, pull: PullRequest, seen: Seen) -> Step:
    """Send it to where the branch that it is based on was merged to."""
    key, base = f"retarget@{pull.merged_below}", pull.merged_below
    receipt = seen.receipts.get(key)
    if receipt is None:
        number, before = job.item.number, pull.base_branch
        return Do(key, ChangeBase(job.repository, number, before, base))
    if receipt.note:
        reason = (
            f"{prose_code(pull.base_branch)} was merged into {prose_code(base)}, and"
        )
        advice = f"Change its base to {prose_code(base)}, then give the command again."
        return End(
            m.failed(f"{reason} GitHub does not move it: {receipt.note}", advice)
        )
    says = f"GitHub to move it to {base}"
    return Await(m.awaited(job, pull), says, is_brief=True)


# --- what ends it --------------------------------------------------------------------


def _merged(job: Job, pull: PullRequest, seen: Seen) -> Outcome:
    """Return the end of what is merged, with the commit: by this item, or by others."""
    merger = pull.merged_by.removesuffix("[bot]")
    is_own = pull.is_merged_by_app or merger == _QUEUE_APP
    is_done = any(
        receipt.changed
        for key, receipt in seen.receipts.items()
        if key.startswith(("merge@", "enqueue@"))
    )
    if not (is_own or is_done):
        return m.merged_by_others()
    site = pull.url.rpartition("/pull/")[0]
    sha = pull.merged_sha
    link = Link(sha[:7], f"{site}/commit/{sha}") if sha else None
    return Outcome(
        OutcomeKind.COMPLETED,
        summary=f"merged into {prose_code(pull.base_branch)}",
        link=link,
        branch="" if pull.is_from_fork else pull.head_branch,
    )


def _unfit(pull: PullRequest) -> Outcome | None:
    """Return why it cannot be merged as it is, whatever one waits for."""
    if pull.is_draft:
        return m.failed("it is a draft", "Mark it as ready for review, then retry.")
    return None


def _could_bypass_unseen(pull: PullRequest) -> Outcome:
    return m.failed(
        f"this GitHub server does not say whether the rules of"
        f" {prose_code(pull.base_branch)} are met, and this app could bypass them",
        "Merge it by hand, or take the app out of those that may bypass the rules.",
    )


# --- the merge -----------------------------------------------------------------------


def _merge(job: Job, pull: PullRequest, seen: Seen, turn: str) -> Step:
    method = _method(job, pull)
    if isinstance(method, Outcome):
        return End(method)
    awaited = m.awaited(job, pull)
    key = f"merge@{pull.head_sha[:12]}"
    if pull.merge_state is MergeState.UNTOLD:
        key += f"-{m.standing(pull)}"  # what was refused may go once this has changed
    tried = tries(seen, key)
    if any(receipt.changed for receipt in tried):
        says = "GitHub to show the merge"
        return Await(awaited, says, holds=turn, is_brief=True)
    then = refusal(tried[-1].note).then if tried else None
    if then is Then.ENQUEUE:
        return enqueue(job, pull, seen)
    if then is Then.UPDATE and (step := _update(job, pull, seen, turn)):
        return step
    if step := after_refusals(job, pull, seen, tried):
        return step
    merge = MergePullRequest(
        job.repository, job.item.number, pull.head_sha, method, pull.base_branch
    )
    return Do(next_try(key, tried), merge, holds=turn)


def _method(job: Job, pull: PullRequest) -> MergeMethod | Outcome:
    """Return how it is merged: as asked, else as the repository prefers."""
    allowed = [method for method in pull.methods if method in pull.rules.methods]
    wanted = job.item.merge_way.method
    if not wanted and allowed:
        return allowed[0]
    if wanted in allowed:
        return MergeMethod(wanted)
    names = join([prose_code(method) for method in allowed], "or")
    return m.failed(
        f"{prose_code(pull.base_branch)} takes no {prose_code(wanted or 'merge')} merges",
        f"Name a method that it takes: {names}." if names else "Allow one there.",
    )


# --- updates -------------------------------------------------------------------------


def _wants_update(job: Job, pull: PullRequest) -> bool:
    if pull.rules.has_queue:
        return False  # the queue tests it on the base as it will be
    if job.item.merge_way.update is UpdateWhen.ALWAYS:
        return True
    # What GitHub has not worked out yet is behind a strict base if others just merged;
    # of what is blocked as well, it does not say so. A check that it has only since may
    # be what blocks it.
    may_be_tried = (
        pull.merge_state in (MergeState.UNKNOWN, MergeState.BLOCKED, MergeState.UNTOLD)
        and pull.rules.is_strict
        and pull.may_be_pushed_to
    )
    return may_be_tried or pull.merge_state is MergeState.BEHIND


def _takes_turns(job: Job, pull: PullRequest) -> bool:
    """Return whether one at a time goes from its update to its merge: else what one
    merges would have to be brought into all that were updated before.

    That a base is strict may be known by nothing but that it was behind.
    """
    is_updated = job.item.head_sha not in ("", pull.head_sha)
    is_always = job.item.merge_way.update is UpdateWhen.ALWAYS
    is_strict = pull.rules.is_strict or pull.merge_state is MergeState.BEHIND
    return is_strict or is_always or is_updated


def _is_safe(pull: PullRequest) -> bool:
    """Return whether a merge may be tried before GitHub has worked out if it goes."""
    return is_known_up_to_date(pull) and not pull.may_bypass


def _update(job: Job, pull: PullRequest, seen: Seen, holds: str) -> Step | None:
    if job.item.merge_way.update is not UpdateWhen.NEVER:
        return bring_up_to_date(job, pull, seen, holds=holds)
    if pull.merge_state is not MergeState.BEHIND:
        return None
    return End(
        m.failed(
            f"{prose_code(pull.base_branch)} wants branches to be up to date, and this"
            " one is behind",
            "Update it, or leave `update:never` out.",
        )
    )


MERGE = ActionSpec(
    "merge",
    Words(
        "merge",
        "merging",
        "Pull requests merged",
        "update if behind, wait for the checks, merge with the pinned head",
    ),
    AppliesTo.PULL_REQUESTS,
    ItemNeed.OPEN,
    next_step,
    role=Role.MAINTAIN,
    builds_on_predecessors=True,
    overtaken_by=Overtaken.UNTIL_IT_RUNS,
    writes=needed,
    expected=Expectation(seconds=180, requests=10),
    cancel_step=cancel_step,
)
