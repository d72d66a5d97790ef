"""What a repository says of people, labels and milestones.

https://docs.github.com/rest/collaborators
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Any, cast
from urllib.parse import quote

from bot.core.effects import TEAM
from bot.core.model import Permit, Repository, Role
from bot.errors import NotFound, PermanentError
from bot.github.client import READ_TRIES, Connection
from bot.github.graphql import is_partial, raise_for
from bot.ports.people import Account

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
    return _role_in(answer)


async def role_of(
    connection: Connection, repository: Repository, account: Account
) -> Role:
    """Return an account's role at this moment; ``NONE`` for somebody else of its login.

    The repository is asked for by its id: its name may be another one's by now.
    """
    try:
        answer = await connection.get(
            "/repositories/{id}/collaborators/{login}/permission",
            id=repository.id,
            login=account.login,
        )
    except NotFound:
        return Role.NONE
    is_same = (answer.get("user") or {}).get("id") == account.id
    return _role_in(answer) if is_same else Role.NONE


def _role_in(answer: Mapping[str, Any]) -> Role:
    named = _ROLES.get(str(answer.get("role_name") or ""))
    if named is not None:
        return named
    return _ROLES.get(str(answer.get("permission") or ""), Role.NONE)


async def lifted(
    connection: Connection,
    repository: Repository,
    login: str,
    role: Role,
    permits: Sequence[Permit],
) -> Role:
    """Return the highest role of *permits* if each is met by *role* or by a team."""
    for permit in permits:
        if role >= permit.role:
            continue
        teams = permit.teams if role >= permit.least else ()
        for team in teams:
            if await is_member(connection, repository, team, login):
                break
        else:
            return role
    return max(role, *(permit.role for permit in permits), Role.NONE)


async def is_member(
    connection: Connection, repository: Repository, team: str, login: str
) -> bool:
    """Return whether somebody is in a team of the repository's owner; a refusal to tell
    is no.
    """
    try:
        answer = await connection.get(
            "/orgs/{owner}/teams/{team}/memberships/{login}",
            owner=repository.name.partition("/")[0],
            team=team,
            login=login,
        )
    except PermanentError:
        return False
    return str(answer.get("state")) == "active"


async def may_be_asked(
    connection: Connection, repository: Repository, name: str
) -> bool:
    """Return whether a login, or ``team:slug``, can be asked for reviews: whether it has
    access to the repository by more than that everybody may read it.
    """
    where = "/repos/{+repository}/collaborators/{name}"
    owner = repository.name.partition("/")[0]
    if name.startswith(TEAM):
        where = "/orgs/{owner}/teams/{name}/repos/{+repository}"
    try:
        await connection.get(
            where,
            repository=repository.name,
            owner=owner,
            name=name.removeprefix(TEAM),
        )
    except NotFound:
        return False
    return True


_LARGEST_PAGE = 100
_COUNTED = (("issues",), ("pullRequests",))
_LABELS = """
query($owner: String!, $name: String!, $first: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    labels(first: $first, after: $after) {
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
    """Return the labels with the count of open items of each, 100 a query.

    Items that the app may not see count for nothing.
    """
    owner, name = repository.name.split("/")
    counts: dict[str, int] = {}
    after: str | None = None
    while True:
        variables = {"owner": owner, "name": name, "after": after}
        ask = partial(_page_of_labels, connection, variables)
        page, _ = await connection.sizes.ask("labels", _LARGEST_PAGE, ask)
        for label in page["nodes"]:
            kinds = (label[kind] or {} for kind in ("issues", "pullRequests"))
            counts[label["name"]] = sum(int(k.get("totalCount", 0)) for k in kinds)
        if not page["pageInfo"]["hasNextPage"]:
            return counts
        after = page["pageInfo"]["endCursor"]


async def has_branch(
    connection: Connection, repository: Repository, branch: str
) -> bool:
    """Return whether there is a branch of exactly that name."""
    try:
        ref = await connection.get(
            "/repos/{+repository}/git/ref/heads/{+branch}",
            repository=repository.name,
            branch=quote(branch),
        )
    except NotFound:
        return False
    return bool(ref["ref"] == f"refs/heads/{branch}")


async def milestones(
    connection: Connection, repository: Repository
) -> Mapping[str, int]:
    """Return the titles of the milestones with the count of open items of each."""
    pages = connection.pages(
        "/repos/{+repository}/milestones{?state,per_page}",
        repository=repository.name,
        state="all",
        per_page=100,
    )
    async with aclosing(pages):
        return {str(one["title"]): int(one["open_issues"]) async for one in pages}


async def _page_of_labels(
    connection: Connection, variables: Mapping[str, object], size: int
) -> Mapping[str, Any]:
    # A connection for each label's issues and pull requests: 201 for 100 to a point.
    answer = await connection.graphql_answer(
        _LABELS,
        {**variables, "first": size},
        cost=3,
        tries=READ_TRIES if size == 1 else 1,
    )
    for problem in answer.problems:
        if problem.path[4:5] not in _COUNTED or not is_partial(problem):
            raise_for(problem)
    return cast("Mapping[str, Any]", answer.data["repository"]["labels"])
