"""``label +bug -triage``: add and remove labels."""

from bot.core.actions.changed import both, ended, signed
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    Arguments,
    Form,
    ItemNeed,
    Words,
)
from bot.core.actions.step import Do, Job, Seen, Step
from bot.core.effects import ChangeLabels
from bot.core.model import Expectation


def next_step(job: Job, seen: Seen) -> Step:
    """Change the labels, and say what changed."""
    add, remove = signed(job.item.action.arguments)
    receipt = seen.receipts.get("label")
    if receipt is None:
        change = ChangeLabels(job.repository, job.item.number, add, remove)
        return Do("label", change)
    return ended(
        receipt,
        done=both("labelled", add, "took off", remove),
        already="was labelled so already" if add else "had no such label",
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
