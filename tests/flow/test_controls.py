"""A maintainer stops, holds and steers a batch, by comment and by box."""

import pytest

from bot.localhub.faults import Fault, FaultKind
from bot.localhub.state import Comment
from tests.flow.killing import processes_of
from tests.flow.world import REPOSITORY, World


def tracking(on: World) -> str:
    """Return what stands in the tracking comment; empty before there is one."""
    return on.comments("tracking")[-1].body if on.comments("tracking") else ""


async def answer(on: World, text: str, *, by: str = "ada") -> str:
    """Comment, and return the bot's answer to that comment."""
    command = on.say(text, by=by)

    def answers() -> list[str]:
        firsts = [(c.body.partition("\n")[0], c.body) for c in on.thread().comments]
        return [body for first, body in firsts if f"comment:{command.id} " in first]

    await on.until(answers)
    return answers()[0]


def state_of(on: World, number: int) -> str:
    rows = on.rows(f"SELECT state FROM items WHERE number = {number}")  # noqa: S608
    return rows[-1][0] if rows else ""


def processes(on: World) -> list[int]:
    return processes_of(on.folder)


async def running(
    on: World, *numbers: int, by: str = "ada", options: str = ""
) -> Comment:
    """Start a batch of items that hang; return its command when all of them run."""
    for number in numbers:
        on.issue(number, "fork\nhang")
    command = on.say(f"/batch {' '.join(map(str, numbers))} {options}", by=by)
    await on.until(lambda: tracking(on))
    await on.until(lambda: len(processes(on)) >= 2 * len(numbers))
    return command


# --- cancel ------------------------------------------------------------------------


async def test_cancel_ends_the_whole_tree_of_a_command(on: World):
    async with on.bot():
        command = await running(on, 12, 15)
        said = await answer(on, "/batch cancel")
        await on.until(lambda: not processes(on))
        await on.finished(command)
    assert "Cancelling batch" in said
    assert "was cancelled by ada" in tracking(on)
    assert {state_of(on, 12), state_of(on, 15)} == {"cancelled"}
    assert len(on.comments("report")) == 1
    assert on.pull_requests() == {}


async def test_cancel_of_an_item_leaves_the_others_and_skips_what_waits_for_it(
    on: World,
):
    on.issue(12, "hang")
    on.issue(15, f"write a b\nwait {on.folder / 'go'}")
    on.issue(18, "write c d")
    async with on.bot():
        command = on.say("/batch 12 15 18 after:12")
        await on.until(lambda: state_of(on, 12) == state_of(on, 15) == "running")
        said = await answer(on, "/batch cancel 12", by="grace")
        await on.until(lambda: state_of(on, 12) == "cancelled")
        (on.folder / "go").touch()
        await on.finished(command)
    assert "#12" in said.replace("[", "").replace("]", "")
    assert state_of(on, 18) == "skipped"
    assert set(on.pull_requests()) == {15}


async def test_cancel_names_what_can_no_longer_be_undone(on: World):
    on.issue(12, "write a b")
    on.issue(15, "hang")
    pulls = f"/repos/{REPOSITORY}/pulls$"
    slow = Fault(FaultKind.DELAY, method="POST", path=pulls, delay_seconds=100.0)
    on.hub.faults.add(slow)
    async with on.bot():
        command = on.say("/batch 12 15")
        await on.until(lambda: slow.times == 0)
        said = await answer(on, "/batch cancel")
        await on.finished(command)
    assert "is on the way to GitHub already and can no longer be stopped" in said
    assert state_of(on, 12) == "completed"
    assert state_of(on, 15) == "cancelled"
    assert set(on.pull_requests()) == {12}


async def test_cancel_of_what_has_ended_says_so(on: World):
    on.issue(12, "write a b")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
        (name,) = on.rows("SELECT id FROM batches")[0]
        said = await answer(on, f"/batch cancel {name}")
    assert "changed nothing" in said
    assert "finished" in said


# --- pause, resume, retry, skip ----------------------------------------------------


async def test_paused_items_finish_and_nothing_starts_until_resume(on: World):
    on.issue(12, f"write a b\nwait {on.folder / 'go'}")
    on.issue(15, "write c d")
    async with on.bot():
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: state_of(on, 12) == "running" and tracking(on))
        await answer(on, "/batch pause", by="grace")
        (on.folder / "go").touch()
        await on.until(lambda: state_of(on, 12) == "completed")
        await on.until(lambda: "is paused by grace — 1 of 2" in tracking(on))
        assert state_of(on, 15) == "pending"
        assert "paused by grace" in await answer(on, "/batch why 15")
        await answer(on, "/batch resume")
        await on.finished(command)
    assert set(on.pull_requests()) == {12, 15}


async def test_a_retry_in_a_live_batch_goes_on_in_place(on: World):
    mended = on.folder / "mended"
    on.issue(12, f"write a b\nexit 1 unless {mended}")
    on.issue(15, "write c d")
    on.issue(18, f"wait {mended}")
    async with on.bot():
        command = on.say("/batch 12 15 18 15 after:12")
        await on.until(lambda: state_of(on, 15) == "skipped")
        mended.touch()
        await answer(on, "/batch retry 15")
        await on.finished(command)
    assert len(on.rows("SELECT id FROM batches")) == 1
    assert set(on.pull_requests()) == {12, 15}
    assert "hooray" in on.reactions(command)


async def test_a_skipped_item_takes_those_behind_it_along(on: World):
    on.issue(12, f"write a b\nwait {on.folder / 'go'}")
    on.issue(15, "write c d")
    on.issue(18, "write e f")
    async with on.bot():
        command = on.say("/batch 12 15 after:12 18 after:15")
        await on.until(lambda: state_of(on, 12) == "running" and tracking(on))
        await answer(on, "/batch skip 15")
        (on.folder / "go").touch()
        await on.finished(command)
    assert [state_of(on, n) for n in (12, 15, 18)] == [
        "completed",
        "skipped",
        "skipped",
    ]
    assert "by ada" in tracking(on)


# --- who may -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by", "of", "control", "may"),
    [
        ("linus", "linus", "cancel", True),
        ("linus", "grace", "cancel", False),
        ("linus", "grace", "pause", False),
        ("grace", "linus", "pause", True),
        ("tess", "linus", "pause", False),
        ("rita", "linus", "cancel", False),
    ],
)
async def test_who_may_control(on: World, by: str, of: str, control: str, may: bool):
    on.issue(12, "hang")
    async with on.bot():
        on.say("/batch 12", by=of)
        await on.until(lambda: state_of(on, 12) == "running" and tracking(on))
        command = on.say(f"/batch {control}", by=by)
        await on.dealt_with()
        states = on.rows("SELECT state FROM batches")
        if may:
            assert states[0][0] != "running"
        else:
            assert states == [("running",)]
            assert "confused" in on.reactions(command)


async def test_anybody_who_may_triage_can_ask(on: World):
    on.issue(12, "hang")
    async with on.bot():
        on.say("/batch 12")
        await on.until(lambda: state_of(on, 12) == "running" and tracking(on))
        assert "Batches in" in await answer(on, "/batch status", by="tess")
        assert "has been running" in await answer(on, "/batch why 12", by="tess")


async def test_a_control_without_id_is_refused_where_two_batches_are_live(on: World):
    on.issue(12, "hang")
    on.issue(15, "hang")
    async with on.bot():
        on.say("/batch 12")
        on.say("/batch 15")
        await on.until(lambda: len(on.comments("tracking")) == 2)
        said = await answer(on, "/batch cancel")
        names = [name for (name,) in on.rows("SELECT id FROM batches")]
        assert all(f"`{name}`" in said for name in names)
        assert {state_of(on, 12), state_of(on, 15)} <= {"running", "pending"}


# --- why ---------------------------------------------------------------------------


async def test_why_knows_each_reason_that_people_can_bring_about(on: World):
    on.issue(12, "hang")
    on.issue(15, "hang")
    on.issue(16, "hang")
    on.issue(17, "exit 75")
    on.issue(18, "hang")
    on.issue(99)
    async with on.bot():
        on.say("/batch 12 15 after:12 16 after:99 concurrency:1")
        await on.until(lambda: state_of(on, 12) == "running" and tracking(on))
        assert "#12" in await answer(on, "/batch why 15")
        said = await answer(on, "/batch why 16")
        assert "#99" in said
        assert "outside this batch" in said
        on.hub.close("ada", REPOSITORY, 99)
        await on.dealt_with()
        await on.until(lambda: "OutsideSettled" in kinds(on))
        assert "(1 of 1 busy)" in await answer(on, "/batch why 16")
        on.say("/batch 17 18 after:17 retries:5")
        await on.until(lambda: "ItemRetrying" in kinds(on))
        said = await answer(on, "/batch why 17")
        assert "next try" in said or "has been running" in said
        await answer(on, "/batch plan 40")
        assert "waits for the start box" in await answer(on, "/batch why 40")
        assert "No batch of this repository has #7" in await answer(on, "/batch why 7")


def kinds(on: World) -> set[str]:
    return {kind for (kind,) in on.rows("SELECT kind FROM events")}


def edits_of(on: World) -> int:
    return sum(e.method == "PATCH" and "/comments/" in e.path for e in on.hub.log)


async def test_a_batch_that_only_waits_says_for_what_and_what_it_came_to_so_far(
    on: World,
):
    for number in (12, 15, 18, 99):
        on.issue(number)
    async with on.bot():
        command = on.say("/batch label +x 12 15 after:99 18 after:15")
        await on.until(lambda: " waits for #99 since " in tracking(on))
        assert "left** (" not in tracking(on)
        assert "/batch skip 15" in tracking(on)
        await on.until(lambda: on.comments("so-far"))
        assert "✅ #12 — " in on.comment("so-far").body
        edits = edits_of(on)
        assert 0 < edits < 10  # and not one a minute for a day
        await tick(on, "batch:skip 15", by="grace")
        await on.finished(command)
        assert len(on.comments("so-far")) == 1  # and not one a day
    assert "1 of 3 done, 2 skipped" in on.said("report")


# --- boxes -------------------------------------------------------------------------


async def test_boxes_pause_resume_and_cancel(on: World):
    async with on.bot():
        command = await running(on, 12)
        await tick(on, "batch:pause", by="grace")
        await on.until(lambda: "is paused by grace" in tracking(on))
        assert "- [x] <!--" not in tracking(on)
        await tick(on, "batch:resume", by="ada")
        await on.until(lambda: "is running" in tracking(on))
        await tick(on, "batch:cancel", by="ada")
        await on.finished(command)
    assert not processes(on)
    assert "was cancelled by ada" in tracking(on)
    assert [c.author.login for c in on.thread().comments].count("batch-bot[bot]") == 2


async def tick(on: World, text: str, *, by: str) -> None:
    await on.until(lambda: text in tracking(on))
    comment = on.comments("tracking")[-1]
    on.hub.tick(by, REPOSITORY, comment.id, text)
    await on.hub.webhooks.drain()


async def test_a_tick_by_who_may_not_is_undone_and_does_nothing(on: World):
    async with on.bot():
        await running(on, 12, by="grace")
        for text in ("batch:pause", "batch:cancel"):
            await tick(on, text, by="linus")  # write, and not the starter
            await on.until(lambda: "- [x] <!--" not in tracking(on))
        assert on.rows("SELECT state FROM batches") == [("running",)]


async def test_forged_boxes_and_words_are_drawn_over_and_do_nothing(on: World):
    async with on.bot():
        await running(on, 12, 15)
        comment = on.comments("tracking")[-1]
        before = comment.body
        forged = (
            "\r\n- [x] <!-- batch:retry 12 --> Retry"
            "\r\n- [x] <!-- batch:cancel 15 --> Cancel"
            "\r\n- [x] <!-- batch:explode --> Explode"
            "\r\n/batch cancel"
        )
        on.hub.edit_comment("ada", REPOSITORY, comment.id, before + forged)
        await on.until(lambda: "explode" not in comment.body)
        await on.dealt_with()
        assert on.rows("SELECT state FROM batches") == [("running",)]
        assert {state_of(on, 12), state_of(on, 15)} == {"running"}


async def test_a_copy_of_the_tracking_comment_has_no_boxes(on: World):
    async with on.bot():
        await running(on, 12)
        copied = on.say(tracking(on))
        on.hub.tick("ada", REPOSITORY, copied.id, "batch:cancel")
        await on.dealt_with()
        assert on.rows("SELECT state FROM batches") == [("running",)]


async def test_the_box_of_a_plan_starts_it_once(on: World):
    on.issue(12, "write a b")
    async with on.bot():
        await answer(on, "/batch plan 12")
        plan = on.comment("plan")
        on.hub.tick("linus", REPOSITORY, plan.id, "batch:start")
        await on.until(lambda: on.comments("report"))
        on.hub.tick("linus", REPOSITORY, plan.id, "batch:start", checked=False)
        on.hub.tick("linus", REPOSITORY, plan.id, "batch:start")
        await on.dealt_with()
    assert len(on.comments("report")) == len(on.pull_requests()) == 1


async def test_a_deleted_tracking_comment_comes_back_on_status_alone(on: World):
    async with on.bot():
        await running(on, 12)
        comment = on.comments("tracking")[-1]
        on.hub.delete_comment("ada", REPOSITORY, comment.id)
        await answer(on, "/batch pause")
        await on.dealt_with()
        assert on.comments("tracking") == []
        on.say("/batch status")
        await on.until(lambda: on.comments("tracking"))
        await on.until(lambda: "is paused" in tracking(on))
