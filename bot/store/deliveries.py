"""The inbox on disk: each GUID once, with its body as it came while that matters."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.core.command.trigger import OWN_EVENTS
from bot.ports.store import Arrivals, Backlog, Delivery
from bot.store.codec import from_us, to_us
from bot.store.connection import Connections, insert, marks

WAITING = "waits"
"""What has become of a delivery that nobody has dealt with."""

_AT_A_TIME = 500
"""What one write deletes: who waits for the next one waits for a few milliseconds."""


_FAILED = f"""
    SELECT count(*) FROM deliveries INDEXED BY deliveries_settled
    WHERE outcome IS NOT NULL AND received_us >= ?
    AND (outcome GLOB 'failed:*' OR outcome GLOB 'gave up:*'
        OR outcome GLOB 'internal error:*')
    AND event NOT IN {marks(1, len(OWN_EVENTS))}
"""  # noqa: S608 - of question marks


class SqliteDeliveries:
    """Implements ``bot.ports.Deliveries``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def add(self, delivery: Delivery) -> bool:
        """Keep a delivery; return False if its GUID is known."""
        return await self._connections.write(_add, delivery)

    async def unsettled(self, *, after_id: int, limit: int) -> Sequence[int]:
        """Return the ids of deliveries that nobody has dealt with, oldest first."""
        rows = await self._connections.read(
            lambda connection: connection.execute(
                """
                SELECT id FROM deliveries
                WHERE outcome IS NULL AND id > ? ORDER BY id LIMIT ?
                """,
                (after_id, limit),
            ).fetchall()
        )
        return [id_ for (id_,) in rows]

    async def load(self, delivery_id: int) -> Delivery:
        """Return a delivery. Raises ``LookupError`` if none with a body has this id."""
        row = await self._connections.read(
            lambda connection: connection.execute(
                """
                SELECT guid, event, received_us, body FROM deliveries
                JOIN delivery_bodies ON delivery_id = id WHERE id = ?
                """,
                (delivery_id,),
            ).fetchone()
        )
        if row is None:
            message = f"there is no delivery {delivery_id} with a body"
            raise LookupError(message)
        guid, event, received_us, body = row
        return Delivery(guid, event, from_us(received_us), body)

    async def backlog(self) -> Backlog:
        """Return how many deliveries nobody has dealt with, and since when."""
        (count,), oldest = await self._connections.read(
            lambda connection: (
                connection.execute(
                    "SELECT count(*) FROM deliveries WHERE outcome IS NULL"
                ).fetchone(),
                connection.execute(
                    """
                    SELECT received_us FROM deliveries
                    WHERE outcome IS NULL ORDER BY id LIMIT 1
                    """
                ).fetchone(),
            )
        )
        return Backlog(count, from_us(oldest[0]) if oldest else None)

    async def arrivals(self, *, since: datetime) -> Arrivals:
        """Return what has come from GitHub; failures of what came *since* then."""
        own = tuple(OWN_EVENTS)
        (last_us,), (failed,) = await self._connections.read(
            lambda connection: (
                connection.execute(
                    f"""
                    SELECT max(received_us) FROM (
                        SELECT received_us FROM deliveries
                        WHERE event NOT IN {marks(1, len(own))}
                        ORDER BY id DESC LIMIT 1
                    )
                    """,  # noqa: S608 - of question marks
                    own,
                ).fetchone(),
                connection.execute(_FAILED, (to_us(since), *own)).fetchone(),
            )
        )
        return Arrivals(from_us(last_us) if last_us is not None else None, failed)

    async def settle(self, delivery_id: int, *, outcome: str) -> None:
        """Note that a delivery was dealt with, and how."""
        await self._connections.write(_settle, (outcome, delivery_id))

    async def known_guids(self, guids: Sequence[str]) -> frozenset[str]:
        """Return which of *guids* are stored."""
        return await self._connections.read(lambda c: _known(c, guids))

    async def outcomes(self, guids: Sequence[str]) -> Mapping[str, str]:
        """Return what became of those of *guids* that are stored."""
        return await self._connections.read(lambda c: _outcomes(c, guids))

    async def prune(self, *, before: datetime, bodies_before: datetime) -> int:
        """Delete what is settled and was received before; return how many deliveries.

        Other writes come in between.
        """
        while await self._connections.write(_prune_bodies, to_us(bodies_before)):
            pass
        pruned = 0
        while some := await self._connections.write(_prune, to_us(before)):
            pruned += some
        return pruned


def _add(
    connection: sqlite3.Connection, deliveries: Sequence[Delivery]
) -> Sequence[bool]:
    known = set(_known(connection, [delivery.guid for delivery in deliveries]))
    # Ids are given here, not by SQLite, so that one statement takes all rows.
    (last_id,) = connection.execute(
        "SELECT ifnull(max(id), 0) FROM deliveries"
    ).fetchone()
    rows: list[tuple[int, str, str, int, str | None]] = []
    bodies: list[tuple[int, bytes | bytearray]] = []
    is_new: list[bool] = []
    for delivery in deliveries:
        is_new.append(delivery.guid not in known)
        if is_new[-1]:
            known.add(delivery.guid)
            last_id += 1
            received_us = to_us(delivery.received_at)
            outcome = delivery.outcome or None
            rows.append((last_id, delivery.guid, delivery.event, received_us, outcome))
            if outcome is None:
                bodies.append((last_id, delivery.body))
    insert(connection, "deliveries (id, guid, event, received_us, outcome)", rows)
    insert(connection, "delivery_bodies (delivery_id, body)", bodies)
    return is_new


def _known(connection: sqlite3.Connection, guids: Sequence[str]) -> frozenset[str]:
    found: set[str] = set()
    for start in range(0, len(guids), 500):
        some = guids[start : start + 500]
        rows = connection.execute(
            f"SELECT guid FROM deliveries WHERE guid IN {marks(1, len(some))}",  # noqa: S608 - of question marks
            tuple(some),
        )
        found.update(guid for (guid,) in rows)
    return frozenset(found)


def _outcomes(
    connection: sqlite3.Connection, guids: Sequence[str]
) -> Mapping[str, str]:
    rows = connection.execute(
        f"SELECT guid, outcome FROM deliveries WHERE guid IN {marks(1, len(guids))}",  # noqa: S608 - of question marks
        tuple(guids),
    )
    return {guid: outcome or WAITING for guid, outcome in rows}


def _settle(
    connection: sqlite3.Connection, settlements: Sequence[tuple[str, int]]
) -> Sequence[None]:
    connection.executemany(
        "UPDATE deliveries SET outcome = ? WHERE id = ?", settlements
    )
    return [None] * len(settlements)


def _prune_bodies(
    connection: sqlite3.Connection, befores: Sequence[int]
) -> Sequence[int]:
    # It begins at the oldest body and ends at the newest that may go: those that have
    # to stay are not looked at each time.
    return [
        connection.execute(
            """
            DELETE FROM delivery_bodies WHERE delivery_id IN (
                SELECT delivery_id FROM delivery_bodies
                CROSS JOIN deliveries ON id = delivery_id
                WHERE delivery_id <= (
                    SELECT id FROM deliveries
                    WHERE outcome IS NOT NULL AND received_us < ?
                    ORDER BY received_us DESC LIMIT 1
                )
                AND outcome IS NOT NULL AND received_us < ? LIMIT ?
            )
            """,
            (before_us, before_us, _AT_A_TIME),
        ).rowcount
        for before_us in befores
    ]


def _prune(connection: sqlite3.Connection, befores: Sequence[int]) -> Sequence[int]:
    # The newest row stays, or its id would be given a second time and an inbox that
    # asks for what came after that id would miss it.
    return [
        connection.execute(
            """
            DELETE FROM deliveries WHERE id IN (
                SELECT id FROM deliveries
                WHERE outcome IS NOT NULL AND received_us < ?
                AND id < (SELECT max(id) FROM deliveries) LIMIT ?
            )
            """,
            (before_us, _AT_A_TIME),
        ).rowcount
        for before_us in befores
    ]
