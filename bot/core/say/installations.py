"""How installations stand, for the operator: budgets, slots, and what waits for what."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.durations import clock
from bot.core.model import InstallationId
from bot.core.run.capacity import Outage
from bot.core.run.progress import Progress
from bot.core.say.rows import reason_title
from bot.core.say.situation import BudgetView, Situation
from bot.core.say.view import BatchRow, Prose, batch_row
from bot.core.world.markdown import plural


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many items wait for the same."""

    words: str
    items: int


@dataclass(frozen=True, slots=True)
class InstallationRow:
    """An installation: its budget, its slots, and what waits in it."""

    id: InstallationId
    accounts: tuple[str, ...]
    words: tuple[Prose, ...]
    remaining: int | None  # of the hourly requests; None while GitHub has not told
    limit: int | None
    reserve: int
    reset_at: datetime | None
    held_until: datetime | None
    outage_since: datetime | None
    slots_busy: int
    slots_total: int
    waits: tuple[Waiting, ...]
    batches: tuple[BatchRow, ...]  # with work left


@dataclass(frozen=True, slots=True)
class Weather:
    """What is known of an installation's requests."""

    budget: BudgetView | None
    held_until: datetime | None
    outage: Outage | None


def installation_row(
    installation: InstallationId,
    weather: Weather,
    live: Sequence[tuple[Progress, Situation]],
    *,
    accounts: tuple[str, ...],
    slots: tuple[int, int],
    now: datetime,
) -> InstallationRow:
    """Return how an installation stands; *slots* are those at work, and all."""
    waits: Counter[str] = Counter()
    for _, situation in live:
        waits.update(map(reason_title, situation.reasons.values()))
    budget = weather.budget
    return InstallationRow(
        id=installation,
        accounts=accounts,
        words=tuple(_of_weather(weather, slots, now)),
        remaining=budget.remaining if budget else None,
        limit=budget.limit if budget else None,
        reserve=budget.reserve if budget else 0,
        reset_at=budget.reset_at if budget else None,
        held_until=weather.held_until,
        outage_since=weather.outage.since if weather.outage else None,
        slots_busy=slots[0],
        slots_total=slots[1],
        waits=tuple(Waiting(words, count) for words, count in waits.most_common()),
        batches=tuple(batch_row(*one) for one in live),
    )


def _of_weather(
    weather: Weather, slots: tuple[int, int], now: datetime
) -> Iterator[str]:
    budget = weather.budget
    if budget is None:
        yield "GitHub has not told yet what is left of its API requests."
    else:
        reset = f", resets {clock(budget.reset_at, now)}" if budget.reset_at else ""
        yield (
            f"**{budget.remaining:,}** of {budget.limit:,} API requests left{reset};"
            f" {budget.reserve:,} are kept back for other work."
        )
    if weather.held_until is not None:
        until = clock(weather.held_until, now)
        yield f"GitHub wants nothing before {until}: all requests wait."
    if weather.outage is not None:
        ails = "refuses the app (401)" if weather.outage.is_refusal else "is away"
        yield f"GitHub {ails} since {clock(weather.outage.since, now)}."
    if slots[1]:
        yield f"{slots[0]} of {plural(slots[1], 'slot')} busy."
