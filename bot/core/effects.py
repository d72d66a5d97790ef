"""What the bot may change outside: intents, and the receipts that prove them.

An intent is written to the store before it is carried out and names everything that
is needed to find it again on GitHub after a crash. One that ``is_repeatable`` changes
nothing the second time: another try of it need not look first.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from bot.core.model import CommentKind, ItemNumber, Repository


class Reaction(StrEnum):
    """GitHub's names of the reactions that the bot uses."""

    SEEN = "eyes"
    STARTED = "rocket"
    DONE = "hooray"
    REFUSED = "confused"


@dataclass(frozen=True, slots=True)
class CreateComment:
    """Post a comment on a thread; ``marker`` is its first line and finds it again."""

    is_repeatable: ClassVar = False
    repository: Repository
    thread: ItemNumber
    marker: str
    body: str  # begins with the marker


@dataclass(frozen=True, slots=True)
class EditComment:
    """Replace the body of one of the bot's own comments."""

    is_repeatable: ClassVar = True
    repository: Repository
    comment_id: int
    body: str


@dataclass(frozen=True, slots=True)
class PinComment:
    """Pin a comment, if the issue has no other pin."""

    is_repeatable: ClassVar = True
    repository: Repository
    thread: ItemNumber
    comment_id: int


@dataclass(frozen=True, slots=True)
class UnpinComment:
    """Take the pin off a comment."""

    is_repeatable: ClassVar = True
    repository: Repository
    comment_id: int


@dataclass(frozen=True, slots=True)
class React:
    """React to somebody's comment."""

    is_repeatable: ClassVar = True
    repository: Repository
    kind: CommentKind
    comment_id: int
    content: Reaction
    node_id: str = ""  # reviews take reactions over GraphQL alone, by this id


@dataclass(frozen=True, slots=True)
class ChangeLabels:
    """Add and remove labels."""

    is_repeatable: ClassVar = True
    repository: Repository
    number: ItemNumber
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeAssignees:
    """Assign and unassign people, by login."""

    is_repeatable: ClassVar = True
    repository: Repository
    number: ItemNumber
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeState:
    """Close or reopen an issue or pull request."""

    is_repeatable: ClassVar = True
    repository: Repository
    number: ItemNumber
    is_open: bool
    is_pull_request: bool
    reason: str = ""  # completed or not_planned; issues only


@dataclass(frozen=True, slots=True)
class ChangeMilestone:
    """Put an issue or pull request into a milestone, or into none."""

    is_repeatable: ClassVar = True
    repository: Repository
    number: ItemNumber
    title: str  # empty: none
    only_from: str | None = None  # and not if it is in another one than that


@dataclass(frozen=True, slots=True)
class ChangeDraft:
    """Mark a pull request as a draft, or as ready for review."""

    is_repeatable: ClassVar = True
    repository: Repository
    number: ItemNumber
    is_draft: bool


@dataclass(frozen=True, slots=True)
class ChangeReviewers:
    """Ask for reviews of a pull request and take requests back: logins, ``team:core``."""

    is_repeatable: ClassVar = True
    repository: Repository
    number: ItemNumber
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushBranch:
    """Push a commit from the host's mirror of the repository to a branch.

    The branch is made, or moved from exactly ``expected_sha`` (empty: it must not
    exist). A branch that is at ``sha`` already counts as pushed. Where signatures are
    wanted, there or on the base, GitHub makes the commit again: the receipt has its
    name too, and in ``note`` why it is not verified, if so.
    """

    is_repeatable: ClassVar = False
    repository: Repository
    branch: str  # batch/<id>/<item>
    sha: str
    expected_sha: str = ""
    base_branch: str = ""  # that it is to be merged into in the end


@dataclass(frozen=True, slots=True)
class OpenPullRequest:
    """Open a draft pull request; found again by its head branch, in any state."""

    is_repeatable: ClassVar = False
    repository: Repository
    head_branch: str
    head_sha: str
    base_branch: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class UpdateBranch:
    """Have GitHub bring a pull request up to date that is at exactly this head.

    GitHub answers before it is done. A refusal is in the receipt's ``note``; without one
    a receipt that has not ``changed`` anything says that it was up to date, or that the
    head is another one by now.
    """

    is_repeatable: ClassVar = True  # the expected head sees to it
    repository: Repository
    number: ItemNumber
    head_sha: str
    node_id: str = (
        ""  # of one whose commits are made again on the base; else it is merged
    )


@dataclass(frozen=True, slots=True)
class MergePullRequest:
    """Merge a pull request that is at exactly this head; a refusal as in an update."""

    is_repeatable: ClassVar = False
    repository: Repository
    number: ItemNumber
    head_sha: str
    method: str  # merge, squash or rebase
    base_branch: str = ""  # which nobody may have frozen; not told by older versions


@dataclass(frozen=True, slots=True)
class EnqueuePullRequest:
    """Put a pull request that is at exactly this head into the merge queue of its base."""

    is_repeatable: ClassVar = False
    repository: Repository
    number: ItemNumber
    node_id: str
    head_sha: str
    base_branch: str = ""  # as in a merge


@dataclass(frozen=True, slots=True)
class DequeuePullRequest:
    """Take a pull request out of the merge queue, if it is there; a refusal as in an
    update.
    """

    is_repeatable: ClassVar = True
    repository: Repository
    number: ItemNumber
    node_id: str


@dataclass(frozen=True, slots=True)
class DispatchWorkflow:
    """Begin a run of a workflow, of the default branch's file.

    The receipt has the run's number and address. It is found again by its ``name``, which
    an input gives it; without one it is the only run of the app in that time, or nobody
    can say which one it is.
    """

    is_repeatable: ClassVar = False
    repository: Repository
    file: str  # in .github/workflows
    ref: str  # the default branch
    inputs: tuple[tuple[str, str], ...] = ()
    name: str = ""  # that the run's title shows: the attempt


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Have a run stopped; ``by_force`` also where its steps do not stop for that.

    GitHub answers before it is done. A refusal is in the receipt's ``note``.
    """

    is_repeatable: ClassVar = True
    repository: Repository
    run_id: int
    by_force: bool = False


@dataclass(frozen=True, slots=True)
class RerunFailedJobs:
    """Run the failed jobs of a workflow run again; ``job_id`` is one that had failed.

    The receipt has that in ``id``, of the first time that this was done: it tells the
    failure that was there from one of the new jobs.
    """

    is_repeatable: ClassVar = False
    repository: Repository
    run_id: int
    job_id: int


@dataclass(frozen=True, slots=True)
class ChangeBase:
    """Have a pull request go to another branch than ``from_branch``, to which it goes.

    A refusal is in the receipt's ``note``.
    """

    is_repeatable: ClassVar = True  # from another base nothing is changed
    repository: Repository
    number: ItemNumber
    from_branch: str
    base_branch: str


@dataclass(frozen=True, slots=True)
class LineComment:
    """A comment of a review on a line of the diff."""

    path: str
    line: int  # counted from 1
    body: str
    side: str = "RIGHT"  # as it is now; LEFT: as it was
    start_line: int = 0  # of several lines the first; ``line`` is the last one then
    start_side: str = "RIGHT"


@dataclass(frozen=True, slots=True)
class CreateReview:
    """Post a review of a commit.

    Found again by its first line, the marker. ``body_alone`` is posted if GitHub takes
    none of the comments, as a mere comment if it does not take the event either; the
    receipt's note says so.
    """

    is_repeatable: ClassVar = False
    repository: Repository
    number: ItemNumber
    head_sha: str
    marker: str
    body: str  # begins with the marker
    comments: tuple[LineComment, ...] = ()
    body_alone: str = ""
    event: str = "COMMENT"  # APPROVE, REQUEST_CHANGES


@dataclass(frozen=True, slots=True)
class HideReviews:
    """Fold reviews of the bot's own as outdated, and resolve their conversations.

    A refusal is in the receipt's ``note``.
    """

    is_repeatable: ClassVar = True
    repository: Repository
    number: ItemNumber
    reviews: tuple[str, ...]  # by node id
    threads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckAnnotation:
    """A remark of a check run on lines of a file of its commit."""

    path: str
    start_line: int  # counted from 1
    end_line: int
    message: str  # plain text
    level: str = "warning"  # notice, warning or failure
    title: str = ""


@dataclass(frozen=True, slots=True)
class CheckButton:
    """What people can press beside a check run that has ended.

    GitHub takes 20 characters of ``label`` and ``identifier``, 40 of ``description``.
    """

    identifier: str  # comes back in the delivery
    label: str
    description: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check run says. ``summary`` and ``text`` are Markdown, 65,535 characters
    each at most.
    """

    title: str
    summary: str
    conclusion: str = ""  # success, neutral, failure …; empty: it goes on
    text: str = ""
    buttons: tuple[CheckButton, ...] = ()  # at most 3, shown once it has ended
    details_url: str = ""


@dataclass(frozen=True, slots=True)
class CreateCheckRun:
    """Say something of a commit, as a check run of the app.

    Found again by its commit, name and ``external_id``. GitHub takes 50 annotations at
    once: of more, the first are sent.
    """

    is_repeatable: ClassVar = False
    repository: Repository
    head_sha: str
    name: str  # of two with the same name on a commit, people see the newer one
    external_id: str
    report: CheckReport
    annotations: tuple[CheckAnnotation, ...] = ()


@dataclass(frozen=True, slots=True)
class EditCheckRun:
    """Have a check run say something else; its annotations stay."""

    is_repeatable: ClassVar = True
    repository: Repository
    check_run_id: int
    report: CheckReport


Change = (
    ChangeLabels
    | ChangeAssignees
    | ChangeState
    | ChangeBase
    | ChangeMilestone
    | ChangeDraft
    | ChangeReviewers
)
"""Of an item's own state: a receipt's note says what could not be changed."""

Intent = (
    CreateComment
    | EditComment
    | PinComment
    | UnpinComment
    | React
    | Change
    | PushBranch
    | OpenPullRequest
    | UpdateBranch
    | MergePullRequest
    | EnqueuePullRequest
    | DequeuePullRequest
    | RerunFailedJobs
    | DispatchWorkflow
    | CancelRun
    | CreateReview
    | HideReviews
    | CreateCheckRun
    | EditCheckRun
)

TEAM = "team:"
"""What stands before the name of a team among reviewers."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What GitHub said when an intent was carried out, or found carried out."""

    id: int = 0  # of the comment or check run; the number of the pull request
    url: str = ""
    sha: str = ""
    note: str = ""  # what could not be done and why; empty when all was
    changed: bool = True  # False if everything was so already
    made_sha: str = (
        ""  # of the commit that GitHub made, and signed, in place of ``sha``
    )
    was_tried: bool = False  # before, without an answer: that may have changed it
    # Labels, people or milestones that were not there and are; that were there and are
    # not, such as the state. None in receipts of old, and of other effects.
    added: tuple[str, ...] | None = None
    removed: tuple[str, ...] | None = None
    left: str | None = None  # the milestone that somebody else has set; empty: none

    @property
    def head_sha(self) -> str:
        """Return where a pushed branch is."""
        return self.made_sha or self.sha
