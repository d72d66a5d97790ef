"""The world that every story plays in."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.logs import configure_logging
from tests.conftest import contract_problems
from tests.flow.world import World, world
from tests.flow.writes import unlogged_writes

pytest.register_assert_rewrite("tests.flow.killing", "tests.flow.stories")


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[World]:
    """Yield a world; afterwards all that was exchanged is held to GitHub's own
    descriptions, if they are installed, and what was changed to the bot's log.
    """
    async with world(tmp_path) as made:
        yield made
        problems = [p for e in made.hub.log for p in contract_problems(e)]
        unlogged = unlogged_writes(made)
    assert problems == []
    assert unlogged == []


@pytest.fixture
def stream() -> io.StringIO:
    """Return what the bot logs, from the level debug on."""
    made = io.StringIO()
    configure_logging(level="debug", style="json", stream=made)
    return made
