"""All parts of the bot examined: what the start logs, ``/readyz`` answers, people read."""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from bot.core.say import findings
from bot.ports.examined import Examined, Finding, State

SECONDS = 5.0
"""How long a part may take to say how it stands."""

log = structlog.get_logger()


class Examination:
    """Examines every part at once; none can hold the others up, or take them along."""

    def __init__(
        self, parts: Mapping[str, Examined], *, seconds: float | None = None
    ) -> None:
        self._parts = parts
        self._seconds = seconds

    async def findings(self) -> Sequence[Finding]:
        """Return what is to be said of each part, in the order of the parts."""
        found = await asyncio.gather(
            *(self._of(name, part) for name, part in self._parts.items())
        )
        # Two parts may say the same of a third.
        return list({one.words: one for part in found for one in part}.values())

    async def _of(self, name: str, part: Examined) -> Sequence[Finding]:
        seconds = self._seconds or SECONDS
        try:
            async with asyncio.timeout(seconds):
                return await part.examine()
        except TimeoutError:
            return [Finding(name, State.BROKEN, *findings.silent(name, seconds))]
        except Exception:  # a part that is broken is what is looked for
            log.exception("a part could not be examined", part=name)
            return [Finding(name, State.BROKEN, *findings.broken(name))]


def tell(found: Sequence[Finding]) -> None:
    """Log what was found, what is not fine as a warning."""
    for one in found:
        write = log.info if one.state is State.FINE else log.warning
        write("examined", part=one.part, state=str(one.state), found=str(one))
