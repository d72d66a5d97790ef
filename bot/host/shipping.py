"""Repositories on their way to machines of a pool, and what comes back from there.

A machine gets the commits as a git bundle, without those that it has or could fetch. What comes back is data of a stranger: a tree and what
is new in it. Who made that, when, why and on what is written here.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId, CommandResult, Person
from bot.core.say.problems.server import Breach, NotAsAgreed
from bot.errors import PermanentError
from bot.host.commits import Commits
from bot.host.folders import Folders
from bot.host.git import GitFailed, Place
from bot.host.ground import Grounds
from bot.host.mirrors import Mirrors, base_ref, work_ref
from bot.host.workspaces import result_of, with_trailers
from bot.ports.clock import Clock
from bot.ports.host import BUNDLE, PACKED, Parcel, Shipment

SHIPPED = "refs/shipped"
"""Below it are, for as long as it takes, the commits that go from here to there."""

BUNDLE_MARK = "# v2 git bundle"
CHANGED = "refs/changed"
"""What the tree is called in the bundle that comes back."""

MOST_LOOSE = 100
"""How many objects go into files of their own, as git has it for a fetch."""

_FRUGAL = {"GIT_ALLOC_LIMIT": "256m"}
"""More than any file that may be committed: of a stranger's tree, a bomb."""

_HEADER = re.compile(
    rb"%b\n-(?P<base>[0-9a-f]{40}) \n(?P<tree>[0-9a-f]{40}) %b\n\n"
    % (re.escape(BUNDLE_MARK.encode()), re.escape(CHANGED.encode()))
)
_HEADER_BYTES = 1024  # of a bundle, and the beginning of its pack

MOST_HAVE = 100
"""How many commits a machine is asked for at most that it has."""


class HostShipping:
    """Ships from the mirrors of this host; with *signs_off* as workspaces do."""

    def __init__(
        self,
        folders: Folders,
        *,
        mirrors: Mirrors,
        clock: Clock,
        signs_off: bool = False,
    ) -> None:
        self._folders = folders
        self._mirrors = mirrors
        self._git = mirrors.git
        self._commits = Commits(mirrors.git, clock)
        self._grounds = Grounds(mirrors, self._commits)
        self._signs_off = signs_off

    async def prepare(
        self, job: CommandJob, *, author: Person, co_author: Person | None
    ) -> Shipment:
        """Fetch what a job needs. Raises what ``Workspaces.create`` raises."""

        async def find() -> Shipment:
            url = self._mirrors.remotes.url(job.repository)
            if job.pull is None:
                ground = await self._grounds.find(
                    *(job.attempt, job.repository),
                    base=job.base,
                    merge=job.merge,
                    author=author,
                )
                where = (ground.sha, ground.base, ground.merged, ground.heads)
                return Shipment(job, url, author, co_author, *where)
            pulled = await self._grounds.of_pull(
                *(job.attempt, job.repository),
                number=job.pull.number,
                head_sha=job.pull.sha,
                base=job.base,
            )
            ground = pulled.ground
            where = (ground.sha, ground.base, ground.merged, ground.heads)
            since = (pulled.base_sha, pulled.merge_base_sha)
            return Shipment(job, url, author, co_author, *where, *since)

        return await self._mirrors.mended(job.repository, find)

    async def pack(self, shipment: Shipment, have: Sequence[str]) -> str | None:
        """Return the path of a bundle of what whoever has *have* lacks; None of none."""
        attempt, repository = shipment.job.attempt, shipment.job.repository
        if set(shipment.shas) <= set(have):
            return None

        async def pack() -> str | None:
            mirror = self._mirrors.of(repository)
            place = Place(mirror)
            known = await self._mirrors.known(mirror, have[:MOST_HAVE])
            target = Path(self.folder(attempt)) / PACKED
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
            refs = shipped_refs(attempt, shipment.shas)
            await self._mirrors.change(mirror, refs)
            try:
                without = [f"^{sha}" for sha in known]
                make = ("bundle", "create", "--quiet", str(target))
                await self._git.run(*make, *refs, *without, place=place)
            except GitFailed as error:
                if "empty bundle" not in error.said:
                    raise
                return None
            finally:
                await self._mirrors.drop(mirror, refs)
            return str(target)

        return await self._mirrors.mended(repository, pack)

    def folder(self, attempt: AttemptId) -> str:
        """Return where the files of an attempt's parcel may be put."""
        return str(self._folders.parcel(attempt))

    async def take_in(
        self,
        job: CommandJob,
        parcel: Parcel,
        *,
        author: Person,
        co_author: Person | None,
    ) -> CommandResult:
        """Return the result with its commit in the mirror, made here of the tree alone.

        Raises ``PermanentError`` if the files are not what a worker may send.
        """
        result = parcel.result
        if not result.commit:
            return result
        message = with_trailers(
            job.message,
            co_author=co_author,
            signer=author if self._signs_off else None,
        )
        mirror, tree = self._mirrors.of(job.repository), result.commit
        try:
            base = await self._unpack(job, tree)
            change = await self._commits.change(mirror, base, tree)
            if not change.files:
                return replace(result, commit="")
            sha = await self._commits.commit(mirror, tree, [base], message, author)
            # Only on what was sent last: it may have been sent twice, after a restart.
            stands_on = {base_ref(job.attempt): base}
            await self._mirrors.change(
                mirror, {work_ref(job.attempt): sha}, provided=stands_on
            )
        except GitFailed as error:
            is_other = "but expected" in error.said
            why = Breach.BASE if is_other else error.problem
            raise PermanentError(NotAsAgreed(why)) from error
        contents = [name for name in parcel.files if name != BUNDLE]
        await asyncio.to_thread(self._keep_large, job, contents)
        return result_of(result, change, sha)

    async def remove(self, attempt: AttemptId) -> None:
        """Forget an attempt. No error if there is none."""
        await asyncio.to_thread(self._folders.discard, self._folders.parcel(attempt))
        await self._mirrors.forget(attempt)

    async def _unpack(self, job: CommandJob, tree: str) -> str:
        """Have the objects of a bundle in the mirror, each of which is looked at.

        Return the commit on which it says that it stands.
        """
        path = Path(self.folder(job.attempt)) / BUNDLE
        file, base, count = await asyncio.to_thread(_opened, path, tree)
        with file:
            take = ["unpack-objects", "-q", "--strict"]
            if count > MOST_LOOSE:
                take = ["index-pack", "--stdin", "--fix-thin", "--strict"]
            place = Place(self._mirrors.of(job.repository))
            await self._git.run(*take, place=place, stdin=file, environment=_FRUGAL)
        return base

    def _keep_large(self, job: CommandJob, names: Sequence[str]) -> None:
        """Keep the contents of large files where a push looks for them."""
        source = Path(self.folder(job.attempt))
        for name in names:
            with (source / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != name:
                raise PermanentError(NotAsAgreed(Breach.CONTENT))
            store = self._mirrors.large(job.repository)
            store.put(source / name, job.attempt)


def _opened(path: Path, tree: str) -> tuple[BinaryIO, str, int]:
    """Open a bundle at its pack; return also the commit on which it stands, and how many
    objects the pack says that it has.

    https://git-scm.com/docs/gitformat-bundle and gitformat-pack. Raises
    ``PermanentError`` for one that has more than *tree*.
    """
    file = path.open("rb", buffering=0)
    header, end, pack = file.read(_HEADER_BYTES).partition(b"\n\n")
    found = _HEADER.fullmatch(header + end)
    if found is None or found["tree"].decode() != tree:
        file.close()
        raise PermanentError(NotAsAgreed(Breach.REFS))
    file.seek(len(header) + len(end))
    return file, found["base"].decode(), int.from_bytes(pack[8:12])


def shipped_refs(attempt: AttemptId, shas: Sequence[str]) -> Mapping[str, str]:
    """Return the refs under which commits travel."""
    return {f"{SHIPPED}/{attempt}/{n}": sha for n, sha in enumerate(shas)}
