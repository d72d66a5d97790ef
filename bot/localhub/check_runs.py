"""What is checked on commits."""

from bot.localhub.reviews import Reviews
from bot.localhub.state import CheckRun, Repository, User


class CheckRuns(Reviews):
    """Check runs of the app and of the CI."""

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
        title: str | None = None,
    ) -> CheckRun:
        """Return a new check run of the CI: completed, or running without conclusion."""
        now = self.now()
        run = CheckRun(
            self.state.next_id(), name, sha,
            "completed" if conclusion else "in_progress", now,
            by_app=False, conclusion=conclusion,
            completed_at=now if conclusion else None, title=title,
        )  # fmt: skip
        actor = self.state.add_user("github-actions[bot]")
        return self.add_check(actor, self.repository(repository), run)

    def announce_check(
        self, action: str, actor: User, repository: Repository, run: CheckRun
    ) -> None:
        """Send the ``check_run`` webhook."""
        shape = self.payloads.check_run(repository, run)
        self.announce("check_run", action, actor, repository, check_run=shape)
