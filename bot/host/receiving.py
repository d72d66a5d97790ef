"""Commands on a machine of a pool: their repositories come as bundles, or from GitHub.

What a machine has of a repository is a mirror as the bot's. For a code it gets a token
that reads one repository, and forgets it with the fetch; what it cannot fetch, the merges
of the bot above all, comes in a bundle.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog

from bot.core.model import AttemptId, ItemNumber, Person, Repository
from bot.core.say.problems.git import NotOnThisMachine
from bot.errors import BotError, TransientError
from bot.host.commits import Commits
from bot.host.folders import Folders
from bot.host.git import Git, Place, Remotes
from bot.host.ground import Ground, Grounds, Pulled
from bot.host.job import run_command_job
from bot.host.mirrors import SEEN, Mirrors, seen_ref
from bot.host.printed import text
from bot.host.shipping import BUNDLE_MARK, CHANGED, MOST_HAVE, shipped_refs
from bot.host.snapshot import root_tree
from bot.host.workspaces import GitWorkspaces, Started
from bot.ports.clock import Clock
from bot.ports.host import (
    BUNDLE,
    PACKED,
    Change,
    Commands,
    Parcel,
    Redeem,
    Shipment,
    Workspace,
)

log = structlog.get_logger()

_BASE = "refs/base/"
"""What the refs begin with of commits that attempts stand on."""


class ShippedMirrors(Mirrors):
    """Mirrors that are filled by bundles, or for a token: a damaged one is set aside.

    Besides branches they keep the commits that attempts stand on, under refs of the
    commits; one that none stands on any more goes when the next one comes.
    """

    def __init__(self, folders: Folders, *, git: Git, remotes: Remotes) -> None:
        super().__init__(folders, git=git, remotes=remotes)
        self._refs: dict[int, dict[str, str]] = {}  # by repository; the newest last
        self._stood_on: dict[AttemptId, str] = {}  # refs

    async def have(self, repository: Repository) -> tuple[str, ...]:
        """Return commits that are here with all their history, the newest first."""
        try:
            refs = await self.mended(repository, lambda: self._known(repository))
        except TransientError:
            if await asyncio.to_thread(self.of(repository).exists):
                raise
            return ()  # it was damaged, and is set aside
        return tuple(dict.fromkeys(reversed(refs.values())))

    async def fetch_shipped(
        self, shipment: Shipment, opened: Callable[[], AbstractContextManager[None]]
    ) -> tuple[str, ...]:
        """Fetch what a shipment stands on, while its remote is *opened*; return those of
        its commits that are here.
        """
        job = shipment.job
        specs = [f"+refs/heads/{name}:{seen_ref(name)}" for name in shipment.heads]
        if job.pull is not None:
            head = f"pull/{job.pull.number}"
            specs.append(f"+refs/{head}/head:{seen_ref(head)}")
        async with self.kept(job.repository) as mirror:
            self._refs.pop(job.repository.id, None)
            with opened():
                await self._fetch(job.repository, mirror, specs)
            return await self.known(mirror, shipment.shas)

    async def stand(self, shipment: Shipment, bundle: Path) -> None:
        """Have what a shipment stands on, out of the *bundle* that came, if one did."""
        attempt, repository = shipment.job.attempt, shipment.job.repository
        base = f"{_BASE}{shipment.sha}"
        refs = {seen_ref(branch): sha for branch, sha in shipment.heads.items()}
        refs[base] = shipment.sha
        async with self.kept(repository) as mirror:
            self._stood_on[attempt] = base
            gone: list[str] = []
            if await asyncio.to_thread(bundle.exists):
                spec = f"+{prefix(attempt)}*:{prefix(attempt)}*"
                options = ("--no-tags", "--no-write-fetch-head", "--quiet", "--")
                await self.git.run(
                    *("fetch", *options, str(bundle), spec), place=Place(mirror)
                )
                await asyncio.to_thread(bundle.unlink)
                gone = [*shipped_refs(attempt, shipment.shas)]
            known = await self._known(repository)
            if not gone and refs.items() <= known.items():
                return
            used = {*self._stood_on.values(), *refs}
            old = [ref for ref in known if ref.startswith(_BASE) and ref not in used]
            await self.change(mirror, refs, without=[*gone, *old])
            kept = {ref: sha for ref, sha in known.items() if ref not in (*old, *refs)}
            self._refs[repository.id] = kept | refs

    async def forget(self, attempt: AttemptId) -> None:
        """Let go of what an attempt stood on, and of its large files."""
        self._stood_on.pop(attempt, None)
        await asyncio.to_thread(self._drop_large, attempt)

    async def _known(self, repository: Repository) -> dict[str, str]:
        """Return our refs of a repository, asked of git once."""
        place = Place(self.of(repository))
        if not await asyncio.to_thread(place.git_dir.exists):
            return {}
        if repository.id not in self._refs:
            ask = ("for-each-ref", "--sort=committerdate")
            form = ("--format=%(refname) %(objectname)", SEEN, _BASE)
            listed = await self.git.run(*ask, *form, place=place)
            rows = (line.split(" ") for line in text(listed).splitlines())
            self._refs[repository.id] = {ref: sha for ref, sha in rows}  # noqa: C416 - typed
        return self._refs[repository.id]

    async def _make_again(self, repository: Repository, renewed: int) -> None:
        async with self._locked(self.of(repository)):
            if self._renewed[repository.id] == renewed:
                await asyncio.to_thread(self.set_aside, repository)
                self._renewed[repository.id] += 1
                self._refs.pop(repository.id, None)
        raise TransientError(NotOnThisMachine(repository.name))


class _Redeemed:
    """The tokens that were got for codes, each for as long as its fetch takes."""

    def __init__(self) -> None:
        self._held: dict[int, str] = {}

    @contextmanager
    def held(self, repository: Repository, token: str) -> Iterator[None]:
        """Have a token for a repository."""
        self._held[repository.id] = token
        try:
            yield
        finally:
            self._held.pop(repository.id, None)

    async def token(self, repository: Repository, *, to_push: bool = False) -> str:
        if to_push or repository.id not in self._held:
            raise TransientError(NotOnThisMachine(repository.name))
        return self._held[repository.id]

    def drop(self, text: str) -> None:
        """Forget nothing: it ends with the fetch."""

    def is_fresh(self, text: str) -> bool:
        return False


class _Shipped(Grounds):
    """Where the work of one shipment stands: as the bot has found it."""

    def __init__(
        self,
        shipment: Shipment,
        mirrors: ShippedMirrors,
        commits: Commits,
        bundle: Path,
    ) -> None:
        super().__init__(mirrors, commits)
        self._shipment = shipment
        self._stand = partial(mirrors.stand, shipment, bundle)

    async def find(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str],
        author: Person,
    ) -> Ground:
        await self._stand()
        had = self._shipment
        return Ground(had.sha, had.base, had.merged, had.heads)

    async def of_pull(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        number: ItemNumber,
        head_sha: str,
        base: str,
    ) -> Pulled:
        await self._stand()
        had = self._shipment
        ground = Ground(had.sha, had.base, had.merged, had.heads)
        return Pulled(ground, had.base_sha, had.merge_base_sha)


class _Uncommitted(GitWorkspaces):
    """Workspaces of which nothing but the tree is wanted."""

    async def _made(
        self, workspace: Workspace, started: Started, tree: str, message: str
    ) -> Change | None:
        index = self._folders.attempt(workspace.attempt).index
        before = await asyncio.to_thread(root_tree, index)
        return None if tree == before else Change(tree, (), 0, 0)


class HostReceiving:
    """Runs on this machine what is shipped; *argvs* are its operator's commands."""

    def __init__(
        self,
        folders: Folders,
        *,
        git: Git,
        commands: Commands,
        clock: Clock,
        argvs: Mapping[str, Sequence[str]],
        leave_out: Sequence[str] = (),
        redeem: Redeem | None = None,
    ) -> None:
        self._folders = folders
        self._git = git
        self._commands = commands
        self._clock = clock
        self._argvs = argvs
        self._leave_out = leave_out
        self._urls: dict[int, str] = {}
        self._redeem = redeem
        self._tokens = _Redeemed()
        remotes = Remotes(self._tokens, lambda repository: self._urls[repository.id])
        self._mirrors = ShippedMirrors(folders, git=git, remotes=remotes)
        self._workspaces = GitWorkspaces(folders, mirrors=self._mirrors, clock=clock)

    async def have(self, repository: Repository) -> tuple[str, ...]:
        """Return commits that are here with all their history, the newest first."""
        return (await self._mirrors.have(repository))[:MOST_HAVE]

    async def fetch(self, shipment: Shipment) -> tuple[str, ...]:
        """Fetch what a shipment lacks from GitHub, with the token for its code.

        Return what is here then: whatever went wrong, the bot sends the rest.
        """
        repository, fetched = shipment.job.repository, tuple[str, ...]()
        self._urls[repository.id] = shipment.url
        try:
            if self._redeem is not None:
                token = await self._redeem(shipment.code)
                opened = partial(self._tokens.held, repository, token)
                fetched = await self._mirrors.mended(
                    repository, lambda: self._mirrors.fetch_shipped(shipment, opened)
                )
        except BotError as error:
            log.warning(
                "the repository has to be sent",
                attempt=shipment.job.attempt,
                why=str(error),
            )
        return (*fetched, *await self.have(repository))

    def folder(self, attempt: AttemptId) -> str:
        """Return where files go that come for an attempt, or are fetched from it."""
        return str(self._folders.parcel(attempt))

    async def run(self, shipment: Shipment, say: Callable[[str], None]) -> Parcel:
        """Run a command, whose commits came as ``PACKED`` if any were needed.

        Raises what ``run_command_job`` raises. Cancelling stops the command.
        """
        job = shipment.job
        self._urls[job.repository.id] = shipment.url
        folder = Path(self.folder(job.attempt))
        grounds = _Shipped(
            shipment, self._mirrors, Commits(self._git, self._clock), folder / PACKED
        )
        workspaces = _Uncommitted(
            self._folders,
            mirrors=self._mirrors,
            clock=self._clock,
            leave_out=self._leave_out,
            grounds=grounds,
        )
        result = await run_command_job(
            job,
            say,
            argvs=self._argvs,
            commands=self._commands,
            workspaces=workspaces,
        )
        if not result.commit:
            return Parcel(result)
        await self._mirrors.mended(
            job.repository,
            lambda: self._bundle(shipment, result.commit, folder / BUNDLE),
        )
        files = await asyncio.to_thread(self._files, job.repository, job.attempt)
        return Parcel(result, files)

    async def remove(self, attempt: AttemptId) -> None:
        """Kill what still runs of an attempt, and delete all of it."""
        await self._commands.kill(attempt)
        await asyncio.to_thread(self._folders.discard, Path(self.folder(attempt)))
        await self._workspaces.remove(attempt)

    async def remove_all(self) -> None:
        """Kill and delete what an earlier process left; for the start."""
        await self._commands.kill_orphans()
        parcels = self._folders.root / "parcels"
        await asyncio.to_thread(self._folders.discard, parcels)
        await self._workspaces.remove_all()

    async def _bundle(self, shipment: Shipment, tree: str, target: Path) -> None:
        """Write what is new in a tree, in the form of a bundle of that tree."""
        header = f"{BUNDLE_MARK}\n-{shipment.sha} \n{tree} {CHANGED}\n\n"
        wanted = f"{tree}\n^{shipment.sha}^{{tree}}\n"
        pack = ("pack-objects", "--revs", "--thin", "--stdout", "-q")
        place = Place(self._mirrors.of(shipment.job.repository))
        with await asyncio.to_thread(_begun, target, header.encode()) as file:
            await self._git.run(*pack, place=place, stdin=wanted.encode(), stdout=file)

    def _files(self, repository: Repository, attempt: AttemptId) -> Mapping[str, int]:
        """Return the files that go to the bot, large ones put where it fetches them."""
        folder = Path(self.folder(attempt))
        for content in self._mirrors.large(repository).of(attempt):
            (folder / content.name).hardlink_to(content)
        return {
            file.name: file.stat().st_size
            for file in sorted(folder.iterdir())
            if file.name != PACKED
        }


def _begun(target: Path, header: bytes) -> BinaryIO:
    """Return a new file that begins so."""
    target.parent.mkdir(parents=True, exist_ok=True)
    file = target.open("wb", buffering=0)
    file.write(header)
    return file


def prefix(attempt: AttemptId) -> str:
    """Return what the refs of a shipment begin with."""
    return next(iter(shipped_refs(attempt, [""])))[:-1]
