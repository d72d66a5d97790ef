"""What git proves of pull requests: a rebase is the same commits, and nothing else."""

import os
from collections.abc import Mapping

import pytest

from bot.core.model import ItemNumber
from bot.host.commits import Commits
from bot.host.folders import Folders
from bot.host.git import Git, Remotes
from bot.host.histories import GitHistories
from bot.host.mirrors import Mirrors
from tests.fakes import FakeClock
from tests.host.conftest import REPOSITORY
from tests.host.gitting import OneToken, Remote, git

pytestmark = pytest.mark.slow

NUMBER = ItemNumber(12)
HEAD = "refs/pull/12/head"


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    remote = Remote.made_in(tmp_path_factory.mktemp("github"))
    remote.commit("main", {"a.py": "a\n" * 9, "b.bin": "\0one"})
    remote.commit("topic", {"new.py": "if x:\n    y\n"}, start="main")
    remote.commit("topic", {"a.py": "a\n" * 9 + "end\n", "b.bin": "\0two"})
    git(remote.clone, "checkout", "-q", "main")
    remote.commit("main", {"a.py": "start\n" + "a\n" * 9})
    git(remote.bare, "update-ref", HEAD, remote.head("topic"))
    return remote


@pytest.fixture
def histories(folders: Folders, remote: Remote) -> GitHistories:
    tool = Git(environment={"PATH": os.environ["PATH"]}, host=folders.host)
    remotes = Remotes(OneToken(), lambda _: str(remote.bare))
    mirrors = Mirrors(folders, git=tool, remotes=remotes)
    return GitHistories(mirrors, Commits(tool, FakeClock()))


async def onto(histories: GitHistories, was: str, now: str) -> str:
    return await histories.rebased_onto(
        REPOSITORY, NUMBER, was=was, now=now, base="main"
    )


def rebased(remote: Remote) -> str:
    """Rebase the topic, as whoever pushes it would; return its head."""
    git(remote.clone, "checkout", "-q", "topic")
    git(remote.clone, "rebase", "-q", "main")
    return pushed(remote)


def pushed(remote: Remote) -> str:
    git(remote.clone, "push", "-q", "-f", "origin", "topic")
    head = remote.head("topic")
    git(remote.bare, "update-ref", HEAD, head)
    return head


def amended(remote: Remote, files: Mapping[str, str], *options: str) -> str:
    for name, text in files.items():
        (remote.clone / name).write_text(text)
    git(remote.clone, "add", "--all")
    git(remote.clone, "commit", "-q", "--amend", *(options or ("--no-edit",)))
    return pushed(remote)


async def test_the_same_commits_on_the_base_are_a_rebase(
    histories: GitHistories, remote: Remote
):
    was, tip = remote.head("topic"), remote.head("main")
    assert await histories.why_no_rebase(
        REPOSITORY, NUMBER, head_sha=was, base="main"
    ) == ("")
    now = rebased(remote)
    git(remote.bare, "reflog", "expire", "--expire=now", "--all")
    git(remote.bare, "gc", "-q", "--prune=now")
    assert await onto(histories, was, now) == tip
    # The base goes on, and it stays what it was.
    git(remote.clone, "checkout", "-q", "main")
    remote.commit("main", {"later.py": "x"})
    assert await onto(histories, was, now) == tip


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({"a.py": "evil\n"}, ()),
        ({"new.py": "if x:\n        y\n"}, ()),  # nothing but white space
        ({"b.bin": "\0evil"}, ()),
        ({"more.py": "evil\n"}, ()),
        ({}, ("-m", "Another message")),
        ({}, ("--no-edit", "--author=Eve <eve@example.org>")),
    ],
    ids=["text", "indent", "binary", "file", "message", "author"],
)
async def test_whatever_else_is_changed_makes_it_none(
    histories: GitHistories,
    remote: Remote,
    files: Mapping[str, str],
    options: tuple[str, ...],
):
    was = remote.head("topic")
    await histories.why_no_rebase(REPOSITORY, NUMBER, head_sha=was, base="main")
    rebased(remote)
    assert await onto(histories, was, amended(remote, files, *options)) == ""


async def test_one_more_or_one_less_commit_makes_it_none(
    histories: GitHistories, remote: Remote
):
    was = remote.head("topic")
    await histories.why_no_rebase(REPOSITORY, NUMBER, head_sha=was, base="main")
    rebased(remote)
    more = remote.commit("topic", {"more.py": "x"})
    git(remote.bare, "update-ref", HEAD, more)
    assert await onto(histories, was, more) == ""
    git(remote.clone, "reset", "-q", "--hard", "HEAD~2")
    assert await onto(histories, was, pushed(remote)) == ""


async def test_what_the_base_has_by_now_is_left_out(
    histories: GitHistories, remote: Remote
):
    was = remote.head("topic")
    await histories.why_no_rebase(REPOSITORY, NUMBER, head_sha=was, base="main")
    git(remote.clone, "checkout", "-q", "main")
    git(remote.clone, "cherry-pick", "topic~1")
    git(remote.clone, "push", "-q", "origin", "main")
    now = rebased(remote)
    assert await onto(histories, was, now) == remote.head("main")


async def test_a_branch_that_has_merges_would_not_be_known_again(
    histories: GitHistories, remote: Remote
):
    git(remote.clone, "checkout", "-q", "topic")
    git(remote.clone, "merge", "-q", "-m", "Merge main", "main")
    head = pushed(remote)
    git(remote.clone, "checkout", "-q", "topic")
    why = await histories.why_no_rebase(REPOSITORY, NUMBER, head_sha=head, base="main")
    assert why == ""  # it is up to date
    git(remote.clone, "checkout", "-q", "main")
    remote.commit("main", {"later.py": "x"})
    why = await histories.why_no_rebase(REPOSITORY, NUMBER, head_sha=head, base="main")
    assert why == f"its branch has merges in it (`{head[:7]}`)"


async def test_a_head_that_nobody_gives_away_any_more_proves_nothing(
    histories: GitHistories, remote: Remote
):
    was = remote.head("topic")
    now = rebased(remote)
    git(remote.bare, "reflog", "expire", "--expire=now", "--all")
    git(remote.bare, "gc", "-q", "--prune=now")
    assert await onto(histories, was, now) == ""


async def test_conflicts_are_named(histories: GitHistories, remote: Remote):
    git(remote.clone, "checkout", "-q", "main")
    tip = remote.commit("main", {"a.py": "a\n" * 9 + "other\n", "new.py": "z\n"})
    found = await histories.conflicts(
        REPOSITORY, NUMBER, head_sha=remote.head("topic"), base_sha=tip, base="main"
    )
    assert sorted(found) == ["a.py", "new.py"]
    gone = await histories.conflicts(
        REPOSITORY, NUMBER, head_sha="f" * 40, base_sha=tip, base="main"
    )
    assert gone == ()
