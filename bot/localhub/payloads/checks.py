"""Check suites and runs, statuses, and the workflow runs behind them."""

from dataclasses import dataclass
from datetime import timedelta

from bot.localhub import verdicts
from bot.localhub.ci import (
    Annotation,
    CheckRun,
    CheckSuite,
    CommitStatus,
    Job,
    WorkflowRun,
)
from bot.localhub.git import CommitInfo
from bot.localhub.payloads.git import GitPayloads
from bot.localhub.payloads.shape import Json, optional_timestamp, timestamp, without
from bot.localhub.signing import verification
from bot.localhub.state import QueueEntry, Repository
from bot.localhub.verdicts import CI_APP

RUNNER = {
    "labels": ["ubuntu-latest"],
    "runner_id": 1,
    "runner_name": "GitHub Actions 1",
    "runner_group_id": 0,
    "runner_group_name": "GitHub Actions",
}
STEP_CONCLUSIONS = {
    "success": "success",
    "neutral": "success",
    "skipped": "skipped",
    "cancelled": "cancelled",
}
UNLISTED_EVENTS = ("issue_dependencies", "sub_issues")
"""Newer than the list of events that an app in a check suite can have."""
NO_RUNNER: Json = {**dict.fromkeys(RUNNER), "labels": ["ubuntu-latest"]}


@dataclass(frozen=True, slots=True)
class CheckPayloads(GitPayloads):
    """What the API says of checks."""

    def check_run(self, repository: Repository, run: CheckRun) -> Json:
        """Return ``check-run``."""
        url = f"{self.repository_url(repository)}/check-runs/{run.id}"
        page = f"{self.html}/{repository.full_name}/runs/{run.id}"
        return {
            "id": run.id,
            "node_id": f"CR_{run.id}",
            "head_sha": run.head_sha,
            "name": run.name,
            "url": url,
            "html_url": page,
            "details_url": run.details_url or page,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": timestamp(run.started_at),
            "completed_at": optional_timestamp(run.completed_at),
            "external_id": run.external_id,
            "check_suite": {"id": run.suite.id},
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": len(run.annotations),
                "annotations_url": f"{url}/annotations",
            },
            "app": self._checker(by_app=run.by_app),
            "pull_requests": self._pulls_at(repository, run.head_sha),
        }

    def annotation(
        self, repository: Repository, run: CheckRun, annotation: Annotation
    ) -> Json:
        """Return ``check-annotation``."""
        page = f"{self.html}/{repository.full_name}/blob"
        return {
            "path": annotation.path,
            "blob_href": f"{page}/{run.head_sha}/{annotation.path}",
            "start_line": annotation.start_line,
            "end_line": annotation.end_line,
            "start_column": None,
            "end_column": None,
            "annotation_level": annotation.level,
            "title": annotation.title,
            "message": annotation.message,
            "raw_details": None,
        }

    def check_suite(self, repository: Repository, suite: CheckSuite) -> Json:
        """Return ``check-suite``."""
        shape = self.webhook_suite(repository, suite)
        return shape | {"repository": self.minimal_repository(repository)}

    def webhook_suite(self, repository: Repository, suite: CheckSuite) -> Json:
        """Return a check suite as webhooks carry it."""
        url = f"{self.repository_url(repository)}/check-suites/{suite.id}"
        found = verdicts.latest_runs(repository, suite.head_sha)
        runs = [run for run in found if run.suite is suite]
        status, conclusion = suite_state(repository, suite, runs)
        app = self._checker(by_app=suite.by_app)
        events = [one for one in app["events"] if one not in UNLISTED_EVENTS]
        commit = repository.git.commit(suite.head_sha)
        return {
            "id": suite.id,
            "node_id": f"CS_{suite.id}",
            "head_branch": suite.head_branch,
            "head_sha": suite.head_sha,
            "status": status,
            "conclusion": conclusion,
            "url": url,
            "before": commit.parents[0] if commit.parents else None,
            "after": suite.head_sha,
            "pull_requests": self._pulls_at(repository, suite.head_sha),
            "app": without(app, "installations_count") | {"events": events},
            "created_at": timestamp(suite.created_at),
            "updated_at": timestamp(suite.updated_at),
            "latest_check_runs_count": len(runs),
            "check_runs_url": f"{url}/check-runs",
            "head_commit": self.simple_commit(commit),
        }

    def status(self, repository: Repository, status: CommitStatus) -> Json:
        """Return ``status``."""
        return self.simple_status(repository, status) | {
            "creator": self.user(status.creator)
        }

    def simple_status(self, repository: Repository, status: CommitStatus) -> Json:
        """Return ``simple-commit-status``."""
        return {
            "url": f"{self.repository_url(repository)}/statuses/{status.sha}",
            "avatar_url": self.user(status.creator)["avatar_url"],
            "id": status.id,
            "node_id": f"SC_{status.id}",
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": timestamp(status.created_at),
            "updated_at": timestamp(status.created_at),
        }

    def combined_status(self, repository: Repository, sha: str) -> Json:
        """Return ``combined-commit-status``."""
        found = verdicts.latest_statuses(repository, sha)
        url = f"{self.repository_url(repository)}/commits/{sha}"
        state = verdicts.rollup(found).lower() if found else "pending"
        return {
            "state": state,
            "statuses": [self.simple_status(repository, one) for one in found],
            "sha": sha,
            "total_count": len(found),
            "repository": self.minimal_repository(repository),
            "commit_url": url,
            "url": f"{url}/status",
        }

    def status_event(self, repository: Repository, status: CommitStatus) -> Json:
        """Return what the ``status`` webhook tells."""
        commits = f"{self.repository_url(repository)}/commits"
        commit = self.commit(repository, repository.git.commit(status.sha))
        commit["commit"]["verification"] = verification(repository.git, status.sha)
        branches = [
            {
                "name": name.removeprefix("refs/heads/"),
                "commit": {"sha": sha, "url": f"{commits}/{sha}"},
                "protected": self._is_protected(
                    repository, name.removeprefix("refs/heads/")
                ),
            }
            for name, sha in repository.git.refs().items()
            if sha == status.sha
        ]
        return {
            "id": status.id,
            "sha": status.sha,
            "name": repository.full_name,
            "avatar_url": self.user(status.creator)["avatar_url"],
            "target_url": status.target_url,
            "context": status.context,
            "description": status.description,
            "state": status.state,
            "commit": commit,
            "branches": branches,
            "created_at": timestamp(status.created_at),
            "updated_at": timestamp(status.created_at),
        }

    def workflow(self, repository: Repository, run: WorkflowRun) -> Json:
        """Return ``workflow``."""
        return self.workflow_at(repository, run.path, run.name)

    def workflow_at(self, repository: Repository, path: str, name: str) -> Json:
        """Return ``workflow`` of a file."""
        id_ = sum(path.encode())
        page = f"{self.html}/{repository.full_name}"
        at = timestamp(repository.created_at)
        state = repository.disabled_workflows.get(path.rpartition("/")[2])
        return {
            "id": id_,
            "node_id": f"W_{id_}",
            "name": name,
            "path": path,
            "state": state or "active",
            "created_at": at,
            "updated_at": at,
            "url": f"{self.repository_url(repository)}/actions/workflows/{id_}",
            "html_url": f"{page}/blob/{repository.default_branch}/{path}",
            "badge_url": f"{page}/workflows/{name}/badge.svg",
        }

    def workflow_run(self, repository: Repository, run: WorkflowRun) -> Json:
        """Return ``workflow-run``."""
        actions = f"{self.repository_url(repository)}/actions"
        url = f"{actions}/runs/{run.id}"
        suites = f"{self.repository_url(repository)}/check-suites"
        commit = repository.git.commit(run.head_sha)
        place = self.minimal_repository(repository)
        return {
            "id": run.id,
            "name": run.name,
            "node_id": f"WFR_{run.id}",
            "head_branch": run.suite.head_branch,
            "head_sha": run.head_sha,
            "path": run.path,
            "display_title": run.title or commit.message.partition("\n")[0],
            "run_number": run.number,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "workflow_id": _workflow_id(run),
            "check_suite_id": run.suite.id,
            "check_suite_node_id": f"CS_{run.suite.id}",
            "url": url,
            "html_url": f"{self.html}/{repository.full_name}/actions/runs/{run.id}",
            "pull_requests": self._pulls_at(repository, run.head_sha),
            "created_at": timestamp(run.created_at),
            "updated_at": timestamp(run.updated_at),
            "actor": self.user(run.actor),
            "run_attempt": run.attempt,
            "referenced_workflows": [],
            "run_started_at": timestamp(run.created_at),
            "triggering_actor": self.user(run.actor),
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": f"{suites}/{run.suite.id}",
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "previous_attempt_url": (
                f"{url}/attempts/{run.attempt - 1}" if run.attempt > 1 else None
            ),
            "workflow_url": f"{actions}/workflows/{_workflow_id(run)}",
            "head_commit": self.simple_commit(commit),
            "repository": place,
            "head_repository": place,
        }

    def webhook_workflow_run(self, repository: Repository, run: WorkflowRun) -> Json:
        """Return a workflow run as webhooks carry it."""
        place = self.lite_repository(repository)
        shape = self.workflow_run(repository, run)
        shape |= {"repository": place, "head_repository": place}
        # The description has no title of a run that is under way.
        is_titled = run.status != "in_progress"
        return shape if is_titled else without(shape, "display_title")

    def job(self, repository: Repository, run: WorkflowRun, job: Job) -> Json:
        """Return ``job``."""
        check = job.run
        url = f"{self.repository_url(repository)}/actions/jobs/{check.id}"
        runs = f"{self.repository_url(repository)}/actions/runs/{run.id}"
        page = f"{self.html}/{repository.full_name}/actions/runs/{run.id}"
        return {
            "id": check.id,
            "run_id": run.id,
            "workflow_name": run.name,
            "head_branch": run.suite.head_branch,
            "run_url": runs,
            "run_attempt": job.attempt,
            "node_id": f"CR_{check.id}",
            "head_sha": run.head_sha,
            "url": url,
            "html_url": f"{page}/job/{check.id}",
            "status": check.status,
            "conclusion": check.conclusion,
            "created_at": timestamp(job.created_at),
            "started_at": timestamp(check.started_at),
            "completed_at": optional_timestamp(check.completed_at),
            "name": check.name,
            "steps": _steps(job),
            "check_run_url": f"{self.repository_url(repository)}/check-runs/{check.id}",
            **(NO_RUNNER if check.status in ("queued", "waiting") else RUNNER),
        }

    def merge_group(self, repository: Repository, entry: QueueEntry, ref: str) -> Json:
        """Return ``merge-group``."""
        assert entry.group_sha is not None
        return {
            "head_sha": entry.group_sha,
            "head_ref": ref,
            "base_sha": entry.base_sha,
            "base_ref": f"refs/heads/{entry.branch}",
            "head_commit": self.simple_commit(repository.git.commit(entry.group_sha)),
        }

    def simple_commit(self, commit: CommitInfo) -> Json:
        """Return ``simple-commit``."""
        person = {"name": commit.author_name, "email": commit.author_email}
        return {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": timestamp(commit.at),
            "author": person,
            "committer": person,
        }

    def _pulls_at(self, repository: Repository, sha: str) -> list[Json]:
        return [
            self._pull_minimal(thread)
            for thread in repository.visible_threads()
            if thread.pull is not None and thread.pull.head_sha == sha
        ]

    def _checker(self, *, by_app: bool) -> Json:
        app = self.integration()
        return app if by_app else {**app, **CI_APP}


def _workflow_id(run: WorkflowRun) -> int:
    return sum(run.path.encode())


def _steps(job: Job) -> list[Json]:
    """Return the steps of a job that has begun: the second is what it is for."""
    check = job.run
    if check.status in ("queued", "waiting"):
        return []
    if job.steps:
        return [
            {
                "name": step.name,
                "status": step.status,
                "conclusion": step.conclusion,
                "number": number,
                "started_at": optional_timestamp(step.started_at),
                "completed_at": optional_timestamp(step.completed_at),
            }
            for number, step in enumerate(job.steps, 1)
        ]
    names = ("Set up job", f"Run {check.name}", "Complete job")
    begun, ended = check.started_at, check.completed_at
    steps = []
    for number, name in enumerate(names, 1):
        is_own = number == 2
        is_done = number == 1 or check.status == "completed"
        own = STEP_CONCLUSIONS.get(check.conclusion or "", "failure")
        conclusion = (own if is_own else "success") if is_done else None
        at = begun if number == 1 else ended
        is_begun = is_done or is_own
        steps.append(
            {
                "name": name,
                "status": "completed"
                if is_done
                else "in_progress"
                if is_own
                else "queued",
                "conclusion": conclusion,
                "number": number,
                "started_at": timestamp(begun) if is_begun else None,
                "completed_at": optional_timestamp(at) if is_done else None,
            }
        )
    return steps


def log_lines(job: Job) -> str:
    """Return a job's log as GitHub keeps it: each line after its instant."""
    check = job.run
    text = job.log or f"Run {check.name}"
    lines = ["##[group]Run " + check.name, "##[endgroup]", *text.splitlines()]
    if check.conclusion == "failure":
        lines.append("##[error]Process completed with exit code 1.")
    at = check.started_at
    return "".join(
        f"{at + timedelta(milliseconds=n):%Y-%m-%dT%H:%M:%S.%f}0Z {line}\n"
        for n, line in enumerate(lines)
    )


def suite_state(
    repository: Repository, suite: CheckSuite, runs: list[CheckRun]
) -> tuple[str, str | None]:
    """Return status and conclusion of a suite; an empty one is queued, for ever."""
    if not runs:
        waiting = [w for w in repository.workflow_runs if w.suite is suite]
        return (
            (waiting[-1].status, waiting[-1].conclusion)
            if waiting
            else ("queued", None)
        )
    if any(run.status != "completed" for run in runs):
        return "in_progress", None
    return "completed", verdicts.worst(run.conclusion for run in runs)
