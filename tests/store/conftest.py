from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.store import Store, open_store
from tests.fakes import FakeClock


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "batch.db", clock=FakeClock()) as opened:
        yield opened
