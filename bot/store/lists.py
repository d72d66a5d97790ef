"""Batches across repositories, a page at a time."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.core.actions.review import REVIEW
from bot.core.actions.table import ACTIONS
from bot.core.model import BatchId, BatchKind, BatchState, Repository
from bot.ports.store import OVER, WAITING, BatchCounts, BatchesFound, BatchesWanted
from bot.store.connection import Connections

_LOOKED_THROUGH = 400
"""Batches whose plans are read at a time: what waits for the same thread waits for that."""

_COUNTED = 5_000
"""Batches that are counted without their plans: some milliseconds, at each look."""

_SORTS = """
    count(*),
    count(*) FILTER (WHERE state IN (SELECT value FROM json_each(:live))),
    count(*) FILTER (WHERE state IN (SELECT value FROM json_each(:waiting))
        OR id IN (SELECT value FROM json_each(:also))),
    count(*) FILTER (WHERE has_failed),
    count(*) FILTER (WHERE state IN (SELECT value FROM json_each(:over)))
"""

# An index of repositories has their newest batch at its end.
_REPOSITORIES = """
    SELECT json_extract(data, '$.request.repository') FROM batches
    WHERE number IN (SELECT max(number) FROM batches GROUP BY repository_id)
    ORDER BY number DESC
"""
_DOES = """
    coalesce(nullif(json_extract(item.value, '$.action.uses'), ''),
        json_extract(item.value, '$.action.name'))
"""
_HAS_FAILED = "EXISTS (SELECT 1 FROM items WHERE batch = id AND items.state = 'failed')"
_KIND = f"""
    SELECT CASE count(DISTINCT sort) WHEN 1 THEN max(sort) ELSE :mixed END FROM (
        SELECT CASE
            WHEN {_DOES} = :review THEN :reviews
            WHEN {_DOES} IN (SELECT value FROM json_each(:opening)) THEN :implements
            ELSE :mixed
        END AS sort
        FROM json_each(found.data, '$.plan.items') AS item
    )
"""  # noqa: S608 - of constants


class SqliteBatchLists:
    """Implements ``bot.ports.BatchLists``."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def repositories(self) -> Sequence[Repository]:
        """Return the repositories that have batches, those of the newest ones first."""

        def query(connection: sqlite3.Connection) -> Sequence[Repository]:
            rows = connection.execute(_REPOSITORIES).fetchall()
            return [Repository(**json.loads(data)) for (data,) in rows]

        return await self._connections.read(query)

    async def wanted(self, wanted: BatchesWanted) -> BatchesFound:
        """Return which batches fit, looking through no more than a few hundred plans."""
        return await self._connections.read(lambda c: _found(c, wanted))

    async def counts(self, wanted: BatchesWanted) -> BatchCounts:
        """Return how many batches fit, of the newest some thousands."""
        return await self._connections.read(lambda c: _counts(c, wanted))


def _counts(connection: sqlite3.Connection, wanted: BatchesWanted) -> BatchCounts:
    asked = replace(wanted, states=(), has_failed=False, before=0)
    most = _LOOKED_THROUGH if wanted.reads_plans else _COUNTED
    seen, of_all, live, waiting, failed, over = connection.execute(
        f"""
        SELECT (SELECT count(*) FROM (
            SELECT 1 FROM batches WHERE {" AND ".join(_cheap(asked))} LIMIT :most + 1
        )), {_SORTS} FROM (
            SELECT id, state, {_HAS_FAILED} AS has_failed FROM (
                SELECT * FROM batches WHERE {" AND ".join(_cheap(asked))}
                ORDER BY number DESC LIMIT :most
            ) AS found
            WHERE {" AND ".join(_fits(asked)) or "TRUE"}
        )
        """,  # noqa: S608 - of constants; the rest are parameters
        {
            "most": most,
            "live": json.dumps([str(one) for one in BatchState if one.is_live]),
            "waiting": json.dumps([str(one) for one in WAITING]),
            "over": json.dumps([str(one) for one in OVER]),
            **_parameters(asked),
        },
    ).fetchone()
    return BatchCounts(of_all, live, waiting, failed, over, is_whole=seen <= most)


def _found(connection: sqlite3.Connection, wanted: BatchesWanted) -> BatchesFound:
    most = _LOOKED_THROUGH if wanted.reads_plans else wanted.limit
    cheap, fits = _cheap(wanted), _fits(wanted)
    rows = connection.execute(
        f"""
        SELECT number, id, {" AND ".join(fits) or "TRUE"} FROM (
            SELECT * FROM batches WHERE {" AND ".join(cheap)}
            ORDER BY number DESC LIMIT :most
        ) AS found
        """,  # noqa: S608 - of constants; the rest are parameters
        {"most": most + 1, **_parameters(wanted)},
    )
    shown: list[BatchId] = []
    last = looked_at = 0
    for number, id_, does_fit in rows:
        if looked_at == most or len(shown) == wanted.limit:
            return BatchesFound(shown, next=last)
        looked_at, last = looked_at + 1, number
        if does_fit:
            shown.append(BatchId(id_))
    return BatchesFound(shown)


def _cheap(wanted: BatchesWanted) -> list[str]:
    """Return the conditions for which no plan has to be read."""
    found = [
        """
        (repository_id IN (SELECT value FROM json_each(:repositories))
            OR id IN (SELECT value FROM json_each(:batches)))
        """
    ]
    if wanted.before:
        found.append("number < :before")
    if wanted.states:
        found.append(
            """
            (state IN (SELECT value FROM json_each(:states))
                OR id IN (SELECT value FROM json_each(:also)))
            """
        )
    if wanted.has_failed:
        found.append(_HAS_FAILED)
    return found


def _fits(wanted: BatchesWanted) -> list[str]:
    found = []
    if wanted.kind:
        found.append(f"({_KIND}) = :kind")
    if wanted.text:
        found.append(
            """
            (instr(found.id, :text) OR found.thread = :number
            OR instr(lower(json_extract(found.data, '$.command')), :text)
            OR instr(lower(json_extract(found.data, '$.request.asker.login')), :text))
            """
        )
    return found


def _parameters(wanted: BatchesWanted) -> dict[str, Any]:
    opening = [name for name, spec in ACTIONS.items() if spec.opens_pull_request]
    number = wanted.text.lstrip("#")
    return {
        "repositories": json.dumps(list(wanted.repositories)),
        "batches": json.dumps(list(wanted.batches)),
        "states": json.dumps([str(one) for one in wanted.states]),
        "also": json.dumps(list(wanted.also)),
        "before": wanted.before,
        "kind": wanted.kind and str(wanted.kind),
        "review": REVIEW.name,
        "opening": json.dumps(opening),
        "reviews": str(BatchKind.PR_REVIEW),
        "implements": str(BatchKind.ISSUE_IMPLEMENTATION),
        "mixed": str(BatchKind.MIXED),
        "text": wanted.text.lower(),
        "number": int(number) if number.isdecimal() and len(number) < 16 else None,
    }
