"""The demo as a child process, the way a newcomer starts it."""

import asyncio
import os
import re
import signal
import socket
import sys
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from bot.core.say.terminal import plain
from bot.demo.scenarios import SCENARIOS
from tests.nursery import command

PATIENCE_SECONDS = 90.0

BROKEN = """
from bot.demo.show import once, perform
perform(once(program=[{path!r}]))
"""

BARE = """
import sys
sys.modules["jinja2"] = None
from bot.__main__ import main
main(["demo", "--once"])
"""


async def start(
    *arguments: str, folder: Path, path: str | None = None
) -> asyncio.subprocess.Process:
    """Start this Python in *folder*, with both outputs in one."""
    python = Path(sys.executable)
    roundabout = python.parent / ".." / python.parent.name / python.name
    return await begin(str(roundabout), *arguments, folder=folder, path=path)


async def begin(
    *words: str, folder: Path, path: str | None = None
) -> asyncio.subprocess.Process:
    """Begin a command in *folder*."""
    return await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env={"PATH": os.environ["PATH"] if path is None else path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def run(
    *arguments: str, folder: Path, path: str | None = None
) -> tuple[int | None, str]:
    """Return the exit code and what was printed."""
    return await ended(await start(*arguments, folder=folder, path=path))


async def once(scenario: str, folder: Path) -> tuple[int | None, str]:
    """Return the same of a scenario, which is born in the nursery."""
    words = ("demo", "--once", "--scenario", scenario)
    argv = await asyncio.to_thread(command, *words)
    return await ended(await begin(*argv, folder=folder))


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    """Wait for its end."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        printed, _ = await process.communicate()
    return process.returncode, printed.decode()


@pytest.mark.slow
async def test_once_shows_the_main_job_and_ends_well(tmp_path: Path):
    code, printed = await run("-m", "bot", "demo", "--once", folder=tmp_path)
    assert code == 0, printed
    lines = printed.splitlines()
    assert "ada writes in acme/widgets#40:  /batch 12 15 18 after:12" in lines
    assert "⏳ #18 — waits for #12" in lines
    done = [line for line in lines if re.fullmatch(r"✅ #(12|15|18) — PR \d+ .*", line)]
    assert len(done) == 3, printed
    heading = re.compile(
        r"✅ Batch \w{4} finished — 3 of 3 done · implement 3 issues\s*"
    )
    assert any(heading.fullmatch(line) for line in lines), printed
    checked = [line for line in lines if line.startswith("✓ draft PR #")]
    assert [re.search(r"closes #(\d+)", c)[1] for c in checked] == ["12", "15", "18"]  # type: ignore[index]
    assert max(map(len, lines)) <= 80
    assert not any(Path.iterdir(tmp_path))


@pytest.mark.slow
async def test_once_shows_a_train_of_merges_on_a_strict_base(tmp_path: Path):
    code, printed = await once("merge", tmp_path)
    assert code == 0, printed
    lines = printed.splitlines()
    assert "ada writes in acme/widgets#40:  /batch merge 101 102 103" in lines
    merged = [line for line in lines if line.startswith("✓ PR #")]
    assert [re.search(r"#(\d+)", one)[1] for one in merged] == ["101", "102", "103"]  # type: ignore[index]
    assert not any(Path.iterdir(tmp_path))


@pytest.mark.slow
async def test_once_shows_reviews_with_a_comment_on_a_line(tmp_path: Path):
    code, printed = await once("review", tmp_path)
    assert code == 0, printed
    reviewed = [line for line in printed.splitlines() if line.startswith("✓ PR #")]
    numbers = [re.search(r"#(\d+)", one)[1] for one in reviewed]  # type: ignore[index]
    assert numbers == ["61", "63", "64"]
    assert any("2 on lines" in line for line in reviewed), reviewed


@pytest.mark.slow
async def test_once_shows_a_batch_across_two_repositories(tmp_path: Path):
    code, printed = await once("across", tmp_path)
    assert code == 0, printed
    done = [line for line in printed.splitlines() if line.startswith("✓ acme/")]
    assert [" ".join(one.split()[1:3]) for one in done[1:]] == [
        "acme/catalog#1 closed",
        "acme/catalog#2 reviewed",
    ]
    assert "acme/catalog: 2 of 2 done" in printed
    assert not any(Path.iterdir(tmp_path))


@pytest.mark.slow
async def test_once_shows_what_labels_begin(tmp_path: Path):
    code, printed = await once("labels", tmp_path)
    assert code == 0, printed
    assert "put the label batch on #12, #15 and #18" in printed
    checked = [line for line in printed.splitlines() if line.startswith("✓ draft PR #")]
    assert [re.search(r"closes #(\d+)", c)[1] for c in checked] == ["12", "15", "18"]  # type: ignore[index]
    assert "labels on #12, #15 and #18" in printed.replace("\n", " ")


@pytest.mark.slow
async def test_once_shows_what_requests_for_reviews_begin(tmp_path: Path):
    code, printed = await once("reviews", tmp_path)
    assert code == 0, printed
    reviewed = [line for line in printed.splitlines() if line.startswith("✓ PR #")]
    numbers = [re.search(r"#(\d+)", one)[1] for one in reviewed]  # type: ignore[index]
    assert numbers == ["61", "63", "64"]


@pytest.mark.slow
async def test_a_program_that_fails_is_the_reason_for_exit_1(tmp_path: Path):
    program = tmp_path / "broken.py"
    program.write_text("raise SystemExit('the repair kit is empty')")
    code, printed = await run("-c", BROKEN.format(path=str(program)), folder=tmp_path)
    assert code == 1
    assert "the repair kit is empty" in printed  # in the report
    assert "The demo failed: there should be one pull request for each" in printed
    assert "none for #12, #15, #18" in printed
    assert "The bot's log ends with:" in printed
    assert "Traceback" not in printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scenario", "path"),
    [
        ("SIGINT", (), "issues/12"),
        ("SIGTERM", ("--scenario", "merge"), "pull/101"),
        ("SIGHUP", ("--scenario", "review"), "pull/61"),
        ("SIGTERM", ("--scenario", "labels"), "issues/18"),
    ],
)
async def test_the_pages_are_served_until_it_is_interrupted(
    name: str, scenario: tuple[str, ...], path: str, tmp_path: Path
):
    demo = await start("-m", "bot", "demo", *scenario, folder=tmp_path)
    assert demo.stdout is not None
    printed = ""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while "The bot's log: " not in printed:
            printed += (await demo.stdout.readline()).decode()
        address = re.search(r"http://127.0.0.1:\d+/acme/widgets/issues/40", printed)
        log = Path(printed.rpartition("The bot's log: ")[2].strip())
        assert address
        assert SCENARIOS["".join(scenario[1:]) or "implement"].command in printed
        site = address[0].removesuffix("issues/40")
        page = await asyncio.to_thread(urlopen, f"{site}{path}")
        assert page.status == 200
        assert "ready" in await asyncio.to_thread(log.read_text)
        children = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.Signals[name])
        rest, _ = await demo.communicate()
    assert rest.decode().strip() == "The demo has ended."
    assert demo.returncode == 130
    assert children
    assert not any(child.is_running() for child in children)
    assert not log.parent.exists()


async def test_a_port_in_use_is_said(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, printed = await run("-m", "bot", "demo", "--port", port, folder=tmp_path)
    assert code == 1
    assert printed.strip().splitlines()[-1] == (
        f"The demo failed: port {port} cannot be used: Address already in use; choose"
        " another one with --port"
    )


async def test_missing_git_is_said(tmp_path: Path):
    code, printed = await run(
        "-m", "bot", "demo", "--once", folder=tmp_path, path=str(tmp_path)
    )
    assert code == 1
    assert "git is not installed (Debian and Ubuntu: apt install git)" in printed


async def test_without_the_extra_it_says_what_to_install(tmp_path: Path):
    code, printed = await run("-c", BARE, folder=tmp_path)
    assert code == 1
    assert printed == (
        "The demo needs the extra [demo] (jinja2 is missing): run pip install '.[demo]'"
        " in the folder of batch-bot's source.\n"
    )


async def test_a_fault_of_our_own_is_not_taken_for_a_missing_extra(tmp_path: Path):
    program = BARE.replace('"jinja2"', '"bot.demo.seed"')
    code, printed = await run("-c", program, folder=tmp_path)
    assert code == 1
    assert printed.endswith("import of bot.demo.seed halted; None in sys.modules\n")


def test_a_line_is_read_without_its_markup():
    line = r"✅ #12 — [PR 65](http://a/pull/65) · `a` **b** \[c\] \*d <!-- x -->"
    assert plain(line) == "✅ #12 — PR 65 · a b [c] *d"
