"""Who follows pages at a time: each stream is a connection, and deliveries need some."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.core.model import BatchId
from bot.web.access import Viewer

MOST = 500
"""How many streams are open at a time."""

MOST_OF_ONE = 20
"""Of them, those of one person: a browser opens six to one server."""

MOST_OF_MANY = 100
"""Those of people who cannot be told apart: by one link, or by the operator's token."""

MOST_BY_LINK = 300
"""Those of everybody who has no more than links, so that people who sign in find room."""

_LINKS = "by link"


class FullError(Exception):
    """There is no room for another stream."""


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    names: frozenset[str]  # what it counts for
    is_gone: Callable[[], bool]


class Crowd:
    """Counts who follows pages, so that nobody takes every place."""

    def __init__(self) -> None:
        self._places: set[_Place] = set()

    @contextmanager
    def joined(
        self, viewer: Viewer, batch: BatchId | None, is_gone: Callable[[], bool]
    ) -> Iterator[None]:
        """Count a stream of a batch, or of a list, while the context lasts, until it
        *is_gone*: its end is noticed later. Raises ``FullError``.
        """
        limits = _limits(viewer, batch)
        there = (one for one in self._places if not one.is_gone())
        counts = Counter(name for one in there for name in one.names)
        if any(counts[name] >= most for name, most in limits.items()):
            raise FullError
        place = _Place(frozenset(limits), is_gone)
        self._places.add(place)
        try:
            yield
        finally:
            self._places.remove(place)


def _limits(viewer: Viewer, batch: BatchId | None) -> dict[str, int]:
    """Return what a stream counts for, and how many of each there may be."""
    if viewer.is_operator:
        return {"": MOST, "operator": MOST_OF_MANY}
    if viewer.account is not None:
        return {"": MOST, f"person {viewer.account.id}": MOST_OF_ONE}
    return {"": MOST, _LINKS: MOST_BY_LINK, f"link {batch or ''}": MOST_OF_MANY}
