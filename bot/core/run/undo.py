"""What of a batch that has ended can be taken back, and the batch that does it."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from bot.core.actions.table import needed_role
from bot.core.command.syntax import Undo, format_command
from bot.core.model import Action, Batch, ItemFacts, ItemId, ItemState, Named
from bot.core.plan.naming import on_numbers
from bot.core.run.progress import Progress


def undoable(progress: Progress) -> Mapping[ItemId, Action]:
    """Return what would take back what was done to each item, where that is known and
    was not done yet.
    """
    return {
        item: view.outcome.undo
        for item, view in progress.items.items()
        if view.state is ItemState.COMPLETED
        and view.outcome is not None
        and view.outcome.undo is not None
        and item not in progress.undone
    }


def to_undo(progress: Progress, names: Collection[Named] = ()) -> tuple[ItemId, ...]:
    """Return the items that are taken back: all that can be, or those that are named."""
    able = undoable(progress)
    if not names:
        return tuple(able)
    meant = on_numbers(progress.batch, names)
    return tuple(item for item in able if item in meant)


def undoing(progress: Progress, facts: Mapping[ItemId, ItemFacts]) -> Batch:
    """Return a batch that takes back what was done to the items of *facts*.

    It needs the role of what was done, and that of what is done now.
    """
    batch, able = progress.batch, undoable(progress)
    items = tuple(
        replace(
            item,
            action=able[item.id],
            worker="",
            title=facts[item.id].title,
            head_sha=facts[item.id].head_sha,
            base_branch=facts[item.id].base_branch,
            beside=(),
        )
        for item in batch.plan.items
        if item.id in facts
    )
    numbers = tuple(dict.fromkeys(item.number for item in items))
    return replace(
        batch,
        command=format_command(Undo(batch.id, numbers)),
        plan=replace(batch.plan, items=items, edges=(), outside=(), notes=()),
        needed_role=needed_role(
            (item.action for item in items), to_run=batch.needed_role
        ),
        builds_on=(),
        retry_of=None,
        undo_of=batch.id,
    )
