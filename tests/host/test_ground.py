"""A branch is brought to where its base was merged, with all that was done on it."""

import os

import pytest

from bot.errors import BranchMissing, PermanentError
from bot.host.folders import Folders
from bot.ports.host import Brought
from tests.host.conftest import ATTEMPT, REPOSITORY
from tests.host.gitting import Host, Remote, git, host

pytestmark = pytest.mark.slow

BELOW, OURS = "batch/a1a1/10", "batch/a1a1/12"
LINES = "one\ntwo\nthree\n"
WORK = {"a.py": "ONE!\ntwo\nthree\n", "b.py": "b\n"}


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    """The work of #12 on that of #10, and a person's commit on it."""
    remote = Remote.made_in(tmp_path_factory.mktemp("github"))
    remote.commit("main", {"a.py": LINES, "c.py": "c\n"})
    remote.commit(BELOW, {"a.py": "ONE\ntwo\nthree\n"}, start="main")
    remote.commit(OURS, WORK, start=BELOW)
    remote.commit(OURS, {"review.py": "as ada wants it\n"})
    return remote


@pytest.fixture
def real(folders: Folders, remote: Remote) -> Host:
    return host(folders, str(remote.bare), {"PATH": os.environ["PATH"]})


def squash(remote: Remote, files: dict[str, str] | None = None) -> str:
    """Merge #10 as one new commit, before which main went on; return where #10 was."""
    remote.commit("main", files or {"c.py": "more\n"})
    remote.commit("main", {"a.py": "ONE\ntwo\nthree\n"})
    return remote.head(BELOW)


async def brought(real: Host, merged_sha: str, onto: str = "main") -> Brought:
    return await real.workspaces.bring(
        ATTEMPT, REPOSITORY, OURS, was=BELOW, merged_sha=merged_sha, onto=onto
    )


def differs(real: Host, one: str, other: str) -> list[str]:
    mirror = real.folders.mirror(REPOSITORY)
    return git(mirror, "diff", "--name-only", one, other).split()


async def test_after_a_squash_main_is_merged_as_if_it_had_the_commits(
    real: Host, remote: Remote
):
    found = await brought(real, squash(remote))
    ours, main = remote.head(OURS), remote.head("main")
    assert found.head_sha == ours
    mirror = real.folders.mirror(REPOSITORY)
    said = git(mirror, "log", "-1", "--format=%P|%an|%s", found.sha)
    assert said == f"{ours} {main}|Ada|Merge main"
    assert git(mirror, "merge-base", main, found.sha) == main
    assert differs(real, main, found.sha) == ["a.py", "b.py", "review.py"]
    assert git(mirror, "show", f"{found.sha}:a.py") == WORK["a.py"].rstrip()
    assert git(mirror, "rev-parse", f"refs/batch/{ATTEMPT}") == found.sha


async def test_what_was_brought_there_needs_nothing_more(real: Host, remote: Remote):
    was = squash(remote)
    found = await brought(real, was)
    mirror = real.folders.mirror(REPOSITORY)
    git(mirror, "push", "-q", str(remote.bare), f"{found.sha}:refs/heads/{OURS}")
    assert await brought(real, was) == Brought(found.sha, "")


async def test_after_a_merge_the_branch_has_what_it_needs(real: Host, remote: Remote):
    was = remote.head(BELOW)
    git(remote.clone, "checkout", "-q", "main")
    git(remote.clone, "merge", "-q", "--no-ff", "-m", "Merge", BELOW)
    git(remote.clone, "push", "-q", "origin", "main")
    assert await brought(real, was) == Brought(remote.head(OURS), "")


async def test_what_came_to_the_base_after_its_merge_and_is_built_on_stays(
    real: Host, remote: Remote
):
    was = squash(remote)
    remote.commit(BELOW, {"late.py": "late\n"})
    git(remote.clone, "checkout", "-q", OURS)
    git(remote.clone, "merge", "-q", "-m", "Take more", BELOW)
    git(remote.clone, "push", "-q", "origin", OURS)
    found = await brought(real, was)
    assert "late.py" in differs(real, remote.head("main"), found.sha)


@pytest.mark.parametrize("merged_sha", ["f" * 40, ""])
async def test_a_merged_commit_that_nobody_knows_is_taken_for_the_branch(
    real: Host, remote: Remote, merged_sha: str
):
    squash(remote)
    found = await brought(real, merged_sha)
    changed = differs(real, remote.head("main"), found.sha)
    assert changed == ["a.py", "b.py", "review.py"]


@pytest.mark.parametrize("name", ["Jos\udce9", "A\u2028B"])
async def test_a_person_may_have_any_name(real: Host, remote: Remote, name: str):
    git(remote.clone, "reset", "-q", "--soft", BELOW)
    git(remote.clone, "commit", "-q", "-m", "Change", f"--author={name} <a@b.c>")
    git(remote.clone, "push", "-q", "-f", "origin", OURS)
    assert (await brought(real, squash(remote))).sha


async def test_a_branch_without_a_commit_of_its_own_needs_nothing(
    real: Host, remote: Remote
):
    git(remote.clone, "push", "-q", "-f", "origin", f"{BELOW}:{OURS}")
    assert await brought(real, squash(remote)) == Brought(remote.head(BELOW), "")


async def test_conflicts_and_branches_that_are_gone_are_named(
    real: Host, remote: Remote
):
    was = squash(remote, {"b.py": "another\n"})
    with pytest.raises(PermanentError, match=r"conflicts with main in b\.py"):
        await brought(real, was)
    with pytest.raises(BranchMissing):
        await brought(real, was, onto="trunk")
