"""What means the same happens once, however it arrives."""

import hmac
from uuid import uuid4

import aiohttp
import pytest

from bot.app import Bot
from bot.localhub.webhooks import HookDelivery
from tests.flow.world import REPOSITORY, World


def batches(on: World) -> list[str]:
    return [name for (name,) in on.rows("SELECT id FROM batches ORDER BY number")]


def assert_one_batch(on: World) -> None:
    assert len(batches(on)) == 1
    assert len(on.comments("tracking")) == len(on.comments("report")) == 1
    assert len(on.pull_requests()) == 1
    assert len(on.replies()) == 2


def last_delivery(on: World) -> HookDelivery:
    """Return the delivery of the last comment."""
    found = [
        d
        for d in on.hub.webhooks.deliveries
        if (d.event, d.action) == ("issue_comment", "created")
        and b'"login":"batch-bot[bot]"' not in d.payload.split(b'"sender":')[1]
    ]
    return found[-1]


async def test_a_delivery_that_comes_again_changes_nothing(on: World):
    on.issue(12, "write a.txt a")
    async with on.bot():
        command = on.say("/batch 12")
        await on.finished(command)
        on.hub.webhooks.redeliver(last_delivery(on))
        await on.dealt_with()
        assert on.hub.webhooks.deliveries[-1].status_code == 202
    assert_one_batch(on)


async def test_a_replay_under_a_new_guid_changes_nothing(on: World):
    on.issue(12, "write a.txt a")
    async with on.bot() as bot:
        command = on.say("/batch 12")
        await on.finished(command)
        await replay(on, bot, last_delivery(on))
    assert_one_batch(on)


async def replay(on: World, bot: Bot, old: HookDelivery) -> None:
    """Send a delivery again under a new GUID, and wait until it is dealt with."""
    key = on.hub.app.webhook_secret.encode()
    signature = hmac.digest(key, old.payload, "sha256").hex()
    headers = {
        **old.request_headers,
        "X-GitHub-Delivery": str(uuid4()),
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{bot.url}/api/github/webhooks", data=old.payload, headers=headers
        ) as answer,
    ):
        assert answer.status == 202
    await on.dealt_with()


@pytest.mark.parametrize("is_named", [True, False])
async def test_a_start_that_comes_again_is_not_answered_as_a_second_one(
    on: World, is_named: bool
):
    on.issue(12, "write a.txt a")
    async with on.bot() as bot:
        on.say("/batch plan 12")
        await on.until(lambda: on.comments("plan"))
        name = on.comment("plan").body.split("batch:start ")[1].split(" ")[0]
        command = on.say(f"/batch start {name}" if is_named else "/batch start")
        await on.until(lambda: "rocket" in on.reactions(command))
        await replay(on, bot, last_delivery(on))
        await on.until(lambda: on.comments("report"))
    assert on.comments("error") == []
    assert "confused" not in on.reactions(command)
    assert len(on.comments("tracking")) == 1


async def test_two_deliveries_at_once_start_one_batch(on: World):
    on.issue(12, "write a.txt a")
    on.hub.webhooks.faults.twice = True
    async with on.bot():
        command = on.say("/batch 12")
        await on.finished(command)
        await on.dealt_with()
    assert_one_batch(on)


async def test_deliveries_out_of_order_do_what_they_mean(on: World):
    on.issue(12, "write a.txt a")
    on.issue(15, "write b.txt b")
    on.hub.webhooks.faults.shuffled = True
    async with on.bot():
        first, second = on.say("/batch 12"), on.say("/batch 15 after:12")
        await on.until(lambda: {"rocket", "confused"} & on.reactions(first))
        await on.until(lambda: {"rocket", "confused"} & on.reactions(second))
        await on.finished(first)
        on.hub.close("ada", on.repository.full_name, 12)
        await on.finished(second)
    assert len(batches(on)) == 2
    assert set(on.pull_requests()) == {12, 15}


async def test_two_lines_are_two_batches(on: World):
    on.issue(12, "write a.txt a")
    on.issue(15, "write b.txt b")
    async with on.bot():
        on.say("/batch 12\n/batch 15")
        await on.until(lambda: len(on.comments("report")) == 2)
        await on.dealt_with()
    assert len(batches(on)) == len(on.comments("tracking")) == 2


async def test_two_lines_of_which_one_has_a_fault_start_nothing(on: World):
    on.issue(12, "write a.txt a")
    async with on.bot():
        answer = await on.answer("/batch 12\n/batch 15 after:")
    assert "nothing started" in answer
    assert batches(on) == []


async def test_the_same_command_within_a_minute_is_answered_with_its_batch(on: World):
    on.issue(12)
    async with on.bot():
        await on.finished(on.say("/batch label +x 12"))
        answer = await on.answer("/batch  label +x #12")
        (name,) = batches(on)
        assert name in answer
        assert f"#issuecomment-{on.comment('tracking').id}" in answer
        await on.finished(on.say("/batch label +x 12", by="grace"))
    assert len(batches(on)) == 2  # what somebody else wishes is another wish


async def test_the_same_command_after_a_minute_is_a_new_one(on: World):
    on.issue(12)
    async with on.bot():
        for _ in range(2):
            await on.finished(on.say("/batch label +x 12"))
            on.later(seconds=61)
    assert len(batches(on)) == 2
    assert on.comments("error") == []


async def test_what_was_accepted_once_is_not_done_again_from_an_older_backup(on: World):
    on.issue(12)
    async with on.bot():
        old = on.say("/batch label +old 12")
        await on.finished(old)
        await on.dealt_with()
    (on.folder / "data" / "batch.db").unlink()
    on.hub.log.clear()  # the log of effects is gone with it
    on.hub.set_webhook_url("http://127.0.0.1:9/")
    new = on.say("/batch label +new 12")
    await on.hub.webhooks.drain()
    async with on.bot(BATCH_SWEEP_SECONDS="10"):
        await on.finished(new)
        await on.clock.sleep(60)
    assert len(batches(on)) == 1
    assert len(on.comments("report")) == 2


async def test_an_item_that_is_live_elsewhere_is_refused_with_a_link(on: World):
    on.issue(12, "hang")
    on.issue(15, "hang")
    async with on.bot():
        command = on.say("/batch 12")
        await on.until(lambda: on.comments("tracking"))
        await on.until(lambda: "rocket" in on.reactions(command))
        link = f"#issuecomment-{on.comment('tracking').id}"
        on.say("/batch 12 15", by="grace")
        await on.until(lambda: len(on.comments("tracking")) == 2)
        answer = on.comments("tracking")[1].body
        assert "0 of 1 finished" in answer
        assert "#12 is already in batch" in answer
        assert link in answer
        first, second = batches(on)
        items = on.rows("SELECT batch, number FROM items ORDER BY number")
        assert items == [(first, 12), (second, 15)]


async def test_what_was_missed_while_the_bot_was_down_is_done_at_its_start(on: World):
    on.issue(12, "write a.txt a")
    on.hub.set_webhook_url("http://127.0.0.1:9/")
    command = on.say("/batch 12")
    await on.hub.webhooks.drain()
    async with on.bot():
        await on.finished(command)
    assert_one_batch(on)


async def test_a_missed_command_that_was_taken_back_starts_nothing(on: World):
    for number in (12, 15, 18):
        on.issue(number)
    on.hub.set_webhook_url("http://127.0.0.1:9/")
    deleted = on.say("/batch label +gone 12")
    edited = on.say("/batch label +old 15")
    kept = on.say("Please\n\n/batch label +bug 18")
    await on.hub.webhooks.drain()
    on.hub.delete_comment("ada", REPOSITORY, deleted.id)
    on.hub.edit_comment("ada", REPOSITORY, edited.id, "Never mind.")
    on.hub.edit_comment("ada", REPOSITORY, kept.id, "Now!\n\n/batch label +bug 18")
    on.later(minutes=2)
    async with on.bot():
        await on.finished(kept)
        await on.until(lambda: on.comments("error"))
    assert on.thread(12).labels == on.thread(15).labels == []
    assert [label.name for label in on.thread(18).labels] == ["bug"]
    assert on.reactions(edited) == {"confused"}
    (said,) = on.comments("error")
    assert "was changed before I came to it, so nothing was started" in said.body


async def test_what_was_dealt_with_is_known_without_the_database(on: World):
    for number in (12, 15, 18):
        on.issue(number)
    on.hub.set_webhook_url("http://127.0.0.1:9/")
    done = on.say("/batch label +bug 12")
    asked = on.say("/batch status")
    refused = on.say("/batch label +bug 999")
    await on.hub.webhooks.drain()
    on.later(minutes=10)
    async with on.bot():
        await on.finished(done)
        await on.until(lambda: on.comments("status") and on.comments("error"))
    assert "written 10m" in on.comment("tracking").body
    for comment, last in ((done, "hooray"), (refused, "confused")):
        comment.reactions[:] = [r for r in comment.reactions if r.content == last]
    asked.reactions.clear()  # what was answered without a last mark
    on.hub.set_webhook_url("http://127.0.0.1:9/")
    seen = on.say("/batch label +bug 18")  # and no more than that
    on.hub.react(on.hub.app.bot.login, seen, "eyes")
    others = on.say("/batch label +bug 15")
    on.hub.react("ada", others, "rocket")
    await on.hub.webhooks.drain()
    on.later(minutes=10)
    before = len(on.thread().comments)
    (on.folder / "data" / "batch.db").unlink()
    on.hub.log.clear()  # the log of effects is gone with it
    async with on.bot():
        await on.finished(seen)
        await on.finished(others)
        await on.until(lambda: len(on.comments("report")) == 3)
    assert len(on.comments("tracking")) == 3
    assert len(on.comments("status")) == len(on.comments("error")) == 1
    assert len(on.thread().comments) == before + 2  # two batches of one change each


async def test_what_was_missed_while_the_bot_ran_is_swept_up(on: World):
    on.issue(12, "write a.txt a")
    async with on.bot(BATCH_SWEEP_SECONDS="10"):
        on.hub.webhooks.faults.dropped = True
        command = on.say("/batch 12")
        await on.hub.webhooks.drain()
        on.hub.webhooks.faults.dropped = False
        await on.finished(command)
    assert_one_batch(on)
