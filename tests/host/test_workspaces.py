import asyncio
import os
import shutil
import time
from pathlib import Path

import pytest

from bot.core.model import AttemptId, ItemNumber, Person
from bot.core.say.problems.git import NoGit
from bot.errors import BranchMissing, PermanentError, TransientError
from bot.host import trees as module
from bot.host.folders import Folders
from bot.host.git import Git, Remotes
from bot.host.git import Remote as GitRemote
from bot.host.workspaces import GitWorkspaces
from bot.ports.host import Workspace, Workspaces
from tests.fakes import FakeClock, FakeWorkspaces
from tests.host.conftest import ATTEMPT, REPOSITORY
from tests.host.gitting import Host, Remote, git, host

pytestmark = pytest.mark.slow

ENVIRONMENT = {"PATH": os.environ["PATH"], "GITHUB_TOKEN": "not for git"}
OTHER = AttemptId("b7k2-15-1")
NUMBER = ItemNumber(61)
OTHERS = {"others.txt": "others\n"}
FILES = {"README.md": "Widgets\n", "src/app.py": "one\ntwo\nthree\n"}


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    remote = Remote.made_in(tmp_path_factory.mktemp("github"))
    remote.commit("main", FILES)
    remote.commit("batch/b7k2/12", {"src/app.py": "ONE\ntwo\nthree\n"}, start="main")
    remote.commit("batch/b7k2/15", {"new.txt": "new\n"}, start="main")
    remote.commit(
        "squashed", {"src/app.py": "ONE\ntwo\nthree\n", **OTHERS}, start="main"
    )
    remote.commit("stacked", {"work.txt": "work\n"}, start="batch/b7k2/12")
    remote.commit("batch/b7k2/18", {"src/app.py": "uno\ntwo\nthree\n"}, start="main")
    return remote


@pytest.fixture
def real(folders: Folders, remote: Remote) -> Host:
    return host(folders, str(remote.bare), ENVIRONMENT)


@pytest.fixture(params=["real", "fake"])
def workspaces(request, tmp_path: Path) -> Workspaces:
    if request.param == "real":
        made: Host = request.getfixturevalue("real")
        return made.workspaces
    branches = {
        "main": FILES,
        "batch/b7k2/12": {**FILES, "src/app.py": "ONE\ntwo\nthree\n"},
        "batch/b7k2/15": {**FILES, "new.txt": "new\n"},
        "squashed": {**FILES, "src/app.py": "ONE\ntwo\nthree\n", **OTHERS},
        "stacked": {**FILES, "src/app.py": "ONE\ntwo\nthree\n", "work.txt": "work\n"},
    }
    return FakeWorkspaces(tmp_path / "fake", branches)


def files(workspace: Workspace) -> Path:
    return Path(workspace.path)


def diff_of(workspace: Workspace) -> str:
    return Path(workspace.diff).read_text()


# --- the contract ------------------------------------------------------------------


async def test_a_workspace_has_the_files_of_its_branch(workspaces: Workspaces):
    workspace = await workspaces.create(ATTEMPT, REPOSITORY, base="batch/b7k2/12")
    assert (files(workspace) / "src/app.py").read_text() == "ONE\ntwo\nthree\n"
    assert len(workspace.base_sha) == 40


async def test_branches_are_merged_into_the_base(workspaces: Workspaces):
    merge = ["batch/b7k2/15"]
    workspace = await workspaces.create(ATTEMPT, REPOSITORY, base="main", merge=merge)
    assert (files(workspace) / "new.txt").read_text() == "new\n"
    assert await workspaces.commit(workspace, message="Nothing") is None


async def test_a_branch_that_does_not_exist_is_named(workspaces: Workspaces):
    with pytest.raises(PermanentError, match="no branch batch/none"):
        await workspaces.create(ATTEMPT, REPOSITORY, base="batch/none")


@pytest.fixture
async def head(request, workspaces: Workspaces) -> str:
    """The head of a pull request of a branch that its base has left behind."""
    if isinstance(workspaces, FakeWorkspaces):
        workspaces.branches[f"pull/{NUMBER}"] = workspaces.branches["batch/b7k2/12"]
        made = await workspaces.create(OTHER, REPOSITORY, base=f"pull/{NUMBER}")
        return made.base_sha
    remote: Remote = request.getfixturevalue("remote")
    sha = remote.head("batch/b7k2/12")
    git(remote.bare, "update-ref", f"refs/pull/{NUMBER}/head", sha)
    return sha


async def test_a_pull_request_is_looked_at_as_it_is(workspaces: Workspaces, head: str):
    workspace = await workspaces.check_out(
        ATTEMPT, REPOSITORY, number=NUMBER, head_sha=head, base="main"
    )
    assert (files(workspace) / "src/app.py").read_text() == "ONE\ntwo\nthree\n"
    assert workspace.base == "main"
    assert len(workspace.base_sha) == len(workspace.merge_base_sha) == 40
    assert workspace.changed == ("src/app.py",)
    assert "src/app.py" in diff_of(workspace)
    await workspaces.remove(ATTEMPT)
    assert not files(workspace).exists()


async def test_a_pull_request_at_another_commit_is_not_looked_at(
    workspaces: Workspaces, head: str
):
    with pytest.raises(BranchMissing, match="git does not find #61 at 0000000"):
        await workspaces.check_out(
            ATTEMPT, REPOSITORY, number=NUMBER, head_sha="0" * 40, base="main"
        )


async def test_a_reviewer_finds_head_base_and_where_they_parted(
    real: Host, remote: Remote
):
    parted = remote.head("main")
    head = remote.head("batch/b7k2/12")
    git(remote.bare, "update-ref", "refs/pull/61/head", head)
    base = remote.commit("main", {"later.txt": "later\n"})
    workspace = await real.workspaces.check_out(
        ATTEMPT, REPOSITORY, number=NUMBER, head_sha=head, base="main"
    )
    assert (workspace.base_sha, workspace.merge_base_sha) == (base, parted)
    assert not (files(workspace) / "later.txt").exists()
    own = files(workspace)
    assert git(own, "rev-parse", "HEAD", "origin/main") == f"{head}\n{base}"
    assert git(own, "status", "--porcelain") == ""
    diff = git(own, "diff", "--no-color", f"{parted}..HEAD")
    assert diff_of(workspace).strip() == diff


async def test_a_pull_request_without_a_common_past_is_compared_with_its_base(
    real: Host, remote: Remote
):
    git(remote.clone, "checkout", "-q", "--orphan", "alone")
    git(remote.clone, "commit", "-q", "-m", "Another past")
    head = remote.commit("alone", {"alone.txt": "alone\n"})
    git(remote.bare, "update-ref", "refs/pull/61/head", head)
    workspace = await real.workspaces.check_out(
        ATTEMPT, REPOSITORY, number=NUMBER, head_sha=head, base="main"
    )
    assert workspace.merge_base_sha == workspace.base_sha == remote.head("main")
    assert "alone.txt" in workspace.changed


async def test_what_changed_is_one_commit(workspaces: Workspaces):
    workspace = await workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / "README.md").unlink()
    (files(workspace) / "docs").mkdir()
    (files(workspace) / "docs/ünï\ncode.md").write_text("a\nb\n")
    change = await workspaces.commit(workspace, message="Implement #12")
    assert change is not None
    assert change.files == ("README.md", "docs/ünï\ncode.md")
    assert (change.insertions, change.deletions) == (2, 1)
    assert len(change.sha) == 40


async def test_an_edit_of_equal_size_in_the_same_second_is_not_lost(real: Host):
    """Git's index knows whole seconds: whoever copies it later must keep its time."""
    for _ in range(20):
        workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
        file = files(workspace) / "src/app.py"
        written_at = int(file.stat().st_mtime)
        file.write_text("one\ntwo\nTHREE\n")
        if int(file.stat().st_mtime) == written_at:
            break
        await real.workspaces.remove(ATTEMPT)
    await asyncio.sleep(1.01 - time.time() % 1)
    change = await real.workspaces.commit(workspace, message="Shout")
    assert change is not None
    assert change.files == ("src/app.py",)


async def test_nothing_changed_is_no_commit(workspaces: Workspaces):
    workspace = await workspaces.create(ATTEMPT, REPOSITORY, base="main")
    os.utime(files(workspace) / "README.md", (1, 1))
    assert await workspaces.commit(workspace, message="Nothing") is None


async def test_a_removed_workspace_is_gone_and_may_be_removed_again(
    workspaces: Workspaces,
):
    workspace = await workspaces.create(ATTEMPT, REPOSITORY, base="main")
    await workspaces.remove(ATTEMPT)
    await workspaces.remove(ATTEMPT)
    assert not files(workspace).exists()


async def test_a_workspace_made_again_is_fresh(workspaces: Workspaces):
    workspace = await workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / "left.txt").write_text("over")
    again = await workspaces.create(ATTEMPT, REPOSITORY, base="main")
    assert not (files(again) / "left.txt").exists()


async def test_all_are_removed_and_counted(workspaces: Workspaces):
    first = await workspaces.create(ATTEMPT, REPOSITORY, base="main")
    await workspaces.create(OTHER, REPOSITORY, base="main")
    assert await workspaces.remove_all() == 2
    assert await workspaces.remove_all() == 0
    assert not files(first).exists()


async def changed(
    workspaces: Workspaces, base: str, name: str, text: str
) -> tuple[Workspace, str]:
    workspace = await workspaces.create(ATTEMPT, REPOSITORY, base=base)
    (files(workspace) / name).write_text(text)
    change = await workspaces.commit(workspace, message="Change")
    assert change is not None
    return workspace, change.sha


async def test_a_change_moves_to_where_its_base_was_merged(workspaces: Workspaces):
    """The base was squashed into a branch that has moved on: only the change moves."""
    _, sha = await changed(workspaces, "batch/b7k2/15", "README.md", "Better\n")
    moved = await workspaces.rebase(ATTEMPT, REPOSITORY, sha, base="batch/b7k2/12")
    assert moved.sha not in ("", sha)
    assert (moved.base, moved.merged) == ("batch/b7k2/12", ())


async def test_a_branch_is_brought_to_where_its_base_was_squashed(
    workspaces: Workspaces,
):
    brought = await workspaces.bring(
        *(ATTEMPT, REPOSITORY, "stacked"),
        was="batch/b7k2/12",
        merged_sha="",
        onto="squashed",
    )
    assert brought.sha not in ("", brought.head_sha)


async def test_a_change_that_is_there_already_is_nothing_more(workspaces: Workspaces):
    text = "ONE\ntwo\nthree\n"
    _, sha = await changed(workspaces, "main", "src/app.py", text)
    moved = await workspaces.rebase(ATTEMPT, REPOSITORY, sha, base="batch/b7k2/12")
    assert moved.sha == ""


async def test_a_change_that_conflicts_where_it_moves_names_the_file(
    workspaces: Workspaces,
):
    _, sha = await changed(workspaces, "main", "src/app.py", "1\ntwo\nthree\n")
    onto = "batch/b7k2/12"
    with pytest.raises(PermanentError, match=f"conflicts with {onto} in src/app.py"):
        await workspaces.rebase(ATTEMPT, REPOSITORY, sha, base=onto)


async def test_what_was_added_and_removed_is_told_apart(workspaces: Workspaces):
    workspace = await workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / "README.md").rename(files(workspace) / "READ.md")
    change = await workspaces.commit(workspace, message="Rename")
    assert change is not None
    assert change.files == ("READ.md", "README.md")
    assert (change.added, change.removed) == (("READ.md",), ("README.md",))


# --- git ---------------------------------------------------------------------------


async def test_a_conflict_names_branch_and_files(real: Host):
    merge = ["batch/b7k2/12", "batch/b7k2/18"]
    expected = "batch/b7k2/18 conflicts in src/app.py"
    with pytest.raises(PermanentError, match=expected):
        await real.workspaces.create(ATTEMPT, REPOSITORY, base="main", merge=merge)


async def test_a_moved_change_has_the_files_of_both_and_its_own_message(
    real: Host, remote: Remote
):
    workspace, sha = await changed(
        real.workspaces, "batch/b7k2/15", "README.md", "Better\n"
    )
    onto = "batch/b7k2/12"
    moved = await real.workspaces.rebase(ATTEMPT, REPOSITORY, sha, base=onto)
    mirror = real.folders.mirror(REPOSITORY)
    assert git(mirror, "log", "-1", "--format=%P %s", moved.sha) == (
        f"{remote.head(onto)} Change"
    )
    assert git(mirror, "diff", "--name-only", f"{moved.sha}^", moved.sha) == "README.md"
    assert git(mirror, "rev-parse", f"refs/batch/{ATTEMPT}") == moved.sha
    assert workspace.base == "batch/b7k2/15"


async def test_a_change_moves_to_what_is_left_of_several_bases(
    real: Host, remote: Remote
):
    _, sha = await changed(real.workspaces, "batch/b7k2/15", "more.txt", "More\n")
    remote.commit("other", {"other.txt": "other\n"}, start="main")
    moved = await real.workspaces.rebase(
        ATTEMPT, REPOSITORY, sha, base="main", merge=["batch/b7k2/12", "other"]
    )
    assert moved.base == "main"
    assert moved.merged == ("batch/b7k2/12", "other")
    mirror = real.folders.mirror(REPOSITORY)
    assert git(mirror, "show", f"{moved.sha}:other.txt") == "other"
    assert git(mirror, "diff", "--name-only", f"{moved.sha}^", moved.sha) == "more.txt"
    git(remote.bare, "branch", "-D", "other")
    with pytest.raises(BranchMissing):
        await real.workspaces.rebase(ATTEMPT, REPOSITORY, sha, base="other")


async def test_a_branch_that_contains_the_others_is_stood_on(
    real: Host, remote: Remote
):
    remote.commit("later", {"more.txt": "more\n"}, start="batch/b7k2/15")
    merge = ["batch/b7k2/15", "later"]
    workspace = await real.workspaces.create(
        ATTEMPT, REPOSITORY, base="main", merge=merge
    )
    assert (workspace.base, workspace.merged) == ("later", ())
    assert workspace.base_sha == remote.head("later")
    mirror = real.folders.mirror(REPOSITORY)
    assert git(mirror, "rev-parse", f"refs/base/{ATTEMPT}") == workspace.base_sha


async def test_branches_that_are_in_the_base_are_not_merged(real: Host, remote: Remote):
    git(remote.clone, "checkout", "-q", "main")
    git(remote.clone, "merge", "-q", "--no-ff", "batch/b7k2/15", "-m", "Merge 15")
    git(remote.clone, "push", "-q", "origin", "main")
    one = await real.workspaces.create(
        ATTEMPT, REPOSITORY, base="main", merge=["batch/b7k2/15"]
    )
    assert (one.base, one.base_sha) == ("main", remote.head("main"))
    two = await real.workspaces.create(
        ATTEMPT, REPOSITORY, base="main", merge=["batch/b7k2/12", "batch/b7k2/15"]
    )
    assert (two.base, two.merged) == ("main", ("batch/b7k2/12",))
    assert (files(two) / "new.txt").exists()
    assert (files(two) / "src/app.py").read_text() == "ONE\ntwo\nthree\n"


def spy(folder: Path, failing: str, said: str) -> dict[str, str]:
    """Return an environment with a git that fails at one thing."""
    program = folder / "bin/git"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = {failing} ]; then echo "{said}" >&2; exit 128; fi\n'
        f'exec {shutil.which("git")} "$@"\n'
    )
    program.chmod(0o755)
    return {"PATH": f"{program.parent}:{os.environ['PATH']}"}


FULL = "fatal: write error: No space left on device"


async def test_a_full_disk_has_words_of_its_own(
    folders: Folders, remote: Remote, tmp_path: Path
):
    full = host(folders, str(remote.bare), spy(tmp_path, "read-tree", FULL))
    with pytest.raises(TransientError) as raised:
        await full.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    assert str(raised.value) == "the disk of this server is full"


@pytest.mark.parametrize(
    ("said", "shown"),
    [(FULL, "the disk of this server is full"), ("fatal: no idea", "no idea")],
)
async def test_a_fault_after_the_command_does_not_run_it_again(
    folders: Folders, remote: Remote, tmp_path: Path, said: str, shown: str
):
    broken = host(folders, str(remote.bare), spy(tmp_path, "write-tree", said))
    workspace = await broken.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / "README.md").write_text("Better\n")
    with pytest.raises(PermanentError, match=shown):
        await broken.workspaces.commit(workspace, message="Change")


@pytest.mark.parametrize(
    ("version", "fault"),
    [
        ("git version 2.38.0", ""),
        ("git version 3.0.1", ""),
        ("git version 2.39.5 (Apple Git-154)", ""),
        ("git version 2.30.2", "git 2.30 is too old: 2.38 or newer is needed"),
    ],
)
async def test_gits_version_is_looked_at(
    folders: Folders, tmp_path: Path, version: str, fault: str
):
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\necho '{version}'\n")
    program.chmod(0o755)
    tool = Git(environment={"PATH": f"{tmp_path}:/usr/bin:/bin"}, host=folders.host)
    assert str(await tool.fault() or "") == fault


async def test_a_server_without_git_is_told(folders: Folders, tmp_path: Path):
    tool = Git(environment={"PATH": str(tmp_path)}, host=folders.host)
    assert await tool.fault() == NoGit("2.38")


async def test_an_unreachable_remote_is_tried_again(folders: Folders):
    nobody = host(folders, "http://127.0.0.1:9/acme/widgets", ENVIRONMENT)
    assert not nobody.workspaces.is_away(REPOSITORY)
    with pytest.raises(TransientError, match="git fetch failed"):
        await nobody.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    assert nobody.workspaces.is_away(REPOSITORY)


async def test_a_refusal_shows_that_git_gets_through_again(
    real: Host, monkeypatch: pytest.MonkeyPatch
):
    async def nowhere(*_: object) -> GitRemote:
        return GitRemote("http://127.0.0.1:9/acme/widgets", "")

    with monkeypatch.context() as away:
        away.setattr(Remotes, "of", nowhere)
        with pytest.raises(TransientError):
            await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    assert real.workspaces.is_away(REPOSITORY)
    with pytest.raises(BranchMissing):
        await real.workspaces.create(ATTEMPT, REPOSITORY, base="nothing")
    assert not real.workspaces.is_away(REPOSITORY)


async def test_a_repository_that_is_gone_is_not_tried_again(
    folders: Folders, tmp_path: Path
):
    nothing = host(folders, str(tmp_path / "nothing"), ENVIRONMENT)
    with pytest.raises(PermanentError, match="acme/widgets cannot be cloned"):
        await nothing.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    assert not nothing.workspaces.is_away(REPOSITORY)


async def test_new_commits_of_a_branch_are_seen(real: Host, remote: Remote):
    await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    remote.commit("main", {"README.md": "Better widgets\n"})
    workspace = await real.workspaces.create(OTHER, REPOSITORY, base="main")
    assert (files(workspace) / "README.md").read_text() == "Better widgets\n"


async def test_a_branch_may_take_the_place_of_a_folder_of_branches(
    real: Host, remote: Remote
):
    await real.workspaces.create(ATTEMPT, REPOSITORY, base="batch/b7k2/12")
    git(remote.clone, "push", "-q", "origin", ":batch/b7k2/12", ":batch/b7k2/15")
    git(remote.clone, "push", "-q", "origin", ":batch/b7k2/18", "main:batch")
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="batch")
    assert (files(workspace) / "src/app.py").read_text() == "one\ntwo\nthree\n"


BOT = Person("batch-bot[bot]", "41+batch-bot[bot]@users.noreply.github.com")
ADA = Person("ada", "7+ada@users.noreply.github.com")


@pytest.mark.parametrize(
    ("signs_off", "trailers"),
    [
        (False, f"Co-authored-by: {ADA}"),
        (True, f"Co-authored-by: {ADA}\nSigned-off-by: {BOT}"),
    ],
)
async def test_the_commit_is_the_bots_and_names_who_asked(
    real: Host, folders: Folders, signs_off: bool, trailers: str
):
    mirrors = real.workspaces._mirrors
    workspaces = GitWorkspaces(
        folders, mirrors=mirrors, clock=FakeClock(), signs_off=signs_off
    )
    merge = ["batch/b7k2/12", "batch/b7k2/15"]
    workspace = await workspaces.create(
        ATTEMPT, REPOSITORY, base="main", merge=merge, author=BOT
    )
    (files(workspace) / "README.md").write_text("Changed\n")
    change = await workspaces.commit(
        workspace, message="Implement #12\n\nBatch b7k2\n", co_author=ADA
    )
    assert change is not None
    mirror = real.folders.mirror(REPOSITORY)
    by = f"{BOT} {BOT}"
    shown = git(mirror, "log", "-1", "--format=%an <%ae> %cn <%ce> %P", change.sha)
    assert shown == f"{by} {workspace.base_sha}"
    shown = git(mirror, "log", "-1", "--format=%an <%ae> %cn <%ce>", workspace.base_sha)
    assert shown == by
    body = git(mirror, "log", "-1", "--format=%B", change.sha)
    assert body == f"Implement #12\n\nBatch b7k2\n\n{trailers}"
    read = git(mirror, "log", "-1", "--format=%(trailers:unfold)", change.sha)
    assert read == trailers
    assert git(mirror, "rev-parse", f"refs/batch/{ATTEMPT}") == change.sha
    moved = await workspaces.rebase(ATTEMPT, REPOSITORY, change.sha, base=merge[0])
    assert git(mirror, "log", "-1", "--format=%an <%ae>", moved.sha) == str(BOT)
    own = git(files(workspace), "config", "--local", "user.email")
    assert own == BOT.address


async def test_who_commits_need_not_be_known(real: Host):
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / "README.md").write_text("Changed\n")
    change = await real.workspaces.commit(workspace, message="Change\n")
    assert change is not None
    mirror = real.folders.mirror(REPOSITORY)
    assert git(mirror, "log", "-1", "--format=%ae%n%B", change.sha) == (
        "batch-bot@users.noreply.github.com\nChange"
    )


async def test_a_commit_outlasts_a_restart_but_not_its_removal(real: Host):
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / "README.md").write_text("Changed\n")
    await real.workspaces.commit(workspace, message="Change")
    mirror = real.folders.mirror(REPOSITORY)
    await real.workspaces.remove_all()
    assert git(mirror, "for-each-ref", "refs/batch")
    await real.workspaces.remove(ATTEMPT)
    assert not git(mirror, "for-each-ref", "refs/batch")


async def test_locks_of_a_killed_git_are_taken_away_at_the_start(real: Host):
    await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    mirror = real.folders.mirror(REPOSITORY)
    (mirror / "packed-refs.lock").touch()
    (mirror / "HEAD.lock").touch()
    await real.workspaces.remove_all()
    assert not list(mirror.rglob("*.lock"))


async def test_a_mirror_that_was_half_made_when_the_bot_was_killed_is_made_again(
    real: Host, folders: Folders
):
    half = folders.mirrors / f"{REPOSITORY.id}.git.partial"
    half.mkdir(parents=True)
    (half / "HEAD").write_text("ref: refs/heads/main\n")
    assert await real.workspaces.remove_all() == 0
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    assert (files(workspace) / "README.md").exists()
    assert not half.exists()


async def test_ignored_files_stay_out(real: Host):
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / ".gitignore").write_text("build/\n")
    (files(workspace) / "build").mkdir()
    (files(workspace) / "build/out.o").write_text("binary")
    change = await real.workspaces.commit(workspace, message="Ignore")
    assert change is not None
    assert change.files == (".gitignore",)


async def test_names_that_are_no_text_are_still_committed(real: Host):
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / os.fsdecode(b"caf\xe9.txt")).write_text("latin\n")
    change = await real.workspaces.commit(workspace, message="Add a file")
    assert change is not None
    assert change.files == ("caf\ufffd.txt",)


async def test_a_large_file_is_refused_by_name(real: Host):
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    with (files(workspace) / "core.bin").open("wb") as file:
        file.truncate(module.MOST_FILE_BYTES + 1)  # sparse
    with pytest.raises(PermanentError, match="core.bin has 52 MB"):
        await real.workspaces.commit(workspace, message="Add core")


async def test_too_many_files_are_refused(real: Host, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 3)
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    for number in range(4):
        (files(workspace) / f"{number}.o").touch()
    with pytest.raises(PermanentError, match="4 files changed"):
        await real.workspaces.commit(workspace, message="Add objects")


async def test_a_link_out_of_the_tree_is_committed_as_a_link(
    real: Host, tmp_path: Path
):
    secret = tmp_path / "secret"
    secret.write_text("the private key")
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / "link").symlink_to(secret)
    (files(workspace) / "folder").symlink_to(tmp_path)
    change = await real.workspaces.commit(workspace, message="Link")
    assert change is not None
    assert change.files == ("folder", "link")
    mirror = real.folders.mirror(REPOSITORY)
    assert git(mirror, "show", f"{change.sha}:link") == str(secret)


# --- hostile commands --------------------------------------------------------------


async def test_nothing_in_a_workspace_runs_when_it_is_committed(
    real: Host, remote: Remote, tmp_path: Path
):
    """Hooks, filters, monitors and diff drivers of repositories left behind."""
    proof = tmp_path / "proof"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho ran >> {proof}\ncat\n")
    program.chmod(0o755)
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    root = files(workspace)
    (root / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    for place in (root, root / "vendor/inner"):
        place.mkdir(parents=True, exist_ok=True)
        git(place, "init", "-q")
        git(place, "config", "core.hooksPath", "/dev/null")  # not while it is made
        (place / "file.txt").write_text("content\n")
        git(place, "add", "file.txt")
        git(place, "commit", "-q", "-m", "Inner")
        for key in (
            "core.fsmonitor",
            "filter.evil.clean",
            "filter.evil.process",
            "diff.external",
            "diff.evil.textconv",
            "diff.evil.command",
            "core.sshCommand",
            "credential.helper",
            "gpg.program",
        ):
            git(place, "config", key, str(program))
        git(place, "config", "filter.evil.required", "true")
        for hook in ("pre-commit", "post-commit", "reference-transaction", "pre-push"):
            (place / ".git/hooks").mkdir(exist_ok=True)
            (place / ".git/hooks" / hook).symlink_to(program)
    proof.unlink(missing_ok=True)
    change = await real.workspaces.commit(workspace, message="Implement #12")
    assert change is not None
    assert change.files == (".gitattributes", "file.txt")
    assert [left.path for left in change.left_out] == ["vendor/inner/"]
    assert not proof.exists()


async def test_a_git_file_that_leads_elsewhere_leads_nowhere(
    real: Host, remote: Remote
):
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    shutil.rmtree(files(workspace) / ".git")
    (files(workspace) / ".git").write_text(f"gitdir: {remote.clone}/.git\n")
    (files(workspace) / "sub").mkdir()
    (files(workspace) / "sub/.GIT").symlink_to(remote.clone / ".git")
    with pytest.raises(PermanentError, match=r"left out: sub/\.GIT \("):
        await real.workspaces.commit(workspace, message="Nothing")
    assert (remote.clone / ".git/HEAD").exists()


async def test_a_folder_without_permissions_is_removed(real: Host):
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    (files(workspace) / "closed/inner").mkdir(parents=True)
    (files(workspace) / "closed").chmod(0)
    await real.workspaces.remove(ATTEMPT)
    assert not files(workspace).exists()


async def test_submodules_are_left_alone(real: Host, remote: Remote):
    sha = remote.head("main")
    entry = f"160000,{sha},libs/thing"
    git(remote.clone, "checkout", "-q", "main")
    git(remote.clone, "update-index", "--add", "--cacheinfo", entry)
    git(remote.clone, "commit", "-q", "-m", "Add a submodule")
    git(remote.clone, "push", "-q", "origin", "main")
    workspace = await real.workspaces.create(ATTEMPT, REPOSITORY, base="main")
    assert await real.workspaces.commit(workspace, message="Nothing") is None


async def test_workspaces_of_one_repository_are_made_at_the_same_time(
    real: Host, remote: Remote
):
    async def work(number: int) -> str:
        attempt = AttemptId(f"b7k2-{number}-1")
        workspace = await real.workspaces.create(attempt, REPOSITORY, base="main")
        (files(workspace) / f"{number}.txt").write_text("mine\n")
        change = await real.workspaces.commit(workspace, message=f"Item {number}")
        assert change is not None
        await real.workspaces.remove(attempt)
        return ",".join(change.files)

    changed = await asyncio.gather(*map(work, range(6)))
    assert changed == [f"{number}.txt" for number in range(6)]
