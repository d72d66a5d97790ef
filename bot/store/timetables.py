"""What is known of the schedules of each repository."""

import sqlite3
from collections.abc import Mapping, Sequence

from bot.core.plan.schedules import Timetable
from bot.store.codec import TIMETABLE
from bot.store.connection import Connections


class SqliteTimetables:
    """Implements ``bot.ports.store.Timetables``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def all(self) -> Mapping[int, Timetable]:
        """Return what was kept last, by the repository's id."""
        return await self._connections.read(_all)

    async def keep(self, repository_id: int, timetable: Timetable | None) -> None:
        """Keep a timetable in place of the one before; None: there is none any more."""
        data = TIMETABLE.encode(timetable) if timetable else None
        await self._connections.write(_keep, (repository_id, data))


def _all(connection: sqlite3.Connection) -> dict[int, Timetable]:
    rows = connection.execute("SELECT repository_id, data FROM timetables")
    return {id_: TIMETABLE.decode(data) for id_, data in rows}


def _keep(
    connection: sqlite3.Connection, kept: Sequence[tuple[int, str | None]]
) -> Sequence[None]:
    for repository_id, data in kept:
        if data is None:
            connection.execute(
                "DELETE FROM timetables WHERE repository_id = ?", (repository_id,)
            )
        else:
            connection.execute(
                "REPLACE INTO timetables (repository_id, data) VALUES (?, ?)",
                (repository_id, data),
            )
    return [None] * len(kept)
