"""Every request that the API answered, kept for the pages and for tests."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

KEPT_EXCHANGES = 5_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer. Bodies are parsed JSON, None if there was none."""

    at: datetime
    client: int  # the installation, 0 for the app itself and for nobody
    method: str
    path: str  # as sent, without the API's base
    query: Mapping[str, str]
    template: str | None  # the route's template in the OpenAPI description
    request_headers: Mapping[str, str]
    request: Any
    status: int  # 0: the answer was lost
    response_headers: Mapping[str, str]
    response: Any
    is_fault: bool = False  # what was answered was asked for, see ``Faults``


class ApiLog:
    """The last exchanges, and how many there have been of each kind."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=KEPT_EXCHANGES)
        self._counts: Counter[tuple[str, str | None, int]] = Counter()

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange."""
        self._exchanges.append(exchange)
        self._counts[exchange.method, exchange.template, exchange.status] += 1

    def __iter__(self) -> Iterator[Exchange]:
        return iter(list(self._exchanges))

    def __len__(self) -> int:
        return self._counts.total()

    def count(
        self,
        method: str | None = None,
        template: str | None = None,
        status: int | None = None,
    ) -> int:
        """Return how many requests there were, of a method, template, status (None: any)."""
        return sum(
            number
            for (its_method, its_template, its_status), number in self._counts.items()
            if method in (None, its_method)
            and template in (None, its_template)
            and status in (None, its_status)
        )

    def clear(self) -> None:
        """Forget everything."""
        self._exchanges.clear()
        self._counts.clear()
