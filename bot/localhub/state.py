"""What the local GitHub remembers: repositories, threads, comments, reviews, queues.

Plain mutable records that point at each other, and ``State``, which numbers and finds
them. Nothing here checks a permission or sends a webhook: that is ``LocalHub``'s part.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from bot.localhub.accounts import Installation, Team, User, UserType
from bot.localhub.ci import (
    CheckRun,
    CheckSuite,
    CommitStatus,
    RunPlan,
    Workflow,
    WorkflowRun,
)
from bot.localhub.git import GitRepository
from bot.localhub.rules import MERGE_METHODS, BranchRules, QueueRule

Now = Callable[[], datetime]

ROLES = ("none", "read", "triage", "write", "maintain", "admin")
"""Role names from nothing to everything."""

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
COMMENT_LIMIT = 65_536


@dataclass(eq=False, slots=True)
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str = ""


@dataclass(eq=False, slots=True)
class Milestone:
    """A milestone of a repository."""

    id: int
    number: int
    title: str
    creator: User
    created_at: datetime
    description: str = ""
    state: str = "open"
    due_on: datetime | None = None


@dataclass(eq=False, slots=True)
class Reaction:
    """An emoji that somebody left on a comment or a thread."""

    id: int
    user: User
    content: str  # one of REACTIONS
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Edit:
    """A body as it was before somebody edited it."""

    editor: User
    at: datetime
    before: str


@dataclass(eq=False, slots=True)
class Comment:
    """A comment on a thread."""

    id: int
    thread: "Thread"
    author: User
    body: str
    created_at: datetime
    updated_at: datetime
    edits: list[Edit] = field(default_factory=list)  # oldest first
    reactions: list[Reaction] = field(default_factory=list)
    minimized_as: str = ""
    pinned_at: datetime | None = None
    pinned_by: User | None = None


@dataclass(eq=False, slots=True)
class Review:
    """A review of a pull request at one commit."""

    id: int
    thread: "Thread"
    author: User
    body: str
    state: str  # PENDING, COMMENTED, APPROVED, CHANGES_REQUESTED, DISMISSED
    commit_id: str
    submitted_at: datetime
    reactions: list[Reaction] = field(default_factory=list)
    minimized_as: str = ""  # outdated, spam … as GitHub says it


@dataclass(eq=False, slots=True)
class ReviewComment:
    """A comment on a line (or, without one, a file) of a pull request's diff."""

    id: int
    thread: "Thread"
    review: Review
    author: User
    body: str
    path: str
    line: int | None
    side: str  # LEFT or RIGHT
    commit_id: str
    diff_hunk: str
    created_at: datetime
    updated_at: datetime
    start_line: int | None = None
    start_side: str | None = None
    in_reply_to: int | None = None
    reactions: list[Reaction] = field(default_factory=list)
    minimized_as: str = ""
    is_resolved: bool = False  # the conversation that it begins


@dataclass(frozen=True, slots=True)
class PendingReview:
    """A review that its author has not submitted: nobody else sees it."""

    review: Review
    comments: tuple[ReviewComment, ...]


@dataclass(frozen=True, slots=True)
class ThreadEvent:
    """Something besides comments that a thread's page tells, such as ``labeled``.

    ``kind`` is GitHub's name of the issue event; ``detail`` the label, login, branch,
    title … that it is about.
    """

    kind: str
    actor: User
    at: datetime
    detail: str = ""
    commit: str | None = None  # that it is about


@dataclass(eq=False, slots=True)
class PullRequest:
    """What a thread has besides when it is a pull request."""

    id: int
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    is_draft: bool = False
    merged_at: datetime | None = None
    merged_by: User | None = None
    merge_commit_sha: str | None = None
    fork: "Repository | None" = None  # where the head is, if that is elsewhere
    maintainer_can_modify: bool = False  # of a fork's branch
    is_in_stack: bool = False  # one of GitHub's own, which are merged as a whole
    tried: tuple[str, str] | None = None  # base and head that a merge is tried of
    tried_for: list[object] = field(default_factory=list)  # who asked of it
    requested_reviewers: list[User] = field(default_factory=list)
    requested_teams: list[Team] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)
    pending_reviews: list[PendingReview] = field(default_factory=list)

    @property
    def is_merged(self) -> bool:
        """Whether it was merged."""
        return self.merged_at is not None


@dataclass(eq=False, slots=True)
class Thread:
    """An issue, or a pull request (then ``pull`` is set), with its discussion."""

    id: int
    repository: "Repository"
    number: int
    author: User
    title: str
    body: str
    created_at: datetime
    updated_at: datetime
    pull: PullRequest | None = None
    state: str = "open"
    state_reason: str | None = None  # completed, not_planned, duplicate, reopened
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    milestone: Milestone | None = None
    is_locked: bool = False
    lock_reason: str | None = None
    closed_at: datetime | None = None
    closed_by: User | None = None
    is_deleted: bool = False
    is_discussion: bool = False  # converted: closed and locked for good
    comments: list[Comment] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    events: list[ThreadEvent] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    blocked_by: list["Thread"] = field(default_factory=list)
    blocks: list["Thread"] = field(default_factory=list)  # the same from its other end
    sub_issues: list["Thread"] = field(default_factory=list)
    parent: "Thread | None" = None

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self.state == "open"

    @property
    def participants(self) -> list[User]:
        """Who has taken part: its author, who is assigned, who has commented."""
        commented = (comment.author for comment in self.comments)
        return list(dict.fromkeys((self.author, *self.assignees, *commented)))

    @property
    def pinned_comment(self) -> Comment | None:
        """The comment pinned on this issue."""
        return next((c for c in self.comments if c.pinned_at is not None), None)


@dataclass(eq=False, slots=True)
class QueueEntry:
    """A pull request in a merge queue; its group is what it would make of the base."""

    id: int
    thread: Thread
    branch: str  # the base whose queue it is
    head_sha: str
    enqueuer: User
    enqueued_at: datetime
    is_jump: bool = False
    base_sha: str | None = None  # what the group stands on
    group_sha: str | None = None
    built_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """One move of a branch, as GitHub's list of activities has it."""

    id: int
    kind: str
    actor: User | None  # None: the account is gone
    ref: str
    before: str
    after: str
    at: datetime


@dataclass(eq=False, slots=True)
class Repository:
    """A repository: a bare git repository on disk and what GitHub adds to it."""

    id: int
    owner: User
    name: str
    git: GitRepository
    created_at: datetime
    pushed_at: datetime
    description: str = ""
    default_branch: str = "main"
    is_private: bool = False
    is_internal: bool = False  # private, and read by all of its enterprise
    is_archived: bool = False
    parent: "Repository | None" = None  # that it is a fork of
    has_drafts: bool = True  # private ones of some plans have none
    roles: dict[str, str] = field(default_factory=dict)  # by login, see ROLES
    custom_roles: dict[str, str] = field(default_factory=dict)  # name → base role
    labels: list[Label] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    threads: dict[int, Thread] = field(default_factory=dict)  # by number, deleted too
    moved: dict[int, Thread] = field(default_factory=dict)  # by number, elsewhere now
    check_suites: list[CheckSuite] = field(default_factory=list)
    check_runs: list[CheckRun] = field(default_factory=list)
    statuses: list[CommitStatus] = field(default_factory=list)  # oldest first
    queues: dict[str, list[QueueEntry]] = field(default_factory=dict)  # by branch
    workflows: dict[str | None, Workflow] = field(default_factory=dict)
    """What the CI says of the heads of a branch; of all others, without a name."""
    workflow_runs: list[WorkflowRun] = field(default_factory=list)  # oldest first
    run_plans: dict[str, RunPlan] = field(default_factory=dict)  # by workflow file
    disabled_workflows: dict[str, str] = field(default_factory=dict)  # file → state
    branches: dict[str, str] = field(default_factory=dict)  # as last told to anybody
    activities: list[Activity] = field(default_factory=list)  # oldest first
    former_names: list[str] = field(default_factory=list)  # owner/name
    last_number: int = 0
    rules: list[BranchRules] = field(default_factory=list)
    signed_branches: list[str] = field(default_factory=list)  # patterns of their names
    signs_by_protection: bool = False  # classic, so that no ruleset tells of it
    merge_methods: tuple[str, ...] = MERGE_METHODS  # that the settings allow
    merge_title: str = "MERGE_MESSAGE"  # or PR_TITLE
    merge_message: str = "PR_TITLE"  # or PR_BODY, BLANK
    squash_title: str = "COMMIT_OR_PR_TITLE"  # or PR_TITLE
    squash_message: str = "COMMIT_MESSAGES"  # or PR_BODY, BLANK
    deletes_branch_on_merge: bool = False

    @property
    def full_name(self) -> str:
        """``owner/name``."""
        return f"{self.owner.login}/{self.name}"

    def role(self, login: str) -> str:
        """Return the role of *login*, of a custom one the role that it is built on."""
        name = self.role_name(login)
        return self.custom_roles.get(name, name)

    def role_name(self, login: str) -> str:
        """Return the name of the role of *login*: anyone may read what is public."""
        lowered = login.lower()
        if lowered == self.owner.login.lower():
            return "admin"
        found = next((r for k, r in self.roles.items() if k.lower() == lowered), None)
        is_shut = self.is_private and not self.is_internal
        return found or ("none" if is_shut else "read")

    @property
    def visibility(self) -> str:
        """``public``, ``private`` or ``internal``."""
        if not self.is_private:
            return "public"
        return "internal" if self.is_internal else "private"

    def workflow_of(self, suite: CheckSuite) -> Workflow:
        """Return what the CI says of a commit."""
        other = self.workflows.get(None) or Workflow()
        return self.workflows.get(suite.head_branch) or other

    def queue_entry(self, thread: Thread) -> QueueEntry | None:
        """Return where a pull request stands in a merge queue."""
        entries = (entry for queue in self.queues.values() for entry in queue)
        return next((entry for entry in entries if entry.thread is thread), None)

    def rules_of(self, branch: str) -> list[BranchRules]:
        """Return all that is demanded of a branch."""
        name = self.default_branch
        return [r for r in self.rules if r.holds_for(branch, default_branch=name)]

    def queue_rule(self, branch: str) -> QueueRule | None:
        """Return what the merge queue of a branch goes by; None if it has no queue."""
        rules = (one.queue for one in self.rules_of(branch))
        return next((one for one in rules if one is not None), None)

    def label(self, name: str) -> Label | None:
        """Return the label of that name; names ignore case."""
        lowered = name.lower()
        return next((x for x in self.labels if x.name.lower() == lowered), None)

    def milestone(self, number: int) -> Milestone | None:
        """Return the milestone of that number."""
        return next((m for m in self.milestones if m.number == number), None)

    def visible_threads(self) -> list[Thread]:
        """Return the threads that are not deleted, by number."""
        return [t for t in self.threads.values() if not t.is_deleted]

    def find_comment(self, comment_id: int) -> Comment | None:
        """Return a comment on any thread."""
        return next((c for c in self.comments() if c.id == comment_id), None)

    def find_review_comment(self, comment_id: int) -> ReviewComment | None:
        """Return a review comment on any pull request."""
        return next(
            (
                comment
                for thread in self.visible_threads()
                if thread.pull is not None
                for comment in thread.pull.review_comments
                if comment.id == comment_id
            ),
            None,
        )

    def comments(self) -> Iterator[Comment]:
        """Yield every comment of every thread."""
        for thread in self.visible_threads():
            yield from thread.comments


@dataclass(slots=True)
class State:
    """Everything the local GitHub knows, found by the names that people use."""

    now: Now
    users: dict[str, User] = field(default_factory=dict)  # by lower-case login
    teams: dict[tuple[str, str], Team] = field(default_factory=dict)  # (org, slug)
    repositories: dict[int, Repository] = field(default_factory=dict)
    installations: dict[int, Installation] = field(default_factory=dict)
    last_id: int = 1000

    def next_id(self) -> int:
        """Return an id that nothing else has; ids grow with time."""
        self.last_id += 1
        return self.last_id

    def user(self, login: str) -> User | None:
        """Return the account of that login; logins ignore case."""
        return self.users.get(login.lower())

    def add_user(self, login: str, type_: UserType = UserType.USER) -> User:
        """Return the account of that login, made if there is none."""
        known = self.user(login)
        if known is None:
            known = self.users[login.lower()] = User(self.next_id(), login, type_)
        return known

    def repository(self, full_name: str) -> Repository | None:
        """Return the repository that has that name now."""
        lowered = full_name.lower()
        return next(
            (r for r in self.repositories.values() if r.full_name.lower() == lowered),
            None,
        )

    def renamed(self, full_name: str) -> Repository | None:
        """Return the repository that had that name once."""
        lowered = full_name.lower()
        return next(
            (
                r
                for r in self.repositories.values()
                if lowered in (name.lower() for name in r.former_names)
            ),
            None,
        )

    def blocked_by(self, thread: Thread) -> list[Thread]:
        """Return the issues that wait for one, as far as there are any."""
        there = (
            other
            for other in thread.blocks
            if not other.is_deleted and other.repository.id in self.repositories
        )
        return sorted(there, key=lambda other: (other.repository.id, other.number))

    def unrelate(self, thread: Thread) -> None:
        """Take a thread that goes away out of what others say of it."""
        for repository in self.repositories.values():
            for other in repository.threads.values():
                other.blocked_by = [t for t in other.blocked_by if t is not thread]
                other.blocks = [t for t in other.blocks if t is not thread]
                other.sub_issues = [t for t in other.sub_issues if t is not thread]
                if other.parent is thread:
                    other.parent = None

    def installation_of(self, repository: Repository) -> Installation | None:
        """Return the installation that covers the repository."""
        return next(
            (i for i in self.installations.values() if self.covers(i, repository)), None
        )

    def covers(self, installation: Installation, repository: Repository) -> bool:
        """Return whether the installation may see the repository."""
        return installation.account is repository.owner and (
            installation.repository_ids is None
            or repository.id in installation.repository_ids
        )
