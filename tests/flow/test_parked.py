"""An item that waits for somebody outside: parked, woken, cancelled, killed, gone on."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bot import wiring
from bot.core.actions.table import ACTIONS
from bot.errors import SettingsError
from bot.localhub.state import Comment
from tests.flow.killing import mortal_world
from tests.flow.mortal import SwiftClock
from tests.flow.world import REPOSITORY, World

PARKED = "SELECT count(*) FROM events WHERE kind = 'ItemParked'"
UNPARKED = "SELECT count(*) FROM events WHERE kind = 'ItemUnparked'"
STARTED = "SELECT count(*) FROM events WHERE kind = 'ItemStarted'"
RUNNING = "SELECT count(*) FROM items WHERE state = 'running'"


def points(value: str = "tests.flow.parked:GATE"):
    def entry_points(*, group: str) -> list[EntryPoint]:
        return [EntryPoint("gate", value, group)]

    return entry_points


@pytest.fixture(autouse=True)
def gate(monkeypatch):
    monkeypatch.setattr(wiring, "entry_points", points())


def gates(on: World, *numbers: int) -> None:
    for number in numbers:
        on.pull_request(number)


def report(on: World, number: int, conclusion: str | None = "success") -> None:
    pull = on.thread(number).pull
    assert pull is not None
    on.hub.check(REPOSITORY, pull.head_sha, "gate", conclusion=conclusion)


def said_on(on: World, number: int) -> list[str]:
    return [
        reply for reply in on.replies(on=number) if "gate" in reply or "Nobody" in reply
    ]


async def parked(on: World, count: int) -> None:
    await on.until(lambda: on.rows(PARKED) == [(count,)])


async def begin(on: World, command: str, count: int) -> Comment:
    given = on.say(command)
    await on.until(lambda: on.comments("tracking"))
    await parked(on, count)
    return given


async def test_a_check_that_has_reported_parks_nothing(on: World):
    gates(on, 61)
    report(on, 61)
    async with on.bot():
        await on.finished(on.say("/batch gate 61"))
        assert on.rows(PARKED) == [(0,)]
        assert said_on(on, 61) == ["The gate is open."]
        assert "the gate is open" in on.said("report")


async def test_a_delivery_wakes_what_waits(on: World):
    gates(on, 61)
    async with on.bot():
        given = await begin(on, "/batch gate 61", 1)
        await on.until(lambda: "waits for the check gate" in on.said("tracking"))
        report(on, 61, None)  # it runs: that is a reason to look, and not the end
        before = on.clock.monotonic()
        report(on, 61)
        await on.finished(given)
        assert on.clock.monotonic() - before < 100
        assert said_on(on, 61) == ["The gate is open."]
        assert on.rows(UNPARKED) == [(1,)]
        assert (await on.answer("/batch why 61")).count("the gate is open") == 1


async def test_a_slow_look_finds_what_no_delivery_told(on: World):
    gates(on, 61)
    async with on.bot():
        given = await begin(on, "/batch gate 61", 1)
        on.hub.set_webhook_url(None)
        report(on, 61)
        await on.finished(given)
        assert said_on(on, 61) == ["The gate is open."]


async def test_a_parked_item_leaves_its_slot_to_others(on: World):
    gates(on, 61, 62, 63)
    async with on.bot(BATCH_CONCURRENCY="1"):
        given = await begin(on, "/batch gate 61 62 63 concurrency:1", 3)
        assert on.rows(RUNNING) == [(3,)]
        command = on.say("/batch label +bug 40", on=61)
        await on.finished(command)
        for number in (63, 62, 61):
            report(on, number)
        await on.finished(given)
        assert "hooray" in on.reactions(given)


async def test_a_check_that_fails_fails_the_item_with_its_own_word(on: World):
    gates(on, 61)
    async with on.bot():
        given = await begin(on, "/batch gate 61", 1)
        report(on, 61, "timed_out")
        await on.finished(given)
        assert "the check gate ended with timed" in on.said("report")


async def test_a_wait_ends_at_the_items_time_out(on: World):
    gates(on, 61)
    async with on.bot():
        given = await begin(on, "/batch gate 61 timeout:5m", 1)
        await on.finished(given)
        reason = "timed out after 5m, waiting for the check gate"
        assert reason in on.said("report")


async def test_a_parked_item_can_be_cancelled_and_says_what_stays(on: World):
    gates(on, 61)
    async with on.bot():
        given = await begin(on, "/batch gate 61", 1)
        on.say("/batch cancel")
        await on.finished(given)
        assert said_on(on, 61) == ["Nobody waits any more."]
        assert "cancelled by ada" in on.said("report").lower()
        assert "its comment stays" in on.said("report")


async def test_a_push_ends_what_waits_for_the_pinned_head(on: World):
    gates(on, 61)
    async with on.bot():
        given = await begin(on, "/batch gate 61", 1)
        on.hub.push("linus", REPOSITORY, "topic-61", {"more.txt": "x"}, message="More")
        await on.finished(given)
        assert "head moved" in on.said("report")


@pytest.mark.slow
async def test_a_wait_survives_kill_9_and_is_no_new_attempt(tmp_path: Path):
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, _, child):
        gates(on, 61, 62)
        await child.start(ACTIONS="tests.flow.parked:GATE")
        given = await begin(on, "/batch gate 61 62 after:61", 1)
        await child.kill()
        report(on, 61)
        await child.start(ACTIONS="tests.flow.parked:GATE")
        await parked(on, 2)
        report(on, 62)
        await on.finished(given)
        assert on.rows(STARTED) == [(2,)]
        assert said_on(on, 61) == said_on(on, 62) == ["The gate is open."]


@pytest.mark.slow
async def test_an_action_that_is_gone_after_a_restart_fails_its_items(tmp_path: Path):
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, _, child):
        gates(on, 61)
        await child.start(ACTIONS="tests.flow.parked:GATE")
        given = await begin(on, "/batch gate 61", 1)
        await child.kill()
        await child.start()
        await on.finished(given)
        assert "this server has no action" in on.said("report")
        assert on.comments("error") == []


@pytest.mark.parametrize(
    "value", ["tests.flow.parked:next_step", "bot.core.actions.label:LABEL"]
)
async def test_what_is_no_new_action_is_refused_at_the_start(
    on: World, monkeypatch, value: str
):
    monkeypatch.setattr(wiring, "entry_points", points(value))
    with pytest.raises(SettingsError, match="gate"):
        async with on.bot():
            pass
    assert "gate" not in ACTIONS


def test_two_packages_cannot_add_actions_of_one_name(monkeypatch):
    twice = [point for _ in "ab" for point in points()(group="batch_bot.actions")]
    monkeypatch.setattr(wiring, "entry_points", lambda *, group: twice)
    with pytest.raises(SettingsError, match="gate"):
        wiring.actions_from_outside()
