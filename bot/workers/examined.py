"""How the pool stands, for those who look at all parts."""

from collections.abc import Iterator, Mapping, Sequence

from bot.core.say import findings
from bot.errors import TransientError
from bot.ports.examined import Finding, State
from bot.workers.pool import VERSION, Machine, Pool, takes

PART = "pool"


class PoolExamined:
    """The scheduler and its machines. *commands* are those of the bot, with needs.

    Nothing of it ends the bot's own work: what runs in the pool waits for it.
    """

    def __init__(
        self,
        pool: Pool,
        commands: Mapping[str, Mapping[str, float]],
        *,
        closes: bool = False,
    ) -> None:
        self._pool = pool
        self._commands = commands
        self._closes = closes

    async def examine(self) -> Sequence[Finding]:
        """Return what is to be said now. Never raises."""
        try:
            found = await self._pool.machines()
        except TransientError as error:
            words = findings.pool_is_away(str(error))
            return [Finding(PART, State.NOTE, *words)]
        finally:
            if self._closes:
                await self._pool.close()
        return list(self._of(found))

    def _of(self, found: Sequence[Machine]) -> Iterator[Finding]:
        able = [one for one in found if one.slots]
        others = [one.name for one in found if not one.slots]
        if able:
            slots = sum(one.slots for one in able)
            words = findings.pool_works(len(able), slots)
            yield Finding(PART, State.FINE, *words)
        else:
            yield Finding(PART, State.NOTE, *findings.pool_is_empty())
        if others:
            words = findings.pool_has_others(others, VERSION)
            yield Finding(PART, State.NOTE, *words)
        for command, needs in self._commands.items() if able else ():
            if not any(_has(one, takes(command, needs)) for one in able):
                words = findings.pool_cannot_run(command, needs)
                yield Finding(PART, State.NOTE, *words)


def _has(machine: Machine, wanted: Mapping[str, float]) -> bool:
    return all(machine.resources.get(n, 0) >= many for n, many in wanted.items())
