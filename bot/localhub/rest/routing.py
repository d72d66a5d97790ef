"""What an endpoint gets and gives, and the table of endpoints."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlencode

from bot.localhub.accounts import User
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.hub import LocalHub, Token
from bot.localhub.payloads.shape import Json
from bot.localhub.state import Repository, Thread

T = TypeVar("T")

PAGE_SIZE = 30
LARGEST_PAGE = 100


class Who(Enum):
    """Whose credentials an endpoint wants."""

    ANYBODY = "anybody"
    APP = "the app's JWT"
    INSTALLATION = "an installation token"
    USER = "a person's token"
    CLIENT = "the app's name and secret"


@dataclass(frozen=True, slots=True)
class Answer:
    """An endpoint's answer. ``body`` is JSON, None for an empty one."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    points: int = 1  # what it costs


@dataclass(frozen=True, slots=True)
class Call:
    """A request to an endpoint, after the credentials were checked."""

    hub: LocalHub
    url: str  # as sent, without the query
    arguments: Mapping[str, str]  # from the path
    query: Mapping[str, str]
    body: Json
    token: Token | None = None
    found: Repository | None = None
    user: User | None = None  # for whom a person's token speaks

    @property
    def login(self) -> str:
        """Who changes something: the app."""
        return self.hub.app.bot.login

    @property
    def repository(self) -> Repository:
        """The repository in the path."""
        assert self.found is not None
        return self.found

    @property
    def name(self) -> str:
        """The full name of the repository in the path."""
        return self.repository.full_name

    @property
    def thread(self) -> Thread:
        """The issue or pull request in the path; raises 404 and 410."""
        return self.hub.thread(self.name, self.number("issue_number"))

    @property
    def pull(self) -> Thread:
        """The pull request in the path; raises 404."""
        return self.hub.pull_request(self.name, self.number("pull_number"))

    def allows(self, permission: str, level: str) -> bool:
        """Return whether the token has a permission at least at a level."""
        return self.token is not None and self.token.allows(permission, level)

    def number(self, argument: str) -> int:
        """Return a number from the path; raises 404 for what is none."""
        text = self.arguments[argument]
        if not text.isdecimal() or len(text) > 18:
            raise not_found()
        return int(text)

    def text(self, key: str) -> str | None:
        """Return a string of the body; raises 422 for another type."""
        return self._value(key, str)

    def required_text(self, key: str) -> str:
        """Return a string that the body must have; raises 422."""
        value = self.text(key)
        if value is None:
            raise invalid(resource="Request", field=key, code="missing_field")
        return value

    def integer(self, key: str) -> int | None:
        """Return a number of the body; raises 422 for another type."""
        return self._value(key, int)

    def flag(self, key: str) -> bool | None:
        """Return true or false of the body; raises 422 for another type."""
        return self._value(key, bool)

    def texts(self, key: str) -> list[str] | None:
        """Return a list of strings of the body; raises 422 for another type."""
        values = self._value(key, list)
        if values is not None and not all(isinstance(v, str) for v in values):
            raise invalid(resource="Request", field=key)
        return values

    def page(
        self,
        items: Sequence[T],
        shape: Callable[[T], Json],
        *,
        key: str | None = None,
        as_told: Callable[[Sequence[T]], Sequence[T]] = lambda items: items,
    ) -> Answer:
        """Return the page of a list that the query asks for, with its ``Link`` header.

        With *key* the list is wrapped with its ``total_count``; *as_told* is what becomes
        of the items of one page.
        """
        size = min(max(self._count("per_page", PAGE_SIZE), 1), LARGEST_PAGE)
        page = max(self._count("page", 1), 1)
        last = max(-(-len(items) // size), 1)
        asked = items[(page - 1) * size : page * size]
        shown = [shape(item) for item in as_told(asked)]
        targets = {
            "prev": page - 1 if page > 1 else None,
            "next": page + 1 if page < last else None,
            "last": last if page < last else None,
            "first": 1 if page > 1 else None,
        }
        links = {rel: {"page": str(n)} for rel, n in targets.items() if n is not None}
        body = shown if key is None else {"total_count": len(items), key: shown}
        return Answer(body, headers=self.links(links))

    def links(self, targets: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Return the ``Link`` header to the same address with other queries."""
        parts = [
            f'<{self.url}?{urlencode({**self.query, **changes})}>; rel="{rel}"'
            for rel, changes in targets.items()
        ]
        return {"Link": ", ".join(parts)} if parts else {}

    def _count(self, key: str, default: int) -> int:
        text = self.query.get(key, "")
        return int(text) if text.isdecimal() and len(text) < 9 else default

    def _value(self, key: str, type_: type[T]) -> T | None:
        value = self.body.get(key)
        if value is None:
            return None
        if not isinstance(value, type_) or (type_ is int and isinstance(value, bool)):
            raise invalid(resource="Request", field=key)
        return value


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint. ``permissions`` are alternatives, such as issues or pull_requests."""

    method: str
    template: str  # as in the OpenAPI description
    handler: Handler
    who: Who
    permissions: tuple[str, ...] = ()
    level: str = "read"
    makes_content: bool = False
    resource: str = "core"


class Routes:
    """The endpoints of one subject."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def get(
        self,
        template: str,
        *permissions: str,
        who: Who = Who.INSTALLATION,
        resource: str = "core",
    ) -> Callable[[Handler], Handler]:
        """Register an endpoint that reads."""
        return self._register(
            "GET", template, who=who, permissions=permissions, resource=resource
        )

    def write(
        self,
        method: str,
        template: str,
        *permissions: str,
        who: Who = Who.INSTALLATION,
        makes_content: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Register an endpoint that changes something."""
        return self._register(
            method, template, who=who, permissions=permissions, level="write",
            makes_content=makes_content,
        )  # fmt: skip

    def _register(
        self, method: str, template: str, **properties: Any
    ) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self.routes.append(Route(method, template, handler, **properties))
            return handler

        return add


def unprocessable(message: str) -> GitHubError:
    """Return a 422 that has only a message."""
    return GitHubError(422, message)
