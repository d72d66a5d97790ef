"""People, organizations, teams, the app and its installations."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from bot.localhub.accounts import App, Installation, Team, User, UserType
from bot.localhub.payloads.shape import Json, optional_timestamp, timestamp, without
from bot.localhub.state import REACTIONS, Reaction, State

USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}


@dataclass(frozen=True, slots=True)
class AccountPayloads:
    """``api`` and ``html`` are URLs without ``/`` at their end."""

    state: State
    app: App
    api: str
    html: str

    def user(self, user: User) -> Json:
        """Return ``simple-user``."""
        url = f"{self.api}/users/{quote(user.login)}"
        path = (
            f"apps/{user.login.removesuffix('[bot]')}"
            if user.type is UserType.BOT
            else user.login
        )
        return {
            "login": user.login,
            "id": user.id,
            "node_id": f"U_{user.id}",
            "avatar_url": f"{self.html}/avatars/{quote(user.login)}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self.html}/{path}",
            **{key: url + rest for key, rest in USER_LINKS.items()},
            "type": user.type.value,
            "site_admin": False,
        }

    def optional_user(self, user: User | None) -> Json | None:
        """Return ``nullable-simple-user``."""
        return self.user(user) if user is not None else None

    def organization(self, organization: User) -> Json:
        """Return ``organization-simple-webhooks``."""
        url = f"{self.api}/orgs/{organization.login}"
        return {
            "login": organization.login,
            "id": organization.id,
            "node_id": f"O_{organization.id}",
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": f"{self.html}/avatars/{quote(organization.login)}",
            "description": "",
        }

    def team(self, team: Team) -> Json:
        """Return ``team``."""
        return self.simple_team(team) | {"parent": None}

    def webhook_team(self, team: Team) -> Json:
        """Return a team as webhooks carry it."""
        return without(self.team(team), "type")

    def simple_team(self, team: Team) -> Json:
        """Return ``team-simple``."""
        url = f"{self.api}/teams/{team.id}"
        return {
            "id": team.id,
            "node_id": f"T_{team.id}",
            "url": url,
            "html_url": f"{self.html}/teams/{team.slug}",
            "members_url": f"{url}/members{{/member}}",
            "repositories_url": f"{url}/repos",
            "name": team.name,
            "slug": team.slug,
            "description": None,
            "privacy": "closed",
            "permission": "pull",
            "type": "organization",
        }

    def integration(self) -> Json:
        """Return ``integration``: the app."""
        return {
            "id": self.app.id,
            "slug": self.app.slug,
            "client_id": self.app.client_id,
            "node_id": f"A_{self.app.id}",
            "owner": self.user(self.app.owner),
            "name": self.app.name,
            "description": self.app.description,
            "external_url": self.app.url or self.html,
            "html_url": f"{self.html}/apps/{self.app.slug}",
            "created_at": timestamp(self.app.created_at),
            "updated_at": timestamp(self.app.created_at),
            "permissions": dict(self.app.permissions),
            "events": list(self.app.events),
            "installations_count": len(self.state.installations),
        }

    def installation(self, installation: Installation) -> Json:
        """Return ``installation``."""
        return {
            "id": installation.id,
            "app_id": self.app.id,
            "app_slug": self.app.slug,
            "client_id": self.app.client_id,
            "account": self.user(installation.account),
            "target_id": installation.account.id,
            "target_type": installation.account.type.value,
            "permissions": dict(installation.permissions),
            "events": list(self.app.events),
            "repository_selection": self.selection(installation),
            "access_tokens_url": (
                f"{self.api}/app/installations/{installation.id}/access_tokens"
            ),
            "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.html}/settings/installations/{installation.id}",
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "created_at": timestamp(installation.created_at),
            "updated_at": timestamp(installation.created_at),
            "suspended_by": self.optional_user(installation.suspended_by),
            "suspended_at": optional_timestamp(installation.suspended_at),
        }

    def selection(self, installation: Installation) -> str:
        """Return whether the app was given all repositories or a choice."""
        return "all" if installation.repository_ids is None else "selected"

    def _app_of(self, author: User) -> Json | None:
        return self.integration() if author is self.app.bot else None

    def _rollup(self, url: str, reactions: Iterable[Reaction]) -> Json:
        contents = [reaction.content for reaction in reactions]
        counts = {name: contents.count(name) for name in REACTIONS}
        return {"url": url, "total_count": len(contents), **counts}
