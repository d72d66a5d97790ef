"""What others do meanwhile: to items, threads, repositories, installations and roles.

Each ends, or goes on, in the way that the comments say; nothing is asked for ever.
"""

import pytest

from bot.localhub.accounts import Installation
from bot.localhub.state import Repository
from tests.flow.killing import processes_of
from tests.flow.world import REPOSITORY, World


def installation(on: World) -> Installation:
    found = on.hub.state.installation_of(on.repository)
    assert found is not None
    return found


def states(on: World) -> dict[int, str]:
    """Return the states of the newest batch's items, by number."""
    newest = "SELECT id FROM batches ORDER BY number DESC LIMIT 1"
    query = f"SELECT number, state FROM items WHERE batch = ({newest})"  # noqa: S608
    return dict(on.rows(query))


def batch_state(on: World) -> str:
    rows = on.rows("SELECT state FROM batches ORDER BY number")
    return rows[-1][0] if rows else ""


async def running(on: World, text: str) -> None:
    """Give a command whose item 12 then hangs."""
    on.issue(12, "say at work\nhang")
    on.say(text)
    await at_work(on)


async def at_work(on: World) -> None:
    """Wait until a command says so."""
    await on.until(lambda: on.comments("tracking") and "at work" in on.said("tracking"))


async def ended(on: World) -> None:
    """Wait until the batch has ended and no process is left."""
    await on.until(lambda: batch_state(on) in ("finished", "cancelled"))
    await on.until(lambda: not processes_of(on.folder))
    await on.until(
        lambda: on.rows("SELECT number FROM items WHERE state = 'running'") == []
    )


async def concluded(on: World) -> None:
    """Wait until the report is there and all else has been said."""
    await on.until(lambda: on.comments("report"))
    rows = "SELECT count(*) FROM batches WHERE is_concluded"
    await on.until(lambda: on.rows(rows) == [(1,)])


# --- items ---------------------------------------------------------------------------


async def test_an_item_that_somebody_else_completed_is_done_without_a_change(on: World):
    on.issue(15)
    on.issue(18, "write a b")
    async with on.bot():
        await running(on, "/batch 12 15 after:12 18 after:15")
        on.hub.close("ada", REPOSITORY, 15)
        await on.until(lambda: states(on)[18] == "completed")
        assert states(on)[12] == "running"
        on.say("/batch why 15")
        await on.until(lambda: on.comments("why"))
    assert "no change needed: somebody else closed it as completed" in on.said("why")


async def test_an_item_closed_as_not_planned_fails_at_once_with_what_waits_for_it(
    on: World,
):
    on.issue(15)
    on.issue(18)
    async with on.bot():
        await running(on, "/batch 12 15 after:12 18 after:15")
        on.hub.close("ada", REPOSITORY, 15, reason="not_planned")
        await on.until(lambda: states(on)[18] == "skipped")
        assert states(on)[15] == "failed"
        await on.until(lambda: "closed as not planned after" in on.said("tracking"))


async def test_a_running_item_is_stopped_when_its_issue_is_deleted(on: World):
    async with on.bot():
        await running(on, "/batch 12")
        on.hub.delete_issue("ada", REPOSITORY, 12)
        await on.until(lambda: on.comments("report"))
        await ended(on)
    assert "issue was deleted, moved or converted" in on.said("report")
    assert on.pull_requests() == {}


async def test_what_was_closed_while_the_bot_was_away_is_seen_before_it_starts(
    on: World,
):
    on.issue(15, "write a b")
    on.issue(18, "write c d")
    async with on.bot():
        await running(on, "/batch 12 15 after:12 18 concurrency:1")
    on.hub.close("ada", REPOSITORY, 12, reason="not_planned")
    on.hub.close("ada", REPOSITORY, 18)
    async with on.bot():
        await on.until(lambda: on.comments("report"))
    assert states(on) == {12: "failed", 15: "skipped", 18: "completed"}
    assert on.pull_requests() == {}
    assert "closed as not planned after the command" in on.said("report")


async def test_an_old_item_is_looked_at_again_without_a_delivery(on: World):
    on.issue(15, "write a b")
    go = on.folder / "go"
    on.issue(12, f"wait {go}")
    async with on.bot(BATCH_SWEEP_SECONDS="86400"):
        command = on.say("/batch 12 15 after:12")
        await on.until(lambda: on.comments("tracking"))
        await on.dealt_with()
        url = on.hub.webhooks.url
        on.hub.set_webhook_url(None)
        on.hub.close("ada", REPOSITORY, 15, reason="not_planned")
        on.hub.set_webhook_url(url)
        on.later(minutes=6)
        go.touch()
        await on.finished(command)
    assert states(on) == {12: "completed", 15: "failed"}


async def test_a_label_does_not_care_whether_its_item_is_open(on: World):
    on.issue(15)
    on.issue(99)
    on.hub.add_label(REPOSITORY, "ready")
    async with on.bot():
        command = on.say("/batch label +ready 15 after:99")
        await on.until(lambda: on.comments("tracking"))
        on.hub.close("ada", REPOSITORY, 15, reason="not_planned")
        on.hub.close("ada", REPOSITORY, 99)
        await on.finished(command)
    assert [label.name for label in on.thread(15).labels] == ["ready"]


async def test_what_was_closed_meanwhile_fails_again_when_it_is_only_retried(
    on: World,
):
    go = on.folder / "go"
    on.issue(15, "write a b")
    on.issue(18, f"wait {go}")
    async with on.bot():
        await running(on, "/batch 12 18 15 concurrency:2")
        on.hub.close("ada", REPOSITORY, 15, reason="not_planned")
        await on.until(lambda: states(on)[15] == "failed")
        batch = on.rows("SELECT id FROM batches")[0][0]
        on.say(f"/batch retry {batch} 15")
        await on.until(lambda: states(on)[15] == "pending")
        go.touch()
        await on.until(lambda: states(on)[15] in ("failed", "completed"))
        on.say(f"/batch cancel {batch}")
        await concluded(on)
    assert states(on) == {12: "cancelled", 15: "failed", 18: "completed"}
    assert on.pull_requests() == {}


async def test_a_new_batch_by_a_retry_starts_nothing_that_is_still_closed(on: World):
    on.issue(15, "write a b")
    async with on.bot():
        await running(on, "/batch 12 15 concurrency:1")
        on.hub.close("ada", REPOSITORY, 15, reason="not_planned")
        await on.until(lambda: states(on)[15] == "failed")
        batch = on.rows("SELECT id FROM batches")[0][0]
        on.say(f"/batch cancel {batch}")
        await concluded(on)
        await on.finished(on.say(f"/batch retry {batch} 15"))
    assert states(on) == {15: "failed"}
    assert on.pull_requests() == {}


async def test_what_was_closed_while_a_plan_waited_is_seen_when_it_starts(on: World):
    on.issue(12, "write a b")
    async with on.bot():
        command = on.say("/batch plan 12")
        await on.until(lambda: on.comments("plan"))
        on.hub.close("ada", REPOSITORY, 12, reason="not_planned")
        await on.dealt_with()
        on.say("/batch start")
        await on.finished(command)
    assert states(on) == {12: "failed"}
    assert on.pull_requests() == {}


async def test_the_report_says_how_what_was_waited_for_ended(on: World):
    on.issue(15, "write a b")
    on.issue(16, "write a b")
    on.issue(98)
    on.pull_request(99)
    async with on.bot():
        command = on.say("/batch 15 after:98 16 after:99")
        await on.until(lambda: on.comments("tracking"))
        on.hub.close("ada", REPOSITORY, 98, reason="not_planned")
        on.hub.close("ada", REPOSITORY, 99)
        await on.finished(command)
        why = await on.answer("/batch why 15")
    said = on.said("report")
    assert "[#98]" in said
    assert "which was closed as not planned" in said
    assert "which was closed without being merged" in said
    assert "which was closed as not planned" in why


async def test_what_is_waited_for_in_a_repository_that_is_gone_is_waited_for_no_more(
    on: World,
):
    on.issue(15, "write a b")
    on.hub.create_repository("acme/parts", files={"README.md": "# parts\n"})
    other = on.hub.open_issue("ada", "acme/parts", "Part", "")
    async with on.bot(BATCH_SWEEP_SECONDS="20"):
        command = on.say(f"/batch 15 after:acme/parts#{other.number}")
        await on.until(lambda: on.comments("tracking"))
        await on.dealt_with()
        on.hub.delete_repository("ada", "acme/parts")
        await on.finished(command)
    assert states(on) == {15: "skipped"}


# --- the thread ------------------------------------------------------------------------


async def test_a_batch_whose_thread_is_deleted_ends(on: World):
    on.issue(15, "write a b")
    async with on.bot():
        await running(on, "/batch 12 15 after:12")
        on.hub.delete_issue("ada", REPOSITORY, 40)
        await ended(on)
    assert states(on) == {12: "cancelled", 15: "cancelled"}
    assert on.pull_requests() == {}


async def test_the_report_comes_once_a_locked_thread_is_unlocked(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    async with on.bot():
        on.say("/batch 12")
        await on.until(lambda: on.comments("tracking"))
        on.hub.lock("ada", REPOSITORY, 40)
        await on.dealt_with()
        go.touch()
        await ended(on)
        assert on.comments("report") == []
        on.hub.unlock("ada", REPOSITORY, 40)
        await concluded(on)
    assert "1 of 1 done" in on.comment("report").body
    assert "→ [report]" in on.comment("tracking").body


# --- the repository --------------------------------------------------------------------


async def test_a_renamed_repository_changes_nothing(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.issue(15, "write c d")
    on.issue(99)
    async with on.bot():
        command = on.say("/batch 12 15 after:12,99")
        await on.until(lambda: on.comments("tracking"))
        on.hub.rename_repository("ada", REPOSITORY, "gadgets")
        await on.dealt_with()
        on.hub.close("ada", "acme/gadgets", 99)
        await on.dealt_with()
        go.touch()
        renamed = on.hub.state.repository("acme/gadgets")
        assert renamed is not None
        thread = renamed.threads[40]
        await on.until(lambda: on.reactions(command) & {"hooray", "confused"})
    bodies = [c.body for c in thread.comments if "batch-bot:report" in c.body]
    assert len(bodies) == 1
    assert "2 of 2 done" in bodies[0]
    assert "acme/gadgets" in bodies[0]


def replaced_by(on: World) -> Repository:
    """Make another repository under the name that a renamed one had; return it."""
    made = on.hub.create_repository(REPOSITORY, files={"README.md": "# new\n"})
    on.hub.set_role("acme", REPOSITORY, "ada", "admin")
    for number in range(1, 13):
        on.hub.open_issue("ada", REPOSITORY, f"New {number}", "write a b")
    return made


async def test_another_repository_under_the_old_name_is_no_renamed_one(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    old = on.repository
    async with on.bot():
        on.say("/batch 12")
        await on.until(lambda: on.comments("tracking"))
        await on.dealt_with()
        url = on.hub.webhooks.url
        on.hub.set_webhook_url(None)
        on.hub.rename_repository("ada", REPOSITORY, "gadgets")
        go.touch()
        await on.until(lambda: batch_state(on) == "finished")  # by the old name
        on.hub.rename_repository("ada", "acme/gadgets", "things")
        new = replaced_by(on)
        on.hub.set_webhook_url(url)
        on.hub.add_label("acme/things", "ready")
        on.hub.add_label(REPOSITORY, "ready")
        on.hub.comment("linus", REPOSITORY, 1, "/batch label +ready 11")
        on.hub.comment("ada", REPOSITORY, 1, "/batch label +ready 12")
        await on.until(lambda: new.threads[12].labels or old.threads[12].labels)
    assert [label.name for label in new.threads[12].labels] == ["ready"]
    assert new.threads[11].labels == []  # linus has no role there
    assert old.threads[12].labels == []


async def test_a_batch_follows_its_repository_while_another_has_taken_the_name(
    on: World,
):
    on.issue(12, "hang")
    on.issue(15, "write c d")
    old = on.repository
    async with on.bot():
        on.say("/batch 15 after:12 12")
        await on.until(lambda: on.comments("tracking") and processes_of(on.folder))
    on.hub.rename_repository("ada", REPOSITORY, "gadgets")
    new = replaced_by(on)
    on.hub.close("ada", "acme/gadgets", 12)
    async with on.bot():
        await on.until(lambda: "2 of 2 done" in old.threads[40].comments[-1].body)
    assert states(on) == {12: "completed", 15: "completed"}
    assert not any(thread.pull for thread in new.threads.values())


async def test_a_missed_command_is_done_where_its_repository_is_by_now(on: World):
    on.issue(12)
    old = on.repository
    on.hub.set_webhook_url("http://127.0.0.1:9/")
    on.say("/batch label +ready 12", by="linus")
    await on.hub.webhooks.drain()
    on.hub.rename_repository("ada", REPOSITORY, "gadgets")
    new = replaced_by(on)
    for name in (REPOSITORY, "acme/gadgets"):
        on.hub.add_label(name, "ready")
    on.later(minutes=10)
    async with on.bot():
        await on.until(lambda: old.threads[12].labels or new.threads[12].labels)
        await on.until(lambda: old.threads[40].comments[-1].body.count("1 of 1 done"))
    assert [label.name for label in old.threads[12].labels] == ["ready"]
    assert new.threads[12].labels == []


async def test_an_archived_repository_ends_the_batch_and_hears_of_it_later(on: World):
    async with on.bot():
        await running(on, "/batch 12")
        on.hub.archive_repository("ada", REPOSITORY)
        await ended(on)
        assert on.comments("report") == []
        on.hub.unarchive_repository("ada", REPOSITORY)
        await concluded(on)
    because = "was cancelled because the repository was archived"
    assert because in on.comment("report").body
    assert "`/batch retry" in on.comment("report").body
    assert because in on.comment("tracking").body


@pytest.mark.parametrize("how", ["archived", "suspended", "removed"])
async def test_a_command_that_is_dealt_with_too_late_starts_nothing(
    on: World, how: str
):
    on.issue(12, "exit 1")
    async with on.bot():
        await on.finished(on.say("/batch 12 retries:0"))
    on.hub.set_webhook_url("http://127.0.0.1:9/")
    on.say("/batch label +late 12")
    on.say("/batch retry")
    await on.hub.webhooks.drain()
    match how:
        case "archived":
            on.hub.archive_repository("ada", REPOSITORY)
        case "suspended":
            on.hub.suspend_installation(installation(on))
        case _:
            on.hub.uninstall(installation(on))
    settled = (
        "SELECT 1 FROM deliveries WHERE event = 'issue_comment' AND outcome > ''"
        " AND outcome != 'ignored'"
    )
    async with on.bot():
        await on.until(lambda: len(on.rows(settled)) == 3)
    assert len(on.rows("SELECT 1 FROM batches")) == 1
    assert on.thread(12).labels == []


async def test_a_deleted_repository_ends_the_batch(on: World):
    async with on.bot():
        await running(on, "/batch 12")
        on.hub.delete_repository("ada", REPOSITORY)
        await ended(on)
    assert states(on) == {12: "cancelled"}


# --- the installation ------------------------------------------------------------------


@pytest.mark.parametrize("is_told", [True, False])
async def test_suspending_the_app_ends_its_batches(
    on: World,
    is_told: bool,
):
    go = on.folder / "go"
    on.issue(12, f"write a b\nsay at work\nwait {go}")
    on.issue(15, "write c d")
    async with on.bot(BATCH_SWEEP_SECONDS="86400"):
        on.say("/batch 12 15 after:12")
        await at_work(on)
        await on.dealt_with()
        url = on.hub.webhooks.url
        if not is_told:
            on.hub.set_webhook_url(None)
        on.hub.suspend_installation(installation(on))
        on.hub.set_webhook_url(url)
        if not is_told:
            go.touch()
        await ended(on)
        assert on.pull_requests() == {}
        before = len(on.hub.log)
        on.later(hours=2)
        on.hub.unsuspend_installation(installation(on))
        assert len(on.hub.log) - before < 10
        await concluded(on)
    report = on.comment("report").body
    assert "was cancelled because the app was suspended" in report
    assert batch_state(on) == "cancelled"


async def test_taking_the_repository_out_ends_its_batches(on: World):
    async with on.bot():
        await running(on, "/batch 12")
        on.hub.remove_repositories(installation(on), REPOSITORY)
        await ended(on)
        assert on.comments("report") == []
        inst = next(iter(on.hub.state.installations.values()))
        on.hub.add_repositories(inst, REPOSITORY)
        await concluded(on)
    because = "because the app lost its access to the repository"
    assert because in on.comment("report").body


async def test_a_repository_that_was_taken_out_unnoticed_is_no_matter_of_roles(
    on: World,
):
    go = on.folder / "go"
    on.issue(12, f"wait {go}")
    on.issue(15, "write c d")
    async with on.bot(BATCH_SWEEP_SECONDS="86400"):
        on.say("/batch 12 15 concurrency:1")
        await on.until(lambda: on.comments("tracking") and processes_of(on.folder))
        await on.dealt_with()
        url = on.hub.webhooks.url
        on.hub.set_webhook_url(None)
        on.later(minutes=6)
        on.hub.remove_repositories(installation(on), REPOSITORY)
        on.hub.set_webhook_url(url)
        go.touch()
        await ended(on)
        inst = next(iter(on.hub.state.installations.values()))
        on.hub.add_repositories(inst, REPOSITORY)
        await concluded(on)
    because = "because the app lost its access to the repository"
    assert because in on.comment("report").body


async def test_uninstalling_the_app_ends_its_batches_and_a_new_installation_hears_of_it(
    on: World,
):
    async with on.bot():
        await running(on, "/batch 12")
        on.hub.uninstall(installation(on))
        await ended(on)
        on.hub.install("acme")
        await concluded(on)
    because = "because the app lost its access to the repository"
    assert because in on.comment("report").body


async def test_a_revoked_token_is_renewed(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    async with on.bot():
        command = on.say("/batch 12")
        await on.until(lambda: on.comments("tracking"))
        on.hub.revoke_tokens(installation(on))
        go.touch()
        await on.finished(command)
    assert set(on.pull_requests()) == {12}
    assert "1 of 1 done" in on.comment("report").body


# --- roles -----------------------------------------------------------------------------


async def test_who_lost_their_role_meanwhile_runs_nothing_more_after_a_restart(
    on: World,
):
    on.issue(15, "write a b")
    async with on.bot():
        on.issue(12, "say at work\nhang")
        on.say("/batch 12 15 concurrency:1", by="linus")
        await at_work(on)
    on.hub.set_role("acme", REPOSITORY, "linus", "read")
    async with on.bot():
        await concluded(on)
    assert states(on) == {12: "cancelled", 15: "cancelled"}
    assert "because linus may not run it any more" in on.comment("report").body


async def test_who_lost_their_role_runs_nothing_more_after_some_minutes(on: World):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.issue(15, "write c d")
    async with on.bot():
        on.say("/batch 12 15 after:12", by="linus")
        await on.until(lambda: on.comments("tracking"))
        on.hub.set_role("acme", REPOSITORY, "linus", "read")
        on.later(minutes=6)
        go.touch()
        await concluded(on)
    assert states(on) == {12: "completed", 15: "cancelled"}
