"""What the bot does on this machine: workspaces, commands, memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.core.model import AttemptId, Repository


@dataclass(frozen=True, slots=True)
class Workspace:
    """A clone for one attempt. The git directory is outside ``path``."""

    attempt: AttemptId
    path: str  # what the command sees and changes
    base_sha: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a command changed: one commit in the mirror, not yet on GitHub."""

    sha: str
    files: tuple[str, ...]
    insertions: int
    deletions: int


class Workspaces(Protocol):
    """Clones of repositories, made and removed."""

    async def create(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str] = (),
    ) -> Workspace:
        """Fetch the repository and clone *base* (a branch), merging branches into it.

        Raises ``TransientError`` when the fetch fails, ``PermanentError`` when a
        branch does not exist or a merge conflicts.
        """

    async def commit(self, workspace: Workspace, *, message: str) -> Change | None:
        """Commit everything that changed into the mirror; None if nothing did.

        The commit is kept under a ref of the attempt until ``remove``.
        """

    async def remove(self, attempt: AttemptId) -> None:
        """Delete the workspace and the attempt's ref. No error if there is none."""

    async def remove_all(self) -> int:
        """Delete every workspace; for the start. Return how many there were."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command ended. ``log_tail`` is its last lines, redacted, without ANSI codes."""

    exit_code: int  # negative: the signal
    timed_out: bool
    log_tail: tuple[str, ...]
    log_truncated: bool


class Commands(Protocol):
    """Runs an operator's command in a workspace, isolated, and kills its whole tree."""

    @property
    def isolation(self) -> str:
        """How commands are isolated, such as ``bubblewrap``."""

    async def run(
        self,
        attempt: AttemptId,
        argv: Sequence[str],
        *,
        workspace: Workspace,
        inputs: Mapping[str, str],
        environment: Mapping[str, str],
        timeout_seconds: float,
        on_line: Callable[[str], None],
    ) -> Finished:
        """Run until it ends, or kill it at the time-out.

        *inputs* are files by name, put outside the workspace into the folder that
        ``BATCH_INPUT`` names (``item.json`` is also named by ``BATCH_ITEM_FILE``, and
        so on); the command may write into ``BATCH_OUTPUT``. Exit code 127 means that
        there is no such command. Raises ``TransientError`` when nothing can be started.
        Cancelling the task kills the tree before it returns.
        """

    async def output(self, attempt: AttemptId, name: str) -> str | None:
        """Return a file that the command wrote into its output folder, capped."""

    async def kill(self, attempt: AttemptId) -> None:
        """Kill the whole tree of an attempt; nothing of it is left on return."""

    async def kill_orphans(self) -> int:
        """Kill what an earlier process of the bot left; return how many."""


class Memory(Protocol):
    """The memory that this process may use, cgroup limit included."""

    def used_fraction(self) -> float:
        """Return 0.0 to 1.0."""
