"""What resolvers are given and give, and the small ones of which tables are made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo

from bot.localhub.rest.routing import Call
from bot.localhub.rules import QueueRule
from bot.localhub.state import Repository, Thread
from bot.localhub.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Context:
    """What a query is executed with."""

    call: Call
    cost: int
    node_count: int


Info = GraphQLResolveInfo[Context]


Resolver = Callable[[Any, Info, dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Connection:
    """A page of a list."""

    nodes: Sequence[Any]
    total: int
    start: int


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or another ref."""

    repository: Repository
    name: str
    sha: str


@dataclass(frozen=True, slots=True)
class Object:
    """An object of git."""

    repository: Repository
    type: str  # blob, commit, tree
    sha: str


@dataclass(frozen=True, slots=True)
class Signature:
    """What stands in a commit for a signature; only this server's own is valid."""

    is_valid: bool


@dataclass(frozen=True, slots=True)
class CrossReference:
    """That a thread names another."""

    source: Thread


@dataclass(frozen=True, slots=True)
class Queue:
    """The merge queue of a branch."""

    repository: Repository
    branch: str
    rule: QueueRule


@dataclass(frozen=True, slots=True)
class Rollup:
    """What the checks of a commit come to."""

    repository: Repository
    sha: str
    state: str
    contexts: tuple[Verdict, ...]


def call_of(info: Info) -> Call:
    """Return the request that a query came with."""
    return info.context.call


def of(read: Callable[[Any], Any]) -> Resolver:
    """Return the resolver of what is read from the source."""

    def resolve(source: Any, _info: Any, _arguments: Any) -> Any:
        return read(source)

    return resolve


def key(name: str) -> Resolver:
    """Return the resolver of a key of the source."""
    return of(lambda source: source[name])
