"""Endpoints of comments on threads, and of reactions to anything."""

from bot.localhub.errors import not_found
from bot.localhub.rest.issues import ISSUE, is_since
from bot.localhub.rest.routing import Answer, Call, Routes
from bot.localhub.state import Comment, ReviewComment, Thread

routes = Routes()

COMMENT = "/repos/{owner}/{repo}/issues/comments/{comment_id}"
REVIEW_COMMENT = "/repos/{owner}/{repo}/pulls/comments/{comment_id}"


@routes.get(f"{ISSUE}/comments", "issues", "pull_requests")
def list_comments(call: Call) -> Answer:
    """Answer with a thread's comments, oldest first."""
    since = call.query.get("since")
    found = [c for c in call.thread.comments if is_since(since, c.updated_at)]
    return call.page(found, call.hub.payloads.comment)


@routes.write(
    "POST", f"{ISSUE}/comments", "issues", "pull_requests", makes_content=True
)
def create_comment(call: Call) -> Answer:
    """Post a comment."""
    body = call.required_text("body")
    comment = call.hub.comment(call.login, call.name, call.thread.number, body)
    shape = call.hub.payloads.comment(comment)
    return Answer(shape, 201, {"Location": shape["url"]})


@routes.get("/repos/{owner}/{repo}/issues/comments", "issues", "pull_requests")
def list_all_comments(call: Call) -> Answer:
    """Answer with the comments of all threads."""
    since = call.query.get("since")
    found = [c for c in call.repository.comments() if is_since(since, c.updated_at)]
    by_update = call.query.get("sort") == "updated"
    found.sort(
        key=lambda c: (c.updated_at if by_update else c.created_at, c.id),
        reverse=call.query.get("direction") == "desc",
    )
    return call.page(found, call.hub.payloads.comment)


@routes.get(COMMENT, "issues", "pull_requests")
def get_comment(call: Call) -> Answer:
    """Answer with a comment."""
    return Answer(call.hub.payloads.comment(_comment(call)))


@routes.write("PATCH", COMMENT, "issues", "pull_requests", makes_content=True)
def update_comment(call: Call) -> Answer:
    """Replace a comment's body."""
    body = call.required_text("body")
    id_ = _comment(call).id
    comment = call.hub.edit_comment(call.login, call.name, id_, body)
    return Answer(call.hub.payloads.comment(comment))


@routes.write("DELETE", COMMENT, "issues", "pull_requests")
def delete_comment(call: Call) -> Answer:
    """Delete a comment."""
    call.hub.delete_comment(call.login, call.name, _comment(call).id)
    return Answer(status=204)


@routes.write("PUT", f"{COMMENT}/pin", "issues")
def pin_comment(call: Call) -> Answer:
    """Pin a comment to its issue."""
    id_ = _comment(call).id
    comment = call.hub.pin_comment(call.login, call.name, id_)
    return Answer(call.hub.payloads.comment(comment))


@routes.write("DELETE", f"{COMMENT}/pin", "issues")
def unpin_comment(call: Call) -> Answer:
    """Take the pin off."""
    call.hub.unpin_comment(call.login, call.name, _comment(call).id)
    return Answer(status=204)


# --- reactions


@routes.get(f"{COMMENT}/reactions", "issues", "pull_requests")
def list_comment_reactions(call: Call) -> Answer:
    """Answer with the reactions to a comment."""
    return _list_reactions(call, _comment(call))


@routes.write("POST", f"{COMMENT}/reactions", "issues", "pull_requests")
def react_to_comment(call: Call) -> Answer:
    """React to a comment."""
    return _react(call, _comment(call))


@routes.write(
    "DELETE", f"{COMMENT}/reactions/{{reaction_id}}", "issues", "pull_requests"
)
def unreact_to_comment(call: Call) -> Answer:
    """Take a reaction to a comment back."""
    return _unreact(call, _comment(call))


@routes.get(f"{REVIEW_COMMENT}/reactions", "pull_requests")
def list_review_comment_reactions(call: Call) -> Answer:
    """Answer with the reactions to a review comment."""
    return _list_reactions(call, review_comment(call))


@routes.write("POST", f"{REVIEW_COMMENT}/reactions", "pull_requests")
def react_to_review_comment(call: Call) -> Answer:
    """React to a review comment."""
    return _react(call, review_comment(call))


@routes.write("DELETE", f"{REVIEW_COMMENT}/reactions/{{reaction_id}}", "pull_requests")
def unreact_to_review_comment(call: Call) -> Answer:
    """Take a reaction to a review comment back."""
    return _unreact(call, review_comment(call))


@routes.get(f"{ISSUE}/reactions", "issues", "pull_requests")
def list_issue_reactions(call: Call) -> Answer:
    """Answer with the reactions to an issue or pull request."""
    return _list_reactions(call, call.thread)


@routes.write("POST", f"{ISSUE}/reactions", "issues", "pull_requests")
def react_to_issue(call: Call) -> Answer:
    """React to an issue or pull request."""
    return _react(call, call.thread)


@routes.write("DELETE", f"{ISSUE}/reactions/{{reaction_id}}", "issues", "pull_requests")
def unreact_to_issue(call: Call) -> Answer:
    """Take a reaction to an issue or pull request back."""
    return _unreact(call, call.thread)


def review_comment(call: Call) -> ReviewComment:
    """Return the review comment in the path; raises 404."""
    found = call.repository.find_review_comment(call.number("comment_id"))
    if found is None:
        raise not_found()
    return found


def _comment(call: Call) -> Comment:
    return call.hub.find_comment(call.name, call.number("comment_id"))


Subject = Comment | ReviewComment | Thread


def _list_reactions(call: Call, subject: Subject) -> Answer:
    wanted = call.query.get("content")
    found = [r for r in subject.reactions if wanted in (None, r.content)]
    return call.page(found, call.hub.payloads.reaction)


def _react(call: Call, subject: Subject) -> Answer:
    content = call.required_text("content")
    reaction, is_new = call.hub.react(call.login, subject, content)
    return Answer(call.hub.payloads.reaction(reaction), 201 if is_new else 200)


def _unreact(call: Call, subject: Subject) -> Answer:
    id_ = call.number("reaction_id")
    reaction = next((r for r in subject.reactions if r.id == id_), None)
    if reaction is None:
        raise not_found()
    subject.reactions.remove(reaction)
    return Answer(status=204)
