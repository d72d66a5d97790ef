"""What reports on a commit, read from the answers of GraphQL.

https://docs.github.com/graphql/reference/objects#statuscheckrollup
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.core.world.questions import Check, CheckState

_PAGE = 100
"""Contexts of a commit in one answer; few have more."""

_ACTIONS = "github-actions"

_ENDS = {
    "SUCCESS": CheckState.PASSED,
    "NEUTRAL": CheckState.PASSED,
    "SKIPPED": CheckState.PASSED,
    "FAILURE": CheckState.FAILED,
    "TIMED_OUT": CheckState.FAILED,
    "STARTUP_FAILURE": CheckState.FAILED,
    "CANCELLED": CheckState.STOPPED,
    "STALE": CheckState.STOPPED,
    "ACTION_REQUIRED": CheckState.STOPPED,
}
_STATUSES = {
    "SUCCESS": CheckState.PASSED,
    "FAILURE": CheckState.FAILED,
    "ERROR": CheckState.FAILED,
    "PENDING": CheckState.PENDING,
    "EXPECTED": CheckState.PENDING,
}


def contexts(*, after: str, is_required: str = "", is_whole: bool = False) -> str:
    """Return what to ask of a ``statusCheckRollup``, from the cursor *after* on.

    *is_required* asks whether a base demands it; *is_whole* also for the job behind it.
    """
    run = "databaseId checkSuite { app { databaseId slug } workflowRun { databaseId } }"
    suite = run if is_whole else "checkSuite { app { databaseId } }"
    return f"""
      contexts(first: {_PAGE}, after: {after}) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{
          __typename
          ... on CheckRun {{
            name status conclusion detailsUrl {is_required} {suite}
          }}
          ... on StatusContext {{ context state targetUrl {is_required} }}
        }}
      }}
    """


def checks(nodes: Sequence[Any], app_id: int) -> Iterator[Check]:
    """Yield the checks of an answer; those of the app itself count for nothing."""
    for node in nodes:
        if node["__typename"] == "StatusContext":
            yield Check(
                node["context"],
                _STATUSES.get(node["state"], CheckState.PENDING),
                node["state"].lower(),
                node["targetUrl"] or "",
                is_required=bool(node.get("isRequired")),
            )
            continue
        suite = node["checkSuite"] or {}
        app = suite.get("app") or {}
        if app.get("databaseId") == app_id:
            continue
        conclusion = node["conclusion"]
        is_over = node["status"] == "COMPLETED" and conclusion
        # A conclusion that is new to this version lets nothing through.
        ended = _ENDS.get(conclusion, CheckState.STOPPED)
        run = suite.get("workflowRun") or {}
        # The job of a workflow has the number of its check run.
        is_job = app.get("slug") == _ACTIONS and run
        yield Check(
            node["name"],
            ended if is_over else CheckState.PENDING,
            (conclusion or node["status"]).lower(),
            node["detailsUrl"] or "",
            is_required=bool(node.get("isRequired")),
            run_id=int(run["databaseId"] or 0) if is_job else 0,
            job_id=int(node.get("databaseId") or 0) if is_job else 0,
        )


def unapproved(suites: Sequence[Mapping[str, Any]]) -> Iterator[Check]:
    """Yield the workflows that begin once somebody with write access approves them.

    They have no check runs yet: only the suite tells of them.
    """
    for suite in suites:
        run = suite.get("workflowRun")
        if suite["conclusion"] == "ACTION_REQUIRED" and run:
            name = (run["workflow"] or {}).get("name") or "a workflow"
            yield Check(name, CheckState.STOPPED, "action_required", run["url"])
