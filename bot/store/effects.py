"""The write-ahead log of outside effects."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from bot.core.effects import Intent, Receipt
from bot.core.model import BatchId, ItemId
from bot.ports.store import EffectRecord, ItemEffect
from bot.store.codec import RECEIPT, decode_intent, encode_intent, from_us, to_us
from bot.store.connection import Connections


class SqliteEffectLog:
    """Implements ``bot.ports.EffectLog``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def find(self, key: str) -> EffectRecord | None:
        """Return what is known of the effect with this key."""

        def query(connection: sqlite3.Connection) -> EffectRecord | None:
            row = connection.execute(
                "SELECT kind, intent, receipt, intended_us FROM effects WHERE key = ?",
                (key,),
            ).fetchone()
            if row is None:
                return None
            kind, intent, receipt, intended_us = row
            return EffectRecord(
                decode_intent(kind, intent),
                RECEIPT.decode(receipt) if receipt is not None else None,
                from_us(intended_us),
            )

        return await self._connections.read(query)

    async def of_item(self, batch_id: BatchId, item: ItemId) -> Sequence[ItemEffect]:
        """Return what an item's attempts changed, or were about to, in that order."""
        before = f"{batch_id}-{item}/"
        behind = f"{batch_id}-{item}0"  # "0" follows "/"

        def query(connection: sqlite3.Connection) -> Sequence[ItemEffect]:
            rows = connection.execute(
                """
                SELECT key, kind, intent, receipt, intended_us, done_us FROM effects
                WHERE key >= ? AND key < ? ORDER BY intended_us, rowid
                """,
                (before, behind),
            )
            return [
                ItemEffect(
                    key.removeprefix(before),
                    EffectRecord(
                        decode_intent(kind, intent),
                        RECEIPT.decode(receipt) if receipt is not None else None,
                        from_us(intended_us),
                    ),
                    from_us(done_us) if done_us is not None else None,
                )
                for key, kind, intent, receipt, intended_us, done_us in rows
            ]

        return await self._connections.read(query)

    async def intend(self, key: str, intent: Intent, *, at: datetime) -> None:
        """Note that the effect is about to happen, replacing an older note of the key."""
        row = (key, *encode_intent(intent), to_us(at))
        await self._connections.write(_intend, row)

    async def done(self, key: str, receipt: Receipt, *, at: datetime) -> None:
        """Note that the effect happened. Raises ``LookupError`` if none was intended."""
        row = (RECEIPT.encode(receipt), to_us(at), key)
        await self._connections.write(_done, row)


def _intend(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, str, str, int]]
) -> Sequence[None]:
    connection.executemany(
        "REPLACE INTO effects (key, kind, intent, intended_us) VALUES (?, ?, ?, ?)",
        rows,
    )
    return [None] * len(rows)


def _done(
    connection: sqlite3.Connection, rows: Sequence[tuple[str, int, str]]
) -> Sequence[None]:
    for row in rows:
        cursor = connection.execute(
            "UPDATE effects SET receipt = ?, done_us = ? WHERE key = ?", row
        )
        if cursor.rowcount == 0:
            message = f"no effect was intended under the key {row[-1]!r}"
            raise LookupError(message)
    return [None] * len(rows)
