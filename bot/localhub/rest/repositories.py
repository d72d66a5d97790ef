"""Endpoints of a repository: itself, files, roles, labels, milestones."""

from datetime import timedelta

from bot.localhub.accounts import UserType
from bot.localhub.errors import GitHubError, invalid, not_found
from bot.localhub.rest.routing import Answer, Call, Routes
from bot.localhub.state import Label, Milestone

routes = Routes()

PERIODS = {"day": 1, "week": 7, "month": 30, "quarter": 90, "year": 365}
ACTIVITIES = (
    "push",
    "force_push",
    "branch_creation",
    "branch_deletion",
    "pr_merge",
    "merge_queue_merge",
)


@routes.get("/repos/{owner}/{repo}", "metadata")
def get_repository(call: Call) -> Answer:
    """Answer with the repository."""
    return Answer(call.hub.payloads.full_repository(call.repository))


@routes.get("/repos/{owner}/{repo}/contents/{path}", "contents")
def get_contents(call: Call) -> Answer:
    """Answer with a file, or the entries of a folder."""
    repository, path = call.repository, call.arguments["path"].strip("/")
    ref = call.query.get("ref") or repository.default_branch
    sha = repository.git.resolve(ref)
    found = repository.git.object_at(f"{sha}:{path}") if sha is not None else None
    if sha is None or found is None:
        raise not_found()
    payloads = call.hub.payloads
    if found[0] == "tree":
        entries = repository.git.tree(sha, path)
        return Answer([payloads.content_entry(repository, e, ref) for e in entries])
    content = repository.git.blob(found[1])
    return Answer(payloads.content_file(repository, path, found[1], content, ref))


@routes.get("/repos/{owner}/{repo}/activity", "contents")
def list_activities(call: Call) -> Answer:
    """Answer with the moves of branches, the newest first.

    It has cursors and no numbers of pages. https://docs.github.com/rest/repos/repos
    """
    query = call.query
    known = (("time_period", [*PERIODS]), ("activity_type", ACTIVITIES), ("direction", ("asc", "desc")))  # fmt: skip
    for key, values in known:
        if query.get(key, values[0]) not in values:
            raise GitHubError(422, f"Invalid {key}")
    ref = query.get("ref", "")
    full = ref if ref.startswith("refs/") or not ref else f"refs/heads/{ref}"
    since = call.hub.now() - timedelta(days=PERIODS.get(query.get("time_period", ""), 36_500))  # fmt: skip
    found = [
        one
        for one in call.repository.activities
        if full in ("", one.ref)
        and query.get("activity_type", one.kind) == one.kind
        and one.at >= since
        and query.get("actor") in (None, one.actor and one.actor.login)
    ]
    if query.get("direction") != "asc":
        found.reverse()
    ids = [str(one.id) for one in found]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    size = min(max(int(query.get("per_page") or 30), 1), 100)
    page = found[start : start + size]
    links = {}
    if start + size < len(found):
        links["next"] = {"after": ids[start + size - 1]}
    return Answer(
        [call.hub.payloads.activity(one) for one in page], headers=call.links(links)
    )


@routes.get("/repos/{owner}/{repo}/collaborators/{username}", "metadata")
def check_collaborator(call: Call) -> Answer:
    """Answer with 204 if the account has a role of its own."""
    user = call.hub.user(call.arguments["username"])
    is_owner = user is call.repository.owner
    if not is_owner and user.login not in call.repository.roles:
        raise not_found()
    return Answer(status=204)


@routes.get("/repos/{owner}/{repo}/collaborators/{username}/permission", "metadata")
def get_permission(call: Call) -> Answer:
    """Answer with the role of an account."""
    user = call.hub.user(call.arguments["username"])
    if user.type is UserType.BOT:
        message = f"{user.login} is not a user"
        raise GitHubError(404, message)
    return Answer(call.hub.payloads.permission(call.repository, user))


@routes.get("/repos/{owner}/{repo}/labels", "issues", "pull_requests")
def list_labels(call: Call) -> Answer:
    """Answer with the repository's labels."""

    def shape(label: Label) -> dict[str, object]:
        return call.hub.payloads.label(call.repository, label)

    return call.page(call.repository.labels, shape)


@routes.write("POST", "/repos/{owner}/{repo}/labels", "issues", "pull_requests")
def create_label(call: Call) -> Answer:
    """Make a label."""
    name = call.required_text("name")
    if call.repository.label(name) is not None:
        raise invalid(resource="Label", field="name", code="already_exists")
    label = call.hub.add_label(
        call.name,
        name,
        color=call.text("color") or "ededed",
        description=call.text("description") or "",
    )
    return Answer(call.hub.payloads.label(call.repository, label), 201)


@routes.get("/repos/{owner}/{repo}/labels/{name}", "issues", "pull_requests")
def get_label(call: Call) -> Answer:
    """Answer with a label."""
    label = call.repository.label(call.arguments["name"])
    if label is None:
        raise not_found()
    return Answer(call.hub.payloads.label(call.repository, label))


@routes.get("/repos/{owner}/{repo}/milestones", "issues", "pull_requests")
def list_milestones(call: Call) -> Answer:
    """Answer with the repository's milestones: open, closed or all."""
    wanted = call.query.get("state", "open")
    found = [m for m in call.repository.milestones if wanted in ("all", m.state)]

    def shape(milestone: Milestone) -> dict[str, object]:
        return call.hub.payloads.milestone(call.repository, milestone)

    return call.page(found, shape)


@routes.write(
    "POST", "/repos/{owner}/{repo}/milestones", "issues", "pull_requests",
    makes_content=True,
)  # fmt: skip
def create_milestone(call: Call) -> Answer:
    """Make a milestone."""
    made = call.hub.add_milestone(
        call.login,
        call.name,
        call.required_text("title"),
        call.text("description") or "",
    )
    return Answer(call.hub.payloads.milestone(call.repository, made), 201)


@routes.get(
    "/repos/{owner}/{repo}/milestones/{milestone_number}", "issues", "pull_requests"
)
def get_milestone(call: Call) -> Answer:
    """Answer with a milestone."""
    found = call.repository.milestone(call.number("milestone_number"))
    if found is None:
        raise not_found()
    return Answer(call.hub.payloads.milestone(call.repository, found))
