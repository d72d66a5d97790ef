"""Around every page: who looks, refusals, headers; as HTML or as JSON."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler as Middled

from bot.core.say import pages as said
from bot.errors import StoreUnavailable
from bot.web.access import Access, Viewer
from bot.web.pages.board import Boards
from bot.web.pages.documents import Document, Failure, json_of
from bot.web.pages.draw import Templates
from bot.web.pages.sources import PageSources
from bot.web.plain import wants_json

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    # With less, browsers would not say where a form comes from.
    "Referrer-Policy": "same-origin",
    "Vary": "Accept, Authorization, Cookie",
}

_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)

log = structlog.get_logger()


class NotThereError(Exception):
    """There is nothing of the kind, or it is not to be seen: nobody can tell which."""


class StartingError(Exception):
    """Nothing is known yet that a page could show."""


class UnfitError(Exception):
    """A part of the address does not fit; the message says which."""


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody who looks at something, once all that pages are made of is there."""

    request: web.Request
    viewer: Viewer
    sources: PageSources
    boards: Boards
    access: Access


Handler = Callable[[Look], Awaitable[web.StreamResponse]]


class Frame:
    """Shows pages to who may see them."""

    def __init__(
        self, access: Access, sources: Callable[[], PageSources | None]
    ) -> None:
        self._access = access
        self._sources = sources
        self._boards: Boards | None = None
        self.templates = Templates()

    @property
    def access(self) -> Access:
        """Who may see what."""
        return self._access

    def shown(self, handler: Handler) -> Callable[[web.Request], Any]:
        """Return a handler of a request, with everything around it."""

        async def show(request: web.Request) -> web.StreamResponse:
            viewer = await self._access.viewer(request)
            if not (viewer.login or viewer.is_operator or viewer.batches):
                return self._access.sign_in(request)
            try:
                return await handler(self._look(request, viewer))
            except NotThereError:
                if not (viewer.login or viewer.is_operator):
                    return self._access.sign_in(request)  # a link opens no more
                return self.refusal(request, viewer, 404, *said.not_there())
            except UnfitError as error:
                return self.refusal(request, viewer, 400, *said.unfit(str(error)))
            except StartingError:
                return self.refusal(
                    request, viewer, 503, *said.starting(), retry_seconds=5
                )
            except StoreUnavailable as error:
                log.warning("page not made", error=str(error))
                return self.refusal(request, viewer, 503, *said.no_database())

        return show

    def answer(self, look: Look, template: str, **values: Any) -> web.Response:
        """Return a page."""
        html = self._page(template, look.viewer, look.request.path, **values)
        return web.Response(text=html, content_type="text/html", headers=HEADERS)

    def refusal(
        self,
        request: web.Request,
        viewer: Viewer,
        status: int,
        title: str,
        words: str,
        *,
        retry_seconds: int = 0,
    ) -> web.Response:
        """Return why there is no page."""
        if wants_json(request):
            response = document(Failure(words), status=status)
        else:
            html = self._page("refusal.html", viewer, "", title=title, words=words)
            response = web.Response(
                text=html, status=status, content_type="text/html", headers=HEADERS
            )
        if retry_seconds:
            response.headers["Retry-After"] = str(retry_seconds)
        return response

    def _page(self, template: str, viewer: Viewer, here: str, **values: Any) -> str:
        access = self._access
        return self.templates.page(
            template,
            viewer=viewer,
            here=here,
            leave=access.form_mark(viewer, "sign-out") if viewer.session else "",
            signs_in=access.signs_in,
            **values,
        )

    async def close(self, _app: web.Application) -> None:
        """Let go of everybody who watches."""
        if self._boards is not None:
            await self._boards.close()

    def _look(self, request: web.Request, viewer: Viewer) -> Look:
        sources = self._sources()
        if sources is None:
            raise StartingError
        if self._boards is None:
            self._boards = Boards(
                presents=sources.presents,
                batches=sources.batches,
                lists=sources.lists,
                deliveries=sources.deliveries,
                draw=self.templates,
                clock=sources.clock,
            )
            sources.listen(self._boards.notice)
        return Look(request, viewer, sources, self._boards, self._access)


@web.middleware
async def told_as_json(request: web.Request, handler: Middled) -> web.StreamResponse:
    """Have also what no page refuses, such as an address that is none, or a method, told
    as JSON to who asks for that.
    """
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST or not wants_json(request):
            raise
        words = said.refused(error.status, error.text or error.reason)
        response = document(Failure(words), status=error.status)
        for name in ("Allow", "Retry-After", "WWW-Authenticate"):
            if name in error.headers:
                response.headers[name] = error.headers[name]
        return response


def number_in(request: web.Request, name: str) -> int:
    """Return a number of the query, 0 without it. Raises ``UnfitError``."""
    text = request.query.get(name, "0")
    if not _NUMBER.fullmatch(text):
        message = f"{name} is a number."
        raise UnfitError(message)
    return int(text)


async def whole_document(value: Document) -> web.Response:
    """Return JSON that may be long: it is written while others are answered."""
    return json_response(await asyncio.to_thread(json_of, value))


def document(value: Document, *, status: int = HTTPStatus.OK) -> web.Response:
    """Return JSON."""
    return json_response(json_of(value), status=status)


def json_response(body: bytes, *, status: int = HTTPStatus.OK) -> web.Response:
    """Return what is JSON already."""
    headers = {"Vary": HEADERS["Vary"]}
    return web.Response(
        body=body,
        status=status,
        content_type="application/json",
        headers=headers,
    )
