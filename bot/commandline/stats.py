"""What batches cost over time, from the database: a bot may run or not."""

from datetime import datetime
from pathlib import Path

from bot.core.run.usage import ItemUsage, item_usages
from bot.core.say.stats import Stats, stats
from bot.host.clock import SystemClock
from bot.store.store import read_store
from bot.web.pages.charts import svg
from bot.web.pages.draw import Templates


async def read(database: Path, *, since: datetime) -> Stats:
    """Return the figures of the items that ended from *since* on."""
    clock = SystemClock()
    items: list[ItemUsage] = []
    async with read_store(database, clock=clock, is_thorough=False) as store:
        for batch_id in await store.lists.with_ends_since(since):
            history = await store.batches.history(batch_id)
            items += item_usages(history.batch, history.events)
    return stats(items, since=since, until=clock.now())


def drawn(told: Stats) -> str:
    """Return the charts as the text of an SVG file."""
    return svg(Templates(), told, is_alone=True)
