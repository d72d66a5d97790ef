"""What people see first of a command, when each request to GitHub takes its time."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.flow.world import REPOSITORY, World, world

LATENCY_SECONDS = 0.3


class Far:
    """A GitHub that answers late, and what was sent to it and when."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, str]] = []
        self.now = lambda: 0.0

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> Any:
        # The way there takes half of it, and the way back the other half.
        began = self.now()
        await asyncio.sleep(LATENCY_SECONDS / 2)
        body = await request.read()
        what = _what(request.method, request.path, body)
        if what:
            self.sent.append((began, what))
        answer = await handler(request)
        await asyncio.sleep(LATENCY_SECONDS / 2)
        return answer

    @property
    def order(self) -> list[str]:
        return [what for _, what in self.sent]

    def at(self, what: str) -> float:
        return next(at for at, one in self.sent if one == what)


def _what(method: str, path: str, body: bytes) -> str:
    """Return the name of a change that people can see; empty if it is none."""
    if method == "POST" and path.endswith("/reactions"):
        return str(json.loads(body)["content"])
    if method == "POST" and path.endswith("/comments"):
        return str(json.loads(body)["body"]).split(" ")[1].removeprefix("batch-bot:")
    if path.endswith("/pin"):
        return "pin" if method == "PUT" else "unpin"
    if method in ("PATCH", "POST", "DELETE") and "/issues/" in path:
        return "edit" if "/comments/" in path else "work"
    return ""


@pytest.fixture
def far() -> Far:
    return Far()


@pytest.fixture
async def on(tmp_path: Path, far: Far) -> AsyncIterator[World]:
    async with world(tmp_path, middlewares=[far.middleware]) as made:
        far.now = made.clock.monotonic
        yield made


async def test_the_comment_comes_before_the_rocket_and_marks_come_last(
    on: World, far: Far
):
    on.hub.add_label(REPOSITORY, "ready")
    for number in (12, 15, 18):
        on.issue(number)
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        said_at = on.clock.monotonic()
        command = on.say("/batch label +ready 12 15 18")
        await on.finished(command)
    # An item that is quicker than the comment takes one turn of writing before it.
    assert far.order[0] == "eyes"
    assert far.order.index("tracking") <= 2
    assert far.order.count("work") == 3
    assert far.order.index("rocket") > far.order.index("tracking")
    assert far.order[-1] == "hooray"
    assert far.order.index("hooray") > far.order.index("report")
    # The clock jumps: these are sums of latencies and pauses, however busy the machine.
    assert far.at("eyes") + LATENCY_SECONDS - said_at <= 1
    assert far.at("tracking") + LATENCY_SECONDS - said_at <= 3


async def test_a_write_begins_a_second_after_the_last_began(on: World, far: Far):
    on.hub.add_label(REPOSITORY, "ready")
    for number in range(12, 18):
        on.issue(number)
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        await on.finished(on.say("/batch label +ready 12..17"))
    starts = [at for at, _ in far.sent]
    gaps = [after - before for before, after in itertools.pairwise(starts)]
    assert min(gaps) == pytest.approx(1, abs=0.01)
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(1, abs=0.01)


async def test_the_answer_to_what_is_refused_comes_before_its_mark(on: World, far: Far):
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        command = on.say("/batch label +ready 999")
        await on.finished(command)
        await on.dealt_with()
    assert far.order == ["eyes", "error", "confused"]


async def test_a_second_command_is_seen_before_the_first_has_all_its_marks(
    on: World, far: Far
):
    """A batch's marks hold no command of its repository up."""
    on.hub.add_label(REPOSITORY, "ready")
    for number in range(12, 18):
        on.issue(number)
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        on.say("/batch label +ready 12..17")
        second = on.say("/batch cancel")
        await on.until(lambda: "eyes" in on.reactions(second))
        seen = far.order.index("eyes", far.order.index("eyes") + 1)
        assert "rocket" not in far.order[:seen]
