"""Which branches are frozen, by whom, and which request ended that last."""

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from bot.core.world.freezes import Freeze
from bot.store.codec import from_us, to_us
from bot.store.connection import Connections

_OF_REPOSITORY = (
    "SELECT branch, login, frozen_us, reason, url, source, ended_source FROM freezes"
    " WHERE repository_id = ?"
)


class SqliteFreezes:
    """Implements ``bot.ports.store.Freezes``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def of(self, repository_id: int) -> Mapping[str, Freeze]:
        """Return what is frozen in a repository, by branch."""
        return await self._connections.read(partial(_of, repository_id=repository_id))

    async def freeze(self, repository_id: int, freeze: Freeze) -> Freeze:
        """Freeze a branch, unless it is; return the freeze that is in force."""
        return await self._connections.write(_freeze, (repository_id, freeze))

    async def unfreeze(
        self, repository_id: int, branch: str, *, source: str, at: datetime
    ) -> Freeze | None:
        """End a freeze; return it, None if the branch was not frozen."""
        ended = (repository_id, branch, source, at)
        return await self._connections.write(_unfreeze, ended)


def _of(connection: sqlite3.Connection, *, repository_id: int) -> dict[str, Freeze]:
    rows = connection.execute(
        f"{_OF_REPOSITORY} AND ended_us IS NULL ORDER BY branch",
        (repository_id,),
    )
    return {row[0]: _freeze_of(row) for row in rows}


def _freeze(
    connection: sqlite3.Connection, wishes: Sequence[tuple[int, Freeze]]
) -> Sequence[Freeze]:
    found = []
    for repository_id, wish in wishes:
        before, ended_by = _last(connection, repository_id, wish.branch)
        is_again = before is not None and before.source == wish.source
        if before is not None and (ended_by is None or is_again):
            found.append(before)
            continue
        connection.execute(
            "REPLACE INTO freezes"
            " (repository_id, branch, login, frozen_us, reason, url, source)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                repository_id,
                wish.branch,
                wish.by,
                to_us(wish.at),
                wish.reason,
                wish.url,
                wish.source,
            ),
        )
        found.append(wish)
    return found


def _unfreeze(
    connection: sqlite3.Connection, wishes: Sequence[tuple[int, str, str, datetime]]
) -> Sequence[Freeze | None]:
    found: list[Freeze | None] = []
    for repository_id, branch, source, at in wishes:
        before, ended_by = _last(connection, repository_id, branch)
        is_ended = ended_by is not None and ended_by != source
        if before is None or is_ended:
            found.append(None)
            continue
        connection.execute(
            "UPDATE freezes SET ended_us = ?, ended_source = ?"
            " WHERE repository_id = ? AND branch = ? AND ended_us IS NULL",
            (to_us(at), source, repository_id, branch),
        )
        found.append(before)
    return found


def _last(
    connection: sqlite3.Connection, repository_id: int, branch: str
) -> tuple[Freeze | None, str | None]:
    """Return a branch's last freeze, and the request that ended it, if it was ended."""
    row = connection.execute(
        f"{_OF_REPOSITORY} AND branch = ?",
        (repository_id, branch),
    ).fetchone()
    return (_freeze_of(row), row[6]) if row else (None, None)


def _freeze_of(row: Sequence[Any]) -> Freeze:
    branch, login, us, reason, url, source, *_ = row
    return Freeze(branch, login, from_us(us), reason, url, source)
