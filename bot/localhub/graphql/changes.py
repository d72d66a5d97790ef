"""What mutations have in common: what they are about, who may, and refusals."""

from collections.abc import Callable
from typing import TypeVar

from bot.localhub.errors import GitHubError, forbidden
from bot.localhub.graphql.errors import QueryError
from bot.localhub.pulls import pull_of
from bot.localhub.rest.routing import Call
from bot.localhub.state import Thread

T = TypeVar("T")

TYPES = {403: "FORBIDDEN", 404: "NOT_FOUND"}


def pull_request(call: Call, node_id: str) -> Thread:
    """Return the pull request of a global id; raises for what the token does not see."""
    for repository in call.hub.state.repositories.values():
        if call.hub.sees(call.token, repository):
            for thread in repository.visible_threads():
                if thread.pull is not None and f"PR_{pull_of(thread).id}" == node_id:
                    return thread
    message = f"Could not resolve to a node with the global id of '{node_id}'"
    raise QueryError(message, "NOT_FOUND")


def require(call: Call, *permissions: str) -> None:
    """Raise unless the token may write all of these."""
    if not all(call.allows(one, "write") for one in permissions):
        raise QueryError(forbidden().message, "FORBIDDEN")


def done(change: Callable[[], T]) -> T:
    """Return what a change gives; a refusal is said as GraphQL says it."""
    try:
        return change()
    except GitHubError as error:
        type_ = TYPES.get(error.status, "UNPROCESSABLE")
        raise QueryError(error.message, type_) from error
