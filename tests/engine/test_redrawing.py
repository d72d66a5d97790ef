"""How much is written again at a time, of however many batches."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.core import events as e
from bot.core.model import BatchId
from bot.core.world.answers import Answered, Failure
from bot.engine.redrawing import AT_ONCE, PAUSE_SECONDS, Redrawing
from bot.errors import TransientError
from tests.engine.house import House, house_at
from tests.fakes import FakeClock
from tests.plans import batch, plan

ELSEWHERE = 2  # the id of a repository


@dataclass
class Pen:
    """Where comments are written again, but for those that GitHub does not take now."""

    clock: FakeClock
    refused: set[BatchId] = field(default_factory=set)
    wrote: list[tuple[float, BatchId]] = field(default_factory=list)

    async def redraw_all(self, batch_id: BatchId) -> None:
        if batch_id in self.refused:
            raise TransientError(Answered(Failure.LATE))
        self.wrote.append((self.clock.monotonic(), batch_id))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_at(tmp_path / "batch.db") as made:
        yield made


async def hidden(house: House, count: int) -> list[BatchId]:
    """Return batches that have ended and say what is hidden, newest first."""
    names = [BatchId(f"b{number:03}") for number in range(count)]
    for name in names:
        hides = e.RepositoryHidden(house.clock.now(), ELSEWHERE)
        await house.keep(batch(plan({12: []}), name=name), hides)
    return names[::-1]


def redrawing(house: House) -> Pen:
    """Begin to write again, and return where."""
    pen = Pen(house.clock)
    tracker: Any = pen
    github: Any = house.hub
    made = Redrawing(
        batches=house.store.batches,
        recorder=house.recorder,
        situations=house.changes._situations,
        tracker=tracker,
        github=github,
        clock=house.clock,
    )
    house.supervisor.start("redrawing", made.run())
    return pen


async def test_however_many_there_are_they_are_written_at_a_pace_once_each(
    house: House,
):
    names = await hidden(house, 2 * AT_ONCE + 1)
    pen = redrawing(house)
    await house.clock.run_until(lambda: len(pen.wrote) == len(names))
    assert [name for _, name in pen.wrote] == names
    times = [at // PAUSE_SECONDS for at, _ in pen.wrote]
    assert times == [0] * AT_ONCE + [1] * AT_ONCE + [2]
    await house.clock.advance(3600)
    assert len(pen.wrote) == len(names)
    other = e.RepositoryHidden(house.clock.now(), ELSEWHERE + 1)
    await house.recorder.record({names[-1]: [other]})
    await house.clock.run_until(lambda: len(pen.wrote) > len(names))
    assert pen.wrote[-1][1] == names[-1]


async def test_what_github_does_not_take_now_keeps_nothing_else_back(house: House):
    names = await hidden(house, AT_ONCE + 1)
    pen = redrawing(house)
    pen.refused = {*names[:AT_ONCE]}
    await house.clock.run_until(lambda: len(pen.wrote) == 1)
    assert pen.wrote == [(PAUSE_SECONDS, names[-1])]
    pen.refused = set()
    await house.clock.run_until(lambda: len(pen.wrote) == len(names))


async def test_nothing_is_written_again_with_the_last_requests(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    (name,) = await hidden(house, 1)
    left = [0]
    monkeypatch.setattr(house.hub, "requests_fit", lambda _: left[0])
    pen = redrawing(house)
    await house.clock.run_until(lambda: house.clock.sleepers > 0)
    await house.clock.advance(3600)
    assert pen.wrote == []
    left[0] = 100
    await house.clock.run_until(lambda: bool(pen.wrote))
    assert [one for _, one in pen.wrote] == [name]
