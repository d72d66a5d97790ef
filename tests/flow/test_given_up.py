"""A command that cannot be dealt with is given up, and whoever gave it hears of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.engine.reading import Reader
from bot.localhub.faults import Fault
from tests.flow.world import REPOSITORY, World, world

SORRY = (
    "😕 GitHub did not answer me for an hour, so nothing was started."
    " Give the command again."
)


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[World]:
    """Yield a world with an issue and a label."""
    async with world(tmp_path) as made:
        made.issue(12)
        made.hub.add_label(REPOSITORY, "ready")
        yield made


async def test_an_hour_without_an_answer_is_said_as_soon_as_it_can_be(on: World):
    async with on.bot():
        on.hub.faults.add(Fault(status=502, path="/graphql$", times=None))
        command = on.say("/batch label +ready 12")
        await on.until(lambda: on.comments("late"))
        await on.dealt_with()
        assert on.answer_to(command) == SORRY
        assert on.reactions(command) == {"eyes", "confused"}
        on.assert_nothing_started()
        on.hub.faults.clear()
        await on.finished(on.say("/batch label +ready 12"))
    assert on.thread(12).labels
    assert len(on.comments("late")) == 1


async def test_what_was_given_up_stays_so_over_a_restart(on: World):
    async with on.bot():
        on.hub.faults.add(Fault(status=502, times=None))
        command = on.say("/batch label +ready 12")
        begun = "SELECT key FROM effects WHERE key GLOB 'reply/late/*'"
        await on.until(lambda: on.rows(begun))
    assert on.replies() == []
    on.hub.faults.clear()
    async with on.bot():
        await on.until(lambda: on.comments("late"))
        await on.dealt_with()
        assert on.answer_to(command) == SORRY
        assert "confused" in on.reactions(command)
    assert len(on.comments("late")) == 1
    on.assert_nothing_started()


async def test_an_outage_that_ends_in_time_is_got_over_without_a_word(on: World):
    async with on.bot():
        on.hub.faults.add(Fault(status=502, times=None, seconds=1200.0))
        command = on.say("/batch label +ready 12")
        await on.finished(command)
    assert on.comments("late") == []
    assert on.thread(12).labels


async def test_a_bug_is_said_too(on: World, monkeypatch: pytest.MonkeyPatch):
    async def broken(*_: object) -> None:
        raise KeyError("no-such-thing")

    monkeypatch.setattr(Reader, "read", broken)
    async with on.bot():
        command = on.say("/batch 12")
        await on.dealt_with()
        assert on.answer_to(command) == (
            "😕 A bug in me stopped that (KeyError; my log has the details), so"
            " nothing was started. Give the command again."
        )
        assert on.reactions(command) == {"eyes", "confused"}
