"""What this server can do, so that a plan never holds what nobody here can do."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from bot.core.actions.table import spec_of
from bot.core.model import Action, ItemKind, Repository
from bot.core.world.markdown import code_span, escape_prose, link
from bot.core.world.permissions import Grants
from bot.errors import Problem

WhyNot = Callable[[str], Problem | None]
"""Says why a worker cannot run the command of a name; None if it can."""


@dataclass(frozen=True, slots=True)
class Runner:
    """Which worker runs an item's command, or which command is not run on it."""

    worker: str = ""
    withheld: str = ""


@dataclass(frozen=True, slots=True)
class Abilities:
    """The actions of the table, and the workers that run commands: preferred first."""

    workers: Mapping[str, WhyNot] = field(default_factory=dict)
    for_forks: Set[str] = frozenset()  # commands that run on pull requests from forks
    commands: Set[str] = frozenset()  # all that the operator has named
    workers_of: Callable[[str], Sequence[str]] | None = None  # of ``owner/name``

    def of(self, repository: str) -> "Abilities":
        """Return those in one repository."""
        if self.workers_of is None:
            return self
        named = {name: self.workers[name] for name in self.workers_of(repository)}
        return replace(self, workers=named, workers_of=None)

    def runner_of(self, action: Action, *, is_from_fork: bool = False) -> Runner:
        """Return what runs the command of an action, if it has one.

        Only for actions about which ``why_not`` has nothing to say.
        """
        spec, command = spec_of(action), action.runs
        if spec is None or not (spec.runs_command or spec.may_run_command):
            return Runner()
        able = (name for name, why in self.workers.items() if not why(command))
        worker = next(able, "")
        if worker and is_from_fork and command not in self.for_forks:
            return Runner(withheld=command)
        return Runner(worker)

    def runner_in(
        self, action: Action, repository: Repository, *, is_from_fork: bool
    ) -> Runner:
        """Return like ``runner_of``, in a repository."""
        return self.of(repository.name).runner_of(action, is_from_fork=is_from_fork)

    def runs_command(self, action: Action) -> bool:
        """Return whether an action runs one of the operator's commands here."""
        spec = spec_of(action)
        may = spec is not None and (spec.runs_command or spec.may_run_command)
        return may and (
            action.runs in self.commands or bool(self.runner_of(action).worker)
        )

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
        is_named = action.command or action.runs in self.commands
        if not spec.runs_command and not (spec.may_run_command and is_named):
            return ""
        reasons = [why(action.runs) for why in self.workers.values()]
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
