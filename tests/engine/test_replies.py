"""Each answer once; a role that is missing is explained once a day to each person."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.command.faults import NotPermitted
from bot.core.effects import Reaction
from bot.core.model import Role
from tests.engine.house import House, asks, house_at
from tests.plans import WIDGETS

DENIED = NotPermitted(Role.WRITE, Role.READ, "start a batch", "/batch 12")
UNSURE = replace(DENIED, could_not_ask=True)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_at(tmp_path / "batch.db") as made:
        yield made


async def test_who_may_not_is_told_why_once_a_day(house: House):
    for source, explained in ((1, 1), (2, 1)):
        await house.replies.deny(asks(source, by="rita"), DENIED)
        assert len(house.hub.said("error")) == explained
    assert house.hub.reactions == [Reaction.REFUSED] * 2
    await house.replies.deny(asks(3, by="sam"), DENIED)
    assert len(house.hub.said("error")) == 2
    elsewhere = replace(WIDGETS, id=2, name="acme/gadgets")
    await house.replies.deny(asks(4, by="rita", repository=elsewhere), DENIED)
    assert len(house.hub.said("error")) == 3
    await house.clock.advance(25 * 3600)
    await house.replies.deny(asks(5, by="rita"), DENIED)
    assert len(house.hub.said("error")) == 4


async def test_who_could_not_be_asked_about_is_told_so_each_time(house: House):
    for source in (1, 2, 3):
        await house.replies.deny(asks(source, by="rita"), UNSURE)
        assert len(house.hub.said("error")) == source


async def test_an_answer_is_given_once_however_often_it_is_asked_for(house: House):
    for _ in range(2):
        await house.replies.decline(asks(1), "There is no batch `x`.")
    assert len(house.hub.said("error")) == 1
    assert house.hub.reactions == [Reaction.REFUSED]


async def test_a_box_is_answered_and_has_nothing_to_react_to(house: House):
    await house.replies.decline(asks(1, in_box=True), "Nothing is left to pause.")
    assert len(house.hub.said("error")) == 1
    assert house.hub.reactions == []


async def test_a_command_that_was_given_up_stays_so(house: House):
    assert not await house.replies.has_given_up(asks(1))
    await house.replies.give_up(asks(1), "GitHub gave no answer", is_begun=False)
    assert await house.replies.has_given_up(asks(1))
    assert not await house.replies.has_given_up(asks(2))
    assert house.hub.reactions == [Reaction.REFUSED]
