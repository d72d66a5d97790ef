"""Pages of lists, as GitHub's connections give them."""

from collections.abc import Callable, Sequence
from typing import Any

from graphql import FieldNode

from bot.localhub.graphql.errors import QueryError
from bot.localhub.graphql.price import LARGEST_PAGE
from bot.localhub.graphql.values import Connection, Info, Resolver, key
from bot.localhub.payloads.shape import Json


def connection(
    items: Sequence[Any], info: Info, arguments: dict[str, Any]
) -> Connection:
    """Return the page of a list that is asked for; raises for none, and for too large a one."""
    first, last = arguments.get("first"), arguments.get("last")
    name = info.field_name
    if first is None and last is None and _wants_nodes(info):
        message = (
            f"You must provide a `first` or `last` value to properly paginate the "
            f"`{name}` connection."
        )
        raise QueryError(message, "MISSING_PAGINATION_BOUNDARIES")
    for word, size in (("first", first), ("last", last)):
        if size is not None and size > LARGEST_PAGE:
            message = (
                f"Requesting {size} records on the `{name}` connection exceeds the "
                f"`{word}` limit of {LARGEST_PAGE} records."
            )
            raise QueryError(message, "EXCESSIVE_PAGINATION")
    start = _index(arguments.get("after"), -1) + 1
    end = min(_index(arguments.get("before"), len(items)), len(items))
    if first is not None:
        end = min(end, start + first)
    if last is not None:
        start = max(start, end - last)
    return Connection(items[start:end], len(items), start)


def _wants_nodes(info: Info) -> bool:
    """Return whether more than the count is asked for, which needs no page."""
    return any(
        not isinstance(selection, FieldNode) or selection.name.value != "totalCount"
        for node in info.field_nodes
        for selection in (node.selection_set.selections if node.selection_set else ())
    )


def _index(cursor: str | None, default: int) -> int:
    return int(cursor[1:]) if cursor and cursor[1:].isdecimal() else default


def page_info(source: Connection, _info: Any, _arguments: Any) -> Json:
    """Return where a page stands in its list."""
    end = source.start + len(source.nodes)
    return {
        "hasNextPage": end < source.total,
        "hasPreviousPage": source.start > 0,
        "startCursor": f"c{source.start}" if source.nodes else None,
        "endCursor": f"c{end - 1}" if source.nodes else None,
    }


def listed(items: Callable[[Any], Sequence[Any]]) -> Resolver:
    """Return the resolver of a list that is read from the source."""

    def resolve(source: Any, info: Info, arguments: dict[str, Any]) -> Connection:
        return connection(items(source), info, arguments)

    return resolve


RESOLVERS: dict[str, Resolver] = {
    **{
        f"PageInfo.{name}": key(name)
        for name in ("endCursor", "hasNextPage", "hasPreviousPage", "startCursor")
    },
}
