"""What people and the app do with branches, and what becomes of pull requests then."""

from collections.abc import Mapping

from bot.localhub import pulls
from bot.localhub.accounts import User, UserType
from bot.localhub.actions import Actions
from bot.localhub.errors import not_found
from bot.localhub.git import ZERO_SHA
from bot.localhub.pulls import pull_of
from bot.localhub.state import Activity, Repository, Thread


class Branches(Actions):
    """Pushes, and branches that come, go and change their names."""

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

    def set_default_branch(self, login: str, repository: str, branch: str) -> None:
        """Have another branch be the one that counts."""
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "admin")
        if found.git.resolve(f"refs/heads/{branch}") is None:
            raise not_found()
        before, found.default_branch = found.default_branch, branch
        found.git.set_head(branch)
        changes = {"default_branch": {"from": before}}
        self.announce("repository", "edited", actor, found, changes=changes)

    def refs_moved(self, actor: User, repository: Repository) -> None:
        """Bring pull requests along after branches moved, and send the webhooks."""
        before, after = repository.branches, repository.git.refs()
        repository.branches = after
        for ref in sorted(before.keys() | after.keys()):
            old, new = before.get(ref), after.get(ref)
            if old == new:
                continue
            repository.pushed_at = self.now()
            self._note_activity(actor, repository, ref, old, new)
            self._announce_push(actor, repository, ref, old, new)
            if new is not None:
                self.open_suite(actor, repository, new)
            self._update_heads(actor, repository, ref.removeprefix("refs/heads/"), new)
            if new is not None:
                self._find_merged(actor, repository, ref, new)
            else:
                self._close_on(actor, repository, ref.removeprefix("refs/heads/"))

    def _note_activity(
        self,
        actor: User,
        repository: Repository,
        ref: str,
        old: str | None,
        new: str | None,
    ) -> None:
        """Keep what GitHub lists as the activity of a repository."""
        if not ref.startswith("refs/heads/"):
            return
        before, after = old or ZERO_SHA, new or ZERO_SHA
        kind = "push"
        if old is None or new is None:
            kind = "branch_creation" if old is None else "branch_deletion"
        elif not repository.git.is_ancestor(old, new):
            kind = "force_push"
        elif any(
            thread.pull is not None and thread.pull.merge_commit_sha == new
            for thread in repository.threads.values()
        ):
            is_queue = actor.type is UserType.BOT and actor is not self.app.bot
            kind = "merge_queue_merge" if is_queue else "pr_merge"
        one = Activity(
            self.state.next_id(), kind, actor, ref, before, after, self.now()
        )
        repository.activities.append(one)

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
        for thread in _from(repository, branch):
            pull = pull_of(thread)
            if sha is None:
                self.close_thread(thread, actor, reason="completed")
                continue
            before, pull.head_sha = pull.head_sha, sha
            if before == sha:
                continue
            pull.base_sha = pulls.base_head(thread) or pull.base_sha
            found = thread.repository
            found.git.set_ref(f"refs/pull/{thread.number}/head", sha)
            self.tell(thread, "committed", actor, sha)
            self.announce_thread("synchronize", actor, thread, before=before, after=sha)
            self.run_workflow(actor, found, sha, "pull_request")

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


def person(user: User) -> tuple[str, str]:
    """Return the name and address under which an account commits."""
    return user.login, f"{user.id}+{user.login}@users.noreply.github.com"


def _from(repository: Repository, branch: str) -> list[Thread]:
    """Return the open pull requests from a branch, here and in what this is a fork of."""
    return [
        thread
        for place in (repository, repository.parent)
        if place is not None
        for thread in place.visible_threads()
        if thread.pull is not None
        and thread.is_open
        and thread.pull.head_ref == branch
        and pulls.home(thread) is repository
    ]


def _open_into(repository: Repository, branch: str) -> list[Thread]:
    return [
        thread
        for thread in repository.visible_threads()
        if thread.pull and thread.is_open and thread.pull.base_ref == branch
    ]
