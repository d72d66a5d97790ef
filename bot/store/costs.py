"""What batches cost over time: kept for each item that ended, and added up by SQL.

What the items of a batch took is worked out once it is over, of all its events, and kept
with the place in the table of events up to which all that is over is in. A look works out
for itself what goes on or has later events. Whoever changes what is worked out empties
both tables in a migration.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from bot.core.model import BatchId
from bot.core.run.usage import (
    Stats,
    StatsDay,
    StatsRow,
    Wait,
    item_usages,
    without_gaps,
)
from bot.store.batches import history_of
from bot.store.codec import to_us
from bot.store.connection import Connections, insert
from bot.store.schema import LIVE

SLICE = 1000
"""Events that are gone through at a time."""

_US = timedelta(microseconds=1)
_PLACE = "SELECT seq FROM usages_place"
_AHEAD = "SELECT seq FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
# To find each once, an index would be gone through, and with it all events there are.
_WITH_EVENTS = "SELECT DISTINCT batch FROM events NOT INDEXED WHERE seq > :place"
# A batch comes with its last event: until it is over, more are to follow.
_OVER = f"""
    SELECT batch FROM ({_WITH_EVENTS} AND seq <= :end) AS one JOIN batches ON id = batch
    WHERE NOT {LIVE}
    AND NOT EXISTS (SELECT 1 FROM events WHERE batch = one.batch AND seq > :end)
"""  # noqa: S608 - of constants
_NOT_KEPT = f"""
    {_WITH_EVENTS} UNION SELECT id FROM batches INDEXED BY batches_live WHERE {LIVE}
"""  # noqa: S608 - of constants
_ENDS = """
    sum(state = 'completed'), sum(state = 'failed'),
    sum(state = 'skipped'), sum(state = 'cancelled')
"""
# Of a column that is not added up SQLite takes what stands beside the maximum.
_SUMS = f"""
    SELECT repository_id, action, repository, max(ended_us),
        {_ENDS}, sum(requests), sum(retries),
        {", ".join(f"sum({wait}_us) / 1e6" for wait in Wait)}
    FROM ended GROUP BY repository_id, action
"""  # noqa: S608 - of constants
# Sorted, so that the rows' numbers are ranks: half the time of window functions.
_TIMES = """
    CREATE TEMP TABLE times AS
    SELECT repository_id, action, worked_us FROM ended
    WHERE state = 'completed' AND worked_us NOT NULL
    ORDER BY repository_id, action, worked_us
"""
_RANKED = """
    SELECT repository_id, action,
        (SELECT avg(worked_us) / 1e6 FROM times
            WHERE rowid IN (first + (count - 1) / 2, first + count / 2)),
        (SELECT worked_us / 1e6 FROM times
            WHERE rowid = first + (9 * count + 9) / 10 - 1)
    FROM (
        SELECT repository_id, action, min(rowid) AS first, count(*) AS count
        FROM times GROUP BY repository_id, action
    )
"""
_DAYS = f"""
    SELECT date(ended_us / 1000000, 'unixepoch') AS day, {_ENDS}
    FROM ended GROUP BY day ORDER BY day
"""  # noqa: S608 - of constants


@dataclass(frozen=True, slots=True)
class _Slice:
    """What came of the events up to a place."""

    end: int
    batches: Sequence[BatchId]
    rows: Sequence[tuple[Any, ...]]


class SqliteCosts:
    """Implements ``bot.ports.Costs``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def between(self, since: datetime, until: datetime) -> Stats:
        """Return the figures of the items that ended in a time, both ends included."""

        def query(connection: sqlite3.Connection) -> Stats:
            connection.execute("BEGIN")  # all is as of now
            _gather(connection, since, until)
            return Stats(since, until, _rows(connection), _days(connection))

        return await self._connections.read_apart(query)

    async def keep_more(self) -> bool:
        """Keep what came of the next events; return False if that was all of them."""
        found = await self._connections.read_apart(_next_slice)
        if found is not None:
            await self._connections.write(_keep, found)
        return found is not None


def _gather(connection: sqlite3.Connection, since: datetime, until: datetime) -> None:
    """Make ``ended``, the rows of the items that ended in a time, as they are now."""
    [(place,)] = connection.execute(_PLACE).fetchall()
    others = _NOT_KEPT.replace(":place", f"{place:d}")  # a view has no parameters
    span = f"ended_us BETWEEN {to_us(since):d} AND {to_us(until):d}"
    connection.execute("CREATE TEMP TABLE fresh AS SELECT * FROM usages LIMIT 0")
    for (batch_id,) in connection.execute(others).fetchall():
        insert(connection, "fresh", _worked_out(connection, batch_id))
    connection.execute(
        f"""
        CREATE TEMP VIEW ended AS
        SELECT * FROM main.usages WHERE {span} AND batch NOT IN ({others})
        UNION ALL SELECT * FROM fresh WHERE {span}
        """  # noqa: S608 - of constants and numbers
    )


def _rows(connection: sqlite3.Connection) -> tuple[StatsRow, ...]:
    connection.execute(_TIMES)
    times = {(id_, action): rest for id_, action, *rest in connection.execute(_RANKED)}
    sums = connection.execute(_SUMS).fetchall()
    names = {id_: name for id_, _, name, *_ in sorted(sums, key=lambda row: row[3])}
    rows = [
        _row(names[id_], action, times.get((id_, action), (None, None)), figures)
        for id_, action, _, _, *figures in sums
    ]
    return tuple(sorted(rows, key=lambda row: (row.repository, row.action)))


def _row(
    repository: str,
    action: str,
    times: Sequence[float | None],
    figures: Sequence[Any],
) -> StatsRow:
    completed, failed, skipped, cancelled, requests, retries, *waits = figures
    ran = completed + failed
    return StatsRow(
        repository,
        action,
        items=ran + skipped + cancelled,
        completed=completed,
        failed=failed,
        skipped=skipped,
        cancelled=cancelled,
        success=completed / ran if ran else None,
        median_seconds=times[0],
        p90_seconds=times[1],
        requests=requests,
        retries=retries,
        wait_seconds=dict(zip(map(str, Wait), waits, strict=True)),
    )


def _days(connection: sqlite3.Connection) -> tuple[StatsDay, ...]:
    rows = connection.execute(_DAYS)
    return without_gaps([StatsDay(date.fromisoformat(d), *ends) for d, *ends in rows])


def _next_slice(connection: sqlite3.Connection) -> _Slice | None:
    connection.execute("BEGIN")
    [(place,)] = connection.execute(_PLACE).fetchall()
    ahead = connection.execute(_AHEAD, (place, SLICE)).fetchall()
    if not ahead:
        return None
    [end] = ahead[-1]
    found = connection.execute(_OVER, {"place": place, "end": end}).fetchall()
    batches = [batch_id for (batch_id,) in found]
    rows = [row for one in batches for row in _worked_out(connection, one)]
    return _Slice(end, batches, rows)


def _worked_out(
    connection: sqlite3.Connection, batch_id: BatchId
) -> list[tuple[Any, ...]]:
    """Return a row for each item of a batch that has ended."""
    history = history_of(connection, batch_id)
    return [
        (
            batch_id,
            usage.item,
            usage.repository.id,
            usage.repository.name,
            usage.action,
            usage.state,
            to_us(usage.ended_at),
            None if usage.worked is None else usage.worked // _US,
            usage.requests,
            usage.retries,
            *(usage.waits.get(wait, timedelta()) // _US for wait in Wait),
        )
        for usage in item_usages(history.batch, history.events)
    ]


def _keep(connection: sqlite3.Connection, slices: Sequence[_Slice]) -> Sequence[None]:
    for one in slices:
        gone = [(batch_id,) for batch_id in one.batches]
        connection.executemany("DELETE FROM usages WHERE batch = ?", gone)
        insert(connection, "usages", one.rows)
        connection.execute("UPDATE usages_place SET seq = ?", (one.end,))
    return [None for _ in slices]
