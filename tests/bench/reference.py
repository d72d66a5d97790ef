"""The least that schedules durably: one loop, one table, a commit for a whole round.

Each item is a task of asyncio that does nothing. It knows no batches, limits, retries,
controls, reasons or history: what the bot's scheduler costs more is the price of those.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from time import perf_counter


def opened(path: Path) -> sqlite3.Connection:
    """Return a new database, as durable as the bot's."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, state TEXT)")
    return db


def commit(
    db: sqlite3.Connection, started: Sequence[int], ended: Sequence[int]
) -> None:
    """Write what a round makes of items, durably."""
    db.execute("BEGIN IMMEDIATE")
    rows = [("running", item) for item in started]
    rows += [("done", item) for item in ended]
    db.executemany("UPDATE items SET state = ? WHERE id = ?", rows)
    db.execute("COMMIT")


async def nothing(item: int) -> int:
    """Do the work of an item."""
    return item


async def run(path: Path, waits: Mapping[int, Sequence[int]]) -> float:
    """Return the seconds in which all items are done, each behind those it waits for."""
    with contextlib.closing(opened(path)) as db:
        db.execute("BEGIN")
        rows = [(item, "pending") for item in waits]
        db.executemany("INSERT INTO items VALUES (?, ?)", rows)
        db.execute("COMMIT")
        unmet = {item: len(before) for item, before in waits.items()}
        successors: dict[int, list[int]] = {item: [] for item in waits}
        for item, before in waits.items():
            for one in before:
                successors[one].append(item)
        began = perf_counter()
        ready = [item for item, count in unmet.items() if not count]
        ended: Sequence[int] = []
        while ready or ended:
            await asyncio.to_thread(commit, db, ready, ended)
            ended = await asyncio.gather(*map(nothing, ready))
            ready = []
            for successor in chain.from_iterable(successors[item] for item in ended):
                unmet[successor] -= 1
                if not unmet[successor]:
                    ready.append(successor)
        return perf_counter() - began
