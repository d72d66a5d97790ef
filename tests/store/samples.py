"""Values to store, and strategies that draw any value of a type of the core."""

import resource
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bot.core import events as e
from bot.core.command.trigger import Sender
from bot.core.effects import CreateComment, Receipt
from bot.core.model import (
    Action,
    Asker,
    Batch,
    BatchId,
    CommandResult,
    Comment,
    CommentKind,
    InstallationId,
    ItemFacts,
    ItemId,
    ItemKind,
    ItemNumber,
    Link,
    OpenedPull,
    Outcome,
    OutcomeKind,
    Plan,
    PlanChange,
    PlanItem,
    Reference,
    Repository,
    Request,
)
from bot.core.plan.schedules import Kept, RecurringCommand, Timetable
from bot.core.world.freezes import Freeze
from bot.ports.store import Delivery, Held
from bot.store.store import Store

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
REPOSITORY = Repository(5, "acme/widgets", InstallationId(7))
TIMETABLE = Timetable(
    REPOSITORY,
    "f" * 64,
    "https://x.test/acme/widgets/blob/main/.github/batch.yml",
    Sender("ada", is_bot=False),
    (
        Kept(
            RecurringCommand("Mon 06:00", "close 12", "Europe/Zurich"),
            NOW,
            "batch b7k2",
            NOW,
        ),
    ),
)
DONE = Outcome(OutcomeKind.COMPLETED, "rebased", Link("PR 71", "https://x.test/71"))
BROKEN = Outcome(OutcomeKind.FAILED, reason="timed out after 30m")
HICCUP = Outcome(OutcomeKind.TRANSIENT, reason="502", retry_after_seconds=1.5)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def n(number: int) -> ItemNumber:
    return ItemNumber(number)


def i(number: int) -> ItemId:
    return ItemId(str(number))


def make_batch(
    id_: str = "b7k2",
    numbers: tuple[int, ...] = (12, 15),
    *,
    thread: int = 3,
    repository: Repository = REPOSITORY,
    action: str = "implement",
) -> Batch:
    items = tuple(
        PlanItem(
            i(number),
            repository,
            n(number),
            ItemKind.ISSUE,
            Action(action),
            "local",
            f"Item {number}",
        )
        for number in numbers
    )
    return Batch(
        id=BatchId(id_),
        request=Request(
            repository=repository,
            thread=n(thread),
            thread_is_pull_request=False,
            asker=Asker("ada", "https://x.test/c"),
            origin=Comment(int.from_bytes(id_.encode()), CommentKind.ISSUE),
        ),
        default_branch="main",
        command="/batch 12 15",
        created_at=NOW,
        plan=Plan(items),
    )


def make_facts(batch: Batch) -> dict[ItemId, ItemFacts]:
    return {
        item.id: ItemFacts(
            item.number, item.kind, item.title, "Text.", "https://x.test", True, NOW
        )
        for item in batch.plan.items
    }


def make_delivery(guid: str = "g1", body: bytes = b'{"a": 1}') -> Delivery:
    return Delivery(guid, "issue_comment", NOW, body)


async def start(store: Store, batch: Batch) -> None:
    """Store a running batch."""
    assert await store.batches.create(
        batch, make_facts(batch), [e.BatchStarted(NOW, "ada")]
    )


async def fill(store: Store) -> None:
    """Store one of everything, for the data file of a migration."""
    await store.deliveries.add(make_delivery("g1"))
    await store.deliveries.add(make_delivery("g2"))
    await store.deliveries.settle(1, outcome="batch b7k2")
    batch = make_batch(numbers=tuple(range(1, 8)))
    await start(store, batch)
    await store.batches.append({batch.id: EVERY_EVENT})
    intent = CreateComment(REPOSITORY, n(3), "<!-- m -->", "<!-- m -->\nHello")
    await store.effects.intend("b7k2/report", intent, at=NOW)
    await store.effects.done("b7k2/report", Receipt(id=9, url="u"), at=after(1))
    await store.effects.intend("b7k2/tracking", intent, at=NOW)
    await store.refusals.first_today(5, "eve", at=NOW)
    await store.holds.keep(InstallationId(7), Held(after(60), 1))
    frozen = Freeze(
        "main", "ada", NOW, "release", "https://x.test/9", "issue_comment:9.0"
    )
    await store.freezes.freeze(REPOSITORY.id, frozen)
    await store.timetables.keep(REPOSITORY.id, TIMETABLE)
    while await store.costs.keep_more():
        pass
    await store.probe()


EVERY_EVENT: tuple[e.Event, ...] = (
    e.BatchPlanned(NOW, after(600)),
    e.BatchStarted(NOW, "ada"),
    e.TrackingCommented(NOW, 991, "https://x.test/991"),
    e.CheckRunPlaced(NOW, "f" * 40, 900),
    e.BatchPaused(NOW, "grace"),
    e.BatchResumed(NOW, "grace"),
    e.BudgetWaitStarted(NOW, after(60)),
    e.BudgetWaitEnded(after(60)),
    e.OutsideSettled(NOW, Reference("acme/gears", n(4)), True),
    e.ItemStarted(NOW, i(1), 1),
    e.ItemRetrying(after(5), i(1), 1, HICCUP, after(45)),
    e.ItemStarted(after(45), i(1), 2),
    e.ItemAccepted(after(50), i(1), 2, CommandResult(0, commit="c" * 40)),
    e.ItemParked(after(51), i(1), 2, "the check ci", "merge acme/widgets main"),
    e.ItemUnparked(after(52), i(1), 2),
    e.ItemEnded(after(55), i(1), 2, DONE, 7),
    e.ItemStarted(NOW, i(2), 1),
    e.ItemEnded(after(9), i(2), 1, BROKEN, 3),
    e.ItemSkipped(after(9), i(3), Reference("acme/widgets", n(2))),
    e.ItemStarted(NOW, i(4), 1),
    e.ItemCancelled(after(3), i(4), "grace", "branch batch/b7k2/4"),
    e.ItemSkipped(NOW, i(5), by="grace"),
    e.ItemResolved(NOW, i(7), OpenedPull(n(71), "c" * 40, "main")),
    e.ItemReset(after(8), i(5), "grace"),
    e.BatchRecovered(NOW, kept=(i(1),), again=(i(2),)),
    e.BatchCancelling(NOW, "grace"),
    e.BatchFinished(after(60)),
    e.Reported(after(61), 992, "https://x.test/992"),
    e.BatchConcluded(after(62)),
    e.BatchRetried(after(90), BatchId("c4m9")),
    e.BatchUndone(after(91), BatchId("d5n2"), (i(1),)),
    e.RepositoryMoved(after(91), Repository(5, "acme/gadgets", InstallationId(7))),
    e.RepositoryHidden(after(91), 6),
    e.CommentsRedrawn(after(92), (6,)),
    e.BatchEdited(NOW, "grace", PlanChange(((i(6), 80),), concurrency=5)),
    e.ControlGiven(NOW, "grace", "issue_comment:7.0", (i(1),), (n(9),)),
)


def any_of(type_: Any) -> st.SearchStrategy[Any]:
    """Draw any value of a type of the core, every field varied."""
    if is_dataclass(type_):
        assert isinstance(type_, type)
        hints = get_type_hints(type_)
        return st.builds(
            type_, **{f.name: any_of(hints[f.name]) for f in fields(type_)}
        )
    if type_ is datetime:
        return st.datetimes(timezones=st.just(UTC))
    if type_ is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    if get_origin(type_) is tuple and get_args(type_)[-1] is ...:
        return st.lists(any_of(get_args(type_)[0]), max_size=3).map(tuple)
    if get_origin(type_) is tuple:
        return st.tuples(*map(any_of, get_args(type_)))
    if get_origin(type_) in (Union, types.UnionType):
        return st.one_of(*map(any_of, get_args(type_)))
    return st.from_type(type_)


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Let every write of this process past *size_bytes* of a file fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
