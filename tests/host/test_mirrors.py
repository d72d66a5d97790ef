"""Mirrors are caches: what damages one costs time and no work."""

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.core.effects import PushBranch
from bot.core.model import AttemptId, InstallationId, ItemNumber, Repository
from bot.core.say.problems.git import NoBranch
from bot.errors import BranchMissing, PermanentError, TransientError
from bot.host import git as module
from bot.host.folders import Folders
from bot.host.git import Git, GitFailed, Place, Remotes
from bot.host.git import Remote as Where
from bot.host.mirrors import Mirrors
from bot.host.receiving import ShippedMirrors
from tests.host.conftest import ATTEMPT, REPOSITORY
from tests.host.gitting import Host, OneToken, Remote, git, host

pytestmark = pytest.mark.slow

ENVIRONMENT = {"PATH": os.environ["PATH"]}
OTHER = AttemptId("b7k2-15-1")
BRANCH = "batch/b7k2/12"


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    remote = Remote.made_in(tmp_path_factory.mktemp("github"))
    remote.commit("main", {"README.md": "Widgets\n"})
    remote.commit("main", {"src/app.py": "one\n"})
    remote.commit("release", {"old.txt": "old\n"}, start="main~1")
    return remote


@pytest.fixture
def there(folders: Folders, remote: Remote) -> Host:
    return host(folders, str(remote.bare), ENVIRONMENT)


async def work(there: Host, attempt: AttemptId, base: str, text: str) -> str:
    workspace = await there.workspaces.create(attempt, REPOSITORY, base=base)
    (Path(workspace.path) / "README.md").write_text(text)
    change = await there.workspaces.commit(workspace, message="Change")
    assert change is not None
    return change.sha


def objects(mirror: Path) -> list[Path]:
    return [path for path in mirror.glob("objects/*/*") if path.is_file()]


def empty_ref(mirror: Path) -> None:
    for ref in mirror.glob("refs/seen/*"):
        ref.write_text("")


def wrong_ref(mirror: Path) -> None:
    for ref in mirror.glob("refs/seen/*"):
        ref.write_text("not a commit\n")


def dangling_ref(mirror: Path) -> None:
    for ref in mirror.glob("refs/seen/*"):
        ref.write_text(f"{'1' * 40}\n")


def empty_head(mirror: Path) -> None:
    (mirror / "HEAD").write_text("")


def no_head(mirror: Path) -> None:
    (mirror / "HEAD").unlink()


def bad_config(mirror: Path) -> None:
    (mirror / "config").write_text("[core\n")


def bad_packed_refs(mirror: Path) -> None:
    (mirror / "packed-refs").write_text("nonsense\n")


def stale_locks(mirror: Path) -> None:
    for ref in mirror.glob("refs/seen/*"):
        ref.with_name(ref.name + ".lock").touch()


def no_objects(mirror: Path) -> None:
    shutil.rmtree(mirror / "objects")
    (mirror / "objects").mkdir()


def broken_pack(mirror: Path) -> None:
    git(mirror, "repack", "-a", "-d", "-q")
    for pack in mirror.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"PACK" + bytes(200))


DAMAGES = [
    empty_ref,
    wrong_ref,
    dangling_ref,
    empty_head,
    no_head,
    bad_config,
    bad_packed_refs,
    stale_locks,
    no_objects,
    broken_pack,
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody holds the locks of these tests."""
    for lock in ("filesRefLockTimeout", "packedRefsTimeout"):
        monkeypatch.setitem(module._CONFIGURATION, f"core.{lock}", "50")


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_mirror_is_made_again(
    there: Host, remote: Remote, damage: Callable[[Path], None]
):
    await there.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    damage(there.folders.mirror(REPOSITORY))
    remote.commit("main", {"README.md": "Newer\n"})
    workspace = await there.workspaces.create(OTHER, REPOSITORY, base="main")
    assert workspace.base_sha == remote.head("main")
    assert (Path(workspace.path) / "README.md").read_text() == "Newer\n"


@pytest.mark.parametrize(
    "damage", [d for d in DAMAGES if d not in (no_objects, broken_pack)]
)
async def test_accepted_work_outlives_its_mirror(
    there: Host, remote: Remote, damage: Callable[[Path], None]
):
    sha = await work(there, ATTEMPT, "release", "Better\n")
    damage(there.folders.mirror(REPOSITORY))
    await there.workspaces.create(OTHER, REPOSITORY, base="main")
    await there.pusher.do(PushBranch(REPOSITORY, BRANCH, sha))
    assert remote.show(f"{sha}:README.md") == "Better"


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_push_from_a_damaged_mirror_makes_it_again(
    there: Host, remote: Remote, damage: Callable[[Path], None]
):
    sha = await work(there, ATTEMPT, "main", "Better\n")
    damage(there.folders.mirror(REPOSITORY))
    push = there.pusher.do(PushBranch(REPOSITORY, BRANCH, sha))
    if damage in (no_objects, broken_pack):
        with pytest.raises(PermanentError, match="work is lost"):
            await push
    else:
        await push
        assert remote.head(BRANCH) == sha


async def test_one_missing_object_is_fetched_again(there: Host, remote: Remote):
    sha = await work(there, ATTEMPT, "main", "Better\n")
    mirror = there.folders.mirror(REPOSITORY)
    blob = git(
        mirror, "rev-parse", "main:src/app.py".replace("main", remote.head("main"))
    )
    (mirror / "objects" / blob[:2] / blob[2:]).unlink()
    workspace = await there.workspaces.create(OTHER, REPOSITORY, base="main")
    assert (Path(workspace.path) / "src/app.py").read_text() == "one\n"
    await there.pusher.do(PushBranch(REPOSITORY, BRANCH, sha))
    assert remote.head(BRANCH) == sha


@pytest.mark.parametrize("damage", [empty_head, dangling_ref, no_objects])
async def test_a_running_attempt_commits_though_its_mirror_was_made_again(
    there: Host, remote: Remote, damage: Callable[[Path], None]
):
    workspace = await there.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (Path(workspace.path) / "README.md").write_text("Better\n")
    damage(there.folders.mirror(REPOSITORY))
    await there.workspaces.create(OTHER, REPOSITORY, base="release")
    change = await there.workspaces.commit(workspace, message="Change")
    assert change is not None
    assert change.files == ("README.md",)


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_mirror_that_is_damaged_while_a_command_runs_costs_nothing(
    there: Host, damage: Callable[[Path], None]
):
    workspace = await there.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (Path(workspace.path) / "README.md").write_text("Better\n")
    damage(there.folders.mirror(REPOSITORY))
    change = await there.workspaces.commit(workspace, message="Change")
    assert change is not None
    assert change.files == ("README.md",)


async def test_the_mirror_of_another_repository_does_not_matter(
    there: Host, folders: Folders, remote: Remote
):
    other = Repository(8, "acme/gadgets", InstallationId(1))
    await there.workspaces.create(OTHER, other, base="main")
    bad_config(folders.mirror(other))
    before = sorted(folders.mirror(other).rglob("*"))
    sha = await work(there, ATTEMPT, "main", "Better\n")
    await there.workspaces.remove(ATTEMPT)
    assert sha
    assert sorted(folders.mirror(other).rglob("*")) == before


async def test_a_damaged_mirror_does_not_keep_attempts_from_ending(there: Host):
    await work(there, ATTEMPT, "main", "Better\n")
    no_head(there.folders.mirror(REPOSITORY))
    await there.workspaces.remove(ATTEMPT)


async def test_damage_that_stays_says_so_without_a_path_of_this_server(
    there: Host, monkeypatch: pytest.MonkeyPatch
):
    await there.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    monkeypatch.setattr(type(there.workspaces._mirrors), "_make_again", no_help)
    bad_config(there.folders.mirror(REPOSITORY))
    with pytest.raises(GitFailed) as raised:
        await there.workspaces.create(OTHER, REPOSITORY, base="main")
    assert str(there.folders.root) not in str(raised.value)


async def no_help(mirrors: object, repository: Repository, renewed: int) -> None:
    return None


async def test_mirrors_that_were_replaced_go_at_the_next_start(there: Host):
    await there.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    empty_head(there.folders.mirror(REPOSITORY))
    await there.workspaces.create(OTHER, REPOSITORY, base="main")
    names = sorted(path.name for path in there.folders.mirrors.iterdir())
    assert names == ["7.git", "7.git.damaged"]
    await there.workspaces.remove_all()
    assert [path.name for path in there.folders.mirrors.iterdir()] == ["7.git"]


class Counted(Git):
    """Git, with what was fetched, and a gate before that."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.fetches = 0
        self.may_fetch = asyncio.Event()
        self.may_fetch.set()
        self.is_fetching = asyncio.Event()

    async def run(self, *words: str, **options: Any) -> bytes:
        if words[0] == "fetch":
            self.fetches += 1
            self.is_fetching.set()
            await self.may_fetch.wait()
        return await super().run(*words, **options)


def counted(folders: Folders, url: str) -> tuple[Counted, Mirrors]:
    tool = Counted(environment=ENVIRONMENT, host=folders.host)
    return tool, Mirrors(folders, git=tool, remotes=Remotes(OneToken(), lambda _: url))


ATTEMPTS = [AttemptId(f"b7k2-{number}-1") for number in range(20, 28)]


async def queued(
    tool: Counted, mirrors: Mirrors
) -> tuple[asyncio.Task[dict[str, str]], list[asyncio.Task[dict[str, str]]]]:
    """Return one that fetches something else, and those who wait to fetch one branch."""
    tool.may_fetch.clear()
    busy = asyncio.create_task(mirrors.fetch(REPOSITORY, ["release"], attempt=OTHER))
    await tool.is_fetching.wait()
    tool.is_fetching.clear()
    waiting = [
        asyncio.create_task(mirrors.fetch(REPOSITORY, ["main"], attempt=one))
        for one in ATTEMPTS
    ]
    await asyncio.sleep(0)
    return busy, waiting


async def test_whoever_wants_a_branch_that_is_about_to_be_fetched_is_served_by_that(
    folders: Folders, remote: Remote
):
    tool, mirrors = counted(folders, str(remote.bare))
    before = remote.head("main")
    tool.may_fetch.clear()
    first = asyncio.create_task(mirrors.fetch(REPOSITORY, ["main"], attempt=ATTEMPT))
    await tool.is_fetching.wait()
    tool.is_fetching.clear()
    tool.may_fetch.set()
    others = [mirrors.fetch(REPOSITORY, ["main"], attempt=one) for one in ATTEMPTS]
    elsewhere = mirrors.fetch(REPOSITORY, ["release"], attempt=OTHER)
    after = remote.commit("main", {"later.txt": "later"})
    found = await asyncio.gather(*others, elsewhere)
    assert await first in ({"main": before}, {"main": after})
    # What was pushed before they asked is seen by all who asked then.
    assert found[:-1] == [{"main": after}] * len(ATTEMPTS)
    assert found[-1] == {"release": remote.head("release")}
    assert tool.fetches == 3
    for one in ATTEMPTS:
        assert git(mirrors.of(REPOSITORY), "rev-parse", f"refs/base/{one}") == after
    assert mirrors._coming == {}


async def test_who_fetches_for_others_and_is_cancelled_leaves_it_to_the_next(
    folders: Folders, remote: Remote
):
    tool, mirrors = counted(folders, str(remote.bare))
    busy, waiting = await queued(tool, mirrors)
    waiting[0].cancel()  # the one that would fetch for all
    waiting[3].cancel()
    tool.may_fetch.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    gone = [n for n, one in enumerate(found) if isinstance(one, asyncio.CancelledError)]
    assert gone == [0, 3]
    assert [one for n, one in enumerate(found) if n not in gone] == (
        [{"main": remote.head("main")}] * (len(ATTEMPTS) - 2)
    )
    assert tool.fetches == 2
    await busy


async def test_who_is_cancelled_leaves_nothing_in_the_mirror(
    folders: Folders, remote: Remote
):
    tool, mirrors = counted(folders, str(remote.bare))
    busy, waiting = await queued(tool, mirrors)
    waiting[3].cancel()  # before the fetch for all of them begins
    tool.may_fetch.set()
    await busy
    tool.may_fetch.clear()
    await tool.is_fetching.wait()
    waiting[5].cancel()  # while it runs
    await asyncio.wait({waiting[3], waiting[5]})
    for number in (3, 5):
        await mirrors.forget(ATTEMPTS[number])
    tool.may_fetch.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    listed = git(mirrors.of(REPOSITORY), "for-each-ref", "refs/base").splitlines()
    there = [OTHER, *(a for n, a in enumerate(ATTEMPTS) if n not in (3, 5))]
    assert [line.rpartition("/")[2] for line in listed] == sorted(there)


async def test_what_ends_one_installation_does_not_end_another(
    folders: Folders, remote: Remote
):
    class Stale(Remotes):
        async def of(self, repository: Repository, *, to_push: bool = False) -> Where:
            if repository.installation_id == 1:
                raise PermanentError(NoBranch("main", "acme/widgets"))
            return await super().of(repository, to_push=to_push)

    tool = Counted(environment=ENVIRONMENT, host=folders.host)
    remotes = Stale(OneToken(), lambda _: str(remote.bare))
    mirrors = Mirrors(folders, git=tool, remotes=remotes)
    again = replace(REPOSITORY, installation_id=InstallationId(2))
    async with mirrors.kept(REPOSITORY):
        asked = asyncio.gather(
            mirrors.fetch(REPOSITORY, ["main"], attempt=ATTEMPT),
            mirrors.fetch(again, ["main"], attempt=OTHER),
            return_exceptions=True,
        )
        await asyncio.sleep(0)
    refused, found = await asked
    assert isinstance(refused, PermanentError)
    assert found == {"main": remote.head("main")}


async def test_what_the_remote_refuses_is_asked_for_once_for_all_who_wait(
    folders: Folders, remote: Remote
):
    tool, mirrors = counted(folders, str(remote.bare))
    tool.may_fetch.clear()
    busy = asyncio.create_task(mirrors.fetch(REPOSITORY, ["main"], attempt=OTHER))
    await tool.is_fetching.wait()
    waiting = [mirrors.fetch(REPOSITORY, ["gone"], attempt=one) for one in ATTEMPTS]
    asked = asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)
    tool.may_fetch.set()
    assert {type(one) for one in await asked} == {BranchMissing}
    assert tool.fetches == 2
    assert await busy == {"main": remote.head("main")}


async def test_damage_that_many_meet_at_once_is_mended_once(
    folders: Folders, remote: Remote, monkeypatch: pytest.MonkeyPatch
):
    _, mirrors = counted(folders, str(remote.bare))
    await mirrors.fetch(REPOSITORY, ["main"], attempt=ATTEMPT)
    bad_config(mirrors.of(REPOSITORY))
    made = 0
    make = mirrors._make_empty

    async def counting(mirror: Path) -> Path:
        nonlocal made
        made += 1
        return await make(mirror)

    monkeypatch.setattr(mirrors, "_make_empty", counting)

    async def find(attempt: AttemptId) -> None:
        await mirrors.fetch_head(REPOSITORY, ItemNumber(5), "main", attempt=attempt)

    git(remote.bare, "update-ref", "refs/pull/5/head", remote.head("main"))
    await asyncio.gather(
        *(mirrors.mended(REPOSITORY, partial(find, one)) for one in ATTEMPTS)
    )
    assert made == 1


async def test_a_machine_of_a_pool_sets_a_damaged_mirror_aside_once(
    folders: Folders, remote: Remote
):
    tool = Git(environment=ENVIRONMENT, host=folders.host)
    remotes = Remotes(OneToken(), lambda _: str(remote.bare))
    mirrors = ShippedMirrors(folders, git=tool, remotes=remotes)
    async with mirrors.kept(REPOSITORY) as mirror:
        bad_config(mirror)

    async def look() -> bytes:
        return await tool.run("for-each-ref", place=Place(mirror))

    found = await asyncio.gather(
        *(mirrors.mended(REPOSITORY, look) for _ in range(3)), return_exceptions=True
    )
    assert {type(one) for one in found} == {TransientError}
    assert [path.name for path in folders.mirrors.iterdir()] == ["7.git.damaged"]
