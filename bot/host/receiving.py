"""Commands on a machine of a pool: their repositories come as bundles.

What a machine has of a repository is a mirror as the bot's, which grows by each bundle.
Nothing here reaches GitHub, and no token ever comes here.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.core.model import AttemptId, ItemNumber, Person, Repository
from bot.core.say.problems.git import NotOnThisMachine
from bot.errors import TransientError
from bot.host.commits import Commits
from bot.host.folders import Folders
from bot.host.git import Git, Place, Remotes
from bot.host.ground import Ground, Grounds, Pulled
from bot.host.job import run_command_job
from bot.host.mirrors import SEEN, Mirrors, base_ref, seen_ref, work_ref
from bot.host.printed import text
from bot.host.shipping import MOST_HAVE, created, shipped_refs
from bot.host.workspaces import GitWorkspaces
from bot.ports.clock import Clock
from bot.ports.host import BUNDLE, PACKED, Commands, Parcel, Shipment


class ShippedMirrors(Mirrors):
    """Mirrors without a remote: a damaged one is set aside, and shipped again."""

    async def _make_again(self, repository: Repository, renewed: int) -> None:
        async with self._locked(self.of(repository)):
            if self._renewed[repository.id] == renewed:
                await asyncio.to_thread(self.set_aside, repository)
                self._renewed[repository.id] += 1
        raise TransientError(NotOnThisMachine(repository.name))


class _NoTokens:
    """Nothing opens a repository from here."""

    async def token(self, repository: Repository, *, to_push: bool = False) -> str:
        raise TransientError(NotOnThisMachine(repository.name))

    def drop(self, text: str) -> None:
        """Forget nothing."""

    def is_fresh(self, text: str) -> bool:
        return False


class _Shipped(Grounds):
    """Where the work of one shipment stands: as the bot has found it."""

    def __init__(
        self, shipment: Shipment, mirrors: Mirrors, commits: Commits, bundle: Path
    ) -> None:
        super().__init__(mirrors, commits)
        self._shipment = shipment
        self._bundle = bundle

    async def find(
        self,
        attempt: AttemptId,
        repository: Repository,
        *,
        base: str,
        merge: Sequence[str],
        author: Person,
    ) -> Ground:
        await self._unpack()
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
        await self._unpack()
        had = self._shipment
        ground = Ground(had.sha, had.base, had.merged, had.heads)
        return Pulled(ground, had.base_sha, had.merge_base_sha)

    async def _unpack(self) -> None:
        had, attempt = self._shipment, self._shipment.job.attempt
        async with self._mirrors.kept(had.job.repository) as mirror:
            place = Place(mirror)
            if self._bundle.exists():
                spec = f"+{prefix(attempt)}*:{prefix(attempt)}*"
                options = ("--no-tags", "--no-write-fetch-head", "--quiet", "--")
                await self._git.run(
                    "fetch", *options, str(self._bundle), spec, place=place
                )
            refs = {seen_ref(branch): sha for branch, sha in had.heads.items()}
            refs[base_ref(attempt)] = had.sha
            drop = "".join(
                f"delete {ref}\n" for ref in shipped_refs(attempt, had.shas)
            ).encode()
            await self._git.run(
                *("update-ref", "--stdin"), place=place, stdin=created(refs) + drop
            )
        await asyncio.to_thread(self._bundle.unlink, missing_ok=True)


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
    ) -> None:
        self._folders = folders
        self._git = git
        self._commands = commands
        self._clock = clock
        self._argvs = argvs
        self._leave_out = leave_out
        self._urls: dict[int, str] = {}
        remotes = Remotes(_NoTokens(), lambda repository: self._urls[repository.id])
        self._mirrors = ShippedMirrors(folders, git=git, remotes=remotes)
        self._workspaces = GitWorkspaces(folders, mirrors=self._mirrors, clock=clock)

    async def have(self, repository: Repository) -> tuple[str, ...]:
        """Return commits that are here with all their history, the newest first."""
        place = Place(self._mirrors.of(repository))
        if not await asyncio.to_thread(place.git_dir.exists):
            return ()
        ask = ("for-each-ref", "--sort=-committerdate", f"--count={MOST_HAVE}")
        form = ("--format=%(objectname)", SEEN, "refs/base")
        try:
            listed = await self._mirrors.mended(
                repository, lambda: self._git.run(*ask, *form, place=place)
            )
        except TransientError:
            if await asyncio.to_thread(place.git_dir.exists):
                raise
            return ()  # it was damaged, and is set aside
        return tuple(dict.fromkeys(text(listed).splitlines()))

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
        workspaces = GitWorkspaces(
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
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        await self._mirrors.mended(
            job.repository, lambda: self._bundled(shipment, folder / BUNDLE)
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

    async def _bundled(self, shipment: Shipment, target: Path) -> None:
        job = shipment.job
        make = ("bundle", "create", "--quiet", str(target), work_ref(job.attempt))
        place = Place(self._mirrors.of(job.repository))
        await self._git.run(*make, f"^{shipment.sha}", place=place)

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


def prefix(attempt: AttemptId) -> str:
    """Return what the refs of a shipment begin with."""
    return next(iter(shipped_refs(attempt, [""])))[:-1]
