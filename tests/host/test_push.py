import base64
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.effects import PushBranch, Receipt
from bot.core.model import Repository
from bot.core.say.problems.github import LargeFilesRefused, LargeFilesWait
from bot.core.world.redaction import Secrets
from bot.errors import (
    AppUnavailable,
    PermanentError,
    TransientError,
    Uncertain,
)
from bot.host.folders import Folders
from bot.host.git import Git, Place
from bot.host.git import Remote as Access
from bot.host.push import BranchPusher
from bot.ports.github import LargeObject
from tests.fakes import START
from tests.host.conftest import ATTEMPT, REPOSITORY
from tests.host.gitting import TOKEN, Host, Remote, git, host

pytestmark = pytest.mark.slow

ENVIRONMENT = {"PATH": os.environ["PATH"]}
BRANCH = "batch/b7k2/12"


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    remote = Remote.made_in(tmp_path_factory.mktemp("github"))
    remote.commit("main", {"README.md": "Widgets\n"})
    return remote


@pytest.fixture
def there(folders: Folders, remote: Remote) -> Host:
    return host(folders, str(remote.bare), ENVIRONMENT)


@pytest.fixture
async def intent(there: Host) -> PushBranch:
    return PushBranch(REPOSITORY, BRANCH, await commit(there, "Better\n"))


async def commit(there: Host, text: str) -> str:
    workspace = await there.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (Path(workspace.path) / "README.md").write_text(text)
    change = await there.workspaces.commit(workspace, message="Implement #12")
    assert change is not None
    return change.sha


async def test_a_pushed_branch_is_found_by_its_commit(
    there: Host, remote: Remote, intent: PushBranch
):
    assert await there.pusher.find(intent, since=START) is None
    assert await there.pusher.do(intent) == Receipt(sha=intent.sha)
    assert remote.head(BRANCH) == intent.sha
    assert await there.pusher.find(intent, since=START) == Receipt(sha=intent.sha)


async def test_a_branch_at_the_commit_counts_as_pushed(there: Host, intent: PushBranch):
    await there.pusher.do(intent)
    again = await there.pusher.do(intent)
    assert again == Receipt(sha=intent.sha, changed=False)


async def test_a_branch_moves_from_where_it_is_expected(
    there: Host, remote: Remote, intent: PushBranch
):
    await there.pusher.do(intent)
    newer = await commit(there, "Best\n")
    move = replace(intent, sha=newer, expected_sha=intent.sha)
    await there.pusher.do(move)
    assert remote.head(BRANCH) == newer


@pytest.mark.parametrize("expected", ["", "the old one"])
async def test_the_work_of_somebody_else_is_not_overwritten(
    there: Host, remote: Remote, intent: PushBranch, expected: str
):
    await there.pusher.do(intent)
    git(remote.clone, "fetch", "-q", "origin")
    theirs = remote.commit("mine", {"x": "y"}, start=f"origin/{BRANCH}")
    git(remote.clone, "push", "-q", "origin", f"mine:{BRANCH}")
    newer = await commit(there, "Best\n")
    before = intent.sha if expected else ""
    with pytest.raises(PermanentError, match="moved by somebody else") as raised:
        await there.pusher.do(replace(intent, sha=newer, expected_sha=before))
    assert raised.value.advice
    assert remote.head(BRANCH) == theirs


async def test_a_branch_that_is_called_like_damage_is_none(
    there: Host, remote: Remote, intent: PushBranch
):
    git(remote.clone, "push", "-q", "origin", "main:fix-corrupt-packfile")
    with pytest.raises(PermanentError, match="moved by somebody else"):
        await there.pusher.do(replace(intent, branch="fix-corrupt-packfile"))


async def test_accepted_work_is_pushed_after_a_restart(
    there: Host, remote: Remote, intent: PushBranch
):
    await there.workspaces.remove_all()
    again = host(there.folders, str(remote.bare), ENVIRONMENT)
    await again.pusher.do(intent)
    assert remote.head(BRANCH) == intent.sha


async def test_a_rule_of_the_repository_is_named(
    there: Host, remote: Remote, intent: PushBranch
):
    hook = remote.bare / "hooks/pre-receive"
    hook.write_text(
        "#!/bin/sh\necho 'error: GH013: Repository rule violations'\nexit 1\n"
    )
    hook.chmod(0o755)
    with pytest.raises(PermanentError, match="GH013: Repository rule violations"):
        await there.pusher.do(intent)


async def test_all_of_what_was_said_against_a_push_is_read_and_the_work_is_kept(
    there: Host, remote: Remote, intent: PushBranch
):
    hook = remote.bare / "hooks/pre-receive"
    said = "error: File a.bin is 101.00 MB; this exceeds GitHub's file size limit of 100.00 MB"
    lines = ["error: Trace: 7c9d", "error: See https://gh.io/lfs", said]
    echoes = "\n".join(f'echo "{line}"' for line in lines)
    hook.write_text(f"#!/bin/sh\n{echoes}\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PermanentError, match="a.bin has 101.00 MB") as raised:
        await there.pusher.do(intent)
    assert "Git LFS" in raised.value.advice
    (kept,) = there.folders.logs.glob("*.diff")
    assert "+Better" in kept.read_text()
    assert str(there.folders.root) not in str(raised.value)


@pytest.mark.parametrize("there_already", ["batch", "batch/b7k2", f"{BRANCH}/deeper"])
async def test_a_branch_in_the_way_is_named_at_once(
    there: Host, remote: Remote, intent: PushBranch, there_already: str
):
    git(remote.clone, "push", "-q", "origin", f"main:refs/heads/{there_already}")
    expected = f"a branch named `{there_already}` is in the way"
    with pytest.raises(PermanentError, match=expected) as raised:
        await there.pusher.do(intent)
    assert there_already in raised.value.advice


def read(path: str) -> bytes:
    return Path(path).read_bytes()


class Uploads:
    """Takes large files, or does not."""

    def __init__(self, error: Exception | None = None) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self._error = error

    async def upload(
        self, repository: Repository, branch: str, objects: Sequence[LargeObject]
    ) -> None:
        if self._error is not None:
            raise self._error
        self.taken += [(branch, read(one.path)) for one in objects]


async def large_work(there: Host, remote: Remote) -> PushBranch:
    remote.commit("main", {".gitattributes": "*.psd filter=lfs\n"})
    workspace = await there.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (Path(workspace.path) / "a.psd").write_bytes(b"large" * 1000)
    (Path(workspace.path) / "README.md").write_text("Better\n")
    change = await there.workspaces.commit(workspace, message="Draw")
    assert change is not None
    return PushBranch(REPOSITORY, BRANCH, change.sha)


async def test_large_files_are_uploaded_before_the_push_and_let_go_of(
    there: Host, remote: Remote
):
    intent = await large_work(there, remote)
    uploads = Uploads()
    mirrors = there.pusher._mirrors
    await BranchPusher(mirrors, large_files=uploads).do(intent)
    assert uploads.taken == [(BRANCH, b"large" * 1000)]
    assert remote.head(BRANCH) == intent.sha
    store = mirrors.of(REPOSITORY).with_suffix(".lfs")
    assert not [path for path in store.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "error",
    [
        PermanentError(LargeFilesRefused("full")),
        TransientError(LargeFilesWait("later")),
    ],
)
async def test_nothing_is_pushed_without_its_large_files(
    there: Host, remote: Remote, error: Exception
):
    intent = await large_work(there, remote)
    pusher = BranchPusher(there.pusher._mirrors, large_files=Uploads(error))
    with pytest.raises(type(error), match=str(error)):
        await pusher.do(intent)
    assert not remote.head(BRANCH)


async def test_missing_permission_for_workflows_says_what_to_allow(
    there: Host, remote: Remote, intent: PushBranch
):
    said = "refusing to allow a GitHub App to update workflow without `workflows` permission"
    hook = remote.bare / "hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\necho '{said}'\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PermanentError) as raised:
        await there.pusher.do(intent)
    assert "Workflows: write" in raised.value.advice


async def test_nothing_was_pushed_when_nobody_answers(there: Host, intent: PushBranch):
    nobody = host(there.folders, "http://127.0.0.1:9/acme/widgets", ENVIRONMENT)
    with pytest.raises(TransientError) as raised:
        await nobody.pusher.do(intent)
    assert not isinstance(raised.value, Uncertain)
    with pytest.raises(TransientError):
        await nobody.pusher.find(intent, since=START)


async def test_a_repository_that_is_gone_is_not_tried_again(
    there: Host, intent: PushBranch, tmp_path: Path
):
    nothing = host(there.folders, str(tmp_path / "nothing"), ENVIRONMENT)
    with pytest.raises(PermanentError, match="cannot be cloned"):
        await nothing.pusher.do(intent)


async def test_what_a_refusal_echoes_is_hidden(
    folders: Folders, remote: Remote, intent: PushBranch
):
    secret = "hook-of-the-bot"  # noqa: S105 - of tests
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    hook = remote.bare / "hooks/pre-receive"
    hook.write_text(f"#!/bin/sh\necho 'never {secret}; {encoded}' >&2\nexit 1\n")
    hook.chmod(0o755)
    there = host(folders, str(remote.bare), ENVIRONMENT, Secrets([TOKEN, secret]))
    with pytest.raises(PermanentError) as raised:
        await there.pusher.do(intent)
    assert "never [redacted]; [redacted]" in str(raised.value)


async def test_a_broken_connection_leaves_it_uncertain(
    there: Host, remote: Remote, intent: PushBranch
):
    hook = remote.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nkill -9 $PPID\n")
    hook.chmod(0o755)
    with pytest.raises(Uncertain):
        await there.pusher.do(intent)


async def test_the_token_is_in_the_environment_alone_and_for_one_site(
    folders: Folders, tmp_path: Path
):
    spy = tmp_path / "bin/git"
    spy.parent.mkdir()
    spy.write_text('#!/bin/sh\necho "$@"; env; exit 0\n')
    spy.chmod(0o755)
    environment = {"PATH": f"{spy.parent}:{os.environ['PATH']}", "GITHUB_TOKEN": "mine"}
    tool = Git(environment=environment, host=folders.host)
    access = Access("https://github.com/acme/widgets.git", TOKEN)
    printed = await tool.run(
        "fetch", access.url, place=Place(folders.root), remote=access
    )
    first, *variables = printed.decode().splitlines()
    assert first == "fetch https://github.com/acme/widgets.git"
    assert TOKEN not in printed.decode()
    assert TOKEN not in repr(access)
    values = dict(line.split("=", 1) for line in variables)
    assert "http.https://github.com/.extraHeader" in values.values()
    assert "GITHUB_TOKEN" not in values
    assert values["GIT_CONFIG_GLOBAL"] == "/dev/null"


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (400, "no", PermanentError),
        (401, "no", TransientError),
        (403, "no", TransientError),
        (403, "You have exceeded a secondary rate limit.", TransientError),
        (403, "Write access to repository not granted.", PermanentError),
        (403, "This repository was archived so it is read-only.", AppUnavailable),
        (404, "no", PermanentError),
        (409, "no", PermanentError),
        (429, "no", TransientError),
        (451, "Repository unavailable due to DMCA takedown.", AppUnavailable),
        (500, "no", TransientError),
        (503, "no", TransientError),
    ],
)
async def test_answers_of_a_server_say_whether_to_try_again(
    there: Host,
    intent: PushBranch,
    aiohttp_server,
    status: int,
    text: str,
    error: type[Exception],
):
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = await aiohttp_server(app)
    url = str(server.make_url("/acme/widgets.git"))
    over_http = host(there.folders, url, ENVIRONMENT)
    for call in (
        over_http.pusher.do(intent),
        over_http.pusher.find(intent, since=START),
        over_http.workspaces.create(ATTEMPT, REPOSITORY, base="main"),
    ):
        with pytest.raises(error) as raised:
            await call
        assert not isinstance(raised.value, Uncertain)
        assert TOKEN not in str(raised.value)
    credentials = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
    assert set(seen) == {f"Basic {credentials}"}
