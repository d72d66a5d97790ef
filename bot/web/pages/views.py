"""The pages: which value each one shows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from markupsafe import Markup

from bot.core.model import (
    AttemptId,
    BatchId,
    ItemId,
    attempt_id,
)
from bot.core.say.view import (
    AttemptRow,
    EffectRow,
    ItemPage,
    ItemRow,
    effect_row,
    item_offers,
)
from bot.core.world.markdown import Links
from bot.web.forms import new_form
from bot.web.pages import logs
from bot.web.pages.board import Board, Drawn, home_of
from bot.web.pages.frame import (
    Frame,
    Look,
    NotThereError,
    document,
    number_in,
    whole_document,
)
from bot.web.plain import wants_json

NOT_THERE_SECONDS = 0.5
"""How long the answer takes that a batch is not there, or not to be seen: as long as it
may take to find that out.
"""


@dataclass(frozen=True, slots=True)
class ItemShown:
    """An item as its page shows it."""

    board: Board
    drawn: Drawn
    row: ItemRow
    attempts: Sequence[AttemptRow]
    attempt: int  # which log is shown; 0 before the first
    page: ItemPage

    @property
    def log(self) -> AttemptId:
        """The attempt whose log is shown."""
        return attempt_id(self.board.id, self.row.id, self.attempt)


class Views:
    """Answers with pages and documents."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    # --- one batch ---------------------------------------------------------------

    async def batch(self, look: Look) -> web.StreamResponse:
        """Answer with a batch."""
        _, drawn = await self.board(look)
        if wants_json(look.request):
            return await whole_document(drawn.view)
        if drawn.body is None:
            drawn.body = await asyncio.to_thread(self._body, drawn)
        return self._frame.answer(
            look,
            "batch.html",
            view=drawn.view,
            version=look.boards.stamp(drawn.version),
            body=drawn.body,
            head=Markup(drawn.parts["head"]),  # noqa: S704 - of a template
            messages=Markup(drawn.parts["messages"]),  # noqa: S704 - of a template
            controls=await self._controls(
                look,
                drawn,
                Markup(drawn.parts["offers"]),  # noqa: S704 - of a template
            ),
        )

    def _body(self, drawn: Drawn) -> Markup:
        parts = {name: Markup(html) for name, html in drawn.parts.items()}  # noqa: S704 - of templates
        return self._frame.templates.part(
            "body.html",
            view=drawn.view,
            parts=parts,
            rows=_joined(parts, "item-"),
            nodes=_joined(parts, "node-"),
            graph=self._frame.templates.lay_out(drawn.batch.plan),
        )

    async def item(self, look: Look) -> web.StreamResponse:
        """Answer with an item of a batch."""
        shown = await self.shown(look)
        if wants_json(look.request):
            return document(shown.page)
        piece = logs.Piece("", 0, 0)
        if shown.attempt and not shown.row.is_hidden:
            path = look.sources.log(shown.log)
            piece = await asyncio.to_thread(logs.tail, path)
        parts = self.item_parts(shown)
        return self._frame.answer(
            look,
            "item.html",
            view=shown.drawn.view,
            it=shown.row,
            version=look.boards.stamp(shown.drawn.version),
            parts=parts,
            attempt=shown.attempt,
            log=piece.text,
            log_begin=piece.begin,
            log_end=piece.end,
            controls=await self._controls(look, shown.drawn, parts["offers"]),
        )

    async def log(self, look: Look) -> web.StreamResponse:
        """Answer with the whole log of an attempt, to be kept."""
        shown = await self.shown(look)
        path = look.sources.log(shown.log)
        if shown.row.is_hidden or not await asyncio.to_thread(path.is_file):
            raise NotThereError
        name = f"{shown.log}.log"
        return web.FileResponse(
            path,
            headers={
                "Content-Type": "text/plain; charset=utf-8",
                "Content-Disposition": f'attachment; filename="{name}"',
            },
        )

    async def board(self, look: Look) -> tuple[Board, Drawn]:
        """Return a batch that somebody may see. Raises ``NotThereError``."""
        clock = look.sources.clock
        began = clock.monotonic()
        batch_id = BatchId(look.request.match_info["batch"])
        found = await self._seen(look, batch_id)
        if found is None or found.drawn is None:
            passed = clock.monotonic() - began
            await clock.sleep(max(0.0, NOT_THERE_SECONDS - passed))
            raise NotThereError
        return found, found.drawn

    async def _seen(self, look: Look, batch_id: BatchId) -> Board | None:
        known = look.boards.known(batch_id)
        if known is not None:
            home = known
        else:
            batch = await look.sources.batches.load(batch_id)
            if batch is None:
                return None
            home = batch.repository
        may_see = self._frame.access.may_see
        if not await may_see(look.viewer, home, batch_id):
            return None
        board = await look.boards.board(batch_id)
        now = home_of(board)
        if now != home and not await may_see(look.viewer, now, batch_id):
            return None  # it has moved
        return board

    async def shown(self, look: Look) -> ItemShown:
        """Return an item that somebody may see. Raises ``NotThereError``."""
        board, drawn = await self.board(look)
        attempt = number_in(look.request, "attempt")
        return await self.shown_of(look, board, drawn, attempt)

    async def shown_of(
        self, look: Look, board: Board, drawn: Drawn, attempt: int
    ) -> ItemShown:
        """Return an item of a batch. Raises ``NotThereError``."""
        item = ItemId(look.request.match_info["item"])
        row = next((one for one in drawn.view.items if one.id == item), None)
        if row is None:
            raise NotThereError
        attempts = [one for one in drawn.view.attempts if one.item == item]
        if attempt and attempt not in [one.number for one in attempts]:
            raise NotThereError
        effects = () if row.is_hidden else await self._effects(look, drawn, item)
        page = ItemPage(board.id, row, tuple(attempts), tuple(effects))
        return ItemShown(board, drawn, row, attempts, attempt or row.attempt, page)

    def item_parts(self, shown: ItemShown) -> dict[str, Markup]:
        """Return the parts of an item's page that change."""
        part = self._frame.templates.part
        offers = item_offers(shown.row, shown.drawn.view.state)
        return {
            "item-head": part("item-head.html", it=shown.row),
            "offers": part("offers.html", offers=offers),
            "tries-list": part(
                "tries.html",
                tries=shown.attempts,
                attempt=shown.attempt,
                page=shown.row.page,
            ),
            "changed": part("changed.html", effects=shown.page.effects),
        }

    async def _controls(self, look: Look, drawn: Drawn, offers: Markup) -> Markup:
        """Return the form with what somebody may do; nothing for who may not."""
        access, batch = look.access, drawn.batch
        if not await access.may_control(look.viewer, batch.repository):
            return Markup()
        form, mark = new_form(access, look.viewer, batch.id)
        return self._frame.templates.part(
            "controls.html",
            view=drawn.view,
            offers=offers,
            form=form,
            mark=mark,
            back=look.request.path,
        )

    async def _effects(
        self, look: Look, drawn: Drawn, item: ItemId
    ) -> Sequence[EffectRow]:
        batch = drawn.batch
        site = Links.beside(batch.repository.name, batch.asker.url).site
        found = await look.sources.effects.of_item(batch.id, item)
        return [
            effect_row(
                one.key,
                one.record.intent,
                one.record.receipt,
                intended_at=one.record.intended_at,
                done_at=one.done_at,
                site=site,
            )
            for one in found
        ]


def _joined(parts: Mapping[str, Markup], begin: str) -> Markup:
    return Markup("\n").join(p for name, p in parts.items() if name.startswith(begin))
