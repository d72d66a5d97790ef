"""Where things lie on this machine, under the folder of the database."""

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.core.model import AttemptId, Repository

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """What one attempt has of its own; all of it goes when the attempt is removed.

    A ``cache`` is no part of it: commands of the same kind share it, and it stays.
    """

    root: Path
    cache: Path | None = None

    @property
    def workspace(self) -> Path:
        """The files of the repository; the command changes them."""
        return self.root / "workspace"

    @property
    def index(self) -> Path:
        """The bot's index of the workspace as it was made; the command never sees it."""
        return self.root / "index"

    @property
    def changed_index(self) -> Path:
        """The bot's index of what the command made of it."""
        return self.root / "index.changed"

    @property
    def as_it_was(self) -> Path:
        """Where single files are written once more as they were, to compare."""
        return self.root / "as-it-was"

    @property
    def objects(self) -> Path:
        """A link to the objects that the command's repository borrows, only to read."""
        return self.root / "objects"

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

    @property
    def writable(self) -> tuple[Path, ...]:
        """What the command may change."""
        own = (self.workspace, self.output, self.home, self.temporary)
        return own if self.cache is None else (*own, self.cache)


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

    def parcel(self, attempt: AttemptId) -> Path:
        """Return where files lie that come from another machine, or go there."""
        return self.root / "parcels" / _plain(attempt)

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

    def cache(self, name: str) -> Path:
        """Return where commands keep what makes the next one quicker."""
        return self.root / "caches" / _plain(name)

    def log(self, attempt: AttemptId) -> Path:
        """Return where an attempt's log lies; it outlasts the attempt."""
        return self.logs / f"{_plain(attempt)}.log"

    @property
    def logs(self) -> Path:
        """Where the logs of all commands are."""
        return self.root / "logs"

    @property
    def aside(self) -> Path:
        """What could not be deleted, out of the way."""
        return self.root / "aside"

    def discard(self, path: Path) -> None:
        """Delete a folder; what will not go is moved aside, and named in the log."""
        try:
            remove_tree(path)
        except OSError as error:
            self._put_aside(path, error)

    def discard_again(self) -> None:
        """Try once more to delete what was moved aside."""
        for path in children(self.aside):
            self.discard(path)

    def left_aside(self) -> tuple[str, ...]:
        """Return the names of what could not be deleted, as the folder has them."""
        return tuple(path.name for path in children(self.aside))

    def _put_aside(self, path: Path, fault: OSError) -> None:
        target = self.aside / path.name
        if target != path:
            target = self.aside / f"{path.name}-{secrets.token_hex(4)}"
            try:
                self.aside.mkdir(exist_ok=True)
                path.rename(target)
            except OSError as error:
                log.warning("folder is in the way", path=str(path), error=str(error))
                return
        log.warning("folder cannot be deleted", path=str(target), error=str(fault))


def children(folder: Path) -> list[Path]:
    """Return what is in a folder, sorted; nothing if there is no such folder."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def remove_tree(path: Path) -> None:
    """Delete a folder whatever a command made of it: as deep, and as closed, as it is.

    No path below it is ever spelled, and nothing recurses: folders are moved up to the
    top one by one and emptied there. Goes on past what will not go; raises the first
    ``OSError`` then.
    """
    try:
        if path.is_symlink():
            path.unlink()
            return
        path.chmod(stat.S_IRWXU)
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        faults = _empty(top)
    finally:
        os.close(top)
    if faults:
        raise faults[0]
    path.rmdir()


def _empty(top: int) -> list[OSError]:
    """Delete all that is in a folder; return what went wrong."""
    unique = secrets.token_hex(8)
    faults: list[OSError] = []
    waiting = _sorted_out(top, faults)
    number = 0
    while waiting:
        name = waiting.pop()
        try:
            folder = os.open(
                name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top
            )
            try:
                for inside in _sorted_out(folder, faults):
                    number += 1
                    moved = f"{unique}-{number}"
                    os.rename(inside, moved, src_dir_fd=folder, dst_dir_fd=top)
                    waiting.append(moved)
            finally:
                os.close(folder)
            os.rmdir(name, dir_fd=top)
        except OSError as error:
            faults.append(error)
    return faults


def _sorted_out(folder: int, faults: list[OSError]) -> list[str]:
    """Delete the files of a folder; return the folders in it, opened to this user."""
    with os.scandir(folder) as entries:
        listed = [
            (entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries
        ]
    for name, is_folder in listed:
        try:
            if is_folder:
                os.chmod(name, stat.S_IRWXU, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            faults.append(error)
    return [name for name, is_folder in listed if is_folder]


def _plain(name: str) -> str:
    assert name.replace("-", "").replace("_", "").isalnum(), name
    return name
