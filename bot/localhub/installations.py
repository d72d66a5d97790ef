"""What owners do with the app: install, suspend and remove it, choose repositories."""

from collections.abc import Iterable

from bot.localhub.accounts import Installation
from bot.localhub.payloads.shape import Json
from bot.localhub.state import Repository
from bot.localhub.world import World


class Installations(World):
    """The app on accounts, and the repositories that it was given there."""

    def install(
        self, account: str, *, repositories: Iterable[str] | None = None
    ) -> Installation:
        """Return a new installation of the app on an account (None: all it has)."""
        owner = self.user(account)
        ids = (
            None
            if repositories is None
            else {self.repository(name).id for name in repositories}
        )
        installation = Installation(
            self.state.next_id(), owner, self.now(), dict(self.app.permissions),
            repository_ids=ids,
        )  # fmt: skip
        self.state.installations[installation.id] = installation
        short = [self.short(r) for r in self.covered(installation)]
        self.announce_installation(
            "installation", "created", owner, installation,
            repositories=short, requester=None,
        )  # fmt: skip
        return installation

    def choose_repositories(
        self, installation: Installation, repositories: Iterable[str]
    ) -> None:
        """Give the app these repositories of the account and no others."""
        before = {r.id for r in self.covered(installation)}
        after = {self.repository(name).id for name in repositories}
        installation.repository_ids = after
        for action, ids in (("added", after - before), ("removed", before - after)):
            if ids:
                found = [self.state.repositories[i] for i in sorted(ids)]
                self.announce_repositories(
                    action, installation, [self.short(r) for r in found]
                )

    def add_repositories(self, installation: Installation, *repositories: str) -> None:
        """Give the app these repositories besides those that it has."""
        have = [r.full_name for r in self.covered(installation)]
        self.choose_repositories(installation, [*have, *repositories])

    def remove_repositories(
        self, installation: Installation, *repositories: str
    ) -> None:
        """Take these repositories from the app."""
        gone = {self.repository(name) for name in repositories}
        left = [r.full_name for r in self.covered(installation) if r not in gone]
        self.choose_repositories(installation, left)

    def suspend_installation(self, installation: Installation) -> None:
        """Take the app's access away for a time."""
        installation.suspended_at = self.now()
        installation.suspended_by = installation.account
        self.announce_installation(
            "installation", "suspend", installation.account, installation
        )

    def unsuspend_installation(self, installation: Installation) -> None:
        """Give the app its access back."""
        installation.suspended_at = installation.suspended_by = None
        self.announce_installation(
            "installation", "unsuspend", installation.account, installation
        )

    def grant(self, installation: Installation, **levels: str) -> None:
        """Give the app these permissions; tokens that it has stay as they are.

        Without a level, as ``issues=""``, one is taken away.
        """
        granted = {**installation.permissions, **levels}
        installation.permissions = {k: level for k, level in granted.items() if level}
        self.announce_installation(
            "installation", "new_permissions_accepted",
            installation.account, installation,
        )  # fmt: skip

    def uninstall(self, installation: Installation) -> None:
        """Remove the app from the account."""
        short = [self.short(r) for r in self.covered(installation)]
        del self.state.installations[installation.id]
        self.announce_installation(
            "installation", "deleted", installation.account, installation,
            repositories=short,
        )  # fmt: skip

    def covered(self, installation: Installation) -> list[Repository]:
        """Return the repositories that the installation may see."""
        return [
            repository
            for repository in self.state.repositories.values()
            if self.state.covers(installation, repository)
        ]

    def announce_repositories(
        self, action: str, installation: Installation, repositories: list[Json]
    ) -> None:
        """Send the webhook of repositories that were added or removed."""
        is_added = action == "added"
        self.announce_installation(
            "installation_repositories", action, installation.account, installation,
            repository_selection=self.payloads.selection(installation),
            repositories_added=repositories if is_added else [],
            repositories_removed=[] if is_added else repositories,
            requester=None,
        )  # fmt: skip

    def short(self, repository: Repository) -> Json:
        """Return a repository as webhooks of installations name it."""
        return {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.is_private,
        }
