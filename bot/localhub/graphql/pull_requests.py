"""Resolvers of pull requests."""

from collections.abc import Sequence
from typing import Any

from bot.localhub import pulls
from bot.localhub.graphql.connections import connection, listed
from bot.localhub.graphql.values import Connection, Info, Object, Resolver, of
from bot.localhub.payloads.shape import optional_timestamp, timestamp
from bot.localhub.pulls import pull_of
from bot.localhub.state import Review, Thread

PULL_EVENTS = {"base_ref_deleted": "BaseRefDeletedEvent", "closed": "ClosedEvent"}


def _pull_events(source: Thread, info: Info, arguments: dict[str, Any]) -> Connection:
    wanted = arguments.get("itemTypes")
    found = [
        event
        for event in source.events
        if event.kind in PULL_EVENTS
        and (wanted is None or f"{event.kind.upper()}_EVENT" in wanted)
    ]
    return connection(found, info, arguments)


def _opinions(thread: Thread) -> Sequence[Review]:
    """Return the last review of each reviewer that takes a side."""
    latest = {
        review.author.login: review
        for review in pull_of(thread).reviews
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")
    }
    return [one for one in latest.values() if one.state != "DISMISSED"]


def _mergeable(source: Thread, _info: Any, _arguments: Any) -> str:
    mergeable = pulls.is_mergeable(source)
    if mergeable is None:
        return "UNKNOWN"
    return "MERGEABLE" if mergeable else "CONFLICTING"


def _merge_commit(source: Thread, _info: Any, _arguments: Any) -> Object | None:
    sha = pull_of(source).merge_commit_sha
    return Object(source.repository, "commit", sha) if sha is not None else None


RESOLVERS: dict[str, Resolver] = {
    "PullRequest.timelineItems": _pull_events,
    **{
        f"{name}.createdAt": of(lambda s: timestamp(s.at))
        for name in PULL_EVENTS.values()
    },
    "PullRequest.additions": of(lambda s: pulls.changes(s).additions),
    "PullRequest.deletions": of(lambda s: pulls.changes(s).deletions),
    "PullRequest.changedFiles": of(lambda s: len(pulls.changes(s).files)),
    "PullRequest.baseRefName": of(lambda s: pull_of(s).base_ref),
    "PullRequest.baseRefOid": of(lambda s: pull_of(s).base_sha),
    "PullRequest.headRefName": of(lambda s: pull_of(s).head_ref),
    "PullRequest.headRefOid": of(lambda s: pull_of(s).head_sha),
    "PullRequest.closingIssuesReferences": listed(pulls.closes),
    "PullRequest.isCrossRepository": of(lambda _: False),
    "PullRequest.isDraft": of(lambda s: pull_of(s).is_draft),
    "PullRequest.mergeable": _mergeable,
    "PullRequest.mergeStateStatus": of(lambda s: pulls.mergeable_state(s).upper()),
    "PullRequest.mergeCommit": _merge_commit,
    "PullRequest.merged": of(lambda s: pull_of(s).is_merged),
    "PullRequest.mergedAt": of(lambda s: optional_timestamp(pull_of(s).merged_at)),
    "PullRequest.reviews": listed(lambda s: pull_of(s).reviews),
    "PullRequest.latestOpinionatedReviews": listed(_opinions),
    "PullRequest.mergedBy": of(lambda s: pull_of(s).merged_by),
}
