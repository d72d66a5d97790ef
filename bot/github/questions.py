"""The answers to what attempts ask while they run, many in one GraphQL query.

https://docs.github.com/graphql/reference/objects#statuscheckrollup
https://docs.github.com/graphql/reference/objects#crossreferencedevent
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from bot.core.model import ItemNumber, Repository, batch_of
from bot.core.review.facts import ReviewFactsOf
from bot.core.world.pulls import PullRequestNow
from bot.core.world.questions import (
    AssignableTo,
    Bases,
    BasesOf,
    BranchNow,
    Check,
    Checks,
    ChecksOf,
    OpenPullsOf,
    PullNow,
    PullState,
    Question,
)
from bot.github.app import App
from bot.github.assignable import AssignablePart
from bot.github.checks import checks, contexts
from bot.github.client import READ_TRIES, Connection
from bot.github.graphql import is_partial, raise_for
from bot.github.older import Asked
from bot.github.pull_now import OPTIONAL, PullPart
from bot.github.reviewed import ReviewPart

_AT_A_TIME = 50
"""Questions of one query."""

_PAGE = 100

_CONTEXTS = f"""
  ... on Commit {{ oid statusCheckRollup {{ {contexts(after="%s")} }} }}
"""
_PULL = "number url state mergedAt headRefOid headRefName baseRefName isCrossRepository"
_REFERENCES = f"""
  timelineItems(last: {_PAGE}, before: %s, itemTypes: [CROSS_REFERENCED_EVENT]) {{
    pageInfo {{ hasPreviousPage startCursor }}
    nodes {{
      ... on CrossReferencedEvent {{
        source {{ ... on PullRequest {{ {_PULL} repository {{ nameWithOwner }} }} }}
      }}
    }}
  }}
"""
_LOST_BASE = ["BaseRefDeletedEvent", "ClosedEvent"]
"""How the timeline of a pull request ends that GitHub closed as its base went."""

_ENDING = """
  timelineItems(last: 2, itemTypes: [BASE_REF_DELETED_EVENT, CLOSED_EVENT]) {
    nodes { __typename }
  }
"""
_NEWEST = "first: 20, orderBy: {field: CREATED_AT, direction: DESC}"


async def answers(
    connection: Connection,
    repository: Repository,
    questions: Sequence[Question[Any]],
    *,
    app: App,
    has: Asked,
) -> Mapping[Question[Any], Any]:
    """Return the answers to questions about one repository.

    What GitHub does not have is left out. *app* is whose own check runs count for
    nothing, *has* what the server is not known to lack. Raises ``TransientError``, ``Refused`` and ``AppUnavailable``.
    """
    parts = {question: _part_of(question, app, has) for question in questions}
    asked: list[_Part] = list(parts.values())
    while asked:
        ask = partial(_asked, connection, repository, asked, has)
        most = min(len(asked), _AT_A_TIME)
        data, size = await connection.sizes.ask("questions", most, ask)
        told = enumerate(asked[:size])
        asked = [part for place, part in told if part.read(data, place)] + asked[size:]
    reviewed = [part for part in parts.values() if isinstance(part, ReviewPart)]
    await asyncio.gather(*(part.read_files(connection) for part in reviewed))
    found = {question: part.answer() for question, part in parts.items()}
    return {question: one for question, one in found.items() if one is not None}


class _Part(Protocol):
    """What a query asks for one question, and what is known of the answer so far."""

    def fields(self, place: int) -> tuple[str, Mapping[str, tuple[str, object]]]:
        """Return what to ask of the repository, and the variables: type and value.

        All names end in *place*.
        """

    def read(self, data: Mapping[str, Any], place: int) -> bool:
        """Take an answer in; return whether there is more to ask."""

    def answer(self) -> Any:
        """Return the answer to the question, None if GitHub does not have it."""


def _part_of(question: Question[Any], app: App, has: Asked) -> _Part:
    match question:
        case ChecksOf():
            return _ChecksPart(question, app.id)
        case PullRequestNow():
            return PullPart(question, app, has)
        case ReviewFactsOf():
            return ReviewPart(question, app, has)
        case AssignableTo():
            return AssignablePart(question)
        case OpenPullsOf():
            return _PullsPart(question)
        case BasesOf():
            return _BasesPart(question, _PullsPart(question))
        case _:
            message = f"nobody here can answer {type(question).__name__}"
            raise AssertionError(message)


@dataclass(slots=True, eq=False)
class _ChecksPart:
    question: ChecksOf
    app_id: int
    found: list[Check] | None = None
    cursor: str | None = None

    def fields(self, place: int) -> tuple[str, Mapping[str, tuple[str, object]]]:
        asked = _CONTEXTS % f"$a{place}"
        return f"c{place}: object(oid: $o{place}) {{ {asked} }}", {
            f"o{place}": ("GitObjectID!", self.question.sha),
            f"a{place}": ("String", self.cursor),
        }

    def read(self, data: Mapping[str, Any], place: int) -> bool:
        commit = data.get(f"c{place}")
        if commit is None or "oid" not in commit:
            return False
        found = (commit["statusCheckRollup"] or {}).get("contexts") or {}
        self.found = self.found or []
        self.found += checks(found.get("nodes") or (), self.app_id)
        page = found.get("pageInfo") or {}
        self.cursor = page.get("endCursor")
        return bool(page.get("hasNextPage"))

    def answer(self) -> Checks | None:
        return None if self.found is None else Checks(tuple(self.found))


@dataclass(slots=True, eq=False)
class _PullsPart:
    """The pull requests that name an issue: the timeline has those into any branch,
    which those that will close it are not.
    """

    question: OpenPullsOf | BasesOf
    found: dict[int, PullNow] = field(default_factory=dict)
    cursor: str | None = None

    def fields(self, place: int) -> tuple[str, Mapping[str, tuple[str, object]]]:
        references = _REFERENCES % f"$e{place}"
        return f"n{place}: issue(number: $i{place}) {{ {references} }}", {
            f"i{place}": ("Int!", self.question.number),
            f"e{place}": ("String", self.cursor),
        }

    def read(self, data: Mapping[str, Any], place: int) -> bool:
        timeline = (data.get(f"n{place}") or {}).get("timelineItems") or {}
        for node in timeline.get("nodes") or ():
            source = (node or {}).get("source") or {}
            if not source or source["repository"]["nameWithOwner"] != data["name"]:
                continue
            pull = _pull(source)
            if pull and batch_of(pull.head, self.question.number):
                self.found[pull.number] = pull
        page = timeline.get("pageInfo") or {}
        self.cursor = page.get("startCursor")
        return bool(page.get("hasPreviousPage"))

    def answer(self) -> tuple[PullNow, ...]:
        pulls = (pull for _, pull in sorted(self.found.items()))
        return tuple(pull for pull in pulls if pull.state is PullState.OPEN)


@dataclass(slots=True, eq=False)
class _BasesPart:
    question: BasesOf
    pulls: _PullsPart
    found: dict[str, BranchNow] = field(default_factory=dict)
    default_branch: str = ""

    def fields(self, place: int) -> tuple[str, Mapping[str, tuple[str, object]]]:
        asked, variables = self.pulls.fields(place)
        parts, variables = [asked], dict(variables)
        for at, branch in enumerate(self.question.branches):
            name = f"{place}_{at}"
            parts.append(
                f"r{name}: ref(qualifiedName: $r{name}) {{ name }}"
                f" p{name}: pullRequests(headRefName: $p{name}, {_NEWEST})"
                f" {{ nodes {{ {_PULL} {_ENDING} }} }}"
            )
            variables[f"r{name}"] = ("String!", f"refs/heads/{branch}")
            variables[f"p{name}"] = ("String!", branch)
        return " ".join(parts), variables

    def read(self, data: Mapping[str, Any], place: int) -> bool:
        self.default_branch = (data.get("defaultBranchRef") or {}).get("name", "")
        for at, branch in enumerate(self.question.branches):
            nodes = (data.get(f"p{place}_{at}") or {}).get("nodes") or ()
            pulls = [pull for node in nodes if node and (pull := _pull(node))]
            best = max(pulls, key=_how_telling, default=None)
            exists = data.get(f"r{place}_{at}") is not None
            self.found[branch] = BranchNow(exists, best)
        return self.pulls.read(data, place)

    def answer(self) -> Bases:
        return Bases(self.default_branch, self.found, self.pulls.answer())


async def _asked(
    connection: Connection,
    repository: Repository,
    parts: Sequence[_Part],
    has: Asked,
    size: int,
) -> Mapping[str, Any]:
    """Return the repository with what the first *size* parts ask for.

    It is asked again without what the server's schema lacks.
    """
    tries = READ_TRIES if size == 1 else 1
    while True:
        document, variables = _document(repository, parts[:size])
        answer = await connection.graphql_answer(document, variables, tries=tries)
        if not has.learn(answer.problems):
            break
    for problem in answer.problems:
        is_unknown = problem.type == "NOT_FOUND" and len(problem.path) == 2
        # Among them: a mention in a repository that the app may not see is no pull
        # request of ours.
        is_lost_alone = not OPTIONAL.isdisjoint(problem.path) and is_partial(problem)
        if not is_unknown and not is_lost_alone:
            raise_for(problem)
    return answer.data.get("repository") or {}


def _document(
    repository: Repository, parts: Sequence[_Part]
) -> tuple[str, Mapping[str, object]]:
    owner, _, name = repository.name.partition("/")
    variables: dict[str, object] = {"owner": owner, "name": name}
    declared = ["$owner: String!", "$name: String!"]
    fields = []
    for place, part in enumerate(parts):
        asked, given = part.fields(place)
        fields.append(asked)
        for variable, (type_, value) in given.items():
            variables[variable] = value
            declared.append(f"${variable}: {type_}")
    document = (
        f"query({', '.join(declared)}) {{"
        " repository(owner: $owner, name: $name) {"
        f" name: nameWithOwner defaultBranchRef {{ name }} {' '.join(fields)} }} }}"
    )
    return document, variables


def _pull(node: Mapping[str, Any]) -> PullNow | None:
    """Return a pull request between branches of the repository; no fork's."""
    if node["isCrossRepository"]:
        return None
    merged_at = node["mergedAt"]
    events = (node.get("timelineItems") or {}).get("nodes") or ()
    ending = [one["__typename"] for one in events if one]
    return PullNow(
        number=ItemNumber(node["number"]),
        url=str(node["url"]),
        state=PullState(node["state"].lower()),
        head=str(node["headRefName"]),
        base=str(node["baseRefName"]),
        merged_at=datetime.fromisoformat(merged_at) if merged_at else None,
        head_sha=str(node["headRefOid"]),
        lost_base=ending == _LOST_BASE,
    )


def _how_telling(pull: PullNow) -> tuple[bool, int]:
    return pull.state is PullState.OPEN, pull.number
