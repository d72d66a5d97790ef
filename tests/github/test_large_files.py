"""Git LFS: the bot's client and Debian's ``git-lfs`` against the same stand-in."""

import asyncio
import hashlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.model import InstallationId, Repository
from bot.errors import PermanentError, TransientError
from bot.github.adapter import GitHubAdapter, GitHubSettings
from bot.github.large_files import LargeFileUploads
from bot.localhub.hub import APP_ID, LocalHub
from bot.ports.github import LargeObject
from tests.github.server import HurriedClock

NAME = "acme/widgets"
BRANCH = "batch/b7k2/12"
CONTENT = b"large" * 1000


def large_object(folder: Path, content: bytes = CONTENT) -> LargeObject:
    oid = hashlib.sha256(content).hexdigest()
    path = folder / oid
    path.write_bytes(content)
    return LargeObject(oid, len(content), str(path))


@pytest.fixture
def repository(hub: LocalHub) -> Repository:
    (installation_id,) = hub.state.installations
    return Repository(hub.repository(NAME).id, NAME, InstallationId(installation_id))


@pytest.fixture
async def adapter(hub: LocalHub) -> AsyncIterator[GitHubAdapter]:
    settings = GitHubSettings(str(APP_ID), hub.private_key, hub.api_url)
    async with GitHubAdapter.open(settings, HurriedClock(), lambda: 0.5) as opened:
        yield opened


@pytest.fixture
def uploads(adapter: GitHubAdapter, hub: LocalHub) -> LargeFileUploads:
    return adapter.large_files(lambda repository: f"{hub.git_url}/{NAME}.git")


async def test_an_upload_is_there_and_is_not_sent_twice(
    uploads: LargeFileUploads, repository: Repository, hub: LocalHub, tmp_path: Path
):
    one, two = large_object(tmp_path), large_object(tmp_path, b"other" * 999)
    await uploads.upload(repository, BRANCH, [one])
    kept = hub.repository(NAME).git.path / "lfs"
    assert (kept / one.oid).read_bytes() == CONTENT
    (tmp_path / one.oid).unlink()
    await uploads.upload(repository, BRANCH, [one, two])
    assert sorted(path.name for path in kept.iterdir()) == sorted([one.oid, two.oid])


def git(folder: Path, *words: str, home: Path) -> None:
    subprocess.run(  # noqa: S603 - the test's own words
        ["/usr/bin/env", "git", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"},
    )


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("git-lfs"), reason="git-lfs is not installed")
async def test_git_lfs_gets_what_the_bot_uploads_and_the_stand_in_takes_its_files(
    uploads: LargeFileUploads,
    adapter: GitHubAdapter,
    repository: Repository,
    hub: LocalHub,
    tmp_path: Path,
):
    """What holds the stand-in to the protocol: a client that is not ours."""
    token = await adapter.tokens.token(repository, to_push=True)
    url = f"{hub.git_url}/{NAME}.git".replace("://", f"://x-access-token:{token}@")

    def theirs() -> Path:
        clone = tmp_path / "clone"
        git(tmp_path, "lfs", "install", home=tmp_path)
        git(tmp_path, "clone", "-q", url, "clone", home=tmp_path)
        git(clone, "config", "user.email", "ada@example.org", home=tmp_path)
        git(clone, "config", "user.name", "Ada", home=tmp_path)
        git(clone, "lfs", "track", "*.psd", home=tmp_path)
        (clone / "theirs.psd").write_bytes(b"theirs" * 500)
        return clone

    clone = await asyncio.to_thread(theirs)
    ours = large_object(tmp_path)
    await uploads.upload(repository, BRANCH, [ours])
    pointer = (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{ours.oid}\nsize {ours.size_bytes}\n"
    )
    (clone / "ours.psd").write_text(pointer)

    def through_git() -> bytes:
        git(clone, "add", "-A", home=tmp_path)
        git(clone, "commit", "-q", "-m", "Large", home=tmp_path)
        git(clone, "push", "-q", "origin", "HEAD:refs/heads/large", home=tmp_path)
        again = ("clone", "-q", "-b", "large", url, "again")
        git(tmp_path, *again, home=tmp_path)
        assert (tmp_path / "again/theirs.psd").read_bytes() == b"theirs" * 500
        return (tmp_path / "again/ours.psd").read_bytes()

    assert await asyncio.to_thread(through_git) == CONTENT


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, {"message": "no"}, TransientError, "401 no"),
        (403, {"message": "no LFS here"}, PermanentError, "403 no LFS here"),
        (404, {}, PermanentError, "404"),
        (413, {"message": "too large"}, PermanentError, "too large"),
        (429, {"message": "slow down"}, TransientError, "slow down"),
        (503, {}, TransientError, "503"),
        (200, {"objects": []}, PermanentError, "not about these files"),
        (302, {}, PermanentError, "302"),
    ],
)
async def test_what_is_not_taken_says_why(
    adapter: GitHubAdapter,
    repository: Repository,
    aiohttp_server,
    tmp_path: Path,
    status: int,
    body: dict[str, object],
    error: type[Exception],
    said: str,
):
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers={"Location": "/x"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = await aiohttp_server(app)
    base = str(server.make_url("/r.git"))
    with pytest.raises(error, match=said):
        await adapter.large_files(lambda _: base).upload(
            repository, BRANCH, [large_object(tmp_path)]
        )


async def test_the_token_goes_to_the_repositorys_own_server_alone(
    adapter: GitHubAdapter, repository: Repository, aiohttp_server, tmp_path: Path
):
    """GitHub hands out addresses of a storage elsewhere, with what opens them."""
    seen: list[tuple[str, str]] = []
    one = large_object(tmp_path)

    async def batch(request: web.Request) -> web.Response:
        seen.append(("batch", request.headers["Authorization"].split()[0]))
        href = str(storage.make_url("/here"))
        upload = {"href": href, "header": {"X-Amz": "signed"}}
        objects = [{"oid": one.oid, "actions": {"upload": upload}}]
        return web.json_response({"objects": objects})

    async def put(request: web.Request) -> web.Response:
        opened = request.headers.get("Authorization", "") + request.headers["X-Amz"]
        seen.append((str(len(await request.read())), opened))
        return web.Response()

    github, elsewhere = web.Application(), web.Application()
    github.router.add_post("/{path:.*}", batch)
    elsewhere.router.add_put("/here", put)
    storage = await aiohttp_server(elsewhere)
    server = await aiohttp_server(github)
    base = str(server.make_url("/r.git"))
    await adapter.large_files(lambda _: base).upload(repository, BRANCH, [one])
    assert seen == [("batch", "Basic"), ("5000", "signed")]


async def test_a_server_that_is_not_there_is_tried_again(
    adapter: GitHubAdapter, repository: Repository, tmp_path: Path
):
    uploads = adapter.large_files(lambda _: "http://127.0.0.1:9/r.git")
    with pytest.raises(TransientError, match="cannot be uploaded now"):
        await uploads.upload(repository, BRANCH, [large_object(tmp_path)])
