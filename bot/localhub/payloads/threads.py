"""Issues, comments and reactions."""

from dataclasses import dataclass

from bot.localhub.accounts import User, UserType
from bot.localhub.payloads.repositories import RepositoryPayloads
from bot.localhub.payloads.shape import Json, optional_timestamp, timestamp, without
from bot.localhub.state import Comment, Reaction, Repository, Thread


@dataclass(frozen=True, slots=True)
class ThreadPayloads(RepositoryPayloads):
    """What the API says of threads."""

    def thread_page(self, thread: Thread) -> str:
        """Return the address of the thread's page."""
        kind = "issues" if thread.pull is None else "pull"
        return f"{self.html}/{thread.repository.full_name}/{kind}/{thread.number}"

    def issue_url(self, thread: Thread) -> str:
        """Return the API address of the thread as an issue."""
        return f"{self.repository_url(thread.repository)}/issues/{thread.number}"

    def pull_url(self, thread: Thread) -> str:
        """Return the API address of the thread as a pull request."""
        return f"{self.repository_url(thread.repository)}/pulls/{thread.number}"

    def issue(self, thread: Thread) -> Json:
        """Return ``issue``; a pull request has ``pull_request`` and ``draft`` besides."""
        url = self.issue_url(thread)
        return {
            "url": url,
            "repository_url": self.repository_url(thread.repository),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": self.thread_page(thread),
            "id": thread.id,
            "node_id": f"PR_{pull.id}" if (pull := thread.pull) else f"I_{thread.id}",
            **self._thread(thread),
            "comments": len(thread.comments),
            "closed_by": self.optional_user(thread.closed_by),
            "type": None,
            "performed_via_github_app": self._app_of(thread.author),
            "reactions": self._rollup(f"{url}/reactions", thread.reactions),
            "state_reason": thread.state_reason,
            "pinned_comment": self._pinned(thread),
            **self._relations(thread),
            **self._pull_links(thread),
        }

    def search_item(self, thread: Thread) -> Json:
        """Return ``issue-search-result-item``."""
        shape = self.issue(thread) | {"score": 1.0, "body": thread.body}
        return without(shape, "closed_by", "parent_issue_url")

    def webhook_issue(self, thread: Thread) -> Json:
        """Return an issue as webhooks carry it."""
        left_out = ("closed_by", "parent_issue_url", "pinned_comment")
        return without(self.issue(thread), *left_out)

    def comment(self, comment: Comment) -> Json:
        """Return ``issue-comment``."""
        thread = comment.thread
        url = f"{self.repository_url(thread.repository)}/issues/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{self.thread_page(thread)}#issuecomment-{comment.id}",
            "issue_url": self.issue_url(thread),
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "user": self.user(comment.author),
            "created_at": timestamp(comment.created_at),
            "updated_at": timestamp(comment.updated_at),
            "body": comment.body,
            "author_association": self.association(thread.repository, comment.author),
            "reactions": self._rollup(f"{url}/reactions", comment.reactions),
            "performed_via_github_app": self._app_of(comment.author),
            "pin": self._pin(comment),
        }

    def reaction(self, reaction: Reaction) -> Json:
        """Return ``reaction``."""
        return {
            "id": reaction.id,
            "node_id": f"REA_{reaction.id}",
            "user": self.user(reaction.user),
            "content": reaction.content,
            "created_at": timestamp(reaction.created_at),
        }

    def association(self, repository: Repository, user: User) -> str:
        """Return ``author-association``."""
        if user is repository.owner:
            return "OWNER"
        if user.login in repository.roles:
            is_member = repository.owner.type is UserType.ORGANIZATION
            return "MEMBER" if is_member else "COLLABORATOR"
        return "NONE"

    def _thread(self, thread: Thread) -> Json:
        """Return what issues and pull requests share."""
        repository = thread.repository
        milestone = thread.milestone
        assignees = [self.user(user) for user in thread.assignees]
        return {
            "number": thread.number,
            "title": thread.title,
            "user": self.user(thread.author),
            "labels": [self.label(repository, label) for label in thread.labels],
            "state": thread.state,
            "locked": thread.is_locked,
            "assignee": assignees[0] if assignees else None,
            "assignees": assignees,
            "milestone": self.milestone(repository, milestone) if milestone else None,
            "created_at": timestamp(thread.created_at),
            "updated_at": timestamp(thread.updated_at),
            "closed_at": optional_timestamp(thread.closed_at),
            "author_association": self.association(repository, thread.author),
            "active_lock_reason": thread.lock_reason,
            "body": thread.body or None,
        }

    def _relations(self, thread: Thread) -> Json:
        if thread.pull is not None:
            return {}
        total = len(thread.sub_issues)
        completed = sum(not t.is_open for t in thread.sub_issues)
        blocking = self.state.blocked_by(thread)
        return {
            "parent_issue_url": self.issue_url(thread.parent)
            if thread.parent
            else None,
            "sub_issues_summary": {
                "total": total,
                "completed": completed,
                "percent_completed": completed * 100 // total if total else 0,
            },
            "issue_dependencies_summary": {
                "blocked_by": sum(t.is_open for t in thread.blocked_by),
                "blocking": sum(t.is_open for t in blocking),
                "total_blocked_by": len(thread.blocked_by),
                "total_blocking": len(blocking),
            },
        }

    def _pull_links(self, thread: Thread) -> Json:
        if thread.pull is None:
            return {}
        page = self.thread_page(thread)
        return {
            "draft": thread.pull.is_draft,
            "pull_request": {
                "url": self.pull_url(thread),
                "html_url": page,
                "diff_url": f"{page}.diff",
                "patch_url": f"{page}.patch",
                "merged_at": optional_timestamp(thread.pull.merged_at),
            },
        }

    def _pinned(self, thread: Thread) -> Json | None:
        pinned = thread.pinned_comment
        return self.comment(pinned) if pinned is not None else None

    def _pin(self, comment: Comment) -> Json | None:
        if comment.pinned_at is None:
            return None
        return {
            "pinned_at": timestamp(comment.pinned_at),
            "pinned_by": self.optional_user(comment.pinned_by),
        }
