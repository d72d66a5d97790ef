"""Which runner does what, so that a plan never holds what nobody here can do."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.core.model import Action, ItemKind
from bot.errors import PermanentError
from bot.ports.work import Runner


class SelectiveRunner(Runner, Protocol):
    """A runner that says what it can do."""

    def why_not(self, action: Action, kind: ItemKind) -> str:
        """Return why it cannot do *action* to an item of *kind*; empty if it can.

        The reason is Markdown of our own and ends in what to do.
        """

    def is_meant_by(self, action: Action) -> bool:
        """Return whether the action is of the kind that this runner is for."""


class Registry:
    """The runners of this server, the first that can do an action first."""

    def __init__(self, runners: Sequence[SelectiveRunner]) -> None:
        self._runners = runners

    @property
    def runners(self) -> Mapping[str, Runner]:
        """The runners by name."""
        return {runner.name: runner for runner in self._runners}

    def runner_of(self, action: Action, kind: ItemKind) -> str:
        """Return the name of the runner for an action.

        Raises ``PermanentError`` where ``why_not`` has a reason.
        """
        for runner in self._runners:
            if not runner.why_not(action, kind):
                return runner.name
        raise PermanentError(self.why_not(action, kind))

    def why_not(self, action: Action, kind: ItemKind) -> str:
        """Return why nobody here can do *action* to *kind*; empty if somebody can."""
        reasons = {r.name: r.why_not(action, kind) for r in self._runners}
        if not all(reasons.values()):
            return ""
        meant = [r.name for r in self._runners if r.is_meant_by(action)]
        return reasons[(meant or list(reasons))[0]]
