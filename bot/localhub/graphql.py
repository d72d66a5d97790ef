"""GitHub's GraphQL API as far as the bot asks it, executed by graphql-core."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute_sync,
    parse,
    validate,
)

from bot.localhub import pulls
from bot.localhub.errors import GitHubError
from bot.localhub.payloads.everything import CI_APP
from bot.localhub.payloads.shape import Json, optional_timestamp, timestamp
from bot.localhub.query_errors import QueryError, error_json, invalid_json
from bot.localhub.query_price import LARGEST_PAGE, price
from bot.localhub.rest.routing import Answer, Call
from bot.localhub.state import (
    CheckRun,
    Comment,
    Label,
    Milestone,
    Repository,
    Review,
    Thread,
    ThreadEvent,
    User,
)

REACTION_NAMES = {"+1": "THUMBS_UP", "-1": "THUMBS_DOWN"}
PULL_EVENTS = {"base_ref_deleted": "BaseRefDeletedEvent", "closed": "ClosedEvent"}
MISSING_FIELDS = {
    "dependencies": ("blockedBy", "blocking"),
    "sub-issues": ("subIssues", "subIssuesSummary", "parent"),
}
"""What a server lacks that lacks a feature, see ``LocalHub.lacks``."""


@dataclass(frozen=True, slots=True)
class _Context:
    call: Call
    cost: int
    node_count: int


Info = GraphQLResolveInfo[_Context]
Resolver = Callable[[Any, Info, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class _Connection:
    nodes: Sequence[Any]
    total: int
    start: int


@dataclass(frozen=True, slots=True)
class _Ref:
    repository: Repository
    name: str
    sha: str


@dataclass(frozen=True, slots=True)
class _Object:
    repository: Repository
    type: str  # blob, commit, tree
    sha: str


@dataclass(frozen=True, slots=True)
class _CrossReference:
    source: Thread


@dataclass(frozen=True, slots=True)
class _Rollup:
    state: str
    runs: tuple[CheckRun, ...]


def answer(call: Call) -> Answer:
    """Answer a query. Errors come with status 200, as GitHub's do."""
    query = call.body.get("query")
    if not isinstance(query, str):
        message = "A query attribute must be specified and must be a string."
        return Answer({"errors": [{"message": message}]})
    variables = call.body.get("variables") or {}
    lacks = frozenset(call.hub.lacks)
    schema = _schema(lacks)
    try:
        document, problems = _read(query, lacks)
    except GraphQLError as error:
        return Answer({"errors": [error_json(error)]})
    if problems:
        return Answer({"errors": [invalid_json(error) for error in problems]})
    cost, node_count = price(document, variables)
    limits = call.hub.limits
    if limits.most_nodes is not None and node_count > limits.most_nodes:
        return _too_dear(document, limits.too_dear_status)
    result = execute_sync(
        schema,
        document,
        variable_values=variables,
        operation_name=call.body.get("operationName"),
        context_value=_Context(call, cost, node_count),
        field_resolver=_resolve,
        type_resolver=_type_name,
    )
    body: Json = {"data": result.data}
    if result.errors:
        body["errors"] = [error_json(error) for error in result.errors]
    return Answer(body, points=cost)


@lru_cache(maxsize=64)
def _read(
    query: str, lacks: frozenset[str]
) -> tuple[DocumentNode, Sequence[GraphQLError]]:
    """Return a query, and what is wrong with it; raises ``GraphQLError``.

    It is asked for again and again with other variables, and takes longer than the answer.
    """
    document = parse(query)
    return document, validation_errors(_schema(lacks), document)


def _too_dear(document: DocumentNode, status: int) -> Answer:
    """Answer as GitHub does where a query takes it too long: in several ways."""
    if status != 200:
        message = "We couldn't respond to your request in time."
        return Answer({"message": message}, status)
    roots = [
        (node.alias or node.name).value
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode)
        for node in definition.selection_set.selections
        if isinstance(node, FieldNode)
    ]
    error = {
        "type": "RESOURCE_LIMITS_EXCEEDED",
        "path": roots[-1:],
        "message": "Resource limits for this query exceeded.",
    }
    return Answer({"data": dict.fromkeys(roots), "errors": [error]})


def validation_errors(
    schema: GraphQLSchema, document: DocumentNode
) -> list[GraphQLError]:
    """Return what GitHub finds wrong with a query.

    The specification refuses ``state`` of issues beside ``state`` of pull requests, as
    their types differ. GitHub takes it, and its own clients ask so.
    """
    return [
        error
        for error in validate(schema, document)
        if "because they return conflicting types" not in error.message
    ]


@lru_cache(maxsize=4)
def _schema(lacks: frozenset[str]) -> GraphQLSchema:
    sdl = Path(__file__).with_name("schema.graphql").read_text(encoding="utf-8")
    for feature in lacks:
        for name in MISSING_FIELDS.get(feature, ()):
            sdl = re.sub(rf"(?m)^  {name}\b.*\n", "", sdl)
    return build_schema(sdl)


# --- resolvers


def _resolve(source: Any, info: Info, **arguments: Any) -> Any:
    type_, name = info.parent_type.name, info.field_name
    resolver = RESOLVERS.get(f"{type_}.{name}") or SHARED.get(name)
    assert resolver is not None, f"no resolver of {type_}.{name}"
    path = ".".join(map(str, info.path.as_list()))
    _check_seen(path, info)
    found = resolver(source, info, arguments)
    if name != "nodes" or not _call(info).hub.unseen:
        return found
    return [_seen(f"{path}.{place}", one, info) for place, one in enumerate(found)]


def _check_seen(path: str, info: Info) -> None:
    """Raise for what somebody hides from the app: see ``LocalHub.unseen``."""
    for pattern, (type_, message) in _call(info).hub.unseen.items():
        if re.fullmatch(pattern, path):
            raise QueryError(message, type_)


def _seen(path: str, value: Any, info: Info) -> Any:
    """Return a value, or the error that a list has in its place."""
    try:
        _check_seen(path, info)
    except QueryError as error:
        return error
    return value


def _type_name(value: Any, _info: Any, _type: Any) -> str:
    match value:
        case Thread():
            return "Issue" if value.pull is None else "PullRequest"
        case User():
            return value.type.value
        case CheckRun():
            return "CheckRun"
        case _Object():
            return value.type.capitalize()
        case _CrossReference():
            return "CrossReferencedEvent"
        case ThreadEvent():
            return PULL_EVENTS[value.kind]
        case _:
            raise AssertionError(value)


def _call(info: Info) -> Call:
    return info.context.call


def _connection(
    items: Sequence[Any], info: Info, arguments: dict[str, Any]
) -> _Connection:
    first, last = arguments.get("first"), arguments.get("last")
    name = info.field_name
    if first is None and last is None and _wants_nodes(info):
        message = (
            f"You must provide a `first` or `last` value to properly paginate the "
            f"`{name}` connection."
        )
        raise QueryError(message, "MISSING_PAGINATION_BOUNDARIES")
    for word, size in (("first", first), ("last", last)):
        if size is not None and size > LARGEST_PAGE:
            message = (
                f"Requesting {size} records on the `{name}` connection exceeds the "
                f"`{word}` limit of {LARGEST_PAGE} records."
            )
            raise QueryError(message, "EXCESSIVE_PAGINATION")
    start = _index(arguments.get("after"), -1) + 1
    end = min(_index(arguments.get("before"), len(items)), len(items))
    if first is not None:
        end = min(end, start + first)
    if last is not None:
        start = max(start, end - last)
    return _Connection(items[start:end], len(items), start)


def _wants_nodes(info: Info) -> bool:
    """Return whether more than the count is asked for, which needs no page."""
    return any(
        not isinstance(selection, FieldNode) or selection.name.value != "totalCount"
        for node in info.field_nodes
        for selection in (node.selection_set.selections if node.selection_set else ())
    )


def _index(cursor: str | None, default: int) -> int:
    return int(cursor[1:]) if cursor and cursor[1:].isdecimal() else default


def _page_info(source: _Connection, _info: Any, _arguments: Any) -> Json:
    end = source.start + len(source.nodes)
    return {
        "hasNextPage": end < source.total,
        "hasPreviousPage": source.start > 0,
        "startCursor": f"c{source.start}" if source.nodes else None,
        "endCursor": f"c{end - 1}" if source.nodes else None,
    }


def _rate_limit(_source: Any, info: Info, _arguments: Any) -> Json:
    context = info.context
    token = context.call.token
    assert token is not None
    window = context.call.hub.limits.window(token.installation.id, "graphql")
    used = window.used + context.cost
    return {
        "limit": window.limit,
        "cost": context.cost,
        "used": used,
        "remaining": max(window.limit - used, 0),
        "resetAt": optional_timestamp(window.reset_at),
        "nodeCount": context.node_count,
    }


def _repository(_source: Any, info: Info, arguments: dict[str, Any]) -> Repository:
    call = _call(info)
    name = f"{arguments['owner']}/{arguments['name']}"
    state, token = call.hub.state, call.token
    found = state.repository(name) or state.renamed(name)
    assert token is not None
    if found is None or (not call.hub.sees(token, found)):
        message = f"Could not resolve to a Repository with the name '{name}'."
        raise QueryError(message, "NOT_FOUND")
    return found


def _numbered(what: str) -> Resolver:
    def resolve(source: Repository, _info: Info, arguments: dict[str, Any]) -> Thread:
        found = source.threads.get(arguments["number"])
        if (
            found is None
            or found.is_deleted
            or (what == "an Issue" and found.pull is not None)
            or (what == "a PullRequest" and found.pull is None)
        ):
            message = (
                f"Could not resolve to {what} with the number of {arguments['number']}."
            )
            raise QueryError(message, "NOT_FOUND")
        return found

    return resolve


def _threads(*, are_pulls: bool) -> Callable[[Any, Info, dict[str, Any]], _Connection]:
    def resolve(
        source: Repository | Label, info: Info, arguments: dict[str, Any]
    ) -> _Connection:
        repositories = (
            [source]
            if isinstance(source, Repository)
            else list(_call(info).hub.state.repositories.values())
        )
        found = [
            thread
            for repository in repositories
            for thread in repository.visible_threads()
            if (thread.pull is not None) == are_pulls
            and (isinstance(source, Repository) or source in thread.labels)
            and _fits(thread, arguments)
        ]
        return _connection(_ordered(found, arguments), info, arguments)

    return resolve


def _fits(thread: Thread, arguments: dict[str, Any]) -> bool:
    filters = arguments.get("filterBy") or {}
    names = {label.name.lower() for label in thread.labels}
    for wanted in (arguments.get("labels"), filters.get("labels")):
        if wanted is not None and names.isdisjoint(name.lower() for name in wanted):
            return False
    for states in (arguments.get("states"), filters.get("states")):
        if states is not None and _state(thread) not in states:
            return False
    pull = thread.pull
    logins = [user.login.lower() for user in thread.assignees]
    assignee, creator = filters.get("assignee"), filters.get("createdBy")
    milestone, since = filters.get("milestone"), filters.get("since")
    numbers = [str(thread.milestone.number), "*"] if thread.milestone else []
    return (
        (assignee is None or assignee.lower() in (logins and [*logins, "*"]))
        and creator in (None, thread.author.login)
        and (milestone is None or milestone in numbers)
        and (since is None or thread.updated_at >= datetime.fromisoformat(since))
        and arguments.get("headRefName") in (None, pull.head_ref if pull else None)
        and arguments.get("baseRefName") in (None, pull.base_ref if pull else None)
    )


def _ordered(threads: list[Thread], arguments: dict[str, Any]) -> list[Thread]:
    order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    keys: dict[str, Callable[[Thread], Any]] = {
        "CREATED_AT": lambda t: (t.created_at, t.number),
        "UPDATED_AT": lambda t: (t.updated_at, t.number),
        "COMMENTS": lambda t: (len(t.comments), t.number),
    }
    is_descending = order["direction"] == "DESC"
    return sorted(threads, key=keys[order["field"]], reverse=is_descending)


def _state(thread: Thread) -> str:
    is_merged = thread.pull is not None and thread.pull.is_merged
    return "MERGED" if is_merged else thread.state.upper()


def _list(items: Callable[[Any], Sequence[Any]]) -> Resolver:
    def resolve(source: Any, info: Info, arguments: dict[str, Any]) -> _Connection:
        return _connection(items(source), info, arguments)

    return resolve


def _closing_pulls(
    source: Thread, info: Info, arguments: dict[str, Any]
) -> _Connection:
    found = [
        thread
        for thread in source.repository.visible_threads()
        if thread.pull is not None
        and source in pulls.closes(thread)
        and (
            thread.is_open or thread.pull.is_merged or arguments.get("includeClosedPrs")
        )
    ]
    return _connection(found, info, arguments)


def _references_to(
    source: Thread, info: Info, arguments: dict[str, Any]
) -> _Connection:
    """Return the threads whose text, or a comment on them, names an issue."""
    own = rf"(?:{re.escape(source.repository.full_name)})?#{source.number}"
    page = rf"{re.escape(_url(source, info, {}))}"
    names = re.compile(rf"(?<![\w/#])(?:{own}|{page})(?!\d)", re.IGNORECASE)
    found = [
        _CrossReference(thread)
        for thread in source.repository.visible_threads()
        if thread is not source
        and any(
            names.search(text)
            for text in (thread.body, *(one.body for one in thread.comments))
        )
    ]
    return _connection(found, info, arguments)


def _pull_events(source: Thread, info: Info, arguments: dict[str, Any]) -> _Connection:
    wanted = arguments.get("itemTypes")
    found = [
        event
        for event in source.events
        if event.kind in PULL_EVENTS
        and (wanted is None or f"{event.kind.upper()}_EVENT" in wanted)
    ]
    return _connection(found, info, arguments)


def _opinions(thread: Thread) -> Sequence[Review]:
    """Return the last review of each reviewer that takes a side."""
    latest = {
        review.author.login: review
        for review in pulls.pull_of(thread).reviews
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
    }
    return [one for one in latest.values() if one.state != "DISMISSED"]


def _labels(
    source: Repository | Thread, info: Info, arguments: dict[str, Any]
) -> _Connection:
    query = (arguments.get("query") or "").lower()
    found = [label for label in source.labels if query in label.name.lower()]
    order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    found.sort(
        key=lambda label: label.name if order["field"] == "NAME" else label.id,
        reverse=order["direction"] == "DESC",
    )
    return _connection(found, info, arguments)


def _milestones(
    source: Repository, info: Info, arguments: dict[str, Any]
) -> _Connection:
    states = arguments.get("states")
    query = (arguments.get("query") or "").lower()
    found = [
        milestone
        for milestone in source.milestones
        if (states is None or milestone.state.upper() in states)
        and query in milestone.title.lower()
    ]
    return _connection(found, info, arguments)


def _ref(source: Repository, name: str) -> _Ref | None:
    sha = source.git.refs("refs/").get(name)
    return None if sha is None else _Ref(source, name, sha)


def _named_ref(
    source: Repository, _info: Info, arguments: dict[str, Any]
) -> _Ref | None:
    name = arguments["qualifiedName"]
    return _ref(source, name if name.startswith("refs/") else f"refs/heads/{name}")


def _git_object(
    source: Repository, _info: Info, arguments: dict[str, Any]
) -> _Object | None:
    expression = arguments.get("oid") or arguments.get("expression") or ""
    found = source.git.object_at(expression)
    return _Object(source, *found) if found is not None else None


def _blob_text(source: _Object, _info: Any, _arguments: Any) -> str | None:
    content = source.repository.git.blob(source.sha)
    return None if b"\0" in content else content.decode(errors="replace")


def _rollup(source: Thread | _Object, _info: Any, _arguments: Any) -> _Rollup | None:
    sha = source.sha if isinstance(source, _Object) else pulls.pull_of(source).head_sha
    latest = {
        run.name: run for run in source.repository.check_runs if run.head_sha == sha
    }
    runs = tuple(latest.values())
    if not runs:
        return None
    if any(run.conclusion in pulls.FAILING for run in runs):
        return _Rollup("FAILURE", runs)
    is_done = all(run.status == "completed" for run in runs)
    return _Rollup("SUCCESS" if is_done else "PENDING", runs)


def _contexts(source: _Rollup, info: Info, arguments: dict[str, Any]) -> _Connection:
    return _connection(source.runs, info, arguments)


def _suite(source: CheckRun, info: Info, _arguments: Any) -> Json:
    app = _call(info).hub.app
    mine = {"id": f"A_{app.id}", "databaseId": app.id, "slug": app.slug}
    others = {
        "id": f"A_{CI_APP['id']}",
        "databaseId": CI_APP["id"],
        "slug": CI_APP["slug"],
    }
    return {"id": f"CS_{source.id}", "app": mine if source.by_app else others}


def _mergeable(source: Thread, _info: Any, _arguments: Any) -> str:
    mergeable = pulls.is_mergeable(source)
    if mergeable is None:
        return "UNKNOWN"
    return "MERGEABLE" if mergeable else "CONFLICTING"


def _merge_commit(source: Thread, _info: Any, _arguments: Any) -> _Object | None:
    sha = pulls.pull_of(source).merge_commit_sha
    return _Object(source.repository, "commit", sha) if sha is not None else None


def _state_reason(source: Thread, _info: Any, arguments: dict[str, Any]) -> str | None:
    reason = source.state_reason.upper() if source.state_reason else None
    # The reason came later than the field; clients that do not ask for it see this.
    if reason == "DUPLICATE" and not arguments.get("enableDuplicate"):
        return "NOT_PLANNED"
    return reason


def _sub_issues_summary(source: Thread, _info: Any, _arguments: Any) -> Json:
    total = len(source.sub_issues)
    completed = sum(not issue.is_open for issue in source.sub_issues)
    percent = completed * 100 // total if total else 0
    return {"total": total, "completed": completed, "percentCompleted": percent}


def _url(source: Any, info: Info, _arguments: Any) -> str:
    payloads = _call(info).hub.payloads
    match source:
        case Thread():
            return payloads.thread_page(source)
        case Comment():
            page = payloads.thread_page(source.thread)
            return f"{page}#issuecomment-{source.id}"
        case Repository():
            return f"{payloads.html}/{source.full_name}"
        case User():
            return str(payloads.user(source)["html_url"])
        case _:
            return f"{payloads.html}/{type(source).__name__.lower()}s/{source.id}"


def _blocking(source: Thread, info: Info, arguments: dict[str, Any]) -> _Connection:
    waiting = [
        thread
        for repository in _call(info).hub.state.repositories.values()
        for thread in repository.visible_threads()
        if source in thread.blocked_by
    ]
    return _connection(waiting, info, arguments)


def _of(read: Callable[[Any], Any]) -> Resolver:
    def resolve(source: Any, _info: Any, _arguments: Any) -> Any:
        return read(source)

    return resolve


def _key(name: str) -> Resolver:
    return _of(lambda source: source[name])


def _node_id(source: Any, _info: Any, _arguments: Any) -> str:
    prefixes = {
        User: "U",
        Repository: "R",
        Label: "LA",
        Milestone: "MI",
        Comment: "IC",
        CheckRun: "CR",
    }
    match source:
        case Thread():
            is_issue = source.pull is None
            return f"I_{source.id}" if is_issue else f"PR_{pulls.pull_of(source).id}"
        case _Ref():
            return f"REF_{source.repository.id}_{source.name}"
        case _Object():
            return f"{source.type[0].upper()}_{source.sha}"
        case _:
            return f"{prefixes[type(source)]}_{source.id}"


def _database_id(source: Any, _info: Any, _arguments: Any) -> int:
    if isinstance(source, Thread) and source.pull is not None:
        return source.pull.id
    return int(source.id)


_PULL = pulls.pull_of

SHARED: dict[str, Resolver] = {
    "id": _node_id,
    "databaseId": _database_id,
    "fullDatabaseId": lambda *arguments: str(_database_id(*arguments)),
    "url": _url,
    "number": _of(lambda s: s.number),
    "title": _of(lambda s: s.title),
    "body": _of(lambda s: s.body),
    "login": _of(lambda s: s.login.removesuffix("[bot]")),
    "name": _of(lambda s: s.name),
    "nodes": _of(lambda s: s.nodes),
    "totalCount": _of(lambda s: s.total),
    "pageInfo": _page_info,
    "oid": _of(lambda s: s.sha),
    "closed": _of(lambda s: not s.is_open),
    "closedAt": _of(lambda s: optional_timestamp(s.closed_at)),
    "createdAt": _of(lambda s: timestamp(s.created_at)),
    "updatedAt": _of(lambda s: timestamp(s.updated_at)),
    "author": _of(lambda s: s.author),
    "locked": _of(lambda s: s.is_locked),
    "milestone": _of(lambda s: s.milestone),
    "repository": _of(lambda s: s.repository),
    "state": _of(lambda s: _state(s) if isinstance(s, Thread) else s.state.upper()),
    "labels": _labels,
    "assignees": _list(lambda s: s.assignees),
    "comments": _list(lambda s: s.comments),
    "statusCheckRollup": _rollup,
}


def _add_reaction(_source: Any, info: Info, arguments: dict[str, Any]) -> Any:
    """React to a review: REST has no reactions to those."""
    call, given = _call(info), arguments["input"]
    subject = _review(call, given["subjectId"])
    if subject is None:
        message = (
            f"Could not resolve to a node with the global id of '{given['subjectId']}'"
        )
        raise QueryError(message, "NOT_FOUND")
    words = {name: word for word, name in REACTION_NAMES.items()}
    word = words.get(given["content"], given["content"].lower())
    try:
        reaction, _ = call.hub.react(call.login, subject, word)
    except GitHubError as error:
        raise QueryError(error.message, "FORBIDDEN") from error
    return {**given, "reaction": reaction}


def _review(call: Call, node_id: str) -> Review | None:
    state = call.hub.state
    return next(
        (
            review
            for repository in state.repositories.values()
            if call.token and state.covers(call.token.installation, repository)
            for thread in repository.visible_threads()
            if thread.pull is not None
            for review in thread.pull.reviews
            if f"PRR_{review.id}" == node_id
        ),
        None,
    )


RESOLVERS: dict[str, Resolver] = {
    "Mutation.addReaction": _add_reaction,
    "AddReactionPayload.clientMutationId": _key("clientMutationId"),
    "AddReactionPayload.reaction": _key("reaction"),
    "Reaction.content": _of(lambda s: REACTION_NAMES.get(s.content, s.content.upper())),
    "Query.rateLimit": _rate_limit,
    "Query.repository": _repository,
    **{
        f"RateLimit.{name}": _key(name)
        for name in ("cost", "limit", "nodeCount", "remaining", "resetAt", "used")
    },
    **{
        f"PageInfo.{name}": _key(name)
        for name in ("endCursor", "hasNextPage", "hasPreviousPage", "startCursor")
    },
    **{
        f"SubIssuesSummary.{name}": _key(name)
        for name in ("completed", "percentCompleted", "total")
    },
    "Blob.text": _blob_text,
    "Blob.byteSize": _of(lambda s: len(s.repository.git.blob(s.sha))),
    "Blob.isBinary": _of(lambda s: b"\0" in s.repository.git.blob(s.sha)),
    "Blob.isTruncated": _of(lambda _: False),
    "Commit.message": _of(lambda s: s.repository.git.commit(s.sha).message),
    "StatusCheckRollup.contexts": _contexts,
    "StatusCheckRollup.state": _of(lambda s: s.state),
    "CheckRun.checkSuite": _suite,
    "CheckRun.conclusion": _of(lambda s: s.conclusion and s.conclusion.upper()),
    "CheckRun.detailsUrl": _of(lambda s: s.details_url),
    "CheckRun.status": _of(lambda s: s.status.upper()),
    "CheckSuite.app": _key("app"),
    **{f"App.{name}": _key(name) for name in ("databaseId", "id", "slug")},
    "CheckSuite.id": _key("id"),
    "Ref.name": _of(lambda s: s.name.split("/", 2)[2]),
    "Ref.prefix": _of(lambda s: "/".join(s.name.split("/", 2)[:2]) + "/"),
    "Ref.target": _of(lambda s: _Object(s.repository, "commit", s.sha)),
    "Repository.defaultBranchRef": _of(
        lambda s: _ref(s, f"refs/heads/{s.default_branch}")
    ),
    "Repository.isArchived": _of(lambda s: s.is_archived),
    "Repository.isPrivate": _of(lambda s: s.is_private),
    "Repository.issue": _numbered("an Issue"),
    "Repository.issueOrPullRequest": _numbered("an issue or pull request"),
    "Repository.issues": _threads(are_pulls=False),
    "Repository.label": lambda s, _i, arguments: s.label(arguments["name"]),
    "Repository.milestone": lambda s, _i, arguments: s.milestone(arguments["number"]),
    "Repository.milestones": _milestones,
    "Repository.nameWithOwner": _of(lambda s: s.full_name),
    "Repository.object": _git_object,
    "Repository.owner": _of(lambda s: s.owner),
    "Repository.pullRequest": _numbered("a PullRequest"),
    "Repository.pullRequests": _threads(are_pulls=True),
    "Repository.ref": _named_ref,
    "Label.color": _of(lambda s: s.color),
    "Label.description": _of(lambda s: s.description or None),
    "Label.isDefault": _of(lambda _: False),
    "Label.issues": _threads(are_pulls=False),
    "Label.pullRequests": _threads(are_pulls=True),
    "Issue.blockedBy": _list(lambda s: s.blocked_by),
    "Issue.blocking": _blocking,
    "Issue.closedByPullRequestsReferences": _closing_pulls,
    "Issue.parent": _of(lambda s: s.parent),
    "Issue.stateReason": _state_reason,
    "Issue.subIssues": _list(lambda s: s.sub_issues),
    "Issue.subIssuesSummary": _sub_issues_summary,
    "Issue.timelineItems": _references_to,
    "CrossReferencedEvent.source": _of(lambda s: s.source),
    "PullRequest.timelineItems": _pull_events,
    **{
        f"{name}.createdAt": _of(lambda s: timestamp(s.at))
        for name in PULL_EVENTS.values()
    },
    "PullRequest.additions": _of(lambda s: pulls.changes(s).additions),
    "PullRequest.deletions": _of(lambda s: pulls.changes(s).deletions),
    "PullRequest.changedFiles": _of(lambda s: len(pulls.changes(s).files)),
    "PullRequest.baseRefName": _of(lambda s: _PULL(s).base_ref),
    "PullRequest.baseRefOid": _of(lambda s: _PULL(s).base_sha),
    "PullRequest.headRefName": _of(lambda s: _PULL(s).head_ref),
    "PullRequest.headRefOid": _of(lambda s: _PULL(s).head_sha),
    "PullRequest.closingIssuesReferences": _list(pulls.closes),
    "PullRequest.isCrossRepository": _of(lambda _: False),
    "PullRequest.isDraft": _of(lambda s: _PULL(s).is_draft),
    "PullRequest.mergeable": _mergeable,
    "PullRequest.mergeStateStatus": _of(lambda s: pulls.mergeable_state(s).upper()),
    "PullRequest.mergeCommit": _merge_commit,
    "PullRequest.merged": _of(lambda s: _PULL(s).is_merged),
    "PullRequest.mergedAt": _of(lambda s: optional_timestamp(_PULL(s).merged_at)),
    "PullRequest.reviews": _list(lambda s: _PULL(s).reviews),
    "PullRequest.latestOpinionatedReviews": _list(_opinions),
    "PullRequest.mergedBy": _of(lambda s: _PULL(s).merged_by),
}
