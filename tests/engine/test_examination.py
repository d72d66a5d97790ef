"""No part can hold the examination up, or end it."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.engine import examination
from bot.engine.examination import Examination
from bot.ports.examined import Examined, Finding, State

FINE = Finding("one", State.FINE, "all is well")


class Says:
    def __init__(self, *found: Finding) -> None:
        self.found = found

    async def examine(self) -> Sequence[Finding]:
        return self.found


class Raises:
    async def examine(self) -> Sequence[Finding]:
        message = "a fault of our own"
        raise RuntimeError(message)


class Hangs:
    async def examine(self) -> Sequence[Finding]:
        await asyncio.Event().wait()
        raise AssertionError


async def found(**parts: Examined) -> list[Finding]:
    return list(await Examination(parts).findings())


async def test_what_two_parts_say_of_a_third_is_said_once():
    note = Finding("two", State.NOTE, "the disk is nearly full", "make room")
    assert await found(a=Says(FINE, note), b=Says(note)) == [FINE, note]
    assert str(note) == "the disk is nearly full: make room"


async def test_a_part_that_breaks_is_what_was_found():
    fine, broken = await found(a=Says(FINE), b=Raises())
    assert fine == FINE
    assert broken.state is State.BROKEN
    assert str(broken) == "b could not be examined: the log says why"


async def test_a_part_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(examination, "SECONDS", 0.01)
    silent, fine = await found(a=Hangs(), b=Says(FINE))
    assert (silent.part, silent.state) == ("a", State.BROKEN)
    assert fine == FINE
