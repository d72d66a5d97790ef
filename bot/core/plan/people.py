"""People whom a command assigns: nobody is who cannot be, and none is taken for another."""

from collections.abc import Iterator

from bot.core.actions.assign import ASSIGN
from bot.core.actions.table import spec_of
from bot.core.command.faults import Declined
from bot.core.command.guesses import slip_of
from bot.core.model import Action
from bot.core.plan.configuration import PATH
from bot.core.plan.expansion import Expansion, with_argument
from bot.core.world.markdown import code_span


def people_wanted(expansion: Expansion) -> tuple[str, ...]:
    """Return the logins of which it has to be asked whether they can be assigned."""
    known = expansion.known.assignable
    logins = (login for _, login in _assigned(expansion))
    return tuple(login for login in dict.fromkeys(logins) if login not in known)


def nobody_to_assign(expansion: Expansion) -> Declined | None:
    """Return a refusal if somebody is to be assigned who cannot be."""
    known = expansion.known
    for action, login in _assigned(expansion):
        if known.assignable.get(login, True):
            continue
        guess = slip_of(login, known.people)
        message = f"{code_span(login)} cannot be assigned here."
        message += f" The nearest is {code_span(guess)}." if guess else ""
        if action.uses:
            where = f"{code_span(action.name)} in `{PATH}` names them"
            return Declined(f"{message} {where}: change it there.")
        message += (
            " GitHub takes people with access to the repository, and who has taken part"
            " in the item."
        )
        new = [f"+{guess}"] if guess else []
        return Declined(message, with_argument(expansion.command, f"+{login}", new))
    return None


def _assigned(expansion: Expansion) -> Iterator[tuple[Action, str]]:
    """Yield whom the command assigns, but for who asks and for bots.

    Who may ask may be assigned; which bots may be, GitHub does not tell.
    """
    known = expansion.known
    for action in expansion.actions:
        resolved = known.configuration.resolve(action).action
        spec = spec_of(resolved)
        if spec is None or spec.name != ASSIGN.name:
            continue
        for argument in resolved.arguments:
            login = argument[1:]
            is_asker = login.casefold() in ("@me", known.asker.casefold())
            if argument[0] == "+" and not is_asker and not login.endswith("[bot]"):
                yield resolved, login
