"""How each adapter says how it stands: one list for the start, ``/readyz`` and people."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """How a part stands."""

    FINE = "fine"
    NOTE = "note"  # it works, and an operator should know something
    BROKEN = "broken"  # the bot cannot do its work


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part, in words for its operator. Advice is for what is wrong."""

    part: str  # database, GitHub, isolation …
    state: State
    words: str
    advice: str = ""

    def __str__(self) -> str:
        """Return what was found, with the advice."""
        return f"{self.words}: {self.advice}" if self.advice else self.words


class Examined(Protocol):
    """A part that can say how it stands, at the cost of little and of no request."""

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
