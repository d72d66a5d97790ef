"""Drafts: REST can open them, GraphQL alone can change them."""

from functools import partial
from typing import Any

from bot.localhub.graphql.changes import done, pull_request, require
from bot.localhub.graphql.values import Info, Resolver, call_of, key

NEEDED = ("pull_requests", "contents")
"""What an app has to be granted for it: not documented, and refused without."""


def _set_draft(
    _source: Any, info: Info, arguments: dict[str, Any], *, is_draft: bool
) -> Any:
    call, given = call_of(info), arguments["input"]
    thread = pull_request(call, given["pullRequestId"])
    require(call, *NEEDED)
    name = thread.repository.full_name
    set_draft = partial(call.hub.set_draft, call.login, name, thread.number)
    done(partial(set_draft, is_draft=is_draft))
    return {**given, "pullRequest": thread}


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
