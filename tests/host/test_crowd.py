"""A command with too many processes is ended where the kernel excepts its user."""

import os

import pytest

from bot.host.clock import SystemClock
from bot.host.commands import HostCommands
from bot.host.folders import Folders
from bot.host.isolation import Isolation
from bot.host.process import ProcessLimits
from bot.ports.host import Finished, Workspace
from tests.host.conftest import ATTEMPT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="the kernel limits all but root"),
]


async def run(
    folders: Folders, isolation: Isolation, workspace: Workspace, count: int
) -> Finished:
    commands = HostCommands(
        folders,
        isolation=isolation,
        clock=SystemClock(),
        environment={"PATH": os.environ["PATH"]},
        limits=ProcessLimits(processes=50),
    )
    script = f"for i in $(seq {count}); do sleep 60 & done; sleep 1; echo done"
    done = await commands.run(
        ATTEMPT,
        ["sh", "-c", script],
        workspace=workspace,
        inputs={},
        environment={},
        timeout_seconds=30,
        on_line=lambda line: None,
    )
    assert await commands.kill_orphans() == 0
    return done


async def test_a_command_that_multiplies_is_ended(
    folders: Folders, bubblewrap: Isolation, workspace: Workspace
):
    done = await run(folders, bubblewrap, workspace, 100)
    assert done.exit_code == 1
    (said,) = done.log_tail
    assert said.startswith("too many processes: ")


async def test_what_others_run_does_not_count(
    folders: Folders, unprotected: Isolation, workspace: Workspace
):
    done = await run(folders, unprotected, workspace, 5)
    assert (done.exit_code, done.log_tail) == (0, ("done",))
