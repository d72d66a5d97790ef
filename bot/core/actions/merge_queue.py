"""The merge queue of a base: in, followed, and how it came out."""

from dataclasses import replace
from datetime import timedelta

from bot.core.actions import mergeable as m
from bot.core.actions.refused import after_refusals, next_try, tries
from bot.core.actions.step import Await, Do, Job, Seen, Step
from bot.core.effects import EnqueuePullRequest
from bot.core.model import Outcome
from bot.core.world.markdown import code_span, escape_line
from bot.core.world.pulls import PullRequest

_SKEW = timedelta(minutes=1)


def enqueue(job: Job, pull: PullRequest, seen: Seen) -> Step:
    """Put it into the queue with its head; then it is followed there."""
    key = f"enqueue@{pull.head_sha[:12]}"
    tried = tries(seen, key)
    if any(receipt.changed for receipt in tried):
        return replace(in_queue(job, pull), is_brief=True)  # GitHub shows it soon
    if step := after_refusals(job, pull, tried):
        return step
    number, head = job.item.number, pull.head_sha
    change = EnqueuePullRequest(job.repository, number, pull.node_id, head)
    return Do(next_try(key, tried), change)


def in_queue(job: Job, pull: PullRequest) -> Await:
    """Wait until the queue has merged it, or thrown it out."""
    return Await(m.awaited(job, pull), f"the merge queue of {pull.base_branch}")


def left_queue(job: Job, pull: PullRequest, seen: Seen) -> Outcome | None:
    """Return the end of what was thrown out of the queue since the item began.

    GitHub tells whole seconds, by its own clock: what this item has put into the queue
    may seem to have left it a little before that.
    """
    left_at = pull.left_queue_at
    tried = tries(seen, f"enqueue@{pull.head_sha[:12]}")
    is_own = any(receipt.changed for receipt in tried)
    since = job.started_at.replace(microsecond=0) - (_SKEW if is_own else timedelta())
    if left_at is None or left_at < since:
        return None
    why = escape_line(pull.left_queue_because.replace("_", " ")) or "no reason given"
    return m.failed(
        f"the merge queue of {code_span(pull.base_branch)} took it out: {why}",
        "See its checks in the queue, then retry.",
    )
