"""The pages of the local GitHub: threads to read and write on, and what can be broken.

Forms post as the person chosen in the header (a cookie): this is a toy on one machine,
nobody signs in. What is shown is made of *parts*; an open page is told by server-sent
events which of its parts changed.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp_sse import sse_response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from yarl import URL

from bot.localhub import pulls
from bot.localhub.api_log import Exchange
from bot.localhub.display import (
    TOLD,
    Entry,
    avatar,
    diff_lines,
    icon_of,
    is_bot,
    path_of,
    pretty,
    shown_login,
    stamp,
    timeline,
)
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.faults import Fault, FaultKind
from bot.localhub.hub import LocalHub
from bot.localhub.markdown import Context, Target, icon, render, set_line
from bot.localhub.state import (
    Repository,
    Review,
    Thread,
    ThreadEvent,
    User,
    UserType,
)

FOLDER = Path(__file__).parent
COOKIE = "hub_user"
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LIVE_SECONDS = 1.0  # how late a change may be seen that no request has made
OUTAGE_SECONDS = 10
LOW_BUDGET = 520
SHOWN_ROWS = 200

REACTIONS = {
    "+1": "👍", "-1": "👎", "laugh": "😄", "confused": "😕", "heart": "❤️",
    "eyes": "👀", "rocket": "🚀", "hooray": "🎉",
}  # fmt: skip
START_HERE = 40
"""The issue in which the demo's commands are given, if there is one."""

TRY_THIS = (
    "/batch 12 15 18 after:12",
    "/batch plan 12..24",
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


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a page that is replaced as a whole when it changes."""

    id: str
    html: Markup

    @property
    def digest(self) -> str:
        """A short hash of what is shown."""
        return hashlib.sha256(self.html.encode()).hexdigest()[:16]


Slots = dict[str, list[Part]]
"""The parts of a page by the place where they stand."""


def add_pages(
    app: web.Application,
    hub: LocalHub,
    *,
    restart_bot: RestartBot | None = None,
    dashboard_url: str | None = None,
) -> None:
    """Mount the pages. Without *restart_bot* there is no button that kills the bot."""
    pages = _Pages(hub, restart_bot, dashboard_url)
    app.middlewares.append(pages.watch)
    app.on_shutdown.append(pages.close)
    thread = "/{owner}/{name}/{kind:issues|pull}/{number:[0-9]+}"
    for path, handler in (
        ("/", pages.home),
        ("/{owner}/{name}", pages.repository),
        ("/{owner}/{name}/{kind:issues|pulls}", pages.threads),
        ("/{owner}/{name}/issues/new", pages.new_issue),
        (thread, pages.thread),
        ("/{owner}/{name}/pull/{number:[0-9]+}/files", pages.files),
        ("/{owner}/{name}/commit/{sha:[0-9a-f]{7,40}}", pages.commit),
        ("/{owner}/{name}/blob/{ref}/{path:.+}", pages.blob),
        ("/-/live/{owner}/{name}/{number:[0-9]+}", pages.live),
        ("/-/webhooks", pages.webhooks),
        ("/-/webhooks/{id:[0-9]+}", pages.webhook),
        ("/-/api", pages.api_log),
    ):
        app.router.add_get(path, pages.shown(handler))
    for path, handler in (
        ("/{owner}/{name}/issues", pages.post_issue),
        (thread + "/comments", pages.post_comment),
        (thread + "/boxes", pages.post_box),
        (thread + "/labels", pages.post_labels),
        (thread + "/state", pages.post_state),
        (thread + "/pull-request", pages.post_pull_request),
        ("/-/user", pages.post_user),
        ("/-/budget", pages.post_budget),
        ("/-/faults", pages.post_faults),
        ("/-/bot", pages.post_bot),
        ("/-/webhooks/{id:[0-9]+}", pages.post_redelivery),
    ):
        app.router.add_post(path, pages.accepted(handler))
    app.router.add_static("/-/static", FOLDER / "static")


class _Pages:
    """All pages of one hub."""

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

    # --- around every request

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
                response.headers.update(SECURITY_HEADERS)
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

    # --- pages

    async def home(self, _request: web.Request) -> web.StreamResponse:
        """Lead to the first repository."""
        repository = self._first_repository()
        return see(f"/{repository.full_name}/issues")

    async def repository(self, request: web.Request) -> web.StreamResponse:
        """Lead to the list of threads."""
        return see(f"/{self._repository(request).full_name}/issues")

    async def threads(self, request: web.Request) -> web.StreamResponse:
        """Show the issues and pull requests."""
        repository = self._repository(request)
        state = request.query.get("state", "open")
        threads = [
            thread
            for thread in reversed(repository.visible_threads())
            if state == "all" or thread.state == state
        ]
        return self._page(
            request,
            "threads.html",
            repository,
            threads=threads,
            state=state,
            start_here=repository.threads.get(START_HERE),
        )

    async def new_issue(self, request: web.Request) -> web.StreamResponse:
        """Show the form for a new issue."""
        return self._page(request, "new_issue.html", self._repository(request))

    async def thread(self, request: web.Request) -> web.StreamResponse:
        """Show an issue or pull request with its discussion."""
        thread = self._thread(request)
        if request.path != path_of(thread):
            return see(path_of(thread))
        return self._page(
            request,
            "thread.html",
            thread.repository,
            thread=thread,
            slots=self._slots(request, thread),
        )

    async def files(self, request: web.Request) -> web.StreamResponse:
        """Show what a pull request changes."""
        thread = self._thread(request)
        if thread.pull is None:
            raise not_found()
        changes = pulls.changes(thread)
        return self._page(
            request,
            "files.html",
            thread.repository,
            thread=thread,
            commits=changes.commits,
            diff=diff_lines(
                (f.path, f.status, f.additions, f.deletions, f.patch)
                for f in changes.files
            ),
        )

    async def commit(self, request: web.Request) -> web.StreamResponse:
        """Show a commit."""
        repository = self._repository(request)
        sha = repository.git.resolve(request.match_info["sha"])
        if sha is None:
            raise not_found()
        commit = repository.git.commit(sha)
        files = (
            repository.git.changed_files(commit.parents[0], sha)
            if commit.parents
            else []
        )
        return self._page(
            request,
            "commit.html",
            repository,
            commit=commit,
            diff=diff_lines(
                (f.path, f.status, f.additions, f.deletions, f.patch) for f in files
            ),
        )

    async def blob(self, request: web.Request) -> web.StreamResponse:
        """Show a file at a branch or commit."""
        repository = self._repository(request)
        ref, path = request.match_info["ref"], request.match_info["path"]
        sha = repository.git.resolve(ref)
        content = repository.git.read_file(sha, path) if sha else None
        if content is None:
            raise not_found()
        return self._page(
            request,
            "blob.html",
            repository,
            path=path,
            ref=ref,
            text=content.decode(errors="replace"),
        )

    async def webhooks(self, request: web.Request) -> web.StreamResponse:
        """Show the last webhooks."""
        deliveries = self._hub.webhooks.deliveries[: -SHOWN_ROWS - 1 : -1]
        return self._page(
            request, "webhooks.html", self._first_repository(), deliveries=deliveries
        )

    async def webhook(self, request: web.Request) -> web.StreamResponse:
        """Show one webhook with its payload and answer."""
        delivery = self._hub.webhooks.find(int(request.match_info["id"]))
        if delivery is None:
            raise not_found()
        return self._page(
            request,
            "webhook.html",
            self._first_repository(),
            delivery=delivery,
            payload=json.loads(delivery.payload),
        )

    async def api_log(self, request: web.Request) -> web.StreamResponse:
        """Show the last requests of the API."""
        exchanges: list[Exchange] = list(self._hub.log)[: -SHOWN_ROWS - 1 : -1]
        return self._page(
            request, "api.html", self._first_repository(), exchanges=exchanges
        )

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Send the changed parts of a thread's page until the reader leaves."""
        async with sse_response(request, headers=SECURITY_HEADERS) as response:
            known: dict[str, str] = {}
            while response.is_connected() and not self._is_closing:
                changed = self._changed
                message = self._news(request, known)
                if message is not None:
                    with suppress(ConnectionError):
                        await response.send(json.dumps(message))
                with suppress(TimeoutError):
                    async with asyncio.timeout(LIVE_SECONDS):
                        await changed.wait()
        return response

    # --- forms

    async def post_issue(self, request: web.Request) -> web.StreamResponse:
        """Open an issue."""
        form, repository = await request.post(), self._repository(request)
        thread = self._hub.open_issue(
            self._login(request),
            repository.full_name,
            str(form.get("title", "")),
            str(form.get("body", "")),
        )
        return see(path_of(thread))

    async def post_comment(self, request: web.Request) -> web.StreamResponse:
        """Comment."""
        form, thread = await request.post(), self._thread(request)
        comment = self._hub.comment(
            self._login(request),
            thread.repository.full_name,
            thread.number,
            str(form.get("body", "")),
        )
        return see(f"{path_of(thread)}#issuecomment-{comment.id}")

    async def post_box(self, request: web.Request) -> web.StreamResponse:
        """Tick a box of a comment, or of the thread's own text (comment 0)."""
        form, thread = await request.post(), self._thread(request)
        id_, line = number_in(form, "comment"), number_in(form, "line")
        login, name = self._login(request), thread.repository.full_name
        body = self._hub.find_comment(name, id_).body if id_ else thread.body
        after = set_line(body, line, checked=form.get("checked") == "true")
        if after is None:
            raise GitHubError(
                409, "The text has changed meanwhile: there is no box now."
            )
        if id_:
            self._hub.edit_comment(login, name, id_, after)
        else:
            self._hub.edit_thread(login, name, thread.number, body=after)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def post_labels(self, request: web.Request) -> web.StreamResponse:
        """Add or remove a label."""
        form, thread = await request.post(), self._thread(request)
        login, name = self._login(request), thread.repository.full_name
        if form.get("remove"):
            self._hub.unlabel(login, name, thread.number, str(form["remove"]))
        if form.get("add"):
            self._hub.label(login, name, thread.number, str(form["add"]))
        return see(path_of(thread))

    async def post_state(self, request: web.Request) -> web.StreamResponse:
        """Close or reopen."""
        form, thread = await request.post(), self._thread(request)
        login, name = self._login(request), thread.repository.full_name
        if str(form.get("body", "")).strip():
            self._hub.comment(login, name, thread.number, str(form["body"]))
        if form.get("to") == "open":
            self._hub.reopen(login, name, thread.number)
        else:
            reason = str(form.get("reason", "completed"))
            self._hub.close(login, name, thread.number, reason=reason)
        return see(path_of(thread))

    async def post_pull_request(self, request: web.Request) -> web.StreamResponse:
        """Merge, mark as ready, update, or ask for a review."""
        form, thread = await request.post(), self._thread(request)
        login, name = self._login(request), thread.repository.full_name
        match form.get("do"):
            case "merge":
                self._hub.merge(login, name, thread.number)
            case "ready":
                self._hub.set_draft(login, name, thread.number, is_draft=False)
            case "update":
                self._hub.update_branch(login, name, thread.number)
            case _:
                self._hub.request_review(
                    login, name, thread.number, teams=[str(form.get("team"))]
                )
        return see(path_of(thread))

    async def post_user(self, request: web.Request) -> web.StreamResponse:
        """Act as somebody else from now on."""
        form = await request.post()
        user = self._hub.user(str(form.get("login", "")))
        response = see(_back(request))
        response.set_cookie(COOKIE, user.login, httponly=True, samesite="Strict")
        return response

    async def post_budget(self, request: web.Request) -> web.StreamResponse:
        """Set what is left of the API budget."""
        form = await request.post()
        client = self._client()
        window = self._hub.limits.window(client, "core")
        remaining = min(number_in(form, "remaining"), window.limit)
        if remaining > window.remaining:  # there is more in a new hour only
            self._hub.limits.begin_again(client)
        self._hub.limits.set_limit(client, remaining=remaining)
        return see(_back(request))

    async def post_faults(self, request: web.Request) -> web.StreamResponse:
        """Break something, or put it right."""
        form = await request.post()
        hooks = self._hub.webhooks.faults
        match form.get("fault"):
            case "outage":
                self._hub.faults.add(
                    Fault(FaultKind.ERROR, 502, times=None, seconds=OUTAGE_SECONDS)
                )
            case "twice":
                hooks.twice = not hooks.twice
            case "dropped":
                hooks.dropped = not hooks.dropped
            case _:
                raise web.HTTPBadRequest(text="There is no such fault.\n")
        return see(_back(request))

    async def post_bot(self, request: web.Request) -> web.StreamResponse:
        """Kill the bot and start it again."""
        if self._restart_bot is None:
            raise not_found()
        await self._restart_bot()
        return see(_back(request))

    async def post_redelivery(self, request: web.Request) -> web.StreamResponse:
        """Send a webhook again."""
        delivery = self._hub.webhooks.find(int(request.match_info["id"]))
        if delivery is None:
            raise not_found()
        self._hub.webhooks.redeliver(delivery)
        return see("/-/webhooks")

    # --- parts of a thread's page

    def _news(
        self, request: web.Request, known: dict[str, str]
    ) -> dict[str, list[dict[str, str]]] | None:
        """Return all parts in their order, with HTML where the reader lacks it.

        None if the reader knows everything.
        """
        slots = self._slots(request, self._thread(request))
        now = {part.id: part.digest for parts in slots.values() for part in parts}
        if now == known:
            return None
        news = {
            slot: [
                {"id": part.id, "digest": part.digest}
                | ({} if known.get(part.id) == part.digest else {"html": part.html})
                for part in parts
            ]
            for slot, parts in slots.items()
        }
        known.clear()
        known.update(now)
        return news

    def _slots(self, request: web.Request, thread: Thread) -> Slots:
        viewer = self._hub.user(self._login(request))
        context = self._context(thread.repository)
        common = {"thread": thread, "viewer": viewer, "repository": thread.repository}

        def part(id_: str, template: str, **values: Any) -> Part:
            return Part(id_, self._render(f"parts/{template}", **common, **values))

        slots: Slots = {
            "head": [part("head", "head.html")],
            "timeline": [
                self._entry(entry, viewer, context, common)
                for entry in timeline(thread)
            ],
            "actions": [part("actions", "actions.html")],
            "list": [
                part("list", "list.html", threads=thread.repository.visible_threads())
            ],
            "counts": [
                part(
                    "counts",
                    "counts.html",
                    webhooks=len(self._hub.webhooks.deliveries),
                    requests=len(self._hub.log),
                    dashboard_url=self._dashboard_url,
                )
            ],
            "side": [
                part("labels", "labels.html"),
                part(
                    "budget",
                    "budget.html",
                    window=self._hub.limits.window(self._client(), "core"),
                ),
                part(
                    "faults",
                    "faults.html",
                    outage=bool(self._hub.faults.active()),
                    hooks=self._hub.webhooks.faults,
                    can_restart=self._restart_bot is not None,
                ),
            ],
        }
        if thread.pull is not None:
            slots["merge"] = [
                part(
                    "merge",
                    "merge.html",
                    state=pulls.mergeable_state(thread),
                    checks=pulls.latest_checks(thread),
                    is_behind=thread.is_open and pulls.is_behind(thread),
                    teams=[
                        team
                        for (owner, _), team in self._hub.state.teams.items()
                        if owner == thread.repository.owner.login.lower()
                    ],
                )
            ]
        return slots

    def _entry(
        self,
        entry: "Entry",
        viewer: User,
        context: Context,
        common: dict[str, Any],
    ) -> Part:
        subject = entry.subject
        values = common | {"entry": entry, "subject": subject}
        if isinstance(subject, ThreadEvent):
            return Part(entry.id, self._render("parts/event.html", **values))
        thread = entry.thread
        may_edit = subject.author is viewer or self._hub.may(
            viewer, thread.repository, "write"
        )
        html = render(
            subject.body, context, boxes=may_edit and not isinstance(subject, Review)
        )
        line_comments = []
        if isinstance(subject, Review) and thread.pull is not None:
            line_comments = [
                (comment, render(comment.body, context))
                for comment in thread.pull.review_comments
                if comment.review is subject
            ]
        values |= {"html": html, "line_comments": line_comments}
        return Part(entry.id, self._render("parts/comment.html", **values))

    def _context(self, repository: Repository) -> Context:
        targets = tuple(
            Target(t.number, t.title, icon_of(t), path_of(t))
            for t in repository.visible_threads()
        )
        logins = frozenset(
            user.login.lower()
            for user in self._hub.state.users.values()
            if user.type is UserType.USER
        )
        return Context(repository.full_name, self._hub.html_url, targets, logins)

    # --- finding and rendering

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
            back=_back(request),
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


def _back(request: web.Request) -> str:
    """Return the path of the page that sent a form."""
    path = URL(request.headers.get("Referer", "")).path
    return path if path.startswith("/") and not path.startswith("//") else "/"
