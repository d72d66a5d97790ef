"""Reads what a reviewer wrote: JSON of our own form, or SARIF."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import ErrorDetails

from bot.core.remarks import Level, Remark, Said, Side, Verdict, Written
from bot.core.review.checked import Misfit, Path, checked, each
from bot.core.review.paths import below
from bot.core.review.sarif import is_sarif, read_sarif
from bot.core.world.markdown import cut

MOST_IN_DIFF = 300
"""Remarks on changed files that are kept: a review shows fewer, and counts the rest."""

MOST_OUTSIDE = 50
"""Remarks on files that did not change that are kept."""

RESULT_FILE = "result.json"
SARIF_FILE = "result.sarif"
MOST_BYTES = 8 * 1024**2
"""Of what a command wrote; whoever needs more has looked at more than a change."""

MOST_OBJECTS = 200_000
"""JSON objects in that: a megabyte of empty ones takes a gigabyte of memory."""

SUMMARY_LENGTH = 20_000
BODY_LENGTH = 4_000
SUGGESTION_LENGTH = 10_000

_LESS = "write what is said of the changed files alone"
_FORM = "{summary, verdict, comments: [{path, line, body}]}"
_FENCED = re.compile(r"\s*(`{3,})(?:json|sarif)?[ \t]*\n(.*)\n\1\s*\Z", re.DOTALL)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)


class Unusable(ValueError):
    """A text is no review; the message says where, and what was expected there."""


def _word(value: object) -> object:
    return value.strip().upper().replace("-", "_") if isinstance(value, str) else value


def _checked_verdict(word: str) -> str:
    if word not in {one.event for one in Verdict}:
        message = f"“{cut(word, 40)}” is no verdict; there is {_listed(Verdict)}"
        raise ValueError(message)
    return word


def _checked_side(word: str) -> str:
    if word not in set(Side):
        message = f"“{cut(word, 40)}” is no side; there is LEFT and RIGHT"
        raise ValueError(message)
    return word


def _listed(verdicts: type[Verdict]) -> str:
    *some, last = [one.event for one in verdicts]
    return f"{', '.join(some)} and {last}"


_Line = Annotated[int, Field(ge=1)]


class _Comment(BaseModel):
    model_config = ConfigDict(strict=True)

    path: Annotated[str, Field(min_length=1)]
    line: _Line | None = None
    start_line: _Line | None = None
    side: Annotated[str, BeforeValidator(_word), AfterValidator(_checked_side)] = (
        "RIGHT"
    )
    body: str = ""
    suggestion: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "_Comment":
        if not self.body.strip() and self.suggestion is None:
            message = "needs a body, a suggestion or both"
            raise ValueError(message)
        return self


class _Review(BaseModel):
    model_config = ConfigDict(strict=True)

    summary: str = ""
    verdict: (
        Annotated[str, BeforeValidator(_word), AfterValidator(_checked_verdict)] | None
    ) = None
    comments: list[Any] = Field(default=[])  # each is a ``_Comment``


def read_review(text: str, *, roots: Sequence[str] = ()) -> Said:
    """Return what a reviewer says; *roots* are absolute paths of its workspace.

    Raises ``Unusable``.
    """
    bare = text.removeprefix("\ufeff")
    fenced = _FENCED.match(bare)
    before = bare[: fenced.start(2)].count("\n") if fenced else 0
    document = fenced[2] if fenced else bare
    if document.count("{") > MOST_OBJECTS:
        message = f"more than {MOST_OBJECTS:,} objects: {_LESS}"
        raise Unusable(message)
    try:
        value = json.loads(document)
    except json.JSONDecodeError as error:
        problem = error.msg[:1].lower() + error.msg[1:]
        message = (
            f"line {error.lineno + before}, column {error.colno}: no JSON: {problem}"
        )
        raise Unusable(message) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits
        message = "no JSON that can be read: it is too deep, or has too long a number"
        raise Unusable(message) from error
    if not isinstance(value, dict):
        message = f"line {1 + before}: expected an object, {_FORM}, or SARIF"
        raise Unusable(message)
    try:
        if is_sarif(value):
            return read_sarif(value, roots)
        return _read_own(value, roots)
    except Misfit as error:
        line = _line_of(document, error.place) + before
        rest = f" (and {error.more} more)" if error.more else ""
        told = f"{_spelled(error.place)}: {_expected(error.detail)}{rest}"
        message = f"line {line}: {told}"
        raise Unusable(message) from error
    except ValueError as error:
        message = f"line {_line_of(document, ('version',)) + before}: {error}"
        raise Unusable(message) from error


def read_written(written: Sequence[Written], *, roots: Sequence[str] = ()) -> Said:
    """Return what a command says in the first file that it wrote, or why that is no
    review.
    """
    first = next((one for one in written if one.name or one.text.strip()), None)
    if first is None:
        files = f"neither `{RESULT_FILE}` nor `{SARIF_FILE}` into `BATCH_OUTPUT`"
        return Said(fault=f"it wrote {files}, nor anything to its standard output")
    name = f"`{first.name}`" if first.name else "its standard output"
    try:
        return read_review(_readable(first), roots=roots)
    except Unusable as error:
        return Said(fault=f"{name} is no review: {error}")


def _readable(written: Written) -> str:
    if not written.is_whole:
        message = f"more than {MOST_BYTES // 1024**2} MiB: {_LESS}"
        raise Unusable(message)
    if not written.is_text:
        message = "no text in UTF-8"
        raise Unusable(message)
    return written.text


def condensed(said: Said, changed: Collection[str]) -> Said:
    """Return what is worth keeping: remarks on *changed* files before all others."""
    inside = [one for one in said.remarks if one.path in changed]
    outside = [one for one in said.remarks if one.path not in changed]
    kept = [*inside[:MOST_IN_DIFF], *outside[:MOST_OUTSIDE]]
    return replace(
        said,
        summary=cut(said.summary, SUMMARY_LENGTH),
        remarks=tuple(map(_shortened, kept)),
        left_out=said.left_out + len(said.remarks) - len(kept),
        tools=tuple(cut(name, 60) for name in said.tools[:5]),
    )


def _shortened(remark: Remark) -> Remark:
    """Return a remark cut to size; half a suggestion is none."""
    suggested = remark.suggestion or ""
    edited = sum(len(edit.text) for edit in remark.edits)
    return replace(
        remark,
        path=cut(remark.path, 1_000),
        body=cut(remark.body, BODY_LENGTH),
        suggestion=remark.suggestion if len(suggested) <= SUGGESTION_LENGTH else None,
        edits=remark.edits if edited <= SUGGESTION_LENGTH else (),
        rule=cut(remark.rule, 100),
        rule_url=remark.rule_url if len(remark.rule_url) <= 500 else "",
    )


def _read_own(value: Mapping[str, Any], roots: Sequence[str]) -> Said:
    if not value.keys() & _Review.model_fields.keys():
        message = f"expected {_FORM}, or SARIF with its runs"
        raise ValueError(message)
    told = checked(
        _Review, {k: v for k, v in value.items() if v is not None or k == "verdict"}
    )
    comments = each(_Comment, told.comments, ("comments",))
    return Said(
        summary=told.summary,
        verdict=Verdict((told.verdict or Verdict.COMMENT).lower()),
        remarks=tuple(_remark(one, roots) for one in comments),
    )


def _remark(comment: _Comment, roots: Sequence[str]) -> Remark:
    last = comment.line or comment.start_line or 0
    first = comment.start_line or last
    return Remark(
        below(comment.path, roots),
        comment.body.strip(),
        line=max(first, last),
        start_line=min(first, last) if first != last else 0,
        side=Side(comment.side),
        level=Level.WARNING,
        suggestion=comment.suggestion,
    )


def _spelled(path: Sequence[str | int]) -> str:
    """Return a place in JSON as people write it: ``comments[3].line``."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".") or "it"


def _expected(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "missing":
            return "this is missing"
        case "value_error":
            return str(detail["ctx"]["error"])
        case "string_type":
            return "expected a text"
        case "int_type" | "int_parsing" | "int_from_float":
            return "expected a whole number"
        case "greater_than_equal":
            return f"expected {detail['ctx']['ge']} or more"
        case "list_type":
            return "expected a list"
        case "model_type" | "model_attributes_type" | "dict_type" | "mapping_type":
            return "expected an object"
        case "bool_type" | "bool_parsing":
            return "expected true or false"
        case "string_too_short":
            return "expected a text that is not empty"
        case _:
            return detail["msg"][:1].lower() + detail["msg"][1:]


def _line_of(document: str, path: Sequence[str | int]) -> int:
    """Return the line of a value in JSON, or of what it would stand in."""
    wanted, best, at = tuple(path), 0, 0
    for place, where in _places(document):
        shared = len(where)
        if where == wanted[:shared] and shared >= best:
            if shared > best or shared == 0:
                best, at = shared, place
            if where == wanted:
                break
    return document.count("\n", 0, at) + 1


def _places(document: str) -> Iterator[tuple[int, Path]]:
    """Yield where each value of a JSON text begins, with its path."""
    path: list[str | int] = []  # of the value that comes next
    closes: list[str] = []
    is_key = False
    for token in _TOKEN.finditer(document):
        match token[0]:
            case "{" | "[" as opening:
                yield token.start(), tuple(path)
                closes.append("}" if opening == "{" else "]")
                is_key = opening == "{"
                path.append("" if is_key else 0)
            case "}" | "]":
                closes.pop()
                path.pop()
                is_key = False
            case ",":
                is_key = closes[-1] == "}"
                if not is_key:
                    path[-1] = int(path[-1]) + 1
            case ":":
                is_key = False
            case text if is_key:
                path[-1] = json.loads(text)
            case _:
                yield token.start(), tuple(path)
