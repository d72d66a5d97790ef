"""YAML as people mean it: version 1.2, no aliases, no key twice, and where each value is."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

_MAX_DEPTH = 12

Path = tuple[str | int, ...]
"""Where a value stands: keys and places in lists, from the outside in."""


class DocumentError(ValueError):
    """A text is no such document. ``line`` is where it stops being one; 0: unknown."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


def read_document(text: str) -> tuple[Any, Mapping[Path, int]]:
    """Return the value that *text* holds, None if nothing, and the line of each part.

    Only whole numbers, ``true``, ``false`` and ``null`` are more than text: ``on``,
    ``no`` and dates are words. Raises ``DocumentError``.
    """
    lines: dict[Path, int] = {}
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        value = None if node is None else _value(node, (), lines)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "this is not YAML"
        raise DocumentError(str(problem), mark.line + 1 if mark else 0) from error
    finally:
        if loader is not None:
            loader.dispose()
    return value, lines


def line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """Return the line of a value, or of what it would stand in."""
    for length in range(len(path), -1, -1):
        if (line := lines.get(path[:length])) is not None:
            return line
    return 1


class _Loader(yaml.SafeLoader):
    """Composes without aliases, with which a small file can stand for a huge one."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node, unless it repeats another one or lies too deep."""
        problem = ""
        if self.check_event(yaml.AliasEvent):
            problem = "aliases (*name) are not supported; write the value again"
        elif self.depth >= _MAX_DEPTH:
            problem = "this is nested too deep"
        if problem:
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=self.get_mark())
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def _value(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode):
        return [
            _value(child, (*path, at), lines) for at, child in enumerate(node.value)
        ]
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node)


def _mapping(
    node: yaml.MappingNode, path: Path, lines: dict[Path, int]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, child in node.value:
        mark = key_node.start_mark
        if not isinstance(key_node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(
                problem="a key must be a word", problem_mark=mark
            )
        key = key_node.value
        if key in found:
            problem = f"\u201c{key}\u201d stands here twice"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        lines[(*path, key)] = mark.line + 1
        found[key] = _value(child, (*path, key), lines)
    return found


def _scalar(node: yaml.ScalarNode) -> Any:
    """Return text, a whole number, a truth value or None; all else stays text."""
    text: str = node.value
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "null":
            return None
        case "bool" if text.casefold() in ("true", "false"):
            return text.casefold() == "true"
        case "int" if re.fullmatch(r"[-+]?[0-9]{1,9}", text):
            return int(text)
        case _:
            return text
