"""Files of a workspace as a tree of git, and what git does not take of them."""

import asyncio
import os
import re
import shutil
import stat
import tarfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.core.model import AttemptId, Repository
from bot.core.say.problems.change import (
    FileTooLarge,
    NoEncoding,
    NotEncoded,
    NotStorable,
    TooManyFiles,
)
from bot.errors import PermanentError, Problem
from bot.host.below import Below
from bot.host.differences import Found
from bot.host.folders import AttemptFolder
from bot.host.git import GitFailed, Place
from bot.host.large import MOST_BYTES, LargeStore, check_server
from bot.host.mirrors import Mirrors
from bot.host.printed import readable, text, zeroed
from bot.host.snapshot import git_mode

MOST_FILES = 5_000
MOST_FILE_BYTES = 50 * 1024**2  # GitHub warns above 50 MB and refuses 100 MB
"""What one commit may change; more is build output that nobody wants in a review."""

LFS = "lfs"
_LATER_SECONDS = 2
_UNSTORABLE = re.compile(r"unable to process path (?P<path>.+)$", re.I | re.M)
_FAULT = re.compile(r"^(?:error|fatal): (?!unable to process)(.+)$", re.I | re.M)
_NOT_ENCODED = (
    re.compile(r"failed to encode '(?P<path>.+?)' from (?P<encoding>\S+) to"),
    re.compile(r"BOM is \w+ in '(?P<path>.+?)' if encoded as (?P<encoding>\S+)"),
    re.compile(r"encoding '(?P<path>.+?)' from (?P<encoding>\S+) to \S+ and back"),
)
_IGNORED = "Ignoring path "
_NO_ENCODING = "no valid working-tree-encodings"


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree in the mirror. Git took none of the files that are ``refused``."""

    sha: str
    refused: tuple[str, ...] = ()


class Trees:
    """Builds trees of what changed; what did not is not looked at."""

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors
        self._git = mirrors.git

    async def build(
        self,
        attempt: AttemptId,
        repository: Repository,
        folder: AttemptFolder,
        found: Found,
        *,
        filters: Mapping[str, str],
    ) -> Tree:
        """Return the tree of a workspace with what was found in it.

        Raises ``PermanentError`` when it is more, or larger, than a commit may be, or
        when a file is not what attributes say of it.
        """
        mirror = self._mirrors.of(repository)
        asked = [path for path, name in filters.items() if name == LFS]
        store = self._mirrors.large(repository)

        def take() -> tuple[list[str], dict[str, tuple[int, bytes]]]:
            large = _regular(folder.workspace, asked)
            plain = [path for path in found.written if path not in large]
            _check_size(folder.workspace, plain, large)
            pointers = _taken(folder, large, store, attempt)
            shutil.copy2(folder.index, folder.changed_index)
            return plain, pointers

        plain, pointers = await asyncio.to_thread(take)
        place = Place(mirror, folder.workspace, folder.changed_index)
        if found.removed:
            remove = ("update-index", "-z", "--force-remove", "--stdin")
            await self._git.run(*remove, place=place, stdin=zeroed(found.removed))
        refused = await self._add(place, plain)
        refused += await self._add_pointers(place, mirror, pointers)
        await asyncio.to_thread(_set_later, folder.changed_index)
        sha = text(await self._git.run("write-tree", place=place))
        return Tree(sha, tuple(refused))

    async def _add(self, place: Place, paths: Collection[str]) -> list[str]:
        """Put files into the index; return those that git passed over."""
        if not paths:
            return []
        add = ("update-index", "-z", "--add", "--replace", "--stdin")
        try:
            done = await self._git.call(*add, place=place, stdin=zeroed(paths))
        except GitFailed as error:
            raise _unstorable(error) from error
        return _ignored(paths, done.errors)

    async def _add_pointers(
        self, place: Place, mirror: Path, pointers: Mapping[str, tuple[int, bytes]]
    ) -> list[str]:
        """Put pointers into the index; return those that git passed over."""
        if not pointers:
            return []
        lines = [
            f"{mode:o} {await self._blob(mirror, content)}\t{path}"
            for path, (mode, content) in pointers.items()
        ]
        add = ("update-index", "-z", "--replace", "--index-info")
        done = await self._git.call(*add, place=place, stdin=zeroed(lines))
        return _ignored(pointers, done.errors)

    async def _blob(self, mirror: Path, content: bytes) -> str:
        write = ("hash-object", "-w", "--stdin")
        return text(await self._git.run(*write, place=Place(mirror), stdin=content))


def _set_later(index: Path) -> None:
    """Have git not read again, to write an index, all files of the second of its last
    change: their time does not tell whether they are older.
    """
    later = index.stat().st_mtime + _LATER_SECONDS
    os.utime(index, (later, later))


def keep_files(workspace: Path, paths: Iterable[str], kept: Path) -> None:
    """Pack files that go into no commit, for the operator."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    with Below(workspace) as below, tarfile.open(kept, "w:gz") as archive:
        for path in paths:
            found = below.status(path)
            if found is not None and stat.S_ISLNK(found.st_mode):
                entry = tarfile.TarInfo(path)
                entry.type, entry.linkname = tarfile.SYMTYPE, below.target(path)
                archive.addfile(entry)
            elif found is not None and stat.S_ISREG(found.st_mode):
                with below.open(path) as file:
                    archive.addfile(archive.gettarinfo("", path, file), file)


def _unstorable(error: GitFailed) -> Exception:
    """Return the error of a file that git cannot take, or write, as it is."""
    coding = coding_fault(error.said)
    if coding is not None:
        return PermanentError(coding)
    if error.is_damage or error.is_full:
        return error
    why = next(iter(_FAULT.findall(error.said)), "")
    found = _UNSTORABLE.search(error.said)
    return PermanentError(NotStorable(found["path"] if found else "", why))


def _ignored(paths: Iterable[str], said: str) -> list[str]:
    """Return the files of which git says that it takes no such names."""
    if _IGNORED not in said:
        return []
    return [path for path in paths if f"{_IGNORED}{readable(path)}\n" in said]


def coding_fault(said: str) -> Problem | None:
    """Return what git says of an encoding that attributes name, if it does."""
    if _NO_ENCODING in said:
        return NoEncoding()
    found = next((f for kind in _NOT_ENCODED if (f := kind.search(said))), None)
    return found and NotEncoded(found["path"], found["encoding"])


def _taken(
    folder: AttemptFolder, paths: Collection[str], store: LargeStore, attempt: AttemptId
) -> dict[str, tuple[int, bytes]]:
    """Return mode and pointer of files whose content is kept beside git."""
    if not paths:
        return {}
    check_server(folder.workspace)
    found = {}
    with Below(folder.workspace) as below:
        for path in paths:
            with below.open(path) as file:
                mode = git_mode(os.fstat(file.fileno()))
                found[path] = mode, store.take(file, attempt)
    return found


def _regular(root: Path, paths: Iterable[str]) -> dict[str, None]:
    """Return, in order, the files that are no links: nothing filters those."""
    with Below(root) as below:
        statuses = {path: below.status(path) for path in paths}
    return {p: None for p, s in statuses.items() if s and stat.S_ISREG(s.st_mode)}


def _check_size(root: Path, plain: Collection[str], large: Collection[str]) -> None:
    count = len(plain) + len(large)
    if count > MOST_FILES:
        raise PermanentError(TooManyFiles(count, MOST_FILES))
    with Below(root) as below:
        for paths, most in ((plain, MOST_FILE_BYTES), (large, MOST_BYTES)):
            for path in paths:
                size = below.size(path)
                if size > most:
                    raise PermanentError(FileTooLarge(readable(path), size))
