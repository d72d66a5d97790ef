"""Programs where people have them, run inside the isolation."""

import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.host import isolation as isolating
from bot.host.clock import SystemClock
from bot.host.commands import HostCommands
from bot.host.folders import Folders
from bot.host.isolation import Isolation, View, choose, reach
from bot.host.programs import trail_of
from bot.ports.host import Finished, Workspace
from tests.host.conftest import ATTEMPT, bubblewrap_or_skip

pytestmark = pytest.mark.slow

PATH = os.defpath
Run = Callable[..., object]


@pytest.fixture
def home(tmp_path: Path, monkeypatch) -> Path:
    """A home that is hidden from commands, as all of them are."""
    folder = tmp_path / "home" / "ada"
    folder.mkdir(parents=True)
    (folder / "private").write_text("private")
    monkeypatch.setattr(isolating, "_HOMES", (str(folder.parent),))
    return folder


@pytest.fixture
def isolation(home: Path, folders: Folders) -> Isolation:
    return bubblewrap_or_skip(View(hidden=(folders.root,)))


def write(path: Path, text: str, *, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def link(path: Path, target: str | Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


async def run(
    folders: Folders,
    workspace: Workspace,
    isolation: Isolation,
    *argv: str,
    path: str = PATH,
    **more,
) -> Finished:
    has_caches = bool(more)
    commands = HostCommands(
        folders,
        isolation=isolation,
        clock=SystemClock(),
        environment={"PATH": path},
        has_caches=has_caches,
    )
    return await commands.run(
        ATTEMPT,
        argv,
        workspace=workspace,
        inputs={},
        environment={},
        timeout_seconds=30,
        on_line=lambda line: None,
        **more,
    )


def one_file(home: Path) -> tuple[str, str]:
    """As Claude Code installs itself: a link to one file of a version."""
    version = write(
        home / ".local/share/claude/versions/2.1", "#!/bin/sh\necho works\n"
    )
    return str(link(home / ".local/bin/claude", version)), PATH


def through_folders(home: Path) -> tuple[str, str]:
    write(home / "tools/v2/agent", "#!/bin/sh\necho works\n")
    link(home / "tools/current", "v2")
    link(home / "bin/first", "../tools/current/agent")
    return str(link(home / "agent", "bin/first")), PATH


def npm(home: Path) -> tuple[str, str]:
    """A package with another beside it, run by an interpreter of nvm's."""
    node = '#!/bin/sh\ncat "$(dirname "$(readlink -f "$1")")/../../dep/words"\n'
    write(home / ".nvm/versions/node/v22/bin/somenode", node)
    packages = home / ".npm-global/lib/node_modules"
    write(packages / "@openai/codex/bin/codex.js", "#!/usr/bin/env somenode\n")
    write(packages / "@openai/dep/words", "works\n")
    link(
        home / ".npm-global/bin/codex",
        "../lib/node_modules/@openai/codex/bin/codex.js",
    )
    path = f"{home}/.npm-global/bin:{home}/.nvm/versions/node/v22/bin:{PATH}"
    return "codex", path


def virtual_environment(home: Path) -> tuple[str, str]:
    """As pipx and uv have tools: a link into an environment of their own."""
    folder = home / ".local/share/pipx/venvs/aider"
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "aider_words.py").write_text("print('works')\n")
    script = f"#!{folder}/bin/python\nimport aider_words\n"
    write(folder / "bin/aider", script)
    return str(link(home / ".local/bin/aider", folder / "bin/aider")), PATH


def interpreter_first(home: Path) -> tuple[str, ...]:
    write(home / "agents/own.py", "print('works')\n", mode=0o644)
    return sys.executable, PATH, str(home / "agents/own.py")


def in_a_shell(home: Path) -> tuple[str, ...]:
    program, path = one_file(home)
    script = f"cd . && exec '{Path(program).name}' --flag \"$BATCH_ITEM_FILE\""
    return "sh", f"{Path(program).parent}:{path}", "-c", script


@pytest.mark.parametrize(
    "made",
    [
        in_a_shell,
        one_file,
        through_folders,
        npm,
        virtual_environment,
        interpreter_first,
    ],
)
async def test_a_program_of_a_home_directory_runs(
    home: Path, isolation: Isolation, folders: Folders, workspace: Workspace, made
):
    program, path, *words = made(home)
    assert reach(isolation, [program, *words], path) == isolating.Reach()
    done = await run(folders, workspace, isolation, program, *words, path=path)
    assert (done.exit_code, done.log_tail) == (0, ("works",))


async def test_nothing_else_of_the_home_shows(
    home: Path, isolation: Isolation, folders: Folders, workspace: Workspace
):
    write(home / ".local/share/keys/key", "private")
    looks = f"#!/bin/sh\nfind {home} -type f; cat {home}/private\n"
    version = write(home / ".local/share/agent/1.0", looks)
    program = link(home / ".local/bin/agent", version)
    done = await run(folders, workspace, isolation, str(program))
    listed, refused = done.log_tail
    assert listed == str(version)
    assert "No such file" in refused


@pytest.mark.parametrize("is_shown", [False, True])
async def test_what_is_shown_can_be_read_and_not_changed(
    home: Path, folders: Folders, workspace: Workspace, is_shown: bool
):
    """A wrapper that starts what lies elsewhere, as some installers leave one."""
    write(home / ".agent/deep/program", "#!/bin/sh\necho works; echo x > $0\n")
    wrapper = write(home / "agent", f'#!/bin/sh\nexec "{home}/.agent/deep/program"\n')
    visible = (home / ".agent",) if is_shown else ()
    isolation = bubblewrap_or_skip(View((folders.root,), visible))
    found = reach(isolation, [str(wrapper)], PATH)
    done = await run(folders, workspace, isolation, str(wrapper))
    assert found.faults == ()
    if is_shown:
        assert found.doubts == ()
        assert done.log_tail[0] == "works"
        assert "Read-only" in done.log_tail[1]
    else:
        (doubt,) = found.doubts
        assert (
            f"{wrapper} mentions {home}/.agent/deep/program, which is hidden" in doubt
        )
        assert f"`show: [{home}/.agent/deep]`" in doubt
        assert done.exit_code == 127


async def test_the_data_of_the_bot_stays_hidden_in_a_folder_that_is_shown(
    home: Path, workspace: Workspace, folders: Folders
):
    data = home / "work/bot/data"
    write(data / "batch.db", "the database")
    write(home / "work/tool", "#!/bin/sh\nls $(dirname $0) $(dirname $0)/bot/data\n")
    isolation = bubblewrap_or_skip(View((folders.root, data), (home / "work",)))
    done = await run(folders, workspace, isolation, str(home / "work/tool"))
    assert "tool" in done.log_tail
    assert "batch.db" not in done.log_tail


def faults_of(*argv: str, path: str = PATH) -> list[str]:
    return trail_of(argv, path).faults


def test_what_is_not_there_is_said_with_the_word_of_the_command(tmp_path: Path):
    (fault,) = faults_of("no-such-agent", "-p")
    assert fault.startswith("no-such-agent is not on the PATH that commands get (")
    assert faults_of(f"{tmp_path}/agent") == [f"{tmp_path}/agent does not exist"]
    link(tmp_path / "dangling", "versions/3")
    assert faults_of(f"{tmp_path}/dangling") == [
        f"{tmp_path}/dangling leads to versions/3, which does not exist"
    ]
    link(tmp_path / "circle", "circle")
    assert "does not exist" in faults_of(f"{tmp_path}/circle")[0]
    write(tmp_path / "text", "x", mode=0o644)
    assert "chmod +x" in faults_of(f"{tmp_path}/text")[0]
    assert "is no program" in faults_of(str(tmp_path))[0]
    write(tmp_path / "script", "#!/usr/bin/env -S no-such-node --flag\n")
    assert faults_of(f"{tmp_path}/script")[0].startswith(
        f"{tmp_path}/script wants no-such-node, which is not on the PATH"
    )
    write(tmp_path / "old", f"#!{tmp_path}/gone/bin/python\n")
    assert faults_of(f"{tmp_path}/old") == [
        f"{tmp_path}/old wants {tmp_path}/gone/bin/python, which does not exist"
    ]


def test_what_lies_in_the_repository_is_not_looked_for_before_there_is_one():
    assert faults_of("scripts/fix.sh", "/no/such/file") == []


def test_a_link_that_is_changed_is_followed_anew(
    home: Path, isolation: Isolation, folders: Folders
):
    """Agents update themselves: the version of the start is gone then."""
    one_file(home)
    program = home / ".local/bin/claude"
    new = write(home / ".local/share/claude/versions/2.2", "#!/bin/sh\necho works\n")
    program.unlink()
    link(program, new)
    (home / ".local/share/claude/versions/2.1").unlink()
    assert reach(isolation, [str(program)], PATH) == isolating.Reach()


async def test_a_cache_stays_and_the_rest_of_the_home_goes(
    home: Path, isolation: Isolation, folders: Folders, workspace: Workspace
):
    script = (
        "ls -A ~ $XDG_CACHE_HOME | tr '\\n' ' '; echo; "
        "echo x > ~/.cache/kept; echo x > $npm_config_cache-too; echo x > ~/gone"
    )
    argv = ("sh", "-c", script)
    for kept in ([], ["kept", "npm-too"]):
        done = await run(folders, workspace, isolation, *argv, cache="7-implement")
        cache = str(folders.cache("7-implement"))
        shown = done.log_tail[0].split()
        assert shown[0] in (f"{cache}:", f"{folders.attempt(ATTEMPT).home}:")
        assert [name for name in shown if name in ("kept", "npm-too")] == kept
        assert "gone" not in shown
        folders.discard(folders.attempt(ATTEMPT).home)
    done = await run(folders, workspace, isolation, *argv, cache="8-implement")
    assert "kept" not in done.log_tail[0].split()
    none = await run(
        folders, workspace, isolation, "sh", "-c", "echo [$XDG_CACHE_HOME]"
    )
    assert none.log_tail == ("[]",)


def test_python_itself_is_a_prefix_and_no_home_is(tmp_path: Path):
    base = Path(sys.base_prefix).resolve()
    assert base in trail_of([f"{base}/bin/python3"], PATH).places
    write(tmp_path / ".local/bin/tool", "#!/bin/sh\n")
    write(tmp_path / ".local/lib/python3.11/site-packages/x.py", "")
    places = trail_of([f"{tmp_path}/.local/bin/tool"], PATH).places
    assert tmp_path / ".local" not in places
    assert tmp_path / ".local/bin/tool" in places


def test_the_isolation_off_needs_no_showing(home: Path):
    program, path = one_file(home)
    off = choose("off", View())
    assert reach(off, [program], path) == isolating.Reach()
    assert subprocess.run([program], check=False).returncode == 0  # noqa: S603 - ours
