"""Which page stands where."""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from aiohttp import web

from bot.web.access import Access
from bot.web.pages.documents import openapi
from bot.web.pages.draw import FOLDER
from bot.web.pages.frame import Frame, told_as_json
from bot.web.pages.lists import Lists
from bot.web.pages.sources import PageSources
from bot.web.pages.streams import Streams
from bot.web.pages.views import Views

STATIC = {
    "pages.css": "text/css",
    "pages.js": "text/javascript",
    "pages.svg": "image/svg+xml",
}

_BATCH = "/batches/{batch:[a-z][0-9][a-z][0-9]}"
_ITEM = _BATCH + "/items/{item:[a-z0-9-]{1,100}}"
_JSON = "{json:(?:[.]json)?}"


def add_pages(
    app: web.Application, access: Access, sources: Callable[[], PageSources | None]
) -> None:
    """Mount the pages; until there are *sources*, they say that the bot is starting."""
    frame = Frame(access, sources)
    app.middlewares.append(told_as_json)
    views = Views(frame)
    lists = Lists(frame)
    streams = Streams(views)
    for path, handler in (
        ("/", lists.batches),
        (f"/batches{_JSON}", lists.batches),
        ("/live", streams.batches),
        (f"{_BATCH}{_JSON}", views.batch),
        (f"{_BATCH}/live", streams.batch),
        (f"{_ITEM}{_JSON}", views.item),
        (f"{_ITEM}/log", views.log),
        (f"{_ITEM}/live", streams.item),
        (f"/installations{_JSON}", lists.installations),
        (f"/stats{_JSON}", lists.stats),
    ):
        app.router.add_get(path, frame.shown(handler))
    for name, kind in STATIC.items():
        body = (FOLDER / "static" / name).read_bytes()
        app.router.add_get(f"/static/{name}", partial(_static, body, kind))
    app.router.add_get("/openapi.json", _openapi)
    app.on_shutdown.append(frame.close)


async def _static(body: bytes, kind: str, _: web.Request) -> web.Response:
    headers = {"Cache-Control": "public, max-age=300"}
    return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)


async def _openapi(_: web.Request) -> web.Response:
    body = openapi(version("batch-bot"))
    return web.Response(body=body, content_type="application/json")
