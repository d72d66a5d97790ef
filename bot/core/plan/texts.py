"""What the text of an issue or pull request says about other items."""

import re
from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from bot.core.command.prose import block_tokens, veil
from bot.core.model import Reference
from bot.core.world.references import REFERENCE, references_in

_LINKED = re.sub(r"\(\?P<\w+>", "(?:", REFERENCE)
_SAYS = re.compile(r"\b(?:depends\s+on|blocked\s+by)\b", re.IGNORECASE)
_DEPENDENCY = re.compile(
    rf"""
    \b(?:depends\s{{1,9}}on|blocked\s{{1,9}}by)\s{{0,9}}:?\s{{0,9}}[*_]{{0,2}}\s{{0,9}}
    (?P<references>
      {_LINKED}
      (?:\s{{0,9}}(?:,\s{{0,9}}(?:and\s)?|&|\band\s)\s{{0,9}}{_LINKED})*
    )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_OPEN_TASK = re.compile(
    rf"\[[ ]\]\s{{1,9}}<?(?P<reference>{_LINKED})(?!\w)", re.IGNORECASE | re.VERBOSE
)


def dependencies_in(body: str, repository: str) -> tuple[Reference, ...]:
    """Return the items that *body* says it depends on or is blocked by, in order.

    Code, quotes and HTML comments are not read.
    """
    if not _SAYS.search(body):
        return ()
    found: list[Reference] = []
    for text in _visible_texts(block_tokens(body)):
        for match in _DEPENDENCY.finditer(text):
            found += references_in(match["references"], repository)
    return tuple(dict.fromkeys(found))


def open_tasks_in(body: str, repository: str) -> tuple[Reference, ...]:
    """Return the items that lead the unticked entries of the task lists in *body*."""
    if "[ ]" not in body:
        return ()
    found: list[Reference] = []
    tokens = block_tokens(body)
    for at, token in enumerate(tokens):
        is_entry = token.type == "inline" and tokens[at - 2].type == "list_item_open"
        if is_entry and (match := _OPEN_TASK.match(token.content)):
            found += references_in(match["reference"], repository)
    return tuple(dict.fromkeys(found))


def _visible_texts(tokens: Sequence[Token]) -> Iterator[str]:
    quotes = 0
    for token in tokens:
        if token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        elif token.type == "inline" and not quotes and _SAYS.search(token.content):
            yield veil(token.content).text
