"""The long form of ``test_faults.py``: ``pytest tests/flow/sweep_faults.py``.

Each class of wrong answer at each single call of the story, one call per story, and for
ever at each kind of call: about 1,400 stories, some twenty minutes on one core.
"""

from pathlib import Path

import pytest

from tests.flow.faults import CALLS, LASTING, PASSING, all_like, only, play

NUMBERS = range(1, 53)
"""The calls of an undisturbed story; without the first, which asks who the app is."""


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("what", PASSING | LASTING)
async def test_one_call_goes_wrong(tmp_path: Path, what: str, number: int):
    fault = (PASSING | LASTING)[what]()
    await play(tmp_path, only(number), fault)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("what", LASTING)
async def test_a_kind_of_call_goes_wrong_for_ever(tmp_path: Path, what: str, call: str):
    await play(tmp_path, all_like(call), LASTING[what]())
