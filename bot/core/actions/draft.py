"""``ready`` and ``draft``: where a pull request stands."""

from bot.core.actions.changed import ended
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    ItemNeed,
    Overtaken,
    Words,
)
from bot.core.actions.step import Do, End, Job, Seen, Step
from bot.core.effects import ChangeDraft
from bot.core.model import Action, Expectation, ItemKind, Outcome, OutcomeKind
from bot.core.world.permissions import Needed


def ready(job: Job, seen: Seen) -> Step:
    """Mark it as ready for review."""
    return _marked(job, seen, is_draft=False)


def draft(job: Job, seen: Seen) -> Step:
    """Make a draft of it."""
    return _marked(job, seen, is_draft=True)


def _marked(job: Job, seen: Seen, *, is_draft: bool) -> Step:
    key, said = ("draft", "a draft") if is_draft else ("ready", "ready for review")
    receipt = seen.receipts.get(key)
    if receipt is None:
        return Do(key, ChangeDraft(job.repository, job.item.number, is_draft))
    if receipt.note:
        return End(Outcome(OutcomeKind.FAILED, reason=receipt.note))
    done = "made a draft" if is_draft else "marked as ready"
    undo = Action("ready" if is_draft else "draft")
    return ended(receipt, done=done, already=f"was {said} already", undo=undo)


def _needed(kind: ItemKind) -> Needed:
    """Return what GitHub refuses it without; it documents the first alone."""
    return (("pull_requests",), ("contents",))


READY = ActionSpec(
    "ready",
    Words(
        "mark … as ready",
        "marking as ready",
        "Marked as ready",
        "mark as ready for review",
    ),
    AppliesTo.PULL_REQUESTS,
    ItemNeed.OPEN,
    ready,
    overtaken_by=Overtaken.CLOSING,
    writes=_needed,
    expected=Expectation(seconds=2, requests=2),
)
DRAFT = ActionSpec(
    "draft",
    Words("make … a draft", "making a draft", "Made drafts", "make a draft of it"),
    AppliesTo.PULL_REQUESTS,
    ItemNeed.OPEN,
    draft,
    overtaken_by=Overtaken.CLOSING,
    writes=_needed,
    expected=Expectation(seconds=2, requests=2),
)
