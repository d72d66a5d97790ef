"""How close a batch comes to the end that the request budget alone allows.

Run ``python -m tests.bench.bench_budget``. A batch of 1,000 ``label`` items runs against
the local GitHub, whose hour is scaled down to so few requests that the batch needs three
of them; the clock jumps over the time in which nobody does anything. No batch can end
before the bound: of each hour as many items as there are requests above the reserve, one
each, and a second between two writes. What the batch itself needs, its edits and its
report, counts against it. The second run breaks 2 % of the requests: half are not done,
half are done and the answer is lost.
"""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.core.events import BatchPlanned, BatchStarted
from bot.core.model import Comment, CommentKind, ItemNumber
from bot.logs import configure_logging
from tests.bench.figures import Figure, report
from tests.bench.recorded import record
from tests.flow.world import World, world

ITEMS = 1_000
HOUR = 3_600
REQUESTS_AN_HOUR = 500
RESERVE = REQUESTS_AN_HOUR // 10
BROKEN = 0.02


def bound_seconds() -> float:
    """Return the soonest end of the last item, from the start of the first hour."""
    hours, rest = divmod(ITEMS - 1, REQUESTS_AN_HOUR - RESERVE)
    return hours * HOUR + rest


def breaking(seed: int) -> Middleware:
    """Return what breaks requests to the API by chance, always the same ones."""
    chance = random.Random(seed)  # noqa: S311 - no secret

    @web.middleware
    async def broken(
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        drawn = chance.random()
        if not request.path.startswith("/api/") or drawn > BROKEN:
            return await handler(request)
        if drawn > BROKEN / 2:
            return web.Response(status=502)
        answer = await handler(request)
        assert request.transport is not None
        request.transport.abort()
        return answer

    return broken


async def run(name: str, middlewares: Sequence[Middleware] = ()) -> Figure:
    """Run the batch and return how soon it ends."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), middlewares=middlewares) as on:
            return await measured(on, name)


async def measured(on: World, name: str) -> Figure:
    """Run the batch in a world and return how soon it ends."""
    numbers = [ItemNumber(1001 + i) for i in range(ITEMS)]
    for number in numbers:
        on.issue(number)
    on.hub.add_label("acme/widgets", "bug")
    [installation] = on.hub.state.installations.values()
    on.hub.limits.set_limit(installation.id, limit=REQUESTS_AN_HOUR)
    on.hub.limits.window(installation.id, "core").reset_at = None
    said = on.say("/batch label +bug …")
    now = on.clock.now()
    by = Comment(said.id, CommentKind.ISSUE)
    events = (BatchPlanned(now, now), BatchStarted(now, "ada"))
    await record(on, numbers, events, at=now, label="bug", by=by)
    begun_at = on.clock.monotonic()
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        await on.until(lambda: on.comments("report"))
        seconds = on.clock.monotonic() - begun_at
    assert f"{ITEMS} of {ITEMS} done" in on.said("report"), on.said("report")
    statuses = Counter(exchange.status for exchange in on.hub.log)
    refused = statuses[403] + statuses[429]
    return Figure(
        f"end of {ITEMS:,} items, {name}",
        seconds / bound_seconds(),
        "what the budget allows",
        "lower",
        f"{seconds:.0f} s; {statuses.total()} requests, {refused} of them answered with"
        " 403 or 429",
    )


async def main() -> None:
    """Measure and print."""
    configure_logging(level="error", style="json")
    report([await run("label")])
    report([await run("label, 2 % broken", [breaking(7)])])


if __name__ == "__main__":
    asyncio.run(main())
