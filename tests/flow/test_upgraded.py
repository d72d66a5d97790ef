"""A bot of this version takes over from a release that was killed in the middle.

``fixtures/databases/released`` has for each release what its bot had in its database,
made by ``tests/flow/released.py`` with that release: a batch that failed, one that runs
(12, with 15 and 16 behind it), one that is parked before its merge (25), a plan (20, 21),
and a label (on 17) whose window is still open.
"""

import json
import re
import sqlite3
from contextlib import closing
from hashlib import sha256

import pytest

from bot.core.world.markers import marker
from tests.flow.merging import is_merged, report
from tests.flow.released import FOLDER, names, open_all
from tests.flow.test_migrated import SIGNED, take_ids
from tests.flow.world import REPOSITORY, World

STATES = "SELECT item, state FROM items"


def restore(on: World, release: str) -> None:
    """Have GitHub and the database as they were when the release was killed."""
    on.issue(16, "to be closed")
    open_all(on)
    path = on.folder / "data" / "batch.db"
    path.parent.mkdir()
    text = (FOLDER / f"{release}.sql").read_text()
    for word, name in names(on).items():
        text = text.replace(name, word)
    key = sha256(on.hub.private_key.encode()).digest()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_signed(text, key))
        [(data,)] = connection.execute("SELECT data FROM batches LIMIT 1")
    take_ids(on, json.loads(data)["request"]["repository"])
    comments = (FOLDER / f"{release}.json").read_text()
    comments = comments.replace("{hub}", on.hub.html_url)
    for number, id_, by, body in json.loads(_signed(comments, key)):
        on.hub.state.last_id = id_ - 1
        assert on.hub.comment(by, REPOSITORY, number, body).id == id_
    on.hub.state.last_id += 1000
    on.hub.label("ada", REPOSITORY, 17, "batch")


def _signed(text: str, key: bytes) -> str:
    """Return a text whose comments this GitHub's app knows as its own."""
    return re.sub(SIGNED, lambda match: marker(match[1], match[2], key), text)


@pytest.mark.parametrize("release", sorted(path.stem for path in FOLDER.glob("*.sql")))
async def test_what_a_release_left_goes_on_to_its_end(release: str, on: World):
    restore(on, release)
    on.later(seconds=30)
    (on.folder / "mended").touch()
    async with on.bot(BATCH_CONCURRENCY="9"):
        await on.until(lambda: dict(on.rows(STATES))["12"] == "running")
        assert "is not running: waits for [#12]" in await on.answer("/batch why 15")
        (on.folder / "go").touch()
        report(on, 25, "ci")
        await on.until(lambda: is_merged(on, 25))
        [plan] = on.rows("SELECT id FROM batches WHERE state = 'planned'")
        on.say(f"/batch start {plan[0]}", by="linus")
        await on.until(lambda: 17 in on.pull_requests())
        [failed] = on.rows("SELECT batch FROM items WHERE state = 'failed'")
        await on.finished(on.say(f"/batch retry {failed[0]}", by="linus"))
        concluded = "SELECT count(*) FROM batches WHERE NOT is_concluded"
        await on.until(lambda: on.rows(concluded) == [(0,)])
        await on.dealt_with()
    assert set(on.pull_requests()) == {12, 15, 17, 18, 20, 21}
    assert not on.thread(16).is_open
    ended = on.rows("SELECT state, count(*) FROM items GROUP BY state ORDER BY state")
    assert ended == [("completed", 8), ("failed", 1)]
    assert len(on.rows("SELECT id FROM batches")) == 6
    bodies = [c.body for c in on.thread().comments]
    assert len([body for body in bodies if "batch-bot:tracking" in body]) == 5
