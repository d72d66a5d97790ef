"""What GraphQL alone can do about merges: queues, and updates by rebase."""

from functools import partial
from typing import Any

from bot.localhub.graphql.changes import done, pull_request, require
from bot.localhub.graphql.errors import QueryError
from bot.localhub.graphql.values import Info, Resolver, call_of, of
from bot.localhub.payloads.shape import Json

QUEUES = ("pull_requests", "contents")


def _update_branch(_source: Any, info: Info, arguments: dict[str, Any]) -> Json:
    call, given = call_of(info), arguments["input"]
    thread = pull_request(call, given["pullRequestId"])
    require(call, "pull_requests")
    if not call.allows("contents", "write"):
        message = f"{call.login} doesn't have permission to update head repository"
        raise QueryError(message, "FORBIDDEN")
    done(
        partial(
            call.hub.update_branch_later,
            call.login,
            thread.repository.full_name,
            thread.number,
            expected=given.get("expectedHeadOid"),
            method=(given.get("updateMethod") or "MERGE").lower(),
            may_change_workflows=call.allows("workflows", "write"),
        )
    )
    return {**given, "pullRequest": thread}


def _enqueue(_source: Any, info: Info, arguments: dict[str, Any]) -> Json:
    call, given = call_of(info), arguments["input"]
    thread = pull_request(call, given["pullRequestId"])
    require(call, *QUEUES)
    entry = done(
        partial(
            call.hub.enqueue,
            call.login,
            thread.repository.full_name,
            thread.number,
            expected=given.get("expectedHeadOid"),
            is_jump=bool(given.get("jump")),
        )
    )
    return {**given, "mergeQueueEntry": entry}


def _dequeue(_source: Any, info: Info, arguments: dict[str, Any]) -> Json:
    call, given = call_of(info), arguments["input"]
    thread = pull_request(call, given["id"])
    require(call, *QUEUES)
    name = thread.repository.full_name
    entry = done(partial(call.hub.dequeue, call.login, name, thread.number))
    return {**given, "mergeQueueEntry": entry}


def _field(name: str) -> Resolver:
    return of(lambda source: source.get(name))


PAYLOADS = {
    "DequeuePullRequest": "mergeQueueEntry",
    "EnqueuePullRequest": "mergeQueueEntry",
    "UpdatePullRequestBranch": "pullRequest",
}
RESOLVERS: dict[str, Resolver] = {
    "Mutation.dequeuePullRequest": _dequeue,
    "Mutation.enqueuePullRequest": _enqueue,
    "Mutation.updatePullRequestBranch": _update_branch,
    **{
        f"{name}Payload.{field}": _field(field)
        for name, what in PAYLOADS.items()
        for field in ("clientMutationId", what)
    },
}
