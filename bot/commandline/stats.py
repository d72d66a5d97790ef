"""What batches cost over time, from the database: a bot may run or not."""

from datetime import datetime
from pathlib import Path

from bot.core.run.usage import Stats
from bot.host.clock import SystemClock
from bot.store.store import read_store
from bot.web.pages.charts import svg
from bot.web.pages.draw import Templates


async def read(database: Path, *, since: datetime) -> Stats:
    """Return the figures of the items that ended from *since* on."""
    clock = SystemClock()
    async with read_store(database, clock=clock, is_thorough=False) as store:
        return await store.costs.between(since, clock.now())


def drawn(told: Stats) -> str:
    """Return the charts as the text of an SVG file."""
    return svg(Templates(), told, is_alone=True)
