"""Codes for tokens: the bot's side, a machine's, and what is between them."""

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.core.model import AttemptId, Repository
from bot.core.say.problems.github import NotInstalled
from bot.core.say.problems.server import CodeSpent, DiskFull, Spent
from bot.core.world.redaction import Secrets
from bot.errors import AppUnavailable, BotError, PermanentError, TransientError
from bot.logs import configure_logging
from bot.web.routes import make_runner
from bot.web.tokens import make_tokens_app
from bot.workers.codes import GOOD_SECONDS, MOST_CODES, PATH, CodeRefused, Codes
from bot.workers.encryption import called, served
from bot.workers.redeeming import Redeeming
from tests.core.actions.jobs import REPOSITORY
from tests.fakes import FakeClock
from tests.flow.pooling import certify
from tests.github.server import Bench, Reply, Seen, bench

ATTEMPT = AttemptId("b7k2-12-1")
TOKEN = "a-token-that-looks-like-none"  # noqa: S105 - opens nothing


class Tokens:
    """Gives tokens by the names of repositories, or does not."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.fault: BotError | None = None

    async def token(self, repository: Repository, *, to_push: bool = False) -> str:
        self.asked.append((repository.name, to_push))
        if self.fault:
            raise self.fault
        return TOKEN

    def drop(self, text: str) -> None: ...

    def is_fresh(self, text: str) -> bool:
        return False


class Stage:
    """A bot that gives tokens, and the files of its pool."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.tokens = Tokens()
        self.clock = clock
        self.codes = Codes(self.tokens, clock)
        self.files = certify(folder / "tls")
        self.address = ""
        self.secrets = Secrets()

    def redeeming(self, files: dict[str, str] | None = None) -> Redeeming:
        context = called(**(files or self.files))
        return Redeeming(self.address, context=context, secrets=self.secrets)

    async def post(self, body: bytes) -> tuple[int, str]:
        """Show a body as it is."""
        url = f"https://{self.address}{PATH}"
        context = called(**self.files)
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, ssl=context) as answer,
        ):
            return answer.status, await answer.text()


@asynccontextmanager
async def listening(app: web.Application, files: dict[str, str]) -> AsyncIterator[str]:
    """Serve by TLS as the bot does; yield the address."""
    runner = make_runner(app, shutdown_seconds=0.1)
    await runner.setup()
    try:
        context = served(**files)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def on(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path, clock)
    app = make_tokens_app(stage.codes.redeem)
    async with listening(app, stage.files) as stage.address:
        yield stage


@pytest.fixture
def logged() -> io.StringIO:
    """All that is logged, nothing hidden: what is not there was not said."""
    stream = io.StringIO()
    configure_logging(level="debug", style="json", stream=stream)
    return stream


def warnings(logged: io.StringIO) -> list[dict[str, str]]:
    lines = map(json.loads, logged.getvalue().splitlines())
    return [line for line in lines if line["level"] == "warning"]


async def test_a_machine_gets_the_token_for_a_code_and_hides_both(
    on: Stage, logged: io.StringIO
):
    code = on.codes.issue(REPOSITORY, ATTEMPT)
    assert await on.redeeming()(code) == TOKEN
    assert on.tokens.asked == [(REPOSITORY.name, False)]
    assert on.secrets.hide(f"{TOKEN} {code}") == "[redacted] [redacted]"
    said = logged.getvalue()
    assert ATTEMPT in said
    assert code not in said
    assert TOKEN not in said


async def test_a_code_is_good_once_and_a_second_time_is_told_apart(
    on: Stage, logged: io.StringIO
):
    code = on.codes.issue(REPOSITORY, ATTEMPT)
    redeem = on.redeeming()
    both = await asyncio.gather(redeem(code), redeem(code), return_exceptions=True)
    assert TOKEN in both
    (error,) = [one for one in both if isinstance(one, BaseException)]
    assert isinstance(error, PermanentError)
    assert "the code is good for no token: it was used before" in str(error)
    (line,) = warnings(logged)
    assert (line["attempt"], line["why"]) == (ATTEMPT, "it was used before")
    assert "somebody else may have read it" in line["advice"]
    assert code not in logged.getvalue() + str(error)


async def test_a_code_gets_too_old(on: Stage, logged: io.StringIO):
    code = on.codes.issue(REPOSITORY, ATTEMPT)
    await on.clock.advance(GOOD_SECONDS)
    with pytest.raises(PermanentError, match="it is too old"):
        await on.redeeming()(code)
    assert [line["attempt"] for line in warnings(logged)] == [ATTEMPT]
    assert on.tokens.asked == []


async def test_a_code_is_good_to_its_last_second(on: Stage):
    code = on.codes.issue(REPOSITORY, ATTEMPT)
    await on.clock.advance(GOOD_SECONDS - 1)
    assert await on.redeeming()(code) == TOKEN


@pytest.mark.parametrize("code", ["", "guessed", "é", "a" * 500])
async def test_a_code_that_was_never_given_is_refused(
    on: Stage, code: str, logged: io.StringIO
):
    told = await on.post(json.dumps({"code": code}).encode())
    assert told == (403, str(CodeSpent(Spent.UNKNOWN)))
    assert "guessed" not in logged.getvalue()


async def test_the_oldest_of_very_many_codes_are_forgotten(clock: FakeClock):
    codes = Codes(Tokens(), clock)
    first, second, *_ = [
        codes.issue(REPOSITORY, ATTEMPT) for _ in range(MOST_CODES + 1)
    ]
    with pytest.raises(CodeRefused, match="not known"):
        await codes.redeem(first)
    assert await codes.redeem(second) == TOKEN


async def test_a_code_is_kept_as_its_digest_alone(clock: FakeClock):
    codes = Codes(Tokens(), clock)
    code = codes.issue(REPOSITORY, ATTEMPT)
    assert code not in str(vars(codes))
    assert len(code) >= 43  # 256 bits


@pytest.mark.parametrize(
    "fault",
    [TransientError(DiskFull()), AppUnavailable(NotInstalled(), why="removed")],
)
async def test_where_github_gives_no_token_the_bot_says_so(
    on: Stage, fault: BotError, logged: io.StringIO
):
    on.tokens.fault = fault
    code = on.codes.issue(REPOSITORY, ATTEMPT)
    with pytest.raises(TransientError) as caught:
        await on.redeeming()(code)
    assert str(caught.value) == f"the bot gave no token: {fault}"
    assert [line["error"] for line in warnings(logged)] == [str(fault)]
    on.tokens.fault = None
    with pytest.raises(PermanentError, match="used before"):
        await on.redeeming()(code)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"code": 7}',
        b'{"code": null}',
        b"\xff\x00",
        b"code=secret",
    ],
)
async def test_what_is_no_code_is_not_looked_at(
    on: Stage, body: bytes, logged: io.StringIO
):
    assert await on.post(body) == (400, 'The body has to be {"code": "…"}.')
    assert "secret" not in logged.getvalue()


async def test_a_huge_body_is_not_read(on: Stage):
    status, _ = await on.post(json.dumps({"code": "a" * 2000}).encode())
    assert status == 413
    status, _ = await on.post(b" " * 900_000)
    assert status == 413


async def test_there_is_one_route(on: Stage):
    url = f"https://{on.address}"
    async with aiohttp.ClientSession() as session:
        for path, status in (("/", 404), (PATH, 405), ("/metrics", 404)):
            async with session.get(url + path, ssl=called(**on.files)) as answer:
                assert answer.status == status


def bare(ca: str) -> ssl.SSLContext:
    """Return what one calls with who has no certificate."""
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = False
    return context


async def test_who_has_no_certificate_of_the_authority_gets_nothing(
    on: Stage, tmp_path: Path
):
    other = certify(tmp_path / "stranger")
    code = on.codes.issue(REPOSITORY, ATTEMPT)
    strangers = {**other, "ca": on.files["ca"]}
    for context in (bare(on.files["ca"]), called(**strangers)):
        redeem = Redeeming(on.address, context=context, secrets=Secrets())
        with pytest.raises(TransientError, match="the bot gave no token"):
            await redeem(code)
    assert on.tokens.asked == []
    assert await on.redeeming()(code) == TOKEN  # it was not spent


async def test_a_machine_shows_its_code_to_no_stranger(on: Stage, tmp_path: Path):
    seen: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        seen.append(await request.read())
        return web.json_response({"token": "theirs"})

    app = web.Application()
    app.router.add_post(PATH, take)
    async with listening(app, certify(tmp_path / "stranger")) as on.address:
        with pytest.raises(TransientError, match="certificate"):
            await on.redeeming()("a code")
    assert seen == []


async def test_tls_before_1_2_is_not_spoken(on: Stage):
    context = called(**on.files)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    redeem = Redeeming(on.address, context=context, secrets=Secrets())
    assert await redeem(on.codes.issue(REPOSITORY, ATTEMPT)) == TOKEN
    assert served(**on.files).minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_bot_that_is_away_is_one_of_another_time(on: Stage):
    on.address = "127.0.0.1:1"
    with pytest.raises(TransientError, match="no token: Connect call failed") as caught:
        await on.redeeming()("a code")
    assert "object at" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (partial(web.Response, text="{}"), "cannot be read"),
        (partial(web.Response, text='{"token": 1}'), "cannot be read"),
        (partial(web.Response, text="<html>"), "cannot be read"),
        (partial(web.Response, status=502, text="x" * 5000), "x…"),
        (
            partial(
                web.Response, status=302, headers={"Location": "https://x.invalid"}
            ),
            "gave no token",
        ),
    ],
)
async def test_an_answer_that_is_none_is_said_to_be(
    on: Stage, answer: Callable[[], web.Response], told: str
):
    async def give(request: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_post(PATH, give)
    async with listening(app, on.files) as on.address:
        with pytest.raises(TransientError, match=told) as caught:
            await on.redeeming()("a code")
    assert len(str(caught.value)) < 400


async def test_a_bot_that_does_not_answer_is_not_waited_for(
    on: Stage, monkeypatch: pytest.MonkeyPatch
):
    asked, over = asyncio.Event(), asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        asked.set()
        await over.wait()
        return web.Response()

    monkeypatch.setattr("bot.workers.redeeming.SECONDS", 0.2)
    app = web.Application()
    app.router.add_post(PATH, wait)
    async with listening(app, on.files) as on.address:
        with pytest.raises(TransientError, match="does not answer in time"):
            await on.redeeming()("a code")
        over.set()


async def test_the_token_is_asked_for_to_read_one_repository(
    clock: FakeClock, aiohttp_server: Callable[..., Awaitable[object]]
):
    def answer(seen: Seen) -> Reply:
        token = json.dumps(seen.data)
        return Reply({"token": token, "expires_at": "2026-03-03T16:00:00Z"}, 201)

    async with bench(aiohttp_server) as desk:
        await _assert_one_repository(desk, answer, clock)


async def _assert_one_repository(
    desk: Bench, answer: Callable[[Seen], Reply], clock: FakeClock
) -> None:
    installation = REPOSITORY.installation_id
    desk.github.on(f"POST /app/installations/{installation}/access_tokens", answer)
    codes = Codes(desk.client.tokens, clock)
    token = await codes.redeem(codes.issue(REPOSITORY, ATTEMPT))
    assert json.loads(token) == {
        "repository_ids": [REPOSITORY.id],
        "permissions": {"contents": "read"},
    }
