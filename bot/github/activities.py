"""Who moved a branch, as GitHub's list of the activities of a repository has it.

https://docs.github.com/rest/repos/repos#list-repository-activities
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from bot.core.command.trigger import Sender
from bot.core.model import Repository
from bot.core.plan.configuration import PATH
from bot.github.client import Connection
from bot.github.graphql import is_partial, raise_for

MOST_ACTIVITIES = 300
"""How many moves of a branch are looked through, the newest first."""

_AT_ONCE = 50
_NOTHING = "0" * 40


async def pushed_by(
    connection: Connection, repository: Repository, branch: str
) -> Sender | None:
    """Return who moved *branch* when its configuration became what it is; None if the
    list does not say.

    It is whoever pushed or merged, whoever wrote the commits. None too for an account
    that is gone, and where a commit of the way is gone.
    """
    ref, seen = f"refs/heads/{branch}", 0
    entries = connection.pages(
        "/repos/{+repository}/activity{?ref,per_page}",
        repository=repository.name,
        ref=ref,
        per_page=100,
    )
    async with aclosing(entries):
        while seen < MOST_ACTIVITIES:
            moves = await _next(entries)
            if not moves:
                return None
            seen += len(moves)
            files = await _files(connection, repository, ref, moves)
            for move in moves:
                before, after = files.get(move["before"]), files.get(move["after"])
                if before is None or after is None:
                    return None
                if before != after:
                    # The list may be behind: then it is about an older file.
                    return _sender(move["actor"]) if after == files[ref] else None
    return None


async def _next(entries: AsyncGenerator[Any, None]) -> Sequence[Any]:
    found = []
    async for entry in entries:
        found.append(entry)
        if len(found) == _AT_ONCE:
            break
    return found


async def _files(
    connection: Connection, repository: Repository, ref: str, moves: Sequence[Any]
) -> Mapping[str, str | None]:
    """Return which configuration each commit, and a branch (*ref*), has now, as git's
    name for it: empty if it has none, None if the commit is gone.
    """
    shas = list(
        dict.fromkeys(move[end] for move in moves for end in ("after", "before"))
    )
    fields = "\n".join(
        f'c{n}: object(oid: "{sha}") {{ oid }}'
        f' f{n}: object(expression: "{sha}:{PATH}") {{ oid }}'
        for n, sha in enumerate(shas)
        if sha != _NOTHING
    )
    owner, name = repository.name.split("/")
    answer = await connection.graphql_answer(
        "query($owner: String!, $name: String!, $head: String!) {"
        " repository(owner: $owner, name: $name) {"
        f" head: object(expression: $head) {{ oid }} {fields} }} }}",
        {"owner": owner, "name": name, "head": f"{ref}:{PATH}"},
    )
    for problem in answer.problems:
        if not is_partial(problem):
            raise_for(problem)
    node = answer.data.get("repository") or {}
    head = node.get("head")
    found: dict[str, str | None] = {_NOTHING: "", ref: head["oid"] if head else ""}
    for n, sha in enumerate(shas):
        if sha != _NOTHING:
            file = node.get(f"f{n}")
            is_there = node.get(f"c{n}") is not None
            found[sha] = (file["oid"] if file else "") if is_there else None
    return found


def _sender(actor: Mapping[str, Any] | None) -> Sender | None:
    if actor is None:
        return None
    login = str(actor["login"])
    is_bot = actor.get("type") != "User" or login.endswith("[bot]")
    return Sender(login, is_bot)
