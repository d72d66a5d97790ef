"""What goes on, sent to who watches: parts of a page that changed, lines of a log.

A stream lasts some minutes; the browser asks again then, and whether somebody may see
it is looked at anew.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.core.say import pages as said
from bot.ports.clock import Clock
from bot.web.pages import logs
from bot.web.pages.board import Board, Boards
from bot.web.pages.crowd import FullError
from bot.web.pages.frame import HEADERS, Look, number_in
from bot.web.pages.views import ItemShown, Views

LASTS_SECONDS = 600.0
LOOK_SECONDS = 1.0
"""How often a log is looked at: a command prints when it likes."""

SEEN_SECONDS = 60.0
"""How often it is looked at whether who watches may still see it."""

LIST_SECONDS = 10.0
"""How often a list is told at most that something has changed."""

CLOCKS_SECONDS = 60.0
"""How often it is told so while nothing happens, but batches work or wait: times go on,
and of budgets nobody is told.
"""

TAKEN_SECONDS = 30.0
"""How long whoever watches may leave lying what was sent; then they are let go."""

_RETRY_MILLISECONDS = 2_000


class Stream:
    """One open connection, until it ends, is too old, or the bot ends."""

    def __init__(
        self,
        response: EventSourceResponse,
        transport: asyncio.Transport | None,  # None: whoever watched is gone
        boards: Boards,
        clock: Clock,
    ) -> None:
        self._response = response
        self._transport = transport
        self._clock = clock
        self._ends = [
            asyncio.create_task(response.wait()),
            asyncio.create_task(clock.sleep(LASTS_SECONDS)),
            asyncio.create_task(boards.closing.wait()),
        ]

    def ends_with(self, what: Coroutine[Any, Any, None]) -> None:
        """End when *what* does."""
        self._ends.append(asyncio.create_task(what))

    async def send(self, event: str, data: str, *, id_: str | None = None) -> None:
        """Send one event."""
        try:
            async with asyncio.timeout(TAKEN_SECONDS):
                await self._response.send(
                    data, id=id_, event=event, retry=_RETRY_MILLISECONDS
                )
        except TimeoutError:
            if self._transport is not None:  # its end would wait for the reader as well
                self._transport.abort()
            raise

    async def goes_on(self, what: asyncio.Event, seconds: float | None = None) -> bool:
        """Return when something has happened, or after so long; False if it ended."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(what.wait())]
        if seconds is not None:
            waits.append(asyncio.create_task(self._clock.sleep(seconds)))
        try:
            await asyncio.wait(
                [*waits, *self._ends], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
        return not any(end.done() for end in self._ends)

    async def rest(self, seconds: float) -> bool:
        """Return after so long; False if it ended."""
        return await self.goes_on(asyncio.Event(), seconds)

    def close(self) -> None:
        """Wait for nothing more."""
        for end in self._ends:
            end.cancel()


@asynccontextmanager
async def streaming(
    look: Look, board: Board | None = None
) -> AsyncIterator[tuple[Stream, web.StreamResponse]]:
    """Yield an open stream to somebody, for as long as they may see the batch."""
    if look.request.method != "GET":  # HEAD, which no stream answers
        raise web.HTTPMethodNotAllowed(look.request.method, ["GET"], headers=HEADERS)
    boards = look.boards

    def is_gone() -> bool:
        transport = look.request.transport
        return transport is None or transport.is_closing()

    try:
        with boards.crowd.joined(look.viewer, board.id if board else None, is_gone):
            async with sse_response(look.request, headers=HEADERS) as response:
                transport = look.request.transport
                stream = Stream(response, transport, boards, look.sources.clock)
                stream.ends_with(until_hidden(look, board))
                try:
                    yield stream, response
                finally:
                    stream.close()
    except FullError as error:
        raise web.HTTPServiceUnavailable(
            text=said.too_many_watch(), headers={**HEADERS, "Retry-After": "30"}
        ) from error
    except (ConnectionError, TimeoutError):
        pass  # whoever watched is gone


async def until_hidden(look: Look, board: Board | None) -> None:
    """Return once somebody may not see a page any more: they have signed out, or their
    session, their role or the link has ended.
    """
    while True:
        await look.sources.clock.sleep(SEEN_SECONDS)
        viewer = await look.access.viewer(look.request)
        if viewer != look.viewer:
            return
        if board is None:
            continue
        drawn = board.drawn
        if drawn is None:
            return
        home = drawn.batch.repository
        if not await look.access.may_see(viewer, home, board.id):
            return


def since(look: Look, board: Board) -> int:
    """Return the version that somebody has; -1 for one that is not of this process."""
    version = look.boards.version_of(given(look))
    return version if version <= board.version else -1


def given(look: Look) -> str:
    """Return the stamp of what somebody has; empty for who follows from now on."""
    came = look.request.headers.get("Last-Event-ID")
    return came or look.request.query.get("since", "")


class Streams:
    """Answers with what goes on."""

    def __init__(self, views: Views) -> None:
        self._views = views

    async def batches(self, look: Look) -> web.StreamResponse:
        """Tell a list when any batch has changed."""
        async with streaming(look) as (stream, response):
            boards, stamp = look.boards, given(look)
            told = boards.version_of(stamp) if stamp else boards.version
            is_open = True
            while is_open:
                happened = boards.happened
                if told == boards.version:
                    is_open = await stream.goes_on(happened, CLOCKS_SECONDS)
                    is_news = told != boards.version or boards.standings.is_any_live
                    if not (is_open and is_news):
                        continue
                told = boards.version
                await stream.send("reload", "", id_=boards.stamp(told))
                is_open = await stream.rest(LIST_SECONDS)
        return response

    async def batch(self, look: Look) -> web.StreamResponse:
        """Send the parts of a batch's page that change."""
        board, _ = await self._views.board(look)
        version = since(look, board)
        with look.boards.watching(board):
            async with streaming(look, board) as (stream, response):
                while True:
                    shown = board.shown
                    for frame in board.since(version):
                        version = frame.version
                        name = "parts" if frame.data else "reload"
                        id_ = look.boards.stamp(version)
                        await stream.send(name, frame.data, id_=id_)
                    if not await stream.goes_on(shown):
                        break
        return response

    async def item(self, look: Look) -> web.StreamResponse:
        """Send the parts of an item's page that change, and what its log goes on with."""
        shown = await self._views.shown(look)
        board, attempt = shown.board, number_in(look.request, "attempt")
        at, version = number_in(look.request, "at"), 0
        sent: dict[str, str] = {}
        with look.boards.watching(board):
            async with streaming(look, board) as (stream, response):
                while True:
                    news = board.shown
                    if board.version != version and board.drawn is not None:
                        version, drawn = board.version, board.drawn
                        shown = await self._views.shown_of(look, board, drawn, attempt)
                        if "follow" in look.request.query and is_over(shown):
                            await stream.send("reload", "")
                        parts = self._views.item_parts(shown)
                        new = {n: h for n, h in parts.items() if sent.get(n) != h}
                        if new:
                            sent |= new
                            await stream.send(
                                "parts", json.dumps(new, ensure_ascii=False)
                            )
                    at = await self._log(look, stream, shown, at)
                    wait = LOOK_SECONDS if prints(shown) else None
                    if not await stream.goes_on(news, wait):
                        break
        return response

    async def _log(self, look: Look, stream: Stream, shown: ItemShown, at: int) -> int:
        """Send what a log has behind a byte; return where that ends."""
        if not shown.attempt or shown.row.is_hidden:
            return at
        path = look.sources.log(shown.log)
        while True:
            piece = await asyncio.to_thread(logs.more, path, at)
            if not piece.text:
                return at
            at = piece.end
            await stream.send(
                "log", json.dumps({"text": piece.text, "end": at}, ensure_ascii=False)
            )


def is_over(shown: ItemShown) -> bool:
    """Return whether a later attempt has begun than the one that is shown."""
    return shown.row.attempt > shown.attempt


def prints(shown: ItemShown) -> bool:
    """Return whether the attempt that is shown may print more."""
    own = [one for one in shown.attempts if one.number == shown.attempt]
    return any(one.ended_at is None for one in own)
