"""A server process for tests: ``python -m tests.web.serving DATABASE``.

It serves the real routes on the real store, prints its port, and runs until it is killed.
"""

import asyncio
import sys
from pathlib import Path

import click
from aiohttp import web
from prometheus_client import CollectorRegistry

from bot.app import calm_collector
from bot.host.clock import SystemClock
from bot.logs import configure_logging
from bot.store.store import open_store
from bot.web.routes import Readiness, WebSurface, make_app, make_runner

SECRET = "a secret for tests"  # noqa: S105 - of tests


async def serve(runner: web.AppRunner) -> None:
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    click.echo(runner.addresses[0][1])
    await asyncio.Event().wait()


async def ready() -> Readiness:
    return Readiness()


async def main(database: str) -> None:
    configure_logging(level="info", style="json")
    calm_collector()
    async with open_store(Path(database), clock=SystemClock()) as store:
        surface = WebSurface(
            add_delivery=store.deliveries.add,
            may_act_on=lambda event, payload: True,
            secrets=[SECRET],
            readiness=ready,
            clock=SystemClock(),
            registry=CollectorRegistry(),
        )
        await serve(make_runner(make_app(surface), shutdown_seconds=1))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
