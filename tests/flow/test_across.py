"""Stories of batches with items of several repositories of an installation."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bot.localhub import pulls
from bot.localhub.faults import Fault
from bot.localhub.rules import BranchRules, RequiredCheck
from bot.localhub.state import Repository
from tests.flow.killing import mortal_world
from tests.flow.merging import MERGES, UPDATES
from tests.flow.mortal import SwiftClock
from tests.flow.world import REPOSITORY, ROLES, World

WRITTEN = "data/host/attempts/*/workspace/a"

API = "acme/api"
FILE = ".github/batch.yml"
AGREED = {FILE: "shown-in: [Acme/Widgets]"}
TITLE = "Buy the other company"  # of what is private


def add(
    on: World, name: str = API, *, is_private: bool = False, branch: str = "trunk"
) -> Repository:
    """Add a repository of the installation with issues 1 to 9."""
    made = on.hub.create_repository(
        name,
        files={"README.md": "# api\n"},
        is_private=is_private,
        default_branch=branch,
    )
    for login, role in ROLES.items():
        on.hub.set_role("acme", name, login, role)
    for number in range(1, 10):
        body = f"write file{number}.txt hello"
        on.hub.open_issue("ada", name, f"Endpoint {number}", body)
    return made


def shut(on: World, name: str, visibility: str = "private") -> None:
    """Make a repository private, internal or public."""
    is_private, is_internal = visibility != "public", visibility == "internal"
    on.hub.set_visibility("ada", name, is_private=is_private, is_internal=is_internal)


def agree(on: World, files: Mapping[str, str | None] = AGREED) -> None:
    """Have the other repository say on its default branch where it may be shown."""
    on.hub.push("ada", API, "trunk", files, message="Agree")


def states(on: World) -> dict[str, str]:
    return dict(on.rows("SELECT item, state FROM items"))


def said(on: World, kind: str) -> str:
    """Return the newest comment of a kind as it looks."""
    return on.said(kind).replace("\u2060", "")


def labels_of(repository: Repository, number: int) -> list[str]:
    return [label.name for label in repository.threads[number].labels]


async def test_items_of_two_repositories_are_one_batch(on: World):
    """Each is done as its own repository sets it, and in the order asked for."""
    api = add(on)
    text = "actions: {ok: {uses: label, with: [+ready]}}\nlimits: {items: 3}"
    on.hub.add_label(API, "ready")
    on.hub.add_label(REPOSITORY, "fine")
    on.hub.push("ada", API, "trunk", {".github/batch.yml": text}, message="Set up")
    on.configure("actions: {ok: {uses: label, with: [+fine]}}")
    on.issue(12, "write a b")
    on.issue(15, "Depends on acme/api#5")
    async with on.bot():
        line = "/batch 15 ok:12 Acme/API#5 ok:acme/api#6 close:acme/api#7 after:15"
        command = on.say(line)
        await on.finished(command)
        refused = await on.answer(
            "/batch close acme/api#1 acme/api#2 acme/api#3 acme/api#4"
        )
    assert "That is 4 items, and the limit of a command is 3" in refused
    assert states(on) == dict.fromkeys(
        ("15", "12", "api-5", "api-6", "api-7"), "completed"
    )
    assert labels_of(api, 6) == ["ready"]
    assert labels_of(on.repository, 12) == ["fine"]
    assert api.threads[7].state == "closed"
    (opened,) = (t for t in api.threads.values() if t.pull)
    assert pulls.pull_of(opened).base_ref == "trunk"
    assert pulls.pull_of(opened).head_ref.endswith("/api-5")
    assert "Closes #5" in opened.body
    plan = said(on, "tracking")
    assert "acme/api#5" in plan
    assert "**acme/widgets:** 2 of 2 done" in said(on, "report")
    assert "**acme/api:** 3 of 3 done" in said(on, "report")
    order = [e for (e,) in on.rows("SELECT data FROM events WHERE kind='ItemStarted'")]
    places = [next(i for i, e in enumerate(order) if f'"{one}"' in e)
              for one in ("api-5", "15", "api-7")]  # fmt: skip
    assert places == sorted(places)


async def test_what_a_batch_may_not_have_is_refused_with_the_reason(on: World):
    secret = add(on, "acme/secret", is_private=True)
    secret.threads[5].title = TITLE
    on.hub.set_role("acme", "acme/secret", "linus", "none")
    add(on, "acme/old")
    on.hub.archive_repository("ada", "acme/old")
    api = add(on)
    on.hub.set_role("acme", API, "linus", "triage")
    on.hub.add_organization("corp")
    on.hub.create_repository("corp/parts", files={"README.md": "# parts\n"})
    on.hub.install("corp")
    on.issue(12)
    async with on.bot():
        told = await on.answer("/batch close 12 acme/secret#5")
        assert "`acme/secret` is not public" in told
        assert "/batch close 12\n" in told
        told = await on.answer("/batch assign +@me acme/secret#5", by="linus")
        nobodys = await on.answer("/batch assign +@me acme/nothing#5", by="linus")
        assert told.replace("secret", "nothing") == nobodys
        told = await on.answer("/batch close 12 acme/old#5")
        assert "`acme/old` is archived" in told
        told = await on.answer("/batch close corp/parts#1 12")
        assert "`corp/parts` belongs to another installation" in told
        told = await on.answer("/batch label +ready 12 acme/api#5", by="linus")
        assert "There is no label `ready`" in told
        on.hub.add_label(API, "ready")
        told = await on.answer("/batch label +ready 12 acme/api#5", by="linus")
        assert "takes **write** access to `acme/api`, and you have **triage**" in told
        on.hub.set_role("acme", API, "linus", "write")
        told = await on.answer("/batch 12 close:acme/api#5", by="linus")
        assert "takes **maintain** access to `acme/api`" in told
        told = await on.answer("/batch close acme/api#404 12")
        assert "there is no issue or pull request 404 in acme/api" in told
    on.assert_nothing_started()
    assert api.threads[5].state == "open"
    assert not any(TITLE in reply for reply in on.replies())


Change = Callable[[World], object]

ENDS: dict[str, tuple[Change, str]] = {
    "archived": (lambda on: on.hub.archive_repository("ada", API), "was archived"),
    "deleted": (lambda on: on.hub.delete_repository("ada", API), "lost its access"),
    "removed": (
        lambda on: on.hub.remove_repositories(
            next(iter(on.hub.state.installations.values())), API
        ),
        "lost its access",
    ),
    "given away": (
        lambda on: (
            on.hub.add_organization("corp"),
            on.hub.transfer_repository("ada", API, "corp"),
        ),
        "acme/api",
    ),
    "made private": (
        lambda on: on.hub.set_visibility("ada", API, is_private=True),
        "may not be shown here any more",
    ),
}


@pytest.mark.parametrize("name", ENDS)
async def test_the_end_of_a_repository_ends_its_items_and_not_the_batch(
    on: World, name: str
):
    """It is told in the report; of what is hidden no word is shown any more."""
    change, why = ENDS[name]
    api, go = add(on), on.folder / "go"
    api.threads[5].title = TITLE
    api.threads[5].body = "say at work\nhang"
    on.issue(12, f"write a b\nwait {go}")
    on.issue(15, "write c d")
    on.issue(18)
    async with on.bot():
        command = on.say(
            "/batch 12 15 after:12 acme/api#5 acme/api#6 after:12 18 after:acme/api#6"
        )
        await on.until(lambda: "at work" in said(on, "tracking"))
        change(on)
        await on.until(lambda: states(on)["api-5"] == "failed")
        go.touch()
        await on.finished(command)
    assert states(on) == {
        **dict.fromkeys(("12", "15"), "completed"),
        **dict.fromkeys(("api-5", "api-6"), "failed"),
        "18": "skipped",
    }
    report = said(on, "report")
    assert why in report
    assert "2 of 5 done" in report
    is_hidden = name == "made private"
    for reply in on.replies():
        assert not (is_hidden and (TITLE in reply or "at work" in reply))
    assert [t for t in api.threads.values() if t.pull] == []


async def test_what_is_private_is_shown_where_it_agrees_and_no_more_people_read(
    on: World,
):
    """The refusal says what to write where; neither the owner's file nor a branch does."""
    api = add(on, is_private=True)
    api.threads[5].body = f"say {TITLE}\nexit 3"
    on.hub.create_repository("acme/.github", files=AGREED)
    on.hub.push("ada", API, "topic", AGREED, message="Agree", base="trunk")
    on.issue(12)
    shut(on, REPOSITORY)
    line = "/batch close:12 acme/api#5"
    async with on.bot():
        refused = await on.answer(line)
        assert (
            "add `shown-in: [acme/widgets]` to `.github/batch.yml` on the default branch"
            " of `acme/api`" in refused
        )
        agree(on, {FILE: "shown-in: acme/gadgets"})
        assert await on.answer(line) == refused
        agree(on)
        for home in ("internal", "public"):
            shut(on, REPOSITORY, home)
            refused = await on.answer(line)
            assert "more people can read `acme/widgets`" in refused
        assert on.rows("SELECT id FROM batches") == []
        shut(on, API, "internal")
        shut(on, REPOSITORY, "internal")
        on.say("/batch plan close:acme/api#6")
        await on.finished(on.say(line))
        assert TITLE in said(on, "report")
        shut(on, REPOSITORY, "public")
        await on.dealt_with()
        await on.until(lambda: TITLE not in said(on, "tracking") + said(on, "report"))
        refused = await on.answer("/batch start")
        assert "more people can read `acme/widgets`" in refused
    assert states(on) == {"12": "completed", "api-5": "failed", "api-6": "pending"}
    assert api.threads[6].state == "open"


async def test_who_may_not_read_it_is_told_no_more_of_what_agrees(on: World):
    add(on, is_private=True)
    agree(on)
    on.hub.set_role("acme", API, "linus", "none")
    shut(on, REPOSITORY)
    async with on.bot():
        told = await on.answer("/batch assign +@me acme/api#5", by="linus")
        nobodys = await on.answer("/batch assign +@me acme/nothing#5", by="linus")
    assert told.replace("api", "nothing") == nobodys
    on.assert_nothing_started()


async def test_a_server_that_does_not_tell_who_reads_what_shows_nothing_private(
    on: World,
):
    on.hub.lacks = {"visibilities"}
    add(on, is_private=True)
    agree(on)
    shut(on, REPOSITORY)
    async with on.bot():
        told = await on.answer("/batch close acme/api#5")
    assert "more people can read `acme/widgets`" in told
    on.assert_nothing_started()


TAKEN_BACK: dict[str, Change] = {
    "said no more": lambda on: agree(on, {FILE: "home: 5"}),
    "another default branch": lambda on: on.hub.set_default_branch("ada", API, "old"),
    "home made public": lambda on: shut(on, REPOSITORY, "public"),
    "home renamed": lambda on: on.hub.rename_repository("ada", REPOSITORY, "parts"),
}


@pytest.mark.parametrize("name", TAKEN_BACK)
async def test_what_was_agreed_to_is_hidden_once_it_is_not_so_any_more(
    on: World, name: str
):
    """Of what runs, has ended, and is only a plan."""
    api, go, thread = add(on, is_private=True), on.folder / "go", on.thread()
    on.hub.push("ada", API, "old", {"b": "b"}, message="Try", base="trunk")
    api.threads[5].body = "say at work\nhang"
    api.threads[6].body = f"say {TITLE}\nexit 3"
    on.issue(12, f"write a b\nwait {go}")
    agree(on)
    shut(on, REPOSITORY)

    def shown() -> str:
        return "".join(c.body for c in thread.comments).replace("\u2060", "")

    async with on.bot(BATCH_SWEEP_SECONDS="86400"):
        await on.finished(on.say("/batch acme/api#6"))
        command = on.say("/batch 12 acme/api#5 close:acme/api#7 after:12")
        await on.until(lambda: "at work" in shown())
        assert TITLE in shown()
        TAKEN_BACK[name](on)
        await on.until(lambda: states(on)["api-7"] == "failed")
        go.touch()
        await on.finished(command)
        await on.until(lambda: not any(word in shown() for word in (TITLE, "at work")))
    assert states(on)["12"] == "completed"
    assert "may not be shown here any more" in shown()
    assert api.threads[7].state == "open"


async def test_what_is_hidden_later_is_gone_from_plans_and_from_what_has_ended(
    on: World,
):
    """Also from what is drawn again, and from answers, for as long as anybody asks."""
    api = add(on)
    api.threads[5].body = f"say {TITLE}\nexit 3"
    api.rules = [BranchRules(checks=(RequiredCheck("takeover"),))]
    on.hub.push("linus", API, "topic", {"topic.txt": "topic"}, message="Add")
    on.hub.open_pull_request("linus", API, "A topic", head="topic")
    on.issue(12, "write a b")
    async with on.bot():
        await on.finished(on.say("/batch 12 acme/api#5"))
        on.say("/batch plan 12 merge:acme/api#10")
        await on.until(lambda: "takeover" in said(on, "plan"))
        ended, plan = (c for (c,) in on.rows("SELECT id FROM batches ORDER BY number"))
        assert TITLE in said(on, "report")
        on.hub.set_visibility("ada", API, is_private=True)
        await on.until(lambda: TITLE not in said(on, "tracking") + said(on, "report"))
        assert "acme/api#5" in said(on, "tracking")
        await on.until(lambda: "takeover" not in said(on, "plan"))
        assert "what became of it may not be shown here" in said(on, "report")
        assert "acme/api#10" in said(on, "plan")
        for asked in (f"status {ended}", f"why {ended} acme/api#5", f"status {plan}"):
            assert TITLE not in await on.answer(f"/batch {asked}")
        told = await on.answer(f"/batch start {plan}")
        assert "`acme/api` is not public" in told
    hidden = "SELECT count(*) FROM events WHERE kind = 'RepositoryHidden'"
    assert on.rows(hidden) == [(2,)]


async def test_another_name_changes_nothing_and_a_lost_role_ends_what_is_there(
    on: World,
):
    api, go = add(on), on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.issue(15)
    async with on.bot(BATCH_SWEEP_SECONDS="86400"):
        command = on.say(
            "/batch 12 close:acme/api#5 after:12 close:15 after:acme/api#5", by="grace"
        )
        await on.until(lambda: on.comments("tracking"))
        on.hub.rename_repository("ada", API, "rest")
        await on.dealt_with()
        go.touch()
        await on.finished(command)
        assert api.threads[5].state == "closed"
        assert "acme/rest#5" in said(on, "report")
        go.unlink()
        on.hub.reopen("ada", REPOSITORY, 15)
        command = on.say(
            "/batch 12 again close:acme/rest#6 after:12 close:15", by="grace"
        )
        await on.until(lambda: states(on).get("rest-6") == "pending")
        on.hub.set_role("acme", "acme/rest", "grace", "write")
        go.touch()
        await on.finished(command)
    assert states(on)["rest-6"] == "failed"
    assert api.threads[6].state == "open"
    assert states(on)["15"] == "completed"
    assert "grace has write access now, not maintain" in said(on, "report")


async def test_what_somebody_does_there_meanwhile_and_tries_again(on: World):
    """Deliveries of the other repository concern its items alone; a retry and an undo
    ask for the role there.
    """
    api, go = add(on), on.folder / "go"
    on.issue(5)
    on.issue(12, f"write a b\nwait {go}")
    async with on.bot():
        command = on.say("/batch 12 acme/api#5 after:12 close:5 after:12", by="grace")
        await on.until(lambda: on.comments("tracking"))
        on.hub.close("ada", API, 5, reason="not_planned")
        await on.until(lambda: states(on)["api-5"] == "failed")
        assert states(on)["5"] == "pending"
        go.touch()
        await on.finished(command)
        assert states(on)["5"] == "completed"
        on.hub.reopen("ada", API, 5)
        on.hub.set_role("acme", API, "grace", "read")
        told = await on.answer("/batch retry", by="grace")
        assert "takes **write** access to `acme/api`, and you have **read**" in told
        again = on.say("/batch retry acme/api#5")
        await on.finished(again)
    assert "1 of 1 done" in said(on, "report")
    assert [pulls.pull_of(t).base_ref for t in api.threads.values() if t.pull] == [
        "trunk"
    ]


async def test_what_was_done_there_is_taken_back_and_added_to_and_left_out(on: World):
    """Undo, an addition to what runs, and a skip name items of the other repository."""
    api, go = add(on), on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.issue(15)
    async with on.bot():
        command = on.say(
            "/batch 12 close:acme/api#6 close:acme/api#7 after:12 close:15 after:acme/api#7"
        )
        await on.until(lambda: states(on).get("api-6") == "completed")
        added = await on.answer("/batch add close:acme/api#5 after:12")
        assert "acme/api#5" in added.replace("\u2060", "")
        on.hub.set_role("acme", API, "grace", "read")
        refused = await on.answer("/batch add close:acme/api#8", by="grace")
        assert "access to `acme/api`, and you have **read** there" in refused
        await on.answer("/batch skip acme/api#7")
        await on.until(lambda: states(on)["api-7"] == "skipped")
        go.touch()
        await on.finished(command)
        assert states(on) == {
            **dict.fromkeys(("12", "api-6", "api-5"), "completed"),
            **dict.fromkeys(("api-7", "15"), "skipped"),
        }
        assert [api.threads[n].state for n in (5, 6, 7)] == ["closed", "closed", "open"]
        refused = await on.answer("/batch undo acme/api#6", by="grace")
        assert "access to `acme/api`, and you have **read** there" in refused
        assert api.threads[6].state == "closed"
        undone = on.say("/batch undo acme/api#5 acme/api#6")
        await on.finished(undone)
    assert [api.threads[n].state for n in (5, 6, 7)] == ["open", "open", "open"]


async def test_a_plan_with_an_item_elsewhere_is_started_by_its_box(on: World):
    """The role there counts then, also of whoever ticks."""
    api = add(on)
    on.issue(12)
    async with on.bot():
        on.say("/batch plan close:12 close:acme/api#5")
        await on.until(lambda: on.comments("plan"))
        (plan,) = on.comments("plan")
        on.hub.set_role("acme", API, "grace", "triage")
        on.hub.tick("grace", REPOSITORY, plan.id, "batch:start")
        await on.until(lambda: "access to `acme/api`" in "".join(on.replies()))
        await on.dealt_with()
        assert on.rows("SELECT state FROM batches") == [("planned",)]
        assert api.threads[5].state == "open"
        on.hub.tick("ada", REPOSITORY, plan.id, "batch:start", checked=False)
        on.hub.tick("ada", REPOSITORY, plan.id, "batch:start")
        await on.until(lambda: on.comments("report"))
    assert states(on) == dict.fromkeys(("12", "api-5"), "completed")
    assert api.threads[5].state == "closed"


async def test_a_suspended_installation_ends_the_batch_in_all_its_repositories(
    on: World,
):
    api, go = add(on), on.folder / "go"
    api.threads[5].body = f"write a b\nsay at work\nwait {go}"
    on.issue(12)
    async with on.bot():
        on.say("/batch acme/api#5 close:12 after:acme/api#5")
        await on.until(lambda: "at work" in said(on, "tracking"))
        (installation,) = on.hub.state.installations.values()
        on.hub.suspend_installation(installation)
        await on.until(lambda: on.rows("SELECT state FROM batches") == [("cancelled",)])
        go.touch()
        assert set(states(on).values()) <= {"cancelled", "failed", "skipped"}
        on.hub.unsuspend_installation(installation)
        await on.until(lambda: on.comments("report"))
    assert "suspended" in said(on, "report")
    assert [t for t in api.threads.values() if t.pull] == []


async def test_a_report_that_its_thread_does_not_take_is_not_told_elsewhere(
    on: World,
):
    """Who reads the other repository need not be a reader of the home."""
    api, go = add(on), on.folder / "go"
    on.hub.set_visibility("ada", REPOSITORY, is_private=True)
    on.issue(12, f"say {TITLE}\nwait {go}\nexit 3")
    async with on.bot():
        on.say("/batch close:acme/api#5 12")
        await on.until(lambda: states(on).get("api-5") == "completed")
        await on.until(lambda: on.comments("tracking"))
        on.hub.lock("ada", REPOSITORY, 40)
        await on.dealt_with()
        go.touch()
        await on.until(lambda: on.comments("report", on=12) or api.threads[5].comments)
    assert api.threads[5].comments == []


async def test_two_merges_into_one_base_there_are_made_one_after_the_other(on: World):
    """As at home: the second is brought up to date with what the first one made."""
    api = add(on)
    checks = (RequiredCheck("ci"),)
    api.rules = [BranchRules(checks=checks, is_strict=True)]
    for number in (10, 11):
        branch, files = f"topic-{number}", {f"topic{number}.txt": "topic\n"}
        on.hub.push("linus", API, branch, files, message="Add a topic")
        made = on.hub.open_pull_request("linus", API, "A topic", head=branch)
        assert made.number == number
        head = pulls.pull_of(made).head_sha
        on.hub.check(API, head, "ci", conclusion="success")
    on.hub.plan_checks(API, {"ci": "success"})
    async with on.bot():
        await on.finished(on.say("/batch merge acme/api#10 acme/api#11"))
    merged = [pulls.pull_of(api.threads[number]).is_merged for number in (10, 11)]
    assert merged == [True, True]
    assert on.rows(MERGES) == [(2,)]
    # Of the first GitHub may not have known yet that there is nothing new.
    assert on.rows(UPDATES) in ([(1,)], [(2,)])


async def test_it_is_killed_in_the_midst_and_goes_on_in_both(tmp_path: Path):
    """Nothing is done twice, in either repository."""
    go = tmp_path / "go"
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, _, child):
        api = add(on)
        api.threads[5].body = f"write a b\nwait {go}"
        on.issue(12)
        await child.start()
        command = on.say(
            "/batch close:acme/api#6 acme/api#5 close:12 after:acme/api#5"
            " close:acme/api#7 after:12"
        )
        await on.until(lambda: list(tmp_path.glob(WRITTEN)))
        await on.until(lambda: states(on)["api-6"] == "completed")
        await child.kill()
        go.touch()
        await child.start()
        await on.finished(command)
        await child.kill()
    login = on.hub.app.bot.login
    assert set(states(on).values()) == {"completed"}
    for number in (6, 7):
        told = [e.kind for e in api.threads[number].events if e.actor.login == login]
        assert told.count("closed") == 1
    opened = [t.pull.head_ref for t in api.threads.values() if t.pull]
    assert [ref.rpartition("/")[2] for ref in opened] == ["api-5"]
    assert len(on.comments("tracking")) == len(on.comments("report")) == 1


async def test_it_is_killed_before_what_is_hidden_is_gone_from_its_comments(
    tmp_path: Path,
):
    """What was to be written again is known, and written once GitHub takes it."""
    async with mortal_world(tmp_path, clock=SwiftClock()) as (on, _, child):
        add(on).threads[5].body = f"say {TITLE}\nexit 3"
        on.issue(12)
        await child.start()
        await on.finished(on.say("/batch close:12 acme/api#5"))
        edits = Fault(method="PATCH", path="/issues/comments/", times=None)
        on.hub.faults.add(edits)
        shut(on, API)
        hidden = "SELECT count(*) FROM events WHERE kind = 'RepositoryHidden'"
        await on.until(lambda: on.rows(hidden) == [(1,)])
        await child.kill()
        on.hub.faults.clear()
        assert TITLE in said(on, "report")
        await child.start()
        redrawn = "SELECT count(*) FROM events WHERE kind = 'CommentsRedrawn'"
        await on.until(lambda: on.rows(redrawn) == [(1,)])
        await child.kill()
    assert TITLE not in said(on, "tracking") + said(on, "report")
