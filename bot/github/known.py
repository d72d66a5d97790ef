"""Which labels items are known to have, so that nobody asks for what was told already.

Queries and deliveries tell it. It is only as good as the last of them, and is forgotten
after some minutes: whoever finds that nothing is left to do has to look before saying so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cachetools import TTLCache

from bot.core.model import ItemFacts, ItemNumber, Repository
from bot.ports.clock import Clock

FRESH_SECONDS = 600.0
MOST_ITEMS = 20_000


@dataclass(frozen=True, slots=True)
class Labelled:
    """The labels of an item as of ``updated_at``, and where the item is."""

    labels: frozenset[str]
    url: str
    updated_at: datetime


class KnownLabels:
    """The labels of items, by repository and number."""

    def __init__(self, clock: Clock) -> None:
        self._items: TTLCache[tuple[int, int], Labelled] = TTLCache(
            MOST_ITEMS, FRESH_SECONDS, timer=clock.monotonic
        )

    def of(self, repository: Repository, number: ItemNumber) -> Labelled | None:
        """Return what is known of an item, if anything."""
        return self._items.get((repository.id, number))

    def forget(self, repository: Repository, number: ItemNumber) -> None:
        """Forget what is about to change."""
        self._items.pop((repository.id, number), None)

    def tell(
        self, repository: Repository, facts: Mapping[ItemNumber, ItemFacts]
    ) -> None:
        """Take in the answer to a query."""
        for number, fact in facts.items():
            labelled = Labelled(frozenset(fact.labels), fact.url, fact.updated_at)
            self._tell((repository.id, number), labelled)

    def deliver(self, payload: Mapping[str, Any]) -> None:
        """Take in a delivery, if it shows an issue or pull request whole."""
        repository = payload.get("repository")
        match repository, payload.get("issue") or payload.get("pull_request"):
            case (
                {"id": int(repository_id)},
                {
                    "number": int(number),
                    "html_url": str(url),
                    "updated_at": str(updated_at),
                    "labels": [*labels],
                },
            ):
                names = frozenset(_names(labels))
                at = _instant(updated_at)
                if at is not None and len(names) == len(labels):
                    self._tell((repository_id, number), Labelled(names, url, at))
            case _:
                pass

    def _tell(self, key: tuple[int, int], told: Labelled) -> None:
        """Believe the later of two; of one second, neither if they differ."""
        before = self._items.get(key)
        if before is not None and before.updated_at > told.updated_at:
            return
        is_doubtful = (
            before is not None
            and before.updated_at == told.updated_at
            and before.labels != told.labels
        )
        if is_doubtful:
            del self._items[key]
        else:
            self._items[key] = told


def _names(labels: Iterable[Any]) -> Iterator[str]:
    for label in labels:
        match label:
            case {"name": str(name)}:
                yield name
            case _:
                pass


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None
