"""The repository that a command stands in, and what it cannot change with it."""

import hashlib
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.core.effects import PushBranch
from bot.errors import PermanentError
from bot.host.commands import HostCommands
from bot.host.folders import Folders
from bot.host.isolation import Isolation, View
from bot.ports.host import Change, Workspace
from tests.fakes import FakeClock
from tests.host.conftest import ATTEMPT, REPOSITORY, bubblewrap_or_skip
from tests.host.gitting import Host, Remote, git, host

pytestmark = pytest.mark.slow

ENVIRONMENT = {"PATH": os.environ["PATH"]}
FILES = {"README.md": "Widgets\n", "src/app.py": "one\ntwo\nthree\n"}


@dataclass
class Played:
    """What came of a shell script that was run as the command."""

    code: int
    printed: list[str]
    workspace: Workspace
    change: Change | None = None


@dataclass
class Stage:
    """A host whose commands are shell scripts."""

    host: Host
    commands: HostCommands
    remote: Remote

    async def run(
        self, script: str, *, base: str = "main", merge: tuple[str, ...] = ()
    ) -> Played:
        workspace = await self.host.workspaces.create(
            ATTEMPT, REPOSITORY, base=base, merge=merge
        )
        printed: list[str] = []
        done = await self.commands.run(
            ATTEMPT,
            ["sh", "-c", script],
            workspace=workspace,
            inputs={},
            environment={},
            timeout_seconds=60,
            on_line=printed.append,
        )
        return Played(done.exit_code, printed, workspace)

    async def play(self, script: str) -> Played:
        """Run it, expect it to succeed, and commit what it did."""
        played = await self.run(script)
        assert played.code == 0, played.printed
        played.change = await self.host.workspaces.commit(
            played.workspace, message="Implement #12"
        )
        return played

    def show(self, name: str, change: Change | None) -> str:
        assert change is not None
        return git(self.host.folders.mirror(REPOSITORY), "show", f"{change.sha}:{name}")


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    remote = Remote.made_in(tmp_path_factory.mktemp("github"))
    remote.commit("main", {"README.md": "Widget\n"})
    remote.commit("main", FILES)
    return remote


@pytest.fixture(params=["bubblewrap", "none"])
def isolation(request, view: View, unprotected: Isolation) -> Isolation:
    return bubblewrap_or_skip(view) if request.param == "bubblewrap" else unprotected


def stage_of(folders: Folders, remote: Remote, isolation: Isolation) -> Stage:
    commands = HostCommands(
        folders, isolation=isolation, clock=FakeClock(), environment=ENVIRONMENT
    )
    return Stage(host(folders, str(remote.bare), ENVIRONMENT), commands, remote)


@pytest.fixture
def stage(folders: Folders, remote: Remote, isolation: Isolation) -> Stage:
    return stage_of(folders, remote, isolation)


@pytest.fixture
def plain(folders: Folders, remote: Remote, unprotected: Isolation) -> Stage:
    """Where isolation does not matter."""
    return stage_of(folders, remote, unprotected)


async def test_a_command_asks_git_and_works_on_a_branch_of_its_own(stage: Stage):
    played = await stage.play(
        """
        set -ex
        test "$(git rev-parse --show-toplevel)" = "$PWD"
        test -z "$(git status --porcelain)"
        test "$(git log --oneline | wc -l)" = 2
        test "$(git branch --show-current)" = main
        test "$(git rev-parse origin/main)" = "$(git rev-parse HEAD)"
        git blame README.md
        echo stashed >> README.md && git stash && git stash pop
        git checkout -q -b fix/issue
        sed -i '1s/$/ (fixed)/' src/app.py
        git add -A && git commit -q -m 'Fix the issue'
        git diff --stat origin/main
        git checkout -q main
        git merge -q fix/issue
        """
    )
    assert played.change is not None
    assert played.change.files == ("README.md", "src/app.py")
    assert stage.show("src/app.py", played.change).startswith("one (fixed)\n")


async def test_hooks_of_the_command_see_the_changed_files(stage: Stage):
    played = await stage.play(
        """
        printf '#!/bin/sh\\ngit diff --cached --name-only\\n' > .git/hooks/pre-commit
        chmod +x .git/hooks/pre-commit
        echo more >> README.md
        git commit -q -a -m More
        """
    )
    assert played.printed == ["README.md"]


@pytest.mark.parametrize(
    "script",
    [
        "echo fixed >> README.md; rm -rf .git",
        "echo fixed >> README.md; git add -A; git commit -q -m Fix",
        "echo fixed >> README.md; git add -A; git commit -q -m Fix; git checkout -q -b x",
        "echo fixed >> README.md; git rm -q -r --cached src; git gc -q --prune=now",
        "rm -rf .git; git init -q; git add -A; git -c user.name=a -c user.email=a@b "
        "commit -q -m Base; echo fixed >> README.md",
        "echo fixed >> README.md; git update-index --assume-unchanged README.md",
        "echo fixed >> README.md; git update-index --skip-worktree README.md",
        "echo fixed >> README.md; git config core.fsmonitor false; echo '*' "
        "> .git/info/exclude; git update-ref -d HEAD",
        "echo fixed >> README.md; echo gone > .git/HEAD; echo gone > .git/index",
        "git checkout -q -b x HEAD~1; git checkout -q main; echo fixed >> README.md",
    ],
)
async def test_nothing_done_to_its_repository_changes_the_result(
    plain: Stage, script: str
):
    played = await plain.play(script)
    assert played.change is not None
    assert played.change.files == ("README.md",)
    assert (played.change.insertions, played.change.deletions) == (1, 0)
    parent = git(
        plain.host.folders.mirror(REPOSITORY), "rev-parse", f"{played.change.sha}^"
    )
    assert parent == played.workspace.base_sha == plain.remote.head("main")


@pytest.mark.parametrize(
    "script",
    [
        ":",
        "find . -path ./.git -prune -o -type f -exec touch {} +",
        "cp README.md x; rm README.md; mv x README.md",
        "echo x >> README.md; git commit -q -a -m X; git reset -q --hard HEAD~1",
        "echo x >> README.md; git stash -q",
        "git commit -q --allow-empty -m Nothing; rm -rf .git",
        "git checkout -q HEAD~1; git checkout -q main",
        "mkdir -p empty/folder; mkfifo pipe",
        "mkdir new; mkfifo .gitignore src/.gitignore new/.gitattributes",
    ],
)
async def test_a_command_that_leaves_the_files_as_they_were_changed_nothing(
    plain: Stage, script: str
):
    assert (await plain.play(script)).change is None


async def test_git_climbs_into_no_other_repository(
    tmp_path: Path, remote: Remote, isolation: Isolation
):
    """The bot's data may lie in a checkout of something."""
    outer = tmp_path / "checkout"
    (outer / "data").mkdir(parents=True)
    git(outer, "init", "-q")
    stage = stage_of(Folders(outer / "data"), remote, isolation)
    played = await stage.run("rm -rf .git; git rev-parse --show-toplevel")
    assert played.code == 128
    assert "not a git repository" in played.printed[0]


async def test_the_objects_of_the_mirror_are_only_read(
    folders: Folders, remote: Remote, bubblewrap: Isolation
):
    stage = stage_of(folders, remote, bubblewrap)
    script = "cd $(cat .git/objects/info/alternates) && ! touch x && ls ../.."
    played = await stage.run(script)
    assert played.code == 0
    assert "mirrors" not in " ".join(played.printed)


# --- what is as it was ---------------------------------------------------------------

ODD = {
    "win/a.txt": b"one\r\ntwo\r\n",
    "mixed.txt": b"one\r\ntwo\n",
    "id/v.py": b"# $Id: 1234 $\n",
    "art/logo.psd": b"no pointer at all\n",
    "strings/en.strings": "h\xe9llo\n".encode(),
}
ATTRIBUTES = (
    "win/* text eol=crlf\n*.txt text=auto\nid/* ident\n*.psd filter=lfs diff=lfs -text\n"
    "*.strings working-tree-encoding=UTF-16 text\n"
)


def commit_bytes(remote: Remote, files: Mapping[str, bytes]) -> None:
    """Commit bytes as they are, whatever attributes say."""
    clone = remote.clone
    for name, data in files.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes(data)
        sha = git(clone, "hash-object", "-w", "--no-filters", "--", name)
        git(clone, "update-index", "--add", "--cacheinfo", f"100644,{sha},{name}")
    git(clone, "commit", "-q", "-m", "Bytes")
    git(clone, "push", "-q", "origin", "main")


@pytest.fixture
def odd(remote: Remote) -> None:
    commit_bytes(remote, {**ODD, ".gitattributes": ATTRIBUTES.encode()})


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("touch", ["", "find . -type f -exec touch {} +"])
async def test_files_that_no_conversion_brings_back_are_no_change(
    plain: Stage, touch: str
):
    assert (await plain.play(touch)).change is None


@pytest.mark.usefixtures("odd")
async def test_only_the_changed_file_is_converted(plain: Stage):
    played = await plain.play(
        "printf 'three\\r\\n' >> win/a.txt; printf 'new\\r\\n' > win/b.txt; "
        "iconv -f UTF-16 -t UTF-8 strings/en.strings | sed s/llo/y/ "
        "| iconv -t UTF-16 > s; mv s strings/en.strings"
    )
    assert played.change is not None
    changed = ("strings/en.strings", "win/a.txt", "win/b.txt")
    assert played.change.files == changed
    assert played.change.added == ("win/b.txt",)
    mirror = plain.host.folders.mirror(REPOSITORY)
    listed = git(mirror, "ls-tree", "-r", "-z", played.change.sha).split("\0")
    assert plain.show("strings/en.strings", played.change) == "h\xe9y"
    assert plain.show("win/b.txt", played.change) == "new"
    assert len(listed) == len(ODD) + 5


async def test_what_was_published_is_told_apart(plain: Stage):
    played = await plain.play(
        "git mv README.md READ.md; echo more >> src/app.py; chmod +x src/app.py"
    )
    assert played.change is not None
    assert played.change.added == ("READ.md",)
    assert played.change.removed == ("README.md",)
    assert played.change.files == ("READ.md", "README.md", "src/app.py")


async def test_types_may_change(plain: Stage, remote: Remote):
    for name in ("to-folder", "to-file"):
        (remote.clone / name).symlink_to("README.md")
    remote.commit("main", {"run.sh": "#!/bin/sh\n", "folder/a": "a\n", "pipe": "p\n"})
    played = await plain.play(
        """
        rm to-folder to-file; mkdir to-folder; echo x > to-folder/x; echo x > to-file
        rm README.md; ln -s run.sh README.md; chmod +x run.sh
        rm -r folder; echo now > folder; rm pipe; mkfifo pipe
        """
    )
    assert played.change is not None
    mirror = plain.host.folders.mirror(REPOSITORY)
    listed = git(mirror, "ls-tree", "-r", played.change.sha).splitlines()
    assert [f"{line.split(' ')[0]} {line.split()[-1]}" for line in listed] == [
        "120000 README.md",
        "100644 folder",
        "100755 run.sh",
        "100644 src/app.py",
        "100644 to-file",
        "100644 to-folder/x",
    ]


async def test_odd_names_are_kept(plain: Stage):
    played = await plain.play(
        "mkdir -p 'Straße'; for n in '-dash' ':colon[1]*' 'a b \\ c' 'Case' 'case' "
        "'Straße/Grüße' \"$(printf 'new\\nline')\"; do echo x > \"./$n\"; done"
    )
    assert played.change is not None
    assert set(played.change.files) == {
        *("-dash", ":colon[1]*", "a b \\ c", "Case", "case"),
        *("Straße/Grüße", "new\nline"),
    }


async def test_a_folder_behind_a_link_is_not_followed(plain: Stage, tmp_path: Path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else/app.py").write_text(FILES["src/app.py"])
    played = await plain.play(f"rm -r src; ln -s {tmp_path}/else src")
    assert played.change is not None
    assert played.change.files == ("src", "src/app.py")
    assert played.change.removed == ("src/app.py",)


@pytest.mark.parametrize(
    "script", ["rm -rf ./* ./.[!.]*", 'cd /; rm -rf "$OLDPWD"/* "$OLDPWD"/.git']
)
async def test_a_command_that_removes_everything_is_no_change_to_publish(
    stage: Stage, script: str
):
    with pytest.raises(PermanentError, match="removed all 2 files"):
        await stage.play(script)


@pytest.mark.parametrize("then", ["true", 'ln -s /etc "$OLDPWD"', '>"$OLDPWD"'])
async def test_a_workspace_that_is_gone_is_named(plain: Stage, then: str):
    with pytest.raises(PermanentError, match="removed the folder"):
        await plain.play(f'cd /; rm -rf "$OLDPWD"; {then}')


UNREADABLE = {
    "no such encoding": ("en.strings", "*.strings working-tree-encoding=UTF-99", "x"),
    "no mark": ("en.strings", "*.strings working-tree-encoding=UTF-16", "x"),
    "a mark": ("en.strings", "*.strings working-tree-encoding=UTF-16LE", "\\377\\376x"),
    "other bytes": ("en.strings", "*.strings working-tree-encoding=SHIFT-JIS", "\\377"),
    "all files": (".gitattributes", "* working-tree-encoding=UTF-16", "x"),
}


@pytest.mark.parametrize("case", UNREADABLE)
async def test_a_file_in_another_encoding_is_named_with_what_to_do(
    plain: Stage, case: str
):
    name, attributes, content = UNREADABLE[case]
    encoding = attributes.rpartition("=")[2]
    script = f"echo '{attributes}' > .gitattributes; printf '{content}' > en.strings"
    with pytest.raises(PermanentError, match=rf"{name} cannot be committed") as caught:
        await plain.play(script)
    assert f"does not read it as {encoding}," in str(caught.value)
    assert "`working-tree-encoding=" in caught.value.advice
    kept = plain.host.folders.logs / f"{ATTEMPT}.tar.gz"
    with tarfile.open(kept) as archive:
        archive.extractall(plain.host.folders.root, filter="data")
    kept_file = plain.host.folders.root / ".gitattributes"
    assert kept_file.read_text() == f"{attributes}\n"
    assert (plain.host.folders.root / "en.strings").exists()


async def test_a_file_that_is_called_like_damage_is_none(plain: Stage):
    script = (
        "echo '*.a working-tree-encoding=UTF-99' > .gitattributes; echo x > corrupt.a"
    )
    with pytest.raises(PermanentError, match=r"^corrupt\.a cannot be committed"):
        await plain.play(script)


async def test_an_encoding_without_a_name_is_no_reason_to_try_again(
    plain: Stage, remote: Remote
):
    with pytest.raises(PermanentError, match="without the name of one"):
        await plain.play(
            "echo '*.a working-tree-encoding' > .gitattributes; echo > x.a"
        )
    remote.commit("main", {".gitattributes": "*.a working-tree-encoding\n"})
    entry = f"100644,{git(remote.clone, 'hash-object', '-w', 'README.md')},x.a"
    git(remote.clone, "update-index", "--add", "--cacheinfo", entry)
    git(remote.clone, "commit", "-q", "-m", "Name no encoding")
    git(remote.clone, "push", "-q", "origin", "main")
    with pytest.raises(PermanentError, match="without the name of one"):
        await plain.play("true")


# --- filters -------------------------------------------------------------------------

LARGE = b"large" * 1000


async def test_large_files_become_pointers_whose_content_is_kept(
    plain: Stage, remote: Remote
):
    remote.commit("main", {".gitattributes": "*.psd filter=lfs -text\n"})
    played = await plain.play(
        "mkdir art; printf 'large%.0s' $(seq 1000) > 'art/new file.psd'; "
        "chmod +x 'art/new file.psd'; ln -s nowhere art/link.psd; : > art/empty.psd; "
        "echo text > a.txt"
    )
    assert played.change is not None
    oid = hashlib.sha256(LARGE).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 5000"
    assert plain.show("art/new file.psd", played.change) == pointer
    assert plain.show("art/link.psd", played.change) == "nowhere"
    assert plain.show("art/empty.psd", played.change) == ""
    mirror = plain.host.folders.mirror(REPOSITORY)
    mode = git(mirror, "ls-tree", played.change.sha, "art/new file.psd")
    assert mode.startswith("100755")
    kept = mirror.with_suffix(".lfs") / ATTEMPT / oid
    assert kept.read_bytes() == LARGE
    assert played.change.unfiltered == ()
    assert played.workspace.has_pointers
    await plain.host.workspaces.remove_all()
    assert kept.exists()
    push = PushBranch(REPOSITORY, "batch/b7k2/12", played.change.sha)
    with pytest.raises(PermanentError, match="cannot upload what is kept with Git LFS"):
        await plain.host.pusher.do(push)
    assert not remote.head("batch/b7k2/12")
    await plain.host.workspaces.remove(ATTEMPT)
    assert not kept.parent.exists()


async def test_large_files_that_no_commit_needs_go_at_the_start(
    plain: Stage, remote: Remote
):
    remote.commit("main", {"art/.gitattributes": "*.psd filter=lfs -text\n"})
    played = await plain.play("echo large > art/a.psd")
    store = plain.host.folders.mirror(REPOSITORY).with_suffix(".lfs")
    store.joinpath("killed-12-1").mkdir()
    store.joinpath("killed-12-1/0.partial").write_bytes(LARGE)
    await plain.host.workspaces.remove_all()
    assert [path.name for path in store.iterdir()] == [ATTEMPT]
    assert played.workspace.has_pointers


async def test_attributes_that_are_a_comment_make_no_pointers(
    plain: Stage, remote: Remote
):
    attributes = "# *.psd filter=lfs\n*.psd filter=lfsx\n"
    remote.commit("main", {".gitattributes": attributes})
    assert not (await plain.play("true")).workspace.has_pointers


async def test_a_pointer_that_a_command_writes_stays_one(plain: Stage, remote: Remote):
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 5\n"
    )
    files = {".gitattributes": "*.psd filter=lfs -text\n", "a.psd": pointer}
    remote.commit("main", files)
    rewrite = "touch a.psd; cat a.psd > b; cat b > a.psd; rm b"
    assert (await plain.play(rewrite)).change is None
    played = await plain.play("cp a.psd b.psd")
    assert plain.show("b.psd", played.change) == pointer.rstrip()


async def test_an_lfs_server_of_the_repositorys_own_gets_nothing(
    plain: Stage, remote: Remote
):
    lfs = {".lfsconfig": "[lfs]\n\turl = https://evil.example.org\n"}
    remote.commit("main", {".gitattributes": "*.psd filter=lfs\n", **lfs})
    with pytest.raises(PermanentError, match=r"a server that \.lfsconfig names"):
        await plain.play("echo x > a.psd")


async def test_filters_that_nobody_knows_are_named(plain: Stage, remote: Remote):
    remote.commit("main", {".gitattributes": "*.ipynb filter=nbstripout\n"})
    played = await plain.play("echo x > a.ipynb; echo x > b")
    assert played.change is not None
    assert played.change.unfiltered == ("a.ipynb (filter=nbstripout)",)


async def test_what_was_to_be_encrypted_is_not_published(plain: Stage, remote: Remote):
    remote.commit("main", {".gitattributes": "*.key filter=git-crypt\n"})
    with pytest.raises(PermanentError, match="a.key has to be encrypted"):
        await plain.play("echo x > a.key")


# --- leftovers -----------------------------------------------------------------------

BUILD = """
mkdir -p node_modules/left-pad/lib pkg/__pycache__ .pytest_cache/v target/debug .claude
mkdir -p .aider.tags.cache.v4 tools/.venv/bin tools/env vendor/inner
for i in $(seq 1 40); do echo $i > node_modules/left-pad/lib/$i.js; done
for f in pkg/__pycache__/a.cpython-311.pyc .pytest_cache/v/x target/debug/app \
    .aider.chat.history.md .aider.tags.cache.v4/c .claude/settings.local.json \
    tools/.venv/bin/pip tools/env/pyvenv.cfg; do echo x > $f; done
for f in .bashrc .gitconfig .gitmodules .profile .zshrc .mcp.json
do : > $f; chmod 444 $f; done
echo SECRET=abc > .env
git init -q vendor/inner; echo x > vendor/inner/x
"""


async def test_what_builds_and_agents_leave_is_left_out_and_named(plain: Stage):
    played = await plain.play(f"{BUILD} echo fixed >> README.md; echo new > pkg/new.py")
    assert played.change is not None
    assert played.change.files == ("README.md", "pkg/new.py")
    assert {left.path for left in played.change.left_out} == {
        *(".aider.chat.history.md", ".aider.tags.cache.v4/", ".pytest_cache/"),
        *(".bashrc", ".gitconfig", ".gitmodules", ".profile", ".zshrc", ".mcp.json"),
        *(".claude/settings.local.json", ".env", "node_modules/", "pkg/__pycache__/"),
        *("target/debug/", "tools/.venv/", "tools/env/", "vendor/inner/"),
    }


async def test_caches_alone_are_no_change(plain: Stage):
    assert (
        await plain.play("mkdir .pytest_cache; echo x > .pytest_cache/x")
    ).change is None


async def test_work_that_is_left_out_is_not_called_no_change(plain: Stage):
    with pytest.raises(PermanentError, match=r"left out: \.env \(may hold secrets\)"):
        await plain.play("echo SECRET=abc > .env")


async def test_a_name_that_git_does_not_take_is_named(plain: Stage):
    played = await plain.play("mkdir 'git~1'; echo x > 'git~1/x'; echo x > y")
    assert played.change is not None
    assert played.change.files == ("y",)
    assert [left.path for left in played.change.left_out] == ["git~1/x"]


# --- submodules ----------------------------------------------------------------------


@pytest.fixture
def submodule(remote: Remote) -> None:
    git(remote.clone, "checkout", "-q", "main")
    (remote.clone / ".gitmodules").write_text(
        '[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../lib\n'
    )
    git(remote.clone, "add", ".gitmodules")
    entry = f"160000,{remote.head('main')},vendor/lib"
    git(remote.clone, "update-index", "--add", "--cacheinfo", entry)
    git(remote.clone, "commit", "-q", "-m", "Add a submodule")
    git(remote.clone, "push", "-q", "origin", "main")


@pytest.mark.usefixtures("submodule")
@pytest.mark.parametrize("end", ["mkfifo .gitmodules", "ln -s /dev/zero .gitmodules"])
async def test_a_list_of_submodules_without_an_end_is_none(plain: Stage, end: str):
    played = await plain.play(f"rm -r vendor .gitmodules; {end}")
    assert played.change is not None
    assert "vendor/lib" in played.change.removed


@pytest.mark.usefixtures("submodule")
@pytest.mark.parametrize("script", [":", "rmdir vendor/lib", "rm -r vendor"])
async def test_a_submodule_outlives_its_folder(plain: Stage, script: str):
    assert (await plain.play(script)).change is None


@pytest.mark.usefixtures("submodule")
@pytest.mark.parametrize(
    "fill",
    [
        "mkdir vendor/lib/src; echo 1 > vendor/lib/src/f1.c",
        "cd vendor/lib; git init -q .; echo 1 > lib.c; git add -A; git -c user.name=a "
        "-c user.email=a@b commit -q -m Lib; cd ../..",
    ],
)
async def test_work_in_a_submodule_is_left_out_and_named(plain: Stage, fill: str):
    played = await plain.play(f"{fill}; echo x >> README.md")
    assert played.change is not None
    assert played.change.files == ("README.md",)
    assert [left.path for left in played.change.left_out] == ["vendor/lib/"]


@pytest.mark.usefixtures("submodule")
async def test_work_in_a_submodule_alone_is_not_no_change(plain: Stage):
    with pytest.raises(PermanentError, match="left out: vendor/lib/ .a submodule"):
        await plain.play("echo 'int fixed;' > vendor/lib/fix.c")


@pytest.mark.usefixtures("submodule")
async def test_a_submodule_goes_when_gitmodules_lets_it_go(plain: Stage):
    played = await plain.play("git rm -q -f vendor/lib")
    assert played.change is not None
    assert played.change.removed == ("vendor/lib",)


@pytest.mark.usefixtures("submodule")
async def test_a_file_may_take_a_submodules_place(plain: Stage):
    played = await plain.play("rmdir vendor/lib; echo x > vendor/lib")
    assert played.change is not None
    assert played.change.files == ("vendor/lib",)
