"""Holds exchanges with GitHub's API, and webhooks, to GitHub's own descriptions.

The descriptions are npm packages: in the folder that ``BATCH_CONTRACTS`` names, else in
``.ci/node_modules``. Whatever they hold is loaded once a process, when it is needed.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import graphql
import pytest
from jsonschema import Draft202012Validator, ValidationError, validators

from bot.localhub.api_log import Exchange
from bot.localhub.graphql import answer as graphql_answers

ADVICE = (
    "GitHub's descriptions are not installed: run `npm install --prefix .ci`, or name "
    "a node_modules folder in BATCH_CONTRACTS"
)
GENERAL_STATUSES = {301, 304, 401, 403, 404, 410, 422, 429}
"""Answers that any endpoint may give, whether or not its description says so."""

NEWER_GRAPHQL = """
extend type Issue {
  blockedBy(after: String, before: String, first: Int, last: Int): IssueConnection!
  blocking(after: String, before: String, first: Int, last: Int): IssueConnection!
}
"""
"""What GitHub added on 2025-07-30, after the schema in the package was published.

https://docs.github.com/en/graphql/overview/changelog
"""

CORRECTED_ANSWERS: Mapping[str, Any] = {
    # The description wants an account to be a user and an enterprise at once.
    "/app/installations": {
        "type": "array",
        "items": {"$ref": "#/components/schemas/installation"},
    }
}

Json = Any
Schema = Mapping[str, Any]


def folder() -> Path | None:
    """Return where the packages are, or None if they are not installed."""
    named = os.environ.get("BATCH_CONTRACTS")
    root = Path(__file__).parent.parent
    found = Path(named) if named else root / ".ci" / "node_modules"
    return found if (found / "@octokit" / "openapi").is_dir() else None


@cache
def openapi() -> Json:
    """Return GitHub's OpenAPI description."""
    return json.loads(_package("openapi/generated/api.github.com.json").read_bytes())


@cache
def graphql_schema() -> graphql.GraphQLSchema:
    """Return GitHub's GraphQL schema with what is newer than the package."""
    text = published_graphql() + NEWER_GRAPHQL
    return graphql.build_schema(text, assume_valid=True)


def published_graphql() -> str:
    """Return the text of GitHub's GraphQL schema as the package has it."""
    return _package("graphql-schema/schema.graphql").read_text(encoding="utf-8")


def hub_graphql() -> str:
    """Return the text of the local GitHub's GraphQL schema."""
    return Path(graphql_answers.__file__).with_name("schema.graphql").read_text()


@cache
def webhook_examples() -> Mapping[str, list[Json]]:
    """Return GitHub's example payloads by event."""
    path = _package("webhooks-examples/api.github.com/index.json")
    return {entry["name"]: entry["examples"] for entry in json.loads(path.read_bytes())}


def example_deliveries() -> list[tuple[str, Json]]:
    """Return GitHub's example payloads with their events; skips a test without them."""
    if folder() is None:
        pytest.skip(ADVICE)
    named = webhook_examples().items()
    return [(event, example) for event, examples in named for example in examples]


def exchange_problems(exchange: Exchange) -> list[str]:
    """Return how a request or its answer differs from what GitHub documents."""
    if exchange.path == "/graphql":
        return list(_graphql_problems(exchange))
    found = find_operation(exchange.method, exchange.path)
    if found is None:
        return [f"GitHub has no {exchange.method} {exchange.path}"]
    where = f"{exchange.method} {found.template}"
    problems = [*_request_problems(exchange, found), *_answer_problems(exchange, found)]
    return [f"{where}: {problem}" for problem in problems]


def webhook_problems(event: str, payload: Json) -> list[str]:
    """Return how a webhook differs from its description and from GitHub's examples."""
    action = payload.get("action")
    name = event.replace("_", "-")
    if action is not None:
        name = f"{name}-{action.replace('_', '-')}"
    where = f"webhook {event} {action or ''}".rstrip()
    described = openapi()["x-webhooks"].get(name)
    if described is None:
        return [f"{where}: GitHub sends no such webhook"]
    content = described["post"]["requestBody"]["content"]["application/json"]
    # Where the description forgets ``installation``, an app still gets it.
    problems = [
        problem
        for problem in _schema_problems(content["schema"], payload)
        if problem != "$.installation: not in the description"
    ]
    examples = [
        example
        for example in webhook_examples().get(event, [])
        if example.get("action") == action
    ]
    if examples:
        common = set.intersection(*(set(example) for example in examples))
        if "requested_team" in payload:
            common.discard("requested_reviewer")  # the examples know only people
        missing = sorted(common - set(payload))
        problems += [f"lacks {key}" for key in missing]
    return [f"{where}: {problem}" for problem in problems]


# --- REST


@dataclass(frozen=True)
class Operation:
    """An endpoint of the description."""

    template: str
    description: Schema

    @property
    def query_names(self) -> set[str]:
        """What may stand in the query."""
        parameters = (resolve(p) for p in self.description.get("parameters", []))
        return {p["name"] for p in parameters if p["in"] == "query"}

    @property
    def request_schema(self) -> Schema | None:
        """The schema of the request's body."""
        body = self.description.get("requestBody")
        if body is None:
            return None
        found: Schema | None = resolve(body)["content"].get("application/json", {})
        return found.get("schema") if found else None


def find_operation(method: str, path: str) -> Operation | None:
    """Return the endpoint that a request reaches."""
    path = re.sub(r"^/repositories/[0-9]+(?=/|$)", "/repos/owner/name", path)
    for pattern, template, operations in _templates():
        if pattern.fullmatch(path) and method.lower() in operations:
            return Operation(template, operations[method.lower()])
    return None


def resolve(schema: Schema) -> Schema:
    """Return what a reference leads to, or the schema itself."""
    while "$ref" in schema:
        found = openapi()
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema


@cache
def _templates() -> list[tuple[re.Pattern[str], str, Mapping[str, Schema]]]:
    """Return the paths, those with more fixed parts first."""

    def pattern(template: str) -> re.Pattern[str]:
        slashed = r"\{(ref|path|branch|basehead|name)\}"
        text = re.sub(
            slashed, "(.+)", re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
        )
        return re.compile(re.sub(r"\{\w+\}", "([^/]+)", text))

    fixed = {t: len(re.sub(r"\{[^}]+\}", "", t)) for t in openapi()["paths"]}
    ordered = sorted(fixed, key=lambda template: -fixed[template])
    return [(pattern(t), t, openapi()["paths"][t]) for t in ordered]


def _request_problems(exchange: Exchange, operation: Operation) -> Iterator[str]:
    unknown = set(exchange.query) - operation.query_names
    if unknown:
        yield f"unknown in the query: {sorted(unknown)}"
    schema = operation.request_schema
    if exchange.request is not None and 200 <= exchange.status < 300:
        if schema is None:
            if exchange.request != {}:
                yield "takes no body"
            return
        for problem in _schema_problems(schema, exchange.request):
            yield f"request {problem}"


def _answer_problems(exchange: Exchange, operation: Operation) -> Iterator[str]:
    status = exchange.status
    if status == 0:
        return
    described = operation.description["responses"].get(str(status))
    if described is None:
        if status not in GENERAL_STATUSES and status < 500:
            yield f"status {status} is not documented"
        if status >= 400 and not isinstance(exchange.response.get("message"), str):
            yield f"status {status} has no message"
        return
    content = resolve(described).get("content", {})
    media = content.get("application/json") or content.get("application/scim+json")
    if media is None:
        if exchange.response not in (None, {}) and status < 400:
            yield f"status {status} has no body in the description"
        return
    schema = CORRECTED_ANSWERS.get(operation.template, media["schema"])
    if status == 422 and "oneOf" in schema:
        # The kinds of refusals overlap: most answers are of several.
        schema = {"anyOf": schema["oneOf"]}
    for problem in _schema_problems(schema, exchange.response):
        yield f"answer {status} {problem}"


# --- JSON against schemas of OpenAPI 3.0


def _nullable(keyword: Callable[..., Any]) -> Callable[..., Any]:
    """Return the keyword's check, passed over for None where that is allowed."""

    def check(
        validator: Any, value: Any, instance: Any, schema: Schema
    ) -> Iterator[ValidationError]:
        if instance is not None or not schema.get("nullable"):
            yield from keyword(validator, value, instance, schema) or ()

    return check


def _reference(
    validator: Any, value: str, instance: Any, _schema: Schema
) -> Iterator[ValidationError]:
    yield from validator.descend(instance, resolve({"$ref": value}))


_KEYWORDS = {
    name: _nullable(check) for name, check in Draft202012Validator.VALIDATORS.items()
}
_Validator = validators.create(
    Draft202012Validator.META_SCHEMA, {**_KEYWORDS, "$ref": _nullable(_reference)}
)


def _schema_problems(schema: Schema, value: Json) -> Iterator[str]:
    for error in _Validator(schema).iter_errors(value):
        yield f"{error.json_path}: {_deepest(error).message[:300]}"
    yield from _undeclared([schema], value, "$")


def _deepest(error: ValidationError) -> ValidationError:
    """Return the error of the alternative that nearly fits."""
    while error.context:
        error = max(error.context, key=lambda e: len(e.absolute_path))
    return error


def _undeclared(schemas: Iterable[Schema], value: Json, path: str) -> Iterator[str]:
    """Yield the keys that no alternative of the description knows."""
    alternatives = [part for schema in schemas for part in _alternatives(schema)]
    if isinstance(value, list):
        items = [part["items"] for part in alternatives if "items" in part]
        for index, item in enumerate(value):
            yield from _undeclared(items, item, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    is_open = any(
        part.get("additionalProperties")
        or (part.get("type") == "object" and "properties" not in part)
        for part in alternatives
    )
    for key, inner in value.items():
        found = [
            part["properties"][key]
            for part in alternatives
            if key in part.get("properties", {})
        ]
        if found:
            yield from _undeclared(found, inner, f"{path}.{key}")
        elif alternatives and not is_open:
            yield f"{path}.{key}: not in the description"


def _alternatives(schema: Schema) -> Iterator[Schema]:
    schema = resolve(schema)
    yield schema
    for word in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(word, []):
            yield from _alternatives(part)


# --- GraphQL


def _graphql_problems(exchange: Exchange) -> Iterator[str]:
    if exchange.status != 200 or not isinstance(exchange.request, dict):
        return
    document, problems = _read(exchange.request["query"])
    yield from problems
    data = exchange.response.get("data")
    if data is None:
        if not exchange.response.get("errors"):
            yield "GraphQL: neither data nor errors"
        return
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, graphql.FragmentDefinitionNode)
    }
    for definition in document.definitions:
        if isinstance(definition, graphql.OperationDefinitionNode):
            root = graphql_schema().get_root_type(definition.operation)
            assert root is not None
            yield from _shape_problems(
                root, definition.selection_set, data, fragments, "data"
            )


@cache
def _read(query: str) -> tuple[graphql.DocumentNode, list[str]]:
    """Return a query and what is wrong with it, whatever its variables are."""
    document = graphql.parse(query)
    errors = graphql_answers.validation_errors(graphql_schema(), document)
    return document, [f"GraphQL: {error.message}" for error in errors]


def _shape_problems(
    type_: Any,
    selections: graphql.SelectionSetNode | None,
    value: Json,
    fragments: Mapping[str, graphql.FragmentDefinitionNode],
    path: str,
) -> Iterator[str]:
    """Yield where the data is not what the schema promises for the selections."""
    if isinstance(type_, graphql.GraphQLNonNull):
        if value is None:
            yield f"GraphQL {path}: null"
        type_ = type_.of_type
    if value is None:
        return
    if isinstance(type_, graphql.GraphQLList):
        for index, item in enumerate(value):
            inner = f"{path}[{index}]"
            yield from _shape_problems(
                type_.of_type, selections, item, fragments, inner
            )
        return
    if selections is None:
        if isinstance(type_, graphql.GraphQLEnumType) and value not in type_.values:
            yield f"GraphQL {path}: {value!r} is no {type_.name}"
        return
    name = value.get("__typename")
    if name is not None:
        type_ = graphql_schema().type_map[name]
    for node in selections.selections:
        if isinstance(node, graphql.FieldNode):
            key = (node.alias or node.name).value
            if node.name.value == "__typename" or not hasattr(type_, "fields"):
                continue
            field = type_.fields.get(node.name.value)
            if field is not None and key in value:
                yield from _shape_problems(
                    field.type, node.selection_set, value[key], fragments,
                    f"{path}.{key}",
                )  # fmt: skip
            elif field is not None:
                yield f"GraphQL {path}.{key}: missing"
        else:
            inner_node = (
                node
                if isinstance(node, graphql.InlineFragmentNode)
                else fragments[node.name.value]  # type: ignore[attr-defined]  # a spread
            )
            condition = inner_node.type_condition
            if condition is None or condition.name.value == getattr(
                type_, "name", None
            ):
                yield from _shape_problems(
                    type_, inner_node.selection_set, value, fragments, path
                )


def _package(name: str) -> Path:
    found = folder()
    assert found is not None, ADVICE
    return found / "@octokit" / name
