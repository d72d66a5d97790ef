"""Starts the local GitHub: one HTTP server for the API, git and the pages."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path

from aiohttp import web

from bot.localhub.api import Api, Sleep
from bot.localhub.git_http import GitHttp
from bot.localhub.hub import LocalHub
from bot.localhub.large_files import LargeFiles
from bot.localhub.registrations import new_key
from bot.localhub.state import Now

ExtraRoutes = Callable[[web.Application, LocalHub], None]

LARGEST_BODY_BYTES = 64 * 1024 * 1024
SHUTDOWN_SECONDS = 1.0


@contextlib.asynccontextmanager
async def start_hub(
    *,
    data_dir: Path,
    now: Now,
    sleep: Sleep,
    host: str = "127.0.0.1",
    port: int = 0,
    webhook_url: str | None = None,
    webhook_secret: str = "local-webhook-secret",  # noqa: S107 - of a GitHub on loopback
    extra_routes: ExtraRoutes | None = None,
) -> AsyncIterator[LocalHub]:
    """Serve an empty local GitHub while the context lasts; port 0 takes a free one.

    *sleep* is what a delayed answer waits with. *extra_routes* mounts more, such as
    the pages. Repositories are kept under *data_dir*.
    """
    listening = socket.create_server((host, port))
    private_key, public_key = app_key()
    hub = LocalHub(
        base_url=f"http://{host}:{listening.getsockname()[1]}",
        data_dir=data_dir,
        now=now,
        private_key=private_key,
        public_key=public_key,
        webhook_secret=webhook_secret,
    )
    hub.set_webhook_url(webhook_url)
    application = web.Application(client_max_size=LARGEST_BODY_BYTES)

    async def date(_: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = format_datetime(now(), usegmt=True)

    application.on_response_prepare.append(date)
    api = Api(hub, sleep=sleep)
    api.add_to(application)
    git = GitHttp(hub, api)
    git.add_to(application)
    LargeFiles(git).add_to(application)
    hub.sign_ins.add_to(application)
    if extra_routes is not None:
        extra_routes(application, hub)
    # git sends gzipped bodies that its backend unpacks itself.
    runner = web.AppRunner(
        application,
        access_log=None,
        auto_decompress=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    await web.SockSite(runner, listening).start()
    hub.later.sleep = sleep
    tasks = [
        asyncio.create_task(hub.webhooks.run(), name="hub webhooks"),
        asyncio.create_task(hub.jobs.run(sleep), name="hub jobs"),
    ]
    try:
        yield hub
    finally:
        await hub.later.end()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await runner.cleanup()


@lru_cache(maxsize=1)
def app_key() -> tuple[str, str]:
    """Return a private and a public key as PEM, the same ones while the process lives."""
    return new_key()
