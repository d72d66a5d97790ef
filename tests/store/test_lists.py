"""Batches across repositories, as a list of them asks for them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.core import events as e
from bot.core.effects import CreateComment, Receipt
from bot.core.model import (
    Action,
    BatchId,
    BatchKind,
    BatchState,
    InstallationId,
    Repository,
)
from bot.ports.store import BatchCounts, BatchesFound, BatchesWanted
from bot.store import lists
from bot.store.store import Store
from tests.store.samples import BROKEN, NOW, REPOSITORY, i, make_batch, n

API = Repository(6, "acme/api", InstallationId(7))
BOTH = (REPOSITORY.id, API.id)


async def keep(store: Store, *names: str, **about: Any) -> None:
    for name in names:
        assert await store.batches.create(make_batch(name, **about), {}, [])


async def found(store: Store, **wanted: Any) -> Sequence[str]:
    asked = BatchesWanted(**{"repositories": BOTH, **wanted})
    return (await store.lists.wanted(asked)).batches


async def test_the_newest_come_first_and_pages_follow_each_other(store: Store):
    await keep(store, "a1a1", "b2b2")
    await keep(store, "c3c3", repository=API)
    first = await store.lists.wanted(BatchesWanted(BOTH, limit=2))
    assert first == BatchesFound([BatchId("c3c3"), BatchId("b2b2")], next=2)
    second = await store.lists.wanted(BatchesWanted(BOTH, before=first.next, limit=2))
    assert second == BatchesFound([BatchId("a1a1")])
    assert await store.lists.repositories() == [API, REPOSITORY]


async def test_only_repositories_and_batches_that_were_named_are_listed(store: Store):
    await keep(store, "a1a1", "b2b2")
    await keep(store, "c3c3", repository=API)
    assert await found(store, repositories=[API.id]) == ["c3c3"]
    assert await found(store, repositories=[]) == []
    one_more = {"repositories": [API.id], "batches": [BatchId("a1a1")]}
    assert await found(store, **one_more) == ["c3c3", "a1a1"]


async def test_states_and_failures_are_told_apart(store: Store):
    await keep(store, "a1a1", "b2b2", "c3c3")
    started: list[e.Event] = [e.BatchStarted(NOW, "ada")]
    failed: list[e.Event] = [
        e.ItemStarted(NOW, i(12), 1),
        e.ItemEnded(NOW, i(12), 1, BROKEN),
    ]
    await store.batches.append({BatchId("b2b2"): started})
    await store.batches.append({BatchId("c3c3"): [*started, *failed]})
    assert await found(store, states=[BatchState.PLANNED]) == ["a1a1"]
    assert await found(store, states=[BatchState.RUNNING]) == ["c3c3", "b2b2"]
    planned_or_named = {"states": [BatchState.PLANNED], "also": [BatchId("b2b2")]}
    assert await found(store, **planned_or_named) == ["b2b2", "a1a1"]
    assert await found(store, **planned_or_named, repositories=[API.id]) == []
    assert await found(store, has_failed=True) == ["c3c3"]


async def test_each_state_is_counted_as_it_is_listed(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    await keep(store, "a1a1", "b2b2", "c3c3")
    await keep(store, "d4d4", repository=API)
    started: list[e.Event] = [e.BatchStarted(NOW, "ada")]
    failed: list[e.Event] = [
        e.ItemStarted(NOW, i(12), 1),
        e.ItemEnded(NOW, i(12), 1, BROKEN),
    ]
    await store.batches.append({BatchId("b2b2"): started})
    await store.batches.append({BatchId("c3c3"): [*started, *failed]})
    over: list[e.Event] = [e.BatchCancelling(NOW, "ada"), e.BatchFinished(NOW)]
    await store.batches.append({BatchId("d4d4"): [*started, *over]})

    async def counted(**wanted: Any) -> BatchCounts:
        asked = BatchesWanted(**{"repositories": BOTH, **wanted})
        return await store.lists.counts(asked)

    every = BatchCounts(all=4, live=2, waiting=1, failed=1, over=1)
    assert await counted() == every
    # It does not matter which of them are asked for.
    assert await counted(states=[BatchState.PLANNED], before=2) == every
    assert await counted(has_failed=True) == every
    assert (await counted(also=[BatchId("b2b2")])).waiting == 2
    assert await counted(repositories=[API.id]) == BatchCounts(1, 0, 0, 0, 1)
    assert await counted(text="c3c3") == BatchCounts(1, 1, 0, 1, 0)
    assert (await counted(kind=BatchKind.PR_REVIEW)).all == 0
    monkeypatch.setattr(lists, "_COUNTED", 3)
    assert await counted() == BatchCounts(3, 2, 0, 1, 1, is_whole=False)


async def test_kinds_are_those_of_the_plan(store: Store):
    await keep(store, "a1a1")
    await keep(store, "b2b2", action="review")
    await keep(store, "c3c3", action="close")
    mixed = make_batch("d4d4")
    review = replace(mixed.plan.items[1], action=Action("triage", uses="review"))
    items = (mixed.plan.items[0], review)
    mixed = replace(mixed, plan=replace(mixed.plan, items=items))
    assert await store.batches.create(mixed, {}, [])
    assert await found(store, kind=BatchKind.ISSUE_IMPLEMENTATION) == ["a1a1"]
    assert await found(store, kind=BatchKind.PR_REVIEW) == ["b2b2"]
    assert await found(store, kind=BatchKind.MIXED) == ["d4d4", "c3c3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b2", ["b2b2"]),
        ("B2B2", ["b2b2"]),
        ("#40", ["b2b2"]),
        ("40", ["b2b2"]),
        ("%", []),
        ("'", []),
        ("ada", ["b2b2", "a1a1"]),
        ("9" * 40, []),
    ],
)
async def test_a_text_is_looked_for_where_people_look(
    store: Store, text: str, expected: Sequence[str]
):
    await keep(store, "a1a1")
    await keep(store, "b2b2", thread=40)
    assert await found(store, text=text) == expected


async def test_a_search_looks_through_so_many_and_goes_on_from_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lists, "_LOOKED_THROUGH", 2)
    await keep(store, "a1a1", "b2b2", "c3c3")
    wanted = BatchesWanted(BOTH, text="a1a1")
    first = await store.lists.wanted(wanted)
    assert first == BatchesFound([], next=2)
    second = await store.lists.wanted(replace(wanted, before=first.next))
    assert second == BatchesFound([BatchId("a1a1")])


async def test_the_effects_of_an_item_are_its_own(store: Store):
    comment = CreateComment(REPOSITORY, n(12), "<!-- m -->", "<!-- m -->\nhi")
    for item in ("12", "12-review", "1"):
        await store.effects.intend(f"b7k2-{item}/comment", comment, at=NOW)
    await store.effects.done("b7k2-12/comment", Receipt(id=5, url="u"), at=NOW)
    [own] = await store.effects.of_item(BatchId("b7k2"), i(12))
    assert (own.key, own.done_at) == ("comment", NOW)
    assert own.record.receipt == Receipt(id=5, url="u")
    [other] = await store.effects.of_item(BatchId("b7k2"), i(1))
    assert other.done_at is None
