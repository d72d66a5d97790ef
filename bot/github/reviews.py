"""Reviews by the app. https://docs.github.com/rest/pulls/reviews"""

from contextlib import aclosing
from dataclasses import replace
from typing import Any

from bot.core.effects import CreateReview, HideReviews, LineComment, Receipt
from bot.core.say import notes
from bot.errors import Refused
from bot.github.app import App
from bot.github.client import Connection

COMMENT = "COMMENT"
_PENDING = "PENDING"
_REVIEWS = "/repos/{+repository}/pulls/{number}/reviews"


async def create(connection: Connection, intent: CreateReview) -> Receipt:
    """Post a review; without its comments if GitHub does not take them, and as a mere
    comment if it does not take what that comes to.

    GitHub takes all of a review, or nothing.
    """
    comments = [_comment(one) for one in intent.comments]
    alone = intent.body_alone or intent.body
    forms = [(intent.body, comments, intent.event)]
    forms += [(alone, [], intent.event)] if comments else []
    forms += [(alone, [], COMMENT)] if intent.event != COMMENT else []
    refused: list[str] = []
    for body, on_lines, event in forms:
        try:
            posted = await _created(connection, intent, body, on_lines, event)
        except Refused as error:
            if error.status != 422 or len(refused) == len(forms) - 1:
                raise
            said = notes.comments_not_taken if on_lines else notes.verdict_not_taken
            refused.append(said(error))
        else:
            return replace(posted, note="; ".join(refused))
    raise AssertionError  # the last form is posted, or refused aloud


async def find(
    connection: Connection, intent: CreateReview, *, app: App
) -> Receipt | None:
    """Return the app's own review of the commit that begins with the marker."""
    pages = connection.pages(
        f"{_REVIEWS}{{?per_page}}",
        repository=intent.repository.name,
        number=intent.number,
        per_page=100,
    )
    async with aclosing(pages):
        async for review in pages:
            first_line = (review["body"] or "").split("\n", 1)[0].rstrip()
            is_own = (review["user"] or {}).get("login") == app.login
            is_posted = review.get("state") != _PENDING
            is_meant = is_posted and review["commit_id"] == intent.head_sha
            if is_own and is_meant and first_line == intent.marker.rstrip():
                return _receipt(review)
    return None


async def hide(connection: Connection, intent: HideReviews) -> Receipt:
    """Fold reviews as outdated and resolve their conversations, in one request.

    What GitHub refuses of that is noted; it does the rest all the same.
    """
    parts, variables, declared = [], {}, []
    for place, review in enumerate(intent.reviews):
        parts.append(
            f"r{place}: minimizeComment(input: {{subjectId: $r{place},"
            " classifier: OUTDATED}) { minimizedComment { isMinimized } }"
        )
        variables[f"r{place}"] = review
        declared.append(f"$r{place}: ID!")
    for place, thread in enumerate(intent.threads):
        parts.append(
            f"t{place}: resolveReviewThread(input: {{threadId: $t{place}}})"
            " { thread { isResolved } }"
        )
        variables[f"t{place}"] = thread
        declared.append(f"$t{place}: ID!")
    document = f"mutation({', '.join(declared)}) {{ {' '.join(parts)} }}"
    try:
        await connection.query(document, variables)
    except Refused as error:
        return Receipt(id=intent.number, note=notes.not_folded(error))
    return Receipt(id=intent.number)


async def _created(
    connection: Connection,
    intent: CreateReview,
    body: str,
    comments: list[Any],
    event: str,
) -> Receipt:
    """Post a form of a review, once one that was left half made is out of the way."""
    try:
        return await _sent(connection, intent, body, comments, event)
    except Refused as error:
        if error.status != 422 or "one pending review" not in str(error):
            raise
    await _drop_pending(connection, intent)
    return await _sent(connection, intent, body, comments, event)


async def _drop_pending(connection: Connection, intent: CreateReview) -> None:
    """Delete what the app began and never submitted: it sees no others' of that kind."""
    about: dict[str, str | int] = {
        "repository": intent.repository.name,
        "number": intent.number,
    }
    pages = connection.pages(f"{_REVIEWS}{{?per_page}}", per_page=100, **about)
    async with aclosing(pages):
        found = [int(one["id"]) async for one in pages if one["state"] == _PENDING]
    for id_ in found:
        await connection.send("DELETE", f"{_REVIEWS}/{{id}}", id=id_, **about)


async def _sent(
    connection: Connection,
    intent: CreateReview,
    body: str,
    comments: list[Any],
    event: str,
) -> Receipt:
    answer = await connection.send(
        "POST",
        _REVIEWS,
        {
            "commit_id": intent.head_sha,
            "event": event,
            "body": body,
            "comments": comments,
        },
        repository=intent.repository.name,
        number=intent.number,
    )
    return _receipt(answer.data)


def _comment(one: LineComment) -> dict[str, Any]:
    shown = {"path": one.path, "line": one.line, "side": one.side, "body": one.body}
    if not one.start_line:
        return shown
    return {**shown, "start_line": one.start_line, "start_side": one.start_side}


def _receipt(review: Any) -> Receipt:
    return Receipt(
        id=int(review["id"]),
        url=str(review["html_url"]),
        sha=str(review["commit_id"] or ""),
    )
