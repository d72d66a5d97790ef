import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.errors import StoreUnavailable
from bot.store.connection import Connections
from bot.store.store import Store
from tests.store.samples import file_size_limit, make_delivery


@pytest.fixture
async def connections(tmp_path: Path) -> AsyncIterator[Connections]:
    path = tmp_path / "test.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    connection.close()
    opened = Connections(path)
    yield opened
    await opened.close()


def put(connection: sqlite3.Connection, numbers: Sequence[int]) -> Sequence[int]:
    connection.executemany(
        "INSERT INTO t VALUES (?)", [(number,) for number in numbers]
    )
    return [len(numbers)] * len(numbers)


def stored(connection: sqlite3.Connection) -> list[int]:
    return [a for (a,) in connection.execute("SELECT a FROM t ORDER BY a")]


async def test_writes_that_wait_for_a_commit_share_the_next(connections: Connections):
    is_writing, may_go_on = threading.Event(), threading.Event()

    def slow(_: sqlite3.Connection, arguments: Sequence[None]) -> Sequence[None]:
        is_writing.set()
        assert may_go_on.wait(10)
        return arguments

    first = connections.write(slow, None)
    await asyncio.to_thread(is_writing.wait, 10)
    waiting = [connections.write(put, number) for number in range(7)]
    may_go_on.set()
    await first
    assert await asyncio.gather(*waiting) == [7] * 7


async def test_a_write_that_fails_fails_alone(connections: Connections):
    await connections.write(put, 3)
    results = await asyncio.gather(
        *(connections.write(put, number) for number in (1, 2, 3, 4)),
        return_exceptions=True,
    )
    assert isinstance(results[2], sqlite3.IntegrityError)
    assert results[:2] + results[3:] == [1, 1, 1]
    assert await connections.read(stored) == [1, 2, 3, 4]


async def test_a_bug_in_a_write_is_raised_where_it_is_awaited(connections: Connections):
    def broken(_: sqlite3.Connection, __: Sequence[int]) -> Sequence[int]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await connections.write(broken, 1)
    assert await connections.write(put, 1) == 1


async def test_half_of_an_operation_is_never_stored(connections: Connections):
    def half(connection: sqlite3.Connection, arguments: Sequence[int]) -> Sequence[int]:
        put(connection, arguments)
        raise LookupError

    with pytest.raises(LookupError):
        await connections.write(half, 1)
    assert await connections.read(stored) == []


async def test_a_cancelled_caller_does_not_disturb_the_others(connections: Connections):
    writes = [connections.write(put, number) for number in range(3)]
    writes[1].cancel()
    await asyncio.gather(writes[0], writes[2])
    assert await connections.read(stored) == [0, 1, 2]


async def test_closing_commits_what_was_asked_for_and_takes_nothing_more(
    tmp_path: Path,
):
    path = tmp_path / "test.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    opened = Connections(path)
    writes = [opened.write(put, number) for number in range(1000)]
    await opened.close()
    await asyncio.gather(*writes)
    assert stored(connection) == list(range(1000))
    connection.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await opened.write(put, 1)
    with pytest.raises(StoreUnavailable, match="closed"):
        await opened.read(stored)


async def test_the_reader_cannot_write(connections: Connections):
    with pytest.raises(StoreUnavailable, match="readonly"):
        await connections.read(lambda c: c.execute("INSERT INTO t VALUES (1)"))
    assert await connections.read(stored) == []


async def test_a_full_disk_is_unavailable_and_the_store_recovers_with_it(store: Store):
    assert await store.deliveries.add(make_delivery("before"))
    assert await store.deliveries.known_guids(["lost"]) == frozenset()
    wal = store.path.with_name(store.path.name + "-wal")
    with file_size_limit(wal.stat().st_size + 4096):
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="cannot be used"):
                await store.deliveries.add(make_delivery("lost", b"x" * 100_000))
        assert await store.deliveries.known_guids(["before", "lost"]) == {"before"}
    assert await store.deliveries.add(make_delivery("lost", b"x" * 100_000))
    assert await store.deliveries.known_guids(["before", "lost"]) == {"before", "lost"}


async def test_a_disk_that_is_full_fails_the_whole_group_once(store: Store):
    with file_size_limit(4096):
        results = await asyncio.gather(
            *(
                store.deliveries.add(make_delivery(f"g{i}", b"x" * 9999))
                for i in range(50)
            ),
            return_exceptions=True,
        )
        probe = await store.probe()
    assert {type(result) for result in results} == {StoreUnavailable}
    assert not probe.is_writable
    assert (await store.probe()).is_writable


async def test_a_group_waits_for_another_process_that_writes(store: Store):
    other = sqlite3.connect(store.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.ensure_future(store.deliveries.add(make_delivery("g")))
    threading.Timer(0.1, lambda: other.execute("COMMIT")).start()
    assert await write
    other.close()
