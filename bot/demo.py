"""The main job, shown: a local GitHub in this process, the real bot beside it.

The bot is a child process, started as an operator starts it. Everything it learns
comes in signed deliveries over HTTP, everything it does goes through the local
GitHub's API and git.
"""

import asyncio
import contextlib
import re
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web
from rich.console import Console
from rich.live import Live
from rich.table import Table

from bot.errors import BotError
from bot.host.clock import SystemClock
from bot.sandbox import pulls, repair
from bot.sandbox.pages import add_pages
from bot.sandbox.sandbox import APP_ID, Sandbox
from bot.sandbox.seed import REPOSITORY, seed
from bot.sandbox.server import start_sandbox
from bot.sandbox.state import Comment, Thread
from bot.settings import environment

THREAD = 40
COMMAND = "/batch 12 15 18 after:12"
BASES: Mapping[int, int | None] = {12: None, 15: None, 18: 12}
"""The items, and whose branch the pull request of each is stacked on."""
PATIENCE_SECONDS = 120.0

_ITEM = re.compile(r"^- \[[ x]\] (?!<!--)(?P<text>.+)$", re.MULTILINE)
_HEADING = re.compile(r"^### (?P<text>.+)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_HIDDEN = re.compile(r"<!--.*?-->|</?(?:details|summary|sub)>", re.DOTALL)


class DemoFailed(BotError):
    """The demo did not end as it should; the message says what was not there."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running local GitHub with the bot listening to it."""

    sandbox: Sandbox
    changed: "Changes"

    @property
    def thread(self) -> Thread:
        """The issue in which the command is given."""
        repository = self.sandbox.state.repository(REPOSITORY)
        assert repository is not None
        return repository.threads[THREAD]

    def comment_of(self, kind: str) -> Comment | None:
        """Return the bot's last comment of a kind in the thread."""
        first = f"<!-- batch-bot:{kind} "
        found = [c for c in self.thread.comments if c.body.startswith(first)]
        return found[-1] if found else None


class Changes:
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


async def once(console: Console) -> None:
    """Post the reference command, show its progress, print the report and check it.

    Raises ``DemoFailed`` if what was promised is not there in the end.
    """
    async with stage() as on:
        console.print(f"ada writes in {REPOSITORY}#{THREAD}:  [bold]{COMMAND}[/]\n")
        command = on.sandbox.comment("ada", REPOSITORY, THREAD, COMMAND)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await _show(console, on, lambda: "hooray" in _reactions(command))
        except TimeoutError as error:
            tracking = on.comment_of("tracking")
            message = tracking.body if tracking else "there is no tracking comment"
            problem = f"the batch did not end in {PATIENCE_SECONDS:.0f} s: {message}"
            raise DemoFailed(problem) from error
        report = on.comment_of("report")
        if report is None:
            message = "there is no report"
            raise DemoFailed(message)
        console.print(f"\n{plain(report.body)}\n", markup=False, highlight=False)
        for line in check(on):
            console.print(f"✓ {line}", markup=False, highlight=False)


async def serve(console: Console, *, port: int) -> None:
    """Serve the local GitHub's pages until the process is interrupted."""
    async with stage(port=port, with_pages=True, pace_seconds=1.5) as on:
        url = f"{on.sandbox.html_url}/{REPOSITORY}/issues/{THREAD}"
        console.print(f"The local GitHub is at [bold]{url}[/]")
        console.print(f"Type [bold]{COMMAND}[/] there and watch. Ctrl-C ends it.")
        await asyncio.Event().wait()


@asynccontextmanager
async def stage(
    *, port: int = 0, with_pages: bool = False, pace_seconds: float = 0
) -> AsyncIterator[Stage]:
    """Start the local GitHub, fill it, start the bot, and end both.

    The named command takes *pace_seconds* longer for each of its steps, so that a
    person can watch.
    """
    clock = SystemClock()
    changed = Changes()
    bot: _Child | None = None

    async def restart() -> None:
        assert bot is not None
        await bot.kill()
        await bot.start()

    def routes(app: web.Application, sandbox: Sandbox) -> None:
        changed.add_to(app)
        if with_pages:
            add_pages(app, sandbox, restart_bot=restart)

    with tempfile.TemporaryDirectory(prefix="batch-bot-demo-") as name:
        folder = Path(name)
        async with start_sandbox(
            data_dir=folder / "github",
            now=clock.now,
            sleep=clock.sleep,
            port=port,
            webhook_secret=secrets.token_hex(16),
            extra_routes=routes,
        ) as sandbox:
            await asyncio.to_thread(seed, sandbox)
            bot = _Child(folder, sandbox, pace_seconds)
            await bot.start()
            try:
                yield Stage(sandbox, changed)
            finally:
                await bot.stop()


class _Child:
    """The bot as a process of its own, set up by environment variables alone."""

    def __init__(self, folder: Path, sandbox: Sandbox, pace_seconds: float) -> None:
        self._folder = folder
        self._sandbox = sandbox
        self._pace_seconds = pace_seconds
        self._process: asyncio.subprocess.Process | None = None
        self._port = _free_port()
        sandbox.set_webhook_url(f"http://127.0.0.1:{self._port}/api/github/webhooks")

    async def start(self) -> None:
        """Start it; return once it takes deliveries."""
        with (self._folder / "bot.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                env={**_bystanders(), **self._variables()},
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        await self._ready()

    async def stop(self) -> None:
        """End it as an operator does."""
        process = self._process
        if process is not None and process.returncode is None:
            process.terminate()
            await process.wait()

    async def kill(self) -> None:
        """End it as a power cut does."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    def _variables(self) -> dict[str, str]:
        settings = self._folder / "batch-bot.yml"
        program = [sys.executable, str(Path(repair.__file__).resolve())]
        pace = f"REPAIR_PACE_SECONDS={self._pace_seconds}"
        argv = ["env", pace, *program] if self._pace_seconds else program
        settings.write_text(yaml.safe_dump({"commands": {"implement": argv}}))
        return {
            "APP_ID": str(APP_ID),
            "PRIVATE_KEY": self._sandbox.private_key,
            "WEBHOOK_SECRET": self._sandbox.app.webhook_secret,
            "GITHUB_API_URL": self._sandbox.api_url,
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "BATCH_DB": str(self._folder / "data" / "batch.db"),
            "BATCH_SETTINGS_FILE": str(settings),
            # This GitHub is all ours: nobody else has to be spared. The isolation of
            # commands that this machine offers is used, and named in the report.
            "BATCH_WRITE_INTERVAL": "0.1",
            "BATCH_SANDBOX": "best-effort",
            "LOG_LEVEL": "info",
        }

    async def _ready(self) -> None:
        assert self._process is not None
        url = f"http://127.0.0.1:{self._port}/readyz"
        clock = SystemClock()
        async with aiohttp.ClientSession() as session:
            while self._process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url) as answer:
                        if answer.ok:
                            return
                await clock.sleep(0.05)
        log = (self._folder / "bot.log").read_text(errors="replace")
        message = f"the bot did not start:\n{log}"
        raise DemoFailed(message)


def check(on: Stage) -> Iterator[str]:
    """Yield what was promised and is there. Raises ``DemoFailed`` for what is not."""
    repository = on.thread.repository
    opened = {
        int(thread.pull.head_ref.rpartition("/")[2]): thread
        for thread in repository.threads.values()
        if thread.pull and thread.pull.head_ref.startswith("batch/")
    }
    if set(opened) != set(BASES):
        message = f"there should be pull requests for {set(BASES)}, not {set(opened)}"
        raise DemoFailed(message)
    for number, base in BASES.items():
        thread = opened[number]
        pull = pulls.pull_of(thread)
        wanted = "main" if base is None else pulls.pull_of(opened[base]).head_ref
        files = [file.path for file in pulls.changes(thread).files]
        problems = [
            "is no draft" if not pull.is_draft else "",
            f"has the base {pull.base_ref}, not {wanted}" * (pull.base_ref != wanted),
            f"does not close #{number}" * (f"Closes #{number}" not in thread.body),
            f"changes {files}" * (not _is_repair(files)),
        ]
        if any(problems):
            what = ", ".join(filter(None, problems))
            message = f"pull request {thread.number} {what}"
            raise DemoFailed(message)
        yield (
            f"draft pull request #{thread.number} closes #{number}: {pull.head_ref}"
            f" → {wanted}, changes {', '.join(files)}"
        )


def plain(markdown: str) -> str:
    """Return a comment as it is read in a terminal."""
    text = _LINK.sub(r"\1", _HIDDEN.sub("", markdown)).replace("&nbsp;", " ")
    text = re.sub(r"[*`\u2060]|^#+ ", "", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _is_repair(files: list[str]) -> bool:
    """Return whether code was changed, its changelog with it, and no test."""
    code = [f for f in files if f.endswith(".py") and not f.startswith("tests/")]
    return bool(code) and set(files) == {*code, "CHANGELOG.md"}


async def _show(console: Console, on: Stage, is_over: Callable[[], bool]) -> None:
    """Show the tracking comment until the end: a table that lives, or plain lines."""
    shown: list[str] = []
    live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
    with live or contextlib.nullcontext():
        while not is_over():
            lines = _lines(on.comment_of("tracking"))
            if live is not None:
                live.update(_table(lines))
            for line in lines:
                if live is None and line not in shown:
                    console.print(line, markup=False, highlight=False)
            shown = lines
            await on.changed.wait()


def _lines(tracking: Comment | None) -> list[str]:
    """Return heading and items of the tracking comment."""
    if tracking is None:
        return []
    heading = _HEADING.search(tracking.body)
    items = [plain(match["text"]) for match in _ITEM.finditer(tracking.body)]
    return [*([plain(heading["text"])] if heading else []), *items]


def _table(lines: list[str]) -> Table:
    table = Table(show_header=False, box=None)
    for line in lines:
        table.add_row(line)
    return table


def _reactions(comment: Comment) -> set[str]:
    return {reaction.content for reaction in comment.reactions}


def _bystanders() -> dict[str, str]:
    """Return what the child needs of this process's environment and nothing else."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")
    return {n: v for n, v in environment().items() if n in names}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
