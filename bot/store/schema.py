"""The tables, as migrations that are applied in order and never edited.

Instants are whole microseconds since 1970 in UTC (``…_us``): compact, sorted, and exact
under subtraction. ``data`` columns hold JSON written by ``bot.store.codec``.
"""

import json
import re
from typing import Any

from sqlite_utils import Database, Migrations

migrations = Migrations("batch-bot")

# A query finds a partial index if it spells the condition in the same way.
LIVE = "state IN ('running', 'paused', 'cancelling')"
UNCONCLUDED = "state IN ('finished', 'cancelled') AND NOT is_concluded"


def known_migrations() -> frozenset[str]:
    """Return the names of all migrations of this version."""
    empty = Database(memory=True, execute_plugins=False)
    return frozenset(migration.name for migration in migrations.pending(empty))


@migrations()
def m001_begin(db: Database) -> None:
    """Create the inbox, batches with their events and projection, effects, refusals."""
    # A body is a table of its own, for an UPDATE rewrites the whole row.
    db.executescript(
        """
        CREATE TABLE deliveries (
            id INTEGER PRIMARY KEY,
            guid TEXT NOT NULL UNIQUE,
            event TEXT NOT NULL,
            received_us INTEGER NOT NULL,
            outcome TEXT
        ) STRICT;
        CREATE INDEX deliveries_unsettled ON deliveries (id) WHERE outcome IS NULL;
        CREATE INDEX deliveries_settled ON deliveries (received_us)
            WHERE outcome IS NOT NULL;
        CREATE TABLE delivery_bodies (
            delivery_id INTEGER PRIMARY KEY REFERENCES deliveries ON DELETE CASCADE,
            body BLOB NOT NULL
        ) STRICT;

        CREATE TABLE batches (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            source TEXT NOT NULL UNIQUE,
            repository_id INTEGER NOT NULL,
            thread INTEGER NOT NULL,
            state TEXT NOT NULL,
            is_concluded INTEGER NOT NULL DEFAULT FALSE,
            data TEXT NOT NULL
        ) STRICT;
        CREATE INDEX batches_of_repository ON batches (repository_id);
        CREATE INDEX batches_of_thread ON batches (repository_id, thread);
        CREATE INDEX batches_live ON batches (repository_id)
            WHERE state IN ('running', 'paused', 'cancelling');
        CREATE INDEX batches_unconcluded ON batches (number)
            WHERE state IN ('finished', 'cancelled') AND NOT is_concluded;

        CREATE TABLE items (
            batch TEXT NOT NULL REFERENCES batches (id),
            number INTEGER NOT NULL,
            action TEXT NOT NULL,
            state TEXT NOT NULL,
            attempt INTEGER NOT NULL DEFAULT 0,
            running_since_us INTEGER,
            worked_us INTEGER NOT NULL DEFAULT 0,
            ended_us INTEGER,
            requests INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (batch, number)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX items_completed ON items (action, ended_us)
            WHERE state = 'completed';
        CREATE TABLE facts (
            batch TEXT NOT NULL REFERENCES batches (id),
            number INTEGER NOT NULL,
            data TEXT NOT NULL,
            PRIMARY KEY (batch, number)
        ) STRICT;
        CREATE TABLE events (
            seq INTEGER PRIMARY KEY,
            batch TEXT NOT NULL REFERENCES batches (id),
            at_us INTEGER NOT NULL,
            kind TEXT NOT NULL,
            item INTEGER,
            data TEXT NOT NULL
        ) STRICT;
        CREATE INDEX events_of_batch ON events (batch);

        CREATE TABLE effects (
            key TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            intent TEXT NOT NULL,
            intended_us INTEGER NOT NULL,
            receipt TEXT,
            done_us INTEGER
        ) STRICT;
        CREATE TABLE refusals (
            repository_id INTEGER NOT NULL,
            login TEXT NOT NULL COLLATE NOCASE,
            refused_us INTEGER NOT NULL,
            PRIMARY KEY (repository_id, login)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE probes (
            id INTEGER PRIMARY KEY,
            probed_us INTEGER NOT NULL
        ) STRICT;
        """
    )


@migrations()
def m002_holds(db: Database) -> None:
    """Create the holds of installations, which a restart does not end."""
    db.executescript(
        """
        CREATE TABLE holds (
            installation_id INTEGER PRIMARY KEY,
            until_us INTEGER NOT NULL,
            strikes INTEGER NOT NULL
        ) STRICT;
        """
    )


@migrations()
def m003_items(db: Database) -> None:
    """Name items by their place in the plan, and note each one's repository; keep what
    started a batch as one value.
    """
    # One statement at a time: a script would end the migration's transaction.
    for statement in _ITEMS.split(";\n"):
        db.execute(statement)
    rows = db.execute("SELECT id, data FROM batches").fetchall()
    for id_, data in rows:
        db.execute(
            "UPDATE batches SET data = ? WHERE id = ?",
            (_compact(_with_request(_batch_with_ids(json.loads(data)))), id_),
        )
    rows = db.execute(
        "SELECT seq, data FROM events WHERE kind IN ('BatchRecovered', 'ControlGiven')"
    ).fetchall()
    for seq, data in rows:
        db.execute(
            "UPDATE events SET data = ? WHERE seq = ?",
            (_compact(_event_with_ids(json.loads(data))), seq),
        )


_BOX = re.compile(r"box:(?P<comment_id>\d+):(?P<verb>\w+):(?P<edit>\w*)")
_ITEMS = """
ALTER TABLE items RENAME TO old_items;
ALTER TABLE facts RENAME TO old_facts;
ALTER TABLE events RENAME TO old_events;
CREATE TABLE items (
    batch TEXT NOT NULL REFERENCES batches (id),
    item TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    action TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
    running_since_us INTEGER,
    worked_us INTEGER NOT NULL DEFAULT 0,
    ended_us INTEGER,
    requests INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (batch, item)
) STRICT, WITHOUT ROWID;
CREATE TABLE facts (
    batch TEXT NOT NULL REFERENCES batches (id),
    item TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (batch, item)
) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    batch TEXT NOT NULL REFERENCES batches (id),
    at_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    item TEXT,
    data TEXT NOT NULL
) STRICT;
INSERT INTO items
    SELECT batch, CAST(old_items.number AS TEXT), repository_id, old_items.number,
        action, old_items.state, attempt, running_since_us, worked_us, ended_us, requests
    FROM old_items JOIN batches ON batches.id = batch;
INSERT INTO facts SELECT batch, CAST(number AS TEXT), data FROM old_facts;
INSERT INTO events
    SELECT seq, batch, at_us, kind, CAST(item AS TEXT),
        iif(item IS NULL, data, json_set(data, '$.item', CAST(item AS TEXT)))
    FROM old_events;
DROP TABLE old_items;
DROP TABLE old_facts;
DROP TABLE old_events;
CREATE INDEX items_completed ON items (action, ended_us) WHERE state = 'completed';
CREATE INDEX items_of_number ON items (repository_id, number);
CREATE INDEX events_of_batch ON events (batch)"""


def _batch_with_ids(batch: dict[str, Any]) -> dict[str, Any]:
    plan = batch["plan"]
    for item in plan["items"]:
        item["id"] = str(item["number"])
        item["repository"] = batch["repository"]
    for edge in plan["edges"]:
        edge["successor"] = str(edge["successor"])
        edge["predecessor"] = str(edge["predecessor"])
    for edge in plan["outside"]:
        edge["successor"] = str(edge["successor"])
    batch["builds_on"] = [
        (str(item), before, branch) for item, before, branch in batch["builds_on"]
    ]
    return batch


def _with_request(batch: dict[str, Any]) -> dict[str, Any]:
    name, _, part = batch.pop("source").partition(".")
    comment = {
        "id": batch.pop("comment_id"),
        "kind": batch.pop("comment_kind"),
        "node_id": batch.pop("comment_node_id"),
    }
    origin = comment
    if box := _BOX.fullmatch(name):
        origin = {**box.groupdict(), "comment_id": int(box["comment_id"])}
    moved = ("repository", "thread", "thread_is_pull_request", "asker")
    request = {key: batch.pop(key) for key in moved}
    request["origin"] = origin
    request["part"] = int(part or 0)
    return {"id": batch.pop("id"), "request": request, **batch}


def _event_with_ids(event: dict[str, Any]) -> dict[str, Any]:
    # What a control ignores are numbers that were typed: they stay.
    for name in ("kept", "again", "touched", "stopping", "too_late"):
        if name in event:
            event[name] = [str(number) for number in event[name]]
    return event


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@migrations()
def m004_news(db: Database) -> None:
    """Delete events that are no history: what attempts said, and who took them."""
    db.execute("DELETE FROM events WHERE kind IN ('ItemProgressed', 'ItemSubmitted')")


@migrations()
def m005_steps(db: Database) -> None:
    """Say what items do and which worker runs their command; what was accepted is the
    result of a command. Work that is one effect of the bot needs no accepting.
    """
    for id_, data in db.execute("SELECT id, data FROM batches").fetchall():
        batch = json.loads(data)
        for item in batch["plan"]["items"]:
            _say_what_it_does(item)
            db.execute(
                "UPDATE items SET action = ? WHERE batch = ? AND item = ?",
                (_kind_of(item), id_, item["id"]),
            )
        db.execute("UPDATE batches SET data = ? WHERE id = ?", (_compact(batch), id_))
    accepted = "SELECT seq, data FROM events WHERE kind = 'ItemAccepted'"
    for seq, data in db.execute(accepted).fetchall():
        event = json.loads(data)
        result = _result_of(event.pop("work"))
        if result is not None:
            event["result"] = result
            row = (_compact(event), seq)
            db.execute("UPDATE events SET data = ? WHERE seq = ?", row)
        else:
            db.execute("DELETE FROM events WHERE seq = ?", (seq,))


def _say_what_it_does(item: dict[str, Any]) -> None:
    action = item["action"]
    if action["command"]:
        action["uses"] = "implement"
    runner = item.pop("runner")
    item["worker"] = "" if runner == "builtin" else runner


def _kind_of(item: dict[str, Any]) -> str:
    action = item["action"]
    does = action["uses"] or action["name"]
    if not item["worker"]:
        return str(does)
    return f"{action['command'] or does}@{item['repository']['id']}"


def _result_of(text: str) -> dict[str, Any] | None:
    """Return what a command had made; None for what needs no accepting, or is no work
    that can be brought to GitHub.
    """
    try:
        work = json.loads(text)
        sha = work["sha"]
    except (ValueError, TypeError, KeyError):
        return None
    return {
        "exit_code": 0,
        "commit": sha,
        "files": work["files"],
        "insertions": work["insertions"],
        "deletions": work["deletions"],
        "outputs": {"result.json": _compact(work["result"])},
    }


@migrations()
def m006_freezes(db: Database) -> None:
    """Create the branches that nobody merges into for a time; one that was ended stays,
    with the request that ended it, so that this is answered once.
    """
    db.executescript(
        """
        CREATE TABLE freezes (
            repository_id INTEGER NOT NULL,
            branch TEXT NOT NULL,
            login TEXT NOT NULL,
            frozen_us INTEGER NOT NULL,
            reason TEXT NOT NULL,
            url TEXT NOT NULL,
            source TEXT NOT NULL,
            ended_us INTEGER,
            ended_source TEXT,
            PRIMARY KEY (repository_id, branch)
        ) STRICT, WITHOUT ROWID;
        """
    )


@migrations()
def m007_timetables(db: Database) -> None:
    """Create what is known of the schedules of repositories, one row for each of these."""
    db.executescript(
        """
        CREATE TABLE timetables (
            repository_id INTEGER PRIMARY KEY,
            data TEXT NOT NULL
        ) STRICT;
        """
    )


@migrations()
def m008_planned(db: Database) -> None:
    """Find plans quickly, of which some start by themselves."""
    db.executescript(
        """
        CREATE INDEX batches_planned ON batches (number) WHERE state = 'planned';
        """
    )


@migrations()
def m009_hidden(db: Database) -> None:
    """Find quickly what batches have written that may not be shown any more."""
    db.executescript(
        """
        CREATE INDEX events_hidden ON events (batch) WHERE kind = 'RepositoryHidden';
        """
    )


@migrations()
def m010_usages(db: Database) -> None:
    """Create what ended items took, as ``bot.store.costs`` keeps it: of all events up to
    a place, at first of none.
    """
    # It lies in the order of time: a look reads its own time, whatever was before.
    db.executescript(
        """
        CREATE TABLE usages (
            batch TEXT NOT NULL REFERENCES batches (id),
            item TEXT NOT NULL,
            repository_id INTEGER NOT NULL,
            repository TEXT NOT NULL,
            action TEXT NOT NULL,
            state TEXT NOT NULL,
            ended_us INTEGER NOT NULL,
            worked_us INTEGER,
            requests INTEGER NOT NULL,
            retries INTEGER NOT NULL,
            items_us INTEGER NOT NULL,
            retry_us INTEGER NOT NULL,
            paused_us INTEGER NOT NULL,
            requests_us INTEGER NOT NULL,
            slot_us INTEGER NOT NULL,
            outside_us INTEGER NOT NULL,
            PRIMARY KEY (ended_us, batch, item)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX usages_of_batch ON usages (batch);
        CREATE TABLE usages_place (
            id INTEGER PRIMARY KEY,
            seq INTEGER NOT NULL
        ) STRICT;
        INSERT INTO usages_place (id, seq) VALUES (1, 0);
        """
    )
