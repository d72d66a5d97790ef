"""Files of configurations, on the default branches of repositories."""

from collections.abc import Mapping
from typing import Any

from bot.core.plan.configuration import PATH
from bot.core.plan.sources import Place, Source
from bot.github.client import Connection
from bot.github.graphql import is_partial, raise_for

FIELDS = """
  nameWithOwner
  isPrivate
  configuration: object(expression: "HEAD:%s") { __typename ... on Blob { text } }
"""
"""What is asked of a repository to know a file of it."""

_QUERY = """
query($owner: String!, $name: String!, $expression: String!) {
  repository(owner: $owner, name: $name) {
    nameWithOwner
    isPrivate
    configuration: object(expression: $expression) { __typename ... on Blob { text } }
  }
}
"""


async def read(connection: Connection, place: Place) -> Source | None:
    """Return a file; None if there is none that the app may read."""
    owner, name = place.repository.split("/")
    variables = {"owner": owner, "name": name, "expression": f"HEAD:{place.path}"}
    answer = await connection.graphql_answer(_QUERY, variables, cost=1)
    for problem in answer.problems:
        if not is_partial(problem):
            raise_for(problem)
    return source_of(answer.data.get("repository"), place.path, is_own=False)


def source_of(
    node: Mapping[str, Any] | None, path: str = PATH, *, is_own: bool
) -> Source | None:
    """Return the file of a repository that ``FIELDS`` were asked of."""
    file = (node or {}).get("configuration")
    if node is None or file is None or file["__typename"] != "Blob":
        return None
    if is_own:
        return Source(file.get("text"))
    place = Place(str(node["nameWithOwner"]), path)
    return Source(file.get("text"), str(place), is_private=bool(node.get("isPrivate")))
