"""Repositories with their labels and milestones."""

from dataclasses import dataclass
from urllib.parse import quote

from bot.localhub.accounts import User
from bot.localhub.payloads.accounts import AccountPayloads
from bot.localhub.payloads.shape import Json, optional_timestamp, timestamp
from bot.localhub.state import Label, Milestone, Repository

REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
ROLE_LADDER = ("read", "triage", "write", "maintain", "admin")
LEGACY_PERMISSION = {"triage": "read", "maintain": "write"}


@dataclass(frozen=True, slots=True)
class RepositoryPayloads(AccountPayloads):
    """What the API says of repositories."""

    def repository_url(self, repository: Repository) -> str:
        """Return the API address of a repository."""
        return f"{self.api}/repos/{repository.full_name}"

    def minimal_repository(self, repository: Repository) -> Json:
        """Return ``repository`` as search results, webhooks and tokens carry it."""
        url = self.repository_url(repository)
        page = f"{self.html}/{repository.full_name}"
        open_count = sum(t.is_open for t in repository.visible_threads())
        links = {key: url + rest for key, rest in REPOSITORY_LINKS.items()}
        return {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.name,
            "full_name": repository.full_name,
            "private": repository.is_private,
            "owner": self.user(repository.owner),
            "html_url": page,
            "description": repository.description or None,
            "fork": repository.parent is not None,
            "url": url,
            **links,
            "created_at": timestamp(repository.created_at),
            "updated_at": timestamp(repository.pushed_at),
            "pushed_at": timestamp(repository.pushed_at),
            "git_url": f"{page}.git",
            "ssh_url": f"{page}.git",
            "clone_url": f"{page}.git",
            "svn_url": page,
            "homepage": None,
            "size": 0,
            "stargazers_count": 0,
            "watchers_count": 0,
            "language": None,
            "has_issues": True,
            "has_projects": False,
            "has_downloads": False,
            "has_wiki": False,
            "has_pages": False,
            "has_discussions": False,
            "forks_count": 0,
            "mirror_url": None,
            "archived": repository.is_archived,
            "disabled": False,
            "open_issues_count": open_count,
            "license": None,
            "allow_forking": True,
            "is_template": False,
            "web_commit_signoff_required": False,
            "topics": [],
            "visibility": repository.visibility,
            "forks": 0,
            "open_issues": open_count,
            "watchers": 0,
            "default_branch": repository.default_branch,
        }

    def lite_repository(self, repository: Repository) -> Json:
        """Return ``repository-lite``, as some webhooks carry it inside."""
        whole = self.minimal_repository(repository)
        keys = ("id", "node_id", "name", "full_name", "private", "owner", "html_url")
        more = ("description", "fork", "url", *REPOSITORY_LINKS)
        return {key: whole[key] for key in (*keys, *more)}

    def full_repository(self, repository: Repository) -> Json:
        """Return ``full-repository``."""
        return {
            **self.minimal_repository(repository),
            "allow_rebase_merge": "rebase" in repository.merge_methods,
            "allow_squash_merge": "squash" in repository.merge_methods,
            "allow_merge_commit": "merge" in repository.merge_methods,
            "merge_commit_title": repository.merge_title,
            "merge_commit_message": repository.merge_message,
            "squash_merge_commit_title": repository.squash_title,
            "squash_merge_commit_message": repository.squash_message,
            "allow_auto_merge": False,
            "allow_update_branch": True,
            "delete_branch_on_merge": repository.deletes_branch_on_merge,
            "network_count": 0,
            "subscribers_count": 0,
        }

    def permission(self, repository: Repository, user: User) -> Json:
        """Return ``repository-collaborator-permission``."""
        role, name = repository.role(user.login), repository.role_name(user.login)
        rank = ROLE_LADDER.index(role) if role in ROLE_LADDER else -1
        names = ("pull", "triage", "push", "maintain", "admin")
        return {
            "permission": LEGACY_PERMISSION.get(role, role),
            "user": {
                **self.user(user),
                "permissions": {key: rank >= i for i, key in enumerate(names)},
                "role_name": name,
            },
            "role_name": name,
        }

    def label(self, repository: Repository, label: Label) -> Json:
        """Return ``label``."""
        name = quote(label.name, safe="")
        return {
            "id": label.id,
            "node_id": f"LA_{label.id}",
            "url": f"{self.repository_url(repository)}/labels/{name}",
            "name": label.name,
            "color": label.color,
            "default": False,
            "description": label.description or None,
        }

    def milestone(self, repository: Repository, milestone: Milestone) -> Json:
        """Return ``milestone``."""
        url = f"{self.repository_url(repository)}/milestones/{milestone.number}"
        inside = [t for t in repository.visible_threads() if t.milestone is milestone]
        page = f"{self.html}/{repository.full_name}/milestone/{milestone.number}"
        return {
            "url": url,
            "html_url": page,
            "labels_url": f"{url}/labels",
            "id": milestone.id,
            "node_id": f"MI_{milestone.id}",
            "number": milestone.number,
            "title": milestone.title,
            "description": milestone.description or None,
            "creator": self.user(milestone.creator),
            "open_issues": sum(t.is_open for t in inside),
            "closed_issues": sum(not t.is_open for t in inside),
            "state": milestone.state,
            "created_at": timestamp(milestone.created_at),
            "updated_at": timestamp(milestone.created_at),
            "due_on": optional_timestamp(milestone.due_on),
            "closed_at": None,
        }

    def _is_protected(self, repository: Repository, branch: str) -> bool:
        return bool(repository.rules_of(branch))
