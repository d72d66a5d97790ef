"""The command line, as an operator meets it."""

import asyncio
import hmac
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import click
import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.commandline.commands import _more
from bot.commandline.ending import CommandLine
from bot.core.plan.keys import schema
from bot.errors import SettingsError
from bot.host.clock import SystemClock
from bot.localhub.faults import Fault
from bot.localhub.server import app_key
from bot.settings import database_path
from bot.store.store import open_store
from tests.flow.world import world
from tests.nursery import command


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
def test_while_github_is_away_deliveries_are_stored_until_somebody_ends_it(
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
        "PORT": "0",
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
        listening = json.loads(process.stderr.readline())
        url = listening["url"]
        assert asked(f"{url}/healthz")[0] == 200
        status, said = asked(f"{url}/readyz")
        assert (status, json.loads(said)["ready"]) == (503, False)
        assert (
            asked(f"{url}/api/github/webhooks", body=b'{"action": "created"}')[0] == 202
        )
        waiting = json.loads(process.stderr.readline())
        process.send_signal(number)
        _, rest = process.communicate(timeout=30)
    assert listening["event"] == "listening"
    assert waiting["event"] == "the start waits for GitHub"
    assert waiting["error"].startswith("GitHub cannot be reached: ")
    assert process.returncode == 0
    assert json.loads(rest.splitlines()[-1])["event"] == "ended before it was ready"
    with closing(sqlite3.connect(tmp_path / "data/batch.db")) as database:
        stored = database.execute("SELECT guid, outcome FROM deliveries").fetchall()
    assert stored == [("g-1", None)]


def asked(url: str, *, body: bytes | None = None) -> tuple[int, str]:
    """Return status and text; what has a body is a delivery."""
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "issue_comment",
        "X-GitHub-Delivery": "g-1",
        "X-Hub-Signature-256": f"sha256={hmac.new(b's', body or b'', 'sha256').hexdigest()}",
    }
    try:
        with urlopen(Request(url, data=body, headers=headers)) as answer:  # noqa: S310 - ours
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


async def test_a_key_that_github_never_took_ends_the_start_and_names_both_variables(
    tmp_path: Path,
):
    async with world(tmp_path) as on:
        with pytest.raises(
            SettingsError, match=r"^APP_ID and PRIVATE_KEY \(or PRIVATE_K"
        ):
            async with on.bot(APP_ID="999"):
                pass


async def test_a_key_that_github_took_once_is_shown_again_until_it_is_taken(
    tmp_path: Path,
):
    refusals = [Fault(status=401, message="no", path="/app$", times=9)]
    async with world(tmp_path) as on:
        async with on.bot():
            pass
        on.hub.faults.add(*refusals)
        async with on.bot():
            assert await on.answer("/batch help")


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


REFUSED = (
    "batches", "schedules", "stats", "show b7k2", "show b7k2 --watch", "logs b7k2/15",
    "plan acme/widgets 12", "cancel b7k2", "pause b7k2", "resume b7k2", "retry b7k2",
    "receive -e push -p list.json", "deliveries", "deliveries --redeliver x",
    "review acme/widgets 1 --print", "db check", "db backup copy.db", "db prune",
    "stats --svg none/x.svg",
)  # fmt: skip
"""Commands that have nothing to work on in a folder without a database or settings."""


@pytest.mark.parametrize("words", REFUSED)
def test_a_refusal_is_said_to_programs_too(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("list.json").write_text("[]")
    told = CliRunner().invoke(main, [*words.split(), "--json"])
    assert (told.exit_code, told.stderr) == (1, "")
    said = CliRunner().invoke(main, words.split())
    assert (said.exit_code, said.stdout) == (1, "")
    assert json.loads(told.stdout) == {"error": said.stderr.removesuffix("\n")}


@pytest.mark.parametrize("words", [*REFUSED, "setup", "doctor", "run"])
def test_settings_that_cannot_be_read_are_said(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("list.json").write_text('{"action": "created"}')
    Path(".env").write_text("APP_ID=1", "utf-16")  # as some shells write
    said = CliRunner().invoke(main, words.split())
    assert said.exit_code == (2 if words == "run" else 1)
    assert ".env is no text in UTF-8: save it as one." in said.output


def test_the_settings_of_another_user_are_said(tmp_path: Path):
    (tmp_path / ".env").mkdir()
    with pytest.raises(SettingsError, match=r"\.env cannot be read: Is a directory"):
        database_path(env_file=tmp_path / ".env")


@pytest.mark.parametrize(
    "words",
    [
        "batches --limit 0", "deliveries --limit -1", "logs b7k2/15 --attempt 0",
        "logs b7k2", "plan widgets 12", "plan https://github.com/acme/widgets 12",
        "review widgets 1 --print", "db prune --days -1", "setup --port 70000",
        "config check none.yml", "stats --since soon", "receive -e push -p none.json",
    ],
)  # fmt: skip
def test_what_is_typed_wrongly_ends_with_2(words: str):
    ended = CliRunner().invoke(main, words.split())
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "Error: " in ended.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.Abort])
def test_ctrl_c_ends_each_command_with_130(error: type[BaseException]):
    @click.command()
    def waiting() -> None:
        raise error

    group = CommandLine("bot", commands={"waiting": waiting})
    assert CliRunner().invoke(group, ["waiting"]).exit_code == 130


def test_a_log_is_followed_by_whole_lines(tmp_path: Path):
    log = tmp_path / "x.log"
    log.write_bytes(b"one\nGr\xc3")
    assert _more(log, 0, is_last=False) == ("one\n", 4)
    log.write_bytes(b"one\nGr\xc3\xbc\xc3\x9fe")
    assert _more(log, 4, is_last=True) == ("Grüße", 11)


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


async def test_a_backup_never_takes_the_place_of_the_database(tmp_path: Path):
    async with world(tmp_path) as on, on.bot():
        invoke, environment = CliRunner().invoke, on.environment()
        itself = str(tmp_path / "data" / "." / "batch.db")
        words = ["db", "backup", "--replace", itself]
        before = (tmp_path / "data" / "batch.db").stat().st_ino
        result = await asyncio.to_thread(invoke, main, words, env=environment)
        assert (tmp_path / "data" / "batch.db").stat().st_ino == before
    assert result.exit_code == 1
    assert (
        "batch.db is the database itself. Give the copy another name." in result.stderr
    )


async def test_without_a_database_there_is_no_backup(tmp_path: Path):
    environment = {"BATCH_DB": str(tmp_path / "none.db")}
    for words in (["db", "backup", "copy.db"], ["db", "check"]):
        invoke = CliRunner().invoke
        result = await asyncio.to_thread(invoke, main, words, env=environment)
        assert result.exit_code == 1
        assert result.stderr.endswith(f"BATCH_DB: {tmp_path}/none.db is missing\n")


def test_a_database_is_looked_at_without_any_other_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("BATCH_DB=some/batch.db\n")
    database = Path("some/batch.db")

    async def make() -> None:
        async with open_store(database, clock=SystemClock()):
            pass

    asyncio.run(make())
    run = partial(CliRunner().invoke, main)
    assert run(["db", "check"]).output == "some/batch.db is sound.\n"
    assert run(["db", "backup", "copy.db"]).exit_code == 0
    assert run(["db", "check", "copy.db"]).output == "copy.db is sound.\n"
    before = Path("copy.db").read_bytes()
    refused = run(["db", "backup", "copy.db"])
    assert (refused.exit_code, Path("copy.db").read_bytes()) == (1, before)
    assert "copy.db is there already" in refused.stderr
    told = json.loads(run(["db", "backup", "copy.db", "--replace", "--json"]).stdout)
    assert told == {"database": "some/batch.db", "copy": "copy.db"}
    sound = json.loads(run(["db", "check", "copy.db", "--json"]).stdout)
    assert sound == {"database": "copy.db", "damage": ""}
    with closing(sqlite3.connect("copy.db", isolation_level=None)) as copy:
        copy.execute(
            "INSERT INTO delivery_bodies (delivery_id, body) VALUES (9, x'00')"
        )
    result = run(["db", "check", "copy.db"])
    assert result.exit_code == 1
    assert result.stderr == (
        "copy.db is damaged: rows of delivery_bodies belong to none\n"
    )


async def test_a_review_can_be_looked_at_before_anybody_posts_it(tmp_path: Path):
    async with world(tmp_path, clock=SystemClock()) as on:
        on.configure("rules: [{pattern: topic, say: 'Which one?'}]")
        pull = on.pull_request(61)
        environment = {"PATH": os.environ["PATH"], **on.environment()}

        async def review(*words: str) -> tuple[int, str]:
            process = await asyncio.create_subprocess_exec(
                *await asyncio.to_thread(command, "review", "acme/widgets", *words),
                cwd=tmp_path,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said, _ = await process.communicate()
            assert process.returncode is not None
            return process.returncode, said.decode()

        assert await review("62", "--print") == (
            1,
            "There is no review: acme/widgets has no pull request 62.\n",
        )
        code, said = await review("61", "--print")
        told = json.loads((await review("61", "--print", "--json"))[1])
        assert (await review("61"))[0] == 2
        assert pull.pull
        assert pull.pull.reviews == []
    assert code == 0, said
    assert said.startswith("**What this repository's rules say** at `")
    assert said.endswith("\ntopic61.txt:1\n⚠️ Which one?\n")
    assert told["comments"][0]["path"] == "topic61.txt"


def test_a_configuration_is_checked_without_any_setting(tmp_path: Path):
    file = tmp_path / "batch.yml"
    file.write_text("limits: {items: 900}\nlable: x\nhome: 12\n", "utf-8")
    found = CliRunner().invoke(main, ["config", "check", str(file)])
    assert found.exit_code == 1
    assert found.stdout.splitlines() == [
        f"{file}:1:17: limits.items: this must be a whole number from 1 to 500;"
        " for example items: 50",
        f"{file}:2:1: lable: unknown setting; did you mean label? For example label: batch",
    ]
    assert found.stderr.startswith("2 problems. ")
    found = CliRunner().invoke(main, ["config", "check", str(file), "--json"])
    told = json.loads(found.stdout)
    assert (found.exit_code, told["fits"], len(told["faults"])) == (1, False, 2)
    assert (told["faults"][0]["line"], told["faults"][0]["column"]) == (1, 17)
    file.write_text("_extends: .github\ndefaults: {issue: fix}\n", "utf-8")
    found = CliRunner().invoke(main, ["config", "check", str(file)])
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == f"{file} fits. What it extends was not looked at.\n"
    file.write_bytes("label: ä\nhome: 1 # gr".encode() + b"\xfc\xdfe\n")
    found = CliRunner().invoke(main, ["config", "check", str(file)])
    assert found.stdout.startswith(f"{file}:2:13: this is no text in UTF-8")
    file.write_text(f"# {'x' * 70_000}\nhome: 1\n", "utf-8")
    found = CliRunner().invoke(main, ["config", "check", str(file)])
    assert found.stdout == f"{file}: this is larger than 64 KiB; shorten it\n"
    assert CliRunner().invoke(main, ["config", "check", "missing.yml"]).exit_code == 2


def test_the_schema_of_the_configuration_is_printed():
    printed = CliRunner().invoke(main, ["config", "schema"])
    assert printed.exit_code == 0
    assert json.loads(printed.stdout) == schema()
