"""Lists of the open items that fit filters."""

from typing import Any

import pytest

from bot.errors import Refused
from tests.github.searching import search_of
from tests.github.server import REPOSITORY, Bench, Reply, Seen

ISSUES = "GET /repos/octo/app/issues"
MILESTONES = "GET /repos/octo/app/milestones"


def items(*numbers: int, **more: Any) -> list[dict[str, Any]]:
    labels = [{"name": label} for label in more.get("labels", ())]
    author, assignees = more.get("author", "ada"), more.get("assignees", ())
    return [
        {
            "number": number,
            "labels": labels,
            "user": {"login": author},
            "assignees": [{"login": login} for login in assignees],
            "milestone": {"number": more["milestone"]} if "milestone" in more else None,
        }
        for number in numbers
    ]


async def select(desk: Bench, line: str, *, limit: int = 50) -> list[int]:
    return list(await desk.reader.select(REPOSITORY, search_of(line), limit=limit))


async def test_filters_become_one_list_of_both_kinds(desk: Bench):
    fitting = {"labels": ("bug", "p1"), "assignees": ("bob",), "milestone": 2}
    desk.github.on(ISSUES, Reply(items(9, 4, **fitting)))
    desk.github.on(MILESTONES, Reply([{"number": 2, "title": "v2"}]))
    found = await select(
        desk, "label:bug label:P1 author:ada assignee:bob milestone:V2"
    )
    assert found == [4, 9]
    assert desk.github.seen[-1].query == {
        "state": "open",
        "sort": "created",
        "direction": "asc",
        "per_page": "100",
        "labels": "bug,P1",
        "creator": "ada",
        "assignee": "bob",
        "milestone": "2",
    }


async def test_a_comma_asks_once_for_each_and_finds_each_item_once(desk: Bench):
    def answer(seen: Seen) -> Reply:
        label = seen.query["labels"].split(",")[-1]
        known = {"a": (1, 2), "b": (2, 3)}
        return Reply(items(*known[label], labels=("x", "a", "b")))

    desk.github.on(ISSUES, answer)
    assert await select(desk, "label:x label:a,b") == [1, 2, 3]


async def test_what_must_not_hold_is_looked_at_here(desk: Bench):
    listed = (
        items(1, labels=("bug",))
        + items(2, labels=("bug", "WIP"))
        + items(3, labels=("bug",), author="Bob")
    )
    desk.github.on(ISSUES, Reply(listed))
    assert await select(desk, "label:bug -label:wip -author:bob") == [1]
    assert desk.github.seen[-1].query["labels"] == "bug"
    assert "creator" not in desk.github.seen[-1].query


async def test_one_more_than_the_limit_tells_that_there_are_more(desk: Bench):
    desk.github.on(ISSUES, Reply(items(*range(1, 90))))
    assert await select(desk, "author:ada", limit=3) == [1, 2, 3, 4]


async def test_a_label_with_a_comma_is_looked_for_by_hand(desk: Bench):
    mixed = items(1, labels=("a",)) + items(2, labels=("A, b",))
    desk.github.on(ISSUES, Reply(mixed))
    assert await select(desk, 'label:"a, b"') == [2]
    assert "labels" not in desk.github.seen[-1].query


@pytest.mark.parametrize(("wanted", "number"), [("2", 7), ("7", 7), ("3", 3)])
async def test_a_milestone_is_its_title_before_its_number(desk: Bench, wanted, number):
    titles = [(2, "old"), (3, "x"), (7, "2")]
    listed = [{"number": n, "title": title} for n, title in titles]
    desk.github.on(MILESTONES, Reply(listed))
    desk.github.on(ISSUES, Reply(items(1, milestone=number)))
    assert await select(desk, f"milestone:{wanted}") == [1]
    assert desk.github.seen[-1].query["milestone"] == str(number)


async def test_nobody_is_an_assignee_that_can_be_asked_for(desk: Bench):
    desk.github.on(ISSUES, Reply([*items(4), *items(5, assignees=("bob",))]))
    assert await select(desk, "assignee:none") == [4]
    assert desk.github.seen[-1].query["assignee"] == "none"


PULL = {"pull_request": {"url": "x"}, "draft": False}
LISTED = [
    *items(1, labels=("bug",), milestone=2, assignees=("bob",)),
    *items(2, labels=("bug",)),
    *items(3),
    *[{**one, **PULL} for one in items(4, labels=("bug",))],
    *[{**one, **PULL, "draft": True} for one in items(5, assignees=("bob",))],
]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("is:issue", [1, 2, 3]),
        ("is:pr is:open", [4, 5]),
        ("type:pr -is:draft", [4]),
        ("is:draft", [5]),
        ("is:issue,is:draft", [1, 2, 3, 5]),
        ("is:issue is:pr", []),
        ("no:label", [3, 5]),
        ("no:milestone label:bug", [2, 4]),
        ("no:assignee is:issue", [2, 3]),
        ("is:issue -no:assignee", [1]),
        ("no:label,no:assignee", [2, 3, 4, 5]),
        ("label:bug -milestone:v2", [2, 4]),
        ("label:bug -milestone:v9", [1, 2, 4]),
        ("is:issue -assignee:BOB", [2, 3]),
    ],
)
async def test_the_words_of_githubs_search_mean_what_they_mean_there(
    desk: Bench, line, found
):
    def answer(seen: Seen) -> Reply:
        nobody = seen.query.get("assignee") == "none"
        nowhere = seen.query.get("milestone") == "none"
        fitting = [
            one
            for one in LISTED
            if not (nobody and one["assignees"]) and not (nowhere and one["milestone"])
        ]
        return Reply(fitting)

    desk.github.on(ISSUES, answer)
    desk.github.on(MILESTONES, Reply([{"number": 2, "title": "v2"}]))
    assert await select(desk, line) == found


async def test_what_does_not_exist_has_no_items(desk: Bench):
    desk.github.on(MILESTONES, Reply([]))
    assert await select(desk, "milestone:v9") == []
    desk.github.on(ISSUES, Reply({"message": "Validation Failed"}, 422))
    assert await select(desk, "assignee:nobody") == []


def pull(number: int, **more: Any) -> dict[str, Any]:
    reviews = more.get("reviews", ())
    return {
        "number": number,
        "isDraft": more.get("is_draft", False),
        "baseRefName": more.get("base", "main"),
        "author": {"__typename": "Bot", "login": "octo-helper"},
        "milestone": None,
        "labels": {"nodes": [{"name": one} for one in more.get("labels", ())]},
        "assignees": {"nodes": []},
        "latestOpinionatedReviews": {"nodes": [{"state": one} for one in reviews]},
        "reviews": {"totalCount": len(reviews) + more.get("comments", 0)},
    }


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("base:main", [1, 2, 4, 5]),
        ("base:main,base:v2", [1, 2, 3, 4, 5]),
        ("draft:true", [2]),
        ("draft:false base:v2", [3]),
        ("draft:false -label:wip", [1, 3, 4]),
        ("review:approved", [1]),
        ("review:changes-requested", [4]),
        ("review:none", [2, 3]),
        ("base:main author:octo-helper[bot]", [1, 2, 4, 5]),
        ("base:Main", []),
        ("review:none -base:main", [3]),
        ("base:main is:pr -is:draft no:assignee", [1, 4, 5]),
        ("is:issue base:main", []),
        ("label:wip -review:approved", [5]),
    ],
)
async def test_pull_requests_are_found_by_what_only_they_have(desk: Bench, line, found):
    nodes = [
        pull(1, reviews=("APPROVED",)),
        pull(2, is_draft=True),
        pull(3, base="v2"),
        pull(4, reviews=("APPROVED", "CHANGES_REQUESTED")),
        pull(5, comments=1, labels=("WIP",)),
    ]

    def answer(seen: Seen) -> Reply:
        is_first = seen.data["variables"]["after"] is None
        shown = nodes[:3] if is_first else nodes[3:]
        end = {"endCursor": "c1" if is_first else "c2", "hasNextPage": is_first}
        page = {"nodes": shown, "pageInfo": end}
        return Reply({"data": {"repository": {"pullRequests": page}}})

    desk.github.on("POST /graphql", answer)
    assert await select(desk, line) == found


@pytest.mark.parametrize(
    ("line", "found"), [("base:main", [1, 2]), ("base:main author:ada", None)]
)
async def test_a_hidden_part_matters_to_the_filter_that_looks_at_it(
    desk: Bench, line: str, found: list[int] | None
):
    nodes = [pull(1), pull(2) | {"author": None}, None]
    end = {"endCursor": "c1", "hasNextPage": False}
    place = ["repository", "pullRequests", "nodes"]
    errors = [
        {"type": "FORBIDDEN", "path": [*place, *rest], "message": "no"}
        for rest in ((1, "author"), (2,))
    ]
    page = {"pullRequests": {"nodes": nodes, "pageInfo": end}}
    desk.github.on(
        "POST /graphql", Reply({"data": {"repository": page}, "errors": errors})
    )
    if found is not None:
        assert await select(desk, line) == found
    else:
        with pytest.raises(Refused, match="author"):
            await select(desk, line)


async def test_pages_that_are_too_dear_are_smaller_from_then_on(desk: Bench):
    sizes: list[int] = []

    def answer(seen: Seen) -> Reply:
        size = seen.data["variables"]["first"]
        sizes.append(size)
        if size > 20:
            return Reply({}, 502)
        end = {"endCursor": "c1", "hasNextPage": len(sizes) < 5}
        page = {"pullRequests": {"nodes": [pull(1)], "pageInfo": end}}
        return Reply({"data": {"repository": page}})

    desk.github.on("POST /graphql", answer)
    assert await select(desk, "base:main") == [1]
    assert sizes == [50, 50, 25, 12, 12]
