"""Milestones that a command names: none is made, and none is taken for another."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bot.core.actions.milestone import argument_for, title_in
from bot.core.actions.spec import Form
from bot.core.actions.table import spec_of
from bot.core.command.faults import Declined
from bot.core.command.guesses import nearest, slip_of
from bot.core.command.syntax import Filter, Search
from bot.core.model import Action
from bot.core.plan.configuration import PATH
from bot.core.plan.expansion import Expansion, Known, with_argument, with_selector
from bot.core.world.markdown import code_span, plural


def milestones_wanted(expansion: Expansion) -> bool:
    """Return whether the repository's milestones have to be asked for."""
    known = expansion.known
    if known.milestones is None and any(_filtered(expansion)):
        return True
    seen = {facts.milestone for facts in known.facts.values() if facts is not None}
    return known.milestones is None and any(
        title not in seen for _, title in _named(expansion)
    )


def no_such_milestone(expansion: Expansion) -> Declined | None:
    """Return a refusal if a milestone is missing that items are to be put into."""
    milestones = expansion.known.milestones
    if milestones is None:
        return None
    known = {title.casefold() for title in milestones}
    for search, one, title in _filtered(expansion):
        if title.casefold() not in known:
            slip = slip_of(title, milestones)
            typed = expansion.typed(search)
            meant = replace(one, values=(slip,))
            filters = tuple(meant if o == one else o for o in typed.filters)
            found = with_selector(expansion.command, typed, Search(filters))
            return Declined(_missing(title, milestones), found if slip else "")
    for action, title in _named(expansion):
        if title.casefold() in known:
            continue
        slip = slip_of(title, milestones)
        message = _missing(title, milestones)
        if action.uses:
            whose = f"{code_span(action.name)} in `{PATH}` sets it."
            return Declined(f"{message} {whose}")
        new = [slip] if slip else []
        return Declined(message, with_argument(expansion.command, title, new))
    return None


def _missing(title: str, milestones: Mapping[str, int]) -> str:
    message = f"There is no milestone {code_span(title)}."
    guess = slip_of(title, milestones) or nearest(title, milestones)
    if not guess:
        return message
    count = plural(milestones[guess], "open item")
    return f"{message} The nearest is {code_span(guess)} ({count})."


def _filtered(expansion: Expansion) -> Iterator[tuple[Search, Filter, str]]:
    """Yield the titles by which a filter finds nothing; digits may be a number."""
    for search in expansion.searches:
        if expansion.known.filters.get(search) == ():
            for one in search.filters:
                for title in one.values if one.key == "milestone" else ():
                    if not title.isdigit():
                        yield search, one, title


def as_titled(action: Action, known: Known) -> Action:
    """Return an action with the milestone's title as the repository writes it."""
    titles = known.milestones or {}
    typed = title_in(action.arguments)
    is_exact = typed in titles or not typed
    alike = (one for one in titles if one.casefold() == typed.casefold())
    title = typed if is_exact else next(alike, typed)
    return replace(action, arguments=(argument_for(title),))


def _named(expansion: Expansion) -> Iterator[tuple[Action, str]]:
    """Yield the actions of the command that set a milestone, each with its title."""
    for action in expansion.actions:
        resolved = expansion.known.configuration.resolve(action).action
        spec = spec_of(resolved)
        if spec is not None and spec.arguments.form is Form.TITLE:
            title = title_in(resolved.arguments)
            if title:
                yield resolved, title
