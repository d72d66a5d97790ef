"""What this server can do, so that a plan never holds what nobody here can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.core.actions.table import spec_of
from bot.core.model import Action, ItemKind
from bot.core.world.markdown import code_span, escape_prose, link
from bot.core.world.permissions import Grants
from bot.errors import Problem

WhyNot = Callable[[str], Problem | None]
"""Says why a worker cannot run the command of a name; None if it can."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """The actions of the table, and the workers that run commands: preferred first."""

    workers: Mapping[str, WhyNot] = field(default_factory=dict)

    def worker_of(self, action: Action) -> str:
        """Return which worker runs the command of an action; empty if it has none.

        Only for actions about which ``why_not`` has nothing to say.
        """
        spec = spec_of(action)
        if spec is None or not spec.runs_command:
            return ""
        able = (n for n, why in self.workers.items() if not why(_command(action)))
        return next(able, "")

    def why_not(self, action: Action, kind: ItemKind) -> str:
        """Return why nobody here can do *action* to *kind*, as Markdown; empty if
        somebody can.
        """
        spec = spec_of(action)
        shown = code_span(action.name)
        if spec is None or spec.next_step is None:
            return f"This server cannot do {shown} yet: leave it out."
        if not spec.applies_to.includes(kind):
            kinds = "pull requests" if kind is ItemKind.PULL_REQUEST else "issues"
            return f"This server cannot do {shown} on {kinds} yet: leave it out."
        if not spec.runs_command:
            return ""
        reasons = [why(_command(action)) for why in self.workers.values()]
        if None in reasons:
            return ""
        return escape_prose(str(reasons[0])) if reasons else "No worker is set up."


def why_not_granted(action: Action, kind: ItemKind, grants: Grants) -> str:
    """Return why the app may not do *action* to *kind*, as Markdown; empty if it may."""
    spec = spec_of(action)
    missing = grants.missing(spec.writes(kind)) if spec else ""
    if not missing:
        return ""
    where = link("in the app's settings", grants.url) if grants.url else "there"
    return (
        f"The app has not been granted {code_span(f'{missing}: write')}, which"
        f" {code_span(action.name)} needs: an owner can grant it {where}."
    )


def _command(action: Action) -> str:
    return action.command or action.does
