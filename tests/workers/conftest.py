from pathlib import Path

import pytest

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId
from tests.core.actions.jobs import REPOSITORY
from tests.fakes import FakeClock, FakeWorkspaces


def make_job(*, attempt: int = 1, base: str = "main") -> CommandJob:
    """Return a job of the command ``implement`` for item 12."""
    return CommandJob(
        AttemptId(f"b7k2-12-{attempt}"),
        REPOSITORY,
        "implement",
        base,
        inputs={"item.json": '{"title": "Paths on Windows"}'},
        outputs=("result.json",),
        environment={"BATCH_ITEM": "12", "BATCH_BASE": base},
        timeout_seconds=600,
        message="Implement #12",
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def workspaces(tmp_path: Path) -> FakeWorkspaces:
    main = {"README.md": "Widgets\n", "paths.py": "one\n"}
    branches = {"main": main, "batch/b7k2/10": {**main, "ten.py": "10\n"}}
    return FakeWorkspaces(tmp_path, branches)
