import asyncio
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.model import BatchId
from bot.store.store import open_store
from tests.fakes import FakeClock
from tests.store.samples import NOW
from tests.store.writing import ITEMS


async def acknowledged_until_killed(path: Path, lines: int) -> dict[str, set[str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.writing", str(path)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    output = [await process.stdout.readline() for _ in range(lines)]
    process.kill()
    output += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    acknowledged: dict[str, set[str]] = defaultdict(set)
    for line in output:
        if line.endswith(b"\n"):
            kind, name = line.decode().split()
            acknowledged[kind].add(name)
    return acknowledged


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(tmp_path: Path):
    path = tmp_path / "batch.db"
    acknowledged = await acknowledged_until_killed(path, lines=150)
    async with open_store(path, clock=FakeClock()) as store:
        guids = list(acknowledged["delivery"])
        assert await store.deliveries.known_guids(guids) == set(guids)
        for id_ in acknowledged["effect"]:
            assert await store.effects.find(id_) is not None
        live = await store.batches.live()
        assert acknowledged["batch"] <= set(live)
        for id_ in live:
            events = await store.batches.events(BatchId(id_))
            assert len(events) in (1, 1 + 2 * len(ITEMS))
            if id_ in acknowledged["events"]:
                assert len(events) > 1
        span = (NOW, NOW)
        told = await store.costs.between(*span)
        with closing(sqlite3.connect(path)) as connection:
            [(place,)] = connection.execute("SELECT seq FROM usages_place").fetchall()
            [(kept,)] = connection.execute("SELECT count(*) FROM usages").fetchall()
            connection.executescript(
                "DELETE FROM usages; UPDATE usages_place SET seq = 0"
            )
        assert place > 0 < kept
        assert told.rows == (await store.costs.between(*span)).rows != ()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for table, each in (("items", len(ITEMS)), ("facts", len(ITEMS))):
            counts = connection.execute(
                f"SELECT count(t.item) FROM batches LEFT JOIN {table} t ON batch = id"  # noqa: S608 - of constants
                " GROUP BY id"
            ).fetchall()
            assert set(counts) == {(each,)}
        bodiless = connection.execute(
            "SELECT count(*) FROM deliveries"
            " LEFT JOIN delivery_bodies ON delivery_id = id WHERE body IS NULL"
        ).fetchone()
        assert bodiless == (0,)
