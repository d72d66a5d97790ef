"""Git over HTTP: ``git http-backend`` behind the tokens of the API."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator

from aiohttp import web

from bot.localhub.api import Api
from bot.localhub.errors import GitHubError, moved
from bot.localhub.faults import Fault, spoiled
from bot.localhub.git import GIT, git_environment
from bot.localhub.hub import LocalHub, Token
from bot.localhub.state import Repository

CHUNK_BYTES = 65_536
HEADER_LIMIT = 65_536
PUSH = "git-receive-pack"
CHALLENGE = {"WWW-Authenticate": 'Basic realm="GitHub"'}


class GitHttp:
    """Serves the repositories of one hub to git clients."""

    def __init__(self, hub: LocalHub, api: Api) -> None:
        self._hub = hub
        self._api = api

    def add_to(self, application: web.Application) -> None:
        """Mount the addresses that git clients use."""
        base = "/{owner}/{repo}.git"
        application.router.add_get(f"{base}/info/refs", self._serve)
        for service in ("git-upload-pack", PUSH):
            application.router.add_post(f"{base}/{service}", self._serve)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        arguments = request.match_info
        name = f"{arguments['owner']}/{arguments['repo']}"
        service = request.query.get("service") or request.path.rsplit("/", 1)[-1]
        fault = self._hub.faults.take(request.method, request.path)
        if fault is not None and fault.is_before:
            refusal = web.Response(
                status=fault.status, text=fault.message, headers=fault.headers
            )
            return await spoiled(fault, request, refusal)
        try:
            repository = self.opened(request, is_push=service == PUSH)
            if repository.full_name.lower() != name.lower():
                rest = request.path_qs.partition(".git/")[2]
                base = f"{self._hub.git_url}/{repository.full_name}.git"
                target = f"{base}/{rest}"
                raise moved(target)
        except GitHubError as error:
            headers = CHALLENGE if error.status == 401 else error.headers
            return web.Response(
                status=error.status, text=error.message, headers=headers
            )
        return await self._run(request, repository, fault)

    def opened(self, request: web.Request, *, is_push: bool) -> Repository:
        """Return the repository of an address, if the request's token opens it."""
        arguments = request.match_info
        name = f"{arguments['owner']}/{arguments['repo']}"
        return self._repository(name, self._authenticate(request), is_push=is_push)

    def _authenticate(self, request: web.Request) -> Token | None:
        scheme, _, value = request.headers.get("Authorization", "").partition(" ")
        if not value:
            return None
        if scheme.lower() != "basic":
            return self._api.token(value)
        try:
            pair = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise GitHubError(401, "Invalid username or token.") from error
        return self._api.token(pair.partition(":")[2])

    def _repository(
        self, name: str, token: Token | None, *, is_push: bool
    ) -> Repository:
        state = self._hub.state
        found = state.repository(name) or state.renamed(name)
        level = "write" if is_push else "read"
        allowed = (
            found is not None
            and token is not None
            and self._hub.reaches(token, found)
            and token.allows("contents", level)
        )
        is_readable = found is not None and not found.is_private and not is_push
        if found is not None and (allowed or is_readable):
            if is_push and found.is_archived:
                raise GitHubError(403, "This repository was archived.")
            return found
        if token is None:
            raise GitHubError(401, "Authentication required.")
        status = 403 if found is not None and not found.is_private else 404
        message = "Permission denied." if status == 403 else "Repository not found."
        raise GitHubError(status, message)

    async def _run(
        self, request: web.Request, repository: Repository, fault: Fault | None
    ) -> web.StreamResponse:
        inside = request.path.split(".git", 1)[1]
        environment = git_environment() | {
            "GIT_PROJECT_ROOT": str(repository.git.path),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": inside,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "REMOTE_USER": "x-access-token",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        process = await asyncio.create_subprocess_exec(
            GIT,
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            limit=HEADER_LIMIT,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        feeding = asyncio.create_task(_feed(request, process.stdin))
        try:
            status, headers = await _read_head(process.stdout)
            response = web.StreamResponse(status=status, headers=headers)
            spoilt = b""
            if fault is None:
                await response.prepare(request)
            async for chunk in _chunks(process.stdout):
                if fault is None:
                    await response.write(chunk)
                else:
                    spoilt += chunk
            await process.wait()
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            if process.returncode is None:
                process.kill()
                await process.wait()
            # Before the answer ends: whoever has it finds the pull requests moved.
            if inside == f"/{PUSH}":
                repository.git.forget_refs()
                self._hub.refs_moved(self._hub.app.bot, repository)
        if fault is not None:
            answer = web.Response(status=status, headers=headers, body=spoilt)
            return await spoiled(fault, request, answer)
        await response.write_eof()
        return response


async def _feed(request: web.Request, stdin: asyncio.StreamWriter) -> None:
    """Pass the request's body on. A backend that hangs up has answered already."""
    try:
        async for chunk in request.content.iter_chunked(CHUNK_BYTES):
            stdin.write(chunk)
            await stdin.drain()
    except ConnectionError:
        pass
    finally:
        stdin.close()


async def _read_head(stdout: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    status, headers = 200, {}
    while line := (await stdout.readline()).decode().rstrip("\r\n"):
        key, _, value = line.partition(":")
        if key.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[key] = value.strip()
    return status, headers


async def _chunks(stdout: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while chunk := await stdout.read(CHUNK_BYTES):
        yield chunk
