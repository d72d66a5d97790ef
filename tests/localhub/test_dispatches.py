"""Workflows that somebody dispatches on the local GitHub."""

from typing import Any

import pytest

from bot.localhub.ci import RunPlan
from bot.localhub.hub import LocalHub
from tests.fakes import FakeClock
from tests.localhub.client import NAME, REPO, Client, client, receiver

FILE = "deploy.yml"
WORKFLOW = f"{REPO}/actions/workflows/{FILE}"
DISPATCHES = f"{WORKFLOW}/dispatches"
TEXT = """\
name: Deploy
run-name: Deploy to ${{ inputs.env }} (${{ inputs.batch_attempt }})
on:
  workflow_dispatch:
    inputs:
      env: {type: choice, options: [prod, staging], required: true}
      dry: {type: boolean, default: false}
      batch_attempt: {type: string}
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - run: make test
  ship:
    runs-on: ubuntu-latest
    steps:
      - name: Ship it
        run: make ship
"""


def add(hub: LocalHub, text: str = TEXT, *, file: str = FILE) -> None:
    path = f".github/workflows/{file}"
    hub.push("olivia", NAME, "main", {path: text}, message="Add a workflow")


async def dispatch(github: Client, **inputs: str) -> Any:
    body = {"ref": "main", "inputs": inputs, "return_run_details": True}
    return await github.send("POST", DISPATCHES, body)


async def test_a_run_goes_through_its_jobs_and_steps(
    hub: LocalHub, hub_clock: FakeClock
):
    add(hub)
    async with receiver(hub) as hooks, client(hub) as github:
        begun = await dispatch(github, env="prod", batch_attempt="b7k2-12-1")
        assert begun.status == 200
        address = f"{REPO}/actions/runs/{begun.body['workflow_run_id']}"
        run = (await github.get(address)).body
        assert run["display_title"] == "Deploy to prod (b7k2-12-1)"
        assert (run["event"], run["status"]) == ("workflow_dispatch", "queued")
        assert run["actor"]["login"] == "batch-bot[bot]"
        await hub_clock.advance(2.0)
        (test, ship) = (await github.get(f"{address}/jobs")).body["jobs"]
        assert [one["name"] for one in ship["steps"]] == [
            "Set up job",
            "Ship it",
            "Complete job",
        ]
        assert [one["status"] for one in test["steps"]] == [
            "in_progress",
            "queued",
            "queued",
        ]
        for _ in range(3):
            await hub_clock.advance(5.0)
        run = (await github.get(address)).body
        assert (run["status"], run["conclusion"]) == ("completed", "success")
        await hub.webhooks.drain()
    runs = [name for name in hooks.names if name.startswith("workflow_run")]
    assert runs == [
        "workflow_run.requested",
        "workflow_run.in_progress",
        "workflow_run.completed",
    ]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "Required input 'env' not provided"),
        ({"env": "prod", "nev": "x"}, 'Unexpected inputs provided: ["nev"]'),
        (
            {"env": "moon"},
            "Provided value 'moon' for input 'env' not in the list of allowed values",
        ),
        (
            {"env": "prod", "dry": "yes"},
            "Provided value 'yes' for input 'dry' not in the list of allowed values",
        ),
    ],
)
async def test_inputs_that_do_not_fit_are_refused(
    hub: LocalHub, inputs: dict[str, str], message: str
):
    add(hub)
    async with client(hub) as github:
        refused = await dispatch(github, **inputs)
    assert (refused.status, refused.body["message"]) == (422, message)
    assert hub.repository(NAME).workflow_runs == []


async def test_what_cannot_be_dispatched_says_why(hub: LocalHub):
    async with client(hub) as github:
        assert (await dispatch(github, env="prod")).status == 404
        add(hub, "on: push\njobs: {}\n")
        answer = await dispatch(github)
        expected = "Workflow does not have 'workflow_dispatch' trigger"
        assert answer.body["message"] == expected
        add(hub)
        body = {"ref": "no-such", "inputs": {"env": "prod"}}
        answer = await github.send("POST", DISPATCHES, body)
        assert answer.body["message"] == "No ref found for: no-such"
        hub.repository(NAME).disabled_workflows[FILE] = "disabled_manually"
        assert (await github.get(WORKFLOW)).body["state"] == "disabled_manually"
        assert "disabled workflow" in (await dispatch(github)).body["message"]


async def test_an_older_server_does_not_say_which_run_it_began(
    hub: LocalHub, hub_clock: FakeClock
):
    add(hub)
    hub.tells_runs, hub.list_lag_seconds = False, 6.0
    async with client(hub) as github:
        answer = await dispatch(github, env="prod", batch_attempt="b7k2-12-1")
        assert answer.status == 422
        assert '"return_run_details" is not a permitted' in answer.body["message"]
        inputs = {"env": "prod", "batch_attempt": "b7k2-12-1"}
        body: dict[str, Any] = {"ref": "main", "inputs": inputs}
        answer = await github.send("POST", DISPATCHES, body)
        assert (answer.status, answer.body) == (204, None)
        assert (await github.get(f"{WORKFLOW}/runs")).body["total_count"] == 0
        await hub_clock.advance(6.0)
        (run,) = (await github.get(f"{WORKFLOW}/runs")).body["workflow_runs"]
        assert run["display_title"].endswith("(b7k2-12-1)")
        body["inputs"] |= {f"x{n}": "" for n in range(10)}
        answer = await github.send("POST", DISPATCHES, body)
        assert "No more than 10" in answer.body["message"]


async def test_a_run_stops_a_while_after_a_cancel(hub: LocalHub, hub_clock: FakeClock):
    add(hub)
    hub.plan_run(NAME, FILE, RunPlan(ignores_cancel=True))
    async with client(hub) as github:
        begun = await dispatch(github, env="prod")
        address = f"{REPO}/actions/runs/{begun.body['workflow_run_id']}"
        await hub_clock.advance(2.0)
        assert (await github.send("POST", f"{address}/cancel")).status == 202
        await hub_clock.advance(4.0)
        assert (await github.get(address)).body["status"] == "in_progress"
        assert (await github.send("POST", f"{address}/force-cancel")).status == 202
        await hub_clock.advance(4.0)
        assert (await github.get(address)).body["conclusion"] == "cancelled"
        late = await github.send("POST", f"{address}/cancel")
        expected = "Cannot cancel a workflow run that is completed."
        assert (late.status, late.body["message"]) == (409, expected)


async def test_too_many_inputs_in_a_file_are_no_run_and_nobody_is_told(hub: LocalHub):
    inputs = ", ".join(f"x{n}: {{}}" for n in range(26))
    add(
        hub, f"on: {{workflow_dispatch: {{inputs: {{{inputs}}}}}}}\njobs: {{a: {{}}}}\n"
    )
    async with receiver(hub) as hooks, client(hub) as github:
        begun = await dispatch(github)
        address = f"{REPO}/actions/runs/{begun.body['workflow_run_id']}"
        run = (await github.get(address)).body
        assert (run["status"], run["conclusion"]) == ("completed", "startup_failure")
        assert (await github.get(f"{address}/jobs")).body["jobs"] == []
        await hub.webhooks.drain()
        assert [name for name in hooks.names if name.startswith("workflow_")] == []
        assert (await github.send("POST", f"{address}/rerun-failed-jobs")).status == 403


@pytest.mark.parametrize(
    ("concurrency", "ends"),
    [
        ("deploy", ["success", "cancelled", "success"]),
        ("{group: deploy, queue: max}", ["success"] * 3),
        (
            "{group: deploy, cancel-in-progress: true}",
            ["cancelled", "cancelled", "success"],
        ),
        ('"deploy ${{ inputs.batch_attempt }}"', ["success"] * 3),
    ],
)
async def test_of_a_concurrency_group_one_runs_and_one_waits(
    hub: LocalHub, hub_clock: FakeClock, concurrency: str, ends: list[str]
):
    add(hub, f"concurrency: {concurrency}\n{TEXT}")
    async with client(hub) as github:
        for number in range(3):
            await dispatch(github, env="prod", batch_attempt=str(number))
            await hub_clock.advance(2.0)
        for _ in range(20):
            await hub_clock.advance(5.0)
    assert [run.conclusion for run in hub.repository(NAME).workflow_runs] == ends


async def test_failed_jobs_run_again_for_a_month(hub: LocalHub, hub_clock: FakeClock):
    add(hub)
    hub.plan_run(NAME, FILE, RunPlan({"ship": ("failure", "success")}))
    async with client(hub) as github:
        begun = await dispatch(github, env="prod")
        address = f"{REPO}/actions/runs/{begun.body['workflow_run_id']}"
        again = f"{address}/rerun-failed-jobs"
        refused = await github.send("POST", again)
        assert refused.body["message"] == "This workflow is already running"
        for seconds in (2, 5, 5, 5):
            await hub_clock.advance(float(seconds))
        assert (await github.get(address)).body["conclusion"] == "failure"
        assert (await github.send("POST", again)).status == 201
        for seconds in (2, 5, 5, 5):
            await hub_clock.advance(float(seconds))
        run = (await github.get(address)).body
        assert (run["conclusion"], run["run_attempt"]) == ("success", 2)
        hub.plan_run(NAME, FILE, RunPlan({"ship": "failure"}))
        other = (await dispatch(github, env="prod")).body["workflow_run_id"]
        for seconds in (2, 5, 5, 5):
            await hub_clock.advance(float(seconds))
        hub.repository(NAME).disabled_workflows[FILE] = "disabled_manually"
        runs = f"{REPO}/actions/runs"
        disabled = await github.send("POST", f"{runs}/{other}/rerun-failed-jobs")
        assert disabled.body["message"] == "This workflow run cannot be retried"
        await hub_clock.advance(31 * 86400.0)
        token = hub.new_token(github.installation).value
        late = await github.send("POST", again, token=token)
        assert late.status == 403
        assert "over a month ago" in late.body["message"]
