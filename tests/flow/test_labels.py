"""Batches that labels begin: who may, what is collected, where it is said, what goes."""

import re

import pytest

from bot.engine.which import Which
from bot.localhub.accounts import UserType
from bot.localhub.faults import Fault, FaultKind
from bot.store.batches import SqliteBatches
from tests.flow.test_across import API, add, labels_of
from tests.flow.test_once import replay
from tests.flow.world import REPOSITORY, World


def label(on: World, *numbers: int, by: str = "ada", name: str = "batch") -> None:
    for number in numbers:
        on.hub.label(by, REPOSITORY, number, name)


def unlabel(on: World, number: int, *, by: str = "ada", name: str = "batch") -> None:
    on.hub.unlabel(by, REPOSITORY, number, name)


def labels(on: World, *numbers: int) -> list[str]:
    """Return the labels of items, one after the other."""
    return [one.name for number in numbers for one in on.thread(number).labels]


def batches(on: World) -> list[tuple[int, str]]:
    """Return the threads and commands of all batches, oldest first."""
    found = (
        "SELECT thread, json_extract(data, '$.command') FROM batches ORDER BY number"
    )
    return [(thread, command) for thread, command in on.rows(found)]


def plain(body: str) -> str:
    """Return a comment without its links."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", body)


async def over(on: World, count: int = 1) -> None:
    """Wait until so many batches have said their last word."""
    done = "SELECT count(*) FROM batches WHERE is_concluded"
    await on.until(lambda: on.rows(done) == [(count,)])


def outcomes(on: World) -> list[str]:
    """Return what became of the labels that people put on, and took off."""
    found = "SELECT outcome FROM deliveries WHERE event IN ('issues', 'pull_request')"
    return sorted({one for (one,) in on.rows(found)} - {"ignored", "noted"})


# --- what becomes a batch -----------------------------------------------------------


async def test_what_one_person_labels_in_a_window_is_one_batch_and_loses_its_label(
    on: World,
):
    for number in (12, 15, 18):
        on.issue(number, "write a.txt hello")
    async with on.bot():
        label(on, 12, 15)
        await on.clock.sleep(60)
        label(on, 18)
        await on.clock.sleep(80)
        assert batches(on) == []  # it slides
        await over(on)
    assert batches(on) == [(12, "/batch 12 15 18")]
    assert set(on.pull_requests()) == {12, 15, 18}
    assert labels(on, 12, 15, 18) == []
    report = plain(on.said("report", on=12))
    assert "Asked for by @ada with labels on #12, #15 and #18" in report


async def test_nothing_is_written_while_the_window_is_open(on: World):
    on.issue(12, "write a.txt hello")
    async with on.bot():
        label(on, 12)
        await on.clock.sleep(85)
        assert batches(on) == []
        assert on.thread(12).comments == []
        assert on.thread(12).reactions == []
        assert labels(on, 12) == ["batch"]
        await over(on)


async def test_a_window_closes_after_ten_minutes_whatever_comes(on: World):
    numbers = range(100, 112)
    for number in numbers:
        on.issue(number, "write a.txt hello")
    async with on.bot():
        for number in numbers:
            label(on, number)
            await on.clock.sleep(60)
        await over(on, 2)
    assert batches(on) == [(100, "/batch 100..109"), (110, "/batch 110 111")]


async def test_two_people_s_labels_are_two_batches(on: World):
    for number in (12, 15, 18):
        on.issue(number, "write a.txt hello")
    async with on.bot():
        label(on, 12, 18)
        label(on, 15, by="linus")
        await over(on, 2)
    assert sorted(batches(on)) == [(12, "/batch 12 18"), (15, "/batch 15")]
    assert "@linus" in on.said("report", on=15)


async def test_windows_of_two_repositories_that_cross_are_two_batches(on: World):
    """The same numbers, labelled by the same person, in turn; one is taken off again."""
    api = add(on)
    for number in (2, 5):
        on.issue(number, "write a.txt hello")
    async with on.bot():
        for number in (2, 5):
            label(on, number)
            on.hub.label("ada", API, number, "batch")
            await on.clock.sleep(20)
        on.hub.unlabel("ada", API, 5, "batch")
        await over(on, 2)
        await on.dealt_with()
    names = "SELECT repository_id, json_extract(data, '$.command') FROM batches"
    assert dict(on.rows(names)) == {
        on.repository.id: "/batch 2 5",
        api.id: "/batch 2",
    }
    opened = [one.pull.head_ref for one in api.threads.values() if one.pull]
    assert [ref.rpartition("/")[2] for ref in opened] == ["2"]
    assert set(on.pull_requests()) == {2, 5}
    assert labels(on, 2, 5) == labels_of(api, 2) == labels_of(api, 5) == []
    assert "api" not in on.said("report", on=2)
    assert api.threads[5].comments == []
    (said,) = [c.body for c in api.threads[2].comments if "batch-bot:report" in c.body]
    assert "Asked for by @ada with a label on #2 " in plain(said)


async def test_two_windows_that_close_at_once_do_not_share_an_item(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    on.configure("labels: {batch: implement, two: implement}")
    async with on.bot():
        label(on, 12, 15)
        label(on, 12, by="linus", name="two")
        await on.dealt_with()
        await on.until(lambda: len(on.pull_requests()) >= 2)
        # Whichever closes first has #12: the other one is a smaller batch, or none.
        said = "#12 is already in batch"
        await on.until(lambda: said in " ".join(on.replies(on=12) + on.replies(on=15)))
        await on.until(
            lambda: on.rows("SELECT 1 FROM batches WHERE NOT is_concluded") == []
        )
    opened = [
        one.pull.head_ref.rpartition("/")[2]
        for one in on.repository.threads.values()
        if one.pull
    ]
    assert sorted(opened) == ["12", "15"]


@pytest.mark.parametrize(
    ("words", "whose", "step"),
    [("retry {}", Which, "busy"), ("add {} 12", SqliteBatches, "keep_facts")],
)
async def test_a_window_that_closes_while_a_command_takes_an_item_leaves_it_alone(
    on: World, monkeypatch: pytest.MonkeyPatch, words: str, whose: type, step: str
):
    """The command is slow between its look at what is free and its record."""
    go, mended = on.folder / "go", on.folder / "mended"
    on.issue(12, f"exit 1 unless {mended}\nwait {go}")
    on.issue(15, f"wait {go}")
    on.configure("labels: {batch: implement}")
    quick = getattr(whose, step)

    async def slow(*arguments: object) -> object:
        done = await quick(*arguments)
        await on.clock.sleep(150)  # longer than a window
        return done

    monkeypatch.setattr(whose, step, slow)
    async with on.bot():
        if words.startswith("retry"):
            await on.finished(on.say("/batch 12 retries:0"))
        else:
            on.say("/batch 15")
            await on.until(lambda: bool(on.rows("SELECT 1 FROM items")))
        [(batch,)] = on.rows("SELECT id FROM batches")
        mended.touch()
        await on.dealt_with()
        label(on, 12)
        on.say("/batch " + words.format(batch))
        await on.dealt_with()
        live = on.rows("SELECT 1 FROM items WHERE number = 12 AND state != 'failed'")
        go.touch()
    assert len(live) == 1
    assert "#12 is already in batch" in " ".join(on.replies(on=12))


async def test_a_labelled_parent_stands_for_its_parts_and_has_the_thread(on: World):
    for number in (12, 15, 18):
        on.issue(number, "write a.txt hello")
    on.issue(30, "- [ ] #18\n- [x] #40\n- [ ] somebody should\n")
    for number in (12, 15):
        on.hub.add_sub_issue("ada", on.thread(30), on.thread(number))
    async with on.bot():
        label(on, 30)
        await over(on)
    assert batches(on) == [(30, "/batch sub-issues:30 tasks:30")]
    assert set(on.pull_requests()) == {12, 15, 18}
    assert labels(on, 30) == []


async def test_a_labelled_pull_request_stands_for_itself(on: World):
    on.pull_request(61)
    async with on.bot():
        label(on, 61)
        await over(on)
    assert batches(on) == [(61, "/batch 61")]
    assert labels(on, 61) == []
    assert "1 of 1 done · review 1 pull request" in on.said("report", on=61)


async def test_a_batch_without_one_thread_speaks_at_home(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    on.configure("home: 40")
    async with on.bot():
        label(on, 12, 15)
        await over(on)
    assert batches(on) == [(40, "/batch 12 15")]
    assert on.said("report")


async def test_a_home_that_is_not_there_is_none(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    on.configure("home: 999")
    async with on.bot():
        label(on, 12, 15)
        await over(on)
    assert batches(on) == [(12, "/batch 12 15")]


async def test_what_counts_is_the_file_as_it_is_when_the_window_closes(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    on.hub.add_label(REPOSITORY, "triaged")
    own = 'actions: {triaged: {uses: label, with: ["+triaged"]}}\n'
    on.configure(f"{own}labels: {{batch: triaged, stale: triaged, sure: triaged}}")
    async with on.bot():
        label(on, 12)
        label(on, 15, name="stale")
        label(on, 15, name="sure")
        await on.clock.sleep(30)
        on.configure("labels: {batch: implement, sure: {do: reopen}}")
        await on.dealt_with()
    assert batches(on) == [(12, "/batch implement:12 reopen:15")]


async def test_a_home_that_is_a_pull_request_is_none_even_if_it_is_an_item(on: World):
    on.issue(12, "write a.txt hello")
    on.pull_request(61)
    on.configure("home: 61")
    async with on.bot():
        label(on, 12, 61)
        await over(on)
    assert batches(on) == [(12, "/batch 12 61")]


MIXED = """
labels: {batch: implement, "batch: review": review, Stale: {do: close, window: 10s}}
"""


async def test_several_labels_of_one_person_are_one_mixed_batch(on: World):
    on.issue(12, "write a.txt hello")
    on.issue(15)
    on.pull_request(61)
    on.configure(MIXED)
    async with on.bot():
        label(on, 12)
        label(on, 61, name="batch: review")
        label(on, 15, name="stale")
        await over(on)
    assert batches(on) == [(12, "/batch implement:12 close:15 review:61")]
    assert labels(on, 12, 15, 61) == []
    assert not on.thread(15).is_open


async def test_a_label_has_a_window_of_its_own(on: World):
    on.issue(15)
    on.configure(MIXED)
    async with on.bot():
        label(on, 15, name="stale")
        await on.clock.sleep(15)
        assert not on.thread(15).is_open


async def test_what_takes_more_than_write_is_refused_to_who_has_no_more(on: World):
    on.issue(15)
    on.configure(MIXED)
    async with on.bot():
        label(on, 15, by="linus", name="stale")
        await on.dealt_with()
    assert on.thread(15).is_open
    on.assert_nothing_started()
    (refusal,) = on.replies(on=15)
    assert "close" in refusal
    assert "maintain" in refusal


async def test_over_the_limit_the_first_are_taken_and_the_rest_keep_their_label(
    on: World,
):
    for number in (12, 15, 18):
        on.issue(number, "write a.txt hello")
    on.configure("limits: {items: 2}")
    async with on.bot():
        label(on, 12, 15, 18)
        await over(on)
    assert set(on.pull_requests()) == {12, 15}
    assert labels(on, 12, 15, 18) == ["batch"]
    assert "#18 is over the limit of 2 items" in on.said("report", on=12)


async def test_what_does_not_fit_is_left_out_with_a_note(on: World):
    on.issue(12, "write a.txt hello")
    on.issue(15)
    on.hub.close("ada", REPOSITORY, 15)
    async with on.bot():
        label(on, 12, 15)
        await over(on)
    assert "#15 is already closed. It is **left out**" in on.said("report", on=12)
    assert labels(on, 12, 15) == ["batch"]


async def test_why_a_label_begins_nothing_is_said_once(on: World):
    on.issue(15)
    on.hub.close("ada", REPOSITORY, 15)
    async with on.bot():
        label(on, 15)
        await on.dealt_with()
    (said,) = on.replies(on=15)
    assert "Nothing is left to do. #15 is already closed." in said
    on.assert_nothing_started()


async def test_what_a_label_cannot_do_to_an_item_is_told_with_who_asked(on: World):
    on.configure("labels: {ship: {do: merge}}")
    on.issue(12)
    async with on.bot():
        label(on, 12, name="ship")
        await on.dealt_with()
    (said,) = on.replies(on=12)
    assert "#12 is an issue; merge needs a pull request. It is **left out**." in said
    assert "ada put `ship` on " in said
    assert "Nothing was started." in said
    on.assert_nothing_started()


async def test_a_configuration_that_cannot_be_read_is_told(on: World):
    on.issue(12)
    on.configure("labls: {}")
    async with on.bot():
        label(on, 12)
        await on.dealt_with()
    (said,) = on.replies(on=12)
    assert ".github/batch.yml" in said
    on.assert_nothing_started()


async def test_the_plan_line_says_which_labels_of_whom_began_it(on: World):
    on.issue(12, "hang")
    on.issue(15, "hang")
    async with on.bot():
        label(on, 12, 15)
        await on.until(lambda: "Read as" in on.said("tracking", on=12))
        (line,) = [
            one
            for one in plain(on.said("tracking", on=12)).splitlines()
            if one.startswith("**Read as:**")
        ]
    assert line == (
        "**Read as:** implement 2 issues — #12 and #15 start now."
        " ada put `batch` on #12 and #15."
    )


async def test_another_label_begins_nothing(on: World):
    on.issue(12)
    async with on.bot():
        label(on, 12, name="bug")
        await on.dealt_with()
        assert outcomes(on) == ["ignored: it asks for nothing here"]
    on.assert_nothing_started()


# --- who may ------------------------------------------------------------------------


async def test_a_label_of_who_may_not_start_a_batch_does_nothing_silently(on: World):
    on.issue(12, "write a.txt hello")
    async with on.bot():
        label(on, 12, by="tess")
        await on.dealt_with()
    on.assert_nothing_started()
    assert on.replies(on=12) == []
    assert labels(on, 12) == ["batch"]
    assert outcomes(on) == ["ignored: role"]


async def test_the_label_of_a_team_that_the_repository_names_counts(on: World):
    on.issue(12, "write a.txt hello")
    on.hub.add_team("acme", "releases", ["tess"])
    on.configure("permissions: {run: team:releases}")
    async with on.bot():
        label(on, 12, by="tess")
        await over(on)
    assert set(on.pull_requests()) == {12}


async def test_the_label_of_an_app_counts_if_it_is_on_the_list(on: World):
    on.issue(12, "write a.txt hello")
    on.issue(15, "write a.txt hello")
    for login in ("triager[bot]", "stranger[bot]"):
        on.hub.state.add_user(login, UserType.BOT)
        on.hub.set_role("acme", REPOSITORY, login, "write")
    on.settings_file["allowed_bots"] = {"triager[bot]": "write"}
    async with on.bot():
        label(on, 12, by="triager[bot]")
        label(on, 15, by="stranger[bot]")
        await over(on)
        await on.dealt_with()
    assert batches(on) == [(12, "/batch 12")]
    assert labels(on, 12, 15) == ["batch"]


# --- taken off, and put on again ----------------------------------------------------


async def test_a_label_that_is_taken_off_in_the_window_withdraws_the_item(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    async with on.bot():
        label(on, 12, 15)
        await on.clock.sleep(30)
        unlabel(on, 12, by="tess")
        await over(on)
    assert batches(on) == [(15, "/batch 15")]
    assert on.thread(12).comments == []


async def test_all_taken_off_begins_nothing(on: World):
    on.issue(12)
    async with on.bot():
        label(on, 12)
        await on.clock.sleep(30)
        unlabel(on, 12)
        await on.dealt_with()
        assert outcomes(on) == ["withdrawn"]
    on.assert_nothing_started()


async def test_a_label_that_is_taken_off_later_cancels_the_item(on: World):
    on.issue(12, "hang")
    on.issue(15, "write a.txt hello")
    async with on.bot():
        label(on, 12, 15)
        await on.until(lambda: 15 in on.pull_requests())
        unlabel(on, 12)
        await over(on)
    report = on.said("report", on=12)
    assert "Cancelled: 1" in report
    assert labels(on, 12, 15) == []


async def test_a_label_that_is_taken_off_too_late_is_told(on: World):
    on.issue(12, "write a.txt hello")
    on.issue(15, f"write b.txt hello\nwait {on.folder / 'go'}")
    pulls = f"/repos/{REPOSITORY}/pulls$"
    slow = Fault(FaultKind.DELAY, method="POST", path=pulls, delay_seconds=100.0)
    on.hub.faults.add(slow)
    async with on.bot():
        label(on, 12, 15)
        await on.until(lambda: slow.times == 0)
        unlabel(on, 12, by="linus")  # is on its way to GitHub
        await on.dealt_with()
        (on.folder / "go").touch()
        await over(on)
    report = plain(on.said("report", on=12))
    assert "2 of 2 done" in report
    assert "linus took the label of #12 off too late to stop that." in report
    assert labels(on, 12, 15) == []


async def test_what_failed_keeps_its_label_and_put_on_again_it_runs_again(on: World):
    on.issue(12, "exit 3")
    on.issue(15, "write a.txt hello")
    async with on.bot():
        label(on, 12, 15)
        await over(on)
        assert labels(on, 12, 15) == ["batch"]
        assert "A label stays on what did not complete" in on.said("report", on=12)
        on.hub.edit_thread("ada", REPOSITORY, 12, body="write b.txt hello")
        unlabel(on, 12)
        label(on, 12)
        await over(on, 2)
    assert batches(on)[1] == (12, "/batch 12")
    assert labels(on, 12, 15) == []


async def test_a_parent_keeps_its_label_until_all_its_parts_are_done(on: World):
    on.issue(12, "exit 3")
    on.issue(15, "write a.txt hello")
    on.issue(30, "- [ ] #12\n- [ ] #15\n")
    async with on.bot():
        label(on, 30)
        await over(on)
        assert labels(on, 30) == ["batch"]
        on.hub.edit_thread("ada", REPOSITORY, 12, body="write b.txt hello")
        await on.finished(on.say("/batch retry", on=30))
        await over(on, 2)
    assert labels(on, 30) == []


async def test_a_parent_keeps_its_label_while_it_has_parts_elsewhere(on: World):
    on.issue(12, "write a.txt hello")
    on.issue(30, "- [ ] other/repo#3\n- [ ] #12\n")
    async with on.bot():
        label(on, 30)
        await over(on)
    assert set(on.pull_requests()) == {12}
    assert labels(on, 30) == ["batch"]


async def test_a_deleted_label_cancels_what_it_began(on: World):
    on.issue(12, "hang")
    on.issue(15, "hang")
    async with on.bot():
        label(on, 12, 15)
        await on.until(lambda: on.comments("tracking", on=12))
        on.hub.delete_label("ada", REPOSITORY, "batch")
        await over(on)
    assert "Cancelled: 2" in on.said("report", on=12)


async def test_a_label_that_is_deleted_or_renamed_in_the_window_begins_nothing(
    on: World,
):
    on.issue(12)
    async with on.bot():
        label(on, 12)
        await on.clock.sleep(30)
        on.hub.delete_label("ada", REPOSITORY, "batch")
        await on.dealt_with()
        label(on, 12)
        await on.clock.sleep(30)
        on.hub.rename_label("ada", REPOSITORY, "batch", "Batch of old")
        await on.dealt_with()
    on.assert_nothing_started()
    assert on.replies(on=12) == []


async def test_an_old_delivery_takes_nothing_off_that_was_put_on_since(on: World):
    on.issue(12, "hang")
    async with on.bot() as bot:
        label(on, 12)
        await on.clock.sleep(10)
        unlabel(on, 12)
        taken_off = on.hub.webhooks.deliveries[-1]
        await on.clock.sleep(10)
        label(on, 12)
        await on.until(lambda: on.comments("tracking", on=12))
        await replay(on, bot, taken_off)
        assert on.rows("SELECT state FROM items") == [("running",)]


async def test_what_waits_for_its_start_box_loses_what_is_taken_off(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    on.configure("limits: {confirm_over: 1}")
    async with on.bot():
        label(on, 12, 15)
        await on.until(lambda: on.comments("plan", on=12))
        assert "ada put `batch` on #12 and #15." in plain(on.said("plan", on=12))
        unlabel(on, 12)
        await on.dealt_with()
        plan = on.comment("plan", on=12)
        on.hub.tick("ada", REPOSITORY, plan.id, "Start")
        await over(on)
    assert set(on.pull_requests()) == {15}
    assert "Cancelled: 1" in on.said("report", on=12)
    assert labels(on, 12, 15) == []


async def test_an_issue_with_two_labels_is_implemented_and_that_reviewed(on: World):
    on.issue(12, "write a.txt hello")
    on.configure(MIXED)
    async with on.bot():
        label(on, 12)
        label(on, 12, name="batch: review")
        await over(on)
    assert batches(on) == [(12, "/batch implement:12 review:12")]
    assert labels(on, 12) == []
    assert on.rows("SELECT item, state FROM items ORDER BY item") == [
        ("12", "completed"),
        ("12-review", "completed"),
    ]


# --- deliveries ---------------------------------------------------------------------


@pytest.mark.parametrize("how", ["twice", "shuffled"])
async def test_deliveries_of_a_window_come_twice_and_in_any_order(on: World, how: str):
    for number in (12, 15, 18):
        on.issue(number, "write a.txt hello")
    setattr(on.hub.webhooks.faults, how, True)
    async with on.bot():
        label(on, 12)
        await on.clock.sleep(2)
        label(on, 15)
        await on.clock.sleep(2)
        unlabel(on, 15)
        label(on, 18)
        await on.clock.sleep(2)
        unlabel(on, 18)
        await on.clock.sleep(2)
        label(on, 18)
        await over(on)
        await on.dealt_with()
    assert batches(on) == [(12, "/batch 12 18")]
    assert labels(on, 12, 15, 18) == []


async def test_a_replay_under_a_new_guid_begins_nothing_again(on: World):
    on.issue(12, "exit 3")
    async with on.bot() as bot:
        label(on, 12)
        first = on.hub.webhooks.deliveries[-1]
        await over(on)
        on.later(hours=1)
        await replay(on, bot, first)
    assert len(batches(on)) == 1
    assert labels(on, 12) == ["batch"]


async def test_a_window_outlives_a_restart(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    async with on.bot():
        label(on, 12)
        await on.clock.sleep(60)
    async with on.bot():
        label(on, 15)
        await on.clock.sleep(20)
        assert batches(on) == []
        await over(on)
    assert batches(on) == [(12, "/batch 12 15")]


async def test_a_window_that_closed_while_the_bot_was_away_is_begun_at_once(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    async with on.bot():
        label(on, 12, 15)
        await on.clock.sleep(60)
    on.later(hours=3)
    before = on.clock.now()
    async with on.bot():
        await on.until(lambda: batches(on))
        assert (on.clock.now() - before).total_seconds() < 20
        await over(on)
    assert batches(on) == [(12, "/batch 12 15")]


async def test_labels_that_were_missed_are_swept_up(on: World):
    for number in (12, 15):
        on.issue(number, "write a.txt hello")
    async with on.bot():
        on.hub.webhooks.faults.dropped = True
        label(on, 12, 15)
        await on.hub.webhooks.drain()
        on.hub.webhooks.faults.dropped = False
        await over(on)
    assert batches(on) == [(12, "/batch 12 15")]


async def test_a_window_waits_for_the_budget(on: World):
    on.issue(12, "write a.txt hello")
    async with on.bot():
        on.say("/batch help")
        await on.dealt_with()
        installation = on.hub.state.installation_of(on.repository)
        assert installation is not None
        label(on, 12)
        await on.clock.sleep(60)
        on.hub.limits.set_limit(installation.id, remaining=0)
        await over(on)
    assert batches(on) == [(12, "/batch 12")]
    assert len(on.pull_requests()) == 1


@pytest.mark.parametrize("how", ["archived", "removed"])
async def test_a_repository_that_goes_in_the_window_begins_nothing(on: World, how: str):
    on.issue(12)
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    async with on.bot():
        label(on, 12)
        await on.clock.sleep(30)
        if how == "archived":
            on.hub.archive_repository("ada", REPOSITORY)
        else:
            on.hub.uninstall(installation)
        await on.dealt_with()
    on.assert_nothing_started()
    assert on.replies(on=12) == []


async def test_a_repository_that_is_renamed_in_the_window_is_found(on: World):
    on.issue(12, "write a.txt hello")
    async with on.bot():
        label(on, 12)
        await on.clock.sleep(30)
        on.hub.rename_repository("ada", REPOSITORY, "gadgets")
        await over(on)
    assert batches(on) == [(12, "/batch 12")]
    assert on.thread(12).labels == []
