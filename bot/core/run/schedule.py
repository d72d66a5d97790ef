"""What has happened to a batch, and what follows from that.

A ``Schedule`` is the working state of one live batch: it is made from the plan, moved
by events only, and rebuilt after a restart by applying the recorded ones again. It is
mutable and built of flat lists because a batch may have many thousand items and each
transition has to cost microseconds.
"""

import heapq
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import assert_never

from bot.core import events as e
from bot.core.actions.table import expectation
from bot.core.model import (
    Batch,
    BatchState,
    Cause,
    Expectations,
    InstallationId,
    ItemId,
    ItemState,
    OnFailure,
    OpenedPull,
    PlanChange,
    PlanItem,
    Reference,
    Repository,
    Stage,
)
from bot.core.plan.graph import (
    chain_seconds,
    edited,
    hidden,
    moved,
    name_of,
    renamed,
    resolved,
)
from bot.core.run.capacity import InstallationCapacity
from bot.core.run.transitions import after, batch_after, stage_after

_LOST = (ItemState.FAILED, ItemState.SKIPPED, ItemState.CANCELLED)


_Share = tuple[str, str]

HasMachine = Callable[[str, str], bool]
"""Whether a worker has a machine free for a command."""


def _has_room(_worker: str, _command: str) -> bool:
    return True


@dataclass(slots=True, eq=False)
class Schedule:
    """The state of one batch's items. See ``apply``, ``follow_up`` and ``decide``."""

    batch: Batch
    expectations: Expectations
    needs_workspace: Mapping[str, bool]  # by worker
    state: BatchState = BatchState.PLANNED
    by: str = ""  # who paused or cancelled
    cause: Cause | None = None  # what ended it, if nobody did
    starter: str = ""  # the login of who started the batch
    served: int = 0  # the turn in which the batch last started an item
    requests_used: int = 0
    is_budget_lifted: bool = False
    _is_paused_for_budget: bool = False
    running: dict[ItemId, int] = field(default_factory=dict)  # item → attempt
    started_at: dict[ItemId, datetime] = field(default_factory=dict)  # of what runs
    parked: dict[ItemId, e.ItemParked] = field(default_factory=dict)
    _stages: dict[ItemId, Stage] = field(default_factory=dict)  # of what runs
    _stopped_by: dict[ItemId, str] = field(default_factory=dict)
    _index: dict[ItemId, int] = field(default_factory=dict)
    _states: list[ItemState] = field(default_factory=list)
    _attempts: list[int] = field(default_factory=list)
    _tries: list[int] = field(default_factory=list)
    _unmet: list[int] = field(default_factory=list)
    _successors: list[list[int]] = field(default_factory=list)
    _place: list[int] = field(default_factory=list)  # item index → place in the order
    _order: list[int] = field(default_factory=list)  # place in the order → item index
    # Heaps of places, by the worker and the command that an item needs room for.
    _ready: dict[_Share, list[int]] = field(default_factory=dict)
    _delayed: list[tuple[datetime, int]] = field(default_factory=list)
    _next_at: dict[int, datetime] = field(default_factory=dict)
    _outside: dict[Reference, list[int]] = field(default_factory=dict)
    _settled: dict[Reference, bool] = field(default_factory=dict)
    _ended: dict[Reference, str] = field(default_factory=dict)  # how, if not well
    _open: int = 0  # items that have not ended
    _lost: list[int] = field(default_factory=list)  # ended badly, successors not told
    _unopened: list[int] = field(default_factory=list)  # see ``PlanItem.is_unopened``
    _opened: dict[ItemId, OpenedPull] = field(default_factory=dict)  # by which item
    _has_failed: bool = False  # since the batch was started or resumed

    def __post_init__(self) -> None:
        plan = self.batch.plan
        count = len(plan.items)
        self._index = {item.id: i for i, item in enumerate(plan.items)}
        self._states = [ItemState.PENDING] * count
        self._attempts = [0] * count
        self._tries = [0] * count
        self._unmet = [0] * count
        self._successors = [[] for _ in range(count)]
        self._open = count
        self._unopened = [i for i, item in enumerate(plan.items) if item.is_unopened]
        for edge in plan.edges:
            successor = self._index[edge.successor]
            self._successors[self._index[edge.predecessor]].append(successor)
            self._unmet[successor] += 1
        for outside in plan.outside:
            waiting = self._outside.setdefault(outside.predecessor, [])
            waiting.append(self._index[outside.successor])
            self._unmet[waiting[-1]] += 1
        self._put_in_order()

    # --- questions ---------------------------------------------------------------

    @property
    def installation_id(self) -> InstallationId:
        """The installation whose budget and slots the batch uses."""
        return self.batch.repository.installation_id

    def state_of(self, item: ItemId) -> ItemState:
        """Return the item's state."""
        return self._states[self._index[item]]

    def stage_of(self, item: ItemId) -> Stage | None:
        """Return where the item's running attempt stands, None if none is running."""
        return self._stages.get(item)

    @property
    def publishing(self) -> frozenset[ItemId]:
        """The items that it is too late to stop."""
        return frozenset(n for n, s in self._stages.items() if s is Stage.CHANGING)

    @property
    def stopping(self) -> Mapping[ItemId, str]:
        """The running items that somebody stops, with who does."""
        return self._stopped_by

    @property
    def on_workers(self) -> list[PlanItem]:
        """What takes a workspace or a machine: nothing that is being changed does any more,
        for as long as it may wait for GitHub.
        """
        publishing = self.publishing
        at_work = (self.planned(i) for i in self.at_work if i not in publishing)
        return [item for item in at_work if item.worker]

    @property
    def at_work(self) -> list[ItemId]:
        """The running items that take a slot: all but the parked ones."""
        if not self.parked:
            return list(self.running)
        return [item for item in self.running if item not in self.parked]

    @property
    def slots_taken(self) -> int:
        """How many running items take a slot."""
        return len(self.running) - len(self.parked)

    def change(self, item: ItemId) -> None:
        """Note that it is too late to stop a running item, until ``work``.

        It is no event: after a restart the log of effects tells.
        """
        if item in self.running:
            self._stages[item] = Stage.CHANGING

    def work(self, item: ItemId) -> None:
        """Note that a running item can be stopped."""
        if self.stage_of(item) is Stage.CHANGING:
            self._stages[item] = Stage.WORKING

    def attempt_of(self, item: ItemId) -> int:
        """Return the number of the item's last attempt, 0 before the first."""
        return self._attempts[self._index[item]]

    def tries_of(self, item: ItemId) -> int:
        """Return the tries made since the item was last put back by a person."""
        return self._tries[self._index[item]]

    def planned(self, item: ItemId) -> PlanItem:
        """Return the item as the plan has it."""
        return self.batch.plan.items[self._index[item]]

    def predecessors_of(self, item: ItemId) -> list[ItemId]:
        """Return the items that this one waits for, in the order asked for."""
        i = self._index[item]
        return [
            predecessor
            for predecessor, before in self._index.items()
            if i in self._successors[before]
        ]

    def items_in(self, *states: ItemState) -> list[ItemId]:
        """Return the items in one of *states*, in the order asked for."""
        return [n for n, i in self._index.items() if self._states[i] in states]

    def upcoming(self, most: int) -> list[PlanItem]:
        """Return pending items, those first that will probably start first."""
        pending = (i for i in self._order if self._states[i] is ItemState.PENDING)
        return [self.batch.plan.items[i] for i in islice(pending, most)]

    def open_outside(self) -> list[Reference]:
        """Return what outside the batch is still waited for."""
        return [r for r, by in self._outside.items() if by and r not in self._settled]

    def next_at_of(self, item: ItemId) -> datetime | None:
        """Return when the item's next try may begin, None if it is not delayed."""
        return self._next_at.get(self._index[item])

    def next_retry_at(self) -> datetime | None:
        """Return when the next delayed try may begin."""
        return self._delayed[0][0] if self._delayed else None

    def counts(self) -> Mapping[ItemState, int]:
        """Return how many items are in each state."""
        return {state: self._states.count(state) for state in ItemState}

    @property
    def unblocked(self) -> int:
        """How many pending items wait for no other item."""
        return sum(
            state is ItemState.PENDING and not unmet
            for state, unmet in zip(self._states, self._unmet, strict=True)
        )

    @property
    def is_over_budget(self) -> bool:
        """Whether the requests that the command allows let nothing more start."""
        item = self._top(with_workspace=True)
        return item is not None and not self._fits_own_budget(item)

    def _fits_own_budget(self, item: ItemId) -> bool:
        allowed = self.batch.plan.options.budget_requests
        if allowed is None or self.is_budget_lifted:
            return True
        expected = sum(
            expectation(self.expectations, self.planned(n)).requests
            for n in (*self.running, item)
        )
        return self.requests_used + expected <= allowed

    @property
    def has_ready(self) -> bool:
        """Whether an item waits for nothing but capacity."""
        return self.first_ready(with_workspace=True) is not None

    def lacks_requests(self, free: InstallationCapacity) -> bool:
        """Whether the batch would start an item now if it could afford it."""
        item = self.first_ready(with_workspace=True)
        if item is None or free.slots_free <= 0:
            return False
        return self.cost_requests(item, free) > free.requests_fit

    def cost_requests(self, item: ItemId, free: InstallationCapacity) -> float:
        """Return the requests for which an item has to find room."""
        expected = expectation(self.expectations, self.planned(item)).requests
        return min(expected, free.requests_most)

    # --- what has happened -------------------------------------------------------

    def apply(self, event: e.Event) -> None:
        """Move the state by one event, recorded earlier or about to be recorded."""
        if isinstance(event, e.ItemEvent):
            self._apply_to_item(event)
        else:
            self._apply_to_batch(event)

    def _apply_to_item(self, event: e.ItemEvent) -> None:
        i = self._index[event.item]
        self._set_stage(event.item, stage_after(self.stage_of(event.item), event))
        if (state := after(event)) is not None:
            self._set_state(i, state)
        match event:
            case e.ItemResolved():
                plan = resolved(self.batch.plan, event.item, event.opened)
                self.batch = replace(self.batch, plan=plan)
                self._unopened.remove(i)
                self._offer(i)
            case e.ItemStarted():
                self._attempts[i] = event.attempt
                self._tries[i] += 1
                self.running[event.item] = event.attempt
                self.started_at[event.item] = event.at
            case e.ItemRetrying():
                self.requests_used += event.requests
                self._next_at[i] = event.next_at
                heapq.heappush(self._delayed, (event.next_at, i))
            case e.ItemEnded():
                self.requests_used += event.requests
                if event.outcome.opened is not None:
                    self._opened[event.item] = event.outcome.opened
                if event.outcome.is_success:
                    self._release_successors(i)
                else:
                    self._has_failed = True
                    self._lost.append(i)
            case e.ItemSkipped():
                self._lost.append(i)
            case e.ItemCancelled():
                self.requests_used += event.requests
                self._lost.append(i)
            case e.ItemReset():
                # A restart is no fault of the item: it does not count as a try.
                self._tries[i] = 0 if event.by else max(0, self._tries[i] - 1)
                self._lost = [lost for lost in self._lost if lost != i]
                self._offer(i)
            case e.ItemParked():
                self.parked[event.item] = event
            case e.ItemUnparked():
                self.parked.pop(event.item, None)
            case e.ItemAccepted():
                pass
            case _:
                assert_never(event)

    def _apply_to_batch(self, event: e.BatchEvent | e.OutsideSettled) -> None:
        self.state = batch_after(self.state, event) or self.state
        match event:
            case e.OutsideSettled():
                self._settle(event)
            case e.ControlGiven():
                for item in event.stopping:
                    self._set_stage(item, stage_after(self.stage_of(item), event))
                    if item in self.running:
                        self._stopped_by[item] = event.by
            case e.BatchStarted():
                self.starter = event.by
            case e.BatchResumed():
                # Only who was told that the budget is used can mean to lift it.
                self.is_budget_lifted |= self._is_paused_for_budget
                self.by = ""
                self._has_failed = False
            case e.BatchPaused():
                self.by = event.by
                self._is_paused_for_budget = event.why == "budget"
            case e.BatchCancelling():
                self.by = event.by
                self.cause = event.cause
            case e.RepositoryMoved():
                self._move(event.repository)
            case e.RepositoryHidden():
                self.batch = hidden(self.batch, event.repository_id)
            case e.BatchEdited():
                plan = edited(self.batch.plan, event.change)
                self.batch = replace(self.batch, plan=plan)
                self._take_in(event.change)
                self._put_in_order()
            case (
                e.BatchPlanned()
                | e.BatchFinished()
                | e.BatchRecovered()
                | e.BudgetWaitStarted()
                | e.BudgetWaitEnded()
                | e.TrackingCommented()
                | e.CheckRunPlaced()
                | e.Reported()
                | e.CommentsRedrawn()
                | e.BatchConcluded()
                | e.BatchRetried()
                | e.BatchUndone()
            ):
                pass
            case _:
                assert_never(event)

    def follow_up(self, at: datetime) -> list[e.Event]:
        """Return, applied, what follows from the state without anybody deciding:
        skips behind failures, ``on-failure``, the rest of a cancelled batch, the end.
        """
        followed: list[e.Event] = []
        if not self.state.is_live:
            return followed

        def happen(event: e.Event) -> None:
            self.apply(event)
            followed.append(event)

        for i in [*self._unopened]:
            if (event := self._resolving(i, at)) is not None:
                happen(event)
        if self.state is BatchState.CANCELLING:
            self._lost.clear()  # who waits for them is cancelled, not skipped
        while self._lost:
            i = self._lost.pop()
            reference = self._reference(i)
            for successor in self._successors[i]:
                if self._states[successor] is ItemState.PENDING:
                    happen(e.ItemSkipped(at, self._id(successor), reference))
        for outside, is_satisfied in self._settled.items():
            if not is_satisfied:
                for i in self._outside.get(outside, ()):
                    if self._states[i] is ItemState.PENDING:
                        ended = self._ended.get(outside, "")
                        happen(e.ItemSkipped(at, self._id(i), outside, ended=ended))
        if self._lost:
            return followed + self.follow_up(at)
        if self._has_failed and self.state is BatchState.RUNNING:
            self._has_failed = False
            match self.batch.plan.options.on_failure:
                case OnFailure.CONTINUE:
                    pass
                case OnFailure.STOP:
                    happen(e.BatchCancelling(at, by=""))
                case OnFailure.PAUSE:
                    if self._open:
                        happen(e.BatchPaused(at, by=""))
        is_idle = self.state is BatchState.RUNNING and not self.running
        if is_idle and self.is_over_budget:
            happen(e.BatchPaused(at, by="", why="budget"))
        if self.state is BatchState.CANCELLING:
            for i, state in enumerate(self._states):
                if state is ItemState.PENDING:
                    happen(e.ItemCancelled(at, self._id(i), self.by))
            self._lost.clear()  # nobody is left to be skipped
        if not self._open:
            happen(e.BatchFinished(at))
        return followed

    def _resolving(self, i: int, at: datetime) -> e.Event | None:
        """Return what follows for an item whose pull request was not there yet."""
        item = self.batch.plan.items[i]
        assert item.opened_by is not None
        before = self._index.get(item.opened_by)
        if before is None or self._states[before] is not ItemState.COMPLETED:
            return None
        opened = self._opened.get(item.opened_by)
        if opened is not None:
            return e.ItemResolved(at, item.id, opened)
        if self._states[i] is not ItemState.PENDING:
            return None
        because = self._reference(before)
        return e.ItemSkipped(at, item.id, because, opened_nothing=True)

    # --- the ready set -----------------------------------------------------------

    def wake(self, now: datetime) -> None:
        """Offer the items whose delay is over."""
        while self._delayed and self._delayed[0][0] <= now:
            _, i = heapq.heappop(self._delayed)
            if i in self._next_at and self._next_at[i] <= now:
                del self._next_at[i]
                self._offer(i)

    def first_ready(
        self,
        *,
        with_workspace: bool,
        git_away: Collection[int] = (),
        has_machine: HasMachine = _has_room,
    ) -> ItemId | None:
        """Return the item that comes first in the ready set.

        Without a free workspace those that need one are passed over, without a machine
        those that need one of a pool, and so are those of repositories to which git does
        not get through: they lack nothing that a lighter item takes away.
        """
        if self.state is not BatchState.RUNNING:
            return None
        if self.slots_taken >= self.batch.plan.options.concurrency:
            return None
        item = self._top(
            with_workspace=with_workspace, git_away=git_away, has_machine=has_machine
        )
        return item if item is not None and self._fits_own_budget(item) else None

    def _top(
        self,
        *,
        with_workspace: bool,
        git_away: Collection[int] = (),
        has_machine: HasMachine = _has_room,
    ) -> ItemId | None:
        places: list[int] = []
        for (worker, command), heap in self._ready.items():
            is_heavy = self.needs_workspace.get(worker, False)
            if (is_heavy and not with_workspace) or not self._is_clean(heap):
                continue
            if has_machine(worker, command):
                places += self._within_reach(heap, git_away) if is_heavy else heap[:1]
        return self._id(self._order[min(places)]) if places else None

    def _within_reach(self, heap: list[int], git_away: Collection[int]) -> list[int]:
        """Return the first place of a heap that git gets through for, if there is one."""
        if not git_away:
            return heap[:1]
        items = self.batch.plan.items
        for place in sorted(heap):
            i = self._order[place]
            if self._is_ready(i) and items[i].repository.id not in git_away:
                return [place]
        return []

    def start(self, item: ItemId, at: datetime) -> e.ItemStarted:
        """Return, applied, the start of the item's next attempt."""
        event = e.ItemStarted(at, item, self._attempts[self._index[item]] + 1)
        self.apply(event)
        return event

    # --- inside ------------------------------------------------------------------

    def _id(self, i: int) -> ItemId:
        return self.batch.plan.items[i].id

    def _reference(self, i: int) -> Reference:
        item = self.batch.plan.items[i]
        return Reference(item.repository.name, item.number)

    def _take_in(self, change: PlanChange) -> None:
        """Take in the items that were added, and who waits for whom since."""
        for item in change.items:
            i = self._index[item.id] = len(self._states)
            self._states.append(ItemState.PENDING)
            self._attempts.append(0)
            self._tries.append(0)
            self._unmet.append(0)
            self._successors.append([])
            self._open += 1
            if item.is_unopened:
                self._unopened.append(i)
        for outside in change.inside:
            i = self._index[outside.successor]
            self._outside[outside.predecessor].remove(i)
            self._unmet[i] -= not self._settled.get(outside.predecessor)
        for edge in change.edges:
            before, i = self._index[edge.predecessor], self._index[edge.successor]
            self._successors[before].append(i)
            self._unmet[i] += self._states[before] is not ItemState.COMPLETED
            if self._states[before] in _LOST:
                self._lost.append(before)
        for outside in change.outside:
            i = self._index[outside.successor]
            self._outside.setdefault(outside.predecessor, []).append(i)
            self._unmet[i] += not self._settled.get(outside.predecessor)

    def _put_in_order(self) -> None:
        """Work out which items come first, and offer anew those that are ready."""
        plan = self.batch.plan
        chains = chain_seconds(plan, self.expectations)
        count = len(plan.items)
        self._order = sorted(
            range(count), key=lambda i: (-plan.items[i].priority, -chains[i], i)
        )
        self._place = [0] * count
        for place, i in enumerate(self._order):
            self._place[i] = place
        self._ready = {}
        for i in range(count):
            self._offer(i)

    def _offer(self, i: int) -> None:
        """Put an item into the ready set if nothing but capacity is missing."""
        if self._unmet[i] or self._states[i] is not ItemState.PENDING:
            return
        if self.batch.plan.items[i].is_unopened:
            return
        if i in self._next_at:
            return
        item = self.batch.plan.items[i]
        share = (item.worker, item.action.runs if item.worker else "")
        heapq.heappush(self._ready.setdefault(share, []), self._place[i])

    def _is_clean(self, heap: list[int]) -> bool:
        """Drop what is ready no more from the top; return whether anything is left."""
        while heap:
            if self._is_ready(self._order[heap[0]]):
                return True
            heapq.heappop(heap)
        return False

    def _is_ready(self, i: int) -> bool:
        is_open = self._states[i] is ItemState.PENDING and not self._unmet[i]
        return is_open and i not in self._next_at

    def _set_state(self, i: int, state: ItemState) -> None:
        """Put an item into a state, in which it runs no longer, or only just begins."""
        was_open = not self._states[i].is_final
        self._states[i] = state
        self._open += (not state.is_final) - was_open
        self._next_at.pop(i, None)
        item = self._id(i)
        self.running.pop(item, None)
        self.started_at.pop(item, None)
        self.parked.pop(item, None)

    def _set_stage(self, item: ItemId, stage: Stage | None) -> None:
        if stage is None:
            self._stages.pop(item, None)
            self._stopped_by.pop(item, None)
        else:
            self._stages[item] = stage

    def _release_successors(self, i: int) -> None:
        for successor in self._successors[i]:
            self._unmet[successor] -= 1
            self._offer(successor)

    def _move(self, repository: Repository) -> None:
        old, new = name_of(self.batch, repository), repository.name
        self.batch = moved(self.batch, repository)
        self._outside = {renamed(r, old, new): i for r, i in self._outside.items()}
        self._settled = {renamed(r, old, new): w for r, w in self._settled.items()}
        self._ended = {renamed(r, old, new): how for r, how in self._ended.items()}

    def _settle(self, event: e.OutsideSettled) -> None:
        before = self._settled.get(event.reference)
        self._settled[event.reference] = event.is_satisfied
        self._ended[event.reference] = event.ended
        if before or not event.is_satisfied:
            return
        for i in self._outside.get(event.reference, ()):
            self._unmet[i] -= 1
            self._offer(i)
