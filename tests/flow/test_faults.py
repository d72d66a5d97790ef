"""Each class of wrong answer, at every call of a small batch of every kind."""

from pathlib import Path

import pytest

from bot.github.effects import GitHubEffects
from tests.flow.faults import (
    CALLS,
    LASTING,
    PASSING,
    SILENCE,
    all_like,
    every,
    first_like,
    play,
)

STEP = 3
PAIRS = [
    (call, list(LASTING)[(index + turn) % len(LASTING)])
    for turn in (0, 5)
    for index, call in enumerate(CALLS)
]
"""Each kind of call with two classes, and each class with three kinds and more."""


@pytest.mark.parametrize("which", range(STEP))
@pytest.mark.parametrize("what", ["reset before", "reset after", "page with 502"])
async def test_a_third_of_the_calls_goes_wrong(tmp_path: Path, what: str, which: int):
    assert len((await play(tmp_path, every(STEP, which), PASSING[what]())).hits) > 10


@pytest.mark.parametrize("what", PASSING)
async def test_what_passes_is_got_over(tmp_path: Path, what: str):
    is_meant = every(STEP, list(PASSING).index(what) % STEP)
    assert len((await play(tmp_path, is_meant, PASSING[what]())).hits) > 10


@pytest.mark.parametrize(("call", "what"), PAIRS)
async def test_what_lasts_ends_with_a_true_reason(tmp_path: Path, call: str, what: str):
    await play(tmp_path, all_like(call), LASTING[what]())


@pytest.mark.parametrize("which", [2, 8, 14])
async def test_an_answer_that_does_not_come_in_time(tmp_path: Path, which: int):
    assert len((await play(tmp_path, every(17, which), SILENCE)).hits) > 1


async def test_without_the_look_up_the_same_story_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def blind(*_: object, **__: object) -> None:
        return None

    monkeypatch.setattr(GitHubEffects, "find", blind)
    with pytest.raises(AssertionError):
        await play(tmp_path, first_like("comment"), PASSING["reset after"]())
