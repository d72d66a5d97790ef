"""What the issue says: the tests and modules that its text names."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bot.demo.repair.workspace import NoRepair, Workspace

CODE = re.compile(r"```.*?```|~~~.*?~~~|`[^`\n]+`", re.DOTALL)
DOTTED = re.compile(r"[A-Za-z_]\w*(?:(?:\.|/|::)[A-Za-z_]\w*)*")


def read_item(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the issue; raises ``NoRepair`` if there is none."""
    path = environment.get("BATCH_ITEM_FILE")
    if not path:
        message = "BATCH_ITEM_FILE does not name the file of an issue."
        raise NoRepair(message)
    try:
        item = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"The issue in {path} cannot be read: {error}"
        raise NoRepair(message) from error
    if not isinstance(item, dict):
        message = f"{path} holds no issue."
        raise NoRepair(message)
    return item


def names_in_code(text: str) -> list[tuple[str, ...]]:
    """Return the dotted names in code spans and fences, in order: tests and modules.

    ``tests/test_parser.py::TupleTest`` and ``tests.test_parser.TupleTest`` are the same.
    """
    names: dict[tuple[str, ...], None] = {}
    for code in CODE.findall(text):
        for name in DOTTED.findall(code):
            parts = re.split(r"\.|/|::", name)
            names[tuple(part for part in parts if part != "py")] = None
    return list(names)


def named_tests(names: Iterable[tuple[str, ...]], known: Iterable[str]) -> list[str]:
    """Return the tests that are named, by the most exact of the names.

    A traceback in the issue names whole files: they do not count beside a test.
    """
    tests = sorted(known)
    found: dict[str, int] = {}  # how many parts of the test the name leaves open
    for name in names:
        if not any(part.lower().startswith("test") or "Test" in part for part in name):
            continue
        for test in tests:
            parts = tuple(test.split("."))
            end = _end_of(name, parts)
            if end:
                found[test] = min(found.get(test, len(parts)), len(parts) - end)
    exact = min(found.values(), default=0)
    return [test for test, open_parts in found.items() if open_parts == exact]


def _end_of(name: tuple[str, ...], parts: tuple[str, ...]) -> int:
    """Return where the name ends within the parts of a test, or 0."""
    for start in range(len(parts) - len(name) + 1):
        if parts[start : start + len(name)] == name:
            return start + len(name)
    return 0


def named_sources(
    names: Iterable[tuple[str, ...]], workspace: Workspace
) -> frozenset[Path]:
    """Return the modules that are named, also by something in them."""
    found = set()
    for path in workspace.sources:
        parts = path.with_suffix("").parts
        for name in names:
            tail = name[: len(parts)]
            if len(name) >= 2 and (tail == parts or parts[-len(name) :] == name):
                found.add(path)
    return frozenset(found)
