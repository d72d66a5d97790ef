"""What owners and administrators do: accounts, repositories, roles."""

from collections.abc import Iterable, Mapping

from bot.localhub import signing
from bot.localhub.accounts import Team, User, UserType
from bot.localhub.errors import invalid
from bot.localhub.git import WEB_FLOW, GitRepository
from bot.localhub.installations import Installations
from bot.localhub.state import Label, Milestone, Repository


class Setup(Installations):
    """Accounts, repositories and roles."""

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
        self._claim_name(full_name)
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
        installation = self.state.installation_of(repository)
        if installation is not None:
            self.announce_repositories("added", installation, [self.short(repository)])
        self.announce("repository", "created", owner, repository)
        return repository

    def fork(self, login: str, repository: str) -> Repository:
        """Return a new fork of a person."""
        parent, owner = self.repository(repository), self.add_user(login)
        self._claim_name(f"{login}/{parent.name}")
        id_, now = self.state.next_id(), self.now()
        git = GitRepository(self.data_dir / "repositories" / f"{id_}.git")
        git.create_fork(parent.git, default_branch=parent.default_branch)
        fork = Repository(
            id_, owner, parent.name, git, now, now,
            default_branch=parent.default_branch, is_private=parent.is_private,
            parent=parent,
        )  # fmt: skip
        fork.branches = git.refs()
        self.state.repositories[id_] = fork
        return fork

    def require_signatures(
        self, repository: str, *patterns: str, is_classic: bool = False
    ) -> None:
        """Take only verified commits on branches of such names (``main``, ``*``), by a
        ruleset or by classic protection.
        """
        found = self.repository(repository)
        found.signed_branches = list(patterns)
        found.signs_by_protection = is_classic
        signing.require(found.git, found.signed_branches, is_classic=is_classic)

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

    def add_milestone(
        self, login: str, repository: str, title: str, description: str = ""
    ) -> Milestone:
        """Return a new milestone."""
        found, creator = self.repository(repository), self.user(login)
        if any(one.title == title for one in found.milestones):
            raise invalid(resource="Milestone", field="title", code="already_exists")
        milestone = Milestone(
            self.state.next_id(),
            len(found.milestones) + 1,
            title,
            creator,
            self.now(),
            description,
        )
        found.milestones.append(milestone)
        shape = self.payloads.milestone(found, milestone)
        self.announce("milestone", "created", creator, found, milestone=shape)
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

    def rename_repository(self, login: str, repository: str, name: str) -> Repository:
        """Return the repository under another name; the old one leads to it."""
        found = self.repository(repository)
        old = found.name
        self._give_name(found, found.owner, name)
        self.announce(
            "repository", "renamed", self.user(login), found,
            changes={"repository": {"name": {"from": old}}},
        )  # fmt: skip
        return found

    def transfer_repository(
        self, login: str, repository: str, owner: str
    ) -> Repository:
        """Return the repository in another account; the old name leads to it.

        An installation that was given it loses it. That of the new account hears of it
        if it has all repositories; else nobody is told but the old one.
        """
        found, actor = self.repository(repository), self.user(login)
        before, short = found.owner, self.short(found)
        losing = self.state.installation_of(found)
        self._give_name(found, self.user(owner), found.name)
        if losing is not None:
            if losing.repository_ids is not None:
                losing.repository_ids.discard(found.id)
            self.announce_repositories("removed", losing, [short])
        gaining = self.state.installation_of(found)
        if gaining is not None:
            self.announce_repositories("added", gaining, [self.short(found)])
        account = (
            {"organization": self.payloads.organization(before)}
            if before.type is UserType.ORGANIZATION
            else {"user": self.payloads.user(before)}
        )
        self.announce(
            "repository", "transferred", actor, found,
            changes={"owner": {"from": account}},
        )  # fmt: skip
        return found

    def archive_repository(self, login: str, repository: str) -> None:
        """Make the repository read-only."""
        found = self.repository(repository)
        found.is_archived = True
        self.announce("repository", "archived", self.user(login), found)

    def unarchive_repository(self, login: str, repository: str) -> None:
        """Let the repository be written to again."""
        found = self.repository(repository)
        found.is_archived = False
        self.announce("repository", "unarchived", self.user(login), found)

    def set_visibility(
        self,
        login: str,
        repository: str,
        *,
        is_private: bool,
        is_internal: bool = False,
    ) -> None:
        """Hide the repository from all without a role in it, or but for its enterprise, or
        show it to everybody.

        GitHub documents no delivery between private and internal, so there is none.
        """
        found, actor = self.repository(repository), self.user(login)
        self.require(actor, found, "admin")
        before = found.is_private
        found.is_private, found.is_internal = is_private, is_private and is_internal
        if before is not is_private:
            action = "privatized" if is_private else "publicized"
            self.announce("repository", action, actor, found)

    def delete_repository(self, login: str, repository: str) -> None:
        """Delete the repository and all that is in it; its former names lead nowhere."""
        found, actor = self.repository(repository), self.user(login)
        installation = self.state.installation_of(found)
        if installation is not None:
            self.announce_repositories("removed", installation, [self.short(found)])
        self.announce("repository", "deleted", actor, found)
        for thread in found.threads.values():
            self.state.unrelate(thread)
        del self.state.repositories[found.id]

    def _give_name(self, repository: Repository, owner: User, name: str) -> None:
        """Change name and owner; the old name is kept as a former one."""
        self._claim_name(f"{owner.login}/{name}")
        repository.former_names.append(repository.full_name)
        repository.owner, repository.name = owner, name

    def _claim_name(self, full_name: str) -> None:
        """Let a name lead to nothing else from now on; raises 422 if it is taken."""
        if self.state.repository(full_name) is not None:
            raise invalid(
                resource="Repository",
                field="name",
                code="custom",
                message="name already exists on this account",
            )
        for other in self.state.repositories.values():
            other.former_names = [
                name for name in other.former_names if name.lower() != full_name.lower()
            ]
