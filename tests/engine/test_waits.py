"""Looks at what parked attempts wait for."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from bot.core.model import ItemNumber
from bot.core.world.pulls import ConflictsOf
from bot.core.world.questions import ChecksOf, Question
from bot.core.world.runs import RunOf
from bot.engine.supervisor import Supervisor
from bot.engine.waits import AskAll, Waits
from tests.core.actions.jobs import REPOSITORY
from tests.fakes import FakeClock


def waits_for(ask: AskAll, clock: FakeClock, supervisor: Supervisor) -> Waits:
    return Waits(
        ask=ask,
        metered=lambda *_: nullcontext(),
        clock=clock,
        supervisor=supervisor,
        fraction=lambda: 0.5,
    )


async def test_no_look_waits_for_git():
    fetched = asyncio.Event()

    async def ask(questions: Sequence[Question[Any]]) -> Mapping[Question[Any], Any]:
        if any(isinstance(one, ConflictsOf) for one in questions):
            await fetched.wait()
        return dict.fromkeys(questions, "told")

    supervisor = Supervisor()
    waits = waits_for(ask, FakeClock(), supervisor)
    slow = ConflictsOf(REPOSITORY, ItemNumber(12), "a" * 40, "b" * 40, "main")
    conflicts = asyncio.create_task(waits.look(slow, meters=["b1/12"]))
    await asyncio.sleep(0)
    checks = ChecksOf(REPOSITORY, "a" * 40)
    async with asyncio.timeout(5):
        assert await waits.look(checks, meters=["b1/13"])
        assert not conflicts.done()
        fetched.set()
        assert await conflicts
    await supervisor.close()


async def test_what_takes_a_request_of_its_own_is_looked_at_when_it_is_due_alone():
    asked: list[list[Question[Any]]] = []

    async def ask(questions: Sequence[Question[Any]]) -> Mapping[Question[Any], Any]:
        asked.append(list(questions))
        return dict.fromkeys(questions, "told")

    clock, supervisor = FakeClock(), Supervisor()
    waits = waits_for(ask, clock, supervisor)
    runs = [RunOf(REPOSITORY, number) for number in range(3)]
    checks = [ChecksOf(REPOSITORY, letter * 40) for letter in "ab"]
    looks = [
        asyncio.create_task(waits.look(one, meters=["b1/12"], seconds=120.0))
        for one in (*runs, *checks)
    ]
    await clock.advance(10.0)
    waits.wake(runs[1].wakes)
    await clock.advance(2.0)
    waits.wake(checks[0].wakes)
    await clock.advance(2.0)
    assert asked == [[runs[1]], [checks[0], checks[1]]]
    await clock.advance(120.0)
    assert asked[2:] == [[runs[0], runs[2]]]
    assert await asyncio.gather(*looks) == ["told"] * 5
    await supervisor.close()
