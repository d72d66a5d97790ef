"""How a pull request stands against what its base demands: what ends it, what it waits
for, whom. Pure questions about values; ``merge`` and ``update`` make steps of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from zlib import crc32

from bot.core.actions.step import Ask, End, Job, Seen
from bot.core.model import Link, Outcome, OutcomeKind, UpdateMethod
from bot.core.world.markdown import join, plural, prose_code, some
from bot.core.world.pulls import (
    PullRequest,
    PullRequestNow,
    ReviewDecision,
    conflicts_of,
    is_own_update,
)
from bot.core.world.questions import Check, CheckState, PullState

_MOST_NAMED = 5
_ACTION_REQUIRED = "action_required"


def question(job: Job) -> PullRequestNow:
    """Return what is asked of the item's pull request."""
    item = job.item
    below = any(one.branch == item.base_branch for one in job.predecessors)
    is_rebased = item.merge_way.update_method is UpdateMethod.REBASE
    return PullRequestNow(
        job.repository,
        item.number,
        stacked_on=item.base_branch if below else "",
        pinned_sha=item.head_sha if is_rebased else "",
    )


def awaited(job: Job, pull: PullRequest) -> PullRequestNow:
    """Return the same question, asked again when its head is told of."""
    return replace(question(job), head_sha=pull.head_sha)


def turn_of(job: Job, base: str) -> str:
    """Return the name of what one item at a time has: to merge into a base."""
    return f"merge {job.repository.name} {base}"


# --- what ends it --------------------------------------------------------------------


def overtaken(job: Job, pull: PullRequest) -> Outcome | None:
    """Return how the item ends by what others did to its pull request, if it does."""
    pinned = job.item.head_sha
    if pull.state is PullState.MERGED:
        return merged_by_others()
    if pull.state is PullState.CLOSED:
        return closed()
    if pinned and not is_own_update(pull, pinned):
        return head_moved(pinned, pull.head_sha)
    base = job.item.base_branch
    if base not in ("", pull.base_branch) and pull.base_branch != pull.merged_below:
        return failed(
            f"its base was changed from {prose_code(base)} to"
            f" {prose_code(pull.base_branch)} after the command",
            "If that is right, give the command again.",
        )
    return None


def merged_by_others() -> Outcome:
    """Return the end of what need not be done any more."""
    return Outcome(OutcomeKind.UNCHANGED, summary="somebody else merged it")


def closed() -> Outcome:
    """Return the end of what must not be done any more."""
    return failed(
        "closed without a merge after the command",
        "If it is wanted after all, reopen it and retry.",
    )


def head_moved(pinned: str, now: str) -> Outcome:
    """Return the end of what was asked for on another commit."""
    return failed(
        f"head moved: {pinned[:7]} is now {now[:7]}",
        "Look at what was pushed and give the command again.",
    )


def conflicts(job: Job, pull: PullRequest, seen: Seen) -> Ask | End:
    """Return the end of what cannot be merged as it is, once its files are known."""
    asked = conflicts_of(job.repository, pull)
    files = seen.answer(asked)
    if files is None:
        return Ask(asked)
    names = some([prose_code(name, 80) for name in files[:_MOST_NAMED]], len(files))
    where = f" in {names}" if files else ""
    ended = failed(
        f"it conflicts with {prose_code(pull.base_branch)}{where}",
        "Resolve the conflicts on its branch, then give the command again.",
    )
    return End(replace(ended, link=Link("conflicts", f"{pull.url}/conflicts")))


def failed(reason: str, advice: str = "") -> Outcome:
    """Return a failure that another try as it is would not cure."""
    return Outcome(OutcomeKind.FAILED, reason=reason, advice=advice)


# --- checks --------------------------------------------------------------------------


def deciding(pull: PullRequest) -> Sequence[Check]:
    """Return the checks that decide: those required, or all where none is."""
    return pull.required or pull.checks


def broken(pull: PullRequest) -> Sequence[Check]:
    """Return the deciding checks that failed or were cancelled."""
    return [
        check
        for check in deciding(pull)
        if check.state is CheckState.FAILED
        or (check.state is CheckState.STOPPED and check.says == "cancelled")
    ]


def broken_words(pull: PullRequest, checks: Sequence[Check]) -> str:
    """Return which checks are in the way of a merge."""
    is_required = bool(pull.required)
    kind = "required check" if is_required else "check"
    names = _named(checks)
    said = {check.says.replace("_", " ") for check in checks}
    how = f"ended with {said.pop()}" if len(said) == 1 else "failed"
    return f"{plural(len(checks), kind)} {how}: {names}"


def standing(pull: PullRequest) -> str:
    """Return a short name for how the checks and reviews stand."""
    checks = sorted((check.name, check.state) for check in pull.checks)
    told = (checks, pull.review, pull.objectors, pull.open_conversations, pull.base_sha)
    return f"{crc32(repr(told).encode()):08x}"


# --- waits ---------------------------------------------------------------------------


def waits_for_checks(pull: PullRequest) -> str:
    """Return which checks have not passed yet; nothing if all have."""
    decide = deciding(pull)
    kind = "required check" if pull.required else "check"
    open_ = [check for check in decide if check.state is not CheckState.PASSED]
    parts = []
    if open_:
        counted = f"{len(open_)} of {plural(len(decide), kind)}"
        parts.append(f"{counted}: {_named(open_)}")
    if pull.unapproved and (open_ or not pull.required):
        parts.append(
            f"somebody who approves {plural(len(pull.unapproved), 'workflow run')}"
            f" ({_named(pull.unapproved)}: {_ACTION_REQUIRED})"
        )
    return "; ".join(parts)


def waits_for_people(pull: PullRequest) -> str:
    """Return what reviewers have to do first; nothing if they need not."""
    return "; ".join(_of_people(pull))


def _of_people(pull: PullRequest) -> Iterator[str]:
    rules = pull.rules
    match pull.review:
        case ReviewDecision.CHANGES_REQUESTED:
            who = join(pull.objectors[:_MOST_NAMED])
            yield f"the changes that {who or 'a reviewer'} requested"
        case ReviewDecision.REQUIRED:
            yield rules.wanted_approvals
        case ReviewDecision.NONE | ReviewDecision.APPROVED:
            pass
    if rules.wants_conversations_resolved and pull.open_conversations:
        yield f"{plural(pull.open_conversations, 'open conversation')} to be resolved"


def _named(checks: Iterable[Check]) -> str:
    names = [check.name for check in checks]
    more = len(names) - _MOST_NAMED
    shown = names[:_MOST_NAMED] + ([f"{more} more"] if more > 0 else [])
    return ", ".join(shown)
