"""What a command made of its workspace, against the files that the bot put there."""

import asyncio
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.say.notes import Leftover
from bot.core.say.problems.change import AllRemoved, FolderRemoved, Unencrypted
from bot.errors import PermanentError
from bot.host import snapshot
from bot.host.below import MOST_PATH_BYTES, Below
from bot.host.folders import AttemptFolder, remove_tree
from bot.host.git import Git, Place
from bot.host.leftovers import Leftovers
from bot.host.printed import names, readable, zeroed
from bot.host.snapshot import Comparison, unreadable
from bot.ports.host import LeftOut

_ATTRIBUTES = ".gitattributes"
_READ_BY_GIT = (_ATTRIBUTES, ".gitignore")  # wherever they lie
_NOT_OPENED = re.compile("could not open directory '")
_DENIED = "': Permission denied"
_MOST_SHOWN = 40  # letters of a path that is too long


@dataclass(frozen=True, slots=True)
class Found:
    """What a command made of its workspace. All are paths of files."""

    changed: tuple[str, ...]
    new: tuple[str, ...]
    removed: tuple[str, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def written(self) -> tuple[str, ...]:
        """What git is handed."""
        return (*self.changed, *self.new)


class Differences:
    """Finds what changed. *leave_out* is what the settings say of leftovers."""

    def __init__(self, git: Git, leave_out: Sequence[str]) -> None:
        self._git = git
        self._leftovers = Leftovers(leave_out)

    async def find(self, folder: AttemptFolder, mirror: Path) -> Found:
        """Return how the files differ from those that the bot wrote."""
        entries, seen = await asyncio.to_thread(_looked_at, folder)
        rewritten = await self._rewritten(folder, mirror, seen.touched)
        place = Place(mirror, folder.workspace, folder.index)
        listed = await self._git.call(
            *("ls-files", "-z", "--others", "--exclude-standard"), place=place
        )
        files = [entry.path for entry in entries if entry.mode != snapshot.GITLINK]
        new, left_out = await asyncio.to_thread(
            self._sorted,
            *(folder.workspace, files, names(listed.output)),
            deep=_not_opened(listed.errors),
        )
        if len(files) > 1 and len(seen.missing) == len(files) and not new:
            raise PermanentError(AllRemoved(len(files)))
        removed = [*seen.missing]
        if seen.vanished:
            removed += await asyncio.to_thread(_given_up, folder, seen.vanished)
        filled = [
            LeftOut(f"{p}/", Leftover.SUBMODULE, is_work=True) for p in seen.filled
        ]
        return Found(
            changed=(*seen.changed, *rewritten),
            new=tuple(new),
            removed=tuple(removed),
            left_out=(*filled, *left_out),
        )

    def _sorted(
        self,
        workspace: Path,
        files: Sequence[str],
        listed: Sequence[str],
        *,
        deep: Sequence[str],
    ) -> tuple[list[str], list[LeftOut]]:
        """Return the new files that count, and what is left out.

        *files* are those of the repository, *deep* are folders that git cannot enter.
        """
        long = {n for n in listed if len(os.fsencode(n)) > MOST_PATH_BYTES} | {*deep}
        tracked = _folders_of(files) if listed else set()
        with Below(workspace) as below:
            new, left_out = self._leftovers.sort(
                [*listed, *deep],
                is_tracked=tracked.__contains__,
                is_empty=lambda name: name not in long and below.size(name) == 0,
            )
        shown = dict.fromkeys(f"{n[:_MOST_SHOWN]}…" for n in new if n in long)
        left_out += [LeftOut(path, Leftover.LONG, is_work=True) for path in shown]
        return [name for name in new if name not in long], left_out

    async def _rewritten(
        self, folder: AttemptFolder, mirror: Path, touched: Sequence[str]
    ) -> list[str]:
        """Return those of the files whose bytes are others than the bot wrote."""
        if not touched:
            return []
        aside = folder.as_it_was
        await asyncio.to_thread(_make_empty, aside)
        await self._git.run(
            *("checkout-index", "--force", "-z", "--stdin"),
            place=Place(mirror, aside, folder.index),
            stdin=zeroed(touched),
        )
        return await asyncio.to_thread(
            snapshot.different, folder.workspace, aside, touched
        )

    async def filters(
        self, folder: AttemptFolder, mirror: Path, found: Found
    ) -> dict[str, str]:
        """Return the filter that attributes name, by file; most have none.

        Raises ``PermanentError`` for one that would have hidden the content.
        """
        is_any = found.written and (
            any(path.endswith(_ATTRIBUTES) for path in found.written)
            or await asyncio.to_thread(has_attributes, folder.index)
        )
        if not is_any:
            return {}
        place = Place(mirror, folder.workspace, folder.index)
        ask = ("check-attr", "-z", "--stdin", "filter")
        names = zeroed(found.written)
        printed = await self._git.run(*ask, place=place, stdin=names)
        fields = printed.decode("utf-8", "surrogateescape").split("\0")
        named = {
            path: value
            for path, value in zip(fields[::3], fields[2::3], strict=False)
            if value not in ("unspecified", "unset", "set", "")
        }
        for path, value in named.items():
            if "crypt" in value:
                raise PermanentError(Unencrypted(readable(path), value))
        return named


def _looked_at(folder: AttemptFolder) -> tuple[list[snapshot.Entry], Comparison]:
    """Return the files as they were written, and how they differ from those."""
    if not _is_own_folder(folder.workspace):
        raise PermanentError(FolderRemoved())
    entries = [*snapshot.read_index(folder.index)]
    seen = snapshot.compare(folder.workspace, entries)
    snapshot.remove_pipes(folder.workspace, _READ_BY_GIT)
    return entries, seen


def has_attributes(index: Path) -> bool:
    """Return whether an index may name such files; quicker than to read it."""
    return _ATTRIBUTES.encode() + b"\0" in index.read_bytes()


def _is_own_folder(path: Path) -> bool:
    """Return whether a command left the folder there: a link leads elsewhere."""
    return path.is_dir() and not path.is_symlink()


def _not_opened(said: str) -> list[str]:
    """Return folders whose paths are too long to open, as far as git tells them.

    Raises ``PermanentError`` for one that nobody may open.
    """
    parts = _NOT_OPENED.split(said)[1:]
    for part in parts:
        path, denied, _ = part.partition(_DENIED)
        if denied:
            raise unreadable(path.rstrip("/"))
    return [part.partition("': ")[0].rstrip("\n") for part in parts]


def _given_up(folder: AttemptFolder, submodules: Iterable[str]) -> list[str]:
    """Return submodules without a folder that ``.gitmodules`` no longer names."""
    content = snapshot.read_regular(folder.workspace, ".gitmodules")
    text = content.decode("utf-8", "surrogateescape")
    named = {line.partition("=")[2].strip().strip('"') for line in text.splitlines()}
    return [path for path in submodules if path not in named]


def _folders_of(files: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for file in files:
        folder = file.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _make_empty(folder: Path) -> None:
    remove_tree(folder)
    folder.mkdir(parents=True)
