"""The merge queue of a base: in, followed, and how it came out."""

from datetime import datetime, timedelta

from bot.core.actions import mergeable as m
from bot.core.actions.refused import after_refusals, next_try, tries
from bot.core.actions.step import Await, Do, Job, Seen, Step
from bot.core.effects import DequeuePullRequest, EnqueuePullRequest
from bot.core.model import Outcome
from bot.core.world.freezes import frozen_words
from bot.core.world.markdown import prose_code
from bot.core.world.pulls import PullRequest, QueueEntry

_SKEW = timedelta(minutes=1)


def enqueue(job: Job, pull: PullRequest, seen: Seen) -> Step:
    """Put it into the queue with its head; then it is followed there."""
    key = _stay(pull)
    tried = tries(seen, key)
    if any(receipt.changed for receipt in tried):
        return _follow(job, pull, is_brief=True)  # GitHub shows it soon
    if step := after_refusals(job, pull, seen, tried):
        return step
    change = EnqueuePullRequest(
        job.repository,
        job.item.number,
        pull.node_id,
        pull.head_sha,
        pull.base_branch,
    )
    return Do(next_try(key, tried), change)


def in_queue(job: Job, pull: PullRequest, entry: QueueEntry, seen: Seen) -> Step:
    """Wait until the queue has merged it, or thrown it out.

    What was put there for a batch is taken out of it while the base is frozen.
    """
    if pull.frozen is None or not entry.by_app:
        return _follow(job, pull)
    out = take_out(job, pull, entry)
    receipt = seen.receipts.get(out.key)
    if receipt is None:
        return out
    if not receipt.changed:  # it is being merged
        return _follow(job, pull, is_brief=True)
    return Await(m.awaited(job, pull), frozen_words(pull.frozen), is_brief=True)


def take_out(job: Job, pull: PullRequest, entry: QueueEntry) -> Do:
    """Take it out of the queue, in which it may have been before."""
    out = DequeuePullRequest(job.repository, job.item.number, pull.node_id)
    # Nobody has to be a maintainer still for a merge not to happen.
    return Do(f"dequeue@{_spelled(entry.entered_at)}", out, is_minor=True)


def left_queue(job: Job, pull: PullRequest, seen: Seen) -> Outcome | None:
    """Return the end of what was thrown out of the queue since the item began.

    GitHub tells whole seconds, by its own clock: what this item has put into the queue
    may seem to have left it a little before that.
    """
    left_at = pull.left_queue_at
    if left_at is None or pull.is_taken_out_by_app or tries(seen, _stay(pull)):
        return None
    is_own = any(receipt.changed for receipt in tries(seen, _first_stay(pull)))
    since = job.started_at.replace(microsecond=0) - (_SKEW if is_own else timedelta())
    if left_at < since:
        return None
    why = pull.left_queue_because.replace("_", " ") or "no reason given"
    return m.failed(
        f"the merge queue of {prose_code(pull.base_branch)} took it out: {why}",
        "See its checks in the queue, then retry.",
    )


def _follow(job: Job, pull: PullRequest, *, is_brief: bool = False) -> Await:
    says = f"the merge queue of {pull.base_branch}"
    return Await(m.awaited(job, pull), says, is_brief=is_brief)


def _stay(pull: PullRequest) -> str:
    """Return the key of putting it into the queue, after it has left that or at first."""
    first, left_at = _first_stay(pull), pull.left_queue_at
    return f"{first}-{_spelled(left_at)}" if left_at else first


def _first_stay(pull: PullRequest) -> str:
    return f"enqueue@{pull.head_sha[:12]}"


def _spelled(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%S}"
