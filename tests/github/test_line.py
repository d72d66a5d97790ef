"""The line of requests of all installations."""

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.model import InstallationId
from bot.core.world.budget import Call
from bot.github.ledger import Account, Ledger, Pace
from bot.github.line import (
    APP,
    MOST_AT_ONCE,
    SLOW_SECONDS,
    Line,
    Place,
    awaited,
    is_awaited,
)
from tests.fakes import FakeClock, settle

ONE, TWO, THREE = map(InstallationId, (1, 2, 3))


async def asked(line: Line, who: InstallationId, begun: list[int]) -> Place:
    """Begin a request as soon as that may be; note whose it was."""
    place = line.begin(who) or await line.wait(who)
    begun.append(who)
    return place


def asking(line: Line, who: InstallationId, begun: list[int]) -> "asyncio.Task[Place]":
    return asyncio.create_task(asked(line, who, begun))


async def test_as_many_as_there_is_room_for_begin_at_once():
    line, begun = Line(FakeClock(), most=2), list[int]()
    places = [asking(line, ONE, begun) for _ in range(3)]
    await settle()
    assert begun == [ONE, ONE]
    line.leave(await places[0])
    await settle()
    assert begun == [ONE, ONE, ONE]
    assert places[2].done()


async def test_whose_installation_has_sent_the_least_lately_goes_first():
    line, begun = Line(FakeClock(), most=1), list[int]()
    for _ in range(3):
        line.leave(await asked(line, ONE, begun))
    held = await asked(line, TWO, begun)
    begun.clear()
    tasks = [asking(line, who, begun) for who in (ONE, ONE, TWO, THREE)]
    await settle()
    line.leave(held)
    for _ in tasks:
        await settle()
        line.leave(await tasks[(ONE, ONE, TWO, THREE).index(InstallationId(begun[-1]))])
    assert begun[:2] == [THREE, TWO]


async def test_what_was_sent_is_forgotten():
    clock = FakeClock()
    line, begun = Line(clock, most=1), list[int]()
    for _ in range(30):
        line.leave(await asked(line, ONE, begun))
    await clock.advance(600)
    line.leave(await asked(line, TWO, begun))
    held = await asked(line, THREE, begun)
    begun.clear()
    tasks = [asking(line, who, begun) for who in (TWO, ONE)]
    await settle()
    line.leave(held)
    await settle()
    assert begun == [ONE]
    for task in tasks:
        task.cancel()


async def test_what_a_person_waits_for_begins_before_all_else():
    line, begun = Line(FakeClock(), most=1, most_awaited=2), list[int]()
    held = await asked(line, ONE, begun)
    waiting = asking(line, ONE, begun)
    await settle()
    with awaited():
        first = line.begin(TWO)
        assert first  # there is room for it, and none for others
        assert line.begin(TWO) is None  # not for ever
        second = asking(line, TWO, begun)
        await settle()
        third = asking(line, THREE, begun)
        await settle()
        later = asyncio.create_task(_is_awaited_later())
    line.leave(held)
    await settle()
    assert third.done()  # its installation has sent the least
    assert not second.done()
    line.leave(first)
    await settle()
    assert second.done()
    assert not waiting.done()
    line.leave(await second)
    await settle()
    assert not waiting.done()
    line.leave(await third)
    await settle()
    assert waiting.done()
    assert not await later  # the block had ended by then


async def test_whoever_comes_for_a_person_is_called_while_another_waits_for_room():
    clock = FakeClock()
    line, begun = Line(clock, most=1, most_awaited=2), list[int]()
    for _ in range(2):
        with awaited():
            await asked(line, ONE, begun)
    waiting = asking(line, TWO, begun)
    await settle()
    with awaited():
        late = asking(line, THREE, begun)
        await settle()
    await clock.advance(SLOW_SECONDS)
    assert late.done()
    assert not waiting.done()
    line.leave(await late)
    await settle()
    assert waiting.done()


async def _is_awaited_later() -> bool:
    await settle()
    return is_awaited()


async def test_slow_answers_stop_nobody():
    clock = FakeClock()
    line, begun = Line(clock, most=2), list[int]()
    slow = [await asked(line, ONE, begun) for _ in range(2)]
    waiting = [asking(line, TWO, begun) for _ in range(2)]
    await clock.advance(SLOW_SECONDS - 0.1)
    assert not waiting[0].done()
    await clock.advance(0.2)
    assert all(task.done() for task in waiting)
    for place in slow:
        line.leave(place)  # late: it counts for nothing
    third = asking(line, TWO, begun)
    await settle()
    assert not third.done()
    third.cancel()


@pytest.mark.parametrize("is_called", [False, True])
async def test_a_place_is_not_lost_with_whom_it_was_for(is_called: bool):
    line, begun = Line(FakeClock(), most=1), list[int]()
    held = await asked(line, ONE, begun)
    given_up, patient = asking(line, TWO, begun), asking(line, THREE, begun)
    await settle()
    if is_called:
        line.leave(held)
        await asyncio.sleep(0)  # the place is its own, and it does not know yet
        given_up.cancel()
    else:
        given_up.cancel()
        await settle()
        line.leave(held)
    await settle()
    assert patient.done()


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ask", "need", "leave", "give up", "time"]),
            st.integers(0, 3),
        ),
        max_size=60,
    )
)
@settings(deadline=None)
def test_there_are_never_too_many_and_nobody_waits_in_vain(
    steps: list[tuple[str, int]],
):
    async def story() -> None:
        clock, most, most_awaited = FakeClock(), 3, 5
        line, begun = Line(clock, most=most, most_awaited=most_awaited), list[int]()
        needed: list[asyncio.Task[Place]] = []
        tasks: list[asyncio.Task[Place]] = []
        for what, which in steps:
            fresh = [t for t in tasks if t.done() and not t.cancelled()]
            waiting = [t for t in tasks if not t.done()]
            if what == "ask":
                tasks.append(asking(line, InstallationId(which), begun))
            elif what == "need":
                with awaited():
                    needed.append(asking(line, InstallationId(which), begun))
                    await settle()  # a person still waits when it stands in line
                tasks.append(needed[-1])
            elif what == "leave" and fresh:
                task = fresh[which % len(fresh)]
                tasks.remove(task)
                line.leave(task.result())
            elif what == "give up" and waiting:
                waiting[which % len(waiting)].cancel()
            elif what == "time":
                await clock.advance(float(which))
            await settle()
            young = [
                t
                for t in tasks
                if t.done()
                and not t.cancelled()
                and t.result().began > clock.monotonic() - SLOW_SECONDS
            ]
            assert len(young) <= most_awaited
            assert len(young) >= most or all(t.done() for t in tasks)
            assert len(young) == most_awaited or all(t.done() for t in needed)
        for task in tasks:
            task.cancel()
        await settle()

    asyncio.run(story())


async def test_a_request_that_had_to_stand_in_line_looks_again_whether_it_may_be_sent():
    clock = FakeClock()
    ledger = Ledger(clock, pace=Pace(write_interval_seconds=0))
    busy = [ledger.account(InstallationId(n)) for n in (1, 2, 3)]
    account = ledger.account(InstallationId(4))
    sent: list[float] = []

    async def send(to: Account, headers: Mapping[str, str]) -> None:
        async with to.turn(Call()) as ticket:
            if to is account:
                sent.append(clock.monotonic())
            await clock.sleep(2)
            to.answered(ticket, 429 if headers else 200, headers)

    told = asyncio.gather(*(send(one, {}) for one in busy))
    await clock.advance(2)
    await told
    crowd = [asyncio.create_task(send(busy[n % 3], {})) for n in range(MOST_AT_ONCE)]
    await settle()
    late = [asyncio.create_task(send(account, {"retry-after": "30"})) for _ in range(2)]
    await clock.advance(1.9)
    assert sent == []
    await clock.advance(0.1)
    # Both are called, and one goes ahead: what is left of the account is not told yet.
    assert sent == [4.0]
    await clock.advance(31.9)
    assert sent == [4.0]
    await clock.advance(0.1)
    assert sent == [4.0, 36.0]
    for task in late:
        task.cancel()
    await asyncio.gather(*crowd)


async def test_nobody_is_overtaken_for_ever_by_what_is_asked_later():
    clock = FakeClock()
    line, begun = Line(clock, most=1), list[int]()
    for _ in range(100):
        line.leave(await asked(line, ONE, begun))
    held = await asked(line, TWO, begun)
    first = asking(line, ONE, begun)
    for number in range(100):  # there is always somebody who has sent less
        await clock.advance(4)
        later = asking(line, InstallationId(10 + number), begun)
        await settle()
        line.leave(held)
        await settle()
        if first.done():
            break
        held = later.result()
    assert first.done()
    assert clock.monotonic() > 60
    later.cancel()


async def test_many_of_one_that_came_together_leave_room_for_another():
    line, begun = Line(FakeClock(), most=1), list[int]()
    held = await asked(line, THREE, begun)
    crowd = [asking(line, ONE, begun) for _ in range(20)]
    await settle()
    late = asking(line, TWO, begun)
    await settle()
    for _ in range(2):
        line.leave(held)
        await settle()
        held = next(t for t in [late, *crowd] if t.done()).result()
    assert late.done()
    for task in crowd:
        task.cancel()


async def test_a_token_stands_before_what_others_ask_for():
    line, begun = Line(FakeClock(), most=1, most_awaited=1), list[int]()
    for _ in range(100):
        line.leave(await asked(line, APP, begun))
    held = await asked(line, ONE, begun)
    waiting = asking(line, TWO, begun)
    await settle()
    token = asking(line, APP, begun)
    await settle()
    line.leave(held)
    await settle()
    assert token.done()
    waiting.cancel()


@pytest.mark.parametrize("lateness", [0.0, 15.0])
async def test_a_write_for_a_person_stands_behind_none_that_stands_in_line(
    lateness: float,
):
    clock = FakeClock()
    ledger = Ledger(clock, pace=Pace(write_interval_seconds=0))
    crowd = [ledger.account(InstallationId(n)) for n in (1, 2, 3)]
    account = ledger.account(InstallationId(4))
    sent: list[str] = []

    async def send(to: Account, call: Call, name: str = "") -> None:
        async with to.turn(call) as ticket:
            sent.append(name)
            await clock.sleep(2 if name else 4)
            to.answered(ticket, 200, {})

    told = asyncio.gather(*(send(one, Call()) for one in (*crowd, account)))
    await clock.advance(4)
    await told
    others = [
        asyncio.create_task(send(crowd[n % 3], Call())) for n in range(MOST_AT_ONCE)
    ]
    await settle()
    edit = Call(is_write=True, lateness_seconds=5.0)
    edits = [asyncio.create_task(send(account, edit, f"edit {n}")) for n in range(2)]
    await settle()
    sent.clear()
    with awaited():
        answer = Call(is_write=True, lateness_seconds=lateness)
        task = asyncio.create_task(send(account, answer, "answer"))
        await settle()
        assert sent == ["answer"]
        await clock.advance(2)
        await task
    await clock.advance(2)
    assert sent[1] == "edit 0"
    await clock.advance(4)
    assert sent[-1] == "edit 1"
    await asyncio.gather(*edits, *others)
