"""python -m bot.demo.repair: the command that the demo names for ``implement``.

A small automatic repair. It reads the issue, finds the tests that the text names, runs
them, looks which lines the failing ones execute and the passing ones do not, and tries
small edits there (``bot.localhub.edits``) until the tests pass and no other test breaks.
It needs no network and no key, gives the same answer every time, and works for any
repository with ``unittest`` tests whose bug is one slip on one line.

Exit code 0 with a change, 0 without one when the tests pass already, 1 if there is no
repair. Tests are never edited.
"""

import ast
import importlib
import io
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import time
import unittest
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from bot.localhub.edits import Edit, Hints, edits_of_source, is_valid, read_hints

MOST_CANDIDATES = 800
MOST_TRACED = 400  # passing tests that are compared with the failing ones
SUITE_SECONDS = 300
TEST_SECONDS = 10.0
PRICE_OF_DOUBT = 40  # how many price points a line's suspicion is worth
PRICE_OF_SILENCE = 15  # what a module costs that the issue does not name
IMPORTED = ""  # stands for "while the modules were imported" among the tests
CODE = re.compile(r"```.*?```|~~~.*?~~~|`[^`\n]+`", re.DOTALL)
DOTTED = re.compile(r"[A-Za-z_]\w*(?:(?:\.|/|::)[A-Za-z_]\w*)*")

Line = tuple[str, int]  # a path below the workspace, a line counted from 1


class NoRepair(Exception):
    """Nothing was changed, and the message says why."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The repository under repair and how its tests are imported."""

    root: Path
    import_paths: tuple[Path, ...]
    test_folder: Path
    test_seconds: float = TEST_SECONDS  # of processor time, then a test has failed

    @property
    def sources(self) -> list[Path]:
        """The Python files that may be edited, below the root."""
        files = (p.relative_to(self.root) for p in self.root.rglob("*.py"))
        return sorted(p for p in files if not is_test_file(p) and not _is_hidden(p))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An edit of a file, and its rank: the lowest is tried first."""

    path: Path
    edit: Edit
    rank: float


@dataclass(frozen=True, slots=True)
class Run:
    """What became of some tests."""

    passed: frozenset[str] = frozenset()
    failed: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()  # of the standard library, imported on the way
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Trace:
    """The lines that each test executed."""

    lines: Mapping[str, frozenset[Line]] = field(default_factory=dict)


def main(environment: Mapping[str, str], root: Path) -> int:
    """Repair the workspace as the item of the environment asks; return the exit code."""
    report = Reporter(float(environment.get("REPAIR_PACE_SECONDS") or 0))
    try:
        item = read_item(environment)
        seconds = float(environment.get("REPAIR_TEST_SECONDS") or TEST_SECONDS)
        workspace = open_workspace(root, test_seconds=seconds)
        title, summary = repair(item, workspace, report)
    except NoRepair as problem:
        report.say(str(problem))
        return 1
    output = environment.get("BATCH_OUTPUT")
    if output:
        result = json.dumps({"title": title, "summary": summary}, indent=2)
        Path(output, "result.json").write_text(result + "\n", encoding="utf-8")
    report.say(summary)
    return 0


@dataclass(frozen=True, slots=True)
class Reporter:
    """Prints progress, slowly enough for a person to follow if that is asked for."""

    pace_seconds: float = 0.0

    def step(self, number: int, text: str) -> None:
        """Announce one of the four steps."""
        self.say(f"step {number} of 4: {text}")
        time.sleep(self.pace_seconds)

    def say(self, text: str) -> None:
        """Print a line."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


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


def repair(
    item: Mapping[str, Any], workspace: Workspace, report: Reporter
) -> tuple[str, str]:
    """Return title and summary of what was changed in the workspace.

    Raises ``NoRepair``.
    """
    text = f"{item.get('title') or ''}\n\n{item.get('body') or ''}"
    names = names_in_code(text)

    report.step(1, "run the tests that the issue names")
    before = run_tests(workspace, None, cpu_seconds=SUITE_SECONDS)
    if before is None:
        message = f"The tests did not end within {SUITE_SECONDS} s."
        raise NoRepair(message)
    wanted = named_tests(names, [*before.passed, *before.failed])
    if not wanted:
        message = (
            "The issue names no test of this repository. Name the failing test in a"
            " code span, such as `tests.test_parser.TupleTest.test_pairs`."
        )
        raise NoRepair(message)
    failing = [test for test in wanted if test not in before.passed]
    if not failing:
        return _nothing_to_do(wanted)
    for test in failing:
        report.say(f"  fails: {test}")
    _import_all(before.modules)

    report.step(2, "trace the failing tests")
    trace = trace_tests(workspace, [*failing, *sorted(before.passed)[:MOST_TRACED]])
    scores = suspicion(trace, failing)
    named = named_sources(names, workspace)
    candidates = rank_candidates(workspace, scores, named, _hints(workspace, failing))
    report.say(f"  {len(scores)} lines may be wrong, {len(candidates)} edits to try")

    report.step(3, "try small edits")
    candidate = search(workspace, candidates, failing, before.passed, report)

    report.step(4, "run all tests with the repair")
    confirm(workspace, failing)
    title = sentence(failing[0])
    number = item.get("number")
    line = f"{title} (#{number})." if number else f"{title}."
    add_to_changelog(workspace.root, candidate.path, line)
    return title, summary_of(candidate, failing, len(before.passed))


def open_workspace(root: Path, *, test_seconds: float = TEST_SECONDS) -> Workspace:
    """Return how the repository is laid out: ``src`` and ``tests``, or neither."""
    root = root.resolve()
    tests = root / "tests"
    folder = tests if tests.is_dir() else root
    paths = [root]
    if (root / "src").is_dir():
        paths.insert(0, root / "src")
    if folder != root and not (folder / "__init__.py").is_file():
        paths.insert(0, folder)
    return Workspace(root, tuple(paths), folder, test_seconds)


def is_test_file(path: Path) -> bool:
    """Return whether a file belongs to the tests and is never edited."""
    folders = {"tests", "test"}.intersection(path.parts[:-1])
    name = path.stem
    return bool(folders) or name == "conftest" or name.startswith("test_")


# --- What the issue says


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


# --- Running tests: always in a child, for what they do stays there


def run_tests(
    workspace: Workspace, tests: Iterable[str] | None, *, cpu_seconds: float
) -> Run | None:
    """Return what becomes of some tests, or of all (None).

    None if they crash or take more than that much processor time.
    """
    names = None if tests is None else list(tests)

    def task() -> dict[str, Any]:
        outcome = {
            _id(case): _passes(case, workspace.test_seconds)
            for case in _load(workspace, names)
        }
        return {
            "passed": [test for test, passed in outcome.items() if passed],
            "failed": [test for test, passed in outcome.items() if not passed],
            "modules": sorted(sys.stdlib_module_names.intersection(sys.modules)),
            "cpu": time.process_time(),
        }

    answer = in_child(task, cpu_seconds=cpu_seconds)
    if answer is None:
        return None
    return Run(
        frozenset(answer["passed"]),
        tuple(answer["failed"]),
        tuple(answer["modules"]),
        answer["cpu"],
    )


def trace_tests(workspace: Workspace, tests: list[str]) -> Trace:
    """Return the lines of the repository's own files that each test executes."""

    def task() -> dict[str, list[Line]]:
        tracer = _Tracer(workspace.root)
        cases = tracer.run(lambda: list(_load(workspace, tests)), IMPORTED)
        for case in cases:
            seconds = workspace.test_seconds
            tracer.run(partial(_passes, case, seconds), _id(case))
        return {test: sorted(lines) for test, lines in tracer.lines.items()}

    answer = in_child(task, cpu_seconds=SUITE_SECONDS) or {}
    return Trace(
        {
            test: frozenset((path, line) for path, line in lines)
            for test, lines in answer.items()
        }
    )


def in_child(task: Callable[[], Any], *, cpu_seconds: float) -> Any:
    """Return what a task answers in a forked child, as JSON; None if it dies."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        _run_child(task, reading, writing, cpu_seconds)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        answer = stream.read()
    _, status = os.waitpid(child, 0)
    return json.loads(answer) if status == 0 and answer else None


def _run_child(
    task: Callable[[], Any], reading: int, writing: int, cpu_seconds: float
) -> None:
    """Run the task, answer and leave; never returns to the caller's code."""
    code = 1
    try:
        os.close(reading)
        _limit(cpu_seconds)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            answer = json.dumps(task()).encode()
        with os.fdopen(writing, "wb") as stream:
            stream.write(answer)
        code = 0
    finally:
        os._exit(code)


def _limit(cpu_seconds: float) -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(math.ceil(10 + 2 * cpu_seconds))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _load(workspace: Workspace, names: list[str] | None) -> Iterator[unittest.TestCase]:
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(path) for path in workspace.import_paths]
    loader = unittest.TestLoader()
    if names is not None:
        yield from _cases(loader.loadTestsFromNames(names))
        return
    folder = workspace.test_folder
    top = folder if folder in workspace.import_paths else workspace.root
    yield from _cases(loader.discover(str(folder), top_level_dir=str(top)))


def _cases(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for part in suite:
        if isinstance(part, unittest.TestSuite):
            yield from _cases(part)
        else:
            yield part


def _id(case: unittest.TestCase) -> str:
    # A file that cannot be imported is one failing test with this name in front.
    return case.id().removeprefix("unittest.loader._FailedTest.")


def _passes(case: unittest.TestCase, seconds: float) -> bool:
    result = unittest.TestResult()
    signal.signal(signal.SIGVTALRM, _end_test)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        unittest.TestSuite([case]).run(result)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return result.wasSuccessful()


def _end_test(_signal: int, _frame: FrameType | None) -> None:
    raise TimeoutError


class _Tracer:
    """Collects the executed lines of files below a folder."""

    def __init__(self, root: Path) -> None:
        self.lines: dict[str, set[Line]] = {}
        self._prefix = str(root) + os.sep
        self._now: set[Line] = set()

    def run(self, function: Callable[[], Any], name: str) -> Any:
        self._now = self.lines.setdefault(name, set())
        sys.settrace(self._enter)
        try:
            return function()
        finally:
            sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_code.co_filename.startswith(self._prefix):
            return None
        return self._line(frame, event, argument)

    def _line(self, frame: FrameType, _event: str, _argument: object) -> Any:
        path = frame.f_code.co_filename.removeprefix(self._prefix)
        self._now.add((path, frame.f_lineno))
        return self._line


# --- Which edits, in which order


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


def _hints(workspace: Workspace, failing: Iterable[str]) -> Hints:
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
            report.say(f"  edit {tried} repairs it: {describe(candidate)}")
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


def confirm(workspace: Workspace, failing: list[str]) -> None:
    """Run the repaired tests once more as a person would, so that the log shows it."""
    paths = os.pathsep.join(str(path) for path in workspace.import_paths)
    result = subprocess.run(  # noqa: S603 - Python itself, with names of tests that ran
        [sys.executable, "-B", "-m", "unittest", *failing],
        cwd=workspace.root,
        env={"PYTHONPATH": paths, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(result.stderr)
    if result.returncode != 0:
        message = "The repaired tests fail when they are run by themselves."
        raise NoRepair(message)


# --- What is said about it


def sentence(test: str) -> str:
    """Return a test's name as a sentence: the best title its authors have given."""
    words = test.rpartition(".")[2].removeprefix("test_").replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def describe(candidate: Candidate) -> str:
    """Return what an edit does, such as ``widgets/parser.py:60: `or` → `and` ``."""
    place = f"{candidate.path.as_posix()}:{candidate.edit.line}"
    if not candidate.edit.old:
        return f"{place}: `{candidate.edit.new.strip()}` added"
    return f"{place}: `{candidate.edit.old}` → `{candidate.edit.new}`"


def summary_of(candidate: Candidate, failing: list[str], others: int) -> str:
    """Return the summary of a repair, in Markdown."""
    tests = " and ".join(f"`{test}`" for test in failing)
    verb = "passes" if len(failing) == 1 else "pass"
    return (
        f"{describe(candidate)}. {tests} {verb} now, and so do the {others} tests that"
        " passed before."
    )


def _nothing_to_do(wanted: list[str]) -> tuple[str, str]:
    tests = " and ".join(f"`{test}`" for test in wanted)
    return "Nothing to do", f"Nothing to do: {tests} passes already."


def add_to_changelog(root: Path, path: Path, line: str) -> None:
    """Add a line to CHANGELOG.md, if there is one, beneath the module's heading.

    Changes of different modules then stand apart, and merge without a conflict.
    """
    changelog = root / "CHANGELOG.md"
    if not changelog.is_file():
        return
    lines = changelog.read_text(encoding="utf-8").split("\n")
    lines.insert(_place_in_changelog(lines, path.stem), f"- {line}")
    changelog.write_text("\n".join(lines), encoding="utf-8")


def _place_in_changelog(lines: list[str], module: str) -> int:
    """Return the index behind the last entry of the fitting section."""
    headings = [n for n, line in enumerate(lines) if line.startswith("#")]
    releases = [n for n in headings if lines[n].startswith("## ")]
    start = releases[0] if releases else 0
    end = releases[1] if len(releases) > 1 else len(lines)
    for heading in (n for n in headings if start < n < end):
        words = lines[heading].lstrip("# ").lower()
        if words.startswith(module.lower()) or module.lower().startswith(words):
            start = heading
            end = min([n for n in headings if n > heading], default=end)
            break
    entries = [n for n in range(start, end) if lines[n].startswith(("- ", "  "))]
    return entries[-1] + 1 if entries else min(start + 2, len(lines))


def _import_all(modules: Iterable[str]) -> None:
    """Import what the tests need, so that the children need not do it again."""
    for name in modules:
        with suppress(ImportError):
            importlib.import_module(name)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


if __name__ == "__main__":
    # This is a program of its own, started by the bot with an environment of its own.
    sys.exit(main(os.environ, Path.cwd()))  # noqa: TID251 - see above
