"""Merges of pull requests and of their bases, with real git."""

from bot.localhub import pulls
from bot.localhub.branches import person
from bot.localhub.check_runs import CheckRuns
from bot.localhub.errors import GitHubError, invalid
from bot.localhub.git import MergeConflict
from bot.localhub.pulls import pull_of
from bot.localhub.state import Thread, User

MERGE_METHODS = ("merge", "squash", "rebase")


class Merges(CheckRuns):
    """Merges, and branches that are brought up to date."""

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
