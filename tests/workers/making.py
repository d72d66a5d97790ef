"""A local worker in front of fakes."""

from functools import partial

from bot.host.job import run_command_job
from bot.workers.local import LocalWorker
from tests.fakes import FakeClock, FakeCommands, FakeWorkspaces


def local_worker(
    clock: FakeClock, workspaces: FakeWorkspaces, commands: FakeCommands
) -> LocalWorker:
    """Return a worker whose command ``implement`` is ``agent -p``."""
    argvs = {"implement": ["agent", "-p"]}
    run = partial(
        run_command_job, argvs=argvs, commands=commands, workspaces=workspaces
    )
    return LocalWorker(
        run=run, commands=commands, workspaces=workspaces, clock=clock, names=argvs
    )
