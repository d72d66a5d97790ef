import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.core.effects import OpenPullRequest, PushBranch, Receipt
from bot.core.model import Action, Link, Outcome, OutcomeKind
from bot.errors import Lost, PermanentError, TransientError
from bot.ports.work import AttemptSpec, Work
from bot.workers.local import LocalRunner
from tests.fakes import Call, FakeClock, FakeCommands, FakeWorkspaces
from tests.workers.conftest import Effects, make_spec

Agent = Callable[[Call], Awaitable[int]]


class Bench:
    """A local runner with one command, ``agent``."""

    def __init__(self, clock: FakeClock, workspaces: FakeWorkspaces) -> None:
        self.clock = clock
        self.workspaces = workspaces
        self.commands = FakeCommands(clock, {})
        self.lines: list[str] = []
        self.runner = LocalRunner(
            commands=self.commands,
            workspaces=workspaces,
            clock=clock,
            argvs={"implement": ["agent", "-p"]},
        )

    def uses(self, agent: Agent) -> None:
        self.commands.programs["agent"] = agent

    async def run(self, spec: AttemptSpec) -> Work | Outcome:
        await self.runner.submit(spec)
        watching = asyncio.ensure_future(self.runner.watch(spec, self.lines.append))
        await self.clock.run_until(watching.done)
        return await watching

    async def publish(self, spec: AttemptSpec) -> tuple[OpenPullRequest, Outcome]:
        work = await self.run(spec)
        assert isinstance(work, Work)
        effects = Effects()
        outcome = await self.runner.publish(spec, work, effects.perform)
        assert list(effects.intents) == ["push", "pull-request"]
        pull_request = effects.intents["pull-request"]
        assert isinstance(pull_request, OpenPullRequest)
        return pull_request, outcome


@pytest.fixture
def bench(clock: FakeClock, workspaces: FakeWorkspaces) -> Bench:
    return Bench(clock, workspaces)


def exits(code: int, *lines: str) -> Agent:
    async def agent(call: Call) -> int:
        for line in lines:
            call.say(line)
        return code

    return agent


def writes(result: object = None, *, text: str | None = None) -> Agent:
    async def agent(call: Call) -> int:
        (Path(call.workspace.path) / "paths.py").write_text("two\nthree\n")
        if text is not None:
            call.output["result.json"] = text
        elif result is not None:
            call.output["result.json"] = json.dumps(result)
        return 0

    return agent


async def test_a_change_becomes_a_branch_and_a_draft_pull_request(bench: Bench):
    bench.uses(writes({"title": "Join paths", "summary": "Used `os.path`.\n\nTested."}))
    spec = make_spec()
    work = await bench.run(spec)
    assert isinstance(work, Work)
    effects = Effects()
    outcome = await bench.runner.publish(spec, work, effects.perform)
    push, pull_request = effects.intents.values()
    assert isinstance(push, PushBranch)
    assert (push.branch, push.expected_sha) == ("batch/b7k2/12", "")
    assert isinstance(pull_request, OpenPullRequest)
    assert pull_request.head_sha == push.sha
    assert pull_request.base_branch == "main"
    assert pull_request.title == "Join paths"
    assert pull_request.body == (
        "Closes #12\n\nUsed `os.path`.\n\nTested.\n\n<sub>Made by the command "
        "`implement` for [#12](https://github.com/acme/widgets/issues/12) in batch "
        "`b7k2`, as ada asked · isolation: a fake · 1 file, +2 -1</sub>"
    )
    assert outcome == Outcome(
        OutcomeKind.COMPLETED,
        link=Link("PR 71", "https://github.com/acme/widgets/pull/71"),
        branch="batch/b7k2/12",
        isolation="a fake",
    )


async def test_without_a_result_the_texts_are_the_bots_own(bench: Bench):
    bench.uses(writes())
    pull_request, _ = await bench.publish(make_spec(title="Closes #1, @bob"))
    assert pull_request.title == "Implement #12"
    assert "bob" not in pull_request.body


@pytest.mark.parametrize(
    "words",
    [
        "Fixes #99",
        "closes acme/widgets#99",
        "resolves GH-99",
        "fixes https://github.com/acme/widgets/issues/99",
        "thanks @bob",
        "<!-- batch-bot:tracking b7k2 -->",
        "![x](https://evil.example/x.png)",
        "- [ ] <!-- batch:merge --> tick me",
    ],
)
async def test_a_result_cannot_close_mention_or_draw_anything(bench: Bench, words):
    bench.uses(writes({"title": words, "summary": f"text\n{words}"}))
    pull_request, _ = await bench.publish(make_spec())
    own = pull_request.body.replace("Closes #12\n", "", 1).replace("[#12]", "", 1)
    for text in (pull_request.title, own.partition("<sub>")[0]):
        for live in ("#99", "GH-99", "https://", "@bob"):
            assert live not in text
    assert "<!--" not in pull_request.body
    assert "![" not in pull_request.body
    assert "- [ ]" not in pull_request.body


async def test_a_long_result_is_cut(bench: Bench):
    bench.uses(writes({"title": "t" * 5_000, "summary": "word\n" * 5_000}))
    pull_request, _ = await bench.publish(make_spec())
    assert len(pull_request.title) <= 120
    assert pull_request.body.count("word") == 20
    assert "…" in pull_request.body


@pytest.mark.parametrize(
    "text", ["not json", "[]", '{"title": 12}', '{"title": "x', "\x00"]
)
async def test_a_faulty_result_does_not_cost_the_work(bench: Bench, text):
    bench.uses(writes(text=text))
    pull_request, outcome = await bench.publish(make_spec())
    assert outcome.is_success
    assert pull_request.title == "Implement #12"
    assert "`result.json` was not used: " in pull_request.body


async def test_no_change_is_an_outcome_of_its_own(bench: Bench):
    async def agent(call: Call) -> int:
        call.output["result.json"] = '{"summary": "It works already."}'
        return 0

    bench.uses(agent)
    outcome = await bench.run(make_spec())
    assert isinstance(outcome, Outcome)
    assert outcome.kind is OutcomeKind.UNCHANGED
    assert outcome.summary == "It works already."
    assert outcome.is_success


@pytest.mark.parametrize(
    ("code", "lines", "kind", "reason", "retry_helps"),
    [
        (1, ["a", "2 failed"], OutcomeKind.FAILED, "exit code 1: 2 failed", True),
        (2, [], OutcomeKind.FAILED, "exit code 2", True),
        (75, ["502 Bad Gateway"], OutcomeKind.TRANSIENT, "502 Bad Gateway", True),
        (75, [], OutcomeKind.TRANSIENT, "the command asked for another try", True),
        (127, ["agent: not found"], OutcomeKind.FAILED, "agent: not found", False),
        (137, ["x"], OutcomeKind.FAILED, "the command was ended by SIGKILL", True),
        (-11, ["x"], OutcomeKind.FAILED, "the command was ended by SIGSEGV", True),
        (143, ["x"], OutcomeKind.FAILED, "the command was ended by SIGTERM", True),
    ],
)
async def test_exit_codes_say_how_it_went(
    bench: Bench, code, lines, kind, reason, retry_helps
):
    bench.uses(exits(code, *lines))
    outcome = await bench.run(make_spec())
    assert isinstance(outcome, Outcome)
    assert outcome.kind is kind
    assert outcome.reason.startswith(reason)
    assert outcome.retry_helps is retry_helps
    assert outcome.log_tail == tuple(lines)
    assert outcome.isolation == "a fake"


async def test_an_attempt_that_takes_too_long_fails_and_says_so(bench: Bench):
    async def agent(call: Call) -> int:
        await call.clock.sleep(10**6)
        return 0

    bench.uses(agent)
    outcome = await bench.run(make_spec())
    assert isinstance(outcome, Outcome)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == "timed out after 10m"
    assert bench.clock.monotonic() == 600


async def test_the_command_gets_its_item_as_data(bench: Bench):
    bench.uses(exits(0))
    await bench.run(make_spec())
    (call,) = bench.commands.calls
    assert call.argv == ("agent", "-p")
    assert call.environment == {
        "BATCH_ID": "b7k2",
        "BATCH_ITEM": "12",
        "BATCH_REPOSITORY": "acme/widgets",
        "BATCH_BASE": "main",
    }
    item = json.loads(call.inputs["item.json"])
    assert item["number"] == 12
    assert item["title"] == "Paths on Windows"
    assert item["body"].startswith("They have backslashes.")
    assert item["base"] == "main"
    assert call.timeout_seconds == 600


async def test_one_predecessor_is_the_base_and_the_target(bench: Bench):
    bench.uses(writes())
    spec = make_spec(predecessors={10: "batch/b7k2/10", 9: ""})
    pull_request, _ = await bench.publish(spec)
    assert pull_request.base_branch == "batch/b7k2/10"
    assert "Stacked on the branch of [#10]" in pull_request.body
    (call,) = bench.commands.calls
    assert (Path(call.workspace.path) / "ten.py").exists()
    assert json.loads(call.inputs["item.json"])["builds_on"] == [10]


async def test_several_predecessors_are_merged_into_the_default_branch(bench: Bench):
    bench.uses(writes())
    spec = make_spec(predecessors={10: "batch/b7k2/10", 11: "batch/b7k2/11"})
    pull_request, _ = await bench.publish(spec)
    assert pull_request.base_branch == "main"
    assert "Contains the branches of [#10]" in pull_request.body
    (call,) = bench.commands.calls
    for name in ("ten.py", "eleven.py"):
        assert (Path(call.workspace.path) / name).exists()


async def test_progress_is_passed_on_when_it_changes_and_not_too_often(bench: Bench):
    async def agent(call: Call) -> int:
        for number in range(100):
            call.say(f"step {number // 10}")
            await call.clock.sleep(0.1)
        return 1

    bench.uses(agent)
    await bench.run(make_spec())
    assert 3 <= len(bench.lines) <= 7
    assert bench.lines == sorted(set(bench.lines), key=bench.lines.index)


async def test_faults_of_the_repository_reach_the_engine(
    bench: Bench, workspaces: FakeWorkspaces
):
    with pytest.raises(PermanentError, match="no branch"):
        await bench.run(make_spec(predecessors={8: "batch/b7k2/8"}))
    workspaces.unreachable = True
    with pytest.raises(TransientError):
        await bench.run(make_spec(attempt=2))


async def test_a_cancelled_attempt_stops_and_leaves_nothing(
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
    spec = make_spec()
    await bench.runner.submit(spec)
    watching = asyncio.ensure_future(bench.runner.watch(spec, bench.lines.append))
    await bench.clock.run_until(lambda: bool(bench.commands.calls))
    await bench.clock.advance(1)
    await bench.runner.cancel(spec.id)
    assert ended == ["agent"]
    with pytest.raises(Lost):
        await watching
    await bench.runner.clean(spec.id)
    assert workspaces.alive == set()
    assert await bench.runner.find(spec.id) is None


async def test_a_pull_request_on_another_head_is_no_success(bench: Bench):
    bench.uses(writes())
    spec = make_spec()
    work = await bench.run(spec)
    assert isinstance(work, Work)
    receipt = Receipt(id=71, url="u", sha="f" * 40, note="its head is fffffff")
    outcome = await bench.runner.publish(spec, work, Effects(receipt).perform)
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == "PR 71 exists, but its head is fffffff"


async def test_an_action_of_the_repositorys_own_runs_the_command_behind_it(
    bench: Bench,
):
    bench.uses(writes())
    pull_request, _ = await bench.publish(make_spec(Action("go", command="implement")))
    assert pull_request.title == "Implement #12"
