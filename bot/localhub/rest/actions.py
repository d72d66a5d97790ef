"""Endpoints of GitHub Actions: workflow runs, their jobs and logs."""

from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from bot.localhub.ci import Job, WorkflowRun
from bot.localhub.errors import GitHubError, invalid
from bot.localhub.hub import LocalHub
from bot.localhub.payloads.checks import log_lines
from bot.localhub.payloads.shape import Json, timestamp
from bot.localhub.rest.routing import Answer, Call, Routes

routes = Routes()

ACTIONS = "/repos/{owner}/{repo}/actions"


@routes.get(f"{ACTIONS}/runs", "actions")
def list_runs(call: Call) -> Answer:
    """Answer with workflow runs, newest first."""
    return _runs(call, call.repository.workflow_runs)


def _runs(call: Call, runs: Sequence[WorkflowRun]) -> Answer:
    """Answer with runs that a list has by now and that the query asks for."""
    query, lag = call.query, timedelta(seconds=call.hub.list_lag_seconds)
    since = query.get("created", "").removeprefix(">=")
    found = [
        run
        for run in reversed(runs)
        if run.created_at + lag <= call.hub.now()
        and query.get("actor") in (None, run.actor.login)
        and timestamp(run.created_at) >= since
        and query.get("head_sha") in (None, run.head_sha)
        and query.get("branch") in (None, run.suite.head_branch)
        and query.get("event") in (None, run.event)
        and query.get("status") in (None, run.status, run.conclusion)
        and query.get("check_suite_id") in (None, str(run.suite.id))
    ]

    def shape(run: WorkflowRun) -> Json:
        return call.hub.payloads.workflow_run(call.repository, run)

    return call.page(found, shape, key="workflow_runs")


@routes.get(f"{ACTIONS}/runs/{{run_id}}", "actions")
def get_run(call: Call) -> Answer:
    """Answer with a workflow run."""
    return Answer(call.hub.payloads.workflow_run(call.repository, _run(call)))


@routes.get(f"{ACTIONS}/runs/{{run_id}}/jobs", "actions")
def list_jobs(call: Call) -> Answer:
    """Answer with the jobs of a run: the newest of each name, or all."""
    run = _run(call)
    latest = call.query.get("filter", "latest") == "latest"

    def shape(job: Job) -> Json:
        return call.hub.payloads.job(call.repository, run, job)

    return call.page(run.latest_jobs() if latest else run.jobs, shape, key="jobs")


@routes.get(f"{ACTIONS}/jobs/{{job_id}}", "actions")
def get_job(call: Call) -> Answer:
    """Answer with a job."""
    run, job = call.hub.job(call.name, call.number("job_id"))
    return Answer(call.hub.payloads.job(call.repository, run, job))


@routes.get(f"{ACTIONS}/jobs/{{job_id}}/logs", "actions")
def get_log(call: Call) -> Answer:
    """Lead to the log of a job: to a place that asks for no token."""
    _, job = call.hub.job(call.name, call.number("job_id"))
    path = f"/-/logs/{call.repository.id}/{job.run.id}.txt"
    return Answer(None, 302, {"Location": call.hub.html_url + path})


@routes.get(f"{ACTIONS}/workflows/{{workflow_id}}", "actions")
def get_workflow(call: Call) -> Answer:
    """Answer with a workflow, by its number or the name of its file."""
    file = call.hub.workflow_file(call.repository, call.arguments["workflow_id"])
    shape = call.hub.payloads.workflow_at(call.repository, file.path, file.name)
    return Answer(shape)


@routes.get(f"{ACTIONS}/workflows/{{workflow_id}}/runs", "actions")
def list_runs_of_workflow(call: Call) -> Answer:
    """Answer with the runs of a workflow, newest first."""
    file = call.hub.workflow_file(call.repository, call.arguments["workflow_id"])
    runs = call.repository.workflow_runs
    return _runs(call, [run for run in runs if run.path == file.path])


@routes.write("POST", f"{ACTIONS}/workflows/{{workflow_id}}/dispatches", "actions")
def dispatch(call: Call) -> Answer:
    """Begin a run of a workflow; say which one if that is asked."""
    inputs = call.body.get("inputs") or {}
    if not isinstance(inputs, dict):
        raise invalid(resource="Request", field="inputs")
    if not call.hub.tells_runs and "return_run_details" in call.body:
        message = 'Invalid request.\n\n"return_run_details" is not a permitted key.'
        raise GitHubError(422, message)
    actor = call.hub.user(call.login)
    run = call.hub.dispatch(
        actor,
        call.repository,
        call.arguments["workflow_id"],
        call.required_text("ref"),
        inputs,
    )
    if not call.flag("return_run_details"):
        return Answer(None, 204)
    shape = call.hub.payloads.workflow_run(call.repository, run)
    return Answer(
        {
            "workflow_run_id": run.id,
            "run_url": shape["url"],
            "html_url": shape["html_url"],
        }
    )


@routes.write("POST", f"{ACTIONS}/runs/{{run_id}}/cancel", "actions")
def cancel_run(call: Call) -> Answer:
    """Stop a run, in a while."""
    call.hub.cancel_run(call.login, call.name, _run(call).id)
    return Answer({}, 202)


@routes.write("POST", f"{ACTIONS}/runs/{{run_id}}/force-cancel", "actions")
def force_cancel_run(call: Call) -> Answer:
    """Stop a run that does not stop for a plain cancel."""
    call.hub.cancel_run(call.login, call.name, _run(call).id, by_force=True)
    return Answer({}, 202)


@routes.write("POST", f"{ACTIONS}/runs/{{run_id}}/rerun-failed-jobs", "actions")
def rerun_failed_jobs(call: Call) -> Answer:
    """Run what failed again."""
    call.hub.rerun_failed_jobs(call.login, call.name, _run(call).id)
    return Answer({}, 201)


def add_logs(application: web.Application, hub: LocalHub) -> None:
    """Serve the logs that the API leads to."""

    async def log(request: web.Request) -> web.Response:
        repository = hub.state.repositories.get(int(request.match_info["repository"]))
        if repository is None:
            raise web.HTTPNotFound
        try:
            _, job = hub.job(repository.full_name, int(request.match_info["job"]))
        except GitHubError as error:
            raise web.HTTPNotFound from error
        return web.Response(text=log_lines(job))

    application.router.add_get("/-/logs/{repository:[0-9]+}/{job:[0-9]+}.txt", log)


def _run(call: Call) -> WorkflowRun:
    return call.hub.workflow_run(call.name, call.number("run_id"))
