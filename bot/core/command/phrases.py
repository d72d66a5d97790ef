"""Several words that mean something together, taken from a sentence."""

import re

from bot.core.command.joints import THEN
from bot.core.command.near_numbers import meant_numbers
from bot.core.command.sentence import Sentence
from bot.core.command.syntax import (
    Span,
)
from bot.core.command.tokens import Token
from bot.core.command.words import KEYED, is_item

PREPOSITIONS = frozenset({"to", "on", "for", "with", "from", "of", "at", "as"})

CONDITIONS = frozenset(
    {
        *(
            "not",
            "but",
            "no",
            "never",
            "don't",
            "dont",
            "unless",
            "if",
            "when",
            "until",
        ),
        *("or", "only", "without", "except", "after", "before", "once", "then", "nor"),
        *("instead", "stop", "wait", "cancel", "later", "tomorrow", "first", "last"),
        *("as", "one", "each", "order", "sequence", "row", "turn", "sequentially"),
        *("wontfix", "unplanned", "completed", "duplicate", "done", "fixed"),
        *("tonight", "daily", "nightly", "weekly", "every", "while", "once", "minus"),
    }
)
"""Words that make a sentence mean something else than its numbers alone."""

EVERYTHING = ("all", "*", "everything", "any", "every")


def take_run(
    sentence: Sentence, token: Token, *, is_text: bool = False, is_name: bool = False
) -> tuple[Span, str]:
    """Take the words up to the next one that is an item, option or connective.

    Through a text, commas and connectives go on; a name ends before a preposition
    that an item follows.
    """
    last = token
    while (following := sentence.following) is not None and not following.is_mark:
        if is_text:
            is_end = is_known(following) and not is_connective(following)
        else:
            is_end = following.comma is not None or is_known(following)
        if is_end or (is_name and leads_to_item(sentence, following)):
            break
        last = following
        sentence.at += 1
    span = Span(token.column, last.end - token.column)
    return span, sentence.line[token.column : last.end]


def take_phrase(
    sentence: Sentence, token: Token, pattern: re.Pattern[str]
) -> tuple[Span, str]:
    """Take the longest run of up to four words that *pattern* matches, if any does."""
    start = sentence.at - 1
    for count in (4, 3, 2, 1):
        words = sentence.tokens[start : start + count]
        said = " ".join(word.text for word in words)
        is_short = len(words) == count and len(said) < 40
        if is_short and pattern.match(said.rstrip(".!;:")):
            sentence.at = start + count
            return Span(token.column, words[-1].end - token.column), said
    return token.span, ""


def leads_to_item(sentence: Sentence, token: Token) -> bool:
    """Return whether a word only leads over to an item: the ``on`` of ``on 12``."""
    behind = sentence.tokens[sentence.at + 1 : sentence.at + 2]
    return token.folded in PREPOSITIONS and any(is_item(one.text) for one in behind)


def is_known(token: Token) -> bool:
    """Return whether a word could be of the language."""
    text = token.text
    return (
        is_item(text)
        or KEYED.match(text) is not None
        or meant_numbers(text) is not None
        or text[0] in '+-"\u201c\u2013\u2014'
        or token.folded in ("again", "dry-run", "after", *EVERYTHING)
        or token.folded.startswith("after:")
        or is_connective(token)
    )


def is_connective(token: Token) -> bool:
    """Return whether a word says how what stands around it belongs together."""
    return THEN.fullmatch(token.text) is not None or token.folded in (
        "except",
        "without",
        "excluding",
    )
