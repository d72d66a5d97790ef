"""Milestones that a command names: none is made, and none is taken for another."""

from collections.abc import Iterator
from dataclasses import replace

from bot.core.actions.milestone import title_in
from bot.core.actions.spec import Form
from bot.core.actions.table import spec_of
from bot.core.command.faults import Declined
from bot.core.command.guesses import nearest, slip_of
from bot.core.model import Action
from bot.core.plan.configuration import PATH
from bot.core.plan.expansion import Expansion, Known, with_argument
from bot.core.world.markdown import code_span, plural


def milestones_wanted(expansion: Expansion) -> bool:
    """Return whether the repository's milestones have to be asked for."""
    known = expansion.known
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
    for action, title in _named(expansion):
        if title.casefold() in known:
            continue
        slip = slip_of(title, milestones)
        guess = slip or nearest(title, milestones)
        message = f"There is no milestone {code_span(title)}."
        if guess:
            count = plural(milestones[guess], "open item")
            message += f" The nearest is {code_span(guess)} ({count})."
        if action.uses:
            whose = f"{code_span(action.name)} in `{PATH}` sets it."
            return Declined(f"{message} {whose}")
        new = [slip] if slip else []
        return Declined(message, with_argument(expansion.command, title, new))
    return None


def as_titled(action: Action, known: Known) -> Action:
    """Return an action with the milestone's title as the repository writes it."""
    titles = known.milestones or {}
    (typed,) = action.arguments
    is_exact = typed in titles
    alike = (one for one in titles if one.casefold() == typed.casefold())
    return replace(action, arguments=(typed if is_exact else next(alike, typed),))


def _named(expansion: Expansion) -> Iterator[tuple[Action, str]]:
    """Yield the actions of the command that set a milestone, each with its title."""
    for action in expansion.actions:
        resolved = expansion.known.configuration.resolve(action).action
        spec = spec_of(resolved)
        if spec is not None and spec.arguments.form is Form.TITLE:
            title = title_in(resolved.arguments)
            if title:
                yield resolved, title
