"""What kinds of nodes have in common: type, ids, address, and fields of one name."""

from typing import Any

from bot.localhub.accounts import Team, User
from bot.localhub.ci import CheckRun, CheckSuite, CommitStatus, WorkflowRun
from bot.localhub.graphql.checks import rollup
from bot.localhub.graphql.connections import listed, page_info
from bot.localhub.graphql.pull_requests import PULL_EVENTS
from bot.localhub.graphql.repositories import labels
from bot.localhub.graphql.threads import thread_state
from bot.localhub.graphql.values import (
    CrossReference,
    Info,
    Object,
    Ref,
    Resolver,
    Signature,
    call_of,
    of,
)
from bot.localhub.payloads.shape import optional_timestamp, timestamp
from bot.localhub.pulls import pull_of
from bot.localhub.state import (
    Comment,
    Label,
    Milestone,
    QueueEntry,
    Repository,
    Review,
    ReviewComment,
    Thread,
    ThreadEvent,
)


def type_name(value: Any, _info: Any, _type: Any) -> str:
    """Return which of an interface's or union's types a value is."""
    match value:
        case Thread():
            return "Issue" if value.pull is None else "PullRequest"
        case User():
            return value.type.value
        case CheckRun():
            return "CheckRun"
        case CommitStatus():
            return "StatusContext"
        case Team():
            return "Team"
        case Object():
            return value.type.capitalize()
        case CrossReference():
            return "CrossReferencedEvent"
        case Signature():
            return "GpgSignature"
        case Comment():
            return "IssueComment"
        case Review():
            return "PullRequestReview"
        case ReviewComment():
            return "PullRequestReviewComment"
        case ThreadEvent():
            return PULL_EVENTS[value.kind]
        case _:
            raise AssertionError(value)


def _url(source: Any, info: Info, _arguments: Any) -> str:
    payloads = call_of(info).hub.payloads
    match source:
        case Thread():
            return payloads.thread_page(source)
        case Comment():
            page = payloads.thread_page(source.thread)
            return f"{page}#issuecomment-{source.id}"
        case Review():
            page = payloads.thread_page(source.thread)
            return f"{page}#pullrequestreview-{source.id}"
        case ReviewComment():
            return f"{payloads.thread_page(source.thread)}#discussion_r{source.id}"
        case Repository():
            return f"{payloads.html}/{source.full_name}"
        case User():
            return str(payloads.user(source)["html_url"])
        case _:
            return f"{payloads.html}/{type(source).__name__.lower()}s/{source.id}"


def _node_id(source: Any, _info: Any, _arguments: Any) -> str:
    prefixes = {
        User: "U",
        Repository: "R",
        Label: "LA",
        Milestone: "MI",
        Comment: "IC",
        CheckRun: "CR",
        CheckSuite: "CS",
        CommitStatus: "SC",
        QueueEntry: "MQE",
        Review: "PRR",
        ReviewComment: "PRRC",
        Team: "T",
        WorkflowRun: "WFR",
    }
    match source:
        case Thread():
            is_issue = source.pull is None
            return f"I_{source.id}" if is_issue else f"PR_{pull_of(source).id}"
        case Ref():
            return f"REF_{source.repository.id}_{source.name}"
        case Object():
            return f"{source.type[0].upper()}_{source.sha}"
        case _:
            return f"{prefixes[type(source)]}_{source.id}"


def _database_id(source: Any, _info: Any, _arguments: Any) -> int:
    if isinstance(source, Thread) and source.pull is not None:
        return source.pull.id
    return int(source.id)


SHARED: dict[str, Resolver] = {
    "id": _node_id,
    "databaseId": _database_id,
    "fullDatabaseId": lambda *arguments: str(_database_id(*arguments)),
    "url": _url,
    "number": of(lambda s: s.number),
    "title": of(lambda s: s.title),
    "body": of(lambda s: s.body),
    "login": of(lambda s: s.login.removesuffix("[bot]")),
    "name": of(lambda s: s.name),
    "nodes": of(lambda s: s.nodes),
    "pageInfo": page_info,
    "totalCount": of(lambda s: s.total),
    "oid": of(lambda s: s.sha),
    "closed": of(lambda s: not s.is_open),
    "closedAt": of(lambda s: optional_timestamp(s.closed_at)),
    "createdAt": of(lambda s: timestamp(s.created_at)),
    "updatedAt": of(lambda s: timestamp(s.updated_at)),
    "author": of(lambda s: s.author),
    "locked": of(lambda s: s.is_locked),
    "milestone": of(lambda s: s.milestone),
    "repository": of(lambda s: s.repository),
    "state": of(
        lambda s: thread_state(s) if isinstance(s, Thread) else s.state.upper()
    ),
    "labels": labels,
    "assignees": listed(lambda s: s.assignees),
    "participants": listed(lambda s: s.participants),
    "comments": listed(lambda s: s.comments),
    "statusCheckRollup": rollup,
}
