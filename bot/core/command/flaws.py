"""Faults of a line with the edits that mend them."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.command.faults import Fault
from bot.core.command.syntax import Span


@dataclass(frozen=True, slots=True)
class Edit:
    """A text to be written in the place of what is there."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """A fault with the edits that mend it; None if nobody can say."""

    fault: Fault
    edits: tuple[Edit, ...] | None


def mended(line: str, flaws: Sequence[Flaw]) -> str:
    """Return the line with all edits made, or nothing if a flaw has none."""
    edits: list[Edit] = []
    for flaw in flaws:
        if flaw.edits is None:
            return ""
        edits.extend(flaw.edits)
    mended = ""
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.span.column):
        if edit.span.column < at:
            return ""
        mended = _joined(mended, line[at : edit.span.column], line, at)
        at = edit.span.column
        mended = _joined(mended, edit.text, line, at)
        at += edit.span.length
    return _joined(mended, line[at:], line, at).strip().rstrip(" ,")


def _joined(before: str, behind: str, line: str, at: int) -> str:
    """Return both parts, which met at a column of the line.

    Where a word was taken out, one of its two spaces goes; digits that did not stand
    together do not become one number.
    """
    if before[-1:].isspace():
        return before + behind.lstrip(" \t")
    was_one = line[at - 1 : at].isalnum() and line[at : at + 1].isalnum()
    is_one = before[-1:].isdigit() and behind[:1].isdigit()
    return f"{before} {behind}" if is_one and not was_one else before + behind
