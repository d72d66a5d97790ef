"""What mutations have in common: what they are about, who may, and refusals."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from bot.localhub.errors import GitHubError, forbidden
from bot.localhub.graphql.errors import QueryError
from bot.localhub.rest.routing import Call
from bot.localhub.state import Thread

T = TypeVar("T")

TYPES = {403: "FORBIDDEN", 404: "NOT_FOUND"}


Named = Iterable[tuple[str, T]]
"""What there is, each after its global id."""


def pull_request(call: Call, node_id: str) -> Thread:
    """Return the pull request of a global id; raises for what the token does not see."""
    return named(call, node_id, _pull_requests)


def named(call: Call, node_id: str, among: Callable[[Thread], Named[T]]) -> T:
    """Return what has a global id, of the things of all threads that the token sees.

    Raises where there is none.
    """
    for repository in call.hub.state.repositories.values():
        if call.hub.sees(call.token, repository):
            for thread in repository.visible_threads():
                for name, found in among(thread):
                    if name == node_id:
                        return found
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


def _pull_requests(thread: Thread) -> Named[Thread]:
    return [(f"PR_{thread.pull.id}", thread)] if thread.pull is not None else []
