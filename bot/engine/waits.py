"""What parked attempts wait for: looked at together, and at once when GitHub tells.

A delivery about an awaited commit or run is the reason to look; a slow look is the net
for those that do not come. All questions about a repository go into one query, but for
dear ones, each asked in its own time, and slow ones, which nothing else waits for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import structlog

from bot.core.run.retry import delay_seconds
from bot.core.say.problems.github import AwaitedGone
from bot.core.world.questions import Question
from bot.engine.supervisor import Supervisor
from bot.errors import BotError, NotFound, TransientError
from bot.ports.clock import Clock

A = TypeVar("A")

FIRST_LOOK_SECONDS = 120.0
SLOWEST_LOOK_SECONDS = 900.0
"""The slow look backs off from the one to the other, doubling."""

BRIEF_SECONDS = 2.0
"""The first look at what GitHub itself ends in seconds."""

SETTLE_SECONDS = 1.0
"""How long a delivery is taken to be one of several: a push ends many checks at once."""

AT_A_TIME = 50
"""Questions of one query."""

AskAll = Callable[[Sequence[Question[Any]]], Awaitable[Mapping[Question[Any], Any]]]
"""Answers questions about one repository; what cannot be answered is left out."""

Metered = Callable[..., AbstractContextManager[None]]

log = structlog.get_logger()


@dataclass(eq=False, slots=True)
class _Waiter:
    question: Question[Any]
    meters: tuple[str, ...]
    due: float  # monotonic
    answer: "asyncio.Future[tuple[Question[Any], Any]]"
    glimpse: Question[Any] | None = None
    is_told: bool = False  # a delivery is about the question

    @property
    def asked(self) -> Question[Any]:
        """What is looked at: less than the question while nobody tells of that."""
        return self.question if self.glimpse is None or self.is_told else self.glimpse


@dataclass(eq=False, slots=True)
class _Place:
    """The waiters of one repository, slow or not, and what looks for them."""

    waiters: list[_Waiter] = field(default_factory=list)
    sooner: asyncio.Event = field(default_factory=asyncio.Event)


class Waits:
    """Asks GitHub for attempts, many at a time."""

    def __init__(
        self,
        *,
        ask: AskAll,
        metered: Metered,
        clock: Clock,
        supervisor: Supervisor,
        fraction: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._metered = metered
        self._clock = clock
        self._supervisor = supervisor
        self._fraction = fraction
        self._places: dict[tuple[int, bool], _Place] = {}

    async def look(
        self, question: Question[A], *, meters: Sequence[str], seconds: float = 0.0
    ) -> A:
        """Return the answer of the next look: after *seconds*, or when GitHub tells.

        The requests are charged to *meters*. Waits as long as GitHub takes to answer.
        Raises ``PermanentError``.
        """
        _, answer = await self.glimpse(question, None, meters=meters, seconds=seconds)
        return cast("A", answer)

    async def glimpse(
        self,
        question: Question[Any],
        glimpse: Question[Any] | None,
        *,
        meters: Sequence[str],
        seconds: float,
    ) -> tuple[Question[Any], Any]:
        """Return the answer of the next look, and to which question.

        After *seconds* it is to *glimpse*, where there is one; to *question* when GitHub
        tells of that. Raises as ``look``.
        """
        key = (question.repository.id, question.is_slow)
        place = self._places.get(key)
        if place is None:
            place = self._places[key] = _Place()
            work = self._work(key, place)
            name = f"waits {question.repository.name}"
            self._supervisor.start(name, work)
        answer: asyncio.Future[tuple[Question[Any], Any]] = (
            asyncio.get_running_loop().create_future()
        )
        due = self._clock.monotonic() + seconds
        waiter = _Waiter(question, tuple(meters), due, answer, glimpse)
        place.waiters.append(waiter)
        place.sooner.set()
        try:
            return await answer
        finally:
            if waiter in place.waiters:
                place.waiters.remove(waiter)
                place.sooner.set()

    def wake(self, about: Collection[str]) -> None:
        """Look soon at what is awaited of these."""
        for place in self._places.values():
            told = [w for w in place.waiters if not w.question.wakes.isdisjoint(about)]
            for waiter in told:
                waiter.is_told = True
            hinted = [w for w in place.waiters if not w.asked.wakes.isdisjoint(about)]
            self._hurry(place, dict.fromkeys([*told, *hinted]))

    def wake_all(self, repository_id: int) -> None:
        """Look soon at all that is awaited in a repository."""
        if place := self._places.get((repository_id, False)):
            self._hurry(place, place.waiters)

    def _hurry(self, place: _Place, waiters: Collection[_Waiter]) -> None:
        soon = self._clock.monotonic() + SETTLE_SECONDS
        for waiter in waiters:
            waiter.due = min(waiter.due, soon)
            place.sooner.set()

    async def _work(self, key: tuple[int, bool], place: _Place) -> None:
        """Look for a repository's waiters until there are none."""
        failures = 0
        try:
            while place.waiters:
                place.sooner.clear()
                place.waiters.sort(key=lambda waiter: waiter.due)
                due = place.waiters[0].due
                left = due - self._clock.monotonic()
                if left > 0:
                    await self._sleep(left, place)
                    continue
                await asyncio.sleep(0)  # noqa: TID251 - who asks in the same turn
                if not (asking := self._asking(place)):
                    continue  # who was due has gone
                pause = await self._look_for(asking, failures + 1)
                place.waiters = [w for w in place.waiters if not w.answer.done()]
                failures = failures + 1 if pause else 0
                if pause:
                    await self._clock.sleep(pause)
        finally:
            if self._places.get(key) is place:
                del self._places[key]
            for waiter in place.waiters:
                waiter.answer.cancel()

    def _asking(self, place: _Place) -> Sequence[_Waiter]:
        """Return whose turn it is, and who is answered at no cost by the same query."""
        now = self._clock.monotonic()
        due = [w for w in place.waiters if w.due <= now]
        if not all(w.asked.is_dear for w in due):
            due += [w for w in place.waiters if w.due > now and not w.asked.is_dear]
        return due[:AT_A_TIME]

    async def _look_for(self, waiters: Sequence[_Waiter], tries: int) -> float:
        """Answer the waiters; return for how long to leave GitHub alone if it failed."""
        questions = list(dict.fromkeys(waiter.asked for waiter in waiters))
        try:
            # One request is one request: whoever was the first to ask has caused it.
            with self._metered(*waiters[0].meters):
                answers = await self._ask(questions)
        except TransientError as error:
            log.warning("look failed", error=str(error), tries=tries)
            after = error.retry_after_seconds
            return delay_seconds(min(tries, 6), self._fraction(), after)
        except BotError as error:
            for waiter in waiters:
                if not waiter.answer.done():
                    waiter.answer.set_exception(error)
            return 0.0
        for waiter in waiters:
            if waiter.answer.done():
                continue
            if waiter.asked in answers:
                waiter.answer.set_result((waiter.asked, answers[waiter.asked]))
            elif waiter.asked not in questions:
                continue  # it was told meanwhile of what it waits for
            else:
                waiter.answer.set_exception(NotFound(AwaitedGone(), status=404))
        return 0.0

    async def _sleep(self, seconds: float, place: _Place) -> None:
        """Return after *seconds*, or when somebody has to be looked for sooner."""
        tasks = {
            asyncio.ensure_future(self._clock.sleep(seconds)),
            asyncio.ensure_future(place.sooner.wait()),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()


def seconds_to_look(looks: int, *, is_brief: bool = False) -> float:
    """Return how long to wait for the next slow look after *looks* in vain."""
    first = BRIEF_SECONDS if is_brief else FIRST_LOOK_SECONDS
    return min(first * 2.0 ** min(looks, 10), SLOWEST_LOOK_SECONDS)
