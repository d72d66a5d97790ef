"""``comment "text"``: post one comment."""

from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    Arguments,
    Form,
    ItemNeed,
    Words,
)
from bot.core.actions.step import Do, End, Job, Seen, Step
from bot.core.effects import CreateComment
from bot.core.model import Expectation, Link, Outcome, OutcomeKind


def next_step(job: Job, seen: Seen) -> Step:
    """Post the comment, found again by its first line, and link to it."""
    receipt = seen.receipts.get("comment")
    if receipt is None:
        body = f"{job.mark}\n{' '.join(job.item.action.arguments)}"
        comment = CreateComment(job.repository, job.item.number, job.mark, body)
        return Do("comment", comment)
    link = Link("comment", receipt.url) if receipt.url else None
    summary = "" if link else "commented"
    return End(Outcome(OutcomeKind.COMPLETED, summary=summary, link=link))


COMMENT = ActionSpec(
    "comment",
    Words("comment on", "commenting on", "Commented", "post one comment"),
    AppliesTo.BOTH,
    ItemNeed.ANY,
    next_step,
    arguments=Arguments(Form.TEXT, '"text"', are_needed=True),
    expected=Expectation(seconds=2, requests=1),
)
