"""Comments of issues and pull requests, their pins and their reactions.

https://docs.github.com/rest/issues/comments · https://docs.github.com/rest/reactions
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from bot.core.effects import (
    CreateComment,
    EditComment,
    PinComment,
    React,
    Reaction,
    Receipt,
    UnpinComment,
)
from bot.core.model import (
    Comment,
    CommentKind,
    ItemNumber,
    Repository,
    Request,
    source_of,
)
from bot.core.say import notes
from bot.errors import NotFound, Refused
from bot.github.app import App
from bot.github.client import Connection

CLOCK_SKEW = timedelta(minutes=1)

_COMMENT = "/repos/{+repository}/issues/comments/{id}"


async def create(connection: Connection, intent: CreateComment) -> Receipt:
    """Post a comment."""
    answer = await connection.send(
        "POST",
        "/repos/{+repository}/issues/{number}/comments",
        {"body": intent.body},
        repository=intent.repository.name,
        number=intent.thread,
    )
    return _receipt(answer.data)


async def find(
    connection: Connection, intent: CreateComment, *, app: App, since: datetime
) -> Receipt | None:
    """Return the app's own comment of a thread that begins with the marker."""
    pages = _since(connection, intent.repository, intent.thread, since)
    async with aclosing(pages):
        async for comment in pages:
            first_line = (comment.get("body") or "").split("\n", 1)[0].rstrip()
            if first_line == intent.marker.rstrip() and _is_own(comment, app):
                return _receipt(comment)
    return None


def _since(
    connection: Connection, repository: Repository, thread: ItemNumber, at: datetime
) -> AsyncGenerator[Any]:
    return connection.pages(
        "/repos/{+repository}/issues/{number}/comments{?since,per_page}",
        repository=repository.name,
        number=thread,
        since=f"{at - CLOCK_SKEW:%Y-%m-%dT%H:%M:%SZ}",
        per_page=100,
    )


async def edit(connection: Connection, intent: EditComment) -> Receipt:
    """Replace the body of a comment."""
    answer = await connection.send(
        "PATCH",
        _COMMENT,
        {"body": intent.body},
        repository=intent.repository.name,
        id=intent.comment_id,
    )
    return _receipt(answer.data)


class Pins:
    """Pinned comments. *missing* takes the ids of the repositories that have none."""

    def __init__(self, missing: set[int]) -> None:
        self._missing = missing

    async def pin(self, connection: Connection, intent: PinComment) -> Receipt:
        """Pin a comment, if the issue has no other pin; what stands against it is noted."""
        repository = intent.repository
        if repository.id in self._missing:
            return _unpinned(notes.no_pins())
        issue = await connection.get(
            "/repos/{+repository}/issues/{number}",
            repository=repository.name,
            number=intent.thread,
        )
        if issue.get("pull_request"):
            return _unpinned(notes.no_pins_on_pull_requests())
        if pinned := issue.get("pinned_comment"):
            is_own = pinned.get("id") == intent.comment_id
            return _unpinned("" if is_own else notes.other_pin())
        try:
            answer = await connection.send(
                "PUT",
                f"{_COMMENT}/pin",
                repository=repository.name,
                id=intent.comment_id,
            )
        except Refused as error:
            if error.status in (404, 422):
                self._missing.add(repository.id)
                return _unpinned(notes.no_pins())
            return _unpinned(notes.not_pinned(error))
        return _receipt(answer.data)

    async def unpin(self, connection: Connection, intent: UnpinComment) -> Receipt:
        """Take the pin off; a comment without one is as good."""
        if intent.repository.id in self._missing:
            return _unpinned(notes.no_pins())
        try:
            await connection.send(
                "DELETE",
                f"{_COMMENT}/pin",
                repository=intent.repository.name,
                id=intent.comment_id,
            )
        except Refused as error:
            is_gone = isinstance(error, NotFound) or error.status == 422
            return _unpinned("" if is_gone else notes.pin_stayed(error))
        return Receipt(id=intent.comment_id)


_ADD_REACTION = """
mutation($subject: ID!, $content: ReactionContent!) {
  addReaction(input: {subjectId: $subject, content: $content}) { reaction { content } }
}
"""


async def react(connection: Connection, intent: React) -> Receipt:
    """React to a comment. Reviews need the intent's ``node_id``."""
    if intent.kind is CommentKind.REVIEW:
        if not intent.node_id:
            return Receipt(note=notes.review_without_id(), changed=False)
        # GraphQL names the reactions in capitals: EYES, ROCKET, HOORAY, CONFUSED.
        content = intent.content.value.upper()
        await connection.query(
            _ADD_REACTION, {"subject": intent.node_id, "content": content}
        )
        return Receipt()
    folder = "pulls" if intent.kind is CommentKind.REVIEW_COMMENT else "issues"
    answer = await connection.send(
        "POST",
        f"/repos/{{+repository}}/{folder}/comments/{{id}}/reactions",
        {"content": intent.content.value},
        repository=intent.repository.name,
        id=intent.comment_id,
    )
    return Receipt(id=int(answer.data["id"]), changed=answer.status == 201)


def _is_own(comment: Any, app: App) -> bool:
    via = comment.get("performed_via_github_app") or {}
    user = comment.get("user") or {}
    # The slug, and so the login, changes when the app is renamed; the id does not.
    return via.get("id") == app.id or user.get("login") == app.login


def _receipt(comment: Any) -> Receipt:
    return Receipt(id=int(comment["id"]), url=str(comment["html_url"]))


def _unpinned(note: str) -> Receipt:
    return Receipt(note=note, changed=False)


_SAID = {
    CommentKind.ISSUE: _COMMENT,
    CommentKind.REVIEW_COMMENT: "/repos/{+repository}/pulls/comments/{id}",
    CommentKind.REVIEW: "/repos/{+repository}/pulls/{number}/reviews/{id}",
}


async def said(
    connection: Connection,
    repository: Repository,
    thread: ItemNumber,
    comment: Comment,
) -> str | None:
    """Return what a comment says at this moment, None if it is gone."""
    try:
        answer = await connection.get(
            _SAID[comment.kind],
            repository=repository.name,
            number=thread,
            id=comment.id,
        )
    except NotFound:
        return None
    return str(answer.get("body") or "")


_LAST_MARKS = (Reaction.STARTED, Reaction.DONE, Reaction.REFUSED)
"""What the app puts on a command that it has dealt with; ``SEEN`` is none of them."""


async def is_answered(
    connection: Connection, request: Request, *, app: App, since: datetime
) -> bool:
    """Return whether the app has reacted to a command, or has answered it, so that it
    was dealt with, whatever this database knows.
    """
    assert isinstance(request.origin, Comment)
    if await _has_last_mark(connection, request, request.origin, app):
        return True
    pages = _since(connection, request.repository, request.thread, since)
    source = f"{request.origin}."
    async with aclosing(pages):
        async for comment in pages:
            body = comment.get("body") or ""
            named = re.search(r" (\S+) [0-9a-f]{32} -->", body.split("\n", 1)[0])
            is_answer = named is not None and source_of(named[1]).startswith(source)
            is_progress = f"]({request.asker.url})" in body
            if (is_answer or is_progress) and _is_own(comment, app):
                return True
    return False


async def _has_last_mark(
    connection: Connection, request: Request, comment: Comment, app: App
) -> bool:
    if comment.kind is CommentKind.REVIEW:
        return False  # REST has no reactions to those
    folder = "pulls" if comment.kind is CommentKind.REVIEW_COMMENT else "issues"
    pages = connection.pages(
        f"/repos/{{+repository}}/{folder}/comments/{{id}}/reactions{{?per_page}}",
        repository=request.repository.name,
        id=comment.id,
        per_page=100,
    )
    async with aclosing(pages):
        async for reaction in pages:
            is_last = reaction.get("content") in [mark.value for mark in _LAST_MARKS]
            if is_last and _is_own(reaction, app):
                return True
    return False
