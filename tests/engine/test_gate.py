"""A freeze and a merge at the same moment: one of them sees the other."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.effects import EnqueuePullRequest, MergePullRequest, Receipt
from bot.core.model import ItemNumber
from bot.core.say.freezes import PassedGate
from bot.core.say.problems.github import AwaitedGone
from bot.core.world.freezes import Freeze
from bot.engine.gate import WAIT_SECONDS, Gate
from bot.errors import Refused, TransientError, Uncertain
from bot.store.store import Store, open_store
from tests.fakes import FakeClock
from tests.github.server import REPOSITORY

NUMBER = ItemNumber(61)
MERGE = MergePullRequest(REPOSITORY, NUMBER, "a" * 40, "merge", "main")
ENQUEUE = EnqueuePullRequest(REPOSITORY, NUMBER, "PR_61", "a" * 40, "main")
FREEZE = Freeze("main", "ada", datetime(2026, 3, 3, tzinfo=UTC), source="x")


async def answered(receipt: Receipt | Exception) -> Receipt:
    if isinstance(receipt, Exception):
        raise receipt
    return receipt


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "batch.db", clock=FakeClock()) as opened:
        yield opened


async def test_what_was_frozen_before_the_last_look_is_not_sent(store: Store):
    gate = Gate(store.freezes, FakeClock())
    await store.freezes.freeze(REPOSITORY.id, FREEZE)
    async with gate.passing(MERGE) as passage:
        with pytest.raises(TransientError, match="main, frozen by ada"):
            await passage.last_look()
        assert await gate.passed(REPOSITORY.id, "main") == []


@pytest.mark.parametrize(
    ("came", "told"),
    [
        (Receipt(id=61, sha="d" * 40), [PassedGate(NUMBER, went_in=True)]),
        (Receipt(id=61, changed=False, note="not mergeable"), []),
        (Refused(AwaitedGone(), status=403), []),
        (Uncertain(AwaitedGone()), [PassedGate(NUMBER, went_in=None)]),
    ],
)
async def test_who_freezes_waits_for_what_was_sent_before_and_hears_how_it_ended(
    store: Store, came: Receipt | Exception, told: list[PassedGate]
):
    gate = Gate(store.freezes, FakeClock())

    async def merge() -> None:
        async with gate.passing(MERGE) as passage:
            await passage.last_look()
            sent.set()
            await answer.wait()
            await passage.told(answered(came))

    sent, answer = asyncio.Event(), asyncio.Event()
    merging = asyncio.ensure_future(merge())
    await sent.wait()
    await store.freezes.freeze(REPOSITORY.id, FREEZE)
    assert await gate.passed(REPOSITORY.id, "release") == []
    passing = asyncio.ensure_future(gate.passed(REPOSITORY.id, "main"))
    await asyncio.sleep(0)
    assert not passing.done()
    answer.set()
    assert await passing == told
    await asyncio.wait([merging])
    assert await gate.passed(REPOSITORY.id, "main") == []


async def test_who_freezes_does_not_wait_for_ever(store: Store):
    clock = FakeClock()
    gate = Gate(store.freezes, clock)
    async with gate.passing(MERGE) as passage, gate.passing(ENQUEUE) as other:
        await passage.last_look()
        await other.last_look()
        passing = asyncio.ensure_future(gate.passed(REPOSITORY.id, "main"))
        await clock.advance(WAIT_SECONDS)
        # What is in the queue by now is taken out of it.
        assert await passing == [PassedGate(NUMBER, went_in=None)]
