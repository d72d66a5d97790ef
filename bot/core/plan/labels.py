"""Labels that a command names: none is made in silence, and none is taken for another."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bot.core.actions.spec import Form
from bot.core.actions.table import spec_of
from bot.core.command.faults import Declined
from bot.core.command.guesses import nearest, slip_of
from bot.core.command.syntax import (
    MAKE,
    Filter,
    Search,
    quoted,
)
from bot.core.model import Action
from bot.core.plan.configuration import PATH
from bot.core.plan.expansion import Expansion, Known, with_argument, with_selector
from bot.core.plan.milestones import as_titled
from bot.core.world.markdown import code_span, join, plural

_BETWEEN = re.compile(r"\s*[/,+|&;]\s*|\s+(?:and\s+)?")


def labels_wanted(expansion: Expansion) -> bool:
    """Return whether the repository's labels have to be asked for."""
    known = expansion.known
    if known.labels is not None:
        return False
    for search in expansion.searches:
        is_empty = known.filters.get(search) == ()
        for one in search.filters:
            if one.key == "label" and (is_empty or one.is_not or len(one.values) > 1):
                return True
    seen = {
        label.casefold()
        for facts in known.facts.values()
        if facts is not None
        for label in facts.labels
    }
    return any(
        name.casefold() not in seen
        for action in _labelling(expansion)
        for _, name in _signs(action)
    )


def no_such_label(expansion: Expansion) -> Declined | None:
    """Return a refusal if a label is missing that a filter names or that is put on."""
    labels = expansion.known.labels
    if labels is None:
        return None
    known = {label.casefold() for label in labels}
    for search in expansion.searches:
        for one in search.filters:
            for value in one.values if one.key == "label" else ():
                if value.casefold() not in known:
                    return _filter_without(expansion, search, one, value)
    for action in _labelling(expansion):
        for sign, name in _signs(action):
            is_there = name.casefold() in known or (
                sign == MAKE or f"{name}!".casefold() in known
            )
            if sign != "-" and not is_there:
                return _label_without(expansion, action, name)
    return None


def label_notes(expansion: Expansion) -> Iterator[str]:
    """Yield what is said of labels that are made, or that nothing can be taken off."""
    labels = expansion.known.labels
    if labels is None:
        return
    known = {label.casefold() for label in labels}
    made: list[str] = []
    absent: list[str] = []
    for action in _labelling(expansion):
        for sign, name in _signs(action):
            if name.casefold() not in known and f"{name}!".casefold() not in known:
                (absent if sign == "-" else made).append(code_span(name))
    if made:
        verb = "is a new label" if len(made) == 1 else "are new labels"
        yield f"{join(list(dict.fromkeys(made)))} {verb} and will be made."
    if absent:
        verb = "is no label" if len(absent) == 1 else "are no labels"
        shown = join(list(dict.fromkeys(absent)))
        there = code_span(expansion.known.repository)
        where = there if expansion.is_away else "this repository"
        yield f"{shown} {verb} of {where}, so nothing can be taken off."


def as_done(action: Action, known: Known) -> Action:
    """Return an action with its arguments as they are carried out."""
    match _form(action):
        case Form.LABELS:
            labels = {label.casefold() for label in known.labels or ()}
            return replace(
                action,
                arguments=tuple(
                    _plain(sign, name, labels) for sign, name in _signs(action)
                ),
            )
        case Form.TITLE:
            return as_titled(action, known)
        case Form.LOGINS | Form.REVIEWERS if known.asker:
            mine = {f"{sign}@me": f"{sign}{known.asker}" for sign in "+-"}
            arguments = tuple(mine.get(one, one) for one in action.arguments)
            return replace(action, arguments=tuple(dict.fromkeys(arguments)))
        case _:
            return action


def _plain(sign: str, name: str, labels: Iterable[str]) -> str:
    is_marked = f"{name}!".casefold() in labels and name.casefold() not in labels
    if sign == MAKE and is_marked:
        return f"+{name}!"  # the mark is part of a label that exists
    return f"{'+' if sign == MAKE else sign}{name}"


def _form(action: Action) -> Form:
    spec = spec_of(action)
    return spec.arguments.form if spec else Form.NONE


def _labelling(expansion: Expansion) -> Iterator[Action]:
    """Yield the actions of the command that change labels."""
    for action in expansion.actions:
        resolved = expansion.known.configuration.resolve(action)
        if _form(resolved.action) is Form.LABELS:
            yield resolved.action


def _signs(action: Action) -> Iterator[tuple[str, str]]:
    """Yield sign and name of each label."""
    for argument in action.arguments:
        sign, name = argument[:1], argument[1:]
        is_made = action.uses and sign == "+" and name.endswith("!")
        yield (MAKE, name[:-1]) if is_made else (sign, name)


def _filter_without(
    expansion: Expansion, search: Search, one: Filter, value: str
) -> Declined:
    labels = expansion.known.labels or {}
    guess = slip_of(value, labels) or nearest(value, labels)
    corrected = ""
    if sure := slip_of(value, labels):
        named = (sure if other == value else other for other in one.values)
        values = tuple(dict.fromkeys(named))
        filters = tuple(
            replace(other, values=values) if other is one else other
            for other in search.filters
        )
        typed = expansion.typed(search)
        corrected = with_selector(expansion.command, typed, Search(filters))
    return Declined(_missing(value, guess, labels), corrected)


def _label_without(expansion: Expansion, action: Action, name: str) -> Declined:
    labels = expansion.known.labels or {}
    guess = slip_of(name, labels) or nearest(name, labels)
    message = _missing(name, guess, labels)
    if action.uses:
        return Declined(
            f"{message} {code_span(action.name)} in `{PATH}` puts it on: write"
            f" {code_span(f'+{name}!')} there to have it made."
        )
    made = code_span(f"+{quoted(name)}!")
    message = f"{message} To make a new one, write {made}."
    new = [f"+{one}" for one in _certain(name, labels)]
    return Declined(message, with_argument(expansion.command, f"+{name}", new))


def _certain(name: str, labels: Mapping[str, int]) -> Sequence[str]:
    """Return the labels that must have been meant: one, but for a slip, or several."""
    known = {label.casefold(): label for label in labels}
    parts = [known.get(part.casefold(), "") for part in _BETWEEN.split(name)]
    if len(parts) > 1 and all(parts):
        return parts
    slip = slip_of(name, labels)
    return [slip] if slip else []


def _missing(name: str, guess: str, labels: Mapping[str, int]) -> str:
    message = f"There is no label {code_span(name)}."
    if not guess:
        return message
    count = plural(labels[guess], "open item")
    return f"{message} The nearest is {code_span(guess)} ({count})."
