"""What is checked on commits: suites, check runs, statuses."""

from collections.abc import Sequence

from bot.localhub import verdicts
from bot.localhub.accounts import User
from bot.localhub.ci import Annotation, CheckRun, CheckSuite, CommitStatus
from bot.localhub.errors import invalid, not_found
from bot.localhub.moves import Moves
from bot.localhub.state import Repository

STATES = ("error", "failure", "pending", "success")
CI_LOGIN = "github-actions[bot]"
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "skipped",
    "stale",
    "startup_failure",
    "success",
    "timed_out",
)


class CheckRuns(Moves):
    """Check runs of the app and of the CI, and what others say of commits."""

    def suite(self, repository: Repository, sha: str, *, by_app: bool) -> CheckSuite:
        """Return the suite of an app on a commit, made if there is none."""
        for one in repository.check_suites:
            if (one.head_sha, one.by_app) == (sha, by_app):
                return one
        heads = repository.git.refs()
        branch = next((name for name, head in heads.items() if head == sha), None)
        now = self.now()
        made = CheckSuite(
            self.state.next_id(), sha,
            branch.removeprefix("refs/heads/") if branch else None, by_app, now, now,
        )  # fmt: skip
        repository.check_suites.append(made)
        return made

    def open_suite(self, actor: User, repository: Repository, sha: str) -> None:
        """Give a pushed commit the empty suite of an app that may write checks."""
        installation = self.state.installation_of(repository)
        if installation is None or installation.permissions.get("checks") != "write":
            return
        suite = self.suite(repository, sha, by_app=True)
        shape = self.payloads.webhook_suite(repository, suite)
        self.announce("check_suite", "requested", actor, repository, check_suite=shape)

    def add_check(self, actor: User, repository: Repository, run: CheckRun) -> CheckRun:
        """Return the check run, added to the repository."""
        repository.check_runs.append(run)
        self.announce_check("created", actor, repository, run)
        if run.status == "completed":
            self.announce_check("completed", actor, repository, run)
        return run

    def check(
        self,
        repository: str,
        sha: str,
        name: str,
        *,
        conclusion: str | None = None,
        status: str = "in_progress",
        title: str | None = None,
        annotations: Sequence[Annotation] = (),
    ) -> CheckRun:
        """Return what the CI says of a commit: a run that goes on, or a new one.

        With a conclusion it is completed, else it has the status and stays there.
        """
        found = self.repository(repository)
        actor = self.state.add_user(CI_LOGIN)
        suite = self.suite(found, sha, by_app=False)
        mine = [r for r in found.check_runs if r.suite is suite and r.name == name]
        run = mine[-1] if mine and mine[-1].status != "completed" else None
        is_new = run is None
        if run is None:
            run = CheckRun(self.state.next_id(), suite, name, status, self.now())
        run.status, run.title = status, title or run.title
        run.annotations += annotations
        if conclusion is not None:
            run.status, run.conclusion = "completed", conclusion
            run.completed_at = self.now()
        if is_new:
            self.add_check(actor, found, run)
        elif conclusion is not None:
            self.announce_check("completed", actor, found, run)
        return run

    def announce_check(
        self, action: str, actor: User, repository: Repository, run: CheckRun
    ) -> None:
        """Send the ``check_run`` webhook, and ``check_suite`` after the last of a suite."""
        run.suite.updated_at = self.now()
        self._tell_check(action, actor, repository, run)
        if action == "completed" and self._is_last(repository, run):
            suite = self.payloads.webhook_suite(repository, run.suite)
            self.announce(
                "check_suite", "completed", actor, repository, check_suite=suite
            )

    def press(
        self, login: str, repository: str, check_run_id: int, identifier: str
    ) -> None:
        """Press a button of a check run; without an identifier, the one to run it again.

        Raises 404 for one that is not shown.
        """
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "write")
        run = self.check_run(found, check_run_id)
        shown = {one.identifier for one in run.actions}
        if run.status != "completed" or identifier not in {"", *shown}:
            raise not_found()
        if not identifier:
            self._tell_check("rerequested", actor, found, run)
            return
        pressed = {"identifier": identifier}
        self._tell_check(
            "requested_action", actor, found, run, requested_action=pressed
        )

    def check_run(self, repository: Repository, check_run_id: int) -> CheckRun:
        """Return a check run; raises 404."""
        for run in repository.check_runs:
            if run.id == check_run_id:
                return run
        raise not_found()

    def _tell_check(
        self,
        action: str,
        actor: User,
        repository: Repository,
        run: CheckRun,
        **more: object,
    ) -> None:
        shape = self.payloads.check_run(repository, run)
        self.announce("check_run", action, actor, repository, check_run=shape, **more)

    def add_status(
        self,
        login: str,
        repository: str,
        sha: str,
        context: str,
        state: str,
        *,
        description: str | None = None,
        target_url: str | None = None,
    ) -> CommitStatus:
        """Return what somebody says of a commit under a name."""
        found, creator = self.repository(repository), self.user(login)
        self.require(creator, found, "write")
        if state not in STATES:
            raise invalid(resource="Status", field="state", code="custom")
        status = CommitStatus(
            self.state.next_id(), sha, context, state, creator, self.now(),
            app_id=self.app.id if creator is self.app.bot else None,
            description=description, target_url=target_url,
        )  # fmt: skip
        found.statuses.append(status)
        self.announce(
            "status", None, creator, found, **self.payloads.status_event(found, status)
        )
        return status

    def _is_last(self, repository: Repository, run: CheckRun) -> bool:
        runs = verdicts.latest_runs(repository, run.head_sha)
        return all(one.status == "completed" for one in runs if one.suite is run.suite)
