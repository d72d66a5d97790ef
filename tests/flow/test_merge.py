"""Pull requests are merged by the rules of their base, or it is said who is waited for."""

from pathlib import Path

import pytest

from bot.localhub.branches import person
from bot.localhub.pulls import pull_of
from bot.localhub.rules import QueueRule
from tests.flow.killing import mortal_world
from tests.flow.merging import (
    MERGES,
    PARKED,
    UPDATES,
    demand,
    head,
    is_merged,
    main,
    pulls,
    report,
    stack,
)
from tests.flow.mortal import SwiftClock
from tests.flow.world import REPOSITORY, World

IN_LINE = """
    SELECT DISTINCT CAST(item AS INTEGER) FROM events
    WHERE kind = 'ItemParked' AND data ->> '$.is_in_line' ORDER BY item
"""


async def test_what_can_be_merged_is_merged_and_says_its_commit(on: World):
    pulls(on, 61)
    async with on.bot():
        await on.finished(on.say("/batch merge 61"))
        assert is_merged(on, 61)
        assert main(on)[:7] in on.said("report")
        assert "merged into `main`" in on.said("report")
        assert pull_of(on.thread(61)).merged_by is on.hub.app.bot


@pytest.mark.parametrize(("is_strict", "way"), [(True, ""), (False, " update:always")])
async def test_a_train_updates_one_after_the_other(
    on: World, is_strict: bool, way: str
):
    pulls(on, 61, 62, 63)
    demand(on, "ci", is_strict=is_strict)
    on.hub.plan_checks(REPOSITORY, {"ci": "success"})
    for number in (61, 62, 63):
        report(on, number, "ci")
    async with on.bot():
        await on.finished(on.say(f"/batch merge 61 62 63{way}"))
        assert all(is_merged(on, number) for number in (61, 62, 63))
        # Of the first GitHub may not have known yet that there is nothing new.
        assert on.rows(UPDATES) in ([(2,)], [(3,)])
        assert on.rows(MERGES) == [(3,)]
        assert on.rows(IN_LINE) == [(62,), (63,)]  # 61 waits for its checks alone


async def test_it_may_have_to_be_updated_any_number_of_times(on: World):
    pulls(on, 61)
    demand(on, "ci", is_strict=True)
    seen = {head(on, 61)}
    async with on.bot():
        command = on.say("/batch merge 61 timeout:12h")
        for number in range(13):
            files: dict[str, str | bytes | None] = {f"{number}.txt": "x"}
            on.hub.push("ada", REPOSITORY, "main", files, message="Move on")
            await on.until(lambda: head(on, 61) not in seen)
            seen.add(head(on, 61))
        report(on, 61, "ci")
        await on.finished(command)
        assert is_merged(on, 61)


async def test_it_waits_for_required_checks_by_name_and_a_delivery_wakes_it(on: World):
    pulls(on, 61)
    demand(on, "lint", "build (linux)")
    report(on, 61, "lint", conclusion=None)
    async with on.bot():
        command = on.say("/batch merge 61")
        words = "waits for 2 of 2 required checks: lint, build (linux)"
        await on.until(lambda: words in on.said("tracking"))
        assert words in await on.answer("/batch why 61")
        before = on.clock.monotonic()
        report(on, 61, "lint", "build (linux)")
        await on.finished(command)
        assert on.clock.monotonic() - before < 60
        assert is_merged(on, 61)


async def test_a_check_that_fails_fails_the_item_and_the_train_goes_on(on: World):
    pulls(on, 61, 62, 63)
    demand(on, "ci")
    log = "one\n##[error]assert 1 == 2\n"
    on.hub.plan_checks(REPOSITORY, {"ci": "failure"}, logs={"ci": log})
    on.hub.push("linus", REPOSITORY, "topic-61", {"a.txt": "a"}, message="Again")
    report(on, 62, "ci")
    report(on, 63, "ci")
    async with on.bot():
        await on.finished(on.say("/batch merge 61 62 63 63 after:61"))
        report_ = on.said("report")
        assert "1 required check ended with failure: ci · [ci](http" in report_
        assert "· [ci](http" in await on.answer("/batch why 61")
        assert "assert 1 == 2" in report_
        assert (is_merged(on, 61), is_merged(on, 62)) == (False, True)
        assert not is_merged(on, 63)


async def test_a_conflict_fails_with_the_way_to_resolve_it(on: World):
    pulls(on, 61)
    on.hub.push("ada", REPOSITORY, "main", {"topic61.txt": "other\n"}, message="Mine")
    async with on.bot():
        await on.finished(on.say("/batch merge 61"))
        words = "it conflicts with `main` in `topic61.txt` · [conflicts](http"
        assert words in on.said("report")


async def test_another_push_is_never_merged(on: World):
    pulls(on, 61)
    demand(on, "ci")
    async with on.bot():
        command = on.say("/batch merge 61")
        await on.until(lambda: on.rows(PARKED) == [(1,)])
        on.hub.push("linus", REPOSITORY, "topic-61", {"b.txt": "b"}, message="More")
        report(on, 61, "ci")
        await on.finished(command)
        assert "head moved" in on.said("report")
        assert not is_merged(on, 61)


async def test_a_merge_that_somebody_pushes_in_the_name_of_the_app_is_no_update(
    on: World,
):
    pulls(on, 61)
    demand(on, "ci")
    git, bot = on.repository.git, on.hub.app.bot
    files: dict[str, str | bytes | None] = {"b.txt": "evil"}
    async with on.bot():
        command = on.say("/batch merge 61")
        await on.until(lambda: on.rows(PARKED) == [(1,)])
        who, now = person(bot), on.hub.now()
        evil = git.commit_files(
            files, parent=head(on, 61), message="x", author=who, at=now
        )
        forged = git.commit_tree(
            git.commit(evil).tree,
            parents=[head(on, 61), main(on)],
            message="Merge branch 'main' into topic-61",
            author=who,
            at=now,
        )
        git.set_ref("refs/heads/topic-61", forged)
        on.hub.refs_moved(on.hub.user("linus"), on.repository)
        report(on, 61, "ci")
        await on.finished(command)
        assert "head moved" in on.said("report")
        assert not is_merged(on, 61)


async def test_a_review_is_waited_for(on: World):
    pulls(on, 61)
    demand(on, approvals=1)
    async with on.bot():
        command = on.say("/batch merge 61")
        await on.until(lambda: "waits for an approval" in on.said("tracking"))
        on.hub.review("ada", REPOSITORY, 61, event="APPROVE")
        await on.finished(command)
        assert is_merged(on, 61)


async def test_update_brings_a_branch_up_to_date_once(on: World):
    pulls(on, 61, 62)
    on.hub.push("ada", REPOSITORY, "main", {"new.txt": "x\n"}, message="Move on")
    pulls(on, 63)
    before = head(on, 61)
    async with on.bot():
        await on.finished(on.say("/batch update 61 62 63"))
        assert head(on, 61) != before
        assert f"updated to `{head(on, 61)[:7]}`" in on.said("report")
        assert "was up to date with `main`" in on.said("report")


async def test_an_update_by_rebase_keeps_the_commits_and_goes_on_with_them(on: World):
    on.configure("merge: {update_method: rebase}")
    pulls(on, 61, 62)
    demand(on, "ci", is_strict=True)
    on.hub.plan_checks(REPOSITORY, {"ci": "success"})
    report(on, 61, "ci")
    report(on, 62, "ci")
    async with on.bot():
        await on.finished(on.say("/batch merge 61 62"))
        assert is_merged(on, 61)
        assert is_merged(on, 62)
        (commit,) = on.repository.git.commits(main(on) + "^1", main(on) + "^2")
        assert commit.message.startswith("Add a topic")


async def test_a_push_beside_a_rebase_is_never_taken_for_it(on: World):
    pulls(on, 61)
    on.hub.push("ada", REPOSITORY, "main", {"new.txt": "x\n"}, message="Move on")
    async with on.bot():
        command = on.say("/batch update 61 update-method:rebase")
        await on.until(lambda: on.rows(UPDATES) == [(1,)])
        on.hub.push("linus", REPOSITORY, "topic-61", {"b.txt": "b"}, message="More")
        await on.finished(command)
        assert "head moved" in on.said("report")


async def test_what_cannot_be_rebased_says_why(on: World):
    pulls(on, 61, 62)
    on.hub.push("ada", REPOSITORY, "main", {"new.txt": "x\n"}, message="Move on")
    on.hub.update_branch("linus", REPOSITORY, 61)
    on.hub.push("ada", REPOSITORY, "main", {"new.txt": "y\n"}, message="Move on")
    async with on.bot():
        plan = await on.answer("/batch plan update 62 update-method:rebase")
        assert "#62 would be brought up to date first" in plan
        await on.finished(on.say("/batch update 61 62 update-method:rebase"))
        assert "it cannot be rebased: its branch has merges in it" in on.said("report")
        assert f"updated to `{head(on, 62)[:7]}`" in on.said("report")


async def test_who_may_not_maintain_merges_nothing(on: World):
    pulls(on, 61)
    async with on.bot():
        await on.answer("/batch merge 61", by="linus")
        assert not is_merged(on, 61)


async def test_a_stacked_pull_request_goes_where_its_base_was_merged_to(on: World):
    pulls(on, 61)
    stack(on, 62, on_=61)
    async with on.bot():
        await on.finished(on.say("/batch merge 61 62"))
        assert is_merged(on, 61)
        assert is_merged(on, 62)
        assert pull_of(on.thread(62)).base_ref == "main"


async def test_a_base_with_a_queue_is_merged_into_through_it(on: World):
    pulls(on, 61, 62)
    demand(on, "ci", queue=QueueRule())
    on.hub.plan_checks(REPOSITORY, {"ci": "success"})
    for number in (61, 62):
        report(on, number, "ci")
    async with on.bot():
        await on.finished(on.say("/batch merge 61 62"))
        assert is_merged(on, 61)
        assert is_merged(on, 62)
        assert on.said("report").count("merged into `main`") == 2


async def test_what_the_queue_throws_out_fails_with_its_reason(on: World):
    pulls(on, 61)
    demand(on, "ci", queue=QueueRule())
    report(on, 61, "ci")
    on.hub.plan_checks(REPOSITORY, {"ci": "failure"})
    async with on.bot():
        await on.finished(on.say("/batch merge 61"))
        assert "the merge queue of `main` took it out" in on.said("report")
        assert not is_merged(on, 61)


async def test_what_the_queue_threw_out_is_tried_again(on: World):
    pulls(on, 61, 62)
    demand(on, "ci", queue=QueueRule())
    report(on, 61, "ci")
    on.hub.plan_checks(REPOSITORY, {"ci": "failure"})
    async with on.bot():
        command = on.say("/batch merge 61 62")  # of 62 nobody reports
        await on.until(lambda: "took it out" in on.said("tracking"))
        on.hub.plan_checks(REPOSITORY, {"ci": "success"})
        on.later(minutes=5)
        on.say("/batch retry 61")
        await on.until(lambda: is_merged(on, 61))
        on.say("/batch cancel")
        await on.finished(command)


async def test_a_freeze_takes_it_out_of_the_queue_until_that_ends(on: World):
    pulls(on, 61)
    demand(on, "ci", queue=QueueRule())
    report(on, 61, "ci")
    async with on.bot():
        command = on.say("/batch merge 61")
        await on.until(lambda: "waits for the merge queue" in on.said("tracking"))
        await on.answer("/batch freeze main")
        await on.until(lambda: "waits for main, frozen by" in on.said("tracking"))
        assert on.repository.queue_entry(on.thread(61)) is None
        on.hub.plan_checks(REPOSITORY, {"ci": "success"})
        await on.answer("/batch unfreeze main")
        await on.finished(command)
        assert is_merged(on, 61)


async def test_who_cancels_takes_it_out_of_the_queue(on: World):
    pulls(on, 61)
    demand(on, "ci", queue=QueueRule())
    report(on, 61, "ci")
    async with on.bot():
        command = on.say("/batch merge 61")
        await on.until(lambda: "waits for the merge queue" in on.said("tracking"))
        on.say("/batch cancel")
        await on.finished(command)
        assert "it was taken out of the merge queue" in on.said("report")
        assert on.repository.queue_entry(on.thread(61)) is None


async def test_a_run_that_nobody_has_approved_is_named_and_waited_for(on: World):
    on.hub.plan_checks(REPOSITORY, {"ci": "success"}, needs_approval=True)
    pulls(on, 61)
    demand(on, "ci")
    async with on.bot():
        command = on.say("/batch merge 61")
        await on.until(lambda: "waits for 1 of 1 required check" in on.said("tracking"))
        assert "who approves 1 workflow run" in await on.answer("/batch why 61")
        (run,) = [r for r in on.repository.workflow_runs if r.head_sha == head(on, 61)]
        on.hub.approve_workflow("ada", REPOSITORY, run.id)
        await on.finished(command)
        assert is_merged(on, 61)


async def test_failed_jobs_are_run_again_once_where_that_is_wanted(on: World):
    on.configure("merge: {rerun_failed: 1, method: squash}")
    on.hub.plan_checks(
        REPOSITORY, {"ci": ("failure", "success"), "lint": ("failure", "failure")}
    )
    pulls(on, 61)
    demand(on, "ci")
    async with on.bot():
        await on.finished(on.say("/batch merge 61"))
        assert is_merged(on, 61)
        assert len(on.repository.git.commit(main(on)).parents) == 1
        demand(on, "ci", "lint")
        pulls(on, 62)
        await on.finished(on.say("/batch merge 62"))
        assert "1 required check ended with failure: lint" in on.said("report")
    runs = [run.attempt for run in on.repository.workflow_runs]
    assert sorted(runs)[-2:] == [2, 2]


async def test_a_required_check_that_never_reports_ends_at_the_time_out(on: World):
    pulls(on, 61)
    demand(on, "ci")
    async with on.bot():
        await on.finished(on.say("/batch merge 61 timeout:10m"))
        words = "timed out after 10m, waiting for 1 of 1 required check: ci"
        assert words in on.said("report")


@pytest.mark.slow
@pytest.mark.parametrize("begun", [UPDATES, MERGES], ids=["update", "merge"])
@pytest.mark.parametrize("way", ["merge", "rebase"])
async def test_after_kill_9_nothing_is_merged_twice_and_nothing_is_taken_for_a_push(
    tmp_path: Path, begun: str, way: str
):
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, _, child):
        pulls(on, 61)
        on.hub.push("ada", REPOSITORY, "main", {"new.txt": "x\n"}, message="Move on")
        demand(on, "ci", is_strict=True)
        on.hub.plan_checks(REPOSITORY, {"ci": "success"})
        report(on, 61, "ci")
        await child.start()
        command = on.say(f"/batch merge 61 update-method:{way}")
        await on.until(lambda: on.rows(begun) == [(1,)])
        await child.kill()
        await child.start()
        await on.finished(command)
        assert is_merged(on, 61)
        assert "merged into `main`" in on.said("report")
        assert on.rows(MERGES) == [(1,)]


async def test_a_plan_says_what_each_would_do_now_and_what_it_would_wait_for(on: World):
    pulls(on, 61, 62, 63, 64)
    demand(on, "ci")
    report(on, 61, "ci")
    report(on, 62, "ci", conclusion=None)
    report(on, 63, "ci", conclusion="failure")
    on.hub.push("ada", REPOSITORY, "main", {"topic64.txt": "mine"}, message="Mine")
    async with on.bot():
        await on.answer("/batch plan merge 61 62 63 64")
        plan = await on.answer("/batch plan merge 61 62 63 64 timeout:20m")
        assert "#61 would be merged now (`merge`)" in plan
        assert "#62 would wait for 1 of 1 required check: ci" in plan
        assert "#63 would fail: 1 required check ended with failure: ci" in plan
        assert "#64 would fail: it conflicts with `main`" in plan
        assert not any(is_merged(on, number) for number in (61, 62, 63, 64))
        stack(on, 65, on_=61)
        plan = await on.answer("/batch plan merge 61 65")
        assert "#61 would be merged now" in plan
        assert "#65 would" not in plan
