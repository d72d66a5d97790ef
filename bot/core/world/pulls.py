"""A pull request as GitHub has it now, with all that decides whether it can be merged.

What its base demands is what an app may read: the rules of rulesets, what GraphQL says
of the branch, and which checks it calls required. What cannot be read is learned from
GitHub's refusal: ``bot.core.world.merge_refusals``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from bot.core.model import ItemNumber, Repository
from bot.core.world.freezes import Freeze
from bot.core.world.questions import (
    Check,
    CheckState,
    PullState,
    Question,
    about_commit,
    about_pull_request,
)


class MergeMethod(StrEnum):
    """How a pull request gets into its base, in the words of GitHub's REST API."""

    MERGE = "merge"
    SQUASH = "squash"
    REBASE = "rebase"


class MergeState(StrEnum):
    """What GitHub says of a merge at this moment."""

    CLEAN = "clean"
    HAS_HOOKS = "has_hooks"  # clean, on a server with hooks of its own
    UNSTABLE = "unstable"  # a check failed or runs that the base does not require
    BEHIND = "behind"  # the base wants branches to be up to date
    BLOCKED = "blocked"  # by a rule
    DIRTY = "dirty"  # conflicts
    UNKNOWN = "unknown"  # GitHub is working it out
    UNTOLD = "untold"  # no conflicts, by a server that says no more


class ReviewDecision(StrEnum):
    """What the reviews come to; nothing where none are required and none object."""

    NONE = ""
    APPROVED = "approved"
    REQUIRED = "review_required"
    CHANGES_REQUESTED = "changes_requested"


@dataclass(frozen=True, slots=True)
class BaseRules:
    """What a branch demands of what is merged into it, as far as the app may read it."""

    checks: tuple[str, ...] = ()  # the names of those required
    is_strict: bool = False  # branches have to be up to date
    approvals: int = 0
    wants_code_owners: bool = False
    wants_conversations_resolved: bool = False
    has_queue: bool = False
    methods: tuple[MergeMethod, ...] = tuple(MergeMethod)  # that may be used

    @property
    def wanted_approvals(self) -> str:
        """What reviewers have to give, in words.

        Which files have an owner, and whether ``CODEOWNERS`` is there and right, is not
        known here.
        """
        several = self.approvals > 1
        count = f"{self.approvals} approvals" if several else "an approval"
        if not self.wants_code_owners:
            return count
        by = "one by" if several else "by"
        return f"{count}, {by} a code owner where CODEOWNERS names one"


@dataclass(frozen=True, slots=True)
class HeadCommit:
    """One of the last commits of a pull request.

    ``by_app`` is whether GitHub made it for the app: its author is the app's bot, and
    GitHub signed it. What the app has GitHub make on a head that others made are merges
    of the base, and nothing else.
    """

    sha: str
    parents: tuple[str, ...]
    by_app: bool = False


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """The place of a pull request in the merge queue of its base."""

    position: int
    state: str  # queued, awaiting_checks, mergeable, unmergeable, locked
    entered_at: datetime
    by_app: bool = False


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request at this moment."""

    number: ItemNumber
    url: str
    node_id: str
    state: PullState
    head_sha: str
    head_branch: str
    base_branch: str
    base_sha: str
    is_draft: bool = False
    is_from_fork: bool = False
    may_be_pushed_to: bool = True  # False for a fork whose owner allows no edits
    merge_state: MergeState = MergeState.UNKNOWN
    may_bypass: bool = False  # GitHub would let the app merge past the base's rules
    review: ReviewDecision = ReviewDecision.NONE
    objectors: tuple[str, ...] = ()  # the logins of who requested changes
    open_conversations: int = 0
    checks: tuple[Check, ...] = ()  # of the head; the app's own are left out
    unapproved: tuple[Check, ...] = ()  # workflows that wait for somebody's approval
    commits: tuple[HeadCommit, ...] = ()  # the last ones, oldest first
    rules: BaseRules = field(default_factory=BaseRules)
    methods: tuple[MergeMethod, ...] = (MergeMethod.MERGE,)  # the preferred one first
    queue: QueueEntry | None = None
    left_queue_because: str = (
        ""  # why GitHub took it out of the queue, if that was last
    )
    left_queue_at: datetime | None = None
    is_taken_out_by_app: bool = False  # if that was last
    merged_sha: str = ""  # the commit on the base
    merged_by: str = ""
    is_merged_by_app: bool = False
    frozen: Freeze | None = None  # its base, by a maintainer: the bot's own knowledge
    merged_below: str = ""  # where its base was merged to, if that is a merged branch
    # On which commit of the base the head has the pinned commits, unchanged: proved by
    # git where that was asked for.
    rebased_onto: str = ""

    @property
    def required(self) -> tuple[Check, ...]:
        """Return the required checks, pending ones that have not reported among them."""
        return tuple(_required(self))


@dataclass(frozen=True, slots=True)
class PullRequestNow(Question[PullRequest]):
    """How a pull request stands.

    ``head_sha`` is the commit whose checks are awaited: it makes no other question.
    """

    number: ItemNumber
    head_sha: str = field(default="", compare=False)
    stacked_on: str = ""  # a branch that may have been merged in the meantime
    pinned_sha: str = ""  # of which another head may be a rebase

    @property
    def wakes(self) -> frozenset[str]:
        """Return the pull request, and the commit."""
        of_pull = about_pull_request(self.repository.id, self.number)
        if not self.head_sha:
            return frozenset({of_pull})
        return frozenset({of_pull, about_commit(self.repository.id, self.head_sha)})


@dataclass(frozen=True, slots=True)
class RebaseOf(Question[str]):
    """Why a rebase of a head would not be known for one; empty if it would.

    Whoever answers keeps the commits: once they are rebased nobody may have them.
    """

    is_slow: ClassVar[bool] = True
    number: ItemNumber
    head_sha: str
    base_branch: str


@dataclass(frozen=True, slots=True)
class ConflictsOf(Question[tuple[str, ...]]):
    """The files in which a head conflicts with its base; none where nobody can say."""

    is_slow: ClassVar[bool] = True
    number: ItemNumber
    head_sha: str
    base_sha: str
    base_branch: str


def conflicts_of(repository: Repository, pull: PullRequest) -> ConflictsOf:
    """Return what is asked about the conflicts of a pull request."""
    return ConflictsOf(
        repository, pull.number, pull.head_sha, pull.base_sha, pull.base_branch
    )


def is_own_update(pull: PullRequest, pinned: str) -> bool:
    """Return whether the head is *pinned*, or came from it by the app's own updates.

    Each of them is a merge whose first parent is the head before, made by GitHub for
    the app; what else was pushed is not, whoever did that. Or it has the same commits on
    another one of the base.
    """
    if pull.rebased_onto:
        return True
    by_sha = {commit.sha: commit for commit in pull.commits}
    sha = pull.head_sha
    while sha != pinned:
        commit = by_sha.pop(sha, None)  # none is met twice
        if commit is None or not commit.by_app or len(commit.parents) != 2:
            return False
        sha = commit.parents[0]
    return True


def _required(pull: PullRequest) -> Iterator[Check]:
    reported = set()
    for check in pull.checks:
        if check.is_required or check.name in pull.rules.checks:
            reported.add(check.name)
            yield check
    for name in pull.rules.checks:
        if name not in reported:
            yield Check(name, CheckState.PENDING, "expected")
