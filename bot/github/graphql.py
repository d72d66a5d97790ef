"""What GraphQL answers: data and problems, and where it is asked."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from bot.core.world import budget
from bot.core.world.answers import Failure, error_of, failure_of_problem
from bot.core.world.budget import Call

_ITEM = re.compile(r"i\d+")  # the alias of an item in a query
_WRAPPING = ("repository", "nodes")
_SCHEMA_CODES = frozenset(
    {
        "undefinedField",
        "undefinedType",
        "argumentNotAccepted",
        "argumentLiteralsIncompatible",
    }
)
_SCHEMA_MESSAGE = re.compile(
    r"doesn't exist on type|Cannot query field|doesn't accept argument|Unknown argument"
    r"|No such type|Unknown type|has an invalid value|does not exist in \"\w+\" enum"
)


@dataclass(frozen=True, slots=True)
class GraphQLProblem:
    """One entry of ``errors``. ``path`` leads to the field that has no value."""

    type: str
    message: str
    path: tuple[str, ...] = ()
    is_schema: bool = False  # the document does not fit the server's schema


@dataclass(frozen=True, slots=True)
class GraphQLAnswer:
    """Data and problems: GitHub can send both."""

    data: Mapping[str, Any]
    problems: tuple[GraphQLProblem, ...]


def graphql_url(api_url: str) -> str:
    """Return where the GraphQL of an API base is.

    On Enterprise servers it is beside ``/api/v3``, elsewhere below the base.
    """
    return re.sub(r"/api/v3$", "/api", api_url.rstrip("/")) + "/graphql"


def raise_for(problem: GraphQLProblem) -> NoReturn:
    """Raise the error that a GraphQL problem stands for, with what it is about."""
    failure = failure_of_problem(problem.type, problem.message)
    status = {Failure.NOT_FOUND: 404, Failure.INVALID: 422}.get(failure, 403)
    place = _place_of(problem.path)
    said = f"{problem.message} ({place})" if place else problem.message
    raise error_of(failure, is_change=False, said=said, status=status)


def is_partial(problem: GraphQLProblem) -> bool:
    """Return whether only the field of the problem is lost, for want of access to it.

    An organisation's single sign-on and its list of addresses hide parts, too.
    """
    failure = failure_of_problem(problem.type, problem.message)
    return failure in (Failure.FORBIDDEN, Failure.NOT_FOUND)


def _place_of(path: Sequence[str]) -> str:
    """Return the item and the field that a path leads to, as people would write it."""
    steps = [f"#{step[1:]}" if _ITEM.fullmatch(step) else step for step in path]
    return " ".join(s for s in steps if not (s.isdigit() or s in _WRAPPING))


def answer_of(content: Any, hide: Callable[[str], str]) -> GraphQLAnswer:
    """Return what an answer's JSON says, its problems as *hide* lets them be shown.

    Raises ``TransientError`` if it is no GraphQL.
    """
    if not isinstance(content, Mapping):
        raise error_of(Failure.UNREADABLE, is_change=False)
    problems = tuple(_problem(error, hide) for error in content.get("errors") or ())
    return GraphQLAnswer(cast("Mapping[str, Any]", content.get("data") or {}), problems)


def _problem(error: Mapping[str, Any], hide: Callable[[str], str]) -> GraphQLProblem:
    extensions = error.get("extensions") or {}
    message = hide(str(error.get("message", "")))
    is_schema = extensions.get("code") in _SCHEMA_CODES or (
        _SCHEMA_MESSAGE.search(message) is not None
    )
    return GraphQLProblem(
        type=str(error.get("type") or extensions.get("type") or ""),
        message=message,
        path=tuple(str(step) for step in error.get("path") or ()),
        is_schema=is_schema,
    )


def is_limit(call: Call, status: int, content: bytes) -> bool:
    """Return whether a GraphQL answer with status 200 says that too much was sent."""
    if call.resource != budget.GRAPHQL or status != 200:
        return False
    # Parsing large answers twice is avoided; the texts of others may hold the word.
    if b'"RATE_LIMIT' not in content:
        return False
    errors = json.loads(content).get("errors") or ()
    return any(str(e.get("type", "")).startswith("RATE_LIMIT") for e in errors)
