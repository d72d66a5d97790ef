"""Facts of many items in few queries, each of which fits GitHub's schema."""

from datetime import UTC, datetime
from typing import Any

import pytest
from graphql import parse

from bot.core.model import ItemKind, ItemNumber, Reference, Unread, Visibility
from bot.core.plan.sources import Source
from bot.errors import NotFound, Refused, TransientError
from bot.github.files import source_of
from tests.github.server import CUT, INSTALLATION, REPOSITORY, Bench, Reply, Seen

GRAPHQL = "POST /graphql"
HERE = {"nameWithOwner": "octo/app"}
THERE = {"nameWithOwner": "octo/lib"}


def numbers(*values: int) -> list[ItemNumber]:
    return [ItemNumber(value) for value in values]


def node(number: int, typename: str = "Issue", **more: Any) -> dict[str, Any]:
    return {
        "__typename": typename,
        "number": number,
        "title": f"Title {number}",
        "body": "Text",
        "url": f"https://github.com/octo/app/issues/{number}",
        "updatedAt": "2026-03-03T14:00:00Z",
        "closed": False,
        "author": {"__typename": "User", "login": "ada"},
        "milestone": None,
        "labels": {"nodes": []},
        "assignees": {"nodes": []},
    } | more


def asked(*reviewers: dict[str, Any] | None) -> dict[str, Any]:
    """Return requests for reviews."""
    return {"nodes": [{"requestedReviewer": who} for who in reviewers]}


def repository(**items: Any) -> dict[str, Any]:
    return {
        "databaseId": 1,
        "nameWithOwner": "octo/app",
        "defaultBranchRef": {"name": "main"},
        "configuration": None,
        "newestIssue": {"nodes": [{"number": 41}]},
        "newestPull": {"nodes": [{"number": 42}]},
    } | items


async def test_an_issue_has_all_its_facts(desk: Bench):
    issue = node(
        12,
        closed=True,
        stateReason="NOT_PLANNED",
        author={"__typename": "Bot", "login": "dependabot"},
        milestone={"title": "v2"},
        labels={"nodes": [{"name": "bug"}, {"name": "good first issue"}]},
        assignees={"nodes": [{"login": "bob"}]},
        blockedBy={"nodes": [{"number": 3, "repository": THERE}, None]},
        subIssues={"nodes": [{"number": 4, "repository": HERE}]},
        closedByPullRequestsReferences={
            "nodes": [
                {"number": 70, "state": "OPEN", "repository": HERE},
                {"number": 71, "state": "MERGED", "repository": HERE},
                {"number": 72, "state": "OPEN", "repository": THERE},
            ]
        },
    )
    desk.github.on(GRAPHQL, Reply({"data": {"repository": repository(i12=issue)}}))
    _, facts = await desk.reader.facts(REPOSITORY, numbers(12))
    found = facts[ItemNumber(12)]
    assert found.kind is ItemKind.ISSUE
    assert (found.title, found.body) == ("Title 12", "Text")
    assert not found.is_open
    assert found.updated_at == datetime(2026, 3, 3, 14, 0, tzinfo=UTC)
    assert found.state_reason == "not_planned"
    assert found.author == "dependabot[bot]"
    assert found.labels == ("bug", "good first issue")
    assert found.assignees == ("bob",)
    assert found.milestone == "v2"
    assert found.blocked_by == (Reference("octo/lib", ItemNumber(3)),)
    assert found.sub_issues == (Reference("octo/app", ItemNumber(4)),)
    assert found.linked_pull_requests == (70,)
    assert found.head_sha == ""


async def test_a_pull_request_has_all_its_facts(desk: Bench):
    pull = node(
        63,
        "PullRequest",
        author=None,
        merged=True,
        closed=True,
        isDraft=True,
        isCrossRepository=True,
        headRefOid="a" * 40,
        headRefName="fix",
        baseRefName="main",
        reviewRequests=asked(
            {"__typename": "User", "login": "Ada"},
            {"__typename": "Team", "slug": "batch-reviewers"},
        ),
    )
    desk.github.on(GRAPHQL, Reply({"data": {"repository": repository(i63=pull)}}))
    _, facts = await desk.reader.facts(REPOSITORY, numbers(63))
    found = facts[ItemNumber(63)]
    assert found.kind is ItemKind.PULL_REQUEST
    assert found.author == "ghost"
    assert found.is_merged
    assert found.is_draft
    assert found.is_from_fork
    assert (found.head_sha, found.head_branch) == ("a" * 40, "fix")
    assert found.base_branch == "main"
    assert found.reviewers == ("user:Ada", "team:batch-reviewers")
    assert found.is_satisfied


async def test_the_repository_comes_with_the_same_query(desk: Bench):
    blob = {"__typename": "Blob", "text": "actions: {}\n", "byteSize": 12}
    answer = repository(configuration=blob)
    desk.github.on(GRAPHQL, Reply({"data": {"repository": answer}}))
    about, facts = await desk.reader.facts(REPOSITORY, [])
    assert about.default_branch == "main"
    assert about.configuration == Source("actions: {}\n")
    assert about.newest_number == 42
    assert facts == {}
    assert desk.github.calls == [GRAPHQL]


async def test_an_empty_repository_has_neither_branch_nor_configuration(desk: Bench):
    nothing: dict[str, Any] = {"nodes": []}
    answer = repository(defaultBranchRef=None, newestIssue=nothing, newestPull=nothing)
    desk.github.on(GRAPHQL, Reply({"data": {"repository": answer}}))
    about, _ = await desk.reader.facts(REPOSITORY, [])
    assert (about.default_branch, about.configuration, about.newest_number) == (
        "",
        None,
        0,
    )


async def test_fifty_items_take_one_query_and_unknown_ones_are_left_out(desk: Bench):
    def answer(seen: Seen) -> Reply:
        parse(seen.data["query"])
        assert seen.data["variables"] == {"owner": "octo", "name": "app"}
        known: dict[str, Any] = {
            f"i{n}": node(n) for n in range(1, 60) if f"i{n}:" in seen.data["query"]
        }
        if "i60:" not in seen.data["query"]:
            return Reply({"data": {"repository": repository(**known)}})
        error = {
            "type": "NOT_FOUND",
            "path": ["repository", "i60"],
            "message": "Could not resolve to an issue or pull request.",
        }
        data = {"repository": repository(**known, i60=None)}
        return Reply({"data": data, "errors": [error]})

    desk.github.on(GRAPHQL, answer)
    wanted = numbers(*range(1, 61), 5, 5)
    _, facts = await desk.reader.facts(REPOSITORY, wanted)
    assert sorted(facts) == list(range(1, 60))
    assert desk.github.calls == [GRAPHQL] * 2


FORBIDDEN = "Resource not accessible by integration"
SAML = "Resource protected by organization SAML enforcement."
ADDRESS = "the `acme` organization has an IP allow list enabled"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("FORBIDDEN", FORBIDDEN),
        ("FORBIDDEN", SAML),
        ("FORBIDDEN", ADDRESS),
        ("NOT_FOUND", "Could not resolve to a node"),
    ],
)
@pytest.mark.parametrize(
    ("more", "path", "part"),
    [
        ({"blockedBy": None}, ["blockedBy"], "blockedBy"),
        ({"blockedBy": {"nodes": [None]}}, ["blockedBy", "nodes", 0], "blockedBy"),
        ({"subIssues": {"nodes": [None]}}, ["subIssues", "nodes", 0], "subIssues"),
        ({"milestone": None}, ["milestone"], "milestone"),
        ({"assignees": {"nodes": [None]}}, ["assignees", "nodes", 0], "assignees"),
        ({"author": None}, ["author"], "author"),
    ],
)
async def test_what_is_not_shown_of_an_item_costs_that_fact_alone(
    desk: Bench, kind, said, more, path, part
):
    error = {"type": kind, "path": ["repository", "i41", *path], "message": said}
    answer = repository(i41=node(41) | more, i42=node(42))
    desk.github.on(GRAPHQL, Reply({"data": {"repository": answer}, "errors": [error]}))
    _, facts = await desk.reader.facts(REPOSITORY, numbers(41, 42))
    assert facts[ItemNumber(41)].unread == (Unread(part, said),)
    assert facts[ItemNumber(41)].author == ("" if part == "author" else "ada")
    assert facts[ItemNumber(42)].unread == ()


@pytest.mark.parametrize(
    ("requests", "path", "expected"),
    [
        # A team that the app may not see is nobody, with an error beside it.
        (asked(None), ["nodes", 0, "requestedReviewer"], ("team:",)),
        ({"nodes": [None]}, ["nodes", 0], None),
        (None, [], None),
    ],
)
async def test_a_reviewer_that_is_not_shown_costs_nothing_else(
    desk: Bench, requests, path, expected
):
    path = ["repository", "i63", "reviewRequests", *path]
    error = {"type": "FORBIDDEN", "path": path, "message": FORBIDDEN}
    answer = repository(i63=node(63, "PullRequest", reviewRequests=requests))
    desk.github.on(GRAPHQL, Reply({"data": {"repository": answer}, "errors": [error]}))
    _, facts = await desk.reader.facts(REPOSITORY, numbers(63))
    assert facts[ItemNumber(63)].reviewers == expected
    assert facts[ItemNumber(63)].unread == ()


async def test_an_item_that_a_hidden_part_hides_is_asked_for_without_it(desk: Bench):
    """GitHub's ``blockedBy`` may not be null: its item is null with it."""

    def answer(seen: Seen) -> Reply:
        query = seen.data["query"]
        known: dict[str, Any] = {
            f"i{n}": node(n) for n in (41, 42) if f"i{n}:" in query
        }
        errors = []
        if "i41:" in query and "blockedBy" in query:
            known["i41"] = None
            path = ["repository", "i41", "blockedBy"]
            errors = [{"type": "FORBIDDEN", "path": path, "message": FORBIDDEN}]
        data = {"repository": repository(**known)}
        return Reply({"data": data, "errors": errors})

    desk.github.on(GRAPHQL, answer)
    _, facts = await desk.reader.facts(REPOSITORY, numbers(41, 42))
    assert facts[ItemNumber(41)].unread == (Unread("blockedBy", FORBIDDEN),)
    assert facts[ItemNumber(42)].unread == ()
    assert desk.github.calls == [GRAPHQL] * 2
    assert "i42:" not in desk.github.seen[-1].data["query"]


@pytest.mark.parametrize(
    ("data", "error", "expected", "words"),
    [
        (None, {"type": "NOT_FOUND", "path": ["repository"]}, NotFound, "Not Found"),
        (
            repository(i1=None),
            {"type": "FORBIDDEN", "path": ["repository", "i1"]},
            Refused,
            "no (#1)",
        ),
        (
            repository(i1=None),  # what may not be null takes the item along
            {"type": "FORBIDDEN", "path": ["repository", "i1", "title"]},
            Refused,
            "no (#1 title)",
        ),
        (
            repository(i1=None),
            {"type": "FORBIDDEN", "path": ["repository", "i1", "assignees"]},
            Refused,
            "no (#1 assignees)",
        ),
        (
            repository(i1=node(1, labels=None)),
            {"type": "FORBIDDEN", "path": ["repository", "i1", "labels"]},
            Refused,
            "no (#1 labels)",
        ),
        (
            repository(i1=node(1)),
            {"type": "FORBIDDEN", "path": ["repository", "configuration"]},
            Refused,
            "no (configuration)",
        ),
    ],
)
async def test_what_is_needed_is_named_where_it_is_not_shown(
    desk: Bench, data, error, expected, words
):
    problem = error | {"message": "no"}
    desk.github.on(GRAPHQL, Reply({"data": {"repository": data}, "errors": [problem]}))
    with pytest.raises(expected) as caught:
        await desk.reader.facts(REPOSITORY, numbers(1))
    assert str(caught.value) == words


async def test_the_newest_number_is_unknown_where_a_part_of_it_is_not_shown(
    desk: Bench,
):
    path = ["repository", "newestPull"]
    error = {"type": "FORBIDDEN", "path": path, "message": FORBIDDEN}
    answer = repository(newestPull=None)
    desk.github.on(GRAPHQL, Reply({"data": {"repository": answer}, "errors": [error]}))
    about, _ = await desk.reader.facts(REPOSITORY, [])
    assert about.newest_number == 0


@pytest.mark.parametrize("path", [["r1"], ["r1", "i4"], ["r1", "i4", "title"]])
async def test_what_other_repositories_do_not_show_is_left_out(desk: Bench, path):
    error = {"type": "FORBIDDEN", "path": path, "message": SAML}
    away = None if len(path) == 1 else {"nameWithOwner": "octo/secret", "i4": None}
    lib = {"nameWithOwner": "octo/lib", "i3": node(3)}
    desk.github.on(GRAPHQL, Reply({"data": {"r0": lib, "r1": away}, "errors": [error]}))
    known = Reference("octo/lib", ItemNumber(3))
    hidden = Reference("octo/secret", ItemNumber(4))
    assert list(await desk.reader.references(INSTALLATION, [known, hidden])) == [known]


LIMIT = {
    "type": "RESOURCE_LIMITS_EXCEEDED",
    "message": "Resource limits for this query exceeded.",
}
BROKEN = {"message": "Something went wrong while executing your query."}


@pytest.mark.parametrize(
    ("refusal", "asked"),
    [
        (Reply({}, 502), [30, 30, 15, 15]),
        (Reply({}, 504), [30, 30, 15, 15]),
        (CUT, [30, 30, 15, 15]),
        (Reply({"data": None, "errors": [BROKEN]}), [30, 30, 15, 15]),
        (Reply({"data": {"repository": None}, "errors": [LIMIT]}), [30, 15, 15]),
    ],
)
async def test_a_query_that_is_too_dear_is_halved_and_its_size_remembered(
    desk: Bench, refusal: Reply, asked: list[int]
):
    sizes: list[int] = []

    def answer(seen: Seen) -> Reply:
        known: dict[str, Any] = {
            f"i{n}": node(n) for n in range(1, 31) if f"i{n}:" in seen.data["query"]
        }
        sizes.append(len(known))
        return (
            refusal
            if len(known) > 20
            else Reply({"data": {"repository": repository(**known)}})
        )

    desk.github.on(GRAPHQL, answer)
    for expected in (asked, [15, 15]):
        sizes.clear()
        _, facts = await desk.reader.facts(REPOSITORY, numbers(*range(1, 31)))
        assert len(facts) == 30
        assert sizes == expected
    await desk.clock.sleep(3601)
    sizes.clear()
    await desk.reader.facts(REPOSITORY, numbers(*range(1, 31)))
    assert sizes == asked


async def test_an_item_that_is_too_dear_by_itself_is_read_without_its_lists(
    desk: Bench,
):
    def answer(seen: Seen) -> Reply:
        query = seen.data["query"]
        is_dear = "i2:" in query and "blockedBy(" in query
        known: dict[str, Any] = {
            f"i{n}": node(n) for n in range(1, 4) if f"i{n}:" in query
        }
        return (
            Reply({}, 504)
            if is_dear
            else Reply({"data": {"repository": repository(**known)}})
        )

    desk.github.on(GRAPHQL, answer)
    _, facts = await desk.reader.facts(REPOSITORY, numbers(1, 2, 3))
    assert [one.part for one in facts[ItemNumber(2)].unread] == [
        "blockedBy",
        "closedByPullRequestsReferences",
        "subIssues",
    ]
    assert all("504" in one.why for one in facts[ItemNumber(2)].unread)
    assert not facts[ItemNumber(1)].unread
    assert not facts[ItemNumber(3)].unread


async def test_a_reference_that_is_too_dear_by_itself_is_read_without_its_lists(
    desk: Bench,
):
    def answer(seen: Seen) -> Reply:
        if "blockedBy(" in seen.data["query"]:
            return Reply({}, 502)
        return Reply({"data": {"r0": {"nameWithOwner": "octo/old", "i2": node(2)}}})

    desk.github.on(GRAPHQL, answer)
    wanted = Reference("octo/old", ItemNumber(2))
    facts = await desk.reader.references(REPOSITORY.installation_id, [wanted])
    assert facts[wanted].number == 2


async def test_an_outage_is_told_from_a_query_that_is_too_dear_by_the_smallest(
    desk: Bench,
):
    desk.github.on(GRAPHQL, Reply({}, 502))
    with pytest.raises(TransientError, match="502"):
        await desk.reader.facts(REPOSITORY, numbers(*range(1, 31)))
    # 30 twice, 15, 7, 3, and 1 as often as any question, whole and in part.
    assert len(desk.github.calls) == 11
    known = {f"i{n}": node(n) for n in range(1, 31)}
    desk.github.on(GRAPHQL, Reply({"data": {"repository": repository(**known)}}))
    await desk.reader.facts(REPOSITORY, numbers(*range(1, 31)))
    assert len(desk.github.calls) == 12


async def test_a_repository_whose_name_another_one_has_by_now_is_found_by_its_id(
    desk: Bench,
):
    answers = [repository(databaseId=2), repository(databaseId=REPOSITORY.id)]
    desk.github.on(
        GRAPHQL, *(Reply({"data": {"repository": answer}}) for answer in answers)
    )
    now = {"id": REPOSITORY.id, "full_name": "octo/new"}
    desk.github.on(f"GET /repositories/{REPOSITORY.id}", Reply(now))
    await desk.reader.facts(REPOSITORY, [])
    assert desk.github.seen[-1].data["variables"] == {"owner": "octo", "name": "new"}


async def test_a_repository_is_not_found_where_only_its_name_is_left(desk: Bench):
    answer = repository(databaseId=2)
    desk.github.on(GRAPHQL, Reply({"data": {"repository": answer}}))
    with pytest.raises(NotFound):
        await desk.reader.facts(REPOSITORY, [])


@pytest.mark.parametrize(
    "wording",
    [
        lambda name: {
            "message": f"Field '{name}' doesn't exist on type 'Issue'",
            "extensions": {"code": "undefinedField", "fieldName": name},
        },
        lambda name: {"message": f"Cannot query field '{name}' on type 'Issue'."},
    ],
    ids=["GitHub", "graphql-core"],
)
async def test_fields_that_a_server_lacks_are_left_out_and_remembered(
    desk: Bench, wording
):
    lacking = ("blockedBy", "subIssues")

    def answer(seen: Seen) -> Reply:
        asked = [name for name in lacking if name in seen.data["query"]]
        if asked:
            return Reply({"errors": [wording(name) for name in asked]})
        return Reply({"data": {"repository": repository(i1=node(1))}})

    desk.github.on(GRAPHQL, answer)
    reader = desk.reader
    for _ in range(2):
        _, facts = await reader.facts(REPOSITORY, numbers(1))
        assert facts[ItemNumber(1)].blocked_by == ()
    assert desk.github.calls == [GRAPHQL] * 3


async def test_a_schema_error_about_anything_else_is_raised(desk: Bench):
    error = {"message": "Field 'title' doesn't exist on type 'Issue'"}
    desk.github.on(GRAPHQL, Reply({"errors": [error]}))
    with pytest.raises(Refused, match="title"):
        await desk.reader.facts(REPOSITORY, numbers(1))


async def test_references_across_repositories_take_one_query(desk: Bench):
    known, hidden = (
        Reference("octo/lib", ItemNumber(3)),
        Reference("octo/secret", ItemNumber(4)),
    )
    gone = Reference("octo/lib", ItemNumber(5))

    def answer(seen: Seen) -> Reply:
        parse(seen.data["query"])
        assert seen.data["variables"] == {
            "o0": "octo",
            "n0": "lib",
            "o1": "octo",
            "n1": "secret",
        }
        errors = [
            {"type": "NOT_FOUND", "path": path, "message": "no"}
            for path in (["r1"], ["r0", "i5"])
        ]
        lib = {"nameWithOwner": "octo/lib", "i3": node(3), "i5": None}
        return Reply({"data": {"r0": lib, "r1": None}, "errors": errors})

    desk.github.on(GRAPHQL, answer)
    found = await desk.reader.references(INSTALLATION, [known, hidden, gone])
    assert list(found) == [known]
    assert await desk.reader.references(INSTALLATION, []) == {}
    assert desk.github.calls == [GRAPHQL]


@pytest.mark.parametrize(
    ("text", "size_bytes", "content"),
    [
        ("home: 1", 7, "home: 1"),
        ("\ufeffhome: 1", 10, "\ufeffhome: 1"),
        ("home: 1", 10, "home: 1"),  # without its byte order mark
        ("# \ufffd", 5, "# \ufffd"),  # the character itself
        ("# gr\ufffdn", 6, b"# gr\xffn"),  # a byte that is none
        ("# gr\u00fcn", 6, b"# gr\xffn"),  # Latin-1, seen to be it
        ("# \u65e5\u672c", 6, b"# \xff\xff"),  # Shift-JIS
        (None, 9, None),
        ("x" * 65_537, 900_000, "x" * 65_537),  # without its end
    ],
)
def test_what_is_no_utf_8_is_known_by_its_size(
    text: str | None, size_bytes: int, content: str | bytes | None
):
    file = {"__typename": "Blob", "text": text, "byteSize": size_bytes}
    found = source_of({"configuration": file}, is_own=True)
    assert found is not None
    assert found.content == content


@pytest.mark.parametrize(
    ("told", "visibility"),
    [
        ({"isPrivate": False, "visibility": "PUBLIC"}, Visibility.PUBLIC),
        ({"isPrivate": True, "visibility": "PRIVATE"}, Visibility.PRIVATE),
        ({"isPrivate": True, "visibility": "INTERNAL"}, Visibility.INTERNAL),
        ({"isPrivate": True}, None),  # an old Enterprise server
        ({"isPrivate": True, "visibility": "SECRET"}, None),
    ],
)
async def test_who_can_read_a_repository_is_told_or_not(
    desk: Bench, told: dict[str, Any], visibility: Visibility | None
):
    answer = Reply({"data": {"repository": repository(**told)}})
    desk.github.on(GRAPHQL, answer)
    about, _ = await desk.reader.facts(REPOSITORY, [])
    assert about.visibility is visibility
