import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from bot.core import events as e
from bot.core.model import (
    BatchId,
    BatchState,
    Expectation,
    ItemId,
    Outcome,
    OutcomeKind,
    Plan,
    Repository,
)
from bot.core.run.progress import fold
from bot.store.batches import _append, _create
from bot.store.codec import to_us
from bot.store.schema import migrations
from bot.store.store import Store, open_store
from tests.fakes import FakeClock
from tests.store.samples import (
    BROKEN,
    DONE,
    EVERY_EVENT,
    HICCUP,
    NOW,
    REPOSITORY,
    after,
    any_of,
    i,
    make_batch,
    make_facts,
    n,
    start,
)

B7K2 = BatchId("b7k2")


async def test_a_batch_comes_back_as_it_was(store: Store):
    batch = make_batch()
    facts = make_facts(batch)
    await start(store, batch)
    assert await store.batches.load(batch.id) == batch
    assert await store.batches.by_source(batch.source) == batch
    assert await store.batches.facts(batch.id, [i(12), i(15)]) == facts
    assert await store.batches.events(batch.id) == [e.BatchStarted(NOW, "ada")]


async def test_unknown_batches_and_items_are_not_there(store: Store):
    await start(store, make_batch())
    assert await store.batches.load(BatchId("z9z9")) is None
    assert await store.batches.by_source("comment:0") is None
    assert await store.batches.events(BatchId("z9z9")) == []
    assert await store.batches.facts(B7K2, []) == {}
    with pytest.raises(LookupError, match="99"):
        await store.batches.facts(B7K2, [i(12), i(99)])


@pytest.mark.parametrize("change", [{"request": make_batch().request}, {"id": B7K2}])
async def test_a_source_or_id_starts_one_batch(store: Store, change: dict[str, Any]):
    await start(store, make_batch())
    other = replace(make_batch("c1c1", (77,)), **change)
    assert not await store.batches.create(
        other, make_facts(other), [e.BatchFinished(NOW)]
    )
    assert await store.batches.load(B7K2) == make_batch()
    assert await store.batches.events(B7K2) == [e.BatchStarted(NOW, "ada")]
    assert await store.batches.live_items(5, [n(77)]) == {}


async def test_all_kinds_of_events_come_back_in_order(store: Store):
    await start(store, make_batch(numbers=tuple(range(1, 8))))
    await store.batches.append({B7K2: EVERY_EVENT[:9]})
    await store.batches.append({B7K2: EVERY_EVENT[9:]})
    assert (await store.batches.events(B7K2))[1:] == list(EVERY_EVENT)


async def test_events_of_several_batches_are_appended_together_or_not_at_all(
    store: Store,
):
    await start(store, make_batch("a1a1"))
    await start(store, make_batch("b1b1"))
    paused = [e.BatchPaused(NOW, "ada")]
    both = {BatchId("a1a1"): paused, BatchId("b1b1"): paused}
    for unknown in ({BatchId("z9z9"): paused}, {B7K2: [e.ItemStarted(NOW, i(99), 1)]}):
        with pytest.raises(LookupError, match="not stored"):
            await store.batches.append({**both, **unknown})
    assert len(await store.batches.events(BatchId("a1a1"))) == 1
    await store.batches.append(both)
    states = [s.state for s in await store.batches.recent(5)]
    assert states == [BatchState.PAUSED, BatchState.PAUSED]


async def test_appends_that_wait_together_keep_their_order(store: Store):
    await start(store, make_batch("a1a1"))
    await start(store, make_batch("b1b1"))
    logins = [f"ada{number}" for number in range(50)]
    await asyncio.gather(
        *(
            store.batches.append({BatchId(id_): [e.BatchPaused(NOW, login)]})
            for login in logins
            for id_ in ("a1a1", "b1b1")
        )
    )
    for id_ in ("a1a1", "b1b1"):
        _, *paused = await store.batches.events(BatchId(id_))
        assert paused == [e.BatchPaused(NOW, login) for login in logins]


async def test_live_batches_are_those_with_work_left(store: Store):
    ends: dict[str, list[e.Event]] = {
        "a1a1": [],
        "b1b1": [e.BatchPaused(NOW, "ada")],
        "c1c1": [e.BatchFinished(NOW)],
        "d1d1": [e.BatchCancelling(NOW, "ada")],
        "e1e1": [e.BatchCancelling(NOW, "ada"), e.BatchFinished(NOW)],
    }
    for id_, events in ends.items():
        await start(store, make_batch(id_))
        await store.batches.append({BatchId(id_): events})
    planned = make_batch("f1f1")
    await store.batches.create(planned, {}, [e.BatchPlanned(NOW, after(60))])
    assert await store.batches.live() == ["a1a1", "b1b1", "d1d1"]
    assert await store.batches.busy_installations() == [REPOSITORY.installation_id]
    assert await store.batches.unconcluded() == ["c1c1", "e1e1"]
    await store.batches.append({BatchId("c1c1"): [e.BatchConcluded(NOW)]})
    assert await store.batches.unconcluded() == ["e1e1"]
    assert {s.batch.id: s.state for s in await store.batches.recent(5)} == {
        "a1a1": BatchState.RUNNING,
        "b1b1": BatchState.PAUSED,
        "c1c1": BatchState.FINISHED,
        "d1d1": BatchState.CANCELLING,
        "e1e1": BatchState.CANCELLED,
        "f1f1": BatchState.PLANNED,
    }
    assert await store.batches.counts_in(5) == dict.fromkeys(BatchState, 1)
    assert await store.batches.counts_in(6) == {}


async def test_recent_batches_are_newest_first_by_repository_and_thread(store: Store):
    other = Repository(6, "acme/gears", REPOSITORY.installation_id)
    await start(store, make_batch("a1a1", thread=3))
    await start(store, make_batch("b1b1", thread=4))
    await start(store, make_batch("c1c1", thread=3))
    await start(store, make_batch("d1d1", repository=other))

    async def ids(repository: int, **rest: Any) -> list[str]:
        return [s.batch.id for s in await store.batches.recent(repository, **rest)]

    assert await ids(5) == ["c1c1", "b1b1", "a1a1"]
    assert await ids(5, limit=2) == ["c1c1", "b1b1"]
    assert await ids(5, thread=n(3)) == ["c1c1", "a1a1"]
    assert await ids(6) == ["d1d1"]
    assert await ids(7) == []


async def test_a_live_batch_is_found_however_many_came_after_it(store: Store):
    await start(store, make_batch("a1a1", (1, 2)))
    for number in range(30):
        batch = make_batch(f"c{number}", (2, 3))
        await start(store, batch)
        ended = (e.BatchCancelling(NOW, "ada"), e.BatchFinished(NOW))
        await store.batches.append({batch.id: ended})
    assert [s.batch.id for s in await store.batches.live_in(5)] == ["a1a1"]
    assert await store.batches.live_in(6) == []
    having = await store.batches.with_item(5, n(1))
    assert [(s.batch.id, s.state) for s in having] == [("a1a1", BatchState.RUNNING)]
    newest = await store.batches.with_item(5, n(2), limit=2)
    assert [s.batch.id for s in newest] == ["c29", "c28"]
    assert await store.batches.with_item(5, n(9)) == []


async def test_live_items_are_unfinished_ones_of_live_batches(store: Store):
    await start(store, make_batch("a1a1", (1, 2, 3)))
    await start(store, make_batch("b1b1", (4,)))
    await store.batches.append(
        {
            BatchId("a1a1"): [
                e.ItemStarted(NOW, i(1), 1),
                e.ItemStarted(NOW, i(2), 1),
                e.ItemEnded(NOW, i(2), 1, DONE),
            ],
            BatchId("b1b1"): [e.BatchFinished(NOW)],
        }
    )
    numbers = [n(1), n(2), n(3), n(4), n(5)]
    assert await store.batches.live_items(5, numbers) == {1: "a1a1", 3: "a1a1"}
    assert await store.batches.live_items(6, numbers) == {}
    assert await store.batches.live_items(5, []) == {}


async def test_an_item_is_found_by_its_own_repository_and_number(store: Store):
    batch = make_batch("a1a1", (1, 2))
    api = Repository(6, "acme/api", REPOSITORY.installation_id)
    one, two = batch.plan.items
    review = replace(one, id=ItemId("1-review"))
    away = replace(two, id=ItemId("api-2"), repository=api)
    batch = replace(batch, plan=Plan((one, review, away)))
    await start(store, batch)
    assert await store.batches.live_items(5, [n(1), n(2)]) == {1: "a1a1"}
    assert await store.batches.live_items(6, [n(1), n(2)]) == {2: "a1a1"}
    [found] = await store.batches.with_item(5, n(1))
    assert found.batch == batch
    assert await store.batches.with_item(5, n(2)) == []
    assert await store.batches.across(6) == ["a1a1"]
    assert await store.batches.across(5) == ["a1a1"]
    ended = e.ItemEnded(NOW, one.id, 1, DONE)
    await store.batches.append({batch.id: [e.ItemStarted(NOW, one.id, 1), ended]})
    # The other one on its number still has to run.
    assert await store.batches.live_items(5, [n(1)]) == {1: "a1a1"}


async def test_expectations_are_medians_of_the_last_hundred_completed(store: Store):
    """Of item i = 1 … 130 the work takes i s and i requests: the last 100 are
    31 … 130, whose median is (80 + 81) / 2.
    """
    numbers = tuple(range(1, 131))
    await start(store, make_batch("a1a1", numbers))
    await start(store, make_batch("b1b1", (1, 2), action="merge"))
    await store.batches.append(
        {
            BatchId("a1a1"): [
                event
                for k in numbers
                for event in (
                    e.ItemStarted(after(1000 * k), i(k), 1),
                    e.ItemEnded(after(1000 * k + k), i(k), 1, DONE, k),
                )
            ],
            BatchId("b1b1"): [
                e.ItemStarted(NOW, i(1), 1),
                e.ItemEnded(after(4), i(1), 1, DONE, 2),
                e.ItemStarted(NOW, i(2), 1),
                e.ItemEnded(after(9), i(2), 1, BROKEN, 9),
            ],
        }
    )
    # What others did took the bot no time.
    await start(store, make_batch("c1c1", (1, 2), action="implement"))
    await start(store, make_batch("d1d1", (1,), action="update"))
    others = [e.ItemEnded(after(9999), i(k), 0, DONE) for k in (1, 2)]
    await store.batches.append({BatchId("c1c1"): others, BatchId("d1d1"): others[:1]})
    assert median(range(31, 131)) == 80.5
    assert await store.batches.expectations() == {
        "implement@5": Expectation(80.5, 80.5),
        "merge": Expectation(4, 2),
    }


async def test_every_question_across_batches_uses_an_index(tmp_path: Path):
    """The plan of every query asked is looked at: none reads a whole table."""
    asked: list[str] = []
    async with open_store(tmp_path / "batch.db", clock=FakeClock()) as store:
        await store._connections.read(lambda c: c.set_trace_callback(asked.append))
        await store.batches.live()
        await store.batches.unconcluded()
        await store.batches.recent(5)
        await store.batches.recent(5, thread=n(3))
        await store.batches.live_in(5)
        await store.batches.with_item(5, n(1))
        await store.batches.live_items(5, [n(1)])
        await store.batches.across(5)
        await store.batches.to_be_redrawn()
        await store.batches.expectations()
        await store.batches.events(B7K2)
        await store.deliveries.unsettled(after_id=0, limit=9)
        await store.deliveries.known_guids(["g"])
        await store._connections.read(lambda c: c.set_trace_callback(None))
        asked.append("SELECT 1 FROM items WHERE state = 'completed' AND action = 'x'")
        plans = await store._connections.read(
            lambda c: [
                c.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall() for sql in asked
            ]
        )
    steps = [step for plan in plans for *_, step in plan]
    assert len(asked) == 14
    # A partial index that holds only what is asked for may well be read whole.
    partial = {"batches_live", "batches_unconcluded", "events_hidden"}
    # And what one event lists, a virtual table.
    whole = {*partial, "actions", "CONSTANT ROW", "3:"}
    for step in steps:
        assert (
            not step.startswith("SCAN")
            or step.split("INDEX ")[-1].removeprefix("SCAN ") in whole
        ), step


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "retry", "end", "fail", "skip", "cancel", "reset"]),
        st.sampled_from([12, 15]),
        st.integers(0, 100_000_000),
        st.integers(1, 9),
    ),
    max_size=25,
)
BATCH_EVENTS = st.lists(
    st.one_of(
        any_of(e.BatchStarted),
        any_of(e.BatchPaused),
        any_of(e.BatchResumed),
        any_of(e.BatchCancelling),
        any_of(e.BatchFinished),
        any_of(e.BatchConcluded),
    ),
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(STEPS, BATCH_EVENTS, st.integers(0, 33))
def test_the_projection_is_what_the_events_add_up_to(
    steps: list[tuple[str, int, int, int]], batch_events: list[e.Event], cut: int
):
    instants = accumulate(
        (timedelta(microseconds=step[2]) for step in steps), initial=NOW
    )
    events: list[e.Event] = [
        _event(what, at, number, count)
        for (what, number, _, count), at in zip(steps, instants, strict=False)
    ]
    events += batch_events
    batch = make_batch()
    connection = new_database()
    _create(connection, [(batch, make_facts(batch), events[:cut])])
    _append(connection, [{batch.id: events[cut:]}])
    progress = fold(batch, events)
    [(state, is_concluded)] = connection.execute(
        "SELECT state, is_concluded FROM batches"
    )
    assert (state, bool(is_concluded)) == (
        progress.state,
        bool(progress_reported(events)),
    )
    rows = connection.execute(
        "SELECT item, state, attempt, worked_us, ended_us, requests FROM items"
    ).fetchall()
    assert rows == [
        (
            number,
            view.state,
            view.attempt,
            view.worked // timedelta(microseconds=1),
            to_us(view.ended_at) if view.ended_at else None,
            view.requests,
        )
        for number, view in progress.items.items()
    ]
    connection.close()


def progress_reported(events: list[e.Event]) -> bool:
    return any(isinstance(event, e.BatchConcluded) for event in events)


def _event(what: str, at: Any, number: int, count: int) -> e.Event:
    item = i(number)
    match what:
        case "start":
            return e.ItemStarted(at, item, count)
        case "retry":
            return e.ItemRetrying(at, item, count, HICCUP, at)
        case "end":
            return e.ItemEnded(at, item, count, Outcome(OutcomeKind.UNCHANGED), count)
        case "fail":
            return e.ItemEnded(at, item, count, BROKEN, count)
        case "skip":
            return e.ItemSkipped(at, item)
        case "cancel":
            return e.ItemCancelled(at, item, "ada")
        case _:
            return e.ItemReset(at, item, "ada" if count > 5 else "")


def new_database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.apply(Database(connection))
    return connection
