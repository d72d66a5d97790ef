"""The disk is busy, full or failing for a while; nothing is lost and all goes on."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from typing import Any

import aiohttp
import pytest

from bot.store.connection import Connections
from tests.flow.killing import assert_events_sound, is_quiet
from tests.flow.world import World

CODES = {
    "busy": (sqlite3.SQLITE_BUSY, "database is locked"),
    "full": (sqlite3.SQLITE_FULL, "database or disk is full"),
    "failing": (sqlite3.SQLITE_IOERR, "disk I/O error"),
}


def broken(kind: str) -> sqlite3.OperationalError:
    """Return what SQLite raises when the disk is so."""
    code, message = CODES[kind]
    error = sqlite3.OperationalError(message)
    error.sqlite_errorcode = code
    return error


class Disk:
    """Fails the commits that *fails* picks by their number, from 1."""

    def __init__(self) -> None:
        self.commits = 0
        self.failed = 0
        self.kind = "full"
        self.fails: Callable[[int], bool] = lambda _: False

    def check(self) -> None:
        self.commits += 1
        if self.fails(self.commits):
            self.failed += 1
            raise broken(self.kind)


class Statements:
    """Fails the n-th statement that the bot gives to SQLite from now on."""

    def __init__(self) -> None:
        self.left = 0  # until it fails; 0 and below: none does
        self.kind = "full"

    def check(self) -> None:
        if threading.current_thread().name.startswith("store-"):
            self.left -= 1
            if self.left == 0:
                raise broken(self.kind)


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Statements:
    made = Statements()

    class Connection(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            made.check()
            return super().execute(*arguments)

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:
            made.check()
            return super().executemany(*arguments)

    connect = partial(sqlite3.connect, factory=Connection)
    monkeypatch.setattr(sqlite3, "connect", connect)
    return made


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    commit = Connections._commit

    def checked(self: Connections, jobs: Sequence[Any]) -> list[Any]:
        if jobs:
            made.check()
        return commit(self, jobs)

    monkeypatch.setattr(Connections, "_commit", checked)
    return made


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("which", range(3))
async def test_each_third_write_fails(on: World, disk: Disk, kind: str, which: int):
    on.issue(12, "write a b")
    on.issue(15)
    on.hub.add_label(on.repository.full_name, "ready")
    disk.kind = kind
    async with on.bot(BATCH_SWEEP_SECONDS="20"):
        disk.fails = lambda number: number % 3 == which
        first = on.say("/batch 12")
        second = on.say("/batch label +ready 15")
        await on.finished(first)
        await on.finished(second)
        disk.fails = lambda _: False
    assert disk.failed > 5
    assert len(on.comments("tracking")) == len(on.comments("report")) == 2
    assert set(on.pull_requests()) == {12}
    assert [label.name for label in on.thread(15).labels] == ["ready"]
    assert {"hooray"} <= on.reactions(first) & on.reactions(second)


@pytest.mark.parametrize("first", range(1, 4))
async def test_each_statement_of_a_batch_fails_once(
    on: World, statements: Statements, first: int
):
    """A third of them with each kind, reading or writing."""
    kind = list(CODES)[first % 3]
    await each_statement_fails(on, statements, kind, count(first, step=3))


async def each_statement_fails(
    on: World, statements: Statements, kind: str, numbers: Iterable[int]
) -> None:
    """Play a batch for each of *numbers*, whose statement of that number fails."""
    async with on.bot(BATCH_SWEEP_SECONDS="10"):
        statements.kind = kind
        for batches, number in enumerate(numbers, start=1):
            item = 100 + number
            on.issue(item)
            await on.dealt_with()
            on.later(minutes=1)  # or it would wait for GitHub's limits in the end
            statements.left = number
            command = on.say(f'/batch comment "Done." {item}')
            await on.finished(command)
            await on.until(lambda: is_quiet(on))
            assert on.reactions(command) == {"eyes", "rocket", "hooray"}
            assert len(on.comments("comment", on=item)) == 1, number
            for said in ("tracking", "report"):
                assert len(on.comments(said)) == batches, number
            if statements.left > 0:
                break  # there are no more than that
    assert number > 60
    assert_events_sound(on)


async def test_while_nothing_can_be_written_it_says_so_and_holds(on: World, disk: Disk):
    go = on.folder / "go"
    on.issue(12, f"write a b\nwait {go}")
    on.issue(15, "write c d")
    on.issue(18, "write e f")
    async with on.bot(BATCH_SWEEP_SECONDS="20") as bot:
        first = on.say("/batch 12 15 after:12")
        await on.until(lambda: on.comments("tracking"))
        await on.dealt_with()
        disk.fails = lambda _: True
        second = on.say("/batch 18")
        await on.hub.webhooks.drain()
        assert on.hub.webhooks.deliveries[-1].status_code == 503
        go.touch()
        await on.until(lambda: disk.failed > 10)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{bot.url}/readyz") as answer:
                assert answer.status == 503
                assert "disk is full" in await answer.text()
            async with session.get(f"{bot.url}/healthz") as answer:
                assert answer.status == 200
        assert on.pull_requests() == {}
        disk.fails = lambda _: False
        await on.finished(first)
        await on.finished(second)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{bot.url}/readyz") as answer,
        ):
            assert answer.status == 200
    assert set(on.pull_requests()) == {12, 15, 18}
