"""Who may do what, as ``permissions`` of ``.github/batch.yml`` says: roles and teams."""

from bot.localhub.accounts import Team
from bot.localhub.faults import Fault
from tests.flow.world import REPOSITORY, World

RUNNING = "SELECT number FROM items WHERE state = 'running' ORDER BY number"


def team(on: World, *members: str, slug: str = "releases") -> Team:
    """Make a team of the owner."""
    return on.hub.add_team("acme", slug, members)


def walt(on: World) -> None:
    """Let Walt write, who is in no team."""
    on.hub.add_user("walt")
    on.hub.set_role("ada", REPOSITORY, "walt", "write")


def is_closed(on: World, number: int) -> bool:
    """Return whether an issue is closed."""
    return on.repository.threads[number].closed_at is not None


async def test_an_action_takes_what_the_repository_says(on: World):
    on.issue(15)
    on.issue(16)
    on.configure("permissions: {close: write, label: maintain}")
    async with on.bot():
        on.say("/batch close 15", by="linus")
        await on.until(lambda: is_closed(on, 15))
        on.say("/batch label +bug 16", by="linus")
        await on.until(lambda: any("Only people with" in r for r in on.replies()))
    reply = on.replies()[-1]
    assert "Only people with **maintain** access can label here" in reply
    assert "Set by `permissions.label: maintain` in `.github/batch.yml`" in reply
    assert on.repository.threads[16].labels == []


async def test_a_team_may_what_its_members_roles_do_not(on: World):
    on.issue(15)
    on.issue(16)
    team(on, "linus")
    on.configure("permissions: {close: [maintain, team:releases]}")
    walt(on)
    async with on.bot():
        on.say("/batch close 15", by="linus")
        await on.until(lambda: is_closed(on, 15))
        on.say("/batch close 16", by="walt")
        await on.until(lambda: any("Only people with" in r for r in on.replies()))
    assert "**maintain** access, or in `team:releases`, can close" in on.replies()[-1]
    assert not is_closed(on, 16)


async def test_a_team_makes_nobody_close_who_may_not_write(on: World):
    on.issue(15)
    team(on, "tess")
    on.configure("permissions: {close: team:releases, run: team:releases}")
    async with on.bot():
        on.say("/batch close 15", by="tess")
        await on.until(on.replies)
        on.say("/batch label +bug 15", by="tess")
        await on.until(lambda: on.repository.threads[15].labels)
    assert not is_closed(on, 15)


async def test_a_team_that_cannot_be_asked_is_no(on: World):
    on.issue(15)
    team(on, "linus")
    on.configure("permissions: {close: team:releases}")
    installation = on.hub.state.installation_of(on.repository)
    assert installation is not None
    on.hub.grant(installation, members="")
    async with on.bot():
        on.say("/batch close 15", by="linus")
        await on.until(on.replies)
        await on.dealt_with()
    assert "Only people with **admin** access, or in" in on.replies()[0]
    assert not is_closed(on, 15)


async def test_who_leaves_the_team_meanwhile_closes_nothing(on: World):
    on.issue(15)
    on.issue(16, "hang")
    found = team(on, "linus")
    on.configure("permissions: {close: team:releases}")
    async with on.bot():
        command = on.say("/batch 16 close:15 after:16", by="linus")
        await on.until(lambda: "**running**" in on.said("tracking"))
        found.members.clear()
        on.say("/batch skip 16", by="linus")
        on.say("/batch cancel 16", by="linus")
        await on.finished(command)
    assert not is_closed(on, 15)


async def test_the_role_is_asked_again_before_an_effect_that_takes_more(on: World):
    on.issue(15)
    team(on, "linus")
    on.configure("permissions: {close: team:releases}")
    async with on.bot():
        on.hub.faults.add(Fault(method="PATCH", path="/issues/15$", times=1))
        command = on.say("/batch close 15", by="linus")
        await on.until(lambda: on.said("tracking"))
        await on.finished(command)
    assert is_closed(on, 15)


async def test_others_may_control_where_the_repository_says_so(on: World):
    on.issue(12, "hang")
    walt(on)
    team(on, "walt")
    on.configure("permissions: {cancel: team:releases, pause: write}")
    async with on.bot():
        on.say("/batch 12")
        await on.until(lambda: "**running**" in on.said("tracking"))
        on.say("/batch cancel", by="linus")
        await on.until(lambda: any("Only people with" in r for r in on.replies()))
        on.say("/batch pause", by="linus")
        await on.until(lambda: "paused" in on.said("tracking"))
        command = on.say("/batch cancel", by="walt")
        await on.until(lambda: "cancelled" in on.said("tracking"))
        assert "confused" not in on.reactions(command)


async def test_who_may_start_without_write_access_controls_what_she_started(on: World):
    on.issue(12, "hang")
    on.issue(15, "hang")
    on.issue(16, "write b.txt hello")
    on.issue(17, "hang")
    team(on, "tess")
    on.configure("permissions: {run: team:releases}")
    async with on.bot():
        on.say("/batch 17", on=17)
        command = on.say("/batch 12 15", by="tess")
        await on.until(lambda: on.rows(RUNNING) == [(12,), (15,), (17,)])
        on.say("/batch cancel 12", by="tess")
        await on.until(lambda: on.rows(RUNNING) == [(15,), (17,)])
        on.say("/batch pause", by="tess")
        await on.until(lambda: "paused" in on.said("tracking"))
        on.say("/batch add 16", by="tess")
        await on.dealt_with()
        on.say("/batch resume", by="tess")
        await on.until(lambda: 16 in on.pull_requests())
        on.say("/batch cancel", by="tess")
        await on.finished(command)
        on.hub.edit_thread("ada", REPOSITORY, 12, body="write a.txt hello")
        again = on.say("/batch retry 12", by="tess")
        await on.finished(again)
        assert 12 in on.pull_requests()
        # That of somebody else stays hers who started it.
        other = on.say("/batch cancel", by="tess", on=17)
        await on.until(lambda: "confused" in on.reactions(other))
    said = on.replies(on=17)[-1]
    assert "**maintain** access can cancel this batch of somebody else" in said
    assert "so nothing changed" in said
    assert on.rows(RUNNING) == [(17,)]


async def test_a_plan_is_started_with_the_access_that_it_takes(on: World):
    on.issue(15)
    on.issue(16)
    on.configure("permissions: {run: triage}")
    async with on.bot():
        on.say("/batch plan label +bug 15")
        await on.until(lambda: on.comments("plan"))
        on.say("/batch start", by="tess")
        await on.until(lambda: on.repository.threads[15].labels)
        on.say("/batch plan close 16", on=16)
        await on.until(lambda: on.comments("plan", on=16))
        refused = on.say("/batch start", by="tess", on=16)
        await on.until(lambda: "confused" in on.reactions(refused))
    assert "can start this batch here" in on.replies(on=16)[-1]
    assert not is_closed(on, 16)


async def test_who_may_retry_still_needs_what_the_batch_takes(on: World):
    on.issue(12, "exit 1")
    on.issue(15)
    on.configure("permissions: {retry: write}")
    async with on.bot():
        command = on.say("/batch 12 close:15 after:12", by="grace")
        await on.finished(command)
        refused = on.say("/batch retry", by="linus")
        await on.until(lambda: "confused" in on.reactions(refused))
        await on.dealt_with()
        assert on.rows("SELECT count(*) FROM batches") == [(1,)]


async def test_a_plan_is_started_by_whom_the_team_lets(on: World):
    on.issue(15)
    team(on, "linus")
    on.configure("permissions: {close: team:releases}")
    async with on.bot():
        on.say("/batch plan close 15")
        await on.until(lambda: on.comments("plan"))
        on.say("/batch start", by="linus")
        await on.until(lambda: is_closed(on, 15))


async def test_a_label_of_a_member_counts_as_the_member(on: World):
    on.issue(15)
    team(on, "linus")
    on.configure("permissions: {close: team:releases}\nlabels: {stale: close}")
    on.hub.add_label(REPOSITORY, "stale")
    async with on.bot():
        on.hub.label("linus", REPOSITORY, 15, "stale")
        await on.until(lambda: is_closed(on, 15))
