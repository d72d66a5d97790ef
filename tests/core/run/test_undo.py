"""What can be taken back of a batch, and by which batch."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.core.model import Action, BatchId, ItemFacts, ItemKind, ItemNumber, Role
from bot.core.run.undo import to_undo, undoable, undoing
from tests import scenes
from tests.scenes import item


def facts(value: int) -> ItemFacts:
    return ItemFacts(
        ItemNumber(value),
        ItemKind.ISSUE,
        f"New title {value}",
        body="",
        url="",
        is_open=True,
        updated_at=datetime(2025, 11, 10, tzinfo=UTC),
    )


def test_what_changed_and_was_not_taken_back_yet_can_be():
    progress = scenes.changed()
    assert undoable(progress) == {
        item(15): Action("reopen"),
        item(18): Action("label", ("-bug", "+triage")),
    }
    assert to_undo(progress) == (item(15), item(18))
    assert to_undo(progress, [ItemNumber(18), ItemNumber(12)]) == (item(18),)
    assert undoable(scenes.finished()) == {}


def test_the_batch_that_takes_back_has_only_what_is_still_there_and_both_roles():
    progress = scenes.changed()
    batch = undoing(progress, {item(15): facts(15)})
    (one,) = batch.plan.items
    assert (one.action, one.title) == (Action("reopen"), "New title 15")
    assert batch.command == "/batch undo b7k2 15"
    assert (batch.undo_of, batch.retry_of) == (BatchId("b7k2"), None)
    assert batch.needed_role is Role.WRITE
    progress.batch = replace(progress.batch, needed_role=Role.MAINTAIN)
    assert undoing(progress, {item(18): facts(18)}).needed_role is Role.MAINTAIN
