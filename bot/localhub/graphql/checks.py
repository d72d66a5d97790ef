"""Resolvers of what was checked on a commit."""

from typing import Any

from bot.localhub import mergeability, verdicts
from bot.localhub.ci import CheckSuite, WorkflowRun
from bot.localhub.graphql.connections import connection, listed
from bot.localhub.graphql.errors import QueryError
from bot.localhub.graphql.values import (
    Connection,
    Info,
    Object,
    Resolver,
    Rollup,
    call_of,
    key,
    of,
)
from bot.localhub.payloads.shape import Json, optional_timestamp, timestamp
from bot.localhub.pulls import pull_of
from bot.localhub.state import Thread


def rollup(source: Thread | Object, _info: Any, _arguments: Any) -> Rollup | None:
    """Return what the newest checks of a commit, or of a head, come to."""
    sha = source.sha if isinstance(source, Object) else pull_of(source).head_sha
    found = verdicts.latest(source.repository, sha)
    if not found:
        return None
    return Rollup(source.repository, sha, verdicts.rollup(found), tuple(found))


def _contexts(source: Rollup, info: Info, arguments: dict[str, Any]) -> Connection:
    return connection(source.contexts, info, arguments)


def _is_required(
    source: verdicts.Verdict, info: Info, arguments: dict[str, Any]
) -> bool:
    """Return whether the base of a pull request demands a check."""
    call = call_of(info)
    number, id_ = arguments.get("pullRequestNumber"), arguments.get("pullRequestId")
    if number is None and id_ is None:
        message = "Either `pullRequestId` or `pullRequestNumber` must be provided"
        raise QueryError(message, "UNPROCESSABLE")
    for repository in call.hub.state.repositories.values():
        is_here = source in repository.check_runs or source in repository.statuses
        for thread in repository.visible_threads() if is_here else ():
            pull = thread.pull
            if pull is not None and (thread.number == number or f"PR_{pull.id}" == id_):
                required = mergeability.required_checks(thread)
                return verdicts.is_for(required, source, app_id=call.hub.app.id)
    message = f"Could not resolve to a PullRequest with the number of {number}."
    raise QueryError(message, "NOT_FOUND")


def _app(source: CheckSuite, info: Info, _arguments: Any) -> Json:
    app = call_of(info).hub.app
    ci = verdicts.CI_APP
    id_, slug = (app.id, app.slug) if source.by_app else (ci["id"], ci["slug"])
    return {"id": f"A_{id_}", "databaseId": id_, "slug": slug}


def _workflow_run(
    source: CheckSuite, info: Info, _arguments: Any
) -> WorkflowRun | None:
    return next(
        (
            run
            for repository in call_of(info).hub.state.repositories.values()
            for run in reversed(repository.workflow_runs)
            if run.suite is source
        ),
        None,
    )


def _page(source: WorkflowRun, info: Info, _arguments: Any) -> str:
    call = call_of(info)
    name = next(
        repository.full_name
        for repository in call.hub.state.repositories.values()
        if source in repository.workflow_runs
    )
    return f"{call.hub.html_url}/{name}/actions/runs/{source.id}"


RESOLVERS: dict[str, Resolver] = {
    "StatusCheckRollup.contexts": _contexts,
    "StatusCheckRollup.state": of(lambda s: s.state),
    "StatusCheckRollup.id": of(lambda s: f"SCR_{s.sha}"),
    "StatusCheckRollup.commit": of(lambda s: Object(s.repository, "commit", s.sha)),
    "CheckRun.checkSuite": of(lambda s: s.suite),
    "CheckRun.conclusion": of(lambda s: s.conclusion and s.conclusion.upper()),
    "CheckRun.detailsUrl": of(lambda s: s.details_url),
    "CheckRun.status": of(lambda s: s.status.upper()),
    "CheckRun.startedAt": of(lambda s: timestamp(s.started_at)),
    "CheckRun.completedAt": of(lambda s: optional_timestamp(s.completed_at)),
    "CheckRun.summary": of(lambda s: s.summary),
    "CheckRun.text": of(lambda s: s.text),
    "CheckRun.isRequired": _is_required,
    "CheckRun.annotations": listed(lambda s: s.annotations),
    "CheckAnnotation.annotationLevel": of(lambda s: s.level.upper()),
    "CheckAnnotation.location": of(
        lambda s: {
            "start": {"line": s.start_line, "column": None},
            "end": {"line": s.end_line, "column": None},
        }
    ),
    **{f"CheckAnnotationSpan.{end}": key(end) for end in ("start", "end")},
    **{f"CheckAnnotationPosition.{one}": key(one) for one in ("line", "column")},
    "CheckAnnotation.message": of(lambda s: s.message),
    "CheckAnnotation.path": of(lambda s: s.path),
    "CheckSuite.app": _app,
    "CheckSuite.workflowRun": _workflow_run,
    "WorkflowRun.event": of(lambda s: s.event),
    "WorkflowRun.runNumber": of(lambda s: s.number),
    "WorkflowRun.url": _page,
    "WorkflowRun.workflow": of(lambda s: {"name": s.name}),
    "Workflow.name": key("name"),
    "StatusContext.context": of(lambda s: s.context),
    "StatusContext.description": of(lambda s: s.description),
    "StatusContext.targetUrl": of(lambda s: s.target_url),
    "StatusContext.isRequired": _is_required,
    **{f"App.{name}": key(name) for name in ("databaseId", "id", "slug")},
}
