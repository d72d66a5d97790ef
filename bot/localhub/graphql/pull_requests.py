"""Resolvers of pull requests."""

from typing import Any

from bot.localhub import mergeability, pulls
from bot.localhub.accounts import Team, User
from bot.localhub.graphql.connections import connection, listed
from bot.localhub.graphql.errors import QueryError
from bot.localhub.graphql.refs import branch_of
from bot.localhub.graphql.values import Connection, Info, Object, Resolver, call_of, of
from bot.localhub.payloads.shape import optional_timestamp, timestamp
from bot.localhub.pulls import pull_of
from bot.localhub.state import Thread, ThreadEvent

UNSEEN = "Resource not accessible by integration"

PULL_EVENTS = {
    "added_to_merge_queue": "AddedToMergeQueueEvent",
    "base_ref_deleted": "BaseRefDeletedEvent",
    "closed": "ClosedEvent",
    "removed_from_merge_queue": "RemovedFromMergeQueueEvent",
}


def _pull_events(source: Thread, info: Info, arguments: dict[str, Any]) -> Connection:
    wanted = arguments.get("itemTypes")
    found = [
        event
        for event in source.events
        if event.kind in PULL_EVENTS
        and (wanted is None or f"{event.kind.upper()}_EVENT" in wanted)
    ]
    return connection(found, info, arguments)


def _is_tried(source: Thread, info: Info) -> bool:
    call = call_of(info)
    looks = call.hub.unsure_looks
    return mergeability.is_known(source, call, looks=looks)


def _mergeable(source: Thread, info: Info, _arguments: Any) -> str:
    mergeable = mergeability.is_mergeable(source)
    if mergeable is None or not _is_tried(source, info):
        return "UNKNOWN"
    return "MERGEABLE" if mergeable else "CONFLICTING"


def _merge_state(source: Thread, info: Info, _arguments: Any) -> str:
    if not _is_tried(source, info):
        return "UNKNOWN"
    return mergeability.state(source, app_id=call_of(info).hub.app.id).upper()


def _can_update(source: Thread, info: Info, _arguments: Any) -> bool:
    call = call_of(info)
    return (
        source.is_open
        and pulls.is_behind(source)
        and call.hub.may_update(source, call.hub.app.bot)
        and call.allows("contents", "write")
        and call.allows("pull_requests", "write")
    )


def _requests(source: Thread) -> list[User | Team]:
    pull = pull_of(source)
    return [*pull.requested_reviewers, *pull.requested_teams]


def _reviewer(source: User | Team, info: Info, _arguments: Any) -> User | Team:
    """Return who is asked; teams only to who may read the organization's members."""
    if isinstance(source, Team) and not call_of(info).allows("members", "read"):
        raise QueryError(UNSEEN, "FORBIDDEN")
    return source


def _before(source: ThreadEvent, info: Info, _arguments: Any) -> Object | None:
    """Return the commit of the group that an entry had when it left."""
    for repository in call_of(info).hub.state.repositories.values():
        is_here = any(source in t.events for t in repository.visible_threads())
        if is_here and source.commit is not None:
            return Object(repository, "commit", source.commit)
    return None


def _merge_commit(source: Thread, _info: Any, _arguments: Any) -> Object | None:
    sha = pull_of(source).merge_commit_sha
    return Object(source.repository, "commit", sha) if sha is not None else None


def _reviews(source: Thread, info: Info, arguments: dict[str, Any]) -> Connection:
    """Return the reviews; of those that are pending one's own."""
    pull, login = pull_of(source), call_of(info).login
    pending = [one.review for one in pull.pending_reviews]
    own = [one for one in pending if one.author.login == login]
    return connection([*pull.reviews, *own], info, arguments)


RESOLVERS: dict[str, Resolver] = {
    "PullRequest.timelineItems": _pull_events,
    **{
        f"{name}.createdAt": of(lambda s: timestamp(s.at))
        for name in PULL_EVENTS.values()
    },
    "RemovedFromMergeQueueEvent.actor": of(lambda s: s.actor),
    "RemovedFromMergeQueueEvent.reason": of(lambda s: s.detail),
    "RemovedFromMergeQueueEvent.beforeCommit": _before,
    "PullRequest.additions": of(lambda s: pulls.changes(s).additions),
    "PullRequest.deletions": of(lambda s: pulls.changes(s).deletions),
    "PullRequest.changedFiles": of(lambda s: len(pulls.changes(s).files)),
    "PullRequest.baseRefName": of(lambda s: pull_of(s).base_ref),
    "PullRequest.baseRefOid": of(lambda s: pull_of(s).base_sha),
    "PullRequest.headRefName": of(lambda s: pull_of(s).head_ref),
    "PullRequest.headRefOid": of(lambda s: pull_of(s).head_sha),
    "PullRequest.closingIssuesReferences": listed(pulls.closes),
    "PullRequest.isCrossRepository": of(lambda s: pull_of(s).fork is not None),
    "PullRequest.headRepository": of(pulls.home),
    "PullRequest.isDraft": of(lambda s: pull_of(s).is_draft),
    "PullRequest.mergeable": _mergeable,
    "PullRequest.mergeStateStatus": _merge_state,
    "PullRequest.canBeRebased": of(mergeability.is_rebaseable),
    "PullRequest.reviewDecision": of(mergeability.review_decision),
    "PullRequest.viewerCanUpdateBranch": _can_update,
    "PullRequest.maintainerCanModify": of(lambda s: pull_of(s).maintainer_can_modify),
    "PullRequest.autoMergeRequest": of(lambda _: None),
    "PullRequest.reviewRequests": listed(_requests),
    "PullRequest.baseRef": of(lambda s: branch_of(s.repository, pull_of(s).base_ref)),
    "PullRequest.headRef": of(lambda s: branch_of(pulls.home(s), pull_of(s).head_ref)),
    "ReviewRequest.requestedReviewer": _reviewer,
    "Team.slug": of(lambda s: s.slug),
    "PullRequest.mergeCommit": _merge_commit,
    "PullRequest.merged": of(lambda s: pull_of(s).is_merged),
    "PullRequest.mergedAt": of(lambda s: optional_timestamp(pull_of(s).merged_at)),
    "PullRequest.reviews": _reviews,
    "PullRequest.latestOpinionatedReviews": listed(mergeability.opinions),
    "PullRequest.mergedBy": of(lambda s: pull_of(s).merged_by),
}
