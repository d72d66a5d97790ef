"""The names of a plan's items, and what a typed number means among them."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import count

from bot.core.model import Batch, ItemId, ItemNumber, Named, PlanItem, Reference

_UNSAFE = re.compile(r"[^a-z0-9]+")
_MOST = 40


def item_ids(
    asked: Sequence[tuple[Reference, str]],
    *,
    home: str,
    behind: Sequence[bool] = (),
    taken: Collection[ItemId] = (),
) -> list[ItemId]:
    """Return a name for each item, told by what it is on and its action.

    Those *behind* others on a number are never the first of it; names that are *taken*
    go to none of them. The first on a number of the repository *home* is that number; a second one has its
    action as well (``15-review``), one of another repository that one's name
    (``api-15``). What is still taken gets a counter. A name is never that of another
    item of the plan, and good in a git ref, a file name and an address.
    """
    used: set[str] = {*taken}
    given: dict[int, str] = {}
    # Plain numbers are for the first ones, wherever they stand.
    for place, (reference, _) in enumerate(asked):
        plain = str(reference.number)
        may_be_plain = reference.repository == home and not (behind and behind[place])
        if may_be_plain and plain not in used:
            used.add(plain)
            given[place] = plain
    first_there: set[Reference] = set()
    for place, (reference, action) in enumerate(asked):
        if place not in given:
            name = _name(reference, action, home, is_first=reference not in first_there)
            first_there.add(reference)
            given[place] = next(n for n in _counted(name) if n not in used)
            used.add(given[place])
    return [ItemId(given[place]) for place in range(len(asked))]


def on_numbers(batch: Batch, names: Collection[Named]) -> frozenset[ItemId]:
    """Return the items that were typed: by a number all that the batch has on it in its
    own repository, with what is done to the pull request of its issue; by its own name
    one item; as ``acme/api#12`` all that it has on that.
    """
    wanted = set(names)
    folded = {name.casefold() for name in names if isinstance(name, str)}
    home = [i for i in batch.plan.items if i.repository.id == batch.repository.id]
    on = {item.id for item in home if item.number in wanted}
    of_named = {item.id for item in home if item.opened_by and item.opened_by in on}
    named = {
        item.id
        for item in batch.plan.items
        if item.id in wanted or _as_typed(item) in folded
    }
    return frozenset(on | of_named | named)


def _as_typed(item: PlanItem) -> str:
    return f"{item.repository.name}#{item.number}".casefold()


def number_in(name: Named) -> ItemNumber:
    """Return the number that a name has, as it is typed; 0 if it has none there."""
    leading = re.match("[0-9]+", str(name))
    return ItemNumber(int(leading[0]) if leading else 0)


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
