"""Merges of pull requests, with real git."""

from bot.localhub import mergeability, pulls
from bot.localhub.accounts import User
from bot.localhub.branches import person
from bot.localhub.errors import GitHubError, invalid
from bot.localhub.git import CommitInfo
from bot.localhub.pulls import pull_of
from bot.localhub.rules import MERGE_METHODS, BranchRules
from bot.localhub.state import Thread
from bot.localhub.updates import IN_STACK, Updates

METHOD_NAMES = {
    "merge": "Merge commits",
    "squash": "Squash merges",
    "rebase": "Rebase merges",
}
IN_RULES = {"merge": "merge commits", "squash": "squash merges", "rebase": "rebases"}
THROUGH_QUEUE = "Changes must be made through the merge queue"


class Merges(Updates):
    """Merges, and what is in their way."""

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
        may_change_workflows: bool = True,
    ) -> str:
        """Return the merge commit.

        Raises 405 (cannot be merged, or not so), 409 (a branch moved), 403 (changes a
        workflow without the permission for it) and 422.
        """
        thread, actor = self.pull_request(repository, number), self.user(login)
        self.require(actor, thread.repository, "write")
        if method not in MERGE_METHODS:
            raise invalid(resource="PullRequest", field="merge_method")
        self._require_mergeable(thread, actor, method, sha)
        base = pulls.base_head(thread)
        assert base is not None
        head = pull_of(thread).head_sha
        if not may_change_workflows:
            self.require_no_workflow(thread.repository, base, head)
        commit = self.merge_commit(
            thread, actor, base, method=method, title=title, message=message
        )
        self.land(thread, actor, base, commit)
        return commit

    def land(self, thread: Thread, actor: User, base: str, commit: str) -> None:
        """Move the base to what was made of it, and tell of it."""
        found, pull = thread.repository, pull_of(thread)
        pull.base_sha = base
        found.git.set_ref(f"refs/heads/{pull.base_ref}", commit, expected=base)
        self._note_merged(actor, thread, commit)
        if found.deletes_branch_on_merge and pull.fork is None:
            self._retarget(actor, found, pull.head_ref, pull.base_ref)
            found.git.set_ref(f"refs/heads/{pull.head_ref}", None)
        self.refs_moved(actor, found)

    # --- parts

    def _require_mergeable(
        self, thread: Thread, actor: User, method: str, sha: str | None
    ) -> None:
        pull = pull_of(thread)
        if not thread.is_open:
            raise GitHubError(405, "Pull Request is not mergeable")
        if pull.is_in_stack:
            raise GitHubError(405, IN_STACK)
        if thread.repository.queue_entry(thread) is not None:
            raise GitHubError(405, "Pull Request is in the merge queue.")
        if sha is not None and sha != pull.head_sha:
            message = "Head branch was modified. Review and try the merge again."
            raise GitHubError(409, message)
        if pull.is_draft:
            raise GitHubError(405, "Pull Request is still a draft")
        rules = self._binding(thread, actor)
        self._require_method(thread, rules, method)
        if not mergeability.is_mergeable(thread):
            raise GitHubError(405, "Pull Request has merge conflicts")
        if any(one.queue is not None for one in rules):
            violations = mergeability.VIOLATIONS
            raise GitHubError(405, f"{violations}\n\n{THROUGH_QUEUE}\n\n")
        missing = mergeability.violations(thread, rules, app_id=self.app.id)
        if missing is not None:
            raise GitHubError(405, missing)
        if any(one.is_strict for one in rules) and pulls.is_behind(thread):
            message = "Head branch is out of date. Review and try the merge again."
            raise GitHubError(409, message)
        if method == "rebase" and not mergeability.is_rebaseable(thread):
            raise GitHubError(405, "This branch can't be rebased")

    def _binding(self, thread: Thread, actor: User) -> list[BranchRules]:
        """Return the rules of the base that hold for somebody."""
        is_app = actor is self.app.bot
        rules = mergeability.rules_of(thread)
        return [one for one in rules if not (is_app and one.app_may_bypass)]

    def _require_method(
        self, thread: Thread, rules: list[BranchRules], method: str
    ) -> None:
        if method not in thread.repository.merge_methods:
            message = f"{METHOD_NAMES[method]} are not allowed on this repository."
            raise GitHubError(405, message)
        for one in rules:
            is_bent = one.is_linear and method == "merge"
            if is_bent or method not in one.merge_methods:
                message = f"Merge method {IN_RULES[method]} are not allowed on this repository"
                raise GitHubError(405, message)

    def merge_commit(
        self,
        thread: Thread,
        actor: User,
        base: str,
        *,
        method: str,
        title: str | None = None,
        message: str | None = None,
    ) -> str:
        """Return what the base becomes when a pull request is merged."""
        git, pull = thread.repository.git, pull_of(thread)
        head = pull.head_sha
        if method == "rebase":
            for commit in git.commits(base, head):
                base = git.replay(commit, onto=base, at=self.now())
            return base
        if method == "squash":
            first, rest = _squash_message(thread, git.commits(base, head))
            parents = [base]
        else:
            first, rest = _merge_message(thread)
            parents = [base, head]
        first = first if title is None else title
        rest = rest if message is None else message
        return git.commit_tree(
            git.merged_tree(base, head),
            parents=parents,
            message=f"{first}\n\n{rest}".rstrip(),
            author=person(actor),
            at=self.now(),
        )


def _merge_message(thread: Thread) -> tuple[str, str]:
    """Return title and text of a merge commit, as the settings want them."""
    repository = thread.repository
    name = pulls.label(thread).replace(":", "/", 1)
    title = f"Merge pull request #{thread.number} from {name}"
    if repository.merge_title == "PR_TITLE":
        title = f"{thread.title} (#{thread.number})"
    texts = {"PR_TITLE": thread.title, "PR_BODY": thread.body, "BLANK": ""}
    return title, texts[repository.merge_message]


def _squash_message(thread: Thread, commits: list[CommitInfo]) -> tuple[str, str]:
    """Return title and text of a squashed commit, as the settings want them."""
    repository = thread.repository
    parts = [commit.message.partition("\n\n")[::2] for commit in commits]
    own = repository.squash_title == "COMMIT_OR_PR_TITLE" and len(parts) == 1
    title = f"{parts[0][0] if own else thread.title} (#{thread.number})"
    if len(parts) == 1:
        messages = parts[0][1]
    else:
        whole = ["\n\n".join(filter(None, part)) for part in parts]
        messages = "\n\n".join(f"* {one}" for one in whole)
    texts = {"COMMIT_MESSAGES": messages, "PR_BODY": thread.body, "BLANK": ""}
    return title, texts[repository.squash_message]
