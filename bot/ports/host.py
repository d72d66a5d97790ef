"""What the bot does on this machine: workspaces, commands, memory."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId, CommandResult, ItemNumber, Person, Repository
from bot.core.remarks import Written
from bot.core.say.notes import Leftover
from bot.errors import Problem

OUTPUT_BYTES = 1024 * 1024
"""What is read of a file that a command wrote for the bot, if nobody says otherwise."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A clone for one attempt.

    The repository in ``path`` is the command's own; the bot never reads it.
    """

    attempt: AttemptId
    path: str  # what the command sees and changes
    base_sha: str
    base: str = ""  # the branch that it stands on
    merged: tuple[str, ...] = ()  # branches that were merged into it
    has_pointers: bool = False  # files under Git LFS are pointers, not what they name
    template: str = ""  # the repository's own, for pull requests
    # Of a pull request to be looked at; ``base_sha`` is the head of its base then.
    merge_base_sha: str = ""
    diff: str = ""  # the path of a file: from there to the head
    changed: tuple[str, ...] = ()  # the files in that


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or folder that a change is made without."""

    path: str
    why: Leftover
    is_work: bool = False  # whether somebody may miss it: no cache, no installation


@dataclass(frozen=True, slots=True)
class Change:
    """What a command changed: one commit in the mirror, not yet on GitHub."""

    sha: str
    files: tuple[str, ...]
    insertions: int
    deletions: int
    added: tuple[str, ...] = ()  # of the files; the rest of them was there before
    removed: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unfiltered: tuple[str, ...] = ()  # files whose ``filter=`` nobody knows here


@dataclass(frozen=True, slots=True)
class Rebased:
    """A commit that was made again. ``sha`` is empty if all of it was there already."""

    sha: str
    base: str  # the branch that it stands on
    merged: tuple[str, ...] = ()  # branches that were merged into that


@dataclass(frozen=True, slots=True)
class Brought:
    """A branch that was looked at: where it is, and what has to be pushed to it."""

    head_sha: str
    sha: str  # empty: it may stay as it is


class Workspaces(Protocol):
    """Clones of repositories, made and removed."""

    def is_away(self, repository: Repository) -> bool:
        """Return whether git did not get through to a repository the last time."""

    async def create(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str] = (),
        author: Person | None = None,
    ) -> Workspace:
        """Fetch the repository and clone *base* (a branch), merging branches into it.

        What others contain is not merged; a branch that contains all that is to be
        merged, and is not in *base*, is stood on instead: the workspace says so.
        *author* makes the commits of the attempt.
        Raises ``TransientError`` when the fetch fails, ``BranchMissing`` when a branch
        does not exist, ``PermanentError`` when a merge conflicts.
        """

    async def check_out(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        number: ItemNumber,
        head_sha: str,
        base: str,
    ) -> Workspace:
        """Fetch a pull request and its base and write the files of its head.

        Nothing is merged. Raises what ``create`` raises; ``BranchMissing`` also when the
        pull request is at another commit.
        """

    async def commit(
        self, workspace: Workspace, *, message: str, co_author: Person | None = None
    ) -> Change | None:
        """Commit everything that changed into the mirror; None if nothing did.

        What counts is the files against those that ``create`` wrote, whatever the
        command did with its repository. The commit is kept under a ref of the attempt
        until ``remove``. Raises ``PermanentError`` when it cannot be committed, or all
        that changed is work that has to be left out.
        """

    async def rebase(
        self,
        attempt: AttemptId,
        repository: Repository,
        sha: str,
        *,
        base: str,
        merge: Sequence[str] = (),
    ) -> Rebased:
        """Make a commit of the attempt again on branches as they are now.

        Where it then stands is found as ``create`` finds it, and it is kept like the
        commit itself. Raises what ``create`` raises, and ``PermanentError`` when it
        conflicts with what is there.
        """

    async def bring(
        self,
        attempt: AttemptId,
        repository: Repository,
        branch: str,
        *,
        was: str,
        merged_sha: str,
        onto: str,
    ) -> Brought:
        """Return what a branch on *was* needs to go to *onto*, into which that was merged.

        *merged_sha* is where *was* stood when it was merged. What others did on the branch stays: at most a merge of *onto* comes on top, made
        as if all of that were in it. It is kept under a ref of the attempt. Raises what
        ``create`` raises, and ``PermanentError`` when it conflicts with what is there.
        """

    async def remove(self, attempt: AttemptId) -> None:
        """Delete the workspace and the attempt's ref. No error if there is none."""

    async def remove_all(self) -> int:
        """Delete every workspace; for the start. Return how many there were."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command ended. ``log_tail`` is its last lines, redacted, without ANSI codes.

    ``fault`` is why the bot did not start it, or ended it for what it took; another
    try does not help then.
    """

    exit_code: int  # negative: the signal
    timed_out: bool
    log_tail: tuple[str, ...]
    fault: Problem | None = None
    printed: Written | None = None  # if somebody wants it: its standard output


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
        cache: str = "",
        printed_bytes: int = 0,
    ) -> Finished:
        """Run until it ends, or kill it at the time-out.

        So much of its standard output as *printed_bytes* is kept apart too. *cache* names a folder that it shares with earlier and later runs, if the
        operator lets commands have one.

        *inputs* are files by name, put outside the workspace into the folder that
        ``BATCH_INPUT`` names (``item.json`` is also named by ``BATCH_ITEM_FILE``, and
        so on); the command may write into ``BATCH_OUTPUT``. Raises ``TransientError``
        when nothing can be started.
        Cancelling the task kills the tree before it returns.
        """

    async def output(
        self, attempt: AttemptId, name: str, *, most_bytes: int = OUTPUT_BYTES
    ) -> Written | None:
        """Return a file that the command wrote into its output folder."""

    async def kill(self, attempt: AttemptId) -> None:
        """Kill the whole tree of an attempt; nothing of it is left on return."""

    async def kill_orphans(self) -> int:
        """Kill what an earlier process of the bot left; return how many."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """What another machine has to know to run a command; the commits go apart."""

    job: CommandJob
    url: str  # of the repository, without what opens it
    author: Person  # of the commits
    co_author: Person | None
    sha: str  # of the files in the workspace
    base: str  # the branch that they stand on
    merged: tuple[str, ...] = ()  # branches that were merged into it
    heads: Mapping[str, str] = field(default_factory=dict)  # by branch
    # Of a pull request to be looked at.
    base_sha: str = ""
    merge_base_sha: str = ""
    code: str = field(default="", repr=False)  # for a token of the bot that reads it

    @property
    def shas(self) -> tuple[str, ...]:
        """The commits that have to be there, with all their history."""
        found = (self.sha, *self.heads.values(), self.base_sha, self.merge_base_sha)
        return tuple(dict.fromkeys(sha for sha in found if sha))


@dataclass(frozen=True, slots=True)
class Parcel:
    """What came of a command elsewhere; the files are fetched one by one."""

    result: CommandResult
    files: Mapping[str, int] = field(default_factory=dict)  # sizes in bytes by name


PACKED = "repository.bundle"
"""The file that has the commits of a shipment, if any have to be sent."""

BUNDLE = "change.bundle"
"""The file of a parcel that has the commit, as a git bundle."""


Redeem = Callable[[str], Awaitable[str]]
"""Returns the token for a code of the bot, which reads one repository and nothing else.

Raises ``TransientError`` if the bot is out of reach or cannot have a token now,
``PermanentError`` for a code that is good for none.
"""


class Shipping(Protocol):
    """Sends repositories to machines that cannot reach GitHub, and takes in what they
    made. All of it is about this host's mirrors.
    """

    async def prepare(
        self, job: CommandJob, *, author: Person, co_author: Person | None
    ) -> Shipment:
        """Fetch what a job needs. Raises what ``Workspaces.create`` raises."""

    async def pack(self, shipment: Shipment, have: Sequence[str]) -> str | None:
        """Return the path of a bundle of the commits that whoever has *have* lacks; None of none."""

    def folder(self, attempt: AttemptId) -> str:
        """Return where the files of an attempt's parcel may be put."""

    async def take_in(
        self,
        job: CommandJob,
        parcel: Parcel,
        *,
        author: Person,
        co_author: Person | None,
    ) -> CommandResult:
        """Return the result with its commit in the mirror, made here of the tree alone.

        The files lie in ``folder``. Raises ``PermanentError`` if they are not what a
        worker may send.
        """

    async def remove(self, attempt: AttemptId) -> None:
        """Forget an attempt. No error if there is none."""


class Receiving(Protocol):
    """Runs on a machine of a pool what was shipped to it."""

    async def have(self, repository: Repository) -> tuple[str, ...]:
        """Return commits that are here with all their history, the newest first."""

    async def fetch(self, shipment: Shipment) -> tuple[str, ...]:
        """Fetch what a shipment lacks from GitHub, with the token for its code.

        Return what ``have`` returns then; what could not be fetched has to be sent.
        """

    def folder(self, attempt: AttemptId) -> str:
        """Return where files go that come for an attempt, or are fetched from it."""

    async def run(self, shipment: Shipment, say: Callable[[str], None]) -> Parcel:
        """Run a command, whose commits came as ``BUNDLE`` if any were needed.

        Raises what ``run_command_job`` raises. Cancelling stops the command.
        """

    async def remove(self, attempt: AttemptId) -> None:
        """Kill what still runs of an attempt, and delete all of it."""


class Memory(Protocol):
    """The memory that this process may use, cgroup limit included."""

    def used_fraction(self) -> float:
        """Return 0.0 to 1.0."""


class Histories(Protocol):
    """What git knows of pull requests, asked without a workspace."""

    async def why_no_rebase(
        self, repository: Repository, number: ItemNumber, *, head_sha: str, base: str
    ) -> str:
        """Return why a rebase of *head_sha* could not be told from a push; empty if it
        could. From then on its commits are here. Raises ``TransientError``.
        """

    async def rebased_onto(
        self,
        repository: Repository,
        number: ItemNumber,
        *,
        was: str,
        now: str,
        base: str,
    ) -> str:
        """Return the commit of the branch *base* on which the head *now* has all commits
        of the head *was* and nothing else; empty if that is not so, or not certain.

        Raises ``TransientError``.
        """

    async def conflicts(
        self,
        repository: Repository,
        number: ItemNumber,
        *,
        head_sha: str,
        base_sha: str,
        base: str,
    ) -> tuple[str, ...]:
        """Return the files in which two commits conflict; none where git cannot say."""
