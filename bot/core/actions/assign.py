"""``assign +ada -bob``: assign and unassign people."""

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
from bot.core.effects import ChangeAssignees
from bot.core.model import Expectation, Outcome, OutcomeKind


def next_step(job: Job, seen: Seen) -> Step:
    """Change who is assigned, and say what changed.

    GitHub leaves out in silence whom it cannot assign; the receipt's note names them.
    """
    add, remove = signed(job.item.action.arguments)
    receipt = seen.receipts.get("assign")
    if receipt is None:
        change = ChangeAssignees(job.repository, job.item.number, add, remove)
        return Do("assign", change)
    if receipt.note and not receipt.changed:
        advice = "Only people with access to the repository can be assigned."
        failed = Outcome(OutcomeKind.FAILED, reason=receipt.note, advice=advice)
        return End(failed)
    assigned, unassigned = told(receipt, add, remove)
    done = both("assigned", assigned, "unassigned", unassigned)
    return ended(
        receipt,
        done=f"assigned in part: {receipt.note}" if receipt.note else done,
        already="was assigned so already" if add else "was not assigned",
        undo=signs_back("assign", receipt),
    )


ASSIGN = ActionSpec(
    "assign",
    Words("assign", "assigning", "Assigned", "assign and unassign people"),
    AppliesTo.BOTH,
    ItemNeed.ANY,
    next_step,
    arguments=Arguments(Form.LOGINS, "+ada -bob", are_needed=True),
    expected=Expectation(seconds=2, requests=2),
)
