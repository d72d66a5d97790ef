"""How installations stand: budgets, slots, and what waits for what; one by one for the
operator, and in a few figures above a list of batches.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.core.durations import clock, spell, spell_about
from bot.core.model import BatchId, InstallationId, ItemState
from bot.core.run.capacity import InstallationCapacity, Outage
from bot.core.run.progress import Progress
from bot.core.say.headings import is_kept_waiting
from bot.core.say.rows import reason_title
from bot.core.say.situation import BudgetView, Situation
from bot.core.say.view import BatchRow, Prose


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many items wait for the same."""

    words: str
    items: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What a batch with work left takes of its installation, and what it waits for."""

    batch: BatchId
    repository: int
    installation: InstallationId
    waits: Mapping[str, int]  # items by what they wait for
    waiting_since: datetime | None  # the item of it that has waited for longest
    needed_requests: float
    is_kept_waiting: bool  # nothing of it happens until something outside does


def standing(progress: Progress, situation: Situation) -> Standing:
    """Return how a batch with work left stands."""
    home = progress.batch.repository
    begun = progress.started_at or progress.batch.created_at
    pending = [v for v in progress.items.values() if v.state is ItemState.PENDING]
    return Standing(
        progress.batch.id,
        home.id,
        home.installation_id,
        Counter(map(reason_title, situation.reasons.values())),
        min((view.ended_at or begun for view in pending), default=None),
        situation.needed_requests,
        is_kept_waiting(progress, situation),
    )


@dataclass(frozen=True, slots=True)
class Weather:
    """What is known of an installation's requests."""

    budget: BudgetView | None
    held_until: datetime | None
    outage: Outage | None


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """What is left of the hourly requests of an installation."""

    id: InstallationId
    accounts: tuple[str, ...]
    words: tuple[Prose, ...]
    remaining: int | None  # None while GitHub has not told
    limit: int | None
    reserve: int
    promised: int  # what the batches with work left still need, as far as is known
    reset_at: datetime | None
    held_until: datetime | None
    outage_since: datetime | None


@dataclass(frozen=True, slots=True)
class WorkRow:
    """Slots, and the items that wait."""

    slots_busy: int
    slots_total: int
    slots_words: str
    waiting: int  # items
    waiting_since: datetime | None  # the one that has waited for longest
    waiting_words: str
    waits: tuple[Waiting, ...]  # the most of them first


@dataclass(frozen=True, slots=True)
class DeliveriesRow:
    """What comes from GitHub."""

    last_at: datetime | None  # None before the first
    failed: int  # of one day
    age: str  # "4s"
    words: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures above a list of batches, of the installations that it is about."""

    budgets: tuple[BudgetRow, ...]  # where the least is left first
    work: WorkRow
    deliveries: DeliveriesRow | None  # for operators
    now: datetime


@dataclass(frozen=True, slots=True)
class InstallationRow:
    """An installation: its budget, its slots, and what waits in it."""

    budget: BudgetRow
    work: WorkRow
    batches: tuple[BatchRow, ...]  # with work left


def budget_row(
    installation: InstallationId,
    weather: Weather,
    live: Iterable[Standing],
    *,
    accounts: tuple[str, ...],
    now: datetime,
) -> BudgetRow:
    """Return what is left of an installation's requests."""
    own = (one for one in live if one.installation == installation)
    promised = round(sum(one.needed_requests for one in own))
    budget = weather.budget
    return BudgetRow(
        id=installation,
        accounts=accounts,
        words=tuple(_of_weather(weather, promised, now)),
        remaining=budget.remaining if budget else None,
        limit=budget.limit if budget else None,
        reserve=budget.reserve if budget else 0,
        promised=promised,
        reset_at=budget.reset_at if budget else None,
        held_until=weather.held_until,
        outage_since=weather.outage.since if weather.outage else None,
    )


def work_row(
    slots: Iterable[InstallationCapacity], live: Iterable[Standing], now: datetime
) -> WorkRow:
    """Return what works and what waits."""
    free, standings = list(slots), list(live)
    total = sum(one.slots_total for one in free)
    busy = total - sum(one.slots_free for one in free)
    waits: Counter[str] = Counter()
    for one in standings:
        waits.update(one.waits)
    waiting = sum(waits.values())
    starts = [one.waiting_since for one in standings if one.waiting_since]
    since = min(starts, default=None) if waiting else None
    return WorkRow(
        slots_busy=busy,
        slots_total=total,
        slots_words=f"of {total} busy",
        waiting=waiting,
        waiting_since=since,
        waiting_words=f"oldest {spell_about(now - since)}" if since else "",
        waits=tuple(Waiting(words, count) for words, count in waits.most_common()),
    )


def deliveries_row(
    last_at: datetime | None, failed: int, now: datetime
) -> DeliveriesRow:
    """Return what comes from GitHub."""
    age = spell(now - last_at) if last_at else "none"
    since = "since the last" if last_at else "yet"
    return DeliveriesRow(last_at, failed, age, f"{since} · {failed} failed in 24h")


def least_first(rows: Iterable[BudgetRow]) -> Sequence[BudgetRow]:
    """Return budgets in the order in which somebody wants to know of them."""

    def left(row: BudgetRow) -> float:
        if row.remaining is None or not row.limit:
            return 1.0
        return row.remaining / row.limit

    return sorted(rows, key=left)


def _of_weather(weather: Weather, promised: int, now: datetime) -> Iterator[str]:
    budget = weather.budget
    if budget is None:
        yield "GitHub has not told yet what is left of its API requests."
    else:
        reset = f", resets {clock(budget.reset_at, now)}" if budget.reset_at else ""
        yield (
            f"**{budget.remaining:,}** of {budget.limit:,} API requests left{reset} ·"
            f" {promised:,} promised to live batches · {budget.reserve:,} kept back"
        )
    if weather.held_until is not None:
        until = clock(weather.held_until, now)
        yield f"GitHub wants nothing before {until}: all requests wait."
    if weather.outage is not None:
        ails = "refuses the app (401)" if weather.outage.is_refusal else "is away"
        yield f"GitHub {ails} since {clock(weather.outage.since, now)}."
