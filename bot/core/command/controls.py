"""The controls: commands that are about a batch, not about items to run."""

import re
from collections.abc import Collection, Sequence

from bot.core.command.syntax import (
    NUMERIC,
    Cancel,
    Command,
    Help,
    Number,
    Pause,
    Range,
    Resume,
    Retry,
    Skip,
    Start,
    Status,
    Why,
)
from bot.core.command.vocabulary import HELP_WORDS, TOPICS, in_words, meant
from bot.core.command.words import Token, Words, meant_numbers
from bot.core.model import BatchId, ItemNumber

BATCH_ID = re.compile(r"(?:[a-z][0-9]){2,4}\Z", re.IGNORECASE)


_WHOLE = {
    "cancel": ("all", "*", "everything", "batch", "it"),
    "retry": ("all", "*", "everything", "failed", "failures", "failed-items", "it"),
}


def read_control(words: Words, actions: Collection[str] = ()) -> Command | None:
    """Return the control that the line is; None only if a flaw is noted."""
    first, *rest = words.tokens
    match first.folded:
        case "status":
            return Status(_only_id(words, first, rest))
        case "start":
            return Start(_only_id(words, first, rest))
        case "pause":
            return Pause(_only_id(words, first, rest))
        case "resume":
            return Resume(_only_id(words, first, rest))
        case "cancel":
            return Cancel(*_id_and_items(words, rest))
        case "retry":
            return Retry(*_id_and_items(words, rest))
        case "help":
            return _help(words, rest, actions)
        case name:
            number = _one_number(words, first, rest)
            if number is None:
                return None
            return Why(number) if name == "why" else Skip(number)


def _only_id(words: Words, control: Token, rest: Sequence[Token]) -> BatchId | None:
    if not rest:
        return None
    first, *more = rest
    if control.folded == "status" and NUMERIC.match(first.text):
        message = "status takes the id of a batch; of an item, why says it"
        fix = "why" if not more and first.text.lstrip("#").isdigit() else None
        words.flaw(control.span, message, fix=fix)
        return None
    if not BATCH_ID.match(first.text):
        message = f"not a batch; {control.folded} takes an id like b7k2"
        is_run = control.folded == "start" and NUMERIC.match(first.text)
        if not is_run:
            words.flaw(first.span, message, fix=None)
            return None
        message = "start takes the id of a plan; items need no word before them"
        words.flaw(control.span, message, fix="")
        return None
    for token in more:
        message = f"too much: {control.folded} takes one id"
        words.flaw(token.span, message, fix=None)
    return BatchId(first.folded)


def _id_and_items(
    words: Words, rest: Sequence[Token]
) -> tuple[BatchId | None, tuple[ItemNumber, ...]]:
    found: BatchId | None = None
    numbers: list[ItemNumber] = []
    for at, token in enumerate(rest):
        if at == 0 and BATCH_ID.match(token.text):
            found = BatchId(token.folded)
        elif token.folded == "and":
            continue
        elif token.folded in _WHOLE.get(words.tokens[0].folded, ()) and not numbers:
            name = words.tokens[0].folded
            message = f"{name} alone means all of it"
            words.flaw(token.span, message, fix="")
        elif NUMERIC.match(token.text):
            match words.numeric(token):
                case Range() as span:
                    numbers += map(ItemNumber, span.numbers)
                case Number(number):
                    numbers.append(number)
                case None:
                    continue
        else:
            message = "not a batch id like b7k2 and not an item number"
            words.flaw(token.span, message, fix=meant_numbers(token.text))
    return found, tuple(dict.fromkeys(numbers))


def _one_number(
    words: Words, control: Token, rest: Sequence[Token]
) -> ItemNumber | None:
    if not rest:
        message = f"name an item: {control.folded} 18"
        words.flaw(control.span, message, fix=None)
        return None
    first, *more = rest
    for token in more:
        message = f"too much: {control.folded} takes one item"
        words.flaw(token.span, message, fix=None)
    match words.numeric(first) if NUMERIC.match(first.text) else None:
        case Number(number):
            return number
        case _:
            if not words.flaws:
                message = f"not an item number; write {control.folded} 18"
                words.flaw(first.span, message, fix=None)
            return None


def _help(words: Words, rest: Sequence[Token], actions: Collection[str]) -> Help | None:
    if not rest:
        return Help()
    first, *more = rest
    for token in more:
        words.flaw(token.span, "too much: help takes one topic", fix="")
    topic = first.folded.strip("`:+-/")
    if topic not in (*HELP_WORDS, *actions):
        guess = meant(topic, (*HELP_WORDS, *actions))
        hint = f"did you mean {guess}?" if guess else f"there is {in_words(TOPICS)}"
        words.flaw(first.span, f"no such topic; {hint}", fix=guess or None)
    return Help(topic)
