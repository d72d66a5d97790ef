"""YAML as people mean it: version 1.2, no key twice, and where each value is."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

_MAX_DEPTH = 12
_MAX_DEPTH_OF_WORKFLOWS = 50

Path = tuple[str | int, ...]
"""Where a value stands: keys and places in lists, from the outside in."""


class _Broken:
    """What stands in the place of a value of which a fault tells already."""


BROKEN: Final = _Broken()


@dataclass(frozen=True, slots=True)
class Place:
    """A line and its columns, counted from 1 in code points; 0: unknown.

    ``end_column`` is the last one of it, if it ends on its line.
    """

    line: int = 0
    column: int = 0
    end_column: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """What a text does that no document may."""

    place: Place
    problem: str


@dataclass(frozen=True, slots=True)
class Document:
    """A value with where its parts stand, and what is wrong with how it is written."""

    value: Any = None  # None: nothing; with a fault: it may be more than is read
    faults: tuple[Fault, ...] = ()
    keys: Mapping[Path, Place] = field(default_factory=dict)
    values: Mapping[Path, Place] = field(default_factory=dict)

    def place_of(self, path: Path) -> Place:
        """Return where a value stands, or what it would stand in."""
        return _nearest(path, self.values)

    def place_of_key(self, path: Path) -> Place:
        """Return where a key stands, or the value if it has none."""
        return self.keys.get(path) or self.place_of(path)


class DocumentError(ValueError):
    """A text is no such document. ``line`` is where it stops being one; 0: unknown."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


def read_document(text: str) -> tuple[Any, Mapping[Path, int]]:
    """Return the value that *text* holds, None if nothing, and the line of each part.

    Raises ``DocumentError`` for the first fault.
    """
    document = parse_document(text)
    for fault in document.faults:
        raise DocumentError(fault.problem, fault.place.line)
    places = {**document.values, **document.keys}
    return document.value, {path: place.line for path, place in places.items()}


def line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """Return the line of a value, or of what it would stand in."""
    for length in range(len(path), -1, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return 1


def parse_document(text: str, *, is_workflow: bool = False) -> Document:
    """Return what *text* holds, by YAML's core schema, with every fault of it.

    Only numbers, ``true``, ``false`` and ``null`` are more than text: ``on``, ``no`` and
    dates are words. What a fault concerns is ``BROKEN`` in the value. Aliases and tags
    are faults, but in a workflow, where GitHub takes them; there an alias is the same
    value as what it repeats. Never raises.
    """
    if faults := tuple(_unreadable(text)):
        return Document(faults=faults)
    reading = _Reading()
    loader = None
    try:
        loader = (_Composer if is_workflow else _Loader)(text, reading.faults)
        node = loader.get_single_node()
        value = None if node is None else reading.value(node, ())
    except yaml.YAMLError as error:
        return Document(faults=(*reading.faults, _fault_of(error)))
    finally:
        if loader is not None:
            loader.dispose()
    faults = tuple(sorted(reading.faults, key=lambda one: one.place.line))
    return Document(value, faults, reading.keys, reading.values)


def _nearest(path: Path, places: Mapping[Path, Place]) -> Place:
    for length in range(len(path), -1, -1):
        if (place := places.get(path[:length])) is not None:
            return place
    return Place(1, 1)


_UNREADABLE = re.compile(
    r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_MOST_UNREADABLE = 5


def _unreadable(text: str) -> Iterator[Fault]:
    """Yield the characters that no document may hold, or whose lines others count
    differently.
    """
    for count, found in enumerate(_UNREADABLE.finditer(text)):
        if count == _MOST_UNREADABLE:
            break
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        code = f"U+{ord(found[0]):04X}"
        problem = f"the character {code} stands here; delete it, or write \\u{code[2:].lower()} in double quotes"
        yield Fault(Place(line, column, column), problem)


class _Composer(yaml.SafeLoader):
    """Composes down to a depth; what is repeated is one node."""

    max_depth = _MAX_DEPTH_OF_WORKFLOWS

    def __init__(self, text: str, faults: list[Fault]) -> None:
        super().__init__(text)
        self._faults = faults
        self._depth = 0

    peek_event: Callable[[], Any]
    get_event: Callable[[], Any]

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node. Raises ``YAMLError`` if it stands too deep."""
        if self._depth >= self.max_depth:
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(
                problem="this is nested too deep", problem_mark=mark
            )
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


class _Loader(_Composer):
    """Composes without aliases, with which a small file can stand for a huge one."""

    max_depth = _MAX_DEPTH

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node; of one that repeats another a fault is noted."""
        if self.check_event(yaml.AliasEvent):
            event = self.get_event()
            problem = "aliases (*name) are not supported; write the value again"
            self._faults.append(Fault(_place(event), problem))
            return yaml.ScalarNode(_FAULTY, "", event.start_mark, event.end_mark)
        tag = getattr(self.peek_event(), "tag", None)
        node = super().compose_node(parent, index)
        if tag is not None and node is not None:
            problem = f"tags ({_short(tag.replace(_CORE, '!!'))}) are not supported; leave it out"
            self._faults.append(Fault(_place(node), problem))
            node.tag = _FAULTY
        return node


_FAULTY = "broken"  # the tag of what a fault tells of
_CORE = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"
    r"|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"
)
_LONGEST_NUMBER = 300
_WORTH = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


_UNREAD = object()


class _Reading:
    """Turns nodes into values, and keeps where they stand."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self._read: dict[yaml.Node, Any] = {}

    def value(self, node: yaml.Node, path: Path) -> Any:
        """Return the value of a node: the same for one that repeats another."""
        if node in self._read:
            if self._read[node] is _UNREAD:
                self._say(node, "this stands inside itself")
                return BROKEN
            return self._read[node]
        self._read[node] = _UNREAD
        self._read[node] = self._value(node, path)
        return self._read[node]

    def _value(self, node: yaml.Node, path: Path) -> Any:
        self.values[path] = _place(node)
        if node.tag == _FAULTY:
            return BROKEN
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            children = enumerate(node.value)
            return [self.value(child, (*path, at)) for at, child in children]
        assert isinstance(node, yaml.ScalarNode)
        return node.value if node.style else _plain(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._say(key_node, "a key must be a word")
                continue
            if key_node.tag == _FAULTY:
                continue
            key = key_node.value
            if key in found:
                first = self.keys[(*path, key)].line
                self._say(
                    key_node,
                    f"\u201c{_short(key)}\u201d stands here twice; it is on line {first} already",
                )
                continue
            self.keys[(*path, key)] = _place(key_node)
            found[key] = self.value(child, (*path, key))
        return found

    def _say(self, node: yaml.Node, problem: str) -> None:
        self.faults.append(Fault(_place(node), problem))


def _plain(text: str) -> Any:
    """Return what a word without quotes means, by the core schema of YAML 1.2."""
    if text in _WORTH:
        return _WORTH[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.match(text):
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.match(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _place(node: yaml.Node | yaml.Event) -> Place:
    start, end = node.start_mark, node.end_mark
    if start is None or end is None:
        return Place()
    is_one_line = start.line == end.line
    end_column = max(end.column, start.column + 1) if is_one_line else 0
    return Place(start.line + 1, start.column + 1, end_column)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}\u2026"


_WORDS = (
    (
        re.compile(r"'\\t' that cannot start"),
        "a tab stands here, and YAML indents with spaces",
    ),
    (
        re.compile("mapping values are not allowed"),
        "a key cannot stand here; put a value that has a colon in it in quotes,"
        " and indent keys of one level alike",
    ),
    (
        re.compile("could not find expected ':'"),
        "this is no \u201ckey: value\u201d; a colon is missing",
    ),
    (
        re.compile("but found '<block (?:mapping|sequence) start>'|<block end>"),
        "this line is not indented like those that it belongs to",
    ),
    (
        re.compile("unexpected end of stream|while scanning a quoted scalar"),
        "a quote is not closed",
    ),
    (
        re.compile("expected ',' or|expected the node content|did not find expected"),
        "a bracket is not closed, or a value or comma is missing",
    ),
    (
        re.compile("cannot start any token"),
        "this character begins no value; put the value in quotes",
    ),
    (
        re.compile("YAML document|directive"),
        "YAML's own instructions (%) are not supported; leave this line out",
    ),
    (
        re.compile("another document"),
        "another document begins here; one file is one document",
    ),
    (
        re.compile("unknown escape character"),
        "a backslash in double quotes is written \\\\",
    ),
    (
        re.compile("undefined alias"),
        "this repeats what does not stand before it",
    ),
    (
        re.compile("undefined tag handle"),
        "tags (!name) are not supported; leave it out",
    ),
)
"""What the parser says, and how that reads to somebody who did not write it."""


def _fault_of(error: yaml.YAMLError) -> Fault:
    mark = getattr(error, "problem_mark", None)
    said = str(getattr(error, "problem", None) or "this is not YAML")
    whole = f"{getattr(error, 'context', '') or ''}: {said}"
    problem = next((words for found, words in _WORDS if found.search(whole)), said)
    if mark is None:
        return Fault(Place(), problem)
    return Fault(Place(mark.line + 1, mark.column + 1, mark.column + 1), problem)
