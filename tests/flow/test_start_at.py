"""Batches that start by themselves at a time: ``start-at:``."""

from typing import Any

from bot.localhub.faults import Fault
from tests.flow.test_labels import batches, over
from tests.flow.test_schedules import pass_until
from tests.flow.world import REPOSITORY, World

AT_FIVE = "/batch close 12 15 start-at:17:00"
"""Stories begin on Tuesday, 3 March 2026, at 15:00 UTC."""


def states(on: World) -> list[Any]:
    return [state for (state,) in on.rows("SELECT state FROM batches ORDER BY number")]


def the_batch(on: World) -> str:
    [(found,)] = on.rows("SELECT id FROM batches")
    return str(found)


def begun(on: World) -> int:
    return len(on.rows("SELECT 1 FROM events WHERE kind = 'BatchStarted'"))


def is_open(on: World) -> bool:
    return {on.thread(number).state for number in (12, 15)} == {"open"}


async def test_a_batch_starts_by_itself_once_at_the_time_of_its_command(on: World):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        command = "/batch close 12 15 start-at:18:00@Europe/Zurich"
        plan = await on.answer(command)
        assert "starts at 17:00 UTC (18:00 Europe/Zurich), in about 2h 00m" in plan
        assert "nothing has started" in plan
        assert "Start now" in plan
        assert command in plan
        assert "⏰ starts at 17:00 UTC (18:00" in await on.answer("/batch status")
        why = await on.answer("/batch why 12")
        assert "is not running: starts at 17:00 UTC (18:00 Europe/Zurich)" in why
        await pass_until(on, "2026-03-03T16:59Z")
        assert states(on) == ["planned"]
        assert is_open(on)
        await over(on)
        assert on.clock.now().hour == 17
        await pass_until(on, "2026-03-05T17:30Z")
    assert begun(on) == 1
    assert not is_open(on)
    assert len(on.comments("report")) == 1


async def test_what_is_wrong_is_said_at_once_and_a_plan_alone_starts_nothing(on: World):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        refused = await on.answer("/batch close 12 99 start-at:25:00@Europe/Zurch")
        assert "write 22:00, Mon-06:00 or" in refused
        near = await on.answer("/batch close 12 start-at:22:00@Europe/Zurch")
        assert "did you mean Europe/Zurich?" in near
        assert "/batch close 12 start-at:22:00@Europe/Zurich" in near
        assert "`99`" in await on.answer("/batch close 12 99 start-at:22:00")
        assert batches(on) == []
        plan = await on.answer("/batch plan close 12 15 start-at:17:00")
        assert "`start-at:` counts for nothing here" in plan
        await pass_until(on, "2026-03-04T17:30Z")
        assert states(on) == ["planned"]
    assert is_open(on)


async def test_it_is_started_before_its_time_by_its_box_or_dropped(on: World):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        await on.answer(AT_FIVE)
        [(first,)] = on.rows("SELECT id FROM batches")
        assert f"Dropped batch `{first}`" in await on.answer("/batch cancel")
        assert states(on) == ["cancelled"]
        late = await on.answer(f"/batch start {first}")
        assert "was cancelled before it started" in late
        await pass_until(on, "2026-03-03T17:30Z")
        assert begun(on) == 0
        assert is_open(on)
        await on.answer(AT_FIVE)
        on.hub.tick("ada", REPOSITORY, on.comments("plan")[-1].id, "batch:start")
        await over(on, 2)
        await pass_until(on, "2026-03-04T17:30Z")
    assert begun(on) == 1
    assert not is_open(on)
    assert len(on.comments("report")) == 1


async def test_a_start_that_was_missed_is_made_up_for_once_within_a_day(on: World):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        await on.answer(AT_FIVE)
    on.later(hours=25)
    async with on.bot():
        await over(on)
    async with on.bot():
        await pass_until(on, "2026-03-05T17:30Z")
    assert begun(on) == 1
    assert not is_open(on)


async def test_a_start_that_was_missed_for_more_than_a_day_is_said_once(on: World):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        await on.answer(AT_FIVE)
    on.later(hours=27)
    for _ in range(2):
        async with on.bot():
            await on.dealt_with()
            await on.until(lambda: on.comments("error"))
    assert "the bot was not running then" in on.said("error")
    assert len(on.comments("error")) == 1
    assert states(on) == ["planned"]
    assert is_open(on)


async def test_who_has_lost_the_role_starts_nothing_and_it_is_said(on: World):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        await on.answer(AT_FIVE)
        on.hub.set_role("acme", REPOSITORY, "ada", "read")
        await pass_until(on, "2026-03-03T17:30Z")
        await on.until(lambda: on.comments("error"))
        said = on.said("error")
        assert "was to start at 17:00 UTC, but ada, who asked for it, has" in said
        assert "Nothing was started" in said
        assert states(on) == ["planned"]
        assert is_open(on)
        on.hub.set_role("acme", REPOSITORY, "ada", "admin")
        [(batch,)] = on.rows("SELECT id FROM batches")
        on.say(f"/batch start {batch}")
        await over(on)
    assert begun(on) == 1


async def test_it_starts_where_the_repository_is_then_and_not_where_its_name_is(
    on: World,
):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        await on.answer(AT_FIVE)
        renamed = on.hub.rename_repository("ada", REPOSITORY, "gizmos")
        await on.dealt_with()
        on.hub.create_repository(REPOSITORY, files={"README.md": "# Another one"})
        on.hub.set_role("acme", REPOSITORY, "ada", "read")
        for number in range(1, 41):
            on.hub.open_issue("ada", REPOSITORY, f"Another {number}")
        await on.until(lambda: renamed.threads[15].state == "closed")
        concluded = "SELECT count(*) FROM batches WHERE is_concluded"
        await on.until(lambda: on.rows(concluded) == [(1,)])
    there = on.repository.threads
    assert [thread for thread in there.values() if thread.comments] == []
    assert {thread.state for thread in there.values()} == {"open"}


async def test_if_github_does_not_answer_for_an_hour_then_it_is_said(on: World):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        await on.answer(AT_FIVE)
        on.hub.faults.add(
            Fault(method="GET", path="/collaborators/", status=502, times=None)
        )
        await pass_until(on, "2026-03-03T18:30Z")
        assert on.said("error").splitlines()[1] == (
            f"😕 Batch `{the_batch(on)}` was to start at 17:00 UTC. GitHub did not answer"
            " me for an hour, so nothing was started. Whoever may can start it with"
            f" `/batch start {the_batch(on)}`."
        )
        assert states(on) == ["planned"]
        on.hub.faults.clear()
        on.say("/batch start")
        await over(on)
    assert begun(on) == 1


async def test_the_time_is_the_next_one_behind_the_comment_not_behind_the_answer(
    on: World,
):
    on.issue(12)
    on.issue(15)
    async with on.bot():
        await on.clock.sleep(7200.0 - 10.0)
        on.hub.faults.add(
            Fault(
                method="GET",
                path="/collaborators/",
                status=502,
                times=None,
                seconds=60.0,
            )
        )
        on.say(AT_FIVE)
        await over(on)
        assert "It was 17:00 UTC before I came to this command" in on.said("plan")
        assert on.clock.now().hour == 17
    assert begun(on) == 1


async def test_what_waits_for_its_time_cannot_be_edited_and_that_is_said(on: World):
    for number in (12, 15, 16):
        on.issue(number)
    async with on.bot():
        await on.answer(AT_FIVE)
        for command in (
            "add close:16",
            f"add {the_batch(on)} close:16",
            "skip 15",
            "priority 15 high",
            "concurrency 1",
            "cancel 15",
            "pause",
        ):
            said = await on.answer(f"/batch {command}")
            assert f"batch `{the_batch(on)}`: it has not started; until it does" in said
        assert "was never started" in await on.answer("/batch retry")
        assert states(on) == ["planned"]
        await over(on)
    assert begun(on) == 1
    assert not is_open(on)
