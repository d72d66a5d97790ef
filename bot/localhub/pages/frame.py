"""Around every page: who reads it, refusals as pages, headers, templates.

Forms post as the person chosen in the header (a cookie): this is a toy on one machine,
nobody signs in.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from yarl import URL

from bot.localhub.display import (
    TOLD,
    avatar,
    icon_of,
    is_bot,
    path_of,
    pretty,
    shown_login,
    stamp,
)
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.hub import LocalHub
from bot.localhub.markdown import icon
from bot.localhub.state import Repository, Thread

FOLDER = Path(__file__).parent.parent

COOKIE = "hub_user"

LOOPBACK = ("localhost", "127.0.0.1", "::1")

LOW_BUDGET = 500
"""What the bot keeps back for other work unless told otherwise: nothing starts then."""

REACTIONS = {
    "+1": "👍", "-1": "👎", "laugh": "😄", "confused": "😕", "heart": "❤️",
    "eyes": "👀", "rocket": "🚀", "hooray": "🎉",
}  # fmt: skip  # fmt: skip

TRY_THIS = (
    "/batch 12 15 18 after:12",
    "/batch plan 12..24",
    "/batch 19 review:19 review:63",
    "/batch 12 l8",
    "/batch status",
)

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

RestartBot = Callable[[], Awaitable[None]]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Frame:
    """What every page needs."""

    def __init__(
        self,
        hub: LocalHub,
        restart_bot: RestartBot | None,
        dashboard_url: str | None,
    ) -> None:
        self._hub = hub
        self._restart_bot = restart_bot
        self._dashboard_url = dashboard_url
        self._changed = asyncio.Event()
        self._is_closing = False
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "icon": icon,
            "icon_of": icon_of,
            "avatar": avatar,
            "login": shown_login,
            "is_bot": is_bot,
            "path_of": path_of,
            "reactions": REACTIONS,
            "told": TOLD,
            "try_this": TRY_THIS,
            "low_budget": LOW_BUDGET,
        }
        self._templates.filters |= {"at": stamp, "pretty": pretty}

    @property
    def watch(self) -> Any:
        """The middleware that wakes open pages after whatever may have changed them."""

        @web.middleware
        async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            finally:
                if request.method != "GET" or request.path.startswith("/api/"):
                    self._wake()

        return watch

    def shown(self, handler: Handler) -> Handler:
        """Return a handler of a page, with refusals as pages and safe headers."""

        async def show(request: web.Request) -> web.StreamResponse:
            try:
                response = await handler(request)
            except GitHubError as error:
                response = self._refusal(request, error)
            if not response.prepared:
                for name, value in SECURITY_HEADERS.items():
                    response.headers.setdefault(name, value)
            return response

        return show

    def accepted(self, handler: Handler) -> Handler:
        """Return a handler of a form that takes it from our own pages only."""

        async def accept(request: web.Request) -> web.StreamResponse:
            if not is_same_origin(request, self._hub.html_url):
                raise web.HTTPForbidden(text="This form comes from another site.\n")
            return await handler(request)

        return self.shown(accept)

    async def close(self, _app: web.Application) -> None:
        """End the live connections, which would hold up the end of the server."""
        self._is_closing = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _repository(self, request: web.Request) -> Repository:
        name = f"{request.match_info['owner']}/{request.match_info['name']}"
        return self._hub.repository(name)

    def _thread(self, request: web.Request) -> Thread:
        repository = self._repository(request)
        return self._hub.thread(repository.full_name, int(request.match_info["number"]))

    def _first_repository(self) -> Repository:
        found = next(iter(self._hub.state.repositories.values()), None)
        if found is None:
            raise not_found()
        return found

    def _client(self) -> int:
        """Return whose budget is shown: the first installation's."""
        return next(iter(self._hub.state.installations), 0)

    def _people(self, repository: Repository) -> list[str]:
        """Return who one can be on the pages: those with a role, else the owner."""
        return list(repository.roles) or [repository.owner.login]

    def _login(self, request: web.Request) -> str:
        people = self._people(self._first_repository())
        chosen = request.cookies.get(COOKIE, "")
        return chosen if chosen in people else people[0]

    def _page(
        self, request: web.Request, template: str, repository: Repository, **values: Any
    ) -> web.Response:
        people = self._people(repository)
        html = self._render(
            template,
            repository=repository,
            people=[(login, repository.role(login)) for login in people],
            viewer=self._hub.user(self._login(request)),
            webhooks=len(self._hub.webhooks.deliveries),
            requests=len(self._hub.log),
            dashboard_url=self._dashboard_url,
            here=request.path,
            **values,
        )
        return web.Response(text=html, content_type="text/html")

    def _refusal(self, request: web.Request, error: GitHubError) -> web.StreamResponse:
        details = [str(each.get("message", each.get("field"))) for each in error.errors]
        message = " — ".join([error.message, *details])
        if "text/html" not in request.headers.get("Accept", ""):
            return web.Response(text=message, status=error.status)
        response = self._page(
            request,
            "refusal.html",
            self._first_repository(),
            message=message,
            status=error.status,
            back=back_to(request),
        )
        response.set_status(error.status)
        return response

    def _render(self, template: str, **values: Any) -> Markup:
        html = self._templates.get_template(template).render(**values)
        return Markup(html)  # noqa: S704 - the template has escaped it


def is_same_origin(request: web.Request, site: str) -> bool:
    """Return whether a form was sent by one of our own pages, under a name of ours."""
    origin = URL(request.headers.get("Origin", ""))
    own = URL(site)
    known = origin.host in (*LOOPBACK, own.host)
    fetch_site = request.headers.get("Sec-Fetch-Site", "same-origin")
    return known and origin.authority == request.host and fetch_site == "same-origin"


def see(path: str) -> web.Response:
    """Return the answer that leads the browser to another page."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": path})


def number_in(form: Mapping[str, object], name: str) -> int:
    """Return a number of a form; raises 400."""
    text = str(form.get(name, ""))
    if not re.fullmatch(r"\d{1,15}", text):
        raise web.HTTPBadRequest(text=f"{name} has to be a number.\n")
    return int(text)


def back_to(request: web.Request) -> str:
    """Return the path of the page that sent a form."""
    path = URL(request.headers.get("Referer", "")).path
    return path if path.startswith("/") and not path.startswith("//") else "/"
