"""Who may what, asked from GitHub at that moment."""

import json
from dataclasses import replace

import pytest

from bot.localhub.accounts import UserType
from bot.localhub.faults import Fault, FaultKind
from bot.localhub.state import Comment
from tests.flow.world import REPOSITORY, ROLES, World

TOO_LITTLE = {"eyes", "confused"}
NEEDED = {
    "/batch help": "triage",
    "/batch status": "triage",
    "/batch why 12": "triage",
    "/batch label +{by} 15": "write",
    "/batch plan label +{by} 15": "write",
    "/batch plan 15 close:19": "maintain",
    "/batch plan (reopen:15 close:19)": "maintain",
    "/batch plan close 19": "maintain",
    # Controls of a batch that ada started:
    "/batch pause": "maintain",
    "/batch resume": "maintain",
    "/batch skip 18": "maintain",
    "/batch retry 18": "maintain",
    "/batch cancel": "maintain",
}
LADDER = ["read", "triage", "write", "maintain", "admin"]


def silent_refusal(on: World, command: Comment) -> bool:
    """Return whether the bot answered a command with 😕 and not a word."""
    comments = command.thread.comments
    is_last = comments[-1] is command
    return is_last and on.reactions(command) == TOO_LITTLE


async def test_each_role_can_do_what_it_may_and_no_more(
    on: World, subtests: pytest.Subtests
):
    for number in (12, 18):
        on.issue(number, "hang")
    on.issue(15)
    on.issue(19)
    async with on.bot():
        on.say("/batch 12 18 after:12")
        await on.until(lambda: "**running**" in on.said("tracking"))
        for by, role in sorted(ROLES.items(), key=lambda it: LADDER.index(it[1])):
            # The first refusal of a day is in words, each later one is 😕 only.
            if role != "admin":
                first = on.say("/batch plan close 19", by=by)
                await on.dealt_with()
                assert ("confused" in on.reactions(first)) == (role != "maintain")
            for command, needed in NEEDED.items():
                with subtests.test(f"{role}: {command}"):
                    said = on.say(command.format(by=by), by=by)
                    await on.dealt_with()
                    may = LADDER.index(role) >= LADDER.index(needed)
                    assert silent_refusal(on, said) != may
            live = on.rows("SELECT state FROM items WHERE number = 12")
            if LADDER.index(role) < LADDER.index("maintain"):
                assert live == [("running",)]
    labels = [label.name for label in on.thread(15).labels]
    assert labels == ["linus", "grace", "ada"]
    assert on.thread(19).is_open


async def test_a_refusal_names_both_roles_and_the_command_once_a_day(on: World):
    on.issue(12)
    async with on.bot():
        answer = await on.answer("Hi!\n\n/batch 12 12", by="tess")
        assert answer == (
            "🔒 Only people with **write** access can start a batch here; you have"
            " **triage** access, so nothing started.\n\n"
            "Someone who can may copy this, or you can ask them to:\n\n"
            "```text\n/batch 12 12\n```\n\n"
            "<sub>I say this once a day per person; after that I only react with 😕.</sub>"
        )
        again = on.say("/batch 12", by="tess")
        await on.dealt_with()
        assert silent_refusal(on, again)
        await on.answer("/batch 12", by="rita")
        on.later(hours=25)
        await on.answer("/batch 12", by="tess")
        on.assert_nothing_started()


async def test_a_stranger_gets_no_lesson_and_costs_next_to_nothing(on: World):
    on.issue(12)
    on.hub.add_user("sam")
    async with on.bot():
        answer = await on.answer("/batch l8 concurency:3", by="sam")
        assert "Only people with **write** access" in answer
        assert "^" not in answer
        asked = len(on.hub.log)
        for text in ("/batch help", "/batch 12", "/batch 1..50", "/batch statsu"):
            assert silent_refusal(on, said := on.say(text, by="sam")) is False
            await on.dealt_with()
            assert silent_refusal(on, said)
        assert len(on.hub.log) - asked <= 3 * 4
        on.assert_nothing_started()


async def test_a_stranger_in_a_private_repository_has_no_access(on: World):
    on.repository.is_private = True
    on.hub.add_user("sam")
    async with on.bot():
        answer = await on.answer("/batch 12", by="sam")
    assert "you have no access, so nothing started." in answer


@pytest.mark.parametrize(
    ("base", "may"), [("read", False), ("triage", False), ("write", True)]
)
async def test_a_custom_role_counts_as_what_it_is_built_on(
    on: World, base: str, may: bool
):
    on.issue(12)
    on.repository.custom_roles["admin-of-releases"] = base
    on.hub.set_role("acme", REPOSITORY, "pia", "admin-of-releases")
    async with on.bot():
        command = on.say("/batch label +x 12", by="pia")
        await on.dealt_with()
        if may:  # it marks the command last, and nobody waits for that
            await on.until(lambda: "rocket" in on.reactions(command))
        else:
            assert "rocket" not in on.reactions(command)
        await on.until(lambda: bool(on.thread(12).labels) is may)


PASSES = {
    "500": Fault(status=500),
    "a page": Fault(FaultKind.PAGE, status=200),
    "half an answer": Fault(FaultKind.CUT),
    "a broken line": Fault(FaultKind.RESET),
    "silence": Fault(FaultKind.SILENCE, delay_seconds=60.0),
}


@pytest.mark.parametrize("what", PASSES)
async def test_the_role_is_asked_for_until_github_answers(on: World, what: str):
    on.issue(12)
    path = "/collaborators/ada/permission"
    on.hub.faults.add(replace(PASSES[what], path=path, times=5))
    async with on.bot():
        await on.finished(on.say("/batch label +x 12"))
    assert [label.name for label in on.thread(12).labels] == ["x"]
    assert not any("🔒" in reply for reply in on.replies())


@pytest.mark.parametrize("status", [400, 403, 451])
async def test_a_refusal_to_tell_the_role_means_no(on: World, status: int):
    on.issue(12)
    path = "/collaborators/ada/permission"
    on.hub.faults.add(Fault(status=status, path=path, times=None))
    async with on.bot():
        answer = await on.answer("/batch label +x 12")
        assert answer == (
            "🔒 GitHub did not tell me what access you have here, so nothing started.\n\n"
            "Please try again in a minute:\n\n```text\n/batch label +x 12\n```"
        )
        # And it is said each time: to ask again was what the first answer advised.
        assert await on.answer("/batch label +x 12") == answer
        on.assert_nothing_started()
        on.hub.faults.clear()
        await on.finished(on.say("/batch label +x 12"))
    assert [label.name for label in on.thread(12).labels] == ["x"]


async def test_a_person_whom_github_does_not_find_has_no_access(on: World):
    on.issue(12)
    path = "/collaborators/ada/permission"
    on.hub.faults.add(Fault(status=404, path=path, times=None))
    async with on.bot():
        answer = await on.answer("/batch label +x 12")
        assert "you have no access, so nothing started." in answer
        on.assert_nothing_started()


async def test_the_association_that_a_delivery_claims_decides_nothing(on: World):
    on.issue(12)
    async with on.bot():
        for by, claim in (("rita", "OWNER"), ("ada", "NONE")):
            on.hub.webhooks.faults.dropped = True
            command = on.say(f"/batch label +{by} 12", by=by)
            await on.hub.webhooks.drain()
            payload = json.loads(on.hub.webhooks.deliveries[-1].payload)
            on.hub.webhooks.faults.dropped = False
            payload["comment"]["author_association"] = claim
            payload["issue"]["author_association"] = claim
            payload["sender"]["site_admin"] = claim == "OWNER"
            on.deliver("issue_comment", payload)
            await on.dealt_with()
            if by == "ada":
                await on.until(lambda: "rocket" in on.reactions(command))  # noqa: B023
            else:
                assert "rocket" not in on.reactions(command)
        await on.until(lambda: on.thread(12).labels)
    assert [label.name for label in on.thread(12).labels] == ["ada"]


async def test_bots_are_not_heard_unless_the_operator_allows_them(on: World):
    """GitHub knows no role of an app: the operator gives it."""
    on.issue(12)
    for login in ("renovate[bot]", "evil[bot]", "low[bot]"):
        on.hub.state.add_user(login, UserType.BOT)
    on.settings_file["allowed_bots"] = {"Renovate[bot]": "write", "low[bot]": "triage"}
    async with on.bot():
        ignored = on.say("/batch label +evil 12", by="evil[bot]")
        refused = await on.answer("/batch label +low 12", by="low[bot]")
        heard = on.say("/batch label +renovate 12", by="renovate[bot]")
        await on.finished(heard)
        started = await on.answer("/batch plan label +later 12", by="renovate[bot]")
        on.say("/batch start", by="renovate[bot]")
        await on.until(lambda: len(on.thread(12).labels) == 2)
    assert on.reactions(ignored) == set()
    assert "write" in refused
    assert "nothing has started" in started
    assert [label.name for label in on.thread(12).labels] == ["renovate", "later"]


async def test_the_bot_does_not_listen_to_itself(on: World):
    on.issue(12)
    own = on.hub.app.bot.login
    on.settings_file["allowed_bots"] = {own: "maintain"}
    async with on.bot():
        # Even if somebody has it say a command, and the operator allows its login.
        command = on.say('/batch comment "/batch close 12" 12')
        await on.finished(command)
        own_command = on.say("/batch label +x 12", by=own)
        await on.dealt_with()
    assert on.reactions(own_command) == set()
    assert [c.author.login for c in on.thread(12).comments] == [own]
    assert on.thread(12).comments[0].reactions == []
    assert on.thread(12).is_open
    assert on.thread(12).labels == []


async def test_a_repository_that_the_operator_does_not_allow_is_left_alone(on: World):
    on.issue(12)
    on.settings_file["allowed_repositories"] = ["acme/other", "umbrella/*"]
    async with on.bot():
        command = on.say("/batch label +x 12")
        await on.dealt_with()
        on.assert_nothing_started()
    assert on.reactions(command) == set()
    assert on.replies() == []
