"""Commits that are made in a mirror, without any files: merges, and what is read of them."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.core.model import Person
from bot.core.say.problems.git import CannotMerge, PredecessorsConflict
from bot.errors import PermanentError
from bot.host.git import OLDEST, Git, GitFailed, Place
from bot.host.printed import names, readable, text
from bot.ports.clock import Clock
from bot.ports.host import Change

_USAGE = 129  # git's exit code for options it does not know


class Commits:
    """Makes commits. *mirror* is always the bare repository that has all of them."""

    def __init__(self, git: Git, clock: Clock) -> None:
        self._git = git
        self._clock = clock

    async def commit(
        self,
        mirror: Path,
        tree: str,
        parents: Sequence[str],
        message: str,
        author: Person,
    ) -> str:
        """Return a new commit of a tree."""
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
        return text(printed)

    async def merge(
        self, mirror: Path, ours: str, theirs: str, branch: str, author: Person
    ) -> str:
        """Return a merge of two commits. Raises ``PermanentError`` when they conflict."""
        tree, conflicts = await self.merged_tree(mirror, ours, theirs)
        if conflicts:
            raise PermanentError(PredecessorsConflict(branch, conflicts))
        parents = [ours, theirs]
        return await self.commit(mirror, tree, parents, f"Merge {branch}", author)

    async def moved_tree(
        self, mirror: Path, ours: str, *, since: str, onto: str, author: Person
    ) -> tuple[str, list[str]]:
        """Return the tree of *onto* with what *ours* has changed since a commit before
        it, and the files that conflict.
        """
        # A commit with the files of the one and the other as its parent makes that the
        # base of the merge, in a git that cannot be told one.
        files = f"{onto}^{{tree}}"
        stand_in = await self.commit(mirror, files, [since], "", author)
        return await self.merged_tree(mirror, stand_in, ours)

    async def merged_tree(
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
        tree, *conflicts = names(printed)
        return tree, [readable(name) for name in conflicts]

    async def fork(self, mirror: Path, one: str, other: str) -> str:
        """Return the newest commit that both have, or nothing."""
        ask = ("merge-base", one, other)
        done = await self._git.call(*ask, place=Place(mirror), accept=(0, 1))
        return text(done.output)

    async def first_author(self, mirror: Path, before: str, last: str) -> Person:
        """Return who made the first of the commits up to *last*, *before* not counting."""
        ask = ("log", "--reverse", "--topo-order", "--format=%an%x00%ae", last)
        printed = await self._git.run(*ask, f"^{before}", place=Place(mirror))
        # The names of people need not be text, nor without other ends of lines.
        first = printed.decode("utf-8", "replace").split("\n", 1)[0]
        name, address = first.split("\0")
        return Person(name, address)

    async def has(self, mirror: Path, sha: str) -> bool:
        """Return whether a commit is in the mirror."""
        ask = ("cat-file", "-e", f"{sha}^{{commit}}")
        done = await self._git.call(*ask, place=Place(mirror), accept=(0, 1, 128))
        return done.exit_code == 0

    async def independent(
        self, mirror: Path, branches: Sequence[str], heads: Mapping[str, str]
    ) -> list[str]:
        """Return the branches that no other one contains."""
        by_sha = {heads[branch]: branch for branch in reversed(branches)}
        ask = ("merge-base", "--independent", *by_sha)
        printed = await self._git.run(*ask, place=Place(mirror))
        left = {by_sha[sha] for sha in printed.decode().split()}
        return [branch for branch in branches if branch in left]

    async def write_diff(
        self, mirror: Path, since: str, until: str, file: Path
    ) -> tuple[str, ...]:
        """Write what became of one commit until another; return the files in that."""
        await asyncio.to_thread(file.parent.mkdir, parents=True, exist_ok=True)
        compare = ["diff-tree", "-r", "--no-ext-diff", "--no-textconv"]
        compare += ["--find-renames", "--ignore-submodules=none"]
        place = Place(mirror)
        await self._git.run(
            *compare, "-p", f"--output={file}", since, until, place=place
        )
        listed = await self._git.run(
            *compare, "-z", "--name-only", since, until, place=place
        )
        return tuple(readable(name) for name in names(listed))

    async def change(self, mirror: Path, base: str, tree: str) -> Change:
        """Return what changed between a commit and a tree."""
        options = ["-r", "-z", "--raw", "--numstat", "--no-renames"]
        options += ["--no-ext-diff", "--no-textconv", "--ignore-submodules=none"]
        compare = ["diff-tree", *options, base, tree]
        printed = names(await self._git.run(*compare, place=Place(mirror)))
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
