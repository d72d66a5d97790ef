"""Running tests: always in a child, for what they do stays there."""

import importlib
import io
import json
import math
import os
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

from bot.demo.repair.workspace import Line, NoRepair, Workspace

SUITE_SECONDS = 300
IMPORTED = ""  # stands for "while the modules were imported" among the tests


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


def import_all(modules: Iterable[str]) -> None:
    """Import what the tests need, so that the children need not do it again."""
    for name in modules:
        with suppress(ImportError):
            importlib.import_module(name)


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
