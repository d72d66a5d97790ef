"""What a command changed and git, or the kernel, does not take as it is."""

import pytest

from bot.errors import PermanentError
from bot.host.folders import Folders
from bot.host.isolation import Isolation
from tests.host.gitting import Remote, git
from tests.host.test_repository import FILES, Stage, stage_of

pytestmark = pytest.mark.slow

DEEP = 30
"""Folders of 200 letters in each other: with less than that a path ends."""


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    remote = Remote.made_in(tmp_path_factory.mktemp("github"))
    remote.commit("main", {**FILES, ".gitmodules": "# none\n"})
    return remote


@pytest.fixture
def plain(folders: Folders, remote: Remote, unprotected: Isolation) -> Stage:
    return stage_of(folders, remote, unprotected)


def nested(depth: int, last: str) -> str:
    """Return a script that writes a file so deep that no path leads there."""
    name = "d" * 200
    return (
        f"(i=0; while [ $i -lt {depth} ]; do mkdir {name}; cd -P {name} || exit 1;"
        f" i=$((i+1)); done; echo deep > {last})"
    )


REFUSED = {
    "a link for .gitmodules": "rm .gitmodules; ln -s README.md .gitmodules",
    "a short name of .git": "mkdir 'git~1'; echo x > 'git~1/x'",
    "another .git of macOS": "echo x > \"$(printf '.g\\342\\200\\214it')\"",
    "a folder too deep": nested(DEEP, "f"),
    "a file too deep": nested(20, "f" * 200),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_work_that_git_does_not_take_is_named_beside_the_rest(
    plain: Stage, case: str
):
    played = await plain.play(f"{REFUSED[case]}; echo x > y")
    assert played.change is not None
    assert played.change.files == ("y",)
    (left,) = played.change.left_out
    assert left.is_work
    assert len(left.path) < 100


@pytest.mark.parametrize("case", REFUSED)
async def test_work_that_git_does_not_take_is_never_no_change(plain: Stage, case: str):
    with pytest.raises(PermanentError, match="all that the command changed is left"):
        await plain.play(REFUSED[case])


async def test_a_large_file_with_a_name_that_git_refuses_is_named(
    plain: Stage, remote: Remote
):
    remote.commit("main", {".gitattributes": "*.psd filter=lfs -text\n"})
    played = await plain.play("mkdir 'git~1'; echo x | tee 'git~1/a.psd' > b.psd")
    assert played.change is not None
    assert played.change.files == ("b.psd",)
    assert [left.path for left in played.change.left_out] == ["git~1/a.psd"]


async def test_what_lies_too_deep_in_a_cache_is_part_of_it(plain: Stage):
    deep = nested(DEEP, "f")
    assert (
        await plain.play(f"mkdir node_modules; cd node_modules; {deep}")
    ).change is None


async def test_other_bytes_that_git_stores_as_the_same_are_no_change(
    plain: Stage, remote: Remote
):
    remote.commit("main", {".gitattributes": "* text=auto\n"})
    assert (await plain.play("printf 'Widgets\\r\\n' > README.md")).change is None


async def test_files_below_a_repository_of_the_commands_own_are_work(plain: Stage):
    played = await plain.play("git init -q src; echo x >> src/app.py; echo y > src/new")
    assert played.change is not None
    named = {*played.change.files, *(left.path for left in played.change.left_out)}
    assert named == {"src/app.py", "src/new"}


async def test_tracked_files_may_lie_as_deep_as_git_lets_them(
    plain: Stage, remote: Remote
):
    """Below the workspace their paths are longer than a path may be."""
    path = "/".join(["d" * 200] * 19) + "/" + "f" * 230
    blob = git(remote.clone, "hash-object", "-w", "README.md")
    entry = f"100644,{blob},{path}"
    git(remote.clone, "update-index", "--add", "--cacheinfo", entry)
    git(remote.clone, "commit", "-q", "-m", "Nest")
    git(remote.clone, "push", "-q", "origin", "main")
    assert (await plain.play("true")).change is None
    played = await plain.play(
        "find . -name 'ff*' -execdir sh -c 'echo x > \"$1\"' sh {} +"
    )
    assert played.change is not None
    assert played.change.files == (path,)


@pytest.mark.parametrize("made", ["mkfifo vendor/lib", "ln -s / vendor/lib"])
async def test_what_takes_a_submodules_place_is_no_reason_to_lose_other_work(
    plain: Stage, remote: Remote, made: str
):
    entry = f"160000,{remote.head('main')},vendor/lib"
    git(remote.clone, "update-index", "--add", "--cacheinfo", entry)
    git(remote.clone, "commit", "-q", "-m", "Add a submodule")
    git(remote.clone, "push", "-q", "origin", "main")
    played = await plain.play(f"rmdir vendor/lib; {made}; echo x > y")
    assert played.change is not None
    assert "y" in played.change.files
