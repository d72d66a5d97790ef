"""A pull request whose base was merged goes to where that is now."""

from bot.core.actions.bases import Stranded
from bot.core.actions.step import Do, Follow, Followed, Job, Seen
from bot.core.effects import ChangeBase, PushBranch
from bot.core.model import OpenedPull
from bot.core.world.questions import PullNow


def retarget(job: Job, seen: Seen, stranded: Stranded) -> Follow | Do | None:
    """Return what comes next for an open pull request of ours; None when all is tried.

    Its branch is brought to the new base first: a squash leaves it without what it
    builds on. What cannot be brought there goes there as it is, for people to see.
    """
    pull, onto = stranded.pull, stranded.onto
    step = Follow(pull.head, pull.base, stranded.merged.head_sha, onto)
    followed = seen.followed
    if followed is None or followed.step != step:
        return step
    holds = f"pull request {job.repository.id} {pull.number}"
    if followed.sha and _push_key(followed) not in seen.receipts:
        push = PushBranch(
            job.repository,
            pull.head,
            followed.sha,
            expected_sha=followed.head_sha,
            base_branch=onto,
        )
        return Do(_push_key(followed), push, holds)
    if _base_key(stranded) in seen.receipts:
        return None
    change = ChangeBase(job.repository, pull.number, pull.base, onto)
    return Do(_base_key(stranded), change, holds)


def told(seen: Seen) -> str:
    """Return in a few words how it stands with the pull request."""
    followed = seen.followed
    receipt = next(
        (one for key, one in seen.receipts.items() if key.startswith("base@")), None
    )
    if followed is None or receipt is None:
        return "its pull request is open already"
    if receipt.note:
        return f"its pull request stays on a merged base: {receipt.note}"
    onto = followed.step.onto
    if followed.stuck:
        return f"its pull request goes to {onto} now as it is: {followed.stuck}"
    return f"its pull request is open already and goes to {onto} now"


def as_it_is(pull: PullNow, seen: Seen) -> OpenedPull:
    """Return the pull request with the head and the base that it has by now."""
    followed = seen.followed
    if followed is None:
        return OpenedPull(pull.number, pull.head_sha, pull.base)
    pushed = seen.receipts.get(_push_key(followed))
    head_sha = (pushed.head_sha if pushed else "") or pull.head_sha
    moved = seen.receipts.get(f"base@{pull.number}-{followed.step.onto}")
    base = followed.step.onto if moved and not moved.note else pull.base
    return OpenedPull(pull.number, head_sha, base)


def _push_key(followed: Followed) -> str:
    return f"push@{followed.head_sha}"


def _base_key(stranded: Stranded) -> str:
    return f"base@{stranded.pull.number}-{stranded.onto}"
