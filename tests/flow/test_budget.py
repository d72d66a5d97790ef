"""A batch waits for the installation's requests, says so, and goes on by itself."""

from collections import Counter
from datetime import timedelta

import pytest

from bot import app
from bot.localhub.accounts import Installation
from bot.localhub.faults import Fault, FaultKind
from bot.localhub.state import Thread
from tests.flow.world import REPOSITORY, World


def installation_of(on: World, repository: str = REPOSITORY) -> Installation:
    found = on.hub.state.repository(repository)
    assert found is not None
    installation = on.hub.state.installation_of(found)
    assert installation is not None
    return installation


def asked_by(on: World, client: int, *, since: int = 0) -> list[str]:
    """Return the requests of an installation, or of the app (0), apart from tokens."""
    return [
        f"{exchange.method} {exchange.path}"
        for exchange in list(on.hub.log)[since:]
        if exchange.client == client and "access_tokens" not in exchange.path
    ]


async def test_items_wait_for_the_reset_and_then_start_by_themselves(on: World):
    for number in range(12, 22):
        on.issue(number)
    installation = installation_of(on)
    window = on.hub.limits.window(installation.id, "core")
    window.reset_at = on.hub.now() + timedelta(seconds=90)
    on.hub.limits.set_limit(installation.id, remaining=512)
    async with on.bot():
        command = on.say("/batch label +bug 12..21")
        await on.until(
            lambda: (
                on.comments("tracking")
                and "waits for the API budget" in on.comment("tracking").body
            )
        )
        # What is kept back for other work stays untouched by items.
        assert window.limit - window.used > 490
        await on.finished(command)
    assert "10 of 10 done" in on.comment("report").body
    assert "for the API budget" in on.comment("report").body


async def test_what_is_given_before_the_reset_ends_the_wait(on: World):
    for number in range(12, 22):
        on.issue(number)
    installation = installation_of(on)
    window = on.hub.limits.window(installation.id, "core")
    on.hub.limits.set_limit(installation.id, remaining=512)
    reset_at = window.reset_at
    assert reset_at is not None
    async with on.bot(BATCH_SWEEP_SECONDS="10"):
        command = on.say("/batch label +bug 12..21")
        await on.until(lambda: "waits for the API budget" in on.said("tracking"))
        on.hub.limits.begin_again(installation.id)
        await on.finished(command)
    assert on.hub.now() < reset_at - timedelta(minutes=30)
    assert "10 of 10 done" in on.comment("report").body


async def test_a_restart_does_not_begin_what_the_budget_does_not_allow(on: World):
    for number in range(12, 18):
        on.issue(number)
    installation = installation_of(on)
    window = on.hub.limits.window(installation.id, "core")
    async with on.bot():
        on.hub.limits.set_limit(installation.id, remaining=508)
        command = on.say("/batch label +bug 12..17")
        await on.until(lambda: on.said("tracking"))
        await on.until(lambda: "waits for the API budget" in on.said("tracking"))
    on.hub.limits.set_limit(installation.id, remaining=500)
    begun = len(on.hub.log)
    async with on.bot():
        await on.until(
            lambda: "GET /app/hook/deliveries" in asked_by(on, 0, since=begun)
        )
        await on.until(lambda: "waits for the API budget" in on.said("tracking"))
    assert not [
        one for one in asked_by(on, installation.id, since=begun) if "labels" in one
    ]
    window.reset_at = on.hub.now()
    async with on.bot():
        await on.finished(command)
    assert "6 of 6 done" in on.comment("report").body


async def test_a_start_waits_for_nobody_who_does_not_tell_what_is_left(
    on: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app, "LEARNING_SECONDS", 0.1)
    for number in (12, 13):
        on.issue(number)
    slow = Fault(FaultKind.DELAY, path="/labels$", delay_seconds=60)
    silent = Fault(FaultKind.DELAY, path="^/rate_limit$", delay_seconds=3600)
    on.hub.faults.add(slow)
    on.hub.faults.add(silent)
    async with on.bot(SHUTDOWN_TIMEOUT="0"):
        command = on.say("/batch label +bug 12 13 concurrency:1")
        await on.until(lambda: slow.times == 0)
    async with on.bot():
        assert silent.times == 0
        await on.finished(command)
    assert "2 of 2 done" in on.comment("report").body


async def test_a_hold_of_github_outlives_the_bot(on: World):
    for number in (12, 13):
        on.issue(number)
    client = installation_of(on).id
    on.hub.limits.secondary.retry_after_seconds = 900
    path = rf"^/repos/{REPOSITORY}/issues/\d+/labels$"
    on.hub.faults.add(Fault(FaultKind.SECONDARY_LIMIT, method="POST", path=path))
    async with on.bot(SHUTDOWN_TIMEOUT="0"):
        command = on.say("/batch label +bug 12 13 concurrency:1")
        await on.until(lambda: on.rows("SELECT strikes FROM holds") == [(1,)])
    begun = len(on.hub.log)
    async with on.bot(SHUTDOWN_TIMEOUT="0"):
        await on.until(
            lambda: "GET /app/hook/deliveries" in asked_by(on, 0, since=begun)
        )
        second = on.say("/batch help")
    assert asked_by(on, client, since=begun) == []
    on.later(minutes=15)
    async with on.bot():
        await on.finished(command)
        await on.until(lambda: on.comments("help"))
        await on.until(lambda: on.rows("SELECT strikes FROM holds") == [])
    assert "2 of 2 done" in on.comment("report").body
    assert "eyes" in on.reactions(second)


AWAY = "umbrella/corp"


def open_elsewhere(on: World, body: str = "") -> Thread:
    """Open an issue in a repository of another installation."""
    if on.hub.state.repository(AWAY) is None:
        on.hub.add_organization("umbrella")
        on.hub.create_repository(AWAY, files={"README.md": "# corp\n"})
        on.hub.set_role("umbrella", AWAY, "ada", "admin")
        on.hub.install("umbrella")
        on.hub.add_label(AWAY, "bug")
    return on.hub.open_issue("ada", AWAY, "Item", body)


async def test_an_installation_that_is_held_slows_no_other_down(on: World):
    for number in (12, 13, 14):
        on.issue(number)
    thread = [open_elsewhere(on) for _ in range(12)][-1]
    on.hub.limits.secondary.retry_after_seconds = 3600
    path = rf"^/repos/{REPOSITORY}/issues/\d+/labels$"
    on.hub.faults.add(Fault(FaultKind.SECONDARY_LIMIT, method="POST", path=path))
    async with on.bot(SHUTDOWN_TIMEOUT="0"):
        on.say("/batch label +bug 12 13 14")
        await on.until(lambda: on.rows("SELECT strikes FROM holds") == [(1,)])
        held_at = len(on.hub.log)
        command = on.hub.comment("ada", AWAY, thread.number, "/batch label +bug 1..12")
        await on.finished(command)
    assert all(one.labels for one in thread.repository.threads.values())
    assert asked_by(on, installation_of(on).id, since=held_at) == []
    assert not on.comments("report")


async def test_work_that_waits_for_github_keeps_nobody_from_a_workspace(on: World):
    on.issue(12, "write a b")
    thread = open_elsewhere(on, "write c d")
    on.hub.limits.secondary.retry_after_seconds = 3600
    path = rf"^/repos/{REPOSITORY}/pulls$"
    on.hub.faults.add(Fault(FaultKind.SECONDARY_LIMIT, method="POST", path=path))
    async with on.bot(SHUTDOWN_TIMEOUT="0", BATCH_WORKSPACES="1"):
        on.say("/batch 12")
        await on.until(lambda: on.rows("SELECT strikes FROM holds") == [(1,)])
        command = on.hub.comment("ada", AWAY, thread.number, "/batch 1")
        await on.finished(command)
    assert not on.comments("report")


async def test_nobody_asks_for_what_a_query_or_a_delivery_has_told(on: World):
    for number in range(101, 121):
        on.issue(number)
    client = installation_of(on).id
    slow = Fault(FaultKind.DELAY, method="POST", path="issues/101/", delay_seconds=30)
    on.hub.faults.add(slow)
    async with on.bot():
        command = on.say("/batch label +bug 101..120 concurrency:1")
        await on.until(lambda: slow.times == 0)
        on.hub.label("linus", REPOSITORY, 120, "bug")
        await on.finished(command)
    asked = Counter(asked_by(on, client))
    issue = f"/repos/{REPOSITORY}/issues"
    labels = [(101 + n, asked[f"POST {issue}/{101 + n}/labels"]) for n in range(20)]
    assert labels == [(number, int(number < 120)) for number in range(101, 121)]
    read = {name for name in asked if name.startswith(f"GET {issue}/1")}
    assert read == {f"GET {issue}/120"}
    assert "was labelled so already" in on.comment("report").body
