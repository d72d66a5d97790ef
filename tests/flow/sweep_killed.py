"""The long form of ``test_killed.py``: ``pytest tests/flow/sweep_killed.py``.

A kill around each request and each commit of a batch, one per story; and stories in
which the bot is killed at random, ``KILLS`` times in all (100 unless told otherwise),
also while it recovers.
"""

import os
import random
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from tests.flow.killing import BATCHES, assert_once, mortal_world
from tests.flow.test_killed import lives

NEVER = ("", 0)
REQUESTS = 26
COMMITS = 60
KILLS = int(os.environ.get("KILLS", "100"))
KILLS_PER_STORY = 10


@pytest.mark.timeout(300)
@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("number", range(1, REQUESTS))
async def test_it_is_killed_around_one_request(tmp_path: Path, side: str, number: int):
    await killed(tmp_path, chain([(side, number)], repeat(NEVER)))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("side", ["before-commit", "after-commit"])
@pytest.mark.parametrize("number", range(1, COMMITS))
async def test_it_is_killed_around_one_commit(tmp_path: Path, side: str, number: int):
    await killed(tmp_path, chain([(side, number)], repeat(NEVER)))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(KILLS // KILLS_PER_STORY))
async def test_it_is_killed_at_random(tmp_path: Path, seed: int):
    chosen = random.Random(seed)  # noqa: S311 - no secret

    def deaths() -> Iterator[tuple[str, int]]:
        for _ in range(KILLS_PER_STORY):
            side = chosen.choice(["before", "after", "before-commit", "after-commit"])
            yield side, chosen.randint(1, 30 if "commit" in side else 12)
        yield from repeat(NEVER)

    await killed(tmp_path, deaths())


async def killed(folder: Path, deaths: Iterator[tuple[str, int]]) -> None:
    async with mortal_world(folder) as (on, scythe, child):
        await lives(on, scythe, child, deaths)
        assert await child.stop() == 0
        assert_once(on, batches=BATCHES)
