"""Runs of GitHub Actions that the bot has asked for: how they stand, and what they say.

https://docs.github.com/rest/actions/workflow-runs
"""

from dataclasses import dataclass
from typing import ClassVar

from bot.core.world.questions import Question


def about_run(repository_id: int, run_id: int) -> str:
    """Return how the delivery is known that tells that a run has ended."""
    return f"run {repository_id} {run_id}"


def about_jobs(repository_id: int, run_id: int) -> str:
    """Return how a delivery is known that tells that a job waits for somebody."""
    return f"jobs {repository_id} {run_id}"


@dataclass(frozen=True, slots=True)
class Run:
    """A run; ``conclusion`` is GitHub's word for its end, empty while it goes on."""

    id: int
    url: str
    status: str  # queued, pending, waiting, in_progress, completed …
    conclusion: str = ""
    attempt: int = 1  # how often it was begun, by whomever

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status == "completed"


@dataclass(frozen=True, slots=True)
class RunOf(Question[Run]):
    """How a run stands."""

    is_dear: ClassVar[bool] = True
    run_id: int

    @property
    def wakes(self) -> frozenset[str]:
        """Return the end of the run."""
        return frozenset({about_run(self.repository.id, self.run_id)})


@dataclass(frozen=True, slots=True)
class RunStep:
    """A step of a job."""

    name: str
    status: str  # queued, in_progress, completed
    conclusion: str = ""


@dataclass(frozen=True, slots=True)
class RunJob:
    """A job of a run, as it was last begun."""

    id: int  # of its check run as well
    name: str
    url: str
    status: str  # queued, pending, waiting, in_progress, completed …
    conclusion: str = ""
    steps: tuple[RunStep, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status == "completed"


@dataclass(frozen=True, slots=True)
class RunJobs:
    """The jobs of a run that have been made so far; those that wait for others may not
    be there yet.
    """

    all: tuple[RunJob, ...] = ()

    @property
    def going(self) -> tuple[RunJob, ...]:
        """Return the jobs that have not ended."""
        return tuple(job for job in self.all if not job.is_over)


@dataclass(frozen=True, slots=True)
class JobsOf(Question[RunJobs]):
    """How far the jobs of a run are."""

    is_dear: ClassVar[bool] = True
    run_id: int

    @property
    def wakes(self) -> frozenset[str]:
        """Return what a job may wait for: somebody's approval."""
        return frozenset({about_jobs(self.repository.id, self.run_id)})


@dataclass(frozen=True, slots=True)
class AnnotationsOf(Question[tuple[str, ...]]):
    """What a job that failed says of lines of files, worst first; none if that cannot
    be had.
    """

    is_dear: ClassVar[bool] = True
    job_id: int


@dataclass(frozen=True, slots=True)
class WorkBranch:
    """A branch that a run pushed, beside the branch that it is to be merged into.

    ``is_related`` is False if they have no commit in common.
    """

    sha: str
    subject: str = ""  # of its last commit
    ahead: int = 0  # commits
    is_related: bool = True
    others: tuple[str, ...] = ()  # logins of people among who committed


@dataclass(frozen=True, slots=True)
class NoBranch:
    """There is no such branch."""


@dataclass(frozen=True, slots=True)
class WorkBranchOf(Question[WorkBranch | NoBranch]):
    """What stands on a branch that a run was to push."""

    is_dear: ClassVar[bool] = True
    branch: str
    base: str


@dataclass(frozen=True, slots=True)
class WorkflowNow:
    """A workflow of the default branch, as it is now.

    ``text`` is None if there is no such file, ``state`` GitHub's word for one that is
    disabled.
    """

    text: str | None = None
    names: tuple[str, ...] = ()  # of the files beside it
    state: str = "active"
