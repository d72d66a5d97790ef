"""The base of the local GitHub: its state, its webhooks, and how to find things."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.localhub.accounts import App, Installation, User, UserType
from bot.localhub.errors import archived, forbidden, gone, not_found
from bot.localhub.jobs import Jobs, Later
from bot.localhub.payloads.everything import Payloads
from bot.localhub.payloads.shape import Json
from bot.localhub.state import (
    ROLES,
    Comment,
    Now,
    Repository,
    State,
    Thread,
    ThreadEvent,
)
from bot.localhub.webhooks import Webhooks


class World:
    """State, payloads and webhooks, and the look-ups that every change begins with."""

    def __init__(
        self,
        state: State,
        app: App,
        *,
        base_url: str,
        data_dir: Path,
    ) -> None:
        self.state = state
        self.most_comments = 2500  # that a thread takes, forever
        self.data_dir = data_dir
        self.html_url = base_url
        self.api_url = f"{base_url}/api/v3"
        self.git_url = base_url
        self.payloads = Payloads(state, app, self.api_url, self.html_url)
        self.webhooks = Webhooks(
            now=state.now, next_id=state.next_id, hook_id=state.next_id()
        )
        self.webhooks.secret = app.webhook_secret
        self.private_key = ""  # PEM; what the app's owner holds
        self.jobs = Jobs()
        self.later = Later()
        self.tells_runs = True  # older servers cannot be asked which run they began
        self.list_lag_seconds = 0.0  # until a list has what was just made

    @property
    def app(self) -> App:
        """The app, as its owner has registered it."""
        return self.payloads.app

    @app.setter
    def app(self, app: App) -> None:
        self.payloads = replace(self.payloads, app=app)

    @property
    def now(self) -> Now:
        """The clock."""
        return self.state.now

    def user(self, login: str) -> User:
        """Return an account; raises 404."""
        found = self.state.user(login)
        if found is None:
            raise not_found()
        return found

    def repository(self, full_name: str) -> Repository:
        """Return a repository by its present name; raises 404."""
        found = self.state.repository(full_name)
        if found is None:
            raise not_found()
        return found

    def thread(self, repository: str, number: int) -> Thread:
        """Return an issue or pull request; raises 404, and 410 if it was deleted."""
        found = self.repository(repository).threads.get(number)
        if found is None:
            raise not_found()
        if found.is_deleted:
            raise gone()
        return found

    def find_comment(self, repository: str, comment_id: int) -> Comment:
        """Return a comment; raises 404."""
        found = self.repository(repository).find_comment(comment_id)
        if found is None:
            raise not_found()
        return found

    def may(self, user: User, repository: Repository, role: str) -> bool:
        """Return whether the account has at least that role; the app has what it has."""
        if user is self.app.bot or user.login == "github-actions[bot]":
            return True
        return ROLES.index(repository.role(user.login)) >= ROLES.index(role)

    def owns(self, user: User, account: User) -> bool:
        """Return whether it is the person's own account, or an organization of theirs:
        its owners are administrators of all that it has.
        """
        if account.type is not UserType.ORGANIZATION:
            return account is user
        has = [r for r in self.state.repositories.values() if r.owner is account]
        return bool(has) and all(r.role(user.login) == "admin" for r in has)

    def require(self, user: User, repository: Repository, role: str) -> None:
        """Raise 403 unless the account has at least that role in a live repository."""
        if repository.is_archived:
            raise archived()
        if not self.may(user, repository, role):
            raise forbidden(message=f"Must have {role} rights to Repository.")

    def announce(
        self,
        event: str,
        action: str | None,
        actor: User,
        repository: Repository,
        **parts: Any,
    ) -> None:
        """Send the webhook of a change to the app, if it is installed there."""
        installation = self.state.installation_of(repository)
        if (
            self.webhooks.url is None
            or installation is None
            or installation.suspended_at is not None
            or event not in self.app.events
        ):
            return
        payload: Json = {"action": action} if action is not None else {}
        payload |= parts
        payload["repository"] = self.payloads.minimal_repository(repository)
        if repository.owner.type is UserType.ORGANIZATION:
            payload["organization"] = self.payloads.organization(repository.owner)
        payload["sender"] = self.payloads.user(actor)
        payload["installation"] = {
            "id": installation.id,
            "node_id": f"I_{installation.id}",
        }
        self.webhooks.send(
            event,
            payload,
            app_id=self.app.id,
            installation_id=installation.id,
            repository_id=repository.id,
        )

    def announce_installation(
        self,
        event: str,
        action: str,
        actor: User,
        installation: Installation,
        **parts: Any,
    ) -> None:
        """Send the webhook of a change of an installation; the app cannot turn it off."""
        self.webhooks.send(
            event,
            {
                "action": action,
                "installation": self.payloads.installation(installation),
                **parts,
                "sender": self.payloads.user(actor),
            },
            app_id=self.app.id,
            installation_id=installation.id,
            repository_id=None,
        )

    def announce_thread(
        self, action: str, actor: User, thread: Thread, **parts: Any
    ) -> None:
        """Send the ``issues`` or ``pull_request`` webhook of a change of a thread."""
        if thread.pull is None:
            issue = self.payloads.webhook_issue(thread)
            self.announce(
                "issues", action, actor, thread.repository, issue=issue, **parts
            )
        else:
            self.announce(
                "pull_request",
                action,
                actor,
                thread.repository,
                number=thread.number,
                pull_request=self.payloads.webhook_pull(thread),
                **parts,
            )

    def touch(self, thread: Thread) -> datetime:
        """Note that the thread changed now; return the instant."""
        thread.updated_at = self.now()
        return thread.updated_at

    def tell(
        self,
        thread: Thread,
        kind: str,
        actor: User,
        detail: str = "",
        *,
        commit: str | None = None,
    ) -> None:
        """Add an event to the thread's history and note that it changed."""
        at = self.touch(thread)
        thread.events.append(ThreadEvent(kind, actor, at, detail, commit))
