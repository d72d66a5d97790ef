"""Commits made by GitHub in the app's name, which it signs.

https://docs.github.com/rest/git
"""

import asyncio
import base64
from collections.abc import Iterator, Sequence
from typing import Any

from bot.core.model import Repository
from bot.core.say.problems.git import BranchMoved, OtherTree
from bot.errors import PermanentError, Refused
from bot.github.client import Client, Connection
from bot.github.rules import BranchRules
from bot.ports.github import NewCommit, RemoteCommit, TreeEntry

MOST_ENTRIES = 1_000
MOST_TEXT = 1_000_000
"""What one request for a tree may carry: entries, and characters of their contents."""

_GIT = "/repos/{+repository}/git"
_TYPES = {"160000": "commit", "040000": "tree"}


class GitHubSignedCommits:
    """The port ``SignedCommits``."""

    def __init__(self, client: Client, rules: BranchRules) -> None:
        self._client = client
        self._rules = rules

    async def are_wanted(self, repository: Repository, branch: str) -> bool:
        """Return whether a rule wants verified signatures on a branch."""
        return await self._rules.want_signatures(repository, branch)

    async def keep(self, repository: Repository, content: bytes) -> None:
        """Upload a content, whatever its bytes."""
        encoded = await asyncio.to_thread(base64.b64encode, content)
        body = {"content": encoded.decode(), "encoding": "base64"}
        await self._send(repository, "POST", "blobs", body)

    async def make(self, repository: Repository, commit: NewCommit) -> RemoteCommit:
        """Make a commit of the base tree and what changes in it."""
        tree = commit.base_tree
        for step in steps(commit.changes):
            body = {"base_tree": tree, "tree": [_entry(one) for one in step]}
            tree = (await self._send(repository, "POST", "trees", body))["sha"]
        if tree != commit.tree:
            raise PermanentError(OtherTree())
        # Without author and committer: with either, GitHub does not sign.
        body = {"message": commit.message, "tree": tree, "parents": commit.parents}
        return _commit(await self._send(repository, "POST", "commits", body))

    async def look(self, repository: Repository, sha: str) -> RemoteCommit:
        """Return a commit as GitHub has it."""
        path = f"{_GIT}/commits/{{sha}}"
        found = await self._of(repository).get(
            path, repository=repository.name, sha=sha
        )
        return _commit(found)

    async def point(
        self, repository: Repository, branch: str, sha: str, *, expected_sha: str
    ) -> None:
        """Make a branch, or move it from where it is expected."""
        if not expected_sha:
            body: dict[str, Any] = {"ref": f"refs/heads/{branch}", "sha": sha}
            try:
                await self._send(repository, "POST", "refs", body)
            except Refused as error:
                if error.status == 422 and "already exists" in str(error):
                    raise PermanentError(BranchMoved(branch)) from error
                raise
            return
        path = f"{_GIT}/ref/heads/{branch}"
        there = await self._of(repository).get(path, repository=repository.name)
        if there["object"]["sha"] != expected_sha:
            raise PermanentError(BranchMoved(branch))
        body = {"sha": sha, "force": True}
        await self._send(repository, "PATCH", f"refs/heads/{branch}", body)

    def _of(self, repository: Repository) -> Connection:
        return self._client.installation(repository.installation_id)

    async def _send(
        self, repository: Repository, method: str, what: str, body: object
    ) -> Any:
        path = f"{_GIT}/{what}"
        connection = self._of(repository)
        answer = await connection.send(method, path, body, repository=repository.name)
        return answer.data


def steps(changes: Sequence[TreeEntry]) -> Iterator[Sequence[TreeEntry]]:
    """Yield what goes into one request for a tree each.

    What goes is gone before something else takes its place: a file that becomes a
    folder, or a folder that becomes a file.
    """
    gone = [one for one in changes if not one.sha]
    left = [one for one in changes if one.sha]
    names = {one.path for one in gone}, {one.path for one in left}
    is_mixed = any(
        folder in others
        for paths, others in (names, names[::-1])
        for path in paths
        for folder in _folders(path)
    )
    for part in (gone, left) if is_mixed else ([*gone, *left],):
        yield from _chunks(part)


def _chunks(entries: Sequence[TreeEntry]) -> Iterator[Sequence[TreeEntry]]:
    chunk: list[TreeEntry] = []
    size = 0
    for entry in entries:
        length = len(entry.content or "")
        if chunk and (len(chunk) == MOST_ENTRIES or size + length > MOST_TEXT):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += length
    if chunk:
        yield chunk


def _folders(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _entry(entry: TreeEntry) -> dict[str, str | None]:
    named: dict[str, str | None] = {
        "path": entry.path,
        "mode": entry.mode,
        "type": _TYPES.get(entry.mode, "blob"),
    }
    if entry.content is not None:
        return named | {"content": entry.content}
    return named | {"sha": entry.sha or None}


def _commit(data: Any) -> RemoteCommit:
    verification = data.get("verification") or {"verified": False, "reason": "unknown"}
    return RemoteCommit(
        str(data["sha"]),
        str(data["tree"]["sha"]),
        str(data["message"]).rstrip("\n"),
        "" if verification["verified"] else str(verification["reason"]),
    )
