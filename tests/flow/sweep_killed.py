"""The long form of ``test_killed.py``: ``KILLS=1000 pytest tests/flow/sweep_killed.py``.

Stories in which the bot is killed at random, ``KILLS`` times in all (100 unless told
otherwise), also while it recovers from the kill before; and the stories that are in the
suite with more seeds, one for each hundred kills.
"""

import os
import random
from pathlib import Path

import pytest

from tests.flow.killing import live, mortal_world
from tests.flow.mortal import Book, SwiftClock
from tests.flow.stories import STORIES, Story
from tests.flow.test_killed import test_it_dies_at_each_point_and_goes_on as each_point

pytestmark = pytest.mark.timeout(3600)

KILLS = int(os.environ.get("KILLS", "100"))
SIDES = ("before", "after", "before-commit", "after-commit")


@pytest.mark.parametrize("name", STORIES)
async def test_it_is_killed_at_random(tmp_path: Path, name: str):
    chosen = random.Random(name)  # noqa: S311 - no secret
    deaths = 0
    while deaths < KILLS / len(STORIES):
        folder = tmp_path / str(deaths)
        folder.mkdir()
        deaths += await killed_at_random(folder, STORIES[name], chosen)


async def killed_at_random(folder: Path, story: Story, chosen: random.Random) -> int:
    """Play a story; return how often the bot died in it."""
    async with mortal_world(folder, clock=SwiftClock()) as (on, scythe, child):

        def life() -> dict[str, str]:
            side = chosen.choice(SIDES)
            is_commit = "commit" in side
            number = chosen.randint(1, 15 if is_commit else 4)
            scythe.aim(side, number)
            return {"DIE": f"{side}:{number}"} if is_commit else {}

        story.open(on)
        play = story.play(on, chosen.randrange(100), Book(folder / "unused"))
        deaths = await live(on, child, play, life)
        story.check(on)
    return deaths


@pytest.mark.parametrize("seed", range(3, 3 + max(1, KILLS // 100)))
@pytest.mark.parametrize("name", STORIES)
async def test_it_dies_at_each_point(tmp_path: Path, name: str, seed: int):
    await each_point(tmp_path, name, seed, "0/1")
