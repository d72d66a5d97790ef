"""Drafts: REST can open them, GraphQL alone can change them."""

from functools import partial
from typing import Any

from bot.localhub.errors import GitHubError, forbidden
from bot.localhub.graphql.errors import QueryError
from bot.localhub.graphql.values import Info, Resolver, call_of, key
from bot.localhub.pulls import pull_of
from bot.localhub.rest.routing import Call
from bot.localhub.state import Thread

NEEDED = ("pull_requests", "contents")
"""What an app has to be granted for it: not documented, and refused without."""


def _set_draft(
    _source: Any, info: Info, arguments: dict[str, Any], *, is_draft: bool
) -> Any:
    call, given = call_of(info), arguments["input"]
    id_ = given["pullRequestId"]
    thread = _pull_request(call, id_)
    if thread is None:
        message = f"Could not resolve to a node with the global id of '{id_}'"
        raise QueryError(message, "NOT_FOUND")
    token = call.token
    if token is None or not all(token.allows(one, "write") for one in NEEDED):
        error = forbidden()
        raise QueryError(error.message, "FORBIDDEN")
    name = thread.repository.full_name
    try:
        call.hub.set_draft(call.login, name, thread.number, is_draft=is_draft)
    except GitHubError as refusal:
        raise QueryError(refusal.message, "FORBIDDEN") from refusal
    return {**given, "pullRequest": thread}


def _pull_request(call: Call, node_id: str) -> Thread | None:
    return next(
        (
            thread
            for repository in call.hub.state.repositories.values()
            if call.hub.sees(call.token, repository)
            for thread in repository.visible_threads()
            if thread.pull is not None and f"PR_{pull_of(thread).id}" == node_id
        ),
        None,
    )


_NAMES = {"convertPullRequestToDraft": True, "markPullRequestReadyForReview": False}

RESOLVERS: dict[str, Resolver] = {
    **{
        f"Mutation.{name}": partial(_set_draft, is_draft=is_draft)
        for name, is_draft in _NAMES.items()
    },
    **{
        f"{name[0].upper()}{name[1:]}Payload.{field}": key(field)
        for name in _NAMES
        for field in ("clientMutationId", "pullRequest")
    },
}
