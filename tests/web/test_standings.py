"""How live batches are looked at for lists: what has changed, and never all of it twice."""

from collections.abc import Sequence
from typing import Any

from bot.core.model import BatchId
from bot.core.run.progress import Progress
from bot.core.say.situation import Situation
from bot.web.pages.standings import FRESH_SECONDS, LOOK_SECONDS, Standings
from tests import scenes
from tests.web.test_board import OwnClock

MANY = [BatchId(f"b{n}") for n in range(40)]
EACH_SECONDS = LOOK_SECONDS / 10


class Engine:
    """Batches that all stand alike; a look at one takes a while."""

    def __init__(self, clock: OwnClock) -> None:
        self.clock = clock
        self.ids = list(MANY)
        self.seen: list[BatchId] = []

    async def live(self) -> Sequence[BatchId]:
        return self.ids

    async def progress(self, batch_id: BatchId) -> Progress:
        self.seen.append(batch_id)
        self.clock.take(EACH_SECONDS)
        return scenes.running()

    async def situation(self, _progress: Progress) -> Situation:
        return scenes.situation()


def standings() -> tuple[Standings, Engine]:
    clock = OwnClock()
    engine: Any = Engine(clock)
    made = Standings(presents=engine, batches=engine, deliveries=engine, clock=clock)
    return made, engine


async def test_what_has_changed_is_looked_at_at_once_and_the_rest_a_little_at_a_time():
    made, engine = standings()
    assert len(await made.live()) == len(MANY)
    assert engine.seen == MANY
    engine.seen.clear()
    engine.clock.take(FRESH_SECONDS)
    made.notice(MANY[30])
    assert len(await made.live()) == len(MANY)
    first, *rest = engine.seen
    assert first == MANY[30]
    assert rest == MANY[: len(rest)]  # those that were looked at longest ago
    assert 0 < len(rest) <= 12
    # In the end all are looked at again.
    for _ in range(len(MANY)):
        engine.clock.take(FRESH_SECONDS)
        await made.live()
    assert set(engine.seen) == set(MANY)


async def test_what_has_ended_is_forgotten():
    made, engine = standings()
    await made.live()
    assert made.is_any_live
    made.notice(MANY[0])
    engine.ids = []
    assert await made.live() == []
    assert not made.is_any_live
