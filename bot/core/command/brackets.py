"""The options of one term: ``18[priority:high timeout:2h]``."""

from bot.core.command import dashes
from bot.core.command.flaws import Edit
from bot.core.command.guesses import slip_of
from bot.core.command.sentence import MAX_FAULTS, Bound, Sentence
from bot.core.command.syntax import Span
from bot.core.command.tokens import Token
from bot.core.command.vocabulary import (
    BATCH_OPTIONS,
    ITEM_OPTIONS,
    OPTION_SYNONYMS,
    PRIORITIES,
    in_words,
)
from bot.core.command.words import KEYED


def read(sentence: Sentence, opening: Token) -> None:
    """Read ``[priority:high …]`` into the term on its left."""
    inside: list[Token] = []
    end = sentence.end
    while sentence.at < len(sentence.tokens):
        token = sentence.tokens[sentence.at]
        sentence.at += 1
        if token.text == "]" and token.is_mark:
            end = token.end
            break
        inside.append(token)
    else:
        edit = (Edit(Span(sentence.end, 0), "]"),)
        sentence.flaw_with(opening.span, "this bracket is never closed", edit)
    if sentence.target is None:
        message = "nothing stands before these options; write 12[priority:high]"
        sentence.flaw(opening.span, message, fix=None)
        return
    brackets = Span(opening.column, end - opening.column)
    for at, token in enumerate(inside):
        whole = brackets if len(inside) == 1 else token.span
        if len(sentence.flaws) >= MAX_FAULTS:
            break
        behind = inside[at + 1] if at + 1 < len(inside) else None
        before = inside[at - 1] if at else None
        if before is not None and _is_parted(before, token):
            continue
        if behind is not None and _is_parted(token, behind):
            fix = f"{token.folded}:{behind.text}"
            span = Span(token.column, behind.end - token.column)
            sentence.flaw(span, f"{token.folded} needs a colon: {fix}", fix=fix)
            continue
        _bracketed(sentence, token, whole, sentence.target.bound)


def _bracketed(sentence: Sentence, token: Token, whole: Span, bound: Bound) -> None:
    found = KEYED.match(token.text)
    key = found["key"].casefold() if found else ""
    if found and key in ITEM_OPTIONS:
        sentence.option(token, key, bound)
    elif found and key in BATCH_OPTIONS:
        message = f"{key} is for the whole batch: write it outside the brackets"
        moved = Edit(Span(sentence.end, 0), f" {token.text}")
        sentence.flaw_with(token.span, message, (Edit(whole, ""), moved))
    elif found and key == "after":
        message = "after: stands behind the brackets"
        sentence.flaw(token.span, message, fix=None)
    elif token.folded in PRIORITIES:
        fix = f"priority:{token.folded}"
        sentence.flaw(token.span, f"write {fix}", fix=fix)
    else:
        word = key or token.folded
        guess = OPTION_SYNONYMS.get(word) or slip_of(word, ITEM_OPTIONS)
        guess = guess if guess in ITEM_OPTIONS else ""
        hint = f"did you mean {guess}?" if guess else f"use {in_words(ITEM_OPTIONS)}"
        span = Span(token.column, len(key) or len(token.text))
        sentence.flaw(
            span, f"unknown option; {hint}", fix=guess if key and guess else None
        )


def _is_parted(key: Token, value: Token) -> bool:
    """Return whether two words are an option of an item, but for the colon."""
    return key.folded in ITEM_OPTIONS and dashes.fits(key.folded, value)
