"""Workspaces: the files of a repository for one attempt, taken from a bare mirror.

What counts is the files against those that were put there. The bot's index lies beside
the workspace and its objects in the mirror; the repository in the workspace is the
command's, and nothing that it does to that is ever read.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from bot.core.model import AttemptId, CommandResult, ItemNumber, Person, Repository
from bot.core.say.notes import Leftover
from bot.core.say.problems.change import AllLeftOut, NotCommitted
from bot.core.say.problems.server import DiskFull
from bot.errors import PermanentError, TransientError
from bot.host.clone import make_clone
from bot.host.commits import Commits
from bot.host.differences import Differences, Found, has_attributes
from bot.host.folders import Folders, children
from bot.host.git import GitFailed, Place
from bot.host.ground import Ground, Grounds
from bot.host.mirrors import Mirrors, work_ref
from bot.host.printed import readable
from bot.host.template import pull_request_template
from bot.host.trees import LFS, Tree, Trees, coding_fault, keep_files
from bot.ports.clock import Clock
from bot.ports.host import Brought, Change, LeftOut, Rebased, Workspace

_FULL = (errno.ENOSPC, errno.EDQUOT)
DIFF_FILE = "diff.patch"
_KEEPS_LARGE_FILES = r"^[[:space:]]*[^#[:space:]].*[[:space:]]filter=lfs([[:space:]]|$)"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Started:
    """What an attempt works on, and who makes its commits."""

    repository: Repository
    author: Person


class GitWorkspaces:
    """Workspaces of real repositories.

    *leave_out* is what the settings say of leftovers; with *signs_off* commits carry
    the author's ``Signed-off-by``. *grounds* finds what they start from elsewhere than
    at the remote.
    """

    def __init__(
        self,
        folders: Folders,
        *,
        mirrors: Mirrors,
        clock: Clock,
        leave_out: Sequence[str] = (),
        signs_off: bool = False,
        grounds: Grounds | None = None,
    ) -> None:
        self._folders = folders
        self._mirrors = mirrors
        self._git = mirrors.git
        self._author = Person("batch-bot", "batch-bot@users.noreply.github.com")
        self._signs_off = signs_off
        self._commits = Commits(mirrors.git, clock)
        self._grounds = grounds or Grounds(mirrors, self._commits)
        self._differences = Differences(mirrors.git, leave_out)
        self._trees = Trees(mirrors)
        self._started: dict[AttemptId, Started] = {}

    def is_away(self, repository: Repository) -> bool:
        """Return whether git did not get through to a repository the last time."""
        return self._mirrors.is_away(repository)

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

        started = Started(repository, author or self._author)

        async def make() -> Workspace:
            ground = await self._grounds.find(
                attempt, repository, base=base, merge=merge, author=started.author
            )
            return await self._make(attempt, started, ground)

        return await self._begin(attempt, started, make)

    async def check_out(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        number: ItemNumber,
        head_sha: str,
        base: str,
    ) -> Workspace:
        """Fetch a pull request and its base and write the files of its head.

        Raises what ``create`` raises; ``BranchMissing`` also when the pull request is at
        another commit.
        """
        started = Started(repository, self._author)

        async def make() -> Workspace:
            pulled = await self._grounds.of_pull(
                *(attempt, repository), number=number, head_sha=head_sha, base=base
            )
            workspace = await self._make(attempt, started, pulled.ground)
            diff = self._folders.attempt(attempt).input / DIFF_FILE
            mirror, since = self._mirrors.of(repository), pulled.merge_base_sha
            return replace(
                workspace,
                base_sha=pulled.base_sha,
                base=base,
                merge_base_sha=since,
                diff=str(diff),
                changed=await self._commits.write_diff(mirror, since, head_sha, diff),
            )

        return await self._begin(attempt, started, make)

    async def _begin(
        self,
        attempt: AttemptId,
        started: Started,
        make: Callable[[], Awaitable[Workspace]],
    ) -> Workspace:
        async def begin() -> Workspace:
            await self.remove(attempt)
            self._started[attempt] = started
            return await make()

        try:
            return await self._mirrors.mended(started.repository, begin)
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
            return await self._grounds.rebase(
                attempt, repository, sha, base=base, merge=merge
            )

        return await self._mirrors.mended(repository, rebase)

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

        Raises what ``create`` raises, and ``PermanentError`` when it conflicts with
        what is there.
        """

        async def bring() -> Brought:
            return await self._grounds.bring(
                attempt, repository, branch, was=was, merged_sha=merged_sha, onto=onto
            )

        return await self._mirrors.mended(repository, bring)

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
        self, attempt: AttemptId, started: Started, ground: Ground
    ) -> Workspace:
        repository, author = started.repository, started.author
        mirror = self._mirrors.of(repository)
        sha = ground.sha
        folder = self._folders.attempt(attempt)
        await asyncio.to_thread(folder.workspace.mkdir, parents=True)
        place = Place(mirror, folder.workspace, folder.index)
        try:
            await self._git.run("read-tree", "--reset", "-u", sha, place=place)
        except GitFailed as error:
            if fault := coding_fault(error.said):
                raise PermanentError(fault) from error
            raise

        def look() -> tuple[bool, str]:
            make_clone(
                folder,
                mirror,
                branch=ground.base,
                sha=sha,
                remote_shas=ground.heads,
                url=self._mirrors.remotes.url(repository),
                author=author,
            )
            template = pull_request_template(folder.workspace)
            return has_attributes(folder.index), template

        names_any, template = await asyncio.to_thread(look)
        has_pointers = names_any and await self._keeps_large_files(place)
        return Workspace(
            attempt,
            str(folder.workspace),
            sha,
            ground.base,
            ground.merged,
            has_pointers,
            template,
        )

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
        self, workspace: Workspace, started: Started, message: str
    ) -> Change | None:
        attempt, repository = workspace.attempt, started.repository
        folder, mirror = self._folders.attempt(attempt), self._mirrors.of(repository)
        found = await self._differences.find(folder, mirror)
        filters = await self._differences.filters(folder, mirror, found)
        try:
            tree = Tree("")
            if found.written or found.removed:
                tree = await self._trees.build(
                    attempt, repository, folder, found, filters=filters
                )
            refused = [
                LeftOut(readable(p), Leftover.NAME, is_work=True) for p in tree.refused
            ]
            left_out = (*found.left_out, *refused)
            change = None
            if tree.sha:
                change = await self._made(workspace, started, tree.sha, message)
            if change is None:
                _refuse_lost_work(left_out)
                return None
        except PermanentError:
            if found.written:
                await asyncio.to_thread(self._keep_files, workspace, found)
            raise
        unfiltered = sorted(
            f"{readable(path)} (filter={name})"
            for path, name in filters.items()
            if name != LFS
        )
        return replace(change, left_out=left_out, unfiltered=tuple(unfiltered))

    async def _made(
        self, workspace: Workspace, started: Started, tree: str, message: str
    ) -> Change | None:
        """Return the commit that a tree becomes; None if nothing changed in it."""
        mirror, base = self._mirrors.of(started.repository), workspace.base_sha
        change = await self._commits.change(mirror, base, tree)
        if not change.files:
            return None
        sha = await self._commits.commit(mirror, tree, [base], message, started.author)
        await self._mirrors.keep(mirror, work_ref(workspace.attempt), sha)
        return replace(change, sha=sha)

    def _keep_files(self, workspace: Workspace, found: Found) -> None:
        kept = self._folders.logs / f"{workspace.attempt}.tar.gz"
        keep_files(Path(workspace.path), found.written, kept)
        log.warning("work that git does not take is kept", path=str(kept))


def with_trailers(
    message: str, *, co_author: Person | None = None, signer: Person | None = None
) -> str:
    """Return a commit message that ends with who else had a part in it."""
    people = {"Co-authored-by": co_author, "Signed-off-by": signer}
    lines = [f"{word}: {person}" for word, person in people.items() if person]
    return "\n\n".join([message.rstrip(), *(["\n".join(lines)] if lines else [])])


def result_of(ended: CommandResult, change: Change, sha: str) -> CommandResult:
    """Return what came of a command with the change that it made."""
    return replace(
        ended,
        commit=sha,
        files=len(change.files),
        insertions=change.insertions,
        deletions=change.deletions,
        added=len(change.added),
        removed=len(change.removed),
    )


def _refuse_lost_work(left_out: Iterable[LeftOut]) -> None:
    """Raise if nothing changed but what is left out: that is not *no change*."""
    lost = [(readable(left.path), left.why) for left in left_out if left.is_work]
    if lost:
        raise PermanentError(AllLeftOut(lost))
