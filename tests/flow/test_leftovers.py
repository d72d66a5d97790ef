"""What an earlier life left on the machine never keeps the bot from living."""

from pathlib import Path

from bot.core.model import ItemState
from tests.flow.test_metrics import readyz
from tests.flow.world import world
from tests.host.test_folders import nest, stubborn

__all__ = ["stubborn"]


async def test_the_bot_starts_whatever_commands_left(tmp_path: Path, stubborn):
    host = tmp_path / "data" / "host"
    nest(host / "attempts" / "a1a1-1-1", 3_000)
    (host / "attempts" / "a1a1-2-1").mkdir()
    (host / "attempts" / "a1a1-2-1" / "stays").write_text("x")
    async with world(tmp_path) as on:
        for number in (12, 13):
            on.issue(number, "write a.txt a")
            async with on.bot() as bot:
                status, said = await readyz(bot)
                await on.finished(on.say(f"/batch implement {number}"))
            assert (status, said["reasons"]) == (200, [])
            (note,) = said["notes"]
            assert note.startswith("cannot be deleted, and was moved aside: a1a1-2-1-")
        assert list((host / "attempts").iterdir()) == []
        assert len(on.pull_requests()) == 2
        stubborn.undo()
        async with on.bot() as bot:
            assert (await readyz(bot))[1]["notes"] == []


async def test_the_bot_starts_when_cleaning_fails(tmp_path: Path, caplog):
    """Here a lock that git left is a folder, which no bot expects."""
    lock = tmp_path / "data" / "host" / "mirrors" / "7.git" / "HEAD.lock"
    (lock / "x").mkdir(parents=True)
    async with world(tmp_path) as on:
        on.issue(12)
        async with on.bot():
            await on.finished(on.say("/batch label +bug 12"))
        states = on.rows("select state from items")
    assert states == [(ItemState.COMPLETED,)]
