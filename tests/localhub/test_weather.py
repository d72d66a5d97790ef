"""The local GitHub's bad days, which are GitHub's own."""

import pytest

from bot.localhub.accounts import UserType
from bot.localhub.errors import GitHubError
from bot.localhub.hub import LocalHub
from tests.fakes import FakeClock
from tests.localhub.client import NAME, REPO, client
from tests.localhub.test_graphql import ask


async def test_a_new_token_is_not_known_at_once(hub: LocalHub, hub_clock: FakeClock):
    hub.token_lag_seconds = 3.0
    async with client(hub) as github:
        assert (await github.get(REPO)).status == 401
        await hub_clock.advance(3)
        assert (await github.get(REPO)).status == 200


async def test_an_app_has_no_role(hub: LocalHub):
    hub.state.add_user("renovate[bot]", UserType.BOT)
    hub.set_role("acme", NAME, "renovate[bot]", "write")
    async with client(hub) as github:
        answer = await github.get(f"{REPO}/collaborators/renovate[bot]/permission")
    assert (answer.status, answer.body["message"]) == (
        404,
        "renovate[bot] is not a user",
    )


async def test_what_is_hidden_is_null_with_an_error_beside_it(hub: LocalHub):
    blocker = hub.open_issue("wade", NAME, "One")
    blocked = hub.open_issue("wade", NAME, "Two")
    hub.block("wade", blocked, blocker)
    hub.unseen[r".*\.blockedBy\.nodes\.0"] = ("FORBIDDEN", "no")
    inside = "issue(number: 2) { title blockedBy(first: 5) { nodes { number } } }"
    answer = await ask(hub, inside)
    found = {"title": "Two", "blockedBy": {"nodes": [None]}}
    assert answer["data"]["repository"]["issue"] == found
    (error,) = answer["errors"]
    assert (error["type"], error["message"]) == ("FORBIDDEN", "no")
    assert error["path"] == ["repository", "issue", "blockedBy", "nodes", 0]
    # What may not be null takes what it belongs to along.
    hub.unseen = {r".*\.blockedBy": ("FORBIDDEN", "no")}
    assert (await ask(hub, inside))["data"]["repository"] == {"issue": None}


@pytest.mark.parametrize("status", [200, 502, 504])
async def test_a_query_can_be_too_dear(hub: LocalHub, status: int):
    hub.limits.most_nodes, hub.limits.too_dear_status = 50, status
    large, small = (
        f"issues(first: {size}) {{ nodes {{ number }} }}" for size in (51, 50)
    )
    answer = await ask(hub, large)
    if status == 200:
        assert answer["data"] == {"rateLimit": None, "repository": None}
        assert answer["errors"][0]["type"] == "RESOURCE_LIMITS_EXCEEDED"
    else:
        assert "data" not in answer
    assert (await ask(hub, small))["data"]["repository"]["issues"] == {"nodes": []}


def test_a_thread_is_full_one_day(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.most_comments = 2
    for _ in range(2):
        hub.comment("wade", NAME, 1, "Hi")
    with pytest.raises(GitHubError, match="more than 2500 comments"):
        hub.comment("wade", NAME, 1, "Hi")
