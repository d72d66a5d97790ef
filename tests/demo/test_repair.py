import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

CHANGELOG = """\
# Changelog

## Unreleased

### Shelf

- Shelves have rows.

### Boxes

- Boxes have lids.

## 1.0

- First.
"""


class Bug(NamedTuple):
    """A slip, and the tests that see it and that must go on passing."""

    name: str
    wrong: str
    right: str
    code: str  # with SLIP where the slip is
    tests: str


BUGS = [
    Bug(
        "off by one in a range",
        "len(rows) - 1",
        "len(rows)",
        "def count(rows):\n"
        "    total = 0\n"
        "    for row in range(SLIP):\n"
        "        total += rows[row]\n"
        "    return total\n",
        "assert shelf.count([1, 2, 4]) == 7; assert shelf.count([]) == 0",
    ),
    Bug(
        "comparison",
        "weight < limit",
        "weight <= limit",
        "def fits(weight, limit):\n    return SLIP\n",
        "assert shelf.fits(3, 3); assert not shelf.fits(4, 3); assert shelf.fits(1, 3)",
    ),
    Bug(
        "boolean operator",
        "or",
        "and",
        "def free(empty, clean):\n    return empty SLIP clean\n",
        "assert shelf.free(1, 1); assert not shelf.free(1, 0)",
    ),
    Bug(
        "missing call",
        "name",
        "name.strip()",
        "def label(name):\n    return SLIP\n",
        'assert shelf.label(" a ") == "a"; assert shelf.label(" B") == "B"',
    ),
    Bug(
        "missing slice",
        "parts",
        "parts[1:]",
        'def children(path):\n    parts = path.split("/")\n    return "/".join(SLIP)\n',
        'assert shelf.children("a/b/c") == "b/c"',
    ),
    Bug(
        "swapped arguments",
        "whole, part",
        "part, whole",
        "def ratio(a, b):\n    return a / b\n\n\n"
        "def share(part, whole):\n    return ratio(SLIP)\n",
        "assert shelf.share(1, 4) == 0.25",
    ),
    Bug(
        "wrong constant",
        "100",
        "128",
        "LIMIT = SLIP\n\n\ndef most():\n    return LIMIT\n",
        "assert shelf.most() == 128",
    ),
    Bug(
        "missing return",
        "",
        "return ",
        "def double(number):\n    SLIPtwice(number)\n\n\n"
        "def twice(number):\n    return 2 * number\n",
        "assert shelf.double(4) == 8",
    ),
    Bug(
        "exception type",
        "KeyError",
        "ValueError",
        "def check(name):\n    if not name:\n        raise SLIP(name)\n",
        'self.assertRaises(ValueError, shelf.check, ""); shelf.check("a")',
    ),
    Bug(
        "negated condition",
        "if open_",
        "if not open_",
        "def state(open_):\n    SLIP:\n        return 'shut'\n    return 'open'\n",
        "assert shelf.state(False) == 'shut'; assert shelf.state(True) == 'open'",
    ),
    Bug(
        "wrong flag",
        "reverse=False",
        "reverse=True",
        "def newest(rows):\n    return sorted(rows, SLIP)\n",
        "assert shelf.newest([1, 3, 2]) == [3, 2, 1]",
    ),
    Bug(
        "sibling method",
        ".startswith",
        ".endswith",
        "def is_lid(name):\n    return nameSLIP('.lid')\n",
        "assert shelf.is_lid('a.lid'); assert not shelf.is_lid('.lid.a')",
    ),
    Bug(
        "sign",
        "-",
        "+",
        "def far(left, right):\n    return left SLIP right\n",
        "assert shelf.far(1, 2) == 3; assert shelf.far(0, 0) == 0",
    ),
    Bug(
        "plain text that was meant as a format",
        "'{name}!'",
        "f'{name}!'",
        "def greet(name):\n    return SLIP\n",
        "assert shelf.greet('ada') == 'ada!'; assert shelf.greet('bo') == 'bo!'",
    ),
    Bug(
        "in a loop that never ends",
        "number - 1",
        "number + 1",
        "def first_even(number):\n"
        "    while number % 2 or number < 10:\n        number = SLIP\n"
        "    return number\n",
        "assert shelf.first_even(3) == 10; assert shelf.first_even(13) == 14",
    ),
]
TESTS = """\
import unittest

from store import shelf


class ShelfTest(unittest.TestCase):
    def test_a_shelf_does_its_work(self):
        {tests}

    def test_another_thing(self):
        assert shelf.__name__
"""


def make_repository(root: Path, code: str, tests: str) -> None:
    (root / "store").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "store/__init__.py").write_text("")
    (root / "store/shelf.py").write_text(code)
    (root / "tests/__init__.py").write_text("")
    (root / "tests/test_shelf.py").write_text(TESTS.format(tests=tests))
    (root / "CHANGELOG.md").write_text(CHANGELOG)


class Result(NamedTuple):
    code: int
    output: str
    result: dict[str, str]


def repair(workspace: Path, body: str, **item: object) -> Result:
    """Run the program in the workspace as the bot does."""
    folder = workspace.parent / "item"
    folder.mkdir(exist_ok=True)
    issue = {"number": 7, "kind": "issue", "title": "Broken", "body": body} | item
    (folder / "item.json").write_text(json.dumps(issue))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bot.demo.repair"],
        cwd=workspace,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "BATCH_ITEM_FILE": str(folder / "item.json"),
            "BATCH_OUTPUT": str(folder),
            "BATCH_ATTEMPT": "b7k2-7-1",
            "REPAIR_TEST_SECONDS": "0.2",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    written = folder / "result.json"
    result = json.loads(written.read_text()) if written.exists() else {}
    return Result(done.returncode, done.stdout, result)


NAMED = "`tests.test_shelf.ShelfTest.test_a_shelf_does_its_work`, `store/shelf.py`"


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_slip_on_one_line_is_undone(bug: Bug, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    wrong = bug.code.replace("SLIP", bug.wrong)
    make_repository(workspace, wrong, bug.tests)
    tests = (workspace / "tests/test_shelf.py").read_bytes()

    done = repair(workspace, NAMED)

    assert done.code == 0, done.output
    after = (workspace / "store/shelf.py").read_text()
    changed = [
        (old, new)
        for old, new in zip(wrong.splitlines(), after.splitlines(), strict=True)
        if old != new
    ]
    assert len(changed) == 1
    assert (workspace / "tests/test_shelf.py").read_bytes() == tests
    assert done.result["title"] == "A shelf does its work"
    assert "step 4 of 4" in done.output


def test_the_change_is_noted_below_the_heading_of_its_module(tmp_path: Path) -> None:
    bug = BUGS[1]
    workspace = tmp_path / "workspace"
    make_repository(workspace, bug.code.replace("SLIP", bug.wrong), bug.tests)
    repair(workspace, NAMED)
    assert (workspace / "CHANGELOG.md").read_text() == CHANGELOG.replace(
        "- Shelves have rows.\n",
        "- Shelves have rows.\n- A shelf does its work (#7).\n",
    )


def test_an_edit_that_breaks_another_test_is_not_kept(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    code = "def fits(weight, limit):\n    return weight < limit\n"
    make_repository(workspace, code, "assert shelf.fits(3, 3)")
    (workspace / "tests/test_other.py").write_text(
        "import unittest\nfrom store.shelf import fits\n\n\n"
        "class OtherTest(unittest.TestCase):\n"
        "    def test_light(self):\n        self.assertTrue(fits(1, 3))\n"
        "    def test_heavy(self):\n        self.assertFalse(fits(4, 3))\n"
    )
    assert repair(workspace, NAMED).code == 0
    assert "weight <= limit" in (workspace / "store/shelf.py").read_text()


def test_nothing_is_changed_when_the_tests_pass_already(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    make_repository(workspace, BUGS[1].code.replace("SLIP", BUGS[1].right), "pass")
    before = contents(workspace)
    done = repair(workspace, NAMED)
    assert done.code == 0
    assert "passes already" in done.output
    assert contents(workspace) == before


def test_nothing_is_changed_when_no_edit_helps(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    make_repository(
        workspace,
        "def roman(n):\n    return 'I'\n",
        "assert shelf.roman(9) == 'IX' * 1"
        "; assert shelf.roman(4) == 'IV'; assert shelf.roman(1000) == 'M'",
    )
    before = contents(workspace)
    done = repair(workspace, NAMED)
    assert done.code == 1
    assert "small edits makes tests.test_shelf" in done.output
    assert contents(workspace) == before


def test_an_issue_without_a_test_is_answered_with_how_to_name_one(
    tmp_path: Path,
) -> None:
    workspace = tmp_path / "workspace"
    make_repository(workspace, "def f():\n    return 1\n", "assert shelf.f() == 2")
    done = repair(workspace, "It is broken. rm -rf / `$(reboot)` `store/shelf.py`")
    assert done.code == 1
    assert "names no test" in done.output


@pytest.mark.parametrize(
    "body",
    [
        "`tests/test_shelf.py::ShelfTest::test_a_shelf_does_its_work`",
        "`test_a_shelf_does_its_work`",
        "```\nFAIL: test_a_shelf_does_its_work (tests.test_shelf.ShelfTest.test_a_shelf"
        '_does_its_work)\n  File "tests/test_shelf.py", line 8\n```',
    ],
    ids=["path", "bare name", "traceback"],
)
def test_tests_are_named_in_several_ways(body: str, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    make_repository(workspace, BUGS[2].code.replace("SLIP", "or"), BUGS[2].tests)
    assert repair(workspace, body).code == 0


def test_a_layout_with_src_and_loose_tests_works(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    make_repository(workspace, BUGS[2].code.replace("SLIP", "or"), BUGS[2].tests)
    (workspace / "src").mkdir()
    (workspace / "store").rename(workspace / "src/store")
    (workspace / "tests/__init__.py").unlink()
    assert repair(workspace, "`ShelfTest.test_a_shelf_does_its_work`").code == 0
    assert "empty and clean" in (workspace / "src/store/shelf.py").read_text()


def contents(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
