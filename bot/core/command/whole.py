"""What only the whole of a command shows: no items, filters apart, an item that waits for
itself.
"""

from collections.abc import Collection, Sequence

from bot.core.command.sentence import OpenGroup, OpenTerm, Sentence
from bot.core.command.syntax import (
    Exclusion,
    Number,
    Qualified,
    Search,
    Span,
    This,
    format_selector,
)
from bot.core.command.words import ITEM_HELP


def check_items(sentence: Sentence) -> None:
    """Note what is wrong with the items of a command that is read to its end."""
    words = [word for word in sentence.read_words if not isinstance(word, Exclusion)]
    if not words:
        first, last = sentence.tokens[0], sentence.tokens[-1]
        span = Span(first.column, last.end - first.column)
        key, _, value = first.folded.partition(":")
        if first is last and key == "concurrency":
            message = "of a batch that runs it is written concurrency 5"
            sentence.flaw(span, message, fix=f"{key} {value}")
        else:
            sentence.flaw(span, f"no items: {ITEM_HELP}", fix=None)
    _check_searches(sentence, [word for word in words if isinstance(word, OpenTerm)])
    all_terms: list[OpenTerm] = []
    for word in words:
        terms = word.terms if isinstance(word, OpenGroup) else [word]
        if isinstance(word, OpenGroup):
            _check_searches(sentence, terms)
        all_terms += terms
    for term in all_terms:
        _check_self(sentence, term, all_terms)


def _check_self(
    sentence: Sentence, term: OpenTerm, all_terms: Sequence[OpenTerm]
) -> None:
    if not isinstance(term.selector, Number | This | Qualified):
        return
    if any(
        one.selector == term.selector and one.action != term.action for one in all_terms
    ):
        return  # it may wait for the other one on its number: the facts tell
    for name in term.bound.after:
        if name == term.selector:
            shown = format_selector(name)
            shown = f"#{shown}" if isinstance(name, Number) else shown
            sentence.flaw(name.span, f"{shown} cannot wait for itself.", fix=None)


def _check_searches(sentence: Sentence, terms: Collection[OpenTerm]) -> None:
    """Check that no filters stand apart of which nothing says whether both hold."""
    loose = [
        term
        for term in terms
        if isinstance(term.selector, Search)
        and term.bound.is_empty
        and term.action is None
        and not all(one.is_not for one in term.selector.filters)
    ]
    for term in loose[1:]:
        message = (
            "filters that must all hold stand side by side; "
            "for either, put each in brackets"
        )
        sentence.flaw(term.span, message, fix=None)
    for term in terms:
        if isinstance(term.selector, Search) and all(
            (one.key, one.values) == ("is", ("open",)) for one in term.selector.filters
        ):
            message = "these are all open items; say which: is:issue, label:ready"
            sentence.flaw(term.span, message, fix=None)
    for term in terms:
        if isinstance(term.selector, Search) and all(
            one.is_not for one in term.selector.filters
        ):
            shown = format_selector(term.selector)
            message = (
                f"{shown} narrows the filters before it, and there is none: "
                f"label:ready {shown}"
            )
            sentence.flaw(term.span, message, fix=None)
