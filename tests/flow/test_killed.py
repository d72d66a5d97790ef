"""The bot is killed with SIGKILL, at one moment after another, and goes on by itself."""

import signal
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import pytest

from tests.flow.killing import (
    BATCHES,
    COMMANDS,
    Child,
    Scythe,
    assert_once,
    is_over,
    mortal_world,
    open_issues,
)
from tests.flow.world import World

pytestmark = pytest.mark.slow


async def lives(
    on: World, scythe: Scythe, child: Child, deaths: Iterable[tuple[str, int]]
) -> int:
    """Let it live until it has done everything, dying around its n-th change or commit;
    return how often it died.
    """
    open_issues(on)
    on.say(COMMANDS)
    for deaths_before, (side, number) in enumerate(deaths):
        scythe.aim(side, number)
        is_commit = side.endswith("-commit")
        await child.start(die=f"{side}:{number}" if is_commit else "")
        await on.until(lambda: child.is_dead or is_over(on))
        if not child.is_dead:
            return deaths_before
        assert await child.gone() == -signal.SIGKILL, child.lines[-20:]
    raise AssertionError


@pytest.mark.parametrize("side", ["before", "after"])
async def test_it_is_killed_again_and_again_around_a_request(tmp_path: Path, side: str):
    async with mortal_world(tmp_path) as (on, scythe, child):
        deaths = ((side, number) for number in count(1, 2))
        assert await lives(on, scythe, child, deaths) > 3
        assert await child.stop() == 0
        assert_once(on, batches=BATCHES)


@pytest.mark.parametrize("side", ["before", "after"])
async def test_it_is_killed_again_and_again_around_a_commit(tmp_path: Path, side: str):
    async with mortal_world(tmp_path) as (on, scythe, child):
        deaths = ((f"{side}-commit", number) for number in count(4, 7))
        assert await lives(on, scythe, child, deaths) > 3
        assert await child.stop() == 0
        assert_once(on, batches=BATCHES)
