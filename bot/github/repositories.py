"""What a repository says of people, labels and lists of items.

https://docs.github.com/rest/collaborators · https://docs.github.com/rest/issues
"""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from bot.core.model import ItemNumber, Repository, Role
from bot.errors import NotFound, Refused
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


async def select(
    connection: Connection,
    repository: Repository,
    *,
    filters: Mapping[str, str],
    limit: int,
) -> Sequence[ItemNumber]:
    """Return the open issues and pull requests that fit all filters, lowest first.

    At most *limit* + 1 come back. The list endpoint of issues has both kinds and all
    four filters, and is not held to the search limit.
    """
    query = await _list_query(connection, repository, filters)
    if query is None:
        return ()
    pages = connection.pages(
        "/repos/{+repository}/issues"
        "{?state,sort,direction,per_page,labels,milestone,creator,assignee}",
        repository=repository.name,
        state="open",
        sort="created",
        direction="asc",
        per_page=100,
        **query,
    )
    label = filters.get("label")
    numbers: list[ItemNumber] = []
    try:
        async with aclosing(pages):
            async for item in pages:
                if label is None or _has_label(item, label):
                    numbers.append(ItemNumber(item["number"]))
                if len(numbers) > limit:
                    break
    except Refused as error:
        # Somebody who does not exist, or cannot be assigned, has no items.
        if error.status == 422 and {"author", "assignee"} & filters.keys():
            return ()
        raise
    return sorted(numbers)


async def _list_query(
    connection: Connection, repository: Repository, filters: Mapping[str, str]
) -> dict[str, str | int] | None:
    """Return the query of the list endpoint; None if nothing can fit."""
    query: dict[str, str | int] = {}
    # The endpoint splits at commas: a label that has one is looked for by hand.
    if "," not in filters.get("label", ","):
        query["labels"] = filters["label"]
    if "author" in filters:
        query["creator"] = filters["author"]
    if "assignee" in filters:
        query["assignee"] = filters["assignee"]
    if "milestone" in filters:
        number = await _milestone(connection, repository, filters["milestone"])
        if number is None:
            return None
        query["milestone"] = number
    return query


async def _milestone(
    connection: Connection, repository: Repository, wanted: str
) -> int | None:
    """Return the number of a milestone by its title or, if no title fits, its number."""
    by_number: int | None = None
    pages = connection.pages(
        "/repos/{+repository}/milestones{?state,per_page}",
        repository=repository.name,
        state="all",
        per_page=100,
    )
    async with aclosing(pages):
        async for milestone in pages:
            number = int(milestone["number"])
            if str(milestone["title"]).casefold() == wanted.casefold():
                return number
            if str(number) == wanted:
                by_number = number
    return by_number


def _has_label(item: Any, label: str) -> bool:
    names = (one if isinstance(one, str) else one["name"] for one in item["labels"])
    return label.casefold() in (str(name).casefold() for name in names)
