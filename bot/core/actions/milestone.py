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
from bot.core.world.markdown import prose_code

NO_MILESTONE = "none"


def title_in(arguments: tuple[str, ...]) -> str:
    """Return the title of the milestone that is to be set; empty for none."""
    return _title(arguments[0])


def argument_for(title: str) -> str:
    """Return the argument that stands for a title; an empty one is none."""
    if not title:
        return NO_MILESTONE
    return f'"{title}"' if title.casefold() == NO_MILESTONE else title


def _title(argument: str) -> str:
    if argument.casefold() == NO_MILESTONE:
        return ""
    inner = argument[1:-1]
    is_called_none = inner.casefold() == NO_MILESTONE and argument == f'"{inner}"'
    return inner if is_called_none else argument


def next_step(job: Job, seen: Seen) -> Step:
    """Set the milestone, or take it off."""
    title, *others = map(_title, job.item.action.arguments)
    receipt = seen.receipts.get("milestone")
    if receipt is None:
        only_from = others[0] if others else None
        number = job.item.number
        change = ChangeMilestone(job.repository, number, title, only_from)
        return Do("milestone", change)
    if receipt.note:
        return End(Outcome(OutcomeKind.FAILED, reason=receipt.note))
    already = f"was in {prose_code(title)} already" if title else "was in no milestone"
    if receipt.left is not None:
        already = _left(receipt.left)
    undo = None
    if receipt.removed is not None:
        # A second argument: only if nobody has put it somewhere else since.
        there_and_back = ("".join(receipt.removed), title)
        undo = Action("milestone", tuple(map(argument_for, there_and_back)))
    return ended(receipt, done=_done(title, receipt), already=already, undo=undo)


def _left(title: str) -> str:
    where = f"put it into {prose_code(title)}" if title else "taken it out"
    return f"somebody has {where} since, so that was left alone"


def _done(title: str, receipt: Receipt) -> str:
    before = prose_code(receipt.removed[0]) if receipt.removed else ""
    if not title:
        return f"taken out of {before or 'its milestone'}"
    into = f"put into {prose_code(title)}"
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
