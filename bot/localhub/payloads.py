"""The JSON shapes of GitHub's REST API and webhooks, made from the state.

Field names and nesting follow GitHub's OpenAPI description, to which a contract test
holds them.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from bot.localhub import pulls
from bot.localhub.git import ChangedFile, CommitInfo
from bot.localhub.state import (
    REACTIONS,
    App,
    CheckRun,
    Comment,
    Installation,
    Label,
    Milestone,
    Reaction,
    Repository,
    Review,
    ReviewComment,
    State,
    Team,
    Thread,
    User,
    UserType,
)

Json = dict[str, Any]

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
ROLE_LADDER = ("read", "triage", "write", "maintain", "admin")
LEGACY_PERMISSION = {"triage": "read", "maintain": "write"}
CI_APP = {"id": 15368, "slug": "github-actions", "name": "GitHub Actions"}


def timestamp(at: datetime) -> str:
    """Return an instant as GitHub writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def optional_timestamp(at: datetime | None) -> str | None:
    """Return an instant as GitHub writes it, or None."""
    return timestamp(at) if at is not None else None


@dataclass(frozen=True, slots=True)
class Payloads:
    """Makes JSON of the state's records. ``api`` and ``html`` are URLs without ``/``."""

    state: State
    app: App
    api: str
    html: str

    # --- accounts and apps

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
        return _without(self.team(team), "type")

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
            "name": self.app.slug,
            "description": "",
            "external_url": self.html,
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

    # --- repositories

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
            "fork": False,
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
            "visibility": "private" if repository.is_private else "public",
            "forks": 0,
            "open_issues": open_count,
            "watchers": 0,
            "default_branch": repository.default_branch,
        }

    def full_repository(self, repository: Repository) -> Json:
        """Return ``full-repository``."""
        return {
            **self.minimal_repository(repository),
            "allow_rebase_merge": True,
            "allow_squash_merge": True,
            "allow_merge_commit": True,
            "allow_auto_merge": False,
            "allow_update_branch": True,
            "delete_branch_on_merge": False,
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

    # --- threads

    def thread_page(self, thread: Thread) -> str:
        """Return the address of the thread's page."""
        kind = "issues" if thread.pull is None else "pull"
        return f"{self.html}/{thread.repository.full_name}/{kind}/{thread.number}"

    def issue_url(self, thread: Thread) -> str:
        """Return the API address of the thread as an issue."""
        return f"{self.repository_url(thread.repository)}/issues/{thread.number}"

    def pull_url(self, thread: Thread) -> str:
        """Return the API address of the thread as a pull request."""
        return f"{self.repository_url(thread.repository)}/pulls/{thread.number}"

    def issue(self, thread: Thread) -> Json:
        """Return ``issue``; a pull request has ``pull_request`` and ``draft`` besides."""
        url = self.issue_url(thread)
        return {
            "url": url,
            "repository_url": self.repository_url(thread.repository),
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": self.thread_page(thread),
            "id": thread.id,
            "node_id": f"{'I' if thread.pull is None else 'PR'}_{thread.id}",
            **self._thread(thread),
            "comments": len(thread.comments),
            "closed_by": self.optional_user(thread.closed_by),
            "type": None,
            "performed_via_github_app": self._app_of(thread.author),
            "reactions": self._rollup(f"{url}/reactions", thread.reactions),
            "state_reason": thread.state_reason,
            "pinned_comment": self._pinned(thread),
            **self._relations(thread),
            **self._pull_links(thread),
        }

    def search_item(self, thread: Thread) -> Json:
        """Return ``issue-search-result-item``."""
        shape = self.issue(thread) | {"score": 1.0, "body": thread.body}
        return _without(shape, "closed_by", "parent_issue_url")

    def webhook_issue(self, thread: Thread) -> Json:
        """Return an issue as webhooks carry it."""
        left_out = ("closed_by", "parent_issue_url", "pinned_comment")
        return _without(self.issue(thread), *left_out)

    def comment(self, comment: Comment) -> Json:
        """Return ``issue-comment``."""
        thread = comment.thread
        url = f"{self.repository_url(thread.repository)}/issues/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{self.thread_page(thread)}#issuecomment-{comment.id}",
            "issue_url": self.issue_url(thread),
            "id": comment.id,
            "node_id": f"IC_{comment.id}",
            "user": self.user(comment.author),
            "created_at": timestamp(comment.created_at),
            "updated_at": timestamp(comment.updated_at),
            "body": comment.body,
            "author_association": self.association(thread.repository, comment.author),
            "reactions": self._rollup(f"{url}/reactions", comment.reactions),
            "performed_via_github_app": self._app_of(comment.author),
            "pin": self._pin(comment),
        }

    def reaction(self, reaction: Reaction) -> Json:
        """Return ``reaction``."""
        return {
            "id": reaction.id,
            "node_id": f"REA_{reaction.id}",
            "user": self.user(reaction.user),
            "content": reaction.content,
            "created_at": timestamp(reaction.created_at),
        }

    def association(self, repository: Repository, user: User) -> str:
        """Return ``author-association``."""
        if user is repository.owner:
            return "OWNER"
        if user.login in repository.roles:
            is_member = repository.owner.type is UserType.ORGANIZATION
            return "MEMBER" if is_member else "COLLABORATOR"
        return "NONE"

    # --- pull requests

    def simple_pull(self, thread: Thread) -> Json:
        """Return ``pull-request-simple``."""
        pull = pulls.pull_of(thread)
        url = self.pull_url(thread)
        page = self.thread_page(thread)
        links = {
            "self": url,
            "html": page,
            "issue": self.issue_url(thread),
            "comments": f"{self.issue_url(thread)}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": (
                f"{self.repository_url(thread.repository)}/pulls/comments{{/number}}"
            ),
            "commits": f"{url}/commits",
            "statuses": (
                f"{self.repository_url(thread.repository)}/statuses/{pull.head_sha}"
            ),
        }
        return {
            "url": url,
            "id": pull.id,
            "node_id": f"PR_{pull.id}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "issue_url": links["issue"],
            "commits_url": links["commits"],
            "review_comments_url": links["review_comments"],
            "review_comment_url": links["review_comment"],
            "comments_url": links["comments"],
            "statuses_url": links["statuses"],
            **self._thread(thread),
            "merged_at": optional_timestamp(pull.merged_at),
            "merge_commit_sha": pull.merge_commit_sha,
            "requested_reviewers": [self.user(u) for u in pull.requested_reviewers],
            "requested_teams": [self.team(t) for t in pull.requested_teams],
            "head": self._branch(thread, pull.head_ref, pull.head_sha),
            "base": self._branch(thread, pull.base_ref, pull.base_sha),
            "_links": {key: {"href": value} for key, value in links.items()},
            "auto_merge": None,
            "draft": pull.is_draft,
        }

    def pull(self, thread: Thread) -> Json:
        """Return ``pull-request``."""
        pull = pulls.pull_of(thread)
        changes = pulls.changes(thread)
        mergeable = pulls.is_mergeable(thread)
        return {
            **self.simple_pull(thread),
            "requested_teams": [self.simple_team(t) for t in pull.requested_teams],
            "merged": pull.is_merged,
            "mergeable": mergeable,
            "rebaseable": mergeable,
            "mergeable_state": pulls.mergeable_state(thread),
            "merged_by": self.optional_user(pull.merged_by),
            "comments": len(thread.comments),
            "review_comments": len(pull.review_comments),
            "maintainer_can_modify": False,
            "commits": len(changes.commits),
            "additions": changes.additions,
            "deletions": changes.deletions,
            "changed_files": len(changes.files),
        }

    def webhook_pull(self, thread: Thread) -> Json:
        """Return a pull request as webhooks carry it."""
        teams = pulls.pull_of(thread).requested_teams
        shapes = [self.webhook_team(team) for team in teams]
        return self.pull(thread) | {"requested_teams": shapes}

    def review(self, review: Review) -> Json:
        """Return ``pull-request-review``."""
        page = f"{self.thread_page(review.thread)}#pullrequestreview-{review.id}"
        url = self.pull_url(review.thread)
        return {
            "id": review.id,
            "node_id": f"PRR_{review.id}",
            "user": self.user(review.author),
            "body": review.body,
            "state": review.state,
            "html_url": page,
            "pull_request_url": url,
            "author_association": self.association(
                review.thread.repository, review.author
            ),
            "_links": {"html": {"href": page}, "pull_request": {"href": url}},
            "submitted_at": timestamp(review.submitted_at),
            "commit_id": review.commit_id,
        }

    def review_comment(self, comment: ReviewComment) -> Json:
        """Return ``pull-request-review-comment``."""
        thread = comment.thread
        url = f"{self.repository_url(thread.repository)}/pulls/comments/{comment.id}"
        page = f"{self.thread_page(thread)}#discussion_r{comment.id}"
        links = {"self": url, "html": page, "pull_request": self.pull_url(thread)}
        reply = (
            {"in_reply_to_id": comment.in_reply_to}
            if comment.in_reply_to is not None
            else {}
        )
        return {
            "url": url,
            "pull_request_review_id": comment.review.id,
            "id": comment.id,
            "node_id": f"PRRC_{comment.id}",
            "diff_hunk": comment.diff_hunk,
            "path": comment.path,
            "commit_id": comment.commit_id,
            "original_commit_id": comment.commit_id,
            "user": self.user(comment.author),
            "body": comment.body,
            "created_at": timestamp(comment.created_at),
            "updated_at": timestamp(comment.updated_at),
            "html_url": page,
            "pull_request_url": self.pull_url(thread),
            "author_association": self.association(thread.repository, comment.author),
            "_links": {key: {"href": value} for key, value in links.items()},
            "reactions": self._rollup(f"{url}/reactions", comment.reactions),
            "start_line": comment.start_line,
            "original_start_line": comment.start_line,
            "start_side": comment.start_side,
            "line": comment.line,
            "original_line": comment.line,
            "side": comment.side,
            "subject_type": "line" if comment.line is not None else "file",
            **reply,
        }

    def positioned_review_comment(self, comment: ReviewComment) -> Json:
        """Return ``review-comment``, which also names places by diff position."""
        position = comment.diff_hunk.count("\n") or None
        positions = {"position": position, "original_position": position or 1}
        return self.review_comment(comment) | positions

    def changed_file(self, thread: Thread, file: ChangedFile) -> Json:
        """Return ``diff-entry`` for a file of a pull request."""
        head = pulls.pull_of(thread).head_sha
        return self.file_entry(thread.repository, head, file)

    def file_entry(self, repository: Repository, head: str, file: ChangedFile) -> Json:
        """Return ``diff-entry``."""
        page = f"{self.html}/{repository.full_name}"
        path = quote(file.path)
        optional: Json = {}
        if file.patch is not None:
            optional["patch"] = file.patch
        if file.previous_path is not None:
            optional["previous_filename"] = file.previous_path
        return {
            "sha": file.sha,
            "filename": file.path,
            "status": file.status,
            "additions": file.additions,
            "deletions": file.deletions,
            "changes": file.additions + file.deletions,
            "blob_url": f"{page}/blob/{head}/{path}",
            "raw_url": f"{page}/raw/{head}/{path}",
            "contents_url": (
                f"{self.repository_url(repository)}/contents/{path}?ref={head}"
            ),
            **optional,
        }

    # --- git and checks

    def content_file(
        self, repository: Repository, path: str, sha: str, content: bytes, ref: str
    ) -> Json:
        """Return ``content-file``."""
        return {
            **self.content_entry(repository, ("blob", sha, path, len(content)), ref),
            "content": base64.encodebytes(content).decode(),
            "encoding": "base64",
        }

    def content_entry(
        self, repository: Repository, entry: tuple[str, str, str, int], ref: str
    ) -> Json:
        """Return one entry of ``content-directory``."""
        kind, sha, path, size = entry
        page = f"{self.html}/{repository.full_name}"
        url = self.repository_url(repository)
        links = {
            "self": f"{url}/contents/{quote(path)}?ref={quote(ref)}",
            "git": f"{url}/git/{kind}s/{sha}",
            "html": f"{page}/{kind}/{quote(ref)}/{quote(path)}",
        }
        raw = f"{page}/raw/{quote(ref)}/{quote(path)}" if kind == "blob" else None
        return {
            "name": path.rsplit("/", 1)[-1],
            "path": path,
            "sha": sha,
            "size": size,
            "url": links["self"],
            "html_url": links["html"],
            "git_url": links["git"],
            "download_url": raw,
            "type": "file" if kind == "blob" else "dir",
            "_links": links,
        }

    def ref(self, repository: Repository, name: str, sha: str) -> Json:
        """Return ``git-ref``; *name* is full."""
        url = self.repository_url(repository)
        return {
            "ref": name,
            "node_id": f"REF_{repository.id}_{name}",
            "url": f"{url}/git/{name}",
            "object": {"type": "commit", "sha": sha, "url": f"{url}/git/commits/{sha}"},
        }

    def short_branch(self, repository: Repository, name: str, sha: str) -> Json:
        """Return ``short-branch``."""
        url = f"{self.repository_url(repository)}/commits/{sha}"
        return {
            "name": name,
            "commit": {"sha": sha, "url": url},
            "protected": self._is_protected(repository, name),
        }

    def branch(self, repository: Repository, name: str, sha: str) -> Json:
        """Return ``branch-with-protection``."""
        url = f"{self.repository_url(repository)}/branches/{quote(name)}"
        page = f"{self.html}/{repository.full_name}/tree/{quote(name)}"
        protected = self._is_protected(repository, name)
        contexts = list(repository.required_checks) if protected else []
        return {
            "name": name,
            "commit": self.commit(repository, repository.git.commit(sha)),
            "_links": {"self": url, "html": page},
            "protected": protected,
            "protection": {
                "enabled": protected,
                "required_status_checks": {
                    "enforcement_level": "non_admins" if protected else "off",
                    "contexts": contexts,
                    "checks": [{"context": c, "app_id": None} for c in contexts],
                },
            },
            "protection_url": f"{url}/protection",
        }

    def commit(self, repository: Repository, commit: CommitInfo) -> Json:
        """Return ``commit``."""
        url = f"{self.repository_url(repository)}/commits/{commit.sha}"
        git_url = f"{self.repository_url(repository)}/git"
        page = f"{self.html}/{repository.full_name}/commit"
        person = {
            "name": commit.author_name,
            "email": commit.author_email,
            "date": timestamp(commit.at),
        }
        account = self.state.user(commit.author_name)
        return {
            "url": url,
            "sha": commit.sha,
            "node_id": f"C_{commit.sha}",
            "html_url": f"{page}/{commit.sha}",
            "comments_url": f"{url}/comments",
            "commit": {
                "url": f"{git_url}/commits/{commit.sha}",
                "author": person,
                "committer": person,
                "message": commit.message,
                "comment_count": 0,
                "tree": {
                    "sha": commit.tree,
                    "url": f"{git_url}/trees/{commit.tree}",
                },
            },
            "author": self.optional_user(account),
            "committer": self.optional_user(account),
            "parents": [
                {
                    "sha": parent,
                    "url": f"{self.repository_url(repository)}/commits/{parent}",
                    "html_url": f"{page}/{parent}",
                }
                for parent in commit.parents
            ],
        }

    def check_run(self, repository: Repository, run: CheckRun) -> Json:
        """Return ``check-run``."""
        url = f"{self.repository_url(repository)}/check-runs/{run.id}"
        page = f"{self.html}/{repository.full_name}/runs/{run.id}"
        app = self.integration()
        return {
            "id": run.id,
            "node_id": f"CR_{run.id}",
            "head_sha": run.head_sha,
            "name": run.name,
            "url": url,
            "html_url": page,
            "details_url": run.details_url or page,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": timestamp(run.started_at),
            "completed_at": optional_timestamp(run.completed_at),
            "external_id": run.external_id,
            "check_suite": {"id": run.id},
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": 0,
                "annotations_url": f"{url}/annotations",
            },
            "app": app if run.by_app else {**app, **CI_APP},
            "pull_requests": [
                self._pull_minimal(thread)
                for thread in repository.visible_threads()
                if thread.pull is not None and thread.pull.head_sha == run.head_sha
            ],
        }

    def push_commit(self, repository: Repository, commit: CommitInfo) -> Json:
        """Return a commit as ``push`` webhooks carry it."""
        person = {
            "name": commit.author_name,
            "email": commit.author_email,
            "username": commit.author_name,
        }
        parent = commit.parents[0] if commit.parents else None
        files = repository.git.changed_files(parent, commit.sha) if parent else []
        return {
            "id": commit.sha,
            "tree_id": commit.tree,
            "distinct": True,
            "message": commit.message,
            "timestamp": timestamp(commit.at),
            "url": f"{self.html}/{repository.full_name}/commit/{commit.sha}",
            "author": person,
            "committer": person,
            "added": [f.path for f in files if f.status == "added"],
            "removed": [f.path for f in files if f.status == "removed"],
            "modified": [f.path for f in files if f.status == "modified"],
        }

    # --- parts

    def _thread(self, thread: Thread) -> Json:
        """Return what issues and pull requests share."""
        repository = thread.repository
        milestone = thread.milestone
        assignees = [self.user(user) for user in thread.assignees]
        return {
            "number": thread.number,
            "title": thread.title,
            "user": self.user(thread.author),
            "labels": [self.label(repository, label) for label in thread.labels],
            "state": thread.state,
            "locked": thread.is_locked,
            "assignee": assignees[0] if assignees else None,
            "assignees": assignees,
            "milestone": self.milestone(repository, milestone) if milestone else None,
            "created_at": timestamp(thread.created_at),
            "updated_at": timestamp(thread.updated_at),
            "closed_at": optional_timestamp(thread.closed_at),
            "author_association": self.association(repository, thread.author),
            "active_lock_reason": thread.lock_reason,
            "body": thread.body or None,
        }

    def _relations(self, thread: Thread) -> Json:
        if thread.pull is not None:
            return {}
        total = len(thread.sub_issues)
        completed = sum(not t.is_open for t in thread.sub_issues)
        blocking = [
            other
            for repository in self.state.repositories.values()
            for other in repository.visible_threads()
            if thread in other.blocked_by
        ]
        return {
            "parent_issue_url": self.issue_url(thread.parent)
            if thread.parent
            else None,
            "sub_issues_summary": {
                "total": total,
                "completed": completed,
                "percent_completed": completed * 100 // total if total else 0,
            },
            "issue_dependencies_summary": {
                "blocked_by": sum(t.is_open for t in thread.blocked_by),
                "blocking": sum(t.is_open for t in blocking),
                "total_blocked_by": len(thread.blocked_by),
                "total_blocking": len(blocking),
            },
        }

    def _pull_links(self, thread: Thread) -> Json:
        if thread.pull is None:
            return {}
        page = self.thread_page(thread)
        return {
            "draft": thread.pull.is_draft,
            "pull_request": {
                "url": self.pull_url(thread),
                "html_url": page,
                "diff_url": f"{page}.diff",
                "patch_url": f"{page}.patch",
                "merged_at": optional_timestamp(thread.pull.merged_at),
            },
        }

    def _pull_minimal(self, thread: Thread) -> Json:
        pull = pulls.pull_of(thread)
        repository = {
            "id": thread.repository.id,
            "url": self.repository_url(thread.repository),
            "name": thread.repository.name,
        }
        return {
            "id": pull.id,
            "number": thread.number,
            "url": self.pull_url(thread),
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": repository},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": repository},
        }

    def _branch(self, thread: Thread, ref: str, sha: str) -> Json:
        repository = thread.repository
        return {
            "label": f"{repository.owner.login}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": self.user(repository.owner),
            "repo": self.minimal_repository(repository),
        }

    def _pinned(self, thread: Thread) -> Json | None:
        pinned = thread.pinned_comment
        return self.comment(pinned) if pinned is not None else None

    def _pin(self, comment: Comment) -> Json | None:
        if comment.pinned_at is None:
            return None
        return {
            "pinned_at": timestamp(comment.pinned_at),
            "pinned_by": self.optional_user(comment.pinned_by),
        }

    def _app_of(self, author: User) -> Json | None:
        return self.integration() if author is self.app.bot else None

    def _is_protected(self, repository: Repository, branch: str) -> bool:
        return branch == repository.default_branch and bool(
            repository.required_checks or repository.requires_up_to_date
        )

    def _rollup(self, url: str, reactions: Iterable[Reaction]) -> Json:
        contents = [reaction.content for reaction in reactions]
        counts = {name: contents.count(name) for name in REACTIONS}
        return {"url": url, "total_count": len(contents), **counts}


def _without(shape: Json, *keys: str) -> Json:
    return {key: value for key, value in shape.items() if key not in keys}
