"""Branches of pull requests that are brought up to date with their base."""

from functools import partial

from bot.localhub import mergeability, pulls, signing
from bot.localhub.accounts import User
from bot.localhub.branches import person
from bot.localhub.errors import GitHubError, forbidden
from bot.localhub.git import MergeConflict
from bot.localhub.pulls import pull_of
from bot.localhub.reviews import Reviews
from bot.localhub.state import Repository, Thread

WORKFLOWS = ".github/workflows/"


IN_STACK = (
    "This pull request is part of a stack and must be merged using the asynchronous"
    " merge REST API."
)


class Updates(Reviews):
    """Updates, at once for people and later for the API."""

    def update_branch(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        expected: str | None = None,
        method: str = "merge",
    ) -> str:
        """Return the new head with all of the base; raises 422 and 403.

        The base is merged into it, or its commits are put on the base (``rebase``).
        """
        thread, actor = self.pull_request(repository, number), self.user(login)
        found, pull = thread.repository, pull_of(thread)
        self.require_updatable(thread, actor, expected=expected, method=method)
        base = pulls.base_head(thread)
        assert base is not None
        if method == "rebase":
            commit = base
            for one in found.git.commits(base, pull.head_sha):
                commit = found.git.replay(one, onto=commit, at=self.now())
        else:
            merge = found.git.commit_tree(
                found.git.merged_tree(pull.head_sha, base),
                parents=[pull.head_sha, base],
                message=f"Merge branch '{pull.base_ref}' into {pull.head_ref}",
                author=person(actor), at=self.now(),
            )  # fmt: skip
            commit = signing.signed(found.git, merge)
        home = pulls.home(thread)
        home.git.set_ref(f"refs/heads/{pull.head_ref}", commit)
        self.refs_moved(actor, home)
        return commit

    def update_branch_later(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        expected: str | None = None,
        method: str = "merge",
        may_change_workflows: bool = True,
    ) -> None:
        """Merge the base into the head as the API does it: after it has answered.

        What can be seen at once is refused at once. A head that moves meanwhile stays.
        """
        thread, actor = self.pull_request(repository, number), self.user(login)
        head, base = pull_of(thread).head_sha, pulls.base_head(thread)
        self.require_updatable(thread, actor, expected=expected, method=method)
        assert base is not None
        if not may_change_workflows:
            self.require_no_workflow(thread.repository, head, base)
        self.jobs.add(
            partial(
                self.update_branch,
                login,
                repository,
                number,
                expected=head,
                method=method,
            )
        )

    def require_updatable(
        self, thread: Thread, actor: User, *, expected: str | None, method: str
    ) -> None:
        """Raise 422 unless the base can be merged into the head, 403 for a stranger."""
        found, pull = thread.repository, pull_of(thread)
        self.require(actor, found, "write")
        if not self.may_update(thread, actor):
            message = "user doesn't have permission to update head repository"
            raise forbidden(message=message)
        base = pulls.base_head(thread)
        if found.queue_entry(thread) is not None:
            message = "Branches that are queued for merging cannot be updated"
            raise GitHubError(422, message)
        if expected is not None and expected != pull.head_sha:
            message = "expected head sha didn't match current head ref."
            raise GitHubError(422, message)
        if base is None or not thread.is_open or not pulls.is_behind(thread):
            message = "There are no new commits on the base branch."
            raise GitHubError(422, message)
        if method == "rebase" and not mergeability.is_rebaseable(thread):
            raise GitHubError(422, "rebase conflict between base and head")
        try:
            found.git.merged_tree(pull.head_sha, base)
        except MergeConflict as error:
            message = "merge conflict between base and head"
            raise GitHubError(422, message) from error

    def may_update(self, thread: Thread, actor: User) -> bool:
        """Return whether somebody may push to the head: in a fork, if its owner lets."""
        pull = pull_of(thread)
        if pull.fork is None or pull.maintainer_can_modify:
            return True
        if actor is self.app.bot:
            return self.state.installation_of(pull.fork) is not None
        return self.may(actor, pull.fork, "write")

    def require_no_workflow(
        self, repository: Repository, before: str, after: str
    ) -> None:
        """Raise 403 if merging *after* into *before* changes a workflow."""
        git = repository.git
        start = git.merge_base(before, after) or before
        changed = [file.path for file in git.changed_files(start, after)]
        path = next((one for one in changed if one.startswith(WORKFLOWS)), None)
        if path is not None:
            message = (
                f"refusing to allow a GitHub App to create or update workflow `{path}`"
                " without `workflows` permission"
            )
            raise GitHubError(403, message)
