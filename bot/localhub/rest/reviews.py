"""Endpoints of reviews: given, answered."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bot.localhub import pulls
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.rest.comments import REVIEW_COMMENT, review_comment
from bot.localhub.rest.pulls import PULL
from bot.localhub.rest.routing import Answer, Call, Routes, unprocessable
from bot.localhub.reviews import InvalidLines, LineComment
from bot.localhub.state import Review

routes = Routes()


@routes.get(f"{PULL}/reviews", "pull_requests")
def list_reviews(call: Call) -> Answer:
    """Answer with the reviews, oldest first; of those that are pending with one's own."""
    return call.page(_reviews(call), call.hub.payloads.review)


@routes.write("POST", f"{PULL}/reviews", "pull_requests", makes_content=True)
def create_review(call: Call) -> Answer:
    """Post a review, or keep one that is submitted later."""
    comments = [_line_comment(entry) for entry in call.body.get("comments") or []]
    with _in_plain_words():
        review = call.hub.review(
            call.login,
            call.name,
            call.pull.number,
            event=call.text("event") or "",
            body=call.text("body") or "",
            commit_id=call.text("commit_id"),
            comments=comments,
        )
    return Answer(call.hub.payloads.review(review))


@routes.write(
    "POST", f"{PULL}/reviews/{{review_id}}/events", "pull_requests", makes_content=True
)
def submit_review(call: Call) -> Answer:
    """Submit a pending review."""
    with _in_plain_words():
        review = call.hub.submit_review(
            call.login,
            call.name,
            call.number("review_id"),
            event=call.required_text("event"),
            body=call.text("body") or "",
        )
    return Answer(call.hub.payloads.review(review))


@routes.write("DELETE", f"{PULL}/reviews/{{review_id}}", "pull_requests")
def delete_review(call: Call) -> Answer:
    """Delete a pending review."""
    if _review(call).state != "PENDING":
        message = "Can not delete a non-pending pull request review"
        raise unprocessable(message)
    deleted = call.hub.delete_review(call.login, call.name, call.number("review_id"))
    return Answer(call.hub.payloads.review(deleted))


@contextmanager
def _in_plain_words() -> Iterator[None]:
    """Have reviews refused as GitHub does: in one sentence, without fields."""
    try:
        yield
    except InvalidLines as error:
        said = [f"Pull request review thread {_words(*one)}" for one in error.problems]
        text = said[0] if len(said) == 1 else _sentence(said)
        raise GitHubError(422, "Unprocessable Entity", texts=(text,)) from error
    except GitHubError as error:
        texts = tuple(str(entry.get("message", entry)) for entry in error.errors)
        texts += error.texts
        raise GitHubError(error.status, error.message, texts=texts) from error


def _words(field: str, says: str) -> str:
    return f"{field.replace('_', ' ')} {says}"


def _sentence(parts: Sequence[str]) -> str:
    if len(parts) == 2:
        return " and ".join(parts)
    return f"{', '.join(parts[:-1])}, and {parts[-1]}"


@routes.get(f"{PULL}/reviews/{{review_id}}", "pull_requests")
def get_review(call: Call) -> Answer:
    """Answer with a review."""
    return Answer(call.hub.payloads.review(_review(call)))


@routes.get(f"{PULL}/reviews/{{review_id}}/comments", "pull_requests")
def list_comments_of_review(call: Call) -> Answer:
    """Answer with the comments of one review."""
    review = _review(call)
    pull = pulls.pull_of(call.pull)
    pending = [one for each in pull.pending_reviews for one in each.comments]
    comments = [*pull.review_comments, *pending]
    found = [comment for comment in comments if comment.review is review]
    return call.page(found, call.hub.payloads.positioned_review_comment)


@routes.get(f"{PULL}/comments", "pull_requests")
def list_review_comments(call: Call) -> Answer:
    """Answer with the comments on lines."""
    comments = pulls.pull_of(call.pull).review_comments
    return call.page(comments, call.hub.payloads.review_comment)


@routes.write("POST", f"{PULL}/comments", "pull_requests", makes_content=True)
def create_review_comment(call: Call) -> Answer:
    """Post a comment on a line, or on a file."""
    commit = call.required_text("commit_id")
    if commit not in {one.sha for one in pulls.changes(call.pull).commits}:
        field = "end_commit_oid"
        raise invalid(
            resource="PullRequestReviewComment",
            field=field,
            code="custom",
            message=f"{field} is not part of the pull request",
        )
    comment = call.hub.review_comment(
        call.login,
        call.name,
        call.pull.number,
        _line_comment(call.body),
        commit_id=commit,
    )
    return Answer(call.hub.payloads.review_comment(comment), 201)


@routes.write(
    "POST", f"{PULL}/comments/{{comment_id}}/replies", "pull_requests",
    makes_content=True,
)  # fmt: skip
def reply_to_review_comment(call: Call) -> Answer:
    """Answer a comment on a line."""
    reply = call.hub.reply_to_review_comment(
        call.login, call.name, review_comment(call).id, call.required_text("body")
    )
    return Answer(call.hub.payloads.review_comment(reply), 201)


@routes.get(REVIEW_COMMENT, "pull_requests")
def get_review_comment(call: Call) -> Answer:
    """Answer with a comment on a line."""
    return Answer(call.hub.payloads.review_comment(review_comment(call)))


def _reviews(call: Call) -> list[Review]:
    pull = pulls.pull_of(call.pull)
    pending = [one.review for one in pull.pending_reviews]
    own = [one for one in pending if one.author.login == call.login]
    return [*pull.reviews, *own]


def _review(call: Call) -> Review:
    id_ = call.number("review_id")
    found = next((one for one in _reviews(call) if one.id == id_), None)
    if found is None:
        raise not_found()
    return found


def _line_comment(entry: Any) -> LineComment:
    if not isinstance(entry, dict):
        raise invalid(resource="PullRequestReview", field="comments")
    path, body, line = entry.get("path"), entry.get("body"), entry.get("line")
    is_file = entry.get("subject_type") == "file"
    if not isinstance(path, str) or not isinstance(body, str):
        raise invalid(resource="PullRequestReviewComment", field="path")
    if not isinstance(line, int) and not is_file:
        raise invalid(resource="PullRequestReviewComment", field="line")
    for key in ("side", "start_side"):
        if entry.get(key) not in (None, "LEFT", "RIGHT"):
            raise invalid(resource="PullRequestReviewComment", field=key)
    start = entry.get("start_line")
    if start is not None and not isinstance(start, int):
        raise invalid(resource="PullRequestReviewComment", field="start_line")
    return LineComment(
        path,
        body,
        line,
        entry.get("side") or "RIGHT",
        entry.get("start_line"),
        entry.get("start_side"),
    )
