"""What people do in the stories in which the bot dies, and what is to come of it."""

import json
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from bot.localhub import pulls
from bot.localhub.ci import CheckRun, RunPlan
from bot.localhub.faults import Fault
from tests.flow.killing import (
    CHANGES,
    DISPATCHED,
    assert_events_sound,
    assert_sound,
    open_issues,
    open_pull_requests,
    states,
    times_done,
)
from tests.flow.mortal import Book
from tests.flow.moving import changed, head_of, is_at_work, merge
from tests.flow.world import REPOSITORY, World
from tests.flow.writes import unlogged_writes

PEOPLE_SECONDS = 200.0
"""How long people wait for something in a story in which the bot dies all the time."""

AWAY = "acme/api"
"""Another repository of the installation."""

SAID = ("cancelled", "completed", "skipped")


@dataclass(frozen=True, slots=True)
class Story:
    """*play* is what people do. They open the book when the bot is to die from now on."""

    open: Callable[[World], None]
    play: Callable[[World, int, Book], Coroutine[Any, Any, None]]
    check: Callable[[World], None]


async def _work(on: World, seed: int, book: Book) -> None:
    chosen = random.Random(seed)  # noqa: S311 - no secret
    items = ["15 after:12", "12", "close:18", "reopen:20"]
    chosen.shuffle(items)
    lines = [
        f"/batch {' '.join(items)}",
        '/batch comment "All done." 16',
        "/batch label +ready 17",
        "/batch assign +linus 19",
    ]
    chosen.shuffle(lines)
    book.open()
    on.say("\n".join(lines))
    concluded = "SELECT count(*) FROM batches WHERE is_concluded"
    await on.until(lambda: on.rows(concluded) == [(4,)], seconds=PEOPLE_SECONDS)


def _check_work(on: World) -> None:
    assert_sound(on, batches=4)
    assert states(on) == dict.fromkeys((12, 15, 16, 17, 18, 19, 20), "completed")


def _open_to_cancel(on: World) -> None:
    open_issues(on, {12: "write file12.txt hello\nfork\nhang"})


async def _cancel(on: World, seed: int, book: Book) -> None:
    """The batch is cancelled while one item hangs and another is about to be published,
    is being published, or has been.
    """
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    command = on.say("/batch 12 15 close:18 after:12 reopen:20 after:15")
    moments: list[Callable[[], object]] = [
        lambda: states(on).get(15) == "running",
        lambda: on.rows("SELECT 1 FROM effects WHERE key GLOB '*-15/push'"),
        lambda: times_done(on, 20),
    ]
    await see(lambda: states(on).get(12) == "running" and moments[seed % 3]())
    book.open()
    on.say("/batch cancel")
    await see(lambda: on.comments("cancel"))
    await see(lambda: on.reactions(command) & {"hooray", "confused"})


def _check_cancel(on: World) -> None:
    assert_sound(on, batches=1)
    assert states(on)[12] == states(on)[18] == "cancelled"
    assert {states(on)[15], states(on)[20]} <= {"cancelled", "completed"}
    assert on.rows("SELECT state FROM batches") == [("cancelled",)]
    assert len(on.comments("cancel")) == 1


def _open_to_pause(on: World) -> None:
    open_issues(on, {12: f"write file12.txt hello\nwait {on.folder / 'go'}"})


async def _pause(on: World, _: int, book: Book) -> None:
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    command = on.say("/batch 12 15 after:12 close:18 after:12 reopen:20")
    await see(lambda: states(on).get(12) == "running")
    book.open()
    on.say("/batch pause")
    await see(lambda: on.comments("pause"))
    (on.folder / "go").touch()
    await on.dealt_with()
    assert times_done(on, 15) == times_done(on, 18) == 0
    assert [s for (s,) in on.rows("SELECT state FROM batches")] == ["paused"]
    on.say("/batch resume", by="grace")
    await see(lambda: on.reactions(command) & {"hooray", "confused"})


def _check_pause(on: World) -> None:
    assert_sound(on, batches=1)
    assert states(on) == dict.fromkeys((12, 15, 18, 20), "completed")
    assert len(on.comments("pause")) == len(on.comments("resume")) == 1
    assert "hooray" in {r.content for r in on.thread().comments[0].reactions}


def _open_to_move(on: World) -> None:
    go = on.folder / "go"
    open_issues(on, {15: f"write file15.txt hello\nwait {go}"})


async def _move(on: World, _: int, book: Book) -> None:
    """The base of what was just pushed is squashed into the default branch."""
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    command = on.say("/batch 12 15 after:12")
    await see(lambda: 12 in on.pull_requests() and is_at_work(on))
    on.hub.faults.add(Fault(method="POST", path="/pulls$", times=None))
    (on.folder / "go").touch()
    above = head_of(on, 12).replace("/12", "/15")
    await see(lambda: on.repository.git.resolve(f"refs/heads/{above}"))
    merge(on, 12)
    book.open()
    on.hub.faults.clear()
    await see(lambda: on.reactions(command) & {"hooray", "confused"})


def _check_move(on: World) -> None:
    assert_sound(on, batches=1)
    assert states(on) == dict.fromkeys((12, 15), "completed")
    above = on.pull_requests()[15]
    assert changed(above) == ["file15.txt"]
    assert pulls.pull_of(above).base_ref == "main"


async def _change(on: World, seed: int, book: Book) -> None:
    lines = [
        "/batch ready:21 draft:22",
        "/batch request +grace 23",
        '/batch milestone "2.4" 24',
        '/batch freeze main "release"',
        "/batch review 25",
    ]
    random.Random(seed).shuffle(lines)  # noqa: S311 - no secret
    book.open()
    on.say("\n".join(lines))
    concluded = "SELECT count(*) FROM batches WHERE is_concluded"
    await on.until(lambda: on.rows(concluded) == [(4,)], seconds=PEOPLE_SECONDS)


def _check_change(on: World) -> None:
    assert_sound(on, batches=4)
    assert states(on) == dict.fromkeys(CHANGES, "completed")
    assert "is frozen (“release”)" in on.comment("freeze").body
    assert on.rows("SELECT branch, login FROM freezes") == [("main", "ada")]


async def _undo(on: World, _: int, book: Book) -> None:
    """What a batch changed is taken back."""
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    concluded = "SELECT count(*) FROM batches WHERE is_concluded"
    on.say("/batch ready:21 draft:22")
    await see(lambda: on.rows(concluded) == [(1,)])
    book.open()
    on.say("/batch undo")
    await see(lambda: on.rows(concluded) == [(2,)])


def _check_undo(on: World) -> None:
    assert_sound(on, batches=2)
    login = on.hub.app.bot.login
    for number, back in ((21, "converted_to_draft"), (22, "ready_for_review")):
        done = [e.kind for e in on.thread(number).events if e.actor.login == login]
        assert done.count(back) == 1, done
    assert "taken back by `" in on.comments("report")[0].body
    assert on.rows("SELECT count(*) FROM events WHERE kind = 'BatchUndone'") == [(1,)]


def _open_to_mix(on: World) -> None:
    open_issues(on)
    on.pull_request(25)


async def _mix(on: World, _: int, book: Book) -> None:
    """What one item opens is reviewed, and marked as ready, by others."""
    book.open()
    command = on.say("/batch 12 review:12 ready:12 review:25 close:18")
    done = {"hooray", "confused"}
    await on.until(lambda: on.reactions(command) & done, seconds=PEOPLE_SECONDS)


def _check_mix(on: World) -> None:
    assert_sound(on, batches=1)
    opened = on.pull_requests()[12]
    pull, login = pulls.pull_of(opened), on.hub.app.bot.login
    numbers = on.rows("SELECT item, number FROM items WHERE state = 'completed'")
    assert dict(numbers) == {
        "12": 12,
        "12-review": opened.number,
        "12-ready": opened.number,
        "18": 18,
        "25": 25,
    }
    own = [one.commit_id for one in pull.reviews if one.author.login == login]
    assert own == [pull.head_sha]
    marked = [one.kind for one in opened.events if one.actor.login == login]
    assert marked.count("ready_for_review") == 1


def _open_to_look(on: World) -> None:
    on.configure(
        "actions: {look: {uses: review, command: looker}}\n"
        "review: {verdicts: [approve]}\n"
    )
    for number, verdict in ((25, "comment"), (26, "approve")):
        remark = {"path": f"topic{number}.txt", "line": 1, "body": "Why?"}
        said = {"verdict": verdict, "comments": [remark]}
        on.pull_request(number, f"review result.json {json.dumps(said)}")


async def _look(on: World, _: int, book: Book) -> None:
    """A command looks at pull requests, and approves of one."""
    book.open()
    command = on.say("/batch look 25 26")
    done = {"hooray", "confused"}
    await on.until(lambda: on.reactions(command) & done, seconds=PEOPLE_SECONDS)


def _check_look(on: World) -> None:
    assert_sound(on, batches=1)
    login = on.hub.app.bot.login
    for number, state in ((25, "COMMENTED"), (26, "APPROVED")):
        pull = pulls.pull_of(on.thread(number))
        own = [one.state for one in pull.reviews if one.author.login == login]
        assert own == [state]
        assert [one.body for one in pull.review_comments] == ["Why?"]


def _open_to_label(on: World) -> None:
    open_issues(on)
    on.configure(
        "home: 40\n"
        "actions: {triaged: {uses: label, with: [+ready]}}\n"
        "labels: {batch: implement, stale: close, triage: triaged}\n"
        "review_requests: [team:core]\n"
    )
    on.hub.add_team("acme", "core", ["grace"])
    on.pull_request(25)


async def _label(on: World, _: int, book: Book) -> None:
    """Two people label, and take a label off again, while windows are open."""
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    for number in (12, 19):
        on.hub.label("ada", REPOSITORY, number, "batch")
    on.hub.label("linus", REPOSITORY, 15, "batch")
    on.hub.label("ada", REPOSITORY, 18, "stale")
    on.hub.label("linus", REPOSITORY, 17, "triage")
    on.hub.request_review("grace", REPOSITORY, 25, teams=["core"])
    # What is missed is swept up later, maybe as a batch of its own.
    kept = "SELECT 1 FROM delivery_bodies"
    await see(lambda: len(on.rows(kept)) >= 6)
    book.open()
    on.hub.unlabel("ada", REPOSITORY, 19, "batch")
    concluded = "SELECT count(*) FROM batches WHERE is_concluded"
    await see(lambda: on.rows(concluded) == [(3,)])
    await see(lambda: on.rows("SELECT 1 FROM deliveries WHERE outcome IS NULL") == [])


def _check_label(on: World) -> None:
    assert_sound(on, batches=2)
    assert states(on) == dict.fromkeys((12, 15, 17, 18, 25), "completed")
    commands = on.rows("SELECT json_extract(data, '$.command') FROM batches")
    shown = {command for (command,) in commands}
    assert shown == {
        "/batch implement:12 close:18",
        "/batch implement:15 triaged:17",
        "/batch review:25",
    }
    login = on.hub.app.bot.login
    for number in (12, 15, 17, 18):
        thread = on.thread(number)
        own = [one.kind for one in thread.events if one.actor.login == login]
        assert own.count("unlabeled") == 1
        assert [one.name for one in thread.labels] == ["ready"] * (number == 17)


def _open_to_show(on: World) -> None:
    open_issues(on, {12: f"write file12.txt hello\nwait {on.folder / 'go'}"})
    on.pull_request(26)


def _check_runs(on: World) -> list[CheckRun]:
    return [run for run in on.repository.check_runs if run.by_app]


async def _show(on: World, _: int, book: Book) -> None:
    """The head of the pull request moves while the batch lives."""
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    book.open()
    on.say("/batch 12 close:18 after:12", on=26)
    await see(lambda: len(_check_runs(on)) == 1 and states(on)[12] == "running")
    files = {"more.txt": "more"}
    on.hub.push("linus", REPOSITORY, "topic-26", files, message="More")
    await see(lambda: len(_check_runs(on)) == 2)
    (on.folder / "go").touch()
    concluded = "SELECT count(*) FROM batches WHERE is_concluded"
    await see(lambda: on.rows(concluded) == [(1,)])


def _check_show(on: World) -> None:
    assert_sound(on, batches=1, thread=26)
    shown = [(run.head_sha, run.conclusion) for run in _check_runs(on)]
    head = pulls.pull_of(on.thread(26)).head_sha
    before = on.repository.git.resolve(f"{head}~1")
    assert shown == [(before, "neutral"), (head, "success")]


def _open_to_add(on: World) -> None:
    open_issues(on, {12: f"write file12.txt hello\nwait {on.folder / 'go'}"})
    on.pull_request(25)


async def _add(on: World, _: int, book: Book) -> None:
    """Items are added to a batch whose first one is at work."""
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    command = on.say("/batch 12")
    await see(lambda: states(on).get(12) == "running")
    book.open()
    on.say("/batch add 15 after:12 review:25 priority:low")
    await see(lambda: on.comments("add"))
    (on.folder / "go").touch()
    await see(lambda: on.reactions(command) & {"hooray", "confused"})


def _check_add(on: World) -> None:
    assert_sound(on, batches=1)
    assert states(on) == dict.fromkeys((12, 15, 25), "completed")
    assert len(on.comments("add")) == 1
    assert on.rows("SELECT count(*) FROM events WHERE kind = 'BatchEdited'") == [(1,)]


def _open_across(on: World) -> None:
    open_issues(on)
    on.hub.create_repository(AWAY, files={"README.md": "# api\n"})
    on.hub.set_role("acme", AWAY, "ada", "admin")
    for _ in range(6):
        on.hub.open_issue("ada", AWAY, "Endpoint", "write file.txt hello")


async def _across(on: World, _: int, book: Book) -> None:
    """A batch has items in two repositories, one after another."""
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    book.open()
    command = on.say(f"/batch {AWAY}#5 close:18 after:{AWAY}#5 close:{AWAY}#6 after:18")
    await see(lambda: on.reactions(command) & {"hooray", "confused"})


def _check_across(on: World) -> None:
    """Nothing is done twice, in either repository."""
    login = on.hub.app.bot.login
    away = on.hub.repository(AWAY)
    done = [e.kind for e in away.threads[6].events if e.actor.login == login]
    assert done.count("closed") == times_done(on, 18) == 1
    opened = [t.pull.head_ref for t in away.threads.values() if t.pull]
    branches = [
        r.removeprefix("refs/heads/") for r in away.git.refs() if "/batch/" in r
    ]
    assert len(opened) == 1
    assert branches == opened
    assert opened[0].endswith("/api-5")
    assert len(on.comments("tracking")) == len(on.comments("report")) == 1
    assert on.rows("SELECT DISTINCT state FROM items") == [("completed",)]
    assert_events_sound(on)
    assert on.rows("SELECT key FROM effects WHERE receipt IS NULL") == []
    assert unlogged_writes(on) == []


async def _schedule(on: World, _: int, book: Book) -> None:
    """A schedule and a batch with a time of its own; the bot dies when they are due."""
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    at = on.clock.now() + timedelta(minutes=2)
    on.configure(
        f'home: 40\nschedules: [{{at: "{at:%H:%M}", run: "close:18 reopen:20"}}]\n'
    )
    await see(lambda: on.rows("SELECT 1 FROM timetables"))
    on.say(f"/batch label +ready 17 start-at:{at:%H:%M}")
    await see(lambda: on.comments("plan"))
    await see(lambda: on.rows("SELECT 1 FROM deliveries WHERE outcome IS NULL") == [])
    book.open()
    concluded = "SELECT count(*) FROM batches WHERE is_concluded"
    await see(lambda: on.rows(concluded) == [(2,)])


def _check_schedule(on: World) -> None:
    assert_sound(on, batches=2)
    assert states(on) == dict.fromkeys((17, 18, 20), "completed")
    due = "SELECT event, count(*) FROM deliveries WHERE event IN ('schedule', 'start')"
    assert on.rows(f"{due} GROUP BY event") == [("schedule", 1), ("start", 1)]


WORKFLOW = """\
run-name: Go (${{ inputs.batch_attempt }})
on: {workflow_dispatch: {inputs: {batch_attempt: {}, batch_item: {}}}}
jobs: {test: {steps: [{run: make}]}}
"""


def _open_to_dispatch(on: World) -> None:
    for number in DISPATCHED:
        on.issue(number)
    files = {".github/workflows/go.yml": WORKFLOW}
    on.hub.push("ada", REPOSITORY, "main", files, message="Add a workflow")
    on.hub.list_lag_seconds = 5.0


async def _dispatch(on: World, seed: int, book: Book) -> None:
    """With a seed, the batch is cancelled while a run goes on."""
    see = partial(on.until, seconds=PEOPLE_SECONDS)
    on.hub.plan_run(REPOSITORY, "go.yml", RunPlan(step_seconds=2000.0 if seed else 5.0))
    book.open()
    command = on.say("/batch dispatch go.yml 31 32")
    if seed:
        runs = on.repository.workflow_runs
        await see(lambda: [r.status for r in runs] == ["in_progress"] * 2)
        on.say("/batch cancel")
    await see(lambda: on.reactions(command) & {"hooray", "confused"})


def _check_dispatch(on: World) -> None:
    assert_sound(on, batches=1)
    runs = on.repository.workflow_runs
    assert sorted(run.inputs["batch_item"] for run in runs) == ["31", "32"]
    is_stopped = "cancelled" in states(on).values()
    ended = "cancelled" if is_stopped else "success"
    assert [run.conclusion for run in runs] == [ended] * 2
    assert set(states(on).values()) == {"cancelled" if is_stopped else "completed"}


STORIES = {
    "across": Story(_open_across, _across, _check_across),
    "schedule": Story(open_issues, _schedule, _check_schedule),
    "dispatch": Story(_open_to_dispatch, _dispatch, _check_dispatch),
    "look": Story(_open_to_look, _look, _check_look),
    "add": Story(_open_to_add, _add, _check_add),
    "label": Story(_open_to_label, _label, _check_label),
    "mix": Story(_open_to_mix, _mix, _check_mix),
    "work": Story(open_issues, _work, _check_work),
    "cancel": Story(_open_to_cancel, _cancel, _check_cancel),
    "pause": Story(_open_to_pause, _pause, _check_pause),
    "change": Story(open_pull_requests, _change, _check_change),
    "undo": Story(open_pull_requests, _undo, _check_undo),
    "show": Story(_open_to_show, _show, _check_show),
    "move": Story(_open_to_move, _move, _check_move),
}
