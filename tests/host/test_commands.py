import asyncio
import os
import signal
import socket
import sys
import textwrap
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from bot.core.model import AttemptId
from bot.core.remarks import Written
from bot.core.say.problems.server import ProgramGone
from bot.core.world.exits import signal_words
from bot.core.world.redaction import Secrets
from bot.host import isolation
from bot.host.clock import SystemClock
from bot.host.commands import CANNOT_START, HostCommands
from bot.host.folders import Folders
from bot.host.isolation import Isolation, View, choose
from bot.host.nursery import NURSERY
from bot.host.process import (
    AUTHORITIES,
    HOST_MARKER,
    INHERITED,
    PROXIES,
    ProcessLimits,
    Tree,
    end_tree,
)
from bot.ports.host import OUTPUT_BYTES, Commands, Finished, Workspace
from tests.fakes import Call, FakeClock, FakeCommands
from tests.host.conftest import ATTEMPT

pytestmark = pytest.mark.slow

SECRET = "v1.0123456789abcdef"  # noqa: S105 - opens nothing
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LANG": "C.UTF-8",
    "WEBHOOK_SECRET": SECRET,
    "PRIVATE_KEY": SECRET,
}
OTHER = AttemptId("b7k2-15-1")


def real(folders: Folders, isolation: Isolation, **more) -> HostCommands:
    return HostCommands(
        folders,
        isolation=isolation,
        clock=SystemClock(),
        environment=ENVIRONMENT,
        secrets=Secrets([SECRET]),
        **more,
    )


@pytest.fixture(params=["bubblewrap", "unprotected"])
def host_commands(request, folders: Folders) -> HostCommands:
    return real(folders, request.getfixturevalue(request.param))


@pytest.fixture
def isolated(folders: Folders, bubblewrap: Isolation) -> HostCommands:
    return real(folders, bubblewrap)


async def run(
    commands: Commands,
    workspace: Workspace,
    *argv: str,
    timeout_seconds: float = 30,
    on_line: Callable[[str], None] = lambda line: None,
    attempt: AttemptId = ATTEMPT,
) -> Finished:
    return await commands.run(
        attempt,
        argv,
        workspace=workspace,
        inputs={"item.json": '{"number": 12}'},
        environment={"BATCH_ITEM": "12"},
        timeout_seconds=timeout_seconds,
        on_line=on_line,
    )


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", textwrap.dedent(script))


async def until(condition: Callable[[], object]) -> None:
    """Wait for something outside: at most five seconds of real time."""
    for _ in range(250):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it never came true")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# --- the contract ------------------------------------------------------------------


async def says_and_fails(call: Call) -> int:
    call.say("first")
    call.say("last")
    return 3


async def answers(call: Call) -> int:
    call.output["result.json"] = '{"title": "' + call.environment["BATCH_ITEM"] + '"}'
    return 0


async def hangs(call: Call) -> int:
    call.say("hanging")
    await call.clock.sleep(10**6)
    return 0


PROGRAMS = {"says": says_and_fails, "answers": answers, "hangs": hangs}
SCRIPTS = {
    "says": "echo first; echo last >&2; exit 3",
    "answers": """echo "{\\"title\\": \\"$BATCH_ITEM\\"}" > "$BATCH_OUTPUT/result.json" """,
    "hangs": "echo hanging; exec sleep 1000",
}


class Harness:
    """Both sides of the contract: the commands, and how a program is named."""

    def __init__(self, commands: Commands, clock: FakeClock | None) -> None:
        self.commands = commands
        self._clock = clock

    def argv(self, name: str) -> tuple[str, ...]:
        return (name,) if self._clock else ("sh", "-c", SCRIPTS[name])

    async def after(self, seconds: float, task: asyncio.Task[Finished]) -> Finished:
        if self._clock:
            await self._clock.advance(seconds)
        return await task


@pytest.fixture(params=["bubblewrap", "unprotected", "fake"])
def harness(request, folders: Folders) -> Harness:
    if request.param == "fake":
        clock = FakeClock()
        return Harness(FakeCommands(clock, PROGRAMS), clock)
    return Harness(real(folders, request.getfixturevalue(request.param)), None)


async def test_a_command_ends_with_its_code_and_its_lines(
    harness: Harness, workspace: Workspace
):
    lines: list[str] = []
    argv = harness.argv("says")
    done = await run(harness.commands, workspace, *argv, on_line=lines.append)
    assert done == Finished(3, False, ("first", "last"))
    assert lines == ["first", "last"]


async def test_a_command_answers_in_files(harness: Harness, workspace: Workspace):
    done = await run(harness.commands, workspace, *harness.argv("answers"))
    assert done.exit_code == 0
    answer = await harness.commands.output(ATTEMPT, "result.json")
    assert answer is not None
    assert answer.text.strip() == '{"title": "12"}'
    assert await harness.commands.output(ATTEMPT, "nothing.json") is None


async def test_a_command_that_takes_too_long_is_killed(
    harness: Harness, workspace: Workspace
):
    argv = harness.argv("hangs")
    task = asyncio.create_task(
        run(harness.commands, workspace, *argv, timeout_seconds=0.6)
    )
    done = await harness.after(0.6, task)
    assert done.timed_out
    assert done.exit_code != 0
    assert done.log_tail == ("hanging",)


async def test_a_command_can_be_killed_and_its_run_returns(
    harness: Harness, workspace: Workspace
):
    lines: list[str] = []
    argv = harness.argv("hangs")
    task = asyncio.create_task(
        run(harness.commands, workspace, *argv, on_line=lines.append)
    )
    await until(lambda: lines)
    await harness.commands.kill(ATTEMPT)
    done = await task
    assert not done.timed_out
    assert done.exit_code != 0


async def test_cancelling_the_run_kills_the_command(
    harness: Harness, workspace: Workspace
):
    lines: list[str] = []
    argv = harness.argv("hangs")
    others = psutil.Process().children(recursive=True)
    task = asyncio.create_task(
        run(harness.commands, workspace, *argv, on_line=lines.append)
    )
    await until(lambda: lines)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = psutil.Process().children(recursive=True)
    assert [p for p in left if p not in others and p.pid != NURSERY.pid] == []


async def test_killing_what_does_not_run_is_no_error(harness: Harness):
    await harness.commands.kill(ATTEMPT)
    assert await harness.commands.kill_orphans() == 0


def test_the_isolation_is_named(harness: Harness):
    assert harness.commands.isolation


# --- real processes ----------------------------------------------------------------


async def test_the_command_finds_its_item_and_a_clean_environment(
    host_commands: HostCommands, workspace: Workspace, folders: Folders
):
    script = (
        'cat "$BATCH_ITEM_FILE"; echo; pwd; env | cut -d= -f1 | sort | tr "\\n" " "'
    )
    done = await run(host_commands, workspace, "sh", "-c", script)
    item, where, names = done.log_tail
    assert item == '{"number": 12}'
    assert where == str(workspace.path)
    expected = {
        *("BATCH_ATTEMPT", "BATCH_HOST", "BATCH_INPUT", "BATCH_ITEM"),
        *("BATCH_ITEM_FILE", "BATCH_OUTPUT", "HOME", "LANG", "PATH", "PWD", "TMPDIR"),
        "GIT_CEILING_DIRECTORIES",
    }
    # Some shells add their own.
    assert set(names.split()) - {"SHLVL", "_", "OLDPWD"} == expected


async def test_the_operator_may_give_commands_a_variable(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    commands = real(folders, unprotected, extra={"MODEL_KEY": "for the agent"})
    done = await run(commands, workspace, "sh", "-c", 'echo "$MODEL_KEY"')
    assert done.log_tail == ("for the agent",)


async def test_proxies_and_authorities_reach_commands_that_have_a_network(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    given = {"https_proxy": "http://proxy:3128", "NODE_EXTRA_CA_CERTS": "/etc/ca.pem"}
    printed = []
    for inherits in (INHERITED, (*INHERITED, *PROXIES, *AUTHORITIES)):
        commands = HostCommands(
            folders,
            isolation=unprotected,
            clock=SystemClock(),
            environment={**ENVIRONMENT, **given},
            inherits=inherits,
        )
        script = 'echo "$https_proxy $NODE_EXTRA_CA_CERTS"'
        done = await run(commands, workspace, "sh", "-c", script)
        printed.append(done.log_tail)
    assert printed == [(), ("http://proxy:3128 /etc/ca.pem",)]


async def test_a_secret_does_not_show_in_lines_log_or_tail(
    host_commands: HostCommands, workspace: Workspace
):
    lines: list[str] = []
    script = f"echo token {SECRET}"
    done = await run(host_commands, workspace, "sh", "-c", script, on_line=lines.append)
    assert done.log_tail == tuple(lines) == ("token [redacted]",)
    assert await host_commands.log(ATTEMPT) == "token [redacted]\n"
    assert await host_commands.log(OTHER) is None


async def test_logs_are_kept_for_a_month(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    commands = real(folders, unprotected)
    for attempt, days in ((AttemptId("a1a1-1-1"), 31), (AttemptId("a1a1-2-1"), 29)):
        await run(commands, workspace, "true")
        folders.log(attempt).write_text("old\n")
        then = (SystemClock().now() - timedelta(days=days)).timestamp()
        os.utime(folders.log(attempt), (then, then))
    await run(real(folders, unprotected), workspace, "true")  # it looks once an hour
    assert await commands.log(AttemptId("a1a1-1-1")) is None
    assert await commands.log(AttemptId("a1a1-2-1")) == "old\n"


async def test_a_command_that_does_not_exist_is_named(
    host_commands: HostCommands, workspace: Workspace
):
    done = await run(host_commands, workspace, "no-such-agent", "-p")
    assert done.exit_code == CANNOT_START
    assert done.fault == ProgramGone("no-such-agent")
    own = await run(host_commands, workspace, "sh", "-c", "sometool --version")
    assert (own.exit_code, own.fault) == (127, None)
    assert "sometool: not found" in own.log_tail[0]


async def test_what_a_command_leaves_in_the_background_dies_with_it(
    host_commands: HostCommands, workspace: Workspace, folders: Folders
):
    """A plain child, one in a session of its own, and a real daemon."""
    script = """
        import os, subprocess, sys
        wait = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]
        subprocess.Popen(wait)
        subprocess.Popen(wait, start_new_session=True)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv(wait[0], wait)
            os._exit(0)
        os.wait()
        print("done", flush=True)
    """
    done = await run(host_commands, workspace, *python(script))
    assert done.exit_code == 0
    assert done.log_tail == ("done",)
    assert Tree({HOST_MARKER: folders.host}).processes() == []


async def test_a_command_that_ignores_the_first_signal_is_killed(
    host_commands: HostCommands, workspace: Workspace
):
    script = """
        import os, signal, time
        signal.signal(signal.SIGTERM, lambda *_: os.write(1, b"not yet\\n"))
        print("ready", flush=True)
        while True:
            time.sleep(1)
    """
    lines: list[str] = []
    task = asyncio.create_task(
        run(host_commands, workspace, *python(script), on_line=lines.append)
    )
    await until(lambda: lines)
    tree = host_commands._tree(ATTEMPT)
    began = SystemClock().monotonic()

    class Patient(SystemClock):
        """Time that stands still until the command has answered."""

        def monotonic(self) -> float:
            return super().monotonic() if lines[1:] else began

    async with asyncio.timeout(60):
        await end_tree(tree, Patient(), grace_seconds=0.3)
    done = await task
    assert done.exit_code != 0
    # The guard may ask it once more, as a leftover of the wrapper that was killed first.
    assert (lines[0], {*lines[1:]}) == ("ready", {"not yet"})
    assert tree.processes() == []


@pytest.mark.parametrize("how", ["ends", "is killed"])
async def test_nobody_elses_environment_is_read_where_the_isolation_holds_it_all(
    isolated: HostCommands,
    workspace: Workspace,
    folders: Folders,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
):
    looked: list[int] = []
    environ = psutil.Process.environ

    def look(process: psutil.Process) -> dict[str, str]:
        looked.append(process.pid)
        return environ(process)

    monkeypatch.setattr(psutil.Process, "environ", look)
    background = "sleep 1000 & setsid sleep 1000 & echo ready"
    script = background if how == "ends" else f"{background}; sleep 1000"
    lines: list[str] = []
    task = asyncio.create_task(
        run(isolated, workspace, "sh", "-c", script, on_line=lines.append)
    )
    await until(lambda: lines)
    if how == "is killed":
        await isolated.kill(ATTEMPT)
    await task
    assert looked == []
    # Asked of everybody now, with all their environments: nothing of it is left.
    assert Tree({HOST_MARKER: folders.host}).processes() == []
    assert looked


async def test_no_process_is_looked_at_once_a_guard_has_ended_all(
    host_commands: HostCommands, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Tree, "processes", lambda _: pytest.fail("they are looked at"))
    assert (await run(host_commands, workspace, "true")).exit_code == 0
    await host_commands.kill(ATTEMPT)
    await host_commands.kill(OTHER)


async def test_orphans_of_an_earlier_bot_are_killed(
    folders: Folders, unprotected: Isolation
):
    wait = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]
    marked = {"PATH": os.defpath, HOST_MARKER: folders.host}
    other = {"PATH": os.defpath, HOST_MARKER: "another bot on this machine"}
    orphan = await asyncio.create_subprocess_exec(
        *wait, env=marked, start_new_session=True
    )
    stranger = await asyncio.create_subprocess_exec(*wait, env=other)
    try:
        assert await real(folders, unprotected).kill_orphans() == 1
        assert await orphan.wait() in (-signal.SIGTERM, -signal.SIGKILL)
        assert alive(stranger.pid)
    finally:
        for process in (orphan, stranger):
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("echo about to crash; kill -SEGV $$", 139, "SIGSEGV"),
        ("kill -TERM $$", 143, "SIGTERM"),
        ("kill -9 $$", 137, "SIGKILL"),
        ("echo rate limited by the model; exit 75", 75, ""),
        ("echo fine so far; sometool --version", 127, ""),
        ("exit 129", 129, "SIGHUP"),
    ],
)
async def test_how_a_command_ended_is_told_alike_in_every_isolation(
    host_commands: HostCommands,
    workspace: Workspace,
    script: str,
    code: int,
    words: str,
):
    done = await run(host_commands, workspace, "sh", "-c", script)
    assert done.exit_code in (code, 128 - code)
    assert signal_words(done.exit_code).partition(":")[0] == words
    assert not done.fault


async def test_a_command_that_asks_is_answered_by_nobody_and_has_no_terminal(
    host_commands: HostCommands, workspace: Workspace
):
    script = """
        import os, sys
        try:
            input("Continue? [y/N] ")
        except EOFError:
            print("nobody")
        print(*(os.isatty(stream) for stream in range(3)))
        try:
            open("/dev/tty")
        except OSError:
            print("none")
    """
    done = await run(host_commands, workspace, *python(script), timeout_seconds=20)
    assert done.log_tail == ("Continue? [y/N] nobody", "False False False", "none")


async def test_limits_are_set_before_the_command_starts(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    limits = ProcessLimits(open_files=64, file_bytes=4096, data_bytes=2**30)
    commands = real(folders, unprotected, limits=limits)
    script = "ulimit -n; ulimit -c; head -c 10000 /dev/zero > big; wc -c < big"
    done = await run(commands, workspace, "sh", "-c", script)
    assert done.log_tail[0] == "64"
    assert done.log_tail[1] == "0"
    assert done.log_tail[-1] == "4096"


async def test_only_plain_files_are_read_from_the_output(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    commands = real(folders, unprotected)
    script = """
        cd "$BATCH_OUTPUT"
        ln -s ../../../batch.db link.json
        mkfifo fifo.json
        mkdir folder.json
        head -c 3000000 /dev/zero | tr '\\0' 'x' > big.json
    """
    await run(commands, workspace, "sh", "-c", script)
    for name in ("link.json", "fifo.json", "folder.json"):
        assert await commands.output(ATTEMPT, name) is None
    big = await commands.output(ATTEMPT, "big.json")
    assert big is not None
    assert (len(big.text), big.is_whole) == (OUTPUT_BYTES, False)
    whole = await commands.output(ATTEMPT, "big.json", most_bytes=3_000_000)
    assert whole is not None
    assert (len(whole.text), whole.is_whole) == (3_000_000, True)


async def test_standard_output_can_be_had_apart(
    host_commands: HostCommands, workspace: Workspace
):
    script = """echo "{"; echo working >&2; echo ' "a": "v1.0123456789\\u0061bcdef"}'"""

    async def printed(script: str, most_bytes: int) -> Finished:
        return await host_commands.run(
            *(ATTEMPT, ["sh", "-c", script]),
            workspace=workspace,
            inputs={},
            environment={},
            timeout_seconds=30,
            on_line=lambda line: None,
            printed_bytes=most_bytes,
        )

    done = await printed(script, 1_000)
    assert sorted(done.log_tail)[-1] == "{"
    assert "working" in done.log_tail
    # A secret is hidden however it is spelled, and each value stays on its line.
    assert done.printed == Written('{\n "a": "[redacted]"}\n')
    done = await printed("head -c 3000000 /dev/zero", 1_000)
    assert done.printed is not None
    assert (len(done.printed.text), done.printed.is_whole) == (1_000, False)
    done = await printed("printf '\\377\\376x'", 1_000)
    assert done.printed is not None
    assert not done.printed.is_text


async def test_an_output_folder_that_was_swapped_is_not_read(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    commands = real(folders, unprotected)
    script = 'rmdir "$BATCH_OUTPUT"; ln -s ../.. "$BATCH_OUTPUT"'
    await run(commands, workspace, "sh", "-c", script)
    assert await commands.output(ATTEMPT, "batch.db") is None


# --- the next best way -------------------------------------------------------------


async def test_a_process_namespace_ends_everything_and_shows_no_process(
    folders: Folders, workspace: Workspace, view: View
):
    faults = {w: isolation.try_out(w) for w in isolation._namespaces(view)}
    ways = [way for way, fault in faults.items() if not fault]
    if not ways:
        pytest.skip(f"no process namespace can be made: {[*faults.values()]}")
    commands = real(folders, ways[0])
    left = f"import time; time.sleep(1000.{os.getpid()})"
    script = f"""
        import os, subprocess, sys
        wait = [sys.executable, "-I", "-S", "-c", {left!r}]
        subprocess.Popen(wait, start_new_session=True, env={{}})
        print(sorted(int(name) for name in os.listdir("/proc") if name.isdigit())[-1])
    """
    done = await run(commands, workspace, *python(script))
    assert done.exit_code == 0
    assert int(done.log_tail[0]) < 50
    seen = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert not [words for words in seen if words and words[-1] == left]


# --- hostile commands in bubblewrap ------------------------------------------------


async def test_no_process_of_the_bot_can_be_seen(
    isolated: HostCommands, workspace: Workspace
):
    script = "cat /proc/*/environ | tr '\\0' '\\n' | grep -c -i secret; ls -d /proc/[0-9]* | wc -l"
    done = await run(isolated, workspace, "sh", "-c", script)
    secrets, processes = map(int, done.log_tail)
    assert secrets == 0
    assert processes < 10


async def test_only_the_own_folders_can_be_written(
    isolated: HostCommands, workspace: Workspace, folders: Folders, tmp_path: Path
):
    (tmp_path / "outside").mkdir()
    targets = {
        "workspace": str(workspace.path),
        "output": '"$BATCH_OUTPUT"',
        "home": '"$HOME"',
        "tmp": "/tmp",  # noqa: S108 - the command's own
        "input": '"$BATCH_INPUT"',
        "root": "/",
        "etc": "/etc",
        "data": str(folders.root),
        "outside": str(tmp_path / "outside"),
    }
    lines = [
        f"touch {path}/mine 2>&1 > /dev/null && echo {name}"
        for name, path in targets.items()
    ]
    done = await run(isolated, workspace, "sh", "-c", "; ".join(lines))
    words = {line for line in done.log_tail if line in targets}
    # The folder of the data is empty memory in there, and goes with the command.
    assert words == {"workspace", "output", "home", "tmp", "data"}
    assert not (folders.root / "mine").exists()
    assert list((tmp_path / "outside").iterdir()) == []


async def test_the_database_and_other_attempts_are_not_there(
    isolated: HostCommands, workspace: Workspace, folders: Folders
):
    folders.attempt(OTHER).workspace.mkdir(parents=True)
    script = f"cd {folders.root}; ls; ls attempts; cat batch.db"
    done = await run(isolated, workspace, "sh", "-c", script)
    *listed, last = done.log_tail
    assert listed == ["attempts", ATTEMPT]
    assert "No such file" in last


async def test_files_and_folders_of_the_bot_can_be_hidden(
    folders: Folders, workspace: Workspace, bubblewrap: Isolation
):
    # They stand for a private key and a data folder that nothing hides by itself.
    key, data = Path("/etc/passwd"), Path("/usr/share/doc")
    script = f"grep -c root {key}; ls {data} | wc -l"
    tails = []
    for hidden in ((), (key, data)):
        isolation = choose("required", View(hidden=(folders.root, *hidden)))
        done = await run(real(folders, isolation), workspace, "sh", "-c", script)
        tails.append(done.log_tail)
    before, after = tails
    assert [int(count) > 0 for count in before] == [True, True]
    assert "Permission denied" in after[0]
    assert after[1] == "0"


async def test_the_network_cannot_be_reached(
    isolated: HostCommands, workspace: Workspace
):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        done = await run(isolated, workspace, *python(script))
    assert done.exit_code == 1
    assert "refused" in done.log_tail[-1] or "unreachable" in done.log_tail[-1]


async def test_the_network_can_be_switched_on(
    folders: Folders, workspace: Workspace, bubblewrap: Isolation
):
    isolation = choose("required", View(hidden=(folders.root,), network=True))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        done = await run(real(folders, isolation), workspace, *python(script))
    assert done.exit_code == 0
    assert "network on" in isolation.notes


async def test_no_capability_is_left_and_none_can_be_had(
    isolated: HostCommands, workspace: Workspace
):
    script = "grep CapEff /proc/self/status; unshare --user --map-root-user id"
    done = await run(isolated, workspace, "sh", "-c", script)
    assert done.log_tail[0].split() == ["CapEff:", "0" * 16]
    assert done.exit_code != 0


async def test_what_cannot_be_executed_ends_as_shells_end(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    (Path(workspace.path) / "agent").write_text("no program")
    done = await run(real(folders, unprotected), workspace, "./agent")
    assert done.exit_code == CANNOT_START
    assert done.log_tail == ("./agent: Permission denied",)
