"""The pages: which value each one shows."""

import asyncio
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from markupsafe import Markup

from bot.core.durations import span
from bot.core.model import (
    AttemptId,
    BatchId,
    BatchKind,
    BatchState,
    InstallationId,
    ItemId,
    Repository,
    attempt_id,
)
from bot.core.run.progress import Progress
from bot.core.say import pages as said
from bot.core.say.headings import is_kept_waiting
from bot.core.say.installations import InstallationRow, Weather, installation_row
from bot.core.say.situation import Situation
from bot.core.say.stats import HEADINGS, cells, footnote, heading
from bot.core.say.view import (
    AttemptRow,
    EffectRow,
    ItemPage,
    ItemRow,
    effect_row,
    item_offers,
)
from bot.core.world.markdown import Links
from bot.ports.store import BatchesWanted
from bot.web.forms import new_form
from bot.web.pages import logs
from bot.web.pages.board import Board, Drawn, home_of
from bot.web.pages.charts import svg
from bot.web.pages.documents import (
    LONGEST_TEXT,
    STATES,
    BatchList,
    InstallationList,
)
from bot.web.pages.frame import (
    Frame,
    Look,
    NotThereError,
    UnfitError,
    document,
    whole_document,
)
from bot.web.plain import wants_json

NOT_THERE_SECONDS = 0.5
"""How long the answer takes that a batch is not there, or not to be seen: as long as it
may take to find that out.
"""

_SINCE = ("24h", "7d", "30d", "12w", "52w")
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_LIVE = [one for one in BatchState if one.is_live]
_WANTED: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "live": {"states": _LIVE},
    "waiting": {"states": (BatchState.PLANNED, BatchState.PAUSED)},
    "failed": {"has_failed": True},
    "over": {"states": (BatchState.FINISHED, BatchState.CANCELLED)},
}
_STATES = (
    ("", "any"),
    ("live", "with work left"),
    ("waiting", "waiting"),
    ("failed", "with failures"),
    ("over", "ended"),
)
_KINDS = (
    ("", "any"),
    (str(BatchKind.ISSUE_IMPLEMENTATION), "implementing issues"),
    (str(BatchKind.PR_REVIEW), "reviewing pull requests"),
    (str(BatchKind.MIXED), "anything else"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list was asked for."""

    repository: str = ""
    state: str = ""
    kind: str = ""
    q: str = ""
    before: int = 0

    @property
    def is_filtered(self) -> bool:
        """Whether not everything was asked for."""
        return any((self.repository, self.state, self.kind, self.q))

    def older(self, before: int) -> str:
        """Return the address of the next page; empty if there is none."""
        words = {n: getattr(self, n) for n in ("repository", "state", "kind", "q")}
        query = {name: word for name, word in words.items() if word}
        return f"/?{urlencode({**query, 'before': before})}" if before else ""


def asked(request: web.Request) -> Asked:
    """Return what a list was asked for. Raises ``UnfitError``."""
    query = request.query
    words = {n: query.get(n, "") for n in ("repository", "state", "kind", "q")}
    if any(len(word) > LONGEST_TEXT for word in words.values()):
        message = f"No part of it may be longer than {LONGEST_TEXT} characters."
        raise UnfitError(message)
    if words["state"] not in ("", *STATES):
        message = f"The state is one of {', '.join(STATES)}."
        raise UnfitError(message)
    if words["kind"] not in ("", *BatchKind):
        message = f"The kind is one of {', '.join(BatchKind)}."
        raise UnfitError(message)
    words["q"] = words["q"].strip()
    return Asked(**words, before=number_in(request, "before"))


def number_in(request: web.Request, name: str) -> int:
    """Return a number of the query, 0 without it. Raises ``UnfitError``."""
    text = request.query.get(name, "0")
    if not _NUMBER.fullmatch(text):
        message = f"{name} is a number."
        raise UnfitError(message)
    return int(text)


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

    # --- lists -------------------------------------------------------------------

    async def batches(self, look: Look) -> web.StreamResponse:
        """Answer with the batches that somebody may see."""
        wanted = asked(look.request)
        version = look.boards.version  # what happens from here on is told by the stream
        repositories = await self._repositories(look)
        chosen = [one.id for one in repositories if wanted.repository in ("", one.name)]
        is_any = wanted.repository == ""
        linked = sorted(look.viewer.batches) if is_any else ()
        found = await look.sources.lists.wanted(
            BatchesWanted(
                chosen,
                batches=linked,
                also=await self._kept_waiting(look, {*chosen}, {*linked})
                if wanted.state == "waiting"
                else (),
                kind=BatchKind(wanted.kind) if wanted.kind else None,
                text=wanted.q,
                before=wanted.before,
                **_WANTED[wanted.state],
            )
        )
        rows = tuple([await look.boards.row(one) for one in found.batches])
        if wants_json(look.request):
            return document(BatchList(rows, found.next))
        return self._frame.answer(
            look,
            "list.html",
            version=look.boards.stamp(version),
            about=said.whose_batches(
                is_operator=look.viewer.is_operator,
                is_signed_in=bool(look.viewer.login),
            ),
            nothing=said.nothing_found(is_filtered=wanted.is_filtered),
            asked=wanted,
            rows=rows,
            older=wanted.older(found.next),
            repositories=sorted({one.name for one in repositories}),
            states=_STATES,
            kinds=_KINDS,
        )

    async def installations(self, look: Look) -> web.StreamResponse:
        """Answer, to the operator alone, with how installations stand."""
        if not look.viewer.is_operator:
            raise NotThereError
        version = look.boards.version
        rows = tuple(await self._installations(look))
        if wants_json(look.request):
            return document(InstallationList(rows))
        return self._frame.answer(
            look,
            "installations.html",
            installations=rows,
            version=look.boards.stamp(version),
        )

    async def stats(self, look: Look) -> web.StreamResponse:
        """Answer, to the operator alone, with what batches cost over time."""
        if not look.viewer.is_operator:
            raise NotThereError
        since = span(look.request.query.get("since", "30d"))
        if since is None:
            message = f"since is a time such as {', '.join(_SINCE)}."
            raise UnfitError(message)
        sources, now = look.sources, look.sources.clock.now()
        told = await sources.costs.between(now - since, now)
        if wants_json(look.request):
            return document(told)
        drawn = svg(self._frame.templates, told, is_alone=False)
        return self._frame.answer(
            look,
            "stats.html",
            heading=heading(told),
            footnote=footnote(),
            headings=HEADINGS,
            rows=[cells(row) for row in told.rows],
            charts=drawn if told.rows else "",
            times=_SINCE,
            asked=look.request.query.get("since", "30d"),
        )

    async def _repositories(self, look: Look) -> Sequence[Repository]:
        known = await look.sources.lists.repositories()
        may_see = self._frame.access.may_see
        seen = await asyncio.gather(*(may_see(look.viewer, one, None) for one in known))
        return [one for one, may in zip(known, seen, strict=True) if may]

    async def _kept_waiting(
        self, look: Look, repositories: Set[int], batches: Set[BatchId]
    ) -> Sequence[BatchId]:
        """Return the running batches that wait for the budget, for slots or outside."""
        found = []
        for batch_id in await look.sources.batches.live():
            progress, situation = await self._present(look, batch_id)
            may_see = progress.batch.repository.id in repositories
            is_listed = may_see or batch_id in batches
            if is_listed and is_kept_waiting(progress, situation):
                found.append(batch_id)
        return found

    async def _present(
        self, look: Look, batch_id: BatchId
    ) -> tuple[Progress, Situation]:
        presents = look.sources.presents
        progress = await presents.progress(batch_id)
        return progress, await presents.situation(progress)

    async def _installations(self, look: Look) -> Sequence[InstallationRow]:
        sources = look.sources
        accounts: dict[InstallationId, dict[str, None]] = {}
        for repository in await sources.lists.repositories():
            account = repository.name.partition("/")[0]
            accounts.setdefault(repository.installation_id, {})[account] = None
        live: dict[InstallationId, list[tuple[Progress, Situation]]] = {}
        for batch_id in await sources.batches.live():
            present = await self._present(look, batch_id)
            home = present[0].batch.repository.installation_id
            live.setdefault(home, []).append(present)
        free = sources.slots.capacity().installations
        rows = []
        for one, names in accounts.items():
            told, own = sources.budgets.budget(one), free.get(one)
            weather = Weather(
                sources.presents.budget(one), told.held_until, told.outage
            )
            slots = (
                (own.slots_total - own.slots_free, own.slots_total) if own else (0, 0)
            )
            rows.append(
                installation_row(
                    one,
                    weather,
                    live.get(one, []),
                    accounts=tuple(names),
                    slots=slots,
                    now=sources.clock.now(),
                )
            )
        return rows

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
