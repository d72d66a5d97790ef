"""Reviews of pull requests, and comments on the lines of their diffs."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.localhub import pulls
from bot.localhub.accounts import User
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.git import ChangedFile
from bot.localhub.pulls import pull_of
from bot.localhub.review_requests import ReviewRequests
from bot.localhub.state import PendingReview, Review, ReviewComment, Thread
from bot.localhub.threads import check_body

REVIEW_STATES = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}


ONE_PENDING = "User can only have one pending review per pull request"
OUTSIDE = ("line", "must be part of the diff")
NO_HUNK = ("diff_hunk", "can't be blank")
OTHER_COMMIT = "The commitOID is not part of the pull request"


@dataclass(frozen=True, slots=True)
class LineComment:
    """A comment of a review on a line of the diff (None: on the file)."""

    path: str
    body: str
    line: int | None = None
    side: str = "RIGHT"
    start_line: int | None = None
    start_side: str | None = None


class InvalidLines(GitHubError):
    """A comment that is on no line of the diff; ``problems`` say what is wrong, each as a
    field of the conversation that it would begin and what follows it.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            422,
            "Validation Failed",
            errors=tuple(
                {
                    "resource": "PullRequestReviewComment",
                    "code": "custom",
                    "field": f"pull_request_review_thread.{field}",
                    "message": f"pull_request_review_thread.{field} {says}",
                }
                for field, says in problems
            ),
        )


class Reviews(ReviewRequests):
    """Reviews: given, answered."""

    def review(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        event: str = "",
        body: str = "",
        commit_id: str | None = None,
        comments: Sequence[LineComment] = (),
    ) -> Review:
        """Return a new review: event APPROVE, REQUEST_CHANGES or COMMENT; without one it
        waits for its author to submit it.
        """
        thread, author = self.pull_request(repository, number), self.user(login)
        pull = pull_of(thread)
        if any(one.review.author is author for one in pull.pending_reviews):
            raise _unprocessable(ONE_PENDING)
        self._check_event(thread, author, event, body, is_empty=not comments)
        commit = commit_id or pull.head_sha
        if commit not in {c.sha for c in pulls.changes(thread).commits}:
            raise _unprocessable(OTHER_COMMIT)
        now = self.touch(thread) if event else self.now()
        state = REVIEW_STATES[event] if event else "PENDING"
        id_ = self.state.next_id()
        review = Review(id_, thread, author, body, state, commit, now)
        made = tuple([self._line_comment(review, comment) for comment in comments])
        pending = PendingReview(review, made)
        if event:
            self._publish(pending)
        else:
            pull.pending_reviews.append(pending)
        return review

    def submit_review(
        self, login: str, repository: str, review_id: int, *, event: str, body: str
    ) -> Review:
        """Return a review of one's own that was pending, submitted; raises 404."""
        author = self.user(login)
        pending = self._pending(author, repository, review_id)
        review, thread = pending.review, pending.review.thread
        text = body or review.body
        self._check_event(thread, author, event, text, is_empty=not pending.comments)
        if not event:
            raise invalid(resource="PullRequestReview", field="event")
        pull_of(thread).pending_reviews.remove(pending)
        review.body, review.state = text, REVIEW_STATES[event]
        review.submitted_at = self.touch(thread)
        self._publish(pending)
        return review

    def delete_review(self, login: str, repository: str, review_id: int) -> Review:
        """Return a review of one's own that was pending, and is no more; raises 404."""
        pending = self._pending(self.user(login), repository, review_id)
        pull_of(pending.review.thread).pending_reviews.remove(pending)
        return pending.review

    def _pending(self, author: User, repository: str, review_id: int) -> PendingReview:
        for thread in self.repository(repository).visible_threads():
            for one in thread.pull.pending_reviews if thread.pull else ():
                if one.review.id == review_id and one.review.author is author:
                    return one
        raise not_found()

    def _check_event(
        self, thread: Thread, author: User, event: str, body: str, *, is_empty: bool
    ) -> None:
        if event and event not in REVIEW_STATES:
            raise invalid(resource="PullRequestReview", field="event")
        is_needed = event == "REQUEST_CHANGES" or (event == "COMMENT" and is_empty)
        check_body(body, "PullRequestReview", required=is_needed)
        if author is thread.author and event in ("APPROVE", "REQUEST_CHANGES"):
            word = "approve" if event == "APPROVE" else "request changes on"
            message = f"Review Can not {word} your own pull request"
            raise _unprocessable(message)

    def _publish(self, pending: PendingReview) -> None:
        """Let everybody see a review."""
        review, thread = pending.review, pending.review.thread
        author, pull = review.author, pull_of(thread)
        pull.reviews.append(review)
        pull.review_comments += pending.comments
        if author in pull.requested_reviewers:
            pull.requested_reviewers.remove(author)
        self.tell(thread, "reviewed", author, review.state)
        shape = self.payloads.review(review)
        self.announce(
            "pull_request_review", "submitted", author, thread.repository,
            review=shape | {"state": review.state.lower()},
            pull_request=self.payloads.simple_pull(thread),
        )  # fmt: skip
        for comment in pending.comments:
            self._announce_review_comment(author, comment)

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
        files = pulls.changes_at(thread, review.commit_id).files
        file = next((one for one in files if one.path == comment.path), None)
        if file is None:
            raise InvalidLines([OUTSIDE, NO_HUNK])
        hunk = "" if comment.line is None else _hunk(file, comment)
        return ReviewComment(
            self.state.next_id(), thread, review, review.author, comment.body,
            comment.path, comment.line, comment.side, review.commit_id, hunk,
            review.submitted_at, review.submitted_at,
            start_line=comment.start_line,
            start_side=comment.start_side or (comment.side if comment.start_line else None),
        )  # fmt: skip

    def _announce_review_comment(self, actor: User, comment: ReviewComment) -> None:
        self.announce(
            "pull_request_review_comment", "created", actor, comment.thread.repository,
            comment=self.payloads.positioned_review_comment(comment),
            pull_request=self.payloads.simple_pull(comment.thread),
        )  # fmt: skip


def _hunk(file: ChangedFile, comment: LineComment) -> str:
    """Return the hunk as far as a comment's line; raises 422 for what is not in it."""
    problems = []
    there = pulls.spot(file, comment.line or 0, comment.side)
    if there is None:
        problems.append(OUTSIDE)
    if comment.start_line is not None:
        start_side = comment.start_side or comment.side
        start = pulls.spot(file, comment.start_line, start_side)
        is_before = start_side != comment.side or comment.start_line < (
            comment.line or 0
        )
        if not is_before:
            problems.append(("start_line", "must precede the end line."))
        elif start is None or there is None or start.hunk != there.hunk:
            problems.append(
                ("start_line", "must be part of the same hunk as the line.")
            )
    if there is None:
        problems.append(NO_HUNK)
    if problems or there is None:
        raise InvalidLines(problems)
    return there.text


def _unprocessable(text: str) -> GitHubError:
    """Return a refusal of a review: GitHub says in plain words what is wrong with one."""
    return GitHubError(422, "Unprocessable Entity", texts=(text,))
