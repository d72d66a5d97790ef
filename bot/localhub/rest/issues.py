"""Endpoints of issues: list, read, change, labels, assignees, relations."""

from collections.abc import Callable
from datetime import datetime

from bot.localhub.errors import invalid, moved, not_found
from bot.localhub.payloads.shape import Json
from bot.localhub.rest.routing import Answer, Call, Routes
from bot.localhub.state import Label, Thread

routes = Routes()

ISSUE = "/repos/{owner}/{repo}/issues/{issue_number}"


@routes.get("/repos/{owner}/{repo}/issues", "issues", "pull_requests")
def list_issues(call: Call) -> Answer:
    """Answer with issues and pull requests that fit the query, newest first."""
    threads = [t for t in call.repository.visible_threads() if _fits(call, t)]
    keys = {
        "created": lambda t: (t.created_at, t.number),
        "updated": lambda t: (t.updated_at, t.number),
        "comments": lambda t: (len(t.comments), t.number),
    }
    key = keys.get(call.query.get("sort", "created"))
    if key is None:
        raise invalid(resource="Issue", field="sort")
    threads.sort(key=key, reverse=call.query.get("direction", "desc") == "desc")
    return call.page(threads, call.hub.payloads.issue)


@routes.write("POST", "/repos/{owner}/{repo}/issues", "issues", makes_content=True)
def create_issue(call: Call) -> Answer:
    """Open an issue."""
    thread = call.hub.open_issue(
        call.login,
        call.name,
        call.required_text("title"),
        call.text("body") or "",
        labels=call.texts("labels") or [],
        assignees=call.texts("assignees") or [],
        milestone=call.integer("milestone"),
    )
    return Answer(call.hub.payloads.issue(thread), 201)


@routes.get(ISSUE, "issues", "pull_requests")
def get_issue(call: Call) -> Answer:
    """Answer with an issue or pull request."""
    _require_here(call)
    return Answer(call.hub.payloads.issue(call.thread))


@routes.write("PATCH", ISSUE, "issues", "pull_requests")
def update_issue(call: Call) -> Answer:
    """Change an issue or pull request."""
    _require_here(call)
    hub, login, name, number = (
        call.hub,
        call.login,
        call.name,
        call.thread.number,
    )
    labels, assignees = call.texts("labels"), call.texts("assignees")
    hub.edit_thread(
        login, name, number, title=call.text("title"), body=call.text("body")
    )
    if labels is not None:
        hub.set_labels(login, name, number, labels)
    if assignees is not None:
        gone = [u.login for u in call.thread.assignees if u.login not in assignees]
        hub.unassign(login, name, number, *gone)
        hub.assign(login, name, number, *assignees)
    if "milestone" in call.body:
        hub.set_milestone(login, name, number, call.integer("milestone"))
    match call.text("state"):
        case "closed":
            reason = call.text("state_reason") or "completed"
            hub.close(login, name, number, reason=reason)
        case "open":
            hub.reopen(login, name, number)
        case None:
            pass
        case _:
            raise invalid(resource="Issue", field="state")
    return Answer(hub.payloads.issue(call.thread))


@routes.write("PUT", f"{ISSUE}/lock", "issues", "pull_requests")
def lock_issue(call: Call) -> Answer:
    """Lock the conversation."""
    reason = call.text("lock_reason")
    call.hub.lock(call.login, call.name, call.thread.number, reason=reason)
    return Answer(status=204)


@routes.write("DELETE", f"{ISSUE}/lock", "issues", "pull_requests")
def unlock_issue(call: Call) -> Answer:
    """Unlock the conversation."""
    call.hub.unlock(call.login, call.name, call.thread.number)
    return Answer(status=204)


# --- labels and assignees


@routes.get(f"{ISSUE}/labels", "issues", "pull_requests")
def list_issue_labels(call: Call) -> Answer:
    """Answer with the labels of an issue or pull request."""
    return call.page(call.thread.labels, _label_shape(call))


@routes.write("POST", f"{ISSUE}/labels", "issues", "pull_requests")
def add_labels(call: Call) -> Answer:
    """Put labels on."""
    names = call.texts("labels")
    if not names:
        raise invalid(resource="Label", field="labels", code="missing_field")
    call.hub.label(call.login, call.name, call.thread.number, *names)
    return Answer([_label_shape(call)(label) for label in call.thread.labels])


@routes.write("PUT", f"{ISSUE}/labels", "issues", "pull_requests")
def set_labels(call: Call) -> Answer:
    """Leave exactly these labels on."""
    names = call.texts("labels") or []
    call.hub.set_labels(call.login, call.name, call.thread.number, names)
    return Answer([_label_shape(call)(label) for label in call.thread.labels])


@routes.write("DELETE", f"{ISSUE}/labels/{{name}}", "issues", "pull_requests")
def remove_label(call: Call) -> Answer:
    """Take a label off."""
    number = call.thread.number
    call.hub.unlabel(call.login, call.name, number, call.arguments["name"])
    return Answer([_label_shape(call)(label) for label in call.thread.labels])


@routes.write("POST", f"{ISSUE}/assignees", "issues", "pull_requests")
def add_assignees(call: Call) -> Answer:
    """Assign people."""
    logins = call.texts("assignees") or []
    call.hub.assign(call.login, call.name, call.thread.number, *logins)
    return Answer(call.hub.payloads.issue(call.thread), 201)


@routes.write("DELETE", f"{ISSUE}/assignees", "issues", "pull_requests")
def remove_assignees(call: Call) -> Answer:
    """Unassign people."""
    logins = call.texts("assignees") or []
    call.hub.unassign(call.login, call.name, call.thread.number, *logins)
    return Answer(call.hub.payloads.issue(call.thread))


# --- relations


@routes.get(f"{ISSUE}/sub_issues", "issues")
def list_sub_issues(call: Call) -> Answer:
    """Answer with the parts of an issue."""
    return call.page(call.thread.sub_issues, call.hub.payloads.issue)


@routes.write("POST", f"{ISSUE}/sub_issues", "issues")
def add_sub_issue(call: Call) -> Answer:
    """Make another issue a part of this one."""
    child = _thread_by_id(call, call.integer("sub_issue_id"))
    replace = bool(call.flag("replace_parent"))
    call.hub.add_sub_issue(call.login, call.thread, child, replace=replace)
    return Answer(call.hub.payloads.issue(call.thread), 201)


@routes.write("DELETE", f"{ISSUE}/sub_issue", "issues")
def remove_sub_issue(call: Call) -> Answer:
    """Take a part out of an issue."""
    child = _thread_by_id(call, call.integer("sub_issue_id"))
    call.hub.remove_sub_issue(call.login, call.thread, child)
    return Answer(call.hub.payloads.issue(call.thread))


@routes.get(f"{ISSUE}/parent", "issues")
def get_parent(call: Call) -> Answer:
    """Answer with the issue that this one is a part of."""
    if call.thread.parent is None:
        raise not_found()
    return Answer(call.hub.payloads.issue(call.thread.parent))


@routes.get(f"{ISSUE}/dependencies/blocked_by", "issues")
def list_blocked_by(call: Call) -> Answer:
    """Answer with the issues that this one waits for."""
    return call.page(call.thread.blocked_by, call.hub.payloads.issue)


@routes.write("POST", f"{ISSUE}/dependencies/blocked_by", "issues")
def add_blocked_by(call: Call) -> Answer:
    """Make this issue wait for another."""
    by = _thread_by_id(call, call.integer("issue_id"))
    call.hub.block(call.login, call.thread, by)
    return Answer(call.hub.payloads.issue(by), 201)


@routes.write("DELETE", f"{ISSUE}/dependencies/blocked_by/{{issue_id}}", "issues")
def remove_blocked_by(call: Call) -> Answer:
    """Stop waiting for another."""
    by = _thread_by_id(call, call.number("issue_id"))
    call.hub.unblock(call.login, call.thread, by)
    return Answer(call.hub.payloads.issue(by))


@routes.get(f"{ISSUE}/dependencies/blocking", "issues")
def list_blocking(call: Call) -> Answer:
    """Answer with the issues that wait for this one."""
    waiting = call.hub.state.blocked_by(call.thread)
    return call.page(waiting, call.hub.payloads.issue)


def _require_here(call: Call) -> None:
    """Raise 301 if the issue is in another repository now that the token may see.

    Only its own address leads there: GitHub answers 404 for those below it.
    """
    thread = call.repository.moved.get(call.number("issue_number"))
    if thread is not None and call.hub.sees(call.token, thread.repository):
        base = f"{call.hub.api_url}/repositories/{thread.repository.id}"
        target = f"{base}/issues/{thread.number}"
        raise moved(target)


def is_since(wanted: str | None, at: datetime) -> bool:
    """Return whether an instant is not before the one that a query names."""
    if wanted is None:
        return True
    try:
        return at >= datetime.fromisoformat(wanted)
    except (ValueError, TypeError) as error:
        raise invalid(resource="Issue", field="since") from error


def _fits(call: Call, thread: Thread) -> bool:
    query = call.query
    state = query.get("state", "open")
    names = {label.name.lower() for label in thread.labels}
    wanted = [n.strip().lower() for n in query.get("labels", "").split(",") if n]
    assignees = [user.login.lower() for user in thread.assignees]
    return (
        state in ("all", thread.state)
        and names.issuperset(wanted)
        and _fits_person(query.get("assignee"), assignees)
        and query.get("creator", thread.author.login).lower()
        == thread.author.login.lower()
        and _fits_milestone(query.get("milestone"), thread)
        and is_since(query.get("since"), thread.updated_at)
    )


def _fits_person(wanted: str | None, logins: list[str]) -> bool:
    if wanted is None:
        return True
    if wanted in ("none", "*"):
        return bool(logins) == (wanted == "*")
    return wanted.lower() in logins


def _fits_milestone(wanted: str | None, thread: Thread) -> bool:
    if wanted is None:
        return True
    if wanted in ("none", "*"):
        return (thread.milestone is not None) == (wanted == "*")
    return thread.milestone is not None and str(thread.milestone.number) == wanted


def _thread_by_id(call: Call, id_: int | None) -> Thread:
    """Return a thread of any repository of the same installation; raises 404."""
    for repository in call.hub.state.repositories.values():
        for thread in repository.visible_threads():
            if thread.id == id_ and repository.owner is call.repository.owner:
                return thread
    raise not_found()


def _label_shape(call: Call) -> Callable[[Label], Json]:
    def shape(label: Label) -> Json:
        return call.hub.payloads.label(call.repository, label)

    return shape
