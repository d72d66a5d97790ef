"""Bare mirrors of repositories: caches that are made again when they are damaged.

A mirror keeps under refs of its own what nobody else has: the work of attempts, and
where each of them started.
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar
from weakref import WeakValueDictionary

import structlog

from bot.core.model import AttemptId, ItemNumber, Repository
from bot.core.say.problems.git import CommitGone, NoBranch
from bot.errors import BotError, BranchMissing, PermanentError, TransientError
from bot.host.folders import Folders, children, remove_tree
from bot.host.git import Git, GitFailed, Place, Remotes, gone
from bot.host.large import LargeStore

SEEN = "refs/seen"
"""Below it a mirror has the branches as GitHub had them."""

_PARTIAL = ".partial"
_DAMAGED = ".damaged"
_LARGE = ".lfs"
_KEPT = re.compile(r"^(?P<sha>[0-9a-f]{40}) (?P<ref>refs/(?:batch|base)/\S+)$", re.M)
_MISSING = re.compile(r"couldn't find remote ref refs/heads/(?P<branch>.*)")
_NOT_THERE = re.compile(r"not our ref|unadvertised object|remote ref refs/pull/", re.I)
_SHA = re.compile(r"[0-9a-f]{40}")

_T = TypeVar("_T")

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class _Coming:
    """A fetch, and what it shall keep for whom. It can be joined until it has the lock of
    its mirror: nobody is told of heads that were fetched before they were asked for.
    """

    kept: dict[str, str]  # our refs, each with that of the remote
    heads: asyncio.Future[list[str]]
    left: set[str] = field(default_factory=set)  # refs of those who were cancelled


class Mirrors:
    """The mirrors of this host, by repository."""

    def __init__(self, folders: Folders, *, git: Git, remotes: Remotes) -> None:
        self._folders = folders
        self.git = git
        self.remotes = remotes
        self._locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()
        self._coming: dict[tuple[object, ...], _Coming] = {}
        self._renewed: Counter[int] = Counter()
        self._away: set[int] = set()

    def is_away(self, repository: Repository) -> bool:
        """Return whether git did not get through to a repository the last time."""
        return repository.id in self._away

    def of(self, repository: Repository) -> Path:
        """Return where a repository's mirror lies."""
        return self._folders.mirror(repository)

    def large(self, repository: Repository) -> LargeStore:
        """Return where what a repository keeps beside git waits to be uploaded."""
        return LargeStore(self.of(repository).with_suffix(_LARGE))

    async def mended(
        self, repository: Repository, work: Callable[[], Awaitable[_T]]
    ) -> _T:
        """Return what *work* does in a mirror; if that is damaged, make it again once."""
        renewed = self._renewed[repository.id]
        try:
            return await work()
        except GitFailed as error:
            if not error.is_damage:
                raise
            log.warning(
                "a mirror is damaged, and made again",
                repository=repository.name,
                said=error.said.strip(),
            )
        await self._make_again(repository, renewed)
        return await work()

    async def fetch(
        self, repository: Repository, branches: Sequence[str], *, attempt: AttemptId
    ) -> dict[str, str]:
        """Return the heads of branches, all their history being in the mirror.

        The first stays there until the attempt is forgotten. Raises ``BranchMissing``,
        or what the remote answers.
        """
        refs = {f"refs/heads/{branch}": seen_ref(branch) for branch in branches}
        kept = {f"refs/heads/{branches[0]}": base_ref(attempt)}
        heads = await self._heads(repository, refs, kept)
        return dict(zip(branches, heads, strict=True))

    async def fetch_head(
        self,
        repository: Repository,
        number: ItemNumber,
        base: str,
        *,
        attempt: AttemptId,
    ) -> tuple[str, str]:
        """Return the head of a pull request and that of its base, with all their history.

        The first stays there until the attempt is forgotten. Raises what ``fetch`` raises.
        """
        refs = {
            f"refs/pull/{number}/head": base_ref(attempt),
            f"refs/heads/{base}": seen_ref(base),
        }
        head, head_of_base = await self._heads(repository, refs, {})
        return head, head_of_base

    async def _heads(
        self, repository: Repository, refs: Mapping[str, str], kept: Mapping[str, str]
    ) -> list[str]:
        """Fetch refs of the remote into ours; return where they are, in their order.

        Those who want the same while no fetch of it has begun are served by one.
        """
        key = (repository, *refs.items())
        own = {ref: there for there, ref in kept.items()}
        while (coming := self._coming.get(key)) is not None:
            coming.kept |= own
            coming.left -= own.keys()
            try:
                return await asyncio.shield(coming.heads)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not coming.heads.cancelled() or (task and task.cancelling()):
                    coming.left |= own.keys()
                    raise
                # Whoever fetched was cancelled, or met damage: this one may have to.
        coming = _Coming(own, asyncio.get_running_loop().create_future())
        self._coming[key] = coming
        try:
            async with self._locked(self.of(repository)):
                del self._coming[key]
                heads = await self._fetched(repository, refs, coming)
        except BaseException as error:
            if self._coming.get(key) is coming:
                del self._coming[key]
            is_damage = isinstance(error, GitFailed) and error.is_damage
            if isinstance(error, BotError) and not is_damage:
                coming.heads.set_exception(error)
                coming.heads.exception()  # perhaps nobody else waits
            else:
                coming.heads.cancel()
            raise
        coming.heads.set_result(heads)
        return heads

    async def _fetched(
        self, repository: Repository, refs: Mapping[str, str], coming: _Coming
    ) -> list[str]:
        mirror = await self._made(self.of(repository))
        kept = {k: there for k, there in coming.kept.items() if k not in coming.left}
        specs = [f"+{there}:{ref}" for there, ref in refs.items()]
        specs += [f"+{there}:{ref}" for ref, there in kept.items()]
        await self._fetch(repository, mirror, specs)
        await self.drop(mirror, coming.left & kept.keys())
        names = [f"{ref}^{{commit}}" for ref in refs.values()]
        printed = await self.git.run(
            *("cat-file", "--batch-check"),
            place=Place(mirror),
            stdin="\n".join(names).encode(),
        )
        heads = [line.split(" ")[0] for line in printed.decode().splitlines()]
        for there, head in zip(refs, heads, strict=True):
            if not _SHA.fullmatch(head):
                # As git has it, so that it counts as damage.
                what, said = "cat-file", f"fatal: bad object {there}"
                raise GitFailed(what, exit_code=128, said=said)
        return heads

    async def fetch_pull(
        self, repository: Repository, number: int, base: str, shas: Sequence[str]
    ) -> str:
        """Return the head of *base*, it, a pull request and commits being in the mirror.

        Raises ``PermanentError`` if GitHub has one of them no more, or what the remote
        answers.
        """
        mirror, seen = self.of(repository), seen_ref(base)
        specs = [
            f"+refs/heads/{base}:{seen}",
            f"+refs/pull/{number}/head:refs/pulls/{number}",
        ]
        async with self._locked(mirror):
            await self._fetch(repository, await self._made(mirror), specs)
            for sha in shas:
                ask = ("cat-file", "-e", f"{sha}^{{commit}}")
                done = await self.git.call(
                    *ask, place=Place(mirror), accept=(0, 1, 128)
                )
                if done.exit_code:
                    await self._fetch(repository, mirror, [sha])
            printed = await self.git.run("rev-parse", seen, place=Place(mirror))
        return printed.decode().strip()

    async def _made(self, mirror: Path) -> Path:
        """Return the mirror, made if there was none."""
        if not await asyncio.to_thread(mirror.exists):
            partial = await self._make_empty(mirror)
            await asyncio.to_thread(partial.rename, mirror)
        return mirror

    @asynccontextmanager
    async def kept(self, repository: Repository) -> AsyncIterator[Path]:
        """Have a mirror, made if there is none, that nobody fetches into meanwhile."""
        mirror = self.of(repository)
        async with self._locked(mirror):
            yield await self._made(mirror)

    def set_aside(self, repository: Repository) -> None:
        """Have no mirror of a repository from now on; it goes at the next start.

        Running commands may still read it.
        """
        mirror = self.of(repository)
        damaged = mirror.with_name(mirror.name + _DAMAGED)
        remove_tree(damaged)
        mirror.rename(damaged)

    async def keep(self, mirror: Path, ref: str, sha: str) -> None:
        """Keep a commit under a ref of ours."""
        await self.change(mirror, {ref: sha})

    async def keep_diff(self, repository: Repository, sha: str) -> None:
        """Write what a commit changes beside the logs, for the operator."""
        compare = ["diff-tree", "-p", "--binary", "--no-ext-diff", "--no-textconv"]
        mirror = self.of(repository)
        try:
            diff = await self.git.run(*compare, f"{sha}^", sha, place=Place(mirror))
        except GitFailed as error:
            log.warning("no diff can be kept", sha=sha, said=error.said.strip())
            return
        kept = self._folders.logs / f"{sha}.diff"
        await asyncio.to_thread(_write, kept, diff)
        log.warning("work that GitHub refused is kept", path=str(kept))

    async def forget(self, attempt: AttemptId) -> None:
        """Let go of what an attempt kept, in the mirrors that know it and beside them."""
        refs = [work_ref(attempt), base_ref(attempt)]

        def look() -> list[Path]:
            self._drop_large(attempt)
            return self._that_know(refs)

        for mirror in await asyncio.to_thread(look):
            try:
                await self.drop(mirror, refs)
            except GitFailed as error:
                if not error.is_damage:
                    raise
                # It is made again when somebody needs it.
                log.warning("a damaged mirror keeps a ref", said=error.said.strip())

    async def known(self, mirror: Path, shas: Sequence[str]) -> tuple[str, ...]:
        """Return those of some commits that are in a mirror."""
        if not shas:
            return ()
        ask = ("cat-file", "--batch-check=%(objectname) %(objecttype)")
        asked = "".join(f"{sha}\n" for sha in shas).encode()
        printed = await self.git.run(*ask, place=Place(mirror), stdin=asked)
        rows = [line.split(" ") for line in printed.decode().splitlines()]
        return tuple(row[0] for row in rows if row[1:] == ["commit"])

    async def drop(self, mirror: Path, refs: Collection[str]) -> None:
        """Delete refs of ours, those that are there."""
        if refs:
            await self.change(mirror, {}, without=refs)

    async def change(
        self,
        mirror: Path,
        refs: Mapping[str, str],
        *,
        without: Collection[str] = (),
        provided: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Have refs of ours where they shall be, and others not at all, *provided* that
        some are where they are.
        """
        told = [f"verify {ref} {sha}\n" for ref, sha in provided.items()]
        told += [f"update {ref} {sha}\n" for ref, sha in refs.items()]
        told += [f"delete {ref}\n" for ref in without]
        await self.git.run(
            *("update-ref", "--stdin"),
            place=Place(mirror),
            stdin="".join(told).encode(),
        )

    def tidy(self) -> None:
        """Take away what killed processes left; for the start, when none runs."""
        for path in children(self._folders.mirrors):
            if path.suffix not in (".git", _LARGE):
                self._folders.discard(path)
                continue
            for lock in path.rglob("*.lock"):
                lock.unlink()
        for large in self._folders.mirrors.glob(f"*{_LARGE}"):
            kept = _kept_in(large.with_suffix(".git"))
            for folder in LargeStore(large).attempts():
                if work_ref(AttemptId(folder.name)) not in kept:
                    self._folders.discard(folder)

    def _drop_large(self, attempt: AttemptId) -> None:
        for folder in self._folders.mirrors.glob(f"*{_LARGE}/{attempt}"):
            self._folders.discard(folder)

    def _that_know(self, refs: Sequence[str]) -> list[Path]:
        found = []
        for mirror in self._folders.mirrors.glob("*.git"):
            packed = _read(mirror / "packed-refs")
            if any((mirror / ref).exists() or f" {ref}\n" in packed for ref in refs):
                found.append(mirror)
        return found

    def _locked(self, mirror: Path) -> asyncio.Lock:
        return self._locks.setdefault(mirror, asyncio.Lock())

    async def _fetch(
        self, repository: Repository, mirror: Path, specs: Sequence[str]
    ) -> None:
        remote = await self.remotes.of(repository)
        options = ["--no-tags", "--no-write-fetch-head", "--quiet"]
        try:
            await self.git.run(
                *("fetch", *options, "--", remote.url, *specs),
                place=Place(mirror),
                remote=remote,
            )
        except GitFailed as error:
            explained = _explained(error, repository)
            self._note(repository, is_away=isinstance(explained, TransientError))
            raise explained from error
        self._note(repository, is_away=False)

    def _note(self, repository: Repository, *, is_away: bool) -> None:
        """Remember whether git got through: it did, too, where it got a refusal."""
        change = self._away.add if is_away else self._away.discard
        change(repository.id)

    async def _make_empty(self, mirror: Path) -> Path:
        """Make it under another name: a bot that is killed leaves no half one."""
        partial = mirror.with_name(mirror.name + _PARTIAL)
        await asyncio.to_thread(_empty, partial)
        await self.git.run("init", "--quiet", "--bare", place=Place(partial))
        return partial

    async def _make_again(self, repository: Repository, renewed: int) -> None:
        """Make a mirror aside, with all that the damaged one keeps and can still give,
        unless that was done since it had been *renewed* so often.
        """
        mirror = self.of(repository)
        async with self._locked(mirror):
            if self._renewed[repository.id] != renewed:
                return
            fresh = await self._make_empty(mirror)
            # All branches, so that of the damaged one only our own commits are needed.
            await self._fetch(repository, fresh, ["+refs/heads/*:refs/whole/*"])
            heads = await self._list(fresh, "^%(objectname)")
            for ref, sha in (await asyncio.to_thread(_kept_in, mirror)).items():
                try:
                    await self._take_over(fresh, mirror, ref, sha, without=heads)
                except GitFailed as error:
                    said = error.said.strip()
                    log.exception("work is lost", ref=ref, sha=sha, said=said)
            drop = await self._list(fresh, "delete %(refname)")
            await self.git.run("update-ref", "--stdin", place=Place(fresh), stdin=drop)
            await asyncio.to_thread(self.set_aside, repository)
            await asyncio.to_thread(fresh.rename, mirror)
            self._renewed[repository.id] += 1

    async def _take_over(
        self, fresh: Path, damaged: Path, ref: str, sha: str, *, without: bytes
    ) -> None:
        """Copy a commit and what only it has; of a damaged repository only objects
        are read.
        """
        borrowed = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(damaged / "objects")}
        wanted = f"{sha}\n".encode() + without
        pack = await self.git.run(
            *("pack-objects", "--revs", "--stdout", "--quiet"),
            place=Place(fresh),
            stdin=wanted,
            environment=borrowed,
        )
        await self.git.run("unpack-objects", "-q", place=Place(fresh), stdin=pack)
        await self.keep(fresh, ref, sha)

    async def _list(self, mirror: Path, line: str) -> bytes:
        """Return a line for each branch of the remote."""
        asked = ["for-each-ref", f"--format={line}", "refs/whole"]
        return await self.git.run(*asked, place=Place(mirror))


def work_ref(attempt: AttemptId) -> str:
    """Return the ref that keeps the work of an attempt."""
    return f"refs/batch/{attempt}"


def base_ref(attempt: AttemptId) -> str:
    """Return the ref that keeps where an attempt started."""
    return f"refs/base/{attempt}"


def seen_ref(branch: str) -> str:
    """Return the ref that keeps a branch, free of clashes such as a beside a/b."""
    return f"{SEEN}/{hashlib.sha256(branch.encode()).hexdigest()[:24]}"


def _explained(error: GitFailed, repository: Repository) -> Exception:
    if _NOT_THERE.search(error.said):
        return PermanentError(CommitGone(repository.name))
    missing = _MISSING.search(error.said)
    if missing:
        return BranchMissing(NoBranch(missing["branch"], repository.name))
    return gone(repository) if error.is_gone else error.answer()


def _kept_in(mirror: Path) -> dict[str, str]:
    """Return our own refs of a mirror, read without git: it may not take it for one."""
    packed = _read(mirror / "packed-refs")
    found = {match["ref"]: match["sha"] for match in _KEPT.finditer(packed)}
    for kind in ("batch", "base"):
        for file in (mirror / "refs" / kind).rglob("*"):
            sha = _read(file).strip() if file.is_file() else ""
            if _SHA.fullmatch(sha):
                found[str(file.relative_to(mirror))] = sha
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _empty(folder: Path) -> None:
    remove_tree(folder)
    folder.mkdir(parents=True)
