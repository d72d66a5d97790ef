"""What every worker promises, and the scripted one of the tests with them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.actions.step import CommandJob
from bot.core.model import AttemptId
from bot.errors import Lost
from bot.ports.work import Worker
from tests.fakes import (
    Call,
    FakeClock,
    FakeCommands,
    FakeWorkspaces,
    Script,
    ScriptedWorker,
)
from tests.workers.conftest import make_job
from tests.workers.making import local_worker


async def agent(call: Call) -> int:
    (Path(call.workspace.path) / "paths.py").write_text("two\n")
    await call.clock.sleep(10 if call.environment["BATCH_ITEM"] == "15" else 0)
    return 0


@pytest.fixture(
    params=["local", "scripted", pytest.param("dask", marks=pytest.mark.outside)]
)
async def worker(
    request, clock: FakeClock, workspaces: FakeWorkspaces, tmp_path: Path
) -> AsyncIterator[Worker]:
    commands = FakeCommands(clock, {"agent": agent})
    match request.param:
        case "local":
            yield local_worker(clock, workspaces, commands)
        case "scripted":
            yield ScriptedWorker(clock, {"12": Script(seconds=0)})
        case _:
            from tests.workers.pooling import pooled_worker  # noqa: PLC0415 - an extra

            async with pooled_worker(tmp_path, clock, workspaces, commands) as made:
                yield made


@pytest.fixture
def job() -> CommandJob:
    return make_job()


def ignore(line: str) -> None:
    """Take a progress line."""


async def test_a_command_becomes_a_commit(worker: Worker, job: CommandJob):
    external_id = await worker.start(job)
    assert await worker.find(job.attempt) == external_id
    result = await worker.result(external_id, job, ignore)
    assert result.exit_code == 0
    assert result.commit


async def test_starting_again_gives_the_same_id(worker: Worker, job: CommandJob):
    external_id = await worker.start(job)
    assert await worker.start(job) == external_id
    await worker.result(external_id, job, ignore)


async def test_an_attempt_that_was_not_started_is_lost(worker: Worker, job: CommandJob):
    assert await worker.find(job.attempt) is None
    with pytest.raises(Lost):
        await worker.result("b7k2-12-1", job, ignore)


async def test_stopping_and_cleaning_what_is_unknown_is_no_error(worker: Worker):
    await worker.stop(AttemptId("b7k2-99-1"))
    await worker.clean(AttemptId("b7k2-99-1"))


async def test_what_was_stopped_gives_no_result(worker: Worker, job: CommandJob):
    job = replace(job, environment={"BATCH_ITEM": "15"})
    external_id = await worker.start(job)
    waiting = asyncio.ensure_future(worker.result(external_id, job, ignore))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    await worker.stop(job.attempt)
    with pytest.raises(Lost):
        await worker.result(external_id, job, ignore)
    await worker.clean(job.attempt)
    assert await worker.find(job.attempt) is None


async def test_what_was_cleaned_can_be_started_again(worker: Worker, job: CommandJob):
    """An outage before the command began is waited out in the same attempt."""
    await worker.result(await worker.start(job), job, ignore)
    await worker.clean(job.attempt)
    assert (await worker.result(await worker.start(job), job, ignore)).commit
