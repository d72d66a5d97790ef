"""Why items of another repository cannot be items of a batch.

Each is a sentence without its full stop, to stand behind the item that it is about.
"""

from typing import assert_never

from bot.core.model import Role
from bot.core.plan.configuration import PATH
from bot.core.plan.consent import Bar
from bot.core.plan.keys import SHOWN_IN
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


def not_shown(bar: Bar, name: str, home: str) -> str:
    """Readers of the thread may be none of the repository."""
    match bar:
        case Bar.TOO_PUBLIC:
            why = f"more people can read {code_span(home)}, where it would be shown"
            instead = ""
        case Bar.NOT_LISTED:
            why = f"whoever reads {code_span(home)} would read of it"
            instead = (
                f"add {code_span(f'{SHOWN_IN}: [{home}]')} to {code_span(PATH)} on the"
                f" default branch of {code_span(name)}, or "
            )
        case _:
            assert_never(bar)
    own = "give the command in one of its own issues"
    return f"{code_span(name)} is not public, and {why}; {instead}{own}"


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
