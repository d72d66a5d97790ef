"""Issues, pull requests and reviews in one plan, and what is done to a pull request that
another item of the same plan opens.
"""

import re

from bot.localhub.pulls import pull_of
from bot.localhub.state import Thread
from tests.flow.world import REPOSITORY, World


def items(on: World) -> dict[str, tuple[int, str]]:
    """Return number and state of each item of the newest batch."""
    found = on.rows(
        "SELECT item, items.number, items.state FROM items"
        " JOIN batches ON batches.id = batch"
        " WHERE batches.number = (SELECT max(number) FROM batches)"
    )
    return {item: (number, state) for item, number, state in found}


def states(on: World) -> dict[str, str]:
    return {item: state for item, (_, state) in items(on).items()}


def opened(on: World, number: int) -> Thread:
    """Return the pull request that the bot opened for an issue."""
    return on.pull_requests()[number]


def reviewed(on: World, thread: Thread) -> list[str]:
    """Return the commits on which the bot reviewed a pull request."""
    bot = on.hub.app.bot
    return [one.commit_id for one in pull_of(thread).reviews if one.author is bot]


def linked(text: str) -> str:
    """Return Markdown with its links as their texts."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)


async def test_issues_pull_requests_and_reviews_run_in_one_plan(on: World):
    for number in (12, 15, 61):
        on.issue(number, f"write {number}.txt hello")
    on.pull_request(63)
    async with on.bot():
        command = on.say("/batch 12 15 review:63 close:61 after:12")
        await on.finished(command)
        assert states(on) == dict.fromkeys(("12", "15", "61", "63"), "completed")
        assert len(reviewed(on, on.thread(63))) == 1
        assert not on.thread(61).is_open
        closed = on.rows("SELECT seq FROM events WHERE item = '61' ORDER BY seq")
        ended = on.rows(
            "SELECT seq FROM events WHERE item = '12' AND kind = 'ItemEnded'"
        )
        assert ended[0] < closed[0]


async def test_a_review_of_an_issue_is_of_the_pull_request_that_it_opens(on: World):
    on.issue(12, "write a.txt hello")
    async with on.bot():
        plan = linked(await on.answer("/batch plan review:12 12"))
        assert "#12 (review) (after #12 (implement))" in plan
        assert "it is about the pull request that #12 (implement) opens" in plan
        assert "implement 1 issue" in plan
        assert "review 1 pull request" in plan
        command = on.say("/batch 12 review:12")
        await on.until(lambda: on.comments("tracking"))
        read = linked(on.said("tracking"))
        assert "#12 (review) waits for #12 (implement), which opens its pull" in read
        await on.finished(command)
        thread = opened(on, 12)
        head = pull_of(thread).head_sha
        assert items(on) == {
            "12": (12, "completed"),
            "12-review": (thread.number, "completed"),
        }
        assert reviewed(on, thread) == [head]
        report = linked(on.said("report"))
        assert f"- ✅ #{thread.number} (review for #12) — review" in report
        assert "2 of 2 done" in report
        why = linked(await on.answer("/batch why 12-review"))
        assert why.startswith(f"#{thread.number} (review for #12) is done: review")
        assert linked(await on.answer("/batch why 12")).count("is done") == 2
        both = await on.answer(f"/batch why {thread.number}")
        assert linked(both).startswith(f"#{thread.number} (review for #12)")


async def test_what_opens_no_pull_request_leaves_nothing_to_review(on: World):
    on.issue(12, "say nothing to do")
    on.issue(15, "exit 1")
    async with on.bot():
        await on.finished(on.say("/batch (12 15) review:(12 15)"))
        report = linked(on.said("report"))
        assert states(on) == {
            "12": "completed",
            "12-review": "skipped",
            "15": "failed",
            "15-review": "skipped",
        }
        assert "- ⏭️ #12 (review) — skipped, #12 opened no pull request" in report
        assert "Retry ⏭️ #15 (review) Item 15 — needs #15" in report
        assert "Retry ⏭️ #12" not in report  # there will be nothing to review
        assert "for all 2." in report
        why = linked(await on.answer("/batch why 12-review"))
        assert "#12 (review) was skipped: #12 opened no pull request" in why
        again = await on.answer("/batch retry 12-review")
        assert "😕" in again


async def test_a_review_is_made_ready_by_name_and_tried_again_alone(on: World):
    """The review fails, for somebody pushes first; its own box tries it again."""
    on.issue(12, "write a.txt hello")
    on.issue(15, f"write b.txt hello\nwait {on.folder / 'go'}")
    async with on.bot():
        command = on.say("/batch 12 ready:12 review:12 after:15 15")
        await on.until(lambda: states(on).get("12-ready") == "completed")
        thread = opened(on, 12)
        assert not pull_of(thread).is_draft
        why = linked(await on.answer("/batch why 12-review"))
        assert "(review for #12) is not running: waits for #15" in why
        branch = pull_of(thread).head_ref
        on.hub.push("ada", REPOSITORY, branch, {"c.txt": "mine"}, message="Go on")
        await on.dealt_with()
        assert states(on)["12-review"] == "failed"
        answer = await on.answer("/batch skip 12-review")
        assert "😕" in answer
        (on.folder / "go").touch()
        await on.finished(command)
        report = on.comment("report")
        assert "head moved" in report.body
        box = "- [ ] <!-- batch:retry 12-review -->"
        assert report.body.count("batch:retry") == 1
        ticked = report.body.replace(box, box.replace("[ ]", "[x]"))
        on.hub.edit_comment("ada", REPOSITORY, report.id, ticked)
        await on.until(lambda: len(on.comments("report")) == 2)
        head = pull_of(thread).head_sha
        assert items(on) == {"12-review": (thread.number, "completed")}
        assert reviewed(on, thread) == [head]
        assert len(on.pull_requests()) == 2


async def test_a_review_can_be_cancelled_or_skipped_before_there_is_anything(on: World):
    for number in (12, 15):
        on.issue(number, f"write {number}.txt hello\nwait {on.folder / 'go'}")
    async with on.bot():
        command = on.say("/batch (12 15) review:12..15 concurrency:2")
        await on.until(lambda: states(on).get("15") == "running")
        answer = linked(await on.answer("/batch cancel 12-review"))
        assert answer.startswith("🚫 Cancelling #12 (review) in batch")
        answer = linked(await on.answer("/batch skip 15-review"))
        assert answer.startswith("⏭️ Skipped #15 (review) in batch")
        (on.folder / "go").touch()
        await on.finished(command)
        assert states(on) == {
            "12": "completed",
            "12-review": "cancelled",
            "15": "completed",
            "15-review": "skipped",
        }
        assert reviewed(on, opened(on, 12)) == reviewed(on, opened(on, 15)) == []
        on.say("/batch retry 12-review")
        await on.until(lambda: len(on.comments("report")) == 2)
        assert states(on) == {"12-review": "completed"}
        assert len(reviewed(on, opened(on, 12))) == 1


async def test_what_has_its_pull_request_already_has_that_reviewed(on: World):
    on.issue(12, "write a.txt hello")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
        thread = opened(on, 12)
        name = thread.number
        answer = await on.answer("/batch review:12")
        assert f"Its open pull request is #{name}." in answer
        assert f"/batch review:{name}" in answer
        await on.finished(on.say("/batch 12 review:12"))
        assert items(on) == {str(name): (name, "completed")}
        assert len(reviewed(on, thread)) == 1
        said = linked(on.comments("tracking")[-1].body)
        assert f"What is for the pull request of #12 is done to #{name}." in said
        await on.finished(on.say("/batch 12 review:12 again"))
        assert states(on) == {"12": "completed", "12-review": "completed"}
        assert len(reviewed(on, opened(on, 12))) == 1


async def test_nobody_merges_what_nobody_could_look_at(on: World):
    on.issue(12, "write a.txt hello")
    async with on.bot():
        answer = await on.answer("/batch 12 review:12 merge:12", by="grace")
        assert "`merge` is for one that people could look at before" in answer
        assert "/batch 12 review:12\n" in answer
        assert on.rows("SELECT id FROM batches") == []


async def test_one_item_for_maintainers_keeps_the_whole_command_from_others(on: World):
    on.issue(12, "write a.txt hello")
    on.issue(61)
    on.pull_request(63)
    async with on.bot():
        denied = await on.answer("/batch 12 merge:63 close:61 review:63", by="linus")
        assert "Only people with **maintain** access can close and merge here" in denied
        assert on.rows("SELECT id FROM batches") == []


async def test_what_is_done_to_what_is_opened_counts_as_an_item(on: World):
    on.configure("limits: {items: 4, confirm_over: 3}")
    for number in (12, 15, 18):
        on.issue(number, "write a.txt hello")
    async with on.bot():
        plan = linked(await on.answer("/batch 12 15 review:(12 15)"))
        assert "implement 2 issues and review 2 pull requests — nothing has" in plan
        assert "4 items:" in plan
        over = await on.answer("/batch 12 15 18 review:(12 15)")
        assert "5 items, and the limit of a command is 4" in over
        assert states(on) == dict.fromkeys(
            ("12", "12-review", "15", "15-review"), "pending"
        )


async def test_what_fails_stops_what_waits_for_it_and_the_rest(on: World):
    on.issue(12, f"write a.txt hello\nexit 1 unless {on.folder / 'go'}")
    on.issue(15, "write a.txt hello")
    on.pull_request(63)
    async with on.bot():
        command = on.say(
            "/batch 12 15[timeout:5m] after:12 review:12 review:63 after:12"
            " on-failure:stop"
        )
        await on.finished(command)
        assert states(on) == {
            "12": "failed",
            "12-review": "skipped",
            "15": "skipped",
            "63": "skipped",
        }
        (on.folder / "go").touch()
        # By its own name, and what it needs with it.
        on.say("/batch retry 12-review")
        await on.until(lambda: len(on.comments("report")) == 2)
        assert states(on) == {"12": "completed", "12-review": "completed"}
        assert len(reviewed(on, opened(on, 12))) == 1
