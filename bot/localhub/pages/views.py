"""The pages that are read."""

import asyncio
import json
from contextlib import suppress

from aiohttp import web
from aiohttp_sse import sse_response
from yarl import URL

from bot.localhub import pulls
from bot.localhub.api_log import Exchange
from bot.localhub.display import (
    diff_lines,
    path_of,
)
from bot.localhub.errors import not_found
from bot.localhub.markdown import render
from bot.localhub.pages.frame import SECURITY_HEADERS, see
from bot.localhub.pages.parts import Parts
from bot.localhub.sign_ins import Asked

LIVE_SECONDS = 1.0  # how late a change may be seen that no request has made

SHOWN_ROWS = 200

START_HERE = 40
"""The issue in which the demo's commands are given, if there is one."""


class Views(Parts):
    """Threads, files, commits, webhooks and the log of the API."""

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

    async def authorize(self, request: web.Request) -> web.StreamResponse:
        """Ask a person whether another site may know who they are."""
        user = self._hub.user(self._login(request))
        asked = self._hub.sign_ins.ask(user, request.query)
        if isinstance(asked, URL):
            return see(str(asked))
        repository = self._first_repository()
        response = self._page(request, "authorize.html", repository, asked=asked)
        if isinstance(asked, Asked):
            # Browsers hold the redirect behind a form to the page's policy too.
            to = URL(asked.callback).origin()
            policy = SECURITY_HEADERS["Content-Security-Policy"]
            response.headers["Content-Security-Policy"] = policy.replace(
                "form-action 'self'", f"form-action 'self' {to}"
            )
        return response

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
            said=self._said(thread),
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

    async def check_run(self, request: web.Request) -> web.StreamResponse:
        """Show what a check run says, with its remarks and, at its end, its buttons."""
        repository = self._repository(request)
        run = self._hub.check_run(repository, int(request.match_info["id"]))
        context = self._context(repository)
        return self._page(
            request,
            "check.html",
            repository,
            run=run,
            said=[render(text, context) for text in (run.summary, run.text) if text],
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
