"""A bot of this version goes on with the live batches of an older one's database.

``fixtures/databases/live`` holds a database as a bot of that version left it when it was
killed: item 13 of batch j8j7 was running, for the second time, and what 15 came to was
on its way to GitHub; 16 had been skipped, 17 been cancelled, 14 waits for 13 and, outside
the batch, for 23. Batch z3w9 had ended, and a ticked box had it run again what failed in
it, as j9h9, where 18 builds on the branch of 12. j5m4 is a plan. The ids of the comments
are those in the database.
"""

import json
import re
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from bot.core.world.markers import marker
from bot.localhub import pulls
from bot.store.codec import BATCH
from tests.flow.world import REPOSITORY, World

LIVE = Path(__file__).parents[2] / "fixtures" / "databases" / "live"
SIGNED = re.compile(r"<!-- batch-bot:(\S+) (\S+) [0-9a-f]{32} -->")
COMMANDS = {
    1025: ("ada", "/batch 12 18 after:12"),
    1064: ("linus", "/batch plan 20 21 after:20"),
    1078: (
        "grace",
        "/batch 13 14 after:13,23 close:15 close:16 after:17 17 close:19 concurrency:5",
    ),
    1098: ("grace", "/batch skip 16"),
    1101: ("grace", "/batch cancel j8j7 17"),
}


def restore(on: World, name: str) -> None:
    """Put the database and what GitHub had of the same moment there."""
    path = on.folder / "data" / "batch.db"
    path.parent.mkdir()
    text = (LIVE / f"{name}.sql").read_text()
    text = text.replace("{folder}", str(on.folder))
    text = text.replace("{hub}", on.hub.api_url.removesuffix("/api/v3"))
    # This GitHub's app has a key of its own, by which the bot knows its comments.
    key = sha256(on.hub.private_key.encode()).digest()
    text = SIGNED.sub(lambda match: marker(match[1], match[2], key), text)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)
        [(data,)] = connection.execute("SELECT data FROM batches WHERE id = 'j8j7'")
        comments = connection.execute(
            "SELECT intent, receipt FROM effects WHERE kind = 'CreateComment'"
        ).fetchall()
    take_ids(on, json.loads(data)["repository"])
    for number in (12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 23):
        on.issue(number)
    on.hub.close("ada", REPOSITORY, 19)
    on.hub.push("linus", REPOSITORY, "batch/z3w9/12", {"a": "b\n"}, message="Do 12")
    said = [(id_, by, text) for id_, (by, text) in COMMANDS.items()]
    bot = on.hub.app.bot.login
    said += [(json.loads(r)["id"], bot, json.loads(i)["body"]) for i, r in comments]
    # They were delivered, in vain: the bot will find them with GitHub.
    on.hub.set_webhook_url("http://127.0.0.1:9/")
    for id_, by, body in sorted(said):
        on.hub.state.last_id = id_ - 1
        assert on.hub.comment(by, REPOSITORY, 40, body).id == id_
    on.hub.state.last_id += 1000
    (on.folder / "mended").touch()


def take_ids(on: World, stored: dict[str, int]) -> None:
    """Give the repository and its installation the ids that the database knows."""
    repository, state = on.repository, on.hub.state
    installation = state.installation_of(repository)
    assert installation is not None
    repository.id, installation.id = stored["id"], stored["installation_id"]
    state.repositories = {repository.id: repository}
    state.installations = {installation.id: installation}


def states(on: World, batch: str) -> dict[str, str]:
    rows = on.rows(f"SELECT item, state FROM items WHERE batch = '{batch}'")  # noqa: S608
    return dict(rows)


@pytest.mark.parametrize("name", sorted(path.stem for path in LIVE.glob("*.sql")))
async def test_the_live_batches_of_an_older_version_go_on_to_their_reports(
    name: str, on: World
):
    restore(on, name)
    await on.hub.webhooks.drain()
    on.later(minutes=10)
    async with on.bot(BATCH_CONCURRENCY="9"):
        await on.until(lambda: not on.thread(15).is_open)
        await on.until(lambda: states(on, "j8j7")["15"] == "completed")
        assert states(on, "j8j7")["13"] == states(on, "j9h9")["18"] == "running"
        assert await on.answer("/batch why 16", by="grace")
        (on.folder / "go").touch()
        await on.until(lambda: states(on, "j8j7")["13"] == "completed")
        on.hub.close("ada", REPOSITORY, 23)
        on.say("/batch start j5m4", by="linus")
        await on.until(lambda: len(on.comments("report")) == 4)
        await on.dealt_with()
    assert states(on, "j8j7") == {
        "13": "completed",
        "14": "completed",
        "15": "completed",
        "16": "skipped",
        "17": "cancelled",
        "19": "completed",
    }
    assert states(on, "j9h9") == {"18": "completed"}
    assert states(on, "j5m4") == {"20": "completed", "21": "completed"}
    rows = on.rows("SELECT source, data FROM batches")
    assert [BATCH.decode(data).source for _, data in rows] == [one for one, _ in rows]
    # The commands of before, delivered once more, were known: nothing ran twice.
    outcomes = [o for (o,) in on.rows("SELECT outcome FROM deliveries")]
    again = ["batch z3w9", "plan j5m4", "batch j8j7", "skip j8j7", "cancel j8j7"]
    assert [outcome for outcome in outcomes if outcome in again] == again
    assert len(rows) == 4
    assert len(on.comments("skip")) == len(on.comments("cancel")) == 1
    opened = {t.pull.head_ref: t for t in on.repository.threads.values() if t.pull}
    assert set(opened) == {
        "batch/j8j7/13",
        "batch/j8j7/14",
        "batch/j9h9/18",
        "batch/j5m4/20",
        "batch/j5m4/21",
    }
    bases = {head: pulls.pull_of(thread).base_ref for head, thread in opened.items()}
    assert bases["batch/j9h9/18"] == "batch/z3w9/12"
    assert bases["batch/j8j7/14"] == "batch/j8j7/13"
    report = next(c.body for c in on.comments("report") if "`j8j7`" in c.body)
    assert "4 of 6 done, 1 skipped, 1 cancelled" in report
    assert on.reactions(next(c for c in on.thread().comments if c.id == 1078)) >= {
        "confused"
    }
