"""What ``bot.app`` opens, and past deliveries."""

import json
from datetime import timedelta
from typing import Any

import pytest
import structlog

from bot.core.model import InstallationId
from bot.errors import Refused
from bot.github.adapter import GitHubAdapter, GitHubSettings
from bot.github.deliveries import GitHubDeliveries
from bot.github.line import APP
from bot.ports.github import EffectAdapter, GitHub, HookDeliveries, Tokens
from bot.ports.store import Held
from tests.fakes import START
from tests.github.server import (
    INSTALLATION,
    Bench,
    HurriedClock,
    Reply,
    ScriptedGitHub,
    Seen,
    private_key,
)


def open_adapter(api_url: str, **more: Any):
    settings = GitHubSettings("123", more.pop("private_key", private_key()), api_url)
    return GitHubAdapter.open(settings, HurriedClock(), lambda: 0.5)


async def test_the_adapter_knows_the_app_and_fills_the_ports(aiohttp_server):
    github = ScriptedGitHub(HurriedClock())
    github.on("GET /app", Reply({"id": 99, "slug": "batch-bot"}))
    server = await aiohttp_server(github.application)
    async with open_adapter(str(server.make_url(""))) as adapter:
        assert adapter.login == "batch-bot[bot]"
        reads: GitHub = adapter.github
        writes: EffectAdapter = adapter.effects
        tokens: Tokens = adapter.tokens
        deliveries: HookDeliveries = adapter.deliveries
        assert all((reads, writes, tokens, deliveries))
    assert github.seen[0].headers["authorization"].startswith("Bearer ey")


async def test_a_key_that_github_does_not_take_is_refused_with_advice(aiohttp_server):
    github = ScriptedGitHub(HurriedClock())
    github.on("GET /app", Reply({"message": "A JSON web token could not be"}, 401))
    server = await aiohttp_server(github.application)
    refused = pytest.raises(Refused, match="JSON web token")
    with structlog.testing.capture_logs() as logs, refused as caught:
        async with open_adapter(str(server.make_url(""))):
            raise AssertionError
    assert "APP_ID" in caught.value.advice
    # Nobody waits in silence until that is certain.
    assert [line["event"] for line in logs] == ["GitHub refuses the key"] * 3
    assert "JSON web token" in logs[0]["error"]


async def test_a_key_that_is_refused_for_a_moment_at_the_start_is_shown_again(
    aiohttp_server,
):
    github = ScriptedGitHub(HurriedClock())
    refused = [Reply({"message": "A JSON web token could not be"}, 401)] * 5
    github.on("GET /app", *refused, Reply({"id": 99, "slug": "batch-bot"}))
    server = await aiohttp_server(github.application)
    async with open_adapter(str(server.make_url(""))) as adapter:
        assert adapter.login == "batch-bot[bot]"


async def test_the_start_waits_for_a_github_that_is_away(aiohttp_server):
    github = ScriptedGitHub(HurriedClock())
    away = [Reply({}, 502)] * 9  # each question is asked three times
    github.on("GET /app", *away, Reply({"id": 99, "slug": "batch-bot"}))
    server = await aiohttp_server(github.application)
    with structlog.testing.capture_logs() as logs:
        async with open_adapter(str(server.make_url(""))) as adapter:
            assert adapter.login == "batch-bot[bot]"
    waits = [line for line in logs if line["event"] == "the start waits for GitHub"]
    assert [line["log_level"] for line in waits] == ["warning"] * 3
    assert waits[0]["error"] == "GitHub failed: 502 Bad Gateway"


async def test_a_start_waits_until_github_may_be_asked(aiohttp_server):
    github = ScriptedGitHub(HurriedClock())
    github.on("GET /app", Reply({"id": 99, "slug": "batch-bot"}))
    server = await aiohttp_server(github.application)
    clock = HurriedClock()
    settings = GitHubSettings("123", private_key(), str(server.make_url("")))
    holds = {APP: Held(START + timedelta(minutes=10), 2)}
    ends: list[tuple[InstallationId, Held | None]] = []
    async with GitHubAdapter.open(
        settings,
        clock,
        lambda: 0.5,
        holds=holds,
        keep=lambda key, held: ends.append((key, held)),
    ):
        assert 600 <= clock.monotonic() < 660
        assert len(github.seen) == 1
        assert ends == [(APP, None)]


async def test_what_is_left_is_learned_without_a_batch_to_pay_for_it(desk: Bench):
    reset = int(START.timestamp()) + 1800
    core = {"limit": 5000, "remaining": 700, "used": 4300, "reset": reset}
    graphql = {"limit": 5000, "remaining": 500, "used": 4500, "reset": reset}
    desk.github.on(
        "GET /rate_limit", Reply({"resources": {"core": core, "graphql": graphql}})
    )
    assert not desk.reader.budget(INSTALLATION).is_known
    await desk.reader.learn_budget(INSTALLATION)
    budget = desk.reader.budget(INSTALLATION)
    assert (budget.limit, budget.remaining) == (5000, 700)
    assert budget.held_until == START + timedelta(seconds=1800)  # GraphQL is used up
    assert desk.reader.requests_fit(INSTALLATION) == 0


async def test_a_server_without_limits_has_room_for_everything(desk: Bench):
    message = {"message": "Rate limiting is not enabled."}
    desk.github.on("GET /rate_limit", Reply(message, 404))
    await desk.reader.learn_budget(INSTALLATION)
    assert desk.reader.requests_fit(INSTALLATION) > 1e5


def test_the_settings_do_not_show_the_key():
    assert "secret" not in repr(GitHubSettings("123", "secret"))


# --- deliveries ---


def entry(number: int, *, hours_ago: float, status_code: int = 202) -> dict[str, Any]:
    at = START - timedelta(hours=hours_ago)
    return {
        "id": number,
        "guid": f"guid-{number}",
        "event": "issue_comment",
        "action": "created",
        "delivered_at": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "status_code": status_code,
    }


async def test_deliveries_are_listed_back_to_an_instant(desk: Bench):
    first = [entry(5, hours_ago=0), entry(4, hours_ago=1, status_code=502)]
    second = [entry(3, hours_ago=2), entry(2, hours_ago=5)]
    route = "/app/hook/deliveries"
    link = f'<{desk.api_url}{route}?cursor=c1>; rel="next"'
    last = f'<{desk.api_url}{route}?cursor=c2>; rel="next"'

    def answer(seen: Seen) -> Reply:
        if seen.query.get("cursor") == "c1":
            return Reply(second, headers={"link": last})
        return Reply(first, headers={"link": link})

    desk.github.on(f"GET {route}", answer)
    found = await GitHubDeliveries(desk.client.app).since(START - timedelta(hours=3))
    assert [one.id for one in found] == [3, 4, 5]
    assert [one.is_accepted for one in found] == [True, False, True]
    assert len(desk.github.calls) == 2


async def test_a_delivery_is_read_with_its_payload(desk: Bench):
    route = "/app/hook/deliveries"
    desk.github.on(f"GET {route}", Reply([entry(5, hours_ago=0)]))
    payload = {"action": "created", "comment": {"body": "/batch 12 → é"}}
    request = {"headers": {}, "payload": payload}
    desk.github.on(f"GET {route}/5", Reply({"request": request}))
    deliveries = GitHubDeliveries(desk.client.app)
    (listed,) = await deliveries.since(START - timedelta(hours=3))
    delivery = await deliveries.get(listed)
    assert (delivery.guid, delivery.event) == ("guid-5", "issue_comment")
    assert json.loads(delivery.body) == payload
