import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from bot.core.command.trigger import OPERATOR_EVENT
from bot.ports.store import Arrivals, Backlog
from bot.store.store import Store
from tests.store.samples import NOW, make_delivery


async def test_a_delivery_comes_back_as_it_came(store: Store):
    delivery = make_delivery(body=b"\x00\xff not even JSON")
    assert await store.deliveries.add(delivery)
    assert await store.deliveries.unsettled(after_id=0, limit=9) == [1]
    assert await store.deliveries.load(1) == delivery


async def test_there_is_no_delivery_under_an_unknown_id(store: Store):
    with pytest.raises(LookupError, match="there is no delivery 7 with"):
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


async def test_what_came_from_github_is_told_apart_from_what_the_bot_sent_itself(
    store: Store,
):
    assert await store.deliveries.arrivals(since=NOW) == Arrivals(None, 0)
    events = ["issues", "issues", "issues", OPERATOR_EVENT]
    for minutes, event in enumerate(events):
        at = NOW + timedelta(minutes=minutes)
        came = replace(make_delivery(f"g{minutes}"), received_at=at, event=event)
        await store.deliveries.add(came)
    outcomes = ["failed: 404", "ignored", "gave up: no answer", "internal error: X"]
    for place, outcome in enumerate(outcomes, 1):
        await store.deliveries.settle(place, outcome=outcome)
    last_at = NOW + timedelta(minutes=2)
    assert await store.deliveries.arrivals(since=NOW) == Arrivals(last_at, 2)
    assert await store.deliveries.arrivals(since=last_at) == Arrivals(last_at, 1)


async def test_of_what_is_settled_at_the_door_only_the_guid_is_kept(store: Store):
    ignored = replace(make_delivery("a"), outcome="ignored")
    assert await store.deliveries.add(ignored)
    assert not await store.deliveries.add(make_delivery("a"))
    assert await store.deliveries.known_guids(["a"]) == {"a"}
    assert await store.deliveries.unsettled(after_id=0, limit=9) == []
    assert await store.deliveries.backlog() == Backlog(0)
    with pytest.raises(LookupError, match="there is no delivery 1 with a body"):
        await store.deliveries.load(1)


async def test_chatter_and_commands_of_one_moment_keep_their_order(store: Store):
    """Every third is a command; ids are those of the order of arrival."""
    chatter = [replace(make_delivery(f"g{n}"), outcome="ignored") for n in range(900)]
    sent = [
        replace(one, outcome="") if number % 3 == 0 else one
        for number, one in enumerate(chatter)
    ]
    await asyncio.gather(*map(store.deliveries.add, sent))
    ids = await store.deliveries.unsettled(after_id=0, limit=2000)
    assert ids == list(range(1, 901, 3))
    assert (await store.deliveries.load(ids[7])).guid == "g21"


ALWAYS, NEVER = NOW + timedelta(days=99), NOW - timedelta(days=99)


async def bodies(store: Store) -> set[str]:
    """Return the GUIDs of deliveries whose body is there."""
    found = set()
    for id_ in range(1, 2000):
        with suppress(LookupError):
            found.add((await store.deliveries.load(id_)).guid)
    return found


async def test_pruning_takes_old_settled_deliveries(store: Store):
    for guid in "abc":
        await store.deliveries.add(make_delivery(guid))
    await store.deliveries.settle(1, outcome="ignored")
    prune = partial(store.deliveries.prune, bodies_before=NEVER)
    assert await prune(before=NOW) == 0
    assert await prune(before=NOW + timedelta(seconds=1)) == 1
    assert await store.deliveries.known_guids(["a", "b", "c"]) == {"b", "c"}
    assert await bodies(store) == {"b", "c"}


async def test_a_body_goes_once_it_is_settled_and_old_and_the_guid_stays(store: Store):
    for hours, guid in enumerate("abcde"):
        received_at = NOW + timedelta(hours=hours)
        delivery = replace(make_delivery(guid), received_at=received_at)
        await store.deliveries.add(delivery)
    for id_ in (1, 3, 4, 5):
        await store.deliveries.settle(id_, outcome="noted")
    prune = partial(store.deliveries.prune, before=NEVER)
    await prune(bodies_before=NOW)
    assert await bodies(store) == {"a", "b", "c", "d", "e"}
    await prune(bodies_before=NOW + timedelta(hours=3))
    assert await bodies(store) == {"b", "d", "e"}
    await store.deliveries.settle(2, outcome="noted")
    await prune(bodies_before=NOW + timedelta(hours=3))
    assert await bodies(store) == {"d", "e"}
    assert await store.deliveries.known_guids([*"abcde"]) == set("abcde")


async def test_many_are_pruned_as_well(store: Store):
    guids = [f"g{number}" for number in range(1201)]
    await asyncio.gather(*(store.deliveries.add(make_delivery(guid)) for guid in guids))
    await asyncio.gather(
        *(store.deliveries.settle(id_, outcome="noted") for id_ in range(1, 1202))
    )
    await store.deliveries.prune(before=NEVER, bodies_before=ALWAYS)
    assert await bodies(store) == set()
    assert await store.deliveries.prune(before=ALWAYS, bodies_before=NEVER) == 1200


async def test_an_id_is_never_given_twice(store: Store):
    await store.deliveries.add(make_delivery("a"))
    await store.deliveries.settle(1, outcome="ignored")
    await store.deliveries.prune(before=ALWAYS, bodies_before=ALWAYS)
    await store.deliveries.add(make_delivery("b"))
    assert await store.deliveries.unsettled(after_id=1, limit=9) == [2]
