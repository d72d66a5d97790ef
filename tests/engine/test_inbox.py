"""Who waits for whom among deliveries."""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.core.world.answers import Answered, Failure
from bot.engine.inbox import Inbox
from bot.engine.supervisor import Supervisor
from bot.errors import TransientError
from bot.ports.store import Backlog, Delivery
from bot.store.store import Store, open_store
from tests.fakes import START, FakeClock, settle

Handle = Callable[[Delivery], Coroutine[Any, Any, str]]
LaneOf = Callable[[Delivery], str | None]


class Dealer:
    """Deals with deliveries as a test says; those of a guid that begins so are prompt."""

    def __init__(self, handle: Handle, lane_of: LaneOf) -> None:
        self.handle, self.lane_of = handle, lane_of

    def is_prompt(self, delivery: Delivery) -> bool:
        return delivery.guid.startswith("prompt")

    def unsaid(self, delivery: Delivery) -> None:
        return None

    async def tell(self, delivery: Delivery, words: str) -> None:
        raise AssertionError(delivery, words)


def inbox_of(
    store: Store,
    supervisor: Supervisor,
    handle: Handle,
    lane_of: LaneOf,
    clock: FakeClock | None = None,
) -> Inbox:
    return Inbox(
        deliveries=store.deliveries,
        dealer=Dealer(handle, lane_of),
        clock=clock or FakeClock(),
        supervisor=supervisor,
        fraction=lambda: 0.5,
    )


async def test_no_number_of_waiting_deliveries_holds_up_another_repository(
    tmp_path: Path,
):
    supervisor = Supervisor()
    seen: list[str] = []
    b_is_done = asyncio.Event()

    async def handle(delivery: Delivery) -> str:
        if delivery.event == "a":
            await asyncio.Event().wait()
        seen.append(delivery.guid)
        if delivery.guid == "b3":
            b_is_done.set()
        return "done"

    async with open_store(tmp_path / "batch.db", clock=FakeClock()) as store:
        inbox = inbox_of(store, supervisor, handle, lambda delivery: delivery.event)
        many = [Delivery(f"a{n}", "a", START, b"{}") for n in range(1500)]
        few = [Delivery(f"b{n}", "b", START, b"{}") for n in range(4)]
        await asyncio.gather(*map(inbox.add, [*many, *few]))
        supervisor.start("inbox", inbox.run())
        async with asyncio.timeout(30):
            await b_is_done.wait()
        await supervisor.close()
    assert seen == ["b0", "b1", "b2", "b3"]


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what grows by one with each commit."""
    made: list[str] = []

    class Connection(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            if arguments[0] == "COMMIT":
                made.append("commit")
            return super().execute(*arguments)

    monkeypatch.setattr(
        sqlite3, "connect", partial(sqlite3.connect, factory=Connection)
    )
    return made


async def test_a_command_behind_400_deliveries_of_chatter_waits_for_one_commit_at_most(
    tmp_path: Path, commits: list[str]
):
    supervisor = Supervisor()
    begun: list[int] = []
    is_begun = asyncio.Event()

    async def handle(delivery: Delivery) -> str:
        begun.append(len(commits))
        is_begun.set()
        return delivery.guid

    def lane_of(delivery: Delivery) -> str | None:
        return "a lane" if delivery.event == "command" else None

    async with open_store(tmp_path / "batch.db", clock=FakeClock()) as store:
        inbox = inbox_of(store, supervisor, handle, lane_of)
        chatter = [Delivery(f"c{n}", "chatter", START, b"{}") for n in range(400)]
        command = Delivery("command", "command", START, b"{}")
        await asyncio.gather(*map(inbox.add, [*chatter, command]))
        before = len(commits)
        supervisor.start("inbox", inbox.run())
        async with asyncio.timeout(30):
            await is_begun.wait()
            while await store.deliveries.backlog() != Backlog(0):
                pass  # each look is answered behind the writes before it
        await supervisor.close()
    assert begun[0] <= before + 1  # all of the chatter at once, if it came first
    assert len(commits) <= before + 2  # that, and the command


async def test_what_was_settled_at_the_door_wakes_nobody(tmp_path: Path):
    supervisor = Supervisor()
    looked: list[str] = []
    handled: list[str] = []

    def lane_of(delivery: Delivery) -> str | None:
        looked.append(delivery.guid)
        return "a lane"

    async def handle(delivery: Delivery) -> str:
        handled.append(delivery.guid)
        return "done"

    async with open_store(tmp_path / "batch.db", clock=FakeClock()) as store:
        inbox = inbox_of(store, supervisor, handle, lane_of)
        supervisor.start("inbox", inbox.run())
        for number in range(3):
            at_the_door = Delivery(f"i{number}", "a", START, b"", outcome="ignored")
            assert await inbox.add(at_the_door)
            assert not await inbox.add(at_the_door)
        await inbox.add(Delivery("c", "a", START, b"{}"))
        async with asyncio.timeout(30):
            while await store.deliveries.backlog() != Backlog(0) or not handled:
                pass
        await supervisor.close()
    assert looked == handled == ["c"]


@pytest.mark.parametrize("how", ["slow", "away"])
async def test_what_is_prompt_goes_past_what_waits_for_github(tmp_path: Path, how: str):
    supervisor, clock = Supervisor(), FakeClock()
    ended: list[str] = []
    is_back = asyncio.Event()

    async def handle(delivery: Delivery) -> str:
        if delivery.guid == "first" and not is_back.is_set():
            if how == "away":
                raise TransientError(Answered(Failure.LATE))
            await is_back.wait()
        ended.append(delivery.guid)
        return "done"

    async with open_store(tmp_path / "batch.db", clock=clock) as store:
        inbox = inbox_of(store, supervisor, handle, lambda _: "a lane", clock)
        for guid in ("first", "second", "prompt 1", "third", "prompt 2"):
            await inbox.add(Delivery(guid, "a", START, b"{}"))
        supervisor.start("inbox", inbox.run())
        await clock.run_until(lambda: len(ended) == 2, most_seconds=60)
        assert ended == ["prompt 1", "prompt 2"]
        await inbox.add(Delivery("prompt 3", "a", START, b"{}"))
        await clock.run_until(lambda: len(ended) == 3, most_seconds=60)
        is_back.set()
        await clock.run_until(lambda: len(ended) == 6)
        await supervisor.close()
    assert ended[2:] == ["prompt 3", "first", "second", "third"]


async def test_what_is_prompt_waits_for_what_is_dealt_with_at_once(tmp_path: Path):
    """It may be about what that begins."""
    supervisor, clock = Supervisor(), FakeClock()
    ended: list[str] = []

    async def handle(delivery: Delivery) -> str:
        await settle()
        ended.append(delivery.guid)
        return "done"

    async with open_store(tmp_path / "batch.db", clock=clock) as store:
        inbox = inbox_of(store, supervisor, handle, lambda _: "a lane", clock)
        for guid in ("first", "second", "prompt 1"):
            await inbox.add(Delivery(guid, "a", START, b"{}"))
        supervisor.start("inbox", inbox.run())
        async with asyncio.timeout(30):
            while len(ended) < 3:
                await settle()
        await supervisor.close()
    assert ended == ["first", "second", "prompt 1"]
