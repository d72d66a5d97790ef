"""What every runner promises, and the scripted one of the tests with them."""

import asyncio
from pathlib import Path

import pytest

from bot.core.model import Action
from bot.errors import Lost
from bot.ports.work import AttemptSpec, Runner, Work
from bot.workers.builtin import BuiltinRunner
from bot.workers.local import LocalRunner
from tests.fakes import (
    Call,
    FakeClock,
    FakeCommands,
    FakeWorkspaces,
    Script,
    ScriptedRunner,
)
from tests.workers.conftest import Effects, make_spec


async def agent(call: Call) -> int:
    (Path(call.workspace.path) / "paths.py").write_text("two\n")
    return 0


@pytest.fixture(params=["builtin", "local", "scripted"])
def runner(request, clock: FakeClock, workspaces: FakeWorkspaces) -> Runner:
    if request.param == "builtin":
        return BuiltinRunner(marker=lambda kind, name: f"<!-- {kind} {name} -->")
    if request.param == "local":
        commands = FakeCommands(clock, {"agent": agent})
        argvs = {"implement": ["agent"]}
        return LocalRunner(
            commands=commands, workspaces=workspaces, clock=clock, argvs=argvs
        )
    return ScriptedRunner(clock, {12: Script(ends=[Work("work")], seconds=0)})


@pytest.fixture
def spec(runner: Runner) -> AttemptSpec:
    label = Action("label", ("+bug",))
    return make_spec(label if runner.name == "builtin" else Action("implement"))


def ignore(line: str) -> None:
    """Take a progress line."""


async def test_an_attempt_becomes_work_that_can_be_published(
    runner: Runner, spec: AttemptSpec
):
    external_id = await runner.submit(spec)
    assert await runner.find(spec.id) == external_id
    work = await runner.watch(spec, ignore)
    assert isinstance(work, Work)
    outcome = await runner.publish(spec, work, Effects().perform)
    assert outcome.is_success


async def test_submitting_again_gives_the_same_id(runner: Runner, spec: AttemptSpec):
    assert await runner.submit(spec) == await runner.submit(spec)
    await runner.watch(spec, ignore)


async def test_an_attempt_that_was_not_submitted_is_lost(
    runner: Runner, spec: AttemptSpec
):
    assert await runner.find(spec.id) is None
    with pytest.raises(Lost):
        await runner.watch(spec, ignore)


async def test_work_is_published_after_a_restart_and_twice_alike(
    runner: Runner, spec: AttemptSpec
):
    await runner.submit(spec)
    work = await runner.watch(spec, ignore)
    assert isinstance(work, Work)
    await runner.clean(spec.id)
    first, second = Effects(), Effects()
    one = await runner.publish(spec, work, first.perform)
    two = await runner.publish(spec, Work(work.data), second.perform)
    assert one == two
    assert first.intents == second.intents


async def test_cancelling_and_cleaning_what_is_unknown_is_no_error(
    runner: Runner, spec: AttemptSpec
):
    await runner.cancel(spec.id)
    await runner.clean(spec.id)


async def test_watching_can_be_given_up_and_the_attempt_cancelled(
    runner: Runner, spec: AttemptSpec
):
    await runner.submit(spec)
    watching = asyncio.ensure_future(runner.watch(spec, ignore))
    await asyncio.sleep(0)
    watching.cancel()
    await asyncio.wait({watching})
    await runner.cancel(spec.id)
    await runner.clean(spec.id)
