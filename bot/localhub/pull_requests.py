"""Pull requests: opened, found, aimed elsewhere, marked as drafts."""

from bot.localhub import pulls
from bot.localhub.dispatches import Dispatches
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.pulls import pull_of
from bot.localhub.state import PullRequest, Repository, Thread


class PullRequests(Dispatches):
    """Pull requests."""

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
        maintainer_can_modify: bool = False,
    ) -> Thread:
        """Return a new pull request from one branch (of a fork: ``owner:branch``)."""
        author, found = self.user(login), self.repository(repository)
        home = self._home(found, head)
        self.require(author, home, "write")
        if is_draft and not found.has_drafts:
            message = "Draft pull requests are not supported in this repository."
            raise GitHubError(422, message)
        head = head.rpartition(":")[2]
        base = base or found.default_branch
        head_sha = home.git.resolve(f"refs/heads/{head}")
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
                and pulls.home(other) is home
                and (pull.head_ref, pull.base_ref) == (head, base)
            ):
                name = f"{home.owner.login}:{head}"
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
            self.state.next_id(), head, head_sha, base, base_sha, is_draft=is_draft,
            fork=home if home is not found else None,
            maintainer_can_modify=maintainer_can_modify and home is not found,
        )  # fmt: skip
        found.git.set_ref(f"refs/pull/{thread.number}/head", head_sha)
        self.announce_thread("opened", author, thread)
        self.run_workflow(author, found, head_sha, "pull_request")
        return thread

    def _home(self, repository: Repository, head: str) -> Repository:
        """Return the repository of a head: this one, or a fork of it; raises 422."""
        owner, colon, _ = head.rpartition(":")
        if not colon or owner.lower() == repository.owner.login.lower():
            return repository
        forks = self.state.repositories.values()
        for fork in forks:
            if fork.parent is repository and fork.owner.login.lower() == owner.lower():
                return fork
        raise invalid(resource="PullRequest", field="head")

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
        pull = pull_of(thread)
        if is_draft and not thread.repository.has_drafts:
            message = (
                f"{login} does not have permission to convert the pull request"
                f" PR_{pull.id} to draft."
            )
            raise GitHubError(403, message)
        if pull.is_draft is is_draft:
            return
        pull.is_draft = is_draft
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
        if pull.is_in_stack:
            message = (
                "Cannot change the base branch because the pull request is part of a"
                " stack."
            )
            raise GitHubError(422, message)
        sha = thread.repository.git.resolve(f"refs/heads/{base}")
        if sha is None:
            raise invalid(resource="PullRequest", field="base")
        changes = {
            "base": {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
        }
        pull.base_ref, pull.base_sha = base, sha
        self.tell(thread, "base_ref_changed", actor, base)
        self.announce_thread("edited", actor, thread, changes=changes)
