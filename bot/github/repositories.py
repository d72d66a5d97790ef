"""What a repository says of people and labels.

https://docs.github.com/rest/collaborators
"""

from collections.abc import Mapping
from dataclasses import replace

from bot.core.model import Repository, Role
from bot.errors import NotFound
from bot.github.client import Connection

_ROLES = {
    "admin": Role.ADMIN,
    "maintain": Role.MAINTAIN,
    "write": Role.WRITE,
    "triage": Role.TRIAGE,
    "read": Role.READ,
    "none": Role.NONE,
}


async def present(connection: Connection, repository: Repository) -> Repository:
    """Return the repository with the name that it has now. Raises ``NotFound``."""
    answer = await connection.get("/repositories/{id}", id=repository.id)
    return replace(repository, name=str(answer["full_name"]))


async def role(connection: Connection, repository: Repository, login: str) -> Role:
    """Return a person's role at this moment; ``NONE`` for somebody GitHub does not know.

    A custom role counts as the old permission that it is built on.
    """
    try:
        answer = await connection.get(
            "/repos/{+repository}/collaborators/{login}/permission",
            repository=repository.name,
            login=login,
        )
    except NotFound:
        return Role.NONE
    named = _ROLES.get(str(answer.get("role_name") or ""))
    if named is not None:
        return named
    return _ROLES.get(str(answer.get("permission") or ""), Role.NONE)


_LABELS = """
query($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    labels(first: 100, after: $after) {
      nodes {
        name
        issues(states: OPEN) { totalCount }
        pullRequests(states: OPEN) { totalCount }
      }
      pageInfo { endCursor hasNextPage }
    }
  }
}
"""


async def labels(connection: Connection, repository: Repository) -> Mapping[str, int]:
    """Return the labels with the count of open items of each, 100 a query."""
    owner, name = repository.name.split("/")
    counts: dict[str, int] = {}
    after: str | None = None
    while True:
        variables = {"owner": owner, "name": name, "after": after}
        # A connection for each label's issues and pull requests: 201 for 100 to a point.
        data = await connection.query(_LABELS, variables, cost=3)
        page = data["repository"]["labels"]
        for label in page["nodes"]:
            of_issues = int(label["issues"]["totalCount"])
            counts[label["name"]] = of_issues + int(label["pullRequests"]["totalCount"])
        if not page["pageInfo"]["hasNextPage"]:
            return counts
        after = page["pageInfo"]["endCursor"]
