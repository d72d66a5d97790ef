"""The controls on the pages: a form becomes the same wish as a command in a comment."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import Protocol

from aiohttp import web
from yarl import URL

from bot.core.model import BatchId
from bot.core.say import entrance as said
from bot.core.say.terminal import plain
from bot.errors import BotError
from bot.ports.people import Account
from bot.web.access import Access, PageAccess, Reading, Viewer
from bot.web.entrance import comes_from, own_path, see
from bot.web.plain import Way, page, wants_json

VERBS = ("start", "pause", "resume", "cancel", "retry", "skip", "undo")
MOST_BYTES = 20_000

_ITEM = re.compile(r"[0-9a-z][0-9a-z-]{0,99}", re.ASCII)
_FORM = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MOST_ITEMS = 500


class Told(Protocol):
    """What became of a wish: ``bot.engine.operator``."""

    @property
    def outcome(self) -> str:
        """It in a few words."""

    @property
    def said(self) -> str:
        """It in Markdown."""

    @property
    def is_refused(self) -> bool:
        """Whether nothing was done."""


class Wish(Protocol):
    """Has a control carried out in its turn; None until the bot has started."""

    def __call__(
        self,
        verb: str,
        batch_id: BatchId,
        names: Sequence[str],
        *,
        by: Account | None,
        form: str,
    ) -> Awaitable[Told | None]:
        """Return what became of it. Raises ``BotError``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a form asks for."""

    verb: str
    items: Sequence[str]
    form: str
    mark: str
    back: str


class Forms:
    """Takes the forms in."""

    def __init__(
        self,
        *,
        access: PageAccess,
        reading: Callable[[], Reading | None],
        wish: Wish,
        web_url: str,
    ) -> None:
        self._access = access
        self._reading = reading
        self._wish = wish
        self._site = URL(web_url)

    def add_to(self, app: web.Application) -> None:
        """Mount the route."""
        path = "/batches/{batch:[a-z][0-9][a-z][0-9]}/controls"
        app.router.add_post(path, self._control)

    async def _control(self, request: web.Request) -> web.StreamResponse:
        viewer = await self._access.viewer(request)
        if viewer == Viewer():
            return self._access.sign_in(request)
        batch_id = BatchId(request.match_info["batch"])
        asked = await _asked(request)
        shows_token = viewer.is_operator and not viewer.session
        if viewer.session:
            is_own = self._access.is_own_form(viewer, asked.mark, asked.form, batch_id)
            if not is_own or not comes_from(request, self._site):
                return _answer(request, 403, said.foreign_form())
        elif not shows_token:
            return _answer(request, 403, said.by_link_only())
        is_fit = asked.verb in VERBS and all(map(_ITEM.fullmatch, asked.items))
        if not is_fit or len(asked.items) > _MOST_ITEMS:
            return _answer(request, 400, said.unfit_form())
        if self._reading() is None:  # nobody's role is known, and no batch
            return _answer(request, 503, said.starting())
        if not await self._may_see(viewer, batch_id):
            return _answer(request, 404, said.not_there())
        return await self._carried_out(request, viewer, batch_id, asked)

    async def _may_see(self, viewer: Viewer, batch_id: BatchId) -> bool:
        reading = self._reading()
        batch = await reading.batch(batch_id) if reading else None
        return batch is not None and await self._access.may_see(
            viewer, batch.repository, batch_id
        )

    async def _carried_out(
        self, request: web.Request, viewer: Viewer, batch_id: BatchId, asked: Asked
    ) -> web.StreamResponse:
        form = asked.form if viewer.session else token_hex(16)
        try:
            told = await self._wish(
                asked.verb, batch_id, asked.items, by=viewer.account, form=form
            )
        except BotError as error:
            return _answer(request, 503, said.not_done(str(error)))
        if told is None:
            return _answer(request, 503, said.starting())
        words = plain(told.said)
        own = f"/batches/{batch_id}"
        path = asked.back.partition("?")[0]
        is_there = path == "/" or path.startswith(own)  # a list, or a page of its own
        back = asked.back if is_there else own
        if wants_json(request):
            why = words or told.outcome if told.is_refused else ""
            body = {"outcome": told.outcome, "said": words, "error": why}
            taken = 202 if told.outcome == "waiting" else 200
            return web.json_response(body, status=409 if told.is_refused else taken)
        if told.is_refused:
            return _answer(request, 409, said.not_done(words), back)
        if told.outcome == "waiting":
            return _answer(request, 202, said.waits(words), back)
        return see(back)


def new_form(access: Access, viewer: Viewer, batch_id: BatchId) -> tuple[str, str]:
    """Return the name of a new form about a batch, and its mark."""
    form = token_hex(16)
    return form, access.form_mark(viewer, form, batch_id)


async def _asked(request: web.Request) -> Asked:
    """Return what a form asks for. Raises 413 and 415."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    length = request.content_length
    if length is None or length > MOST_BYTES:
        raise web.HTTPRequestEntityTooLarge(MOST_BYTES, length or 0)
    sent = await request.post()
    form = str(sent.get("form", ""))
    # A button says what it does, and to which items, in one value.
    verb, *items = str(sent.get("do", "")).split() or [""]
    return Asked(
        verb,
        items,
        form if _FORM.fullmatch(form) else "",
        str(sent.get("mark", "")),
        own_path(str(sent.get("back", "/batches"))),
    )


def _answer(
    request: web.Request, status: int, words: said.Words, back: str = "/"
) -> web.Response:
    if wants_json(request):
        return web.json_response({"error": " ".join(words)}, status=status)
    return page(*words, status=status, ways=[Way("Back", back)])
