"""Floods of the webhook: memory stays where it is, and commands are still heard."""

import asyncio
import gzip
import hashlib
import hmac
import io
import json
from collections import Counter
from collections.abc import Awaitable, Iterable
from pathlib import Path

import aiohttp
import psutil
import pytest
from yarl import URL

from tests.flow.killing import Child, mortal_world
from tests.flow.world import REPOSITORY, World

pytestmark = pytest.mark.slow

MOST_MORE_BYTES = 100_000_000
TRIES = 5
LARGE = b'{"a": "' + b"x" * 24_000_000 + b'"}'
LONGEST_COMMENT = b'{"a": "' + b"x" * 3_900_000 + b'"}'
CHATTER = json.dumps({"action": "created", "comment": {"body": "x" * 60_000}}).encode()
BOMB = gzip.compress(b" " * 50_000_000)


class Flood:
    """Posts to the webhook over many connections, and watches the bot's memory."""

    def __init__(self, on: World, child: Child, session: aiohttp.ClientSession) -> None:
        self._secret = on.hub.app.webhook_secret.encode()
        self._hook = f"{child.url}/api/github/webhooks"
        self._session = session
        self._process = psutil.Process(child.pid)
        self._digests: dict[int, str] = {}
        self.idle = self.peak = self._process.memory_info().rss

    async def post(
        self,
        body: bytes,
        event: str,
        guid: str,
        *,
        signed: bool = True,
        tries: int = TRIES,
        **more: str,
    ) -> int | str:
        """Return the status, or the name of the last error.

        What breaks on the line is posted again, as a sender on a busy machine has to.
        """
        if id(body) not in self._digests:
            self._digests[id(body)] = hmac.digest(
                self._secret, body, hashlib.sha256
            ).hex()
        digest = self._digests[id(body)] if signed else "0" * 64
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid,
            "X-Hub-Signature-256": f"sha256={digest}",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        failed = ""
        for _ in range(tries):
            try:
                async with self._session.post(
                    self._hook, data=io.BytesIO(body), headers=headers
                ) as answer:
                    return answer.status
            except aiohttp.ClientError as error:
                failed = type(error).__name__
        return failed

    async def all(self, posts: Iterable[Awaitable[int | str]]) -> Counter[int | str]:
        """Return how often each answer came."""
        return Counter(await asyncio.gather(*posts))

    async def watch(self) -> None:
        """Remember the most memory, until cancelled."""
        while True:
            self.peak = max(self.peak, self._process.memory_info().rss)
            await asyncio.sleep(0.01)


async def test_no_flood_fills_the_memory_or_drowns_a_command(tmp_path: Path):
    async with mortal_world(tmp_path) as (on, _, child):
        on.issue(12)
        on.hub.add_label(REPOSITORY, "ready")
        await child.start()
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100)
        ) as session:
            flood = Flood(on, child, session)
            post = flood.post
            warm = (post(b"{}", "ping", f"p{n}") for n in range(100))
            assert await flood.all(warm) == {202: 100}
            flood.idle = flood.peak = psutil.Process(child.pid).memory_info().rss
            watching = asyncio.create_task(flood.watch())
            slow = [
                await asyncio.open_connection("127.0.0.1", URL(child.url).port)
                for _ in range(50)
            ]
            for _, writer in slow:
                writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le")
            for event in ("push", "installation"):
                posts = (
                    post(LARGE, event, f"u-{event}-{n}", signed=False)
                    for n in range(15)
                )
                assert await flood.all(posts) == {401: 15}
            posts = (post(LARGE, "push", f"s-{n}") for n in range(10))
            assert await flood.all(posts) == {202: 10}
            posts = (post(LONGEST_COMMENT, "issues", f"c-{n}") for n in range(10))
            assert await flood.all(posts) == {202: 10}
            posts = (post(LARGE, "issues", f"i-{n}", tries=1) for n in range(5))
            told = await flood.all(posts)
            assert told[202] == 0  # 413, or the line broke before it was read
            bombs = (
                post(BOMB, "issues", f"z-{n}", Content_Encoding="gzip")
                for n in range(50)
            )
            assert (await flood.all(bombs))[202] == 0
            posts = (post(CHATTER, "issue_comment", f"m-{n}") for n in range(1000))
            assert await flood.all(posts) == {202: 1000}
            posts = (
                post(b"{}" * 50, "issues", f"f-{n}", signed=False) for n in range(1000)
            )
            assert await flood.all(posts) == {401: 1000}
            await on.finished(on.say("/batch label +ready 12"))
            watching.cancel()
            for _, writer in slow:
                writer.close()
        assert await child.stop() == 0
    assert on.thread(12).labels
    assert flood.peak - flood.idle < MOST_MORE_BYTES
    assert_clean(on, child.lines)


def assert_clean(on: World, lines: list[str]) -> None:
    """Check that a log shows no secret and nothing but lines of JSON."""
    assert len(lines) > 10
    secrets = [on.hub.app.webhook_secret, *on.hub.private_key.splitlines()[1:3]]
    secrets += [token[:12] for token in on.hub.tokens]
    for line in lines:
        assert line.isprintable()
        assert json.loads(line)["event"]
        assert not any(secret in line for secret in secrets)
