"""Every migration has a data file: a database of its version with one of everything.

``UPDATE_GOLDEN=1`` writes the file of the newest migration if it is not there yet; a
file that is there is never written again, for such databases exist.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.core.model import BatchId, Comment, CommentKind, InstallationId
from bot.ports.store import EffectRecord, Held
from bot.store.schema import known_migrations, migrations
from bot.store.store import open_store
from tests.fakes import FakeClock
from tests.store.samples import (
    EVERY_EVENT,
    TIMETABLE,
    after,
    fill,
    make_batch,
    make_facts,
)

FOLDER = Path(__file__).parents[2] / "fixtures" / "databases"
NAMES = sorted(known_migrations())


def data_file(name: str) -> Path:
    return FOLDER / f"{name}.sql"


def restore(name: str, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(data_file(name).read_text())


def shape(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE sql NOT NULL"
        )
        return {(name, " ".join(sql.split())) for name, sql in rows}


async def test_every_migration_has_a_data_file(tmp_path: Path):
    newest = data_file(NAMES[-1])
    if os.environ.get("UPDATE_GOLDEN") and not newest.exists():
        async with open_store(tmp_path / "batch.db", clock=FakeClock()) as store:
            await fill(store)
        with closing(sqlite3.connect(tmp_path / "batch.db")) as connection:
            newest.write_text("\n".join(connection.iterdump()) + "\n")
    assert sorted(path.stem for path in FOLDER.glob("*.sql")) == NAMES


@pytest.mark.parametrize("name", NAMES)
async def test_later_migrations_apply_on_top_of_it(name: str, tmp_path: Path):
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    restore(name, old)
    async with open_store(old, clock=FakeClock()), open_store(new, clock=FakeClock()):
        pass
    assert shape(old) == shape(new)
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("name", NAMES)
async def test_what_it_holds_can_still_be_read(name: str, tmp_path: Path):
    restore(name, tmp_path / "old.db")
    batch = make_batch(numbers=tuple(range(1, 8)))
    if name < "m004":  # where the source was any text
        nothing = Comment(0, CommentKind.ISSUE)
        batch = replace(batch, request=replace(batch.request, origin=nothing))
    async with open_store(tmp_path / "old.db", clock=FakeClock()) as store:
        [waiting] = await store.deliveries.unsettled(after_id=0, limit=9)
        assert (await store.deliveries.load(waiting)).guid == "g2"
        assert await store.batches.load(BatchId("b7k2")) == batch
        facts = make_facts(batch)
        assert await store.batches.facts(batch.id, list(facts)) == facts
        events = (await store.batches.events(batch.id))[1:]
        kinds = set(map(type, events))
        assert events == [event for event in EVERY_EVENT if type(event) in kinds]
        assert len(events) > 20
        report = await store.effects.find("b7k2/report")
        tracking = await store.effects.find("b7k2/tracking")
        assert isinstance(report, EffectRecord)
        assert report.receipt is not None
        assert isinstance(tracking, EffectRecord)
        assert tracking.receipt is None
        held = {} if name == "m001_begin" else {InstallationId(7): Held(after(60), 1)}
        assert await store.holds.all() == held
        frozen = await store.freezes.of(batch.repository.id)
        assert list(frozen) == (["main"] if name >= "m006" else [])
        known = {batch.repository.id: TIMETABLE} if name >= "m007" else {}
        assert await store.timetables.all() == known


def test_migrations_apply_once():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        database = Database(connection)
        migrations.apply(database)
        migrations.apply(database)
        assert [applied.name for applied in migrations.applied(database)] == NAMES
