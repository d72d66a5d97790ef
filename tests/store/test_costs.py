"""What batches cost: kept or worked out anew, it is what their events say."""

import asyncio
import math
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import events as e
from bot.core.model import Batch, BatchId, InstallationId, ItemState, Repository
from bot.core.run.usage import (
    ItemUsage,
    Stats,
    StatsDay,
    StatsRow,
    Wait,
    item_usages,
)
from bot.store import costs
from bot.store.store import Store, open_store, read_store
from tests.fakes import FakeClock
from tests.growth import assert_linear
from tests.store.samples import (
    BROKEN,
    DONE,
    HICCUP,
    NOW,
    after,
    i,
    make_batch,
    make_facts,
    start,
)
from tests.store.test_schema import FOLDER

API = Repository(6, "acme/api", InstallationId(7))
GATEWAY = replace(API, name="acme/gateway")
ALWAYS = (NOW - timedelta(days=999), NOW + timedelta(days=999))
ITEMS = (12, 15)


def ran(item: int, begin: float, end: float, outcome: Any = DONE) -> list[e.Event]:
    return [
        e.ItemStarted(after(begin), i(item), 1),
        e.ItemEnded(after(end), i(item), 1, outcome, requests=10),
    ]


async def keep_all(store: Store) -> None:
    while await store.costs.keep_more():
        pass


# --- by hand ---


@pytest.fixture(params=["kept", "worked out"])
def told(request: pytest.FixtureRequest, store: Store) -> Any:
    """Tell what was stored, once it is kept and as long as it is not."""

    async def tell(since: float | None = None, until: float | None = None) -> Stats:
        if request.param == "kept":
            live = await store.batches.live()
            await store.batches.append({one: [e.BatchFinished(NOW)] for one in live})
            await keep_all(store)
            assert kept(store)
        return await store.costs.between(
            ALWAYS[0] if since is None else after(since),
            ALWAYS[1] if until is None else after(until),
        )

    return tell


async def test_times_are_those_of_completed_items_that_ran(store: Store, told: Any):
    """Ten completed took 1 to 10 minutes, 30 waited for a slot, one was done by others;
    one failed, one was skipped, one cancelled."""
    numbers = tuple(range(1, 15))
    batch = make_batch(numbers=numbers)
    await start(store, batch)
    events = [event for n in range(1, 11) for event in ran(n, 3, 3 + 60 * n)]
    events += ran(11, 0, 30_000, BROKEN)
    events += [
        e.ItemSkipped(NOW, i(12)),
        e.ItemCancelled(NOW, i(13), "ada", requests=3),
        e.ItemEnded(NOW, i(14), 0, DONE),
    ]
    await store.batches.append({batch.id: events})
    [row] = (await told()).rows
    assert row == StatsRow(
        "acme/widgets",
        "implement",
        items=14,
        completed=11,
        failed=1,
        skipped=1,
        cancelled=1,
        success=11 / 12,
        median_seconds=330.0,
        p90_seconds=540.0,
        requests=113,
        retries=0,
        wait_seconds={**dict.fromkeys(map(str, Wait), 0.0), "slot": 30.0},
    )


async def test_an_action_of_which_nothing_ran_has_neither_times_nor_success(
    store: Store, told: Any
):
    batch = make_batch(numbers=(12,))
    await start(store, batch)
    await store.batches.append({batch.id: [e.ItemSkipped(after(1), i(12))]})
    [row] = (await told()).rows
    assert (row.median_seconds, row.p90_seconds, row.success) == (None, None, None)


async def test_items_count_where_and_as_what_they_were_done(store: Store, told: Any):
    batch = make_batch(numbers=(12, 15, 18))
    first, second, third = batch.plan.items
    review = replace(second, action=make_batch(action="review").plan.items[0].action)
    items = (first, review, replace(third, repository=API))
    batch = replace(batch, plan=replace(batch.plan, items=items))
    await start(store, batch)
    ends = [*ran(12, 0, 1), *ran(15, 0, 1), *ran(18, 0, 1)]
    await store.batches.append({batch.id: ends})
    assert [(r.repository, r.action, r.items) for r in (await told()).rows] == [
        ("acme/api", "implement", 1),
        ("acme/widgets", "implement", 1),
        ("acme/widgets", "review", 1),
    ]


async def test_a_repository_that_was_renamed_is_one_by_its_last_name(
    store: Store, told: Any
):
    for name, at, repository, action in (
        ("a1a1", 10, API, "implement"),
        ("b2b2", 20, GATEWAY, "implement"),
        ("c3c3", 5, API, "label"),
    ):
        batch = make_batch(name, (12,), repository=repository, action=action)
        await start(store, batch)
        await store.batches.append({batch.id: ran(12, 0, at)})
    assert [(r.repository, r.action, r.items) for r in (await told()).rows] == [
        ("acme/gateway", "implement", 2),
        ("acme/gateway", "label", 1),
    ]


async def test_an_item_counts_when_it_ended_with_all_that_it_took(
    store: Store, told: Any
):
    batch = make_batch()
    await start(store, batch)
    await store.batches.append({batch.id: [*ran(12, 0, 100), *ran(15, 40, 200)]})
    assert (await told(since=100.000001, until=199)).rows == ()
    assert (await told(since=100.000001, until=199)).days == ()
    [edge] = (await told(since=100, until=199)).rows
    assert (edge.items, edge.median_seconds) == (1, 100.0)
    [late] = (await told(since=150, until=200)).rows
    assert (late.items, late.median_seconds) == (1, 160.0)
    assert late.wait_seconds["slot"] == 40.0


async def test_days_are_those_of_utc(store: Store, told: Any):
    """15:00 is the first instant; midnight is nine hours later."""
    batch = make_batch(numbers=(12, 15, 18))
    await start(store, batch)
    midnight = 9 * 3600
    ends = [
        *ran(12, 0, midnight - 0.000001),
        *ran(15, 0, midnight, BROKEN),
        *ran(18, 0, midnight + 2 * 86_400),
    ]
    await store.batches.append({batch.id: ends})
    assert (await told()).days == (
        StatsDay(date(2026, 3, 3), completed=1),
        StatsDay(date(2026, 3, 4), failed=1),
        StatsDay(date(2026, 3, 5)),
        StatsDay(date(2026, 3, 6), completed=1),
    )


# --- whatever happens ---

_OF_ITEMS = (
    lambda at, item: e.ItemStarted(at, item, 1),
    lambda at, item: e.ItemEnded(at, item, 1, DONE, 7),
    lambda at, item: e.ItemEnded(at, item, 1, BROKEN, 3),
    lambda at, item: e.ItemRetrying(at, item, 1, HICCUP, at + timedelta(seconds=9), 2),
    lambda at, item: e.ItemReset(at, item, "ada"),
    lambda at, item: e.ItemReset(at, item, ""),
    lambda at, item: e.ItemSkipped(at, item, by="ada"),
    lambda at, item: e.ItemCancelled(at, item, "ada", requests=1),
    lambda at, item: e.ItemParked(at, item, 1, "the checks"),
    lambda at, item: e.ItemUnparked(at, item, 1),
    lambda at, _: e.BatchPaused(at, "ada"),
    lambda at, _: e.BatchResumed(at, "ada"),
    lambda at, _: e.BudgetWaitStarted(at, at + timedelta(hours=1)),
    lambda at, _: e.BudgetWaitEnded(at),
    lambda at, _: e.RepositoryMoved(at, GATEWAY),
    lambda at, _: e.BatchFinished(at),
    lambda at, _: e.BatchUndone(at, BatchId("d5n2"), ()),
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.integers(0, 40_000),  # seconds that pass
            st.sampled_from(("a1a1", "b2b2", "c3c3")),
            st.sampled_from(ITEMS),
            st.sampled_from(_OF_ITEMS),
        ),
        st.sampled_from(("keep", "look", "restart")),
    ),
    max_size=40,
)


def by_hand(usages: Sequence[ItemUsage], since: datetime, until: datetime) -> Any:
    """Return what is to be told, worked out in another way."""
    kept = [one for one in usages if since <= one.ended_at <= until]
    newest = {
        one.repository.id: one.repository.name
        for one in sorted(kept, key=lambda one: one.ended_at)
    }
    rows = {}
    key = lambda one: (newest[one.repository.id], one.action)  # noqa: E731
    for name, group in groupby(sorted(kept, key=key), key=key):
        some = list(group)
        times = sorted(
            one.worked.total_seconds()
            for one in some
            if one.worked is not None and one.state is ItemState.COMPLETED
        )
        rows[name] = (
            Counter(str(one.state) for one in some),
            median(times) if times else None,
            times[math.ceil(0.9 * len(times)) - 1] if times else None,
            sum(one.requests for one in some),
            sum(one.retries for one in some),
            {
                str(wait): sum(
                    one.waits.get(wait, timedelta()).total_seconds() for one in some
                )
                for wait in Wait
            },
        )
    return rows


def as_told(stats: Stats) -> Any:
    ends = ("completed", "failed", "skipped", "cancelled")
    return {
        (row.repository, row.action): (
            Counter({end: n for end in ends if (n := getattr(row, end))}),
            row.median_seconds,
            row.p90_seconds,
            row.requests,
            row.retries,
            row.wait_seconds,
        )
        for row in stats.rows
    }


class Story:
    """A database over restarts, and what was put into it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "batch.db"
        self._stack = AsyncExitStack()
        self.store: Store
        self.at = NOW
        self.batches: dict[str, tuple[Batch, list[e.Event]]] = {}

    async def restart(self) -> None:
        await self._stack.aclose()
        opened = open_store(self._path, clock=FakeClock())
        self.store = await self._stack.enter_async_context(opened)

    async def close(self) -> None:
        await self._stack.aclose()

    async def happen(self, seconds: int, name: str, item: int, make: Any) -> None:
        self.at += timedelta(seconds=seconds)
        if name not in self.batches:
            batch = make_batch(name, ITEMS)
            items = (batch.plan.items[0], replace(batch.plan.items[1], repository=API))
            batch = replace(batch, plan=replace(batch.plan, items=items))
            began = e.BatchStarted(self.at, "ada")
            assert await self.store.batches.create(batch, make_facts(batch), [began])
            self.batches[name] = (batch, [began])
        batch, events = self.batches[name]
        events.append(make(self.at, i(item)))
        await self.store.batches.append({batch.id: events[-1:]})

    async def look(self) -> None:
        usages = [
            usage
            for batch, events in self.batches.values()
            for usage in item_usages(batch, events)
        ]
        for span in (ALWAYS, (after(20_000), after(90_000))):
            told = await self.store.costs.between(*span)
            assert as_told(told) == by_hand(usages, *span)


@settings(max_examples=30, deadline=None)
@given(_STEPS)
def test_what_is_kept_is_what_the_events_say_after_any_history(steps: Any):
    async def tell(folder: str) -> None:
        story = Story(Path(folder))
        await story.restart()
        try:
            for step in steps:
                if step == "keep":
                    await keep_all(story.store)
                elif step == "look":
                    await story.look()
                elif step == "restart":
                    await story.restart()
                else:
                    await story.happen(*step)
            await story.look()
            await keep_all(story.store)
            await story.look()
        finally:
            await story.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(tell(folder))


# --- how it is kept ---


def restore(file: Path, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(file.read_text())


def kept(store: Store) -> list[str]:
    """Return of which batches something is kept."""
    with closing(sqlite3.connect(store.path)) as connection:
        rows = connection.execute("SELECT DISTINCT batch FROM usages ORDER BY batch")
        return [batch for (batch,) in rows]


async def test_it_is_kept_a_slice_at_a_time_and_a_batch_with_its_last_event(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(costs, "SLICE", 4)
    assert not await store.costs.keep_more()
    for name in ("a1a1", "b2b2"):
        await start(store, make_batch(name))
    await store.batches.append({BatchId("a1a1"): ran(12, 0, 1)})
    await store.batches.append({BatchId("b2b2"): ran(12, 0, 1)})
    over = e.BatchFinished(after(1))
    await store.batches.append({BatchId("a1a1"): [*ran(15, 0, 1), over]})
    assert await store.costs.keep_more()  # two begun, the first of two ends of a1a1
    assert kept(store) == []
    assert await store.costs.keep_more()
    assert kept(store) == []
    assert await store.costs.keep_more()
    assert kept(store) == ["a1a1"]  # b2b2 is not over
    assert not await store.costs.keep_more()
    assert (await store.costs.between(*ALWAYS)).rows[0].items == 3
    await store.batches.append({BatchId("b2b2"): [over]})
    assert await store.costs.keep_more()
    assert kept(store) == ["a1a1", "b2b2"]
    assert (await store.costs.between(*ALWAYS)).rows[0].items == 3


async def test_a_look_writes_nothing_and_may_be_anothers(store: Store):
    await start(store, make_batch())
    await store.batches.append({BatchId("b7k2"): ran(12, 0, 1)})
    async with read_store(store.path, clock=FakeClock(), is_thorough=False) as other:
        [row] = (await other.costs.between(*ALWAYS)).rows
    assert row.items == 1
    assert kept(store) == []


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.sql")), ids=lambda p: p.stem)
async def test_what_an_older_version_left_is_kept_from_then_on(
    file: Path, tmp_path: Path
):
    path = tmp_path / "batch.db"
    restore(file, path)
    async with open_store(path, clock=FakeClock()) as store:
        before = await store.costs.between(*ALWAYS)
        assert before.rows
        live = await store.batches.live()
        await store.batches.append({one: [e.BatchFinished(NOW)] for one in live})
        await keep_all(store)
        assert kept(store)
        assert await store.costs.between(*ALWAYS) == before


async def fill(store: Store, batches: int) -> None:
    numbers = tuple(range(1, 13))
    for number in range(batches):
        batch = make_batch(f"b{number}", numbers)
        await start(store, batch)
        ends = [event for n in numbers for event in ran(n, 0, n + number)]
        await store.batches.append({batch.id: [*ends, e.BatchFinished(after(9))]})


def test_keeping_and_looking_grow_with_the_batches_and_no_faster(tmp_path: Path):
    def work(batches: int) -> None:
        async def run() -> None:
            with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
                opened = open_store(Path(folder) / "b.db", clock=FakeClock())
                async with opened as store:
                    await fill(store, batches)
                    await keep_all(store)
                    for _ in range(20):
                        await store.costs.between(*ALWAYS)

        asyncio.run(run())

    assert_linear(work, 120)
