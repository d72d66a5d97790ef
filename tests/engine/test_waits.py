"""Looks at what parked attempts wait for."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from bot.core.model import ItemNumber
from bot.core.world.pulls import ConflictsOf
from bot.core.world.questions import ChecksOf, Question
from bot.engine.supervisor import Supervisor
from bot.engine.waits import Waits
from tests.core.actions.jobs import REPOSITORY
from tests.fakes import FakeClock


async def test_no_look_waits_for_git():
    fetched = asyncio.Event()

    async def ask(questions: Sequence[Question[Any]]) -> Mapping[Question[Any], Any]:
        if any(isinstance(one, ConflictsOf) for one in questions):
            await fetched.wait()
        return dict.fromkeys(questions, "told")

    supervisor = Supervisor()
    waits = Waits(
        ask=ask,
        metered=lambda *_: nullcontext(),
        clock=FakeClock(),
        supervisor=supervisor,
        fraction=lambda: 0.5,
    )
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
