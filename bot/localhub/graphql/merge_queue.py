"""Resolvers of merge queues and their entries."""

from typing import Any

from bot.localhub import mergeability
from bot.localhub.graphql.connections import listed
from bot.localhub.graphql.values import (
    Info,
    Object,
    Queue,
    Resolver,
    call_of,
    key,
    of,
)
from bot.localhub.payloads.shape import Json, timestamp
from bot.localhub.pulls import pull_of
from bot.localhub.state import QueueEntry, Repository, Thread


def _queue_of(repository: Repository, branch: str) -> Queue | None:
    rule = repository.queue_rule(branch)
    return None if rule is None else Queue(repository, branch, rule)


def _named_queue(
    source: Repository, _info: Info, arguments: dict[str, Any]
) -> Queue | None:
    return _queue_of(source, arguments.get("branch") or source.default_branch)


def _own_queue(source: Thread, _info: Any, _arguments: Any) -> Queue | None:
    return _queue_of(source.repository, pull_of(source).base_ref)


def _queue_of_entry(source: QueueEntry, _info: Any, _arguments: Any) -> Queue | None:
    return _queue_of(source.thread.repository, source.branch)


def _position(source: QueueEntry, _info: Any, _arguments: Any) -> int:
    queue = source.thread.repository.queues[source.branch]
    return queue.index(source) + 1 if source in queue else 0


def _state(source: QueueEntry, info: Info, _arguments: Any) -> str:
    if source.group_sha is None:
        return "QUEUED"
    if call_of(info).hub.has_failed(source):
        return "UNMERGEABLE"
    is_waiting = call_of(info).hub.is_waiting(source)
    return "AWAITING_CHECKS" if is_waiting else "MERGEABLE"


def _commit(source: QueueEntry, sha: str | None) -> Object | None:
    return None if sha is None else Object(source.thread.repository, "commit", sha)


def _page(source: Queue, info: Info, _arguments: Any) -> str:
    page = f"{call_of(info).hub.html_url}/{source.repository.full_name}"
    return f"{page}/queue/{source.branch}"


def _configuration(source: Queue, _info: Any, _arguments: Any) -> Json:
    return {
        "mergeMethod": source.rule.merge_method.upper(),
        "checkResponseTimeout": source.rule.check_minutes,
        "maximumEntriesToBuild": source.rule.most_to_build,
    }


CONFIGURATION = ("mergeMethod", "checkResponseTimeout", "maximumEntriesToBuild")
RESOLVERS: dict[str, Resolver] = {
    "Repository.mergeQueue": _named_queue,
    "PullRequest.mergeQueue": _own_queue,
    "PullRequest.mergeQueueEntry": of(lambda s: s.repository.queue_entry(s)),
    "PullRequest.isInMergeQueue": of(lambda s: s.repository.queue_entry(s) is not None),
    "PullRequest.isMergeQueueEnabled": of(
        lambda s: any(one.queue is not None for one in mergeability.rules_of(s))
    ),
    "MergeQueue.id": of(lambda s: f"MQ_{s.repository.id}_{s.branch}"),
    "MergeQueue.url": _page,
    "MergeQueue.configuration": _configuration,
    "MergeQueue.entries": listed(lambda s: s.repository.queues.get(s.branch, [])),
    **{f"MergeQueueConfiguration.{name}": key(name) for name in CONFIGURATION},
    "MergeQueueEntry.enqueuer": of(lambda s: s.enqueuer),
    "MergeQueueEntry.enqueuedAt": of(lambda s: timestamp(s.enqueued_at)),
    "MergeQueueEntry.estimatedTimeToMerge": of(lambda _: None),
    "MergeQueueEntry.baseCommit": of(lambda s: _commit(s, s.base_sha)),
    "MergeQueueEntry.headCommit": of(lambda s: _commit(s, s.group_sha)),
    "MergeQueueEntry.jump": of(lambda s: s.is_jump),
    "MergeQueueEntry.mergeQueue": _queue_of_entry,
    "MergeQueueEntry.position": _position,
    "MergeQueueEntry.pullRequest": of(lambda s: s.thread),
    "MergeQueueEntry.state": _state,
}
