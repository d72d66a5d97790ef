"""python -m bot.demo.repair: read an issue, repair what it names, say what was done.

It finds the tests that the text names, runs them, looks which lines the failing ones
execute and the passing ones do not, and tries small edits there until the tests pass and
no other test breaks. It needs no network and no key, gives the same answer every time,
and works for any repository with ``unittest`` tests whose bug is one slip on one line.

Exit code 0 with a change, 0 without one when the tests pass already, 1 if there is no
repair. Tests are never edited.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.demo.repair.issue import named_sources, named_tests, names_in_code, read_item
from bot.demo.repair.search import hints_of, rank_candidates, search, suspicion
from bot.demo.repair.trials import (
    SUITE_SECONDS,
    confirm,
    import_all,
    run_tests,
    trace_tests,
)
from bot.demo.repair.words import (
    add_to_changelog,
    nothing_to_do,
    sentence,
    summary_of,
)
from bot.demo.repair.workspace import (
    TEST_SECONDS,
    NoRepair,
    Reporter,
    Workspace,
    open_workspace,
)

MOST_TRACED = 400  # passing tests that are compared with the failing ones


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
        return nothing_to_do(wanted)
    for test in failing:
        report.say(f"  fails: {test}")
    import_all(before.modules)

    report.step(2, "trace the failing tests")
    trace = trace_tests(workspace, [*failing, *sorted(before.passed)[:MOST_TRACED]])
    scores = suspicion(trace, failing)
    named = named_sources(names, workspace)
    candidates = rank_candidates(workspace, scores, named, hints_of(workspace, failing))
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


if __name__ == "__main__":
    # This is a program of its own, started by the bot with an environment of its own.
    sys.exit(main(os.environ, Path.cwd()))  # noqa: TID251 - see above
