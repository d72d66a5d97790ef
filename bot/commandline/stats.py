"""What batches cost over time, from the database: a bot may run or not."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.core.run.usage import Stats
from bot.host.clock import SystemClock
from bot.store.store import read_store
from bot.web.pages.charts import svg
from bot.web.pages.documents import json_of
from bot.web.pages.draw import Templates


async def read(database: Path, *, since: timedelta) -> Stats:
    """Return the figures of the items that ended in that time up to now."""
    clock = SystemClock()
    async with read_store(database, clock=clock, is_thorough=False) as store:
        now = clock.now()
        return await store.costs.between(now - since, now)


def document(told: Stats) -> Any:
    """Return what the page has as JSON."""
    return json.loads(json_of(told))


def drawn(told: Stats) -> str:
    """Return the charts as the text of an SVG file."""
    return svg(Templates(), told, is_alone=True)
