"""Collects what one person marks within a short time, and has it begun as one batch.

The deliveries of a window stay unsettled until it closes: after a crash they come again
and open it anew. While it is open nothing is written anywhere.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol

import structlog

from bot.core.command.trigger import LabelChanged, Marking
from bot.core.command.windows import Arrival, closes_at, standing
from bot.core.model import Asker, Mark, Repository
from bot.core.plan.gathering import Meaning
from bot.core.run.retry import delay_seconds
from bot.engine.marks import TakenBack
from bot.engine.supervisor import Supervisor
from bot.errors import PermanentError, TransientError
from bot.ports.clock import Clock
from bot.ports.store import Delivery

SETTLES = timedelta(seconds=5)
"""How long a window stays open after each delivery at least: others are on their way,
also those that come again after a restart.
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Collected:
    """What one person has marked: labels, or requests for reviews, the oldest first."""

    repository: Repository
    asker: Asker
    marks: Sequence[Mark]
    is_of_labels: bool
    since: datetime  # when the first of it arrived


class Gatherer(Protocol):
    """Knows what marks mean, and begins what they ask for."""

    async def meaning(self, change: Marking, /) -> Meaning | None:
        """Return what a mark asks for as far as is known; None if it is of no concern."""

    async def begin(self, collected: Collected, /) -> str:
        """Begin a batch; return what became of it, in a few words.

        Raises ``TransientError``: it is to be tried again.
        """


@dataclass(slots=True, eq=False)
class _Window:
    """What was marked, and what was taken back meanwhile."""

    arrived_at: datetime  # the last one, by this process
    arrivals: list[Arrival] = field(default_factory=list)
    taken_back: list[Marking] = field(default_factory=list)

    @property
    def closes_at(self) -> datetime:
        """When it closes, if nothing else comes."""
        return max(closes_at(self.arrivals), self.arrived_at + SETTLES)

    def concerns(self, change: Marking) -> bool:
        """Return whether what *change* takes back is in it."""
        return any(
            one.change.repository.id == change.repository.id
            and one.change.number == change.number
            and isinstance(one.change, type(change))
            and change.name.casefold() in ("", one.change.name.casefold())
            for one in self.arrivals
        )


_Key = tuple[int, str, bool]  # repository, login, whether it is of labels


class Windows:
    """The windows that are open, and those that are being closed."""

    def __init__(
        self,
        *,
        gatherer: Gatherer,
        taken_back: TakenBack,
        clock: Clock,
        supervisor: Supervisor,
        fraction: Callable[[], float],
        seconds: float,
    ) -> None:
        self._gatherer = gatherer
        self._taken_back = taken_back
        self._clock = clock
        self._supervisor = supervisor
        self._fraction = fraction
        self._seconds = seconds
        self._open: dict[_Key, _Window] = {}
        # What becomes of those that are open, or are being closed.
        self._ends: dict[_Window, asyncio.Task[str]] = {}

    async def collect(self, change: Marking, delivery: Delivery) -> str:
        """Return what became of a mark once its window is closed.

        Raises ``TransientError``: it is not known yet what it means.
        """
        meant = await self._gatherer.meaning(change)
        if meant is None:
            return "ignored: it asks for nothing here"
        seconds = (
            self._seconds if meant.window_seconds is None else meant.window_seconds
        )
        arrival = Arrival(
            change,
            delivery.guid,
            delivery.received_at,
            timedelta(seconds=seconds),
        )
        login = change.sender.login.casefold()
        key = (change.repository.id, login, isinstance(change, LabelChanged))
        window = self._open.setdefault(key, _Window(self._clock.now()))
        window.arrivals.append(arrival)
        window.arrived_at = self._clock.now()
        if window not in self._ends:
            name = f"window {change.repository.name} {login}"
            end = self._supervisor.start(name, self._close(key, window))
            self._ends[window] = end
        return await asyncio.shield(self._ends[window])

    async def take_back(self, change: Marking) -> str:
        """Withdraw or cancel what *change* takes back; return what became of that."""
        concerned = [window for window in self._ends if window.concerns(change)]
        for window in concerned:
            window.taken_back.append(change)
        # What is about to begin can be cancelled once it has begun.
        ends = (asyncio.shield(self._ends[window]) for window in concerned)
        await asyncio.gather(*ends, return_exceptions=True)
        return await self._taken_back.cancel(change)

    async def _close(self, key: _Key, window: _Window) -> str:
        """Close a window when it is time; return what became of it."""
        try:
            while (left := window.closes_at - self._clock.now()) > timedelta():
                await self._clock.sleep(left.total_seconds())
            del self._open[key]
            return await self._begun(window)
        except PermanentError as error:
            log.warning("window failed", error=str(error))
            return f"failed: {error}"
        finally:
            del self._ends[window]

    async def _begun(self, window: _Window) -> str:
        """Have what stands begun, as patiently as it takes."""
        for tries in count(1):
            found = standing(window.arrivals, window.taken_back)
            if not found:
                return "withdrawn"
            try:
                return await self._gatherer.begin(_collected(found))
            except TransientError as error:
                log.warning("window waits", error=str(error), tries=tries)
                after = error.retry_after_seconds
                wait = delay_seconds(min(tries, 6), self._fraction(), after)
                await self._clock.sleep(wait)
        raise AssertionError


def _collected(found: Sequence[Arrival]) -> Collected:
    last = found[-1].change  # which knows best what the repository is called
    marks = [
        Mark(one.change.number, one.change.name, one.delivery, one.change.at)
        for one in found
    ]
    return Collected(
        last.repository,
        Asker(last.sender.login, found[0].change.url),
        marks,
        is_of_labels=isinstance(last, LabelChanged),
        since=min(one.received_at for one in found),
    )
