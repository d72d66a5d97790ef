"""An action as a package of somebody else's may add it: wait for a check, then comment.

``gate`` waits until the check ``gate`` of the pull request's pinned head has passed; a
cancelled one says on the item that it was.
"""

from bot.core.actions.spec import ActionSpec, AppliesTo, ItemNeed, Overtaken, Words
from bot.core.actions.step import Await, Do, End, Job, Seen, Step
from bot.core.effects import CreateComment
from bot.core.model import Outcome, OutcomeKind
from bot.core.world.questions import ChecksOf, CheckState


def next_step(job: Job, seen: Seen) -> Step:
    """Wait for the check, then comment."""
    question = ChecksOf(job.repository, job.item.head_sha)
    if "open" in seen.receipts:
        return End(Outcome(OutcomeKind.COMPLETED, summary="the gate is open"))
    checks = seen.answer(question)
    gate = checks.named("gate") if checks else None
    if gate is None or gate.state is CheckState.PENDING:
        return Await(question, "the check gate")
    if gate.state is not CheckState.PASSED:
        reason = f"the check gate ended with {gate.says}"
        return End(Outcome(OutcomeKind.FAILED, reason=reason, advice="Mend it."))
    return Do("open", _comment(job, "The gate is open."))


def cancel_step(job: Job, seen: Seen) -> Step:
    """Say that nobody waits any more."""
    if "shut" not in seen.receipts:
        return Do("shut", _comment(job, "Nobody waits any more."))
    return End(Outcome(OutcomeKind.UNCHANGED, summary="its comment stays"))


def _comment(job: Job, words: str) -> CreateComment:
    return CreateComment(
        job.repository, job.item.number, job.mark, f"{job.mark}\n{words}"
    )


GATE = ActionSpec(
    "gate",
    Words("gate", "gating", "Gates opened", "wait for the check gate"),
    AppliesTo.PULL_REQUESTS,
    ItemNeed.OPEN,
    next_step,
    overtaken_by=Overtaken.CLOSING_OR_PUSH,
    cancel_step=cancel_step,
)
