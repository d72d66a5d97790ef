"""A bot that GitHub cannot reach: a smee channel, and GitHub's own list."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.host.clock import SystemClock
from tests.flow.world import World, world

NOWHERE = "http://127.0.0.1:9/"


class Channel:
    """A smee channel: it takes whatever comes, and sends it on to those who listen."""

    def __init__(self) -> None:
        self.listening: dict[web.StreamResponse, asyncio.Event] = {}
        self.escapes = False  # whether it writes JSON otherwise than GitHub

    async def take(self, request: web.Request) -> web.Response:
        told = {
            **{name.lower(): value for name, value in request.headers.items()},
            "body": await request.json(),
            "query": {},
            "timestamp": 1,
        }
        text = json.dumps(told, ensure_ascii=self.escapes, separators=(",", ":"))
        for one in self.listening:
            await one.write(f"data: {text}\n\n".encode())
        return web.Response()

    async def listen(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b"event: ready\ndata: {}\n\n")
        self.listening[answer] = asyncio.Event()
        await self.listening[answer].wait()
        return answer

    def breaks(self) -> None:
        """End what is open."""
        for ended in self.listening.values():
            ended.set()
        self.listening = {}

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        app = web.Application(client_max_size=2**25)
        app.router.add_post("/abc", self.take)
        app.router.add_get("/abc", self.listen)
        async with TestServer(app) as server:
            yield str(server.make_url("/abc"))
            self.breaks()


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, clock=SystemClock()) as made:
        yield made


async def test_commands_come_over_a_channel_also_after_it_broke(on: World):
    channel = Channel()
    async with channel.served() as url, on.bot(WEBHOOK_PROXY_URL=url):
        on.hub.set_webhook_url(url)
        await on.until(lambda: channel.listening)
        on.say("/batch help")
        await on.until(lambda: len(on.replies()) == 1)
        channel.breaks()
        await on.until(lambda: channel.listening)
        on.say("/batch status")
        await on.until(lambda: len(on.replies()) == 2)


async def test_what_the_channel_writes_otherwise_is_taken_from_github(on: World):
    channel = Channel()
    async with channel.served() as url, on.bot(WEBHOOK_PROXY_URL=url):
        on.hub.set_webhook_url(url)
        await on.until(lambda: channel.listening)
        channel.escapes = True
        command = on.say("/batch help\n\nGrüße")
        await on.until(on.replies)
        assert on.answer_to(command)


async def test_what_was_sent_while_nobody_listened_is_done_once(on: World):
    on.issue(12, "write a b")
    channel = Channel()
    async with channel.served() as url:
        on.hub.set_webhook_url(url)
        command = on.say("/batch 12")
        await on.hub.webhooks.drain()
        assert on.hub.webhooks.deliveries[-1].status_code == 200
        for _ in range(2):
            async with on.bot(WEBHOOK_PROXY_URL=url):
                on.hub.set_webhook_url(url)
                await on.finished(command)
    assert len(on.rows("SELECT id FROM batches")) == 1


async def test_without_any_address_deliveries_are_taken_from_githubs_list(
    tmp_path: Path,
):
    async with world(tmp_path) as on:  # on a clock that jumps
        on.issue(12, "write a b")
        async with on.bot(BATCH_POLL="true"):
            on.hub.set_webhook_url(NOWHERE)
            await on.finished(on.say("/batch 12"))
            await on.finished(on.say("/batch label +x 12"))
        assert 12 in on.pull_requests()
        # What GitHub's list says once is not asked for again and again.
        asked = [e.path for e in on.hub.log if "/app/hook/deliveries/" in e.path]
        assert len(asked) == len(set(asked))
