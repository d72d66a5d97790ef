"""The limits of requests, and what breaks on demand."""

import asyncio

import aiohttp
import pytest

from bot.localhub.faults import Fault, FaultKind
from bot.localhub.hub import LocalHub
from tests.fakes import FakeClock, settle
from tests.localhub.client import NAME, REPO, Client, client

PREFIX = "x-ratelimit-"


async def test_every_answer_says_what_is_left(hub: LocalHub):
    async with client(hub) as github:
        answer = await github.get(REPO)
        missing = await github.get("/repos/acme/nothing")
    found = {
        k.lower(): v for k, v in answer.headers.items() if k.lower().startswith(PREFIX)
    }
    reset = int(hub.now().timestamp()) + 3600
    assert found == {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": "4999",
        "x-ratelimit-used": "1",
        "x-ratelimit-reset": str(reset),
        "x-ratelimit-resource": "core",
    }
    assert missing.headers["x-ratelimit-remaining"] == "4998"


async def test_a_used_up_hour_ends_with_the_reset(hub: LocalHub, hub_clock: FakeClock):
    async with client(hub) as github:
        id_ = github.installation.id
        hub.limits.set_limit(id_, limit=100, remaining=1)
        assert (await github.get(REPO)).status == 200
        refused = await github.get(REPO)
        assert refused.status == 403
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert refused.headers["x-ratelimit-limit"] == "100"
        assert "API rate limit exceeded" in refused.body["message"]
        free = (await github.get("/rate_limit")).body["resources"]["core"]
        assert (free["limit"], free["remaining"]) == (100, 0)
        assert (await github.get("/search/issues?q=x")).status == 200
        assert (await github.app("GET", "/app")).status == 200
        await hub_clock.advance(3600)
        github.token = hub.new_token(github.installation).value
        assert (await github.get(REPO)).headers["x-ratelimit-remaining"] == "99"


async def test_installations_do_not_share_a_limit(hub: LocalHub):
    hub.create_repository("other/thing", files={"a": "b"})
    other = hub.new_token(hub.install("other")).value
    async with client(hub) as github:
        hub.limits.set_limit(github.installation.id, remaining=0)
        assert (await github.get(REPO)).status == 403
        assert (await github.get("/repos/other/thing", token=other)).status == 200


async def test_graphql_has_points_of_its_own_and_answers_200(hub: LocalHub):
    query = "{rateLimit{remaining used cost limit}}"
    async with client(hub) as github:
        id_ = github.installation.id
        hub.limits.set_limit(id_, remaining=1, resource="graphql")
        first = await github.graphql(query)
        assert first["data"]["rateLimit"]["remaining"] == 0
        refused = await github.send("POST", "/graphql", {"query": query})
        assert refused.status == 200
        assert refused.body["errors"][0]["type"] == "RATE_LIMITED"
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert (await github.get(REPO)).status == 200


async def comment(github: Client, text: str = "x") -> str:
    answer = await github.send("POST", f"{REPO}/issues/1/comments", {"body": text})
    return f"{answer.status} {answer.headers.get('retry-after', '')}".strip()


async def test_content_is_limited_by_the_minute_and_the_hour(
    hub: LocalHub, hub_clock: FakeClock
):
    hub.open_issue("wade", NAME, "One")
    hub.limits.secondary.content_a_minute = 2
    hub.limits.secondary.content_an_hour = 3
    hub.limits.secondary.status = 429
    async with client(hub) as github:
        assert [await comment(github) for _ in range(3)] == ["201", "201", "429 60"]
        assert (await github.get(REPO)).status == 200
        await hub_clock.advance(60)
        assert [await comment(github) for _ in range(2)] == ["201", "429 60"]
        await hub_clock.advance(3540)
        github.token = hub.new_token(github.installation).value
        assert await comment(github) == "201"
    assert len(hub.thread(NAME, 1).comments) == 4


async def test_points_of_a_minute_count_writes_five_times(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.limits.secondary.points_a_minute = 7
    async with client(hub) as github:
        assert await comment(github) == "201"
        statuses = [(await github.get(REPO)).status for _ in range(3)]
    assert statuses == [200, 200, 403]


async def test_too_many_requests_at_a_time_are_refused(
    hub: LocalHub, hub_clock: FakeClock
):
    hub.limits.secondary.concurrent = 1
    hub.faults.add(Fault(FaultKind.DELAY, delay_seconds=5))
    async with client(hub) as github:
        slow = asyncio.create_task(github.get(REPO))
        await hub_clock.run_until(lambda: hub_clock.sleepers == 1)
        assert (await github.get(REPO)).status == 403
        await hub_clock.advance(5)
        assert (await slow).status == 200
        assert (await github.get(REPO)).status == 200


async def test_an_error_comes_as_often_as_was_asked_and_only_where(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    fault = Fault(status=503, method="POST", path=r"/issues/\d+/comments$", times=2)
    hub.faults.add(fault)
    async with client(hub) as github:
        assert (await github.get(f"{REPO}/issues/1/comments")).status == 200
        assert [await comment(github) for _ in range(3)] == ["503", "503", "201"]
    assert len(hub.thread(NAME, 1).comments) == 1
    assert hub.faults.active() == []


async def test_an_outage_ends_by_itself(hub: LocalHub, hub_clock: FakeClock):
    hub.faults.add(Fault(times=None, seconds=30))
    async with client(hub) as github:
        assert [(await github.get(REPO)).status for _ in range(2)] == [502, 502]
        await hub_clock.advance(30)
        assert (await github.get(REPO)).status == 200
        hub.faults.add(Fault(FaultKind.SECONDARY_LIMIT, times=None))
        refused = await github.get(REPO)
        assert (refused.status, refused.headers["retry-after"]) == (403, "60")
        hub.faults.clear()
        assert (await github.get(REPO)).status == 200


async def test_a_lost_answer_leaves_the_work_done(hub: LocalHub):
    hub.open_issue("wade", NAME, "One")
    hub.faults.add(Fault(FaultKind.LOST_ANSWER, method="POST"))
    async with client(hub) as github:
        with pytest.raises(aiohttp.ClientError):
            await comment(github, "sent")
        await settle()
        assert (await github.get(REPO)).status == 200
    assert [c.body for c in hub.thread(NAME, 1).comments] == ["sent"]
    assert hub.log.count("POST", status=0) == 1
