"""What an attempt may ask GitHub while it runs, and the answers as values.

A question is a value: equal questions have the same answer, so many attempts can be
answered by one query. ``wakes`` says which deliveries are a reason to ask again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

from bot.core.model import ItemNumber, Repository

A_co = TypeVar("A_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Question(Generic[A_co]):
    """Something that GitHub can be asked about a repository, answered with ``A_co``."""

    is_slow: ClassVar[bool] = False  # may take a minute, as git does
    is_dear: ClassVar[bool] = (
        False  # takes a request of its own, beside other questions
    )
    repository: Repository

    @property
    def wakes(self) -> frozenset[str]:
        """Return what a delivery has to be about to be a reason to ask again."""
        return frozenset()


def about_pull_request(repository_id: int, number: int) -> str:
    """Return how a delivery about a pull request is known."""
    return f"pull request {repository_id} {number}"


def about_commit(repository_id: int, sha: str) -> str:
    """Return how a delivery about a commit's checks is known."""
    return f"commit {repository_id} {sha}"


class CheckState(StrEnum):
    """How a check stands, whatever kind it is of."""

    PENDING = "pending"
    PASSED = "passed"  # success, neutral or skipped: GitHub lets all three through
    FAILED = "failed"
    STOPPED = "stopped"  # cancelled, stale or waiting for somebody's approval


@dataclass(frozen=True, slots=True)
class Check:
    """A check run, or a status, of a commit. ``says`` is its own word for its end."""

    name: str
    state: CheckState
    says: str = ""
    url: str = ""
    is_required: bool = False  # by the base of the pull request that was asked about
    run_id: int = 0  # of GitHub Actions, if it is a job of that
    job_id: int = 0


@dataclass(frozen=True, slots=True)
class Checks:
    """All that reports on a commit; the app's own check runs are left out."""

    all: tuple[Check, ...] = ()

    def named(self, name: str) -> Check | None:
        """Return the check of that name; it may not have reported yet."""
        return next((check for check in self.all if check.name == name), None)


@dataclass(frozen=True, slots=True)
class ChecksOf(Question[Checks]):
    """How the checks of a commit stand."""

    sha: str

    @property
    def wakes(self) -> frozenset[str]:
        """Return the commit."""
        return frozenset({about_commit(self.repository.id, self.sha)})


class PullState(StrEnum):
    """How a pull request stands."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"  # without a merge


@dataclass(frozen=True, slots=True)
class Assignable:
    """Who can be assigned: of those who were asked for, and some with access."""

    asked: frozenset[str]
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssignableTo(Question[Assignable]):
    """Which of some logins can be assigned to one of some items at least."""

    logins: tuple[str, ...]
    numbers: tuple[ItemNumber, ...] = ()


@dataclass(frozen=True, slots=True)
class PullNow:
    """A pull request between two branches of one repository."""

    number: ItemNumber
    url: str
    state: PullState
    head: str  # the branches
    base: str
    merged_at: datetime | None = None
    head_sha: str = ""  # of the head now; when it was merged, if it is
    lost_base: bool = False  # closed by nobody, but because its base was deleted


@dataclass(frozen=True, slots=True)
class BranchNow:
    """A branch, and the pull request from it: an open one, else the newest."""

    exists: bool
    pull: PullNow | None = None


@dataclass(frozen=True, slots=True)
class Bases:
    """What work on an issue may build on, and what there is of such work."""

    default_branch: str
    branches: Mapping[str, BranchNow] = field(default_factory=dict)
    open_pulls: tuple[PullNow, ...] = ()  # from branches of ours for the issue


@dataclass(frozen=True, slots=True)
class BasesOf(Question[Bases]):
    """What became of branches, and which open pull requests there are for an issue."""

    number: ItemNumber
    branches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenPullsOf(Question[tuple[PullNow, ...]]):
    """The open pull requests from branches of ours for an issue, oldest first."""

    number: ItemNumber
