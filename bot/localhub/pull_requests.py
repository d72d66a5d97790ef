"""What people and the app do with branches and pull requests, with real git."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.localhub import pulls
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.git import ZERO_SHA, MergeConflict
from bot.localhub.moves import Moves
from bot.localhub.pulls import pull_of
from bot.localhub.state import (
    CheckRun,
    PullRequest,
    Repository,
    Review,
    ReviewComment,
    Team,
    Thread,
    User,
)
from bot.localhub.threads import check_body

REVIEW_STATES = {
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}
MERGE_METHODS = ("merge", "squash", "rebase")


@dataclass(frozen=True, slots=True)
class LineComment:
    """A comment of a review on a line of the diff (None: on the file)."""

    path: str
    body: str
    line: int | None = None
    side: str = "RIGHT"
    start_line: int | None = None
    start_side: str | None = None


class PullRequests(Moves):
    """Pushes, pull requests, reviews, merges and checks."""

    # --- branches

    def push(
        self,
        login: str,
        repository: str,
        branch: str,
        files: Mapping[str, str | bytes | None],
        *,
        message: str,
        base: str | None = None,
    ) -> str:
        """Return the new head of a branch after one commit that writes or deletes files.

        A branch that does not exist starts from *base* (the default branch).
        """
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "write")
        ref = f"refs/heads/{branch}"
        start = base or found.default_branch
        parent = found.git.resolve(ref) or found.git.resolve(start)
        sha = found.git.commit_files(
            files, parent=parent, message=message, author=person(actor), at=self.now()
        )
        found.git.set_ref(ref, sha)
        self.refs_moved(actor, found)
        return sha

    def set_ref(self, login: str, repository: str, ref: str, sha: str | None) -> None:
        """Point a ref (full name) at a commit, or delete it (None)."""
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "write")
        found.git.set_ref(ref, sha)
        self.refs_moved(actor, found)

    def rename_branch(self, login: str, repository: str, old: str, new: str) -> None:
        """Give a branch another name.

        Pull requests into it follow, those from it are closed.
        https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-branches-in-your-repository/renaming-a-branch
        """
        found, actor = self.repository(repository), self.user(login)
        is_default = old == found.default_branch
        self.require(actor, found, "admin" if is_default else "write")
        sha = found.git.resolve(f"refs/heads/{old}")
        if sha is None:
            raise not_found()
        found.git.set_ref(f"refs/heads/{new}", sha)
        if is_default:
            found.default_branch = new
            found.git.set_head(new)
        self._retarget(actor, found, old, new)
        found.git.set_ref(f"refs/heads/{old}", None)
        self.refs_moved(actor, found)

    def refs_moved(self, actor: User, repository: Repository) -> None:
        """Bring pull requests along after branches moved, and send the webhooks."""
        before, after = repository.branches, repository.git.refs()
        repository.branches = after
        for ref in sorted(before.keys() | after.keys()):
            old, new = before.get(ref), after.get(ref)
            if old == new:
                continue
            repository.pushed_at = self.now()
            self._announce_push(actor, repository, ref, old, new)
            self._update_heads(actor, repository, ref.removeprefix("refs/heads/"), new)
            if new is not None:
                self._find_merged(actor, repository, ref, new)
            else:
                self._close_on(actor, repository, ref.removeprefix("refs/heads/"))

    # --- pull requests

    def open_pull_request(
        self,
        login: str,
        repository: str,
        title: str,
        *,
        head: str,
        base: str | None = None,
        body: str = "",
        is_draft: bool = False,
    ) -> Thread:
        """Return a new pull request from one branch to another."""
        author, found = self.user(login), self.repository(repository)
        self.require(author, found, "write")
        head = head.removeprefix(f"{found.owner.login}:")
        base = base or found.default_branch
        head_sha = found.git.resolve(f"refs/heads/{head}")
        base_sha = found.git.resolve(f"refs/heads/{base}")
        for field, sha in (("head", head_sha), ("base", base_sha)):
            if sha is None:
                raise invalid(resource="PullRequest", field=field)
        assert head_sha is not None
        assert base_sha is not None
        for other in found.visible_threads():
            pull = other.pull
            if (
                pull is not None
                and other.is_open
                and (pull.head_ref, pull.base_ref) == (head, base)
            ):
                name = f"{found.owner.login}:{head}"
                message = f"A pull request already exists for {name}."
                raise invalid(
                    resource="PullRequest", field="head", code="custom", message=message
                )
        if not found.git.commits(base_sha, head_sha):
            message = f"No commits between {base} and {head}"
            raise invalid(
                resource="PullRequest", field="head", code="custom", message=message
            )
        thread = self.new_thread(found, author, title, body)
        thread.pull = PullRequest(
            self.state.next_id(), head, head_sha, base, base_sha, is_draft=is_draft
        )
        found.git.set_ref(f"refs/pull/{thread.number}/head", head_sha)
        self.announce_thread("opened", author, thread)
        return thread

    def pull_request(self, repository: str, number: int) -> Thread:
        """Return a pull request; raises 404 for issues too."""
        thread = self.thread(repository, number)
        if thread.pull is None:
            raise not_found()
        return thread

    def set_draft(
        self, login: str, repository: str, number: int, *, is_draft: bool
    ) -> None:
        """Mark a pull request as a draft, or as ready for review."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        role = "read" if actor is thread.author else "write"
        self.require(actor, thread.repository, role)
        pull_of(thread).is_draft = is_draft
        action = "converted_to_draft" if is_draft else "ready_for_review"
        self.tell(thread, action, actor)
        self.announce_thread(action, actor, thread)

    def set_base(self, login: str, repository: str, number: int, base: str) -> None:
        """Aim a pull request at another branch."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        self.require(actor, thread.repository, "write")
        pull = pull_of(thread)
        if not thread.is_open:
            message = "Cannot change the base branch of a closed pull request."
            raise invalid(
                resource="PullRequest", field="base", code="custom", message=message
            )
        sha = thread.repository.git.resolve(f"refs/heads/{base}")
        if sha is None:
            raise invalid(resource="PullRequest", field="base")
        changes = {
            "base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
        }
        pull.base_ref, pull.base_sha = base, sha
        self.tell(thread, "base_ref_changed", actor, base)
        self.announce_thread("edited", actor, thread, changes=changes)

    def request_review(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        reviewers: Sequence[str] = (),
        teams: Sequence[str] = (),
    ) -> None:
        """Ask people and teams (slugs) for a review; raises 422 for outsiders."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        pull, found = pull_of(thread), thread.repository
        self.require(actor, found, "triage")
        users = self._assignable(found, reviewers)
        if len(users) != len(reviewers):
            message = (
                "Reviews may only be requested from collaborators. One or more of the "
                f"users or teams you specified is not a collaborator of the {repository}"
                " repository."
            )
            raise GitHubError(422, message)
        for user in users:
            if user not in pull.requested_reviewers:
                pull.requested_reviewers.append(user)
            self.tell(thread, "review_requested", actor, user.login)
            shape = self.payloads.user(user)
            self.announce_thread(
                "review_requested", actor, thread, requested_reviewer=shape
            )
        for team in [self._team(found, slug) for slug in teams]:
            if team not in pull.requested_teams:
                pull.requested_teams.append(team)
            self.tell(thread, "review_requested", actor, team.slug)
            shape = self.payloads.webhook_team(team)
            self.announce_thread(
                "review_requested", actor, thread, requested_team=shape
            )

    def remove_review_request(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        reviewers: Sequence[str] = (),
        teams: Sequence[str] = (),
    ) -> None:
        """Take review requests back."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        pull = pull_of(thread)
        self.require(actor, thread.repository, "triage")
        for user in [u for u in pull.requested_reviewers if u.login in reviewers]:
            pull.requested_reviewers.remove(user)
            self.tell(thread, "review_request_removed", actor, user.login)
            shape = self.payloads.user(user)
            self.announce_thread(
                "review_request_removed", actor, thread, requested_reviewer=shape
            )
        for team in [t for t in pull.requested_teams if t.slug in teams]:
            pull.requested_teams.remove(team)
            self.tell(thread, "review_request_removed", actor, team.slug)
            shape = self.payloads.webhook_team(team)
            self.announce_thread(
                "review_request_removed", actor, thread, requested_team=shape
            )

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

    # --- merging

    def merge(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        method: str = "merge",
        sha: str | None = None,
        title: str | None = None,
        message: str | None = None,
    ) -> str:
        """Return the merge commit; raises 405 (cannot be merged) and 409 (head moved)."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        found, pull = thread.repository, pull_of(thread)
        self.require(actor, found, "write")
        if method not in MERGE_METHODS:
            raise invalid(resource="PullRequest", field="merge_method")
        self._require_mergeable(thread, sha)
        base = pulls.base_head(thread)
        assert base is not None
        commit = self._merge_commit(
            thread, actor, base, method=method, title=title, message=message
        )
        pull.base_sha = base
        found.git.set_ref(f"refs/heads/{pull.base_ref}", commit, expected=base)
        self._note_merged(actor, thread, commit)
        if found.deletes_branch_on_merge:
            self._retarget(actor, found, pull.head_ref, pull.base_ref)
            found.git.set_ref(f"refs/heads/{pull.head_ref}", None)
        self.refs_moved(actor, found)
        return commit

    def update_branch(
        self, login: str, repository: str, number: int, *, expected: str | None = None
    ) -> str:
        """Return the new head after merging the base into it; raises 422."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        found, pull = thread.repository, pull_of(thread)
        self.require(actor, found, "write")
        if expected is not None and expected != pull.head_sha:
            message = "expected head sha didn't match current head ref."
            raise GitHubError(422, message)
        base = pulls.base_head(thread)
        if base is None or not thread.is_open or not pulls.is_behind(thread):
            message = "There are no new commits on the base branch."
            raise GitHubError(422, message)
        try:
            tree = found.git.merged_tree(pull.head_sha, base)
        except MergeConflict as error:
            message = "merge conflict between base and head"
            raise GitHubError(422, message) from error
        commit = found.git.commit_tree(
            tree, parents=[pull.head_sha, base],
            message=f"Merge branch '{pull.base_ref}' into {pull.head_ref}",
            author=person(actor), at=self.now(),
        )  # fmt: skip
        self.set_ref(login, repository, f"refs/heads/{pull.head_ref}", commit)
        return commit

    # --- checks

    def add_check(self, actor: User, repository: Repository, run: CheckRun) -> CheckRun:
        """Return the check run, added to the repository."""
        repository.check_runs.append(run)
        self.announce_check("created", actor, repository, run)
        if run.status == "completed":
            self.announce_check("completed", actor, repository, run)
        return run

    def check(
        self,
        repository: str,
        sha: str,
        name: str,
        *,
        conclusion: str | None = None,
        title: str | None = None,
    ) -> CheckRun:
        """Return a new check run of the CI: completed, or running without conclusion."""
        now = self.now()
        run = CheckRun(
            self.state.next_id(), name, sha,
            "completed" if conclusion else "in_progress", now,
            by_app=False, conclusion=conclusion,
            completed_at=now if conclusion else None, title=title,
        )  # fmt: skip
        actor = self.state.add_user("github-actions[bot]")
        return self.add_check(actor, self.repository(repository), run)

    def announce_check(
        self, action: str, actor: User, repository: Repository, run: CheckRun
    ) -> None:
        """Send the ``check_run`` webhook."""
        shape = self.payloads.check_run(repository, run)
        self.announce("check_run", action, actor, repository, check_run=shape)

    # --- parts

    def _announce_push(
        self,
        actor: User,
        repository: Repository,
        ref: str,
        old: str | None,
        new: str | None,
    ) -> None:
        git = repository.git
        commits = git.commits(old, new) if old and new else []
        forced = bool(old and new) and not git.is_ancestor(str(old), str(new))
        shapes = [self.payloads.push_commit(repository, c) for c in commits]
        head = self.payloads.push_commit(repository, git.commit(new)) if new else None
        page = f"{self.html_url}/{repository.full_name}"
        self.announce(
            "push", None, actor, repository,
            ref=ref,
            before=old or ZERO_SHA,
            after=new or ZERO_SHA,
            created=old is None,
            deleted=new is None,
            forced=forced,
            base_ref=None,
            compare=f"{page}/compare/{(old or ZERO_SHA)[:12]}...{(new or ZERO_SHA)[:12]}",
            commits=shapes,
            head_commit=head,
            pusher={"name": actor.login, "email": person(actor)[1]},
        )  # fmt: skip

    def _update_heads(
        self, actor: User, repository: Repository, branch: str, sha: str | None
    ) -> None:
        for thread in repository.visible_threads():
            pull = thread.pull
            if pull is None or not thread.is_open or pull.head_ref != branch:
                continue
            if sha is None:
                self.close_thread(thread, actor, reason="completed")
                continue
            before, pull.head_sha = pull.head_sha, sha
            if before == sha:
                continue
            pull.base_sha = pulls.base_head(thread) or pull.base_sha
            repository.git.set_ref(f"refs/pull/{thread.number}/head", sha)
            self.tell(thread, "committed", actor, sha)
            self.announce_thread("synchronize", actor, thread, before=before, after=sha)

    def _retarget(
        self, actor: User, repository: Repository, old: str, new: str
    ) -> None:
        """Aim the pull requests into a branch at another; no webhook tells of it."""
        for thread in _open_into(repository, old):
            pull = pull_of(thread)
            pull.base_ref = new
            pull.base_sha = pulls.base_head(thread) or pull.base_sha
            self.tell(thread, "automatic_base_change_succeeded", actor, new)

    def _close_on(self, actor: User, repository: Repository, branch: str) -> None:
        """Close the pull requests into a branch that is gone."""
        for thread in _open_into(repository, branch):
            self.tell(thread, "base_ref_deleted", actor, branch)
            self.close_thread(thread, actor, reason="completed")

    def _find_merged(
        self, actor: User, repository: Repository, ref: str, sha: str
    ) -> None:
        """Note the pull requests whose head a push has brought into their base."""
        for thread in repository.visible_threads():
            pull = thread.pull
            if (
                pull is not None
                and thread.is_open
                and f"refs/heads/{pull.base_ref}" == ref
                and repository.git.is_ancestor(pull.head_sha, sha)
            ):
                self._note_merged(actor, thread, sha)

    def _note_merged(self, actor: User, thread: Thread, commit: str) -> None:
        pull = pull_of(thread)
        closing = pulls.closes(thread)
        pull.merged_at, pull.merged_by = self.now(), actor
        pull.merge_commit_sha = commit
        self.tell(thread, "merged", actor, commit)
        self.close_thread(thread, actor, reason="completed")
        for issue in closing:
            self.close_thread(issue, actor, reason="completed")

    def _require_mergeable(self, thread: Thread, sha: str | None) -> None:
        pull = pull_of(thread)
        if not thread.is_open:
            raise GitHubError(405, "Pull Request is not mergeable")
        if sha is not None and sha != pull.head_sha:
            message = "Head branch was modified. Review and try the merge again."
            raise GitHubError(409, message)
        if pull.is_draft:
            raise GitHubError(405, "Pull Request is still a draft")
        if not pulls.is_mergeable(thread):
            raise GitHubError(405, "Pull Request is not mergeable")
        missing = sorted(pulls.missing_checks(thread))
        if missing:
            message = f'Required status check "{missing[0]}" is expected.'
            raise GitHubError(405, message)
        found = thread.repository
        if found.requires_up_to_date and pulls.is_behind(thread):
            raise GitHubError(405, "Head branch is out of date")

    def _merge_commit(
        self,
        thread: Thread,
        actor: User,
        base: str,
        *,
        method: str,
        title: str | None,
        message: str | None,
    ) -> str:
        git, pull = thread.repository.git, pull_of(thread)
        head = pull.head_sha
        if method == "rebase":
            for commit in git.commits(base, head):
                base = git.replay(commit, onto=base, at=self.now())
            return base
        if method == "squash":
            first = title or f"{thread.title} (#{thread.number})"
            rest = message or ""
            parents = [base]
        else:
            owner = thread.repository.owner.login
            name = f"{owner}/{pull.head_ref}"
            first = title or f"Merge pull request #{thread.number} from {name}"
            rest = thread.title if message is None else message
            parents = [base, head]
        return git.commit_tree(
            git.merged_tree(base, head),
            parents=parents,
            message=f"{first}\n\n{rest}".rstrip(),
            author=person(actor),
            at=self.now(),
        )

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

    def _team(self, repository: Repository, slug: str) -> Team:
        found = self.state.teams.get((repository.owner.login.lower(), slug))
        if found is None:
            raise invalid(resource="PullRequest", field="team_reviewers")
        return found


def person(user: User) -> tuple[str, str]:
    """Return the name and address under which an account commits."""
    return user.login, f"{user.id}+{user.login}@users.noreply.github.com"


def _open_into(repository: Repository, branch: str) -> list[Thread]:
    return [
        thread
        for thread in repository.visible_threads()
        if thread.pull and thread.is_open and thread.pull.base_ref == branch
    ]
