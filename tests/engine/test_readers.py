"""How long links to batches are good, and what it takes to know."""

from datetime import timedelta
from typing import Any

from bot.core.model import BatchId
from bot.core.run.progress import Progress
from bot.engine.readers import CLOSES_SECONDS, LINK_LASTS, Readers
from tests import scenes
from tests.fakes import FakeClock

BATCH = scenes.finished().batch.id


class Situations:
    """One batch, which has ended."""

    def __init__(self) -> None:
        self.looks = 0
        self.shown = scenes.finished()

    async def progress(self, batch_id: BatchId) -> Progress:
        self.looks += 1
        if batch_id != BATCH:
            raise LookupError(batch_id)
        return self.shown


def readers(clock: FakeClock, situations: Situations) -> Readers:
    nothing: Any = None
    looked_at: Any = situations
    return Readers(github=nothing, batches=nothing, situations=looked_at, clock=clock)


async def test_a_batch_is_not_read_again_for_each_who_comes_by_its_link():
    clock, situations = FakeClock(scenes.NOW), Situations()
    made = readers(clock, situations)
    assert [await made.is_open(BATCH) for _ in range(20)] == [True] * 20
    assert situations.looks == 1
    await clock.advance(CLOSES_SECONDS + 1)
    assert await made.is_open(BATCH)
    assert situations.looks == 2


async def test_a_link_ends_to_the_second_also_where_it_was_just_looked_at():
    clock, situations = FakeClock(scenes.NOW), Situations()
    made, ended_at = readers(clock, situations), situations.shown.ended_at
    assert ended_at is not None
    left = (ended_at + LINK_LASTS - clock.now()).total_seconds()
    await clock.advance(left - 1)
    assert await made.is_open(BATCH)
    await clock.advance(1)
    assert not await made.is_open(BATCH)
    assert situations.looks == 1


async def test_what_is_live_is_open_and_what_is_not_there_is_not():
    clock, situations = FakeClock(scenes.NOW), Situations()
    situations.shown = scenes.running()
    made = readers(clock, situations)
    await clock.advance(timedelta(days=90).total_seconds())
    assert await made.is_open(BATCH)
    assert not await made.is_open(BatchId("z9z9"))
