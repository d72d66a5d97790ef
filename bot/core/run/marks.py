"""Which items of a batch a label, or a request for a review, stands for."""

from bot.core.model import Batch, ItemId, Mark


def items_of(mark: Mark, batch: Batch) -> frozenset[ItemId]:
    """Return the items of a batch that *mark* asks for."""
    return frozenset(
        item.id
        for item in batch.plan.items
        if item.number in mark.numbers
        and item.repository.id == batch.repository.id
        and mark.action in ("", item.action.name)
    )


def is_whole(mark: Mark, batch: Batch) -> bool:
    """Return whether the batch has an item for all that *mark* stands for."""
    items = items_of(mark, batch)
    numbers = {item.number for item in batch.plan.items if item.id in items}
    return bool(numbers) and numbers == set(mark.numbers)
