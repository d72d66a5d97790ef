"""Every word of the command language; the parser, help and README are made from it."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from bot.core.model import ItemKind


class AppliesTo(StrEnum):
    """What an action can be done to."""

    ISSUES = "issues"
    PULL_REQUESTS = "pull_requests"
    BOTH = "both"

    def includes(self, kind: ItemKind) -> bool:
        """Return whether items of *kind* are meant."""
        match self:
            case AppliesTo.BOTH:
                return True
            case AppliesTo.ISSUES:
                return kind is ItemKind.ISSUE
            case AppliesTo.PULL_REQUESTS:
                return kind is ItemKind.PULL_REQUEST


class ItemNeed(StrEnum):
    """The state that an item must be in for an action to make sense."""

    OPEN = "open"
    CLOSED = "closed"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class BuiltinAction:
    """An action that every repository has."""

    name: str
    applies_to: AppliesTo
    needs: ItemNeed
    effect: str  # one sentence for the help text
    usage: str = ""  # the arguments, as they are typed; empty if there are none
    needs_arguments: bool = False


BUILTIN_ACTIONS: Mapping[str, BuiltinAction] = MappingProxyType(
    {
        action.name: action
        for action in (
            BuiltinAction(
                "implement",
                AppliesTo.ISSUES,
                ItemNeed.OPEN,
                "work on the issue; the result is a pull request",
            ),
            BuiltinAction(
                "review",
                AppliesTo.PULL_REQUESTS,
                ItemNeed.OPEN,
                "post one review on the pinned head commit",
            ),
            BuiltinAction(
                "merge",
                AppliesTo.PULL_REQUESTS,
                ItemNeed.OPEN,
                "update if behind, wait for the checks, merge with the pinned head",
            ),
            BuiltinAction(
                "update",
                AppliesTo.PULL_REQUESTS,
                ItemNeed.OPEN,
                "bring the branch up to date with its base",
            ),
            BuiltinAction(
                "label",
                AppliesTo.BOTH,
                ItemNeed.ANY,
                "add and remove labels",
                usage="+bug -triage",
                needs_arguments=True,
            ),
            BuiltinAction(
                "assign",
                AppliesTo.BOTH,
                ItemNeed.ANY,
                "assign and unassign people",
                usage="+ada -bob",
                needs_arguments=True,
            ),
            BuiltinAction(
                "close",
                AppliesTo.BOTH,
                ItemNeed.OPEN,
                "close as completed or as not planned",
                usage="[not-planned]",
            ),
            BuiltinAction("reopen", AppliesTo.BOTH, ItemNeed.CLOSED, "open it again"),
            BuiltinAction(
                "comment",
                AppliesTo.BOTH,
                ItemNeed.ANY,
                "post one comment",
                usage='"text"',
                needs_arguments=True,
            ),
            BuiltinAction(
                "dispatch",
                AppliesTo.BOTH,
                ItemNeed.ANY,
                "one GitHub Actions run per item, followed to its end",
                usage="workflow.yml [key=value …]",
                needs_arguments=True,
            ),
        )
    }
)

FILTERS = ("label", "milestone", "author", "assignee")
COLLECTIONS = ("sub-issues", "tasks")
ITEM_OPTIONS = ("priority", "timeout", "retries")
BATCH_OPTIONS = ("concurrency", "on-failure", *ITEM_OPTIONS, "budget", "deps")
CONTROLS = (
    "plan",
    "status",
    "why",
    "start",
    "cancel",
    "pause",
    "resume",
    "retry",
    "skip",
    "help",
)
TOPICS = ("items", "options", "labels", "config")
PRIORITIES: Mapping[str, int] = MappingProxyType({"high": 80, "normal": 50, "low": 20})

RESERVED = frozenset(
    (*FILTERS, *COLLECTIONS, *BATCH_OPTIONS, *CONTROLS, "after", "and", "this")
) | {"dry-run", "http", "https"}
"""Names that an action of a repository cannot have: they mean something else."""


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return the choice that *word* most probably stands for, or an empty string."""
    # difflib takes quadratic time in the length of the words.
    if not 2 <= len(word) <= 40:
        return ""
    by_folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), by_folded, 1, 0.65)
    return by_folded[found[0]] if found else ""


def in_words(choices: Collection[str], *, last: str = "or") -> str:
    """Return ``a, b or c``."""
    *first, end = choices
    return f"{', '.join(first)} {last} {end}" if first else end
