"""The adapter in front of a scripted GitHub."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.github.server import Bench, bench


@pytest.fixture
async def desk(aiohttp_server: Any) -> AsyncIterator[Bench]:
    async with bench(aiohttp_server) as opened:
        yield opened
