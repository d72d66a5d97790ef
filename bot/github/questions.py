"""The answers to what attempts ask while they run, many in one GraphQL query.

https://docs.github.com/graphql/reference/objects#statuscheckrollup
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.core.model import Repository
from bot.core.world.questions import Check, Checks, ChecksOf, CheckState, Question
from bot.github.client import Connection
from bot.github.graphql import raise_for

_PAGE = 100
"""Contexts of a commit in one answer; few have more."""

_CONTEXTS = f"""
  ... on Commit {{
    oid
    statusCheckRollup {{
      contexts(first: {_PAGE}, after: %s) {{
        pageInfo {{ hasNextPage endCursor }}
        nodes {{
          __typename
          ... on CheckRun {{
            name status conclusion detailsUrl checkSuite {{ app {{ databaseId }} }}
          }}
          ... on StatusContext {{ context state targetUrl }}
        }}
      }}
    }}
  }}
"""
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


async def answers(
    connection: Connection,
    repository: Repository,
    questions: Sequence[Question[Any]],
    *,
    app_id: int,
) -> Mapping[Question[Any], Any]:
    """Return the answers to questions about one repository.

    What GitHub does not have is left out. *app_id* is of the app whose own check runs
    count for nothing. Raises ``TransientError``, ``Refused`` and ``AppUnavailable``.
    """
    commits = [question for question in questions if isinstance(question, ChecksOf)]
    unknown = [type(q).__name__ for q in questions if not isinstance(q, ChecksOf)]
    assert not unknown, f"nobody here can answer {unknown}"
    found: dict[ChecksOf, list[Check]] = {}
    cursors: dict[ChecksOf, str | None] = dict.fromkeys(commits)
    while cursors:
        asked = list(cursors)
        data = await _asked(connection, repository, cursors)
        cursors = {}
        for place, question in enumerate(asked):
            commit = data.get(f"c{place}")
            if commit is None or "oid" not in commit:
                continue
            contexts = (commit["statusCheckRollup"] or {}).get("contexts") or {}
            checks = found.setdefault(question, [])
            checks += _checks(contexts.get("nodes") or (), app_id)
            page = contexts.get("pageInfo") or {}
            if page.get("hasNextPage"):
                cursors[question] = page["endCursor"]
    return {question: Checks(tuple(checks)) for question, checks in found.items()}


async def _asked(
    connection: Connection,
    repository: Repository,
    cursors: Mapping[ChecksOf, str | None],
) -> Mapping[str, Any]:
    owner, _, name = repository.name.partition("/")
    variables: dict[str, object] = {"owner": owner, "name": name}
    declared = ["$owner: String!", "$name: String!"]
    fields = []
    for place, (question, cursor) in enumerate(cursors.items()):
        variables |= {f"o{place}": question.sha, f"a{place}": cursor}
        declared += [f"$o{place}: GitObjectID!", f"$a{place}: String"]
        contexts = _CONTEXTS % f"$a{place}"
        fields.append(f"c{place}: object(oid: $o{place}) {{ {contexts} }}")
    document = (
        f"query({', '.join(declared)}) {{"
        f" repository(owner: $owner, name: $name) {{ {' '.join(fields)} }} }}"
    )
    answer = await connection.graphql_answer(document, variables)
    for problem in answer.problems:
        is_unknown = problem.type == "NOT_FOUND" and len(problem.path) == 2
        if not is_unknown:
            raise_for(problem)
    return answer.data.get("repository") or {}


def _checks(nodes: Sequence[Any], app_id: int) -> list[Check]:
    checks = []
    for node in nodes:
        if node["__typename"] == "StatusContext":
            status = _STATUSES.get(node["state"], CheckState.PENDING)
            url = node["targetUrl"] or ""
            says = node["state"].lower()
            checks.append(Check(node["context"], status, says, url))
            continue
        app = (node["checkSuite"] or {}).get("app") or {}
        if app.get("databaseId") == app_id:
            continue
        conclusion = node["conclusion"]
        is_over = node["status"] == "COMPLETED" and conclusion
        # A conclusion that is new to this version lets nothing through.
        ended = _ENDS.get(conclusion, CheckState.STOPPED)
        state = ended if is_over else CheckState.PENDING
        says = (conclusion or node["status"]).lower()
        url = node["detailsUrl"] or ""
        checks.append(Check(node["name"], state, says, url))
    return checks
