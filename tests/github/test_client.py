"""The one door: what is repeated, what is not, and what errors become."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import aiohttp
import jwt
import pytest

from bot.errors import (
    AppUnavailable,
    NotFound,
    RateLimited,
    Refused,
    TransientError,
    Unauthorized,
    Uncertain,
)
from bot.github import client as client_module
from bot.github.client import ResponseCache
from bot.github.graphql import graphql_url
from tests.github.server import CUT, INSTALLATION, Bench, Reply, Seen, bench, limits

ISSUE = "GET /repos/octo/app/issues/12"
PATH = "/repos/octo/app/issues/12"
COMMENTS = "POST /repos/octo/app/issues/12/comments"
COMMENTS_PATH = "/repos/octo/app/issues/12/comments"


@pytest.mark.parametrize(
    ("api_url", "expected"),
    [
        ("https://api.github.com", "https://api.github.com/graphql"),
        ("https://ghe.example/api/v3/", "https://ghe.example/api/graphql"),
        ("http://localhost:8080", "http://localhost:8080/graphql"),
        ("https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"),
    ],
)
def test_graphql_is_where_the_api_base_has_it(api_url, expected):
    assert graphql_url(api_url) == expected


async def test_a_request_names_the_version_the_bot_and_the_installation(desk: Bench):
    desk.github.on(ISSUE, Reply({"number": 12}))
    assert await desk.connection.get(PATH) == {"number": 12}
    seen = desk.github.seen[-1]
    assert seen.headers["x-github-api-version"] == "2022-11-28"
    assert seen.headers["user-agent"] == "batch-bot"
    assert seen.headers["authorization"] == "token t1"


async def test_the_api_may_be_below_a_path(aiohttp_server):
    async with bench(aiohttp_server, path="/api/v3") as desk:
        desk.github.on(
            "POST /api/v3/app/installations/7/access_tokens",
            Reply({"token": "t1", "expires_at": "2026-03-03T16:00:00Z"}),
        )
        desk.github.on("GET /api/v3" + PATH, Reply({"number": 12}))
        desk.github.on("POST /api/graphql", Reply({"data": {"viewer": 1}}))
        assert await desk.connection.get(PATH) == {"number": 12}
        assert await desk.connection.query("{viewer}", {}) == {"viewer": 1}


# --- conditional reads ---


async def test_an_unchanged_answer_is_free_and_nobody_can_change_the_kept_one(
    desk: Bench,
):
    def answer(seen: Seen) -> Reply:
        assert "if-modified-since" not in seen.headers
        if seen.headers.get("if-none-match") == '"e1"':
            return Reply(status=304)
        headers = {"etag": '"e1"', "last-modified": "Tue, 03 Mar 2026 15:00:00 GMT"}
        return Reply({"labels": ["a"]}, headers=headers)

    desk.github.on(ISSUE, answer)
    with desk.reader.metered("b7k2"):
        for _ in range(3):
            issue = await desk.connection.get(PATH)
            assert issue == {"labels": ["a"]}
            issue["labels"].append("b")
    assert len(desk.github.calls) == 3
    assert desk.reader.spent("b7k2") == 1


async def test_lists_are_read_page_by_page(desk: Bench):
    following = f'<{desk.api_url}{PATH}?page=2>; rel="next"'

    def answer(seen: Seen) -> Reply:
        if seen.query.get("page") == "2":
            return Reply([3])
        return Reply([1, 2], headers={"link": following})

    desk.github.on(ISSUE, answer)
    assert [one async for one in desk.connection.pages(PATH)] == [1, 2, 3]


async def test_a_token_never_goes_to_another_server(desk: Bench):
    following = '<http://evil.example/next>; rel="next"'
    desk.github.on(ISSUE, Reply([1], headers={"link": following}))
    with pytest.raises(Refused, match="another server"):
        [one async for one in desk.connection.pages(PATH)]


# --- repeating ---


@pytest.mark.parametrize("broken", [CUT, Reply({}, 502), Reply({}, 599)])
async def test_reads_are_repeated_with_growing_waits(desk: Bench, broken):
    desk.github.on(ISSUE, broken, broken, Reply({"number": 12}))
    assert await desk.connection.get(PATH) == {"number": 12}
    assert desk.clock.slept == [0.375, 0.75]


async def test_reads_are_given_up_after_three_tries(desk: Bench):
    desk.github.on(ISSUE, Reply({}, 503))
    with pytest.raises(TransientError, match="503"):
        await desk.connection.get(PATH)
    assert desk.github.calls == [ISSUE] * 3


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("broken", [CUT, Reply({}, 500), Reply({}, 502)])
async def test_a_write_without_an_answer_is_sent_once_and_uncertain(
    desk: Bench, method, broken
):
    desk.github.on(f"{method} {PATH}", broken)
    with pytest.raises(Uncertain):
        await desk.connection.send(method, PATH, {"a": 1})
    assert desk.github.calls == [f"{method} {PATH}"]


async def test_a_write_that_takes_too_long_is_uncertain(desk: Bench, monkeypatch):
    monkeypatch.setattr(
        client_module, "TIMEOUT", aiohttp.ClientTimeout(total=0.05, sock_connect=0.05)
    )
    release = asyncio.Event()

    async def late(_seen: Seen) -> Reply:
        await release.wait()
        return Reply({})

    desk.github.on(COMMENTS, late)
    async with client_module.open_session() as session:
        desk.client.installation(INSTALLATION)._session = session
        with pytest.raises(Uncertain):
            await desk.connection.send("POST", COMMENTS_PATH, {})
    release.set()


async def test_a_write_that_never_left_has_not_happened(
    desk: Bench, unused_tcp_port_factory
):
    await desk.client.tokens.for_installation(INSTALLATION)
    desk.connection.base_url = f"http://127.0.0.1:{unused_tcp_port_factory()}"
    with pytest.raises(TransientError) as caught:
        await desk.connection.send("POST", COMMENTS_PATH, {})
    assert not isinstance(caught.value, Uncertain)


async def test_an_answer_that_cannot_be_read_is_uncertain_for_a_write(desk: Bench):
    desk.github.on(COMMENTS, Reply(status=201, text='{"id": '))
    desk.github.on(ISSUE, Reply(text="<html>"))
    with pytest.raises(Uncertain, match="cannot be read"):
        await desk.connection.send("POST", COMMENTS_PATH, {})
    with pytest.raises(TransientError, match="cannot be read"):
        await desk.connection.get(PATH)


# --- limits ---


async def test_a_short_retry_after_is_waited_out_for_reads_and_writes(desk: Bench):
    limited = Reply({"message": "slow down"}, 403, {"retry-after": "7"})
    desk.github.on(COMMENTS, limited, Reply({"id": 1}, 201))
    assert (await desk.connection.send("POST", COMMENTS_PATH, {})).status == 201
    assert desk.clock.slept == [7]


async def test_a_long_retry_after_is_an_error_with_its_instant(desk: Bench):
    desk.github.on(ISSUE, Reply({}, 429, {"retry-after": "600"}))
    with pytest.raises(RateLimited) as caught:
        await desk.connection.get(PATH)
    assert caught.value.until == desk.clock.now() + timedelta(seconds=600)
    with pytest.raises(RateLimited):
        await desk.connection.get(PATH)
    assert desk.github.calls == [ISSUE]
    assert desk.reader.requests_fit(INSTALLATION) < 1


async def test_a_limit_that_is_only_a_message_is_seen(desk: Bench):
    message = "You have exceeded a secondary rate limit. Please wait a few minutes."
    desk.github.on(ISSUE, Reply({"message": message}, 403), Reply({}))
    await desk.connection.get(PATH)
    assert desk.clock.slept == [60]


async def test_graphql_says_with_status_200_that_too_much_was_sent(desk: Bench):
    error = {"type": "RATE_LIMIT", "message": "API rate limit already exceeded"}
    desk.github.on(
        "POST /graphql", Reply({"errors": [error]}), Reply({"data": {"a": 1}})
    )
    assert await desk.connection.query("{a}", {}) == {"a": 1}
    assert desk.clock.slept == [60]


async def test_the_words_of_others_are_no_limit(desk: Bench):
    data = {"title": '"RATE_LIMIT', "a": '{"errors": [{"type": "RATE_LIMIT"}]}'}
    desk.github.on("POST /graphql", Reply({"data": data}))
    assert await desk.connection.query("{a}", {}) == data


async def test_the_ledger_reads_the_headers_of_each_resource(desk: Bench):
    core = limits(desk.clock, remaining=4321)
    points = limits(desk.clock, remaining=100, resource="graphql")
    desk.github.on(ISSUE, Reply({}, headers=core))
    desk.github.on("POST /graphql", Reply({"data": {}}, headers=points))
    await desk.connection.get(PATH)
    assert desk.reader.requests_fit(INSTALLATION) >= 10
    await desk.connection.query("{a}", {})
    assert desk.reader.budget(INSTALLATION).remaining == 4321
    assert desk.reader.requests_fit(INSTALLATION) < 10


# --- who the bot is ---


BAD = Reply({"message": "Bad credentials"}, 401)
NOT_YET = Reply({"message": "Resource not accessible by integration"}, 403)
TOKENS = "POST /app/installations/7/access_tokens"


def asked_for(desk: Bench, route: str) -> int:
    return sum(str(seen) == route for seen in desk.github.seen)


async def test_a_refused_token_is_renewed_once(desk: Bench):
    first = Reply({"token": "t1", "expires_at": "2026-03-03T16:00:00Z"}, 201)
    second = Reply({"token": "t2", "expires_at": "2026-03-03T16:00:00Z"}, 201)
    desk.github.on(TOKENS, first, second)

    def answer(seen: Seen) -> Reply:
        is_good = seen.headers["authorization"] == "token t2"
        return Reply({"id": 1}, 201) if is_good else BAD

    desk.github.on(COMMENTS, answer)
    await desk.client.tokens.for_installation(INSTALLATION)
    await desk.clock.sleep(60)
    assert (await desk.connection.send("POST", COMMENTS_PATH, {})).data == {"id": 1}
    assert desk.github.calls == [COMMENTS] * 2


@pytest.mark.parametrize("refusal", [BAD, NOT_YET])
async def test_a_token_of_this_second_is_shown_again_before_another_is_made(
    desk: Bench, refusal: Reply
):
    desk.github.on(COMMENTS, refusal, refusal, Reply({"id": 1}, 201))
    assert (await desk.connection.send("POST", COMMENTS_PATH, {})).data == {"id": 1}
    assert desk.clock.slept == [1, 2]
    assert asked_for(desk, TOKENS) == 1


async def test_a_token_that_stays_refused_is_weather(desk: Bench):
    desk.github.on(ISSUE, BAD)
    with pytest.raises(Unauthorized):
        await desk.connection.get(PATH)
    assert desk.github.calls == [ISSUE] * 5
    assert asked_for(desk, TOKENS) == 2
    await desk.clock.sleep(60)
    desk.github.on(ISSUE, Reply({"number": 12}))
    assert await desk.connection.get(PATH) == {"number": 12}


async def test_a_permission_that_is_lacking_is_believed_of_a_token_that_is_old_enough(
    desk: Bench,
):
    await desk.client.tokens.for_installation(INSTALLATION)
    await desk.clock.sleep(60)
    desk.github.on(ISSUE, NOT_YET)
    with pytest.raises(Refused):
        await desk.connection.get(PATH)
    assert desk.github.calls == [ISSUE]


@pytest.mark.parametrize(("refusals", "is_got"), [(1, True), (2, False)])
async def test_a_key_is_shown_again_once(desk: Bench, refusals: int, is_got: bool):
    token = Reply({"token": "t1", "expires_at": "2026-03-03T16:00:00Z"}, 201)
    desk.github.on(TOKENS, *[BAD] * refusals, token)
    desk.github.on(ISSUE, Reply({"number": 12}))
    if is_got:
        assert await desk.connection.get(PATH) == {"number": 12}
    else:
        with pytest.raises(Unauthorized):
            await desk.connection.get(PATH)
    assert desk.clock.slept == [1]


@pytest.mark.parametrize(
    ("ahead", "keys"), [(-3600.0, 2), (-90.0, 2), (90.0, 1), (3600.0, 2)]
)
async def test_the_key_and_the_windows_follow_the_time_of_github(
    desk: Bench, ahead: float, keys: int
):
    desk.github.ahead_seconds = ahead

    def made(seen: Seen) -> Reply:
        text = seen.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(text, options={"verify_signature": False})
        now = desk.clock.now().timestamp() + ahead
        if not (claims["iat"] <= now < claims["exp"] <= now + 600):
            return Reply({"message": "'Expiration time' claim ('exp') …"}, 401)
        expires_at = desk.clock.now() + timedelta(seconds=ahead + 3600)
        return Reply({"token": "t1", "expires_at": expires_at.isoformat()}, 201)

    desk.github.on(TOKENS, made)
    left = limits(desk.clock, remaining=700, reset_in=3000 + ahead)
    desk.github.on(ISSUE, Reply({"number": 12}, headers=left))
    for _ in range(3):
        await desk.connection.get(PATH)
    assert asked_for(desk, TOKENS) == keys
    assert desk.reader.budget(INSTALLATION).remaining == 700
    assert desk.clock.slept == []


async def test_a_suspended_installation_is_unavailable(desk: Bench):
    suspended = Reply({"message": "This installation has been suspended"}, 403)
    desk.github.on("POST /app/installations/7/access_tokens", suspended)
    with pytest.raises(AppUnavailable, match="suspended"):
        await desk.connection.get(PATH)


async def test_an_installation_that_is_gone_is_unavailable(desk: Bench):
    desk.github.on("POST /app/installations/7/access_tokens", Reply({}, 404))
    with pytest.raises(AppUnavailable):
        await desk.connection.get(PATH)


# --- refusals ---


async def test_what_is_gone_is_not_found(desk: Bench):
    with pytest.raises(NotFound):
        await desk.connection.get(PATH)
    desk.github.on(ISSUE, Reply({"message": "This issue was deleted"}, 410))
    with pytest.raises(NotFound, match="deleted"):
        await desk.connection.get(PATH)


async def test_a_refusal_has_its_status_and_every_message_of_github(desk: Bench):
    errors = [
        {"code": "custom", "message": "No commits between main and x"},
        {"code": "invalid", "field": "base"},
    ]
    reply = Reply({"message": "Validation Failed", "errors": errors}, 422)
    desk.github.on(COMMENTS, reply)
    with pytest.raises(Refused) as caught:
        await desk.connection.send("POST", COMMENTS_PATH, {})
    assert caught.value.status == 422
    assert str(caught.value) == "No commits between main and x; base is invalid"


async def test_a_missing_permission_comes_with_advice(desk: Bench):
    message = "Resource not accessible by integration"
    desk.github.on(ISSUE, Reply({"message": message}, 403))
    with pytest.raises(Refused, match=message) as caught:
        await desk.connection.get(PATH)
    assert "permissions" in caught.value.advice


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"type": "NOT_FOUND", "message": "no such thing"}, NotFound),
        ({"type": "FORBIDDEN", "message": "not for apps"}, Refused),
        ({"message": "Something went wrong while executing"}, TransientError),
    ],
)
async def test_problems_of_graphql_become_errors(desk: Bench, error, expected):
    desk.github.on("POST /graphql", Reply({"errors": [error]}))
    with pytest.raises(expected, match=error["message"]):
        await desk.connection.query("{a}", {})


async def test_a_mutation_that_failed_inside_github_is_uncertain(desk: Bench):
    error = {"message": "Something went wrong while executing your query"}
    desk.github.on("POST /graphql", Reply({"errors": [error]}))
    with pytest.raises(Uncertain):
        await desk.connection.query("mutation { a }", {})


# --- renames ---


def renamed(desk: Bench, *, old: str, new: str) -> None:
    """Let GitHub answer for the old name of the repository 1 with its id."""
    moved = {"location": f"{desk.api_url}/repositories/1/issues/12/comments"}
    itself = {"location": f"{desk.api_url}/repositories/1"}
    message = {"message": "Moved Permanently"}
    rest = "issues/12/comments"
    desk.github.on(f"POST /repos/{old}/{rest}", Reply(message, 301, moved))
    desk.github.on(f"GET /repos/{old}", Reply(message, 301, itself))
    desk.github.on("GET /repositories/1", Reply({"id": 1, "full_name": new}))
    desk.github.on(f"POST /repos/{new}/{rest}", Reply({"id": 1}, 201))


async def test_a_renamed_repository_is_found_by_its_id_and_remembered(desk: Bench):
    renamed(desk, old="octo/app", new="octo/new")
    for _ in range(2):
        answer = await desk.connection.send("POST", COMMENTS_PATH, {"body": "x"})
        assert answer.status == 201
        assert desk.github.seen[-1].data == {"body": "x"}
    assert desk.github.calls == [
        COMMENTS,
        "GET /repos/octo/app",
        "GET /repositories/1",
        "POST /repos/octo/new/issues/12/comments",
        "POST /repos/octo/new/issues/12/comments",
    ]


async def test_a_repository_that_is_renamed_again_and_back_is_asked_for_once_each(
    desk: Bench,
):
    names = ("octo/app", "octo/new", "octo/newer", "octo/app")
    for old, new in pairwise(names):
        renamed(desk, old=old, new=new)
        await desk.connection.send("POST", COMMENTS_PATH, {})
        desk.github.seen.clear()
        await desk.connection.send("POST", COMMENTS_PATH, {})
        assert desk.github.calls == [f"POST /repos/{new}/issues/12/comments"]


@pytest.mark.parametrize("number", [12, 5])
async def test_an_issue_that_was_moved_takes_nothing_of_its_repository_along(
    desk: Bench, number: int
):
    moved = {"location": f"{desk.api_url}/repositories/2/issues/{number}"}
    for method in ("GET", "PATCH"):
        desk.github.on(f"{method} {PATH}", Reply({"message": "Moved"}, 301, moved))
    desk.github.on("GET /repos/octo/app", Reply({"id": 1, "full_name": "octo/app"}))
    desk.github.on("GET /repos/octo/app/issues/13", Reply({"number": 13}))
    with pytest.raises(NotFound, match="moved from octo/app to another repository"):
        await desk.connection.get(PATH)
    with pytest.raises(NotFound, match="moved from octo/app to another repository"):
        await desk.connection.send("PATCH", PATH, {"state": "closed"})
    assert await desk.connection.get("/repos/octo/app/issues/13") == {"number": 13}
    assert not [call for call in desk.github.calls if "repositories/2" in call]


async def test_an_issue_that_was_moved_before_its_repository_was_renamed_is_gone(
    desk: Bench,
):
    renamed(desk, old="octo/app", new="octo/new")
    first = {"location": f"{desk.api_url}/repositories/1/issues/12"}
    then = {"location": f"{desk.api_url}/repositories/2/issues/5"}
    desk.github.on(ISSUE, Reply({}, 301, first))
    desk.github.on("GET /repos/octo/new/issues/12", Reply({}, 301, then))
    desk.github.on("GET /repos/octo/new", Reply({"id": 1, "full_name": "octo/new"}))
    with pytest.raises(NotFound, match="moved from octo/new to another repository"):
        await desk.connection.get(PATH)


async def test_another_redirect_keeps_the_method(desk: Bench):
    moved = {"location": f"{desk.api_url}/elsewhere"}
    desk.github.on(COMMENTS, Reply({}, 307, moved))
    desk.github.on("POST /elsewhere", Reply({"id": 1}, 201))
    assert (await desk.connection.send("POST", COMMENTS_PATH, {})).data == {"id": 1}


async def test_redirects_in_a_circle_end_with_an_error(desk: Bench):
    desk.github.on(ISSUE, Reply({}, 301, {"location": desk.api_url + PATH}))
    with pytest.raises(Refused, match="redirected"):
        await desk.connection.get(PATH)


async def test_names_are_quoted_into_the_path_exactly(desk: Bench):
    route = "DELETE /repos/octo/app/issues/12/labels/a%2Fb%20%25%C3%A9"
    desk.github.on(route, Reply([]))
    await desk.connection.send("DELETE", f"{PATH}/labels/{{name}}", name="a/b %é")
    assert desk.github.calls == [route]


def test_cached_answers_take_no_more_room_than_they_may():
    cache = ResponseCache(characters=1000)
    for number in range(100):
        cache[f"/issues/{number}"] = ("etag", None, {"body": "x" * 100}, None)
    assert 3 < len(cache) < 10
    assert "/issues/99" in cache
    cache["/issues/1/comments"] = ("etag", None, {"body": "x" * 1000}, None)
    assert "/issues/1/comments" not in cache
    assert "/issues/99" in cache
