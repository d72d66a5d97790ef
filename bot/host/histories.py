"""What git knows of pull requests: whether one is a rebase of another, what conflicts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from cachetools import LRUCache

from bot.core.model import ItemNumber, Person, Repository
from bot.core.say.notes import has_merges
from bot.errors import BotError, PermanentError
from bot.host.commits import Commits
from bot.host.git import Place
from bot.host.mirrors import Mirrors
from bot.host.printed import text

CONFLICT_SECONDS = 60.0
"""How long the names of conflicting files are worth waiting for."""

_MOST_KEPT = 10_000
_NOBODY = Person("batch-bot", "batch-bot@localhost")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Commit:
    """One commit of a branch, as it was made or made again."""

    sha: str
    parents: tuple[str, ...]
    tree: str
    said: tuple[str, ...]  # author and message, which a rebase keeps


class GitHistories:
    """Implements ``bot.ports.host.Histories`` in the mirrors.

    What follows from two commits is so for good, and worked out once.
    """

    def __init__(self, mirrors: Mirrors, commits: Commits) -> None:
        self._mirrors = mirrors
        self._git = mirrors.git
        self._commits = commits
        self._onto: LRUCache[tuple[int, str, str], str] = LRUCache(_MOST_KEPT)
        self._files: LRUCache[tuple[int, str, str], tuple[str, ...]] = LRUCache(
            _MOST_KEPT
        )

    async def why_no_rebase(
        self, repository: Repository, number: ItemNumber, *, head_sha: str, base: str
    ) -> str:
        """Return why a rebase could not be told from a push; empty if it could."""

        async def look() -> Sequence[_Commit]:
            mirror, tip = await self._fetched(repository, number, base, [head_sha])
            if await self._commits.fork(mirror, tip, head_sha) == tip:
                return ()  # it has all of the base, and nothing will be done
            return await self._since(mirror, tip, head_sha)

        try:
            commits = await self._mirrors.mended(repository, look)
        except PermanentError as error:
            return str(error)
        merges = [one.sha[:7] for one in commits if len(one.parents) != 1]
        return has_merges(merges) if merges else ""

    async def rebased_onto(
        self,
        repository: Repository,
        number: ItemNumber,
        *,
        was: str,
        now: str,
        base: str,
    ) -> str:
        """Return on which commit of *base* one head has all of the other; empty if none."""

        async def look() -> str:
            mirror, tip = await self._fetched(repository, number, base, [was, now])
            before = await self._since(mirror, tip, was)
            after = await self._since(mirror, tip, now)
            return await self._proved(mirror, before, after)

        key = (repository.id, was, now)
        if key not in self._onto:
            try:
                self._onto[key] = await self._mirrors.mended(repository, look)
            except PermanentError as error:
                log.warning("a rebase cannot be proved", error=str(error))
                return ""
        return self._onto[key]

    async def conflicts(
        self,
        repository: Repository,
        number: ItemNumber,
        *,
        head_sha: str,
        base_sha: str,
        base: str,
    ) -> tuple[str, ...]:
        """Return the files in which two commits conflict; none where git cannot say."""

        async def look() -> tuple[str, ...]:
            shas = [head_sha, base_sha]
            mirror, _ = await self._fetched(repository, number, base, shas)
            _, files = await self._commits.merged_tree(mirror, base_sha, head_sha)
            return tuple(dict.fromkeys(files))

        key = (repository.id, head_sha, base_sha)
        if key not in self._files:
            asked = self._mirrors.mended(repository, look)
            try:
                self._files[key] = await asyncio.wait_for(asked, CONFLICT_SECONDS)
            except (BotError, TimeoutError) as error:
                said = str(error) or type(error).__name__
                log.warning("conflicts are not named", number=number, error=said)
                return ()
        return self._files[key]

    # --- a rebase ---

    async def _proved(
        self, mirror: Path, before: Sequence[_Commit], after: Sequence[_Commit]
    ) -> str:
        """Return the parent of the first commit made again, if all were and no others.

        Each is made again here, and has to have the same files, author and message.
        """
        if not after or any(len(one.parents) != 1 for one in (*before, *after)):
            return ""
        places = [one.parents[0] for one in after]
        if places[1:] != [one.sha for one in after[:-1]]:
            return ""
        left = list(after)
        there = await self._printed(mirror, "rev-parse", f"{places[0]}^{{tree}}")
        for one in before:
            on = left[0].parents[0] if left else after[-1].sha
            tree, conflicts = await self._commits.moved_tree(
                mirror, one.sha, since=one.parents[0], onto=on, author=_NOBODY
            )
            if conflicts:
                return ""
            if left and (left[0].tree, left[0].said) == (tree, one.said):
                there = left.pop(0).tree
            elif tree != there:  # what the base has already is left out
                return ""
        return "" if left else places[0]

    async def _since(self, mirror: Path, tip: str, head: str) -> Sequence[_Commit]:
        """Return the commits of *head* that a base does not have, oldest first."""
        fields = "%x00".join(("%H", "%P", "%T", "%an", "%ae", "%B"))
        ask = ("log", "--reverse", "--topo-order", "-z", f"--format={fields}", head)
        printed = await self._git.run(*ask, f"^{tip}", place=Place(mirror))
        words = printed.decode("utf-8", "surrogateescape").split("\0")[:-1]
        return [
            _Commit(
                sha, tuple(parents.split()), tree, (name, address, said.rstrip("\n"))
            )
            for sha, parents, tree, name, address, said in zip(
                *[iter(words)] * 6, strict=True
            )
        ]

    async def _printed(self, mirror: Path, *words: str) -> str:
        return text(await self._git.run(*words, place=Place(mirror)))

    async def _fetched(
        self,
        repository: Repository,
        number: ItemNumber,
        base: str,
        shas: Sequence[str],
    ) -> tuple[Path, str]:
        """Return the mirror with a pull request and these commits, and its base's tip.

        Raises ``PermanentError`` if GitHub has one of them no more.
        """
        tip = await self._mirrors.fetch_pull(repository, number, base, shas)
        return self._mirrors.of(repository), tip
