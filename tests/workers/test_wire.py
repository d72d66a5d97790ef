"""What a machine of the pool answers, and what none answers."""

from dataclasses import replace

import pytest

from bot.core.model import CommandResult
from bot.errors import PermanentError
from bot.ports.host import BUNDLE, Parcel
from bot.workers.wire import Answer, decode, encode

PARCEL = Parcel(CommandResult(0, commit="a" * 40), {BUNDLE: 4, "b" * 64: 2})


@pytest.mark.parametrize(
    "contents", [{}, {BUNDLE: b"\xff\0PA"}, {BUNDLE: b"PACK", "b" * 64: b"\n\n"}]
)
def test_an_answer_arrives_as_it_was_sent(contents: dict[str, bytes]):
    answer = Answer("parcel", PARCEL, contents=contents)
    assert decode(encode(answer)) == answer


@pytest.mark.parametrize("contents", [{BUNDLE: b"PAC"}, {"c" * 64: b""}, {"..": b""}])
def test_contents_that_are_not_as_announced_are_refused(contents: dict[str, bytes]):
    answer = Answer("parcel", PARCEL, contents=contents)
    with pytest.raises(PermanentError, match="not whole"):
        decode(encode(answer))


def test_a_commit_without_its_file_is_refused():
    answer = Answer("parcel", replace(PARCEL, files={}))
    with pytest.raises(PermanentError, match="not in its files"):
        decode(encode(answer))
