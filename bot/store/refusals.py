"""Whom the bot has told that they may not, and when."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from bot.store.codec import to_us
from bot.store.connection import Connections

_DAY_US = 24 * 60 * 60 * 1_000_000


class SqliteRefusals:
    """Implements ``bot.ports.Refusals``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def first_today(
        self, repository_id: int, login: str, *, at: datetime
    ) -> bool:
        """Return True once per person, repository and 24 hours."""
        row = (repository_id, login, to_us(at), _DAY_US)
        return await self._connections.write(_refuse, row)


def _refuse(
    connection: sqlite3.Connection, rows: Sequence[tuple[int, str, int, int]]
) -> Sequence[bool]:
    return [
        connection.execute(
            """
            INSERT INTO refusals (repository_id, login, refused_us) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET refused_us = excluded.refused_us
            WHERE excluded.refused_us - refused_us >= ?
            """,
            row,
        ).rowcount
        == 1
        for row in rows
    ]
