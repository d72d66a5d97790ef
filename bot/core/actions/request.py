"""``request +ada +team:core -bob``: ask for reviews, and take that back."""

from bot.core.actions.changed import both, ended, signed, signs_back, told
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    Arguments,
    Form,
    ItemNeed,
    Overtaken,
    Words,
    of_pull_requests,
)
from bot.core.actions.step import Do, End, Job, Seen, Step
from bot.core.effects import ChangeReviewers
from bot.core.model import Expectation, Outcome, OutcomeKind


def next_step(job: Job, seen: Seen) -> Step:
    """Ask, and say who was asked.

    GitHub refuses some and leaves out others in silence; the receipt's note names them.
    """
    add, remove = signed(job.item.action.arguments)
    receipt = seen.receipts.get("request")
    if receipt is None:
        change = ChangeReviewers(job.repository, job.item.number, add, remove)
        return Do("request", change)
    if receipt.note and not receipt.changed:
        advice = "People and teams with access to the repository can be asked."
        failed = Outcome(OutcomeKind.FAILED, reason=receipt.note, advice=advice)
        return End(failed)
    asked, taken_back = told(receipt, add, remove)
    done = both("asked", asked, "no longer asks", taken_back)
    return ended(
        receipt,
        done=f"{done}; {receipt.note}" if receipt.note else done,
        already="was asked for so already" if add else "was not asked for",
        undo=signs_back("request", receipt),
    )


REQUEST = ActionSpec(
    "request",
    Words(
        "request reviews of",
        "requesting reviews",
        "Reviews requested",
        "ask for reviews, or take that back",
    ),
    AppliesTo.PULL_REQUESTS,
    ItemNeed.OPEN,
    next_step,
    arguments=Arguments(Form.REVIEWERS, "+ada +team:core -bob", are_needed=True),
    overtaken_by=Overtaken.CLOSING,
    writes=of_pull_requests,
    expected=Expectation(seconds=2, requests=2),
)
