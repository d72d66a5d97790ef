"""Who is let in by the operator's token."""

import pytest
from aiohttp.test_utils import make_mocked_request

from bot.core.model import InstallationId, Repository
from bot.web.access import OperatorAccess

REPOSITORY = Repository(1, "acme/widgets", InstallationId(7))


@pytest.mark.parametrize(
    ("token", "given", "is_let_in"),
    [
        ("secret", "Bearer secret", True),
        ("secret", "Bearer Secret", False),
        ("secret", "bearer secret", False),
        ("secret", "Bearer é", False),
        ("secret", "", False),
        ("", "Bearer ", False),
        ("", "", False),
    ],
)
async def test_the_token_and_nothing_else_lets_in(
    token: str, given: str, is_let_in: bool
):
    access = OperatorAccess(token)
    request = make_mocked_request("GET", "/", headers={"Authorization": given})
    viewer = await access.viewer(request)
    assert viewer.is_operator is is_let_in
    assert await access.may_see(viewer, REPOSITORY, None) is is_let_in
    assert token not in repr(access) or not token


def test_a_stranger_is_told_what_is_missing():
    answer = OperatorAccess("secret").sign_in(make_mocked_request("GET", "/"))
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
