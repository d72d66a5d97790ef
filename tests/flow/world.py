"""The running bot in front of the local GitHub, for stories from delivery to comment."""

import asyncio
import re
import sqlite3
import sys
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import yaml
from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.app import Bot, start
from bot.core.world.redaction import Secrets
from bot.demo.stage import Requests
from bot.localhub.hub import APP_ID, LocalHub
from bot.localhub.pages.site import add_pages
from bot.localhub.server import start_hub
from bot.localhub.state import Comment, Repository, Thread
from bot.ports.clock import Clock
from bot.settings import Settings, load_settings
from tests.jumping import JumpingClock

REPOSITORY = "acme/widgets"
ONE_CHANGE = re.compile(
    r"<!-- batch-bot:tracking .*\n### ✅ Batch `\w+` finished — 1 of 1 done"
    r" · (?:label|assign|close|reopen|comment|mark|make|ask|put|take)\b(?!.*→ \[report)"
)
PATIENCE = timedelta(days=2)
"""How long people wait on a clock that jumps."""

LONGEST_SECONDS = 200.0
"""How long people wait in everybody's time."""

WORKER = Path(__file__).with_name("worker.py")
ROLES = {
    "ada": "admin",
    "grace": "maintain",
    "linus": "write",
    "tess": "triage",
    "rita": "read",
}


class World:
    """A local GitHub with people, a repository and issues; the bot comes and goes."""

    def __init__(
        self, hub: LocalHub, changed: Requests, clock: Clock, folder: Path
    ) -> None:
        self.hub = hub
        self.changed = changed
        self.clock = clock
        self.own_clock: Clock | None = None  # of the bot's machine, if it has another
        self.folder = folder
        self.secrets: Secrets | None = None  # what the log of a story hides
        self._repository: Repository | None = None
        self.settings_file: dict[str, Any] = {
            "commands": {"implement": [sys.executable, str(WORKER)]}
        }

    # --- what people do ---

    def issue(self, number: int, body: str = "", *, title: str = "") -> Thread:
        """Open issue *number*; the body tells the named command what to do."""
        title = title or f"Item {number}"
        with self._next_number(number):
            return self.hub.open_issue("ada", REPOSITORY, title, body)

    def pull_request(
        self, number: int, body: str = "", *, title: str = "", branch: str = ""
    ) -> Thread:
        """Open pull request *number*, by linus, with one new file."""
        branch = branch or f"topic-{number}"
        title = title or f"Item {number}"
        files = {f"topic{number}.txt": "topic\n"}
        self.hub.push("linus", REPOSITORY, branch, files, message="Add a topic")
        with self._next_number(number):
            return self.hub.open_pull_request(
                "linus", REPOSITORY, title, head=branch, body=body
            )

    def configure(self, text: str) -> None:
        """Put ``.github/batch.yml`` on the default branch."""
        files = {".github/batch.yml": text}
        self.hub.push("ada", REPOSITORY, "main", files, message="Set batches up")

    @contextmanager
    def _next_number(self, number: int) -> Iterator[None]:
        last, self.repository.last_number = self.repository.last_number, number - 1
        yield
        self.repository.last_number = max(last, number)

    def say(
        self, text: str, *, by: str = "ada", on: int = 40, has_labels: bool = True
    ) -> Comment:
        """Comment; the delivery is on its way when this returns.

        The labels that a command puts on exist, unless the story is about that.
        """
        for name in re.findall(r"(?<= \+)[a-z][a-z0-9-]*+(?![!])", text):
            if has_labels and "label" in text:
                self.hub.add_label(REPOSITORY, name)
        return self.hub.comment(by, REPOSITORY, on, text)

    def deliver(self, event: str, payload: Mapping[str, Any]) -> None:
        """Send a signed delivery that says whatever the test wants."""
        installation = self.hub.state.installation_of(self.repository)
        assert installation is not None
        self.hub.webhooks.send(
            event,
            payload,
            app_id=APP_ID,
            installation_id=installation.id,
            repository_id=self.repository.id,
        )

    def later(self, **time: float) -> None:
        """Let time pass at once."""
        assert isinstance(self.clock, JumpingClock)
        self.clock.skip(timedelta(**time).total_seconds())

    # --- what they see ---

    @property
    def repository(self) -> Repository:
        found = self.hub.state.repository(REPOSITORY)
        self._repository = found or self._repository  # renamed or deleted since
        assert self._repository is not None
        return self._repository

    def thread(self, number: int = 40) -> Thread:
        return self.repository.threads[number]

    def comments(self, kind: str, *, on: int = 40) -> list[Comment]:
        """Return the bot's comments of a kind, oldest first.

        The report of one change that was made at once is its tracking comment.
        """
        first = _opening(kind)
        return [
            c
            for c in self.thread(on).comments
            if c.body.startswith(first)
            or (kind == "report" and ONE_CHANGE.match(c.body))
        ]

    def comment(self, kind: str, *, on: int = 40) -> Comment:
        """Return the one comment of a kind."""
        found = self.comments(kind, on=on)
        assert len(found) == 1, [c.body for c in self.thread(on).comments]
        return found[0]

    def said(self, kind: str, *, on: int = 40) -> str:
        """Return the newest comment of a kind; empty while there is none."""
        found = self.comments(kind, on=on)
        return found[-1].body if found else ""

    def replies(self, *, on: int = 40) -> list[str]:
        """Return everything that the bot wrote in a thread, without markers."""
        login = self.hub.app.bot.login
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

    async def until(
        self, condition: Callable[[], object], *, seconds: float = 0.0
    ) -> None:
        """Wait until something that people can see is so."""
        jumps = isinstance(self.clock, JumpingClock)
        elapsed = self.clock.monotonic if jumps else monotonic
        ends_at = elapsed() + (
            seconds or (PATIENCE.total_seconds() if jumps else LONGEST_SECONDS)
        )
        while not condition():
            if elapsed() > ends_at:
                thread = self.repository.threads.get(40)  # its name may be taken
                said = "\n\n".join(c.body for c in (thread.comments if thread else ()))
                message = f"it never came true; the thread:\n{said}"
                raise AssertionError(message)
            signs = map(asyncio.ensure_future, (self.changed.wait(), self._settled()))
            _, pending = await asyncio.wait(signs, return_when=FIRST_COMPLETED)
            for sign in pending:
                sign.cancel()

    async def _settled(self) -> None:
        if isinstance(self.clock, JumpingClock):
            await self.clock.settled()
        else:
            await asyncio.sleep(0.02)

    async def answer(
        self, text: str, *, by: str = "ada", on: int = 40, has_labels: bool = True
    ) -> str:
        """Comment, and return the one comment by which the bot answered."""
        command = self.say(text, by=by, on=on, has_labels=has_labels)
        await self.dealt_with()
        return self.answer_to(command)

    def answer_to(self, command: Comment) -> str:
        """Return the bot's one comment behind a command, apart from what it starts."""
        comments = command.thread.comments
        behind = comments[comments.index(command) + 1 :]
        found = [c.body for c in behind if c.author is self.hub.app.bot]
        kinds = ("tracking", "report")
        found = [b for b in found if not b.startswith(tuple(map(_opening, kinds)))]
        assert len(found) == 1, found
        return re.sub(r"\A<!--.*?-->\n", "", found[0])

    async def dealt_with(self) -> None:
        """Wait until the bot has dealt with every delivery that was sent to it."""
        await self.hub.webhooks.drain()
        waiting = "SELECT count(*) FROM deliveries WHERE outcome IS NULL"
        await self.until(lambda: self.rows(waiting) == [(0,)])

    def assert_nothing_started(self) -> None:
        """Check that there is no batch anywhere, and no trace of its work."""
        assert self.rows("SELECT id, data FROM batches") == []
        assert self.rows("SELECT key FROM effects WHERE key NOT GLOB 're*/*'") == []
        for number, thread in self.repository.threads.items():
            assert self.comments("tracking", on=number) == []
            assert thread.pinned_comment is None
        assert self.pull_requests() == {}
        assert not [ref for ref in self.repository.git.refs() if "batch/" in ref]

    async def finished(self, command: Comment) -> None:
        """Wait until the batch of a command has said its last word."""
        await self.until(lambda: self.reactions(command) & {"hooray", "confused"})

    # --- the bot ---

    def rows(self, query: str) -> list[Any]:
        """Return rows of the bot's database."""
        path = self.folder / "data" / "batch.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    def settings(self, **variables: str) -> Settings:
        """Return the settings of a bot for this GitHub."""
        file = self.folder / "batch-bot.yml"
        file.write_text(yaml.safe_dump(self.settings_file))
        return load_settings(
            {**self.environment(), "BATCH_SETTINGS_FILE": str(file), **variables},
            env_file=self.folder / "no.env",
        )

    def environment(self) -> dict[str, str]:
        """Return the variables that set a bot up for this GitHub."""
        return {
            "APP_ID": str(APP_ID),
            "PRIVATE_KEY": self.hub.private_key,
            "WEBHOOK_SECRET": self.hub.app.webhook_secret,
            "GITHUB_API_URL": self.hub.api_url,
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
        settings = self.settings(**variables)
        clock = self.own_clock or self.clock
        async with start(settings, clock=clock, secrets=self.secrets) as bot:
            self.hub.set_webhook_url(f"{bot.url}/api/github/webhooks")
            try:
                yield bot
            finally:
                self.hub.set_webhook_url(None)


@asynccontextmanager
async def world(
    folder: Path,
    *,
    clock: Clock | None = None,
    middlewares: Sequence[Middleware] = (),
    with_pages: bool = False,
) -> AsyncIterator[World]:
    """Serve a GitHub with issue 40, in which commands are given, and no bot yet."""
    clock = clock or JumpingClock()
    changed = Requests()

    def routes(app: web.Application, hub: LocalHub) -> None:
        changed.add_to(app)
        app.middlewares.extend(middlewares)
        if with_pages:
            add_pages(app, hub)

    with clock.ruling() if isinstance(clock, JumpingClock) else nullcontext():
        async with start_hub(
            data_dir=folder / "github",
            now=clock.now,
            sleep=clock.sleep,
            extra_routes=routes,
        ) as hub:
            hub.add_organization("acme")
            hub.create_repository(REPOSITORY, files={"README.md": "# widgets\n"})
            for login, role in ROLES.items():
                hub.set_role("acme", REPOSITORY, login, role)
            hub.install("acme")
            made = World(hub, changed, clock, folder)
            made.issue(40, title="Release 2.4")
            yield made


def _opening(kind: str) -> str:
    """Return how the bot's comments of a kind begin."""
    return f"<!-- batch-bot:{kind} "
