"""A batch that was asked for in a pull request stands as a check run on its head."""

from functools import partial
from typing import Any

import pytest

from bot.localhub.ci import CheckRun
from bot.localhub.faults import Fault, FaultKind
from bot.localhub.pulls import pull_of
from bot.localhub.rules import BranchRules, RequiredCheck
from tests.flow.world import REPOSITORY, World


def head_of(on: World, number: int = 61) -> str:
    return pull_of(on.thread(number)).head_sha


def runs(on: World, sha: str = "") -> list[CheckRun]:
    """Return the bot's check runs, oldest first, on one commit or on all."""
    found = [run for run in on.repository.check_runs if run.by_app]
    return [run for run in found if sha in ("", run.head_sha)]


def shows(on: World, title: str) -> bool:
    """Return whether the newest check run has this title."""
    return bool(runs(on)) and runs(on)[-1].title == title


def push(on: World, text: str) -> str:
    files = {"more.txt": text}
    return on.hub.push("linus", REPOSITORY, "topic-61", files, message=text)


def batches(on: World) -> list[str]:
    return [name for (name,) in on.rows("SELECT id FROM batches ORDER BY rowid")]


def pressed(on: World, run: CheckRun, login: str, *, button: str = "retry") -> None:
    """Deliver what GitHub does when somebody presses a button of a check run."""
    user, shape = on.hub.user(login), on.hub.payloads.check_run(on.repository, run)
    about: dict[str, Any] = {"check_run": shape}
    if button:
        about["requested_action"] = {"identifier": button}
    action = "requested_action" if button else "rerequested"
    on.hub.announce("check_run", action, user, on.repository, **about)


async def test_a_batch_stands_on_the_head_from_its_start_to_its_end(on: World):
    on.issue(12, f"write a b\nwait {on.folder / 'go'}")
    on.issue(15, "write c d")
    on.pull_request(61)
    async with on.bot():
        command = on.say("/batch 12 15", on=61)
        await on.until(lambda: runs(on) and "1 of 2 finished" in str(runs(on)[0].title))
        (run,) = runs(on)
        assert (run.head_sha, run.status) == (head_of(on), "in_progress")
        assert run.name == f"Batch {batches(on)[0]}"
        assert run.title == "Running: 1 of 2 finished"
        assert run.actions == ()
        (on.folder / "go").touch()
        await on.finished(command)
    assert runs(on) == [run]
    assert (run.conclusion, run.title) == ("success", "Finished: 2 of 2 done")
    assert run.actions == ()
    (comment,) = on.comments("tracking", on=61)
    address = f"{on.hub.html_url}/{REPOSITORY}/pull/61#issuecomment-{comment.id}"
    assert run.details_url == address
    assert f"[The comment]({address}) has all" in str(run.summary)
    assert on.thread(61).pinned_comment is None


@pytest.mark.parametrize("comments", ["outcomes", "{pin: false}"])
async def test_it_goes_on_whichever_comments_are_wanted(on: World, comments: str):
    on.configure(f"comments: {comments}")
    for number in (12, 15, 18):
        on.issue(number, f"write a{number} b\nwait {on.folder / str(number)}")
    on.pull_request(61)
    async with on.bot():
        command = on.say("/batch 12 15 18 concurrency:1", on=61)
        await on.until(lambda: runs(on) and "0 of 3 finished" in str(runs(on)[0].title))
        for done, number in enumerate((12, 15), start=1):
            (on.folder / str(number)).touch()
            await on.until(partial(shows, on, f"Running: {done} of 3 finished"))
        assert len(on.comments("tracking", on=61)) == (comments == "{pin: false}")
        (on.folder / "18").touch()
        await on.finished(command)
    (run,) = runs(on)
    assert (run.conclusion, run.title) == ("success", "Finished: 3 of 3 done")


async def test_it_goes_on_without_the_comment_that_a_person_deleted(on: World):
    on.issue(12, f"write a b\nwait {on.folder / 'go'}")
    on.issue(15, f"write c d\nwait {on.folder / 'on'}")
    on.issue(18, f"write e f\nwait {on.folder / 'end'}")
    on.pull_request(61)
    async with on.bot():
        command = on.say("/batch 12 15 18", on=61)
        await on.until(lambda: runs(on) and on.comments("tracking", on=61))
        on.hub.delete_comment("ada", REPOSITORY, on.comment("tracking", on=61).id)
        for done, name in enumerate(("go", "on"), start=1):
            (on.folder / name).touch()
            await on.until(partial(shows, on, f"Running: {done} of 3 finished"))
        (on.folder / "end").touch()
        await on.finished(command)
    assert runs(on)[0].conclusion == "success"


async def test_what_failed_is_neutral_and_a_button_tries_it_again(on: World):
    on.issue(12, "write a b")
    on.issue(15, "exit 1")
    on.pull_request(61)
    async with on.bot():
        await on.finished(on.say("/batch 12 15 retries:0", on=61))
        (run,) = runs(on)
        assert (run.conclusion, run.title) == (
            "neutral",
            "Finished: 1 of 2 done, 1 failed",
        )
        assert "**failed**: " in str(run.summary)
        assert "**Retry** starts what did not succeed again: implement 1 issue." in str(
            run.summary
        )
        # Whoever may not start a batch may press as much as they like.
        pressed(on, run, "tess")
        await on.dealt_with()
        assert len(batches(on)) == 1
        # Nor may whoever may, but for batches of their own: they are told.
        on.hub.press("linus", REPOSITORY, run.id, "retry")
        await on.dealt_with()
        assert len(batches(on)) == 1
        assert "**maintain** access can retry" in on.replies(on=61)[-1]
        on.thread(15).body = "write c d"
        on.hub.press("grace", REPOSITORY, run.id, "retry")
        await on.until(lambda: len(runs(on)) == 2 and runs(on)[1].conclusion)
        first, second = batches(on)
        assert [one.name for one in runs(on)] == [f"Batch {first}", f"Batch {second}"]
        assert [one.conclusion for one in runs(on)] == ["neutral", "success"]
        # It is one wish, however often it comes.
        assert run.actions == ()
        assert f"runs again in `{second}`" in str(run.summary)
        on.hub.webhooks.redeliver(
            next(
                d for d in on.hub.webhooks.deliveries if d.action == "requested_action"
            )
        )
        pressed(on, run, "ada")
        pressed(on, run, "ada", button="")
        await on.dealt_with()
        assert len(batches(on)) == 2
    assert on.comments("retry", on=61) == []


async def test_to_run_the_check_again_is_to_retry(on: World):
    on.issue(12, "exit 1")
    on.issue(15, "write c d")
    on.pull_request(61)
    async with on.bot():
        await on.finished(on.say("/batch 12 15 after:12 retries:0", on=61))
        (run,) = runs(on)
        assert run.title == "Finished: 0 of 2 done, 1 failed, 1 skipped"
        on.thread(12).body = "write a b"
        on.hub.press("ada", REPOSITORY, run.id, "")
        await on.until(lambda: len(runs(on)) == 2 and runs(on)[1].conclusion)
    assert len(on.pull_requests()) == 2


async def test_buttons_of_others_and_of_no_batch_do_nothing(on: World):
    on.issue(12, "exit 1")
    on.pull_request(61)
    async with on.bot():
        await on.finished(on.say("/batch 12 retries:0", on=61))
        (run,) = runs(on)
        pressed(
            on, on.hub.check(REPOSITORY, head_of(on), "ci", conclusion="failure"), "ada"
        )
        pressed(on, run, "ada", button="explode")
        run.external_id = "zzzz"
        pressed(on, run, "ada")
        run.external_id = batches(on)[0]
        run.id += 1_000_000
        pressed(on, run, "ada")
        await on.dealt_with()
        assert len(batches(on)) == 1
        assert on.comments("retry", on=61) == []


async def test_it_moves_to_the_new_head_while_the_batch_lives(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.pull_request(61)
    first = head_of(on)
    async with on.bot():
        command = on.say("/batch 12", on=61)
        await on.until(lambda: runs(on))
        second = push(on, "more")
        await on.until(lambda: runs(on, second))
        (old,), (new,) = runs(on, first), runs(on, second)
        assert (old.conclusion, old.title) == (
            "neutral",
            f"Shown at the new head, {second[:7]}",
        )
        assert (new.status, new.title) == ("in_progress", "Running: 0 of 1 finished")
        go.touch()
        await on.finished(command)
        assert new.conclusion == "success"
        # What has said its last word stays where it is.
        third = push(on, "even more")
        await on.dealt_with()
        assert runs(on, third) == []
    assert len(runs(on)) == 2


async def test_a_head_that_is_pushed_back_to_has_its_check_again(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.pull_request(61)
    first = head_of(on)
    async with on.bot():
        command = on.say("/batch 12", on=61)
        await on.until(lambda: runs(on))
        second = push(on, "more")
        await on.until(lambda: runs(on, second))
        on.hub.set_ref("linus", REPOSITORY, "refs/heads/topic-61", first)
        await on.until(lambda: runs(on, second)[0].conclusion)
        await on.until(lambda: not runs(on, first)[0].conclusion)
        go.touch()
        await on.finished(command)
    assert [(one.head_sha, one.conclusion) for one in runs(on)] == [
        (first, "success"),
        (second, "neutral"),
    ]


async def test_a_push_while_the_bot_is_away_is_seen_when_it_comes_back(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.pull_request(61)
    first = head_of(on)
    async with on.bot():
        command = on.say("/batch 12", on=61)
        await on.until(lambda: runs(on))
    second = push(on, "more")
    go.touch()
    async with on.bot():
        await on.finished(command)
    (old,), (new,) = runs(on, first), runs(on, second)
    assert (old.conclusion, new.conclusion) == ("neutral", "success")


async def test_without_the_permission_there_is_none_and_the_comment_says_so(on: World):
    on.issue(12, f"write a b\nwait {on.folder / 'go'}")
    on.issue(15, "write c d")
    on.pull_request(61)
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    on.hub.grant(installation, checks="read")
    async with on.bot():
        command = on.say("/batch 12 15", on=61)
        await on.until(lambda: "1 of 2 finished" in on.said("tracking", on=61))
        assert (
            "No check shows it on the pull request: the app lacks `checks: write`."
            in on.said("tracking", on=61)
        )
        (on.folder / "go").touch()
        await on.finished(command)
    tried = [e for e in on.hub.log if e.path.endswith("/check-runs")]
    assert (runs(on), tried) == ([], [])


async def test_one_change_and_batches_of_issues_have_none(on: World):
    on.issue(12, "write a b")
    on.pull_request(61)
    async with on.bot():
        await on.finished(on.say("/batch label +bug this", on=61))
        await on.finished(on.say("/batch 12"))
    assert runs(on) == []


@pytest.mark.parametrize("names", [("ci",), ()])
async def test_neither_merge_nor_review_counts_it(on: World, names: tuple[str, ...]):
    on.pull_request(61)
    on.repository.rules = [BranchRules(checks=tuple(map(RequiredCheck, names)))]
    on.hub.check(REPOSITORY, head_of(on), "ci")
    async with on.bot():
        command = on.say("/batch review:61 merge:61 after:61", on=61)
        await on.until(lambda: "waits for 1 of 1" in on.said("tracking", on=61))
        assert "Batch" not in pull_of(on.thread(61)).reviews[0].body
        assert runs(on)[0].status == "in_progress"
        on.hub.check(REPOSITORY, head_of(on), "ci", conclusion="success")
        await on.until(lambda: not on.thread(61).is_open)
        await on.finished(command)
    assert runs(on)[-1].conclusion == "success"


async def test_what_github_refuses_is_tried_on_the_next_head_and_harms_nothing(
    on: World,
):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.pull_request(61)
    refusal = Fault(FaultKind.ERROR, method="POST", path="/check-runs$", status=422)
    on.hub.faults.add(refusal)
    async with on.bot():
        command = on.say("/batch 12", on=61)
        await on.until(lambda: refusal.times == 0)
        head = push(on, "more")
        await on.until(lambda: runs(on, head))
        go.touch()
        await on.finished(command)
    (run,) = runs(on)
    assert (run.head_sha, run.conclusion) == (head, "success")


async def test_the_last_word_waits_until_github_takes_it(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.pull_request(61)
    async with on.bot():
        command = on.say("/batch 12", on=61)
        await on.until(lambda: runs(on))
        lost = Fault(
            FaultKind.LOST_ANSWER, method="PATCH", path="/check-runs/", times=2
        )
        failed = Fault(
            FaultKind.ERROR, method="PATCH", path="/check-runs/", status=502, times=5
        )
        on.hub.faults.add(failed)
        on.hub.faults.add(lost)
        go.touch()
        await on.finished(command)
    (run,) = runs(on)
    assert (run.conclusion, run.title) == ("success", "Finished: 1 of 1 done")
