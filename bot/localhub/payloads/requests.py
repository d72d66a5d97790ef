"""Pull requests, reviews and changed files."""

from dataclasses import dataclass
from urllib.parse import quote

from bot.localhub import mergeability, pulls
from bot.localhub.git import ChangedFile
from bot.localhub.payloads.shape import Json, optional_timestamp, timestamp
from bot.localhub.payloads.threads import ThreadPayloads
from bot.localhub.state import Repository, Review, ReviewComment, Thread


@dataclass(frozen=True, slots=True)
class PullPayloads(ThreadPayloads):
    """What the API says of pull requests."""

    def simple_pull(self, thread: Thread) -> Json:
        """Return ``pull-request-simple``."""
        pull = pulls.pull_of(thread)
        url = self.pull_url(thread)
        page = self.thread_page(thread)
        links = {
            "self": url,
            "html": page,
            "issue": self.issue_url(thread),
            "comments": f"{self.issue_url(thread)}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": (
                f"{self.repository_url(thread.repository)}/pulls/comments{{/number}}"
            ),
            "commits": f"{url}/commits",
            "statuses": (
                f"{self.repository_url(thread.repository)}/statuses/{pull.head_sha}"
            ),
        }
        return {
            "url": url,
            "id": pull.id,
            "node_id": f"PR_{pull.id}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "issue_url": links["issue"],
            "commits_url": links["commits"],
            "review_comments_url": links["review_comments"],
            "review_comment_url": links["review_comment"],
            "comments_url": links["comments"],
            "statuses_url": links["statuses"],
            **self._thread(thread),
            "merged_at": optional_timestamp(pull.merged_at),
            "merge_commit_sha": pull.merge_commit_sha,
            "requested_reviewers": [self.user(u) for u in pull.requested_reviewers],
            "requested_teams": [self.team(t) for t in pull.requested_teams],
            "head": self._branch(pulls.home(thread), pull.head_ref, pull.head_sha),
            "base": self._branch(thread.repository, pull.base_ref, pull.base_sha),
            "_links": {key: {"href": value} for key, value in links.items()},
            "auto_merge": None,
            "draft": pull.is_draft,
        }

    def pull(self, thread: Thread, *, is_tried: bool) -> Json:
        """Return ``pull-request``; whether it merges is left out until it was tried."""
        pull = pulls.pull_of(thread)
        changes = pulls.changes(thread)
        mergeable = mergeability.is_mergeable(thread) if is_tried else None
        state = (
            mergeability.state(thread, app_id=self.app.id) if is_tried else "unknown"
        )
        return {
            **self.simple_pull(thread),
            "requested_teams": [self.simple_team(t) for t in pull.requested_teams],
            "merged": pull.is_merged,
            "mergeable": mergeable,
            "rebaseable": mergeability.is_rebaseable(thread)
            if mergeable
            else mergeable,
            "mergeable_state": state,
            "merged_by": self.optional_user(pull.merged_by),
            "comments": len(thread.comments),
            "review_comments": len(pull.review_comments),
            "maintainer_can_modify": pull.maintainer_can_modify,
            "commits": len(changes.commits),
            "additions": changes.additions,
            "deletions": changes.deletions,
            "changed_files": len(changes.files),
        }

    def webhook_pull(self, thread: Thread) -> Json:
        """Return a pull request as webhooks carry it."""
        teams = pulls.pull_of(thread).requested_teams
        shapes = [self.webhook_team(team) for team in teams]
        return self.pull(thread, is_tried=False) | {"requested_teams": shapes}

    def review(self, review: Review) -> Json:
        """Return ``pull-request-review``."""
        page = f"{self.thread_page(review.thread)}#pullrequestreview-{review.id}"
        url = self.pull_url(review.thread)
        is_pending = review.state == "PENDING"
        at = {} if is_pending else {"submitted_at": timestamp(review.submitted_at)}
        return {
            "id": review.id,
            "node_id": f"PRR_{review.id}",
            "user": self.user(review.author),
            "body": review.body,
            "state": review.state,
            "html_url": page,
            "pull_request_url": url,
            "author_association": self.association(
                review.thread.repository, review.author
            ),
            "_links": {"html": {"href": page}, "pull_request": {"href": url}},
            **at,
            "commit_id": review.commit_id,
        }

    def review_comment(self, comment: ReviewComment) -> Json:
        """Return ``pull-request-review-comment``."""
        thread = comment.thread
        url = f"{self.repository_url(thread.repository)}/pulls/comments/{comment.id}"
        page = f"{self.thread_page(thread)}#discussion_r{comment.id}"
        links = {"self": url, "html": page, "pull_request": self.pull_url(thread)}
        reply = (
            {"in_reply_to_id": comment.in_reply_to}
            if comment.in_reply_to is not None
            else {}
        )
        return {
            "url": url,
            "pull_request_review_id": comment.review.id,
            "id": comment.id,
            "node_id": f"PRRC_{comment.id}",
            "diff_hunk": comment.diff_hunk,
            "path": comment.path,
            "commit_id": comment.commit_id,
            "original_commit_id": comment.commit_id,
            "user": self.user(comment.author),
            "body": comment.body,
            "created_at": timestamp(comment.created_at),
            "updated_at": timestamp(comment.updated_at),
            "html_url": page,
            "pull_request_url": self.pull_url(thread),
            "author_association": self.association(thread.repository, comment.author),
            "_links": {key: {"href": value} for key, value in links.items()},
            "reactions": self._rollup(f"{url}/reactions", comment.reactions),
            "start_line": comment.start_line,
            "original_start_line": comment.start_line,
            "start_side": comment.start_side,
            "line": comment.line,
            "original_line": comment.line,
            "side": comment.side,
            "subject_type": "line" if comment.line is not None else "file",
            **reply,
        }

    def positioned_review_comment(self, comment: ReviewComment) -> Json:
        """Return ``review-comment``, which also names places by diff position."""
        position = comment.diff_hunk.count("\n") or None
        positions = {"position": position, "original_position": position or 1}
        return self.review_comment(comment) | positions

    def changed_file(self, thread: Thread, file: ChangedFile) -> Json:
        """Return ``diff-entry`` for a file of a pull request."""
        head = pulls.pull_of(thread).head_sha
        return self.file_entry(thread.repository, head, file)

    def file_entry(self, repository: Repository, head: str, file: ChangedFile) -> Json:
        """Return ``diff-entry``."""
        page = f"{self.html}/{repository.full_name}"
        path = quote(file.path)
        optional: Json = {}
        if file.patch is not None:
            optional["patch"] = file.patch
        if file.previous_path is not None:
            optional["previous_filename"] = file.previous_path
        return {
            "sha": file.sha,
            "filename": file.path,
            "status": file.status,
            "additions": file.additions,
            "deletions": file.deletions,
            "changes": file.additions + file.deletions,
            "blob_url": f"{page}/blob/{head}/{path}",
            "raw_url": f"{page}/raw/{head}/{path}",
            "contents_url": (
                f"{self.repository_url(repository)}/contents/{path}?ref={head}"
            ),
            **optional,
        }

    def _pull_minimal(self, thread: Thread) -> Json:
        pull = pulls.pull_of(thread)
        head, base = (
            {"id": one.id, "url": self.repository_url(one), "name": one.name}
            for one in (pulls.home(thread), thread.repository)
        )
        return {
            "id": pull.id,
            "number": thread.number,
            "url": self.pull_url(thread),
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": head},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": base},
        }

    def _branch(self, repository: Repository, ref: str, sha: str) -> Json:
        return {
            "label": f"{repository.owner.login}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": self.user(repository.owner),
            "repo": self.minimal_repository(repository),
        }
