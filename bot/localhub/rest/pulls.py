"""Endpoints of pull requests: list, read, change, merge, review."""

from bot.localhub import mergeability, pulls
from bot.localhub.diff_limits import MOST_FILES, as_told
from bot.localhub.errors import forbidden, invalid, not_found
from bot.localhub.git import ChangedFile, CommitInfo
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes
from bot.localhub.state import Thread

routes = Routes()

PULL = "/repos/{owner}/{repo}/pulls/{pull_number}"


@routes.get("/repos/{owner}/{repo}/pulls", "pull_requests")
def list_pulls(call: Call) -> Answer:
    """Answer with pull requests by state, head and base, newest first."""
    query = call.query
    state, base = query.get("state", "open"), query.get("base")
    owner, _, head = query.get("head", "").rpartition(":")
    found = [
        thread
        for thread in call.repository.visible_threads()
        if thread.pull is not None
        and state in ("all", thread.state)
        and base in (None, thread.pull.base_ref)
        # GitHub passes over a head that names no owner.
        and (not owner or f"{owner}:{head}".lower() == pulls.label(thread).lower())
    ]
    by_update = query.get("sort") == "updated"
    direction = query.get("direction", "desc")
    found.sort(
        key=lambda t: (t.updated_at if by_update else t.created_at, t.number),
        reverse=direction == "desc",
    )
    return call.page(found, call.hub.payloads.simple_pull)


@routes.write(
    "POST", "/repos/{owner}/{repo}/pulls", "pull_requests", makes_content=True
)
def create_pull(call: Call) -> Answer:
    """Open a pull request."""
    thread = call.hub.open_pull_request(
        call.login,
        call.name,
        call.required_text("title"),
        head=call.required_text("head"),
        base=call.required_text("base"),
        body=call.text("body") or "",
        is_draft=bool(call.flag("draft")),
        maintainer_can_modify=call.flag("maintainer_can_modify") is not False,
    )
    return _answer(call, thread, 201)


@routes.get(PULL, "pull_requests")
def get_pull(call: Call) -> Answer:
    """Answer with a pull request."""
    return _answer(call, call.pull)


@routes.write("PATCH", PULL, "pull_requests")
def update_pull(call: Call) -> Answer:
    """Change a pull request."""
    hub, login, name, number = call.hub, call.login, call.name, call.pull.number
    hub.edit_thread(
        login, name, number, title=call.text("title"), body=call.text("body")
    )
    base = call.text("base")
    if base is not None:
        hub.set_base(login, name, number, base)
    match call.text("state"):
        case "closed":
            hub.close(login, name, number)
        case "open":
            hub.reopen(login, name, number)
        case None:
            pass
        case _:
            raise invalid(resource="PullRequest", field="state")
    return _answer(call, call.pull)


@routes.get(f"{PULL}/files", "pull_requests")
def list_files(call: Call) -> Answer:
    """Answer with the files that the pull request changes."""
    thread = call.pull

    def shape(file: ChangedFile) -> Json:
        return call.hub.payloads.changed_file(thread, file)

    files = pulls.changes(thread).files[:MOST_FILES]
    return call.page(files, shape, as_told=as_told)


@routes.get(f"{PULL}/commits", "pull_requests")
def list_commits(call: Call) -> Answer:
    """Answer with the commits of the pull request."""

    def shape(commit: CommitInfo) -> Json:
        return call.hub.payloads.commit(call.repository, commit)

    return call.page(pulls.changes(call.pull).commits, shape)


@routes.get(f"{PULL}/merge", "contents")
def check_merged(call: Call) -> Answer:
    """Answer with 204 if the pull request is merged."""
    if not pulls.pull_of(call.pull).is_merged:
        raise not_found()
    return Answer(status=204)


@routes.write("PUT", f"{PULL}/merge", "contents")
def merge_pull(call: Call) -> Answer:
    """Merge the pull request."""
    sha = call.hub.merge(
        call.login,
        call.name,
        call.pull.number,
        method=call.text("merge_method") or "merge",
        sha=call.text("sha"),
        title=call.text("commit_title"),
        message=call.text("commit_message"),
        may_change_workflows=call.allows("workflows", "write"),
    )
    message = "Pull Request successfully merged"
    return Answer({"sha": sha, "merged": True, "message": message})


@routes.write("PUT", f"{PULL}/update-branch", "pull_requests")
def update_branch(call: Call) -> Answer:
    """Merge the base into the pull request's branch."""
    if not call.allows("contents", "write"):
        message = "user doesn't have permission to update head repository"
        raise forbidden(message=message)
    call.hub.update_branch_later(
        call.login,
        call.name,
        call.pull.number,
        expected=call.text("expected_head_sha"),
        may_change_workflows=call.allows("workflows", "write"),
    )
    body = {
        "message": "Updating pull request branch.",
        "url": call.hub.payloads.pull_url(call.pull),
    }
    return Answer(body, 202)


@routes.get("/repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests")
def list_pulls_of_commit(call: Call) -> Answer:
    """Answer with the pull requests that have a commit."""
    sha = call.arguments["commit_sha"]

    def has(thread: Thread) -> bool:
        return thread.pull is not None and any(
            commit.sha == sha for commit in pulls.changes(thread).commits
        )

    found = [t for t in call.repository.visible_threads() if has(t)]
    return call.page(found, call.hub.payloads.simple_pull)


def _answer(call: Call, thread: Thread, status: int = 200) -> Answer:
    looks = call.hub.unsure_looks
    is_tried = mergeability.is_known(thread, call, looks=looks)
    return Answer(call.hub.payloads.pull(thread, is_tried=is_tried), status)
