"""What a maintainer relies on when others are about, and GitHub is unwell."""

from bot.localhub.faults import Fault
from tests.flow.world import REPOSITORY, World


async def test_a_plan_to_close_is_not_started_by_who_may_only_write(on: World):
    on.issue(12)
    async with on.bot():
        on.say("/batch plan close 12", by="grace")
        await on.until(lambda: on.comments("plan"))
        name = on.comment("plan").body.split("batch:start ")[1].split(" ")[0]
        command = on.say(f"/batch start {name}", by="linus")
        await on.until(lambda: on.comments("error"))
        assert "Only people with **maintain** access" in on.comment("error").body
        await on.until(lambda: "confused" in on.reactions(command))
        assert on.thread(12).is_open
        command = on.say(f"/batch start {name}", by="grace")
        await on.until(lambda: not on.thread(12).is_open)


async def test_a_plan_that_is_too_old_is_not_started(on: World):
    on.issue(12)
    async with on.bot():
        on.say("/batch plan label +x 12")
        await on.until(lambda: on.comments("plan"))
        name = on.comment("plan").body.split("batch:start ")[1].split(" ")[0]
        on.later(days=8)
        answer = await on.answer(f"/batch start {name}")
    assert answer == (
        f"😕 The plan `{name}` is no longer valid. Give the command again to get a new"
        " one. Nothing started."
    )
    assert on.thread(12).labels == []


async def test_who_may_no_longer_close_does_not_retry_what_closes(on: World):
    on.issue(12)
    close = rf"/repos/{REPOSITORY}/issues/12$"
    on.hub.faults.add(Fault(status=422, method="PATCH", path=close))
    async with on.bot():
        await on.finished(on.say("/batch close 12", by="grace"))
        name = on.comment("tracking").body.split("`")[1]
        on.hub.set_role("acme", REPOSITORY, "grace", "write")
        answer = await on.answer(f"/batch retry {name}", by="grace")
        assert answer == "😕 That needs **maintain** access. Nothing started."
        assert len(on.comments("tracking")) == 1
        assert on.thread(12).is_open
        on.hub.set_role("acme", REPOSITORY, "grace", "maintain")
        await on.finished(on.say(f"/batch retry {name}", by="grace"))
    assert not on.thread(12).is_open


async def test_the_role_is_asked_again_before_each_close(on: World):
    on.issue(12)
    on.issue(99)
    async with on.bot():
        command = on.say("/batch close 12 after:99", by="grace")
        await on.until(lambda: "waits for" in (on.replies() or [""])[0])
        on.hub.set_role("acme", REPOSITORY, "grace", "read")
        on.hub.close("ada", REPOSITORY, 99)
        await on.finished(command)
    assert on.thread(12).is_open
    assert "grace has read access now, not maintain" in on.comment("report").body


async def test_two_lines_of_one_comment_do_not_take_the_same_item(on: World):
    on.issue(12, "hang")
    async with on.bot():
        on.say("/batch 12\n/batch 12 priority:high")
        await on.until(lambda: on.comments("error"))
        assert "already in batch" in on.comment("error").body
        await on.until(lambda: on.comments("tracking"))


async def test_a_control_is_carried_out_once_though_its_answer_failed(on: World):
    on.issue(12, "exit 1")
    on.issue(15, f"wait {on.folder / 'go'}")
    async with on.bot():
        on.say("/batch 12 15")
        await on.until(
            lambda: (
                on.comments("tracking") and "1 failed" in on.comment("tracking").body
            )
        )
        comments = f"/repos/{REPOSITORY}/issues/40/comments"
        on.hub.faults.add(Fault(status=502, method="POST", path=comments, times=3))
        on.say("/batch retry 12")
        await on.until(lambda: on.comments("retry"))
        resets = on.rows("SELECT count(*) FROM events WHERE kind = 'ItemReset'")
        assert resets == [(1,)]
        (on.folder / "go").touch()
        await on.until(lambda: on.comments("report"))


async def test_a_thread_that_takes_no_tracking_comment_still_gets_its_report(
    on: World,
):
    on.issue(12, "write a b")
    comments = f"/repos/{REPOSITORY}/issues/40/comments"
    on.hub.faults.add(Fault(status=403, method="POST", path=comments, times=1))
    async with on.bot():
        command = on.say("/batch 12")
        await on.finished(command)
    assert on.comments("tracking") == []
    assert "1 of 1 done" in on.comment("report").body


async def test_an_outage_does_not_lose_accepted_work(on: World):
    on.issue(12, "write a b")
    pulls = f"/repos/{REPOSITORY}/pulls"
    on.hub.faults.add(Fault(status=502, method="POST", path=pulls, times=6))
    async with on.bot():
        command = on.say("/batch 12")
        await on.finished(command)
    assert set(on.pull_requests()) == {12}
    starts = on.rows("SELECT count(*) FROM events WHERE kind = 'ItemStarted'")
    assert starts == [(1,)]


async def test_what_could_never_start_is_refused_with_the_command_without_it(on: World):
    on.issue(12)
    on.issue(15, "Depends on #99")
    on.issue(99)
    on.pull_request(98)
    on.hub.close("ada", REPOSITORY, 99, reason="not_planned")
    on.hub.close("ada", REPOSITORY, 98)
    async with on.bot():
        typed = await on.answer("/batch 12 after:99,98,15 15")
        said = await on.answer("/batch plan 15")
        on.assert_nothing_started()
    assert "#12 waits for #99 (`after:`), which was closed as not planned." in typed
    assert (
        "#12 waits for #98 (`after:`), which was closed without being merged." in typed
    )
    assert "\n/batch 12 after:15 15 deps:native\n" in typed
    assert "#15 waits for #99 (“depends on” in its text)" in said
    assert "\n/batch 15 deps:native dry-run\n" in said


async def test_nothing_is_read_for_a_stranger(on: World):
    on.issue(12)
    async with on.bot():
        command = on.say("/batch 12 label:nothing", by="rita")
        await on.until(lambda: "confused" in on.reactions(command))
        await on.until(lambda: on.comments("error"))
    assert on.hub.log.count("POST", "/graphql") == 0
