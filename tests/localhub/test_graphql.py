"""What queries are answered beyond their shapes."""

from typing import Any

import pytest

from bot.localhub.hub import LocalHub
from tests.localhub.client import NAME, client


async def ask(hub: LocalHub, inside: str, **variables: Any) -> Any:
    """Return the answer to what is asked of the repository."""
    async with client(hub) as github:
        query = f'{{rateLimit{{cost nodeCount}} repository(owner:"acme",name:"widgets"){{{inside}}}}}'
        return await github.graphql(query, **variables)


async def test_an_unknown_number_is_null_and_an_error(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.open_issue("wade", NAME, "Gone")
    hub.delete_issue("acme", NAME, 2)
    inside = " ".join(
        f"i{n}: issueOrPullRequest(number: {n}) {{ ... on Issue {{ title }} }}"
        for n in (1, 2, 9)
    )
    answer = await ask(hub, inside)
    assert answer["data"]["repository"] == {
        "i1": {"title": "One"},
        "i2": None,
        "i9": None,
    }
    error = answer["errors"][1]
    assert error["type"] == "NOT_FOUND"
    assert error["path"] == ["repository", "i9"]
    assert error["message"] == (
        "Could not resolve to an issue or pull request with the number of 9."
    )
    assert set(error["locations"][0]) == {"line", "column"}


async def test_an_issue_is_no_pull_request(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    answer = await ask(hub, "pullRequest(number: 1) { title }")
    assert answer["data"]["repository"] == {"pullRequest": None}
    assert "PullRequest with the number of 1" in answer["errors"][0]["message"]


async def test_an_unseen_repository_is_null(hub: LocalHub):
    hub.create_repository("other/shut", files={"a": "b"}, is_private=True)
    async with client(hub) as github:
        query = '{repository(owner:"other",name:"shut"){name}}'
        answer = await github.graphql(query)
    assert answer["data"] == {"repository": None}
    assert answer["errors"][0]["type"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("inside", "type_"),
    [
        ("issues { nodes { number } }", "MISSING_PAGINATION_BOUNDARIES"),
        ("issues(first: 101) { nodes { number } }", "EXCESSIVE_PAGINATION"),
    ],
)
async def test_a_connection_is_read_in_pages(hub: LocalHub, inside: str, type_: str):
    answer = await ask(hub, inside)
    assert [error["type"] for error in answer["errors"]] == [type_]
    count = await ask(hub, "issues { totalCount }")
    assert count["data"]["repository"]["issues"] == {"totalCount": 0}


async def test_cursors_lead_through_everything_once(hub: LocalHub):
    for number in range(5):
        hub.open_issue("wade", NAME, f"Issue {number}")
    found: list[int] = []
    after = "null"
    while after:
        inside = (
            f"issues(first: 2, after: {after}) "
            "{ nodes { number } pageInfo { hasNextPage endCursor } }"
        )
        page = (await ask(hub, inside))["data"]["repository"]["issues"]
        found += [node["number"] for node in page["nodes"]]
        info = page["pageInfo"]
        after = f'"{info["endCursor"]}"' if info["hasNextPage"] else ""
    assert found == [1, 2, 3, 4, 5]
    last = await ask(hub, "issues(last: 2) { nodes { number } }")
    nodes = last["data"]["repository"]["issues"]["nodes"]
    assert [node["number"] for node in nodes] == [4, 5]


async def test_a_query_costs_a_point_for_a_hundred_connections(hub: LocalHub):
    """issues: 1 request, 100 nodes; labels: 100 requests, 500 nodes; 3 aliases of it."""
    inside = " ".join(
        f"q{n}: issues(first: 100) {{ nodes {{ labels(first: 5) {{ totalCount }} }} }}"
        for n in range(3)
    )
    answer = await ask(hub, inside)
    assert answer["data"]["rateLimit"] == {"cost": 3, "nodeCount": 1800}
    async with client(hub) as github:
        free = await github.get("/rate_limit")
    assert free.body["resources"]["graphql"]["used"] == 3
    assert free.body["resources"]["core"]["used"] == 0


async def test_the_bot_has_its_graphql_name(hub: LocalHub):
    hub.open_issue(hub.app.bot.login, NAME, "By the bot")
    inside = "issue(number: 1) { author { __typename login } }"
    answer = await ask(hub, inside)
    author = answer["data"]["repository"]["issue"]["author"]
    assert author == {"__typename": "Bot", "login": "batch-bot"}


async def test_relations_are_told(hub: LocalHub):
    one, two, three = (hub.open_issue("wade", NAME, t) for t in "abc")
    hub.block("wade", two, one)
    hub.add_sub_issue("wade", one, three)
    hub.push("wade", NAME, "topic", {"a": "b"}, message="m")
    hub.open_pull_request("wade", NAME, "d", head="topic", body="Fixes #1")
    answer = await ask(
        hub,
        """
        one: issue(number: 1) {
          blocking(first: 5) { nodes { number } }
          subIssues(first: 5) { nodes { number parent { number } } }
          closedByPullRequestsReferences(first: 5) { nodes { number } }
        }
        two: issue(number: 2) { blockedBy(first: 5) { nodes { number state } } }
        """,
    )
    found = answer["data"]["repository"]
    assert found["two"] == {"blockedBy": {"nodes": [{"number": 1, "state": "OPEN"}]}}
    assert found["one"] == {
        "blocking": {"nodes": [{"number": 2}]},
        "subIssues": {"nodes": [{"number": 3, "parent": {"number": 1}}]},
        "closedByPullRequestsReferences": {"nodes": [{"number": 4}]},
    }


async def test_an_issue_knows_the_pull_requests_that_name_it(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.open_issue("wade", NAME, "Two", "See #1.")
    for head, body in (("a", "Closes #1"), ("b", "Closes #11"), ("c", "no")):
        hub.push("wade", NAME, head, {head: "1\n"}, message=head)
        hub.open_pull_request("wade", NAME, head, head=head, body=body)
    answer = await ask(
        hub,
        """issue(number: 1) { timelineItems(first: 9, itemTypes: [CROSS_REFERENCED_EVENT]) {
        nodes { ... on CrossReferencedEvent { source {
          ... on PullRequest { headRefName } } } } } }""",
    )
    found = answer["data"]["repository"]["issue"]["timelineItems"]["nodes"]
    assert found == [{"source": {}}, {"source": {"headRefName": "a"}}]
