"""Every endpoint and webhook of the local GitHub, held to GitHub's own descriptions."""

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import graphql
import pytest
from yarl import URL

from bot.github.client import open_session
from bot.github.sign_ins import GitHubSignIns
from bot.localhub.api import all_routes
from bot.localhub.api_log import Exchange
from bot.localhub.hub import LocalHub
from bot.localhub.pulls import pull_of
from bot.localhub.reviews import LineComment
from bot.localhub.rules import BranchRules, QueueRule, RequiredCheck
from bot.localhub.server import app_key
from bot.ports.people import Proof
from tests import contracts
from tests.localhub.client import NAME, REPO, Client, client, receiver

pytestmark = pytest.mark.skipif(contracts.folder() is None, reason=contracts.ADVICE)

SOURCE = "def area(width, height):\n    return abs(width * height)\n"
QUERY = """
query($owner: String!, $name: String!, $size: Int!) {
  rateLimit { cost limit nodeCount remaining resetAt used }
  repository(owner: $owner, name: $name) {
    databaseId nameWithOwner isArchived isPrivate url owner { login }
    defaultBranchRef { name prefix target { oid ... on Commit { message } } }
    object(expression: "HEAD:README.md") {
      ... on Blob { text oid byteSize isBinary isTruncated }
    }
    ref(qualifiedName: "refs/heads/main") { name }
    labels(first: 10, query: "b") {
      nodes { name color description issues(states: [OPEN]) { totalCount }
              pullRequests(states: [OPEN]) { totalCount } }
    }
    milestones(first: 5, states: [OPEN]) { nodes { number title state url } }
    issues(first: $size, states: [OPEN], filterBy: {assignee: "*"},
           orderBy: {field: CREATED_AT, direction: DESC}) {
      nodes { number } pageInfo { hasNextPage endCursor } totalCount
    }
    pullRequests(last: 5, headRefName: "topic") { nodes { number } totalCount }
    issue(number: 1) { ...facts }
    pullRequest(number: 3) { ...changes }
    i2: issueOrPullRequest(number: 2) { __typename ...facts ...changes }
    i3: issueOrPullRequest(number: 3) { __typename ...facts ...changes }
    i99: issueOrPullRequest(number: 99) { __typename }
  }
}
fragment facts on Issue {
  id databaseId fullDatabaseId number title body url state stateReason updatedAt
  createdAt closedAt closed locked author { login url } milestone { title number }
  labels(first: 20) { nodes { name } } assignees(first: 20) { nodes { login } }
  blockedBy(first: 20) { nodes { number state repository { nameWithOwner } } }
  blocking(first: 20) { totalCount }
  subIssues(first: 20) { nodes { number state } } subIssuesSummary { total completed }
  parent { number } comments(last: 3) { nodes { body author { login } } }
  closedByPullRequestsReferences(first: 5, includeClosedPrs: true) {
    nodes { number state }
  }
}
fragment changes on PullRequest {
  id databaseId number title body url state updatedAt createdAt closedAt mergedAt
  locked author { login } merged isDraft isCrossRepository headRefName headRefOid
  baseRefName baseRefOid mergeable mergeStateStatus additions deletions changedFiles
  labels(first: 20) { nodes { name } } assignees(first: 20) { nodes { login } }
  milestone { title } mergedBy { login } canBeRebased reviewDecision
  viewerCanUpdateBranch maintainerCanModify autoMergeRequest { mergeMethod }
  isInMergeQueue isMergeQueueEnabled mergeQueueEntry { position } mergeQueue { url }
  headRepository { nameWithOwner } headRef { name } baseRef { name refUpdateRule { requiredStatusCheckContexts
    requiresSignatures viewerCanPush } compare(headRef: "main") { aheadBy status } }
  reviewRequests(first: 5) { nodes { requestedReviewer { __typename
    ... on User { login } ... on Team { slug } } } }
  latestOpinionatedReviews(first: 5) { nodes { state author { login } } }
  statusCheckRollup { id state commit { oid } contexts(first: 20) { totalCount nodes {
    __typename
    ... on CheckRun { id name status conclusion isRequired(pullRequestNumber: 3) title
      startedAt completedAt annotations(first: 2) { nodes { message path } }
      checkSuite { app { slug databaseId } workflowRun { event url workflow { name } } }
    }
    ... on StatusContext { context state description isRequired(pullRequestNumber: 3) }
  } } }
  closingIssuesReferences(first: 5) { nodes { number } } mergeCommit { oid }
}
"""


async def test_every_endpoint_answers_as_github_describes(hub: LocalHub):
    async with client(hub) as github, receiver(hub):
        await use_app(github)
        await use_repository(github)
        await use_issues(github)
        await use_comments(github)
        await use_pulls(github)
        await use_git_and_checks(github)
        await use_actions(github)
        await use_workflows(github)
        await use_relations(github)
        answer = await github.graphql(QUERY, owner="acme", name="widgets", size=2)
        assert [error["type"] for error in answer["errors"]] == ["NOT_FOUND"]
        assert (await github.send("DELETE", "/installation/token")).status == 204
        await use_sign_ins(hub)
        await use_manifest(github)
    done = (*range(200, 300), 302)
    used = {(e.method, e.template) for e in hub.log if e.status in done}
    every = {(route.method, route.template) for route in all_routes()}
    assert sorted(every - used) == []
    problems = [p for e in hub.log for p in contracts.exchange_problems(e)]
    assert sorted(set(problems)) == []


async def use_app(github: Client) -> None:
    id_ = github.installation.id
    await github.app("GET", "/app")
    await github.app("GET", "/app/installations?per_page=1")
    await github.app("GET", f"/app/installations/{id_}")
    await github.app("GET", f"{REPO}/installation")
    tokens = f"/app/installations/{id_}/access_tokens"
    await github.app("POST", tokens)
    wanted = {"repositories": ["widgets"], "permissions": {"issues": "read"}}
    await github.app("POST", tokens, wanted)
    await github.app("POST", tokens, {"repositories": ["nothing"]})
    await github.get("/installation/repositories")
    await github.get("/rate_limit")
    await github.get("/meta")
    github.hub.open_issue("wade", NAME, "Areas can be negative", "See `area`.")
    await github.hub.webhooks.drain()
    deliveries = (await github.app("GET", "/app/hook/deliveries?per_page=5")).body
    path = f"/app/hook/deliveries/{deliveries[0]['id']}"
    await github.app("GET", path)
    await github.app("POST", f"{path}/attempts")
    await github.app("GET", "/app/hook/deliveries?status=failure")
    await github.app("GET", "/app/hook/config")


async def use_sign_ins(hub: LocalHub) -> None:
    hub.sign_ins.callback_urls = [callback := "https://bot.example.com/callback"]
    proof, id_, secret = Proof("s", "v"), hub.app.client_id, hub.sign_ins.client_secret
    async with open_session() as session:
        sign_ins = GitHubSignIns(
            session, hub.html_url, hub.api_url, id_, secret, lambda _: None
        )
        query = URL(sign_ins.address(proof, callback=callback)).query
        back = hub.sign_ins.decide(hub.user("rita"), query, is_allowed=True)
        code = back.query["code"]
        who = await sign_ins.account(code, proof, callback=callback)
    assert who.login == "rita"


async def use_manifest(github: Client) -> None:
    manifest = {"name": "a-new-app", "url": "https://bot.example"}
    owner = github.hub.add_user("ada")
    code = github.hub.registrations.register("ada", manifest, "A new app", owner)
    path = f"/app-manifests/{code}/conversions"
    nobody = {"Authorization": ""}
    answer = await github.send("POST", path, headers=nobody)
    assert (answer.status, answer.body["slug"]) == (201, "a-new-app")
    assert (await github.send("POST", path, headers=nobody)).status == 404


async def use_repository(github: Client) -> None:
    await github.get(REPO)
    await github.get(f"/repositories/{github.hub.repository(NAME).id}")
    await github.get(f"{REPO}/contents/README.md")
    await github.get(f"{REPO}/activity?ref=main&per_page=1&time_period=day")
    await github.send("GET", f"{REPO}/activity?activity_type=nothing")
    await github.get(f"{REPO}/contents/src/widgets.py?ref=main")
    await github.get(f"{REPO}/contents/src")
    await github.get(f"{REPO}/contents/nothing")
    await github.get(f"{REPO}/collaborators/olivia")
    await github.get("/users/olivia")
    await github.get("/users/nobody-of-that-name")
    for login in ("olivia", "tess", "sam", "acme"):
        await github.get(f"{REPO}/collaborators/{login}/permission")
    await github.send("POST", f"{REPO}/labels", {"name": "bug", "color": "ff0000"})
    await github.send("POST", f"{REPO}/labels", {"name": "Bug"})
    await github.get(f"{REPO}/labels?per_page=1")
    await github.get(f"{REPO}/labels/bug")
    github.hub.add_milestone("olivia", NAME, "v1")
    await github.get(f"{REPO}/milestones?state=all")
    await github.get(f"{REPO}/milestones/1")
    new = {"title": "v2", "description": "Next"}
    await github.send("POST", f"{REPO}/milestones", new)
    await github.send("POST", f"{REPO}/milestones", new)


async def use_issues(github: Client) -> None:
    new = {"title": "Second", "body": "text", "labels": ["bug"], "assignees": ["wade"]}
    assert (await github.send("POST", f"{REPO}/issues", new)).body["number"] == 2
    issue = f"{REPO}/issues/2"
    query = "state=all&labels=bug&sort=updated&direction=asc&per_page=1&page=1"
    await github.get(f"{REPO}/issues?{query}")
    await github.get(issue)
    await github.get(f"{REPO}/issues/77")
    changes = {"title": "Other", "milestone": 1, "labels": ["bug", "new"]}
    await github.send("PATCH", issue, changes)
    await github.send(
        "PATCH", issue, {"state": "closed", "state_reason": "not_planned"}
    )
    await github.send("PATCH", issue, {"state": "open"})
    await github.send("PATCH", issue, {"state": "nowhere"})
    await github.send("PUT", f"{issue}/lock", {"lock_reason": "spam"})
    await github.send("DELETE", f"{issue}/lock")
    await github.send("POST", f"{issue}/labels", {"labels": ["a b", "x/y"]})
    await github.get(f"{issue}/labels")
    await github.send("DELETE", f"{issue}/labels/x%2Fy")
    await github.send("DELETE", f"{issue}/labels/none")
    await github.send("PUT", f"{issue}/labels", {"labels": ["bug"]})
    await github.send("POST", f"{issue}/assignees", {"assignees": ["olivia"]})
    await github.send("DELETE", f"{issue}/assignees", {"assignees": ["olivia"]})
    made = await github.send("POST", f"{issue}/reactions", {"content": "eyes"})
    await github.get(f"{issue}/reactions")
    await github.send("DELETE", f"{issue}/reactions/{made.body['id']}")
    await github.get("/search/issues?q=repo:acme/widgets+is:issue+is:open+label:bug")
    await github.get("/search/issues?q=repo:acme/nothing")


async def use_comments(github: Client) -> None:
    comments = f"{REPO}/issues/2/comments"
    made = await github.send("POST", comments, {"body": "hello"})
    assert made.status == 201
    await github.send("POST", comments, {"body": "x" * 65_537})
    await github.get(f"{comments}?per_page=1&since=2026-01-01T00:00:00Z")
    await github.get(f"{REPO}/issues/comments?sort=updated&direction=desc")
    comment = f"{REPO}/issues/comments/{made.body['id']}"
    await github.get(comment)
    await github.send("PATCH", comment, {"body": "changed"})
    await github.send("PUT", f"{comment}/pin")
    await github.get(f"{REPO}/issues/2")
    await github.send("DELETE", f"{comment}/pin")
    reaction = await github.send("POST", f"{comment}/reactions", {"content": "rocket"})
    again = await github.send("POST", f"{comment}/reactions", {"content": "rocket"})
    assert (reaction.status, again.status) == (201, 200)
    await github.get(f"{comment}/reactions?content=rocket")
    await github.send("DELETE", f"{comment}/reactions/{reaction.body['id']}")
    await github.send("DELETE", comment)


async def use_pulls(github: Client) -> None:
    hub, files = github.hub, {"src/widgets.py": SOURCE, "new.txt": "1\n"}
    head = hub.push("wade", NAME, "topic", files, message="Use abs")
    new = {"title": "Use abs", "head": "topic", "base": "main", "body": "Closes #1"}
    made = await github.send("POST", f"{REPO}/pulls", {**new, "draft": True})
    assert made.body["number"] == 3
    await github.send("POST", f"{REPO}/pulls", new)
    pull = f"{REPO}/pulls/3"
    await github.get(f"{REPO}/pulls?head=acme:topic&state=all&base=main")
    await github.get(pull)
    await github.get(f"{REPO}/issues/3")
    await github.send("PATCH", pull, {"title": "Take the absolute value"})
    await github.get(f"{pull}/files")
    await github.get(f"{pull}/commits")
    await github.get(f"{REPO}/commits/{head}/pulls")
    await github.send("PUT", f"{pull}/merge", {"sha": head})
    hub.set_draft(hub.app.bot.login, NAME, 3, is_draft=False)
    await use_reviews(github, pull, head)
    hub.push("wade", NAME, "main", {"other.txt": "2\n"}, message="Other")
    await github.send("PUT", f"{pull}/update-branch", {"expected_head_sha": "0" * 40})
    updated = await github.send(
        "PUT", f"{pull}/update-branch", {"expected_head_sha": head}
    )
    assert updated.status == 202
    await hub.jobs.drain()
    await github.send("PUT", f"{pull}/merge", {"sha": head})
    await github.get(f"{pull}/merge")
    merged = await github.send("PUT", f"{pull}/merge", {"merge_method": "merge"})
    assert merged.status == 200
    await github.get(f"{pull}/merge")
    await github.get(pull)


async def use_reviews(github: Client, pull: str, head: str) -> None:
    line = {"path": "src/widgets.py", "line": 2, "side": "RIGHT", "body": "good"}
    review = {"event": "COMMENT", "body": "seen", "commit_id": head, "comments": [line]}
    made = await github.send("POST", f"{pull}/reviews", review)
    await github.send("POST", f"{pull}/reviews", {"event": "APPROVE"})
    far = {**line, "line": 900}
    await github.send("POST", f"{pull}/reviews", {**review, "comments": [far]})
    await github.get(f"{pull}/reviews")
    await github.get(f"{pull}/reviews/{made.body['id']}")
    await github.get(f"{pull}/reviews/{made.body['id']}/comments")
    await use_pending_reviews(github, pull, head)
    comment = await github.send("POST", f"{pull}/comments", {**line, "commit_id": head})
    id_ = comment.body["id"]
    await github.send("POST", f"{pull}/comments/{id_}/replies", {"body": "yes"})
    await github.get(f"{pull}/comments")
    one = f"{REPO}/pulls/comments/{id_}"
    await github.get(one)
    made = await github.send("POST", f"{one}/reactions", {"content": "+1"})
    await github.get(f"{one}/reactions")
    await github.send("DELETE", f"{one}/reactions/{made.body['id']}")
    reviewers = f"{pull}/requested_reviewers"
    github.hub.add_team("acme", "reviewers", ["olivia"])
    for team in ("reviewers", "nobodies"):
        await github.get(f"/orgs/acme/teams/{team}{REPO}")
        for login in ("olivia", "nobody"):
            await github.get(f"/orgs/acme/teams/{team}/memberships/{login}")
    asked = {"reviewers": ["olivia"], "team_reviewers": ["reviewers"]}
    await github.send("POST", reviewers, asked)
    await github.send("POST", reviewers, {"reviewers": ["sam"]})
    await github.get(reviewers)
    await github.send("DELETE", reviewers, asked)


async def use_pending_reviews(github: Client, pull: str, head: str) -> None:
    line = {"path": "src/widgets.py", "line": 2, "body": "later"}
    begun = {"commit_id": head, "comments": [line]}
    made = await github.send("POST", f"{pull}/reviews", begun)
    assert (made.body["state"], "submitted_at" in made.body) == ("PENDING", False)
    again = await github.send("POST", f"{pull}/reviews", begun)
    assert again.body["errors"] == [
        "User can only have one pending review per pull request"
    ]
    one = f"{pull}/reviews/{made.body['id']}"
    await github.get(f"{pull}/reviews")
    await github.get(f"{one}/comments")
    await github.send("DELETE", one)
    assert (await github.get(one)).status == 404
    made = await github.send("POST", f"{pull}/reviews", begun)
    one = f"{pull}/reviews/{made.body['id']}"
    ended = await github.send("POST", f"{one}/events", {"event": "COMMENT"})
    assert ended.body["state"] == "COMMENTED"
    assert (await github.send("DELETE", one)).status == 422


async def use_git_and_checks(github: Client) -> None:
    hub = github.hub
    git = hub.repository(NAME).git
    head, first = git.resolve("main"), git.resolve("main~1")
    await github.get(f"{REPO}/git/ref/heads/main")
    await github.get(f"{REPO}/git/matching-refs/heads/m")
    new = {"ref": "refs/heads/batch/x/1", "sha": first}
    await github.send("POST", f"{REPO}/git/refs", new)
    await github.send("POST", f"{REPO}/git/refs", new)
    moved = f"{REPO}/git/refs/heads/batch/x/1"
    await github.send("PATCH", moved, {"sha": head})
    await github.send("PATCH", moved, {"sha": first})
    await use_git_objects(github, str(head))
    await github.get(f"{REPO}/branches?per_page=2")
    await github.get(f"{REPO}/branches/batch/x/1")
    await github.send("DELETE", moved)
    hub.repository(NAME).rules.append(everything_is_demanded())
    hub.repository(NAME).rules.append(everything_is_demanded(is_classic=True))
    await github.get(f"{REPO}/branches/main")
    await github.get(f"{REPO}/branches/none")
    await github.get(f"{REPO}/rules/branches/main")
    await github.get(f"{REPO}/commits/main")
    await github.get(f"{REPO}/compare/main~1...main")
    output = {"title": "Batch b7k2", "summary": "2 of 3"}
    run = {"name": "batch", "head_sha": head, "status": "in_progress", "output": output}
    made = await github.send("POST", f"{REPO}/check-runs", run)
    one = f"{REPO}/check-runs/{made.body['id']}"
    await github.send("PATCH", one, {"conclusion": "success"})
    await github.get(one)
    hub.check(NAME, str(head), "ci", conclusion="success")
    await github.get(f"{REPO}/commits/{head}/check-runs?check_name=ci")
    await github.get(f"{REPO}/commits/{head}/check-suites")
    remark = {
        "path": "README.md", "start_line": 1, "end_line": 1,
        "annotation_level": "warning", "message": "Too short",
    }  # fmt: skip
    more = {"title": "x", "summary": "y", "annotations": [remark]}
    await github.send("PATCH", one, {"output": more})
    await github.get(f"{one}/annotations")
    await use_refusals_of_checks(github, one)
    button = {"label": "Retry", "description": "Run again", "identifier": "retry"}
    await github.send("PATCH", one, {"conclusion": "neutral", "actions": [button]})
    for pressed in ("retry", ""):
        hub.press("olivia", NAME, made.body["id"], pressed)
    id_ = github.installation
    granted = {**id_.permissions, "statuses": "write", "administration": "read"}
    token = hub.new_token(id_, permissions=granted).value
    said = {"state": "success", "context": "ci/x", "description": "fine"}
    await github.send("POST", f"{REPO}/statuses/{head}", said, token=token)
    await github.send("POST", f"{REPO}/statuses/{head}", said)
    await github.send("POST", f"{REPO}/statuses/{'0' * 40}", said, token=token)
    await github.send("POST", f"{REPO}/statuses/{head}", {"state": "fine"}, token=token)
    await github.get(f"{REPO}/commits/{head}/status")
    await github.get(f"{REPO}/commits/{head}/statuses")
    for branch in ("main", "other"):
        protection = f"{REPO}/branches/{branch}/protection"
        await github.get(protection)
        await github.get(protection, token=token)
        await github.get(f"{protection}/required_status_checks", token=token)


async def use_refusals_of_checks(github: Client, one: str) -> None:
    ci = github.hub.repository(NAME).check_runs[-1]
    output = {"title": "x", "summary": "y"}
    queued = {"status": "queued"}
    others = await github.send("PATCH", f"{REPO}/check-runs/{ci.id}", queued)
    assert (others.status, others.body["message"][:14]) == (403, "Invalid app_id")
    await github.send("PATCH", f"{REPO}/check-runs/1", queued)
    refused: list[dict[str, Any]] = [
        {"status": "completed"},
        {"status": "waiting"},
        {"conclusion": "stale"},
        {"output": {"title": "x"}},
        {"output": {**output, "summary": "y" * 65_536}},
        {"output": {**output, "annotations": [{}] * 51}},
        {"actions": [{}] * 4},
        {"actions": [{"label": "x" * 21, "description": "", "identifier": ""}]},
    ]
    before = await github.get(one)
    for body in refused:
        assert (await github.send("PATCH", one, body)).status == 422
    assert (await github.get(one)).body == before.body
    unknown = {"name": "batch", "head_sha": "0" * 40}
    assert (await github.send("POST", f"{REPO}/check-runs", unknown)).status == 422


def everything_is_demanded(**more: Any) -> BranchRules:
    """Return rules of every kind."""
    return BranchRules(
        checks=(RequiredCheck("ci"), RequiredCheck("lint", 15368)), is_strict=True,
        approvals=2, queue=QueueRule(), is_linear=True, deployments=("staging",),
        workflows=(".github/workflows/ci.yml",), blocks_force_pushes=True,
        resolves_conversations=True, **more,
    )  # fmt: skip


async def use_actions(github: Client) -> None:
    hub = github.hub
    hub.plan_checks(
        NAME,
        {"lint": "failure", "build": ("failure", "success"), "slow": "queued"},
        logs={"lint": "ruff: 1 error"},
    )
    head = hub.push("wade", NAME, "acted", {"x.txt": "1\n"}, message="X", base="main")
    hub.open_pull_request("wade", NAME, "Acted", head="acted")
    runs = f"{REPO}/actions/runs"
    listed = await github.get(f"{runs}?head_sha={head}&event=pull_request")
    run = f"{runs}/{listed.body['workflow_runs'][0]['id']}"
    await github.get(run)
    jobs = (await github.get(f"{run}/jobs?filter=latest")).body["jobs"]
    await github.get(f"{REPO}/actions/jobs/{jobs[0]['id']}")
    assert (await github.get(f"{REPO}/actions/jobs/{jobs[0]['id']}/logs")).status == 302
    again = f"{run}/rerun-failed-jobs"
    assert (await github.send("POST", again)).status == 403
    hub.check(NAME, head, "slow", conclusion="success")
    assert (await github.send("POST", again)).status == 201
    await github.get(f"{run}/jobs?filter=all")
    await github.get(f"{REPO}/commits/{head}/check-suites")


async def use_git_objects(github: Client, head: str) -> None:
    blobs, trees = f"{REPO}/git/blobs", f"{REPO}/git/trees"
    encoded = {"content": "AP8=", "encoding": "base64"}
    sha = (await github.send("POST", blobs, encoded)).body["sha"]
    await github.send("POST", blobs, {"content": "a", "encoding": "rot13"})
    entries = [
        {"path": "new/x", "mode": "100755", "type": "blob", "sha": sha},
        {"path": "new/y", "mode": "120000", "type": "blob", "content": "x"},
        {"path": "README.md", "mode": "100644", "type": "blob", "sha": None},
    ]
    tree = await github.send("POST", trees, {"base_tree": head, "tree": entries})
    await github.send("POST", trees, {"tree": entries})
    commit = {"message": "Sign", "tree": tree.body["sha"], "parents": [head]}
    made = await github.send("POST", f"{REPO}/git/commits", commit)
    await github.get(f"{REPO}/git/commits/{made.body['sha']}")
    author = {"author": {"name": "Ada", "email": "ada@example.org"}}
    own = await github.send("POST", f"{REPO}/git/commits", {**commit, **author})
    await github.send("POST", f"{REPO}/git/commits", {**commit, "tree": head})
    github.hub.require_signatures(NAME, "signed/*")
    await github.get(f"{REPO}/rules/branches/signed/1")
    for name, one in ("1", made), ("2", own):
        ref = {"ref": f"refs/heads/signed/{name}", "sha": one.body["sha"]}
        await github.send("POST", f"{REPO}/git/refs", ref)


async def use_workflows(github: Client) -> None:
    text = "on: workflow_dispatch\njobs: {test: {steps: [{run: make}]}}\n"
    files = {".github/workflows/go.yml": text}
    github.hub.push("olivia", NAME, "main", files, message="Add a workflow")
    workflow = f"{REPO}/actions/workflows/go.yml"
    await github.get(workflow)
    body = {"ref": "main", "return_run_details": True}
    begun = (await github.send("POST", f"{workflow}/dispatches", body)).body
    await github.send("POST", f"{workflow}/dispatches", {"ref": "main"})
    await github.get(f"{workflow}/runs?event=workflow_dispatch&per_page=1")
    run = f"{REPO}/actions/runs/{begun['workflow_run_id']}"
    await github.get(f"{run}/jobs")
    assert (await github.send("POST", f"{run}/cancel")).status == 202
    assert (await github.send("POST", f"{run}/force-cancel")).status == 202
    await github.hub.webhooks.drain()


async def use_relations(github: Client) -> None:
    first = github.hub.thread(NAME, 1)
    issue = f"{REPO}/issues/2"
    blocked_by = f"{issue}/dependencies/blocked_by"
    await github.send("POST", blocked_by, {"issue_id": first.id})
    await github.send("POST", blocked_by, {"issue_id": first.id})
    await github.get(blocked_by)
    await github.get(f"{REPO}/issues/1/dependencies/blocking")
    await github.send("POST", f"{issue}/sub_issues", {"sub_issue_id": first.id})
    await github.get(f"{issue}/sub_issues")
    await github.get(f"{REPO}/issues/1/parent")
    await github.get(f"{REPO}/issues/1")
    await github.send("DELETE", f"{issue}/sub_issue", {"sub_issue_id": first.id})
    await github.send("DELETE", f"{blocked_by}/{first.id}")


async def test_webhooks_are_as_github_describes_and_signed(hub: LocalHub):
    async with receiver(hub) as hooks:
        await do_everything(hub)
        await hub.webhooks.drain()
    problems = set()
    for hook in hooks.hooks:
        problems |= set(contracts.webhook_problems(hook.event, hook.payload))
        digest = hmac.new(
            hub.app.webhook_secret.encode(), hook.body, hashlib.sha256
        ).hexdigest()
        assert hook.headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert sorted(problems) == []
    assert len(set(hooks.names)) > 45


async def do_everything(hub: LocalHub) -> None:
    issue = hub.open_issue(
        "olivia", NAME, "One", "text", labels=["bug"], assignees=["wade"]
    )
    other = hub.open_issue("olivia", NAME, "Two")
    hub.edit_thread("olivia", NAME, 1, title="First", body="other")
    hub.unlabel("olivia", NAME, 1, "bug")
    hub.unassign("olivia", NAME, 1, "wade")
    hub.add_milestone("olivia", NAME, "v1")
    hub.set_milestone("olivia", NAME, 1, 1)
    hub.set_milestone("olivia", NAME, 1, None)
    hub.lock("olivia", NAME, 1, reason="spam")
    hub.unlock("olivia", NAME, 1)
    comment = hub.comment("wade", NAME, 1, "- [ ] box")
    hub.tick("olivia", NAME, comment.id, 0)
    hub.pin_comment("olivia", NAME, comment.id)
    hub.unpin_comment("olivia", NAME, comment.id)
    hub.delete_comment("wade", NAME, comment.id)
    hub.block("olivia", issue, other)
    hub.unblock("olivia", issue, other)
    hub.add_sub_issue("olivia", issue, other)
    hub.remove_sub_issue("olivia", issue, other)
    hub.close("olivia", NAME, 1)
    hub.reopen("olivia", NAME, 1)
    hub.push("wade", NAME, "topic", {"a.txt": "1\n"}, message="One")
    hub.open_pull_request("wade", NAME, "Pull", head="topic", body="Fixes #1")
    hub.label("olivia", NAME, 3, "bug")
    hub.unlabel("olivia", NAME, 3, "bug")
    hub.assign("olivia", NAME, 3, "wade")
    hub.unassign("olivia", NAME, 3, "wade")
    hub.set_milestone("olivia", NAME, 3, 1)
    hub.set_milestone("olivia", NAME, 3, None)
    hub.lock("olivia", NAME, 3)
    hub.unlock("olivia", NAME, 3)
    hub.set_draft("wade", NAME, 3, is_draft=True)
    hub.set_draft("wade", NAME, 3, is_draft=False)
    hub.add_team("acme", "reviewers", ["olivia"])
    asked: dict[str, Any] = {"reviewers": ["olivia"], "teams": ["reviewers"]}
    hub.request_review("wade", NAME, 3, **asked)
    hub.remove_review_request("wade", NAME, 3, **asked)
    line = LineComment("a.txt", "why", 1)
    hub.review("olivia", NAME, 3, event="REQUEST_CHANGES", body="no", comments=[line])
    hub.edit_thread("wade", NAME, 3, title="Better", body="Fixes #1")
    (remark,) = pull_of(hub.thread(NAME, 3)).review_comments
    hub.resolve_conversation("olivia", NAME, remark.id)
    head = hub.push("wade", NAME, "topic", {"a.txt": "2\n"}, message="Two")
    hub.check(NAME, head, "ci", conclusion="failure")
    hub.add_status("wade", NAME, head, "ci/x", "success")
    hub.plan_checks(
        NAME,
        {"lint": ("failure", "success"), "slow": "in_progress", "wait": "waiting"},
    )
    head = hub.push("wade", NAME, "topic", {"a.txt": "3\n"}, message="Three")
    for name in ("slow", "wait"):
        hub.check(NAME, head, name, conclusion="neutral")
    hub.rerun_failed_jobs("wade", NAME, hub.repository(NAME).workflow_runs[-1].id)
    hub.plan_checks(NAME, {"lint": "success"}, needs_approval=True)
    hub.push("wade", NAME, "topic", {"a.txt": "4\n"}, message="Four")
    hub.approve_workflow("wade", NAME, hub.repository(NAME).workflow_runs[-1].id)
    hub.plan_checks(NAME, {})
    await queue_everything(hub)
    hub.push("wade", NAME, "other", {"b.txt": "1\n"}, message="B", base="main")
    hub.set_base("wade", NAME, 3, "other")
    hub.set_base("wade", NAME, 3, "main")
    hub.close("wade", NAME, 3)
    hub.reopen("wade", NAME, 3)
    hub.merge("olivia", NAME, 3)
    hub.set_ref("olivia", NAME, "refs/heads/topic", None)
    hub.set_role("acme", NAME, "sam", "write")
    hub.set_role("acme", NAME, "sam", "maintain")
    hub.set_role("acme", NAME, "sam", "none")
    hub.delete_issue("acme", NAME, 2)
    hub.create_repository("acme/other", files={"a": "b"})
    for title in ("Elsewhere", "Talk"):
        last = hub.open_issue("acme", NAME, title, labels=["bug"]).number
    hub.transfer_issue("acme", NAME, last - 1, "acme/other")
    hub.convert_to_discussion("acme", NAME, last)
    installation = next(iter(hub.state.installations.values()))
    hub.choose_repositories(installation, [NAME])
    hub.choose_repositories(installation, [NAME, "acme/other"])
    hub.rename_repository("acme", NAME, "gadgets")
    hub.archive_repository("acme", "acme/gadgets")
    hub.unarchive_repository("acme", "acme/gadgets")
    hub.remove_repositories(installation, "acme/other")
    hub.add_repositories(installation, "acme/other")
    hub.delete_repository("acme", "acme/other")
    hub.suspend_installation(installation)
    hub.unsuspend_installation(installation)
    hub.uninstall(installation)
    hub.install("acme")
    hub.install(hub.add_organization("globex").login)
    hub.transfer_repository("acme", "acme/gadgets", "globex")
    hub.transfer_repository("globex", "globex/gadgets", "wade")
    hub.install("wade")
    hub.transfer_repository("wade", "wade/gadgets", "acme")


async def queue_everything(hub: LocalHub) -> None:
    """Send all that a merge queue tells."""
    hub.repository(NAME).rules = [BranchRules(queue=QueueRule())]
    for name in ("q1", "q2"):
        hub.push("wade", NAME, name, {f"{name}.txt": "1"}, message=name, base="main")
        number = hub.open_pull_request("wade", NAME, name, head=name).number
        hub.enqueue("olivia", NAME, number)
    hub.dequeue("olivia", NAME, number)
    await hub.jobs.drain()
    hub.repository(NAME).rules = []


def test_the_graphql_schema_is_a_part_of_githubs():
    ours = graphql.build_schema(contracts.hub_graphql())
    theirs: dict[str, Any] = dict(contracts.graphql_schema().type_map)
    differences: list[str] = []
    for name, mine in ours.type_map.items():
        its = theirs.get(name)
        if its is None or type(its).__name__ != type(mine).__name__:
            differences.append(name)
        elif isinstance(mine, graphql.GraphQLEnumType):
            differences += [f"{name}.{v}" for v in mine.values if v not in its.values]
        elif isinstance(mine, graphql.GraphQLUnionType):
            names = {t.name for t in its.types}
            differences += [f"{name}|{t}" for t in mine.types if t.name not in names]
        elif hasattr(mine, "fields") and not name.startswith("__"):
            differences += field_differences(name, mine, its)
    assert differences == []


def field_differences(name: str, mine: Any, its: Any) -> list[str]:
    interfaces = {i.name for i in getattr(its, "interfaces", ())}
    found = [
        f"{name} implements {i}"
        for i in getattr(mine, "interfaces", ())
        if i.name not in interfaces
    ]
    for field_name, field in mine.fields.items():
        other = its.fields.get(field_name)
        if other is None or str(other.type) != str(field.type):
            found.append(f"{name}.{field_name}: {other and other.type}")
            continue
        arguments = getattr(other, "args", {})
        for key, argument in getattr(field, "args", {}).items():
            if key not in arguments or str(arguments[key].type) != str(argument.type):
                found.append(f"{name}.{field_name}({key})")
    return found


def test_what_is_newer_than_the_published_schema_is_not_in_it_yet():
    published = graphql.build_schema(
        contracts.published_graphql(), assume_valid_sdl=True
    )
    issue: Any = published.type_map["Issue"]
    assert "blockedBy" not in issue.fields


async def test_a_wrong_exchange_is_found(hub: LocalHub):
    async with client(hub) as github:
        hub.open_issue("olivia", NAME, "One")
        await github.get(f"{REPO}/issues/1")
        await github.send("POST", f"{REPO}/issues/1/comments", {"body": "x"})
        await github.graphql('{repository(owner:"acme",name:"widgets"){name}}')
    read, written, asked = hub.log

    def problems(exchange: Exchange, **changes: Any) -> list[str]:
        return contracts.exchange_problems(replace(exchange, **changes))

    assert problems(read) == problems(written) == problems(asked) == []
    assert problems(read, path="/repos/a/b/isues/1")
    assert problems(read, query={"perpage": "1"})
    assert problems(read, status=202)
    assert problems(read, response={**read.response, "number": "1"})
    assert problems(read, response={**read.response, "invented": 1})
    assert problems(read, response={"id": 1})
    assert problems(written, request={"text": "x"})
    assert problems(written, request={"body": "x", "colour": "red"})
    assert problems(asked, request={"query": "{repository{nam}}"})
    assert problems(asked, response={"data": {"repository": {"name": None}}})
    assert contracts.webhook_problems("issues", {"action": "opened", "issue": {}})
    assert contracts.webhook_problems("issues", {"action": "exploded"})


def test_the_app_key_is_made_once_a_process():
    assert app_key() is app_key()
