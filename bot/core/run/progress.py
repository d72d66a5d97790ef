"""Events folded into what people see: one view per item, counts and times."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import events as e
from bot.core.model import (
    Batch,
    BatchId,
    BatchState,
    Cause,
    CommandResult,
    ItemId,
    ItemState,
    Outcome,
    PlanItem,
    Reference,
    Stage,
)
from bot.core.plan.graph import (
    edited,
    hidden,
    moved,
    name_of,
    renamed,
    resolved,
)
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
    opened_nothing: bool = False  # what it was skipped because of
    ended: str = ""  # how that ended, if it is outside: see ``ItemFacts.ended``
    by: str = ""  # who skipped or cancelled it
    kept: str = ""  # what a cancelled item leaves behind
    result: CommandResult | None = None  # accepted, and being brought to GitHub
    waits_for: str = ""  # of a parked attempt
    waits_since: datetime | None = None
    waits_url: str = ""  # of what that is
    requests: int = 0
    is_hidden: bool = False  # no word of it may be shown

    @property
    def is_publishing(self) -> bool:
        """Whether what the attempt did is being brought to GitHub."""
        return self.stage is Stage.CHANGING


@dataclass(slots=True)
class Progress:
    """A batch as its events tell it: made from its plan, moved by events only.

    It is mutable because a batch may have many thousand items and each event has to
    cost microseconds; the views of its items are values. Items stand in the order
    asked for.
    """

    batch: Batch
    state: BatchState = BatchState.PLANNED
    items: dict[ItemId, ItemView] = field(default_factory=dict)
    started_at: datetime | None = None
    started_by: str = ""
    start_source: str = ""  # the comment or box that started a plan
    ended_at: datetime | None = None
    expires_at: datetime | None = None  # of a plan
    starts_at: datetime | None = None  # a plan that does so by itself
    starts_zone: str = "UTC"  # by whose clock
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
    check_head_sha: str = ""  # of its pull request, where a check run shows it
    check_run_id: int = 0  # 0 as long as nobody knows whether that is there
    report_comment_id: int = 0
    report_url: str = ""
    is_concluded: bool = False  # all has been said about its end
    retried_as: BatchId | None = None
    undone: dict[ItemId, BatchId] = field(default_factory=dict)  # and by which batch
    controls: dict[str, e.ControlGiven] = field(default_factory=dict)  # by source
    settled: dict[Reference, bool] = field(default_factory=dict)
    hidden_places: frozenset[int] = (
        frozenset()
    )  # repositories of which no word is shown
    _counts: Counter[ItemState] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.items:
            items = self.batch.plan.items
            self.items = {item.id: ItemView(item) for item in items}
        self._counts = Counter(view.state for view in self.items.values())

    # --- questions ---------------------------------------------------------------

    def count(self, state: ItemState) -> int:
        """Return how many items are in *state*."""
        return self._counts[state]

    @property
    def finished(self) -> int:
        """Return how many items have ended, well or not."""
        return sum(self._counts[state] for state in ItemState if state.is_final)

    @property
    def has_begun(self) -> bool:
        """Whether any item was ever started, or has ended without."""
        return (
            self.finished > 0
            or self.count(ItemState.RUNNING) > 0
            or any(view.attempt for view in self.items.values())
        )

    def hides(self, item: ItemId) -> bool:
        """Return whether no word of an item may be shown."""
        view = self.items.get(item)
        return view is not None and view.item.repository.id in self.hidden_places

    def copy(self) -> "Progress":
        """Return the progress as of now, which moves no more."""
        return replace(
            self,
            items=dict(self.items),
            undone=dict(self.undone),
            controls=dict(self.controls),
            settled=dict(self.settled),
        )

    # --- what has happened -------------------------------------------------------

    def advance(self, news: e.News) -> None:
        """Move by one event, or to the line that a running attempt has said last."""
        if isinstance(news, e.ItemProgressed):
            view = self.items[news.item]
            if view.state is ItemState.RUNNING and view.attempt == news.attempt:
                self.items[news.item] = self._shown(replace(view, step=news.step))
        elif isinstance(news, e.ItemResolved):
            plan = resolved(self.batch.plan, news.item, news.opened)
            self.batch = replace(self.batch, plan=plan)
            planned = next(item for item in plan.items if item.id == news.item)
            self.items[news.item] = replace(self.items[news.item], item=planned)
        elif isinstance(news, e.ItemEvent):
            before = self.items[news.item]
            view = self.items[news.item] = self._shown(_after(before, news))
            self.retries += isinstance(news, e.ItemRetrying)
            if view.state is not before.state:
                self._counts[before.state] -= 1
                self._counts[view.state] += 1
        else:
            self._advance_batch(news)

    def _take_plan_of(self, batch: Batch) -> None:
        """Take the items over as they are called in *batch* now."""
        self.batch = batch
        for item in batch.plan.items:
            view = self.items[item.id]
            if view.item != item:
                self.items[item.id] = replace(view, item=item)

    def _shown(self, view: ItemView) -> ItemView:
        """Return a view with what may be shown of it."""
        if view.item.repository.id not in self.hidden_places:
            return view
        outcome = view.outcome
        return replace(
            view,
            is_hidden=True,
            step="",
            kept="",
            waits_for="",
            waits_url="",
            result=None,
            outcome=outcome and _untold(outcome),
        )

    def _advance_batch(self, event: e.BatchEvent | e.OutsideSettled) -> None:
        self.state = batch_after(self.state, event) or self.state
        match event:
            case e.BatchPlanned():
                self.expires_at = event.expires_at
                self.starts_at, self.starts_zone = event.starts_at, event.zone
            case e.BatchStarted():
                self.started_at = event.at
                self.started_by, self.start_source = event.by, event.source
            case e.BatchPaused():
                self.by, self.pause_why = event.by, event.why
            case e.BatchResumed():
                self.by, self.ended_at = "", None
            case e.BatchCancelling():
                self.by, self.cause = event.by, event.cause
            case e.BatchFinished():
                self.ended_at = event.at
            case e.BatchRecovered():
                self.recovered = event
            case e.BudgetWaitStarted():
                self.budget_wait_began_at = self.budget_wait_began_at or event.at
                self.budget_wait_until = event.until
            case e.BudgetWaitEnded():
                began_at = self.budget_wait_began_at or event.at
                self.budget_waited += event.at - began_at
                self.budget_wait_until = self.budget_wait_began_at = None
            case e.TrackingCommented():
                self.tracking_comment_id = event.comment_id
                self.tracking_url = event.url
            case e.CheckRunPlaced():
                self.check_head_sha = event.head_sha
                self.check_run_id = event.check_run_id
            case e.Reported():
                self.report_comment_id, self.report_url = event.comment_id, event.url
            case e.BatchRetried():
                self.retried_as = event.batch_id
            case e.BatchUndone():
                self.undone |= dict.fromkeys(event.items, event.batch_id)
            case e.ControlGiven():
                self.controls[event.source] = event
                for item in event.stopping:
                    view = self.items[item]
                    stage = stage_after(view.stage, event)
                    self.items[item] = replace(view, stage=stage)
            case e.BatchEdited():
                plan = edited(self.batch.plan, event.change)
                self.batch = replace(self.batch, plan=plan)
                known = self.items
                self.items = {
                    one.id: replace(known.get(one.id, ItemView(one)), item=one)
                    for one in plan.items
                }
                self._counts[ItemState.PENDING] += len(event.change.items)
            case e.RepositoryMoved():
                old = name_of(self.batch, event.repository)
                new = event.repository.name
                self._take_plan_of(moved(self.batch, event.repository))
                self.settled = {
                    renamed(r, old, new): well for r, well in self.settled.items()
                }
            case e.RepositoryHidden():
                self._take_plan_of(hidden(self.batch, event.repository_id))
                self.hidden_places |= {event.repository_id}
                self.items = {
                    id_: self._shown(view) for id_, view in self.items.items()
                }
            case e.CommentsRedrawn():
                pass  # what they say is as it was
            case e.BatchConcluded():
                self.is_concluded = True
            case e.OutsideSettled():
                self.settled[event.reference] = event.is_satisfied
            case _:
                assert_never(event)


def fold(batch: Batch, events: Iterable[e.News]) -> Progress:
    """Return the progress that *events*, oldest first, add up to."""
    progress = Progress(batch)
    for event in events:
        progress.advance(event)
    return progress


def _after(view: ItemView, event: e.ItemEvent) -> ItemView:
    state = after(event) or view.state
    stage = stage_after(view.stage, event)
    match event:
        case e.ItemResolved():
            return view  # its batch has more to do about it
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
            )
        case e.ItemAccepted():
            return replace(view, stage=stage, result=event.result)
        case e.ItemParked():
            return replace(
                view,
                stage=stage,
                waits_for=event.says,
                waits_since=event.at,
                waits_url=event.url,
                step="",
            )
        case e.ItemUnparked():
            return replace(
                view, stage=stage, waits_for="", waits_since=None, waits_url=""
            )
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
                opened_nothing=event.opened_nothing,
                ended=event.ended,
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


def _untold(outcome: Outcome) -> Outcome:
    """Return an outcome of which nothing is told but whether it is a success, and why
    it ended with its repository.
    """
    bare = Outcome(outcome.kind)
    if not outcome.is_of_repository:
        return bare
    return replace(bare, reason=outcome.reason, advice=outcome.advice)


def _worked(view: ItemView, at: datetime) -> ItemView:
    is_running = view.state is ItemState.RUNNING and view.started_at is not None
    spent = at - view.started_at if is_running and view.started_at else timedelta()
    return replace(
        view,
        ended_at=at,
        worked=view.worked + spent,
        result=None,
        waits_for="",
        waits_since=None,
        step="",
        next_at=None,
    )


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
