"""Which edits are tried, in which order, and which one is kept."""

import ast
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.demo.repair.edits import Edit, edits_of_source, is_valid
from bot.demo.repair.hints import Hints, read_hints
from bot.demo.repair.trials import IMPORTED, SUITE_SECONDS, Trace, run_tests
from bot.demo.repair.workspace import (
    TEST_SECONDS,
    Line,
    NoRepair,
    Reporter,
    Workspace,
    is_test_file,
)

MOST_CANDIDATES = 800
PRICE_OF_DOUBT = 40  # how many price points a line's suspicion is worth
PRICE_OF_SILENCE = 15  # what a module costs that the issue does not name


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit of a file, and its rank: the lowest is tried first."""

    path: Path
    edit: Edit
    rank: float

    def __str__(self) -> str:
        """Return what it does, such as ``widgets/parser.py:60: `or` → `and` ``."""
        place = f"{self.path.as_posix()}:{self.edit.line}"
        if not self.edit.old:
            return f"{place}: `{self.edit.new.strip()}` added"
        return f"{place}: `{self.edit.old}` → `{self.edit.new}`"


def suspicion(trace: Trace, failing: Iterable[str]) -> dict[Line, float]:
    """Return how suspect each line is, from 0 to 1, that a failing test executes.

    The measure is Ochiai's: failed / sqrt(all failed * executions). What runs while a
    module is imported is there for every test and says little.
    """
    wanted = set(failing)
    in_failed: dict[Line, int] = {}
    in_all: dict[Line, int] = {}
    for test, lines in trace.lines.items():
        for line in lines if test != IMPORTED else ():
            in_all[line] = in_all.get(line, 0) + 1
            in_failed[line] = in_failed.get(line, 0) + (test in wanted)
    scores = {
        line: count / math.sqrt(len(wanted) * in_all[line])
        for line, count in in_failed.items()
        if count
    }
    touched = {path for path, _ in scores}
    for line in trace.lines.get(IMPORTED, ()):
        if line[0] in touched or not touched:
            scores.setdefault(line, 0.1)
    return {
        line: score for line, score in scores.items() if not is_test_file(Path(line[0]))
    }


def rank_candidates(
    workspace: Workspace,
    scores: Mapping[Line, float],
    named: frozenset[Path],
    hints: Hints,
) -> list[Candidate]:
    """Return the edits of the suspect lines, the likeliest first."""
    candidates = []
    for path in sorted({Path(path) for path, _ in scores}):
        source = (workspace.root / path).read_bytes()
        by_line = _spread(
            source, {n: s for (p, n), s in scores.items() if p == str(path)}
        )
        silence = 0 if path in named else PRICE_OF_SILENCE
        for edit in edits_of_source(source, hints):
            if edit.line in by_line:
                doubt = PRICE_OF_DOUBT * (1 - by_line[edit.line])
                candidates.append(Candidate(path, edit, edit.price + doubt + silence))
    candidates.sort(key=lambda candidate: candidate.rank)
    return candidates[:MOST_CANDIDATES]


def hints_of(workspace: Workspace, failing: Iterable[str]) -> Hints:
    """Return what the failing tests mention; nothing if their files are not found."""
    functions = frozenset(test.rpartition(".")[2] for test in failing)
    stems = {part for test in failing for part in test.split(".")}
    numbers: list[int] = []
    strings: list[str] = []
    names: list[str] = []
    for path in sorted(workspace.test_folder.rglob("*.py")):
        if path.stem in stems:
            with suppress(SyntaxError):
                found = read_hints(path.read_bytes(), functions)
                numbers += found.numbers
                strings += found.strings
                names += found.names
    return Hints(tuple(numbers), tuple(strings), tuple(names))


def search(
    workspace: Workspace,
    candidates: Iterable[Candidate],
    failing: list[str],
    passed_before: frozenset[str],
    report: Reporter,
) -> Candidate:
    """Return the first edit that repairs the tests and breaks none; it stays on disk.

    Raises ``NoRepair`` and leaves the files as they were.
    """
    base = run_tests(workspace, failing, cpu_seconds=SUITE_SECONDS)
    limit = 1 + 5 * base.cpu_seconds if base else TEST_SECONDS
    tried = 0
    for candidate in candidates:
        path = workspace.root / candidate.path
        original = path.read_bytes()
        edited = candidate.edit.apply(original)
        if not is_valid(edited):
            continue
        tried += 1
        path.write_bytes(edited)
        kept = False
        try:
            kept = _is_good(workspace, failing, passed_before, limit)
        finally:
            if not kept:
                path.write_bytes(original)
        if kept:
            report.say(f"  edit {tried} repairs it: {candidate}")
            return candidate
    tests = ", ".join(failing)
    message = f"None of {tried} small edits makes {tests} pass."
    raise NoRepair(message)


def _is_good(
    workspace: Workspace,
    failing: list[str],
    passed_before: frozenset[str],
    limit: float,
) -> bool:
    trial = run_tests(workspace, failing, cpu_seconds=limit)
    if trial is None or trial.failed or not trial.passed:
        return False
    suite = run_tests(workspace, None, cpu_seconds=SUITE_SECONDS)
    return suite is not None and passed_before <= suite.passed


def _spread(source: bytes, scores: Mapping[int, float]) -> dict[int, float]:
    """Return the scores with all lines of a statement as suspect as its worst."""
    spread = dict(scores)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.stmt):
            continue
        body = getattr(node, "body", None)
        end = body[0].lineno - 1 if body else node.end_lineno or node.lineno
        lines = range(node.lineno, max(end, node.lineno) + 1)
        worst = max((scores.get(line, 0.0) for line in lines), default=0.0)
        if worst:
            spread.update({line: max(spread.get(line, 0.0), worst) for line in lines})
    return spread
