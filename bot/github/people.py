"""Under which names and addresses accounts commit."""

import re

from bot.core.model import Person, Repository
from bot.errors import NotFound
from bot.github.client import Client

_ENTERPRISE = re.compile(r"https?://(?P<host>[^/:]+)(?::\d+)?/api/v3/?")
_RESIDENT = re.compile(r"https?://api\.(?P<host>[^/]+\.ghe\.com)/?")


class GitHubPeople:
    """The port ``People``. Accounts keep their ids: each is asked for once."""

    def __init__(self, client: Client, *, login: str, api_url: str) -> None:
        self._client = client
        self._login = login
        self._host = address_host(api_url)
        self._known: dict[str, Person] = {}

    async def bot(self, repository: Repository) -> Person:
        """Return the app's own bot user."""
        person = await self.person(repository, self._login)
        return person or Person(self._login, f"{self._login}@{self._host}")

    async def person(self, repository: Repository, login: str) -> Person | None:
        """Return an account by its login; None for one that GitHub does not know."""
        key = login.casefold()
        if key not in self._known:
            connection = self._client.installation(repository.installation_id)
            try:
                user = await connection.get("/users/{login}", login=login)
            except NotFound:
                return None
            name = str(user["login"])
            self._known[key] = Person(name, f"{int(user['id'])}+{name}@{self._host}")
        return self._known[key]


def address_host(api_url: str) -> str:
    """Return the domain of the addresses that GitHub gives to accounts.

    https://docs.github.com/account-and-profile/reference/email-addresses-reference
    """
    own = _ENTERPRISE.fullmatch(api_url) or _RESIDENT.fullmatch(api_url)
    return f"users.noreply.{own['host'] if own else 'github.com'}"
