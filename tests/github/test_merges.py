"""Merging, updating, queueing and running again, and what GitHub refuses."""

from datetime import UTC, datetime

import graphql
import pytest
from aiohttp import web

from bot.core.effects import (
    DequeuePullRequest,
    EnqueuePullRequest,
    MergePullRequest,
    Receipt,
    RerunFailedJobs,
    UpdateBranch,
)
from bot.core.model import ItemNumber
from bot.core.say.problems.github import AwaitedGone
from bot.core.world.job_logs import JobLogOf
from bot.core.world.merge_refusals import refusal
from bot.errors import Refused, TransientError
from bot.github import merges
from tests import contracts
from tests.github.server import REPOSITORY, Bench, Reply

NUMBER = ItemNumber(32)
HEAD, MERGED = "a" * 40, "d" * 40
SINCE = datetime(2026, 3, 3, tzinfo=UTC)
PULL = "GET /repos/octo/app/pulls/32"
MERGE_ROUTE = "PUT /repos/octo/app/pulls/32/merge"
UPDATE_ROUTE = "PUT /repos/octo/app/pulls/32/update-branch"
RUN = "/repos/octo/app/actions/runs/5"
LOGS = "GET /repos/octo/app/actions/jobs/90/logs"
MERGE = MergePullRequest(REPOSITORY, NUMBER, HEAD, "squash")
UPDATE = UpdateBranch(REPOSITORY, NUMBER, HEAD)
REBASE = UpdateBranch(REPOSITORY, NUMBER, HEAD, "PR_32")
ENQUEUE = EnqueuePullRequest(REPOSITORY, NUMBER, "PR_32", HEAD)
RERUN = RerunFailedJobs(REPOSITORY, 5, 90)


async def test_a_merge_names_its_head_and_method_and_brings_the_commit(desk: Bench):
    answer = {"sha": MERGED, "merged": True, "message": "merged"}
    desk.github.on(MERGE_ROUTE, Reply(answer))
    assert await desk.effects.do(MERGE) == Receipt(id=32, sha=MERGED)
    sent = desk.github.seen[-1].data
    assert sent == {"sha": HEAD, "merge_method": "squash"}


async def test_what_may_not_go_any_more_is_not_sent_once_its_turn_has_come(desk: Bench):
    limited = Reply({"message": "slow down"}, 429, headers={"retry-after": "5"})
    desk.github.on(MERGE_ROUTE, limited, Reply({"sha": MERGED}))
    looks: list[int] = []

    async def last_look() -> None:
        looks.append(len(desk.github.seen))
        if len(looks) == 2:
            raise TransientError(AwaitedGone())

    with pytest.raises(TransientError):
        await desk.effects.do(MERGE, last_look=last_look)
    sent = [
        seen
        for seen in desk.github.seen
        if seen.data == {"sha": HEAD, "merge_method": "squash"}
    ]
    assert len(sent) == 1
    assert len(looks) == 2
    # What is written after that is nobody's business.
    assert (await desk.effects.do(MERGE)).sha == MERGED


@pytest.mark.parametrize("status", [405, 409, 422])
async def test_a_verdict_on_the_pull_request_is_a_receipt_with_its_words(
    desk: Bench, status: int
):
    desk.github.on(MERGE_ROUTE, Reply({"message": "not mergeable"}, status))
    receipt = await desk.effects.do(MERGE)
    assert (receipt.changed, receipt.note) == (False, "not mergeable")


async def test_what_the_app_may_not_do_at_all_is_raised(desk: Bench):
    said = {"message": "Resource not accessible by integration"}
    desk.github.on(MERGE_ROUTE, Reply(said, 403))
    desk.github.on(UPDATE_ROUTE, Reply(said, 403))
    for intent in (MERGE, UPDATE):
        with pytest.raises(Refused, match="not accessible"):
            await desk.effects.do(intent)


@pytest.mark.parametrize(
    ("merged_at", "head", "is_found"),
    [
        ("2026-03-03T10:00:00Z", HEAD, True),
        ("2026-03-03T10:00:00Z", "f" * 40, False),
        (None, HEAD, False),
    ],
)
async def test_a_merge_without_an_answer_is_found_at_its_head_alone(
    desk: Bench, merged_at, head, is_found
):
    pull = {
        "merged_at": merged_at,
        "head": {"sha": head},
        "merge_commit_sha": MERGED,
        "html_url": "https://github.com/octo/app/pull/32",
    }
    desk.github.on(PULL, Reply(pull))
    found = await desk.effects.find(MERGE, since=SINCE)
    assert (found is not None and found.sha == MERGED) is is_found


@pytest.mark.parametrize(
    ("status", "said", "receipt"),
    [
        (202, "Updating pull request branch.", Receipt(id=32, sha=HEAD)),
        (
            422,
            "There are no new commits on the base branch.",
            Receipt(id=32, changed=False),
        ),
        (
            422,
            "expected head sha didn\u2019t match current head ref.",
            Receipt(id=32, changed=False),
        ),
        (
            422,
            "merge conflict between base and head",
            Receipt(id=32, changed=False, note="merge conflict between base and head"),
        ),
        (
            403,
            "refusing to allow a GitHub App to create or update workflow `x`",
            Receipt(
                id=32,
                changed=False,
                note="refusing to allow a GitHub App to create or update workflow `x`",
            ),
        ),
    ],
)
async def test_an_update_says_whether_it_is_on_its_way(
    desk: Bench, status: int, said: str, receipt: Receipt
):
    desk.github.on(UPDATE_ROUTE, Reply({"message": said, "url": "u"}, status))
    assert await desk.effects.do(UPDATE) == receipt
    assert desk.github.seen[-1].data == {"expected_head_sha": HEAD}


@pytest.mark.parametrize(
    ("answer", "changed", "note"),
    [
        ({"data": {"enqueuePullRequest": {"mergeQueueEntry": {}}}}, True, ""),
        (
            {
                "data": {"enqueuePullRequest": None},
                "errors": [
                    {
                        "type": "UNPROCESSABLE",
                        "message": "Pull request is already in the queue",
                    }
                ],
            },
            True,
            "",
        ),
        (
            {
                "data": {"enqueuePullRequest": None},
                "errors": [{"type": "UNPROCESSABLE", "message": "is a draft"}],
            },
            False,
            "is a draft",
        ),
    ],
)
async def test_the_queue_takes_the_expected_head(desk: Bench, answer, changed, note):
    desk.github.on("POST /graphql", Reply(answer))
    receipt = await desk.effects.do(ENQUEUE)
    assert (receipt.changed, note in receipt.note) == (changed, True)
    assert desk.github.seen[-1].data["variables"] == {"id": "PR_32", "head": HEAD}


async def test_a_rebase_names_the_expected_head_and_its_refusal_is_a_receipt(
    desk: Bench,
):
    done = {"data": {"updatePullRequestBranch": {"pullRequest": {"headRefOid": HEAD}}}}
    conflict = {
        "data": {"updatePullRequestBranch": None},
        "errors": [
            {
                "type": "UNPROCESSABLE",
                "path": ["updatePullRequestBranch"],
                "message": "rebase conflict between base and head",
            }
        ],
    }
    moved = {
        "data": {"updatePullRequestBranch": None},
        "errors": [
            {
                "type": "UNPROCESSABLE",
                "message": "expected head sha didn't match current head ref.",
            }
        ],
    }
    older = {
        "errors": [
            {
                "message": "InputObject 'UpdatePullRequestBranchInput' doesn't accept"
                " argument 'updateMethod'",
                "extensions": {"code": "argumentNotAccepted"},
            }
        ]
    }
    answers = map(Reply, (done, conflict, moved, older))
    desk.github.on("POST /graphql", *answers)
    assert await desk.effects.do(REBASE) == Receipt(id=32, sha=HEAD)
    assert desk.github.seen[-1].data["variables"] == {"id": "PR_32", "head": HEAD}
    receipt = await desk.effects.do(REBASE)
    assert (receipt.changed, "rebase conflict" in receipt.note) == (False, True)
    assert await desk.effects.do(REBASE) == Receipt(id=32, changed=False)
    lacking = await desk.effects.do(REBASE)
    assert refusal(lacking.note).words == "this GitHub server cannot rebase a branch"


async def test_what_is_in_the_queue_is_found_and_can_be_taken_out(desk: Bench):
    pull = {"headRefOid": HEAD, "isInMergeQueue": True}
    there = Reply({"data": {"repository": {"pullRequest": pull}}})
    out = Reply({"data": {"dequeuePullRequest": {"mergeQueueEntry": None}}})
    desk.github.on("POST /graphql", there, there, out)
    found = await desk.effects.find(ENQUEUE, since=SINCE)
    assert found == Receipt(id=32, sha=HEAD)
    leave = DequeuePullRequest(REPOSITORY, NUMBER, "PR_32")
    assert (await desk.effects.do(leave)).changed


async def test_failed_jobs_are_run_again_once(desk: Bench):
    desk.github.on(f"POST {RUN}/rerun-failed-jobs", Reply({}, 201))
    assert await desk.effects.do(RERUN) == Receipt(id=90)
    before, after = ({"jobs": [{"id": 80}, {"id": one}]} for one in (90, 95))
    desk.github.on(f"GET {RUN}/jobs", Reply(before), Reply(after))
    assert await desk.effects.find(RERUN, since=SINCE) is None
    assert await desk.effects.find(RERUN, since=SINCE) == Receipt(id=90)


async def test_a_rerun_that_is_not_granted_is_noted(desk: Bench):
    said = {"message": "Resource not accessible by integration"}
    desk.github.on(f"POST {RUN}/rerun-failed-jobs", Reply(said, 403))
    receipt = await desk.effects.do(RERUN)
    assert (receipt.changed, bool(receipt.note)) == (False, True)


# --- logs ------------------------------------------------------------------------------


async def test_a_log_is_fetched_from_where_it_is_kept_without_credentials(
    desk: Bench, aiohttp_server
):
    shown: list[dict[str, str]] = []

    async def kept(request: web.Request) -> web.Response:
        shown.append({name.lower(): v for name, v in request.headers.items()})
        return web.Response(text="one\nghp_" + "a" * 36 + "\n##[error]it failed\n")

    elsewhere = web.Application()
    elsewhere.router.add_get("/blob", kept)
    server = await aiohttp_server(elsewhere)
    location = {"location": str(server.make_url("/blob?sig=x"))}
    desk.github.on(LOGS, Reply({}, 302, headers=location))
    asked = JobLogOf(REPOSITORY, 90)
    lines = (await desk.reader.ask([asked]))[asked]
    assert lines[0] == "one"
    assert "ghp_" not in "".join(lines)
    assert "authorization" not in shown[0]


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_log_that_cannot_be_had_has_no_lines(desk: Bench, status: int):
    desk.github.on(LOGS, Reply({"message": "no"}, status))
    asked = JobLogOf(REPOSITORY, 90)
    assert (await desk.reader.ask([asked])) == {asked: ()}


@pytest.mark.skipif(contracts.folder() is None, reason=contracts.ADVICE)
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("put", "/pulls/{pull_number}/merge", {"sha", "merge_method"}),
        ("put", "/pulls/{pull_number}/update-branch", {"expected_head_sha"}),
        ("post", "/actions/runs/{run_id}/rerun-failed-jobs", set()),
        ("get", "/actions/jobs/{job_id}/logs", set()),
    ],
)
def test_what_is_sent_is_in_githubs_description(method, path, body):
    operation = contracts.openapi()["paths"][f"/repos/{{owner}}/{{repo}}{path}"][method]
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    assert body <= set(schema.get("properties", {}))


@pytest.mark.skipif(contracts.folder() is None, reason=contracts.ADVICE)
def test_mutations_fit_githubs_schema():
    for document in (
        merges.ENQUEUE,
        merges.DEQUEUE,
        merges.QUEUED,
        merges.REBASE,
    ):
        parsed = graphql.parse(document)
        assert graphql.validate(contracts.graphql_schema(), parsed) == []
