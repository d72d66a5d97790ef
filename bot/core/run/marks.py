"""Which items of a batch a label, or a request for a review, stands for."""

from collections.abc import Mapping

from bot.core.model import Batch, ItemId, ItemNumber, Mark, PlanItem, ReviewAsked
from bot.core.run.progress import Progress

_TAKEN_BACK = "taken-back/"


def items_of(mark: Mark, batch: Batch) -> frozenset[ItemId]:
    """Return the items of a batch that *mark* asks for."""
    numbers = _numbers(batch)
    return frozenset(
        item.id
        for item in batch.plan.items
        if numbers[item.id] in mark.numbers
        and item.repository.id == batch.repository.id
        and mark.action in ("", item.action.name)
    )


def is_whole(mark: Mark, batch: Batch) -> bool:
    """Return whether the batch has an item for all that *mark* stands for."""
    if mark.has_parts_elsewhere:
        return False
    numbers, items = _numbers(batch), items_of(mark, batch)
    return bool(items) and {numbers[item] for item in items} == set(mark.numbers)


def reviewers_asked(batch: Batch, item: ItemId) -> tuple[str, ...]:
    """Return the teams and people who were asked for a review, which began an item."""
    if not isinstance(batch.request.origin, ReviewAsked):
        return ()
    marks = [mark for mark in batch.request.marks if item in items_of(mark, batch)]
    names = (mark.name.partition(":")[2] for mark in marks)
    return tuple(dict.fromkeys(filter(None, names)))


def taken_back(name: str, number: ItemNumber) -> str:
    """Return what a mark that is taken back is called as the source of that."""
    return f"{_TAKEN_BACK}{number}/{name}"


def taken_back_too_late(progress: Progress) -> Mapping[str, tuple[ItemId, ...]]:
    """Return for which items somebody took a mark back in vain, by who did."""
    found: dict[str, tuple[ItemId, ...]] = {}
    for source, given in progress.controls.items():
        if source.startswith(_TAKEN_BACK) and given.too_late:
            items = (*found.get(given.by, ()), *given.too_late)
            found[given.by] = tuple(dict.fromkeys(items))
    return found


def _numbers(batch: Batch) -> dict[ItemId, ItemNumber]:
    """Return the number that each item was asked for by: of what is done to a pull
    request that another item opens, that one's.
    """
    items = {item.id: item for item in batch.plan.items}

    def asked_by(item: PlanItem) -> ItemNumber:
        opener = items.get(item.opened_by) if item.opened_by else None
        return (opener or item).number

    return {id_: asked_by(item) for id_, item in items.items()}
