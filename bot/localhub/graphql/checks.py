"""Resolvers of what was checked on a commit."""

from typing import Any

from bot.localhub import pulls
from bot.localhub.graphql.connections import connection
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
from bot.localhub.payloads.everything import CI_APP
from bot.localhub.payloads.shape import Json
from bot.localhub.pulls import pull_of
from bot.localhub.state import CheckRun, Thread


def rollup(source: Thread | Object, _info: Any, _arguments: Any) -> Rollup | None:
    """Return what the newest checks of a commit, or of a head, come to."""
    sha = source.sha if isinstance(source, Object) else pull_of(source).head_sha
    latest = {
        run.name: run for run in source.repository.check_runs if run.head_sha == sha
    }
    runs = tuple(latest.values())
    if not runs:
        return None
    if any(run.conclusion in pulls.FAILING for run in runs):
        return Rollup("FAILURE", runs)
    is_done = all(run.status == "completed" for run in runs)
    return Rollup("SUCCESS" if is_done else "PENDING", runs)


def _contexts(source: Rollup, info: Info, arguments: dict[str, Any]) -> Connection:
    return connection(source.runs, info, arguments)


def _suite(source: CheckRun, info: Info, _arguments: Any) -> Json:
    app = call_of(info).hub.app
    mine = {"id": f"A_{app.id}", "databaseId": app.id, "slug": app.slug}
    others = {
        "id": f"A_{CI_APP['id']}",
        "databaseId": CI_APP["id"],
        "slug": CI_APP["slug"],
    }
    return {"id": f"CS_{source.id}", "app": mine if source.by_app else others}


RESOLVERS: dict[str, Resolver] = {
    "StatusCheckRollup.contexts": _contexts,
    "StatusCheckRollup.state": of(lambda s: s.state),
    "CheckRun.checkSuite": _suite,
    "CheckRun.conclusion": of(lambda s: s.conclusion and s.conclusion.upper()),
    "CheckRun.detailsUrl": of(lambda s: s.details_url),
    "CheckRun.status": of(lambda s: s.status.upper()),
    "CheckSuite.app": key("app"),
    "CheckSuite.id": key("id"),
    **{f"App.{name}": key(name) for name in ("databaseId", "id", "slug")},
}
