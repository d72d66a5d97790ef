"""Endpoints of check suites and check runs."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.localhub.ci import Annotation, CheckAction, CheckRun, CheckSuite
from bot.localhub.errors import GitHubError, forbidden, invalid
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes, unprocessable
from bot.localhub.verdicts import CI_APP

routes = Routes()

STATUSES = ("queued", "in_progress", "completed")
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "skipped",
    "success",
    "timed_out",
)
"""What an app can say; the others are GitHub's own."""

LEVELS = ("notice", "warning", "failure")
MOST_ANNOTATIONS = 50
MOST_ACTIONS = 3
LONGEST_TEXT = 65_535
NOT_ITS_OWN = (
    "Invalid app_id `{}` - check run can only be modified by the GitHub App that"
    " created it."
)


@routes.write("POST", "/repos/{owner}/{repo}/check-runs", "checks")
def create_check_run(call: Call) -> Answer:
    """Make a check run."""
    given = call.required_text("head_sha")
    sha = call.repository.git.resolve(given)
    if sha is None:
        message = f"No commit found for SHA: {given}"
        raise unprocessable(message)
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
    if not run.by_app:
        raise forbidden(message=NOT_ITS_OWN.format(CI_APP["id"]))
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
    app = call.query.get("app_id")
    runs = [
        run
        for run in call.repository.check_runs
        if run.head_sha == sha
        and name in (None, run.name)
        and status in (None, run.status)
        and app in (None, str(call.hub.app.id if run.by_app else CI_APP["id"]))
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
    return call.hub.check_run(call.repository, call.number("check_run_id"))


def _sha(call: Call) -> str:
    sha = call.repository.git.resolve(call.arguments["ref"])
    if sha is None:
        raise invalid(resource="Commit", field="sha")
    return sha


def _update(call: Call, run: CheckRun) -> None:
    """Take in what a request says of a check run: all of it, or nothing."""
    status, conclusion = call.text("status"), call.text("conclusion")
    _demand_one_of("status", status, STATUSES)
    _demand_one_of("conclusion", conclusion, CONCLUSIONS)
    if status == "completed" and conclusion is None:
        what = '"conclusion" wasn\'t supplied.'
        raise _malformed(what)
    started_at, completed_at = (
        _instant(call, "started_at"),
        _instant(call, "completed_at"),
    )
    output: Any = call.body.get("output") or {}
    annotations = _annotations(output) if output else []
    actions: Any = call.body.get("actions")
    if actions is not None:
        _demand_few(actions, MOST_ACTIONS)
        run.actions = tuple([_action(one) for one in actions])
    run.name = call.text("name") or run.name
    run.details_url = call.text("details_url") or run.details_url
    run.external_id = call.text("external_id") or run.external_id
    run.started_at = started_at or run.started_at
    if conclusion is not None:
        run.status, run.conclusion = "completed", conclusion
        run.completed_at = completed_at or call.hub.now()
    elif status is not None:
        run.status, run.conclusion, run.completed_at = status, None, None
    run.title = output.get("title", run.title)
    run.summary = output.get("summary", run.summary)
    run.text = output.get("text", run.text)
    run.annotations += annotations


def _annotations(output: dict[str, Any]) -> list[Annotation]:
    missing = [key for key in ("summary", "title") if not output.get(key)]
    if missing:
        are = "wasn't" if len(missing) == 1 else "weren't"
        what = f"{', '.join(map(json.dumps, missing))} {are} supplied."
        raise _malformed(what)
    for key in ("summary", "text"):
        _demand_short(output.get(key) or "", LONGEST_TEXT)
    entries = output.get("annotations") or ()
    _demand_few(entries, MOST_ANNOTATIONS)
    return [_annotation(one) for one in entries]


def _action(entry: Any) -> CheckAction:
    try:
        made = CheckAction(
            str(entry["label"]), str(entry["description"]), str(entry["identifier"])
        )
    except (KeyError, TypeError) as error:
        raise invalid(resource="CheckRun", field="actions") from error
    _demand_short(made.label, 20)
    _demand_short(made.description, 40)
    _demand_short(made.identifier, 20)
    return made


def _malformed(what: str) -> GitHubError:
    return unprocessable(f"Invalid request.\n\n{what}")


def _demand_short(text: str, most: int) -> None:
    if len(text) > most:
        what = f"Only {most} characters are allowed; {len(text)} were supplied."
        raise _malformed(what)


def _demand_few(entries: Sequence[object], most: int) -> None:
    if len(entries) > most:
        what = f"No more than {most} items are allowed; {len(entries)} were supplied."
        raise _malformed(what)


def _demand_one_of(key: str, value: str | None, allowed: Sequence[str]) -> None:
    if value is not None and value not in allowed:
        what = f"For 'properties/{key}', {value} is not a member of {list(allowed)}."
        raise _malformed(what)


def _annotation(entry: Any) -> Annotation:
    try:
        made = Annotation(
            entry["path"],
            int(entry["start_line"]),
            int(entry["end_line"]),
            entry["annotation_level"],
            entry["message"],
            entry.get("title"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise invalid(resource="CheckRun", field="annotations") from error
    _demand_one_of("annotation_level", made.level, LEVELS)
    if not 1 <= made.start_line <= made.end_line:
        raise invalid(resource="CheckRun", field="annotations")
    return made


def _instant(call: Call, key: str) -> datetime | None:
    text = call.text(key)
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid(resource="CheckRun", field=key) from error
