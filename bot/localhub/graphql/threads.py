"""Resolvers of issues, and of the lists of threads."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.localhub import pulls
from bot.localhub.graphql.connections import connection, listed
from bot.localhub.graphql.values import (
    Connection,
    CrossReference,
    Info,
    Resolver,
    call_of,
    key,
    of,
)
from bot.localhub.payloads.shape import Json
from bot.localhub.state import Label, Repository, Thread


def threads(*, are_pulls: bool) -> Callable[[Any, Info, dict[str, Any]], Connection]:
    """Return the resolver of the threads of a repository, or of all that have a label."""

    def resolve(
        source: Repository | Label, info: Info, arguments: dict[str, Any]
    ) -> Connection:
        repositories = (
            [source]
            if isinstance(source, Repository)
            else list(call_of(info).hub.state.repositories.values())
        )
        found = [
            thread
            for repository in repositories
            for thread in repository.visible_threads()
            if (thread.pull is not None) == are_pulls
            and (isinstance(source, Repository) or source in thread.labels)
            and _fits(thread, arguments)
        ]
        return connection(_ordered(found, arguments), info, arguments)

    return resolve


def _fits(thread: Thread, arguments: dict[str, Any]) -> bool:
    filters = arguments.get("filterBy") or {}
    names = {label.name.lower() for label in thread.labels}
    for wanted in (arguments.get("labels"), filters.get("labels")):
        if wanted is not None and names.isdisjoint(name.lower() for name in wanted):
            return False
    for states in (arguments.get("states"), filters.get("states")):
        if states is not None and thread_state(thread) not in states:
            return False
    pull = thread.pull
    logins = [user.login.lower() for user in thread.assignees]
    assignee, creator = filters.get("assignee"), filters.get("createdBy")
    milestone, since = filters.get("milestone"), filters.get("since")
    numbers = [str(thread.milestone.number), "*"] if thread.milestone else []
    return (
        (assignee is None or assignee.lower() in (logins and [*logins, "*"]))
        and creator in (None, thread.author.login)
        and (milestone is None or milestone in numbers)
        and (since is None or thread.updated_at >= datetime.fromisoformat(since))
        and arguments.get("headRefName") in (None, pull.head_ref if pull else None)
        and arguments.get("baseRefName") in (None, pull.base_ref if pull else None)
    )


def _ordered(threads: list[Thread], arguments: dict[str, Any]) -> list[Thread]:
    order = arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    keys: dict[str, Callable[[Thread], Any]] = {
        "CREATED_AT": lambda t: (t.created_at, t.number),
        "UPDATED_AT": lambda t: (t.updated_at, t.number),
        "COMMENTS": lambda t: (len(t.comments), t.number),
    }
    is_descending = order["direction"] == "DESC"
    return sorted(threads, key=keys[order["field"]], reverse=is_descending)


def thread_state(thread: Thread) -> str:
    """Return OPEN, CLOSED or MERGED."""
    is_merged = thread.pull is not None and thread.pull.is_merged
    return "MERGED" if is_merged else thread.state.upper()


def _closing_pulls(source: Thread, info: Info, arguments: dict[str, Any]) -> Connection:
    found = [
        thread
        for thread in source.repository.visible_threads()
        if thread.pull is not None
        and source in pulls.closes(thread)
        and (
            thread.is_open or thread.pull.is_merged or arguments.get("includeClosedPrs")
        )
    ]
    return connection(found, info, arguments)


def _references_to(source: Thread, info: Info, arguments: dict[str, Any]) -> Connection:
    """Return the threads whose text, or a comment on them, names an issue."""
    own = rf"(?:{re.escape(source.repository.full_name)})?#{source.number}"
    page = rf"{re.escape(call_of(info).hub.payloads.thread_page(source))}"
    names = re.compile(rf"(?<![\w/#])(?:{own}|{page})(?!\d)", re.IGNORECASE)
    found = [
        CrossReference(thread)
        for thread in source.repository.visible_threads()
        if thread is not source
        and any(
            names.search(text)
            for text in (thread.body, *(one.body for one in thread.comments))
        )
    ]
    return connection(found, info, arguments)


def _state_reason(source: Thread, _info: Any, arguments: dict[str, Any]) -> str | None:
    reason = source.state_reason.upper() if source.state_reason else None
    # The reason came later than the field; clients that do not ask for it see this.
    if reason == "DUPLICATE" and not arguments.get("enableDuplicate"):
        return "NOT_PLANNED"
    return reason


def _sub_issues_summary(source: Thread, _info: Any, _arguments: Any) -> Json:
    total = len(source.sub_issues)
    completed = sum(not issue.is_open for issue in source.sub_issues)
    percent = completed * 100 // total if total else 0
    return {"total": total, "completed": completed, "percentCompleted": percent}


def _blocking(source: Thread, info: Info, arguments: dict[str, Any]) -> Connection:
    waiting = call_of(info).hub.state.blocked_by(source)
    return connection(waiting, info, arguments)


RESOLVERS: dict[str, Resolver] = {
    **{
        f"SubIssuesSummary.{name}": key(name)
        for name in ("completed", "percentCompleted", "total")
    },
    "Issue.blockedBy": listed(lambda s: s.blocked_by),
    "Issue.blocking": _blocking,
    "Issue.closedByPullRequestsReferences": _closing_pulls,
    "Issue.parent": of(lambda s: s.parent),
    "Issue.stateReason": _state_reason,
    "Issue.subIssues": listed(lambda s: s.sub_issues),
    "Issue.subIssuesSummary": _sub_issues_summary,
    "Issue.timelineItems": _references_to,
    "CrossReferencedEvent.source": of(lambda s: s.source),
}
