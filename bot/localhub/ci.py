"""What is said of commits: check runs, statuses, and the workflow runs behind them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.localhub.accounts import User


@dataclass(eq=False, slots=True)
class CheckSuite:
    """The check runs of one app on one commit; an app that may check has an empty one."""

    id: int
    head_sha: str
    head_branch: str | None
    by_app: bool  # the bot's app; else the CI's
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Annotation:
    """A remark of a check run on lines of a file."""

    path: str
    start_line: int
    end_line: int
    level: str  # notice, warning, failure
    message: str
    title: str | None = None


@dataclass(frozen=True, slots=True)
class CheckAction:
    """A button of a check run that has ended."""

    label: str
    description: str
    identifier: str


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What somebody says of a commit under a name; the newest of each name counts."""

    id: int
    sha: str
    context: str
    state: str  # error, failure, pending, success
    creator: User
    created_at: datetime
    app_id: int | None = None  # of the app that said it, if it was one
    description: str | None = None
    target_url: str | None = None


@dataclass(eq=False, slots=True)
class CheckRun:
    """A check on a commit, made by an app."""

    id: int
    suite: CheckSuite
    name: str
    status: str  # queued, in_progress, completed …
    started_at: datetime
    conclusion: str | None = None
    completed_at: datetime | None = None
    details_url: str | None = None
    external_id: str = ""
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[Annotation] = field(default_factory=list)
    actions: tuple[CheckAction, ...] = ()

    @property
    def head_sha(self) -> str:
        """The commit."""
        return self.suite.head_sha

    @property
    def by_app(self) -> bool:
        """Whether the bot's app made it; else the CI's did."""
        return self.suite.by_app


@dataclass(eq=False, slots=True)
class Step:
    """A step of a job."""

    name: str
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None

    def begin(self, at: datetime) -> None:
        """Let it run."""
        self.status, self.started_at = "in_progress", at

    def end(self, at: datetime, conclusion: str) -> None:
        """Let it end."""
        self.status, self.conclusion = "completed", conclusion
        self.started_at, self.completed_at = self.started_at or at, at


@dataclass(eq=False, slots=True)
class Job:
    """A job of a workflow run; GitHub gives it the number of its check run."""

    run: CheckRun
    attempt: int
    created_at: datetime
    log: str = ""
    steps: list[Step] = field(default_factory=list)  # none: as every job has them


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How the runs of a workflow go that is dispatched; times are in seconds.

    A tuple of ``jobs`` has the outcomes of one attempt after the other, as in
    ``Workflow``.
    """

    jobs: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    queue_seconds: float = 2.0
    step_seconds: float = 5.0
    cancel_seconds: float = 3.0
    is_waiting: bool = False  # for somebody's approval
    is_behind: bool = False  # another run of its concurrency group
    startup_failure: bool = False
    ignores_cancel: bool = False  # but not the one by force
    annotations: Mapping[str, tuple[Annotation, ...]] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    pushes: Mapping[str, str] = field(default_factory=dict)  # to ``batch_branch``
    pushed_by: str = "github-actions[bot]"
    pushed_on: str = ""  # a branch; empty: the default one
    message: str = "Change what was asked for"

    def outcome(self, job: str, attempt: int) -> str:
        """Return what a job comes to in its n-th attempt."""
        found = self.jobs.get(job, "success")
        if isinstance(found, str):
            return found
        return found[min(attempt, len(found)) - 1]


@dataclass(eq=False, slots=True)
class WorkflowRun:
    """A run of a workflow of Actions on a commit."""

    id: int
    number: int
    suite: CheckSuite
    name: str
    path: str
    event: str  # pull_request, push, merge_group …
    actor: User
    created_at: datetime
    updated_at: datetime
    status: str = "queued"
    conclusion: str | None = None
    attempt: int = 1
    jobs: list[Job] = field(default_factory=list)  # of all attempts, oldest first
    title: str = ""  # empty: the subject of its commit
    inputs: dict[str, str] = field(default_factory=dict)
    jobs_of_file: dict[str, tuple[str, ...]] = field(default_factory=dict)
    group: str = ""  # of which one run goes on at a time
    playing: int = 0  # changes when what was going on is no more

    @property
    def file(self) -> str:
        """The name of its workflow's file."""
        return self.path.rpartition("/")[2]

    @property
    def head_sha(self) -> str:
        """The commit."""
        return self.suite.head_sha

    def latest_jobs(self) -> list[Job]:
        """Return the newest job of each name."""
        return list({job.run.name: job for job in self.jobs}.values())


Outcome = str | None
"""What a check comes to: a conclusion, a status in which it stays, None: no report."""


@dataclass(slots=True)
class Workflow:
    """What the CI will say of each new head, without taking any time.

    A tuple has the outcomes of one attempt after the other; the last one stays.
    """

    checks: dict[str, Outcome | tuple[Outcome, ...]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)  # by check
    needs_approval: bool = False  # of a maintainer, before anything runs
    name: str = "CI"
    path: str = ".github/workflows/ci.yml"

    def outcome(self, check: str, attempt: int) -> Outcome:
        """Return what a check comes to in its n-th attempt."""
        found = self.checks.get(check, "success")
        if not isinstance(found, tuple):
            return found
        return found[min(attempt, len(found)) - 1]
