"""What owners and administrators do: accounts, repositories, roles, the app's place."""

from collections.abc import Iterable, Mapping

from bot.sandbox.git import WEB_FLOW, GitRepository
from bot.sandbox.state import (
    Installation,
    Label,
    Milestone,
    Repository,
    Team,
    User,
    UserType,
)
from bot.sandbox.world import World


class Setup(World):
    """Accounts, repositories, roles and installations."""

    def add_user(self, login: str) -> User:
        """Return the person of that login, made if there is none."""
        return self.state.add_user(login)

    def add_organization(self, login: str) -> User:
        """Return the organization of that login, made if there is none."""
        return self.state.add_user(login, UserType.ORGANIZATION)

    def add_team(self, organization: str, slug: str, members: Iterable[str]) -> Team:
        """Return a new team."""
        users = [self.add_user(login) for login in members]
        team = Team(self.state.next_id(), slug, slug.replace("-", " "), users)
        self.state.teams[organization.lower(), slug] = team
        return team

    def create_repository(
        self,
        full_name: str,
        *,
        files: Mapping[str, str | bytes],
        description: str = "",
        default_branch: str = "main",
        is_private: bool = False,
    ) -> Repository:
        """Return a new repository whose first commit has the given files."""
        login, name = full_name.split("/")
        owner = self.add_user(login)
        id_ = self.state.next_id()
        now = self.now()
        git = GitRepository(self.data_dir / "repositories" / f"{id_}.git")
        git.create(default_branch=default_branch)
        sha = git.commit_files(
            files, parent=None, message="Initial commit", author=WEB_FLOW, at=now
        )
        git.set_ref(f"refs/heads/{default_branch}", sha)
        repository = Repository(
            id_, owner, name, git, now, now,
            description=description,
            default_branch=default_branch,
            is_private=is_private,
        )  # fmt: skip
        repository.branches = git.refs()
        self.state.repositories[id_] = repository
        return repository

    def add_label(
        self,
        repository: str,
        name: str,
        *,
        color: str = "ededed",
        description: str = "",
    ) -> Label:
        """Return the repository's label of that name, made if there is none."""
        found = self.repository(repository)
        label = found.label(name)
        if label is None:
            label = Label(self.state.next_id(), name, color, description)
            found.labels.append(label)
        return label

    def add_milestone(self, login: str, repository: str, title: str) -> Milestone:
        """Return a new milestone."""
        found = self.repository(repository)
        milestone = Milestone(
            self.state.next_id(),
            len(found.milestones) + 1,
            title,
            self.user(login),
            self.now(),
        )
        found.milestones.append(milestone)
        return milestone

    def set_role(self, actor: str, repository: str, login: str, role: str) -> None:
        """Give a person a role: none, read, triage, write, maintain or admin."""
        found, member = self.repository(repository), self.add_user(login)
        known = login in found.roles
        if role == "none":
            found.roles.pop(login, None)
            action = "removed"
        else:
            found.roles[login] = role
            action = "edited" if known else "added"
        changes = {"permission": {"to": role}} if role != "none" else {}
        parts = {"changes": changes} if changes else {}
        self.announce(
            "member", action, self.user(actor), found,
            member=self.payloads.user(member), **parts,
        )  # fmt: skip

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
        self.announce_installation(
            "installation", "created", owner, installation,
            repositories=self._short_repositories(installation), requester=None,
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
                short = [self._short(self.state.repositories[i]) for i in sorted(ids)]
                added = action == "added"
                self.announce_installation(
                    "installation_repositories", action,
                    installation.account, installation,
                    repository_selection="selected",
                    repositories_added=short if added else [],
                    repositories_removed=[] if added else short,
                    requester=None,
                )  # fmt: skip

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

    def uninstall(self, installation: Installation) -> None:
        """Remove the app from the account."""
        short = self._short_repositories(installation)
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

    def rename_repository(self, login: str, repository: str, name: str) -> Repository:
        """Give the repository another name; the old one leads to it from now on."""
        found = self.repository(repository)
        old = found.name
        found.former_names.append(found.full_name)
        found.name = name
        found.former_names = [n for n in found.former_names if n != found.full_name]
        self.announce(
            "repository", "renamed", self.user(login), found,
            changes={"repository": {"name": {"from": old}}},
        )  # fmt: skip
        return found

    def archive_repository(self, login: str, repository: str) -> None:
        """Make the repository read-only."""
        found = self.repository(repository)
        found.is_archived = True
        self.announce("repository", "archived", self.user(login), found)

    def _short_repositories(
        self, installation: Installation
    ) -> list[dict[str, object]]:
        return [self._short(repository) for repository in self.covered(installation)]

    def _short(self, repository: Repository) -> dict[str, object]:
        return {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.is_private,
        }
