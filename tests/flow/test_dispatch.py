"""Workflows of GitHub Actions, one run per item."""

import re
from pathlib import Path

import pytest

from bot.localhub.ci import Annotation, RunPlan, WorkflowRun
from bot.localhub.faults import Fault, FaultKind
from tests.flow.world import REPOSITORY, World

ROOT = Path(__file__).parents[2]
TEXT = """\
name: Deploy
run-name: Deploy to ${{ inputs.env }} (${{ inputs.batch_attempt }})
on:
  workflow_dispatch:
    inputs:
      env: {type: choice, options: [prod, staging], required: true}
      fast: {type: boolean, default: false}
      count: {type: number, default: 1}
      batch_attempt: {type: string}
      batch_item: {type: string}
      batch_head: {type: string}
jobs:
  test:
    steps: [{run: make test}, {run: make lint}, {name: Ship it, run: make ship}]
"""
UNNAMED = """\
on: {workflow_dispatch: {inputs: {env: {required: true}}}}
jobs: {test: {steps: [{run: make}]}}
"""
FIX = """\
actions:
  fix:
    uses: dispatch
    with: [batch-item.yml, script=.github/fix.sh]
    result: pull_request
"""


def add_workflow(on: World, text: str = TEXT, *, file: str = "deploy.yml") -> None:
    files = {f".github/workflows/{file}": text}
    on.hub.push("ada", REPOSITORY, "main", files, message="Add a workflow")


def plan(on: World, run: RunPlan, *, file: str = "deploy.yml") -> None:
    on.hub.plan_run(REPOSITORY, file, run)


def runs(on: World) -> list[WorkflowRun]:
    return on.repository.workflow_runs


def requests(on: World) -> list[str]:
    """Return what the bot has sent to the API of Actions."""
    return [
        f"{e.method} {str(e.template).rpartition('/actions/')[2]}"
        for e in on.hub.log
        if "/actions/" in str(e.template)
    ]


@pytest.fixture
def ready(on: World) -> World:
    """Return a world with the workflow and two issues."""
    on.issue(12)
    on.issue(15)
    add_workflow(on)
    return on


async def test_each_item_gets_a_run_that_is_followed_to_its_end(ready: World):
    on = ready
    plan(on, RunPlan(step_seconds=45.0))
    async with on.bot():
        command = on.say("/batch dispatch deploy.yml env=prod 12 15")
        await on.until(lambda: "test (3 of 5)" in on.said("tracking"))
        page = f"/actions/runs/{runs(on)[0].id}"
        assert page in on.said("tracking")
        await on.finished(command)
    titles = [run.title for run in runs(on)]
    (batch,) = {re.findall(r"\((\w+)-", title)[0] for title in titles}
    assert titles == [f"Deploy to prod ({batch}-{n}-1)" for n in (12, 15)]
    assert [run.inputs["batch_item"] for run in runs(on)] == ["12", "15"]
    report = on.said("report")
    assert page in report
    assert "ran" in report
    # Both were asked for, looked at once while they went on, and once at their end.
    sent = requests(on)
    assert sent.count("POST workflows/{workflow_id}/dispatches") == 2
    assert sent.count("GET runs/{run_id}/jobs") == 2
    assert sent.count("GET runs/{run_id}") == 2


async def test_a_pull_request_goes_in_with_its_head_and_one_from_a_fork_does_not(
    ready: World,
):
    on = ready
    head = on.pull_request(21).pull
    assert head is not None
    async with on.bot():
        await on.finished(on.say("/batch dispatch deploy.yml env=prod 21"))
        assert runs(on)[0].inputs["batch_head"] == head.head_sha
        assert runs(on)[0].suite.head_branch == "main"
        on.hub.fork("rita", REPOSITORY)
        on.hub.push("rita", "rita/widgets", "mine", {"x": "1\n"}, message="X")
        thread = on.hub.open_pull_request("rita", REPOSITORY, "X", head="rita:mine")
        said = await on.answer(f"/batch dispatch deploy.yml env=prod {thread.number}")
    assert "comes from a fork" in said
    assert len(runs(on)) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("deploi.yml env=prod", "nearest is `deploy.yml`"),
        ("deploy.yml", "`deploy.yml` needs `env`"),
        ("deploy.yml env=prd", "`env` of `deploy.yml` is one of `prod` and `staging`"),
        ("deploy.yml env=prod fsat=true", "no input `fsat`; did you mean `fast`?"),
        ("deploy.yml env=prod fast=yes", "`fast` of `deploy.yml` is `true` or `false`"),
        ("deploy.yml env=prod count=few", "`count` of `deploy.yml` is a number"),
        ("deploy.yml env=prod batch_item=3", "`batch_item` is filled in by me"),
        ("push.yml", "`push.yml` cannot be dispatched: it has no `workflow_dispatch`"),
        ("bad.yml", "`bad.yml` cannot be read: line 2"),
        ("off.yml", "`off.yml` does not run: somebody has disabled it"),
        ("deploy.yml fast=no", "is `true` or `false`, not `no`. `deploy.yml` needs"),
    ],
)
async def test_what_github_would_not_run_is_said_before_anything_starts(
    ready: World, arguments: str, says: str
):
    on = ready
    add_workflow(on, "on: push\njobs: {}\n", file="push.yml")
    add_workflow(on, "on: [workflow_dispatch\njobs: {\n", file="bad.yml")
    add_workflow(on, UNNAMED, file="off.yml")
    on.repository.disabled_workflows["off.yml"] = "disabled_manually"
    async with on.bot():
        said = await on.answer(f"/batch dispatch {arguments} 12")
        assert says in said, said
        assert "othing started" in said
        on.assert_nothing_started()
    assert runs(on) == []


async def test_without_the_permission_it_is_refused_by_name(ready: World):
    on = ready
    (installation,) = on.hub.state.installations.values()
    installation.permissions["actions"] = "read"
    async with on.bot():
        said = await on.answer("/batch dispatch deploy.yml env=prod 12")
    assert "`actions: write`" in said
    assert runs(on) == []


async def test_a_failed_run_says_its_step_and_a_retry_runs_what_failed_again(
    ready: World,
):
    on = ready
    said = Annotation("src/a.py", 3, 3, "failure", "E501 too long")
    jobs = {"test": ("failure", "success")}
    plan(on, RunPlan(jobs, annotations={"test": (said,)}))
    async with on.bot():
        await on.finished(on.say("/batch dispatch deploy.yml env=prod 12"))
        report = on.said("report")
        assert "failed at the step `Ship it`" in report.replace("\u2060", "")
        assert "src/a.py:3: E501 too long" in report
        # In its own batch the failed jobs run again; another batch begins another run.
        on.say("/batch dispatch deploy.yml env=prod 12 15 after:40")
        await on.until(
            lambda: (
                "outside this batch" in on.said("tracking")
                and "**1** failed" in on.said("tracking")
            )
        )
        on.say("/batch retry 12")
        await on.until(lambda: runs(on)[1].conclusion == "success")
        await on.until(lambda: "1 of 2" in on.said("tracking"))
    assert [run.attempt for run in runs(on)] == [1, 2]


async def test_what_is_pushed_becomes_a_pull_request_of_the_bot(on: World):
    on.issue(12)
    on.issue(15)
    on.configure(FIX)
    text = (ROOT / ".github/docs/batch-item.yml").read_text("utf-8")
    add_workflow(on, text, file="batch-item.yml")
    change = RunPlan(pushes={"fixed.txt": "yes\n"}, message="Fix it, @rita")
    async with on.bot():
        plan(on, change, file="batch-item.yml")
        await on.finished(on.say("/batch fix 12"))
        plan(on, RunPlan(), file="batch-item.yml")
        await on.finished(on.say("/batch fix 15"))
    thread = on.pull_requests()[12]
    assert thread.author is on.hub.app.bot
    assert "@rita" not in thread.title
    assert thread.body.startswith("Closes #12\n")
    assert "pushed no change" in on.said("report")
    assert 15 not in on.pull_requests()


async def test_a_cancel_stops_the_run_by_force_if_need_be(ready: World):
    on = ready
    plan(on, RunPlan(ignores_cancel=True, step_seconds=600.0))
    async with on.bot():
        command = on.say("/batch dispatch deploy.yml env=prod 12")
        await on.until(lambda: runs(on) and runs(on)[0].status == "in_progress")
        on.say("/batch cancel")
        await on.finished(command)
        assert "its run was cancelled" in on.said("report")
    assert runs(on)[0].conclusion == "cancelled"
    sent = requests(on)
    assert "POST runs/{run_id}/cancel" in sent
    assert "POST runs/{run_id}/force-cancel" in sent


async def test_an_older_server_is_asked_for_the_run_by_its_name(ready: World):
    on = ready
    on.hub.tells_runs, on.hub.list_lag_seconds = False, 7.0
    async with on.bot():
        await on.finished(on.say("/batch dispatch deploy.yml env=prod 12 15"))
    assert len(runs(on)) == 2
    assert "ran" in on.said("report")


async def test_a_lost_answer_is_found_and_nothing_runs_twice(ready: World):
    on = ready
    on.hub.list_lag_seconds = 7.0
    fault = Fault(method="POST", path="/dispatches$", kind=FaultKind.LOST_ANSWER)
    on.hub.faults.add(fault)
    async with on.bot():
        await on.finished(on.say("/batch dispatch deploy.yml env=prod 12"))
    assert len(runs(on)) == 1
    assert "ran" in on.said("report")


async def test_a_lost_answer_without_a_name_is_one_run_or_is_told(ready: World):
    on = ready
    add_workflow(on, UNNAMED, file="plain.yml")
    async with on.bot():
        fault = Fault(method="POST", path="/dispatches$", kind=FaultKind.RESET)
        on.hub.faults.add(fault)
        command = on.say("/batch dispatch plain.yml env=prod 12")
        await on.finished(command)
        assert "whether it began is unknown" in on.said("report")
        assert "by hand" in on.said("report")
        assert runs(on) == []
        lost = Fault(method="POST", path="/dispatches$", kind=FaultKind.LOST_ANSWER)
        on.hub.faults.add(lost)
        await on.finished(on.say("/batch dispatch plain.yml env=prod 15"))
    assert len(runs(on)) == 1
    assert "ran" in on.said("report")


async def test_it_says_beforehand_that_a_run_may_not_be_found(ready: World):
    on = ready
    add_workflow(on, UNNAMED, file="plain.yml")
    async with on.bot():
        said = await on.answer("/batch plan dispatch plain.yml env=prod 12")
    assert "`plain.yml` has no input `batch_attempt`" in said


async def test_a_run_that_ends_without_a_delivery_is_found_by_a_look(ready: World):
    on = ready
    async with on.bot():
        command = on.say("/batch dispatch deploy.yml env=prod 12")
        await on.until(lambda: runs(on))
        on.hub.set_webhook_url(None)
        await on.finished(command)
    assert "ran" in on.said("report")


async def test_deliveries_in_the_wrong_order_end_each_item_once(ready: World):
    on = ready
    plan(on, RunPlan(queue_seconds=0.0, step_seconds=0.0))
    on.hub.webhooks.faults.shuffled = True
    async with on.bot():
        command = on.say("/batch dispatch deploy.yml env=prod 12 15")
        await on.finished(command)
        told = [
            d.action for d in on.hub.webhooks.deliveries if d.event[:9] == "workflow_"
        ]
        await on.dealt_with()
    assert told.count("completed") == 4, told
    assert "2 of 2" in on.said("report")
    assert requests(on).count("GET runs/{run_id}") == 2


async def test_what_is_told_too_early_or_too_late_ends_nothing(ready: World):
    on = ready
    plan(on, RunPlan(step_seconds=30.0))
    async with on.bot():
        command = on.say("/batch dispatch deploy.yml env=prod 12")
        await on.until(lambda: runs(on) and runs(on)[0].status == "in_progress")
        (run,) = runs(on)
        about = {"id": run.id, "run_id": run.id, "status": "completed"}
        home = {"id": on.repository.id, "full_name": REPOSITORY}
        payload = {"workflow_run": about, "workflow_job": about, "repository": home}
        # The end is told before GitHub's own API knows of it.
        on.deliver("workflow_run", {**payload, "action": "completed"})
        await on.until(lambda: requests(on).count("GET runs/{run_id}") == 1)
        assert not on.reactions(command) & {"hooray", "confused"}
        await on.finished(command)
        said, asked = on.said("report"), len(requests(on))
        for action in ("queued", "in_progress", "waiting", "completed"):
            on.deliver("workflow_job", {**payload, "action": action})
        for action in ("requested", "in_progress", "completed"):
            on.deliver("workflow_run", {**payload, "action": action})
        await on.dealt_with()
        assert (on.said("report"), len(requests(on))) == (said, asked)
    assert "ran" in said


async def test_a_run_that_github_cannot_begin_is_no_endless_wait(ready: World):
    on = ready
    plan(on, RunPlan(startup_failure=True))
    async with on.bot():
        begun_at = on.clock.monotonic()
        command = on.say("/batch dispatch deploy.yml env=prod 12")
        await on.finished(command)
        assert on.clock.monotonic() - begun_at < 200.0
        assert "GitHub could not begin the run of" in on.said("report")


GROUP = "concurrency: deploy\n"


async def test_runs_of_a_concurrency_group_are_begun_one_after_another(on: World):
    for number in (12, 15, 18):
        on.issue(number)
    add_workflow(on, GROUP + TEXT)
    plan(on, RunPlan(step_seconds=60.0))
    async with on.bot():
        said = await on.answer("/batch plan dispatch deploy.yml env=prod 12 15 18")
        assert "Runs of `deploy.yml` go one after another" in said
        command = on.say("/batch dispatch deploy.yml env=prod 12 15 18")
        await on.until(lambda: "its turn to dispatch" in on.said("tracking"))
        await on.finished(command)
    assert [run.conclusion for run in runs(on)] == ["success"] * 3
    assert "3 of 3" in on.said("report")


async def test_a_run_that_gives_way_to_one_of_somebody_else_says_so(ready: World):
    on = ready
    add_workflow(on, GROUP + TEXT)
    plan(on, RunPlan(step_seconds=60.0))
    ada = on.hub.user("ada")

    def theirs() -> None:
        on.hub.dispatch(ada, on.repository, "deploy.yml", "main", {"env": "prod"})

    async with on.bot():
        theirs()
        command = on.say("/batch dispatch deploy.yml env=prod 12")
        await on.until(lambda: len(runs(on)) == 2)
        theirs()
        await on.finished(command)
        assert "cancelled on GitHub before it began" in on.said("report")
    assert runs(on)[1].conclusion == "cancelled"


async def test_a_rerun_that_github_refuses_ends_the_item_with_its_words(ready: World):
    on = ready
    plan(on, RunPlan({"test": "failure"}))
    async with on.bot():
        on.say("/batch dispatch deploy.yml env=prod 12 15 after:40")
        await on.until(lambda: "**1** failed" in on.said("tracking"))
        on.later(days=31)
        on.say("/batch retry 12")
        await on.until(lambda: "does not run it again" in on.said("tracking"))
        assert "created over a month ago" in on.said("tracking")
    assert [run.attempt for run in runs(on)] == [1]


async def test_a_run_that_somebody_has_run_again_is_followed_not_run_a_third_time(
    ready: World,
):
    on = ready
    plan(on, RunPlan({"test": ("failure", "success")}, step_seconds=60.0))
    async with on.bot():
        on.say("/batch dispatch deploy.yml env=prod 12 15 after:40")
        await on.until(lambda: "**1** failed" in on.said("tracking"))
        on.hub.rerun_failed_jobs("ada", REPOSITORY, runs(on)[0].id)
        on.say("/batch retry 12")
        await on.until(lambda: "1 of 2" in on.said("tracking"))
    assert [run.attempt for run in runs(on)] == [2]
    assert "POST runs/{run_id}/rerun-failed-jobs" not in requests(on)


async def test_whoever_loses_the_role_meanwhile_begins_no_further_run(ready: World):
    on = ready
    plan(on, RunPlan(step_seconds=60.0))
    async with on.bot():
        command = on.say(
            "/batch dispatch deploy.yml env=prod 12 15 after:12", by="linus"
        )
        await on.until(lambda: runs(on) and runs(on)[0].status == "in_progress")
        on.hub.set_role("acme", REPOSITORY, "linus", "read")
        await on.finished(command)
        assert "linus may not run it any more" in on.said("report")
    assert len(runs(on)) == 1


async def test_what_an_older_server_takes_is_known_from_its_refusal(on: World):
    on.issue(12)
    names = ", ".join(f"x{n}: {{default: a}}" for n in range(8))
    own = "batch_attempt: {}, batch_item: {}, batch_branch: {}"
    add_workflow(
        on,
        f"run-name: ${{{{ inputs.batch_attempt }}}}\n"
        f"on: {{workflow_dispatch: {{inputs: {{{names}, {own}}}}}}}\njobs: {{a: {{}}}}\n",
    )
    on.hub.tells_runs = False
    given = " ".join(f"x{n}=b" for n in range(8))
    async with on.bot():
        await on.finished(on.say(f"/batch dispatch deploy.yml {given} 12"))
        report = on.said("report")
        assert "takes 10 inputs with a run, and deploy.yml would get 11" in report
        assert "Nothing was begun" in report
    assert runs(on) == []


async def test_a_workflow_that_went_between_the_plan_and_the_run_is_named(
    ready: World,
):
    on = ready
    plan(on, RunPlan(step_seconds=60.0))
    async with on.bot():
        command = on.say("/batch dispatch deploy.yml env=prod 12 15 after:12")
        await on.until(lambda: runs(on))
        gone = {".github/workflows/deploy.yml": None}
        on.hub.push("ada", REPOSITORY, "main", gone, message="Remove it")
        await on.finished(command)
        assert "does not find the workflow deploy.yml any more" in on.said("report")
    assert len(runs(on)) == 1


async def test_what_keeps_a_run_waiting_is_said(ready: World):
    on = ready
    plan(on, RunPlan(is_waiting=True))
    async with on.bot():
        command = on.say("/batch dispatch deploy.yml env=prod 12")
        await on.until(lambda: "approval of test" in on.said("tracking"))
        on.hub.let_run(REPOSITORY, runs(on)[0].id)
        await on.finished(command)
    assert "ran" in on.said("report")


async def test_twenty_items_are_twenty_runs_with_few_requests(on: World):
    for number in range(41, 61):
        on.issue(number)
    add_workflow(on)
    # They are asked for a second apart, so that they end one after another.
    async with on.bot(BATCH_WRITE_INTERVAL="1"):
        await on.finished(on.say("/batch dispatch deploy.yml env=prod 41-60"))
        sent = [e for e in on.hub.log if "/actions/runs" in str(e.template)]
    assert len({run.inputs["batch_item"] for run in runs(on)}) == len(runs(on)) == 20
    assert len(sent) == 20
