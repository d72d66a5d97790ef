"""Where work stands: a branch, and what is merged into it, as both are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.model import AttemptId, ItemNumber, Person, Repository
from bot.core.say.problems.git import ChangeConflicts, HeadElsewhere
from bot.errors import BranchMissing, PermanentError
from bot.host.commits import Commits
from bot.host.git import Place
from bot.host.mirrors import Mirrors, base_ref, work_ref
from bot.ports.host import Brought, Rebased


@dataclass(frozen=True, slots=True)
class Ground:
    """Where work stands: a commit, the branch, and what was merged into it."""

    sha: str
    base: str
    merged: tuple[str, ...]
    heads: Mapping[str, str]  # of the branches that were asked for


@dataclass(frozen=True, slots=True)
class Pulled:
    """A pull request to be looked at, and what it is compared with."""

    ground: Ground
    base_sha: str
    merge_base_sha: str  # where the branch left its base; that, if it never was on it


class Grounds:
    """Finds where work is to stand, and moves it there."""

    def __init__(self, mirrors: Mirrors, commits: Commits) -> None:
        self._mirrors = mirrors
        self._git = mirrors.git
        self._commits = commits

    async def find(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str],
        author: Person,
    ) -> Ground:
        """Return where work is to stand, fetched, and kept for the attempt."""
        mirror = self._mirrors.of(repository)
        heads = await self._mirrors.fetch(repository, [base, *merge], attempt=attempt)
        asked = heads[base]
        base, merge = await self._stacked(mirror, base, merge, heads)
        sha = heads[base]
        for branch in merge:
            sha = await self._commits.merge(mirror, sha, heads[branch], branch, author)
        if sha != asked:
            await self._mirrors.keep(mirror, base_ref(attempt), sha)
        return Ground(sha, base, tuple(merge), heads)

    async def of_pull(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        number: ItemNumber,
        head_sha: str,
        base: str,
    ) -> Pulled:
        """Return a pull request at a commit, fetched, and kept for the attempt.

        Raises ``BranchMissing`` if it is at another one.
        """
        mirror = self._mirrors.of(repository)
        head, base_sha = await self._mirrors.fetch_head(
            repository, number, base, attempt=attempt
        )
        if head != head_sha:
            raise BranchMissing(HeadElsewhere(number, head_sha))
        fork = await self._commits.fork(mirror, base_sha, head)
        ground = Ground(head, f"pull/{number}", (), {base: base_sha})
        return Pulled(ground, base_sha, fork or base_sha)

    async def rebase(
        self,
        attempt: AttemptId,
        repository: Repository,
        sha: str,
        *,
        base: str,
        merge: Sequence[str],
    ) -> Rebased:
        """Make a commit of the attempt again on branches as they are now.

        Raises ``PermanentError`` when it conflicts with what is there.
        """
        mirror = self._mirrors.of(repository)
        ask = ("log", "-1", "--format=%an%x00%ae%x00%B", sha)
        printed = (await self._git.run(*ask, place=Place(mirror))).decode()
        name, address, message = printed.split("\0", 2)
        author = Person(name, address)
        ground = await self.find(
            attempt, repository, base=base, merge=merge, author=author
        )
        tree, conflicts = await self._commits.moved_tree(
            *(mirror, sha), since=f"{sha}^", onto=ground.sha, author=author
        )
        if conflicts:
            raise PermanentError(ChangeConflicts(ground.base, conflicts))
        moved = ""
        if (await self._commits.change(mirror, ground.sha, tree)).files:
            moved = await self._commits.commit(
                *(mirror, tree, [ground.sha], message.rstrip("\n")), author
            )
            await self._mirrors.keep(mirror, work_ref(attempt), moved)
        return Rebased(moved, ground.base, ground.merged)

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

        Raises ``PermanentError`` when it conflicts with what is there.
        """
        mirror = self._mirrors.of(repository)
        names = [onto, branch, was]
        heads = await self._mirrors.fetch(repository, names, attempt=attempt)
        there, ours = heads[onto], heads[branch]
        is_known = await self._commits.has(mirror, merged_sha)
        before = merged_sha if is_known else heads[was]
        fork = await self._commits.fork(mirror, before, ours)
        # A true merge has taken all of it along; a squash or a rebase has only the files.
        if fork in ("", ours) or await self._commits.fork(mirror, fork, there) == fork:
            return Brought(ours, "")
        if await self._commits.fork(mirror, there, ours) == there:
            return Brought(ours, "")
        author = await self._commits.first_author(mirror, fork, ours)
        tree, conflicts = await self._commits.moved_tree(
            *(mirror, ours), since=fork, onto=there, author=author
        )
        if conflicts:
            raise PermanentError(ChangeConflicts(onto, conflicts))
        sha = await self._commits.commit(
            mirror, tree, [ours, there], f"Merge {onto}", author
        )
        await self._mirrors.keep(mirror, work_ref(attempt), sha)
        return Brought(ours, sha)

    async def _stacked(
        self, mirror: Path, base: str, merge: Sequence[str], heads: Mapping[str, str]
    ) -> tuple[str, tuple[str, ...]]:
        """Return where to stand and what to merge, without what others contain.

        One branch that contains all others to be merged is stood on.
        """
        if not merge:
            return base, ()
        left = await self._commits.independent(mirror, merge, heads)
        with_base = await self._commits.independent(mirror, [base, *left], heads)
        if len(left) == 1 and left[0] in with_base:
            return left[0], ()
        return base, tuple(branch for branch in with_base if branch != base)
