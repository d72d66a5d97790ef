"""Uploads what a repository keeps with Git LFS.

The batch API with its basic transfers, which GitHub serves at the repository's git
address: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp

from bot.core.model import Repository
from bot.core.say.problems.github import (
    LargeFilesMixedUp,
    LargeFilesRefused,
    LargeFilesWait,
)
from bot.errors import PermanentError, TransientError
from bot.github.client import Client
from bot.ports.github import LargeObject

MEDIA_TYPE = "application/vnd.git-lfs+json"
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=120)

_BLOCK_BYTES = 256 * 1024
_BATCH = 100
"""How many objects one question names; servers need not take more."""


class LargeFileUploads:
    """The port ``LargeFiles``. *clone_url* is where git finds a repository."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        client: Client,
        clone_url: Callable[[Repository], str],
    ) -> None:
        self._session = session
        self._tokens = client.tokens
        self._hide = client.secrets.hide
        self._clone_url = clone_url

    async def upload(
        self, repository: Repository, branch: str, objects: Sequence[LargeObject]
    ) -> None:
        """Upload what the server does not have yet.

        Raises ``TransientError`` when it does not answer, ``PermanentError`` when it
        does not take them.
        """
        for start in range(0, len(objects), _BATCH):
            some = {o.oid: o for o in objects[start : start + _BATCH]}
            for answer in await self._ask(repository, branch, some):
                await self._send(answer, some[str(answer["oid"])])

    async def _ask(
        self, repository: Repository, branch: str, objects: Mapping[str, LargeObject]
    ) -> list[dict[str, Any]]:
        token = await self._tokens.token(repository, to_push=True)
        credentials = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        body = {
            "operation": "upload",
            "transfers": ["basic"],
            "ref": {"name": f"refs/heads/{branch}"},
            "hash_algo": "sha256",
            "objects": [{"oid": o.oid, "size": o.size_bytes} for o in objects.values()],
        }
        answer = await self._request(
            "POST",
            f"{self._clone_url(repository)}/info/lfs/objects/batch",
            headers={"Authorization": f"Basic {credentials}"},
            data=json.dumps(body).encode(),
        )
        found: list[dict[str, Any]] = answer.get("objects", [])
        if {o.get("oid") for o in found} != set(objects):
            raise PermanentError(LargeFilesMixedUp())
        return found

    async def _send(self, answer: Mapping[str, Any], content: LargeObject) -> None:
        if error := answer.get("error"):
            why = self._hide(str(error.get("message") or error.get("code")))
            raise PermanentError(LargeFilesRefused(why))
        actions = answer.get("actions") or {}
        if "upload" in actions:
            upload = actions["upload"]
            await self._request(
                "PUT",
                upload["href"],
                headers={
                    "Content-Type": "application/octet-stream",
                    **upload.get("header", {}),
                    "Content-Length": str(content.size_bytes),
                },
                data=_blocks(Path(content.path)),
            )
        if "verify" in actions:
            verify = actions["verify"]
            body = {"oid": content.oid, "size": content.size_bytes}
            await self._request(
                "POST",
                verify["href"],
                headers=verify.get("header", {}),
                data=json.dumps(body).encode(),
            )

    async def _request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        data: bytes | AsyncIterator[bytes],
    ) -> dict[str, Any]:
        kinds = {"Accept": MEDIA_TYPE, "Content-Type": MEDIA_TYPE}
        try:
            async with self._session.request(
                method,
                url,
                data=data,
                headers={**kinds, **headers},
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as response:
                text = await response.text(errors="replace")
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(LargeFilesWait(self._hide(str(error)))) from error
        said = self._hide(_message(text))
        if status in (401, 408, 429) or status >= 500:
            raise TransientError(LargeFilesWait(f"{status} {said}".strip()))
        if status >= 300:
            why = f"{status} {said}"
            raise PermanentError(LargeFilesRefused(why))
        return _object(text)


def _message(text: str) -> str:
    return str(_object(text).get("message") or "")


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block
