"""Merge queues: entries, groups, what leaves them and why."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.localhub.hub import LocalHub
from bot.localhub.pulls import pull_of
from bot.localhub.rules import BranchRules, QueueRule, RequiredCheck
from bot.localhub.state import Thread
from tests.localhub.client import NAME, REPO, Client, Receiver, client, receiver

ENQUEUE = """mutation($id: ID!, $head: GitObjectID, $jump: Boolean) {
  enqueuePullRequest(input: {
    pullRequestId: $id, expectedHeadOid: $head, jump: $jump, clientMutationId: "x"
  }) { clientMutationId mergeQueueEntry { id position state enqueuer { login }
       enqueuedAt estimatedTimeToMerge jump mergeQueue { url
         configuration { mergeMethod } entries(first: 9) { totalCount } }
       pullRequest { number } headCommit { oid } baseCommit { oid } } } }"""
DEQUEUE = """mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) {
  clientMutationId mergeQueueEntry { position } } }"""
STATE = """query($number: Int!) { repository(owner: "acme", name: "widgets") {
  mergeQueue(branch: "main") { entries(first: 9) { nodes { position state
    pullRequest { number } } } }
  pullRequest(number: $number) { isInMergeQueue isMergeQueueEnabled merged
    mergeQueueEntry { position state }
    timelineItems(last: 2, itemTypes: [REMOVED_FROM_MERGE_QUEUE_EVENT]) { nodes {
      ... on RemovedFromMergeQueueEvent { reason createdAt beforeCommit { oid } } } } }
} }"""


def queue_up(hub: LocalHub, **rule: Any) -> None:
    queue = QueueRule(**rule)
    rules = BranchRules(checks=(RequiredCheck("test"),), queue=queue)
    hub.repository(NAME).rules = [rules]


def open_pull(hub: LocalHub, name: str, *, base: str = "main") -> Thread:
    hub.push("wade", NAME, name, {f"{name}.txt": "1\n"}, message=name, base=base)
    thread = hub.open_pull_request("wade", NAME, name, head=name, base=base)
    hub.check(NAME, pull_of(thread).head_sha, "test", conclusion="success")
    return thread


def node(thread: Thread) -> str:
    return f"PR_{pull_of(thread).id}"


def enqueue(hub: LocalHub, *threads: Thread) -> None:
    for thread in threads:
        hub.enqueue("olivia", NAME, thread.number)


def group(hub: LocalHub, thread: Thread) -> str:
    entry = hub.repository(NAME).queue_entry(thread)
    assert entry is not None
    assert entry.group_sha is not None
    return entry.group_sha


def left(hooks: Receiver) -> list[tuple[int, str]]:
    """Return who left the queue, and why."""
    found = [h.payload for h in hooks.hooks if h.name == "pull_request.dequeued"]
    return [(one["number"], one["reason"]) for one in found]


async def now(github: Client, number: int) -> Any:
    answer = await github.graphql(STATE, number=number)
    return answer["data"]["repository"]


async def test_a_branch_with_a_queue_is_merged_through_it(hub: LocalHub):
    queue_up(hub)
    one, two = open_pull(hub, "one"), open_pull(hub, "two")
    async with receiver(hub) as hooks, client(hub) as github:
        direct = await github.send("PUT", f"{REPO}/pulls/1/merge")
        assert (direct.status, direct.body["message"]) == (
            405,
            "Repository rule violations found\n\nChanges must be made through the merge"
            " queue\n\n",
        )
        answer = await github.graphql(ENQUEUE, id=node(one), head=pull_of(one).head_sha)
        entry = answer["data"]["enqueuePullRequest"]["mergeQueueEntry"]
        assert (entry["position"], entry["state"]) == (1, "QUEUED")
        again = await github.graphql(ENQUEUE, id=node(one))
        (error,) = again["errors"]
        assert (error["type"], error["message"]) == (
            "UNPROCESSABLE",
            "Pull request is already in the queue",
        )
        direct = await github.send("PUT", f"{REPO}/pulls/1/merge")
        assert direct.body["message"] == "Pull Request is in the merge queue."
        await github.graphql(ENQUEUE, id=node(two))
        await hub.jobs.drain()
        base = hub.repository(NAME).git.resolve("main")
        entries = (await now(github, 1))["mergeQueue"]["entries"]["nodes"]
        assert [(e["position"], e["state"]) for e in entries] == [
            (1, "AWAITING_CHECKS"),
            (2, "AWAITING_CHECKS"),
        ]
        first, second = group(hub, one), group(hub, two)
        # The second has succeeded, and waits for the first that it stands on.
        hub.check(NAME, second, "test", conclusion="success")
        await hub.jobs.drain()
        assert hub.repository(NAME).git.resolve("main") == base
        assert (await now(github, 2))["pullRequest"]["mergeQueueEntry"] == {
            "position": 2,
            "state": "MERGEABLE",
        }
        hub.check(NAME, first, "test", conclusion="success")
        await hub.jobs.drain()
        assert hub.repository(NAME).git.resolve("main") == second
        assert hub.repository(NAME).git.commit(second).parents[0] == first
        seen = (await now(github, 2))["pullRequest"]
        assert (seen["merged"], seen["isInMergeQueue"]) == (True, False)
        (item,) = seen["timelineItems"]["nodes"]
        assert (item["reason"], item["beforeCommit"]["oid"]) == ("merged", second)
        await hub.webhooks.drain()
    assert left(hooks) == [(1, "MERGE"), (2, "MERGE")]
    groups = [h.payload for h in hooks.hooks if h.event == "merge_group"]
    assert [(g["action"], g.get("reason")) for g in groups] == [
        ("checks_requested", None),
        ("checks_requested", None),
        ("destroyed", "merged"),
        ("destroyed", "merged"),
    ]
    ref = f"refs/heads/gh-readonly-queue/main/pr-1-{base}"
    assert groups[0]["merge_group"]["head_ref"] == ref
    refs = hub.repository(NAME).git.refs()
    assert not any("gh-readonly-queue" in name for name in refs)


async def test_what_fails_leaves_and_the_rest_is_built_anew(hub: LocalHub):
    queue_up(hub, merge_method="squash")
    one, two = open_pull(hub, "one"), open_pull(hub, "two")
    async with receiver(hub) as hooks:
        enqueue(hub, one, two)
        await hub.jobs.drain()
        before = group(hub, two)
        hub.check(NAME, group(hub, one), "test", conclusion="failure")
        await hub.jobs.drain()
        after = group(hub, two)
        assert after != before
        hub.check(NAME, after, "test", conclusion="success")
        await hub.jobs.drain()
        await hub.webhooks.drain()
    assert left(hooks) == [(1, "CI_FAILURE"), (2, "MERGE")]
    assert (one.state, two.state) == ("open", "closed")
    git = hub.repository(NAME).git
    assert len(git.commit(git.refs()["refs/heads/main"]).parents) == 1
    reasons = [h.payload.get("reason") for h in hooks.hooks if h.event == "merge_group"]
    assert reasons == [None, None, "invalidated", "dequeued", None, "merged"]


async def test_conflicts_pushes_and_people_take_out_too(hub: LocalHub, hub_clock):
    queue_up(hub, check_minutes=30)
    one, two = open_pull(hub, "one"), open_pull(hub, "two")
    hub.push("wade", NAME, "other", {"one.txt": "2\n"}, message="Same", base="main")
    other = hub.open_pull_request("wade", NAME, "Same", head="other")
    hub.check(NAME, pull_of(other).head_sha, "test", conclusion="success")
    async with receiver(hub) as hooks, client(hub) as github:
        enqueue(hub, one, other, two)
        await hub.jobs.drain()
        update = await github.send("PUT", f"{REPO}/pulls/2/update-branch")
        message = "Branches that are queued for merging cannot be updated"
        assert (update.status, update.body["message"]) == (422, message)
        hub.push("wade", NAME, "two", {"more.txt": "1\n"}, message="More")
        await hub.jobs.drain()
        gone = await github.graphql(DEQUEUE, id=node(one))
        assert gone["data"]["dequeuePullRequest"]["mergeQueueEntry"]["position"] == 0
        (error,) = (await github.graphql(DEQUEUE, id=node(one)))["errors"]
        assert error["message"] == "Failed to remove PR #1"
        enqueue(hub, one)
        await hub.jobs.drain()
        await hub_clock.advance(30 * 60)
        hub.settle_queue(NAME, "main")
        await hub.webhooks.drain()
    assert left(hooks) == [
        (3, "MERGE_CONFLICT"),
        (2, "UNKNOWN_REMOVAL_REASON"),
        (1, "MANUAL"),
        (1, "CI_TIMEOUT"),
    ]


@pytest.mark.parametrize("moved", ["aimed elsewhere", "a draft", "deleted", "renamed"])
async def test_what_a_queue_was_for_no_longer_leaves_at_once(hub: LocalHub, moved: str):
    base, repository = "release", hub.repository(NAME)
    hub.set_ref("olivia", NAME, f"refs/heads/{base}", repository.git.resolve("main"))
    one = open_pull(hub, "one", base=base)
    queue_up(hub)
    (rules,) = repository.rules
    repository.rules = [replace(rules, pattern=base)]
    async with receiver(hub) as hooks:
        enqueue(hub, one)
        await hub.jobs.drain()
        assert group(hub, one)
        match moved:
            case "aimed elsewhere":
                hub.set_base("wade", NAME, one.number, "main")
            case "a draft":
                hub.set_draft("wade", NAME, one.number, is_draft=True)
            case "deleted":
                hub.set_ref("olivia", NAME, f"refs/heads/{base}", None)
            case "renamed":
                hub.rename_branch("olivia", NAME, base, "next")
        await asyncio.wait_for(hub.jobs.drain(), 60)
        await hub.webhooks.drain()
    assert [number for number, _ in left(hooks)] == [one.number]
    assert repository.queue_entry(one) is None
    assert not any("gh-readonly-queue" in name for name in repository.git.refs())
    assert not pull_of(one).is_merged


async def test_checks_that_take_no_time_merge_at_once_and_a_jump_goes_first(
    hub: LocalHub,
):
    queue_up(hub)
    one, two = open_pull(hub, "one"), open_pull(hub, "two")
    async with receiver(hub) as hooks:
        enqueue(hub, one)
        await hub.jobs.drain()
        hub.enqueue("olivia", NAME, two.number, is_jump=True)
        await hub.jobs.drain()
        hub.plan_checks(NAME, {"test": "success"})
        hub.check(NAME, group(hub, two), "test", conclusion="success")
        hub.check(NAME, group(hub, one), "test", conclusion="success")
        await hub.jobs.drain()
        await hub.webhooks.drain()
    assert left(hooks) == [(2, "MERGE"), (1, "MERGE")]


async def test_what_may_not_enter_is_refused(hub: LocalHub):
    async def refusal(thread: Thread, **more: Any) -> tuple[str, str]:
        answer = await github.graphql(ENQUEUE, id=node(thread), **more)
        (error,) = answer["errors"]
        return error["type"], error["message"]

    async with client(hub) as github:
        one = open_pull(hub, "one")
        assert (await refusal(one))[0] == "UNPROCESSABLE"
        queue_up(hub)
        modified = "Head branch was modified. Review and try the merge again."
        assert (await refusal(one, head="0" * 40))[1] == modified
        hub.push("wade", NAME, "one", {"more.txt": "1\n"}, message="More")
        missing = 'Pull request Required status check "test" is expected.'
        assert await refusal(one) == ("UNPROCESSABLE", missing)
        less = {**github.installation.permissions, "contents": "read"}
        github.token = hub.new_token(github.installation, permissions=less).value
        forbidden = ("FORBIDDEN", "Resource not accessible by integration")
        assert await refusal(one) == forbidden


async def test_a_branch_is_updated_by_rebase_as_well(hub: LocalHub):
    thread = open_pull(hub, "one")
    before = pull_of(thread).head_sha
    base = hub.push("wade", NAME, "main", {"other.txt": "1\n"}, message="Other")
    mutation = """mutation($id: ID!) { updatePullRequestBranch(input: {
      pullRequestId: $id, updateMethod: REBASE }) { pullRequest { headRefOid } } }"""
    async with client(hub) as github:
        answer = await github.graphql(mutation, id=node(thread))
        pull = answer["data"]["updatePullRequestBranch"]["pullRequest"]
        assert pull["headRefOid"] == before
        await hub.jobs.drain()
    git = hub.repository(NAME).git
    commit = git.commit(pull_of(thread).head_sha)
    assert (commit.parents, commit.message) == ((base,), "one")
