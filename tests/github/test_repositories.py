"""Roles and labels."""

import pytest

from bot.core.model import Role
from bot.errors import TransientError
from tests.github.server import REPOSITORY, Bench, Reply, Seen

PERMISSION = "GET /repos/octo/app/collaborators/ada/permission"


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


async def test_labels_whose_items_are_hidden_are_labels(desk: Bench):
    label = {"name": "bug", "issues": None, "pullRequests": {"totalCount": 1}}
    end = {"endCursor": "c1", "hasNextPage": False}
    path = ["repository", "labels", "nodes", 0, "issues"]
    error = {"type": "FORBIDDEN", "path": path, "message": "no"}
    data = {"repository": {"labels": {"nodes": [label], "pageInfo": end}}}
    desk.github.on("POST /graphql", Reply({"data": data, "errors": [error]}))
    assert await desk.reader.labels(REPOSITORY) == {"bug": 1}
