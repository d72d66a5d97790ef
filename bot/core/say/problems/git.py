"""What can go wrong with branches: fetched, merged, pushed."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import Problem

_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class GitFault(Problem):
    """Git ended with an error; *line* of what it said tells most."""

    command: str  # of git: fetch
    line: str = ""
    exit_code: int = 0

    def __str__(self) -> str:
        line = self.line or f"exit code {self.exit_code}"
        return f"git {self.command} failed: {line}"


@dataclass(frozen=True, slots=True)
class GitSlow(Problem):
    """Git did not end in time."""

    command: str
    seconds: float

    def __str__(self) -> str:
        return f"git {self.command} failed: it took longer than {self.seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class GitSilent(Problem):
    """The other side said nothing any more."""

    command: str
    site: str
    seconds: float

    def __str__(self) -> str:
        silence = f"no byte came or went for {self.seconds:.0f} s"
        return f"git {self.command} failed: {self.site}: {silence}"


@dataclass(frozen=True, slots=True)
class NoGit(Problem):
    """The program is not there."""

    oldest: str

    def __str__(self) -> str:
        return f"there is no git on this server: {self.oldest} or newer is needed"


@dataclass(frozen=True, slots=True)
class OldGit(Problem):
    """The server's git is too old."""

    version: str
    oldest: str

    def __str__(self) -> str:
        return f"git {self.version} is too old: {self.oldest} or newer is needed"


@dataclass(frozen=True, slots=True)
class CannotMerge(Problem):
    """The server's git cannot merge without a working tree."""

    oldest: str
    advice = "Install a newer git on the server."

    def __str__(self) -> str:
        return f"merging branches needs git {self.oldest} or newer"


@dataclass(frozen=True, slots=True)
class NotCloned(Problem):
    """The app cannot see a repository with git."""

    repository: str
    advice = "Check that the app is installed there and may read its contents."

    def __str__(self) -> str:
        return f"{self.repository} cannot be cloned: it is gone, or the app may not read it"


@dataclass(frozen=True, slots=True)
class CommitGone(Problem):
    """A commit of a pull request cannot be fetched any more."""

    repository: str

    def __str__(self) -> str:
        return f"{self.repository} does not give away all commits of it any more"


@dataclass(frozen=True, slots=True)
class HeadElsewhere(Problem):
    """Git finds a pull request at another commit than the API."""

    number: int
    sha: str  # as the API has it

    def __str__(self) -> str:
        return f"git does not find #{self.number} at {self.sha[:7]}"


@dataclass(frozen=True, slots=True)
class NoBranch(Problem):
    """A branch that work builds on is not there (any more)."""

    branch: str
    repository: str
    advice = "If it was merged, run the item again on its own."

    def __str__(self) -> str:
        return f"there is no branch {self.branch} in {self.repository}"


@dataclass(frozen=True, slots=True)
class PredecessorsConflict(Problem):
    """What an item waits for cannot be merged."""

    branch: str
    files: Sequence[str]
    advice = "Merge their pull requests one after the other, then retry."

    def __str__(self) -> str:
        where = f"{self.branch} conflicts in {named(self.files)}"
        return f"merge conflict between the items it waits for: {where}"


@dataclass(frozen=True, slots=True)
class ChangeConflicts(Problem):
    """A change does not fit a branch as it is by now."""

    onto: str
    files: Sequence[str]

    def __str__(self) -> str:
        return f"the change conflicts with {self.onto} in {named(self.files)}"

    @property
    def advice(self) -> str:
        """Where to mend it."""
        return f"Resolve it on the branch, or run the item again on {self.onto}."


@dataclass(frozen=True, slots=True)
class BranchMoved(Problem):
    """Somebody else pushed to the branch of an item."""

    branch: str
    advice = "Delete the branch, or keep it and skip the item; then retry."

    def __str__(self) -> str:
        return f"the branch {self.branch} was moved by somebody else"


@dataclass(frozen=True, slots=True)
class NameNotText(Problem):
    """A file's name cannot be told to GitHub's API, which makes signed commits."""

    name: str
    advice = "Let the command give it a name in UTF-8, then retry."

    def __str__(self) -> str:
        return f"the name of {self.name} is not UTF-8, and no signed commit takes it"


@dataclass(frozen=True, slots=True)
class OtherTree(Problem):
    """The tree that GitHub made of a change is not the one that was asked for."""

    advice = "Exempt batch/** from the rule for signatures, then retry."

    def __str__(self) -> str:
        return "the signed commit would have other files than the command left"


@dataclass(frozen=True, slots=True)
class WorkflowsTouched(Problem):
    """The app may not push files below ``.github/workflows``."""

    advice = "Give the app the permission Workflows: write, then retry."

    def __str__(self) -> str:
        return "the change touches workflows, which the app may not"


@dataclass(frozen=True, slots=True)
class PushNotTaken(Problem):
    """GitHub did not take a push for a reason that passes."""

    why: str

    def __str__(self) -> str:
        return f"GitHub did not take the push: {self.why}"


@dataclass(frozen=True, slots=True)
class WorkLost(Problem):
    """The mirror was damaged, and with it a commit that was not pushed yet."""

    repository: str
    advice = "Run the item again, and have the operator look at the server's disk."

    def __str__(self) -> str:
        return f"the work is lost: the server's copy of {self.repository} was damaged"


@dataclass(frozen=True, slots=True)
class NoLargeFilesHere(Problem):
    """This server has nothing that uploads what is kept with Git LFS."""

    def __str__(self) -> str:
        return "this server cannot upload what is kept with Git LFS"


def named(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {more} more" if more > 0 else shown


@dataclass(frozen=True, slots=True)
class NotOnThisMachine(Problem):
    """A machine of a pool has lost its copy of a repository."""

    repository: str

    def __str__(self) -> str:
        return f"the copy of {self.repository} on a machine of the pool was damaged"
