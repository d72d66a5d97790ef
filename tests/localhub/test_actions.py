"""Workflow runs of the local GitHub: what the CI says, and what runs again."""

from typing import Any

from bot.localhub.hub import LocalHub
from tests.localhub.client import NAME, REPO, Client, client, receiver

RUNS = f"{REPO}/actions/runs"


async def only_run(github: Client) -> Any:
    (run,) = (await github.get(RUNS)).body["workflow_runs"]
    return run


async def conclusions(github: Client, run: Any) -> dict[str, str]:
    jobs = (await github.get(f"{RUNS}/{run['id']}/jobs")).body["jobs"]
    return {job["name"]: job["conclusion"] or job["status"] for job in jobs}


def open_pull(hub: LocalHub) -> str:
    head = hub.push("wade", NAME, "topic", {"a.txt": "1\n"}, message="A")
    hub.open_pull_request("wade", NAME, "A", head="topic")
    return head


async def test_the_ci_says_at_once_what_was_planned(hub: LocalHub):
    hub.plan_checks(
        NAME,
        {"lint": "success", "test": "failure", "slow": "queued", "never": None},
        logs={"test": "one\nE   assert 1 == 2"},
    )
    async with receiver(hub) as hooks, client(hub) as github:
        head = open_pull(hub)
        await hub.webhooks.drain()
        run = await only_run(github)
        assert (run["head_sha"], run["status"]) == (head, "in_progress")
        assert await conclusions(github, run) == {
            "lint": "success",
            "test": "failure",
            "slow": "queued",
        }
        hub.check(NAME, head, "slow", conclusion="success")
        assert (await only_run(github))["conclusion"] == "failure"
        suites = (await github.get(f"{REPO}/commits/{head}/check-suites")).body
        states = {s["app"]["slug"]: s["status"] for s in suites["check_suites"]}
        assert states == {"batch-bot": "queued", "github-actions": "completed"}
        jobs = (await github.get(f"{RUNS}/{run['id']}/jobs")).body["jobs"]
        assert [step["conclusion"] for step in jobs[1]["steps"]] == [
            "success",
            "failure",
            "success",
        ]
        log = await github.get(f"{REPO}/actions/jobs/{jobs[1]['id']}/logs")
        async with github.session.get(log.headers["Location"]) as answer:
            text = await answer.text()
        assert text.endswith("##[error]Process completed with exit code 1.\n")
        assert "Z E   assert 1 == 2\n" in text
        await hub.webhooks.drain()
    names = [name for name in hooks.names if name.startswith(("work", "check_s"))]
    assert names[:3] == [
        "check_suite.requested",
        "workflow_run.requested",
        "workflow_run.in_progress",
    ]
    assert names[-3:] == [
        "check_suite.completed",
        "workflow_job.completed",
        "workflow_run.completed",
    ]


async def test_failed_jobs_run_again_and_nothing_else_does(hub: LocalHub):
    hub.plan_checks(NAME, {"lint": "success", "test": ("failure", "success")})
    async with client(hub) as github:
        open_pull(hub)
        run = await only_run(github)
        again = f"{RUNS}/{run['id']}/rerun-failed-jobs"
        before = (await github.get(f"{RUNS}/{run['id']}/jobs")).body["jobs"]
        assert (await github.send("POST", again)).status == 201
        run = await only_run(github)
        assert (run["run_attempt"], run["conclusion"]) == (2, "success")
        after = (await github.get(f"{RUNS}/{run['id']}/jobs")).body["jobs"]
        same = [
            one["id"] == other["id"] for one, other in zip(before, after, strict=True)
        ]
        assert same == [True, False]
        refused = await github.send("POST", again)
        assert refused.body["message"] == "This workflow run cannot be retried"


async def test_a_run_that_needs_approval_has_no_jobs_until_then(hub: LocalHub):
    hub.plan_checks(NAME, {"lint": "success"}, needs_approval=True)
    async with client(hub) as github:
        head = open_pull(hub)
        run = await only_run(github)
        assert (run["status"], run["conclusion"]) == ("completed", "action_required")
        assert await conclusions(github, run) == {}
        checks = await github.get(f"{REPO}/commits/{head}/check-runs")
        assert checks.body["total_count"] == 0
        hub.approve_workflow("olivia", NAME, run["id"])
        assert await conclusions(github, run) == {"lint": "success"}
        assert (await only_run(github))["conclusion"] == "success"


async def test_actions_are_shown_to_whom_they_are_granted(hub: LocalHub):
    hub.plan_checks(NAME, {"lint": "failure"})
    open_pull(hub)
    (run,) = hub.repository(NAME).workflow_runs
    async with client(hub) as github:
        granted = {**github.installation.permissions, "actions": "read"}
        token = hub.new_token(github.installation, permissions=granted).value
        assert (await github.get(RUNS, token=token)).status == 200
        path = f"{RUNS}/{run.id}/rerun-failed-jobs"
        refused = await github.send("POST", path, token=token)
        del granted["actions"]
        less = hub.new_token(github.installation, permissions=granted).value
        assert (await github.get(RUNS, token=less)).status == 403
    assert refused.status == 403
    assert refused.body["message"] == "Resource not accessible by integration"


async def test_a_branch_has_a_plan_of_its_own(hub: LocalHub):
    hub.plan_checks(NAME, {"lint": "success"})
    hub.plan_checks(NAME, {"lint": "failure"}, branch="topic")
    async with client(hub) as github:
        open_pull(hub)
        assert (await only_run(github))["conclusion"] == "failure"
        hub.push("wade", NAME, "other", {"b.txt": "1\n"}, message="B", base="main")
        hub.open_pull_request("wade", NAME, "B", head="other")
        runs = (await github.get(RUNS)).body["workflow_runs"]
    assert [run["conclusion"] for run in runs] == ["success", "failure"]
