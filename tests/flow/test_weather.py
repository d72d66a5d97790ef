"""GitHub has bad days: what passes by itself is waited for, and is nobody's fault."""

import re
from datetime import datetime, timedelta

import pytest

from bot.localhub.faults import Fault, FaultKind
from bot.ports.clock import Clock
from tests.flow.world import REPOSITORY, World


async def test_a_token_that_is_not_known_everywhere_yet_is_waited_for(on: World):
    on.issue(12, "write a b")
    on.hub.token_lag_seconds = 3.0
    async with on.bot():
        await on.finished(on.say("/batch 12"))
    assert "1 of 1 done" in on.comment("report").body
    assert "try 2" not in on.comment("report").body


async def test_a_minute_of_401_is_no_verdict_on_items(on: World):
    for number in (12, 13, 14):
        on.issue(number)
    on.hub.add_label(REPOSITORY, "bug")
    async with on.bot():
        command = on.say("/batch label +bug 12 13 14")
        await on.until(lambda: on.comments("tracking"))
        bad = "Bad credentials"
        on.hub.faults.add(Fault(status=401, message=bad, times=None, seconds=60))
        await on.finished(command)
    assert "3 of 3 done" in on.comment("report").body
    assert "try 2" not in on.comment("report").body


class _Off:
    """The clock of a machine that nobody has set."""

    def __init__(self, right: Clock, minutes: int) -> None:
        self.monotonic, self.sleep = right.monotonic, right.sleep
        self._right, self._by = right, timedelta(minutes=minutes)

    def now(self) -> datetime:
        return self._right.now() + self._by


@pytest.mark.parametrize("minutes", [12, -12])
async def test_by_a_clock_that_is_off_nothing_is_doubled_or_said_to_be_late(
    on: World, minutes: int
):
    on.issue(12)
    on.own_clock = _Off(on.clock, minutes)
    lost = Fault(FaultKind.LOST_ANSWER, method="POST", path="/comments$")
    async with on.bot():
        on.hub.faults.add(lost)
        await on.finished(on.say("/batch close 12"))
        on.hub.faults.add(lost)
        await on.answer("/batch status")
    assert len(on.comments("tracking")) == len(on.comments("status")) == 1
    assert "before I came to it" not in on.said("tracking")
    assert f"updated {on.clock.now():%H:%M} UTC" in on.said("tracking")


async def test_nothing_starts_while_github_refuses_the_app(on: World):
    for number in (12, 17, 41):
        on.issue(number, "write a b")
    async with on.bot():
        await on.answer("/batch plan label +bug 17")  # there is a token by now
        bad = "Bad credentials"
        on.hub.faults.add(Fault(status=401, path="^/app", message=bad, times=None))
        one = on.say("/batch 12")  # git takes a token of its own
        await on.until(lambda: _refusals(on) > 1)
        other = on.say("/batch close 17", on=41)
        refused = "waits for GitHub, which refuses the app (401) since"
        await on.until(lambda: refused in on.said("tracking", on=41))
        assert on.thread(17).is_open
        on.hub.faults.clear()
        for command in (one, other):
            await on.finished(command)
    assert not on.thread(17).is_open
    assert "1 of 1 done" in on.comment("report").body


def _refusals(on: World) -> int:
    return sum(exchange.status == 401 for exchange in on.hub.log)


async def test_while_git_is_away_one_item_tries_and_others_wait(on: World):
    for number in (12, 13, 14, 15):
        on.issue(number, f"write {number}.txt b")
    on.hub.faults.add(Fault(status=503, path=r"\.git/info/refs", times=None))
    async with on.bot():
        command = on.say("/batch 12 13 14 concurrency:1")
        has_failed = "waits for git, which has failed since"
        await on.until(lambda: "Server Error" in on.said("tracking"))
        other = on.say("/batch 15", on=12)
        await on.until(lambda: has_failed in on.said("tracking", on=12))
        on.hub.faults.clear()
        for one in (command, other):
            await on.finished(one)
    for thread in (40, 12):
        assert "failed" not in on.comment("report", on=thread).body
        assert "tries" not in on.comment("report", on=thread).body
    assert sorted(on.pull_requests()) == [12, 13, 14, 15]


async def test_whoever_tries_git_is_not_the_last_one_to_do_so(on: World):
    for number in (12, 13):
        on.issue(number, f"write {number}.txt b")
    on.hub.faults.add(Fault(status=503, path=r"\.git/info/refs", times=None))
    async with on.bot():
        command = on.say("/batch 12 13 concurrency:1")
        await on.until(lambda: "Server Error" in on.said("tracking"))
        on.say("/batch cancel 12")
        await on.until(lambda: "cancelled" in on.said("tracking"))
        on.hub.faults.clear()
        await on.finished(command)
    assert list(on.pull_requests()) == [13]


BLOCKERS = r"repository\.i12\.blockedBy"
SAML = "Resource protected by organization SAML enforcement."


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        (BLOCKERS, "FORBIDDEN", "Resource not accessible by integration"),
        (rf"{BLOCKERS}\.nodes\.0", "FORBIDDEN", SAML),
        (rf"{BLOCKERS}\.nodes\.0", "NOT_FOUND", "Could not resolve to a node"),
    ],
)
async def test_a_fact_that_github_does_not_show_is_said_in_the_plan(
    on: World, path: str, kind: str, said: str
):
    blocking, blocked, _ = [on.issue(number) for number in (11, 12, 13)]
    on.hub.block("ada", blocked, blocking)
    on.hub.close("ada", REPOSITORY, 11)
    on.hub.unseen[path] = (kind, said)
    async with on.bot():
        plan = await on.answer("/batch plan label +bug 12 13")
        await on.finished(on.say("/batch label +bug 12 13"))
    assert re.search(r"What blocks #12 could not be read in full: (.*)", plan)
    assert said in plan
    assert "2 of 2 done" in on.comment("report").body


async def test_a_fact_that_is_needed_names_its_item(on: World):
    on.issue(12)
    on.hub.unseen[r"repository\.i12\.title"] = ("FORBIDDEN", SAML)
    async with on.bot():
        answer = await on.answer("/batch label +bug 12")
    assert SAML in answer
    assert "12 title)" in answer
    on.assert_nothing_started()


@pytest.mark.parametrize("status", [502, 200])
async def test_what_is_too_much_for_one_query_is_asked_in_several(
    on: World, status: int
):
    for number in range(101, 131):
        on.issue(number)
    on.hub.limits.most_nodes = 10_000  # some 20 items
    on.hub.limits.too_dear_status = status
    async with on.bot():
        assert " 30 issues" in await on.answer("/batch plan close 101..130")


async def test_controls_go_past_a_command_that_waits_for_github(on: World):
    for number in (14, 41):
        on.issue(number)
    async with on.bot():
        on.hub.faults.add(Fault(status=502, path="/graphql$", times=None, seconds=1800))
        waiting = on.say("/batch close 14", on=41)
        await on.until(lambda: on.reactions(waiting))
        asked_at = on.hub.now()
        on.say("/batch status")
        await on.until(lambda: on.comments("status"))
        on.say("/batch cancel", on=41)
        await on.until(lambda: on.comments("cancel", on=41))
        assert on.hub.now() - asked_at < timedelta(minutes=15)
        assert "ada cancelled here" in on.comment("withdrawn", on=41).body
        assert "confused" in on.reactions(waiting)
    async with on.bot():  # it stays so
        on.hub.faults.clear()
        await on.finished(on.say("/batch label +bug 14"))
    assert "withdrawn: nothing" in on.comment("cancel", on=41).body
    assert on.thread(14).is_open


async def test_the_order_changes_past_a_command_that_waits_for_github(on: World):
    on.issue(12, f"write 12.txt hello\nwait {on.folder / 'go'}")
    for number in (14, 18, 20):
        on.issue(number, f"write {number}.txt hello")
    async with on.bot():
        command = on.say("/batch 12 18 20 concurrency:1")
        await on.until(lambda: "**running**" in on.said("tracking"))
        on.hub.faults.add(Fault(status=502, path="/graphql$", times=None, seconds=1800))
        waiting = on.say("/batch close 14")
        await on.until(lambda: on.reactions(waiting))
        asked_at = on.hub.now()
        on.say("/batch priority 20 high")
        on.say("/batch concurrency 2")
        await on.until(lambda: on.comments("priority") and on.comments("concurrency"))
        assert on.hub.now() - asked_at < timedelta(minutes=15)
        assert on.thread(14).is_open
        (on.folder / "go").touch()
        await on.finished(command)
        await on.finished(waiting)
    started = "SELECT item FROM events WHERE kind = 'ItemStarted' ORDER BY seq"
    begun = [item for (item,) in on.rows(started)]
    assert [item for item in begun if item != "14"] == ["12", "20", "18"]
    assert not on.thread(14).is_open


@pytest.mark.parametrize(
    "what", ["a short hold", "a long hold", "the hourly limit", "an outage"]
)
async def test_a_cancel_goes_first_when_github_can_be_asked_again(on: World, what: str):
    for number in (*range(12, 32), 41, 42):
        on.issue(number)
    client = on.hub.state.installation_of(on.repository)
    assert client is not None
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        command = on.say("/batch label +bug 12..29")
        await on.until(lambda: on.comments("tracking"))
        match what:
            case "the hourly limit":
                on.hub.limits.set_limit(client.id, remaining=0)
            case "an outage":
                on.hub.faults.add(Fault(status=503, times=None, seconds=300))
            case _:
                seconds = 20 if what == "a short hold" else 900
                on.hub.limits.secondary.retry_after_seconds = seconds
                on.hub.faults.add(Fault(FaultKind.SECONDARY_LIMIT, method="POST"))
        begun = len(on.hub.log)
        await on.until(lambda: any(e.status >= 400 for e in [*on.hub.log][begun:]))
        begun = len(on.hub.log)
        for thread, number in ((41, 30), (42, 31)):
            on.say(f"/batch label +late {number}", on=thread)
        on.say("/batch cancel")
        await on.until(lambda: on.comments("cancel"))
        changed = [
            exchange.path.partition("/issues/")[2]
            for exchange in [*on.hub.log][begun:]
            if exchange.method == "POST" and exchange.status == 201
        ]
        asked = [c for c in changed if c and "access_tokens" not in c]
        await on.finished(command)
    assert [re.sub(r"\d{4}", "it", one) for one in asked] == [
        "comments/it/reactions",
        "40/comments",
    ]
    assert on.said("report").count("labelled `bug`") <= 3


async def test_a_pause_waits_for_what_it_may_be_about(on: World):
    for number in (13, 14):
        on.issue(number)
    async with on.bot():
        on.hub.faults.add(Fault(status=502, path="/graphql$", times=None, seconds=300))
        waiting = on.say("/batch label +bug 13 after:14")
        await on.until(lambda: on.reactions(waiting))
        on.say("/batch pause")
        await on.until(lambda: on.comments("pause"))
    assert "⏸️ Paused" in on.comment("pause").body
    assert not on.comments("error")


async def test_a_thread_that_takes_no_comment_has_its_report_on_an_item(on: World):
    for number in (12, 13):
        on.issue(number)
    async with on.bot():
        command = on.say("/batch label +bug 12 13")
        on.hub.most_comments = 1
        await on.finished(command)
        await on.until(lambda: on.comments("report", on=12))
    assert on.replies() == []
    report = on.comment("report", on=12).body
    assert "2 of 2 done" in report
    assert "Commenting is disabled" in report
    assert "/issues/40" in report
    assert not on.comments("report", on=13)


async def test_a_refusal_that_cannot_be_said_is_a_reaction(on: World):
    async with on.bot():
        command = on.say("/batch lable +bug 12")
        on.hub.most_comments = 1
        await on.until(lambda: "confused" in on.reactions(command))
    assert on.replies() == []
