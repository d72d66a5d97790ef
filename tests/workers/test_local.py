import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.core.actions.step import CommandJob
from bot.core.model import CommandResult
from bot.core.say.problems.server import NoCommand
from bot.errors import Lost, PermanentError, TransientError
from tests.fakes import Call, FakeClock, FakeCommands, FakeWorkspaces
from tests.workers.conftest import make_job
from tests.workers.making import local_worker

Agent = Callable[[Call], Awaitable[int]]


class Bench:
    """A local worker with one command."""

    def __init__(self, clock: FakeClock, workspaces: FakeWorkspaces) -> None:
        self.clock = clock
        self.commands = FakeCommands(clock, {})
        self.lines: list[str] = []
        self.worker = local_worker(clock, workspaces, self.commands)

    def uses(self, agent: Agent) -> None:
        self.commands.programs["agent"] = agent

    async def run(self, job: CommandJob) -> CommandResult:
        external_id = await self.worker.start(job)
        waiting = asyncio.ensure_future(
            self.worker.result(external_id, job, self.lines.append)
        )
        await self.clock.run_until(waiting.done)
        return waiting.result()


@pytest.fixture
def bench(clock: FakeClock, workspaces: FakeWorkspaces) -> Bench:
    return Bench(clock, workspaces)


def exits(code: int, *lines: str) -> Agent:
    async def agent(call: Call) -> int:
        for line in lines:
            call.say(line)
        return code

    return agent


async def test_a_change_becomes_a_commit_with_what_the_command_wrote(bench: Bench):
    async def agent(call: Call) -> int:
        (Path(call.workspace.path) / "paths.py").write_text("two\nthree\n")
        call.output["result.json"] = json.dumps({"title": "Join paths"})
        call.output["other.json"] = "nobody asked for it"
        call.say("all tests pass")
        return 0

    bench.uses(agent)
    result = await bench.run(make_job())
    assert (result.exit_code, result.files) == (0, 1)
    assert (result.insertions, result.deletions) == (2, 1)
    assert len(result.commit) == 40
    assert result.outputs == {"result.json": '{"title": "Join paths"}'}
    assert result.isolation == "a fake"
    assert result.log_tail == ("all tests pass",)
    (call,) = bench.commands.calls
    assert call.argv == ("agent", "-p")
    assert call.environment == {"BATCH_ITEM": "12", "BATCH_BASE": "main"}
    assert json.loads(call.inputs["item.json"])["title"] == "Paths on Windows"
    assert call.timeout_seconds == 600


async def test_what_a_failed_command_changed_is_not_looked_at(bench: Bench):
    async def agent(call: Call) -> int:
        (Path(call.workspace.path) / "paths.py").write_text("half")
        call.say("2 failed")
        return 3

    bench.uses(agent)
    result = await bench.run(make_job())
    assert (result.exit_code, result.commit) == (3, "")
    assert result.log_tail == ("2 failed",)


async def test_without_a_change_there_is_no_commit(bench: Bench):
    bench.uses(exits(0))
    assert (await bench.run(make_job())).commit == ""


async def test_a_command_that_takes_too_long_is_ended(bench: Bench):
    async def agent(call: Call) -> int:
        await call.clock.sleep(10**6)
        return 0

    bench.uses(agent)
    assert (await bench.run(make_job())).timed_out
    assert bench.clock.monotonic() == 600


async def test_the_workspace_starts_from_the_base(bench: Bench):
    bench.uses(exits(0))
    await bench.run(make_job(base="batch/b7k2/10"))
    (call,) = bench.commands.calls
    assert (Path(call.workspace.path) / "ten.py").exists()


async def test_progress_is_passed_on_when_it_changes_and_not_too_often(bench: Bench):
    async def agent(call: Call) -> int:
        for number in range(100):
            call.say(f"step {number // 10}")
            await call.clock.sleep(0.1)
        return 1

    bench.uses(agent)
    await bench.run(make_job())
    assert 3 <= len(bench.lines) <= 7
    assert bench.lines == sorted(set(bench.lines), key=bench.lines.index)


async def test_faults_of_the_repository_reach_the_engine(
    bench: Bench, workspaces: FakeWorkspaces
):
    with pytest.raises(PermanentError, match="no branch"):
        await bench.run(make_job(base="batch/b7k2/8"))
    workspaces.unreachable = True
    with pytest.raises(TransientError):
        await bench.run(make_job(attempt=2))


async def test_a_stopped_attempt_ends_its_command_and_leaves_nothing(
    bench: Bench, workspaces: FakeWorkspaces
):
    ended: list[str] = []

    async def agent(call: Call) -> int:
        try:
            await call.clock.sleep(10**6)
        finally:
            ended.append("agent")
        return 0

    bench.uses(agent)
    job = make_job()
    external_id = await bench.worker.start(job)
    waiting = asyncio.ensure_future(
        bench.worker.result(external_id, job, bench.lines.append)
    )
    await bench.clock.run_until(lambda: bool(bench.commands.calls))
    await bench.clock.advance(1)
    await bench.worker.stop(job.attempt)
    assert ended == ["agent"]
    with pytest.raises(Lost):
        await waiting
    await bench.worker.clean(job.attempt)
    assert workspaces.alive == set()
    assert await bench.worker.find(job.attempt) is None


def test_a_command_that_nobody_named_is_refused_with_what_to_do(bench: Bench):
    assert bench.worker.why_not("implement") is None
    assert bench.worker.why_not("deploy") == NoCommand("deploy")
