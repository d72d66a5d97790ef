"""The open items that fit all filters of a search.

The list endpoint of issues has both kinds and is not held to the limits of GitHub's
search; what it cannot narrow down is looked at here. Filters that only a pull request
can fit are asked of GraphQL.

https://docs.github.com/rest/issues · https://docs.github.com/graphql/reference/objects#pullrequest
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from bot.core.command.syntax import Filter, Search
from bot.core.model import ItemNumber, Repository
from bot.errors import Refused
from bot.github.client import READ_TRIES, Connection
from bot.github.graphql import is_partial, raise_for

_PAGE = 100
_REVIEWS = """
  latestOpinionatedReviews(first: 20) { nodes { state } }
  reviews { totalCount }
"""
_PULLS = """
query($owner: String!, $name: String!, $first: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequests(
      first: $first, after: $after, states: OPEN,
      orderBy: {field: CREATED_AT, direction: ASC}
    ) {
      nodes {
        number isDraft baseRefName
        author { __typename login }
        milestone { number }
        labels(first: 100) { nodes { name } }
        assignees(first: 20) { nodes { login } }
        %s
      }
      pageInfo { endCursor hasNextPage }
    }
  }
}
"""
_LARGEST_PAGE = 50
NOBODY = "none"
"""What GitHub calls the assignee, or the milestone, of an item that has none."""

_COST = 4
"""Points of a page: 50 pull requests with up to five connections each."""


_FILTERS = {
    "author": "author",
    "assignees": "assignee",
    "baseRefName": "base",
    "isDraft": "draft",
    "labels": "label",
    "latestOpinionatedReviews": "review",
    "milestone": "milestone",
    "reviews": "review",
}
"""The filter that looks at a field."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An open item with what filters look at; names are folded."""

    number: ItemNumber
    is_pull_request: bool
    labels: frozenset[str]
    author: str
    assignees: frozenset[str]
    milestone: int | None
    base: str = ""
    is_draft: bool = False
    reviews: frozenset[str] = frozenset()

    def fits(self, one: Filter, milestones: Mapping[str, int | None]) -> bool:
        """Return whether a filter holds; any of its values will do."""
        wanted = {value.casefold() for value in one.values}
        match one.key:
            case "label":
                found = not wanted.isdisjoint(self.labels)
            case "author":
                found = self.author in wanted
            case "assignee":
                found = not wanted.isdisjoint(self.assignees or {NOBODY})
            case "milestone":
                numbers = {milestones.get(value) for value in one.values} - {None}
                found = self.milestone in numbers
            case "base":
                found = self.base in one.values
            case "is":
                found = not wanted.isdisjoint(self._kinds())
            case "no":
                found = not wanted.isdisjoint(self._lacking())
            case "draft":
                found = str(self.is_draft).casefold() in wanted
            case "review":
                found = not wanted.isdisjoint(self.reviews)
            case _:
                found = False
        return found is not one.is_not

    def _kinds(self) -> set[str]:
        """Return the words of ``is:`` that are true of it."""
        kind = "pr" if self.is_pull_request else "issue"
        return {"open", kind, *(["draft"] if self.is_draft else [])}

    def _lacking(self) -> set[str]:
        """Return the words of ``no:`` that are true of it."""
        has = {
            "label": self.labels,
            "milestone": self.milestone is not None,
            "assignee": self.assignees,
        }
        return {what for what, there in has.items() if not there}


async def select(
    connection: Connection, repository: Repository, search: Search, *, limit: int
) -> Sequence[ItemNumber]:
    """Return the open items for which all filters hold, lowest number first.

    At most *limit* + 1 come back.
    """
    milestones = await _milestones(connection, repository, search)
    for one in search.filters:
        is_unknown = one.key == "milestone" and not any(map(milestones.get, one.values))
        if is_unknown and not one.is_not:
            return ()
    candidates = (
        _pull_requests(connection, repository, search)
        if search.wants_pull_requests
        else _listed(connection, repository, search, milestones)
    )
    numbers: set[ItemNumber] = set()
    async with aclosing(candidates):
        async for candidate in candidates:
            if all(candidate.fits(one, milestones) for one in search.filters):
                numbers.add(candidate.number)
            if len(numbers) > limit:
                break
    return sorted(numbers)


async def _listed(
    connection: Connection,
    repository: Repository,
    search: Search,
    milestones: Mapping[str, int | None],
) -> AsyncGenerator[_Candidate]:
    """Yield issues and pull requests, narrowed down as far as the endpoint can."""
    for query in _queries(search, milestones):
        pages = connection.pages(
            "/repos/{+repository}/issues"
            "{?state,sort,direction,per_page,labels,milestone,creator,assignee}",
            repository=repository.name,
            state="open",
            sort="created",
            direction="asc",
            per_page=_PAGE,
            **query,
        )
        try:
            async with aclosing(pages):
                async for item in pages:
                    yield _from_rest(item)
        except Refused as error:
            # Somebody who does not exist, or cannot be assigned, has no items.
            if error.status != 422 or not {"creator", "assignee"} & query.keys():
                raise


def _queries(
    search: Search, milestones: Mapping[str, int | None]
) -> Sequence[dict[str, str | int]]:
    """Return the queries of the endpoint that together find all that could fit."""
    query: dict[str, str | int] = {}
    either: list[dict[str, str | int]] = []
    labels: list[str] = []
    for one in search.filters:
        if one.is_not:
            continue
        values = [_parameter(one.key, value, milestones) for value in one.values]
        known = [value for value in values if value is not None]
        if len(known) < len(values) and one.key != "milestone":
            continue  # a label with a comma is looked for by hand
        if len(known) == 1 and one.key == "label":
            labels.append(one.values[0])
        elif len(known) == 1:
            query.setdefault(*known[0])
        elif not either:
            either = [dict([pair]) for pair in known]
    return [
        _with_labels({**query, **alternative}, labels) for alternative in either or [{}]
    ]


def _with_labels(
    query: dict[str, str | int], labels: Sequence[str]
) -> dict[str, str | int]:
    """Return the query with more labels that all must be there."""
    names = [*labels, *(str(query[key]) for key in ("labels",) if key in query)]
    return {**query, "labels": ",".join(names)} if names else query


def _parameter(
    key: str, value: str, milestones: Mapping[str, int | None]
) -> tuple[str, str | int] | None:
    """Return a parameter of the endpoint; None if it has none for that value."""
    match key:
        case "label":
            # The endpoint splits at commas.
            return None if "," in value else ("labels", value)
        case "author":
            return "creator", value
        case "assignee":
            return "assignee", value
        case "milestone":
            number = milestones[value]
            return None if number is None else ("milestone", number)
        case "no" if value != "label":
            return value, NOBODY
        case _:
            return None


async def _pull_requests(
    connection: Connection, repository: Repository, search: Search
) -> AsyncGenerator[_Candidate]:
    owner, name = repository.name.split("/")
    has_reviews = any(one.key == "review" for one in search.filters)
    query = _PULLS % (_REVIEWS if has_reviews else "")
    after: str | None = None
    while True:
        variables = {"owner": owner, "name": name, "after": after}
        ask = partial(_page, connection, query, variables, search)
        page, _ = await connection.sizes.ask("pull requests", _LARGEST_PAGE, ask)
        for node in page["nodes"]:
            if node is not None:
                yield _from_graphql(node)
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


async def _page(
    connection: Connection,
    query: str,
    variables: Mapping[str, object],
    search: Search,
    size: int,
) -> Mapping[str, Any]:
    """Return *size* pull requests at most; what no filter looks at may be lost."""
    answer = await connection.graphql_answer(
        query,
        {**variables, "first": size},
        cost=_COST,
        tries=READ_TRIES if size == 1 else 1,
    )
    # no:label looks at what label: does, is:draft at what draft: does.
    looked_at = {word for one in search.filters for word in (one.key, *one.values)}
    for problem in answer.problems:
        _, _, _, _, part, *_ = (*problem.path, *[""] * 5)
        is_node = len(problem.path) > 3 and problem.path[1] == "pullRequests"
        if not (is_node and is_partial(problem)) or _FILTERS.get(part) in looked_at:
            raise_for(problem)
    return cast("Mapping[str, Any]", answer.data["repository"]["pullRequests"])


async def _milestones(
    connection: Connection, repository: Repository, search: Search
) -> Mapping[str, int | None]:
    """Return the number of each milestone named, by title or, if none fits, number."""
    wanted = [
        value
        for one in search.filters
        if one.key == "milestone"
        for value in one.values
    ]
    if not wanted:
        return {}
    by_title: dict[str, int] = {}
    by_number: dict[str, int] = {}
    pages = connection.pages(
        "/repos/{+repository}/milestones{?state,per_page}",
        repository=repository.name,
        state="all",
        per_page=_PAGE,
    )
    async with aclosing(pages):
        async for milestone in pages:
            number = int(milestone["number"])
            by_title.setdefault(str(milestone["title"]).casefold(), number)
            by_number[str(number)] = number
            if all(value.casefold() in by_title for value in wanted):
                break
    return {
        value: by_title.get(value.casefold(), by_number.get(value)) for value in wanted
    }


def _from_rest(item: Any) -> _Candidate:
    named = (one if isinstance(one, str) else one["name"] for one in item["labels"])
    return _Candidate(
        number=ItemNumber(item["number"]),
        is_pull_request=bool(item.get("pull_request")),
        labels=frozenset(str(name).casefold() for name in named),
        author=_folded(item.get("user")),
        assignees=frozenset(map(_folded, item.get("assignees") or ())),
        milestone=(item.get("milestone") or {}).get("number"),
        is_draft=bool(item.get("draft")),
    )


def _from_graphql(node: Mapping[str, Any]) -> _Candidate:
    author = node.get("author")
    login = _folded(author)
    if author and author.get("__typename") == "Bot" and not login.endswith("[bot]"):
        login = f"{login}[bot]"
    labels = (node.get("labels") or {}).get("nodes") or ()
    assignees = (node.get("assignees") or {}).get("nodes") or ()
    return _Candidate(
        number=ItemNumber(node["number"]),
        is_pull_request=True,
        labels=frozenset(str(one["name"]).casefold() for one in labels if one),
        author=login,
        assignees=frozenset(_folded(one) for one in assignees if one),
        milestone=(node.get("milestone") or {}).get("number"),
        base=str(node["baseRefName"]),
        is_draft=bool(node["isDraft"]),
        reviews=_reviews(node),
    )


def _reviews(node: Mapping[str, Any]) -> frozenset[str]:
    """Return the words of ``review:`` that are true of a pull request."""
    latest = (node.get("latestOpinionatedReviews") or {}).get("nodes") or ()
    states = {str(one["state"]) for one in latest if one}
    if "CHANGES_REQUESTED" in states:
        return frozenset({"changes-requested"})
    if "APPROVED" in states:
        return frozenset({"approved"})
    is_none = not (node.get("reviews") or {}).get("totalCount")
    return frozenset({"none"}) if is_none else frozenset()


def _folded(user: Any) -> str:
    return str((user or {}).get("login", "")).casefold()
