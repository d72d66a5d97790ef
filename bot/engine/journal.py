"""The operator's view of what happens: a line of the log for each recorded event."""

import re
from collections.abc import Sequence
from dataclasses import fields

import structlog

from bot.core.events import ItemProgressed, News
from bot.core.model import BatchId, attempt_id

_ASIDE = ("at", "attempt", "outcome", "work", "comment_id", "step", "change")

log = structlog.get_logger()


def journal(batch_id: BatchId, events: Sequence[News]) -> None:
    """Log events that are on disk, with the batch, the item and the attempt."""
    for event in events:
        write = log.debug if isinstance(event, ItemProgressed) else log.info
        write(_words(event), batch=batch_id, **_facts(batch_id, event))


def _words(event: News) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", type(event).__name__).lower()


def _facts(batch_id: BatchId, event: News) -> dict[str, object]:
    """Return what an event says, without what is empty or long."""
    given = {field.name: getattr(event, field.name) for field in fields(event)}
    facts: dict[str, object] = {
        name: value if isinstance(value, int) else str(value)
        for name, value in given.items()
        if name not in _ASIDE and value not in ("", (), None)
    }
    if "attempt" in given:
        facts["attempt"] = attempt_id(batch_id, given["item"], given["attempt"])
    if change := given.get("change"):
        added = " ".join(item.id for item in change.items)
        asked = {"added": added, "concurrency": change.concurrency}
        asked["priorities"] = " ".join(f"{i}:{n}" for i, n in change.priorities)
        facts |= {name: value for name, value in asked.items() if value}
    if outcome := given.get("outcome"):
        facts["outcome"] = outcome.kind.value
        if outcome.reason:
            facts["reason"] = outcome.reason
    return facts
