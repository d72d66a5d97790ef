"""SARIF 2.1.0, as tools write it: results become remarks.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from bot.core.remarks import Edit, Level, Remark, Said
from bot.core.review.checked import Few, Items, Path, checked, each
from bot.core.review.paths import below, is_absolute, of_uri

VERSION = "2.1.0"

_MOST_HELP = 300
"""Characters of a rule's own words that are shown where it has no page."""

_MOST_NOTICES = 3
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d{1,3})\}")
_LINK = re.compile(r"(?<!\\)\[((?:[^\]\\]|\\.)*)\]\((?:[^)\\]|\\.)*\)")
_ESCAPED = re.compile(r"\\([\[\]\\])")
_LEVELS = {"error": Level.ERROR, "warning": Level.WARNING}
_NO_FINDING = ("pass", "notApplicable")
_NOT_NEW = ("absent", "unchanged")
_IN_DOUBT = ("underReview", "rejected")


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class _Text(_Part):
    text: str | None = None


class _Message(_Text):
    id: str | None = None
    arguments: Items[str] | None = None


class _ArtifactLocation(_Part):
    uri: str | None = None
    uri_base_id: str | None = None
    index: int | None = None


class _Region(_Part):
    start_line: int | None = None
    end_line: int | None = None
    start_column: int | None = None
    end_column: int | None = None


class _PhysicalLocation(_Part):
    artifact_location: _ArtifactLocation | None = None
    region: _Region | None = None


class _Location(_Part):
    physical_location: _PhysicalLocation | None = None


class _Suppression(_Part):
    status: str | None = None


class _Replacement(_Part):
    deleted_region: _Region
    inserted_content: _Text | None = None


class _ArtifactChange(_Part):
    artifact_location: _ArtifactLocation
    replacements: Items[_Replacement]


class _Fix(_Part):
    artifact_changes: Items[_ArtifactChange] | None = None


class _Component(_Part):
    index: int | None = None


class _RuleReference(_Part):
    id: str | None = None
    index: int | None = None
    tool_component: _Component | None = None


class _Result(_Part):
    rule_id: str | None = None
    rule_index: int | None = None
    rule: _RuleReference | None = None
    kind: str | None = None
    level: str | None = None
    message: _Message
    locations: Items[_Location] | None = None
    suppressions: Items[_Suppression] | None = None
    baseline_state: str | None = None
    fixes: Items[_Fix] | None = None


class _RuleLevel(_Part):
    level: str | None = None


class _Rule(_Part):
    id: str = ""
    help_uri: str | None = None
    help: _Text | None = None
    short_description: _Text | None = None
    message_strings: Annotated[Mapping[str, _Text], Few] | None = None
    default_configuration: _RuleLevel | None = None


class _Driver(_Part):
    name: str = ""
    rules: list[Any] | None = None  # each is a ``_Rule``
    global_message_strings: Annotated[Mapping[str, _Text], Few] | None = None


class _Tool(_Part):
    driver: _Driver
    extensions: Items[_Driver] | None = None


class _Artifact(_Part):
    location: _ArtifactLocation | None = None


class _Notification(_Part):
    level: str | None = None
    message: _Message | None = None


class _Invocation(_Part):
    execution_successful: bool = True
    tool_execution_notifications: Items[_Notification] | None = None


class _Run(_Part):
    tool: _Tool
    results: list[Any] | None = None  # each is a ``_Result``
    artifacts: Items[_Artifact] | None = None
    invocations: Items[_Invocation] | None = None
    original_uri_base_ids: Annotated[Mapping[str, _ArtifactLocation], Few] | None = None


class _Log(_Part):
    version: str
    runs: list[Any]  # each is a ``_Run``


def is_sarif(value: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is meant for SARIF."""
    return "runs" in value


def read_sarif(value: Mapping[str, Any], roots: Sequence[str]) -> Said:
    """Return what the runs of a log say; *roots* are absolute paths of the workspace.

    Raises ``Misfit``, and ``ValueError`` for another version.
    """
    version = value.get("version")
    if isinstance(version, str) and version != VERSION:
        message = f"version: this is SARIF {version[:20]}; {VERSION} is read"
        raise ValueError(message)
    log = checked(_Log, value)
    runs = list(each(_Run, log.runs, ("runs",)))
    remarks = [
        remark
        for number, run in enumerate(runs)
        for remark in _Reader(run, roots, ("runs", number)).remarks()
    ]
    notices = [line for run in runs for line in _notices(run)]
    names = dict.fromkeys(run.tool.driver.name for run in runs)
    return Said(
        summary="\n".join(notices),
        remarks=tuple(remarks),
        tools=tuple(name for name in names if name),
    )


def _notices(run: _Run) -> Iterator[str]:
    """Yield that a tool did not do its work, and what it says of that."""
    for invocation in run.invocations or ():
        if invocation.execution_successful:
            continue
        told = [
            note.message.text
            for note in invocation.tool_execution_notifications or ()
            if note.level == "error" and note.message and note.message.text
        ]
        name = run.tool.driver.name or "The tool"
        yield f"{name} says that it did not get to its end."
        yield from (f"- {' '.join(text.split())}" for text in told[:_MOST_NOTICES])


class _Reader:
    """Reads the results of one run by what the run says of its rules and files.

    *at* is where the run stands.
    """

    def __init__(self, run: _Run, roots: Sequence[str], at: Path) -> None:
        self._run = run
        self._roots = roots
        self._at = at
        components = [run.tool.driver, *(run.tool.extensions or ())]
        owners = [("driver",), *(("extensions", n) for n in range(len(components) - 1))]
        self._rules = [
            list(each(_Rule, component.rules or (), (*at, "tool", *owner, "rules")))
            for owner, component in zip(owners, components, strict=True)
        ]
        self._by_id = {
            rule.id: rule for rules in reversed(self._rules) for rule in rules
        }

    def remarks(self) -> Iterator[Remark]:
        """Yield what is to be said, in the order of the results. Raises ``Misfit``."""
        place = (*self._at, "results")
        for result in each(_Result, self._run.results or (), place):
            if not _is_quiet(result):
                yield self._remark(result)

    def _remark(self, result: _Result) -> Remark:
        rule, name = self._rule(result)
        place = next(
            (
                one.physical_location
                for one in result.locations or ()
                if one.physical_location
            ),
            None,
        )
        path, first, last = "", 0, 0
        if place:
            path = self._path(place.artifact_location)
            first, last = _lines(place.region)
        url = (rule.help_uri or "") if rule else ""
        is_page = url.startswith(("https://", "http://"))
        text = self._text(result.message, rule)
        more = "" if is_page or rule is None else _help(rule, text)
        return Remark(
            path,
            "\n\n".join(filter(None, (text, more))),
            line=last,
            start_line=first if first < last else 0,
            level=_level(result, rule),
            edits=tuple(self._edits(result, path)),
            rule=name,
            rule_url=url if is_page else "",
        )

    def _rule(self, result: _Result) -> tuple[_Rule | None, str]:
        """Return the rule of a result, and its name."""
        given = result.rule or _RuleReference()
        name = result.rule_id or given.id or ""
        index = result.rule_index if result.rule_index is not None else given.index
        if index is not None and index >= 0:
            owner = given.tool_component.index if given.tool_component else None
            place = 0 if owner is None else owner + 1
            of_owner = self._rules[place : place + 1] if place >= 0 else []
            rules = of_owner[0] if of_owner else []
            if index < len(rules):
                return rules[index], name or rules[index].id
        wanted = name
        while wanted:  # CA1000/1 is a part of CA1000
            if (rule := self._by_id.get(wanted)) is not None:
                return rule, name
            wanted = wanted.rpartition("/")[0]
        return None, name

    def _text(self, message: _Message, rule: _Rule | None) -> str:
        text = message.text
        if text is None and message.id is not None:
            of_rule = (rule.message_strings or {}) if rule else {}
            of_tool = self._run.tool.driver.global_message_strings or {}
            found = of_rule.get(message.id) or of_tool.get(message.id)
            text = found.text if found else None
        arguments = message.arguments or []
        if text and arguments:
            text = _PLACEHOLDER.sub(lambda match: _filled(match, arguments), text)
        return _ESCAPED.sub(r"\1", _LINK.sub(r"\1", text or "")).strip()

    def _path(self, location: _ArtifactLocation | None) -> str:
        artifacts = self._run.artifacts or []
        if location and location.uri is None and location.index is not None:
            known = artifacts[location.index : location.index + 1]
            location = known[0].location if location.index >= 0 and known else None
        if location is None or not location.uri:
            return ""
        own = of_uri(location.uri)
        if is_absolute(own) or not location.uri_base_id:
            return below(own, self._roots)
        whole = below(self._base(location.uri_base_id) + own, self._roots)
        # Where the base is a place of another machine it stands for the root.
        return below(own, self._roots) if whole.startswith("…/") else whole

    def _base(self, name: str, depth: int = 0) -> str:
        """Return where a base is; empty if nobody says."""
        known = (self._run.original_uri_base_ids or {}).get(name)
        if known is None or depth > len(self._run.original_uri_base_ids or {}):
            return ""
        own = of_uri(known.uri or "")
        own += "/" if own and not own.endswith("/") else ""
        if known.uri_base_id and not is_absolute(own):
            return self._base(known.uri_base_id, depth + 1) + own
        return own

    def _edits(self, result: _Result, path: str) -> Iterator[Edit]:
        """Yield the first fix, if it changes that file alone."""
        fix = next(iter(result.fixes or ()), None)
        changes = (fix.artifact_changes or []) if fix else []
        if len(changes) != 1 or self._path(changes[0].artifact_location) != path:
            return
        for one in changes[0].replacements:
            region = one.deleted_region
            first, last = region.start_line, region.end_line or region.start_line
            if not first or not last or region.start_column is None:
                return
            text = (one.inserted_content.text or "") if one.inserted_content else ""
            end = region.end_column or region.start_column
            yield Edit(first, region.start_column, last, end, text)


def _is_quiet(result: _Result) -> bool:
    """Return whether a result is nothing that somebody has to look at."""
    suppressions = result.suppressions or ()
    is_suppressed = bool(suppressions) and not any(
        one.status in _IN_DOUBT for one in suppressions
    )
    return (
        is_suppressed or result.kind in _NO_FINDING or result.baseline_state in _NOT_NEW
    )


def _level(result: _Result, rule: _Rule | None) -> Level:
    if result.kind not in (None, "fail"):
        return Level.NOTE
    level = result.level
    if level is None and rule is not None and rule.default_configuration:
        level = rule.default_configuration.level
    return _LEVELS.get(level or "warning", Level.NOTE)


def _lines(region: _Region | None) -> tuple[int, int]:
    """Return the first and the last line of a region; zeros if it names none."""
    if region is None or not region.start_line or region.start_line < 1:
        return 0, 0
    first = region.start_line
    last = max(first, region.end_line or first)
    if last > first and region.end_column == 1:
        last -= 1  # it ends before the first character of that line
    return first, last


def _help(rule: _Rule, text: str) -> str:
    """Return what a rule says of itself, where that is short and says more."""
    for told in (rule.help, rule.short_description):
        words = " ".join((told.text or "").split()) if told else ""
        if words and len(words) <= _MOST_HELP and words.rstrip(".") != text.rstrip("."):
            return words
    return ""


def _filled(match: re.Match[str], arguments: Sequence[str]) -> str:
    if match[1] is None:
        return match[0][0]
    place = int(match[1])
    return arguments[place] if place < len(arguments) else match[0]
