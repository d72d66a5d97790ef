"""Which role a command needs; who has it is asked from GitHub when it counts."""

from collections.abc import Iterable

from bot.core.model import Action, Role

MAINTAINERS_ACTIONS = frozenset({"merge", "close"})
"""Built-in actions that need the role *maintain*, asked again before each."""


def is_for_maintainers(action: Action) -> bool:
    """Return whether an action needs the role *maintain*, whatever it is called here."""
    return not action.command and (action.uses or action.name) in MAINTAINERS_ACTIONS


def needed_role(actions: Iterable[Action], *, to_run: Role) -> Role:
    """Return the role that starting a batch of these actions needs.

    *to_run* is what the repository asks of whoever starts any batch.
    """
    is_closing = any(map(is_for_maintainers, actions))
    return max(to_run, Role.MAINTAIN) if is_closing else to_run
