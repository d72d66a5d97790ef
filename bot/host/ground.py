"""Where work stands: a branch, and what is merged into it, as both are now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.core.model import AttemptId, Person, Repository
from bot.core.say.problems.git import ChangeConflicts
from bot.errors import PermanentError
from bot.host.commits import Commits
from bot.host.git import Place
from bot.host.mirrors import Mirrors, base_ref, work_ref
from bot.ports.host import Rebased


@dataclass(frozen=True, slots=True)
class Ground:
    """Where work stands: a commit, the branch, and what was merged into it."""

    sha: str
    base: str
    merged: tuple[str, ...]
    heads: Mapping[str, str]  # of the branches that were asked for


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
        there = f"{ground.sha}^{{tree}}"
        # A commit with the files of the ground and the parent of ours makes that parent
        # the base of the merge, in a git that cannot be told one.
        parents = [f"{sha}^"]
        stand_in = await self._commits.commit(mirror, there, parents, "", author)
        tree, conflicts = await self._commits.merged_tree(mirror, stand_in, sha)
        if conflicts:
            raise PermanentError(ChangeConflicts(ground.base, conflicts))
        moved = ""
        if (await self._commits.change(mirror, there, tree)).files:
            moved = await self._commits.commit(
                *(mirror, tree, [ground.sha], message.rstrip("\n")), author
            )
            await self._mirrors.keep(mirror, work_ref(attempt), moved)
        return Rebased(moved, ground.base, ground.merged)

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
