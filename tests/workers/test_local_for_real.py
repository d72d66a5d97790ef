"""The local runner with real git, real processes and the isolation of this machine."""

import asyncio
import os
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.core.effects import Intent, OpenPullRequest, PushBranch, Receipt
from bot.core.model import Outcome, OutcomeKind
from bot.host.clock import SystemClock
from bot.host.commands import HostCommands
from bot.host.folders import Folders
from bot.host.isolation import View, choose
from bot.host.process import HOST_MARKER, Tree
from bot.ports.work import Work
from bot.workers.local import LocalRunner
from tests.host.gitting import Host, Remote, host
from tests.workers.conftest import make_spec

pytestmark = pytest.mark.slow

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
        self.runner = LocalRunner(
            commands=commands,
            workspaces=self.host.workspaces,
            clock=SystemClock(),
            argvs={"implement": [sys.executable, "-I", "-S", "-c", script]},
        )
        self.opened: list[OpenPullRequest] = []

    async def perform(self, key: str, intent: Intent) -> Receipt:
        if isinstance(intent, PushBranch):
            return await self.host.pusher.do(intent)
        assert isinstance(intent, OpenPullRequest)
        self.opened.append(intent)
        return Receipt(id=71, url="https://github.com/acme/widgets/pull/71")


@pytest.fixture
def stage(tmp_path: Path) -> Callable[[str], Stage]:
    return lambda agent: Stage(tmp_path, agent)


def ignore(line: str) -> None:
    """Take a progress line."""


async def test_from_an_issue_to_a_pushed_branch(stage: Callable[[str], Stage]):
    made = stage("""
        import json, os
        item = json.load(open(os.environ["BATCH_ITEM_FILE"]))
        open("paths.py", "a").write(f"# {item['title']}\\n")
        with open(os.environ["BATCH_OUTPUT"] + "/result.json", "w") as file:
            json.dump({"title": "Join paths", "summary": "Done."}, file)
        print("all tests pass")
    """)
    spec = make_spec()
    lines: list[str] = []
    await made.runner.submit(spec)
    work = await made.runner.watch(spec, lines.append)
    assert isinstance(work, Work)
    await made.host.workspaces.remove_all()  # a restart, with the work accepted
    outcome = await made.runner.publish(spec, work, made.perform)
    await made.runner.clean(spec.id)
    assert outcome.kind is OutcomeKind.COMPLETED
    assert outcome.branch == "batch/b7k2/12"
    assert made.remote.show("batch/b7k2/12:paths.py") == "one\n# Paths on Windows"
    assert made.opened[0].title == "Join paths"
    assert not made.folders.attempt(spec.id).root.exists()


async def test_a_second_item_stacks_on_the_first(stage: Callable[[str], Stage]):
    made = stage("""
        import os
        open("paths.py", "a").write(os.environ["BATCH_BASE"] + "\\n")
    """)
    made.remote.commit("batch/b7k2/10", {"ten.py": "10\n"}, start="main")
    spec = make_spec(predecessors={10: "batch/b7k2/10"})
    await made.runner.submit(spec)
    work = await made.runner.watch(spec, ignore)
    assert isinstance(work, Work)
    await made.runner.publish(spec, work, made.perform)
    assert made.remote.show("batch/b7k2/12:ten.py") == "10"
    assert made.remote.show("batch/b7k2/12:paths.py") == "one\nbatch/b7k2/10"
    assert made.opened[0].base_branch == "batch/b7k2/10"


async def test_cancelling_ends_the_agent_and_what_it_began(
    stage: Callable[[str], Stage],
):
    made = stage("""
        import subprocess, sys, time
        wait = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(1000)"]
        subprocess.Popen(wait, start_new_session=True)
        print("working", flush=True)
        time.sleep(1000)
    """)
    spec = make_spec()
    started = asyncio.Event()
    await made.runner.submit(spec)
    watching = asyncio.ensure_future(
        made.runner.watch(
            spec, lambda line: started.set() if line == "working" else None
        )
    )
    await asyncio.wait_for(started.wait(), 20)
    tree = Tree({HOST_MARKER: made.folders.host})
    assert len(tree.processes()) >= 2
    watching.cancel()
    await asyncio.wait({watching})
    await made.runner.cancel(spec.id)
    await made.runner.clean(spec.id)
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
    spec = make_spec()
    await made.runner.submit(spec)
    outcome = await made.runner.watch(spec, ignore)
    assert isinstance(outcome, Outcome)
    assert outcome.reason == "exit code 3: 2 failed"
    assert outcome.isolation
    await made.runner.clean(spec.id)
    assert made.remote.head("batch/b7k2/12") == ""
