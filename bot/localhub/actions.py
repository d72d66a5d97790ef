"""GitHub Actions: workflow runs with their jobs, as far as their outcome is known.

Nothing is executed. What the CI says of a new head stands in ``Repository.workflows``,
and is there at once; a test or a page says the rest.
"""

from collections.abc import Mapping

from bot.localhub import verdicts
from bot.localhub.accounts import User
from bot.localhub.check_runs import CI_LOGIN, CONCLUSIONS, CheckRuns
from bot.localhub.ci import CheckRun, Job, Outcome, Workflow, WorkflowRun
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.state import Repository


class Actions(CheckRuns):
    """Workflow runs: made, approved, run again."""

    def plan_checks(
        self,
        repository: str,
        checks: Mapping[str, Outcome | tuple[Outcome, ...]],
        *,
        logs: Mapping[str, str] | None = None,
        needs_approval: bool = False,
        branch: str | None = None,
    ) -> None:
        """Say what the CI says of each new head from now on: see ``Workflow``.

        With a *branch* of its heads alone, else of all that have no plan of their own.
        """
        self.repository(repository).workflows[branch] = Workflow(
            dict(checks), dict(logs or {}), needs_approval=needs_approval
        )

    def run_workflow(
        self, actor: User, repository: Repository, sha: str, event: str
    ) -> None:
        """Let the CI look at a commit, if there is anything that it would say."""
        suite = self.suite(repository, sha, by_app=False)
        plan = repository.workflow_of(suite)
        if not any(plan.outcome(name, 1) for name in plan.checks):
            return
        now = self.now()
        run = WorkflowRun(
            self.state.next_id(), len(repository.workflow_runs) + 1, suite,
            plan.name, plan.path, event, actor, now, now,
        )  # fmt: skip
        repository.workflow_runs.append(run)
        self._tell_run(repository, run, "requested")
        if plan.needs_approval:
            run.status, run.conclusion = "completed", "action_required"
            self._tell_run(repository, run, "completed")
        else:
            self._start(repository, run, [*plan.checks])

    def workflow_run(self, repository: str, run_id: int) -> WorkflowRun:
        """Return a workflow run; raises 404."""
        runs = self.repository(repository).workflow_runs
        found = next((run for run in runs if run.id == run_id), None)
        if found is None:
            raise not_found()
        return found

    def job(self, repository: str, job_id: int) -> tuple[WorkflowRun, Job]:
        """Return a job and its run; raises 404."""
        for run in self.repository(repository).workflow_runs:
            for job in run.jobs:
                if job.run.id == job_id:
                    return run, job
        raise not_found()

    def approve_workflow(self, login: str, repository: str, run_id: int) -> None:
        """Let a run begin that waits for a maintainer."""
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "write")
        run = self.workflow_run(repository, run_id)
        if run.conclusion != "action_required":
            raise GitHubError(403, "This run is not from a fork pull request")
        run.conclusion = None
        self._start(found, run, [*found.workflow_of(run.suite).checks])

    def rerun_failed_jobs(self, login: str, repository: str, run_id: int) -> None:
        """Run the failed jobs of a run again; raises 403 while it runs or for none."""
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "write")
        run = self.workflow_run(repository, run_id)
        if run.status != "completed":
            raise GitHubError(403, "This workflow is already running")
        failed = [
            job.run.name
            for job in run.latest_jobs()
            if job.run.conclusion not in verdicts.PASSING
        ]
        if not failed:
            raise GitHubError(403, "This workflow run cannot be retried")
        run.attempt += 1
        run.conclusion = None
        self._start(found, run, failed)

    def announce_check(
        self, action: str, actor: User, repository: Repository, run: CheckRun
    ) -> None:
        """Send the webhooks of a check run, and of the job that it belongs to."""
        super().announce_check(action, actor, repository, run)
        for workflow in repository.workflow_runs:
            for job in workflow.jobs:
                if job.run is run and action == "completed":
                    self._tell_job(repository, workflow, job, "completed")
                    self._end_if_done(repository, workflow)

    # --- parts

    def _start(
        self, repository: Repository, run: WorkflowRun, checks: list[str]
    ) -> None:
        plan = repository.workflow_of(run.suite)
        run.status = "in_progress"
        self._tell_run(repository, run, "in_progress")
        jobs = []
        for name in checks:
            outcome = plan.outcome(name, run.attempt)
            if outcome is None:
                continue
            status = "queued" if outcome == "queued" else "in_progress"
            check = CheckRun(self.state.next_id(), run.suite, name, status, self.now())
            page = f"{self.payloads.html}/{repository.full_name}/actions/runs/{run.id}"
            check.details_url = f"{page}/job/{check.id}"
            job = Job(check, run.attempt, self.now(), plan.logs.get(name, ""))
            run.jobs.append(job)
            jobs.append((job, outcome))
            actor = self.state.add_user(CI_LOGIN)
            self.add_check(actor, repository, check)
            self._tell_job(repository, run, job, "queued")
            if status == "in_progress":
                self._tell_job(repository, run, job, "in_progress")
        for job, outcome in jobs:
            is_done = outcome in CONCLUSIONS
            self.check(
                repository.full_name, run.head_sha, job.run.name,
                status=outcome, conclusion=outcome if is_done else None,
            )  # fmt: skip

    def _end_if_done(self, repository: Repository, run: WorkflowRun) -> None:
        jobs = run.latest_jobs()
        if run.status == "completed" or any(j.run.status != "completed" for j in jobs):
            return
        run.status = "completed"
        run.conclusion = verdicts.worst(job.run.conclusion for job in jobs)
        self._tell_run(repository, run, "completed")

    def _tell_run(self, repository: Repository, run: WorkflowRun, action: str) -> None:
        run.updated_at = self.now()
        self.announce(
            "workflow_run", action, run.actor, repository,
            workflow_run=self.payloads.webhook_workflow_run(repository, run),
            workflow=self.payloads.workflow(repository, run),
        )  # fmt: skip

    def _tell_job(
        self, repository: Repository, run: WorkflowRun, job: Job, action: str
    ) -> None:
        shape = self.payloads.job(repository, run, job)
        self.announce("workflow_job", action, run.actor, repository, workflow_job=shape)
