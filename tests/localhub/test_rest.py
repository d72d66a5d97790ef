"""What the endpoints do beyond their shapes."""

import re

import pytest

from bot.localhub.hub import LocalHub
from tests.localhub.client import NAME, REPO, Client, client


async def test_pages_are_linked_and_hold_everything_once(hub: LocalHub):
    for number in range(1, 8):
        hub.open_issue("wade", NAME, f"Issue {number}")
    found: list[int] = []
    async with client(hub) as github:
        path = f"{REPO}/issues?per_page=3&direction=asc"
        while path:
            answer = await github.get(path)
            found += [issue["number"] for issue in answer.body]
            link = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
            path = link[1].removeprefix(hub.api_url) if link else ""
        one = await github.get(f"{REPO}/issues?per_page=100")
    assert found == [1, 2, 3, 4, 5, 6, 7]
    assert "Link" not in one.headers


async def test_an_unchanged_answer_is_304_and_free(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    async with client(hub) as github:
        path = f"{REPO}/issues/1"
        first = await github.get(path)
        known = {"If-None-Match": first.headers["ETag"]}
        again = await github.get(path, headers=known)
        assert (again.status, again.body) == (304, None)
        used = [a.headers["x-ratelimit-used"] for a in (first, again)]
        assert used == ["1", "1"]
        hub.comment("wade", NAME, 1, "new")
        assert (await github.get(path, headers=known)).status == 200


async def test_a_former_name_leads_to_the_repository(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.rename_repository("acme", NAME, "gadgets")
    async with client(hub) as github:
        moved = await github.get(f"{REPO}/issues/1")
        assert moved.status == 301
        location = moved.headers["Location"]
        assert moved.body["url"] == location
        path = location.removeprefix(hub.api_url)
        assert path == f"/repositories/{hub.repository('acme/gadgets').id}/issues/1"
        assert (await github.get(path)).body["number"] == 1
        written = await github.send("POST", f"{path}/comments", {"body": "x"})
        assert written.status == 201


async def test_what_is_gone_and_what_never_was(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.delete_issue("acme", NAME, 1)
    async with client(hub) as github:
        assert (await github.get(f"{REPO}/issues/1")).status == 410
        assert (await github.get(f"{REPO}/issues/2")).status == 404
        assert (await github.get(f"{REPO}/issues/comments/5")).status == 404
        assert (await github.get("/repos/acme/nothing")).status == 404
        assert (await github.get("/no/such/endpoint")).status == 404
        assert (await github.get(f"{REPO}/issues")).body == []
        assert hub.open_issue("wade", NAME, "Two").number == 2
    hub.log.clear()  # one of the paths is none of GitHub's, on purpose


async def test_bad_bodies_are_explained(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    comments = f"{REPO}/issues/1/comments"
    async with client(hub) as github:
        longest = await github.send("POST", comments, {"body": "x" * 65_536})
        assert longest.status == 201
        longer = await github.send("POST", comments, {"body": "x" * 65_537})
        assert longer.status == 422
        assert longer.body["errors"][0]["message"] == (
            "Body is too long (maximum is 65536 characters)"
        )
        for body in ({}, {"body": None}, {"body": 5}, {"body": " "}):
            assert (await github.send("POST", comments, body)).status == 422
        async with github.session.post(
            hub.api_url + comments,
            data=b"{no json",
            headers={"Authorization": f"Bearer {github.token}"},
        ) as answer:
            assert answer.status == 400
    assert len(hub.thread(NAME, 1).comments) == 1
    hub.log.clear()  # the description does not say what GitHub does with no JSON


async def test_an_issue_has_one_pin_and_a_pull_request_none(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    ids = [hub.comment("wade", NAME, 1, text).id for text in "ab"]
    hub.push("wade", NAME, "topic", {"a": "b"}, message="m")
    hub.open_pull_request("wade", NAME, "Two", head="topic")
    on_pull = hub.comment("wade", NAME, 2, "c").id
    async with client(hub) as github:

        async def pin(method: str, id_: int) -> int:
            path = f"{REPO}/issues/comments/{id_}/pin"
            return (await github.send(method, path)).status

        assert [await pin("PUT", id_) for id_ in (*ids, on_pull)] == [200, 200, 422]
        issue = (await github.get(f"{REPO}/issues/1")).body
        assert issue["pinned_comment"]["id"] == ids[1]
        assert issue["pinned_comment"]["pin"]["pinned_by"]["login"] == "batch-bot[bot]"
        assert await pin("DELETE", ids[0]) == 404
        assert await pin("DELETE", ids[1]) == 204
        assert (await github.get(f"{REPO}/issues/1")).body["pinned_comment"] is None


async def test_labels_ignore_case_and_assignees_are_collaborators(
    hub: LocalHub,
):
    hub.open_issue("wade", NAME, "One")
    async with client(hub) as github:
        issue = f"{REPO}/issues/1"
        await github.send("POST", f"{issue}/labels", {"labels": ["bug", "BUG"]})
        asked = {"assignees": ["olivia", "sam", "nobody"]}
        answer = await github.send("POST", f"{issue}/assignees", asked)
    assert [label["name"] for label in answer.body["labels"]] == ["bug"]
    assert [user["login"] for user in answer.body["assignees"]] == ["olivia"]


@pytest.mark.parametrize(
    ("login", "role", "permission"),
    [
        ("acme", "admin", "admin"),
        ("olivia", "maintain", "write"),
        ("WADE", "write", "write"),
        ("tess", "triage", "read"),
        ("sam", "read", "read"),
    ],
)
async def test_roles_and_their_old_names(
    hub: LocalHub, login: str, role: str, permission: str
):
    async with client(hub) as github:
        answer = await github.get(f"{REPO}/collaborators/{login}/permission")
    assert (answer.body["role_name"], answer.body["permission"]) == (role, permission)


async def test_in_a_private_repository_a_stranger_has_no_role(hub: LocalHub):
    hub.repository(NAME).is_private = True
    async with client(hub) as github:
        answer = await github.get(f"{REPO}/collaborators/sam/permission")
    assert answer.body["permission"] == answer.body["role_name"] == "none"


async def seed_search(hub: LocalHub) -> None:
    hub.add_milestone("olivia", NAME, "v 1")
    one = {"labels": ["bug", "good first"], "assignees": ["wade"], "milestone": 1}
    hub.open_issue("wade", NAME, "Parser fails", "on tuples", labels=["bug"])
    hub.open_issue("olivia", NAME, "Docs", **one)  # type: ignore[arg-type]
    hub.close("olivia", NAME, 1)
    hub.push("wade", NAME, "topic", {"a": "b"}, message="m")
    hub.open_pull_request("wade", NAME, "Fix", head="topic", is_draft=True)


async def numbers(github: Client, query: str) -> list[int]:
    path = f"/search/issues?q={query.replace(' ', '+')}&order=asc"
    answer = await github.get(path)
    assert answer.headers["x-ratelimit-resource"] == "search"
    found = [item["number"] for item in answer.body["items"]]
    assert answer.body["total_count"] == len(found)
    return found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("repo:acme/widgets", [1, 2, 3]),
        ("repo:acme/widgets is:open", [2, 3]),
        ("repo:acme/widgets is:issue state:closed", [1]),
        ("repo:acme/widgets is:pr draft:true", [3]),
        ("repo:acme/widgets is:unmerged", [3]),
        ("repo:acme/widgets label:bug -is:closed", [2]),
        ('repo:acme/widgets label:"good first"', [2]),
        ("repo:acme/widgets author:wade", [1, 3]),
        ("repo:acme/widgets assignee:wade", [2]),
        ('repo:acme/widgets milestone:"v 1"', [2]),
        ("repo:acme/widgets no:assignee is:open", [3]),
        ("repo:acme/widgets tuples", [1]),
        ("repo:acme/widgets head:topic", [3]),
    ],
)
async def test_search_reads_githubs_terms(hub: LocalHub, query: str, found: list[int]):
    await seed_search(hub)
    async with client(hub) as github:
        assert await numbers(github, query) == found


async def test_lists_are_filtered(hub: LocalHub):
    await seed_search(hub)
    async with client(hub) as github:
        for query, expected in (
            ("state=all", [3, 2, 1]),
            ("labels=bug,good first", [2]),
            ("assignee=none", [3]),
            ("assignee=*", [2]),
            ("creator=olivia", [2]),
            ("milestone=1", [2]),
            ("milestone=none", [3]),
            ("since=2027-01-01T00:00:00Z", []),
        ):
            answer = await github.get(f"{REPO}/issues?{query}")
            assert [issue["number"] for issue in answer.body] == expected, query
        for query, expected in (
            ("head=acme:topic", [3]),
            ("head=other:topic", []),
            ("head=acme:main", []),
            ("base=main", [3]),
            ("state=closed", []),
        ):
            answer = await github.get(f"{REPO}/pulls?{query}")
            assert [pull["number"] for pull in answer.body] == expected, query


async def test_an_older_server_lacks_newer_features(hub: LocalHub):
    hub.lacks = {"pins", "dependencies", "sub-issues"}
    hub.open_issue("wade", NAME, "One")
    id_ = hub.comment("wade", NAME, 1, "x").id
    async with client(hub) as github:
        pin = await github.send("PUT", f"{REPO}/issues/comments/{id_}/pin")
        assert pin.status == 404
        for path in ("dependencies/blocked_by", "sub_issues", "parent"):
            assert (await github.get(f"{REPO}/issues/1/{path}")).status == 404
        query = '{repository(owner:"acme",name:"widgets"){issue(number:1){%s}}}'
        wrong = await github.graphql(query % "blockedBy(first:1){totalCount}")
        right = await github.graphql(query % "number")
    assert wrong["errors"][0]["message"] == (
        "Field 'blockedBy' doesn't exist on type 'Issue'"
    )
    assert right["data"]["repository"]["issue"] == {"number": 1}


async def test_the_log_counts_requests(hub: LocalHub):
    async with client(hub) as github:
        await github.get(REPO)
        await github.get(REPO)
        await github.get("/repos/acme/nothing")
    repository = "/repos/{owner}/{repo}"
    assert hub.log.count(template=repository) == len(hub.log) == 3
    assert hub.log.count("GET", repository, 404) == 1
    assert hub.log.count("POST") == 0
    assert "Authorization" not in next(iter(hub.log)).request_headers
