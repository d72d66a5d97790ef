"""The command line, as an operator meets it."""

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.errors import SettingsError
from bot.localhub.server import app_key
from tests.flow.world import world


def run_bot(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the bot in *folder* with these variables and no others."""
    return subprocess.run(
        [sys.executable, "-m", "bot", "run"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_everything_that_is_missing_is_said_at_once(tmp_path: Path):
    ended = run_bot(tmp_path, PORT="99999")
    assert ended.returncode == 2
    assert ended.stdout == ""
    first, *problems = ended.stderr.splitlines()
    assert first == "batch-bot cannot start:"
    names = [problem.partition(" ")[0].partition("=")[0] for problem in problems]
    assert names == ["APP_ID", "PRIVATE_KEY", "WEBHOOK_SECRET", "PORT"]
    assert all(", for example " in problem for problem in problems)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_github_that_is_away_is_waited_for_until_somebody_ends_it(
    tmp_path: Path, number: signal.Signals
):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    variables = {
        "APP_ID": "1",
        "PRIVATE_KEY": app_key()[0],
        "WEBHOOK_SECRET": "s",
        "BATCH_SANDBOX": "off",
        "LOG_FORMAT": "json",
        "GITHUB_API_URL": f"http://127.0.0.1:{port}",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **variables},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        process.send_signal(number)
        _, rest = process.communicate(timeout=30)
    assert first["event"] == "the start waits for GitHub"
    assert first["error"].startswith("GitHub cannot be reached: ")
    assert process.returncode == 0
    assert json.loads(rest)["event"] == "ended before it was ready"


async def test_a_port_in_use_is_named(tmp_path: Path):
    async with world(tmp_path) as on:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            with pytest.raises(SettingsError, match=f"PORT={port} cannot be listened"):
                async with on.bot(PORT=port):
                    pass


@pytest.mark.parametrize("name", [None, *main.commands])
def test_help_says_what_each_command_and_option_is_for(name: str | None):
    command = main.commands[name] if name else main
    assert command.help
    shown = CliRunner().invoke(main, [*([name] if name else []), "--help"]).output
    assert command.help.partition("\n")[0] in shown
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert all(
        option.help and option.help in " ".join(shown.split()) for option in options
    )
    assert max(map(len, shown.splitlines())) <= 80


def test_the_version_is_shown():
    shown = CliRunner().invoke(main, ["--version"])
    assert shown.exit_code == 0
    assert "version 0." in shown.output


# --- the database ------------------------------------------------------------------


async def test_a_backup_is_taken_while_the_bot_runs(tmp_path: Path):
    async with world(tmp_path) as on:
        on.issue(12, "write a b")
        environment = {"PATH": os.environ["PATH"], **on.environment()}
        async with on.bot():
            await on.finished(on.say("/batch 12"))
            ended = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "bot", "db", "backup", "copy.db"],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("batch.db is copied to copy.db.\n")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copied:
        items = copied.execute("SELECT number, state FROM items").fetchall()
    assert items == [(12, "completed")]


async def test_without_a_database_there_is_no_backup(tmp_path: Path):
    async with world(tmp_path) as on:
        environment = on.environment()
    invoke, words = CliRunner().invoke, ["db", "backup", "copy.db"]
    result = await asyncio.to_thread(invoke, main, words, env=environment)
    assert result.exit_code == 1
    assert result.stderr.startswith("There is no backup: BATCH_DB: ")
