"""``dispatch``: one run of a workflow for an item, with a pencil."""

from dataclasses import replace

import pytest

from bot.core.actions.dispatch import cancel_step, next_step
from bot.core.actions.step import Ask, Await, Do, End, Job, Seen
from bot.core.effects import (
    CancelRun,
    DispatchWorkflow,
    OpenPullRequest,
    Receipt,
    RerunFailedJobs,
)
from bot.core.model import Action, Dispatchable, ItemKind, Outcome, OutcomeKind
from bot.core.world.job_logs import JobLogOf
from bot.core.world.runs import (
    AnnotationsOf,
    JobsOf,
    NoBranch,
    Run,
    RunJob,
    RunJobs,
    RunOf,
    RunStep,
    WorkBranch,
    WorkBranchOf,
)
from tests.core.actions.jobs import REPOSITORY, SHA, job

ACTION = Action("dispatch", ("deploy.yml", "env=prod"))
OWN = ("batch_attempt", "batch_item", "batch_head", "batch_branch", "batch_base")
URL = "https://github.com/acme/widgets/actions/runs/99"
BEGUN = Receipt(id=99, url=URL)
RUN, JOBS = RunOf(REPOSITORY, 99), JobsOf(REPOSITORY, 99)
FIX = replace(ACTION, name="fix", uses="dispatch", result="pull_request")


def at(
    action: Action = ACTION,
    *,
    takes: Dispatchable = Dispatchable(OWN, is_named=True),  # noqa: B008 - a value
    kind: ItemKind = ItemKind.ISSUE,
    head: str = "",
    attempt: int = 1,
) -> Job:
    made = job(action, kind=kind, attempt=attempt)
    item = replace(made.item, dispatchable=takes, head_sha=head)
    return replace(made, item=item)


def begun() -> Seen:
    return Seen().done("dispatch", BEGUN)


def over(conclusion: str, *, attempt: int = 1) -> Seen:
    return begun().told(RUN, Run(99, URL, "completed", conclusion, attempt))


def job_of(
    name: str, *conclusions: str, status: str = "completed", id_: int = 7
) -> RunJob:
    """Return a job with one step for each conclusion; empty: it has not ended."""
    steps = tuple(
        RunStep(f"Step {n}", "completed" if one else "queued", one)
        for n, one in enumerate(conclusions, 1)
    )
    worst = next((one for one in conclusions if one not in ("success", "")), "success")
    conclusion = worst if status == "completed" else ""
    return RunJob(id_, name, f"{URL}/job/{id_}", status, conclusion, steps)


def ended(step: object) -> Outcome:
    assert isinstance(step, End)
    return step.outcome


def test_the_run_gets_what_was_typed_and_what_its_file_takes_of_the_bot():
    step = next_step(at(kind=ItemKind.PULL_REQUEST, head=SHA), Seen())
    assert isinstance(step, Do)
    assert step.intent == DispatchWorkflow(
        REPOSITORY,
        "deploy.yml",
        "main",
        (
            ("env", "prod"),
            ("batch_attempt", "b7k2-12-1"),
            ("batch_item", "12"),
            ("batch_head", SHA),
            ("batch_branch", "batch/b7k2/12"),
            ("batch_base", "main"),
        ),
        "b7k2-12-1",
    )
    assert (step.holds, step.asks_role) == ("", True)


def test_a_run_that_cannot_be_told_by_its_name_is_asked_for_alone():
    step = next_step(at(takes=Dispatchable()), Seen())
    assert isinstance(step, Do)
    assert isinstance(step.intent, DispatchWorkflow)
    assert step.intent.inputs == (("env", "prod"),)
    assert (step.intent.name, step.holds) == ("", "dispatch acme/widgets deploy.yml")


@pytest.mark.parametrize(
    ("jobs", "says"),
    [
        ((job_of("test", status="queued"),), "a runner for test"),
        ((job_of("ship", status="waiting"),), "somebody's approval of ship"),
        (
            (job_of("ship", status="pending"),),
            "another run of the concurrency group of ship to end",
        ),
        (
            (
                job_of("lint", "success"),
                job_of("test", "success", "success", "", "", "", status="in_progress"),
            ),
            "test (3 of 5)",
        ),
        (
            tuple(job_of(n, "success", "", status="in_progress") for n in "abcd"),
            "a (2 of 2), b (2 of 2) and 2 more",
        ),
        (
            (job_of("x" * 99, "success", "", status="in_progress"),),
            f"{'x' * 39}… (2 of 2)",
        ),
    ],
)
def test_the_wait_says_how_far_the_run_is(jobs: tuple[RunJob, ...], says: str):
    first = next_step(at(), begun())
    assert isinstance(first, Await)
    assert (first.what, first.glimpse, first.url) == (RUN, JOBS, URL)
    step = next_step(at(), begun().told_after_waiting(JOBS, RunJobs(jobs)))
    assert isinstance(step, Await)
    assert step.says == says
    assert first.goes_on_as(step)


@pytest.mark.parametrize("jobs", [(), (job_of("test", "success"),)])
def test_where_no_job_goes_on_the_run_itself_is_asked_for(jobs: tuple[RunJob, ...]):
    done = begun().told_after_waiting(JOBS, RunJobs(jobs))
    assert next_step(at(), done) == Ask(RUN)
    # A job that waits for others may not be there yet.
    still = next_step(at(), done.told(RUN, Run(99, URL, "in_progress")))
    assert isinstance(still, Await)
    assert still.glimpse == JOBS


def test_before_a_run_begins_the_run_alone_is_looked_at():
    first = next_step(at(), begun().told(RUN, Run(99, URL, "pending")))
    assert isinstance(first, Await)
    assert first.glimpse is None


@pytest.mark.parametrize(
    ("status", "says"),
    [
        ("queued", "GitHub to begin the run"),
        ("requested", "GitHub to begin the run"),
        ("pending", "another run of its concurrency group to end"),
        ("waiting", "somebody's approval of the run"),
        ("in_progress", "the run to end"),
    ],
)
def test_each_state_is_a_wait_with_its_reason(status: str, says: str):
    step = next_step(at(), begun().told(RUN, Run(99, URL, status)))
    assert isinstance(step, Await)
    assert step.says == says


@pytest.mark.parametrize(
    ("conclusion", "kind", "words"),
    [
        ("success", OutcomeKind.COMPLETED, "ran `deploy.yml`"),
        ("neutral", OutcomeKind.UNCHANGED, "the run ended as neutral"),
        ("skipped", OutcomeKind.UNCHANGED, "every job of the run was skipped"),
        ("action_required", OutcomeKind.FAILED, "the run needs an approval"),
        ("stale", OutcomeKind.FAILED, "GitHub gave the run up"),
        ("startup_failure", OutcomeKind.FAILED, "GitHub could not begin the run"),
        ("eaten", OutcomeKind.FAILED, "the run ended as `eaten`"),
    ],
)
def test_each_conclusion_is_an_outcome(conclusion: str, kind: OutcomeKind, words: str):
    outcome = ended(next_step(at(), over(conclusion)))
    assert outcome.kind is kind
    said = (outcome.summary or outcome.reason).replace("\u2060", "")
    assert said.startswith(words)
    assert outcome.link is not None
    assert outcome.link.url == URL
    assert bool(outcome.advice) is (kind is OutcomeKind.FAILED)


BEFORE = " before it began, by somebody or for a newer one of its concurrency group"


@pytest.mark.parametrize(
    ("jobs", "when", "advice"),
    [
        ((job_of("test", "success", "cancelled"),), "", "retry the item"),
        ((job_of("test", "cancelled"),), BEFORE, "retry the item"),
        ((), BEFORE, "give the command again"),
    ],
)
def test_a_run_that_was_cancelled_says_whether_it_had_begun(
    jobs: tuple[RunJob, ...], when: str, advice: str
):
    assert next_step(at(), over("cancelled")) == Ask(JOBS)
    outcome = ended(next_step(at(), over("cancelled").told(JOBS, RunJobs(jobs))))
    assert outcome.kind is OutcomeKind.FAILED
    assert outcome.reason == f"the run was cancelled on GitHub{when}"
    assert outcome.advice == f"If it is wanted after all, {advice}."
    assert outcome.retry_helps is ("retry" in advice)


@pytest.mark.parametrize(
    ("conclusion", "reason"),
    [("failure", "the run failed"), ("timed_out", "the run took too long")],
)
def test_a_failure_without_a_failed_job_is_told_without_its_name(
    conclusion: str, reason: str
):
    found = over(conclusion).told(JOBS, RunJobs(()))
    assert ended(next_step(at(), found)).reason == reason
    late = job_of("test", "success", "timed_out")
    found = over(conclusion).told(JOBS, RunJobs((late, job_of("x", "failure"))))
    step = next_step(at(), found.told(AnnotationsOf(REPOSITORY, 7), ("a",)))
    verb = "failed" if conclusion == "failure" else "took too long"
    assert ended(step).reason == (
        f"`test` {verb} at the step `Step 2`, and so did 1 other job"
    )


def test_a_failure_names_the_step_and_its_annotations():
    assert next_step(at(), over("failure")) == Ask(JOBS)
    bad = job_of("test", "success", "failure", "success")
    seen = over("failure").told(JOBS, RunJobs((job_of("lint", "success", id_=6), bad)))
    notes = AnnotationsOf(REPOSITORY, 7)
    assert next_step(at(), seen) == Ask(notes)
    told = seen.told(notes, ("src/a.py:3: unused",))
    outcome = ended(next_step(at(), told))
    assert outcome.reason == "`test` failed at the step `Step 2`"
    assert outcome.log_tail == ("src/a.py:3: unused",)
    assert (outcome.retry_helps, "of the same commit" in outcome.advice) == (True, True)
    # "Process completed with exit code 1." tells nobody anything: its log may.
    log = JobLogOf(REPOSITORY, 7)
    bare = seen.told(notes, ("Process completed with exit code 1.",))
    assert next_step(at(), bare) == Ask(log)
    assert ended(next_step(at(), bare.told(log, ("E boom",)))).log_tail == ("E boom",)


def test_another_try_of_the_item_runs_the_failed_jobs_again():
    again = at(attempt=2)
    assert next_step(again, begun()) == Ask(RUN)
    bad = RunJobs((job_of("test", "failure"), job_of("ship", "success", id_=8)))
    step = next_step(again, over("failure").told(JOBS, bad))
    assert isinstance(step, Do)
    assert step.intent == RerunFailedJobs(REPOSITORY, 99, 7)
    done = begun().done(step.key, Receipt(id=7))
    waiting = next_step(again, done.told(RUN, Run(99, URL, "completed", "failure", 1)))
    assert isinstance(waiting, Await)
    assert waiting.is_brief
    second = done.told(RUN, Run(99, URL, "completed", "success", 2))
    assert ended(next_step(again, second)).kind is OutcomeKind.COMPLETED


FAILED_ONCE = Run(99, URL, "completed", "failure", 1)


@pytest.mark.parametrize(
    "note", ["… over a month ago", "This workflow run cannot be retried", "gone"]
)
def test_what_github_does_not_run_again_says_why(note: str):
    refused = begun().done("rerun@99-1", Receipt(id=7, changed=False, note=note))
    outcome = ended(next_step(at(attempt=2), refused.told(RUN, FAILED_ONCE)))
    assert outcome.reason == f"GitHub does not run it again: {note}"
    assert outcome.advice == "Give the command again: that begins another run."


def test_a_run_without_jobs_cannot_run_again():
    found = over("startup_failure").told(JOBS, RunJobs(()))
    outcome = ended(next_step(at(attempt=2), found))
    assert outcome.reason == "GitHub does not run it again: it has no failed job"


def test_what_somebody_else_has_just_run_again_is_followed():
    again = at(attempt=2)
    note = "This workflow is already running"
    refused = begun().done("rerun@99-1", Receipt(id=7, changed=False, note=note))
    waiting = next_step(again, refused.told(RUN, FAILED_ONCE))
    assert isinstance(waiting, Await)
    assert waiting.is_brief
    second = Run(99, URL, "completed", "success", 2)
    outcome = ended(next_step(again, refused.told(RUN, second)))
    assert outcome.kind is OutcomeKind.COMPLETED


def test_a_workflow_whose_runs_cancel_each_other_has_one_at_a_time():
    alone = at(takes=Dispatchable(OWN, is_named=True, goes_alone=True), attempt=2)
    turn = "dispatch acme/widgets deploy.yml"
    bad = begun().told(RUN, FAILED_ONCE).told(JOBS, RunJobs((job_of("a", "failure"),)))
    steps = [
        next_step(alone, Seen()),
        next_step(alone, begun().told(RUN, Run(99, URL, "pending"))),
        next_step(alone, bad),
    ]
    held = [step.holds for step in steps if isinstance(step, Do | Await)]
    assert held == [turn] * 3
    # What is stopped waits for nobody's turn.
    stops = cancel_step(alone, begun().done("cancel", Receipt(id=99)))
    assert isinstance(stops, Await)
    assert stops.holds == ""


ASKED = WorkBranchOf(REPOSITORY, "batch/b7k2/12", "main")


def test_what_the_run_pushed_becomes_a_pull_request_of_the_bot():
    assert next_step(at(FIX), over("success")) == Ask(ASKED)
    pushed = WorkBranch(SHA, "Mend @all of #9", ahead=2, others=("mallory",))
    step = next_step(at(FIX), over("success").told(ASKED, pushed))
    assert isinstance(step, Do)
    intent = step.intent
    assert isinstance(intent, OpenPullRequest)
    assert (intent.head_branch, intent.head_sha) == ("batch/b7k2/12", SHA)
    assert intent.base_branch == "main"
    assert "@all" not in intent.title
    assert intent.body.startswith("Closes #12\n")
    assert "mallory" in intent.body
    opened = over("success").done(step.key, Receipt(id=71, url="…/pull/71", sha=SHA))
    outcome = ended(
        next_step(at(FIX), opened.told(RUN, Run(99, URL, "completed", "success")))
    )
    assert (outcome.branch, outcome.opened is not None) == ("batch/b7k2/12", True)


@pytest.mark.parametrize("nothing", [NoBranch(), WorkBranch(SHA)])
def test_a_run_that_pushed_nothing_changed_nothing(nothing: NoBranch | WorkBranch):
    outcome = ended(next_step(at(FIX), over("success").told(ASKED, nothing)))
    assert outcome.kind is OutcomeKind.UNCHANGED


def test_a_branch_of_another_history_is_no_pull_request():
    lost = WorkBranch(SHA, "Start", is_related=False)
    outcome = ended(next_step(at(FIX), over("success").told(ASKED, lost)))
    assert "no commit in common with `main`" in outcome.reason


def test_a_cancelled_run_is_stopped_by_force_after_a_minute():
    assert ended(cancel_step(at(), Seen())).summary == ""
    step = cancel_step(at(), begun())
    assert isinstance(step, Do)
    assert step.intent == CancelRun(REPOSITORY, 99)
    asked = begun().done("cancel", Receipt(id=99))
    wait = cancel_step(at(), asked)
    assert isinstance(wait, Await)
    assert wait.for_seconds == 60.0
    stopped = asked.told(RUN, Run(99, URL, "completed", "cancelled"))
    assert ended(cancel_step(at(), stopped)).summary == "its run was cancelled"
    goes_on = asked.told(RUN, Run(99, URL, "in_progress")).waited_in_vain(wait.named)
    forced = cancel_step(at(), goes_on)
    assert isinstance(forced, Do)
    assert forced.intent == CancelRun(REPOSITORY, 99, by_force=True)
    last = goes_on.done(forced.key, Receipt(id=99)).waited_in_vain(forced.key)
    assert "goes on" in ended(cancel_step(at(), last)).summary


def test_a_run_that_takes_too_long_is_stopped_as_well():
    late = begun().waited_in_vain("late")
    step = next_step(at(), late)
    assert isinstance(step, Do)
    assert isinstance(step.intent, CancelRun)
    done = late.done("cancel", Receipt(id=99))
    outcome = ended(
        next_step(at(), done.told(RUN, Run(99, URL, "completed", "cancelled")))
    )
    assert outcome.reason == "timed out after 10m; its run was cancelled"
