"""What the watchers of a batch have in common: rendered once per change, for all.

A board moves with what is recorded. Whoever asks for the page gets what was rendered
last, if nothing has happened since; whoever watches gets the parts that changed.
"""

import asyncio
import json
import secrets
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Protocol

import structlog
from markupsafe import Markup

from bot.core.events import Event, News
from bot.core.model import Batch, BatchId, ItemId, Plan, Repository
from bot.core.run.chronicle import Attempt, Chronicle, chronicle
from bot.core.run.progress import ItemView, Progress
from bot.core.say.situation import Situation
from bot.core.say.view import (
    AttemptRow,
    BatchRow,
    BatchView,
    ItemRow,
    ItemRows,
    attempt_row,
    batch_row,
    batch_view,
)
from bot.errors import BotError
from bot.ports.clock import Clock
from bot.ports.store import BatchCounts, Batches, BatchesWanted, BatchLists, Deliveries
from bot.web.pages.crowd import Crowd
from bot.web.pages.slices import Slices
from bot.web.pages.sources import Presents
from bot.web.pages.standings import Standings

ROWS = 2_000
"""How many rows of batches that have ended are remembered, for lists."""

COUNTS = 64
"""How many counts of batches are remembered, by what was asked for."""

BOARDS = 32
"""How many batches nobody watches are remembered."""

TICK_SECONDS = 10.0
"""How often a live batch is rendered while nothing happens: its clocks go on."""

PACE_SECONDS = 1.0
SHARE = 40
"""A board that is watched is rendered once a second at most, and rests 40 times as long
as that took: rendering never takes more than a fortieth of a core.
"""

ASKED_SHARE = 4
"""For who asks for the page it is drawn again sooner, within a second at any rate."""

FRAMES = 64
"""How many changes are kept for who comes back."""

_STALE_LIVE_SECONDS = 1.0
_STALE_SECONDS = 600.0

log = structlog.get_logger()

Parts = Mapping[str, str]
"""HTML by the id of its element."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What changed in one rendering, as JSON of ``Parts``; empty: all of the page did."""

    version: int
    data: str


@dataclass(slots=True, eq=False)
class Drawn:
    """A batch as it is shown: the value, and the HTML of its parts in their order."""

    view: BatchView
    parts: Parts
    batch: Batch
    body: Markup | None = None  # the whole of it, once somebody has asked for that
    version: int = 0  # of the board, which may be at a later one by now


class Draw(Protocol):
    """Makes the HTML of a page's parts."""

    def lay_out(self, plan: Plan) -> object:
        """Find out where everything of a plan stands, which may take long; a thread of its
        own may do that.
        """

    def parts(self, view: BatchView) -> Iterable[tuple[str, str]]:
        """Yield all parts but those of items."""

    def row(self, row: ItemRow) -> Markup:
        """Return the row of one item."""

    def node(self, plan: Plan, row: ItemRow) -> Markup:
        """Return one item in the drawing of its plan."""


@dataclass(frozen=True, slots=True)
class DrawnItem:
    """An item as it was drawn last; ``seal`` tells whether that is still true."""

    seal: object
    row: ItemRow
    html: Markup
    node: Markup


@dataclass(slots=True, eq=False)
class Board:
    """One batch as its watchers have it in common."""

    id: BatchId
    drawn: Drawn | None = None
    version: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # since it was drawn
    told: Chronicle | None = None
    news: list[Event] = field(default_factory=list)  # while the history is loaded
    items: dict[ItemId, DrawnItem] = field(default_factory=dict)
    attempts: dict[tuple[ItemId, int], tuple[Attempt, AttemptRow]] = field(
        default_factory=dict
    )
    frames: deque[Frame] = field(default_factory=lambda: deque(maxlen=FRAMES))
    watchers: int = 0
    shown: asyncio.Event = field(default_factory=asyncio.Event)  # a new frame is there
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    drawn_at: float = 0.0  # monotonic
    cost_seconds: float = 0.0

    def take(self, news: Sequence[News]) -> None:
        """Move by what was recorded."""
        if self.told is None:
            self.news += [one for one in news if isinstance(one, Event)]
        else:
            for one in news:
                self.told.advance(one)
        self.changed.set()

    def since(self, version: int) -> Sequence[Frame]:
        """Return what changed after a version; one empty frame if that is not
        known any more.
        """
        if version == self.version:
            return ()
        known = [frame for frame in self.frames if frame.version > version]
        is_whole = known and known[0].version == version + 1
        return known if is_whole else (Frame(self.version, ""),)


@dataclass(slots=True, eq=False)
class KnownRow:
    """A batch as a list has it."""

    day: date  # its words name other days
    made_at: float  # monotonic
    row: BatchRow | None = None  # None while it is made
    is_changed: bool = False  # since then
    goes_on: bool = True
    cost_seconds: float = 0.0

    def is_stale(self, now: float, today: date) -> bool:
        """Return whether it is to be made anew for who asks."""
        if self.day != today:
            return True
        age, cost = now - self.made_at, self.cost_seconds * ASKED_SHARE
        if self.is_changed:
            return age >= min(PACE_SECONDS, cost)
        return self.goes_on and age > max(_STALE_LIVE_SECONDS, cost)


class Boards:
    """The boards of all batches that somebody looks at."""

    def __init__(
        self,
        *,
        presents: Presents,
        batches: Batches,
        lists: BatchLists,
        deliveries: Deliveries,
        draw: Draw,
        clock: Clock,
    ) -> None:
        self._presents = presents
        self._batches = batches
        self._lists = lists
        self._draw = draw
        self._clock = clock
        self._boards: OrderedDict[BatchId, Board] = OrderedDict()
        self._keepers: dict[BatchId, asyncio.Task[None]] = {}
        self._rows: OrderedDict[BatchId, KnownRow] = OrderedDict()
        self._counts: OrderedDict[str, tuple[int, BatchCounts]] = OrderedDict()
        self.standings = Standings(
            presents=presents, batches=batches, deliveries=deliveries, clock=clock
        )
        self.crowd = Crowd()  # of who follows any page
        self.happened = asyncio.Event()  # anything, to any batch
        self.version = 0  # of all batches together
        self.closing = asyncio.Event()
        self.nonce = secrets.token_hex(4)
        """Tells versions of this process from those of others."""

    def notice(self, batch_id: BatchId, news: Sequence[News]) -> None:
        """Take note of what was recorded: a listener of the recorder."""
        if known := self._rows.get(batch_id):
            known.is_changed = True
        self.standings.notice(batch_id)
        board = self._boards.get(batch_id)
        if board is not None:
            board.take(news)
        self.version += 1
        self.happened.set()
        self.happened = asyncio.Event()

    def stamp(self, version: int) -> str:
        """Return what a page keeps of the version that it was drawn with."""
        return f"{self.nonce}-{version}"

    def version_of(self, stamp: str) -> int:
        """Return the version of a stamp; -1 for one that is not of this process."""
        nonce, _, version = stamp.partition("-")
        is_own = nonce == self.nonce and version.isdecimal() and len(version) < 12
        return int(version) if is_own else -1

    def known(self, batch_id: BatchId) -> Repository | None:
        """Return the repository of a batch that is drawn already."""
        board = self._boards.get(batch_id)
        return board.drawn.batch.repository if board and board.drawn else None

    async def row(self, batch_id: BatchId) -> BatchRow:
        """Return a batch for a list; one is made for all who ask within a moment, and of
        one that has ended until something happens.
        """
        began, today = self._clock.monotonic(), self._clock.now().date()
        known = self._rows.get(batch_id)
        if known is not None and known.row and not known.is_stale(began, today):
            return known.row
        made = self._rows[batch_id] = KnownRow(today, began)
        if len(self._rows) > ROWS:
            self._rows.popitem(last=False)
        progress = await self._presents.progress(batch_id)
        row = made.row = batch_row(progress, await self._presents.situation(progress))
        made.goes_on = not progress.is_concluded
        made.cost_seconds = self._clock.monotonic() - began
        return row

    async def counts(self, wanted: BatchesWanted) -> BatchCounts:
        """Return how many batches fit in whichever state, counted once until something
        happens.
        """
        asked, version = repr(replace(wanted, states=(), before=0)), self.version
        known = self._counts.get(asked)
        if known is not None and known[0] == version:
            return known[1]
        counts = await self._lists.counts(wanted)
        self._counts[asked] = version, counts
        if len(self._counts) > COUNTS:
            self._counts.popitem(last=False)
        return counts

    async def board(self, batch_id: BatchId) -> Board:
        """Return a board that is drawn as of now. Raises ``LookupError``."""
        board = self._boards.setdefault(batch_id, Board(batch_id))
        self._boards.move_to_end(batch_id)
        try:
            if self._is_stale(board):
                await self._refresh(board)
        except LookupError:
            self._boards.pop(batch_id, None)
            raise
        self._forget_some()
        return board

    @contextmanager
    def watching(self, board: Board) -> Iterator[None]:
        """Have a board drawn whenever something changes, while the context lasts."""
        board.watchers += 1
        self._boards[board.id] = board
        if board.id not in self._keepers:
            task = asyncio.create_task(self._keep(board), name=f"board {board.id}")
            self._keepers[board.id] = task
        try:
            yield
        finally:
            board.watchers -= 1
            if not board.watchers and board.id in self._keepers:
                self._keepers.pop(board.id).cancel()

    async def close(self) -> None:
        """End what draws boards, and let every watcher go."""
        self.closing.set()
        keepers, self._keepers = list(self._keepers.values()), {}
        for task in keepers:
            task.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)

    def _is_stale(self, board: Board) -> bool:
        if board.drawn is None:
            return True
        age = self._clock.monotonic() - board.drawn_at
        if age < min(PACE_SECONDS, board.cost_seconds * ASKED_SHARE):
            return False
        is_live = board.drawn.view.state.is_live
        most = _STALE_LIVE_SECONDS if is_live else _STALE_SECONDS
        return board.changed.is_set() or age > most

    def _forget_some(self) -> None:
        idle = [board for board in self._boards.values() if not board.watchers]
        for board in idle[: max(0, len(idle) - BOARDS)]:
            del self._boards[board.id]

    async def _keep(self, board: Board) -> None:
        while True:
            await self._something(board)
            try:
                await self._refresh(board)
            except BotError as error:  # the disk; whoever watches sees what was
                log.warning("page waits", batch=board.id, error=str(error))
            rest = max(PACE_SECONDS, SHARE * board.cost_seconds)
            await self._clock.sleep(rest)

    async def _something(self, board: Board) -> None:
        """Return when something has happened, or clocks have to go on."""
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(board.changed.wait())]
        if board.drawn is None or board.drawn.view.state.is_live:
            waits.append(asyncio.create_task(self._clock.sleep(TICK_SECONDS)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _refresh(self, board: Board) -> None:
        asked_at = self._clock.monotonic()
        async with board.lock:
            if board.drawn is not None and board.drawn_at > asked_at:
                return  # while this one waited
            await self._load(board)
            board.changed.clear()
            progress = await self._presents.progress(board.id)
            situation = await self._presents.situation(progress)
            slices = Slices(self._clock)
            self._show(board, await self._drawn(board, progress, situation, slices))
            slices.stop()
            board.drawn_at = self._clock.monotonic()
            board.cost_seconds = slices.seconds

    async def _load(self, board: Board) -> None:
        if board.told is not None:
            return
        board.news.clear()
        history = await self._batches.history(board.id)
        told = chronicle(history.events)
        # What was recorded while the history was read may stand in it already.
        tail = told.events[-len(board.news) - FRAMES :] if board.news else ()
        for event in board.news:
            if event not in tail:
                told.advance(event)
        board.told, board.news = told, []

    async def _drawn(
        self, board: Board, progress: Progress, situation: Situation, slices: Slices
    ) -> Drawn:
        """Draw a batch in slices; what has not changed is taken as it was drawn before."""
        assert board.told is not None
        batch, before = progress.batch, board.drawn
        if before is None or before.batch is not batch:
            board.items.clear()  # they may have other names
            board.attempts.clear()
            await asyncio.to_thread(self._draw.lay_out, batch.plan)
        rows = ItemRows(progress, situation)
        for one in progress.items.values():
            self._draw_item(board, batch.plan, rows, one)
            await slices.pause()

        def attempt(one: Attempt) -> AttemptRow:
            known = board.attempts.get((one.item, one.number))
            if known is None or known[0] is not one:
                hides = progress.hides(one.item)
                known = one, attempt_row(one, rows.names, is_hidden=hides)
                board.attempts[one.item, one.number] = known
            return known[1]

        for tried in list(board.told.attempts.values()):
            attempt(tried)
            await slices.pause()
        items = board.items
        view = batch_view(
            progress, situation, board.told, lambda one: items[one.item.id].row, attempt
        )
        parts: dict[str, str] = {}
        for name, html in self._draw.parts(view):
            parts[name] = html
            await slices.pause()
        parts |= {f"item-{item}": one.html for item, one in items.items()}
        parts |= {f"node-{item}": one.node for item, one in items.items()}
        return Drawn(view, parts, batch)

    def _draw_item(
        self, board: Board, plan: Plan, rows: ItemRows, view: ItemView
    ) -> None:
        id_, seal = view.item.id, rows.seal(view)
        known = board.items.get(id_)
        if known is None or seal is None or known.seal != seal:
            row = rows.row(view)
            html, node = self._draw.row(row), self._draw.node(plan, row)
            board.items[id_] = DrawnItem(seal, row, html, node)

    def _show(self, board: Board, drawn: Drawn) -> None:
        before, board.drawn = board.drawn, drawn
        if before is None:
            drawn.version = board.version = 1
            return
        changed = {
            name: html
            for name, html in drawn.parts.items()
            if before.parts.get(name) != html
        }
        drawn.version = board.version + bool(changed)
        if not changed:
            return
        board.version = drawn.version
        is_same_page = before.parts.keys() == drawn.parts.keys()
        data = json.dumps(changed, ensure_ascii=False) if is_same_page else ""
        board.frames.append(Frame(board.version, data))
        board.shown.set()
        board.shown = asyncio.Event()


def home_of(board: Board) -> Repository:
    """Return the repository of a board that was drawn."""
    assert board.drawn is not None
    return board.drawn.batch.repository
