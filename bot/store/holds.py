"""Until when GitHub wants nothing of an installation."""

import sqlite3
from collections.abc import Mapping, Sequence

from bot.core.model import InstallationId
from bot.ports.store import Held
from bot.store.codec import from_us, to_us
from bot.store.connection import Connections


class SqliteHolds:
    """Implements ``bot.ports.Holds``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def all(self) -> Mapping[InstallationId, Held]:
        """Return what was kept last, by installation."""
        return await self._connections.read(_all)

    async def keep(self, installation_id: InstallationId, held: Held | None) -> None:
        """Keep a hold in place of the one before; None: there is none any more."""
        row = (installation_id, to_us(held.until), held.strikes) if held else None
        await self._connections.write(_keep, (installation_id, row))


def _all(connection: sqlite3.Connection) -> dict[InstallationId, Held]:
    rows = connection.execute("SELECT installation_id, until_us, strikes FROM holds")
    return {
        InstallationId(id_): Held(from_us(us), strikes) for id_, us, strikes in rows
    }


def _keep(
    connection: sqlite3.Connection,
    holds: Sequence[tuple[InstallationId, tuple[int, int, int] | None]],
) -> Sequence[None]:
    for installation_id, row in holds:
        if row is None:
            connection.execute(
                "DELETE FROM holds WHERE installation_id = ?", (installation_id,)
            )
        else:
            connection.execute(
                "REPLACE INTO holds (installation_id, until_us, strikes)"
                " VALUES (?, ?, ?)",
                row,
            )
    return [None] * len(holds)
