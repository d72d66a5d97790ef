"""``close [not-planned]`` and ``reopen``."""

from bot.core.actions.changed import ended
from bot.core.actions.spec import (
    ActionSpec,
    AppliesTo,
    Arguments,
    Form,
    ItemNeed,
    Words,
    of_its_state,
)
from bot.core.actions.step import Do, Job, Seen, Step
from bot.core.effects import ChangeState
from bot.core.model import Action, Expectation, ItemKind, Role

NOT_PLANNED = "not-planned"


def close(job: Job, seen: Seen) -> Step:
    """Close it, an issue as completed or as not planned."""
    is_unplanned = NOT_PLANNED in job.item.action.arguments
    is_pull_request = job.item.kind is ItemKind.PULL_REQUEST
    receipt = seen.receipts.get("close")
    if receipt is None:
        why = "not_planned" if is_unplanned else "completed"
        reason = "" if is_pull_request else why
        number = job.item.number
        change = ChangeState(
            job.repository,
            number,
            is_open=False,
            is_pull_request=is_pull_request,
            reason=reason,
        )
        return Do("close", change)
    said = is_unplanned and not is_pull_request and not receipt.note
    return ended(
        receipt,
        done="closed as not planned" if said else "closed",
        already="was closed already",
        undo=Action("reopen") if receipt.removed == ("open",) else None,
    )


def reopen(job: Job, seen: Seen) -> Step:
    """Open it again."""
    receipt = seen.receipts.get("reopen")
    if receipt is None:
        is_pull_request = job.item.kind is ItemKind.PULL_REQUEST
        number = job.item.number
        change = ChangeState(
            job.repository, number, is_open=True, is_pull_request=is_pull_request
        )
        return Do("reopen", change)
    why = (receipt.removed or ("",))[-1]
    as_before = {"completed": (), "not_planned": (NOT_PLANNED,), "closed": ()}
    undo = Action("close", as_before[why]) if why in as_before else None
    return ended(receipt, done="reopened", already="was open already", undo=undo)


CLOSE = ActionSpec(
    "close",
    Words("close", "closing", "Closed", "close as completed or as not planned"),
    AppliesTo.BOTH,
    ItemNeed.OPEN,
    close,
    writes=of_its_state,
    role=Role.MAINTAIN,
    arguments=Arguments(Form.WORDS, "[not-planned]", words=(NOT_PLANNED, "completed")),
    expected=Expectation(seconds=2, requests=2),
)
REOPEN = ActionSpec(
    "reopen",
    Words("reopen", "reopening", "Reopened", "open it again"),
    AppliesTo.BOTH,
    ItemNeed.CLOSED,
    reopen,
    writes=of_its_state,
    expected=Expectation(seconds=2, requests=2),
)
