"""Server-sent events of a smee channel, read as they come."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from bot.host.clock import SystemClock
from bot.web.relay import PASSED_ON, Relay, events_in, member, relayed_in

CLIENT = Path(__file__).parents[2] / ".ci/node_modules/smee-client/index.js"
STREAM = (
    b"id: 0\nevent: ready\ndata: {}\n\n"
    b'id: 1\r\ndata: {"a":\r\ndata: "\xc3\xa9"}\r\n\r\n'
    b": a comment\n\nevent: ping\ndata: {}\n\n"
)


@given(st.sets(st.integers(0, len(STREAM))))
def test_events_are_the_same_however_they_are_cut(cuts: set[int]):
    places = [0, *sorted(cuts), len(STREAM)]

    async def chunks() -> AsyncIterator[bytes]:
        for begin, end in pairwise(places):
            yield STREAM[begin:end]

    async def read() -> list[tuple[str, str]]:
        return [event async for event in events_in(chunks())]

    assert asyncio.run(read()) == [
        ("ready", "{}"),
        ("message", '{"a":\n"é"}'),
        ("ping", "{}"),
    ]


def test_a_large_event_in_small_pieces_is_read_once():
    """32 MB in pieces of 4 KB: each byte looked at again for each piece takes minutes."""
    piece, count = b"x" * 4096, 8192

    async def chunks() -> AsyncIterator[bytes]:
        yield b"data: "
        for _ in range(count):
            yield piece
        yield b"\n\n"

    async def read() -> list[int]:
        return [len(data) async for _, data in events_in(chunks())]

    begun = time.process_time()
    assert asyncio.run(read()) == [len(piece) * count]
    assert time.process_time() - begun < 10


def test_an_event_that_never_ends_is_given_up():
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 2**20

    async def read() -> None:
        async for _ in events_in(chunks()):
            pass

    with pytest.raises(ValueError, match="too large"):
        asyncio.run(read())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON), JSON, st.booleans())
def test_the_body_is_cut_out_as_it_is_written(
    around: dict[str, Any], body: Any, spaced: bool
):
    text = json.dumps(around | {"body": body}, indent=1 if spaced else None)
    found = member(text, "body")
    assert json.loads(found) == body
    assert found in text


def test_a_number_that_python_would_write_otherwise_stays_as_it_is():
    told = '{"X-GitHub-Delivery":"g","timestamp":1,"body":{"a":1.0e5,"b":"\\u00e9"}}'
    relayed = relayed_in(told)
    assert relayed.guid == "g"
    assert relayed.body == b'{"a":1.0e5,"b":"\\u00e9"}'


@pytest.mark.parametrize("text", ["[]", "{", '{"query":{}}', "", "1"])
def test_what_is_no_delivery_is_refused(text: str):
    with pytest.raises((ValueError, TypeError)):
        relayed_in(text)


# --- held to the npm client ---


@asynccontextmanager
async def channel(*sent: dict[str, Any]) -> AsyncIterator[str]:
    """Serve a channel that sends these deliveries to whoever listens, as smee does."""

    async def listen(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept"] == "text/event-stream"
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"id: 0\nevent: ready\ndata: {}\n\n")
        await asyncio.sleep(0.1)
        for number, one in enumerate(sent, 1):
            text = json.dumps(one, ensure_ascii=False, separators=(",", ":"))
            await answer.write(f"id: {number}\ndata: {text}\n\n".encode())
        await asyncio.Event().wait()
        return answer

    app = web.Application()
    app.router.add_get("/abc", listen)
    async with TestServer(app) as server:
        yield str(server.make_url("/abc"))


class Target:
    """A bot's route that remembers what came."""

    def __init__(self, status: int = 202) -> None:
        self.status = status
        self.came: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        await self.came.put((headers, await request.read()))
        return web.Response(status=self.status)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/hook", self.take)
        async with TestServer(app) as server:
            yield str(server.make_url("/hook"))


def sent(text: str) -> dict[str, Any]:
    return {
        "host": "smee.test",
        "user-agent": "GitHub-Hookshot/044aadd",
        "content-type": "application/json",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-github-event": "issues",
        "x-hub-signature-256": "sha256=" + "0" * 64,
        "body": {"action": "opened", "text": text, "list": [1, None, {"a": 1.5}]},
        "query": {},
        "timestamp": 1700000000000,
    }


@asynccontextmanager
async def relaying(source: str, target: str) -> AsyncIterator[asyncio.Event]:
    asked = asyncio.Event()

    async def refused() -> None:
        asked.set()

    relay = Relay(
        source, target, refused=refused, clock=SystemClock(), fraction=lambda: 0.0
    )
    task = asyncio.create_task(relay.run())
    try:
        yield asked
    finally:
        task.cancel()
        await asyncio.wait({task})


@asynccontextmanager
async def npm_client(source: str, target: str) -> AsyncIterator[None]:
    script = (
        f"import('{CLIENT}').then(async ({{default: Smee}}) => {{ const c = new Smee({{"
        f"source: '{source}', target: '{target}'}}); await c.start(); }})"
    )
    process = await asyncio.create_subprocess_exec(
        *("node", "-e", script),
        env={"PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


@pytest.mark.skipif(not CLIENT.exists(), reason="needs npm's smee-client in .ci")
async def test_what_the_npm_client_brings_the_relay_brings(tmp_path: Path):
    deliveries = [sent(text) for text in ("plain", 'Grüße "😀" \\ \u2028\n\t/ </a>')]
    brought = []
    for way in (npm_client, relaying):
        target = Target()
        async with (
            channel(*deliveries) as source,
            target.served() as url,
            way(source, url),
        ):
            got = [await asyncio.wait_for(target.came.get(), 60) for _ in deliveries]
        brought.append(
            [
                ({name: headers[name] for name in (*PASSED_ON, "content-type")}, body)
                for headers, body in sorted(got, key=lambda one: one[1])
            ]
        )
    assert brought[0] == brought[1]


async def test_a_signature_that_does_not_fit_has_github_asked():
    target = Target(status=401)
    async with (
        channel(sent("x")) as source,
        target.served() as url,
        relaying(source, url) as asked,
    ):
        await asyncio.wait_for(asked.wait(), 60)
    assert target.came.qsize() == 1
