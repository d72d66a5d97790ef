"""Batches, their frozen facts, their events, and what the events add up to.

``batches.state`` and ``items`` are a projection of the events for questions across
batches; what an event does to a state stands in ``bot.core.run.transitions``.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any, assert_never

from bot.core import events as e
from bot.core.actions.table import estimate_key
from bot.core.model import (
    Batch,
    BatchId,
    BatchState,
    Expectation,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemNumber,
    ItemState,
    PlanItem,
)
from bot.core.run.transitions import after, batch_after
from bot.ports.store import BatchSummary, History
from bot.store.codec import BATCH, FACTS, decode_event, encode_event, to_us
from bot.store.connection import Connections, insert, marks
from bot.store.schema import LIVE, UNCONCLUDED

_SAMPLE_SIZE = 100
"""How many past items of an action its expectation is the median of."""

_ADVANCE_BATCH = "UPDATE batches SET state = ? WHERE id = ?"
_CONCLUDE_BATCH = "UPDATE batches SET is_concluded = TRUE WHERE id = ?"
# Only a running item has running_since_us, so that others work for no time.
_ADVANCE_ITEM = """
    UPDATE items SET
        state = ?1,
        attempt = ifnull(?2, attempt),
        running_since_us = ?3,
        worked_us = worked_us + ifnull(?4 - running_since_us, 0),
        ended_us = ?5,
        requests = requests + ?6
    WHERE batch = ?7 AND item = ?8
"""
_RESOLVE_ITEM = "UPDATE items SET number = ? WHERE batch = ? AND item = ?"
_EVENTS_OF = "SELECT seq, kind, data FROM events WHERE batch = ? ORDER BY seq"
# DISTINCT would read the whole index; this takes one step for each action.
_ACTIONS = """
    WITH RECURSIVE actions (name) AS (
        SELECT min(action) FROM items WHERE state = 'completed'
        UNION ALL
        SELECT (
            SELECT min(action) FROM items WHERE state = 'completed' AND action > name
        )
        FROM actions WHERE name IS NOT NULL
    )
    SELECT name FROM actions WHERE name IS NOT NULL
"""

_STARTING = """
    SELECT batches.data, events.kind, events.data
    FROM batches INDEXED BY batches_planned JOIN events ON events.batch = batches.id
    WHERE batches.state = 'planned' AND events.kind = 'BatchPlanned'
    AND events.data ->> '$.starts_at' IS NOT NULL
    ORDER BY number
"""

_TO_BE_REDRAWN = """
    SELECT id FROM batches WHERE id IN (
        SELECT hidden.batch FROM events AS hidden INDEXED BY events_hidden
        WHERE hidden.kind = 'RepositoryHidden' AND NOT EXISTS (
            SELECT 1 FROM events AS redrawn,
                json_each(redrawn.data, '$.repository_ids') AS place
            WHERE redrawn.batch = hidden.batch AND redrawn.kind = 'CommentsRedrawn'
            AND place.value = hidden.data ->> '$.repository_id'
        )
    )
    ORDER BY number DESC
"""

_Created = tuple[Batch, Mapping[ItemId, ItemFacts], Sequence[e.Event]]


class SqliteBatches:
    """Implements ``bot.ports.Batches``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def create(
        self,
        batch: Batch,
        facts: Mapping[ItemId, ItemFacts],
        events: Sequence[e.Event],
    ) -> bool:
        """Keep a batch; return False if its source or its id is taken."""
        return await self._connections.write(_create, (batch, facts, events))

    async def append(
        self, events: Mapping[BatchId, Sequence[e.Event]]
    ) -> Mapping[BatchId, int]:
        """Add events and bring the projection along, in one transaction.

        Return the place of each batch's newest event. Raises ``LookupError`` for an
        unknown batch or item.
        """
        return await self._connections.write(_append, events)

    async def load(self, batch_id: BatchId) -> Batch | None:
        """Return a batch."""
        return await self._one("SELECT data FROM batches WHERE id = ?", batch_id)

    async def by_source(self, source: str) -> Batch | None:
        """Return the batch that *source* started."""
        return await self._one("SELECT data FROM batches WHERE source = ?", source)

    async def events(self, batch_id: BatchId) -> Sequence[e.Event]:
        """Return all events of a batch, oldest first."""
        rows = await self._rows(_EVENTS_OF, batch_id)
        return [decode_event(kind, data) for _, kind, data in rows]

    async def history(self, batch_id: BatchId) -> History:
        """Return a batch with its events. Raises ``LookupError`` if there is none."""
        return await self._connections.read(lambda c: history_of(c, batch_id))

    async def facts(
        self, batch_id: BatchId, items: Sequence[ItemId]
    ) -> Mapping[ItemId, ItemFacts]:
        """Return the facts of items as they were when the command was accepted.

        Raises ``LookupError`` if the batch has no such item.
        """
        rows = await self._rows(
            f"SELECT item, data FROM facts WHERE batch = ? AND item IN {marks(1, len(items))}",  # noqa: S608 - of question marks
            batch_id,
            *items,
        )
        if missing := set(items) - {item for item, _ in rows}:
            message = f"batch {batch_id} has no facts of {sorted(missing)}"
            raise LookupError(message)
        return {item: FACTS.decode(data) for item, data in rows}

    async def keep_facts(
        self, batch_id: BatchId, facts: Mapping[ItemId, ItemFacts]
    ) -> None:
        """Keep the facts of items that are about to be added to a batch."""
        await self._connections.write(_keep_facts, (batch_id, facts))

    async def live(self) -> Sequence[BatchId]:
        """Return the batches with work left, oldest first."""
        rows = await self._rows(
            f"SELECT id FROM batches INDEXED BY batches_live WHERE {LIVE} ORDER BY number"  # noqa: S608 - a constant
        )
        return [id_ for (id_,) in rows]

    async def busy_installations(self) -> Sequence[InstallationId]:
        """Return the installations in which batches with work left were begun."""
        where = "data ->> '$.request.repository.installation_id'"
        rows = await self._rows(
            f"SELECT DISTINCT {where} FROM batches INDEXED BY batches_live WHERE {LIVE}"  # noqa: S608 - constants
        )
        return [InstallationId(found) for (found,) in rows]

    async def unconcluded(self) -> Sequence[BatchId]:
        """Return the batches that have ended without a report, oldest first."""
        rows = await self._rows(
            f"SELECT id FROM batches INDEXED BY batches_unconcluded WHERE {UNCONCLUDED} ORDER BY number"  # noqa: S608 - a constant
        )
        return [id_ for (id_,) in rows]

    async def starting(self) -> Sequence[tuple[Batch, e.BatchPlanned]]:
        """Return the plans that start by themselves, oldest first."""
        rows = await self._rows(_STARTING)
        found = []
        for data, kind, event in rows:
            planned = decode_event(kind, event)
            assert isinstance(planned, e.BatchPlanned)
            found.append((BATCH.decode(data), planned))
        return found

    async def recent(
        self, repository_id: int, *, thread: ItemNumber | None = None, limit: int = 20
    ) -> Sequence[BatchSummary]:
        """Return batches of a repository (of one thread), newest first."""
        if thread is None:
            return await self._summaries("", repository_id, limit=limit)
        return await self._summaries(
            "AND thread = ?", repository_id, thread, limit=limit
        )

    async def latest(self, *, limit: int) -> Sequence[BatchId]:
        """Return batches of all repositories: those with work left, then the newest."""
        rows = await self._rows(
            f"SELECT id FROM batches ORDER BY {LIVE} DESC, number DESC LIMIT ?",  # noqa: S608 - of a constant
            limit,
        )
        return [BatchId(id_) for (id_,) in rows]

    async def live_in(self, repository_id: int) -> Sequence[BatchSummary]:
        """Return the batches of a repository with work left, newest first."""
        return await self._summaries(f"AND {LIVE}", repository_id, limit=-1)

    async def counts_in(self, repository_id: int) -> Mapping[BatchState, int]:
        """Return how many batches a repository has in each state that occurs."""
        rows = await self._rows(
            "SELECT state, count(*) FROM batches WHERE repository_id = ? GROUP BY state",
            repository_id,
        )
        return {BatchState(state): count for state, count in rows}

    async def with_item(
        self, repository_id: int, number: ItemNumber, *, limit: int = 20
    ) -> Sequence[BatchSummary]:
        """Return batches of a repository that have an item of it, newest first."""
        having = """
            AND id IN (
                SELECT batch FROM items WHERE items.repository_id = ? AND items.number = ?
            )
        """
        return await self._summaries(
            having, repository_id, repository_id, number, limit=limit
        )

    async def across(self, repository_id: int) -> Sequence[BatchId]:
        """Return the batches at home in a repository that have items of others, and those
        at home in others that have items of it, newest first.
        """
        rows = await self._rows(
            """
            SELECT id FROM batches
            WHERE id IN (
                SELECT batch FROM items WHERE items.repository_id = ?1
                UNION ALL SELECT id FROM batches WHERE repository_id = ?1
            )
            AND EXISTS (
                SELECT 1 FROM items
                WHERE batch = id AND items.repository_id != batches.repository_id
                AND ?1 IN (items.repository_id, batches.repository_id)
            )
            ORDER BY number DESC
            """,
            repository_id,
        )
        return [id_ for (id_,) in rows]

    async def to_be_redrawn(self) -> Sequence[BatchId]:
        """Return the batches whose comments may still say what is hidden, newest first."""
        return [id_ for (id_,) in await self._rows(_TO_BE_REDRAWN)]

    async def live_items(
        self, repository_id: int, numbers: Sequence[ItemNumber]
    ) -> Mapping[ItemNumber, BatchId]:
        """Return which of a repository's *numbers* have an unfinished item in a live
        batch of any.
        """
        rows = await self._rows(
            f"""
            SELECT items.number, batch
            FROM items CROSS JOIN batches ON batches.id = batch AND batches.{LIVE}
            WHERE items.repository_id = ? AND items.number IN {marks(1, len(numbers))}
            AND items.state IN ('pending', 'running')
            """,  # noqa: S608 - of constants and question marks
            repository_id,
            *numbers,
        )
        return dict(rows)

    async def expectations(self) -> Mapping[str, Expectation]:
        """Return medians of past items by action name, of at most the last 100 each."""

        def query(connection: sqlite3.Connection) -> dict[str, Expectation]:
            actions = connection.execute(_ACTIONS).fetchall()
            found = {name: _expectation(connection, name) for (name,) in actions}
            return {name: one for name, one in found.items() if one is not None}

        return await self._connections.read(query)

    async def _summaries(
        self, condition: str, *parameters: int, limit: int
    ) -> Sequence[BatchSummary]:
        rows = await self._rows(
            f"""
            SELECT data, state FROM batches WHERE repository_id = ? {condition}
            ORDER BY number DESC LIMIT ?
            """,  # noqa: S608 - of constants and question marks
            *parameters,
            limit,
        )
        return [
            BatchSummary(BATCH.decode(data), BatchState(state)) for data, state in rows
        ]

    async def _one(self, sql: str, *parameters: Any) -> Batch | None:
        rows = await self._rows(sql, *parameters)
        return BATCH.decode(rows[0][0]) if rows else None

    async def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        return await self._connections.read(
            lambda connection: connection.execute(sql, parameters).fetchall()
        )


def history_of(connection: sqlite3.Connection, batch_id: BatchId) -> History:
    """Return a batch with its events. Raises ``LookupError`` if there is none."""
    found = connection.execute("SELECT data FROM batches WHERE id = ?", (batch_id,))
    batches = found.fetchall()
    if not batches:
        message = f"there is no batch {batch_id}"
        raise LookupError(message)
    rows = connection.execute(_EVENTS_OF, (batch_id,)).fetchall()
    return History(
        BATCH.decode(batches[0][0]),
        [decode_event(kind, data) for _, kind, data in rows],
        place=rows[-1][0] if rows else 0,
    )


def _expectation(connection: sqlite3.Connection, action: str) -> Expectation | None:
    rows = connection.execute(
        """
        SELECT worked_us, requests FROM items
        WHERE state = 'completed' AND action = ? AND attempt > 0
        ORDER BY ended_us DESC LIMIT ?
        """,
        (action, _SAMPLE_SIZE),
    ).fetchall()
    if not rows:  # others did them all
        return None
    return Expectation(
        seconds=median(worked_us for worked_us, _ in rows) / 1e6,
        requests=float(median(requests for _, requests in rows)),
    )


def _create(
    connection: sqlite3.Connection, batches: Sequence[_Created]
) -> Sequence[bool]:
    return [_create_one(connection, *created) for created in batches]


def _create_one(
    connection: sqlite3.Connection,
    batch: Batch,
    facts: Mapping[ItemId, ItemFacts],
    events: Sequence[e.Event],
) -> bool:
    cursor = connection.execute(
        """
        INSERT INTO batches (id, source, repository_id, thread, state, data)
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """,
        (
            batch.id,
            batch.source,
            batch.repository.id,
            batch.thread,
            BatchState.PLANNED,
            BATCH.encode(batch),
        ),
    )
    if cursor.rowcount == 0:
        return False
    _add_items(connection, [(batch.id, item) for item in batch.plan.items])
    insert(
        connection,
        "facts (batch, item, data)",
        [(batch.id, item, FACTS.encode(fact)) for item, fact in facts.items()],
    )
    _append(connection, [{batch.id: events}])
    return True


def _add_items(
    connection: sqlite3.Connection, items: Iterable[tuple[BatchId, PlanItem]]
) -> None:
    insert(
        connection,
        "items (batch, item, repository_id, number, action, state)",
        [
            (
                batch_id,
                item.id,
                item.repository.id,
                item.number,
                estimate_key(item),
                ItemState.PENDING,
            )
            for batch_id, item in items
        ],
    )


def _keep_facts(
    connection: sqlite3.Connection,
    kept: Sequence[tuple[BatchId, Mapping[ItemId, ItemFacts]]],
) -> Sequence[None]:
    sql = "INSERT OR REPLACE INTO facts (batch, item, data) VALUES (?, ?, ?)"
    rows = [
        (batch_id, item, FACTS.encode(fact))
        for batch_id, facts in kept
        for item, fact in facts.items()
    ]
    connection.executemany(sql, rows)
    return [None] * len(kept)


def _append(
    connection: sqlite3.Connection,
    appended: Sequence[Mapping[BatchId, Sequence[e.Event]]],
) -> Sequence[Mapping[BatchId, int]]:
    pairs = [
        (batch_id, event)
        for batches in appended
        for batch_id, events in batches.items()
        for event in events
    ]
    concluded = [
        (batch_id,) for batch_id, event in pairs if isinstance(event, e.BatchConcluded)
    ]
    items = [
        (*changes, batch_id, event.item)
        for batch_id, event in pairs
        if isinstance(event, e.ItemEvent) and (changes := _item_changes(event))
    ]
    resolved = [
        (event.opened.number, batch_id, event.item)
        for batch_id, event in pairs
        if isinstance(event, e.ItemResolved)
    ]
    added = [
        (batch_id, item)
        for batch_id, event in pairs
        if isinstance(event, e.BatchEdited)
        for item in event.change.items
    ]
    _advance_batches(connection, pairs)
    _add_items(connection, added)
    _update(connection, _RESOLVE_ITEM, resolved)
    _update(connection, _CONCLUDE_BATCH, concluded)
    _update(connection, _ADVANCE_ITEM, items)
    insert(connection, "events (batch, at_us, kind, item, data)", _event_rows(pairs))
    return _places(connection, appended, count=len(pairs))


def _places(
    connection: sqlite3.Connection,
    appended: Iterable[Mapping[BatchId, Sequence[e.Event]]],
    *,
    count: int,
) -> Sequence[Mapping[BatchId, int]]:
    """Return the places of what was inserted just now: it got them one by one."""
    [(newest,)] = connection.execute("SELECT ifnull(max(seq), 0) FROM events")
    place = newest - count
    found: list[Mapping[BatchId, int]] = []
    for batches in appended:
        places: dict[BatchId, int] = {}
        for batch_id, events in batches.items():
            place += len(events)
            places[batch_id] = place
        found.append(places)
    return found


def _event_rows(
    pairs: Iterable[tuple[BatchId, e.Event]],
) -> list[tuple[str, int, str, str | None, str]]:
    rows: list[tuple[str, int, str, str | None, str]] = []
    for batch_id, event in pairs:
        kind, data = encode_event(event)
        rows.append(
            (batch_id, to_us(event.at), kind, getattr(event, "item", None), data)
        )
    return rows


def _update(
    connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    # Every row must exist, or the projection would fall behind the events.
    if rows and connection.executemany(sql, rows).rowcount != len(rows):
        raise _not_stored(rows[0][-2:])


def _advance_batches(
    connection: sqlite3.Connection, pairs: Iterable[tuple[BatchId, e.Event]]
) -> None:
    before: dict[BatchId, BatchState] = {}
    states: dict[BatchId, BatchState] = {}
    for batch_id, event in pairs:
        if isinstance(event, e.ItemEvent):
            continue
        if batch_id not in states:
            states[batch_id] = before[batch_id] = _state(connection, batch_id)
        states[batch_id] = batch_after(states[batch_id], event) or states[batch_id]
    # An UPDATE writes the whole row again, with the plan.
    changed = [(s, id_) for id_, s in states.items() if s is not before[id_]]
    _update(connection, _ADVANCE_BATCH, changed)


def _state(connection: sqlite3.Connection, batch_id: BatchId) -> BatchState:
    sql = "SELECT state FROM batches WHERE id = ?"
    for (state,) in connection.execute(sql, (batch_id,)):
        return BatchState(state)
    raise _not_stored(batch_id)


_Changes = tuple[ItemState, int | None, int | None, int | None, int | None, int]
"""State, attempt, running since, worked until, ended at, more requests."""


def _item_changes(event: e.ItemEvent) -> _Changes | None:
    state = after(event)
    if state is None:
        return None
    at_us = to_us(event.at)
    match event:
        case e.ItemStarted(attempt=attempt):
            return state, attempt, at_us, None, None, 0
        case e.ItemRetrying() | e.ItemEnded() | e.ItemCancelled():
            return state, None, None, at_us, at_us, event.requests
        case e.ItemSkipped():
            return state, None, None, None, at_us, 0
        case e.ItemReset():
            return state, None, None, None, None, 0
        case e.ItemResolved() | e.ItemAccepted() | e.ItemParked() | e.ItemUnparked():
            return None
        case _:
            assert_never(event)


def _not_stored(what: object) -> LookupError:
    """Return the bug of events about a batch or item that is not stored."""
    return LookupError("not stored", what)
