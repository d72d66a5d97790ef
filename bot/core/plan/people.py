"""People whom a command names: nobody is assigned or asked who cannot be, and none is
taken for another.
"""

from collections.abc import Iterator
from dataclasses import replace

from bot.core.actions.assign import ASSIGN
from bot.core.actions.request import REQUEST
from bot.core.actions.table import spec_of
from bot.core.command.faults import Declined
from bot.core.command.guesses import slip_of
from bot.core.command.syntax import Filter, Search, format_selector
from bot.core.effects import TEAM
from bot.core.model import Action
from bot.core.plan.configuration import PATH
from bot.core.plan.expansion import Expansion, with_argument, with_selector
from bot.core.world.markdown import code_span, join


def people_wanted(expansion: Expansion) -> tuple[str, ...]:
    """Return the logins of which it has to be asked whether they can be assigned."""
    known = expansion.known
    logins = [
        *(login for _, login in _assigned(expansion)),
        *(login for _, _, login in _filtered(expansion)),
        # Who is near to them is found with them.
        *(
            name
            for _, name in _asked(expansion)
            if not name.startswith(TEAM) and not known.reviewers.get(name, True)
        ),
    ]
    found = dict.fromkeys(logins)
    return tuple(login for login in found if login not in known.assignable)


def reviewers_wanted(expansion: Expansion) -> tuple[str, ...]:
    """Return the logins and teams of which it has to be asked whether they may review."""
    known = expansion.known.reviewers
    names = dict.fromkeys(name for _, name in _asked(expansion))
    return tuple(name for name in names if name not in known)


def no_such_person(expansion: Expansion) -> Declined | None:
    """Return a refusal if a filter finds nothing by somebody who is not known here."""
    known = expansion.known
    for search, one, login in _filtered(expansion):
        if known.assignable.get(login, True):
            continue
        guess = slip_of(login, known.people)
        shown = code_span(format_selector(search))
        message = (
            f"{shown} matches no open issue or pull request, and nobody with access here"
            f" is called {code_span(login)}."
        )
        if not guess:
            return Declined(message, is_nothing=True)
        values = tuple(guess if value == login else value for value in one.values)
        meant = replace(one, values=tuple(dict.fromkeys(values)))
        typed = expansion.typed(search)
        filters = tuple(meant if other == one else other for other in typed.filters)
        return Declined(
            f"{message} The nearest is {code_span(guess)}.",
            with_selector(expansion.command, typed, Search(filters)),
        )
    return None


def nobody_to_ask(expansion: Expansion) -> Declined | None:
    """Return a refusal if somebody is to be asked for reviews who cannot be."""
    known = expansion.known
    for action, name in _asked(expansion):
        if not known.reviewers.get(name, True):
            guess = slip_of(name, known.people)
            message = f"{code_span(name)} cannot be asked for reviews here."
            message += f" The nearest is {code_span(guess)}." if guess else ""
            rule = " GitHub takes people and teams with access to the repository."
            return _without(expansion, action, name, message, guess, rule)
        written = [
            facts
            for number in expansion.asked
            if (facts := known.facts.get(number)) is not None
            and facts.author.casefold() == name.casefold()
        ]
        if len(action.arguments) == 1 and len(written) == len(expansion.asked):
            shown = join([f"{known.mark}{facts.number}" for facts in written[:3]])
            return Declined(
                f"{code_span(name)} wrote {shown}, and GitHub asks no author for a review."
            )
    return None


def nobody_to_assign(expansion: Expansion) -> Declined | None:
    """Return a refusal if somebody is to be assigned who cannot be."""
    known = expansion.known
    for action, login in _assigned(expansion):
        if known.assignable.get(login, True):
            continue
        guess = slip_of(login, known.people)
        message = f"{code_span(login)} cannot be assigned here."
        message += f" The nearest is {code_span(guess)}." if guess else ""
        rule = (
            " GitHub takes people with access to the repository, and who has taken part"
            " in the item."
        )
        return _without(expansion, action, login, message, guess, rule)
    return None


def _without(
    expansion: Expansion, action: Action, name: str, message: str, guess: str, rule: str
) -> Declined:
    """Return the refusal of an action that names somebody for whom it cannot be done."""
    if action.uses:
        where = f"{code_span(action.name)} in `{PATH}` names them"
        return Declined(f"{message} {where}: change it there.")
    new = [f"+{guess}"] if guess else []
    corrected = with_argument(expansion.command, f"+{name}", new)
    return Declined(message + rule, corrected)


def _filtered(expansion: Expansion) -> Iterator[tuple[Search, Filter, str]]:
    """Yield the people by whom a filter finds nothing, but for who asks and for bots."""
    known = expansion.known
    for search in expansion.searches:
        if known.filters.get(search) != ():
            continue
        for one in search.filters:
            if one.key not in ("author", "assignee") or one.is_not:
                continue
            for login in one.values:
                is_asker = login.casefold() == known.asker.casefold()
                if not is_asker and not login.endswith("[bot]"):
                    yield search, one, login


def _assigned(expansion: Expansion) -> Iterator[tuple[Action, str]]:
    """Yield whom the command assigns."""
    return _named(expansion, ASSIGN.name)


def _asked(expansion: Expansion) -> Iterator[tuple[Action, str]]:
    """Yield whom the command asks for reviews."""
    return _named(expansion, REQUEST.name)


def _named(expansion: Expansion, name: str) -> Iterator[tuple[Action, str]]:
    """Yield whom an action of the command names, but for who asks and for bots.

    Who may ask may be assigned; which bots may be, GitHub does not tell.
    """
    known = expansion.known
    for action in expansion.actions:
        resolved = known.configuration.resolve(action).action
        spec = spec_of(resolved)
        if spec is None or spec.name != name:
            continue
        for argument in resolved.arguments:
            login = argument[1:]
            is_asker = login.casefold() in ("@me", known.asker.casefold())
            if argument[0] == "+" and not is_asker and not login.endswith("[bot]"):
                yield resolved, login
