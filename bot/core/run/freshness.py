"""What others did to an item between the command and its start, and what that means."""

from bot.core.actions.mergeable import closed, head_moved, merged_by_others
from bot.core.actions.spec import Overtaken
from bot.core.actions.table import spec_of
from bot.core.model import Action, ItemFacts, ItemKind, Outcome, OutcomeKind, PlanItem

_CLOSED = {
    "not_planned": "closed as not planned",
    "duplicate": "closed as a duplicate",
}


def overtaken(item: PlanItem, facts: ItemFacts | None) -> Outcome | None:
    """Return how an item ends that need not, or must not, run any more, else None.

    *facts* are GitHub's present ones, None if it has no such number any more.
    """
    if item.is_unopened:
        return None  # the item that opens it tells
    if facts is None or facts.kind is not item.kind:
        what = "pull request" if item.kind is ItemKind.PULL_REQUEST else "issue"
        return _failed(
            f"this {what} was deleted, moved or converted after the command",
            "Where it went, the command can be given again.",
        )
    if not needs_it_open(item.action):
        return None
    if item.kind is ItemKind.ISSUE:
        return _of_issue(facts)
    return _of_pull_request(item, facts)


def needs_it_open(action: Action) -> bool:
    """Return whether an action is without sense on what is closed or merged."""
    return _overtaken_by(action) is not Overtaken.NOTHING


def sees_to_itself(action: Action) -> bool:
    """Return whether an action that has begun needs nobody to compare its item."""
    return _overtaken_by(action) is Overtaken.UNTIL_IT_RUNS


def _overtaken_by(action: Action) -> Overtaken:
    spec = spec_of(action)
    # What this server does not know any more fails, with that reason.
    return spec.overtaken_by if spec is not None else Overtaken.NOTHING


def _of_issue(facts: ItemFacts) -> Outcome | None:
    if facts.is_open:
        return None
    if facts.is_satisfied:
        return _done("somebody else closed it as completed")
    how = _CLOSED.get(facts.state_reason, "closed")
    return _failed(
        f"{how} after the command",
        "If it is wanted after all, reopen it and retry.",
    )


def _of_pull_request(item: PlanItem, facts: ItemFacts) -> Outcome | None:
    if facts.is_merged:
        return merged_by_others()
    if not facts.is_open:
        return closed()
    is_pinned = _overtaken_by(item.action) in (
        Overtaken.CLOSING_OR_PUSH,
        Overtaken.UNTIL_IT_RUNS,
    )
    if is_pinned and item.head_sha and facts.head_sha != item.head_sha:
        return head_moved(item.head_sha, facts.head_sha)
    return None


def _done(summary: str) -> Outcome:
    return Outcome(OutcomeKind.UNCHANGED, summary=summary)


def _failed(reason: str, advice: str) -> Outcome:
    return Outcome(OutcomeKind.FAILED, reason=reason, advice=advice)
