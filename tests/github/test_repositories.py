"""Roles, labels and lists of items."""

from typing import Any

import pytest

from bot.core.model import Role
from bot.errors import TransientError
from tests.github.server import REPOSITORY, Bench, Reply, Seen

PERMISSION = "GET /repos/octo/app/collaborators/ada/permission"
ISSUES = "GET /repos/octo/app/issues"
MILESTONES = "GET /repos/octo/app/milestones"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"permission": "write", "role_name": "maintain"}, Role.MAINTAIN),
        ({"permission": "read", "role_name": "triage"}, Role.TRIAGE),
        ({"permission": "admin", "role_name": "admin"}, Role.ADMIN),
        ({"permission": "write", "role_name": "release-captain"}, Role.WRITE),
        ({"permission": "admin"}, Role.ADMIN),
        ({"permission": "none", "role_name": ""}, Role.NONE),
        ({"permission": "emperor"}, Role.NONE),
        ({"role_name": "emperor"}, Role.NONE),
        ({"role_name": ["admin"], "permission": {"admin": True}}, Role.NONE),
        ({"role_name": None, "permission": None}, Role.NONE),
        ({"user": {"permissions": {"admin": True}}}, Role.NONE),
        ({}, Role.NONE),
    ],
)
async def test_a_role_is_read_by_its_name_or_else_by_the_permission(
    desk: Bench, answer, expected
):
    desk.github.on(PERMISSION, Reply(answer))
    assert await desk.reader.role(REPOSITORY, "ada") is expected


async def test_somebody_unknown_has_no_role(desk: Bench):
    assert await desk.reader.role(REPOSITORY, "nobody") is Role.NONE


async def test_a_role_that_cannot_be_asked_for_is_an_error(desk: Bench):
    desk.github.on(PERMISSION, Reply({}, 502))
    with pytest.raises(TransientError):
        await desk.reader.role(REPOSITORY, "ada")


async def test_labels_come_with_their_open_items(desk: Bench):
    def answer(seen: Seen) -> Reply:
        after = seen.data["variables"]["after"]
        name, end, more = (
            ("bug", "c1", True) if after is None else ("docs", "c2", False)
        )
        label = {
            "name": name,
            "issues": {"totalCount": 3},
            "pullRequests": {"totalCount": 1},
        }
        page = {"nodes": [label], "pageInfo": {"endCursor": end, "hasNextPage": more}}
        return Reply({"data": {"repository": {"labels": page}}})

    desk.github.on("POST /graphql", answer)
    assert await desk.reader.labels(REPOSITORY) == {"bug": 4, "docs": 4}


def items(*numbers: int, labels: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    named = [{"name": label} for label in labels]
    return [{"number": number, "labels": named} for number in numbers]


async def select(desk: Bench, *, limit: int = 50, **filters: str) -> list[int]:
    return list(await desk.reader.select(REPOSITORY, filters=filters, limit=limit))


async def test_filters_become_one_list_of_both_kinds(desk: Bench):
    desk.github.on(ISSUES, Reply(items(9, 4, labels=("bug",))))
    desk.github.on(MILESTONES, Reply([{"number": 2, "title": "v2"}]))
    found = await select(
        desk, label="bug", author="ada", assignee="bob", milestone="V2"
    )
    assert found == [4, 9]
    assert desk.github.seen[-1].query == {
        "state": "open",
        "sort": "created",
        "direction": "asc",
        "per_page": "100",
        "labels": "bug",
        "creator": "ada",
        "assignee": "bob",
        "milestone": "2",
    }


async def test_one_more_than_the_limit_tells_that_there_are_more(desk: Bench):
    desk.github.on(ISSUES, Reply(items(*range(1, 90))))
    assert await select(desk, limit=3) == [1, 2, 3, 4]


async def test_a_label_with_a_comma_is_looked_for_by_hand(desk: Bench):
    mixed = items(1, labels=("a",)) + items(2, labels=("A, b",))
    desk.github.on(ISSUES, Reply(mixed))
    assert await select(desk, label="a, b") == [2]
    assert "labels" not in desk.github.seen[-1].query


@pytest.mark.parametrize(("wanted", "number"), [("2", "7"), ("7", "7"), ("3", "3")])
async def test_a_milestone_is_its_title_before_its_number(desk: Bench, wanted, number):
    titles = [(2, "old"), (3, "x"), (7, "2")]
    listed = [{"number": n, "title": title} for n, title in titles]
    desk.github.on(MILESTONES, Reply(listed))
    desk.github.on(ISSUES, Reply(items(1)))
    assert await select(desk, milestone=wanted) == [1]
    assert desk.github.seen[-1].query["milestone"] == number


async def test_what_does_not_exist_has_no_items(desk: Bench):
    desk.github.on(MILESTONES, Reply([]))
    assert await select(desk, milestone="v9") == []
    desk.github.on(ISSUES, Reply({"message": "Validation Failed"}, 422))
    assert await select(desk, assignee="nobody") == []
