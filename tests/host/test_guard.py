"""What becomes of a command when the bot is killed without a chance to clean up."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from bot.host.folders import Folders
from bot.host.git import Git, GitFailed, Place, Remote
from bot.host.isolation import Isolation
from bot.host.nursery import NURSERY
from bot.host.process import ATTEMPT_MARKER, guarded
from tests.host.conftest import ATTEMPT
from tests.nursery import ROOT

pytestmark = pytest.mark.slow

MARK = f"guard-test-{os.getpid()}"
PIPE = asyncio.subprocess.PIPE


def alive() -> list[list[str]]:
    """Return the command lines of commands of the test, by what no process can hide."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        is_ours = any("guarded" in word or "guard.py" in word for word in words)
        if process.info["status"] != psutil.STATUS_ZOMBIE and not is_ours:
            found += [words] if any(MARK in word for word in words) else []
    return found


def waiting(*before: str) -> list[str]:
    script = f"import time; time.sleep(1000)  # {MARK}"
    return [*before, sys.executable, "-I", "-S", "-c", script]


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- >&- 2>&-"])
async def test_a_bot_without_streams_runs_commands(tmp_path: Path, closed: str):
    script = textwrap.dedent(f"""
        import asyncio, os, sys
        from bot.host.process import guarded

        async def main():
            argv = ("sh", "-c", "echo done > {tmp_path}/done")
            async with guarded(argv, environment={{"PATH": os.defpath}}) as command:
                return await command.wait()

        sys.exit(asyncio.run(main()))
    """)
    words = ["sh", "-c", f'exec "$0" -c "$1" {closed}', sys.executable, script]
    process = await asyncio.create_subprocess_exec(*words, cwd=ROOT)
    assert await process.wait() == 0
    assert (tmp_path / "done").read_text() == "done\n"


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for something outside, in real time."""
    for _ in range(round(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it never came true")


@asynccontextmanager
async def bot(
    argv: Sequence[str], **more: object
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that runs *argv* below a guard, and is killed at the end."""
    script = f"""
        import asyncio, sys
        sys.path[:] = {sys.path!r}
        from bot.host.process import ProcessLimits, guarded
        async def main():
            environment = {{"PATH": {os.environ["PATH"]!r}, **{more!r}}}
            print("starting", flush=True)
            async with guarded({[*argv]!r}, environment=environment, limits=ProcessLimits()) as p:
                await p.wait()
        asyncio.run(main())
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", textwrap.dedent(script)), stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"starting\n"
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture(params=["bubblewrap", "unprotected"])
def wrap(request, folders: Folders) -> Callable[[Sequence[str]], list[str]]:
    isolation: Isolation = request.getfixturevalue(request.param)
    folder = folders.attempt(ATTEMPT)
    for path in (folder.input, folder.output, folder.home, folder.temporary):
        path.mkdir(parents=True)
    folder.workspace.mkdir()
    return lambda argv: isolation.wrap(argv, folder)


async def test_a_command_dies_with_the_bot(wrap):
    async with bot(wrap(waiting())):
        await until(alive)
    await until(lambda: not alive())


async def test_the_nursery_and_the_guard_end_with_the_bot():
    async with bot(waiting()) as process:
        await until(alive)
        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) == 3
    await until(lambda: not any(one.is_running() for one in below))


async def test_what_daemonised_without_a_mark_dies_with_the_bot(wrap):
    """In a session of its own, with an empty environment, its parent long gone."""
    script = """
        import os, sys
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execve(sys.argv[1], sys.argv[1:], {})
            os._exit(0)
        os.wait()
        os.execv(sys.argv[1], sys.argv[1:])
    """
    daemon = (sys.executable, "-I", "-S", "-c", textwrap.dedent(script))
    async with bot(wrap(waiting(*daemon))):
        await until(lambda: sum(len(words) == 5 for words in alive()) == 2)
    await until(lambda: not alive())


async def test_a_child_of_whatever_sets_the_command_up_dies_with_the_bot():
    """As bubblewrap has one that asks too late to be told of its parent's death."""
    async with bot(waiting("sh", "-c", '"$@" & wait', "sh")):
        await until(lambda: len(alive()) == 2)
    await until(lambda: not alive())


@pytest.mark.parametrize("moment", range(8))
async def test_a_bot_killed_while_the_isolation_is_set_up_leaves_nothing(
    wrap, moment: int
):
    async with bot(wrap(waiting())):
        await asyncio.sleep(0.008 * moment)
    await until(lambda: not alive())


async def test_the_guard_ends_as_the_command_does():
    codes = []
    environment = {"PATH": os.environ["PATH"]}
    for script in ("exit 0", "exit 75", "kill -SEGV $$", "kill -TERM $$", "kill -9 $$"):
        async with guarded(["sh", "-c", script], environment=environment) as process:
            codes.append(await process.wait())
    assert codes == [0, 75, -11, -15, -9]


async def test_a_bot_with_many_open_files_still_runs_commands():
    environment = {"PATH": os.environ["PATH"]}
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1200)]
    try:
        async with guarded(["sleep", "0.1"], environment=environment) as process:
            assert await process.wait() == 0
    finally:
        for file in files:
            os.close(file)


async def test_a_command_has_the_signals_that_programs_expect():
    """A pipe whose reader has gone ends the writer, without a word."""
    environment = {"PATH": os.environ["PATH"]}
    argv = ["sh", "-c", "yes | head -n 1; cat /proc/self/status"]
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)  # as behind a shell's "&"
    try:
        async with guarded(
            argv, environment=environment, stdout=PIPE, stderr=asyncio.subprocess.STDOUT
        ) as process:
            printed, _ = await process.communicate()
    finally:
        signal.signal(signal.SIGQUIT, before)
    lines = printed.decode().splitlines()
    assert lines[0] == "y"
    assert "SigIgn:\t" + "0" * 16 in lines


async def test_nothing_of_the_leash_is_left_to_the_command():
    environment = {"PATH": os.environ["PATH"]}
    # A shell opens pipes of its own meanwhile; what lists them here is closed again.
    script = """
import os
for end in os.listdir("/proc/self/fd"):
    if os.path.lexists(f"/proc/self/fd/{end}"):
        print(end)
"""
    argv = [sys.executable, "-I", "-S", "-c", script]
    async with guarded(argv, environment=environment, stdout=PIPE) as process:
        printed, _ = await process.communicate()
    assert sorted(printed.split()) == [b"0", b"1", b"2"]


async def run_sh(script: str, **more: str) -> tuple[int, bytes]:
    environment = {"PATH": os.environ["PATH"], **more}
    async with guarded(
        ["sh", "-c", script], environment=environment, stdout=PIPE
    ) as process:
        printed, _ = await process.communicate()
        return await process.wait(), printed


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_a_command_begins_after_the_nursery_was_killed_and_others_go_on(how):
    environment = {"PATH": os.environ["PATH"]}
    script = "echo ready; read line; echo $line"
    async with guarded(
        ["sh", "-c", script], environment=environment, stdin=PIPE, stdout=PIPE
    ) as process:
        assert NURSERY.pid is not None
        os.kill(NURSERY.pid, how)
        assert await run_sh("echo new") == (0, b"new\n")
        assert await process.communicate(b"old\n") == (b"ready\nold\n", b"")
        assert process.returncode == 0


async def test_a_command_that_kills_its_guard_leaves_nothing():
    async with guarded(
        ["sh", "-c", f"kill -9 $PPID; sleep 1000 # {MARK}"],
        environment={"PATH": os.environ["PATH"]},
    ) as process:
        assert await process.wait() == -9
        assert not process.is_clean
    await until(lambda: not alive())


async def test_fifty_commands_begin_at_once():
    done = await asyncio.gather(*(run_sh(f"echo {n}") for n in range(50)))
    assert done == [(0, f"{n}\n".encode()) for n in range(50)]


async def test_an_environment_larger_than_the_buffer_of_a_socket_arrives():
    more = {f"V{n}": "x" * 100_000 for n in range(10)}
    assert await run_sh("env | grep -c ^V", **more) == (0, b"10\n")


async def test_a_folder_that_is_gone_is_no_place_to_begin(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        async with guarded(["true"], environment={}, cwd=tmp_path / "gone"):
            pass


async def test_standard_input_and_errors_reach_the_command_and_come_back():
    text = b"x" * 1_000_000
    async with guarded(
        ["sh", "-c", "cat; echo no >&2"],
        environment={"PATH": os.environ["PATH"]},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    ) as process:
        assert await process.communicate(text) == (text, b"no\n")


@pytest.mark.parametrize("turns", range(6))
async def test_a_start_that_is_cancelled_leaves_nothing(turns: int):
    async def start() -> None:
        environment = {"PATH": os.environ["PATH"]}
        async with guarded(waiting(), environment=environment) as process:
            await process.wait()

    task = asyncio.create_task(start())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive()


# --- git ---------------------------------------------------------------------------

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(handle: Handle) -> AsyncIterator[str]:
    writers = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await handle(reader, writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/{MARK}/widgets.git"
    finally:
        for writer in writers:
            writer.close()
        listening.close()
        await listening.wait_closed()


async def says_nothing(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await reader.read(65_536)


async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A slow connection: forty branches, one every twentieth of a second."""

    def packet(line: str) -> bytes:
        return f"{len(line) + 4:04x}{line}".encode()

    asked = await reader.readuntil(b"\r\n\r\n")
    kind = "advertisement" if asked.startswith(b"GET") else "result"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-{kind}\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode())
    if kind == "advertisement":
        writer.write(packet("# service=git-upload-pack\n") + b"0000")
        writer.write(packet("version 2\n") + packet("ls-refs\n") + b"0000")
    else:
        for number in range(40):
            writer.write(packet(f"{'1' * 40} refs/heads/b{number:03}\n"))
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.write(b"0000")
    writer.close()


def git(look_seconds: float = 30, silent_seconds: float = 120) -> Git:
    return Git(
        environment={"PATH": os.environ["PATH"]},
        host="x",
        silence=(look_seconds, silent_seconds),
    )


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "mirror.git")
    made.git_dir.mkdir()
    await git().run("init", "--quiet", "--bare", place=made)
    return made


@pytest.mark.parametrize("arguments", [("fetch", "--"), ("push", "--")])
async def test_git_and_its_helpers_die_with_the_bot(place: Place, arguments):
    environment = {"GIT_DIR": str(place.git_dir), ATTEMPT_MARKER: "none"}
    async with server(says_nothing) as url:
        argv = ["git", *arguments, url, "+refs/*:refs/*"]
        async with bot(argv, **environment):
            await until(
                lambda: any("git-remote" in w for words in alive() for w in words)
            )
        await until(lambda: not alive())


async def test_a_silent_remote_is_named_and_then_given_up(place: Place):
    said: list[str] = []
    async with server(says_nothing) as url:
        remote = Remote(url, "")
        with pytest.raises(GitFailed) as raised:
            await git(0.2, 0.8).run(
                "ls-remote", "--", url, place=place, remote=remote, say=said.append
            )
    assert said[0] == "127.0.0.1 has been silent for 0 s"
    assert "127.0.0.1: no byte came or went for 1 s" in str(raised.value)
    assert not raised.value.is_unreachable  # a push may have arrived
    assert not alive()


async def test_a_slow_remote_is_not_silent(place: Place):
    said: list[str] = []
    async with server(trickles) as url:
        listed = await git(0.4, 0.8).run(
            "ls-remote",
            *("--", url),
            place=place,
            remote=Remote(url, ""),
            say=said.append,
        )
    assert len(listed.splitlines()) == 40
    assert said == []
