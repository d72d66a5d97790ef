"""What a word that the language does not have was probably meant to be.

A guess that ends in a command to copy is a slip of the hand in a word of the language,
or a word that other programs have for it. A word of its own that only looks alike is
neither: ``patch`` is no ``dispatch``, ``chance`` no ``cancel``.
"""

import difflib
import re
from collections.abc import Collection, Iterable

from bot.core.command.vocabulary import STRANGERS, SYNONYMS

_LONGEST = 40
_HOMOGLYPHS = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456", "aeopcyxi"
)
"""Cyrillic letters that look like Latin ones."""

_DIGITS = re.compile("[0-9]")
_DOUBLED = re.compile(r"(.)\1+")


def nearest(word: str, choices: Iterable[str], *, likeness: float = 0.65) -> str:
    """Return the choice that looks most like *word*, or an empty string."""
    # difflib takes quadratic time in the length of the words.
    if not 2 <= len(word) <= _LONGEST:
        return ""
    by_folded = {choice.casefold(): choice for choice in choices}
    found = difflib.get_close_matches(word.casefold(), by_folded, 1, likeness)
    return by_folded[found[0]] if found else ""


def slip_of(word: str, choices: Iterable[str]) -> str:
    """Return the choice that *word* is, but for a slip of the hand; else nothing.

    Nothing too if it could be two of them.
    """
    if not 2 < len(word) <= _LONGEST:
        return ""
    folded = word.casefold()
    letters = sorted(folded)
    found = {
        # Letters that changed places: “strat” is “start” rather than “stat”.
        choice: (distance, sorted(choice.casefold()) != letters)
        for choice in dict.fromkeys(choices)
        if (distance := _distance_of_slip(folded, choice.casefold())) is not None
    }
    least = min(found.values(), default=(0, False))
    closest = [choice for choice, distance in found.items() if distance == least]
    return closest[0] if len(closest) == 1 else ""


def meant(word: str, choices: Collection[str]) -> str:
    """Return the word of *choices* that another one stands for, or an empty string.

    What the word means elsewhere comes before its letters: ``stop`` is no ``start``.
    """
    if len(word) > _LONGEST:
        return ""
    folded = word.casefold()
    ours = {choice.casefold(): choice for choice in choices}
    if not folded.isascii() and (latin := ours.get(folded.translate(_HOMOGLYPHS))):
        return latin
    known = {**dict.fromkeys(STRANGERS, ""), **SYNONYMS, **ours}

    def could_be(one: str) -> bool:
        is_like = len(one) != len(folded) or sorted(one) == sorted(folded)
        return (
            one not in SYNONYMS
            or one in ours
            or (is_like and _distance(folded, one) <= 1)
        )

    # Another program's word is read with one slip, never with another letter in it:
    # “process” is no “progress”, “stage” no “state”.
    near = folded if folded in known else slip_of(folded, filter(could_be, known))
    near = near or slip_of(folded, ours)  # which is closer than what others say
    found = known.get(near, "")
    return found if found in choices else ""


def _distance_of_slip(word: str, known: str) -> int | None:
    """Return how many slips make *word* of another; None if that is not plausible.

    A long word bears more of them. Short words are close to many, so there the first
    letter has to be right, and none may be another one.
    """
    if _DIGITS.findall(word) != _DIGITS.findall(known):
        return None  # another number is another thing: v2.4 is no v2.5
    length = len(known)
    if length > 2 and _DOUBLED.sub(r"\1", word) == _DOUBLED.sub(r"\1", known):
        return 1  # a letter more or less often
    most = 1 if length < 7 else 2 if length < 10 else 3
    if abs(len(word) - length) > most or length < 3:
        return None
    is_turned = len(word) == length and sorted(word) == sorted(known)
    if length == 3 and not is_turned and word != f"{known}s":
        return None
    if length == 4 and len(word) == length and not is_turned:
        return None
    if word[:1] != known[:1] and length < 6 and not is_turned:
        return None
    if word in (f"{known}ed", f"{known}d", f"{known}ing", f"{known[:-1]}ing"):
        return None  # what is “closed” is not to be closed
    distance = _distance(word, known)
    return distance if distance <= most else None


def _distance(one: str, two: str) -> int:
    """Return the letters to add, take out, change or swap with their neighbour."""
    before: list[int] = []
    last = list(range(len(two) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, other in enumerate(two, 1):
            cost = min(
                last[column] + 1,
                now[-1] + 1,
                last[column - 1] + (letter != other),
            )
            is_swap = (
                row > 1
                and column > 1
                and (letter, other) == (two[column - 2], one[row - 2])
            )
            now.append(min(cost, before[column - 2] + 1) if is_swap else cost)
        before, last = last, now
    return last[-1]
