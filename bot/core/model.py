"""The nouns: repositories, items, plans, batches and how an item can end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NewType

from bot.core.remarks import Said, Verdict

BatchId = NewType("BatchId", str)
"""Four characters such as ``b7k2``: letter, digit, letter, digit."""

InstallationId = NewType("InstallationId", int)
ItemNumber = NewType("ItemNumber", int)
"""The number of an issue or pull request in its repository."""

ItemId = NewType("ItemId", str)
"""An item's place in its plan, such as ``15``; a second item on the same number is
``15-review``, one of another repository that would be taken for it ``api-15``.
"""

Named = ItemNumber | ItemId
"""How people name items of a batch: all on a number, or one by its place; those of another
repository as ``acme/api#12``, which is kept among the places.
"""

AttemptId = NewType("AttemptId", str)
"""``b7k2-15-2``: batch, item and the number of the try, counted from 1."""


def attempt_id(batch_id: BatchId, item: ItemId, attempt: int) -> AttemptId:
    """Return the one spelling of an attempt's name."""
    return AttemptId(f"{batch_id}-{item}-{attempt}")


def branch(batch_id: BatchId, item: ItemId) -> str:
    """Return the one spelling of the branch that an item's work is pushed to."""
    return f"batch/{batch_id}/{item}"


_BRANCH = re.compile(r"batch/(?P<batch>[a-z][0-9][a-z][0-9])/(?P<item>[a-z0-9-]+)\Z")
_PULL_REQUEST = re.compile(r"/pull/(\d+)\Z")
_AT_HOME = re.compile(r"(?P<number>[0-9]+)(?=-[a-z]|\Z)")


def is_work(branch: str) -> bool:
    """Return whether a branch is named like one that items' work is pushed to."""
    return _BRANCH.match(branch) is not None


def batch_of(branch: str, number: ItemNumber) -> BatchId | None:
    """Return whose work on an issue a branch holds; None for any other branch."""
    found = _BRANCH.match(branch)
    if found is None:
        return None
    own = _AT_HOME.match(found["item"])
    numbers = [own["number"]] if own else found["item"].split("-")[1:]
    return BatchId(found["batch"]) if str(number) in numbers else None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as one installation of the app sees it."""

    id: int
    name: str  # owner/name
    installation_id: InstallationId


@dataclass(frozen=True, slots=True, order=True)
class Reference:
    """An issue or pull request of any repository."""

    repository: str  # owner/name
    number: ItemNumber

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"

    def beside(self, home: str) -> str:
        """Return how people read it among the items of *home*: ``#12``, if it is there."""
        return f"#{self.number}" if self.repository == home else str(self)


class CommentKind(StrEnum):
    """Where a command was read; reactions and replies differ."""

    ISSUE = "issue_comment"
    REVIEW_COMMENT = "review_comment"
    REVIEW = "review"  # has no reactions in the REST API


class ItemKind(StrEnum):
    """What a number stands for on GitHub."""

    ISSUE = "issue"
    PULL_REQUEST = "pull_request"


class ItemSort(StrEnum):
    """What is worked on in an item."""

    ISSUE = "issue"
    PULL_REQUEST = "pull_request"
    REVIEW = "review"


class BatchKind(StrEnum):
    """What a batch is about as a whole."""

    ISSUE_IMPLEMENTATION = "issue_implementation"
    PR_REVIEW = "pr_review"
    MIXED = "mixed"  # anything else, such as labels and states


class ItemState(StrEnum):
    """Where an item of a batch stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the item by itself."""
        return self not in (ItemState.PENDING, ItemState.RUNNING)


class Stage(StrEnum):
    """Where the attempt of a running item stands."""

    WORKING = "working"
    PARKED = "parked"  # it waits for somebody outside
    CHANGING = "changing"  # what it did is being brought to GitHub: too late to stop it
    STOPPING = "stopping"  # somebody wants it stopped


class BatchState(StrEnum):
    """Where a batch stands."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    FINISHED = "finished"

    @property
    def is_live(self) -> bool:
        """Whether the scheduler still has to do with the batch."""
        return self in (BatchState.RUNNING, BatchState.PAUSED, BatchState.CANCELLING)


class OnFailure(StrEnum):
    """What a failed item means for the rest of its batch."""

    CONTINUE = "continue"
    STOP = "stop"
    PAUSE = "pause"


class Deps(StrEnum):
    """Which sources of dependencies a batch takes."""

    ALL = "all"
    NATIVE = "native"
    TYPED = "typed"


class UpdateWhen(StrEnum):
    """When a branch is brought up to date with its base before it is merged."""

    ALWAYS = "always"
    REQUIRED = "required"  # by the base
    NEVER = "never"


class UpdateMethod(StrEnum):
    """How a branch gets what its base has."""

    MERGE = "merge"  # by a merge of the base
    REBASE = "rebase"  # its commits are made again on the base


class Speech(StrEnum):
    """Which comments a batch writes by itself; what is asked is always answered."""

    ALL = "all"  # its progress, and its report at the end
    OUTCOMES = "outcomes"  # its report
    NONE = "none"  # a report if not everything was done, else nothing


class Origin(StrEnum):
    """Where an edge of the plan comes from."""

    TYPED = "typed"  # after: in the command
    NATIVE = "native"  # GitHub's "blocked by"
    TEXT = "text"  # "Depends on #n" in the item's text
    STACK = "stack"  # the base of a stacked pull request
    OPENED = "opened"  # it is done to the pull request that the other one opens


class Cause(StrEnum):
    """What ends a batch although nobody asked for that."""

    SUSPENDED = "suspended"  # the app's installation
    REMOVED = "removed"  # the app cannot see the repository any more
    ARCHIVED = "archived"  # the repository
    TRANSFERRED = "transferred"  # the repository has another owner
    THREAD_GONE = "thread gone"  # where the command was given
    HIDDEN = "hidden"  # the batch may not be shown what is in the repository
    ROLE_LOST = "role lost"  # of whoever started the batch


class Role(IntEnum):
    """A person's role in a repository, from least to most."""

    NONE = 0
    READ = 1
    TRIAGE = 2
    WRITE = 3
    MAINTAIN = 4
    ADMIN = 5


class Visibility(IntEnum):
    """Who can read a repository without a role in it, from fewest to most."""

    PRIVATE = 1  # nobody
    INTERNAL = 2  # everybody of its enterprise
    PUBLIC = 3


@dataclass(frozen=True, slots=True)
class Permit:
    """What it takes to do something: a role, or to be in one of some teams and have
    another role at *least*.
    """

    role: Role
    teams: tuple[str, ...] = ()  # slugs, of the repository's owner
    least: Role = Role.TRIAGE


@dataclass(frozen=True, slots=True)
class Action:
    """What is done to an item: a name and its arguments.

    ``label`` has ``("+bug", "-triage")``, ``assign`` ``("+ada", "-bob")``, ``close``
    nothing or ``("not-planned",)``, ``comment`` its text, ``dispatch`` the workflow
    file and then ``key=value`` pairs.
    """

    name: str
    arguments: tuple[str, ...] = ()
    # What stands behind a name of the repository's own, once that is resolved.
    uses: str = ""  # an action of the table; empty: the one of this name
    command: str = (
        ""  # the operator's command that it runs; empty: the one of this name
    )
    result: str = ""  # pull_request: the run that it dispatches pushes a branch for one

    @property
    def does(self) -> str:
        """The name of the action in the table."""
        return self.uses or self.name

    @property
    def runs(self) -> str:
        """The operator's name for the command that it runs, if it runs one."""
        return self.command or self.does


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that GitHub did not say of an item, and *why* in its words."""

    part: str  # as it is called there
    why: str


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What GitHub said of an issue or pull request when the command was accepted."""

    number: ItemNumber
    kind: ItemKind
    title: str
    body: str
    url: str
    is_open: bool
    updated_at: datetime
    state_reason: str = ""  # completed, not_planned, duplicate, reopened or empty
    author: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: str = ""
    blocked_by: tuple[Reference, ...] = ()
    sub_issues: tuple[Reference, ...] = ()
    linked_pull_requests: tuple[ItemNumber, ...] = ()  # open ones that close the issue
    # The rest is empty for issues.
    is_merged: bool = False
    is_draft: bool = False
    is_from_fork: bool = False
    head_sha: str = ""
    head_branch: str = ""
    base_branch: str = ""
    # Who is asked for a review, as ``Mark`` names them; None: GitHub did not tell. A
    # team that the app may not see is ``team:``.
    reviewers: tuple[str, ...] | None = None
    unread: tuple[Unread, ...] = ()

    @property
    def is_satisfied(self) -> bool:
        """Whether an item that waits for this one from outside may start."""
        if self.kind is ItemKind.PULL_REQUEST:
            return self.is_merged
        return not self.is_open and self.state_reason in ("completed", "")

    @property
    def ended(self) -> str:
        """How it was closed: unmerged, or GitHub's reason; else nothing."""
        if self.is_open or self.is_merged:
            return ""
        is_issue = self.kind is ItemKind.ISSUE
        return self.state_reason if is_issue else "unmerged"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a batch, every default filled in."""

    concurrency: int = 3
    on_failure: OnFailure = OnFailure.CONTINUE
    timeout_seconds: int = 1800
    retries: int = 2
    priority: int = 50
    budget_requests: int | None = None
    deps: Deps = Deps.ALL
    method: str = ""  # of merges: see ``MergeWay``
    update: UpdateWhen = UpdateWhen.REQUIRED
    update_method: UpdateMethod = UpdateMethod.MERGE
    rerun_failed: int = 0
    comments: Speech = Speech.ALL
    is_pinned: bool = True  # the comment with its progress


@dataclass(frozen=True, slots=True)
class MergeWay:
    """How a pull request is to be merged, or updated."""

    method: str = ""  # merge, squash or rebase; empty: as the repository prefers
    update: UpdateWhen = UpdateWhen.REQUIRED
    update_method: UpdateMethod = UpdateMethod.MERGE
    rerun_failed: int = 0  # how often failed jobs of GitHub Actions are run again


class RuleWhen(StrEnum):
    """What has to become of a file for a rule to say something of it."""

    CHANGED = "changed"  # in any way
    ADDED = "added"
    REMOVED = "removed"


class RuleLevel(StrEnum):
    """How much what a rule says matters."""

    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ReviewRule:
    """What a repository wants said of a pull request.

    With a pattern it is said at added lines that match, else at files by what became of
    them.
    """

    say: str
    paths: tuple[str, ...] = ()  # globs; none: all files
    pattern: str = ""
    when: RuleWhen = RuleWhen.CHANGED
    level: RuleLevel = RuleLevel.WARNING


@dataclass(frozen=True, slots=True)
class Dispatchable:
    """What a workflow takes of the bot: those of its own inputs that it declares, and
    whether the name of a run shows which attempt that is for.

    ``goes_alone``: of several runs GitHub lets one go on and one wait, and cancels those
    between.
    """

    inputs: tuple[str, ...] = ()
    is_named: bool = False
    goes_alone: bool = False


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One item of a plan. Its text is kept apart: see ``ItemFacts``."""

    id: ItemId
    repository: Repository
    number: ItemNumber
    kind: ItemKind
    action: Action
    worker: str  # runs its command; empty: it runs none
    title: str
    priority: int = 50
    timeout_seconds: int = 1800
    retries: int = 2
    head_sha: str = ""  # pinned when the command was accepted; pull requests only
    base_branch: str = ""
    # Open pull requests of other batches for the same issue that it is made beside.
    beside: tuple[ItemNumber, ...] = ()
    merge_way: MergeWay = field(default_factory=MergeWay)
    rules: tuple[ReviewRule, ...] = ()  # of the repository; of reviews
    permit: Permit | None = None  # to do it, if the repository says so
    verdicts: tuple[Verdict, ...] = ()  # that a command may give in a review of the bot
    withheld: str = ""  # the command that is not run on it because it is from a fork
    # The item whose pull request this is done to. Until that is opened, number, kind and
    # title are those of its issue.
    opened_by: ItemId | None = None
    # Of an item of another repository than its batch's home:
    default_branch: str = ""  # empty: the home's
    takes: Permit | None = None  # of whoever starts it; None: what the home takes
    dispatchable: Dispatchable = field(default_factory=Dispatchable)

    @property
    def is_unopened(self) -> bool:
        """Whether the pull request that it is to be done to is not there yet."""
        return self.opened_by is not None and self.kind is ItemKind.ISSUE


@dataclass(frozen=True, slots=True)
class Edge:
    """*successor* waits for *predecessor*, which is an item of the same plan."""

    successor: ItemId
    predecessor: ItemId
    origin: Origin


@dataclass(frozen=True, slots=True)
class OutsideEdge:
    """*successor* waits for something that is no item of the plan."""

    successor: ItemId
    predecessor: Reference
    origin: Origin


@dataclass(frozen=True, slots=True)
class Plan:
    """What a batch will do: its items in the order asked for, and who waits for whom.

    The edges have no cycle; ``bot.core.plan.graph.build_plan`` sees to it.
    """

    items: tuple[PlanItem, ...]
    edges: tuple[Edge, ...] = ()
    outside: tuple[OutsideEdge, ...] = ()
    options: Options = field(default_factory=Options)
    notes: tuple[str, ...] = ()  # Markdown written by the bot: how the command was read


@dataclass(frozen=True, slots=True)
class PlanChange:
    """What somebody changed in the plan of a live batch."""

    priorities: tuple[tuple[ItemId, int], ...] = ()
    concurrency: int | None = None
    items: tuple[PlanItem, ...] = ()  # added, behind those that were there
    edges: tuple[Edge, ...] = ()
    outside: tuple[OutsideEdge, ...] = ()
    inside: tuple[OutsideEdge, ...] = ()  # waits for what is an item now: see ``edges``


@dataclass(frozen=True, slots=True)
class Person:
    """Under which name and address an account commits."""

    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asked for something, and in which comment."""

    login: str
    url: str  # of the comment


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment with commands; the bot reacts to it."""

    id: int
    kind: CommentKind
    node_id: str = ""  # GraphQL's name for it

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class Box:
    """A ticked box in one of the bot's own comments."""

    comment_id: int
    verb: str
    edit: str  # tells this tick from a later one of the same box

    def __str__(self) -> str:
        return f"box:{self.comment_id}:{self.verb}:{self.edit}"


OPERATOR = "the operator"
"""Who asks from the command line of this server; nobody's login has a space."""


@dataclass(frozen=True, slots=True)
class Operator:
    """A wish of the operator of this server, from the command line."""

    wish: str  # tells it from every other one

    def __str__(self) -> str:
        return f"operator:{self.wish}"


@dataclass(frozen=True, slots=True)
class Page:
    """A form on a page of the bot that somebody sent who had signed in."""

    form: str  # tells it from every other one; each is sent once

    def __str__(self) -> str:
        return f"page:{self.form}"


@dataclass(frozen=True, slots=True)
class Mark:
    """A label that somebody put on an item, or somebody's review that they asked for."""

    number: ItemNumber
    # The label; team:slug or user:login; or what happened: opened, ready_for_review.
    name: str
    delivery: str  # the GUID of what told it
    at: datetime  # GitHub's, to the second
    numbers: tuple[ItemNumber, ...] = ()  # the item itself, or its open parts
    action: str = ""  # the name of what is done; empty: the default of each item
    has_parts_elsewhere: bool = False  # in other repositories, which no batch does

    @property
    def key(self) -> tuple[ItemNumber, str, datetime]:
        """What tells it from others, whatever told it."""
        return self.number, self.name.casefold(), self.at


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labels that one person put on items within a window, the oldest first."""

    labels: tuple[Mark, ...]

    def __str__(self) -> str:
        return f"labels:{self.labels[0].delivery}"


@dataclass(frozen=True, slots=True)
class ReviewAsked:
    """Reviews that one person asked for within a window, the oldest first."""

    reviews: tuple[Mark, ...]

    def __str__(self) -> str:
        return f"reviews:{self.reviews[0].delivery}"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A time that a schedule of the repository was due at."""

    key: str  # of the schedule, which no other one of any repository has
    due_at: datetime
    at: str  # as it is written: Mon 06:00
    zone: str

    def __str__(self) -> str:
        return f"schedule:{self.key}:{self.due_at:%Y%m%dT%H%MZ}"


@dataclass(frozen=True, slots=True)
class StartTime:
    """The time at which a batch starts by itself."""

    batch: BatchId
    starts_at: datetime

    def __str__(self) -> str:
        return f"start:{self.batch}:{self.starts_at:%Y%m%dT%H%MZ}"


@dataclass(frozen=True, slots=True)
class Button:
    """A button of one of the bot's own check runs, which is one wish however often it
    is pressed.
    """

    check_run_id: int
    verb: str

    def __str__(self) -> str:
        return f"check_run:{self.check_run_id}:{self.verb}"


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for once: where, who, by what."""

    repository: Repository
    thread: ItemNumber
    thread_is_pull_request: bool
    asker: Asker
    origin: (
        Comment
        | Box
        | Button
        | Labelled
        | ReviewAsked
        | Operator
        | Page
        | Scheduled
        | StartTime
    )
    part: int = 0  # which command of the comment, counted from 0

    @property
    def source(self) -> str:
        """The name of the request, unique: ``issue_comment:991.0``."""
        return f"{self.origin}.{self.part}"

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The labels or requests for reviews that it was made with."""
        match self.origin:
            case Labelled(marks) | ReviewAsked(marks):
                return marks
            case _:
                return ()

    @property
    def reply(self) -> str:
        """The name of its answers; the first command's is that of the comment."""
        return self.source if self.part else str(self.origin)


def source_of(reply: str) -> str:
    """Return the source of the request whose answers are called *reply*."""
    return reply if "." in reply else f"{reply}.0"


@dataclass(frozen=True, slots=True)
class Batch:
    """One command's work. What became of it is in its events."""

    id: BatchId
    request: Request
    default_branch: str
    command: str  # as understood, in the language of COMMANDS
    created_at: datetime
    plan: Plan
    retry_of: BatchId | None = None
    undo_of: BatchId | None = None
    needed_role: Role = Role.WRITE  # of whoever starts it
    permits: tuple[Permit, ...] = ()  # if a team will do instead
    # Of a retry: items, what each waited for that is done (its number in the item's
    # repository, for it is no item of this plan), and the branch it pushed.
    builds_on: tuple[tuple[ItemId, ItemNumber, str], ...] = ()

    @property
    def repository(self) -> Repository:
        """Its home: where it was asked for and is shown."""
        return self.request.repository

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """Its home, and the other repositories that its items are of."""
        of_items = {item.repository.id: item.repository for item in self.plan.items}
        found = {self.repository.id: self.repository, **of_items}
        return tuple(found.values())

    def is_in(self, repository_id: int) -> bool:
        """Return whether a repository is its home, or that of an item."""
        return repository_id == self.repository.id or any(
            item.repository.id == repository_id for item in self.plan.items
        )

    @property
    def elsewhere(self) -> tuple[Repository, ...]:
        """The repositories of its items, but for its home."""
        home = self.repository.id
        return tuple(one for one in self.repositories if one.id != home)

    @property
    def thread(self) -> ItemNumber:
        """The issue or pull request in which it was asked for and is shown."""
        return self.request.thread

    @property
    def asker(self) -> Asker:
        """Who asked for it."""
        return self.request.asker

    @property
    def source(self) -> str:
        """The name of its request, unique among batches."""
        return self.request.source


@dataclass(frozen=True, slots=True)
class Link:
    """A link that the bot writes: its text is the bot's own, such as ``PR 71``."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class OpenedPull:
    """The pull request that an item opened for its issue, or found open for it."""

    number: ItemNumber
    head_sha: str  # that was pushed
    base_branch: str = ""  # empty: not known


class OutcomeKind(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    UNCHANGED = "unchanged"  # completed, no change needed
    FAILED = "failed"
    TRANSIENT = "transient"  # failed in a way that another try may cure


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of an attempt, with the evidence.

    ``summary`` and ``reason`` may hold the words of others: they are escaped where
    they are shown. ``advice`` is the bot's own sentence on what to do next.
    """

    kind: OutcomeKind
    summary: str = ""  # of a success, such as "rebased, checks green"
    link: Link | None = None
    branch: str = ""  # pushed by this item; successors stack on it
    reason: str = ""  # of a failure, such as "timed out after 30m"
    advice: str = ""
    retry_helps: bool = False
    retry_after_seconds: float | None = None
    log_tail: tuple[str, ...] = ()
    isolation: str = ""  # how the command was isolated, such as "bubblewrap"
    undo: Action | None = None  # what takes back what was changed, if anything does
    opened: OpenedPull | None = None  # what others of the batch may be done to
    is_of_repository: bool = False  # it ended with its repository, not by itself

    @property
    def is_success(self) -> bool:
        """Whether successors may start."""
        return self.kind in (OutcomeKind.COMPLETED, OutcomeKind.UNCHANGED)

    @property
    def pull_request(self) -> ItemNumber | None:
        """The number of the pull request that the evidence is, if it is one."""
        found = _PULL_REQUEST.search(self.link.url) if self.link else None
        return ItemNumber(int(found[1])) if found else None


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What came of an operator's command. ``log_tail`` is its last lines, redacted."""

    exit_code: int  # negative: the signal
    timed_out: bool = False
    log_tail: tuple[str, ...] = ()
    isolation: str = ""  # how it was isolated, such as "bubblewrap"
    # What it changed, as one commit that the host can push; empty if nothing.
    commit: str = ""
    files: int = 0
    insertions: int = 0
    deletions: int = 0
    added: int = 0  # of the files; the rest of them was there before
    removed: int = 0
    left_out: tuple[str, ...] = ()  # what it made and nobody gets: "cache/ (a cache)"
    outputs: dict[str, str] = field(default_factory=dict)  # files that it wrote
    template: str = ""  # the repository's own, for pull requests
    unfiltered: tuple[str, ...] = ()  # files whose ``filter=`` is not known here
    base: str = ""  # the branch that it stands on
    merged: tuple[str, ...] = ()  # branches that were merged into that
    moved_from: tuple[str, ...] = ()  # those that it was made on, if it was moved since
    stuck: str = ""  # why it still stands there, though its base is another one now
    fault: str = ""  # why the bot did not start it, or ended it: no try helps
    advice: str = ""
    # Of a pull request that it looked at; too much for a line of the log.
    said: Said | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an action usually takes: medians of past items, or static values."""

    seconds: float
    requests: float


Expectations = Mapping[str, Expectation]
"""By ``estimate_key``; ``bot.core.actions.table.expectation`` looks in it."""
