"""Endpoints that make blobs, trees and commits one by one.

https://docs.github.com/rest/git
"""

import base64
import binascii
from typing import NoReturn

from bot.localhub import signing
from bot.localhub.branches import person
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.git import WEB_FLOW, GitFailed, TreeChange
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes, unprocessable

routes = Routes()

LARGEST_BLOB_BYTES = 40_000_000
TOO_LARGE = (
    "Sorry, your input was too large to process. Consider creating the blob in a local "
    "clone of the repository and then pushing it to GitHub."
)
MODES = {
    "100644": "blob",
    "100755": "blob",
    "120000": "blob",
    "040000": "tree",
    "160000": "commit",
}


@routes.write("POST", "/repos/{owner}/{repo}/git/blobs", "contents")
def create_blob(call: Call) -> Answer:
    """Keep a content."""
    _require_commits(call)
    content = call.required_text("content").encode()
    encoding = call.text("encoding") or "utf-8"
    if encoding not in ("utf-8", "base64"):
        _refuse(f"{encoding} is not a valid encoding")
    if encoding == "base64":
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except binascii.Error:
            _refuse("content is not valid Base64")
    if len(content) > LARGEST_BLOB_BYTES:
        entry = {"resource": "Blob", "code": "too_large", "field": "data"}
        raise GitHubError(422, TOO_LARGE, errors=(entry,))
    sha = call.repository.git.write("blob", content)
    return Answer({"url": _url(call, f"blobs/{sha}"), "sha": sha}, 201)


@routes.write("POST", "/repos/{owner}/{repo}/git/trees", "contents")
def create_tree(call: Call) -> Answer:
    """Make a tree, from nothing or from another one."""
    _require_commits(call)
    entries = call.body.get("tree")
    if not isinstance(entries, list) or not entries:
        _refuse("Invalid tree info")
    git = call.repository.git
    base = call.text("base_tree")
    if base is not None:
        found = git.object_at(f"{base}^{{tree}}")
        if found is None:
            _refuse("base_tree is not a valid tree oid")
        base = found[1]
    changes = [_change(call, entry) for entry in entries]
    try:
        sha = git.changed_tree(base, changes)
    except GitFailed:
        _refuse("GitRPC::BadObjectState")
    return Answer(
        {
            "sha": sha,
            "url": _url(call, f"trees/{sha}"),
            "tree": [
                {"path": path, "mode": mode, "type": kind, "sha": one}
                for mode, kind, one, path in git.entries(sha)
            ],
            "truncated": False,
        },
        201,
    )


@routes.write("POST", "/repos/{owner}/{repo}/git/commits", "contents")
def create_commit(call: Call) -> Answer:
    """Make a commit; GitHub signs it if it is all in the app's own name."""
    _require_commits(call)
    git = call.repository.git
    message, tree = call.required_text("message"), call.required_text("tree")
    parents = call.texts("parents") or []
    if git.object_at(tree) != ("tree", tree):
        _refuse("Tree SHA does not exist")
    if any(git.object_at(parent) != ("commit", parent) for parent in parents):
        _refuse("Parent SHA does not exist or is not a commit object")
    author = _named(call, "author", person(call.hub.app.bot))
    is_own = "author" not in call.body and "committer" not in call.body
    committer = WEB_FLOW if is_own else _named(call, "committer", author)
    at = f"{int(call.hub.now().timestamp())} +0000"
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"{role} {name} <{email}> {at}" for role, (name, email) in (
        ("author", author), ("committer", committer),
    )]  # fmt: skip
    text = "\n".join(lines) + f"\n\n{message}"
    if is_own:
        text = signing.sealed(text)
    sha = git.write("commit", text.encode())
    return Answer(call.hub.payloads.git_commit(call.repository, sha), 201)


@routes.get("/repos/{owner}/{repo}/git/commits/{commit_sha}", "contents")
def get_commit(call: Call) -> Answer:
    """Answer with a commit and what its signature is worth."""
    sha = call.arguments["commit_sha"]
    if call.repository.git.object_at(sha) != ("commit", sha):
        raise not_found()
    return Answer(call.hub.payloads.git_commit(call.repository, sha))


def _require_commits(call: Call) -> None:
    if not call.repository.git.refs():
        raise GitHubError(409, "Git Repository is empty.")


def _refuse(message: str) -> NoReturn:
    raise unprocessable(message)


def _change(call: Call, entry: object) -> TreeChange:
    if not isinstance(entry, dict):
        _refuse("Invalid tree info")
    path, mode, sha = entry.get("path"), entry.get("mode"), entry.get("sha")
    content = entry.get("content")
    if not isinstance(path, str) or not path or path.startswith("/"):
        _refuse("tree.path must be a relative path")
    if any(part in ("", ".", "..", ".git") for part in path.split("/")):
        _refuse("tree.path contains a malformed path component")
    if mode not in MODES:
        _refuse("Must supply a valid tree.mode")
    kind = entry.get("type", MODES[mode])
    if kind != MODES[mode]:
        _refuse("tree.type does not match tree.mode")
    if "sha" in entry and content is not None:
        _refuse("Must supply either tree.sha or tree.content")
    git = call.repository.git
    if isinstance(content, str):
        return TreeChange(path, mode, git.write("blob", content.encode()))
    if "sha" not in entry or not isinstance(sha, str | None):
        _refuse("Must supply tree.sha or tree.content")
    # Nobody has the commits of other repositories here: they are not looked for.
    is_there = kind == "commit" or (sha and git.object_at(sha) == (kind, sha))
    if sha is not None and not is_there:
        _refuse(f"tree.sha {sha} is not a valid {kind}")
    return TreeChange(path, mode, sha)


def _named(call: Call, key: str, default: tuple[str, str]) -> tuple[str, str]:
    value: Json = call.body.get(key) or {}
    if not isinstance(value, dict):
        raise invalid(resource="Commit", field=key)
    if key in call.body and not (value.get("name") and value.get("email")):
        raise invalid(resource="Commit", field=key, code="missing_field")
    return value.get("name") or default[0], value.get("email") or default[1]


def _url(call: Call, rest: str) -> str:
    return f"{call.hub.payloads.repository_url(call.repository)}/git/{rest}"
