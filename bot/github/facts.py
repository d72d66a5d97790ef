"""What GitHub says of issues and pull requests, many in one GraphQL query.

https://docs.github.com/graphql/reference/objects#issue
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.core.model import ItemFacts, ItemKind, ItemNumber, Reference, Repository
from bot.core.say.problems.github import Replaced
from bot.errors import NotFound
from bot.github.client import Connection
from bot.github.graphql import GraphQLProblem, raise_for
from bot.ports.github import RepositoryFacts

ITEMS_PER_QUERY = 50

_OPTIONAL = {
    "blockedBy": (
        "blockedBy(first: 50) { nodes { number repository { nameWithOwner } } }"
    ),
    "subIssues": (
        "subIssues(first: 100) { nodes { number repository { nameWithOwner } } }"
    ),
    "closedByPullRequestsReferences": (
        "closedByPullRequestsReferences(first: 20)"
        " { nodes { number state repository { nameWithOwner } } }"
    ),
    "enableDuplicate": "(enableDuplicate: true)",
    "databaseId": "databaseId",
}
"""What older Enterprise servers lack. Without it the facts say less, and are true."""

Document = Callable[[Mapping[str, str]], str]
"""Builds a query with the optional parts that the server has."""

_COMMON = """
  number title body url updatedAt locked closed
  author { __typename login }
  milestone { title }
  labels(first: 100) { nodes { name } }
  assignees(first: 20) { nodes { login } }
"""
_ITEM = "__typename ...issueFacts ...pullFacts"
_CONNECTIONS_PER_ITEM = 5

_QUERY = """
query($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    %(databaseId)s
    nameWithOwner
    isArchived
    defaultBranchRef { name }
    configuration: object(expression: "HEAD:.github/batch.yml") {
      ... on Blob { text }
    }
    newestIssue: issues(first: 1, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number }
    }
    newestPull: pullRequests(first: 1, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number }
    }
    %(items)s
  }
}
"""


def _fragments(optional: Mapping[str, str]) -> str:
    return f"""
fragment issueFacts on Issue {{
  {_COMMON}
  stateReason{optional["enableDuplicate"]}
  {optional["blockedBy"]}
  {optional["subIssues"]}
  {optional["closedByPullRequestsReferences"]}
}}
fragment pullFacts on PullRequest {{
  {_COMMON}
  merged isDraft isCrossRepository headRefOid headRefName baseRefName
}}
"""


class Facts:
    """Asks for facts, and remembers what the server's schema lacks."""

    def __init__(self) -> None:
        self._missing: set[str] = set()

    @property
    def missing(self) -> frozenset[str]:
        """The optional fields that the server is known not to have."""
        return frozenset(self._missing)

    async def of_repository(
        self,
        connection: Connection,
        repository: Repository,
        numbers: Sequence[ItemNumber],
    ) -> tuple[RepositoryFacts, Mapping[ItemNumber, ItemFacts]]:
        """Return the repository's facts and those of its items, 50 a query.

        Unknown numbers are left out. Raises ``NotFound`` if the name has come to stand
        for another repository.
        """
        owner, name = repository.name.split("/")
        wanted = list(dict.fromkeys(numbers))
        about: RepositoryFacts | None = None
        facts: dict[ItemNumber, ItemFacts] = {}
        for start in range(0, max(len(wanted), 1), ITEMS_PER_QUERY):
            chunk = wanted[start : start + ITEMS_PER_QUERY]
            data = await self._asked(
                connection,
                {"owner": owner, "name": name},
                numbers=chunk,
            )
            answer = data["repository"]
            if answer.get("databaseId", repository.id) != repository.id:
                raise NotFound(Replaced(repository.name), status=404)
            about = about or _repository_facts(answer)
            facts |= _items(answer)
        assert about is not None
        return about, facts

    async def of_references(
        self, connection: Connection, references: Sequence[Reference]
    ) -> Mapping[Reference, ItemFacts]:
        """Return facts of items of any repository that the installation can see."""
        wanted = list(dict.fromkeys(references))
        facts: dict[Reference, ItemFacts] = {}
        for start in range(0, len(wanted), ITEMS_PER_QUERY):
            chunk = wanted[start : start + ITEMS_PER_QUERY]
            by_repository: dict[str, list[Reference]] = {}
            for reference in chunk:
                by_repository.setdefault(reference.repository, []).append(reference)
            data = await self._asked_across(connection, by_repository)
            for index, group in enumerate(by_repository.values()):
                items = _items(data.get(f"r{index}") or {})
                for reference in group:
                    if reference.number in items:
                        facts[reference] = items[reference.number]
        return facts

    async def _asked(
        self,
        connection: Connection,
        variables: Mapping[str, object],
        *,
        numbers: Sequence[ItemNumber],
    ) -> Mapping[str, Any]:
        def document(optional: Mapping[str, str]) -> str:
            query = _QUERY % {**optional, "items": _aliases(numbers)}
            return query + _fragments(optional) if numbers else query

        return await self._answer(
            connection, document, variables, items=len(numbers), root_is_needed=True
        )

    async def _asked_across(
        self, connection: Connection, groups: Mapping[str, Sequence[Reference]]
    ) -> Mapping[str, Any]:
        variables: dict[str, object] = {}
        fields: list[str] = []
        for index, (repository, references) in enumerate(groups.items()):
            owner, _, name = repository.partition("/")
            variables |= {f"o{index}": owner, f"n{index}": name}
            aliases = _aliases(reference.number for reference in references)
            fields.append(
                f"r{index}: repository(owner: $o{index}, name: $n{index})"
                f" {{ nameWithOwner {aliases} }}"
            )
        declared = ", ".join(f"${variable}: String!" for variable in variables)
        query = f"query({declared}) {{ {' '.join(fields)} }}"
        items = sum(len(references) for references in groups.values())
        return await self._answer(
            connection,
            lambda optional: query + _fragments(optional),
            variables,
            items=items,
            root_is_needed=False,
        )

    async def _answer(
        self,
        connection: Connection,
        document: Document,
        variables: Mapping[str, object],
        *,
        items: int,
        root_is_needed: bool,
    ) -> Mapping[str, Any]:
        """Return the data; ask again without what the server's schema lacks."""
        cost = 1 + items * _CONNECTIONS_PER_ITEM // 100
        while True:
            optional = {
                name: "" if name in self._missing else text
                for name, text in _OPTIONAL.items()
            }
            answer = await connection.graphql_answer(
                document(optional), variables, cost=cost
            )
            lacking = _lacking(answer.problems) - self._missing
            if not lacking:
                break
            self._missing |= lacking
        for problem in answer.problems:
            depth = len(problem.path)
            is_unknown = problem.type == "NOT_FOUND" and (
                depth == 2 or (depth == 1 and not root_is_needed)
            )
            if not is_unknown:
                raise_for(problem)
        return answer.data


def _aliases(numbers: Iterable[ItemNumber]) -> str:
    return "\n    ".join(
        f"i{number}: issueOrPullRequest(number: {number}) {{ {_ITEM} }}"
        for number in numbers
    )


def _lacking(problems: Iterable[GraphQLProblem]) -> set[str]:
    """Return which optional parts the server says it does not know."""
    messages = [problem.message for problem in problems if problem.is_schema]
    return {
        name
        for name in _OPTIONAL
        if any(re.search(rf"\b{name}\b", message) for message in messages)
    }


# --- JSON to facts -----------------------------------------------------------------


def _repository_facts(answer: Mapping[str, Any]) -> RepositoryFacts:
    configuration = answer.get("configuration") or {}
    newest = [
        int(node["number"])
        for key in ("newestIssue", "newestPull")
        for node in (answer.get(key) or {}).get("nodes") or ()
    ]
    return RepositoryFacts(
        # A repository without any commit has no default branch yet.
        default_branch=str((answer.get("defaultBranchRef") or {}).get("name", "")),
        configuration=configuration.get("text"),
        newest_number=max(newest, default=0),
        name=str(answer.get("nameWithOwner", "")),
        is_archived=bool(answer.get("isArchived")),
    )


def _items(answer: Mapping[str, Any]) -> dict[ItemNumber, ItemFacts]:
    name = str(answer.get("nameWithOwner", ""))
    found = (
        _item(value, name)
        for alias, value in answer.items()
        if value is not None and re.fullmatch(r"i\d+", alias)
    )
    return {facts.number: facts for facts in found}


def _item(node: Mapping[str, Any], repository: str) -> ItemFacts:
    kind = ItemKind.ISSUE if node["__typename"] == "Issue" else ItemKind.PULL_REQUEST
    linked = _nodes(node, "closedByPullRequestsReferences")
    return ItemFacts(
        number=ItemNumber(node["number"]),
        kind=kind,
        title=str(node["title"]),
        body=str(node["body"] or ""),
        url=str(node["url"]),
        is_open=not node["closed"],
        updated_at=datetime.fromisoformat(node["updatedAt"]),
        state_reason=str(node.get("stateReason") or "").lower(),
        author=_login(node.get("author")),
        labels=tuple(str(label["name"]) for label in _nodes(node, "labels")),
        assignees=tuple(str(user["login"]) for user in _nodes(node, "assignees")),
        milestone=str((node.get("milestone") or {}).get("title", "")),
        is_locked=bool(node["locked"]),
        blocked_by=_references(_nodes(node, "blockedBy")),
        sub_issues=_references(_nodes(node, "subIssues")),
        linked_pull_requests=tuple(
            ItemNumber(pull["number"])
            for pull in linked
            if pull["state"] == "OPEN"
            and pull["repository"]["nameWithOwner"] == repository
        ),
        is_merged=bool(node.get("merged")),
        is_draft=bool(node.get("isDraft")),
        is_from_fork=bool(node.get("isCrossRepository")),
        head_sha=str(node.get("headRefOid") or ""),
        head_branch=str(node.get("headRefName") or ""),
        base_branch=str(node.get("baseRefName") or ""),
    )


def _nodes(node: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the nodes of a connection; those that the app may not see are null."""
    nodes = (node.get(key) or {}).get("nodes") or ()
    return [one for one in nodes if one is not None]


def _references(nodes: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    return tuple(
        Reference(one["repository"]["nameWithOwner"], ItemNumber(one["number"]))
        for one in nodes
    )


def _login(author: Mapping[str, Any] | None) -> str:
    """Return a login as REST and deliveries have it: bots end in ``[bot]``."""
    if author is None:
        return "ghost"  # the account was deleted
    login = str(author["login"])
    is_bot = author.get("__typename") == "Bot" and not login.endswith("[bot]")
    return f"{login}[bot]" if is_bot else login
