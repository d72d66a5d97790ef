"""The names of a plan's items, and what a typed number means among them."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import count

from bot.core.model import Batch, ItemId, ItemNumber, Reference

_UNSAFE = re.compile(r"[^a-z0-9]+")
_MOST = 40


def item_ids(asked: Sequence[tuple[Reference, str]], *, home: str) -> list[ItemId]:
    """Return a name for each item, told by what it is on and its action.

    The first on a number of the repository *home* is that number; a second one has its
    action as well (``15-review``), one of another repository that one's name
    (``api-15``). What is still taken gets a counter. A name is never that of another
    item of the plan, and good in a git ref, a file name and an address.
    """
    taken: set[str] = set()
    given: dict[int, str] = {}
    # Plain numbers are for the first ones, wherever they stand.
    for place, (reference, _) in enumerate(asked):
        plain = str(reference.number)
        if reference.repository == home and plain not in taken:
            taken.add(plain)
            given[place] = plain
    first_there: set[Reference] = set()
    for place, (reference, action) in enumerate(asked):
        if place not in given:
            name = _name(reference, action, home, is_first=reference not in first_there)
            first_there.add(reference)
            given[place] = next(n for n in _counted(name) if n not in taken)
            taken.add(given[place])
    return [ItemId(given[place]) for place in range(len(asked))]


def on_numbers(batch: Batch, numbers: Collection[ItemNumber]) -> frozenset[ItemId]:
    """Return the items that typed numbers mean: all that the batch has on them in its
    own repository.
    """
    wanted = set(numbers)
    return frozenset(
        item.id
        for item in batch.plan.items
        if item.number in wanted and item.repository.id == batch.repository.id
    )


def _name(reference: Reference, action: str, home: str, *, is_first: bool) -> str:
    number = str(reference.number)
    if reference.repository == home:
        return f"{number}-{_slug(action)}"
    away = f"{_slug(reference.repository.partition('/')[2])}-{number}"
    return away if is_first else f"{away}-{_slug(action)}"


def _slug(text: str) -> str:
    return _UNSAFE.sub("-", text.lower())[:_MOST].strip("-") or "x"


def _counted(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name}-{number}"
