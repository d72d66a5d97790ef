"""Holds what a local GitHub was asked to change to the bot's log of effects."""

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.localhub.api_log import Exchange
from tests.flow.world import World

Sign = tuple[object, ...]
"""What tells one change from another: its kind, and what it is about."""

_ISSUE = r"/repos/[^/]+/[^/]+/(?:issues|pulls)/(\d+)"
_COMMENT = r"/repos/[^/]+/[^/]+/(?:issues|pulls)/comments/(\d+)"
_NO_CHANGES = re.compile(
    r"/app/installations/\d+/access_tokens|/applications/\w+/token"
)
_MUTATION = re.compile(r"\s*mutation\b[^{]*\{\s*(?:\w+: )?(\w+)")
_MUTATIONS = {
    "addReaction": "React",
    "convertPullRequestToDraft": "ChangeDraft",
    "markPullRequestReadyForReview": "ChangeDraft",
    "enqueuePullRequest": "EnqueuePullRequest",
    "dequeuePullRequest": "DequeuePullRequest",
    "minimizeComment": "HideReviews",
    "resolveReviewThread": "HideReviews",
    "updatePullRequestBranch": "UpdateBranch",
}


def mutation_in(data: Any) -> str:
    """Return what a request to GraphQL changes; nothing if it only asks."""
    found = _MUTATION.match(str(data.get("query", "")))
    return found[1] if found else ""


def unlogged_writes(on: World) -> list[str]:
    """Return the changes that the bot made without a row in its log of effects."""
    made = [e for e in on.hub.log if _is_change(e)]
    if not made:
        return []
    rows = on.rows("SELECT kind, intent FROM effects")
    known = {sign for kind, intent in rows for sign in _of_intent(kind, intent)}
    found = [f"{e.method} {e.path}" for e in made if _of_exchange(e) not in known]
    pushed = {intent["branch"] for intent in _intents(rows, "PushBranch")}
    # By runs that were dispatched.
    pushed |= {run.inputs.get("batch_branch") for run in on.repository.workflow_runs}
    refs = [ref.removeprefix("refs/heads/") for ref in on.repository.git.refs()]
    found += [ref for ref in refs if ref.startswith("batch/") and ref not in pushed]
    return found


def _is_change(exchange: Exchange) -> bool:
    if exchange.method == "GET" or _NO_CHANGES.fullmatch(exchange.path):
        return False
    if exchange.path == "/graphql":
        is_refused = "errors" in (exchange.response or {})
        return bool(mutation_in(exchange.request or {})) and not is_refused
    return exchange.status < 300  # 0: done, and the answer was lost


def _of_exchange(exchange: Exchange) -> Sign:
    data = exchange.request or {}
    if exchange.path == "/graphql":
        return (_MUTATIONS[mutation_in(data)],)
    about = int(found[1]) if (found := re.match(_COMMENT, exchange.path)) else 0
    if about:
        match exchange.method, exchange.path.rpartition("/")[2]:
            case "POST", "reactions":
                return "React", about, data["content"]
            case "PUT", "pin":
                return ("PinComment",)
            case "DELETE", "pin":
                return ("UnpinComment",)
            case "PATCH", _:
                return "EditComment", about
    item = int(found[1]) if (found := re.match(_ISSUE, exchange.path)) else 0
    if found := re.search(r"/pulls/(\d+)/(merge|update-branch)$", exchange.path):
        kinds = {"merge": "MergePullRequest", "update-branch": "UpdateBranch"}
        return kinds[found[2]], int(found[1])
    if found := re.search(r"/actions/workflows/([^/]+)/dispatches$", exchange.path):
        return "DispatchWorkflow", found[1], json.dumps(data.get("inputs"))
    if found := re.search(r"/actions/runs/(\d+)/(?:force-)?cancel$", exchange.path):
        return "CancelRun", int(found[1])
    if found := re.search(r"/actions/runs/(\d+)/rerun-failed-jobs$", exchange.path):
        return "RerunFailedJobs", int(found[1])
    if found := re.search(r"/check-runs(?:/(\d+))?$", exchange.path):
        if found[1]:
            return "EditCheckRun", int(found[1])
        return "CreateCheckRun", data["head_sha"], data["external_id"]
    if exchange.path.endswith("/comments"):
        return "CreateComment", item, data["body"].partition("\n")[0]
    if exchange.path.endswith("/reviews"):
        return "CreateReview", item, data["body"].partition("\n")[0]
    if "/labels" in exchange.path:
        return "ChangeLabels", item
    if exchange.path.endswith("/assignees"):
        return "ChangeAssignees", item
    if exchange.method == "PATCH" and item and "base" in data:
        return "ChangeBase", item
    if exchange.path.endswith("/requested_reviewers"):
        return "ChangeReviewers", item
    if exchange.method == "PATCH" and item:
        return "ChangeMilestone" if "milestone" in data else "ChangeState", item
    if exchange.method == "POST" and exchange.path.endswith("/pulls"):
        return "OpenPullRequest", data["head"]
    if found := re.search(
        r"/git/(blobs|trees|commits|refs)\b(?:/heads/(.+))?", exchange.path
    ):
        # What becomes a commit is on no branch until its ref is.
        ref = found[2] or data.get("ref", "").removeprefix("refs/heads/")
        return ("PushBranch", ref) if found[1] == "refs" else ("PushBranch",)
    return "unknown", exchange.method, exchange.path


def _of_intent(kind: str, text: str) -> Iterator[Sign]:
    intent = json.loads(text)
    match kind:
        case "React":
            yield (kind,)
            yield kind, intent["comment_id"], intent["content"]
        case "EditComment":
            yield kind, intent["comment_id"]
        case "CreateComment":
            yield kind, intent["thread"], intent["marker"]
        case "CreateReview":
            yield kind, intent["number"], intent["marker"]
        case "CreateCheckRun":
            yield kind, intent["head_sha"], intent["external_id"]
        case "EditCheckRun":
            yield kind, intent["check_run_id"]
        case "OpenPullRequest":
            yield kind, intent["head_branch"]
        case "PushBranch":
            yield (kind,)
            yield kind, intent["branch"]
        case "DispatchWorkflow":
            yield kind, intent["file"], json.dumps(dict(intent["inputs"]))
        case "RerunFailedJobs" | "CancelRun":
            yield kind, intent["run_id"]
        case "UpdateBranch":
            yield (kind,)
            yield kind, intent["number"]
        case (
            "ChangeLabels"
            | "ChangeAssignees"
            | "ChangeState"
            | "ChangeBase"
            | "ChangeMilestone"
            | "ChangeReviewers"
            | "MergePullRequest"
        ):
            yield kind, intent["number"]
        case _:
            yield (kind,)


def _intents(rows: list[Any], kind: str) -> Iterator[Any]:
    return (json.loads(intent) for its_kind, intent in rows if its_kind == kind)
