"""The running bot in front of the local GitHub, for stories from delivery to comment."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import yaml

from bot.app import Bot, start
from bot.demo import Changes
from bot.sandbox.sandbox import APP_ID, Sandbox
from bot.sandbox.server import start_sandbox
from bot.sandbox.state import Comment, Repository, Thread
from bot.settings import Settings, load_settings

REPOSITORY = "acme/widgets"
PATIENCE_SECONDS = 60.0
WORKER = Path(__file__).with_name("worker.py")
ROLES = {
    "ada": "admin",
    "grace": "maintain",
    "linus": "write",
    "tess": "triage",
    "rita": "read",
}


class SwiftClock:
    """Time that runs faster than outside, so that pauses cost little."""

    def __init__(self, speed: float = 20.0) -> None:
        self._speed = speed
        self._began = monotonic()
        self._start = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (monotonic() - self._began) * self._speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._speed)


class World:
    """A local GitHub with people, a repository and issues; the bot comes and goes."""

    def __init__(
        self, sandbox: Sandbox, changed: Changes, clock: SwiftClock, folder: Path
    ) -> None:
        self.sandbox = sandbox
        self.changed = changed
        self.clock = clock
        self.folder = folder

    # --- what people do ---

    def issue(self, number: int, body: str = "", *, title: str = "") -> Thread:
        """Open issue *number*; the body tells the named command what to do."""
        last, self.repository.last_number = self.repository.last_number, number - 1
        title = title or f"Item {number}"
        thread = self.sandbox.open_issue("ada", REPOSITORY, title, body)
        self.repository.last_number = max(last, number)
        return thread

    def say(self, text: str, *, by: str = "ada", on: int = 40) -> Comment:
        """Comment; the delivery is on its way when this returns."""
        return self.sandbox.comment(by, REPOSITORY, on, text)

    # --- what they see ---

    @property
    def repository(self) -> Repository:
        found = self.sandbox.state.repository(REPOSITORY)
        assert found is not None
        return found

    def thread(self, number: int = 40) -> Thread:
        return self.repository.threads[number]

    def comments(self, kind: str, *, on: int = 40) -> list[Comment]:
        """Return the bot's comments of a kind, oldest first."""
        first = f"<!-- batch-bot:{kind} "
        return [c for c in self.thread(on).comments if c.body.startswith(first)]

    def comment(self, kind: str, *, on: int = 40) -> Comment:
        """Return the one comment of a kind."""
        found = self.comments(kind, on=on)
        assert len(found) == 1, [c.body for c in self.thread(on).comments]
        return found[0]

    def replies(self, *, on: int = 40) -> list[str]:
        """Return everything that the bot wrote in a thread, without markers."""
        login = self.sandbox.app.bot.login
        bodies = [c.body for c in self.thread(on).comments if c.author.login == login]
        return [re.sub(r"\A<!--.*?-->\n", "", body) for body in bodies]

    def reactions(self, comment: Comment) -> set[str]:
        return {reaction.content for reaction in comment.reactions}

    def pull_requests(self) -> dict[int, Thread]:
        """Return the bot's pull requests by the item that each is for."""
        return {
            int(thread.pull.head_ref.rpartition("/")[2]): thread
            for thread in self.repository.threads.values()
            if thread.pull and thread.pull.head_ref.startswith("batch/")
        }

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until something that people can see is so."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not condition():
                    waiting = asyncio.ensure_future(self.changed.wait())
                    await asyncio.wait([waiting], timeout=0.1)
                    waiting.cancel()
        except TimeoutError as error:
            said = "\n\n".join(c.body for c in self.thread().comments)
            raise AssertionError(f"it never came true; the thread:\n{said}") from error

    async def finished(self, command: Comment) -> None:
        """Wait until the batch of a command has said its last word."""
        await self.until(lambda: self.reactions(command) & {"hooray", "confused"})

    # --- the bot ---

    def settings(self, **variables: str) -> Settings:
        """Return the settings of a bot for this GitHub."""
        file = self.folder / "batch-bot.yml"
        argv = [sys.executable, str(WORKER)]
        file.write_text(yaml.safe_dump({"commands": {"implement": argv}}))
        return load_settings(
            {**self.environment(), "BATCH_SETTINGS_FILE": str(file), **variables},
            env_file=self.folder / "no.env",
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that set a bot up for this GitHub."""
        return {
            "APP_ID": str(APP_ID),
            "PRIVATE_KEY": self.sandbox.private_key,
            "WEBHOOK_SECRET": self.sandbox.app.webhook_secret,
            "GITHUB_API_URL": self.sandbox.api_url,
            "HOST": "127.0.0.1",
            "PORT": "0",
            "BATCH_DB": str(self.folder / "data" / "batch.db"),
            "BATCH_WRITE_INTERVAL": "0",
            "BATCH_SANDBOX": "off",
            "SHUTDOWN_TIMEOUT": "20",
        }

    @asynccontextmanager
    async def bot(self, **variables: str) -> AsyncIterator[Bot]:
        """Run the bot in this process; deliveries go to it over HTTP."""
        async with start(self.settings(**variables), clock=self.clock) as bot:
            self.sandbox.set_webhook_url(f"{bot.url}/api/github/webhooks")
            try:
                yield bot
            finally:
                self.sandbox.set_webhook_url(None)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Serve a GitHub with issue 40, in which commands are given, and no bot yet."""
    clock = SwiftClock()
    changed = Changes()
    async with start_sandbox(
        data_dir=folder / "github",
        now=clock.now,
        sleep=clock.sleep,
        extra_routes=lambda app, _: changed.add_to(app),
    ) as sandbox:
        sandbox.add_organization("acme")
        sandbox.create_repository(REPOSITORY, files={"README.md": "# widgets\n"})
        for login, role in ROLES.items():
            sandbox.set_role("acme", REPOSITORY, login, role)
        sandbox.install("acme")
        made = World(sandbox, changed, clock, folder)
        made.issue(40, title="Release 2.4")
        yield made
