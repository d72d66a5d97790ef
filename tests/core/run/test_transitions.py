"""One table of what events do, and that everybody who looks it up agrees."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from bot.core import events as e
from bot.core.model import (
    Batch,
    BatchState,
    CommandResult,
    InstallationId,
    ItemId,
    ItemNumber,
    ItemState,
    OnFailure,
    OpenedPull,
    Options,
    Origin,
    Outcome,
    OutcomeKind,
    OutsideEdge,
    PlanChange,
    Reference,
    Repository,
    Stage,
)
from bot.core.plan.graph import joined
from bot.core.run import control
from bot.core.run.progress import fold
from bot.core.run.schedule import Schedule
from bot.core.run.transitions import after, batch_after, stage_after
from bot.store.batches import _append, _create
from bot.store.schema import migrations
from tests.plans import NOON, batch, graphs, plan, with_reviews
from tests.store.samples import make_facts

N = ItemId("1")
DONE = Outcome(OutcomeKind.COMPLETED)
SAME = Outcome(OutcomeKind.UNCHANGED)
OPENED = replace(DONE, opened=OpenedPull(ItemNumber(71), "c" * 40, "main"))
FAILED = Outcome(OutcomeKind.FAILED, reason="tests failed")
BUSY = Outcome(OutcomeKind.TRANSIENT, reason="busy")
AWAY = Reference("acme/gears", ItemNumber(4))
GEARS = Repository(1, "acme/gadgets", InstallationId(7))
ENDS: list[tuple[e.ItemEvent, ItemState]] = [
    (e.ItemRetrying(NOON, N, 1, BUSY, NOON), ItemState.PENDING),
    (e.ItemEnded(NOON, N, 1, DONE), ItemState.COMPLETED),
    (e.ItemEnded(NOON, N, 1, SAME), ItemState.COMPLETED),
    (e.ItemEnded(NOON, N, 1, FAILED), ItemState.FAILED),
    (e.ItemSkipped(NOON, N, by="ada"), ItemState.SKIPPED),
    (e.ItemCancelled(NOON, N, "ada"), ItemState.CANCELLED),
    (e.ItemReset(NOON, N, "ada"), ItemState.PENDING),
]


RESULT = CommandResult(0, commit="c" * 40)


@pytest.mark.parametrize(("event", "state"), ENDS)
def test_what_ends_an_attempt_says_where_the_item_stands(event, state):
    assert after(event) is state
    for stage in (None, *Stage):
        assert stage_after(stage, event) is None


def test_an_attempt_works_is_too_late_to_stop_and_ends():
    assert after(e.ItemStarted(NOON, N, 1)) is ItemState.RUNNING
    assert stage_after(None, e.ItemStarted(NOON, N, 1)) is Stage.WORKING
    accepted = e.ItemAccepted(NOON, N, 1, RESULT)
    assert after(accepted) is None
    assert stage_after(Stage.WORKING, accepted) is Stage.CHANGING


def test_a_control_stops_only_what_runs():
    given_ = e.ControlGiven(NOON, "ada", "comment:1.0", stopping=(N,))
    assert stage_after(Stage.WORKING, given_) is Stage.STOPPING
    assert stage_after(Stage.PARKED, given_) is Stage.STOPPING
    assert stage_after(None, given_) is None
    # What is stopped may have to wait for that, and is stopped all the same.
    parked, unparked = e.ItemParked(NOON, N, 1, "ci"), e.ItemUnparked(NOON, N, 1)
    assert stage_after(Stage.STOPPING, parked) is Stage.STOPPING
    assert stage_after(Stage.STOPPING, unparked) is Stage.STOPPING


@pytest.mark.parametrize(
    ("event", "state"),
    [
        (e.BatchStarted(NOON, "ada"), BatchState.RUNNING),
        (e.BatchResumed(NOON, "ada"), BatchState.RUNNING),
        (e.BatchPaused(NOON, "ada"), BatchState.PAUSED),
        (e.BatchCancelling(NOON, "ada"), BatchState.CANCELLING),
        (e.BatchFinished(NOON), BatchState.FINISHED),
        (e.BatchConcluded(NOON), None),
        (e.RepositoryMoved(NOON, GEARS), None),
        (e.RepositoryHidden(NOON, 2), None),
        (e.CommentsRedrawn(NOON, (2,)), None),
        (e.OutsideSettled(NOON, AWAY, True), None),
    ],
)
def test_what_moves_a_batch(event, state):
    assert batch_after(BatchState.RUNNING, event) is state


def test_a_batch_that_was_being_cancelled_ends_cancelled():
    ended = e.BatchFinished(NOON)
    assert batch_after(BatchState.CANCELLING, ended) is BatchState.CANCELLED


# --- everybody agrees -----------------------------------------------------------------


class Story:
    """A batch to which only what can happen happens, as the scheduler would let it."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.now = NOON
        self.events: list[e.Event] = []
        self.controls = 0

    def happen(self, *events: e.Event) -> None:
        for event in events:
            self.schedule.apply(event)
            self.events.append(event)

    def follow_up(self) -> None:
        self.events += self.schedule.follow_up(self.now)

    def choices(self) -> Iterator[tuple[str, ItemId | None]]:
        """Yield what can happen next, to which item if it happens to one."""
        schedule = self.schedule
        if schedule.state is BatchState.PLANNED:
            yield "begin", None
            return
        if not schedule.state.is_live:
            return
        yield from ((what, None) for what in ("move", "hide", "restart"))
        if schedule.open_outside():
            yield from ((what, None) for what in ("settle", "fail outside"))
        yield from ((w, None) for w in ("pause", "resume", "cancel", "retry all"))
        yield from ((what, None) for what in ("narrow", "widen", "grow"))
        if schedule.first_ready(with_workspace=True) is not None:
            yield "start", schedule.first_ready(with_workspace=True)
        for item in schedule.running:
            yield from ((w, item) for w in ("end", "fail", "busy", "stop", "cancel"))
            yield "open", item
            yield ("unpark" if item in schedule.parked else "park"), item
            if schedule.stage_of(item) is Stage.WORKING:
                yield "accept", item
        for item in schedule.items_in(ItemState.PENDING):
            yield from ((what, item) for what in ("skip", "overtake", "cancel"))
            yield "hurry", item
        for item in schedule.items_in(*control.RETRYABLE):
            yield "retry", item

    def tell(self, what: str, item: ItemId | None) -> None:
        self.now += timedelta(seconds=1)
        if item is None:
            self._batch(what)
        else:
            self._item(what, item)
        self.schedule.wake(self.now)
        self.follow_up()

    def _batch(self, what: str) -> None:
        now, schedule = self.now, self.schedule
        match what:
            case "begin":
                self.happen(e.BatchStarted(now, "ada"))
            case "move":
                self.happen(e.RepositoryMoved(now, GEARS))
            case "hide":
                self.happen(e.RepositoryHidden(now, 2))
                self.happen(e.CommentsRedrawn(now, (2,)))
            case "settle" | "fail outside":
                well = what == "settle"
                self.happen(e.OutsideSettled(now, schedule.open_outside()[0], well))
            case "restart":
                stopped = dict(schedule.stopping)
                kept = tuple(n for n in schedule.publishing if n not in stopped)
                again = tuple(n for n in schedule.running if n not in (*kept, *stopped))
                self.happen(e.BatchRecovered(now, kept, again))
                self.happen(*(e.ItemCancelled(now, n, by) for n, by in stopped.items()))
                self.happen(*(e.ItemReset(now, n, "") for n in again))
            case "pause":
                self._control(control.pause(schedule, now, by="grace"))
            case "resume":
                self._control(control.resume(schedule, now, by="grace"))
            case "cancel":
                self._control(control.cancel(schedule, now, by="grace"))
            case "grow":
                self._control(
                    control.extend(schedule, now, by="g", change=self._more())
                )
            case "narrow" | "widen":
                most = 1 if what == "narrow" else 5
                self._control(
                    control.widen(schedule, now, by="grace", concurrency=most)
                )
            case "retry all":
                self._control(control.retry(schedule, now, by="grace"))
            case _:
                raise AssertionError(what)

    def _more(self) -> PlanChange:
        """Return another item that waits for the first one, and its review."""
        there = self.schedule.batch.plan
        number = 90 + len(there.items)
        reference = Reference("acme/widgets", ItemNumber(1))
        waits = OutsideEdge(ItemId(str(number)), reference, Origin.TYPED)
        more = with_reviews(plan({number: []}, outside=(waits,)), {number})
        change = joined(there, more, home="acme/widgets")
        assert isinstance(change, PlanChange)
        return change

    def _item(self, what: str, item: ItemId) -> None:
        now, schedule = self.now, self.schedule
        names = (item,)
        attempt = schedule.attempt_of(item)
        match what:
            case "start":
                self.events.append(schedule.start(item, now))
            case "end" | "overtake":
                self.happen(e.ItemEnded(now, item, attempt, DONE, 2))
            case "open":
                self.happen(e.ItemEnded(now, item, attempt, OPENED, 2))
            case "fail":
                self.happen(e.ItemEnded(now, item, attempt, FAILED, 2))
            case "busy":
                later = now + timedelta(seconds=2)
                self.happen(e.ItemRetrying(now, item, attempt, BUSY, later, 2))
            case "stop":
                self.happen(e.ItemCancelled(now, item, "grace", requests=2))
            case "accept":
                self.happen(e.ItemAccepted(now, item, attempt, RESULT))
            case "park":
                self.happen(e.ItemParked(now, item, attempt, "the check ci"))
            case "unpark":
                self.happen(e.ItemUnparked(now, item, attempt))
            case "cancel":
                self._control(control.cancel(schedule, now, by="grace", names=names))
            case "hurry":
                change = control.prioritize(
                    schedule, now, by="grace", names=names, priority=80
                )
                self._control(change)
            case "skip":
                self._control(control.skip(schedule, now, by="grace", names=names))
            case "retry":
                self._control(control.retry(schedule, now, by="grace", names=names))
            case _:
                raise AssertionError(what)

    def _control(self, change: control.ControlResult) -> None:
        self.controls += 1
        self.happen(*change.events)
        source = f"comment:{self.controls}"
        stopping = change.stop
        self.happen(e.ControlGiven(self.now, change.by, source, stopping=stopping))


def projected(story: Story, made: Batch) -> tuple[str, dict[str, str]]:
    """Return what the store says of the batch's state and of its items'."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrations.apply(Database(connection))
    half = len(story.events) // 2
    _create(connection, [(made, make_facts(made), story.events[:half])])
    _append(connection, [{made.id: story.events[half:]}])
    [(state,)] = connection.execute("SELECT state FROM batches")
    items = dict(connection.execute("SELECT item, state FROM items").fetchall())
    connection.close()
    return state, items


@settings(deadline=None)
@given(
    st.data(),
    graphs(most=6),
    st.sampled_from(OnFailure),
    st.booleans(),
    st.sets(st.integers(1, 6), max_size=3),
)
def test_the_schedule_the_progress_and_the_store_agree(
    data, waits, on_failure, outside, reviewed
):
    edges = (OutsideEdge(N, AWAY, Origin.TYPED),) if outside else ()
    asked = plan(waits, options=Options(on_failure=on_failure), outside=edges)
    made = batch(with_reviews(asked, reviewed & waits.keys()))
    story = Story(Schedule(made, {}, {"scripted": True}))
    for _ in range(data.draw(st.integers(0, 30))):
        if not (choices := list(story.choices())):
            break
        story.tell(*data.draw(st.sampled_from(choices)))
    schedule = story.schedule
    progress = fold(made, story.events)
    again = Schedule(made, {}, {"scripted": True})
    for event in story.events:
        again.apply(event)
    again.wake(story.now)
    items = schedule.batch.plan.items
    known = {item.id: schedule.state_of(item.id) for item in items}
    assert {n: v.state for n, v in progress.items.items()} == known
    assert {n: again.state_of(n) for n in known} == known
    assert progress.batch == again.batch == schedule.batch
    assert [(view.item.id, view.item.priority) for view in progress.items.values()] == [
        (item.id, item.priority) for item in schedule.batch.plan.items
    ]
    assert again.first_ready(with_workspace=True) == schedule.first_ready(
        with_workspace=True
    )
    for view in progress.items.values():
        opener = view.item.opened_by
        is_there = opener is not None and progress.items[opener].outcome == OPENED
        assert view.item.is_unopened == (opener is not None and not is_there)
        assert not (view.item.is_unopened and view.attempt)
    assert progress.state is again.state is schedule.state
    assert projected(story, made) == (schedule.state, known)
    for number, view in progress.items.items():
        assert view.stage is schedule.stage_of(number) is again.stage_of(number)
        assert (view.stage is not None) == (view.state is ItemState.RUNNING)
        assert view.tries == schedule.tries_of(number)
        assert view.attempt == schedule.attempt_of(number)
    # And a restart decides nothing that was not decided before.
    assert again.follow_up(story.now) == []
    assert set(schedule.running) == {
        n for n, state in known.items() if state is ItemState.RUNNING
    }
    assert set(schedule.stopping) == {
        n for n in known if schedule.stage_of(n) is Stage.STOPPING
    }


def test_the_stories_tell_of_every_event_that_moves_an_item_or_a_batch():
    """Each is legal somewhere, so that the test above is about all of them."""
    made = batch(
        plan(
            {1: [], 2: [1], 3: [], 4: [], 5: []},
            outside=(OutsideEdge(ItemId("5"), AWAY, Origin.TYPED),),
        )
    )
    made = replace(made, plan=with_reviews(made.plan, {3}))
    story = Story(Schedule(made, {}, {"scripted": True}))
    for what, number in (
        ("begin", 0),
        ("settle", 0),
        ("move", 0),
        ("start", 1),
        ("busy", 1),
        ("start", 3),
        ("park", 3),
        ("unpark", 3),
        ("accept", 3),
        ("hurry", 4),
        ("narrow", 0),
        ("widen", 0),
        ("skip", 4),
        ("start", 1),
        ("hide", 0),
        ("restart", 0),
        ("pause", 0),
        ("resume", 0),
        ("open", 3),
        ("cancel", 0),
    ):
        step = (what, ItemId(str(number)) if number else None)
        assert step in list(story.choices()), what
        story.tell(*step)
    told = set(map(type, story.events))
    assert set(get_args(e.Event)) - told == {
        e.BatchPlanned,
        e.BudgetWaitStarted,
        e.BudgetWaitEnded,
        e.TrackingCommented,
        e.CheckRunPlaced,
        e.Reported,
        e.BatchConcluded,
        e.BatchRetried,
        e.BatchUndone,
    }
