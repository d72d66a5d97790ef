"""Which lines of a diff can be commented on: those that its patches show.

https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.core.remarks import Side

_HUNK = re.compile(r"@@ -([0-9]+)(?:,[0-9]+)? \+([0-9]+)(?:,[0-9]+)? @@")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a patch shows; where it did not change it has a number on each side."""

    text: str
    left: int = 0  # counted from 1; 0: it is not on that side
    right: int = 0
    hunk: int = 0  # which part of the patch it is in, counted from 0

    @property
    def is_added(self) -> bool:
        """Whether it was not there before."""
        return not self.left

    @property
    def is_removed(self) -> bool:
        """Whether it is not there any more."""
        return not self.right

    def number(self, side: Side) -> int:
        """Return its number on a side, 0 if it is not there."""
        return self.left if side is Side.LEFT else self.right


def lines(patch: str) -> Iterator[Line]:
    """Yield the lines of a patch as GitHub gives it: without the names of the files."""
    left = right = 0
    hunk = -1
    for row in patch.split("\n"):
        if found := _HUNK.match(row):
            left, right = int(found[1]), int(found[2])
            hunk += 1
            continue
        sign, text = row[:1], row[1:].removesuffix("\r")
        if hunk < 0 or sign not in (" ", "+", "-"):
            continue  # such as "\ No newline at end of file"
        yield Line(
            text,
            left=0 if sign == "+" else left,
            right=0 if sign == "-" else right,
            hunk=hunk,
        )
        left += sign != "+"
        right += sign != "-"


def added(patch: str) -> Iterator[Line]:
    """Yield the lines that were not there before."""
    return (line for line in lines(patch) if line.is_added)


def removed(patch: str) -> Iterator[Line]:
    """Yield the lines that are not there any more."""
    return (line for line in lines(patch) if line.is_removed)


def has(patch: str, side: Side, number: int) -> bool:
    """Return whether a line can be commented on."""
    return any(line.number(side) == number for line in lines(patch) if number > 0)
