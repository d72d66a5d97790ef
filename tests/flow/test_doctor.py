"""The doctor, as an operator runs it: a process of its own before the local GitHub."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.host.clock import SystemClock
from bot.localhub.hub import EVENTS
from tests.flow.world import World, world
from tests.nursery import command


async def run(folder: Path, *words: str, **variables: str) -> tuple[int, list[str]]:
    """Run the command line with these variables and no others."""
    process = await asyncio.create_subprocess_exec(
        *await asyncio.to_thread(command, *words),
        cwd=folder,
        env={"PATH": os.environ["PATH"], **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().splitlines()


async def examined(on: World, **variables: str) -> tuple[int, dict[str, list[Any]]]:
    """Return the exit code, and what is not fine by its state."""
    code, said = await run(
        on.folder, "doctor", "--json", **{**on.environment(), **variables}
    )
    document = json.loads("\n".join(said))
    found: dict[str, list[Any]] = {"note": [], "broken": []}
    for one in document["findings"]:
        found.setdefault(one["state"], []).append(one)
    expected = "broken" if found["broken"] else "note" if found["note"] else "fine"
    assert document["state"] == expected
    return code, found


def said_of(found: list[Any], part: str) -> str:
    return "\n".join(f"{o['words']}: {o['advice']}" for o in found if o["part"] == part)


@pytest.fixture
async def on(tmp_path: Path):
    async with world(tmp_path, clock=SystemClock()) as made:
        yield made


async def test_beside_a_running_bot_all_is_seen_and_nothing_is_disturbed(on: World):
    on.issue(12, "write a b")
    public = {"WEB_URL": "https://bot.example.com"}
    async with on.bot():
        await on.finished(on.say("/batch label +x 12"))
        files = files_of(on)
        code, lines = await run(on.folder, "doctor", **{**on.environment(), **public})
        assert files_of(on) == files
        await on.finished(on.say("/batch label +y 12"))
    assert code == 0, lines
    *found, empty, summary = lines
    assert (empty, summary) == ("", "All works, with 2 notes.")
    pages, note = sorted(line for line in found if not line.startswith("✓"))
    assert "the pages open by the links in comments alone" in pages
    assert "goes to http://127.0.0.1" in note
    assert "WEB_URL has https://bot.example.com: make them the same" in note
    own, others = [line for line in found if "webhooks come to" in line]
    assert "batch-bot" in own
    assert "webhooks come to https://bot.example.com/" in own
    assert "the bot that runs: batch-bot" in others
    for said in (
        f"the bot runs: process {os.getpid()} on ",
        "the last delivery was taken: ",
        "WEBHOOK_SECRET is what GitHub signs with",
        "this machine's clock agrees with GitHub's",
        "git is there and new enough",
        "acme: 4,9",
    ):
        assert any(said in line for line in found), said


def files_of(on: World) -> list[str]:
    return sorted(str(path) for path in (on.folder / "data").rglob("*"))


async def test_before_the_first_start_nothing_is_made(on: World):
    code, found = await examined(on)
    assert code == 1
    assert said_of(found["broken"], "webhook").startswith(
        "the app's webhook has no address"
    )
    assert "start it with `python -m bot run`" in said_of(found["note"], "bot")
    assert "is made at the first start" in said_of(found["fine"], "database")
    assert not (on.folder / "data").exists()


async def test_all_that_is_wrong_is_named_at_once(on: World):
    database = on.folder / "data/batch.db"
    database.parent.mkdir()
    database.write_bytes(b"no database" * 999)
    code, found = await examined(
        on,
        PORT="99999",
        WEBHOOK_SECRET="",
        BATCH_CONCURENCY="3",
        PATH=str(on.folder),
        GITHUB_API_URL=on.hub.api_url,
    )
    broken = found["broken"]
    assert code == 1
    settings = said_of(broken, "settings")
    for name in ("PORT=", "WEBHOOK_SECRET is not set", "BATCH_CONCURENCY is not known"):
        assert name in settings
    assert "is damaged" in said_of(broken, "database")
    assert "no git on this server" in said_of(broken, "git")
    assert "has no address" in said_of(broken, "webhook")
    assert "takes the app's key" in said_of(found["fine"], "GitHub")


async def test_an_app_that_is_not_known_keeps_the_rest_from_nothing(on: World):
    code, found = await examined(on, APP_ID="?", PATH=str(on.folder))
    assert code == 1
    assert {one["part"] for one in found["broken"]} == {"settings", "git"}
    assert "GitHub was not asked" in said_of(found["note"], "GitHub")


async def test_a_secret_of_another_webhook_is_found_by_githubs_own_deliveries(
    on: World,
):
    other = {"WEBHOOK_SECRET": "another"}
    async with on.bot(**other):
        on.say("/batch help")
        await on.hub.webhooks.drain()
        code, found = await examined(on, **other)
    assert code == 1
    said = said_of(found["broken"], "deliveries")
    assert said.startswith("the last delivery was refused (401): issue_comment")
    assert f"{on.hub.html_url}/settings/apps/batch-bot" in said
    assert not said_of(found["fine"], "secret")


async def test_the_key_of_another_app_and_a_github_that_is_away_are_said_once(
    on: World,
):
    for variable, value, words in (
        ("APP_ID", "7", "GitHub refuses the app's key (401)"),
        ("GITHUB_API_URL", "http://127.0.0.1:9", "GitHub does not answer"),
    ):
        code, found = await examined(on, **{variable: value})
        assert code == 1
        [one] = found["broken"]
        assert one["words"].startswith(words)


async def test_what_the_app_and_each_installation_lack_has_the_page_that_mends_it(
    on: World,
):
    first = on.hub.state.installation_of(on.repository)
    assert first is not None
    on.hub.add_organization("umbrella")
    second = on.hub.install("umbrella")
    on.hub.suspend_installation(second)
    on.hub.grant(first, issues="read", checks="")
    events = tuple(event for event in EVENTS if event != "check_run")
    on.hub.app = replace(on.hub.app, events=events)
    text = "allowed_repositories: [acme/*, acme/gone, initech/*]"
    (on.folder / "batch-bot.yml").write_text(text)
    code, found = await examined(on, BATCH_SETTINGS_FILE="batch-bot.yml")
    page = f"{on.hub.html_url}/settings/installations"
    granted = said_of(found["note"], "permissions")
    assert "acme has not granted issues: write (" in granted
    assert "checks: write (" in granted
    assert f"{page}/{first.id}" in granted
    suspended = said_of(found["note"], "installations")
    assert suspended == (
        f"umbrella has suspended the app: its owner can end that at {page}/{second.id}"
    )
    events_ = said_of(found["note"], "events")
    assert events_.startswith("the app is not subscribed to check_run: subscribe it")
    unseen = said_of(found["note"], "repositories")
    assert "allowed_repositories has acme/gone, initech/*, where" in unseen
    assert code == 1  # for the webhook without an address
    assert {one["part"] for one in found["broken"]} == {"webhook"}
