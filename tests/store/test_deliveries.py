import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.ports.store import Backlog
from bot.store.store import Store
from tests.store.samples import NOW, make_delivery


async def test_a_delivery_comes_back_as_it_came(store: Store):
    delivery = make_delivery(body=b"\x00\xff not even JSON")
    assert await store.deliveries.add(delivery)
    assert await store.deliveries.unsettled(after_id=0, limit=9) == [1]
    assert await store.deliveries.load(1) == delivery


async def test_there_is_no_delivery_under_an_unknown_id(store: Store):
    with pytest.raises(LookupError, match="there is no delivery 7"):
        await store.deliveries.load(7)


async def test_a_guid_is_stored_once_and_the_first_body_stays(store: Store):
    first, second = make_delivery(body=b"1"), make_delivery(body=b"2")
    answers = await asyncio.gather(*map(store.deliveries.add, [first, second, second]))
    assert answers == [True, False, False]
    assert not await store.deliveries.add(second)
    assert (await store.deliveries.load(1)).body == b"1"


async def test_many_at_once_keep_their_order(store: Store):
    guids = [f"g{number}" for number in range(1200)]
    answers = await asyncio.gather(
        *(store.deliveries.add(make_delivery(guid)) for guid in guids)
    )
    assert all(answers)
    ids = await store.deliveries.unsettled(after_id=0, limit=2000)
    stored = [await store.deliveries.load(id_) for id_ in ids]
    assert [one.guid for one in stored] == guids
    assert await store.deliveries.known_guids([*guids, "other"]) == set(guids)


async def test_settled_deliveries_are_not_offered_again(store: Store):
    for guid in "abc":
        await store.deliveries.add(make_delivery(guid))
    await store.deliveries.settle(2, outcome="ignored")
    assert await store.deliveries.unsettled(after_id=0, limit=9) == [1, 3]
    assert await store.deliveries.unsettled(after_id=1, limit=9) == [3]
    assert len(await store.deliveries.unsettled(after_id=0, limit=1)) == 1


async def test_the_backlog_is_what_is_not_settled_and_since_when(store: Store):
    assert await store.deliveries.backlog() == Backlog(0)
    for minutes, guid in enumerate("abc"):
        at = NOW + timedelta(minutes=minutes)
        await store.deliveries.add(replace(make_delivery(guid), received_at=at))
    await store.deliveries.settle(1, outcome="ignored")
    minute = timedelta(minutes=1)
    assert await store.deliveries.backlog() == Backlog(2, NOW + minute)
    await store.deliveries.settle(2, outcome="ignored")
    await store.deliveries.settle(3, outcome="ignored")
    assert await store.deliveries.backlog() == Backlog(0)


async def test_pruning_takes_old_settled_deliveries_with_their_bodies(store: Store):
    for guid in "abc":
        await store.deliveries.add(make_delivery(guid))
    await store.deliveries.settle(1, outcome="ignored")
    assert await store.deliveries.prune(before=NOW) == 0
    assert await store.deliveries.prune(before=NOW + timedelta(seconds=1)) == 1
    assert await store.deliveries.known_guids(["a", "b", "c"]) == {"b", "c"}


async def test_an_id_is_never_given_twice(store: Store):
    await store.deliveries.add(make_delivery("a"))
    await store.deliveries.settle(1, outcome="ignored")
    await store.deliveries.prune(before=NOW + timedelta(days=99))
    await store.deliveries.add(make_delivery("b"))
    assert await store.deliveries.unsettled(after_id=1, limit=9) == [2]
