"""Who gets in: the app's JWT, installation tokens, permissions."""

from datetime import timedelta

import pytest

from bot.localhub.hub import LocalHub
from tests.fakes import FakeClock
from tests.localhub.client import NAME, REPO, client


async def test_without_good_credentials_there_is_no_answer(hub: LocalHub):
    async with client(hub) as github:
        for headers in ({"Authorization": ""}, {"Authorization": "Basic eDp5"}):
            assert (await github.get(REPO, headers=headers)).status == 401
        bad = await github.get(REPO, token=github.token[::-1])
        assert (bad.status, bad.body["message"]) == (401, "Bad credentials")
        old = await github.get(REPO, headers={"Authorization": f"token {github.token}"})
        assert old.status == 200


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 200),
        ({"iss": "Iv23li00000000004242"}, 200),
        ({"iss": "1"}, 401),
        ({"exp_in": -1}, 401),
        ({"exp_in": 3600}, 401),
        ({"iat_in": 3600, "exp_in": 600}, 401),
    ],
)
async def test_a_jwt_is_the_apps_own_and_short(
    hub: LocalHub, claims: dict[str, object], status: int
):
    async with client(hub) as github:
        now = int(hub.now().timestamp())
        given = {
            key.removesuffix("_in"): now + value if isinstance(value, int) else value
            for key, value in claims.items()
        }
        answer = await github.get("/app", token=github.jwt(**given))
    assert answer.status == status


async def test_a_jwt_of_another_key_is_refused(hub: LocalHub):
    async with client(hub) as github:
        head, claims, mark = github.jwt().split(".")
        forged = ".".join([head, claims, mark[::-1]])
        assert (await github.get("/app", token=forged)).status == 401


async def test_the_app_and_its_installation_cannot_stand_in_for_each_other(
    hub: LocalHub,
):
    async with client(hub) as github:
        assert (await github.get("/app")).status == 401
        assert (await github.get(REPO, token=github.jwt())).status == 401


async def test_a_token_ends_after_an_hour(hub: LocalHub, hub_clock: FakeClock):
    async with client(hub) as github:
        made = await github.app(
            "POST", f"/app/installations/{github.installation.id}/access_tokens"
        )
        token = made.body["token"]
        expected = hub.now() + timedelta(hours=1)
        assert made.body["expires_at"] == expected.strftime("%Y-%m-%dT%H:%M:%SZ")
        await hub_clock.advance(3599)
        assert (await github.get(REPO, token=token)).status == 200
        await hub_clock.advance(1)
        assert (await github.get(REPO, token=token)).status == 401


async def test_a_suspended_installation_gets_403_and_a_removed_one_nothing(
    hub: LocalHub,
):
    async with client(hub) as github:
        installation = github.installation
        tokens = f"/app/installations/{installation.id}/access_tokens"
        hub.suspend_installation(installation)
        assert (await github.app("POST", tokens)).status == 403
        assert (await github.get(REPO)).status == 403
        hub.unsuspend_installation(installation)
        assert (await github.get(REPO)).status == 200
        hub.uninstall(installation)
        assert (await github.app("POST", tokens)).status == 404
        assert (await github.get(REPO)).status == 401


async def test_a_token_sees_the_repositories_it_was_made_for(hub: LocalHub):
    for name in ("acme/open", "acme/shut"):
        is_private = name == "acme/shut"
        hub.create_repository(name, files={"a": "b"}, is_private=is_private)
    async with client(hub) as github:
        made = await github.app(
            "POST",
            f"/app/installations/{github.installation.id}/access_tokens",
            {"repositories": ["widgets"]},
        )
        assert made.body["repository_selection"] == "selected"
        token, new = made.body["token"], {"title": "x"}
        assert (await github.get("/repos/acme/shut", token=token)).status == 404
        assert (await github.get("/repos/acme/open", token=token)).status == 200
        refused = await github.send("POST", "/repos/acme/open/issues", new, token=token)
        assert refused.status == 403
        listed = await github.get("/installation/repositories", token=token)
        assert [r["full_name"] for r in listed.body["repositories"]] == [NAME]
        assert (await github.get("/repos/acme/shut")).status == 200


async def test_a_token_does_what_its_permissions_allow(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    async with client(hub) as github:
        made = await github.app(
            "POST",
            f"/app/installations/{github.installation.id}/access_tokens",
            {"permissions": {"issues": "read"}},
        )
        assert made.body["permissions"] == {"metadata": "read", "issues": "read"}
        token = made.body["token"]
        comments = f"{REPO}/issues/1/comments"
        assert (await github.get(comments, token=token)).status == 200
        refused = await github.send("POST", comments, {"body": "x"}, token=token)
        assert refused.status == 403
        assert refused.body["message"] == "Resource not accessible by integration"
        needed = refused.headers["x-accepted-github-permissions"]
        assert needed == "issues=write or pull_requests=write"
        assert (await github.get(f"{REPO}/pulls", token=token)).status == 403
