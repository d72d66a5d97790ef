"""The Git LFS of the local GitHub: the batch API with basic transfers."""

import hashlib
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.localhub.errors import GitHubError
from bot.localhub.git_http import CHALLENGE, GitHttp
from bot.localhub.state import Repository

MEDIA_TYPE = "application/vnd.git-lfs+json"


class LargeFiles:
    """Serves and keeps the large files of one hub's repositories."""

    def __init__(self, git: GitHttp) -> None:
        self._git = git

    def add_to(self, application: web.Application) -> None:
        """Mount the addresses that LFS clients use."""
        base = "/{owner}/{repo}.git/info/lfs"
        application.router.add_post(f"{base}/objects/batch", self._batch)
        application.router.add_post(f"{base}/verify", self._verify)
        application.router.add_post(f"{base}/locks/verify", self._locks)
        application.router.add_put(f"{base}/objects/{{oid}}", self._put)
        application.router.add_get(f"{base}/objects/{{oid}}", self._get)

    async def _batch(self, request: web.Request) -> web.Response:
        asked = await request.json()
        is_push = asked["operation"] == "upload"
        try:
            repository = self._git.opened(request, is_push=is_push)
        except GitHubError as error:
            return _refused(error)
        base = str(request.url.with_query(None)).removesuffix("/objects/batch")
        header = {"Authorization": request.headers.get("Authorization", "")}
        answers = [
            self._answer(repository, one, is_push=is_push, base=base, header=header)
            for one in asked["objects"]
        ]
        return _json({"transfer": "basic", "objects": answers, "hash_algo": "sha256"})

    def _answer(
        self,
        repository: Repository,
        one: dict[str, Any],
        *,
        is_push: bool,
        base: str,
        header: dict[str, str],
    ) -> dict[str, Any]:
        answer = {"oid": one["oid"], "size": one["size"], "authenticated": True}
        is_there = _path(repository, one["oid"]).exists()
        here = {"href": f"{base}/objects/{one['oid']}", "header": header}
        if not is_push and not is_there:
            error = {"code": 404, "message": "Object does not exist"}
            return {**answer, "error": error}
        if not is_push:
            return {**answer, "actions": {"download": here}}
        if is_there:
            return answer
        verify = {"href": f"{base}/verify", "header": header}
        return {**answer, "actions": {"upload": here, "verify": verify}}

    async def _put(self, request: web.Request) -> web.Response:
        try:
            repository = self._git.opened(request, is_push=True)
        except GitHubError as error:
            return _refused(error)
        content = await request.read()
        oid = request.match_info["oid"]
        if hashlib.sha256(content).hexdigest() != oid:
            return _json({"message": "The content has another hash."}, status=422)
        path = _path(repository, oid)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return web.Response()

    async def _get(self, request: web.Request) -> web.StreamResponse:
        try:
            repository = self._git.opened(request, is_push=False)
        except GitHubError as error:
            return _refused(error)
        path = _path(repository, request.match_info["oid"])
        return web.FileResponse(path) if path.exists() else web.Response(status=404)

    async def _verify(self, request: web.Request) -> web.Response:
        try:
            repository = self._git.opened(request, is_push=True)
        except GitHubError as error:
            return _refused(error)
        asked = await request.json()
        path = _path(repository, asked["oid"])
        is_right = path.exists() and path.stat().st_size == asked["size"]
        return _json({}, status=200 if is_right else 404)

    async def _locks(self, _request: web.Request) -> web.Response:
        return _json({"ours": [], "theirs": []})


def _path(repository: Repository, oid: str) -> Path:
    if len(oid) != 64 or not oid.isalnum():
        raise web.HTTPUnprocessableEntity
    return repository.git.path / "lfs" / oid


def _json(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(body, status=status, content_type=MEDIA_TYPE)


def _refused(error: GitHubError) -> web.Response:
    headers = CHALLENGE if error.status == 401 else {}
    return web.json_response(
        {"message": error.message},
        status=error.status,
        content_type=MEDIA_TYPE,
        headers=headers,
    )
