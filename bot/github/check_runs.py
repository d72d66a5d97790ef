"""Check runs of the app. https://docs.github.com/rest/checks/runs"""

from contextlib import aclosing
from typing import Any

from bot.core.effects import (
    CheckAnnotation,
    CheckReport,
    CreateCheckRun,
    EditCheckRun,
    Receipt,
)
from bot.github.app import App
from bot.github.client import Connection

MOST_ANNOTATIONS = 50
"""How many GitHub takes in one request."""


async def create(connection: Connection, intent: CreateCheckRun) -> Receipt:
    """Make a check run."""
    data = _said(intent.report)
    if intent.annotations:
        first = intent.annotations[:MOST_ANNOTATIONS]
        data["output"]["annotations"] = [_annotation(one) for one in first]
    about = {
        "name": intent.name,
        "head_sha": intent.head_sha,
        "external_id": intent.external_id,
    }
    answer = await connection.send(
        "POST",
        "/repos/{+repository}/check-runs",
        about | data,
        repository=intent.repository.name,
    )
    return _receipt(answer.data)


async def find(
    connection: Connection, intent: CreateCheckRun, *, app: App
) -> Receipt | None:
    """Return the app's own check run of the commit with this name and external id."""
    pages = connection.pages(
        "/repos/{+repository}/commits/{sha}/check-runs{?check_name,app_id,filter,per_page}",
        "check_runs",
        repository=intent.repository.name,
        sha=intent.head_sha,
        check_name=intent.name,
        app_id=app.id,
        filter="all",
        per_page=100,
    )
    async with aclosing(pages):
        async for run in pages:
            is_own = (run["app"] or {}).get("id") == app.id
            if is_own and run["external_id"] == intent.external_id:
                return _receipt(run)
    return None


async def edit(connection: Connection, intent: EditCheckRun) -> Receipt:
    """Replace what a check run says."""
    answer = await connection.send(
        "PATCH",
        "/repos/{+repository}/check-runs/{id}",
        _said(intent.report),
        repository=intent.repository.name,
        id=intent.check_run_id,
    )
    return _receipt(answer.data)


def _said(report: CheckReport) -> dict[str, Any]:
    output = {"title": report.title, "summary": report.summary}
    if report.text:
        output["text"] = report.text
    buttons = [
        {
            "label": button.label,
            "description": button.description,
            "identifier": button.identifier,
        }
        for button in report.buttons
    ]
    said: dict[str, Any] = {"output": output, "actions": buttons}
    if report.conclusion:
        said |= {"status": "completed", "conclusion": report.conclusion}
    else:
        said["status"] = "in_progress"
    return said | ({"details_url": report.details_url} if report.details_url else {})


def _annotation(one: CheckAnnotation) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "path": one.path,
        "start_line": one.start_line,
        "end_line": one.end_line,
        "annotation_level": one.level,
        "message": one.message,
    }
    return shown | ({"title": one.title} if one.title else {})


def _receipt(run: Any) -> Receipt:
    return Receipt(
        id=int(run["id"]), url=str(run["html_url"]), sha=str(run["head_sha"])
    )
