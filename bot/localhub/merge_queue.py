"""Merge queues: pull requests that wait for checks on what they would make of the base.

Each entry stands on the one before it. Its group is a commit on a branch of its own, on
which the CI reports; the first whose checks succeed is merged. What fails leaves the
queue, and all behind it is built anew.
https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
"""

from datetime import timedelta
from functools import partial

from bot.localhub import mergeability, verdicts
from bot.localhub.accounts import User, UserType
from bot.localhub.ci import CheckRun, CommitStatus
from bot.localhub.errors import GitHubError
from bot.localhub.git import MergeConflict
from bot.localhub.merges import Merges
from bot.localhub.pulls import pull_of
from bot.localhub.rules import QueueRule
from bot.localhub.state import QueueEntry, Repository, Thread
from bot.localhub.updates import IN_STACK

BOT = "github-merge-queue[bot]"


class MergeQueues(Merges):
    """Entries come, are built, merge, or leave."""

    def enqueue(
        self,
        login: str,
        repository: str,
        number: int,
        *,
        expected: str | None = None,
        is_jump: bool = False,
    ) -> QueueEntry:
        """Return the new entry of a pull request; raises 422 for what may not enter."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        found, pull = thread.repository, pull_of(thread)
        self.require(actor, found, "write")
        if found.queue_entry(thread) is not None:
            raise GitHubError(422, "Pull request is already in the queue")
        self._require_enqueuable(thread, expected)
        now = self.now()
        entry = QueueEntry(
            self.state.next_id(),
            thread,
            pull.base_ref,
            pull.head_sha,
            actor,
            now,
            is_jump,
        )
        queue = found.queues.setdefault(pull.base_ref, [])
        queue.insert(0 if is_jump else len(queue), entry)
        self.tell(thread, "added_to_merge_queue", actor)
        self.announce_thread("enqueued", actor, thread)
        if is_jump:
            self._invalidate(found, pull.base_ref, queue[1:])
        self._settle_later(found, pull.base_ref)
        return entry

    def dequeue(self, login: str, repository: str, number: int) -> QueueEntry:
        """Take a pull request out of its queue; raises 422 if it is in none."""
        thread, actor = self.pull_request(repository, number), self.user(login)
        self.require(actor, thread.repository, "write")
        entry = thread.repository.queue_entry(thread)
        if entry is None:
            raise GitHubError(422, f"Failed to remove PR #{number}")
        self._eject(actor, entry, "MANUAL")
        return entry

    def settle_queue(self, repository: str, branch: str) -> None:
        """Drop what left or failed, build what is not built, merge what may merge."""
        found = self.repository(repository)
        bot = self.state.add_user(BOT, UserType.BOT)
        rule = found.queue_rule(branch)
        queue = found.queues.get(branch, [])
        for entry in [*queue]:
            reason = self._reason_to_leave(entry, rule)
            if reason is not None:
                self._eject(bot, entry, reason)
        if rule is not None:
            self._build(found, branch, rule, bot)
        if queue and queue[0].group_sha is not None and not self.is_waiting(queue[0]):
            self._merge_first(found, branch, bot)

    def announce_check(
        self, action: str, actor: User, repository: Repository, run: CheckRun
    ) -> None:
        """Send the webhooks, and look whether a queue goes on."""
        super().announce_check(action, actor, repository, run)
        self._settle_all_later(repository)

    def add_status(
        self, login: str, repository: str, sha: str, context: str, state: str,
        *, description: str | None = None, target_url: str | None = None,
    ) -> CommitStatus:  # fmt: skip
        """Return what somebody says of a commit, and look whether a queue goes on."""
        status = super().add_status(
            login, repository, sha, context, state,
            description=description, target_url=target_url,
        )  # fmt: skip
        self._settle_all_later(self.repository(repository))
        return status

    def refs_moved(self, actor: User, repository: Repository) -> None:
        """Bring pull requests along, and the queues of bases that moved."""
        super().refs_moved(actor, repository)
        self._settle_all_later(repository)

    def close_thread(self, thread: Thread, actor: User, *, reason: str) -> None:
        """Close a thread, which leaves its queue."""
        super().close_thread(thread, actor, reason=reason)
        self._settle_all_later(thread.repository)

    def set_draft(
        self, login: str, repository: str, number: int, *, is_draft: bool
    ) -> None:
        """Mark a pull request as a draft, which leaves its queue, or as ready."""
        super().set_draft(login, repository, number, is_draft=is_draft)
        self._settle_all_later(self.repository(repository))

    def set_base(self, login: str, repository: str, number: int, base: str) -> None:
        """Aim a pull request at another branch, away from the queue of the one before."""
        super().set_base(login, repository, number, base)
        self._settle_all_later(self.repository(repository))

    # --- parts

    def _require_enqueuable(self, thread: Thread, expected: str | None) -> None:
        pull = pull_of(thread)
        rules = mergeability.rules_of(thread)
        if not thread.is_open:
            raise GitHubError(422, "Pull request is not open")
        if pull.is_in_stack:
            raise GitHubError(422, IN_STACK)
        if all(one.queue is None for one in rules):
            raise GitHubError(422, "Merge queue is not enabled for this branch")
        if expected is not None and expected != pull.head_sha:
            message = "Head branch was modified. Review and try the merge again."
            raise GitHubError(422, message)
        if pull.is_draft:
            raise GitHubError(422, "Pull request is still a draft")
        if not mergeability.is_mergeable(thread):
            raise GitHubError(422, "Pull request has merge conflicts")
        missing = mergeability.missing(thread, rules, app_id=self.app.id)
        if missing:
            raise GitHubError(422, f"Pull request {missing[0]}")

    def _reason_to_leave(self, entry: QueueEntry, rule: QueueRule | None) -> str | None:
        thread, now = entry.thread, self.now()
        pull = pull_of(thread)
        if pull.is_merged:
            return "ALREADY_MERGED"
        was, now_is = (entry.branch, entry.head_sha), (pull.base_ref, pull.head_sha)
        if not thread.is_open or pull.is_draft or was != now_is:
            return "UNKNOWN_REMOVAL_REASON"
        if rule is None:
            return "QUEUE_CLEARED"
        if entry.group_sha is None or entry.built_at is None:
            return None
        if self.has_failed(entry):
            return "CI_FAILURE"
        is_late = now >= entry.built_at + timedelta(minutes=rule.check_minutes)
        return "CI_TIMEOUT" if is_late and self.is_waiting(entry) else None

    def _build(
        self, repository: Repository, branch: str, rule: QueueRule, bot: User
    ) -> None:
        """Give the first entries a group each, on the base or on the one before."""
        queue = repository.queues.get(branch, [])
        base = repository.git.resolve(f"refs/heads/{branch}")
        if base is None:
            return  # all that stood in the queue was closed with it, and left
        if queue and queue[0].base_sha not in (None, base):
            self._invalidate(repository, branch, queue)
        for entry in [*queue][: rule.most_to_build]:
            if entry.group_sha is None:
                try:
                    group = self.merge_commit(
                        entry.thread, entry.enqueuer, base, method=rule.merge_method
                    )
                except MergeConflict:
                    self._eject(bot, entry, "MERGE_CONFLICT")
                    continue
                entry.base_sha, entry.group_sha = base, group
                entry.built_at = self.now()
                repository.git.set_ref(_group_ref(entry), group)
                self.refs_moved(bot, repository)
                self._tell_group("checks_requested", bot, entry)
                self.run_workflow(bot, repository, group, "merge_group")
            base = entry.group_sha
            assert base is not None

    def _merge_first(self, repository: Repository, branch: str, bot: User) -> None:
        entry = repository.queues[branch].pop(0)
        assert entry.base_sha is not None
        assert entry.group_sha is not None
        thread = entry.thread
        group = entry.group_sha
        self.tell(thread, "removed_from_merge_queue", bot, "merged", commit=group)
        self.announce_thread("dequeued", bot, thread, reason="MERGE")
        self._tell_group("destroyed", bot, entry, reason="merged")
        repository.git.set_ref(_group_ref(entry), None)
        self.land(thread, bot, entry.base_sha, entry.group_sha)
        self._settle_later(repository, branch)

    def _eject(self, actor: User, entry: QueueEntry, reason: str) -> None:
        thread, branch, repository = entry.thread, entry.branch, entry.thread.repository
        queue = repository.queues[branch]
        behind = queue[queue.index(entry) + 1 :]
        queue.remove(entry)
        self._invalidate(repository, branch, behind)
        word = "failed_checks" if reason == "CI_FAILURE" else reason.lower()
        group = entry.group_sha
        self.tell(thread, "removed_from_merge_queue", actor, word, commit=group)
        self._drop_group(repository, entry, "dequeued", actor)
        self.announce_thread("dequeued", actor, thread, reason=reason)
        self._settle_later(repository, branch)

    def _invalidate(
        self, repository: Repository, branch: str, entries: list[QueueEntry]
    ) -> None:
        """Drop the groups of entries: what they stand on is not there any more."""
        bot = self.state.add_user(BOT, UserType.BOT)
        for entry in entries:
            self._drop_group(repository, entry, "invalidated", bot)
        self._settle_later(repository, branch)

    def _drop_group(
        self, repository: Repository, entry: QueueEntry, reason: str, actor: User
    ) -> None:
        if entry.group_sha is None:
            return
        self._tell_group("destroyed", actor, entry, reason=reason)
        repository.git.set_ref(_group_ref(entry), None)
        entry.base_sha = entry.group_sha = entry.built_at = None
        self.refs_moved(actor, repository)

    def _tell_group(
        self, action: str, actor: User, entry: QueueEntry, **more: str
    ) -> None:
        repository = entry.thread.repository
        shape = self.payloads.merge_group(repository, entry, _group_ref(entry))
        self.announce(
            "merge_group", action, actor, repository, merge_group=shape, **more
        )

    def is_waiting(self, entry: QueueEntry) -> bool:
        """Return whether required checks have not succeeded on the group."""
        required = mergeability.required_checks(entry.thread)
        found = verdicts.latest(entry.thread.repository, entry.group_sha or "")
        return verdicts.unmet(required, found, app_id=self.app.id) is not None

    def has_failed(self, entry: QueueEntry) -> bool:
        """Return whether a required check has failed on the group."""
        required = mergeability.required_checks(entry.thread)
        found = verdicts.latest(entry.thread.repository, entry.group_sha or "")
        return any(
            verdicts.word_of(one) == "failing"
            and verdicts.is_for(required, one, app_id=self.app.id)
            for one in found
        )

    def _settle_all_later(self, repository: Repository) -> None:
        for branch, queue in repository.queues.items():
            if queue:
                self._settle_later(repository, branch)

    def _settle_later(self, repository: Repository, branch: str) -> None:
        self.jobs.add(partial(self.settle_queue, repository.full_name, branch))


def _group_ref(entry: QueueEntry) -> str:
    name = f"{entry.branch}/pr-{entry.thread.number}-{entry.base_sha}"
    return f"refs/heads/gh-readonly-queue/{name}"
