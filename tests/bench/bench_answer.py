"""How soon somebody who gives a command sees something of it, at a slow GitHub.

Run ``python -m tests.bench.bench_answer``. The bot runs at its usual pace, one write a
second, in front of the local GitHub, which answers each request after 300 ms. Counted is
from the command until GitHub has 👀 on it, the tracking comment, and the first item's
label; the bot knows nothing yet, not even a token. Baseline: one request.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from bot.host.clock import SystemClock
from bot.logs import configure_logging
from tests.bench.figures import Figure, report
from tests.flow.world import World, world

REQUEST_SECONDS = 0.3
ROUNDS = 3


@web.middleware
async def slow(
    request: web.Request,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> web.StreamResponse:
    """Answer a request to the API late."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    await asyncio.sleep(REQUEST_SECONDS / 2)
    answer = await handler(request)
    await asyncio.sleep(REQUEST_SECONDS / 2)
    return answer


async def seen(on: World) -> tuple[float, float, float]:
    """Return the seconds until each thing can be seen."""
    for number in (12, 15, 18):
        on.issue(number)
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        began = time.monotonic()
        said = on.say("/batch label +ready 12 15 18 after:12")

        async def when(condition: Callable[[], object]) -> float:
            await on.until(condition)
            return time.monotonic() - began

        return (
            await when(lambda: "eyes" in on.reactions(said)),
            await when(lambda: on.comments("tracking")),
            await when(lambda: on.thread(12).labels),
        )


async def main() -> None:
    """Measure and print."""
    configure_logging(level="error", style="json")
    rounds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            async with world(Path(name), clock=SystemClock(), middlewares=[slow]) as on:
                rounds.append(await seen(on))
    names = ("👀", "the tracking comment", "the first item's effect")
    report(
        Figure(
            f"from a command to {name}",
            seconds / REQUEST_SECONDS,
            f"a request of {REQUEST_SECONDS * 1000:.0f} ms",
            "lower",
            f"{seconds:.1f} s",
        )
        for name, seconds in zip(
            names, map(statistics.median, zip(*rounds, strict=True)), strict=True
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
