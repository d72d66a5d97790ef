"""The local worker with real git, real processes and the isolation of this machine."""

import asyncio
import json
import os
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.core.actions.step import CommandJob
from bot.core.effects import PushBranch
from bot.core.model import CommandResult
from bot.host.clock import SystemClock
from bot.host.commands import HostCommands
from bot.host.folders import Folders
from bot.host.isolation import View, choose
from bot.host.job import run_command_job
from bot.host.process import HOST_MARKER, Tree
from bot.ports.work import Emit
from bot.workers.local import LocalWorker
from tests.core.actions.jobs import REPOSITORY
from tests.host.gitting import Host, Remote, host
from tests.workers.conftest import make_job

pytestmark = pytest.mark.slow

BRANCH = "batch/b7k2/12"
ENVIRONMENT = {"PATH": os.environ["PATH"], "PRIVATE_KEY": "the key of the app"}


class Stage:
    """One machine with one repository and one agent."""

    def __init__(self, folder: Path, agent: str) -> None:
        self.remote = Remote.made_in(folder / "github")
        self.remote.commit("main", {"paths.py": "one\n"})
        self.folders = Folders(folder / "data")
        self.folders.root.mkdir()
        self.host: Host = host(self.folders, str(self.remote.bare), ENVIRONMENT)
        commands = HostCommands(
            self.folders,
            isolation=choose("best-effort", View(hidden=(self.folders.root,))),
            clock=SystemClock(),
            environment=ENVIRONMENT,
        )
        script = textwrap.dedent(agent)
        argvs = {"implement": [sys.executable, "-I", "-S", "-c", script]}
        workspaces = self.host.workspaces
        self.worker = LocalWorker(
            run=partial(
                run_command_job, argvs=argvs, commands=commands, workspaces=workspaces
            ),
            commands=commands,
            workspaces=workspaces,
            clock=SystemClock(),
            names=argvs,
        )

    async def run(self, job: CommandJob, emit: Emit = lambda _: None) -> CommandResult:
        return await self.worker.result(await self.worker.start(job), job, emit)

    async def push(self, result: CommandResult) -> None:
        await self.host.pusher.do(PushBranch(REPOSITORY, BRANCH, result.commit))


@pytest.fixture
def stage(tmp_path: Path) -> Callable[[str], Stage]:
    return lambda agent: Stage(tmp_path, agent)


async def test_from_an_issue_to_a_pushed_branch(stage: Callable[[str], Stage]):
    made = stage("""
        import json, os
        item = json.load(open(os.environ["BATCH_ITEM_FILE"]))
        open("paths.py", "a").write(f"# {item['title']}\\n")
        with open(os.environ["BATCH_OUTPUT"] + "/result.json", "w") as file:
            json.dump({"title": "Join paths", "summary": "Done."}, file)
        print("all tests pass")
    """)
    job = make_job()
    result = await made.run(job)
    assert json.loads(result.outputs["result.json"])["title"] == "Join paths"
    await made.host.workspaces.remove_all()  # a restart, with the work accepted
    await made.push(result)
    await made.worker.clean(job.attempt)
    assert made.remote.show(f"{BRANCH}:paths.py") == "one\n# Paths on Windows"
    assert not made.folders.attempt(job.attempt).root.exists()


async def test_a_second_item_stacks_on_the_first(stage: Callable[[str], Stage]):
    made = stage("""
        import os
        open("paths.py", "a").write(os.environ["BATCH_BASE"] + "\\n")
    """)
    made.remote.commit("batch/b7k2/10", {"ten.py": "10\n"}, start="main")
    await made.push(await made.run(make_job(base="batch/b7k2/10")))
    assert made.remote.show(f"{BRANCH}:ten.py") == "10"
    assert made.remote.show(f"{BRANCH}:paths.py") == "one\nbatch/b7k2/10"


async def test_an_item_behind_two_stacks_on_the_one_that_has_both(
    stage: Callable[[str], Stage],
):
    made = stage("""
        import json, os
        item = json.load(open(os.environ["BATCH_ITEM_FILE"]))
        said = [item["base"], item["large_files_are_pointers"], os.environ["BATCH_BASE"]]
        open("paths.py", "a").write(json.dumps(said))
        open("a.ipynb", "w").write("{}")
    """)
    made.remote.commit(
        "batch/b7k2/10", {".gitattributes": "*.ipynb filter=strip\n"}, start="main"
    )
    made.remote.commit("batch/b7k2/11", {"eleven.py": "11\n"}, start="batch/b7k2/10")
    job = replace(make_job(), merge=("batch/b7k2/10", "batch/b7k2/11"))
    result = await made.run(job)
    assert result.base == "batch/b7k2/11"
    assert result.unfiltered == ("a.ipynb (filter=strip)",)
    await made.push(result)
    said = made.remote.show(f"{BRANCH}:paths.py").splitlines()[1]
    assert json.loads(said) == [result.base, False, result.base]
    parent = made.remote.show(f"{BRANCH}^:eleven.py")
    assert parent == "11"


async def test_stopping_ends_the_agent_and_what_it_began(
    stage: Callable[[str], Stage],
):
    made = stage("""
        import subprocess, sys, time
        wait = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]
        subprocess.Popen(wait, start_new_session=True)
        print("working", flush=True)
        time.sleep(1000)
    """)
    job = make_job()
    started = asyncio.Event()

    def emit(line: str) -> None:
        if line == "working":
            started.set()

    waiting = asyncio.ensure_future(made.run(job, emit))
    await asyncio.wait_for(started.wait(), 60)
    tree = Tree({HOST_MARKER: made.folders.host})
    assert len(tree.processes()) >= 2
    waiting.cancel()
    await asyncio.wait({waiting})
    await made.worker.stop(job.attempt)
    await made.worker.clean(job.attempt)
    assert tree.processes() == []
    assert list(made.folders.attempts.iterdir()) == []


async def test_a_failing_agent_leaves_its_last_words_and_nothing_on_the_remote(
    stage: Callable[[str], Stage],
):
    made = stage("""
        open("paths.py", "a").write("half\\n")
        print("\\x1b[31m2 failed\\x1b[0m")
        raise SystemExit(3)
    """)
    job = make_job()
    result = await made.run(job)
    assert (result.exit_code, result.log_tail[-1]) == (3, "2 failed")
    assert result.isolation
    await made.worker.clean(job.attempt)
    assert made.remote.head(BRANCH) == ""
