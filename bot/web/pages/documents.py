"""The same pages as JSON, and the OpenAPI document that describes it.

Both come from the values that the pages show.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from bot.core.model import BatchKind
from bot.core.run.usage import Stats
from bot.core.say.installations import InstallationRow, Overview
from bot.core.say.view import BatchRow, BatchView, ItemPage
from bot.ports.store import BatchCounts
from bot.web.forms import VERBS


@dataclass(frozen=True, slots=True)
class BatchList:
    """One page of a list of batches, newest first."""

    batches: tuple[BatchRow, ...]
    counts: BatchCounts  # of all that fit, by the states that one can ask for
    overview: Overview  # of the repositories that were asked for
    next: int  # ``before`` of the next page; 0 if this is the last one


@dataclass(frozen=True, slots=True)
class InstallationList:
    """All installations that have batches."""

    installations: tuple[InstallationRow, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a control."""

    outcome: str  # in a few words
    said: str
    error: str  # why nothing was done; empty if something was, or waits for its turn


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer."""

    error: str


Document = BatchList | BatchView | ItemPage | InstallationList | Stats | Done | Failure

_ADAPTERS: dict[type, TypeAdapter[Any]] = {
    kind: TypeAdapter(kind)
    for kind in (BatchList, BatchView, ItemPage, InstallationList, Stats, Done, Failure)
}
_BATCH = {
    "name": "batch",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[a-z][0-9][a-z][0-9]$"},
}
_ITEM = {
    "name": "item",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[a-z0-9-]{1,100}$"},
}
_ATTEMPT = {
    "name": "attempt",
    "in": "query",
    "description": "Which attempt; the last one if there is none.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 100_000},
}
_SINCE = {
    "name": "since",
    "in": "query",
    "description": "How far back: hours, days or weeks.",
    "schema": {
        "type": "string",
        "pattern": "^[1-9][0-9]{0,3}[hdw]$",
        "default": "30d",
    },
}
LONGEST_TEXT = 80
STATES = ("live", "waiting", "failed", "over")
"""What one can ask for: with work left, of which nothing happens until a person,
the API budget or something outside lets it, with failures, ended."""


def json_of(document: Document) -> bytes:
    """Return a document as JSON."""
    data: bytes = _ADAPTERS[type(document)].dump_json(document)
    return data


@cache
def openapi(version: str) -> bytes:
    """Return the description of all addresses that answer with JSON."""
    inputs = [(kind, "serialization", one) for kind, one in _ADAPTERS.items()]
    schemas, shared = TypeAdapter.json_schemas(
        inputs,  # type: ignore[arg-type]  # of a list of their literals
        ref_template="#/components/schemas/{model}",
    )
    of = {kind.__name__: schema for (kind, _), schema in schemas.items()}
    paths = {
        "/batches": _operation("List batches", of["BatchList"], _list_parameters()),
        "/batches/{batch}": _operation("One batch", of["BatchView"], [_BATCH]),
        "/batches/{batch}/items/{item}": _operation(
            "One item", of["ItemPage"], [_BATCH, _ITEM, _ATTEMPT]
        ),
        "/installations": _operation(
            "Installations, for operators", of["InstallationList"], []
        ),
        "/stats": _operation("What batches cost, for operators", of["Stats"], [_SINCE]),
    }
    described: dict[str, dict[str, Any]] = {
        path: {"get": _with_failures(one, of)} for path, one in paths.items()
    }
    described["/batches/{batch}/controls"] = {"post": _control(of)}
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "batch-bot",
            "version": version,
            "description": "What the pages show, as JSON: with the header Accept:"
            " application/json, or .json behind the address.",
        },
        "paths": described,
        "components": {
            "schemas": shared.get("$defs", {}),
            "securitySchemes": {"operator": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"operator": []}],
    }
    return json.dumps(document).encode()


def _operation(
    summary: str, schema: dict[str, Any], parameters: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": summary,
                "content": {"application/json": {"schema": schema}},
            }
        },
    }


def _control(schemas: dict[str, Any]) -> dict[str, Any]:
    """Return the description of the form that a control is."""
    content = {"application/json": {"schema": schemas["Done"]}}
    done = {"200": "It is done.", "202": "It waits for its turn.", "409": "Refused."}
    operation = _operation("Use a control of a batch", schemas["Done"], [_BATCH])
    operation["responses"] = {
        status: {"description": words, "content": content}
        for status, words in done.items()
    }
    form = {
        "type": "object",
        "required": ["do"],
        "additionalProperties": False,
        "properties": {
            "do": {
                "type": "string",
                "description": "A verb, then the items that it is done to.",
                "pattern": rf"^({'|'.join(VERBS)})( [0-9a-z][0-9a-z-]{{0,40}}){{0,9}}$",
            }
        },
    }
    operation["requestBody"] = {
        "required": True,
        "content": {"application/x-www-form-urlencoded": {"schema": form}},
    }
    more = {"413": "The form is too long.", "415": "It is no such form."}
    return _with_failures(operation, schemas, more)


def _with_failures(
    operation: dict[str, Any],
    schemas: dict[str, Any],
    more: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    content = {"application/json": {"schema": schemas["Failure"]}}
    told = {
        "400": "A parameter does not fit.",
        "404": "It is not there, or not to be seen.",
        "503": "The bot is starting, or its database does not answer.",
        **more,
    }
    failures = {s: {"description": d, "content": content} for s, d in told.items()}
    failures["401"] = {"description": "Sign in first.", "content": content}
    return {**operation, "responses": {**operation["responses"], **failures}}


def _list_parameters() -> list[dict[str, Any]]:
    words = {"type": "string", "maxLength": LONGEST_TEXT}
    kinds = [str(kind) for kind in BatchKind]
    return [
        {"name": "repository", "in": "query", "schema": words},
        {"name": "state", "in": "query", "schema": {"enum": ["", *STATES]}},
        {"name": "kind", "in": "query", "schema": {"enum": ["", *kinds]}},
        {"name": "q", "in": "query", "schema": words},
        {
            "name": "before",
            "in": "query",
            "schema": {"type": "integer", "minimum": 0, "maximum": 2**53},
        },
    ]
