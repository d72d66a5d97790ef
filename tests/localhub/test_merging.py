"""Whether pull requests can be merged, and what is refused, in GitHub's words."""

from typing import Any

import pytest

from bot.localhub import mergeability, pulls
from bot.localhub.errors import GitHubError
from bot.localhub.hub import LocalHub
from bot.localhub.reviews import LineComment
from bot.localhub.rules import BranchRules, RequiredCheck
from bot.localhub.state import Thread
from tests.localhub.client import NAME, REPO, Client, client

CODE = "src/widgets.py"
BETTER = "def area(width, height):\n    return abs(width * height)\n"
RULES = "Repository rule violations found\n\n"


def open_pull(
    hub: LocalHub, head: str = "topic", files: dict[str, str] | None = None
) -> Thread:
    written = files or {CODE: BETTER}
    hub.push("wade", NAME, head, {**written}, message="Use abs", base="main")
    return hub.open_pull_request("wade", NAME, "Use abs", head=head)


def demand(hub: LocalHub, *contexts: str, **rules: Any) -> None:
    """Have the default branch demand checks, by classic protection."""
    checks = tuple(RequiredCheck(context) for context in contexts)
    hub.repository(NAME).rules = [BranchRules(is_classic=True, checks=checks, **rules)]


def head_of(thread: Thread) -> str:
    return pulls.pull_of(thread).head_sha


def state(hub: LocalHub, thread: Thread) -> str:
    return mergeability.state(thread, app_id=hub.app.id)


def check(hub: LocalHub, thread: Thread, name: str, conclusion: str | None) -> None:
    hub.check(NAME, head_of(thread), name, conclusion=conclusion)


def refusal(hub: LocalHub, login: str = "olivia", **how: Any) -> tuple[int, str]:
    with pytest.raises(GitHubError) as caught:
        hub.merge(login, NAME, 1, **how)
    return caught.value.status, caught.value.message


async def test_whether_it_merges_is_known_after_somebody_has_looked(hub: LocalHub):
    open_pull(hub)
    query = """{repository(owner:"acme",name:"widgets"){pullRequest(number:1){
        mergeable mergeStateStatus}}}"""

    async def looked(github: Client) -> tuple[Any, Any]:
        pull = (await github.graphql(query))["data"]["repository"]["pullRequest"]
        return pull["mergeable"], pull["mergeStateStatus"]

    async with client(hub) as github:
        first = (await github.get(f"{REPO}/pulls/1")).body
        assert (first["mergeable"], first["mergeable_state"]) == (None, "unknown")
        again = (await github.get(f"{REPO}/pulls/1")).body
        assert (again["mergeable"], again["mergeable_state"]) == (True, "clean")
        assert await looked(github) == ("MERGEABLE", "CLEAN")
        hub.push("wade", NAME, "main", {CODE: "pass\n"}, message="Conflict")
        assert await looked(github) == ("UNKNOWN", "UNKNOWN")
        assert await looked(github) == ("CONFLICTING", "DIRTY")
        hub.unsure_looks = 2
        hub.push("wade", NAME, "topic", {CODE: "pass\n"}, message="Agree")
        answers = [await looked(github) for _ in range(3)]
    assert [one[0] for one in answers] == ["UNKNOWN", "UNKNOWN", "MERGEABLE"]


async def test_what_classic_protection_misses_is_said_one_at_a_time(hub: LocalHub):
    thread = open_pull(hub)
    demand(hub, "lint", "test", approvals=1)
    assert state(hub, thread) == "blocked"
    approval = "At least 1 approving review is required by reviewers with write access."
    assert refusal(hub) == (405, approval)
    hub.review("rita", NAME, 1, event="APPROVE")  # may not write: counts for nothing
    assert refusal(hub) == (405, approval)
    hub.review("olivia", NAME, 1, event="REQUEST_CHANGES", body="no")
    assert refusal(hub) == (405, "Changes have been requested.")
    assert mergeability.review_decision(thread) == "CHANGES_REQUESTED"
    hub.review("olivia", NAME, 1, event="APPROVE")
    assert mergeability.review_decision(thread) == "APPROVED"
    assert refusal(hub) == (405, "2 of 2 required status checks are expected.")
    check(hub, thread, "lint", "failure")
    message = (
        "2 of 2 required status checks have not succeeded: 1 expected and 1 failing."
    )
    assert refusal(hub) == (405, message)
    check(hub, thread, "lint", "success")
    assert refusal(hub) == (405, 'Required status check "test" is expected.')
    check(hub, thread, "test", None)
    assert refusal(hub) == (405, 'Required status check "test" is in progress.')
    check(hub, thread, "test", "failure")
    assert refusal(hub) == (405, 'Required status check "test" is failing.')
    check(hub, thread, "test", "skipped")
    assert state(hub, thread) == "clean"
    hub.add_status("wade", NAME, head_of(thread), "test", "pending")
    assert refusal(hub) == (405, 'Required status check "test" is pending.')
    hub.add_status("wade", NAME, head_of(thread), "test", "success")
    assert hub.merge("olivia", NAME, 1)


async def test_rulesets_say_all_that_they_miss(hub: LocalHub):
    thread = open_pull(hub)
    lint = RequiredCheck("lint", integration_id=hub.app.id)
    rules = BranchRules(checks=(lint,), approvals=2, app_may_bypass=True)
    hub.repository(NAME).rules = [rules]
    check(hub, thread, "lint", "success")  # by another app than the rule wants
    assert refusal(hub) == (
        405,
        f"{RULES}At least 2 approving reviews are required by reviewers with write"
        ' access.\n\nRequired status check "lint" is expected.\n\n',
    )
    assert state(hub, thread) == "blocked"
    hub.merge(hub.app.bot.login, NAME, 1)  # which may bypass it
    assert pulls.pull_of(thread).is_merged


async def test_drafts_conflicts_methods_and_moved_heads_are_refused(hub: LocalHub):
    thread = open_pull(hub)
    before = head_of(thread)
    hub.set_draft("wade", NAME, 1, is_draft=True)
    assert state(hub, thread) == "draft"
    assert refusal(hub) == (405, "Pull Request is still a draft")
    hub.set_draft("wade", NAME, 1, is_draft=False)
    hub.push("wade", NAME, "topic", {"more.txt": "1\n"}, message="More")
    modified = "Head branch was modified. Review and try the merge again."
    assert refusal(hub, sha=before) == (409, modified)
    hub.repository(NAME).merge_methods = ("squash",)
    assert refusal(hub, method="merge") == (
        405,
        "Merge commits are not allowed on this repository.",
    )
    hub.repository(NAME).merge_methods = ("merge", "squash", "rebase")
    demand(hub, is_linear=True)
    assert refusal(hub) == (
        405,
        "Merge method merge commits are not allowed on this repository",
    )
    demand(hub)
    hub.push("wade", NAME, "main", {CODE: "pass\n"}, message="Conflict")
    assert state(hub, thread) == "dirty"
    assert refusal(hub) == (405, "Pull Request has merge conflicts")
    hub.close("wade", NAME, 1)
    assert refusal(hub) == (405, "Pull Request is not mergeable")
    assert refusal(hub, login="tess")[0] == 403


async def test_a_branch_that_is_behind_is_brought_up_to_date(hub: LocalHub):
    thread = open_pull(hub)
    before = head_of(thread)
    demand(hub, is_strict=True)
    with pytest.raises(GitHubError, match="no new commits"):
        hub.update_branch("wade", NAME, 1)
    hub.push("wade", NAME, "main", {"other.txt": "1\n"}, message="Other")
    assert state(hub, thread) == "behind"
    assert refusal(hub)[0] == 409
    with pytest.raises(GitHubError, match="expected head sha"):
        hub.update_branch("wade", NAME, 1, expected="0" * 40)
    hub.update_branch("wade", NAME, 1, expected=before)
    assert head_of(thread) != before
    git = hub.repository(NAME).git
    assert git.is_ancestor(before, head_of(thread))
    assert git.refs("refs/pull/") == {"refs/pull/1/head": head_of(thread)}
    assert [file.path for file in pulls.changes(thread).files] == [CODE]
    assert hub.merge("olivia", NAME, 1)


async def test_the_api_updates_a_branch_after_it_has_answered(hub: LocalHub, hub_clock):
    thread = open_pull(hub)
    before = head_of(thread)
    base = hub.push("wade", NAME, "main", {"other.txt": "1\n"}, message="Other")
    hub.jobs.lag_seconds = 5
    async with client(hub) as github:
        path = f"{REPO}/pulls/1/update-branch"
        answer = await github.send("PUT", path, {"expected_head_sha": before})
        assert (answer.status, set(answer.body)) == (202, {"message", "url"})
        assert head_of(thread) == before
        await hub_clock.advance(5)
        await hub.jobs.drain()
        commit = hub.repository(NAME).git.commit(head_of(thread))
        assert commit.parents == (before, base)
        again = await github.send("PUT", path, {"expected_head_sha": before})
        assert again.status == 422
        # Somebody pushes after the answer: nothing is merged into that.
        hub.push("wade", NAME, "main", {"third.txt": "1\n"}, message="Third")
        await github.send("PUT", path)
        pushed = hub.push("wade", NAME, "topic", {"more.txt": "1\n"}, message="More")
        await hub_clock.advance(5)
        await hub.jobs.drain()
    assert head_of(thread) == pushed


async def test_an_app_needs_permissions_to_update_and_to_touch_workflows(hub: LocalHub):
    open_pull(hub)
    workflow = ".github/workflows/ci.yml"
    hub.push("wade", NAME, "main", {workflow: "on: push\n"}, message="CI")
    refused = (
        "refusing to allow a GitHub App to create or update workflow"
        f" `{workflow}` without `workflows` permission"
    )
    open_pull(hub, "second", {".github/workflows/ci.yml": "on: pull_request\n"})
    async with client(hub) as github:
        update = await github.send("PUT", f"{REPO}/pulls/1/update-branch")
        assert (update.status, update.body["message"]) == (403, refused)
        merge = await github.send("PUT", f"{REPO}/pulls/2/merge")
        assert (merge.status, merge.body["message"]) == (403, refused)
        less = {**github.installation.permissions, "contents": "read"}
        token = hub.new_token(github.installation, permissions=less).value
        path = f"{REPO}/pulls/1/update-branch"
        update = await github.send("PUT", path, token=token)
        message = "user doesn't have permission to update head repository"
        assert (update.status, update.body["message"]) == (403, message)
        merge = await github.send("PUT", f"{REPO}/pulls/1/merge", token=token)
        assert merge.body["message"] == "Resource not accessible by integration"
        assert (await github.send("PUT", f"{REPO}/pulls/1/merge")).status == 200


async def test_messages_are_as_the_settings_want_them(hub: LocalHub):
    repository = hub.repository(NAME)
    git = repository.git
    hub.push("wade", NAME, "one", {"1.txt": "1\n"}, message="First\n\nSince.")
    hub.open_pull_request("wade", NAME, "Both", head="one", body="The body.")
    sha = hub.merge("olivia", NAME, 1, method="squash")
    assert git.commit(sha).message == "First (#1)\n\nSince."
    for name in ("2", "3"):
        hub.push("wade", NAME, "two", {f"{name}.txt": "x\n"}, message=f"Add {name}")
    hub.open_pull_request("wade", NAME, "Two", head="two", body="The body.")
    sha = hub.merge("olivia", NAME, 2, method="squash")
    assert git.commit(sha).message == "Two (#2)\n\n* Add 2\n\n* Add 3"
    repository.merge_title, repository.merge_message = "PR_TITLE", "PR_BODY"
    hub.push("wade", NAME, "four", {"4.txt": "x\n"}, message="Add 4")
    hub.open_pull_request("wade", NAME, "Four", head="four", body="The body.")
    sha = hub.merge("olivia", NAME, 3)
    assert git.commit(sha).message == "Four (#3)\n\nThe body."


async def test_classic_protection_is_hidden_and_rulesets_are_open(hub: LocalHub):
    thread = open_pull(hub)
    demand(hub, "lint", approvals=1)
    hub.repository(NAME).rules.append(BranchRules(checks=(RequiredCheck("test"),)))
    check(hub, thread, "lint", "success")
    check(hub, thread, "other", "success")
    query = """{repository(owner:"acme",name:"widgets"){pullRequest(number:1){
      reviewDecision viewerCanUpdateBranch
      baseRef {
        refUpdateRule { requiredStatusCheckContexts requiredApprovingReviewCount }
        branchProtectionRule { pattern }
        compare(headRef: "topic") { aheadBy behindBy status }
      }
      statusCheckRollup { state contexts(first: 9) { nodes {
        ... on CheckRun { name isRequired(pullRequestNumber: 1) } } } } }}}"""
    async with client(hub) as github:
        protection = f"{REPO}/branches/main/protection"
        assert (await github.get(protection)).status == 403
        rules = (await github.get(f"{REPO}/rules/branches/main")).body
        answer = await github.graphql(query)
        admin = {**github.installation.permissions, "administration": "read"}
        token = hub.new_token(github.installation, permissions=admin).value
        assert (await github.get(protection, token=token)).status == 200
        other = f"{REPO}/branches/none/protection"
        assert (await github.get(other, token=token)).status == 404
    contexts = [rule["parameters"]["required_status_checks"] for rule in rules]
    assert contexts == [[{"context": "test"}]]
    (error,) = answer["errors"]
    assert error["path"][-1] == "branchProtectionRule"
    assert error["message"] == "Resource not accessible by integration"
    pull = answer["data"]["repository"]["pullRequest"]
    assert pull["reviewDecision"] == "REVIEW_REQUIRED"
    assert pull["baseRef"] == {
        "refUpdateRule": {
            "requiredStatusCheckContexts": ["lint"],
            "requiredApprovingReviewCount": 1,
        },
        "branchProtectionRule": None,
        "compare": {"aheadBy": 1, "behindBy": 0, "status": "AHEAD"},
    }
    nodes = pull["statusCheckRollup"]["contexts"]["nodes"]
    assert {node["name"]: node["isRequired"] for node in nodes} == {
        "lint": True,
        "other": False,
    }


async def test_the_commits_of_a_pull_request_say_who_made_them(hub: LocalHub):
    thread = open_pull(hub)
    hub.push("wade", NAME, "main", {"new.py": "x = 1\n"}, message="More")
    base = hub.repository(NAME).git.refs()["refs/heads/main"]
    head = head_of(thread)
    hub.update_branch(hub.app.bot.login, NAME, 1, expected=head)
    query = """{repository(owner:"acme",name:"widgets"){pullRequest(number:1){
        viewerCanMergeAsAdmin reviewThreads(first: 1) { nodes { isResolved } }
        commits(last:2){nodes{commit{
          oid signature{__typename isValid wasSignedByGitHub} author{email} parents(first:3){nodes{oid}}
          checkSuites(first:5){nodes{conclusion}}}}}}}}"""
    async with client(hub) as github:
        found = (await github.graphql(query))["data"]["repository"]["pullRequest"]
    first, last = (one["commit"] for one in found["commits"]["nodes"])
    assert first["oid"] == head
    address = f"+{hub.app.bot.login}@users.noreply.github.com"
    assert last["author"]["email"].endswith(address)
    assert last["signature"] == {
        "__typename": "GpgSignature",
        "isValid": True,
        "wasSignedByGitHub": True,
    }
    assert first["signature"] is None
    assert [one["oid"] for one in last["parents"]["nodes"]] == [head, base]
    assert not found["viewerCanMergeAsAdmin"]


async def test_a_run_that_waits_for_approval_is_told_by_its_suite(hub: LocalHub):
    hub.plan_checks(NAME, {"lint": "success"}, needs_approval=True)
    open_pull(hub)
    query = """{repository(owner:"acme",name:"widgets"){pullRequest(number:1){
        commits(last:1){nodes{commit{checkSuites(first:5){nodes{
          conclusion workflowRun{workflow{name}}}}}}}}}}"""
    async with client(hub) as github:
        found = (await github.graphql(query))["data"]["repository"]["pullRequest"]
    suites = found["commits"]["nodes"][0]["commit"]["checkSuites"]["nodes"]
    told = [one["conclusion"] for one in suites if one["workflowRun"]]
    assert told == ["ACTION_REQUIRED"]


async def test_conversations_stacks_and_forced_pushes_are_refused(hub: LocalHub):
    thread = open_pull(hub)
    hub.repository(NAME).rules = [
        BranchRules(resolves_conversations=True, blocks_force_pushes=True)
    ]
    line = LineComment(CODE, "Why?", line=2)
    hub.review("olivia", NAME, 1, event="COMMENT", comments=[line])
    assert state(hub, thread) == "blocked"
    assert refusal(hub) == (405, f"{RULES}All comments must be resolved.\n\n")
    (comment,) = pulls.pull_of(thread).review_comments
    hub.resolve_conversation("olivia", NAME, comment.id)
    assert state(hub, thread) == "clean"
    pulls.pull_of(thread).is_in_stack = True
    stacked = (
        "This pull request is part of a stack and must be merged using the asynchronous"
        " merge REST API."
    )
    assert refusal(hub) == (405, stacked)
    before = hub.push("wade", NAME, "main", {"b.txt": "1\n"}, message="B")
    async with client(hub) as github:
        moved = await github.send("PATCH", f"{REPO}/pulls/1", {"base": "topic"})
        assert moved.body["message"].endswith("is part of a stack.")
        sha = hub.repository(NAME).git.commit(before).parents[0]
        forced = {"sha": sha, "force": True}
        answer = await github.send("PATCH", f"{REPO}/git/refs/heads/main", forced)
    assert (answer.status, answer.body["message"]) == (
        422,
        f"{RULES}Cannot force-push to this branch\n\n",
    )
    assert hub.repository(NAME).git.resolve("main") == before
