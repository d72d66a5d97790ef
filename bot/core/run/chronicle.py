"""Events folded into what happened when: attempts, requests over time, the events."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.core import events as e
from bot.core.model import ItemId, Outcome


class AttemptEnd(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    RETRYING = "retrying"  # it failed, and another one follows
    CANCELLED = "cancelled"
    RESTARTED = "restarted"  # with the bot; it was no fault of the attempt


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of an item; ``end`` is None while it runs."""

    item: ItemId
    number: int
    started_at: datetime
    ended_at: datetime | None = None
    end: AttemptEnd | None = None
    outcome: Outcome | None = None
    requests: int = 0
    waits_for: str = ""  # while it is parked, in the words of others


@dataclass(frozen=True, slots=True)
class Spent:
    """How many API requests the ended attempts of a batch had taken at an instant."""

    at: datetime
    requests: int


@dataclass(slots=True)
class Chronicle:
    """A batch's history, moved by events only. Attempts stand in the order they began."""

    attempts: dict[tuple[ItemId, int], Attempt] = field(default_factory=dict)
    spent: list[Spent] = field(default_factory=list)
    events: list[e.Event] = field(default_factory=list)
    _running: dict[ItemId, int] = field(default_factory=dict)

    def of_item(self, item: ItemId) -> list[Attempt]:
        """Return the attempts of an item, the first one first."""
        return [one for (name, _), one in self.attempts.items() if name == item]

    def advance(self, news: e.News) -> None:
        """Move by one event; what attempts say of themselves is no history."""
        if isinstance(news, e.ItemProgressed):
            return
        self.events.append(news)
        match news:
            case e.ItemStarted(at=at, item=item, attempt=number):
                self.attempts[item, number] = Attempt(item, number, at)
                self._running[item] = number
            case e.ItemParked(item=item, says=says):
                self._change(item, waits_for=says)
            case e.ItemUnparked(item=item):
                self._change(item, waits_for="")
            case e.ItemRetrying():
                self._end(news, AttemptEnd.RETRYING, news.outcome, news.requests)
            case e.ItemEnded(outcome=outcome):
                end = AttemptEnd.COMPLETED if outcome.is_success else AttemptEnd.FAILED
                self._end(news, end, outcome, news.requests)
            case e.ItemCancelled():
                self._end(news, AttemptEnd.CANCELLED, None, news.requests)
            case e.ItemReset():
                self._end(news, AttemptEnd.RESTARTED, None, 0)
            case _:
                pass  # it changes no attempt

    def _change(self, item: ItemId, *, waits_for: str) -> None:
        if item in self._running:
            key = item, self._running[item]
            self.attempts[key] = replace(self.attempts[key], waits_for=waits_for)

    def _end(
        self,
        event: e.ItemRetrying | e.ItemEnded | e.ItemCancelled | e.ItemReset,
        end: AttemptEnd,
        outcome: Outcome | None,
        requests: int,
    ) -> None:
        if requests:
            before = self.spent[-1].requests if self.spent else 0
            self.spent.append(Spent(event.at, before + requests))
        number = self._running.pop(event.item, None)
        if number is None:
            return  # it was cancelled, or put back, while nothing of it ran
        key = event.item, number
        self.attempts[key] = replace(
            self.attempts[key],
            ended_at=event.at,
            end=end,
            outcome=outcome,
            requests=requests,
            waits_for="",
        )


def chronicle(events: Iterable[e.News]) -> Chronicle:
    """Return the history that *events*, oldest first, add up to."""
    found = Chronicle()
    for event in events:
        found.advance(event)
    return found
