"""The app's key and JWT, and the tokens of installations."""

import asyncio
import json
from datetime import timedelta

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bot.core.model import InstallationId, Repository
from bot.github.auth import AppCredentials, InstallationTokens
from bot.github.line import awaited, is_awaited
from bot.github.time import GitHubTime
from tests.fakes import FakeClock, settle
from tests.github.server import (
    INSTALLATION,
    REPOSITORY,
    Bench,
    HurriedClock,
    Reply,
    Seen,
    private_key,
)

TOKENS = "POST /app/installations/7/access_tokens"


async def test_the_jwt_is_one_that_github_takes():
    clock = HurriedClock()
    pem = private_key()
    credentials = AppCredentials("123", pem, GitHubTime(clock))
    header = await credentials.header()
    claims = jwt.decode(
        header.removeprefix("Bearer "),
        load_pem_private_key(pem.encode(), password=None).public_key(),  # type: ignore[arg-type]  # RSA
        algorithms=["RS256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    now = clock.now().timestamp()
    assert claims["iss"] == "123"
    assert claims["iat"] == now - 60
    assert now < claims["exp"] <= now + 600
    await clock.sleep(400)
    assert await credentials.header() == header
    await clock.sleep(100)
    assert await credentials.header() != header


async def test_a_token_is_asked_for_once_however_many_want_it(desk: Bench):
    tokens = desk.client.tokens
    wanted = [tokens.for_installation(INSTALLATION) for _ in range(50)]
    assert set(await asyncio.gather(*wanted)) == {"t1"}
    assert len(desk.github.seen) == 1


async def test_a_token_is_renewed_before_it_expires(desk: Bench):
    first = Reply({"token": "t1", "expires_at": "2026-03-03T16:00:00Z"}, 201)
    second = Reply({"token": "t2", "expires_at": "2026-03-03T17:00:00Z"}, 201)
    desk.github.on(TOKENS, first, second)
    tokens = desk.client.tokens
    await tokens.for_installation(INSTALLATION)
    await desk.clock.sleep(54 * 60)
    assert await tokens.for_installation(INSTALLATION) == "t1"
    await desk.clock.sleep(2 * 60)
    assert await tokens.for_installation(INSTALLATION) == "t2"


async def test_the_token_for_git_reaches_one_repository_alone(desk: Bench):
    def answer(seen: Seen) -> Reply:
        token = json.dumps(seen.data)
        return Reply({"token": token, "expires_at": "2026-03-03T16:00:00Z"}, 201)

    desk.github.on(TOKENS, answer)
    tokens = desk.client.tokens
    for _ in range(2):
        reading = {"repository_ids": [1], "permissions": {"contents": "read"}}
        assert json.loads(await tokens.token(REPOSITORY)) == reading
        pushing = await tokens.token(REPOSITORY, to_push=True)
        assert json.loads(pushing) == {"repository_ids": [1]}
        assert await tokens.for_installation(INSTALLATION) == "{}"
    assert len(desk.github.seen) == 3


async def test_a_renewed_token_survives_a_late_refusal_of_the_old_one(desk: Bench):
    tokens = desk.client.tokens
    await tokens.for_installation(INSTALLATION)
    tokens.drop("t0")
    await tokens.for_installation(INSTALLATION)
    assert len(desk.github.seen) == 1
    tokens.drop("t1")  # it is not known everywhere yet
    await tokens.for_installation(INSTALLATION)
    assert len(desk.github.seen) == 1
    await desk.clock.sleep(60)
    tokens.drop("t1")
    await tokens.for_installation(INSTALLATION)
    assert len(desk.github.seen) == 2


async def test_asking_for_a_token_is_charged_to_no_meter(desk: Bench):
    with desk.reader.metered("b7k2"):
        await desk.client.tokens.for_installation(INSTALLATION)
    assert desk.reader.spent("b7k2") == 0


async def test_access_that_was_shown_a_while_ago_is_asked_for_again_only_if_that_counts():
    clock = FakeClock()
    asked: list[object] = []

    async def exchange(path: str, data: object) -> object:
        asked.append(data)
        end = clock.now() + timedelta(hours=1)
        return {"token": f"ghs_{len(asked)}", "expires_at": end.isoformat()}

    tokens = InstallationTokens(exchange, clock, lambda _: None)
    widgets = Repository(1, "acme/widgets", InstallationId(7))
    await tokens.check_access(widgets, within=timedelta(minutes=5))
    await clock.advance(299)
    await tokens.check_access(widgets, within=timedelta(minutes=5))
    assert len(asked) == 1
    await clock.advance(2)
    await tokens.check_access(widgets, within=timedelta(minutes=5))
    assert len(asked) == 2
    await tokens.check_access(widgets)
    assert len(asked) == 3


async def test_a_token_that_a_person_waits_for_does_not_wait_for_one_in_line():
    clock = FakeClock()
    standing = asyncio.Event()
    asked = 0

    async def exchange(path: str, data: object) -> object:
        nonlocal asked
        asked += 1
        number = asked
        if not is_awaited():
            await standing.wait()
        end = clock.now() + timedelta(hours=1)
        return {"token": f"ghs_{number}", "expires_at": end.isoformat()}

    tokens = InstallationTokens(exchange, clock, lambda _: None)
    waiting = asyncio.create_task(tokens.for_installation(InstallationId(7)))
    await settle()
    with awaited():
        assert await tokens.for_installation(InstallationId(7)) == "ghs_2"
    assert not waiting.done()
    assert await tokens.for_installation(InstallationId(7)) == "ghs_2"
    standing.set()
    assert await waiting == "ghs_1"
