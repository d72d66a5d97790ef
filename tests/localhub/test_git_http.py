"""Git clients in front of the local GitHub."""

import asyncio
from pathlib import Path

import pytest

from bot.localhub import pulls
from bot.localhub.git import git_environment
from bot.localhub.hub import LocalHub
from tests.localhub.client import NAME, receiver

pytestmark = pytest.mark.slow


async def git(folder: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments,
        cwd=folder, env=git_environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def address(hub: LocalHub, token: str | None = None, name: str = NAME) -> str:
    host = hub.git_url.removeprefix("http://")
    user = f"x-access-token:{token}@" if token else ""
    return f"http://{user}{host}/{name}.git"


def new_token(hub: LocalHub, **permissions: str) -> str:
    (installation,) = hub.state.installations.values()
    return hub.new_token(installation, permissions=permissions or None).value


async def test_a_push_moves_the_pull_request(hub: LocalHub, tmp_path: Path):
    hub.push("wade", NAME, "topic", {"a": "1"}, message="One")
    thread = hub.open_pull_request("wade", NAME, "One", head="topic")
    url = address(hub, new_token(hub))
    assert await git(tmp_path, "clone", "-q", "-b", "topic", url, "work") == (0, "")
    work = tmp_path / "work"
    (work / "big.txt").write_bytes(bytes(range(256)) * 8192)  # larger than one chunk
    await git(work, "add", "-A")
    await git(work, "commit", "-q", "-m", "Two")
    async with receiver(hub) as hooks:
        code, output = await git(work, "push", "origin", "HEAD", "HEAD:refs/heads/new")
        assert code == 0, output
        await hub.webhooks.drain()
    pushed = ["push", "check_suite.requested"]
    assert hooks.names == [*pushed, *pushed, "pull_request.synchronize"]
    assert hooks.hooks[0].payload["sender"]["login"] == "batch-bot[bot]"
    _, head = await git(work, "rev-parse", "HEAD")
    assert pulls.pull_of(thread).head_sha == head.strip()
    refs = hub.repository(NAME).git.refs("refs/")
    assert refs["refs/pull/1/head"] == refs["refs/heads/new"] == head.strip()
    assert (await git(work, "fetch", "-q", "origin", "refs/pull/1/head"))[0] == 0


async def test_a_push_with_an_old_expectation_is_refused(hub: LocalHub, tmp_path: Path):
    url = address(hub, new_token(hub))
    await git(tmp_path, "clone", "-q", url, "work")
    work = tmp_path / "work"
    await git(work, "commit", "-q", "--allow-empty", "-m", "Mine")
    hub.push("wade", NAME, "main", {"a": "1"}, message="Theirs")
    code, output = await git(work, "push", "origin", "main")
    assert code != 0
    assert "rejected" in output


@pytest.mark.parametrize(
    ("permissions", "may_push"),
    [({"contents": "write"}, True), ({"contents": "read"}, False)],
)
async def test_a_token_pushes_if_it_may_write(
    hub: LocalHub, tmp_path: Path, permissions: dict[str, str], may_push: bool
):
    url = address(hub, new_token(hub, **permissions))
    await git(tmp_path, "clone", "-q", url, "work")
    code, _ = await git(tmp_path / "work", "push", "-q", "origin", "HEAD:refs/heads/b")
    assert (code == 0) is may_push
    assert ("refs/heads/b" in hub.repository(NAME).git.refs()) is may_push


async def test_what_is_private_needs_a_token(hub: LocalHub, tmp_path: Path):
    assert (await git(tmp_path, "ls-remote", address(hub)))[0] == 0
    hub.repository(NAME).is_private = True
    for url, word in (
        (address(hub), "terminal prompts disabled"),
        (address(hub, "ghs_wrong"), "Authentication failed"),
        (address(hub, new_token(hub), "acme/none"), "not found"),
        (address(hub, new_token(hub, issues="write")), "not found"),
    ):
        code, output = await git(tmp_path, "ls-remote", url)
        assert code != 0
        assert word in output
    good = address(hub, new_token(hub))
    assert (await git(tmp_path, "ls-remote", good))[0] == 0


async def test_a_renamed_repository_is_found_by_git(hub: LocalHub, tmp_path: Path):
    hub.rename_repository("acme", NAME, "gadgets")
    url = address(hub, new_token(hub))
    assert (await git(tmp_path, "ls-remote", url))[0] == 0


async def test_a_renamed_repository_is_fetched_and_pushed_under_its_old_name(
    hub: LocalHub, tmp_path: Path
):
    url = address(hub, new_token(hub))
    hub.rename_repository("acme", NAME, "gadgets")
    code, output = await git(tmp_path, "clone", url, "work")
    assert code == 0, output
    assert "redirecting to" in output
    work = tmp_path / "work"
    code, output = await git(work, "push", "origin", "HEAD:refs/heads/new")
    assert code == 0, output
    assert "refs/heads/new" in hub.repository("acme/gadgets").git.refs()


async def test_a_repository_out_of_reach_is_not_found(hub: LocalHub, tmp_path: Path):
    hub.create_repository("acme/shut", files={"a": "b"}, is_private=True)
    installation = next(iter(hub.state.installations.values()))
    url = address(hub, new_token(hub), "acme/shut")
    assert (await git(tmp_path, "ls-remote", url))[0] == 0
    hub.remove_repositories(installation, "acme/shut")
    code, output = await git(tmp_path, "ls-remote", url)
    assert (code, "not found" in output) == (128, True)
    hub.add_repositories(installation, "acme/shut")
    hub.suspend_installation(installation)
    code, output = await git(tmp_path, "ls-remote", url)
    assert (code, "403" in output) == (128, True)
    hub.unsuspend_installation(installation)
    hub.rename_repository("acme", "acme/shut", "closed")
    hub.delete_repository("acme", "acme/closed")
    for name in ("acme/shut", "acme/closed"):
        url = address(hub, new_token(hub), name)
        code, output = await git(tmp_path, "ls-remote", url)
        assert (code, "not found" in output) == (128, True)
