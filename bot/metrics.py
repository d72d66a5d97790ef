"""What a Prometheus server reads: figures of the parts, looked at when it asks.

What is a state is computed then; what only grows was counted by the part that does it,
and is there from the start: in a figure that begins at one a server sees no increase.
Nothing names a repository, a person, a batch or an item: those are in the log.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot.core.actions.table import ACTIONS
from bot.core.events import ItemEnded, ItemEvent, ItemRetrying, News
from bot.core.model import BatchId, BatchKind, BatchState, ItemState, OutcomeKind
from bot.core.run.transitions import after
from bot.core.world.budget import CORE, GRAPHQL, SEARCH
from bot.engine.effects import ENDS, KINDS, Effects
from bot.engine.running import Running
from bot.engine.scheduler import Scheduler
from bot.errors import StoreUnavailable
from bot.github.ledger import Ledger
from bot.github.line import APP
from bot.github.traffic import CLASSES, WAITS
from bot.ports.clock import Clock
from bot.ports.store import Backlog, Batches, Deliveries
from bot.store.store import Probe

_ENDINGS = (
    *(k.value for k in OutcomeKind if k is not OutcomeKind.TRANSIENT),
    "skipped",
    "cancelled",
)

Values = Mapping[Any, float]
"""Figures by the values of their labels, a tuple of strings."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The parts that have figures."""

    scheduler: Scheduler
    running: Running
    effects: Effects
    ledger: Ledger
    deliveries: Deliveries
    batches: Batches
    probe: Callable[[], Awaitable[Probe]]
    is_ready: Callable[[], Awaitable[bool]]
    clock: Clock


@dataclass(frozen=True, slots=True)
class _Read:
    """What takes time to read. None where the store could not say."""

    is_ready: bool
    probe: Probe
    backlog: Backlog | None = None
    unconcluded: int | None = None


class Metrics(Collector):
    """The figures of the whole bot, in *registry*."""

    def __init__(self, sources: Sources, registry: CollectorRegistry) -> None:
        self._sources = sources
        self._read: _Read | None = None
        self._retries = 0
        self._ended: Counter[str] = Counter()
        registry.register(self)
        ProcessCollector(registry=registry)

    def notice(self, _: BatchId, events: Sequence[News]) -> None:
        """Count what has happened to items; a listener of the recorder."""
        for event in events:
            if isinstance(event, ItemRetrying):
                self._retries += 1
            elif isinstance(event, ItemEnded):
                self._ended[event.outcome.kind.value] += 1
            elif isinstance(event, ItemEvent):
                state = after(event)
                if state is not None and state.is_final:
                    self._ended[state.value] += 1

    async def refresh(self) -> None:
        """Read what takes time; to be awaited before the registry is shown."""
        sources = self._sources
        probe, is_ready = await sources.probe(), await sources.is_ready()
        try:
            backlog = await sources.deliveries.backlog()
            unconcluded = len(await sources.batches.unconcluded())
        except StoreUnavailable:
            self._read = _Read(is_ready, probe)
        else:
            self._read = _Read(is_ready, probe, backlog, unconcluded)

    def collect(self) -> Iterator[Metric]:
        """Yield every figure as of now."""
        yield InfoMetricFamily(
            "batch_build", "The bot itself.", {"version": version("batch-bot")}
        )
        yield from self._of_the_store()
        yield from self._of_batches()
        yield from self._of_work()
        yield from self._of_requests()
        yield from self._of_budgets()

    def _of_the_store(self) -> Iterator[Metric]:
        read = self._read
        if read is None:
            return
        yield _gauge("batch_ready", "1 if /readyz says so, else 0.", read.is_ready)
        if read.probe.is_writable:
            size, free = read.probe.size_bytes, read.probe.free_bytes
            yield _gauge("batch_database_size_bytes", "Of the database's files.", size)
            yield _gauge("batch_database_free_bytes", "Free on its disk.", free)
        if read.backlog is not None:
            count, oldest_at = read.backlog.count, read.backlog.oldest_at
            age = (self._sources.clock.now() - oldest_at) if oldest_at else None
            seconds = max(0.0, age.total_seconds()) if age else 0.0
            yield _gauge("batch_inbox_deliveries", "Not dealt with yet.", count)
            yield _gauge("batch_inbox_oldest_seconds", "Age of the oldest.", seconds)
        if read.unconcluded is not None:
            yield _gauge(
                "batch_batches_unconcluded",
                "Ended batches whose report or last edit is still to come.",
                read.unconcluded,
            )

    def _of_batches(self) -> Iterator[Metric]:
        figures = self._sources.scheduler.figures()
        yield _gauges(
            "batch_batches",
            "Live batches.",
            ["state"],
            {(s,): figures.batches.get(s, 0) for s in BatchState if s.is_live},
        )
        yield _gauges(
            "batch_batches_of_kind",
            "Live batches by what they are about.",
            ["kind"],
            {(kind,): figures.kinds.get(kind, 0) for kind in BatchKind},
        )
        yield _gauges(
            "batch_items",
            "Items of live batches.",
            ["state"],
            {(state,): figures.items.get(state, 0) for state in ItemState},
        )
        yield _gauge(
            "batch_items_unblocked",
            "Pending items that wait for no other item: for a slot, requests, a delay.",
            figures.unblocked,
        )
        yield _gauge(
            "batch_batches_waiting_for_budget",
            "Live batches that wait for API requests.",
            figures.waiting_for_budget,
        )
        yield _gauge(
            "batch_scheduler_queue_length",
            "What has happened and the scheduler has not recorded yet.",
            figures.messages,
        )

    def _of_work(self) -> Iterator[Metric]:
        effects = self._sources.effects.ended
        no_effects = dict.fromkeys(product(KINDS.values(), ENDS), 0)
        no_attempts = dict.fromkeys(product(ACTIONS, (*OutcomeKind, "stopped")), 0)
        yield _counters(
            "batch_items_ended",
            "Items that ended.",
            ["outcome"],
            {(ending,): self._ended[ending] for ending in _ENDINGS},
        )
        yield _counter(
            "batch_item_retries",
            "Attempts that ended in a way that another may cure, and were put back.",
            self._retries,
        )
        yield _counters(
            "batch_attempts",
            "Attempts that ended.",
            ["action", "outcome"],
            {**no_attempts, **self._sources.running.ended},
        )
        yield _counters(
            "batch_effects",
            "Changes outside by what came of them.",
            ["kind", "outcome"],
            {**no_effects, **effects},
        )
        yield _counter(
            "batch_tracking_edits",
            "Edits of tracking comments.",
            effects["edit_comment", "done"],
        )

    def _of_requests(self) -> Iterator[Metric]:
        traffic = self._sources.ledger.traffic
        none = {(r, c): 0 for r in (CORE, GRAPHQL, SEARCH) for c in CLASSES}
        yield _counters(
            "batch_github_requests",
            "Requests by resource and class of the answer.",
            ["resource", "answer"],
            {**none, **traffic.answers},
        )
        yield _counters(
            "batch_github_waits",
            "Waits before a request, by what was waited for.",
            ["reason"],
            {(why,): traffic.waits[why] for why in WAITS},
        )
        yield _counters(
            "batch_github_wait_seconds",
            "Time of these waits.",
            ["reason"],
            {(why,): traffic.waited_seconds[why] for why in WAITS},
        )
        yield _counters(
            "batch_github_turned_away",
            "Requests not sent because the wait was longer than a minute.",
            ["reason"],
            {(why,): traffic.turned_away[why] for why in WAITS},
        )

    def _of_budgets(self) -> Iterator[Metric]:
        ledger = self._sources.ledger
        budgets = {
            (_account(key), resource): budget
            for key, by_resource in ledger.budgets().items()
            for resource, budget in by_resource.items()
        }
        labels = ["installation", "resource"]
        yield _gauges(
            "batch_github_budget_remaining_requests",
            "Left of the hourly limit.",
            labels,
            {key: budget.remaining for key, budget in budgets.items()},
        )
        yield _gauges(
            "batch_github_budget_limit_requests",
            "The hourly limit.",
            labels,
            {key: budget.limit for key, budget in budgets.items()},
        )
        yield _gauges(
            "batch_github_budget_reserve_requests",
            "Kept back for other work.",
            labels,
            {key: budget.reserve for key, budget in budgets.items()},
        )
        yield _gauges(
            "batch_github_budget_reset_timestamp_seconds",
            "When the limit is whole again.",
            labels,
            {
                key: budget.reset_at.timestamp()
                for key, budget in budgets.items()
                if budget.reset_at is not None
            },
        )
        yield _gauges(
            "batch_github_held_seconds",
            "For how long GitHub still wants nothing of an installation.",
            ["installation"],
            {
                (_account(key),): seconds
                for key, seconds in ledger.held_seconds().items()
            },
        )


def _account(installation_id: int) -> str:
    return "app" if installation_id == APP else str(installation_id)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(name, text, value=value)


def _gauges(name: str, text: str, labels: Sequence[str], values: Values) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _counters(name: str, text: str, labels: Sequence[str], values: Values) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
