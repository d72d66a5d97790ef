"""The database, looked at from beside."""

from pathlib import Path

from bot.ports.examined import Finding, State
from bot.store.examined import DatabaseFile
from bot.store.lock import holder_of
from bot.store.store import open_store
from tests.fakes import FakeClock


async def examined(path: Path) -> dict[str, Finding]:
    return {one.part: one for one in await DatabaseFile(path).examine()}


async def test_whether_a_bot_has_it_is_seen_and_does_not_keep_one_away(tmp_path: Path):
    path = tmp_path / "batch.db"
    assert holder_of(path) is None
    async with open_store(path, clock=FakeClock()):
        found = await examined(path)
        assert found["bot"].words.startswith("the bot runs: process ")
        assert found["database"].words == f"{path} is sound"
    assert (await examined(path))["bot"].state is State.NOTE
    async with open_store(path, clock=FakeClock()):
        assert holder_of(path)


async def test_a_file_that_is_none_and_a_folder_that_is_missing(tmp_path: Path):
    missing = tmp_path / "a" / "b" / "batch.db"
    assert "is made at the first start" in (await examined(missing))["database"].words
    assert not missing.parent.exists()
    (tmp_path / "batch.db").write_bytes(b"\0" * 5000)
    assert (await examined(tmp_path / "batch.db"))["database"].state is State.BROKEN
