"""The long form of ``test_disk.py``: ``pytest tests/flow/sweep_disk.py``.

Each statement of a batch fails with each kind of failure.
"""

from itertools import count

import pytest

from tests.flow.test_disk import CODES, Statements, each_statement_fails, statements
from tests.flow.world import World

__all__ = ["statements"]  # a fixture


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", CODES)
async def test_each_statement_of_a_batch_fails_once(
    on: World,
    statements: Statements,
    kind: str,
):
    await each_statement_fails(on, statements, kind, count(1))
