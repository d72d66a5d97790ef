"""Batches that begin by the clock: in whose name, once, and where that is said."""

from datetime import datetime, timedelta
from typing import Any

from bot.commandline.batches import schedules
from bot.localhub.ci import CheckRun
from bot.localhub.faults import Fault
from tests.flow.test_labels import batches, over, plain
from tests.flow.world import REPOSITORY, World

PATH = ".github/batch.yml"
DAILY = 'schedules: [{at: "17:00", zone: Europe/Zurich, run: "close label:stale"}]\n'
"""Due at 16:00 UTC; stories begin on Tuesday, 3 March 2026, at 15:00 UTC."""

DAYS = {"BATCH_SWEEP_SECONDS": "14400"}
"""For stories in which days pass: else most of what happens in them is the sweep."""


def stale(on: World, *numbers: int) -> None:
    """Open issues that the schedule closes."""
    on.hub.add_label(REPOSITORY, "stale")
    for number in numbers:
        on.issue(number)
        on.hub.label("linus", REPOSITORY, number, "stale")


def push(on: World, text: str | None, *, by: str = "ada") -> str:
    return on.hub.push(by, REPOSITORY, "main", {PATH: text}, message="Set it up")


def verdict(on: World, sha: str) -> str:
    """Return what the check run of the file says of a commit."""
    found: list[CheckRun] = on.repository.check_runs
    runs = [one for one in found if one.head_sha == sha and one.name == PATH]
    return str(runs[-1].summary) if runs else ""


def kept(on: World) -> list[Any]:
    """Return what became of the last time of each schedule that is known."""
    return [
        one
        for (one,) in on.rows(
            "SELECT json_extract(value, '$.became') FROM timetables,"
            " json_each(data, '$.schedules')"
        )
    ]


async def pass_until(on: World, text: str) -> None:
    """Let time pass, so that all that is due until then is dealt with."""
    await on.clock.sleep(
        (datetime.fromisoformat(text) - on.clock.now()).total_seconds()
    )
    await on.dealt_with()


# --- a time comes -------------------------------------------------------------------


async def test_what_is_due_is_a_batch_in_the_name_of_whoever_pushed_the_file(
    on: World,
):
    stale(on, 12, 15)
    async with on.bot(**DAYS):
        sha = push(on, DAILY, by="grace")
        await on.until(lambda: verdict(on, sha))
        await pass_until(on, "2026-03-03T15:59Z")
        assert batches(on) == []
        await over(on)
        assert on.clock.now() < datetime.fromisoformat("2026-03-03T16:05Z")
        stale(on, 18)
        await over(on, 2)
        await pass_until(on, "2026-03-07T12:00Z")
    assert [thread for thread, _ in batches(on)] == [12, 18]
    said = plain(on.said("report", on=12))
    assert "Asked for by @grace with the schedule `17:00 Europe/Zurich`" in said
    assert kept(on) == ["there was nothing to do"]
    assert len(on.replies(on=12)) == len(set(on.replies(on=12))) <= 2
    shown = verdict(on, sha)
    assert "run with the role that grace has then" in shown
    assert "next Tue 2026-03-03 17:00 Europe/Zurich, in about 1h 00m" in shown


async def test_a_batch_speaks_at_home_and_two_that_are_due_at_once_are_two(on: World):
    stale(on, 12, 15)
    on.issue(16)
    on.hub.add_label(REPOSITORY, "old")
    on.hub.label("linus", REPOSITORY, 16, "old")
    on.configure(
        "home: 40\n"
        "schedules:\n"
        '- {at: "Tue 16:00", run: "close label:stale"}\n'
        '- {at: "Mon-Fri 16:00", run: "close label:old"}\n'
        '- {at: "3. 16:00", run: "close label:stale"}\n'
    )
    async with on.bot():
        await on.answer("/batch plan close label:old")
        await pass_until(on, "2026-03-03T17:00Z")
        await on.until(lambda: len(kept(on)) == 3 and all(kept(on)))
    begun = "SELECT thread FROM batches WHERE source GLOB 'schedule:*'"
    assert sorted(thread for (thread,) in on.rows(begun)) == [16, 40]
    assert [one.partition(" ")[0] for one in sorted(kept(on))][:2] == ["batch"] * 2


async def test_a_time_is_missed_while_the_bot_is_down_and_made_up_for_once(on: World):
    stale(on, 12)
    async with on.bot():
        push(on, DAILY)
        await on.dealt_with()
    on.later(hours=20)
    async with on.bot():
        await over(on)
    assert len(batches(on)) == 1
    stale(on, 15)
    on.later(days=4, hours=23)  # the last one was missed 19 hours ago, three before
    async with on.bot():
        await over(on, 2)
        await on.dealt_with()
    assert len(batches(on)) == 2


async def test_a_time_that_was_missed_more_than_a_day_ago_is_let_go(on: World):
    stale(on, 12)
    async with on.bot(**DAYS):
        push(on, DAILY.replace("17:00", "Tue 17:00"))
        await on.dealt_with()
    on.later(days=3)
    async with on.bot(**DAYS):
        await pass_until(on, "2026-03-10T15:00Z")
        assert batches(on) == []
        await over(on)


async def test_the_clock_of_a_machine_that_is_set_back_begins_nothing_twice(on: World):
    stale(on, 12)
    async with on.bot(**DAYS):
        push(on, DAILY)
        await over(on)
        stale(on, 15)
        on.later(hours=-2)
        await pass_until(on, "2026-03-03T18:00Z")
        assert len(batches(on)) == 1
        await over(on, 2)
    assert on.clock.now() - datetime.fromisoformat("2026-03-04T16:00Z") < timedelta(
        minutes=5
    )


# --- in whose name ------------------------------------------------------------------


async def test_the_role_counts_that_whoever_pushed_has_when_it_is_due(on: World):
    stale(on, 12)
    async with on.bot(**DAYS):
        push(on, "home: 40\n" + DAILY, by="grace")
        await on.dealt_with()
        on.hub.set_role("ada", REPOSITORY, "grace", "write")
        await pass_until(on, "2026-03-06T12:00Z")
        assert kept(on) == ["refused: grace has the role write, it takes maintain"]
        said = plain(on.comment("schedule").body)  # once, not every day
        assert "Only people with **maintain** access can close here" in said
        assert "The schedule `17:00 Europe/Zurich` of batch.yml, which grace" in said
        push(on, "home: 40\n" + DAILY + "# mine\n")
        await on.dealt_with()
        status = await on.answer("/batch status")
        assert "run with the role that ada has then" in status
        assert "17:00 Europe/Zurich, in about 4h" in status
        assert "the last time: refused: grace has the role write" in status
        await over(on)
    assert "by [ada]" in on.said("report", on=12)


async def test_a_file_that_was_there_before_the_bot_runs_as_githubs_record_says(
    on: World,
):
    stale(on, 12)
    push(on, DAILY, by="grace")
    on.hub.push("ada", REPOSITORY, "main", {"a.txt": "a"}, message="Go on")
    async with on.bot():
        assert on.rows("SELECT 1 FROM timetables") == []
        await on.answer("/batch plan close label:stale")
        await on.until(lambda: "by [grace]" in on.said("report", on=12))


async def test_whoever_merges_the_file_counts_and_not_who_wrote_it(on: World):
    async with on.bot():
        sha = on.hub.push("linus", REPOSITORY, "topic", {PATH: DAILY}, message="Daily")
        pull = on.hub.open_pull_request("linus", REPOSITORY, "Daily", head="topic")
        await on.until(lambda: verdict(on, sha))
        assert "whoever brings it there has then" in verdict(on, sha)
        assert "next Tue 2026-03-03 17:00 Europe/Zurich" in verdict(on, sha)
        assert on.rows("SELECT 1 FROM timetables") == []
        merged = on.hub.merge("grace", REPOSITORY, pull.number)
        await on.until(lambda: verdict(on, merged))
        assert "run with the role that grace has then" in verdict(on, merged)
        (row,) = await schedules(on.folder / "data" / "batch.db")
    assert (row["run"], row["at"], row["pushed_by"]) == (
        "/batch close label:stale",
        "17:00 Europe/Zurich",
        "grace",
    )


async def test_who_brings_a_text_back_that_somebody_else_took_away_is_who_counts(
    on: World,
):
    stale(on, 12)
    async with on.bot() as bot:
        push(on, "home: 40\n" + DAILY, by="grace")
        await on.dealt_with()
        # All at once: whatever is told first, the file is as it was.
        on.hub.set_webhook_url("http://127.0.0.1:9")
        push(on, "home: 40\n", by="grace")
        push(on, "home: 40\n" + DAILY, by="linus")
        await on.hub.webhooks.drain()
        on.hub.set_webhook_url(f"{bot.url}/api/github/webhooks")
        await pass_until(on, "2026-03-03T15:30Z")  # the missed ones are found
        told = on.rows("SELECT count(*) FROM deliveries WHERE event = 'push'")
        assert told == [(3,)]
        await pass_until(on, "2026-03-03T16:30Z")
    assert kept(on) == ["refused: linus has the role write, it takes maintain"]
    assert batches(on) == []


async def test_what_a_merge_queue_or_an_app_brings_there_is_off_and_says_so(on: World):
    stale(on, 12)
    async with on.bot(**DAYS):
        found = on.repository
        sha = found.git.commit_files(
            {PATH: DAILY},
            parent=found.git.resolve("main"),
            message="By the app",
            author=("ada", "ada@example.com"),  # which counts for nothing
            at=on.clock.now(),
        )
        found.git.set_ref("refs/heads/main", sha)
        on.hub.refs_moved(on.hub.app.bot, found)
        await on.until(lambda: verdict(on, sha))
        await pass_until(on, "2026-03-04T12:00Z")
    assert "**No schedule runs**" in verdict(on, sha)
    assert "push the file with any change" in verdict(on, sha)
    assert batches(on) == []
    assert [one.startswith("skipped: ") for one in kept(on)] == [True]


async def test_a_file_that_is_edited_between_runs_as_it_is(on: World):
    stale(on, 12, 15)
    async with on.bot():
        push(on, DAILY)
        await on.dealt_with()
        # Nobody hears of this one; at the time itself it is read, and asked about.
        on.hub.set_webhook_url(None)
        text = DAILY.replace("close label:stale", "close not-planned:12")
        text = 'schedules: [{at: "17:00", zone: Europe/Zurich, run: "reopen 12"}]\n'
        push(on, text, by="grace")
        await pass_until(on, "2026-03-03T17:00Z")
        assert batches(on) == []
        assert kept(on) == [""]
    rows = on.rows("SELECT json_extract(data, '$.pusher.login') FROM timetables")
    assert rows == [("grace",)]


# --- when it cannot be --------------------------------------------------------------


async def test_a_time_is_skipped_while_the_batch_of_the_one_before_is_not_over(
    on: World,
):
    stale(on, 12)
    on.hub.faults.add(Fault(method="PATCH", path="/issues/12$", times=None))
    async with on.bot():
        push(on, DAILY)
        await pass_until(on, "2026-03-03T16:01Z")
        [(batch,)] = on.rows("SELECT id FROM batches")
        await on.answer(f"/batch pause {batch}")
        on.later(hours=24)
        skipped = f"skipped: batch {batch} of the time before is not over"
        await on.until(lambda: kept(on) == [skipped])
    assert len(batches(on)) == 1


async def test_where_the_bot_may_not_work_a_schedule_does_nothing_until_it_may(
    on: World,
):
    stale(on, 12)
    async with on.bot(**DAYS):
        push(on, DAILY)
        await on.dealt_with()
        on.hub.archive_repository("ada", REPOSITORY)
        await pass_until(on, "2026-03-03T18:00Z")
        archived = kept(on)
        on.hub.unarchive_repository("ada", REPOSITORY)
        (installation,) = on.hub.state.installations.values()
        on.hub.suspend_installation(installation)
        await pass_until(on, "2026-03-04T18:00Z")
        suspended = kept(on)
        on.hub.unsuspend_installation(installation)
    assert archived == ["skipped: the repository is archived"]
    assert suspended != archived
    assert suspended[0].startswith("skipped: ")
    on.settings_file["allowed_repositories"] = ["acme/other"]
    async with on.bot(**DAYS):
        await pass_until(on, "2026-03-05T18:00Z")
    del on.settings_file["allowed_repositories"]
    assert kept(on) == ["skipped: the server's settings leave the repository out"]
    assert batches(on) == []
    assert on.replies(on=12) == on.replies() == []
    async with on.bot(**DAYS):
        await over(on)


async def test_what_cannot_be_done_is_said_at_home_and_what_is_not_there_is_nothing(
    on: World,
):
    stale(on, 12)
    on.hub.add_label(REPOSITORY, "empty")
    async with on.bot():
        push(
            on,
            "home: 40\n"
            "schedules:\n"
            '- {at: "16:00", run: "close label:stalle"}\n'
            '- {at: "16:00", run: "close label:empty author:visitor"}\n'
            '- {at: "16:00", run: "close sub-issues:40"}\n'
            '- {at: "16:00", run: "merge 12"}\n',
        )
        await pass_until(on, "2026-03-05T17:00Z")
    assert batches(on) == []
    no_label = "There is no label `stalle`. The nearest is `stale`"
    assert kept(on)[0].startswith(f"refused: {no_label}")
    assert kept(on)[1:3] == ["there was nothing to do"] * 2
    assert kept(on)[3].startswith("refused: #12 is an issue; merge needs")
    assert len(on.comments("schedule")) == 2
    assert any(
        no_label in one and "/batch close label:stale\n" in one for one in on.replies()
    )


async def test_if_github_does_not_answer_for_an_hour_the_status_says_so(on: World):
    stale(on, 12)
    async with on.bot():
        push(on, DAILY)
        await on.dealt_with()
        on.hub.faults.add(
            Fault(method="GET", path="/collaborators/", status=502, times=None)
        )
        await pass_until(on, "2026-03-03T17:30Z")
    assert kept(on) == ["skipped: GitHub did not answer me for an hour"]
    assert batches(on) == []


async def test_a_plan_that_the_clock_has_made_can_be_started_for_a_day(on: World):
    stale(on, 12, 15)
    async with on.bot():
        push(on, "home: 40\nlimits: {confirm_over: 1}\n" + DAILY)
        await pass_until(on, "2026-03-04T09:00Z")
        assert "the plan stays valid until 16:00 UTC" in on.said("plan")
        on.say("/batch start")
        await over(on)


async def test_a_schedule_runs_where_its_repository_is_then(on: World):
    stale(on, 12)
    async with on.bot():
        push(on, DAILY)
        await on.dealt_with()
        on.hub.set_webhook_url(None)  # nobody hears of that
        renamed = on.hub.rename_repository("ada", REPOSITORY, "gizmos")
        on.hub.create_repository(REPOSITORY, files={"README.md": "# Another one"})
        on.hub.set_role("acme", REPOSITORY, "ada", "admin")
        for number in range(1, 41):
            on.hub.open_issue("ada", REPOSITORY, f"Another {number}")
        await on.until(lambda: renamed.threads[12].state == "closed")
    there = on.repository.threads
    assert [thread for thread in there.values() if thread.comments] == []


async def test_what_another_file_schedules_does_not_run_here(on: World):
    stale(on, 12)
    on.hub.create_repository("acme/.github", files={PATH: DAILY})
    async with on.bot(**DAYS):
        push(on, "_extends: .github\n")
        await on.answer("/batch plan close label:stale")
        push(on, None)
        await pass_until(on, "2026-03-04T18:00Z")
    assert on.rows("SELECT 1 FROM timetables") == []
    assert on.rows("SELECT 1 FROM batches WHERE source GLOB 'schedule:*'") == []


async def test_a_batch_of_other_repositories_alone_speaks_at_home_or_is_none(
    on: World,
):
    on.hub.create_repository("acme/gadgets", files={"README.md": "# gadgets"})
    on.hub.set_role("acme", "acme/gadgets", "ada", "maintain")
    there = on.hub.open_issue("ada", "acme/gadgets", "Old")
    other = 'schedules: [{at: "16:00", run: "close acme/gadgets#1"}]\n'
    async with on.bot(**DAYS):
        push(on, other)
        await on.until(lambda: any(kept(on)))
        assert kept(on)[0].startswith("skipped: no item is of this repository")
        push(on, other + "home: 40\n")
        await over(on)
    assert [thread for thread, _ in batches(on)] == [40]
    assert not there.is_open
