import asyncio
import os
import socket
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from bot.errors import SettingsError, StoreUnavailable
from bot.host.clock import SystemClock
from bot.ports.examined import State
from bot.store.lock import holder_of, locked
from bot.store.store import Store, check_version, open_store, read_store
from tests.fakes import START, FakeClock
from tests.store.samples import fill, make_batch, make_delivery, start

DATABASES = Path(__file__).parents[2] / "fixtures" / "databases"

LOCKED = """
import asyncio, sys
from pathlib import Path
from bot.store.store import open_store
from tests.fakes import FakeClock

async def main():
    async with open_store(Path(sys.argv[1]), clock=FakeClock()):
        print("open", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def opened_with(path: Path) -> str:
    """Return the message with which opening fails."""
    with pytest.raises(SettingsError) as caught:
        async with open_store(path, clock=FakeClock()):
            pass
    return str(caught.value)


class HastyClock(FakeClock):
    """Time that passes as soon as somebody waits for it."""

    async def sleep(self, seconds: float) -> None:
        self._elapsed += seconds


async def opened(path: Path, *, waits: Callable[[str], None]) -> None:
    """Open what may be another's, and close it."""
    async with open_store(path, clock=HastyClock(), waits=waits):
        pass


def add_future(path: Path) -> None:
    """Leave a database as a newer version does."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
            " VALUES ('batch-bot', 'm999_future', '2030')"
        )


async def test_the_folder_and_the_file_are_made_for_the_owner_alone(tmp_path: Path):
    path = tmp_path / "data" / "batch.db"
    async with open_store(path, clock=FakeClock()) as store:
        await store.deliveries.add(make_delivery())
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_what_was_stored_is_there_after_a_restart(tmp_path: Path):
    path = tmp_path / "batch.db"
    async with open_store(path, clock=FakeClock()) as store:
        await start(store, make_batch())
    async with open_store(path, clock=FakeClock()) as store:
        assert await store.batches.live() == ["b7k2"]


async def test_a_second_opening_is_refused_and_names_the_holder(tmp_path: Path):
    path = tmp_path / "batch.db"
    link = tmp_path / "link.db"
    link.symlink_to(path)
    async with open_store(path, clock=FakeClock()):
        for name in (path, link):
            message = await opened_with(name)
            assert f"process {os.getpid()} on {socket.gethostname()}" in message
            assert f"since {START:%Y-%m-%d %H:%M:%S} UTC" in message
    async with open_store(path, clock=FakeClock()):
        pass


async def test_a_file_is_not_opened_again_through_another_name_of_it(tmp_path: Path):
    """Two names have two logs beside them, each of which would miss the other's writes."""
    path, other = tmp_path / "batch.db", tmp_path / "elsewhere" / "other.db"
    other.parent.mkdir()
    async with open_store(path, clock=FakeClock()) as store:
        other.hardlink_to(path)
        assert "under another name of the same file" in await opened_with(other)
        await start(store, make_batch())
    async with open_store(other, clock=FakeClock()) as store:
        assert await store.batches.live() == ["b7k2"]
        assert "under another name of the same file" in await opened_with(path)


async def test_the_lock_ends_with_its_process(tmp_path: Path):
    path = tmp_path / "batch.db"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LOCKED, str(path)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"open\n"
    assert f"process {process.pid} " in await opened_with(path)
    process.kill()
    await process.wait()
    async with open_store(path, clock=FakeClock()):
        pass


async def test_who_waits_opens_what_another_process_leaves(tmp_path: Path):
    path = tmp_path / "batch.db"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LOCKED, str(path)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"open\n"
    told: list[str] = []

    def wait(holder: str) -> None:
        told.append(holder)
        if len(told) == 3:
            process.kill()

    async with open_store(path, clock=SystemClock(), waits=wait) as store:
        await start(store, make_batch())
        assert f"process {os.getpid()} on" in (holder_of(path) or "")
    assert all(f"process {process.pid} on" in one for one in told)
    await process.wait()


async def test_who_waits_is_refused_what_a_newer_version_left(tmp_path: Path):
    path = tmp_path / "batch.db"
    async with open_store(path, clock=FakeClock()):
        pass

    def wait(_: str) -> None:
        add_future(path)
        had.close()

    with ExitStack() as had:
        had.enter_context(locked(path, now=START))
        with pytest.raises(SettingsError, match="newer version"):
            await opened(path, waits=wait)
    with pytest.raises(SettingsError, match="newer version"):
        await opened(path, waits=pytest.fail)  # it does not wait for that


async def test_who_waits_brings_an_older_database_up_to_date(tmp_path: Path):
    path = tmp_path / "batch.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATABASES / "m001_begin.sql").read_text())
    with ExitStack() as had:
        had.enter_context(locked(path, now=START))
        await opened(path, waits=lambda _: had.close())
    check_version(path)


async def test_nobody_waits_for_another_name_of_the_file(tmp_path: Path):
    path, other = tmp_path / "batch.db", tmp_path / "elsewhere" / "other.db"
    other.parent.mkdir()
    async with open_store(path, clock=FakeClock()):
        other.hardlink_to(path)
        with pytest.raises(SettingsError, match="under another name"):
            await opened(other, waits=pytest.fail)


@pytest.mark.parametrize("offset", [0, 4096 * 3])
async def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path, offset: int):
    path = tmp_path / "batch.db"
    async with open_store(path, clock=FakeClock()) as store:
        for number in range(300):
            await store.deliveries.add(make_delivery(f"g{number}"))
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\x5a" * 4096 * 2)
    before = path.read_bytes()
    message = await opened_with(path)
    assert "is damaged" in message
    assert "Restore a backup" in message
    assert "Nothing was changed" in message
    assert path.read_bytes() == before


async def test_somebody_elses_database_is_refused(tmp_path: Path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (title)")
    connection.close()
    assert "database of something else" in await opened_with(path)


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path):
    path = tmp_path / "batch.db"
    async with open_store(path, clock=FakeClock()):
        pass
    add_future(path)
    message = await opened_with(path)
    assert "newer version" in message
    assert "m999_future" in message


async def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in await opened_with(tmp_path / "file" / "batch.db")
    assert "cannot be written" in await opened_with(tmp_path)


async def test_a_backup_is_a_whole_database(store: Store, tmp_path: Path):
    await fill(store)
    target = tmp_path / "backup.db"
    target.write_text("an older backup")
    await store.backup(target)
    await start(store, make_batch("c1c1"))
    async with open_store(target, clock=FakeClock()) as copy:
        assert await copy.batches.load(make_batch("c1c1").id) is None
        assert len(await copy.batches.events(make_batch().id)) > 20
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert not target.with_name("backup.db.partial").exists()


async def test_a_backup_that_fails_leaves_the_older_one(store: Store, tmp_path: Path):
    with pytest.raises(StoreUnavailable, match="could not be written"):
        await store.backup(tmp_path / "missing" / "backup.db")


async def test_a_probe_tells_size_and_room(store: Store):
    probe = await store.probe()
    assert probe.is_writable
    assert probe.size_bytes > 4096
    assert probe.free_bytes > 0


async def test_a_database_in_use_can_be_read(store: Store):
    await start(store, make_batch())
    async with read_store(store.path, clock=FakeClock()) as other:
        assert await other.batches.live() == ["b7k2"]


async def test_there_is_nothing_to_read_where_no_database_is(tmp_path: Path):
    path = tmp_path / "none.db"
    with pytest.raises(SettingsError, match=r"none\.db"):
        async with read_store(path, clock=FakeClock()):
            pass
    assert not path.exists()


async def test_it_says_how_it_stands(store: Store, monkeypatch: pytest.MonkeyPatch):
    (found,) = await store.examine()
    assert (found.part, found.state) == ("database", State.FINE)
    monkeypatch.setattr("bot.store.store.LITTLE_ROOM_BYTES", 2**62)
    (found,) = await store.examine()
    assert found.state is State.NOTE
    assert "make room" in str(found)
    store.path.parent.rename(store.path.parent.with_name("gone"))
    (found,) = await store.examine()
    assert found.state is State.BROKEN
