"""Workflows that somebody dispatches: checked like GitHub does, then run over time.

Nothing of them is executed. How a run of a file goes is said beforehand, by
``plan_run``: how long it queues, how long each step takes, what becomes of each job.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.localhub import verdicts, workflow_files
from bot.localhub.accounts import User
from bot.localhub.branches import Branches
from bot.localhub.check_runs import CI_LOGIN
from bot.localhub.ci import CheckRun, CheckSuite, Job, RunPlan, Step, WorkflowRun
from bot.localhub.errors import GitHubError, not_found
from bot.localhub.state import Repository
from bot.localhub.workflow_files import WorkflowFile

RETRYABLE_DAYS = 30
MOST_ATTEMPTS = 50
FRAME = ("Set up job", "Complete job")
"""The steps that every job has besides its own."""


class Dispatches(Branches):
    """Runs that were asked for, from the request to the last step."""

    def plan_run(self, repository: str, file: str, plan: RunPlan) -> None:
        """Say how the runs of a workflow go that are dispatched from now on."""
        self.repository(repository).run_plans[file] = plan

    def workflow_file(self, repository: Repository, name: str) -> WorkflowFile:
        """Return a workflow of the default branch by its file's name or id; raises 404."""
        for path in self._workflow_paths(repository):
            is_meant = name in (path.rpartition("/")[2], str(workflow_id(path)))
            if is_meant and (found := self._read(repository, path)) is not None:
                return found
        raise not_found()

    def dispatch(
        self,
        actor: User,
        repository: Repository,
        name: str,
        ref: str,
        inputs: Mapping[str, Any],
    ) -> WorkflowRun:
        """Return a new run of a workflow; raises 404 and 422."""
        self.require(actor, repository, "write")
        file = self.workflow_file(repository, name)
        branch = ref.removeprefix("refs/heads/")
        sha = repository.git.resolve(f"refs/heads/{branch}")
        if sha is None:
            raise GitHubError(422, f"No ref found for: {ref}")
        short = file.path.rpartition("/")[2]
        if repository.disabled_workflows.get(short):
            message = "Cannot trigger a 'workflow_dispatch' on a disabled workflow"
            raise GitHubError(422, message)
        older = workflow_files.MOST_INPUTS_OF_OLDER
        most = workflow_files.MOST_INPUTS if self.tells_runs else older
        given = file.filled(inputs, most=most)
        now = self.now()
        suite = CheckSuite(
            self.state.next_id(),
            sha,
            branch,
            by_app=False,
            created_at=now,
            updated_at=now,
        )
        repository.check_suites.append(suite)
        run = WorkflowRun(
            self.state.next_id(), len(repository.workflow_runs) + 1, suite,
            file.name, file.path, "workflow_dispatch", actor, now, now,
            title=file.title(given, actor.login), inputs=given,
            jobs_of_file=dict(file.jobs), group=file.group(given, actor.login),
        )  # fmt: skip
        plan = repository.run_plans.get(short, RunPlan())
        if plan.startup_failure or len(file.inputs) > most:
            # There are no jobs, and no delivery tells of it.
            run.status, run.conclusion = "completed", "startup_failure"
            repository.workflow_runs.append(run)
            return run
        others = [one for one in _going(repository) if run.group == one.group != ""]
        repository.workflow_runs.append(run)
        is_behind = plan.is_behind or bool(others)
        run.status = "pending" if is_behind else "queued"
        self._tell_run(repository, run, "requested")
        self._begin(repository, run, [*file.jobs], replace(plan, is_behind=is_behind))
        for one in others:
            gives_way = one.status == "pending" and not file.keeps_all_waiting
            if gives_way or file.cancels_others:
                self._cancelled(repository, one)
        return run

    def cancel_run(
        self, login: str, repository: str, run_id: int, *, by_force: bool = False
    ) -> None:
        """Stop a run; what does not stop for that stops by force. Raises 409."""
        found = self.repository(repository)
        self.require(self.user(login), found, "write")
        run = self.workflow_run(repository, run_id)
        if run.status == "completed":
            message = "Cannot cancel a workflow run that is completed."
            raise GitHubError(409, message)
        plan = found.run_plans.get(run.file, RunPlan())
        if plan.ignores_cancel and not by_force:
            return
        self.later.after(plan.cancel_seconds, lambda: self._cancelled(found, run))

    def let_run(self, repository: str, run_id: int) -> None:
        """Approve what a run waits for, or let it have its turn."""
        found = self.repository(repository)
        run = self.workflow_run(repository, run_id)
        plan = found.run_plans.get(run.file, RunPlan())
        plan = replace(plan, is_waiting=False, is_behind=False)
        run.status = "queued"
        names = [job.run.name for job in run.latest_jobs()] or [*run.jobs_of_file]
        self._begin(found, run, names, plan)

    def rerun_failed_jobs(self, login: str, repository: str, run_id: int) -> None:
        """Run the failed jobs of a run again; raises 403 as GitHub does."""
        run = self.workflow_run(repository, run_id)
        if (self.now() - run.created_at).days >= RETRYABLE_DAYS:
            message = (
                "Unable to retry this workflow run because it was created over a month"
                " ago"
            )
            raise GitHubError(403, message)
        if run.event != "workflow_dispatch":
            super().rerun_failed_jobs(login, repository, run_id)
            return
        found = self.repository(repository)
        self.require(self.user(login), found, "write")
        if run.status != "completed":
            raise GitHubError(403, "This workflow is already running")
        failed = [
            job.run.name
            for job in run.latest_jobs()
            if job.run.conclusion not in verdicts.PASSING
        ]
        is_disabled = run.file in found.disabled_workflows
        if not failed or run.attempt >= MOST_ATTEMPTS or is_disabled:
            raise GitHubError(403, "This workflow run cannot be retried")
        run.attempt += 1
        run.status, run.conclusion = "queued", None
        self._begin(found, run, failed, found.run_plans.get(run.file, RunPlan()))

    # --- parts

    def _tell_run(self, repository: Repository, run: WorkflowRun, action: str) -> None:
        super()._tell_run(repository, run, action)
        if action == "completed" and run.group:
            behind = [one for one in _going(repository) if one.group == run.group]
            if behind and all(one.status == "pending" for one in behind):
                self.let_run(repository.full_name, behind[0].id)

    def _workflow_paths(self, repository: Repository) -> list[str]:
        """Return the files of the default branch that can be workflows."""
        git, branch = repository.git, repository.default_branch
        head = git.resolve(f"refs/heads/{branch}")
        if head is None or git.object_at(f"{head}:{workflow_files.FOLDER}") is None:
            return []
        paths = [path for _, _, path, _ in git.tree(head, workflow_files.FOLDER)]
        return [path for path in paths if re.search(r"\.ya?ml\Z", path)]

    def _read(self, repository: Repository, path: str) -> WorkflowFile | None:
        head = repository.git.resolve(f"refs/heads/{repository.default_branch}")
        assert head is not None
        content = repository.git.read_file(head, path)
        text = (content or b"").decode(errors="replace")
        # One that GitHub cannot read is listed all the same, and has no trigger.
        return workflow_files.read(path, text) or WorkflowFile(path, path)

    def _begin(
        self, repository: Repository, run: WorkflowRun, names: list[str], plan: RunPlan
    ) -> None:
        """Have jobs queue, and then run."""
        run.playing += 1  # what was going on is history
        if plan.is_behind:
            return
        playing = run.playing
        made = [self._job(repository, run, name, plan) for name in names]
        if plan.is_waiting:
            run.status = "waiting"
            for job in made:
                job.run.status = "waiting"
                self._tell_job(repository, run, job, "waiting")
            return

        def start() -> None:
            if run.playing != playing:
                return
            run.status = "in_progress"
            self._tell_run(repository, run, "in_progress")
            for job in made:
                job.run.status, job.run.started_at = "in_progress", self.now()
                job.steps[0].begin(self.now())
                self._tell_job(repository, run, job, "in_progress")
                self._step_later(repository, run, job, plan, playing)

        self.later.after(plan.queue_seconds, start)

    def _job(
        self, repository: Repository, run: WorkflowRun, name: str, plan: RunPlan
    ) -> Job:
        now = self.now()
        check = CheckRun(self.state.next_id(), run.suite, name, "queued", now)
        page = f"{self.payloads.html}/{repository.full_name}/actions/runs/{run.id}"
        check.details_url = f"{page}/job/{check.id}"
        steps = (FRAME[0], *run.jobs_of_file.get(name, ()), FRAME[1])
        log = plan.logs.get(name, "")
        job = Job(check, run.attempt, now, log, [Step(one) for one in steps])
        run.jobs.append(job)
        self.add_check(self.state.add_user(CI_LOGIN), repository, check)
        self._tell_job(repository, run, job, "queued")
        return job

    def _step_later(
        self,
        repository: Repository,
        run: WorkflowRun,
        job: Job,
        plan: RunPlan,
        playing: int,
    ) -> None:
        def step() -> None:
            if run.playing != playing:
                return
            at = next(n for n, one in enumerate(job.steps) if one.status != "completed")
            outcome = plan.outcome(job.run.name, job.attempt)
            is_last_own = at == max(len(job.steps) - 2, 0)
            fails = outcome not in verdicts.PASSING and is_last_own
            job.steps[at].end(self.now(), "failure" if fails else "success")
            if at + 1 < len(job.steps):
                job.steps[at + 1].begin(self.now())
                self._step_later(repository, run, job, plan, playing)
            else:
                self._job_ends(repository, run, job, outcome, plan)

        self.later.after(plan.step_seconds, step)

    def _job_ends(
        self,
        repository: Repository,
        run: WorkflowRun,
        job: Job,
        outcome: str,
        plan: RunPlan,
    ) -> None:
        job.run.annotations += plan.annotations.get(job.run.name, ())
        is_over = outcome == "success" and plan.pushes
        if is_over and (branch := run.inputs.get("batch_branch")):
            self.push(
                plan.pushed_by, repository.full_name, branch, dict(plan.pushes),
                message=plan.message, base=plan.pushed_on or None,
            )  # fmt: skip
        job.run.status, job.run.conclusion = "completed", outcome
        job.run.completed_at = self.now()
        actor = self.state.add_user(CI_LOGIN)
        self.announce_check("completed", actor, repository, job.run)

    def _cancelled(self, repository: Repository, run: WorkflowRun) -> None:
        if run.status == "completed":
            return
        run.playing += 1
        now, actor = self.now(), self.state.add_user(CI_LOGIN)
        going = [job for job in run.latest_jobs() if job.run.status != "completed"]
        for job in going:
            for step in job.steps:
                if step.status != "completed":
                    step.end(now, "cancelled")
            job.run.status, job.run.conclusion = "completed", "cancelled"
            job.run.completed_at = now
            self.announce_check("completed", actor, repository, job.run)
        if not going:
            run.status, run.conclusion = "completed", "cancelled"
            self._tell_run(repository, run, "completed")


def _going(repository: Repository) -> list[WorkflowRun]:
    """Return the runs that have not ended, oldest first."""
    return [run for run in repository.workflow_runs if run.status != "completed"]


def workflow_id(path: str) -> int:
    """Return the number of a workflow, which GitHub makes up."""
    return sum(path.encode())
