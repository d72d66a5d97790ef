"""The board of a batch: what is drawn anew, and who goes first meanwhile."""

import asyncio
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from bot.core import events as e
from bot.core.model import BatchId
from bot.core.run.progress import Progress, fold
from bot.core.say.situation import Situation
from bot.core.say.view import ItemRow
from bot.ports.store import History
from bot.web.pages.board import Boards
from bot.web.pages.draw import Templates
from bot.web.pages.slices import SLICE_SECONDS
from tests import scenes
from tests.fakes import FakeClock

ITEMS = 150
BATCH = scenes.batch_of(scenes.large_plan(ITEMS), "c4m9")
EVENTS = scenes.large_events(BATCH.plan, ITEMS)


class OwnClock(FakeClock):
    """Time that also passes while nobody sleeps."""

    def take(self, seconds: float) -> None:
        self._elapsed += seconds


class Told:
    """What the engine and the store tell of the one batch."""

    def __init__(self, clock: FakeClock, progress: Progress) -> None:
        self._clock = clock
        self._progress = progress

    async def progress(self, _batch_id: BatchId) -> Progress:
        return self._progress

    async def situation(self, _progress: Progress) -> Situation:
        return replace(scenes.situation(), now=self._clock.now())

    async def history(self, _batch_id: BatchId) -> History:
        return History(BATCH, EVENTS, len(EVENTS))


class SlowTemplates(Templates):
    """Takes a slice of time for each row."""

    def __init__(self, clock: OwnClock) -> None:
        super().__init__()
        self._clock = clock
        self.rows = 0

    def row(self, row: ItemRow) -> Markup:
        self.rows += 1
        self._clock.take(1.01 * SLICE_SECONDS)
        return super().row(row)


def boards(
    clock: OwnClock, progress: Progress | None = None
) -> tuple[Boards, SlowTemplates]:
    told, draw = Told(clock, progress or fold(BATCH, EVENTS)), SlowTemplates(clock)
    about: Any = told  # as much as is asked of it
    made = Boards(
        presents=about,
        batches=about,
        lists=about,
        deliveries=about,
        draw=draw,
        clock=clock,
    )
    return made, draw


async def test_others_go_on_while_a_large_batch_is_drawn():
    """Once a slice: whoever waits is never behind the whole of it."""
    made, draw = boards(OwnClock())
    drawing = asyncio.create_task(made.board(BATCH.id))
    rows_seen = set()
    while not drawing.done():
        rows_seen.add(draw.rows)
        await asyncio.sleep(0)
    assert (await drawing).drawn is not None
    assert rows_seen == set(range(ITEMS + 1))


async def test_only_what_has_changed_is_drawn_again():
    clock = OwnClock()
    made, draw = boards(clock)
    first = (await made.board(BATCH.id)).drawn
    clock.take(3600)
    again = (await made.board(BATCH.id)).drawn
    assert first is not again
    assert draw.rows == ITEMS


async def test_a_page_knows_the_version_that_it_was_drawn_with():
    """Also if the board is at a later one before the page is whole."""
    clock, progress = OwnClock(), fold(BATCH, EVENTS)
    made, _ = boards(clock, progress)
    board = await made.board(BATCH.id)
    page = board.drawn
    assert page is not None
    progress.advance(e.BatchPaused(scenes.NOW, "grace", "page:1"))
    clock.take(3600)
    await made.board(BATCH.id)
    assert (page.version, board.version) == (1, 2)
    [frame] = board.since(page.version)
    assert "paused" in frame.data


async def test_a_row_is_made_once_for_all_who_ask_and_again_when_something_happens():
    clock, progress = OwnClock(), fold(BATCH, EVENTS)
    made, draw = boards(clock, progress)
    row = await made.row(BATCH.id)
    assert await made.row(BATCH.id) is row
    progress.advance(e.BatchPaused(scenes.NOW, "grace", "page:1"))
    made.notice(BATCH.id, ())
    changed = await made.row(BATCH.id)
    assert "paused" in changed.words
    clock.take(3600)  # its clocks go on
    assert await made.row(BATCH.id) is not changed
    assert not draw.rows


async def test_a_row_of_a_list_names_the_day_once_it_is_another():
    clock = OwnClock(scenes.NOW)
    progress = scenes.finished()
    progress.advance(e.BatchConcluded(scenes.NOW))
    made, _ = boards(clock, progress)
    assert (await made.row(BATCH.id)).words == "⚠️ finished 15:37 UTC"
    clock.take(86_400)
    assert (await made.row(BATCH.id)).words == "⚠️ finished 15:37 UTC on 10 Nov"
