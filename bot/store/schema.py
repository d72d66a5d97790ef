"""The tables, as migrations that are applied in order and never edited.

Instants are whole microseconds since 1970 in UTC (``…_us``): compact, sorted, and exact
under subtraction. ``data`` columns hold JSON written by ``bot.store.codec``.
"""

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
def m004_news(db: Database) -> None:
    """Delete events that are no history: what attempts said, and who took them."""
    db.execute("DELETE FROM events WHERE kind IN ('ItemProgressed', 'ItemSubmitted')")
