"""Endpoints of check suites and check runs."""

from datetime import datetime
from typing import Any

from bot.localhub.ci import Annotation, CheckRun, CheckSuite
from bot.localhub.errors import invalid, not_found
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes

routes = Routes()

STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")


@routes.write("POST", "/repos/{owner}/{repo}/check-runs", "checks")
def create_check_run(call: Call) -> Answer:
    """Make a check run."""
    sha = call.repository.git.resolve(call.required_text("head_sha"))
    if sha is None:
        raise invalid(resource="CheckRun", field="head_sha")
    run = CheckRun(
        call.hub.state.next_id(),
        call.hub.suite(call.repository, sha, by_app=True),
        call.required_text("name"),
        "queued",
        call.hub.now(),
    )
    _update(call, run)
    call.hub.add_check(call.hub.app.bot, call.repository, run)
    return Answer(call.hub.payloads.check_run(call.repository, run), 201)


@routes.write("PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks")
def update_check_run(call: Call) -> Answer:
    """Change a check run of the app."""
    run = _run(call)
    was_completed = run.status == "completed"
    _update(call, run)
    if run.status == "completed" and not was_completed:
        call.hub.announce_check("completed", call.hub.app.bot, call.repository, run)
    return Answer(call.hub.payloads.check_run(call.repository, run))


@routes.get("/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks")
def get_check_run(call: Call) -> Answer:
    """Answer with a check run."""
    return Answer(call.hub.payloads.check_run(call.repository, _run(call)))


@routes.get("/repos/{owner}/{repo}/commits/{ref}/check-runs", "checks")
def list_check_runs(call: Call) -> Answer:
    """Answer with the check runs of a commit, the newest of each name."""
    sha = _sha(call)
    name, status = call.query.get("check_name"), call.query.get("status")
    runs = [
        run
        for run in call.repository.check_runs
        if run.head_sha == sha
        and name in (None, run.name)
        and status in (None, run.status)
    ]
    if call.query.get("filter", "latest") == "latest":
        runs = list({(run.by_app, run.name): run for run in runs}.values())

    def shape(run: CheckRun) -> Json:
        return call.hub.payloads.check_run(call.repository, run)

    return call.page(runs, shape, key="check_runs")


@routes.get("/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", "checks")
def list_annotations(call: Call) -> Answer:
    """Answer with the remarks of a check run."""
    run = _run(call)

    def shape(annotation: Annotation) -> Json:
        return call.hub.payloads.annotation(call.repository, run, annotation)

    return call.page(run.annotations, shape)


@routes.get("/repos/{owner}/{repo}/commits/{ref}/check-suites", "checks")
def list_check_suites(call: Call) -> Answer:
    """Answer with the check suites of a commit."""
    sha = _sha(call)
    suites = [one for one in call.repository.check_suites if one.head_sha == sha]

    def shape(suite: CheckSuite) -> Json:
        return call.hub.payloads.check_suite(call.repository, suite)

    return call.page(suites, shape, key="check_suites")


def _run(call: Call) -> CheckRun:
    id_ = call.number("check_run_id")
    found = next((r for r in call.repository.check_runs if r.id == id_), None)
    if found is None:
        raise not_found()
    return found


def _sha(call: Call) -> str:
    sha = call.repository.git.resolve(call.arguments["ref"])
    if sha is None:
        raise invalid(resource="Commit", field="sha")
    return sha


def _update(call: Call, run: CheckRun) -> None:
    run.name = call.text("name") or run.name
    run.details_url = call.text("details_url") or run.details_url
    run.external_id = call.text("external_id") or run.external_id
    run.started_at = _instant(call, "started_at") or run.started_at
    status, conclusion = call.text("status"), call.text("conclusion")
    if status is not None and status not in STATUSES:
        raise invalid(resource="CheckRun", field="status")
    if status == "completed" and conclusion is None:
        raise invalid(resource="CheckRun", field="conclusion", code="missing_field")
    if conclusion is not None:
        run.status, run.conclusion = "completed", conclusion
        run.completed_at = _instant(call, "completed_at") or call.hub.now()
    elif status is not None:
        run.status, run.conclusion, run.completed_at = status, None, None
    output: Any = call.body.get("output")
    if isinstance(output, dict):
        run.title = output.get("title", run.title)
        run.summary = output.get("summary", run.summary)
        run.text = output.get("text", run.text)
        run.annotations += [_annotation(one) for one in output.get("annotations", ())]


def _annotation(entry: Any) -> Annotation:
    try:
        return Annotation(
            entry["path"],
            int(entry["start_line"]),
            int(entry["end_line"]),
            entry["annotation_level"],
            entry["message"],
            entry.get("title"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise invalid(resource="CheckRun", field="annotations") from error


def _instant(call: Call, key: str) -> datetime | None:
    text = call.text(key)
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(resource="CheckRun", field=key) from error
