import asyncio
import cProfile
import pstats
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.core import events as e
from bot.core.model import BatchId, BatchState, Outcome, OutcomeKind
from bot.core.run.progress import Progress, fold
from bot.engine.recorder import Recorder
from bot.ports.store import History
from bot.store.store import Store, open_store
from tests.fakes import FakeClock
from tests.store.samples import NOW, after, i, make_batch, start

NAME = BatchId("b7k2")
BUSY = Outcome(OutcomeKind.TRANSIENT, reason="busy")
Hook = Callable[[], Awaitable[None]]


class Slow:
    """Batches on disk that are told late: what the disk did is known after a hook."""

    def __init__(self, store: Store) -> None:
        self._batches = store.batches
        self.after_read: Hook | None = None
        self.after_append: Hook | None = None

    async def history(self, batch_id: BatchId) -> History:
        found = await self._batches.history(batch_id)
        if self.after_read is not None:
            await self.after_read()
        return found

    async def append(
        self, events: Mapping[BatchId, Sequence[e.Event]]
    ) -> Mapping[BatchId, int]:
        places = await self._batches.append(events)
        if self.after_append is not None:
            await self.after_append()
        return places


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "batch.db", clock=FakeClock()) as opened:
        await start(opened, make_batch())
        yield opened


def recorder_of(batches: Any) -> Recorder:
    return Recorder(batches=batches, clock=FakeClock())


async def recorded(store: Store) -> Progress:
    history = await store.batches.history(NAME)
    return fold(history.batch, history.events)


def calls_of(profile: cProfile.Profile, function: Any) -> int:
    """Return how often a function was called."""
    code = function.__code__
    key = (code.co_filename, code.co_firstlineno, code.co_name)
    counted: Any = pstats.Stats(profile)
    return int(counted.stats.get(key, (0,))[0])


async def test_what_is_followed_moves_with_what_is_recorded(store: Store):
    recorder = recorder_of(store.batches)
    progress = await recorder.follow(NAME)
    await recorder.record({NAME: [e.ItemStarted(NOW, i(12), 1)]})
    assert progress.items[i(12)].attempt == 1
    await recorder.record({NAME: [e.BatchPaused(NOW, "ada")]})
    assert progress.state is BatchState.PAUSED
    assert progress == await recorded(store)
    assert await recorder.follow(NAME) is progress


async def test_a_progress_that_is_asked_for_moves_no_more(store: Store):
    recorder = recorder_of(store.batches)
    for follow in (recorder.progress, recorder.follow):
        await follow(NAME)
        asked = await recorder.progress(NAME)
        before = asked.copy()
        await recorder.record({NAME: [e.ItemStarted(NOW, i(12), 1)]})
        await recorder.record({NAME: [e.ItemReset(NOW, i(12), "")]})
        control = e.ControlGiven(NOW, "ada", f"comment:{follow}", (i(12),))
        await recorder.record({NAME: [control, e.BatchPaused(NOW, "ada")]})
        assert asked == before
        assert await recorder.progress(NAME) == await recorded(store) != before


async def test_what_is_written_while_a_batch_is_loaded_counts_once(store: Store):
    slow = Slow(store)
    recorder = recorder_of(slow)

    async def write() -> None:
        slow.after_read = None
        await recorder.record({NAME: [e.ItemStarted(NOW, i(12), 1)]})
        await recorder.record({NAME: [e.ItemProgressed(NOW, i(12), 1, "step 1")]})

    slow.after_read = write
    progress = await recorder.follow(NAME)
    assert progress.items[i(12)].tries == 1
    assert progress.items[i(12)].step == "step 1"


async def test_what_was_loaded_before_its_writer_heard_of_it_counts_once(store: Store):
    slow = Slow(store)
    recorder = recorder_of(slow)
    is_written, is_read = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        slow.after_append = None
        is_written.set()
        await is_read.wait()

    slow.after_append = wait
    begun = e.ItemStarted(NOW, i(12), 1)
    retrying = e.ItemRetrying(after(1), i(12), 1, BUSY, after(2))
    writing = asyncio.create_task(recorder.record({NAME: [begun, retrying]}))
    await is_written.wait()
    progress = await recorder.follow(NAME)
    is_read.set()
    await writing
    assert (progress.items[i(12)].tries, progress.retries) == (1, 1)
    await recorder.record({NAME: [e.ItemStarted(after(3), i(12), 2)]})
    assert progress.items[i(12)].tries == 2


async def test_batches_that_are_written_together_keep_their_places(store: Store):
    """Appends that share a commit are told apart."""
    await start(store, make_batch("c1c1"))
    other = BatchId("c1c1")
    recorder = recorder_of(store.batches)
    progress = {name: await recorder.follow(name) for name in (NAME, other)}
    await asyncio.gather(
        *(
            recorder.record({name: [e.ItemStarted(NOW, i(12), attempt)]})
            for attempt in range(1, 20)
            for name in (NAME, other)
        )
    )
    for name, one in progress.items():
        history = await store.batches.history(name)
        assert fold(history.batch, history.events) == one


async def test_places_grow_and_are_those_of_the_batch(store: Store):
    await start(store, make_batch("c1c1"))
    other = BatchId("c1c1")
    pause = e.BatchPaused(NOW, "ada")
    both = await store.batches.append({NAME: [pause, pause], other: [pause]})
    assert both[NAME] < both[other]
    assert (await store.batches.history(NAME)).place == both[NAME]
    assert (await store.batches.history(other)).place == both[other]
    more = await store.batches.append({NAME: [pause]})
    assert more[NAME] > both[other]
    together = await asyncio.gather(
        *(store.batches.append({name: [pause]}) for name in (NAME, other, NAME))
    )
    assert [*together[0].values()] < [*together[1].values()] < [*together[2].values()]
    assert (await store.batches.history(NAME)).place == together[2][NAME]


async def test_nothing_is_followed_of_a_batch_that_is_not_there(store: Store):
    with pytest.raises(LookupError, match="there is no batch z9z9"):
        await recorder_of(store.batches).follow(BatchId("z9z9"))


async def test_what_attempts_say_is_shown_and_never_written(store: Store):
    recorder = recorder_of(store.batches)
    heard: list[e.News] = []
    recorder.listen(lambda _, news: heard.extend(news))
    progress = await recorder.follow(NAME)
    begun = e.ItemStarted(NOW, i(12), 1)
    line = e.ItemProgressed(NOW, i(12), 1, "step 1 of 2")
    await recorder.record({NAME: [begun, line]})
    await recorder.record({NAME: [line]})
    assert progress.items[i(12)].step == "step 1 of 2"
    assert (await recorder.progress(NAME)).items[i(12)].step == "step 1 of 2"
    assert heard == [begun, line, line]
    assert (await store.batches.events(NAME))[1:] == [begun]
    # A process that comes later does not know what an earlier one heard.
    later = await recorder_of(store.batches).follow(NAME)
    assert later.items[i(12)].step == ""


async def test_a_line_of_an_attempt_that_has_ended_is_not_shown(store: Store):
    recorder = recorder_of(store.batches)
    progress = await recorder.follow(NAME)
    await recorder.record(
        {
            NAME: [
                e.ItemStarted(NOW, i(12), 1),
                e.ItemReset(NOW, i(12), ""),
                e.ItemProgressed(NOW, i(12), 1, "late"),
                e.ItemStarted(NOW, i(12), 2),
                e.ItemProgressed(NOW, i(12), 1, "later still"),
            ]
        }
    )
    assert progress.items[i(12)].step == ""


async def test_a_talkative_batch_is_read_once_and_each_of_its_news_folded_once(
    store: Store,
):
    reads = []

    async def count() -> None:
        reads.append(NAME)

    batches = Slow(store)
    batches.after_read = count
    recorder = recorder_of(batches)
    stored = len(await store.batches.events(NAME))
    lines = 750
    with cProfile.Profile() as profile:
        await recorder.follow(NAME)
        await recorder.record({NAME: [e.ItemStarted(NOW, i(12), 1)]})
        for line in range(lines):
            news = e.ItemProgressed(NOW, i(12), 1, f"{line}")
            await recorder.record({NAME: [news]})
            await recorder.follow(NAME)
            await recorder.progress(NAME)
    assert reads == [NAME]
    assert calls_of(profile, Progress.advance) == stored + 1 + lines
    assert len(await store.batches.events(NAME)) == stored + 1
