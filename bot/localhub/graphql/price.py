"""What a GraphQL query costs in points, from its pages and how they are nested."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

LARGEST_PAGE = 100
REQUESTS_A_POINT = 100


def price(document: DocumentNode, variables: Mapping[str, Any]) -> tuple[int, int]:
    """Return points and nodes: GitHub counts one request for each connection read."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    requests = nodes = 0

    def walk(selections: SelectionSetNode | None, times: int) -> None:
        nonlocal requests, nodes
        for node in selections.selections if selections is not None else ():
            if isinstance(node, FragmentSpreadNode):
                walk(fragments[node.name.value].selection_set, times)
            elif isinstance(node, InlineFragmentNode):
                walk(node.selection_set, times)
            elif isinstance(node, FieldNode):
                size = _size(node, variables)
                if size is not None:
                    requests += times
                    nodes += times * size
                walk(node.selection_set, times * (1 if size is None else size))

    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            walk(definition.selection_set, 1)
    return max(round(requests / REQUESTS_A_POINT), 1), nodes


def _size(node: FieldNode, variables: Mapping[str, Any]) -> int | None:
    for argument in node.arguments or ():
        if argument.name.value in ("first", "last"):
            value = argument.value
            if isinstance(value, IntValueNode):
                return int(value.value)
            if isinstance(value, VariableNode):
                found = variables.get(value.name.value)
                return found if isinstance(found, int) else None
    return None
