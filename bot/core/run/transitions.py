"""What each event does to an item, to its running attempt and to a batch: one table.

The schedule, the progress and the store's projection all look it up here.
"""

from typing import assert_never

from bot.core import events as e
from bot.core.model import BatchState, ItemState, Stage


def after(event: e.ItemEvent) -> ItemState | None:
    """Return the state of the item after an event, None if it stays what it is.

    It is the same whatever the state was before, so that nobody has to look that up.
    """
    match event:
        case e.ItemStarted():
            return ItemState.RUNNING
        case e.ItemRetrying() | e.ItemReset():
            return ItemState.PENDING
        case e.ItemEnded():
            return ItemState.COMPLETED if event.outcome.is_success else ItemState.FAILED
        case e.ItemSkipped():
            return ItemState.SKIPPED
        case e.ItemCancelled():
            return ItemState.CANCELLED
        case e.ItemResolved() | e.ItemAccepted() | e.ItemParked() | e.ItemUnparked():
            return None
        case _:
            assert_never(event)


def stage_after(
    stage: Stage | None, event: e.ItemEvent | e.ControlGiven
) -> Stage | None:
    """Return where an item's attempt stands after an event, None if none is running.

    A control is asked about for the items that it stops.
    """
    match event:
        case e.ItemStarted():
            return Stage.WORKING
        case e.ItemAccepted():
            return Stage.CHANGING
        case e.ItemParked():
            # What is stopped may wait for its end, and is stopped all the same.
            return stage if stage is Stage.STOPPING else Stage.PARKED
        case e.ItemUnparked():
            return Stage.WORKING if stage is Stage.PARKED else stage
        case e.ControlGiven():
            return stage and Stage.STOPPING
        case e.ItemResolved():
            return stage
        case (
            e.ItemRetrying()
            | e.ItemReset()
            | e.ItemEnded()
            | e.ItemSkipped()
            | e.ItemCancelled()
        ):
            return None
        case _:
            assert_never(event)


def batch_after(
    state: BatchState, event: e.BatchEvent | e.OutsideSettled
) -> BatchState | None:
    """Return the state of the batch after an event, None if it stays what it is."""
    match event:
        case e.BatchStarted() | e.BatchResumed():
            return BatchState.RUNNING
        case e.BatchPaused():
            return BatchState.PAUSED
        case e.BatchCancelling():
            return BatchState.CANCELLING
        case e.BatchFinished():
            was_cancelled = state is BatchState.CANCELLING
            return BatchState.CANCELLED if was_cancelled else BatchState.FINISHED
        case (
            e.BatchPlanned()
            | e.BatchRecovered()
            | e.BudgetWaitStarted()
            | e.BudgetWaitEnded()
            | e.TrackingCommented()
            | e.CheckRunPlaced()
            | e.Reported()
            | e.BatchConcluded()
            | e.BatchRetried()
            | e.BatchUndone()
            | e.ControlGiven()
            | e.BatchEdited()
            | e.RepositoryMoved()
            | e.RepositoryHidden()
            | e.CommentsRedrawn()
            | e.OutsideSettled()
        ):
            return None
        case _:
            assert_never(event)
