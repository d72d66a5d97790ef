"""A local GitHub in this process, the real bot beside it.

The bot is a child process, started as an operator starts it. Everything it learns
comes in signed deliveries over HTTP, everything it does goes through the local
GitHub's API and git.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web
from yarl import URL

from bot.core.world.registration import CALLBACK_PATH
from bot.demo.seed import REPOSITORY, seed
from bot.errors import BotError
from bot.host.clock import SystemClock
from bot.localhub.hub import APP_ID, LocalHub
from bot.localhub.pages.site import add_pages
from bot.localhub.server import start_hub
from bot.localhub.state import Comment, Thread
from bot.settings import environment

THREAD = 40
REPAIR = ("-P", "-m", "bot.demo.repair")
"""What Python runs to work on an issue: a small repair, without network or key."""
LOG_LINES = 20  # of the bot, shown when something went wrong


class DemoFailed(BotError):
    """The demo did not end as it should; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running local GitHub with the bot listening to it."""

    hub: LocalHub
    url: str  # of the bot
    requests: "Requests"
    log: Path  # what the bot writes while it runs
    number: int = THREAD

    @property
    def thread(self) -> Thread:
        """The issue or pull request in which the batch speaks."""
        repository = self.hub.state.repository(REPOSITORY)
        assert repository is not None
        return repository.threads[self.number]

    def comment_of(self, kind: str) -> Comment | None:
        """Return the bot's last comment of a kind in the thread."""
        first = f"<!-- batch-bot:{kind} "
        found = [c for c in self.thread.comments if c.body.startswith(first)]
        return found[-1] if found else None


class Requests:
    """Wakes those who wait after each request that the local GitHub answered."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def add_to(self, app: web.Application) -> None:
        """Listen to an application's requests."""

        @web.middleware
        async def notice(
            request: web.Request,
            handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
        ) -> web.StreamResponse:
            try:
                return await handler(request)
            finally:
                self._event.set()
                self._event = asyncio.Event()

        app.middlewares.append(notice)

    async def wait(self) -> None:
        """Return after the next request."""
        await self._event.wait()


@asynccontextmanager
async def stage(
    *,
    port: int = 0,
    with_pages: bool = False,
    pace_seconds: float = 0,
    program: Sequence[str] = REPAIR,
    prepare: Callable[[LocalHub], None] = lambda _hub: None,
    number: int = THREAD,
) -> AsyncIterator[Stage]:
    """Start the local GitHub, fill it and *prepare* it, start the bot, and end both.

    *program* is what Python runs to implement an issue; the repair takes *pace_seconds*
    longer for each of its steps, so that a person can watch. Raises ``DemoFailed`` if this machine lacks something; one that the caller
    raises gets the end of the bot's log.
    """
    _check_machine(port)
    clock = SystemClock()
    requests = Requests()
    bot: _Child | None = None
    bot_url = f"http://127.0.0.1:{_free_port()}"

    async def restart() -> None:
        assert bot is not None
        await bot.kill()
        await bot.start()

    def routes(app: web.Application, hub: LocalHub) -> None:
        requests.add_to(app)
        if with_pages:
            add_pages(app, hub, restart_bot=restart, dashboard_url=bot_url)

    with tempfile.TemporaryDirectory(prefix="batch-bot-demo-") as name:
        folder = Path(name)
        async with start_hub(
            data_dir=folder / "github",
            now=clock.now,
            sleep=clock.sleep,
            port=port,
            webhook_secret=secrets.token_hex(16),
            extra_routes=routes,
        ) as hub:
            await _in_thread(seed, hub)
            prepare(hub)
            bot = _Child(
                folder, hub, program, pace_seconds, URL(bot_url), has_pages=with_pages
            )
            try:
                await bot.start()
                yield Stage(hub, bot_url, requests, bot.log, number)
            except DemoFailed as error:
                message = f"{error}\n\nThe bot's log ends with:\n{bot.log_tail()}"
                raise DemoFailed(message) from error
            finally:
                await bot.stop()


async def _in_thread(work: Callable[[LocalHub], object], hub: LocalHub) -> None:
    """Do it in a thread, and wait for its end even when cancelled."""
    working = asyncio.create_task(asyncio.to_thread(work, hub))
    try:
        await asyncio.shield(working)
    finally:
        await asyncio.wait({working})


class _Child:
    """The bot as a process of its own, set up by environment variables alone."""

    def __init__(
        self,
        folder: Path,
        hub: LocalHub,
        program: Sequence[str],
        pace_seconds: float,
        url: URL,
        *,
        has_pages: bool,
    ) -> None:
        self.log = folder / "bot.log"
        self._folder = folder
        self._hub = hub
        self._program = program
        self._pace_seconds = pace_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._url = url
        self._has_pages = has_pages
        hub.set_webhook_url(str(url / "api/github/webhooks"))
        hub.sign_ins.callback_urls = [str(url.with_path(CALLBACK_PATH))]

    async def start(self) -> None:
        """Start it; return once it takes deliveries."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                env={**_bystanders(), **self._variables()},
                cwd=self._folder,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the demo, which ends the bot in order.
                start_new_session=True,
            )
        await self._ready()

    async def stop(self) -> None:
        """End it as an operator does."""
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await process.wait()
            finally:
                if process.returncode is None:  # nobody waits any longer
                    process.kill()

    async def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    def log_tail(self) -> str:
        """Return the last lines that it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-LOG_LINES:]) or "(nothing)"

    def _variables(self) -> dict[str, str]:
        settings = self._folder / "batch-bot.yml"
        # Free of "..", which leads nowhere where only this Python's folder is shown.
        called = Path(sys.executable)
        python = called.parent.resolve() / called.name
        program = [str(python), *self._program]
        pace = f"REPAIR_PACE_SECONDS={self._pace_seconds}"
        argv = ["env", pace, *program] if self._pace_seconds else program
        settings.write_text(yaml.safe_dump({"commands": {"implement": argv}}))
        return {
            "APP_ID": str(APP_ID),
            "PRIVATE_KEY": self._hub.private_key,
            "WEBHOOK_SECRET": self._hub.app.webhook_secret,
            "GITHUB_API_URL": self._hub.api_url,
            "HOST": "127.0.0.1",
            "PORT": str(self._url.port),
            "BATCH_DB": str(self._folder / "data" / "batch.db"),
            "BATCH_SETTINGS_FILE": str(settings),
            # This GitHub is all ours: nobody else has to be spared. The isolation of
            # commands that this machine offers is used, and named in the report.
            "BATCH_WRITE_INTERVAL": "0.1",
            # Whoever watches wants to see it move, and go on after what they broke.
            "BATCH_EDIT_INTERVAL": "1.5",
            "BATCH_SWEEP_SECONDS": "10",
            "BATCH_TRIGGER_WINDOW": "5",
            "BATCH_SANDBOX": "best-effort",
            "SHUTDOWN_TIMEOUT": "2",
            "LOG_LEVEL": "info",
            "LOG_FORMAT": "pretty",
            **(self._pages() if self._has_pages else {}),
        }

    def _pages(self) -> dict[str, str]:
        """Return what opens the bot's own pages, to who signs in at this GitHub."""
        return {
            "WEB_URL": str(self._url.origin()),
            "CLIENT_ID": self._hub.app.client_id,
            "CLIENT_SECRET": self._hub.sign_ins.client_secret,
        }

    async def _ready(self) -> None:
        assert self._process is not None
        url = self._url / "readyz"
        clock = SystemClock()
        async with aiohttp.ClientSession() as session:
            while self._process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url) as answer:
                        if answer.ok:
                            return
                await clock.sleep(0.05)
        message = f"the bot did not start; it ended with {self._process.returncode}"
        raise DemoFailed(message)


def _check_machine(port: int) -> None:
    """Raise ``DemoFailed`` if the demo cannot run here."""
    if shutil.which("git") is None:
        message = "git is not installed (Debian and Ubuntu: apt install git)"
        raise DemoFailed(message)
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except (OSError, OverflowError) as error:
        errno = getattr(error, "errno", None)
        reason = os.strerror(errno) if errno else "there is no such port"
        message = (
            f"port {port} cannot be used: {reason}; choose another one with --port"
        )
        raise DemoFailed(message) from error


def _bystanders() -> dict[str, str]:
    """Return what the child needs of this process's environment and nothing else."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
    return {n: v for n, v in environment().items() if n in names}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
