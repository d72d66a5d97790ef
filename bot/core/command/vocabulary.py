"""Every word of the command language; the parser, help and README are made from it."""

import difflib
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

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
