"""Drafts and review requests: what is done, and what GitHub refuses or leaves out."""

from typing import Any

import pytest

from bot.localhub.accounts import UserType
from bot.localhub.hub import LocalHub
from bot.localhub.pulls import pull_of
from tests.localhub.client import NAME, REPO, Client, client
from tests.localhub.test_pull_requests import open_pull

MUTATIONS = {True: "convertPullRequestToDraft", False: "markPullRequestReadyForReview"}
REVIEWERS = f"{REPO}/pulls/1/requested_reviewers"


async def mark(github: Client, *, is_draft: bool, id_: str = "") -> Any:
    name = MUTATIONS[is_draft]
    id_ = id_ or (await github.get(f"{REPO}/pulls/1")).body["node_id"]
    what = f"{name[0].upper()}{name[1:]}Input!"
    query = f"mutation($input: {what}) {{ {name}(input: $input) {{ pullRequest {{ isDraft }} }} }}"
    return await github.graphql(query, input={"pullRequestId": id_})


def events(hub: LocalHub) -> list[tuple[str, str]]:
    return [(event.kind, event.detail) for event in hub.thread(NAME, 1).events]


async def test_a_pull_request_becomes_a_draft_and_ready_once_each(hub: LocalHub):
    open_pull(hub)
    async with client(hub) as github:
        for is_draft in (True, True, False, False):
            answer = await mark(github, is_draft=is_draft)
            shown = answer["data"][MUTATIONS[is_draft]]["pullRequest"]
            assert shown == {"isDraft": is_draft}
    kinds = [kind for kind, _ in events(hub)]
    assert kinds == ["converted_to_draft", "ready_for_review"]


async def test_both_have_to_be_granted_to_mark_a_pull_request(hub: LocalHub):
    open_pull(hub)
    async with client(hub) as github:
        id_ = (await github.get(f"{REPO}/pulls/1")).body["node_id"]
        for lacking in ("contents", "pull_requests"):
            granted = {**hub.app.permissions, lacking: "read"}
            github.token = hub.new_token(github.installation, permissions=granted).value
            answer = await mark(github, is_draft=True, id_=id_)
            error = answer["errors"][0]
            assert error["type"] == "FORBIDDEN"
            assert error["message"] == "Resource not accessible by integration"
    assert not pull_of(hub.thread(NAME, 1)).is_draft


async def test_some_plans_have_no_drafts(hub: LocalHub):
    open_pull(hub)
    hub.repository(NAME).has_drafts = False
    async with client(hub) as github:
        answer = await mark(github, is_draft=True)
        new = {"title": "Two", "head": "topic", "base": "main", "draft": True}
        refused = await github.send("POST", f"{REPO}/pulls", new)
    assert "does not have permission to convert" in answer["errors"][0]["message"]
    assert refused.status == 422
    assert "Draft pull requests are not supported" in refused.body["message"]


async def test_an_unknown_pull_request_is_not_found(hub: LocalHub):
    async with client(hub) as github:
        answer = await mark(github, is_draft=False, id_="PR_1")
    assert answer["errors"][0]["type"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"reviewers": ["olivia", "wade"]}, "requested from pull request author"),
        ({"reviewers": ["olivia", "sam"]}, "only be requested from collaborators"),
        ({"team_reviewers": ["nobody"]}, "only be requested from collaborators"),
    ],
)
async def test_one_who_cannot_be_asked_keeps_all_from_being_asked(
    hub: LocalHub, asked: Any, said: str
):
    open_pull(hub)
    async with client(hub) as github:
        answer = await github.send("POST", REVIEWERS, asked)
    assert (answer.status, said in answer.body["message"]) == (422, True)
    assert pull_of(hub.thread(NAME, 1)).requested_reviewers == []


async def test_apps_and_logins_that_nobody_has_are_left_out_in_silence(hub: LocalHub):
    open_pull(hub)
    hub.state.add_user("robot[bot]", UserType.BOT)
    asked = {"reviewers": ["robot[bot]", "no-such-login", "Olivia"]}
    async with client(hub) as github:
        answer = await github.send("POST", REVIEWERS, asked)
        await github.send("POST", REVIEWERS, asked)
        logins = [user["login"] for user in answer.body["requested_reviewers"]]
        assert (answer.status, logins) == (201, ["olivia"])
        await github.send("DELETE", REVIEWERS, {"reviewers": ["OLIVIA"]})
    assert [kind for kind, _ in events(hub)] == [
        "review_requested",
        "review_request_removed",
    ]


async def test_a_team_is_asked_by_an_app_that_may_see_it(hub: LocalHub):
    open_pull(hub)
    hub.add_team("acme", "core", ["olivia"])
    async with client(hub) as github:
        asked = {"team_reviewers": ["core"]}
        granted = {k: v for k, v in hub.app.permissions.items() if k != "members"}
        blind = hub.new_token(github.installation, permissions=granted).value
        refused = await github.send("POST", REVIEWERS, asked, token=blind)
        assert refused.status == 422
        assert "Could not resolve to a node" in refused.body["errors"][0]
        answer = await github.send("POST", REVIEWERS, asked)
    assert [team["slug"] for team in answer.body["requested_teams"]] == ["core"]
