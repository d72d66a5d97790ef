"""Endpoints of pull requests: list, read, change, merge, review."""

from typing import Any

from bot.localhub import pulls
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.git import ChangedFile, CommitInfo
from bot.localhub.payloads.shape import Json
from bot.localhub.pull_requests import LineComment
from bot.localhub.rest.comments import REVIEW_COMMENT, review_comment
from bot.localhub.rest.routing import Answer, Call, Routes, unprocessable
from bot.localhub.state import Review, Thread

routes = Routes()

PULL = "/repos/{owner}/{repo}/pulls/{pull_number}"


@routes.get("/repos/{owner}/{repo}/pulls", "pull_requests")
def list_pulls(call: Call) -> Answer:
    """Answer with pull requests by state, head and base, newest first."""
    query = call.query
    state, base = query.get("state", "open"), query.get("base")
    owner, _, head = query.get("head", "").rpartition(":")
    found = [
        thread
        for thread in call.repository.visible_threads()
        if thread.pull is not None
        and state in ("all", thread.state)
        and base in (None, thread.pull.base_ref)
        # GitHub passes over a head that names no owner.
        and (not owner or owner.lower() == call.repository.owner.login.lower())
        and (not owner or head == thread.pull.head_ref)
    ]
    by_update = query.get("sort") == "updated"
    direction = query.get("direction", "desc")
    found.sort(
        key=lambda t: (t.updated_at if by_update else t.created_at, t.number),
        reverse=direction == "desc",
    )
    return call.page(found, call.hub.payloads.simple_pull)


@routes.write(
    "POST", "/repos/{owner}/{repo}/pulls", "pull_requests", makes_content=True
)
def create_pull(call: Call) -> Answer:
    """Open a pull request."""
    thread = call.hub.open_pull_request(
        call.login,
        call.name,
        call.required_text("title"),
        head=call.required_text("head"),
        base=call.required_text("base"),
        body=call.text("body") or "",
        is_draft=bool(call.flag("draft")),
    )
    return Answer(call.hub.payloads.pull(thread), 201)


@routes.get(PULL, "pull_requests")
def get_pull(call: Call) -> Answer:
    """Answer with a pull request."""
    return Answer(call.hub.payloads.pull(call.pull))


@routes.write("PATCH", PULL, "pull_requests")
def update_pull(call: Call) -> Answer:
    """Change a pull request."""
    hub, login, name, number = call.hub, call.login, call.name, call.pull.number
    hub.edit_thread(
        login, name, number, title=call.text("title"), body=call.text("body")
    )
    base = call.text("base")
    if base is not None:
        hub.set_base(login, name, number, base)
    match call.text("state"):
        case "closed":
            hub.close(login, name, number)
        case "open":
            hub.reopen(login, name, number)
        case None:
            pass
        case _:
            raise invalid(resource="PullRequest", field="state")
    return Answer(hub.payloads.pull(call.pull))


@routes.get(f"{PULL}/files", "pull_requests")
def list_files(call: Call) -> Answer:
    """Answer with the files that the pull request changes."""
    thread = call.pull

    def shape(file: ChangedFile) -> Json:
        return call.hub.payloads.changed_file(thread, file)

    return call.page(pulls.changes(thread).files, shape)


@routes.get(f"{PULL}/commits", "pull_requests")
def list_commits(call: Call) -> Answer:
    """Answer with the commits of the pull request."""

    def shape(commit: CommitInfo) -> Json:
        return call.hub.payloads.commit(call.repository, commit)

    return call.page(pulls.changes(call.pull).commits, shape)


@routes.get(f"{PULL}/merge", "contents")
def check_merged(call: Call) -> Answer:
    """Answer with 204 if the pull request is merged."""
    if not pulls.pull_of(call.pull).is_merged:
        raise not_found()
    return Answer(status=204)


@routes.write("PUT", f"{PULL}/merge", "contents")
def merge_pull(call: Call) -> Answer:
    """Merge the pull request."""
    sha = call.hub.merge(
        call.login,
        call.name,
        call.pull.number,
        method=call.text("merge_method") or "merge",
        sha=call.text("sha"),
        title=call.text("commit_title"),
        message=call.text("commit_message"),
    )
    message = "Pull Request successfully merged"
    return Answer({"sha": sha, "merged": True, "message": message})


@routes.write("PUT", f"{PULL}/update-branch", "pull_requests")
def update_branch(call: Call) -> Answer:
    """Merge the base into the pull request's branch."""
    expected = call.text("expected_head_sha")
    call.hub.update_branch(call.login, call.name, call.pull.number, expected=expected)
    body = {
        "message": "Updating pull request branch.",
        "url": call.hub.payloads.pull_url(call.pull),
    }
    return Answer(body, 202)


# --- reviews


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


@routes.get(f"{PULL}/requested_reviewers", "pull_requests")
def list_requested_reviewers(call: Call) -> Answer:
    """Answer with who is asked for a review."""
    pull, payloads = pulls.pull_of(call.pull), call.hub.payloads
    return Answer(
        {
            "users": [payloads.user(user) for user in pull.requested_reviewers],
            "teams": [payloads.team(team) for team in pull.requested_teams],
        }
    )


@routes.write("POST", f"{PULL}/requested_reviewers", "pull_requests")
def request_reviewers(call: Call) -> Answer:
    """Ask for reviews."""
    call.hub.request_review(
        call.login,
        call.name,
        call.pull.number,
        reviewers=call.texts("reviewers") or [],
        teams=call.texts("team_reviewers") or [],
    )
    return Answer(call.hub.payloads.simple_pull(call.pull), 201)


@routes.write("DELETE", f"{PULL}/requested_reviewers", "pull_requests")
def remove_requested_reviewers(call: Call) -> Answer:
    """Take review requests back."""
    call.hub.remove_review_request(
        call.login,
        call.name,
        call.pull.number,
        reviewers=call.texts("reviewers") or [],
        teams=call.texts("team_reviewers") or [],
    )
    return Answer(call.hub.payloads.simple_pull(call.pull))


@routes.get("/repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests")
def list_pulls_of_commit(call: Call) -> Answer:
    """Answer with the pull requests that have a commit."""
    sha = call.arguments["commit_sha"]

    def has(thread: Thread) -> bool:
        return thread.pull is not None and any(
            commit.sha == sha for commit in pulls.changes(thread).commits
        )

    found = [t for t in call.repository.visible_threads() if has(t)]
    return call.page(found, call.hub.payloads.simple_pull)


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
