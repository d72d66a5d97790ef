"""``label +bug -triage``: add and remove labels."""

from bot.core.actions.changed import both, ended, signed, signs_back, told
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    Arguments,
    Form,
    ItemNeed,
    Words,
)
from bot.core.actions.step import Do, End, Job, Seen, Step
from bot.core.effects import ChangeLabels
from bot.core.model import Expectation, Outcome, OutcomeKind
from bot.core.world.markdown import join, prose_code


def next_step(job: Job, seen: Seen) -> Step:
    """Change the labels, and say what changed."""
    add, remove = signed(job.item.action.arguments)
    receipt = seen.receipts.get("label")
    if receipt is None:
        change = ChangeLabels(job.repository, job.item.number, add, remove)
        return Do("label", change)
    if receipt.note and not receipt.changed:
        return End(Outcome(OutcomeKind.FAILED, reason=receipt.note))
    put_on, taken_off = told(receipt, add, remove)
    done = both("labelled", put_on, "took off", taken_off)
    gone = {name.casefold() for name in taken_off}
    absent = [prose_code(name) for name in remove if name.casefold() not in gone]
    if absent:
        verb = "was" if len(absent) == 1 else "were"
        done = f"{done}; {join(absent)} {verb} not there".removeprefix("; ")
    return ended(
        receipt,
        done=f"{done}; {receipt.note}" if receipt.note else done,
        already="was labelled so already" if add else "had no such label",
        undo=signs_back("label", receipt),
    )


LABEL = ActionSpec(
    "label",
    Words("label", "labelling", "Labelled", "add and remove labels"),
    AppliesTo.BOTH,
    ItemNeed.ANY,
    next_step,
    arguments=Arguments(Form.LABELS, "+bug -triage", are_needed=True),
    expected=Expectation(seconds=2, requests=1),
)
