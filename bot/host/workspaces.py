"""Workspaces: the files of a repository for one attempt, taken from a bare mirror.

What counts is the files against those that were put there. The bot's index lies beside
the workspace and its objects in the mirror; the repository in the workspace is the
command's, and nothing that it does to that is ever read.
"""

import asyncio
import errno
import os
import re
import shutil
import stat
import tarfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import structlog

from bot.core.model import AttemptId, Person, Repository
from bot.core.say.notes import Leftover
from bot.core.say.problems.change import (
    AllLeftOut,
    AllRemoved,
    FileTooLarge,
    FolderRemoved,
    NotCommitted,
    NotStorable,
    TooManyFiles,
    Unencrypted,
)
from bot.core.say.problems.git import (
    CannotMerge,
    ChangeConflicts,
    PredecessorsConflict,
)
from bot.core.say.problems.server import DiskFull
from bot.errors import PermanentError, TransientError
from bot.host import snapshot
from bot.host.clone import make_clone
from bot.host.folders import AttemptFolder, Folders, children, remove_tree
from bot.host.git import OLDEST, GitFailed, Place
from bot.host.large import MOST_BYTES, check_server
from bot.host.leftovers import Leftovers
from bot.host.mirrors import Mirrors, base_ref, work_ref
from bot.host.snapshot import readable, unreadable
from bot.host.template import pull_request_template
from bot.ports.clock import Clock
from bot.ports.host import Change, LeftOut, Rebased, Workspace

MOST_FILES = 5_000
MOST_FILE_BYTES = 50 * 1024**2  # GitHub warns above 50 MB and refuses 100 MB
"""What one commit may change; more is build output that nobody wants in a review."""

_FULL = (errno.ENOSPC, errno.EDQUOT)
_ATTRIBUTES = ".gitattributes"
_READ_BY_GIT = (_ATTRIBUTES, ".gitignore")  # wherever they lie
_LFS = "lfs"
_KEEPS_LARGE_FILES = r"^[[:space:]]*[^#[:space:]].*[[:space:]]filter=lfs([[:space:]]|$)"
_USAGE = 129  # git's exit code for options it does not know

log = structlog.get_logger()

_CLOSED = re.compile(r"could not open directory '(?P<path>.*?)/?': Permission denied")
_UNSTORABLE = re.compile(r"unable to process path (?P<path>.+)$", re.I | re.M)
_UNCODED = re.compile(r"failed to encode '(?P<path>.+?)' from", re.IGNORECASE)
_FAULT = re.compile(r"^(?:error|fatal): (?!unable to process)(.+)$", re.I | re.M)


@dataclass(frozen=True, slots=True)
class _Started:
    """What an attempt works on, and who makes its commits."""

    repository: Repository
    author: Person


@dataclass(frozen=True, slots=True)
class _Ground:
    """Where work stands: a commit, the branch, and what was merged into it."""

    sha: str
    base: str
    merged: tuple[str, ...]
    heads: Mapping[str, str]  # of the branches that were asked for


@dataclass(frozen=True, slots=True)
class _Found:
    """What a command made of its workspace. All are paths of files."""

    changed: tuple[str, ...]
    new: tuple[str, ...]
    removed: tuple[str, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def written(self) -> tuple[str, ...]:
        """What git is handed."""
        return (*self.changed, *self.new)


class GitWorkspaces:
    """Workspaces of real repositories.

    *leave_out* is what the settings say of leftovers; with *signs_off* commits carry
    the author's ``Signed-off-by``.
    """

    def __init__(
        self,
        folders: Folders,
        *,
        mirrors: Mirrors,
        clock: Clock,
        leave_out: Sequence[str] = (),
        signs_off: bool = False,
    ) -> None:
        self._folders = folders
        self._mirrors = mirrors
        self._git = mirrors.git
        self._clock = clock
        self._author = Person("batch-bot", "batch-bot@users.noreply.github.com")
        self._signs_off = signs_off
        self._leftovers = Leftovers(leave_out)
        self._started: dict[AttemptId, _Started] = {}

    async def create(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str] = (),
        author: Person | None = None,
    ) -> Workspace:
        """Fetch the repository and write *base* (a branch), merging branches into it.

        Raises ``TransientError`` when the fetch fails, ``BranchMissing`` when a branch
        does not exist, ``PermanentError`` when a merge conflicts.
        """

        started = _Started(repository, author or self._author)

        async def make() -> Workspace:
            await self.remove(attempt)
            self._started[attempt] = started
            return await self._make(attempt, started, base=base, merge=merge)

        try:
            return await self._mirrors.mended(repository, make)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise TransientError(DiskFull()) from error

    async def commit(
        self, workspace: Workspace, *, message: str, co_author: Person | None = None
    ) -> Change | None:
        """Commit everything that changed into the mirror; None if nothing did.

        Raises ``PermanentError`` when it is more, or larger, than a commit may be, or
        all that changed is work that is left out.
        """

        async def commit() -> Change | None:
            return await self._commit(workspace, started, text)

        started = self._started[workspace.attempt]
        text = with_trailers(
            message,
            co_author=co_author,
            signer=started.author if self._signs_off else None,
        )
        # The command has done its work: whatever goes wrong here, it is not run again.
        try:
            return await self._mirrors.mended(started.repository, commit)
        except GitFailed as error:
            raise PermanentError(NotCommitted(error.problem)) from error
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise PermanentError(NotCommitted(DiskFull())) from error

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

        Raises what ``create`` raises, and ``PermanentError`` when it conflicts with
        what is there.
        """

        async def rebase() -> Rebased:
            return await self._rebase(attempt, repository, sha, base=base, merge=merge)

        return await self._mirrors.mended(repository, rebase)

    async def remove(self, attempt: AttemptId) -> None:
        """Delete the workspace and the attempt's refs. No error if there is none."""
        self._started.pop(attempt, None)
        await asyncio.to_thread(
            self._folders.discard, self._folders.attempt(attempt).root
        )
        await self._mirrors.forget(attempt)

    async def remove_all(self) -> int:
        """Delete every workspace; for the start. Return how many there were.

        The commits stay: work that was accepted before the restart is still pushed.
        Locks that a killed git left are taken away.
        """
        return await asyncio.to_thread(self._remove_all)

    def _remove_all(self) -> int:
        self._mirrors.tidy()
        self._folders.discard_again()
        attempts = children(self._folders.attempts)
        for attempt in attempts:
            self._folders.discard(attempt)
        return len(attempts)

    async def _make(
        self,
        attempt: AttemptId,
        started: _Started,
        *,
        base: str,
        merge: Sequence[str],
    ) -> Workspace:
        repository, author = started.repository, started.author
        mirror = self._mirrors.of(repository)
        ground = await self._ground(
            attempt, repository, base=base, merge=merge, author=author
        )
        sha = ground.sha
        folder = self._folders.attempt(attempt)
        await asyncio.to_thread(folder.workspace.mkdir, parents=True)
        place = Place(mirror, folder.workspace, folder.index)
        await self._git.run("read-tree", "--reset", "-u", sha, place=place)
        await asyncio.to_thread(
            make_clone,
            folder,
            mirror,
            branch=ground.base,
            sha=sha,
            remote_shas=ground.heads,
            url=self._mirrors.remotes.url(repository),
            author=author,
        )
        has_attributes = await asyncio.to_thread(_has_attributes, folder.index)
        has_pointers = has_attributes and await self._keeps_large_files(place)
        return Workspace(
            attempt,
            str(folder.workspace),
            sha,
            ground.base,
            ground.merged,
            has_pointers,
            await asyncio.to_thread(pull_request_template, folder.workspace),
        )

    async def _ground(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str],
        author: Person,
    ) -> _Ground:
        """Return where work is to stand, fetched, and kept for the attempt."""
        mirror = self._mirrors.of(repository)
        heads = await self._mirrors.fetch(repository, [base, *merge], attempt=attempt)
        asked = heads[base]
        base, merge = await self._stacked(mirror, base, merge, heads)
        sha = heads[base]
        for branch in merge:
            sha = await self._merge(mirror, sha, heads[branch], branch, author)
        if sha != asked:
            await self._mirrors.keep(mirror, base_ref(attempt), sha)
        return _Ground(sha, base, tuple(merge), heads)

    async def _keeps_large_files(self, place: Place) -> bool:
        """Return whether attributes, in whatever folder, keep something beside git."""
        find = ("grep", "--cached", "--quiet", "-E", _KEEPS_LARGE_FILES)
        found = await self._git.call(
            *(*find, "--", ":(top,glob)**/.gitattributes"),
            place=place,
            environment={"GIT_LITERAL_PATHSPECS": "0"},
            accept=(0, 1),
        )
        return found.exit_code == 0

    async def _commit(
        self, workspace: Workspace, started: _Started, message: str
    ) -> Change | None:
        attempt = workspace.attempt
        folder = self._folders.attempt(attempt)
        mirror = self._mirrors.of(started.repository)
        found = await self._find(folder, mirror)
        filters = await self._filters(folder, mirror, found)
        asked = [path for path, name in filters.items() if name == _LFS]
        large = await asyncio.to_thread(_regular, folder.workspace, asked)
        plain = tuple(path for path in found.written if path not in large)
        await asyncio.to_thread(_check_size, folder.workspace, plain, large)
        base = workspace.base_sha
        try:
            tree = base
            if found.written or found.removed:
                store = self._mirrors.large(started.repository)
                pointers = await asyncio.to_thread(
                    _taken, folder, large, partial(store.take, attempt=attempt)
                )
                tree = await self._tree(folder, mirror, found.removed, plain, pointers)
        except PermanentError:
            await asyncio.to_thread(self._keep_files, workspace, found)
            raise
        change = await self._change(mirror, base, tree)
        left_out = (*found.left_out, *_not_taken(found, change))
        unfiltered = {
            f"{readable(path)} (filter={filters[path]})"
            for path in plain
            if filters.get(path, _LFS) != _LFS
        }
        if not change.files:
            _refuse_lost_work(left_out)
            return None
        sha = await self._commit_tree(mirror, tree, [base], message, started.author)
        await self._mirrors.keep(mirror, work_ref(attempt), sha)
        return replace(
            change, sha=sha, left_out=left_out, unfiltered=tuple(sorted(unfiltered))
        )

    async def _stacked(
        self, mirror: Path, base: str, merge: Sequence[str], heads: Mapping[str, str]
    ) -> tuple[str, tuple[str, ...]]:
        """Return where to stand and what to merge, without what others contain.

        One branch that contains all others to be merged is stood on.
        """
        if not merge:
            return base, ()
        left = await self._independent(mirror, merge, heads)
        with_base = await self._independent(mirror, [base, *left], heads)
        if len(left) == 1 and left[0] in with_base:
            return left[0], ()
        return base, tuple(branch for branch in with_base if branch != base)

    async def _independent(
        self, mirror: Path, branches: Sequence[str], heads: Mapping[str, str]
    ) -> list[str]:
        """Return the branches that no other one contains."""
        by_sha = {heads[branch]: branch for branch in reversed(branches)}
        ask = ("merge-base", "--independent", *by_sha)
        printed = await self._git.run(*ask, place=Place(mirror))
        left = {by_sha[sha] for sha in printed.decode().split()}
        return [branch for branch in branches if branch in left]

    async def _find(self, folder: AttemptFolder, mirror: Path) -> _Found:
        """Return how the files differ from those that the bot wrote."""
        if not await asyncio.to_thread(_is_own_folder, folder.workspace):
            raise PermanentError(FolderRemoved())
        entries = await asyncio.to_thread(lambda: [*snapshot.read_index(folder.index)])
        seen = await asyncio.to_thread(snapshot.compare, folder.workspace, entries)
        rewritten = await self._rewritten(folder, mirror, seen.touched)
        place = Place(mirror, folder.workspace, folder.index)
        await asyncio.to_thread(snapshot.remove_pipes, folder.workspace, _READ_BY_GIT)
        listed = await self._git.call(
            *("ls-files", "-z", "--others", "--exclude-standard"), place=place
        )
        _refuse_closed_folders(listed.errors)
        files = [entry.path for entry in entries if entry.mode != snapshot.GITLINK]
        tracked = _folders_of(files) if listed.output else set()
        new, left_out = self._leftovers.sort(
            _names(listed.output),
            is_tracked=tracked.__contains__,
            is_empty=lambda name: _size(folder.workspace / name) == 0,
        )
        if len(files) > 1 and len(seen.missing) == len(files) and not new:
            raise PermanentError(AllRemoved(len(files)))
        removed = [*seen.missing]
        if seen.vanished:
            removed += await asyncio.to_thread(_given_up, folder, seen.vanished)
        filled = [
            LeftOut(f"{p}/", Leftover.SUBMODULE, is_work=True) for p in seen.filled
        ]
        return _Found(
            changed=(*seen.changed, *rewritten),
            new=tuple(new),
            removed=tuple(removed),
            left_out=(*filled, *left_out),
        )

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
            stdin=_zeroed(touched),
        )
        return await asyncio.to_thread(
            snapshot.different, folder.workspace, aside, touched
        )

    async def _filters(
        self, folder: AttemptFolder, mirror: Path, found: _Found
    ) -> dict[str, str]:
        """Return the filter that attributes name, by file; most have none.

        Raises ``PermanentError`` for one that would have hidden the content.
        """
        is_any = found.written and (
            any(path.endswith(_ATTRIBUTES) for path in found.written)
            or await asyncio.to_thread(_has_attributes, folder.index)
        )
        if not is_any:
            return {}
        place = Place(mirror, folder.workspace, folder.index)
        ask = ("check-attr", "-z", "--stdin", "filter")
        names = _zeroed(found.written)
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

    async def _tree(
        self,
        folder: AttemptFolder,
        mirror: Path,
        removed: Sequence[str],
        written: Sequence[str],
        pointers: Mapping[str, tuple[int, bytes]],
    ) -> str:
        """Return the tree of the workspace; what did not change is not looked at."""
        await asyncio.to_thread(shutil.copy2, folder.index, folder.changed_index)
        place = Place(mirror, folder.workspace, folder.changed_index)
        update = ("update-index", "-z")
        if removed:
            gone = _zeroed(removed)
            await self._git.run(
                *update, "--force-remove", "--stdin", place=place, stdin=gone
            )
        if written:
            try:
                await self._git.run(
                    *(*update, "--add", "--replace", "--stdin"),
                    place=place,
                    stdin=_zeroed(written),
                )
            except GitFailed as error:
                raise _unstorable(error) from error
        if pointers:
            lines = [
                f"{mode:o} {await self._blob(mirror, content)}\t{path}"
                for path, (mode, content) in pointers.items()
            ]
            info = ("--replace", "--index-info")
            await self._git.run(*update, *info, place=place, stdin=_zeroed(lines))
        return _text(await self._git.run("write-tree", place=place))

    async def _blob(self, mirror: Path, content: bytes) -> str:
        write = ("hash-object", "-w", "--stdin")
        return _text(await self._git.run(*write, place=Place(mirror), stdin=content))

    def _keep_files(self, workspace: Workspace, found: _Found) -> None:
        """Pack what was written beside the logs, for the operator."""
        kept = self._folders.logs / f"{workspace.attempt}.tar.gz"
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(kept, "w:gz") as archive:
            for name in found.written:
                archive.add(Path(workspace.path, name), arcname=name, recursive=False)
        log.warning("work that git does not take is kept", path=str(kept))

    async def _merge(
        self, mirror: Path, ours: str, theirs: str, branch: str, author: Person
    ) -> str:
        tree, conflicts = await self._merged_tree(mirror, ours, theirs)
        if conflicts:
            raise PermanentError(PredecessorsConflict(branch, conflicts))
        parents = [ours, theirs]
        return await self._commit_tree(mirror, tree, parents, f"Merge {branch}", author)

    async def _rebase(
        self,
        attempt: AttemptId,
        repository: Repository,
        sha: str,
        *,
        base: str,
        merge: Sequence[str],
    ) -> Rebased:
        mirror = self._mirrors.of(repository)
        ask = ("log", "-1", "--format=%an%x00%ae%x00%B", sha)
        printed = (await self._git.run(*ask, place=Place(mirror))).decode()
        name, address, message = printed.split("\0", 2)
        author = Person(name, address)
        ground = await self._ground(
            attempt, repository, base=base, merge=merge, author=author
        )
        there = f"{ground.sha}^{{tree}}"
        # A commit with the files of the ground and the parent of ours makes that parent
        # the base of the merge, in a git that cannot be told one.
        parents = [f"{sha}^"]
        stand_in = await self._commit_tree(mirror, there, parents, "", author)
        tree, conflicts = await self._merged_tree(mirror, stand_in, sha)
        if conflicts:
            raise PermanentError(ChangeConflicts(ground.base, conflicts))
        moved = ""
        if (await self._change(mirror, there, tree)).files:
            moved = await self._commit_tree(
                *(mirror, tree, [ground.sha], message.rstrip("\n")), author
            )
            await self._mirrors.keep(mirror, work_ref(attempt), moved)
        return Rebased(moved, ground.base, ground.merged)

    async def _merged_tree(
        self, mirror: Path, ours: str, theirs: str
    ) -> tuple[str, list[str]]:
        """Return the tree of a merge, and the files that conflict."""
        options = ["--write-tree", "--name-only", "--no-messages", "-z"]
        merge = ["merge-tree", *options, ours, theirs]
        try:
            printed = await self._git.run(*merge, place=Place(mirror), accept=(0, 1))
        except GitFailed as error:
            if error.exit_code != _USAGE:
                raise
            oldest = ".".join(map(str, OLDEST))
            raise PermanentError(CannotMerge(oldest)) from error
        tree, *conflicts = _names(printed)
        return tree, [readable(name) for name in conflicts]

    async def _commit_tree(
        self,
        mirror: Path,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: Person,
    ) -> str:
        at = f"{int(self._clock.now().timestamp())} +0000"
        people = ("AUTHOR", "COMMITTER")
        environment = {f"GIT_{who}_NAME": author.name for who in people}
        environment |= {f"GIT_{who}_EMAIL": author.address for who in people}
        environment |= {f"GIT_{who}_DATE": at for who in people}
        options = [word for parent in parents for word in ("-p", parent)]
        printed = await self._git.run(
            *("commit-tree", *options, tree),
            place=Place(mirror),
            stdin=message.encode(),
            environment=environment,
        )
        return _text(printed)

    async def _change(self, mirror: Path, base: str, tree: str) -> Change:
        """Return what changed between a commit and a tree."""
        options = ["-r", "-z", "--raw", "--numstat", "--no-renames"]
        options += ["--no-ext-diff", "--no-textconv", "--ignore-submodules=none"]
        compare = ["diff-tree", *options, base, tree]
        printed = _names(await self._git.run(*compare, place=Place(mirror)))
        kinds: dict[str, str] = {}
        rows = []
        records = iter(printed)
        for record in records:
            if record.startswith(":"):
                kinds[next(records)] = record[-1]
            else:
                rows.append(record.split("\t", 2))
        return Change(
            "",
            files=tuple(readable(name) for _, _, name in rows),
            # Of binary files there are no counts.
            insertions=sum(int(plus) for plus, _, _ in rows if plus != "-"),
            deletions=sum(int(minus) for _, minus, _ in rows if minus != "-"),
            added=tuple(readable(name) for name, kind in kinds.items() if kind == "A"),
            removed=tuple(
                readable(name) for name, kind in kinds.items() if kind == "D"
            ),
        )


def with_trailers(
    message: str, *, co_author: Person | None = None, signer: Person | None = None
) -> str:
    """Return a commit message that ends with who else had a part in it."""
    people = {"Co-authored-by": co_author, "Signed-off-by": signer}
    lines = [f"{word}: {person}" for word, person in people.items() if person]
    return "\n\n".join([message.rstrip(), *(["\n".join(lines)] if lines else [])])


def _taken(
    folder: AttemptFolder, paths: Collection[str], take: Callable[[Path], bytes]
) -> dict[str, tuple[int, bytes]]:
    """Return mode and pointer of files whose content is kept beside git."""
    if paths:
        check_server(folder.workspace)
    found = {}
    for path in paths:
        file = folder.workspace / path
        found[path] = snapshot.git_mode(file.lstat()), take(file)
    return found


def _has_attributes(index: Path) -> bool:
    """Return whether an index may name such files; quicker than to read it."""
    return _ATTRIBUTES.encode() + b"\0" in index.read_bytes()


def _regular(root: Path, paths: Iterable[str]) -> dict[str, None]:
    """Return, in order, the files that are no links: nothing filters those."""
    return {p: None for p in paths if stat.S_ISREG((root / p).lstat().st_mode)}


def _is_own_folder(path: Path) -> bool:
    """Return whether a command left the folder there: a link leads elsewhere."""
    return path.is_dir() and not path.is_symlink()


def _not_taken(found: _Found, change: Change) -> list[LeftOut]:
    """Return what was handed to git and is in no tree: names such as ``git~1``."""
    published = set(change.files)
    return [
        LeftOut(readable(name), Leftover.NAME)
        for name in found.new
        if readable(name) not in published
    ]


def _refuse_lost_work(left_out: Iterable[LeftOut]) -> None:
    """Raise if nothing changed but what is left out: that is not *no change*."""
    lost = [(readable(left.path), left.why) for left in left_out if left.is_work]
    if lost:
        raise PermanentError(AllLeftOut(lost))


def _refuse_closed_folders(said: str) -> None:
    found = _CLOSED.search(said)
    if found is not None:
        raise unreadable(found["path"])


def _unstorable(error: GitFailed) -> Exception:
    """Return the error of a file that git cannot take as it is."""
    if error.is_damage or error.is_full:
        return error
    why = next(iter(_FAULT.findall(error.said)), "")
    found = _UNSTORABLE.search(error.said) or _UNCODED.search(error.said)
    return PermanentError(NotStorable(found["path"] if found else "", why))


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


def _size(path: Path) -> int:
    return path.lstat().st_size if os.path.lexists(path) else 0


def _check_size(root: Path, plain: Collection[str], large: Collection[str]) -> None:
    count = len(plain) + len(large)
    if count > MOST_FILES:
        raise PermanentError(TooManyFiles(count, MOST_FILES))
    for names, most in ((plain, MOST_FILE_BYTES), (large, MOST_BYTES)):
        for name in names:
            size = _size(root / name)
            if size > most:
                raise PermanentError(FileTooLarge(readable(name), size))


def _names(printed: bytes) -> list[str]:
    text = printed.decode("utf-8", "surrogateescape")
    return [name for name in text.split("\0") if name]


def _zeroed(names: Iterable[str]) -> bytes:
    """Return names as git reads them."""
    return "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")


def _text(printed: bytes) -> str:
    return printed.decode().strip()
