"""Files of configurations, on the default branches of repositories."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from bot.core.model import ItemNumber, Repository
from bot.core.plan.configuration import PATH
from bot.core.plan.sources import MAX_BYTES, Gone, Place, Source
from bot.github.client import Connection
from bot.github.graphql import is_partial, raise_for

FIELDS = """
  nameWithOwner
  url
  isPrivate
  configuration: object(expression: "HEAD:%s") {
    __typename ... on Blob { text byteSize }
  }
"""
"""What is asked of a repository to know a file of it."""

_QUERY = """
query($owner: String!, $name: String!, $expression: String!) {
  repository(owner: $owner, name: $name) {
    nameWithOwner
    isPrivate
    configuration: object(expression: $expression) {
      __typename ... on Blob { text byteSize }
    }
  }
}
"""


_AT_COMMITS = """
query($owner: String!, $name: String!, $head: String!, $base: String!) {
  repository(owner: $owner, name: $name) {
    configuration: object(expression: $head) {
      __typename oid ... on Blob { text byteSize }
    }
    base: object(expression: $base) { oid }
  }
}
"""


async def at_commit(
    connection: Connection, repository: Repository, sha: str, base_sha: str
) -> Source | Gone | None:
    """Return the configuration of a commit; None if it is the one of another commit.

    Without another commit it is known to be changed.
    """
    owner, name = repository.name.split("/")
    variables = {
        "owner": owner,
        "name": name,
        "head": f"{sha}:{PATH}",
        "base": f"{base_sha or 'nothing'}:{PATH}",
    }
    answer = await connection.graphql_answer(_AT_COMMITS, variables, cost=1)
    for problem in answer.problems:
        raise_for(problem)
    node = answer.data["repository"]
    file, base = node["configuration"], node["base"]
    if file is None or file["__typename"] != "Blob":  # a folder is no file
        return Gone() if base is not None or not base_sha else None
    is_same = base is not None and file["oid"] == base["oid"]
    return None if is_same else source_of(node, is_own=True)


async def is_changed(
    connection: Connection, repository: Repository, number: ItemNumber
) -> bool:
    """Return whether a pull request changes the configuration."""
    pages = connection.pages(
        "/repos/{+repository}/pulls/{number}/files{?per_page}",
        repository=repository.name,
        number=number,
        per_page=100,
    )
    async with aclosing(pages):
        async for entry in pages:
            if PATH in (entry["filename"], entry.get("previous_filename")):
                return True
    return False


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
    content = _content(file.get("text"), file["byteSize"])
    if is_own:
        return Source(content)
    place = Place(str(node["nameWithOwner"]), path)
    return Source(content, str(place), is_private=bool(node.get("isPrivate")))


def _content(text: str | None, size_bytes: int) -> str | bytes | None:
    """Return what stands in a file of that size of which GitHub shows *text*.

    What is no UTF-8 GitHub shows as what it takes it for, with other letters or with
    U+FFFD: that comes to another number of bytes. In its place stand bytes that are no
    UTF-8 either. A byte order mark may be left out, and so may the end of a long file.
    """
    if text is None:
        return None
    shown_bytes = len(text.encode(errors="surrogatepass"))
    if size_bytes in (shown_bytes, shown_bytes + 3) or shown_bytes > MAX_BYTES:
        return text
    return b"".join(c.encode() if c.isascii() else b"\xff" for c in text)
