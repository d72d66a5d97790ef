"""How many requests 200 pull requests cost that wait for a check, an hour.

Run ``python -m tests.bench.bench_merges``. What a train of 20 costs stands in
``tests/flow/test_merge_budget.py``.
"""

import asyncio
import tempfile
from pathlib import Path

from bot.logs import configure_logging
from tests.bench.figures import Figure, report
from tests.flow.test_merge_budget import waiting
from tests.flow.world import world

COUNT, HOURS, MOST_AN_HOUR = 200, 4.0, 60


async def main() -> None:
    """Measure and print."""
    configure_logging(level="warning", style="json")
    with tempfile.TemporaryDirectory() as name:
        async with world(Path(name)) as on:
            found = await waiting(on, COUNT, hours=HOURS)
    an_hour = found.total() / HOURS
    report(
        [
            Figure(
                f"requests an hour of {COUNT} merges that wait",
                an_hour / MOST_AN_HOUR,
                f"{MOST_AN_HOUR} an hour",
                "lower",
                f"{an_hour:.0f} an hour, {HOURS:.0f} hours",
            )
        ]
    )


if __name__ == "__main__":
    asyncio.run(main())
