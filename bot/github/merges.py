"""Merging pull requests, and what has to be done before.

https://docs.github.com/rest/pulls/pulls
https://docs.github.com/graphql/reference/mutations#enqueuepullrequest
"""

from collections.abc import Mapping
from typing import Any

from bot.core.effects import (
    DequeuePullRequest,
    EnqueuePullRequest,
    MergePullRequest,
    Receipt,
    UpdateBranch,
)
from bot.core.world.answers import own_words
from bot.core.world.merge_refusals import is_head_moved, is_up_to_date, is_verdict
from bot.errors import Refused
from bot.github.client import Connection

_PULL = "/repos/{+repository}/pulls/{number}"
ENQUEUE = """
mutation($id: ID!, $head: GitObjectID!) {
  enqueuePullRequest(input: {pullRequestId: $id, expectedHeadOid: $head}) {
    mergeQueueEntry { position }
  }
}
"""
DEQUEUE = """
mutation($id: ID!) {
  dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { position } }
}
"""
REBASE = """
mutation($id: ID!, $head: GitObjectID!) {
  updatePullRequestBranch(
    input: {pullRequestId: $id, expectedHeadOid: $head, updateMethod: REBASE}
  ) { pullRequest { headRefOid } }
}
"""
QUEUED = """
query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) { headRefOid isInMergeQueue }
  }
}
"""


async def update(connection: Connection, intent: UpdateBranch) -> Receipt:
    """Have the base merged into the branch, or the branch rebased, which REST cannot;
    GitHub goes on with it after its answer.
    """
    try:
        if intent.node_id:
            given = {"id": intent.node_id, "head": intent.head_sha}
            await connection.query(REBASE, given)
        else:
            await connection.send(
                "PUT",
                f"{_PULL}/update-branch",
                {"expected_head_sha": intent.head_sha},
                repository=intent.repository.name,
                number=intent.number,
            )
    except Refused as error:
        said = own_words(error.problem)
        if is_up_to_date(said) or is_head_moved(said):
            return Receipt(id=intent.number, changed=False)
        return _refused(error, intent.number)
    return Receipt(id=intent.number, sha=intent.head_sha)


async def merge(connection: Connection, intent: MergePullRequest) -> Receipt:
    """Merge what is at the expected head, and nothing else."""
    try:
        answer = await connection.send(
            "PUT",
            f"{_PULL}/merge",
            {"sha": intent.head_sha, "merge_method": intent.method},
            repository=intent.repository.name,
            number=intent.number,
        )
    except Refused as error:
        return _refused(error, intent.number)
    return Receipt(id=intent.number, sha=str(answer.data["sha"]))


async def find(connection: Connection, intent: MergePullRequest) -> Receipt | None:
    """Return the merge of the expected head, if there is one."""
    pull = await connection.get(
        _PULL, repository=intent.repository.name, number=intent.number
    )
    if not pull["merged_at"] or pull["head"]["sha"] != intent.head_sha:
        return None
    return Receipt(
        id=intent.number,
        url=str(pull["html_url"]),
        sha=str(pull["merge_commit_sha"] or ""),
    )


async def enqueue(connection: Connection, intent: EnqueuePullRequest) -> Receipt:
    """Put what is at the expected head into the queue."""
    given = {"id": intent.node_id, "head": intent.head_sha}
    try:
        await connection.query(ENQUEUE, given)
    except Refused as error:
        if "already in" in own_words(error.problem):
            return Receipt(id=intent.number, sha=intent.head_sha)
        return _refused(error, intent.number)
    return Receipt(id=intent.number, sha=intent.head_sha)


async def find_queued(
    connection: Connection, intent: EnqueuePullRequest
) -> Receipt | None:
    """Return that it is in the queue with the expected head, if it is."""
    pull = await _queued(connection, intent)
    if not pull["isInMergeQueue"] or pull["headRefOid"] != intent.head_sha:
        return None
    return Receipt(id=intent.number, sha=intent.head_sha)


async def dequeue(connection: Connection, intent: DequeuePullRequest) -> Receipt:
    """Take it out of the queue, if GitHub still lets it go."""
    if not (await _queued(connection, intent))["isInMergeQueue"]:
        return Receipt(id=intent.number, changed=False)
    try:
        await connection.query(DEQUEUE, {"id": intent.node_id})
    except Refused as error:
        return _refused(error, intent.number)
    return Receipt(id=intent.number)


async def _queued(
    connection: Connection, intent: EnqueuePullRequest | DequeuePullRequest
) -> Mapping[str, Any]:
    owner, _, name = intent.repository.name.partition("/")
    variables = {"owner": owner, "name": name, "number": intent.number}
    data = await connection.query(QUEUED, variables)
    found: Mapping[str, Any] = data["repository"]["pullRequest"]
    return found


def _refused(error: Refused, number: int) -> Receipt:
    """Return GitHub's verdict on a pull request; raise what is none."""
    if not is_verdict(error.status, own_words(error.problem)):
        raise error
    return Receipt(id=number, changed=False, note=own_words(error.problem))
