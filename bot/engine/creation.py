"""Records a new batch under a name that nobody else has."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace

import structlog

from bot.core.actions.table import kind_of
from bot.core.events import Event
from bot.core.model import Batch, BatchId, ItemFacts, ItemId
from bot.engine.journal import journal
from bot.ports.store import Batches

NAMELESS = BatchId("")
_LETTERS = "abcdefghjkmnpqrstvwxyz"
_DIGITS = "23456789"

log = structlog.get_logger()


def new_batch_name(length: int = 4) -> BatchId:
    """Return a random id such as ``b7k2``, easy to say and to type."""
    return BatchId(
        "".join(secrets.choice(_DIGITS if i % 2 else _LETTERS) for i in range(length))
    )


async def record_batch(
    batches: Batches,
    batch: Batch,
    facts: Mapping[ItemId, ItemFacts],
    events: Sequence[Event],
) -> Batch:
    """Return the batch, recorded under a new name; or the one that its source has
    started already.
    """
    length = 4
    while True:
        named = replace(batch, id=new_batch_name(length))
        if await batches.create(named, facts, events):
            _log_created(named, events)
            return named
        known = await batches.by_source(batch.source)
        if known is not None:
            return known
        length = min(length + 2, 8)  # the name is taken; longer ones are many


def _log_created(batch: Batch, events: Sequence[Event]) -> None:
    log.info(
        "batch created",
        batch=batch.id,
        source=batch.source,
        repository=batch.repository.name,
        thread=batch.thread,
        by=batch.asker.login,
        command=batch.command,
        kind=kind_of(batch.plan.items),
        items=len(batch.plan.items),
    )
    journal(batch.id, events)
