"""Files, refs, branches and commits."""

import base64
from dataclasses import dataclass
from urllib.parse import quote

from bot.localhub.git import CommitInfo
from bot.localhub.payloads.requests import PullPayloads
from bot.localhub.payloads.shape import Json, timestamp
from bot.localhub.signing import verification
from bot.localhub.state import Activity, Repository


@dataclass(frozen=True, slots=True)
class GitPayloads(PullPayloads):
    """What the API says of files, refs, branches and commits."""

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

    def activity(self, one: Activity) -> Json:
        """Return ``activity``."""
        return {
            "id": one.id,
            "node_id": f"PSH_{one.id}",
            "before": one.before,
            "after": one.after,
            "ref": one.ref,
            "timestamp": timestamp(one.at),
            "activity_type": one.kind,
            "actor": self.user(one.actor) if one.actor else None,
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
        rules = [r for r in repository.rules_of(name) if r.is_classic]
        checks = [check for one in rules for check in one.checks]
        return {
            "name": name,
            "commit": self.commit(repository, repository.git.commit(sha)),
            "_links": {"self": url, "html": page},
            "protected": protected,
            "protection": {
                "enabled": bool(rules),
                "required_status_checks": {
                    "enforcement_level": "non_admins" if checks else "off",
                    "contexts": [check.context for check in checks],
                    "checks": [
                        {"context": check.context, "app_id": check.integration_id}
                        for check in checks
                    ],
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

    def git_commit(self, repository: Repository, sha: str) -> Json:
        """Return ``git-commit``."""
        whole = self.commit(repository, repository.git.commit(sha))
        inside = whole["commit"]
        return {
            **{key: whole[key] for key in ("sha", "node_id", "html_url", "parents")},
            **{key: inside[key] for key in ("url", "author", "committer")},
            **{key: inside[key] for key in ("message", "tree")},
            "verification": verification(repository.git, sha),
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
