"""Events folded into what people see: one view per item, counts and times."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import events as e
from bot.core.model import (
    Batch,
    BatchId,
    BatchState,
    Cause,
    ItemNumber,
    ItemState,
    Outcome,
    OutcomeKind,
    PlanItem,
    Reference,
    Stage,
)
from bot.core.plan.graph import moved
from bot.core.run.transitions import after, batch_after, stage_after


@dataclass(frozen=True, slots=True)
class ItemView:
    """What the events say of one item."""

    item: PlanItem
    state: ItemState = ItemState.PENDING
    stage: Stage | None = None  # of the attempt, while one runs
    attempt: int = 0  # the number of the present or last attempt; 0 before the first
    tries: int = 0  # attempts begun since the item was last put back
    started_at: datetime | None = None  # of the present or last attempt
    ended_at: datetime | None = None
    worked: timedelta = timedelta()  # of all ended attempts
    step: str = ""  # the last progress line, in the words of others
    next_at: datetime | None = None  # of the next try, while it waits for it
    outcome: Outcome | None = None  # of the last attempt, a transient one included
    skipped_because: Reference | None = None
    by: str = ""  # who skipped or cancelled it
    kept: str = ""  # what a cancelled item leaves behind
    external_id: str = ""
    work: str = ""  # accepted and not yet published
    requests: int = 0

    @property
    def is_publishing(self) -> bool:
        """Whether what the attempt did is being brought to GitHub."""
        return self.stage is Stage.CHANGING


@dataclass(frozen=True, slots=True)
class Progress:
    """A batch as its events tell it. Items stand in the order asked for."""

    batch: Batch
    state: BatchState
    items: Mapping[ItemNumber, ItemView]
    started_at: datetime | None = None
    started_by: str = ""
    start_source: str = ""  # the comment or box that started a plan
    ended_at: datetime | None = None
    expires_at: datetime | None = None  # of a plan
    by: str = ""  # who paused or cancelled it; empty for on-failure
    cause: Cause | None = None  # what ended it, if nobody did
    pause_why: str = ""  # "budget" if its own requests are used up
    budget_wait_until: datetime | None = None
    budget_waited: timedelta = timedelta()
    budget_wait_began_at: datetime | None = None
    retries: int = 0
    recovered: e.BatchRecovered | None = None
    tracking_comment_id: int = 0
    tracking_url: str = ""
    report_url: str = ""
    is_concluded: bool = False  # all has been said about its end
    retried_as: BatchId | None = None
    controls: Mapping[str, e.ControlGiven] = field(default_factory=dict)  # by source
    settled: Mapping[Reference, bool] | None = None

    def count(self, state: ItemState) -> int:
        """Return how many items are in *state*."""
        return Counter(view.state for view in self.items.values())[state]

    @property
    def finished(self) -> int:
        """Return how many items have ended, well or not."""
        return sum(view.state.is_final for view in self.items.values())


def fold(batch: Batch, events: Iterable[e.Event]) -> Progress:
    """Return the progress that *events*, oldest first, add up to."""
    progress = Progress(
        batch=batch,
        state=BatchState.PLANNED,
        items={item.number: ItemView(item) for item in batch.plan.items},
    )
    views = dict(progress.items)
    for event in events:
        if isinstance(event, e.ItemEvent):
            views[event.item] = _advance_item(views[event.item], event)
            if isinstance(event, e.ItemRetrying):
                progress = replace(progress, retries=progress.retries + 1)
            continue
        progress = _advance_batch(progress, event)
        if isinstance(event, e.ControlGiven):
            for item in event.stopping:
                stage = stage_after(views[item].stage, event)
                views[item] = replace(views[item], stage=stage)
    return replace(progress, items=views)


def _advance_item(view: ItemView, event: e.ItemEvent) -> ItemView:
    state = after(event) or view.state
    stage = stage_after(view.stage, event)
    match event:
        case e.ItemStarted():
            return replace(
                view,
                state=state,
                stage=stage,
                attempt=event.attempt,
                tries=view.tries + 1,
                started_at=event.at,
                ended_at=None,
                next_at=None,
                step="",
                external_id="",
            )
        case e.ItemSubmitted():
            return replace(view, external_id=event.external_id)
        case e.ItemProgressed():
            return replace(view, step=event.step)
        case e.ItemAccepted():
            return replace(view, stage=stage, work=event.work)
        case e.ItemRetrying():
            return replace(
                _worked(view, event.at),
                state=state,
                stage=stage,
                outcome=event.outcome,
                next_at=event.next_at,
                requests=view.requests + event.requests,
            )
        case e.ItemEnded():
            return replace(
                _worked(view, event.at),
                state=state,
                stage=stage,
                outcome=event.outcome,
                requests=view.requests + event.requests,
            )
        case e.ItemSkipped():
            return replace(
                view,
                state=state,
                stage=stage,
                skipped_because=event.because,
                by=event.by,
                ended_at=event.at,
                next_at=None,
            )
        case e.ItemCancelled():
            return replace(
                _worked(view, event.at),
                state=state,
                stage=stage,
                by=event.by,
                kept=event.kept,
                requests=view.requests + event.requests,
            )
        case e.ItemReset():
            return replace(
                ItemView(view.item, state, stage),
                attempt=view.attempt,
                # A restart is no fault of the item: it does not count as a try.
                tries=0 if event.by else max(0, view.tries - 1),
                worked=view.worked,
                requests=view.requests,
            )
        case _:
            assert_never(event)


def _worked(view: ItemView, at: datetime) -> ItemView:
    is_running = view.state is ItemState.RUNNING and view.started_at is not None
    spent = at - view.started_at if is_running and view.started_at else timedelta()
    return replace(
        view,
        ended_at=at,
        worked=view.worked + spent,
        work="",
        step="",
        next_at=None,
    )


def _advance_batch(
    progress: Progress, event: e.BatchEvent | e.OutsideSettled
) -> Progress:
    state = batch_after(progress.state, event) or progress.state
    match event:
        case e.BatchPlanned():
            return replace(progress, expires_at=event.expires_at)
        case e.BatchStarted():
            return replace(
                progress,
                state=state,
                started_at=event.at,
                started_by=event.by,
                start_source=event.source,
            )
        case e.BatchPaused():
            return replace(progress, state=state, by=event.by, pause_why=event.why)
        case e.BatchResumed():
            return replace(progress, state=state, by="", ended_at=None)
        case e.BatchCancelling():
            return replace(progress, state=state, by=event.by, cause=event.cause)
        case e.BatchFinished():
            return replace(progress, state=state, ended_at=event.at)
        case e.BatchRecovered():
            return replace(progress, recovered=event)
        case e.BudgetWaitStarted():
            began_at = progress.budget_wait_began_at or event.at
            return replace(
                progress, budget_wait_until=event.until, budget_wait_began_at=began_at
            )
        case e.BudgetWaitEnded():
            began_at = progress.budget_wait_began_at or event.at
            return replace(
                progress,
                budget_wait_until=None,
                budget_wait_began_at=None,
                budget_waited=progress.budget_waited + (event.at - began_at),
            )
        case e.TrackingCommented():
            return replace(
                progress, tracking_comment_id=event.comment_id, tracking_url=event.url
            )
        case e.Reported():
            return replace(progress, report_url=event.url)
        case e.BatchRetried():
            return replace(progress, retried_as=event.batch_id)
        case e.ControlGiven():
            controls = {**progress.controls, event.source: event}
            return replace(progress, controls=controls)
        case e.RepositoryMoved():
            batch = moved(progress.batch, event.repository)
            return replace(progress, batch=batch)
        case e.BatchConcluded():
            return replace(progress, is_concluded=True)
        case e.OutsideSettled():
            settled = dict(progress.settled or {})
            settled[event.reference] = event.is_satisfied
            return replace(progress, settled=settled)
        case _:
            assert_never(event)


def median_worked(views: Iterable[ItemView]) -> timedelta | None:
    """Return the median working time of the items that were completed here, if any."""
    spans = sorted(
        view.worked
        for view in views
        if view.state is ItemState.COMPLETED and view.attempt
    )
    if not spans:
        return None
    middle = len(spans) // 2
    if len(spans) % 2:
        return spans[middle]
    return (spans[middle - 1] + spans[middle]) / 2


def is_unchanged(view: ItemView) -> bool:
    """Return whether the item completed without a change."""
    return view.outcome is not None and view.outcome.kind is OutcomeKind.UNCHANGED
