"""Reviews of pull requests, and comments on the lines of their diffs."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.localhub import pulls
from bot.localhub.accounts import User
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.pulls import pull_of
from bot.localhub.review_requests import ReviewRequests
from bot.localhub.state import Review, ReviewComment
from bot.localhub.threads import check_body

REVIEW_STATES = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


@dataclass(frozen=True, slots=True)
class LineComment:
    """A comment of a review on a line of the diff (None: on the file)."""

    path: str
    body: str
    line: int | None = None
    side: str = "RIGHT"
    start_line: int | None = None
    start_side: str | None = None


class Reviews(ReviewRequests):
    """Reviews: given, answered."""

    def review(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        event: str,
        body: str = "",
        commit_id: str | None = None,
        comments: Sequence[LineComment] = (),
    ) -> Review:
        """Return a new review: event APPROVE, REQUEST_CHANGES or COMMENT."""
        thread, author = self.pull_request(repository, number), self.user(login)
        pull = pull_of(thread)
        if event not in REVIEW_STATES:
            raise invalid(resource="PullRequestReview", field="event")
        check_body(
            body, "PullRequestReview", required=event != "APPROVE" and not comments
        )
        if author is thread.author and event != "COMMENT":
            word = "approve" if event == "APPROVE" else "request changes on"
            message = f"Review Can not {word} your own pull request"
            raise GitHubError(422, "Unprocessable Entity", texts=(message,))
        commit = commit_id or pull.head_sha
        if commit not in {c.sha for c in pulls.changes(thread).commits}:
            raise invalid(
                resource="PullRequestReview", field="commit_id", code="custom"
            )
        now = self.touch(thread)
        review = Review(
            self.state.next_id(),
            thread,
            author,
            body,
            REVIEW_STATES[event],
            commit,
            now,
        )
        made = [self._line_comment(review, comment) for comment in comments]
        pull.reviews.append(review)
        pull.review_comments += made
        if author in pull.requested_reviewers:
            pull.requested_reviewers.remove(author)
        self.tell(thread, "reviewed", author, review.state)
        shape = self.payloads.review(review)
        self.announce(
            "pull_request_review", "submitted", author, thread.repository,
            review=shape | {"state": review.state.lower()},
            pull_request=self.payloads.simple_pull(thread),
        )  # fmt: skip
        for comment in made:
            self._announce_review_comment(author, comment)
        return review

    def review_comment(
        self,
        login: str,
        repository: str,
        number: int,
        comment: LineComment,
        *,
        commit_id: str | None = None,
    ) -> ReviewComment:
        """Return a single comment on a line of the diff."""
        review = self.review(
            login, repository, number, event="COMMENT", commit_id=commit_id,
            comments=[comment],
        )  # fmt: skip
        return pull_of(review.thread).review_comments[-1]

    def reply_to_review_comment(
        self, login: str, repository: str, comment_id: int, body: str
    ) -> ReviewComment:
        """Return an answer to a comment on a line."""
        asked = self.repository(repository).find_review_comment(comment_id)
        if asked is None:
            raise not_found()
        check_body(body, "PullRequestReviewComment", required=True)
        author, thread = self.user(login), asked.thread
        now = self.touch(thread)
        review = Review(
            self.state.next_id(), thread, author, "", "COMMENTED", asked.commit_id, now
        )
        pull_of(thread).reviews.append(review)
        reply = ReviewComment(
            self.state.next_id(), thread, review, author, body, asked.path, asked.line,
            asked.side, asked.commit_id, asked.diff_hunk, now, now,
            in_reply_to=asked.in_reply_to or asked.id,
        )  # fmt: skip
        pull_of(thread).review_comments.append(reply)
        self._announce_review_comment(author, reply)
        return reply

    def resolve_conversation(
        self, login: str, repository: str, comment_id: int
    ) -> None:
        """Mark the conversation that a comment on a line begins as resolved."""
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "write")
        comment = found.find_review_comment(comment_id)
        if comment is None:
            raise not_found()
        comment.is_resolved = True
        comments = pull_of(comment.thread).review_comments
        conversation = [c for c in comments if comment.id in (c.id, c.in_reply_to)]
        shape = self.payloads.positioned_review_comment
        self.announce(
            "pull_request_review_thread", "resolved", actor, found,
            pull_request=self.payloads.simple_pull(comment.thread),
            thread={
                "node_id": f"PRRT_{comment.id}",
                "comments": [shape(one) for one in conversation],
            },
        )  # fmt: skip

    def _line_comment(self, review: Review, comment: LineComment) -> ReviewComment:
        thread = review.thread
        check_body(comment.body, "PullRequestReviewComment", required=True)
        paths = {file.path for file in pulls.changes(thread).files}
        hunk: str | None = ""
        if comment.line is not None:
            hunk = pulls.hunk_at(thread, comment.path, comment.line, comment.side)
        if comment.path not in paths or hunk is None:
            message = "Pull request review thread line must be part of the diff"
            raise invalid(
                resource="PullRequestReviewComment",
                field="pull_request_review_thread.line",
                code="custom",
                message=message,
            )
        return ReviewComment(
            self.state.next_id(), thread, review, review.author, comment.body,
            comment.path, comment.line, comment.side, review.commit_id, hunk,
            review.submitted_at, review.submitted_at,
            start_line=comment.start_line, start_side=comment.start_side,
        )  # fmt: skip

    def _announce_review_comment(self, actor: User, comment: ReviewComment) -> None:
        self.announce(
            "pull_request_review_comment", "created", actor, comment.thread.repository,
            comment=self.payloads.positioned_review_comment(comment),
            pull_request=self.payloads.simple_pull(comment.thread),
        )  # fmt: skip
