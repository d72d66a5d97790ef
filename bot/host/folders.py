"""Where things lie on this machine, under the folder of the database."""

import hashlib
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from bot.core.model import AttemptId, Repository


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """What one attempt has of its own; all of it goes when the attempt is removed."""

    root: Path

    @property
    def workspace(self) -> Path:
        """The files of the repository; the command changes them."""
        return self.root / "workspace"

    @property
    def index(self) -> Path:
        """Git's index of the workspace, which the command does not see."""
        return self.root / "index"

    @property
    def input(self) -> Path:
        """What the command is told."""
        return self.root / "input"

    @property
    def output(self) -> Path:
        """What the command answers."""
        return self.root / "output"

    @property
    def home(self) -> Path:
        """The command's home directory, empty at first."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        """The command's ``/tmp``: on disk, so that it costs no memory."""
        return self.root / "tmp"


@dataclass(frozen=True, slots=True)
class Folders:
    """The layout below *root*, an absolute path that only the bot uses."""

    root: Path

    @property
    def attempts(self) -> Path:
        """One folder for each attempt that has not been removed."""
        return self.root / "attempts"

    @property
    def mirrors(self) -> Path:
        """One bare repository for each repository."""
        return self.root / "mirrors"

    @property
    def host(self) -> str:
        """A name for this data on this machine; it marks the bot's processes."""
        return hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:16]

    def attempt(self, attempt: AttemptId) -> AttemptFolder:
        """Return where an attempt's files lie."""
        return AttemptFolder(self.attempts / _plain(attempt))

    def mirror(self, repository: Repository) -> Path:
        """Return where a repository's mirror lies; it outlasts renames."""
        return self.mirrors / f"{repository.id}.git"

    def log(self, attempt: AttemptId) -> Path:
        """Return where an attempt's log lies; it outlasts the attempt."""
        return self.logs / f"{_plain(attempt)}.log"

    @property
    def logs(self) -> Path:
        """Where the logs of all commands are."""
        return self.root / "logs"


def remove_tree(path: Path) -> None:
    """Delete a folder, also when a command took its own permissions away."""
    if not path.is_dir():
        return
    pending = [path]
    while pending:
        folder = pending.pop()
        folder.chmod(stat.S_IRWXU)
        pending += [p for p in folder.iterdir() if p.is_dir() and not p.is_symlink()]
    shutil.rmtree(path)


def _plain(name: str) -> str:
    assert name.replace("-", "").isalnum(), name
    return name
