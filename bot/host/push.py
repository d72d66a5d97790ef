"""Pushes commits of the mirror to GitHub, each exactly once."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bot.core.effects import PushBranch, Receipt
from bot.core.say.problems.git import (
    BranchMoved,
    NoLargeFilesHere,
    PushNotTaken,
    WorkflowsTouched,
    WorkLost,
)
from bot.core.world.push_refusals import (
    PushRefusal,
    branch_in_the_way,
    push_refusal,
)
from bot.errors import PermanentError, Refused, TransientError, Uncertain
from bot.host.blobs import small_blobs
from bot.host.git import NOT_FOUND, GitFailed, Place, Remote, gone
from bot.host.large import MOST_POINTER_BYTES
from bot.host.mirrors import Mirrors
from bot.host.signed import SignedPusher
from bot.ports.github import LargeFiles, LargeObject, SignedCommits

_REJECTED = re.compile(
    r"^!\t\S+\t\[(?:remote )?rejected\] \((?P<why>.*)\)\s*$", re.MULTILINE
)


class BranchPusher:
    """The part of the ``EffectAdapter`` that does ``PushBranch``."""

    def __init__(
        self,
        mirrors: Mirrors,
        *,
        large_files: LargeFiles | None = None,
        commits: SignedCommits | None = None,
    ) -> None:
        self._mirrors = mirrors
        self._large_files = large_files
        self._signed = SignedPusher(mirrors, commits) if commits else None
        self._git = mirrors.git
        self._remotes = mirrors.remotes

    async def find(self, intent: PushBranch, *, since: datetime) -> Receipt | None:
        """Return a receipt if the branch is at the commit, or at GitHub's own of it.

        Raises ``TransientError`` when GitHub does not answer. *since* does not matter:
        the commit is its own proof.
        """
        remote = await self._remotes.of(intent.repository)
        head = await self._head(intent, remote)
        if head == intent.sha:
            return Receipt(sha=head)
        if head in ("", intent.expected_sha) or self._signed is None:
            return None
        return await self._signed.found(intent, head)

    async def do(self, intent: PushBranch) -> Receipt:
        """Push, if the branch is where the intent expects it or at the commit already.

        Raises ``Uncertain`` when the connection broke, any other ``TransientError``
        when nothing was pushed, ``PermanentError`` when GitHub does not take it.
        """

        async def push() -> Receipt:
            uploaded = await self._upload(intent)
            receipt = await self._delivered(intent)
            await asyncio.to_thread(_forget, uploaded)
            return receipt

        try:
            return await self._mirrors.mended(intent.repository, push)
        except GitFailed as error:
            if error.is_damage:
                raise PermanentError(WorkLost(intent.repository.name)) from error
            explained = _explained(error, intent)
            if isinstance(explained.problem, PushRefusal):
                await self._mirrors.keep_diff(intent.repository, intent.sha)
            raise explained from error
        except Refused:
            await self._mirrors.keep_diff(intent.repository, intent.sha)
            raise

    async def _delivered(self, intent: PushBranch) -> Receipt:
        """Push, or have GitHub make the commits where it takes none without signature."""
        if self._signed is None:
            return await self._push(intent)
        if not await self._signed.is_wanted(intent):
            try:
                return await self._push(intent)
            except GitFailed as error:
                if not _wants_signatures(error):
                    raise
        head = await self._head(intent, await self._remotes.of(intent.repository))
        if head not in ("", intent.expected_sha):
            found = await self._signed.found(intent, head)
            if found is None:
                raise PermanentError(BranchMoved(intent.branch))
            return replace(found, changed=False)
        return await self._signed.push(intent)

    async def _upload(self, intent: PushBranch) -> list[LargeObject]:
        """Upload the large files of the commit: nothing is pushed without them."""
        store = self._mirrors.large(intent.repository)
        if not await asyncio.to_thread(store.attempts):
            return []
        objects = [
            found
            for blob in await self._new_blobs(intent)
            if (found := store.behind(blob)) is not None
        ]
        if objects:
            if self._large_files is None:
                raise PermanentError(NoLargeFilesHere())
            await self._large_files.upload(intent.repository, intent.branch, objects)
        return objects

    async def _new_blobs(self, intent: PushBranch) -> list[bytes]:
        """Return the contents of the small files that the commit changes."""
        place = Place(self._mirrors.of(intent.repository))
        compare = ["diff-tree", "-r", "--no-renames", "--diff-filter=AM", "-z", "--raw"]
        commits = (f"{intent.sha}^", intent.sha)
        printed = await self._git.run(*compare, *commits, place=place)
        rows = [row for row in printed.split(b"\0") if row.startswith(b":")]
        shas = [row.decode().split(" ")[3] for row in rows]
        most = MOST_POINTER_BYTES
        found = await small_blobs(self._git, place, shas, most_bytes=most)
        return [*found.values()]

    async def _push(self, intent: PushBranch) -> Receipt:
        remote = await self._remotes.of(intent.repository, to_push=True)
        ref = f"refs/heads/{intent.branch}"
        lease = f"--force-with-lease={ref}:{intent.expected_sha}"
        options = ["--porcelain", "--no-verify", lease]
        printed = await self._git.run(
            *("push", *options, "--", remote.url, f"{intent.sha}:{ref}"),
            place=Place(self._mirrors.of(intent.repository)),
            remote=remote,
        )
        return Receipt(sha=intent.sha, changed=b"\n=\t" not in printed)

    async def _head(self, intent: PushBranch, remote: Remote) -> str:
        ref = f"refs/heads/{intent.branch}"
        try:
            listed = await self._git.run(
                *("ls-remote", "--", remote.url, ref),
                place=Place(self._mirrors.of(intent.repository)),
                remote=remote,
            )
        except GitFailed as error:
            is_gone = error.is_gone
            raise (gone(intent.repository) if is_gone else error.answer()) from error
        rows = [line.split("\t") for line in listed.decode().splitlines()]
        return next((sha for sha, name in rows if name == ref), "")


def _forget(objects: Sequence[LargeObject]) -> None:
    for one in objects:
        Path(one.path).unlink(missing_ok=True)


def _wants_signatures(error: GitFailed) -> bool:
    rejected = _REJECTED.search(error.said)
    if rejected is None:
        return False
    return push_refusal(error.said, rejected["why"]).wants_signatures


def _explained(error: GitFailed, intent: PushBranch) -> TransientError | PermanentError:
    rejected = _REJECTED.search(error.said)
    if rejected is not None:
        return _rejection(rejected["why"], error, intent)
    if error.is_gone:
        return gone(intent.repository)
    answer = error.answer()
    if answer is not error or error.is_unreachable or error.exit_code == NOT_FOUND:
        return answer
    return Uncertain(error.problem)


def _rejection(
    why: str, error: GitFailed, intent: PushBranch
) -> TransientError | PermanentError:
    if why == "stale info":
        return PermanentError(BranchMoved(intent.branch))
    if "without `workflows` permission" in error.said:
        return PermanentError(WorkflowsTouched())
    if branch_in_the_way(error.said):
        why = ""
    if "lock" in why or "failed to update ref" in why or "internal" in why.lower():
        return TransientError(PushNotTaken(why))
    return PermanentError(push_refusal(error.said, why))
