"""The command line beside the running bot, as an operator uses it."""

import asyncio
import json
import os
import re
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bot.errors import UserError
from bot.host.clock import SystemClock
from bot.localhub.faults import Fault, FaultKind
from bot.web.door import Door, NoBot
from bot.web.local import LONGEST_PATH, MOST_BYTES, serve, socket_of
from tests.flow.world import World, world
from tests.nursery import command


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, clock=SystemClock()) as made:
        yield made


async def begun(on: World, *words: str) -> asyncio.subprocess.Process:
    """Begin a command with the variables of the bot."""
    return await asyncio.create_subprocess_exec(
        *await asyncio.to_thread(command, *words),
        cwd=on.folder,
        env={"PATH": os.environ["PATH"], "COLUMNS": "200", **on.environment()},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def cli(on: World, *words: str, stdin: bytes = b"") -> tuple[int, str]:
    """Run a command; return exit code and output."""
    process = await begun(on, *words)
    said, _ = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, said.decode()


async def read(on: World, *words: str) -> Any:
    """Return what a command prints as JSON."""
    _, said = await cli(on, *words, "--json")
    return json.loads(said)


@asynccontextmanager
async def waiting_batch(on: World) -> AsyncIterator[str]:
    """Run a bot with a batch of which 12 waits for the file *go*, and 15 for 12."""
    on.issue(12, f"say hello\nwait {on.folder}/go\nwrite a b")
    on.issue(15, "write c d")
    async with on.bot():
        on.say("/batch 12 15 after:12")
        await on.until(lambda: on.said("tracking"))
        [(batch,)] = on.rows("SELECT id FROM batches")
        await on.until(lambda: on.rows("SELECT 1 FROM items WHERE state = 'running'"))
        yield batch


# --- to look ---


async def test_a_batch_is_shown_with_why_it_waits_and_without_a_bot_as_recorded(
    on: World,
):
    async with waiting_batch(on) as batch:
        shown = await read(on, "show", batch)
        words = {item["id"]: item["words"] for item in shown["items"]}
        assert shown["from"] == "bot"
        assert words["15"] == "is not running: waits for #12"
        assert words["12"].startswith("has been running for ")
        [row] = await read(on, "batches")
        assert (row["id"], row["finished"], row["total"]) == (batch, 0, 2)
        code, table = await cli(on, "batches")
        assert code == 0
        assert re.search(rf"^{batch} +acme/widgets#40 .* 0 of 2 +ada", table, re.M)
        _, picture = await cli(on, "show", batch)
        assert "└── · #15" in picture
    shown = await read(on, "show", batch)
    assert shown["from"] == "database"
    _, picture = await cli(on, "show", batch)
    assert "No bot runs: this is what the database has." in picture


async def test_what_batches_cost_is_told_as_a_table_as_json_and_as_charts(on: World):
    nothing = await cli(on, "stats")
    assert nothing[0] == 1  # there is no database yet
    on.issue(12, "write a b\nexit 75 once")
    on.issue(15, "exit 1")
    on.issue(18, "write c d")
    async with on.bot(BATCH_SWEEP_SECONDS="10"):
        await on.finished(on.say("/batch 12 15 18 after:15"))
        told = await read(on, "stats", "--since", "2h")
        await on.until(lambda: len(on.rows("SELECT 1 FROM usages")) == 3)  # a sweep
        kept = await read(on, "stats", "--since", "2h")
        assert (kept["rows"], kept["days"]) == (told["rows"], told["days"])
    since, until = (datetime.fromisoformat(told[one]) for one in ("since", "until"))
    assert until - since == timedelta(hours=2)
    [row] = told["rows"]
    assert (row["repository"], row["action"]) == ("acme/widgets", "implement")
    ends = [row[end] for end in ("items", "completed", "failed", "skipped")]
    assert ends == [3, 1, 1, 1]
    assert (row["success"], row["retries"]) == (0.5, 1)
    assert 0 < row["median_seconds"] <= row["p90_seconds"]
    requests = on.rows("SELECT sum(requests) FROM items")
    assert [(row["requests"],)] == requests
    assert row["wait_seconds"]["items"] > 0
    assert row["wait_seconds"]["retry"] > 0
    assert sum(day["completed"] for day in told["days"]) == 1
    charts = on.folder / "charts.svg"
    code, said = await cli(on, "stats", "--svg", str(charts))
    assert code == 0
    assert "3 items of batches ended between " in said
    assert re.search(
        r"^acme/widgets +implement +3 +50% +\d+s +\d+s +\d+ +1$", said, re.M
    )
    assert re.search(r"^acme/widgets +implement +1 failed, 1 skipped +", said, re.M)
    drawn = ElementTree.fromstring(charts.read_text())  # noqa: S314 - our own
    titles = [one.text or "" for one in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert any(one.endswith(": failed, 1") for one in titles), titles
    assert (await cli(on, "stats", "--svg", str(on.folder / "no" / "x.svg")))[0] == 1
    code, said = await cli(on, "stats", "--since", "soon")
    assert (code, "write 12h, 30d or 8w" in said) == (2, True)


async def test_a_batch_is_watched_to_its_end_and_its_log_is_followed(on: World):
    async with waiting_batch(on) as batch:
        watching = await begun(on, "show", batch, "--watch", "--json")
        following = await begun(on, "logs", f"{batch}/12", "-f")
        assert watching.stdout
        assert following.stdout
        first = json.loads(await watching.stdout.readline())
        assert await following.stdout.readline() == b"hello\n"
        (on.folder / "go").touch()
        rest, _ = await watching.communicate()
        more, _ = await following.communicate()
    assert (watching.returncode, following.returncode, more) == (0, 0, b"")
    last = json.loads(rest.splitlines()[-1])
    assert (first["is_over"], last["is_over"]) == (False, True)
    assert (await cli(on, "logs", f"{batch}/99"))[0] == 1
    code, said = await cli(on, "logs", f"{batch}/15")
    assert (code, "has printed nothing" in said) == (1, True)


async def test_a_plan_is_told_and_nothing_is_left_of_it(on: World):
    on.issue(12, "write a b")
    on.issue(18, "write c d")
    async with on.bot():
        code, said = await cli(on, "plan", "acme/widgets", "12 18 after:12")
        assert code == 0
        assert "Wave 2: #18 (after #12)" in said
        code, said = await cli(on, "plan", "acme/widgets", "12 99")
        assert (code, "99: there is no issue or pull request 99" in said) == (1, True)
        code, said = await cli(on, "plan", "acme/nothing", "12")
        assert (code, "The app is not installed on acme/nothing" in said) == (1, True)
        code, said = await cli(on, "plan", "acme/widgets", "status")
        assert (code, "no command with items" in said) == (1, True)
        assert on.replies() == []
        on.assert_nothing_started()


# --- to act ---


async def test_what_the_operator_does_is_recorded_and_said_in_the_thread(on: World):
    async with waiting_batch(on) as batch:
        assert (await cli(on, "pause", batch))[0] == 0
        await on.until(lambda: "paused by the operator" in on.said("tracking"))
        await on.until(lambda: on.replies()[-1].startswith(f"⏸️ Paused batch `{batch}`"))
        code, said = await cli(on, "pause", batch)
        assert (code, "Pause changed nothing" in said) == (1, True)
        told = await read(on, "resume", batch)
        assert (told["is_refused"], told["outcome"]) == (False, f"resume {batch}")
        assert (await cli(on, "cancel", batch, "99"))[0] == 1
        assert (await cli(on, "cancel", batch, "15"))[0] == 0
        (on.folder / "go").touch()
        await on.until(lambda: on.comments("report"))
        # Whoever did not ask is not told of what was asked in vain.
        assert "changed nothing" not in "".join(on.replies())
        shown = await read(on, "show", batch)
    assert shown["items"][1]["words"] == "was cancelled by the operator"
    recorded = on.rows("SELECT data FROM events WHERE kind = 'ControlGiven'")
    assert len(recorded) == 3
    assert all('"by":"the operator"' in data for (data,) in recorded)


async def test_the_operator_waits_for_no_github(on: World):
    async with waiting_batch(on) as batch:
        away = Fault(status=502, times=None, seconds=3600)
        on.hub.faults.add(away)
        told = await asyncio.wait_for(read(on, "pause", batch), 50)
        assert told["outcome"] == f"pause {batch}"
        assert (await read(on, "show", batch))["state"] == "paused"


async def test_the_operator_may_retry_what_needs_a_maintainer(on: World):
    on.issue(12)
    on.hub.faults.add(Fault(status=422, message="no", path="/issues/12$"))
    async with on.bot():
        await on.finished(on.say("/batch close 12", by="grace"))
        [(batch,)] = on.rows("SELECT id FROM batches")
        assert on.thread(12).is_open
        assert (await cli(on, "retry", batch))[0] == 0
        await on.until(lambda: not on.thread(12).is_open)


async def test_a_retry_of_the_operator_is_a_batch_of_its_own(on: World):
    on.issue(12, f"exit 1 unless {on.folder}/mended\nwrite a b")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
        [(batch,)] = on.rows("SELECT id FROM batches")
        (on.folder / "mended").touch()
        told = await read(on, "retry", batch)
        assert told["outcome"].startswith("batch ")
        assert "has begun; its progress comes in `acme/widgets#40`" in told["said"]
        await on.until(lambda: len(on.comments("report")) == 2)
        assert 12 in on.pull_requests()
    said = on.said("report")
    assert "Asked for by the operator from the command line of its server" in said


async def failed_batch(on: World) -> str:
    """Run a batch to its end whose one item fails until there is the file *mended*."""
    on.issue(12, f"exit 1 unless {on.folder}/mended\nwrite a b")
    await on.finished(on.say("/batch 12"))
    (on.folder / "mended").touch()
    [(batch,)] = on.rows("SELECT id FROM batches")
    return str(batch)


async def test_retries_of_two_terminals_and_of_a_comment_come_to_one_batch(
    on: World,
):
    async with on.bot():
        batch = await failed_batch(on)
        slow = Fault(FaultKind.DELAY, path="/graphql", times=None, delay_seconds=1.5)
        on.hub.faults.add(slow)
        retries = asyncio.gather(cli(on, "retry", batch), cli(on, "retry", batch))
        await on.until(
            lambda: on.rows("SELECT 1 FROM deliveries WHERE event = 'operator'")
        )
        comment = on.say(f"/batch retry {batch}")
        assert sorted(code for code, _ in await retries) == [0, 1]
        await on.until(lambda: "confused" in on.reactions(comment))
        await on.until(lambda: len(on.comments("report")) == 2)
    assert len(on.rows("SELECT id FROM batches")) == 2


async def running(on: World) -> asyncio.subprocess.Process:
    """Run a bot in a process of its own; it is ready when this returns."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"),
        cwd=on.folder,
        env={"PATH": os.environ["PATH"], **on.environment()},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    while b"ready" not in await process.stderr.readline():
        pass
    path = socket_of(on.folder / "data" / "batch.db")
    await on.until(path.exists)
    return process


async def test_a_retry_is_done_once_though_the_bot_is_killed_before_it_has_answered(
    on: World,
):
    async with on.bot():
        batch = await failed_batch(on)
    bot = await running(on)
    slow = Fault(FaultKind.DELAY, path="/graphql", times=None, delay_seconds=3600)
    on.hub.faults.add(slow)
    retry = asyncio.create_task(cli(on, "retry", batch))
    wish = "SELECT outcome FROM deliveries WHERE event = 'operator'"
    await on.until(lambda: on.rows(wish))
    bot.send_signal(signal.SIGKILL)
    await bot.communicate()
    code, said = await retry
    assert (code, "may be done all the same" in said) == (1, True)
    assert len(on.rows("SELECT id FROM batches")) == 1
    on.hub.faults.clear()
    async with on.bot():
        await on.until(lambda: len(on.comments("report")) == 2)
    assert len(on.rows("SELECT id FROM batches")) == 2
    [(outcome,)] = on.rows(wish)
    assert outcome.startswith("batch ")


async def test_a_retry_waits_for_github_and_its_terminal_does_not(on: World):
    async with on.bot():
        batch = await failed_batch(on)
        on.hub.faults.add(Fault(status=502, path="/graphql", times=None))
        told = await read(on, "retry", batch)
        assert (told["outcome"], told["is_refused"]) == ("waiting", False)
        assert "It is tried again for an hour" in told["said"]
        on.hub.faults.clear()
        await on.until(lambda: len(on.comments("report")) == 2)


async def test_no_bot_is_said_and_nothing_is_done(on: World):
    for words in (["pause", "b7k2"], ["plan", "acme/widgets", "12"]):
        code, said = await cli(on, *words)
        assert code == 1
        assert said.startswith("No bot runs on ")


# --- deliveries ---


async def test_a_delivery_is_received_from_a_file_as_if_github_had_sent_it(on: World):
    on.issue(12, "write a b")
    async with on.bot() as bot:
        on.hub.set_webhook_url("http://127.0.0.1:9/")  # nothing arrives by itself
        on.say("/batch 12")
        await on.hub.webhooks.drain()
        sent = on.hub.webhooks.deliveries[-1]
        (on.folder / "comment.json").write_bytes(sent.payload)
        words = ["receive", "-e", "issue_comment", "-p"]
        code, said = await cli(on, *words, "comment.json")
        assert (code, said.strip().rpartition(": ")[2][:6]) == (0, "batch ")
        code, said = await cli(on, *words, "-", stdin=sent.payload)
        assert code == 0
        assert len(on.rows("SELECT id FROM batches")) == 1  # one comment, one batch
        code, said = await cli(on, *words, "-", stdin=b"[]")
        assert (code, "is no JSON object" in said) == (1, True)
        assert bot.url


async def test_deliveries_are_listed_and_delivered_again(on: World):
    async with on.bot():
        await on.answer("/batch help")
        [guid] = [d.guid for d in on.hub.webhooks.deliveries if b"help" in d.payload][
            :1
        ]

        async def rows() -> list[Any]:
            listed = await read(on, "deliveries", "--limit", "50")
            return [row for row in listed if row["guid"] == guid]

        [first] = await rows()
        assert (first["status_code"], first["became"]) == (202, "help")
        code, said = await cli(on, "deliveries", "--redeliver", "no-such")
        assert (code, "GitHub has no delivery no-such" in said) == (1, True)
        assert (await cli(on, "deliveries", "--redeliver", guid))[0] == 0
        await on.hub.webhooks.drain()
        again, _ = await rows()
        assert (again["is_redelivery"], again["status_code"]) == (True, 202)
        assert guid in (await cli(on, "deliveries"))[1]


async def test_pruning_is_for_a_bot_that_is_stopped(on: World):
    async with on.bot():
        await on.answer("/batch help")
        code, said = await cli(on, "db", "prune")
        assert (code, "is in use by process" in said) == (1, True)
    assert await read(on, "db", "prune") == {"deliveries": 0}


# --- the socket ---


async def test_nobody_else_gets_at_the_socket_and_a_stale_one_is_replaced(on: World):
    path = socket_of(on.folder / "data" / "batch.db")
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with pytest.raises(NoBot):
        Door(on.folder / "data" / "batch.db").ask("findings")
    async with on.bot():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert await asyncio.to_thread(
            Door(on.folder / "data/batch.db").ask, "findings"
        )
    assert not path.exists()


async def test_what_lies_in_the_way_is_left_there_and_the_bot_goes_on(on: World):
    path = socket_of(on.folder / "data" / "batch.db")
    path.parent.mkdir()
    path.write_text("mine")
    async with on.bot():
        assert await on.answer("/batch help")
    assert path.read_text() == "mine"


async def test_a_socket_of_another_user_is_not_spoken_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    database = tmp_path / "batch.db"
    with socket.socket(socket.AF_UNIX) as planted:
        planted.bind(str(socket_of(database)))
        planted.listen()
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(UserError, match="is of another user"):
            Door(database).ask("findings")


async def test_another_version_and_a_deep_folder(tmp_path: Path):
    database = tmp_path / ("deep" * 30) / "batch.db"
    database.parent.mkdir()
    path = socket_of(database)
    assert len(str(path)) > LONGEST_PATH

    async def fine(_asked: Any) -> Any:
        return {"fine": True}

    ask = Door(database).ask
    async with serve(path, {"look": fine}, version="99"):
        with pytest.raises(UserError, match=r"is version 99, this is .* restart"):
            await asyncio.to_thread(ask, "look")
    async with serve(path, {"look": fine}, version=version("batch-bot")):
        assert await asyncio.to_thread(ask, "look") == {"fine": True}
        with pytest.raises(UserError, match="larger than the 25 MiB"):
            await asyncio.to_thread(ask, "look", body="x" * MOST_BYTES)
        with pytest.raises(UserError, match="does not know that"):
            await asyncio.to_thread(ask, "leap")


async def test_a_bot_that_was_killed_is_no_bot(on: World):
    process = await running(on)
    path = socket_of(on.folder / "data" / "batch.db")
    assert (await cli(on, "batches"))[0] == 0
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    assert path.exists()
    code, said = await cli(on, "resume", "b7k2")
    assert (code, said.startswith("No bot runs on ")) == (1, True)


async def test_the_shell_completes_commands_and_batches(on: World):
    on.issue(12, "write a b")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
    [(batch,)] = on.rows("SELECT id FROM batches")
    assert "_BATCH_BOT_COMPLETE" in (await cli(on, "completion", "bash"))[1]
    for words, completed in (
        (f"show {batch[:2]}", batch),
        (f"logs {batch}", f"{batch}/12"),
    ):
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("batch-bot")),
            cwd=on.folder,
            env={
                "PATH": os.environ["PATH"],
                **on.environment(),
                "_BATCH_BOT_COMPLETE": "bash_complete",
                "COMP_WORDS": f"batch-bot {words}",
                "COMP_CWORD": "2",
            },
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert said.decode() == f"plain,{completed}\n"
