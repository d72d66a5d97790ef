"""A change that GitHub may refuse: how often it was tried, and what follows."""

from collections.abc import Sequence

from bot.core.actions import mergeable as m
from bot.core.actions.step import Await, End, Job, Seen, Step
from bot.core.effects import Receipt
from bot.core.model import Outcome, OutcomeKind
from bot.core.world.merge_refusals import Then, refusal
from bot.core.world.pulls import MergeState, PullRequest

MOST_TRIES = 5
"""So often what GitHub says is possible, and refuses, is tried at once."""


def tries(seen: Seen, key: str) -> Sequence[Receipt]:
    """Return what came of the tries of a change, the last one last."""
    return [receipt for name, receipt in seen.receipts.items() if name.startswith(key)]


def next_try(key: str, tried: Sequence[Receipt]) -> str:
    """Return the key of another try."""
    return f"{key}.{len(tried) + 1}" if tried else key


def after_refusals(
    job: Job, pull: PullRequest, seen: Seen, tried: Sequence[Receipt]
) -> Step | None:
    """Return what follows the last refusal; None for another try."""
    if not tried:
        return None
    found = refusal(tried[-1].note)
    if found.then is Then.NAME:
        return m.conflicts(job, pull, seen)
    if found.then is Then.FAIL:
        return End(m.failed(found.words, found.advice))
    blocked = (MergeState.BLOCKED, MergeState.UNTOLD)
    if found.then is Then.WAIT and pull.merge_state in blocked:
        return Await(m.awaited(job, pull), found.words)
    if len(tried) < MOST_TRIES:
        return None
    words = f"GitHub does not merge it: {found.words}"
    return End(Outcome(OutcomeKind.TRANSIENT, reason=words))
