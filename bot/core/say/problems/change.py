"""What can be wrong with what a command left in its workspace."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.say.problems.git import named
from bot.errors import Problem


@dataclass(frozen=True, slots=True)
class NotCommitted(Problem):
    """The bot could not commit what a command has done; it is not run again for that."""

    why: Problem
    advice = "The operator of this server has to look at it; then retry."

    def __str__(self) -> str:
        return f"the change cannot be committed: {self.why}"


@dataclass(frozen=True, slots=True)
class FolderRemoved(Problem):
    """The workspace is gone."""

    def __str__(self) -> str:
        return "the command removed the folder that it was to work in"


@dataclass(frozen=True, slots=True)
class AllRemoved(Problem):
    """No file of the repository is left."""

    files: int

    def __str__(self) -> str:
        return f"the command removed all {self.files:,} files of the repository"


@dataclass(frozen=True, slots=True)
class Closed(Problem):
    """A file or folder that the bot may not read."""

    path: str

    def __str__(self) -> str:
        return f"the command left {self.path}, which nobody may read"


@dataclass(frozen=True, slots=True)
class Unencrypted(Problem):
    """A file has to go through a filter that encrypts, and that is not here."""

    path: str
    filter: str
    advice = "This server has no such filter: leave the file out of the item."

    def __str__(self) -> str:
        return f"{self.path} has to be encrypted by filter={self.filter}"


@dataclass(frozen=True, slots=True)
class NotStorable(Problem):
    """Git does not take a file, or the whole change, for a reason of its own."""

    path: str = ""
    why: str = ""

    def __str__(self) -> str:
        what, why = self.path or "the change", self.why or "git does not take it"
        return f"{what} cannot be committed: {why}"


@dataclass(frozen=True, slots=True)
class NotEncoded(Problem):
    """A file is not in the encoding that attributes name for it, or git knows no such."""

    path: str
    encoding: str

    def __str__(self) -> str:
        return (
            f"{self.path} cannot be committed: git does not read it as {self.encoding},"
            " which .gitattributes names for it"
        )

    @property
    def advice(self) -> str:
        """Say which of the two files to mend."""
        mend = f"Correct `working-tree-encoding={self.encoding}` in .gitattributes"
        if self.path.endswith(".gitattributes"):
            return f"{mend}: it must not hold for that file itself, as `*` does."
        return f"{mend}, or tell in the issue how {self.path} is to be written."


@dataclass(frozen=True, slots=True)
class NoEncoding(Problem):
    """Attributes want an encoding and name none."""

    advice = "Write `working-tree-encoding=` with a name there, or take it away."

    def __str__(self) -> str:
        return (
            "git does not take the files: .gitattributes has `working-tree-encoding`"
            " without the name of one"
        )


@dataclass(frozen=True, slots=True)
class TooManyFiles(Problem):
    """More files changed than anybody wants in a review."""

    files: int
    most: int
    advice = "Let .gitignore name what does not belong into the repository."

    def __str__(self) -> str:
        return (
            f"{self.files:,} files changed, and a commit may have {self.most:,}: that"
            " looks like build output"
        )


@dataclass(frozen=True, slots=True)
class FileTooLarge(Problem):
    """A file is larger than GitHub takes."""

    path: str
    size_bytes: int
    advice = "Let .gitignore name it, or keep it with Git LFS."

    def __str__(self) -> str:
        size = round(self.size_bytes / 1e6)
        return f"{self.path} has {size} MB, and GitHub takes no large files"


@dataclass(frozen=True, slots=True)
class AllLeftOut(Problem):
    """Nothing changed but what a change is made without. *why* has a reason by path."""

    why: Sequence[tuple[str, str]]

    def __str__(self) -> str:
        files = [f"{path} ({reason})" for path, reason in self.why]
        return f"all that the command changed is left out: {named(files)}"


@dataclass(frozen=True, slots=True)
class OtherLargeFiles(Problem):
    """A file of the repository names an LFS server; no token goes there."""

    advice = "The bot uploads to GitHub alone: leave large files out of the item."

    def __str__(self) -> str:
        return "the repository keeps its large files at a server that .lfsconfig names"
