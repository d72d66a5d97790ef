"""``milestone "2.4"`` and ``milestone none``."""

from bot.core.actions.changed import ended
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    Arguments,
    Form,
    ItemNeed,
    Words,
)
from bot.core.actions.step import Do, End, Job, Seen, Step
from bot.core.effects import ChangeMilestone, Receipt
from bot.core.model import Action, Expectation, Outcome, OutcomeKind
from bot.core.world.markdown import code_span

NO_MILESTONE = "none"


def title_in(arguments: tuple[str, ...]) -> str:
    """Return the title of the milestone that is to be set; empty for none."""
    title = arguments[0]
    return "" if title.casefold() == NO_MILESTONE else title


def next_step(job: Job, seen: Seen) -> Step:
    """Set the milestone, or take it off."""
    title = title_in(job.item.action.arguments)
    receipt = seen.receipts.get("milestone")
    if receipt is None:
        change = ChangeMilestone(job.repository, job.item.number, title)
        return Do("milestone", change)
    if receipt.note:
        return End(Outcome(OutcomeKind.FAILED, reason=receipt.note))
    already = f"was in {code_span(title)} already" if title else "was in no milestone"
    before = receipt.removed or (NO_MILESTONE,)
    undo = None if receipt.removed is None else Action("milestone", before)
    return ended(receipt, done=_done(title, receipt), already=already, undo=undo)


def _done(title: str, receipt: Receipt) -> str:
    before = code_span(receipt.removed[0]) if receipt.removed else ""
    if not title:
        return f"taken out of {before or 'its milestone'}"
    into = f"put into {code_span(title)}"
    return f"{into}, was in {before}" if before else into


MILESTONE = ActionSpec(
    "milestone",
    Words(
        "set the milestone of",
        "setting the milestone",
        "Milestone set",
        "set the milestone; `milestone none` takes it off",
    ),
    AppliesTo.BOTH,
    ItemNeed.ANY,
    next_step,
    arguments=Arguments(Form.TITLE, '"2.4"', are_needed=True),
    expected=Expectation(seconds=2, requests=3),
)
