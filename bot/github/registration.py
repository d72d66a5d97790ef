"""Fetches what a manifest has made: the app, its key and its secrets.

https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.core.model import InstallationId
from bot.core.world.redaction import Secrets
from bot.errors import BotError, NotFound, TransientError, Uncertain
from bot.github.adapter import GitHubSettings, Way
from bot.github.client import Connection, open_session
from bot.github.ledger import Ledger
from bot.github.line import APP
from bot.ports.clock import Clock

TRIES = 4
FIRST_LOOK_SECONDS = 2.0
SLOWEST_LOOK_SECONDS = 15.0
MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class Registered:
    """An app that was made just now."""

    id: int
    slug: str
    html_url: str
    owner: str
    client_id: str
    client_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    private_key: str = field(repr=False)  # PEM

    @property
    def install_page(self) -> str:
        """Where it is installed."""
        return f"{self.html_url}/installations/new"


@dataclass(frozen=True, slots=True)
class Installed:
    """Where the app is installed: the repositories that it was given, as far as named."""

    account: str
    repositories: Sequence[str]
    count: int


class Gone(BotError):
    """GitHub does not know a code: of long ago, used already, or never its own.

    ``is_lost`` if an answer was lost before: the app may be there, without a key.
    """

    def __init__(self, *, is_lost: bool) -> None:
        super().__init__()
        self.is_lost = is_lost


class _Nobody:
    """Whoever knows a code needs nothing else."""

    async def header(self) -> str:
        """Return nothing to show."""
        return ""

    def refused(self, header: str, *, tries: int) -> float | None:
        """Return that nothing else can be shown."""
        return None

    def is_fresh(self, header: str) -> bool:
        """Return False."""
        return False


async def fetch(
    code: str,
    *,
    api_url: str,
    proxy: str,
    clock: Clock,
    random: Callable[[], float],
    secrets: Secrets,
) -> Registered:
    """Return the app that *code* stands for; GitHub tells it once.

    Raises ``Gone``, ``TransientError`` when GitHub stays unwell, and ``Refused``.
    """
    is_lost = False
    async with open_session(proxy) as session:
        connection = Connection(
            session,
            api_url=api_url,
            account=Ledger(clock).account(APP),
            credentials=_Nobody(),
            clock=clock,
            random=random,
            secrets=secrets,
        )
        for attempt in range(1, TRIES + 1):
            try:
                answer = await connection.send(
                    "POST", "/app-manifests/{code}/conversions", code=code
                )
            except NotFound as error:
                raise Gone(is_lost=is_lost) from error
            except TransientError as error:
                is_lost = is_lost or isinstance(error, Uncertain)
                if attempt == TRIES:
                    raise
                await clock.sleep(float(attempt))
            else:
                return _registered(answer.data)
    raise AssertionError  # the last try returns or raises


def _registered(data: Mapping[str, Any]) -> Registered:
    owner = data.get("owner") or {}
    return Registered(
        id=int(data["id"]),
        slug=str(data["slug"]),
        html_url=str(data["html_url"]),
        owner=str(owner.get("login") or owner.get("slug") or ""),
        client_id=str(data["client_id"]),
        client_secret=str(data["client_secret"]),
        webhook_secret=str(data["webhook_secret"] or ""),
        private_key=str(data["pem"]),
    )


async def first_installation(
    app: Registered,
    *,
    api_url: str,
    proxy: str,
    clock: Clock,
    random: Callable[[], float],
    secrets: Secrets,
) -> Installed:
    """Wait until the app is installed somewhere, and return where.

    What goes wrong meanwhile is looked for again: a new app is not known everywhere.
    """
    settings = GitHubSettings(
        app_id=str(app.id), private_key=app.private_key, api_url=api_url, proxy=proxy
    )
    wait = FIRST_LOOK_SECONDS
    async with Way.open(settings, clock, random, secrets=secrets) as way:
        while True:
            try:
                found = await _look(way)
            except (TransientError, NotFound):
                found = None
            if found is not None:
                return found
            await clock.sleep(wait)
            wait = min(wait * 1.2, SLOWEST_LOOK_SECONDS)


async def _look(way: Way) -> Installed | None:
    listed = await way.client.app.get("/app/installations{?per_page}", per_page=1)
    if not listed:
        return None
    account = listed[0].get("account") or {}
    connection = way.client.installation(InstallationId(int(listed[0]["id"])))
    reached = await connection.get(
        "/installation/repositories{?per_page}", per_page=MOST_NAMED
    )
    names = [str(one["full_name"]) for one in reached["repositories"]]
    login = str(account.get("login") or account.get("slug") or "")
    return Installed(login, names, int(reached["total_count"]))
