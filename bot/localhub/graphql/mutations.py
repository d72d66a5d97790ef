"""What GraphQL changes."""

from typing import Any

from bot.localhub.errors import GitHubError
from bot.localhub.graphql.errors import QueryError
from bot.localhub.graphql.values import Info, Resolver, call_of, key, of
from bot.localhub.rest.routing import Call
from bot.localhub.state import Review

REACTION_NAMES = {"+1": "THUMBS_UP", "-1": "THUMBS_DOWN"}


def _add_reaction(_source: Any, info: Info, arguments: dict[str, Any]) -> Any:
    """React to a review: REST has no reactions to those."""
    call, given = call_of(info), arguments["input"]
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
    "AddReactionPayload.clientMutationId": key("clientMutationId"),
    "AddReactionPayload.reaction": key("reaction"),
    "Reaction.content": of(lambda s: REACTION_NAMES.get(s.content, s.content.upper())),
}
