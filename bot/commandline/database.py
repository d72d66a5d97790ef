"""The database's file: copied, looked through, and rid of what is old."""

from datetime import timedelta
from pathlib import Path

from bot.core.say import starts
from bot.errors import BotError
from bot.host.clock import SystemClock
from bot.store.store import check_version, open_store, read_store


async def back_up(database: Path, target: Path) -> None:
    """Copy the database to *target*, whether the bot runs or not.

    Raises ``SettingsError`` if there is no sound one, ``StoreUnavailable``, and
    ``BotError`` if both are the same file.
    """
    async with read_store(database, clock=SystemClock()) as store:
        if _are_one_file(database, target):
            raise BotError(starts.backup_onto_itself(str(target)))
        await store.backup(target)


async def prune(database: Path, *, days: int) -> int:
    """Forget what was dealt with more than *days* ago; return how many deliveries.

    Raises ``SettingsError`` if there is no database, or a bot has it.
    """
    from bot.engine.sweep import GITHUB_KEEPS  # noqa: PLC0415

    clock = SystemClock()
    check_version(database)
    async with open_store(database, clock=clock) as store:
        now = clock.now()
        before = now - max(timedelta(days=days), GITHUB_KEEPS)
        return await store.deliveries.prune(
            before=before, bodies_before=now - GITHUB_KEEPS
        )


def _are_one_file(one: Path, other: Path) -> bool:
    return other.exists() and other.samefile(one)
