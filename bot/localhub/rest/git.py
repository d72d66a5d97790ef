"""Endpoints of refs, branches, commits and comparisons."""

from bot.localhub import signing
from bot.localhub.diff_limits import MOST_COMPARED, as_told
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.git import CommitInfo
from bot.localhub.mergeability import VIOLATIONS
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes, unprocessable

routes = Routes()


@routes.get("/repos/{owner}/{repo}/git/ref/{ref}", "contents")
def get_ref(call: Call) -> Answer:
    """Answer with one ref."""
    name, sha = _ref(call)
    return Answer(call.hub.payloads.ref(call.repository, name, sha))


@routes.get("/repos/{owner}/{repo}/git/matching-refs/{ref}", "contents")
def list_matching_refs(call: Call) -> Answer:
    """Answer with the refs that begin so."""
    start = f"refs/{call.arguments['ref']}"
    refs = call.repository.git.refs("refs/")
    shape = call.hub.payloads.ref
    found = [(n, sha) for n, sha in sorted(refs.items()) if n.startswith(start)]
    return Answer([shape(call.repository, name, sha) for name, sha in found])


@routes.write("POST", "/repos/{owner}/{repo}/git/refs", "contents")
def create_ref(call: Call) -> Answer:
    """Make a ref."""
    name, sha = call.required_text("ref"), _commit(call, call.required_text("sha"))
    if not name.startswith("refs/") or name.count("/") < 2:
        message = "Reference name must start with 'refs/' and have two slashes"
        raise unprocessable(message)
    if name in call.repository.git.refs("refs/"):
        message = "Reference already exists"
        raise unprocessable(message)
    _require_signatures(call, name, sha)
    call.hub.set_ref(call.login, call.name, name, sha)
    return Answer(call.hub.payloads.ref(call.repository, name, sha), 201)


@routes.write("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}", "contents")
def update_ref(call: Call) -> Answer:
    """Move a ref, forward only unless forced."""
    name, before = _existing(call)
    sha = _commit(call, call.required_text("sha"))
    if not call.repository.git.is_ancestor(before, sha):
        if not call.flag("force"):
            message = "Update is not a fast forward"
            raise unprocessable(message)
        rules = call.repository.rules_of(name.removeprefix("refs/heads/"))
        if any(one.blocks_force_pushes for one in rules):
            message = f"{VIOLATIONS}\n\nCannot force-push to this branch\n\n"
            raise unprocessable(message)
    _require_signatures(call, name, sha)
    call.hub.set_ref(call.login, call.name, name, sha)
    return Answer(call.hub.payloads.ref(call.repository, name, sha))


@routes.write("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}", "contents")
def delete_ref(call: Call) -> Answer:
    """Delete a ref."""
    name, _ = _existing(call)
    call.hub.set_ref(call.login, call.name, name, None)
    return Answer(status=204)


@routes.get("/repos/{owner}/{repo}/branches", "contents")
def list_branches(call: Call) -> Answer:
    """Answer with the branches, by name."""
    refs = sorted(call.repository.git.refs().items())

    def shape(item: tuple[str, str]) -> Json:
        name = item[0].removeprefix("refs/heads/")
        return call.hub.payloads.short_branch(call.repository, name, item[1])

    return call.page(refs, shape)


@routes.get("/repos/{owner}/{repo}/branches/{branch}", "contents")
def get_branch(call: Call) -> Answer:
    """Answer with a branch, its commit and what protects it."""
    name = call.arguments["branch"]
    sha = call.repository.git.refs().get(f"refs/heads/{name}")
    if sha is None:
        raise GitHubError(404, "Branch not found")
    return Answer(call.hub.payloads.branch(call.repository, name, sha))


@routes.get("/repos/{owner}/{repo}/commits/{ref}", "contents")
def get_commit(call: Call) -> Answer:
    """Answer with a commit."""
    sha = _commit(call, call.arguments["ref"])
    commit = call.repository.git.commit(sha)
    return Answer(call.hub.payloads.commit(call.repository, commit))


@routes.get("/repos/{owner}/{repo}/compare/{basehead}", "contents")
def compare(call: Call) -> Answer:
    """Answer with what one revision has that another lacks."""
    base, dots, head = call.arguments["basehead"].partition("...")
    if not dots:
        raise not_found()
    git, payloads = call.repository.git, call.hub.payloads
    base_sha, head_sha = _commit(call, base), _commit(call, head)
    ahead, behind = git.ahead_behind(base_sha, head_sha)
    status = {
        (False, False): "identical",
        (True, False): "ahead",
        (False, True): "behind",
        (True, True): "diverged",
    }[ahead > 0, behind > 0]
    page = f"{call.hub.html_url}/{call.name}/compare/{base}...{head}"
    merge_base = git.merge_base(base_sha, head_sha) or base_sha

    files = git.changed_files(merge_base, head_sha)

    def shape(commit: CommitInfo) -> Json:
        return payloads.commit(call.repository, commit)

    return Answer(
        {
            "url": call.url,
            "html_url": page,
            "permalink_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "base_commit": shape(git.commit(base_sha)),
            "merge_base_commit": shape(git.commit(merge_base)),
            "status": status,
            "ahead_by": ahead,
            "behind_by": behind,
            "total_commits": ahead,
            "commits": [shape(commit) for commit in git.commits(base_sha, head_sha)],
            "files": [
                payloads.file_entry(call.repository, head_sha, file)
                for file in as_told(files[:MOST_COMPARED])
            ],
        }
    )


def _ref(call: Call) -> tuple[str, str]:
    name = f"refs/{call.arguments['ref']}"
    sha = call.repository.git.refs("refs/").get(name)
    if sha is None:
        raise not_found()
    return name, sha


def _existing(call: Call) -> tuple[str, str]:
    try:
        return _ref(call)
    except GitHubError as error:
        message = "Reference does not exist"
        raise unprocessable(message) from error


def _require_signatures(call: Call, ref: str, sha: str) -> None:
    repository = call.repository
    if not signing.is_held(repository.signed_branches, ref):
        return
    if signing.unsigned(repository.git, sha):
        message = f"Repository rule violations found\n\n{signing.VIOLATION}\n\n"
        raise unprocessable(message)


def _commit(call: Call, revision: str) -> str:
    sha = call.repository.git.resolve(revision)
    if sha is None:
        raise invalid(resource="Commit", field="sha")
    return sha
