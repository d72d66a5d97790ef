"""Endpoints of reviews: given, answered."""

from typing import Any

from bot.localhub import pulls
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.rest.comments import REVIEW_COMMENT, review_comment
from bot.localhub.rest.pulls import PULL
from bot.localhub.rest.routing import Answer, Call, Routes, unprocessable
from bot.localhub.reviews import LineComment
from bot.localhub.state import Review

routes = Routes()


@routes.get(f"{PULL}/reviews", "pull_requests")
def list_reviews(call: Call) -> Answer:
    """Answer with the reviews, oldest first."""
    return call.page(pulls.pull_of(call.pull).reviews, call.hub.payloads.review)


@routes.write("POST", f"{PULL}/reviews", "pull_requests", makes_content=True)
def create_review(call: Call) -> Answer:
    """Post a review."""
    event = call.text("event")
    if event is None:
        message = "The hub keeps no pending reviews: give an event."
        raise unprocessable(message)
    comments = [_line_comment(entry) for entry in call.body.get("comments") or []]
    try:
        review = call.hub.review(
            call.login,
            call.name,
            call.pull.number,
            event=event,
            body=call.text("body") or "",
            commit_id=call.text("commit_id"),
            comments=comments,
        )
    except GitHubError as error:
        # This endpoint says in plain strings what is wrong.
        texts = tuple(str(entry.get("message", entry)) for entry in error.errors)
        texts += error.texts
        raise GitHubError(error.status, error.message, texts=texts) from error
    return Answer(call.hub.payloads.review(review))


@routes.get(f"{PULL}/reviews/{{review_id}}", "pull_requests")
def get_review(call: Call) -> Answer:
    """Answer with a review."""
    return Answer(call.hub.payloads.review(_review(call)))


@routes.get(f"{PULL}/reviews/{{review_id}}/comments", "pull_requests")
def list_comments_of_review(call: Call) -> Answer:
    """Answer with the comments of one review."""
    review = _review(call)
    comments = pulls.pull_of(call.pull).review_comments
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
    comment = call.hub.review_comment(
        call.login,
        call.name,
        call.pull.number,
        _line_comment(call.body),
        commit_id=call.required_text("commit_id"),
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


def _review(call: Call) -> Review:
    id_ = call.number("review_id")
    found = next((r for r in pulls.pull_of(call.pull).reviews if r.id == id_), None)
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
    return LineComment(
        path,
        body,
        line,
        entry.get("side") or "RIGHT",
        entry.get("start_line"),
        entry.get("start_side"),
    )
