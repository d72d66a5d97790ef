"""Resolvers of repositories: their labels, milestones, refs and objects."""

from typing import Any

from bot.localhub.graphql.connections import connection
from bot.localhub.graphql.errors import QueryError
from bot.localhub.graphql.refs import ref_of
from bot.localhub.graphql.threads import threads
from bot.localhub.graphql.values import (
    Connection,
    Info,
    Object,
    Ref,
    Resolver,
    call_of,
    key,
    of,
)
from bot.localhub.state import Repository, Thread


def _repository(_source: Any, info: Info, arguments: dict[str, Any]) -> Repository:
    call = call_of(info)
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


def labels(
    source: Repository | Thread, info: Info, arguments: dict[str, Any]
) -> Connection:
    """Return the labels of a repository or thread."""
    query = (arguments.get("query") or "").lower()
    found = [label for label in source.labels if query in label.name.lower()]
    order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    found.sort(
        key=lambda label: label.name if order["field"] == "NAME" else label.id,
        reverse=order["direction"] == "DESC",
    )
    return connection(found, info, arguments)


def _milestones(
    source: Repository, info: Info, arguments: dict[str, Any]
) -> Connection:
    states = arguments.get("states")
    query = (arguments.get("query") or "").lower()
    found = [
        milestone
        for milestone in source.milestones
        if (states is None or milestone.state.upper() in states)
        and query in milestone.title.lower()
    ]
    return connection(found, info, arguments)


def _assignable(
    source: Repository, info: Info, arguments: dict[str, Any]
) -> Connection:
    query = (arguments.get("query") or "").lower()
    found = [
        user
        for user in call_of(info).hub.assignable(source)
        if user.login.lower().startswith(query)
    ]
    return connection(found, info, arguments)


def _named_ref(
    source: Repository, _info: Info, arguments: dict[str, Any]
) -> Ref | None:
    name = arguments["qualifiedName"]
    return ref_of(source, name if name.startswith("refs/") else f"refs/heads/{name}")


def _git_object(
    source: Repository, _info: Info, arguments: dict[str, Any]
) -> Object | None:
    expression = arguments.get("oid") or arguments.get("expression") or ""
    found = source.git.object_at(expression)
    return Object(source, *found) if found is not None else None


def _blob_text(source: Object, _info: Any, _arguments: Any) -> str | None:
    """Return a text in UTF-8, whatever it is in: GitHub guesses, and guesses Latin-1."""
    content = source.repository.git.blob(source.sha)
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


RESOLVERS: dict[str, Resolver] = {
    "Query.repository": _repository,
    "Tree.entries": of(
        lambda s: [
            {"name": name, "type": kind}
            for _, kind, _, name in s.repository.git.entries(s.sha)
        ]
    ),
    "TreeEntry.name": key("name"),
    "TreeEntry.type": key("type"),
    "Blob.text": _blob_text,
    "Blob.byteSize": of(lambda s: len(s.repository.git.blob(s.sha))),
    "Blob.isBinary": of(lambda s: b"\0" in s.repository.git.blob(s.sha)),
    "Blob.isTruncated": of(lambda _: False),
    "Commit.message": of(lambda s: s.repository.git.commit(s.sha).message),
    "Repository.assignableUsers": _assignable,
    "Repository.defaultBranchRef": of(
        lambda s: ref_of(s, f"refs/heads/{s.default_branch}")
    ),
    "Repository.isArchived": of(lambda s: s.is_archived),
    "Repository.isPrivate": of(lambda s: s.is_private),
    "Repository.visibility": of(lambda s: s.visibility.upper()),
    "Repository.issue": _numbered("an Issue"),
    "Repository.issueOrPullRequest": _numbered("an issue or pull request"),
    "Repository.issues": threads(are_pulls=False),
    "Repository.label": lambda s, _i, arguments: s.label(arguments["name"]),
    "Repository.milestone": lambda s, _i, arguments: s.milestone(arguments["number"]),
    "Repository.milestones": _milestones,
    "Repository.mergeCommitAllowed": of(lambda s: "merge" in s.merge_methods),
    "Repository.squashMergeAllowed": of(lambda s: "squash" in s.merge_methods),
    "Repository.rebaseMergeAllowed": of(lambda s: "rebase" in s.merge_methods),
    "Repository.deleteBranchOnMerge": of(lambda s: s.deletes_branch_on_merge),
    "Repository.autoMergeAllowed": of(lambda _: False),
    "Repository.viewerDefaultMergeMethod": of(lambda s: s.merge_methods[0].upper()),
    "Repository.nameWithOwner": of(lambda s: s.full_name),
    "Repository.object": _git_object,
    "Repository.owner": of(lambda s: s.owner),
    "Repository.pullRequest": _numbered("a PullRequest"),
    "Repository.pullRequests": threads(are_pulls=True),
    "Repository.ref": _named_ref,
    "Label.color": of(lambda s: s.color),
    "Label.description": of(lambda s: s.description or None),
    "Label.isDefault": of(lambda _: False),
    "Label.issues": threads(are_pulls=False),
    "Label.pullRequests": threads(are_pulls=True),
}
