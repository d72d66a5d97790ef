"""What an attempt does with the steps of its machine, and when it can be stopped."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from bot.core.actions.label import LABEL
from bot.core.actions.spec import NextStep
from bot.core.actions.step import Ask, Await, Do, End, Job, Rebase, Seen, Step
from bot.core.actions.table import installed
from bot.core.effects import Receipt
from bot.core.model import (
    Action,
    CommandResult,
    Outcome,
    OutcomeKind,
    Repository,
    Role,
)
from bot.core.say.problems.git import ChangeConflicts, NoBranch
from bot.core.world.answers import Answered, Failure
from bot.core.world.questions import (
    Bases,
    BasesOf,
    BranchNow,
    Check,
    Checks,
    ChecksOf,
    CheckState,
    Question,
)
from bot.engine.attempt import Resumed
from bot.engine.effects import Effects
from bot.engine.patience import PATIENT_TRIES
from bot.engine.steps import MOST_MISSING, Steps
from bot.engine.supervisor import Supervisor
from bot.engine.waits import Waits
from bot.engine.work import Work
from bot.errors import (
    BatchOver,
    BotError,
    BranchMissing,
    PermanentError,
    Refused,
    TransientError,
)
from bot.ports.host import Rebased
from tests.core.actions.jobs import REPOSITORY, job
from tests.engine.test_effects import COMMENT, RECEIPT, Log, Outside
from tests.fakes import RAN, START, FakeClock, Script, ScriptedWorker

AWAY = TransientError(Answered(Failure.LATE))
UNTOLD = Refused(Answered(Failure.FORBIDDEN), status=403)
ITEM = Action("test")
CHECKS = ChecksOf(REPOSITORY, "f" * 40)
PASSED = Checks((Check("ci", CheckState.PASSED),))
PENDING = Checks((Check("ci", CheckState.PENDING),))
DONE = Outcome(OutcomeKind.COMPLETED, summary="done")


@dataclass
class Desk:
    """Notes what an attempt asks for."""

    notes: list[str] = field(default_factory=list)
    overtaken_by: Outcome | None = None
    outages: int = 0  # before it can be seen
    accepts: bool = True
    is_changing: bool = False
    turns: list[str] = field(default_factory=list)  # that others have first, once

    async def wait_as(self, wait: Await) -> None:
        self.notes.append(f"waits for {wait.says}")

    async def allowed(self) -> None:
        self.notes.append("asked for the role")

    async def hold(self, name: str) -> bool:
        if name not in self.turns:
            return False
        self.turns.remove(name)
        self.notes.append(f"had to wait: {name}")
        return True

    def repository(self) -> Repository:
        return REPOSITORY

    async def overtaken(self) -> Outcome | None:
        if self.outages:
            self.outages -= 1
            raise AWAY
        return self.overtaken_by

    async def accept(self, result: CommandResult) -> bool:
        self.notes.append("accepted")
        return self.accepts

    def say(self, line: str) -> None:
        self.notes.append(line)

    @asynccontextmanager
    async def waiting(self, wait: Await) -> AsyncIterator[None]:
        self.notes.append(f"parked: {wait.says}")
        yield
        self.notes.append("unparked")

    @asynccontextmanager
    async def changing(self, *, is_begun: bool) -> AsyncIterator[None]:
        self.is_changing = True
        try:
            yield
        except BotError:
            self.is_changing = is_begun
            raise


@dataclass
class GitHub:
    """Answers with one list of answers after the other, the last one for ever."""

    answers: Sequence[Mapping[Any, Any] | BotError] = ()
    asked: list[Sequence[Question[Any]]] = field(default_factory=list)

    async def ask(self, questions: Sequence[Question[Any]]) -> Mapping[Any, Any]:
        self.asked.append(questions)
        if not self.answers:
            return {question: _as_they_were(question) for question in questions}
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, BotError):
            raise answer
        return answer


def _as_they_were(question: Question[Any]) -> Bases:
    assert isinstance(question, BasesOf)
    there = BranchNow(exists=True)
    return Bases("main", dict.fromkeys(question.branches, there))


@dataclass
class Moves:
    """The part of the port ``Workspaces`` that moves work."""

    moves: Sequence[Rebased | BotError] = ()
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def rebase(
        self,
        attempt: str,
        repository: Repository,
        sha: str,
        *,
        base: str,
        merge: Sequence[str],
    ) -> Rebased:
        self.asked.append((sha, base, *merge))
        moved = self.moves[len(self.asked) - 1]
        if isinstance(moved, BotError):
            raise moved
        return moved


class Bench:
    """Steps in front of fakes."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.supervisor = Supervisor()
        self.github = GitHub()
        self.log = Log()
        self.outside = Outside([Receipt(991, sha=RAN.commit)] * 9)
        self.worker = ScriptedWorker(self.clock)
        self.workspaces: Any = Moves()
        self.desk = Desk()
        self.roles: list[Role | BotError] = [Role.ADMIN]
        self.waits = Waits(
            ask=self.github.ask,
            metered=lambda *meters: nullcontext(),
            clock=self.clock,
            supervisor=self.supervisor,
            fraction=lambda: 0.5,
        )

    @property
    def steps(self) -> Steps:
        return Steps(
            effects=Effects(
                effect_log=self.log,
                adapter=self.outside,
                clock=self.clock,
                fraction=lambda: 0.5,
            ),
            role=self.role,
            waits=self.waits,
            work=Work(
                workers={"scripted": self.worker},
                workspaces=self.workspaces,
                clock=self.clock,
                fraction=lambda: 0.5,
            ),
            clock=self.clock,
            fraction=lambda: 0.5,
        )

    async def role(
        self, repository: Repository, login: str, permits: object = ()
    ) -> Role:
        role = self.roles.pop(0) if len(self.roles) > 1 else self.roles[0]
        if isinstance(role, BotError):
            raise role
        return role

    def begin(
        self, at: Job, *, resumed: Resumed | None = None
    ) -> "asyncio.Task[Outcome]":
        work = self.steps.run(at, self.desk, resumed=resumed)
        return asyncio.ensure_future(work)

    async def run(self, at: Job, *, resumed: Resumed | None = None) -> Outcome:
        running = self.begin(at, resumed=resumed)
        await self.clock.run_until(running.done)
        return running.result()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.supervisor.close()


Installs = Callable[..., Job]


@pytest.fixture
def install() -> Iterator[Installs]:
    """Return what makes a job of a machine."""
    contexts = []

    def made(machine: NextStep, **more: Any) -> Job:
        spec = replace(LABEL, name="test", next_step=machine, **more)
        context = installed([spec])
        context.__enter__()
        contexts.append(context)
        return replace(job(ITEM), started_at=START)

    yield made
    for context in contexts:
        context.__exit__(None, None, None)


def comments(job: Job, seen: Seen) -> Step:
    """Comment once."""
    return End(DONE) if "comment" in seen.receipts else Do("comment", COMMENT)


def comments_twice(job: Job, seen: Seen) -> Step:
    """Comment, and comment again."""
    for key in ("first", "second"):
        if key not in seen.receipts:
            return Do(key, COMMENT)
    return End(DONE)


def waits_for_ci(job: Job, seen: Seen) -> Step:
    """Wait until the check has reported, then comment."""
    checks = seen.answer(CHECKS)
    if "comment" in seen.receipts:
        return End(DONE)
    ci = checks.named("ci") if checks else None
    if ci is None or ci.state is CheckState.PENDING:
        return Await(CHECKS, "the check ci")
    return Do("comment", COMMENT)


def implement(**more: Any) -> Job:
    made = job(Action("implement"))
    return replace(made, item=replace(made.item, worker="scripted"), **more)


# --- effects ---------------------------------------------------------------------------


@pytest.mark.parametrize("machine", [comments, comments_twice])
async def test_effects_are_carried_out_one_after_the_other(bench, install, machine):
    assert await bench.run(install(machine)) == DONE
    assert bench.desk.is_changing


@pytest.mark.parametrize(
    ("machine", "outages", "is_resumed", "may_be_stopped"),
    [
        (comments, [AWAY], False, True),
        (comments, [AWAY], True, False),  # that may have begun before the restart
    ],
    ids=["untouched", "meant before a restart"],
)
async def test_it_can_be_stopped_while_nothing_of_it_is_on_github(
    bench: Bench, install, machine, outages, is_resumed, may_be_stopped
):
    bench.outside = Outside([*outages, RECEIPT, RECEIPT], [None] * 9)
    at = install(machine)
    if is_resumed:
        await bench.log.intend("b7k2-12/comment", COMMENT, at=START)
    running = bench.begin(at, resumed=Resumed() if is_resumed else None)
    await bench.clock.run_until(lambda: bench.clock.sleepers == 1)
    assert bench.desk.is_changing is not may_be_stopped
    await bench.clock.run_until(running.done)
    assert running.result() == DONE


async def test_an_outage_is_waited_out_however_many_effects_it_meets(bench, install):
    bench.outside = Outside([RECEIPT, *[AWAY] * 9, RECEIPT], [None] * 9)
    assert await bench.run(install(comments_twice)) == DONE
    assert bench.clock.monotonic() > 1800


async def test_an_outage_of_hours_ends_the_attempt_so_that_another_may_come(
    bench: Bench, install
):
    bench.outside = Outside([AWAY] * 30, [None] * 30)
    outcome = await bench.run(install(comments))
    assert outcome.kind is OutcomeKind.TRANSIENT
    assert bench.clock.monotonic() > 7200


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ([Role.MAINTAIN, Role.WRITE], "ada has write access now, not maintain"),
        ([Role.MAINTAIN, AWAY, Role.WRITE], "ada has write access now, not maintain"),
        ([Role.MAINTAIN, UNTOLD], "GitHub did not tell which access ada has now"),
    ],
)
async def test_who_needs_to_maintain_is_asked_about_before_each_effect(
    bench: Bench, install, roles, reason
):
    bench.roles = roles
    outcome = await bench.run(install(comments_twice, role=Role.MAINTAIN))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == reason
    assert list(bench.log.records) == ["b7k2-12/first"]


# --- the start -------------------------------------------------------------------------


async def test_an_outage_before_the_start_is_no_try_of_the_item(bench, install):
    bench.desk.outages = 19
    assert await bench.run(install(comments)) == DONE
    assert bench.clock.monotonic() > 3000
    said = [note for note in bench.desk.notes if note or note == ""]
    assert said == ["waits for GitHub: GitHub did not answer in time."] * 19 + [""]


async def test_what_somebody_else_did_ends_the_item_before_it_starts(bench, install):
    bench.desk.overtaken_by = Outcome(OutcomeKind.UNCHANGED, summary="merged")
    assert await bench.run(install(comments)) == bench.desk.overtaken_by
    assert bench.log.records == {}


async def test_accepted_work_goes_on_whatever_somebody_else_did(bench: Bench):
    bench.desk.overtaken_by = Outcome(OutcomeKind.FAILED, reason="closed")
    outcome = await bench.run(implement(), resumed=Resumed(RAN))
    assert outcome.is_success
    assert list(bench.log.records) == ["b7k2-12/push", "b7k2-12/pull-request"]


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (job(Action("gone")), "this server has no action `gone` any more"),
        (job(Action("implement")), "this server has no worker `local` any more"),
    ],
    ids=["action", "worker"],
)
async def test_what_is_gone_after_a_restart_fails_with_that_reason(bench, at, reason):
    outcome = await bench.run(at)
    assert outcome.kind is OutcomeKind.FAILED
    assert (outcome.reason, bool(outcome.advice)) == (reason, True)


async def test_a_bug_fails_the_item(bench: Bench, install):
    def broken(job: Job, seen: Seen) -> Step:
        raise ZeroDivisionError

    outcome = await bench.run(install(broken))
    assert outcome.reason == "internal error: ZeroDivisionError"


async def test_what_ends_the_batch_ends_it(bench: Bench, install):
    def over(job: Job, seen: Seen) -> Step:
        raise BatchOver(Answered(Failure.GONE), why="removed")

    with pytest.raises(BatchOver):
        await bench.run(install(over))


# --- commands --------------------------------------------------------------------------


async def test_a_command_is_run_accepted_and_brought_to_github(bench: Bench):
    outcome = await bench.run(implement())
    assert outcome.branch == "batch/b7k2/12"
    assert bench.desk.notes == ["accepted"]
    assert bench.worker.cleaned == ["b7k2-12-1"]


async def test_a_result_that_is_not_accepted_goes_nowhere(bench: Bench):
    bench.desk.accepts = False
    outcome = await bench.run(implement())
    assert (outcome.kind, outcome.reason) == (OutcomeKind.FAILED, "superseded")
    assert bench.log.records == {}


async def test_an_outage_before_the_command_begins_costs_no_try(bench: Bench):
    bench.worker.scripts["12"] = Script(ends=[*[AWAY] * 5, RAN], seconds=0)
    outcome = await bench.run(implement())
    assert outcome.is_success
    assert bench.desk.notes.count("waits: GitHub did not answer in time.") == 5


async def test_what_still_runs_on_a_worker_is_waited_for_again(bench: Bench):
    at = implement()
    running = bench.begin(at)
    await bench.clock.run_until(lambda: bool(bench.worker.began))
    job_of_it = bench.worker.jobs[at.attempt]
    external_id = await bench.worker.start(job_of_it)
    running.cancel()
    await asyncio.wait({running})
    bench.worker.stopped.clear()  # this worker outlives the bot
    await bench.worker.start(job_of_it)
    outcome = await bench.run(at, resumed=Resumed(external_id=external_id))
    assert outcome.is_success


@pytest.mark.parametrize(
    "fault", [AWAY, BranchMissing(NoBranch("main", "acme/widgets"))]
)
async def test_what_did_not_begin_on_a_worker_begins_anew(bench: Bench, fault):
    at = implement()
    bench.worker.scripts["12"] = Script(ends=[fault, RAN])
    running = bench.begin(at)
    await bench.clock.run_until(lambda: bool(bench.worker.began))
    running.cancel()
    await asyncio.wait({running})
    bench.worker.stopped.clear()  # this worker outlives the bot
    resumed = Resumed(external_id="scripted-b7k2-12-1")
    assert (await bench.run(at, resumed=resumed)).is_success
    assert bench.worker.began == ["b7k2-12-1"] * 2


async def test_a_worker_that_never_answers_is_stopped(bench: Bench):
    bench.worker.scripts["12"] = Script(seconds=10**9)
    outcome = await bench.run(implement())
    assert outcome.reason == "timed out after 10m"
    assert bench.worker.stopped == ["b7k2-12-1"]
    assert bench.clock.monotonic() == 600 + 900


async def test_a_stopped_attempt_stops_its_command(bench: Bench):
    running = bench.begin(implement())
    await bench.clock.run_until(lambda: bool(bench.worker.began))
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert bench.worker.stopped == ["b7k2-12-1"]


# --- looks and waits -------------------------------------------------------------------


async def test_a_wait_that_is_over_parks_nothing(bench: Bench, install):
    bench.github.answers = [{CHECKS: PASSED}]
    assert await bench.run(install(waits_for_ci)) == DONE
    assert bench.desk.notes == []
    assert bench.clock.monotonic() == 0


async def test_a_wait_parks_and_looks_more_and_more_slowly(bench: Bench, install):
    bench.github.answers = [*[{CHECKS: PENDING}] * 3, {CHECKS: PASSED}]
    at = install(waits_for_ci)
    at = replace(at, item=replace(at.item, timeout_seconds=86_400))
    assert await bench.run(at) == DONE
    assert bench.desk.notes == ["parked: the check ci", "unparked"]
    assert bench.clock.monotonic() == 120 + 240 + 480


async def test_a_wait_ends_at_the_items_time_out_behind_a_last_look(bench, install):
    bench.github.answers = [{CHECKS: PENDING}]
    outcome = await bench.run(install(waits_for_ci))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == "timed out after 10m, waiting for the check ci"
    assert bench.clock.monotonic() == 600
    assert len(bench.github.asked) == 4  # at 0, 120, 360 and 600 seconds


async def test_a_wait_may_give_up_earlier(bench: Bench, install):
    bench.github.answers = [{CHECKS: PENDING}]

    def impatient(job: Job, seen: Seen) -> Step:
        step = waits_for_ci(job, seen)
        if isinstance(step, Await):
            until = job.started_at + timedelta(seconds=60)
            return replace(step, gives_up_at=until)
        return step

    outcome = await bench.run(install(impatient))
    assert outcome.reason == "gave up waiting for the check ci"
    assert bench.clock.monotonic() == 60


async def test_a_delivery_wakes_what_waits_for_its_commit(bench: Bench, install):
    bench.github.answers = [{CHECKS: PENDING}, {CHECKS: PASSED}]
    running = bench.begin(install(waits_for_ci))
    await bench.clock.run_until(lambda: bool(bench.desk.notes))
    bench.waits.wake({"commit 7 abc"})
    await bench.clock.advance(10)
    assert len(bench.github.asked) == 1
    bench.waits.wake(CHECKS.wakes)
    await bench.clock.run_until(running.done)
    assert running.result() == DONE
    assert bench.clock.monotonic() == 11


async def test_an_outage_does_not_end_a_wait(bench: Bench, install):
    bench.github.answers = [AWAY, {CHECKS: PENDING}, AWAY, AWAY, {CHECKS: PASSED}]
    assert await bench.run(install(waits_for_ci)) == DONE


async def test_what_is_gone_ends_a_wait_with_that_reason(bench: Bench, install):
    bench.github.answers = [{CHECKS: PENDING}, {}]
    outcome = await bench.run(install(waits_for_ci))
    assert outcome.reason.startswith("what was waited for cannot be found")


async def test_a_change_makes_earlier_answers_old(bench: Bench, install):
    bench.github.answers = [{CHECKS: PENDING}, {CHECKS: PASSED}]
    states: list[CheckState] = []

    def looks(job: Job, seen: Seen) -> Step:
        checks = seen.answer(CHECKS)
        if checks is None:
            return Ask(CHECKS)
        states.append(checks.all[0].state)
        return End(DONE) if "comment" in seen.receipts else Do("comment", COMMENT)

    assert await bench.run(install(looks)) == DONE
    assert states == [CheckState.PENDING, CheckState.PASSED]


async def test_many_questions_about_a_repository_are_one_query(bench, install):
    bench.github.answers = [
        {ChecksOf(REPOSITORY, str(n)): PASSED for n in range(40)},
    ]

    async def look(n: int) -> object:
        return await bench.waits.look(ChecksOf(REPOSITORY, str(n)), meters=["b7k2"])

    found = await asyncio.gather(*map(look, range(40)))
    assert found == [PASSED] * 40
    assert len(bench.github.asked) == 1


async def test_a_cancelled_attempt_may_still_have_something_to_do(bench, install):
    def undo(job: Job, seen: Seen) -> Step:
        if "undo" not in seen.receipts:
            return Do("undo", COMMENT)
        return End(Outcome(OutcomeKind.UNCHANGED, summary="its comment stays"))

    at = install(comments, cancel_step=undo)
    cancelling = asyncio.ensure_future(bench.steps.cancel(at, bench.desk))
    await bench.clock.run_until(cancelling.done)
    assert cancelling.result() == "its comment stays"
    assert list(bench.log.records) == ["b7k2-12/undo"]


# --- bases that move -------------------------------------------------------------------

LOOK = BasesOf(REPOSITORY, job(ITEM).item.number)
GONE = BranchMissing(NoBranch("batch/b7k2/10", REPOSITORY.name))
CONFLICT = PermanentError(ChangeConflicts("main", ["a.py"]))


def moves_once(job: Job, seen: Seen) -> Step:
    """Look, move the work if it stands elsewhere than on the default branch, and end."""
    bases, result = seen.answer(LOOK), seen.result
    assert result is not None
    if bases is None:
        return Ask(LOOK)
    if result.base != bases.default_branch:
        return Rebase(bases.default_branch)
    summary = f"{result.commit} was on {result.moved_from}; {result.stuck}"
    return End(Outcome(OutcomeKind.COMPLETED, summary=summary))


UNCHANGED = CommandResult(0)
STANDING = CommandResult(0, commit="a" * 40, base="batch/b7k2/10", merged=("other",))


@pytest.mark.parametrize(
    ("moves", "commit", "stuck", "looks"),
    [
        ([Rebased("b" * 40, "main")], "b" * 40, "", 2),
        ([AWAY, AWAY, Rebased("b" * 40, "main")], "b" * 40, "", 2),
        ([GONE, Rebased("b" * 40, "main")], "b" * 40, "", 3),  # and is looked for again
        ([CONFLICT], "a" * 40, "the change conflicts with main in a.py", 2),
        ([AWAY] * PATIENT_TRIES, "a" * 40, "GitHub did not answer in time.", 2),
    ],
    ids=["at once", "after an outage", "after a branch went", "conflict", "away"],
)
async def test_work_is_moved_or_kept_as_it_is(
    bench: Bench, install, moves, commit, stuck, looks
):
    bench.workspaces = Moves(moves)
    outcome = await bench.run(install(moves_once), resumed=Resumed(STANDING))
    made_on = ("batch/b7k2/10", "other")
    assert outcome.summary == f"{commit} was on {made_on}; {stuck}"
    assert len(bench.github.asked) == looks
    assert bench.desk.notes[-1] == "accepted"  # a restart need not move it again
    assert set(bench.workspaces.asked) == {("a" * 40, "main")}


async def test_a_branch_that_only_github_knows_is_given_up_at_last(
    bench: Bench, install
):
    bench.workspaces = Moves([GONE] * 99)
    outcome = await bench.run(install(moves_once), resumed=Resumed(STANDING))
    assert outcome.kind is OutcomeKind.FAILED
    assert len(bench.github.asked) == MOST_MISSING + 1


async def test_a_base_that_goes_before_the_command_begins_costs_no_try(bench: Bench):
    bench.worker.scripts["12"] = Script([GONE, UNCHANGED])
    outcome = await bench.run(implement())
    assert outcome.kind is OutcomeKind.UNCHANGED, outcome.reason
    assert len(bench.worker.cleaned) == 2


async def test_what_github_ends_itself_is_looked_at_again_within_seconds(
    bench: Bench, install
):
    bench.github.answers = [*[{CHECKS: PENDING}] * 3, {CHECKS: PASSED}]

    def brief(job: Job, seen: Seen) -> Step:
        step = waits_for_ci(job, seen)
        return replace(step, is_brief=True) if isinstance(step, Await) else step

    assert await bench.run(install(brief)) == DONE
    assert bench.clock.monotonic() == 2 + 4 + 8 + 16


# --- turns -----------------------------------------------------------------------------


async def test_who_had_to_wait_for_its_turn_looks_again_before_it_does_anything(
    bench: Bench, install
):
    bench.github.answers = [{CHECKS: PASSED}, {CHECKS: PENDING}, {CHECKS: PASSED}]
    bench.desk.turns = ["merge main"]
    states: list[CheckState] = []

    def merges(job: Job, seen: Seen) -> Step:
        checks = seen.answer(CHECKS)
        if checks is None:
            return Ask(CHECKS)
        states.append(checks.all[0].state)
        if "comment" in seen.receipts:
            return End(DONE)
        if checks == PENDING:
            return Await(CHECKS, "ci", holds="merge main")
        return Do("comment", COMMENT, holds="merge main")

    assert await bench.run(install(merges)) == DONE
    assert bench.desk.notes == ["had to wait: merge main", "parked: ci", "unparked"]
    assert states[:2] == [CheckState.PASSED, CheckState.PENDING]


async def test_what_has_to_be_tried_again_later_is_done_only_if_it_is_still_right(
    bench: Bench, install
):
    bench.github.answers = [{CHECKS: PASSED}, {CHECKS: PENDING}, {CHECKS: PASSED}]
    bench.outside = Outside([AWAY, RECEIPT], [None])
    found: list[Checks] = []

    def merges(job: Job, seen: Seen) -> Step:
        checks = seen.answer(CHECKS)
        if "comment" in seen.receipts:
            return End(DONE)
        if checks is None:
            return Ask(CHECKS)
        found.append(checks)
        return Await(CHECKS, "ci") if checks == PENDING else Do("comment", COMMENT)

    assert await bench.run(install(merges)) == DONE
    assert found[:2] == [PASSED, PENDING]
    assert bench.desk.notes == ["parked: ci", "unparked"]


async def test_waiting_for_a_turn_takes_none_of_the_items_own_time(bench, install):
    bench.github.answers = [{CHECKS: PENDING}]
    took = bench.desk.hold

    async def hold(name: str) -> bool:
        had_to_wait = await took(name)
        if had_to_wait:
            await bench.clock.sleep(3600)
        return bool(had_to_wait)

    bench.desk.hold = hold
    bench.desk.turns = ["merge main"]

    def waits(job: Job, seen: Seen) -> Step:
        return Await(CHECKS, "the check ci", holds="merge main")

    outcome = await bench.run(install(waits))
    assert outcome.reason == "timed out after 10m, waiting for the check ci"
    assert bench.clock.monotonic() == 3600 + 600
