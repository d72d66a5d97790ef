import asyncio
from datetime import UTC, timedelta

import pytest

from bot.host.clock import SystemClock
from bot.ports.clock import Clock
from tests.fakes import START, FakeClock


@pytest.fixture(params=["real", "fake"])
def clock(request) -> Clock:
    return SystemClock() if request.param == "real" else FakeClock()


async def pass_time(clock: Clock, seconds: float) -> None:
    await (
        clock.advance(seconds) if isinstance(clock, FakeClock) else clock.sleep(seconds)
    )


async def test_now_is_aware_and_utc(clock: Clock):
    assert clock.now().tzinfo is UTC


async def test_both_times_pass_alike(clock: Clock):
    now, tick = clock.now(), clock.monotonic()
    await pass_time(clock, 0.01)
    assert clock.monotonic() - tick >= 0.01
    assert clock.now() - now >= timedelta(seconds=0.009)


async def test_sleepers_wake_in_the_order_of_their_time(clock: Clock):
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (0.03, 0.01, 0.02):
            group.create_task(sleeper(seconds))
        await pass_time(clock, 0.05)
    assert woken == [0.01, 0.02, 0.03]


async def test_sleeping_no_time_returns_by_itself(clock: Clock):
    await clock.sleep(0)
    await clock.sleep(-1)


async def test_each_sleeper_sees_its_own_instant():
    clock = FakeClock()
    seen: list[float] = []

    async def ticker() -> None:
        for _ in range(3):
            await clock.sleep(2)
            seen.append((clock.now() - START).total_seconds())

    task = asyncio.create_task(ticker())
    await clock.advance(7)
    await task
    assert seen == [2, 4, 6]
    assert clock.monotonic() == 7


async def test_nobody_wakes_too_early_and_a_cancelled_sleeper_is_forgotten():
    clock = FakeClock()
    early = asyncio.create_task(clock.sleep(5))
    late = asyncio.create_task(clock.sleep(10))
    await clock.advance(4.9)
    assert not early.done()
    early.cancel()
    await clock.advance(0.2)
    assert clock.sleepers == 1
    assert clock.next_due == pytest.approx(4.9)
    await clock.advance(4.9)
    assert late.done()


async def test_run_until_stops_at_the_moment_the_condition_holds():
    clock = FakeClock()
    ticks: list[int] = []

    async def ticker() -> None:
        while True:
            await clock.sleep(60)
            ticks.append(1)

    task = asyncio.create_task(ticker())
    await clock.run_until(lambda: len(ticks) == 3)
    task.cancel()
    assert clock.monotonic() == 180
