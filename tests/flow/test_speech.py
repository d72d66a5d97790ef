"""Which comments a batch writes, as ``comments`` of ``.github/batch.yml`` says."""

import pytest

from tests.flow.world import World


async def test_outcomes_are_a_report_and_nothing_before_it(on: World):
    on.issue(12, "write a b")
    on.issue(15)
    on.configure("comments: outcomes")
    async with on.bot():
        command = on.say("/batch 12 15")
        await on.finished(command)
    assert on.comments("tracking") == []
    report = on.said("report")
    assert "progress comment" not in report
    assert "comments before this one" not in report
    assert on.thread(40).pinned_comment is None
    assert {"eyes", "rocket"} <= on.reactions(command)


async def test_none_is_silent_while_all_is_done(on: World):
    on.issue(12, "write a b")
    on.configure("comments: none")
    async with on.bot():
        command = on.say("/batch 12")
        await on.until(lambda: "hooray" in on.reactions(command))
        await on.until(
            lambda: on.rows("SELECT count(*) FROM batches WHERE is_concluded") == [(1,)]
        )
        assert on.replies() == []
        on.say("/batch status")
        await on.until(on.replies)
    assert on.comments("tracking") == []
    assert on.comments("report") == []


async def test_none_reports_what_was_not_done(on: World):
    on.issue(12, "exit 1")
    on.issue(15, "write a b")
    on.configure("comments: none")
    async with on.bot():
        command = on.say("/batch 12 15")
        await on.finished(command)
    assert on.comments("tracking") == []
    (report,) = on.comments("report")
    assert "#12" in report.body


@pytest.mark.parametrize("comments", ["outcomes", "none"])
async def test_a_plan_is_shown_for_its_box(on: World, comments: str):
    on.issue(12, "write a b")
    on.configure(f"comments: {comments}\nlimits: {{confirm_over: 0}}")
    async with on.bot():
        on.say("/batch 12")
        await on.until(lambda: on.comments("plan"))
        on.say("/batch start")
        await on.until(on.pull_requests)
        await on.until(
            lambda: on.rows("SELECT count(*) FROM batches WHERE is_concluded") == [(1,)]
        )
    assert on.comments("tracking") == []


async def test_a_comment_need_not_be_pinned(on: World):
    on.issue(12, "hang")
    on.configure("comments: {pin: false}")
    async with on.bot():
        on.say("/batch 12")
        await on.until(lambda: "**running**" in on.said("tracking"))
        await on.dealt_with()
        assert on.thread(40).pinned_comment is None
        assert on.hub.log.count("PUT", "/pin$") == 0
