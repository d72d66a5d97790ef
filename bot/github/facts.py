"""What GitHub says of issues and pull requests, many in one GraphQL query.

https://docs.github.com/graphql/reference/objects#issue
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import starmap
from typing import Any, cast

from bot.core.model import (
    ItemFacts,
    ItemKind,
    ItemNumber,
    Reference,
    Repository,
    Unread,
    Visibility,
)
from bot.core.plan.configuration import PATH
from bot.core.say.problems.github import Replaced
from bot.errors import NotFound, TransientError
from bot.github import files
from bot.github.client import READ_TRIES, Connection
from bot.github.graphql import GraphQLProblem, is_partial, raise_for
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
    "reviewRequests": (
        "reviewRequests(first: 50) { nodes { requestedReviewer"
        " { __typename ... on Actor { login } ... on Team { slug } } } }"
    ),
    "enableDuplicate": "(enableDuplicate: true)",
    "databaseId": "databaseId",
    "visibility": "visibility",
}
"""What older Enterprise servers lack. Without it the facts say less, and are true."""

_DISPENSABLE = frozenset(
    {
        "blockedBy",
        "subIssues",
        "closedByPullRequestsReferences",
        "author",
        "milestone",
        "assignees",
        "reviewRequests",
    }
)
"""What a batch can do without: an item without it is said to lack it."""

_HEAVY = frozenset(_OPTIONAL) & _DISPENSABLE
"""What makes one item too dear by itself: lists of other items."""

_KIND = "facts"
_SHARED = "shared"  # the repository for all of an owner
_LOST = "lost"  # beside the fields of an item, see ``Unread``
_ASKED = "reviewRequests"  # without it ``ItemFacts.reviewers`` says as much
_ALIAS = re.compile(r"i\d+")
_NEWEST = ("newestIssue", "newestPull")

Document = Callable[[Mapping[str, str]], str]
"""Builds a query with the optional parts that the server has."""

_COMMON = """
  number title body url updatedAt closed
  author { __typename login }
  milestone { title }
  labels(first: 100) { nodes { name } }
  assignees(first: 20) { nodes { login } }
"""
_ITEM = "__typename ...issueFacts ...pullFacts"
_CONNECTIONS_PER_ITEM = 6

_QUERY = """
query($owner: String!, $name: String!) {
  repository(owner: $owner, name: $name) {
    %(databaseId)s
    isArchived
    isPrivate
    %(visibility)s
    defaultBranchRef { name }
    %(file)s
    newestIssue: issues(first: 1, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number }
    }
    newestPull: pullRequests(first: 1, orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number }
    }
    %(items)s
  }
  shared: repository(owner: $owner, name: ".github") { %(file)s }
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
  # Asked so that GitHub begins to work it out: who acts on it later need not wait.
  mergeable
  {optional["reviewRequests"]}
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
        while about is None or wanted:
            ask = partial(
                self._asked, connection, {"owner": owner, "name": name}, wanted
            )
            most = min(len(wanted), ITEMS_PER_QUERY)
            answer, size = await connection.sizes.ask(
                _KIND, most, ask, leaner=partial(_leanly, ask) if wanted else None
            )
            wanted = wanted[size:]
            if answer.get("databaseId", repository.id) != repository.id:
                raise NotFound(Replaced(repository.name), status=404)
            about = about or _repository_facts(answer)
            facts |= _items(answer)
        return about, facts

    async def of_references(
        self, connection: Connection, references: Sequence[Reference]
    ) -> Mapping[Reference, ItemFacts]:
        """Return facts of items of any repository that the installation can see."""
        wanted = list(dict.fromkeys(references))
        facts: dict[Reference, ItemFacts] = {}
        while wanted:
            ask = partial(self._asked_across, connection, wanted)
            most = min(len(wanted), ITEMS_PER_QUERY)
            found, size = await connection.sizes.ask(
                _KIND, most, ask, leaner=partial(_briefly, ask)
            )
            facts |= found
            wanted = wanted[size:]
        return facts

    async def _asked(
        self,
        connection: Connection,
        variables: Mapping[str, object],
        wanted: Sequence[ItemNumber],
        size: int,
        without: frozenset[str] = frozenset(),
    ) -> Mapping[str, Any]:
        """Return the repository with the first *size* of its *wanted* items.

        An item of which a part is hidden that may not be null is hidden with it: it is
        asked for once more, without.
        """
        numbers = wanted[:size]

        def document(optional: Mapping[str, str]) -> str:
            file = files.FIELDS % PATH
            parts = {**optional, "items": _aliases(numbers), "file": file}
            query = _QUERY % parts
            return query + _fragments(optional) if numbers else query

        data, hiding = await self._answer(
            connection, document, variables, items=len(numbers), without=without
        )
        found = cast("dict[str, Any]", data["repository"])
        found[_SHARED] = data.get(_SHARED)
        if hiding:
            parts = {problem.path[2]: problem.message for problem in hiding}
            items = {problem.path[1]: None for problem in hiding}
            again = [ItemNumber(int(item[1:])) for item in items]
            more = await self._asked(
                connection, variables, again, len(again), without | parts.keys()
            )
            for item in items:
                if (node := more.get(item)) is not None:
                    node.setdefault(_LOST, []).extend(starmap(Unread, parts.items()))
                    found[item] = node
        return found

    async def _asked_across(
        self,
        connection: Connection,
        wanted: Sequence[Reference],
        size: int,
        without: frozenset[str] = frozenset(),
    ) -> Mapping[Reference, ItemFacts]:
        groups: dict[str, list[Reference]] = {}
        for reference in wanted[:size]:
            groups.setdefault(reference.repository, []).append(reference)
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
        while True:
            data, hiding = await self._answer(
                connection,
                lambda optional: query + _fragments(optional),
                variables,
                items=len(wanted[:size]),
                without=without,
                is_across=True,
            )
            if not hiding:
                break
            without |= {problem.path[2] for problem in hiding}
        facts: dict[Reference, ItemFacts] = {}
        for index, group in enumerate(groups.values()):
            items = _items(data.get(f"r{index}") or {})
            for reference in group:
                if reference.number in items:
                    facts[reference] = items[reference.number]
        return facts

    async def _answer(
        self,
        connection: Connection,
        document: Document,
        variables: Mapping[str, object],
        *,
        items: int,
        without: frozenset[str],
        is_across: bool = False,
    ) -> tuple[Mapping[str, Any], Sequence[GraphQLProblem]]:
        """Return the data; ask again without what the server's schema lacks.

        With it come the problems for which an item is not shown that would be *without*
        one more part. What other repositories do not show is left out.
        """
        cost = 1 + items * _CONNECTIONS_PER_ITEM // 100
        while True:
            optional = {
                name: "" if name in self._missing | without else text
                for name, text in _OPTIONAL.items()
            }
            answer = await connection.graphql_answer(
                document(optional),
                variables,
                cost=cost,
                tries=1 if items > 1 else READ_TRIES,
            )
            lacking = _lacking(answer.problems) - self._missing
            if not lacking:
                break
            self._missing |= lacking
        lost = [p for p in answer.problems if _is_lost(p, answer.data)]
        hiding = [p for p in answer.problems if p not in lost and _is_hiding(p)]
        for problem in answer.problems:
            is_unseen = is_partial(problem) and problem.path and is_across
            is_told = problem in lost or problem in hiding
            if not (is_told or is_unseen or _is_unknown(problem)):
                raise_for(problem)
        return _with_lost(answer.data, lost), hiding


async def _briefly(
    ask: Callable[[int, frozenset[str]], Awaitable[Mapping[Reference, ItemFacts]]],
    _: TransientError,
) -> Mapping[Reference, ItemFacts]:
    """Return an item elsewhere without its lists: only whether it is done counts."""
    return await ask(1, _HEAVY)


async def _leanly(
    ask: Callable[[int, frozenset[str]], Awaitable[Mapping[str, Any]]],
    error: TransientError,
) -> Mapping[str, Any]:
    """Return the next item without the lists that make it too dear, and say so of it."""
    answer = await ask(1, _HEAVY)
    for alias, node in answer.items():
        if _ALIAS.fullmatch(alias) and node and node["__typename"] == "Issue":
            lost = [Unread(part, str(error)) for part in sorted(_HEAVY)]
            node.setdefault(_LOST, []).extend(lost)
    return answer


def _is_unknown(problem: GraphQLProblem) -> bool:
    """Return whether there is no item of a number."""
    return problem.type == "NOT_FOUND" and len(problem.path) == 2


def _is_hiding(problem: GraphQLProblem) -> bool:
    """Return whether an item would be shown without the part that is not."""
    can_go = len(problem.path) > 2 and problem.path[2] in _OPTIONAL
    return can_go and is_partial(problem)


def _is_lost(problem: GraphQLProblem, data: Mapping[str, Any]) -> bool:
    """Return whether a problem costs one fact alone, which can be done without."""
    if not is_partial(problem):
        return False
    match problem.path:
        case (root, item, part, *_) if part in _DISPENSABLE:
            # What may not be null takes what it belongs to along.
            return bool((data.get(root) or {}).get(item))
        case (_, "newestIssue" | "newestPull", *_) | ("shared", *_):
            return True
        case _:
            return False


def _with_lost(
    data: Mapping[str, Any], lost: Sequence[GraphQLProblem]
) -> Mapping[str, Any]:
    """Return the data with what each item lacks beside it."""
    for problem in lost:
        if problem.path[0] == _SHARED:
            continue
        root, item, *parts = problem.path
        node = data[root].get(item)
        if node is not None and parts and "__typename" in node:
            node.setdefault(_LOST, []).append(Unread(parts[0], problem.message))
    return data


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
    newest = [
        int(node["number"])
        for key in _NEWEST
        for node in (answer.get(key) or {}).get("nodes") or ()
        if node is not None
    ]
    is_known = all(answer.get(key) is not None for key in _NEWEST)
    return RepositoryFacts(
        # A repository without any commit has no default branch yet.
        default_branch=str((answer.get("defaultBranchRef") or {}).get("name", "")),
        configuration=files.source_of(answer, is_own=True),
        shared=files.source_of(answer.get(_SHARED), is_own=False),
        newest_number=max(newest, default=0) if is_known else 0,
        name=str(answer.get("nameWithOwner", "")),
        is_archived=bool(answer.get("isArchived")),
        visibility=_visibility(answer),
        url=str(answer.get("url", "")),
    )


def _visibility(answer: Mapping[str, Any]) -> Visibility | None:
    """Return who can read a repository; ``isPrivate`` is true of internal ones as well."""
    if not answer.get("isPrivate"):
        return Visibility.PUBLIC
    told = {one.name: one for one in (Visibility.PRIVATE, Visibility.INTERNAL)}
    return told.get(answer.get("visibility", ""))


def _items(answer: Mapping[str, Any]) -> dict[ItemNumber, ItemFacts]:
    name = str(answer.get("nameWithOwner", ""))
    found = (
        _item(value, name)
        for alias, value in answer.items()
        if value is not None and _ALIAS.fullmatch(alias)
    )
    return {facts.number: facts for facts in found}


def _item(node: Mapping[str, Any], repository: str) -> ItemFacts:
    kind = ItemKind.ISSUE if node["__typename"] == "Issue" else ItemKind.PULL_REQUEST
    unread = {one.part: one for one in node.get(_LOST, ()) if one.part != _ASKED}
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
        author=login_of(node.get("author"), is_told="author" not in unread),
        labels=tuple(str(label["name"]) for label in _nodes(node, "labels")),
        assignees=tuple(str(user["login"]) for user in _nodes(node, "assignees")),
        milestone=str((node.get("milestone") or {}).get("title", "")),
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
        reviewers=_reviewers(node.get("reviewRequests")),
        unread=tuple(unread.values()),
    )


def _nodes(node: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the nodes of a connection; those that the app may not see are null."""
    nodes = (node.get(key) or {}).get("nodes") or ()
    return [one for one in nodes if one is not None]


def _reviewers(requests: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """Return who is asked for a review; None if that is not told, or not in full."""
    nodes = (requests or {}).get("nodes")
    if nodes is None or None in nodes:
        return None
    return tuple(_reviewer(node["requestedReviewer"]) for node in nodes)


def _reviewer(who: Mapping[str, Any] | None) -> str:
    """Return who is asked. People are always shown; teams are not to an app that may not
    read the members of the organization.
    """
    if who is None or who["__typename"] == "Team":
        return f"team:{(who or {}).get('slug', '')}"
    return f"user:{login_of(who)}"


def _references(nodes: Iterable[Mapping[str, Any]]) -> tuple[Reference, ...]:
    return tuple(
        Reference(one["repository"]["nameWithOwner"], ItemNumber(one["number"]))
        for one in nodes
    )


def login_of(author: Mapping[str, Any] | None, *, is_told: bool = True) -> str:
    """Return a login as REST and deliveries have it: bots end in ``[bot]``."""
    if author is None:
        return "ghost" if is_told else ""  # the account was deleted
    login = str(author["login"])
    is_bot = author.get("__typename") == "Bot" and not login.endswith("[bot]")
    return f"{login}[bot]" if is_bot else login
