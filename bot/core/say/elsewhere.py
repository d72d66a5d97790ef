"""Why items of another repository cannot be items of a batch.

Each is a sentence without its full stop, to stand behind the item that it is about.
"""

from bot.core.model import Role
from bot.core.world.markdown import code_span, escape_prose


def of_another_installation(name: str) -> str:
    """The repository is of an account on which the app is installed apart, if at all."""
    return (
        f"{code_span(name)} belongs to another installation of the app, and a batch works"
        " in the repositories of one; `after:` can wait for it"
    )


def not_installed(name: str) -> str:
    """The app cannot work there, or whoever asks cannot see the repository."""
    return f"I am not installed in {code_span(name)}"


def not_allowed(name: str) -> str:
    """The operator keeps the bot from working there."""
    return f"the operator of this server does not let me work in {code_span(name)}"


def archived(name: str) -> str:
    """The repository takes no change."""
    return f"{code_span(name)} is archived and takes no change"


def not_public(name: str) -> str:
    """Readers of the thread may be none of the repository."""
    return (
        f"{code_span(name)} is not public, and whoever reads this thread would read of it;"
        " give the command in one of its own issues"
    )


def broken(name: str, fault: str) -> str:
    """Its configuration does not fit."""
    return f"{escape_prose(fault.rstrip('.'))} (in {code_span(name)})"


def needs_role(name: str, needed: Role, had: Role) -> str:
    """Whoever asks may not do that there."""
    return (
        f"that takes **{needed.name.lower()}** access to {code_span(name)}, and you have"
        f" **{had.name.lower()}** there"
    )


def refused(why: str) -> str:
    """What stands in the way of a batch, as a whole sentence; nothing was started."""
    return f"{why[:1].upper()}{why[1:]}. Nothing was started."
