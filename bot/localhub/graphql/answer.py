"""The answer to a query: read, priced, executed."""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from bot.localhub.graphql import (
    checks,
    commits,
    connections,
    drafts,
    limits,
    merge_queue,
    merges,
    pull_requests,
    reactions,
    refs,
    repositories,
    reviews,
    threads,
)
from bot.localhub.graphql.errors import QueryError, error_json, invalid_json
from bot.localhub.graphql.nodes import SHARED, type_name
from bot.localhub.graphql.price import price
from bot.localhub.graphql.values import Context, Info, Resolver, call_of
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call

RESOLVERS: dict[str, Resolver] = {
    **checks.RESOLVERS,
    **commits.RESOLVERS,
    **connections.RESOLVERS,
    **drafts.RESOLVERS,
    **limits.RESOLVERS,
    **merge_queue.RESOLVERS,
    **merges.RESOLVERS,
    **pull_requests.RESOLVERS,
    **reactions.RESOLVERS,
    **refs.RESOLVERS,
    **repositories.RESOLVERS,
    **reviews.RESOLVERS,
    **threads.RESOLVERS,
}


MISSING_FIELDS = {
    "dependencies": ("blockedBy", "blocking"),
    "visibilities": ("visibility",),
    "sub-issues": ("subIssues", "subIssuesSummary", "parent"),
    "merge states": ("mergeStateStatus", "viewerCanMergeAsAdmin"),
    "rules of bases": ("refUpdateRule", "isRequired"),
    "merge queues": (
        "isMergeQueueEnabled",
        "mergeQueueEntry",
        "ADDED_TO_MERGE_QUEUE_EVENT",
        "REMOVED_FROM_MERGE_QUEUE_EVENT",
    ),
}
"""What a server lacks that lacks a feature, see ``LocalHub.lacks``."""


def answer(call: Call) -> Answer:
    """Answer a query. Errors come with status 200, as GitHub's do."""
    query = call.body.get("query")
    if not isinstance(query, str):
        message = "A query attribute must be specified and must be a string."
        return Answer({"errors": [{"message": message}]})
    variables = call.body.get("variables") or {}
    lacks = frozenset(call.hub.lacks)
    schema = _schema(lacks)
    try:
        document, problems = _read(query, lacks)
    except GraphQLError as error:
        return Answer({"errors": [error_json(error)]})
    if problems:
        return Answer({"errors": [invalid_json(error) for error in problems]})
    cost, node_count = price(document, variables)
    limits = call.hub.limits
    if limits.most_nodes is not None and node_count > limits.most_nodes:
        return _too_dear(document, limits.too_dear_status)
    result = execute_sync(
        schema,
        document,
        variable_values=variables,
        operation_name=call.body.get("operationName"),
        context_value=Context(call, cost, node_count),
        field_resolver=_resolve,
        type_resolver=type_name,
    )
    body: Json = {"data": result.data}
    if result.errors:
        body["errors"] = [error_json(error) for error in result.errors]
    return Answer(body, points=cost)


@lru_cache(maxsize=512)
def _read(
    query: str, lacks: frozenset[str]
) -> tuple[DocumentNode, Sequence[GraphQLError]]:
    """Return a query, and what is wrong with it; raises ``GraphQLError``.

    It is asked for again and again with other variables, and takes longer than the answer.
    """
    document = parse(query)
    return document, validation_errors(_schema(lacks), document)


def _too_dear(document: DocumentNode, status: int) -> Answer:
    """Answer as GitHub does where a query takes it too long: in several ways."""
    if status != 200:
        message = "We couldn't respond to your request in time."
        return Answer({"message": message}, status)
    roots = [
        (node.alias or node.name).value
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        for node in definition.selection_set.selections
        if isinstance(node, FieldNode)
    ]
    error = {
        "type": "RESOURCE_LIMITS_EXCEEDED",
        "path": roots[-1:],
        "message": "Resource limits for this query exceeded.",
    }
    return Answer({"data": dict.fromkeys(roots), "errors": [error]})


def validation_errors(
    schema: GraphQLSchema, document: DocumentNode
) -> list[GraphQLError]:
    """Return what GitHub finds wrong with a query.

    The specification refuses ``state`` of issues beside ``state`` of pull requests, as
    their types differ. GitHub takes it, and its own clients ask so.
    """
    return [
        error
        for error in validate(schema, document)
        if "because they return conflicting types" not in error.message
    ]


@lru_cache(maxsize=4)
def _schema(lacks: frozenset[str]) -> GraphQLSchema:
    sdl = Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8")
    for feature in lacks:
        for name in MISSING_FIELDS.get(feature, ()):
            sdl = re.sub(rf"(?m)^  {name}\b.*\n", "", sdl)
    return build_schema(sdl)


def _resolve(source: Any, info: Info, **arguments: Any) -> Any:
    type_, name = info.parent_type.name, info.field_name
    resolver = RESOLVERS.get(f"{type_}.{name}") or SHARED.get(name)
    assert resolver is not None, f"no resolver of {type_}.{name}"
    path = ".".join(map(str, info.path.as_list()))
    _check_seen(path, info)
    found = resolver(source, info, arguments)
    if name != "nodes" or not call_of(info).hub.unseen:
        return found
    return [_seen(f"{path}.{place}", one, info) for place, one in enumerate(found)]


def _check_seen(path: str, info: Info) -> None:
    """Raise for what somebody hides from the app: see ``LocalHub.unseen``."""
    for pattern, (type_, message) in call_of(info).hub.unseen.items():
        if re.fullmatch(pattern, path):
            raise QueryError(message, type_)


def _seen(path: str, value: Any, info: Info) -> Any:
    """Return a value, or the error that a list has in its place."""
    try:
        _check_seen(path, info)
    except QueryError as error:
        return error
    return value
