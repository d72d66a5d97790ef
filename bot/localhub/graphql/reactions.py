"""Reactions to reviews: REST has none."""

from functools import partial
from typing import Any

from bot.localhub.graphql.changes import Named, done, named
from bot.localhub.graphql.values import Info, Resolver, call_of, key, of
from bot.localhub.state import Review, Thread

REACTION_NAMES = {"+1": "THUMBS_UP", "-1": "THUMBS_DOWN"}
WORDS = {name: word for word, name in REACTION_NAMES.items()}


def _add_reaction(_source: Any, info: Info, arguments: dict[str, Any]) -> Any:
    call, given = call_of(info), arguments["input"]
    subject = named(call, given["subjectId"], _reviews)
    word = WORDS.get(given["content"], given["content"].lower())
    reaction, _ = done(partial(call.hub.react, call.login, subject, word))
    return {**given, "reaction": reaction}


def _reviews(thread: Thread) -> Named[Review]:
    found = thread.pull.reviews if thread.pull is not None else []
    return ((f"PRR_{review.id}", review) for review in found)


RESOLVERS: dict[str, Resolver] = {
    "Mutation.addReaction": _add_reaction,
    "AddReactionPayload.clientMutationId": key("clientMutationId"),
    "AddReactionPayload.reaction": key("reaction"),
    "Reaction.content": of(lambda s: REACTION_NAMES.get(s.content, s.content.upper())),
}
