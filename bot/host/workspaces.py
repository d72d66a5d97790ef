"""Workspaces: the files of a repository for one attempt, taken from a bare mirror.

A workspace is files and nothing else. Its index lies beside it and its objects in the
mirror, so that there is no git directory for a command to find, and what it writes into
a ``.git`` of its own is never read.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

from bot.core.model import AttemptId, Repository
from bot.errors import PermanentError
from bot.host.folders import Folders, children, remove_tree
from bot.host.git import Git, GitFailed, Place, Remotes, gone
from bot.ports.clock import Clock
from bot.ports.host import Change, Workspace

MOST_FILES = 5_000
MOST_FILE_BYTES = 50 * 1024**2  # GitHub warns above 50 MB and refuses 100 MB
"""What one commit may change; more is build output that nobody wants in a review."""

_PARTIAL = ".partial"
_USAGE = 129  # git's exit code for options it does not know


class GitWorkspaces:
    """Workspaces of real repositories. *identity* is a name and an address."""

    def __init__(
        self,
        folders: Folders,
        *,
        git: Git,
        remotes: Remotes,
        clock: Clock,
        identity: tuple[str, str] = ("batch-bot", "batch-bot@users.noreply.github.com"),
    ) -> None:
        self._folders = folders
        self._git = git
        self._remotes = remotes
        self._clock = clock
        self._identity = identity
        self._mirror_of: dict[AttemptId, Path] = {}
        self._locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    async def create(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str] = (),
    ) -> Workspace:
        """Fetch the repository and write *base* (a branch), merging branches into it.

        Raises ``TransientError`` when the fetch fails, ``PermanentError`` when a
        branch does not exist or a merge conflicts.
        """
        await self.remove(attempt)
        mirror = self._folders.mirror(repository)
        shas = await self._fetch(repository, mirror, [base, *merge])
        sha = shas[0]
        for branch, other in zip(merge, shas[1:], strict=True):
            sha = await self._merge(mirror, sha, other, branch)
        folder = self._folders.attempt(attempt)
        await asyncio.to_thread(folder.workspace.mkdir, parents=True)
        self._mirror_of[attempt] = mirror
        place = Place(mirror, folder.workspace, folder.index)
        await self._git.run("read-tree", "--reset", "-u", sha, place=place)
        return Workspace(attempt, str(folder.workspace), sha)

    async def commit(self, workspace: Workspace, *, message: str) -> Change | None:
        """Commit everything that changed into the mirror; None if nothing did.

        Raises ``PermanentError`` when it is more, or larger, than a commit may be.
        """
        folder = self._folders.attempt(workspace.attempt)
        mirror = self._mirror_of[workspace.attempt]
        place = Place(mirror, folder.workspace, folder.index)
        await asyncio.to_thread(_drop_repositories, folder.workspace)
        listed = ["ls-files", "-z", "--modified", "--others", "--exclude-standard"]
        changed = _names(await self._git.run(*listed, place=place))
        await asyncio.to_thread(_check_size, folder.workspace, changed)
        await self._add(place)
        tree = _text(await self._git.run("write-tree", place=place))
        base = workspace.base_sha
        if tree == await self._resolve(mirror, f"{base}^{{tree}}"):
            return None
        sha = await self._commit_tree(mirror, tree, [base], message)
        ref = _ref(workspace.attempt)
        await self._git.run("update-ref", ref, sha, place=Place(mirror))
        return await self._change(mirror, base, sha)

    async def remove(self, attempt: AttemptId) -> None:
        """Delete the workspace and the attempt's ref. No error if there is none."""
        self._mirror_of.pop(attempt, None)
        await asyncio.to_thread(
            self._folders.discard, self._folders.attempt(attempt).root
        )
        for mirror in await asyncio.to_thread(self._mirrors):
            delete = f"delete {_ref(attempt)}\n".encode()
            await self._git.run(
                "update-ref", "--stdin", place=Place(mirror), stdin=delete
            )

    async def remove_all(self) -> int:
        """Delete every workspace; for the start. Return how many there were.

        The commits stay: work that was accepted before the restart is still pushed.
        Locks that a killed git left are taken away.
        """
        return await asyncio.to_thread(self._remove_all)

    def _remove_all(self) -> int:
        for mirror in self._mirrors():
            for lock in mirror.rglob("*.lock"):
                lock.unlink()
        self._folders.discard_again()
        attempts = children(self._folders.attempts)
        for attempt in attempts:
            self._folders.discard(attempt)
        return len(attempts)

    def _mirrors(self) -> list[Path]:
        found = children(self._folders.mirrors)
        return [mirror for mirror in found if not mirror.name.endswith(_PARTIAL)]

    async def _fetch(
        self, repository: Repository, mirror: Path, branches: Sequence[str]
    ) -> list[str]:
        """Return the heads of branches, all their history being in the mirror."""
        remote = await self._remotes.of(repository)
        lock = self._locks.setdefault(mirror, asyncio.Lock())
        async with lock:
            if not await asyncio.to_thread(mirror.exists):
                await self._make_mirror(mirror)
            wanted = {branch: _mirrored(branch) for branch in branches}
            specs = [f"+refs/heads/{b}:{ref}" for b, ref in wanted.items()]
            options = ["--no-tags", "--no-write-fetch-head", "--quiet"]
            try:
                await self._git.run(
                    *("fetch", *options, "--", remote.url, *specs),
                    place=Place(mirror),
                    remote=remote,
                )
            except GitFailed as error:
                raise self._explained(error, repository) from error
            return [await self._resolve(mirror, wanted[b]) for b in branches]

    async def _make_mirror(self, mirror: Path) -> None:
        """Make it under another name first: a bot that is killed leaves no half one."""
        partial = mirror.with_name(mirror.name + _PARTIAL)
        await asyncio.to_thread(_make_empty, partial)
        await self._git.run("init", "--quiet", "--bare", place=Place(partial))
        await asyncio.to_thread(partial.rename, mirror)

    def _explained(self, error: GitFailed, repository: Repository) -> Exception:
        missing = "couldn't find remote ref refs/heads/"
        for line in error.said.splitlines():
            if missing in line:
                branch = line.partition(missing)[2]
                return PermanentError(
                    f"there is no branch {branch} in {repository.name}",
                    advice="If it was merged, run the item again on its own.",
                )
        return gone(repository) if error.is_gone else error.answer()

    async def _merge(self, mirror: Path, ours: str, theirs: str, branch: str) -> str:
        place = Place(mirror)
        options = ["--write-tree", "--name-only", "--no-messages", "-z"]
        merge = ["merge-tree", *options, ours, theirs]
        try:
            printed = await self._git.run(*merge, place=place, accept=(0, 1))
        except GitFailed as error:
            if error.exit_code != _USAGE:
                raise
            message = "merging the branches of several items needs git 2.38 or newer"
            raise PermanentError(
                message, advice="Install a newer git on the server."
            ) from error
        tree, *conflicts = _names(printed)
        if conflicts:
            raise _conflict(branch, conflicts)
        return await self._commit_tree(mirror, tree, [ours, theirs], f"Merge {branch}")

    async def _add(self, place: Place) -> None:
        try:
            await self._git.run("add", "--all", "--", ".", place=place)
        except GitFailed as error:
            if "ermission denied" not in error.said:
                raise
            message = "the command left files that nobody may read"
            raise PermanentError(message) from error

    async def _commit_tree(
        self, mirror: Path, tree: str, parents: Sequence[str], message: str
    ) -> str:
        name, address = self._identity
        at = f"{int(self._clock.now().timestamp())} +0000"
        people = ("AUTHOR", "COMMITTER")
        environment = {f"GIT_{who}_NAME": name for who in people}
        environment |= {f"GIT_{who}_EMAIL": address for who in people}
        environment |= {f"GIT_{who}_DATE": at for who in people}
        options = [word for parent in parents for word in ("-p", parent)]
        printed = await self._git.run(
            *("commit-tree", *options, tree),
            place=Place(mirror),
            stdin=message.encode(),
            environment=environment,
        )
        return _text(printed)

    async def _change(self, mirror: Path, base: str, sha: str) -> Change:
        options = ["-r", "-z", "--numstat", "--no-renames", "--no-ext-diff"]
        compare = ["diff-tree", *options, "--no-textconv", base, sha]
        records = _names(await self._git.run(*compare, place=Place(mirror)))
        rows = [record.split("\t", 2) for record in records]
        return Change(
            sha,
            files=tuple(_readable(name) for _, _, name in rows),
            # Of binary files there are no counts.
            insertions=sum(int(plus) for plus, _, _ in rows if plus != "-"),
            deletions=sum(int(minus) for _, minus, _ in rows if minus != "-"),
        )

    async def _resolve(self, mirror: Path, name: str) -> str:
        ask = ["rev-parse", "--verify", "--end-of-options", name]
        return _text(await self._git.run(*ask, place=Place(mirror)))


def _ref(attempt: AttemptId) -> str:
    return f"refs/batch/{attempt}"


def _mirrored(branch: str) -> str:
    """Return the ref that keeps a branch, free of clashes such as a beside a/b."""
    return f"refs/seen/{hashlib.sha256(branch.encode()).hexdigest()[:24]}"


def _make_empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _drop_repositories(root: Path) -> None:
    """Delete every ``.git`` below *root*, of which git would run the configuration.

    What such a repository held becomes plain files of the workspace.
    """
    for folder, folders, files in os.walk(root, onerror=_raise):
        for name in [*folders, *files]:
            if name.lower() != ".git":
                continue
            path = Path(folder, name)
            if path.is_dir() and not path.is_symlink():
                remove_tree(path)
            else:
                path.unlink()
        folders[:] = [name for name in folders if name.lower() != ".git"]


def _raise(error: OSError) -> None:
    message = f"the command left a folder that nobody may read: {error.filename}"
    raise PermanentError(message) from error


def _check_size(root: Path, names: Sequence[str]) -> None:
    if len(names) > MOST_FILES:
        message = (
            f"{len(names):,} files changed, and a commit may have {MOST_FILES:,}: "
            "that looks like build output"
        )
        advice = "Let .gitignore name what does not belong into the repository."
        raise PermanentError(message, advice=advice)
    for name in names:
        path = root / name
        size = path.lstat().st_size if os.path.lexists(path) else 0
        if size > MOST_FILE_BYTES:
            millions = round(size / 1e6)
            shown = _readable(name)
            message = f"{shown} has {millions} MB, and GitHub takes no large files"
            advice = "Let .gitignore name it, or keep it with Git LFS."
            raise PermanentError(message, advice=advice)


def _conflict(branch: str, names: Sequence[str]) -> PermanentError:
    shown = ", ".join(map(_readable, names[:5]))
    shown += f" and {len(names) - 5} more" if len(names) > 5 else ""
    return PermanentError(
        f"merge conflict between the items it waits for: {branch} conflicts in {shown}",
        advice="Merge their pull requests one after the other, then retry.",
    )


def _names(printed: bytes) -> list[str]:
    text = printed.decode("utf-8", "surrogateescape")
    return [name for name in text.split("\0") if name]


def _readable(name: str) -> str:
    """Return a file's name as text; names are bytes and need not be UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _text(printed: bytes) -> str:
    return printed.decode().strip()
