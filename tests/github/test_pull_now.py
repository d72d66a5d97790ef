"""A pull request as it is now: asked in GitHub's own schema, read as values."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import graphql
import pytest

from bot.core.model import ItemNumber
from bot.core.world.pulls import (
    BaseRules,
    HeadCommit,
    MergeMethod,
    MergeState,
    PullRequest,
    PullRequestNow,
    QueueEntry,
    ReviewDecision,
    is_own_update,
)
from bot.core.world.questions import CheckState, PullState
from tests import contracts
from tests.github.server import APP, REPOSITORY, Bench, Reply, Seen

pytestmark = pytest.mark.skipif(contracts.folder() is None, reason=contracts.ADVICE)

RULES = "GET /repos/octo/app/rules/branches/main"
HEAD, TIP = "a" * 40, "b" * 40


def nodes(*found: Any, more: str = "") -> dict[str, Any]:
    page = {
        "hasNextPage": bool(more),
        "endCursor": more,
        "hasPreviousPage": False,
        "startCursor": None,
    }
    return {"nodes": list(found), "pageInfo": page}


def run(name: str, conclusion: str | None, **more: Any) -> dict[str, Any]:
    app = {"databaseId": more.pop("app", 15368), "slug": more.pop("slug", "")}
    suite = {"app": app, "workflowRun": more.pop("run", None)}
    return {
        "__typename": "CheckRun",
        "name": name,
        "databaseId": 900,
        "status": "COMPLETED" if conclusion else "IN_PROGRESS",
        "conclusion": conclusion,
        "detailsUrl": f"https://ci/{name}",
        "isRequired": False,
        "checkSuite": suite,
        **more,
    }


def commit(*contexts: Any, more: str = "", **facts: Any) -> dict[str, Any]:
    return {
        "commit": {
            "oid": HEAD,
            "author": {"email": "ada@example.com"},
            "signature": None,
            "parents": nodes({"oid": "c" * 40}),
            "checkSuites": nodes(),
            "statusCheckRollup": {"contexts": nodes(*contexts, more=more)},
            **facts,
        }
    }


def pull(*commits: Any, **facts: Any) -> dict[str, Any]:
    base = {"target": {"__typename": "Commit", "oid": TIP}, "refUpdateRule": None}
    return {
        "number": 32,
        "url": "https://github.com/octo/app/pull/32",
        "id": "PR_32",
        "state": "OPEN",
        "isDraft": False,
        "headRefOid": HEAD,
        "headRefName": "topic",
        "baseRefName": "main",
        "baseRefOid": "d" * 40,
        "baseRef": base,
        "isCrossRepository": False,
        "maintainerCanModify": False,
        "mergeable": "MERGEABLE",
        "mergeStateStatus": "CLEAN",
        "viewerCanMergeAsAdmin": False,
        "isMergeQueueEnabled": False,
        "latestOpinionatedReviews": nodes(),
        "reviewThreads": nodes(),
        "timelineItems": nodes(),
        "commits": nodes(*(commits or (commit(),))),
        **facts,
    }


def served(
    desk: Bench,
    *pulls: Any,
    rules: Any = (),
    lacks: Callable[[str], str] = lambda _: "",
    **repository: Any,
) -> list[Seen]:
    """Answer in GitHub's own schema; each query gets the next of the pull requests, or
    hears what the server lacks.
    """
    asked: list[Seen] = []
    answers = list(pulls)

    def answer(seen: Seen) -> Reply:
        asked.append(seen)
        if said := lacks(seen.data["query"]):
            code = {"code": "undefinedField"}
            return Reply({"errors": [{"message": said, "extensions": code}]})
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        root = {
            "nameWithOwner": "octo/app",
            "defaultBranchRef": {"name": "main"},
            "mergeCommitAllowed": True,
            "squashMergeAllowed": True,
            "rebaseMergeAllowed": False,
            "viewerDefaultMergeMethod": "SQUASH",
            "pullRequest": found,
            "pullRequests": nodes(),
            **repository,
        }
        schema, document = contracts.graphql_schema(), seen.data["query"]
        assert graphql.validate(schema, graphql.parse(document)) == []
        result = graphql.execute_sync(
            schema,
            graphql.parse(document),
            {"repository": root},
            variable_values=seen.data["variables"],
        )
        assert not result.errors, result.errors
        return Reply({"data": result.data})

    desk.github.on("POST /graphql", answer)
    desk.github.on(RULES, Reply(list(rules)))
    return asked


async def look(desk: Bench, **question: Any) -> PullRequest:
    asked = PullRequestNow(REPOSITORY, ItemNumber(32), **question)
    found: PullRequest = (await desk.reader.ask([asked]))[asked]
    return found


async def test_all_that_decides_a_merge_is_one_query(desk: Bench):
    asked = served(desk, pull())
    found = await look(desk)
    assert len(asked) == 1
    assert found.state is PullState.OPEN
    assert (found.head_sha, found.base_sha) == (HEAD, TIP)
    assert found.merge_state is MergeState.CLEAN
    assert found.review is ReviewDecision.NONE
    assert found.methods == (MergeMethod.SQUASH, MergeMethod.MERGE)
    assert found.commits == (HeadCommit(HEAD, ("c" * 40,)),)
    assert found.rules == BaseRules()
    assert not found.may_bypass
    assert found.may_be_pushed_to


async def test_checks_say_what_is_required_and_which_job_of_actions_they_are(
    desk: Bench,
):
    required = run(
        "lint",
        "FAILURE",
        isRequired=True,
        slug="github-actions",
        run={"databaseId": 55, "url": "u", "workflow": None},
    )
    status = {
        "__typename": "StatusContext",
        "context": "ci/x",
        "state": "PENDING",
        "targetUrl": None,
        "isRequired": False,
    }
    own = run("batch", "SUCCESS", app=APP.id)
    served(
        desk,
        pull(commit(required, own, more="X")),
        pull(commit(status)),
    )
    lint, other = (await look(desk)).checks
    assert (lint.name, lint.state, lint.is_required) == (
        "lint",
        CheckState.FAILED,
        True,
    )
    assert (lint.run_id, lint.job_id) == (55, 900)
    assert (other.name, other.state, other.run_id) == ("ci/x", CheckState.PENDING, 0)


async def test_a_workflow_that_waits_for_approval_has_a_suite_and_no_check(
    desk: Bench,
):
    waits = {"url": "https://run", "workflow": {"name": "CI"}}
    suites = nodes(
        {"conclusion": "ACTION_REQUIRED", "workflowRun": waits},
        {"conclusion": None, "workflowRun": None},
    )
    served(desk, pull(commit(checkSuites=suites)))
    (found,) = (await look(desk)).unapproved
    assert (found.name, found.url, found.says) == (
        "CI",
        "https://run",
        "action_required",
    )


@pytest.mark.parametrize(
    ("address", "is_valid", "by_github", "is_own"),
    [
        (f"7+{APP.login}@users.noreply.github.com", True, True, True),
        (f"7+{APP.login}@users.noreply.ghe.example", True, True, True),
        # Whoever pushes writes any name and address, and signs with a key of their own.
        (f"7+{APP.login}@users.noreply.github.com", True, False, False),
        (f"7+{APP.login}@users.noreply.github.com", False, True, False),
        # What GitHub makes for people it signs as well, whatever they call themselves.
        ("8+batch-bot@users.noreply.github.com", True, True, False),
        (f"{APP.login}@example.com", True, True, False),
    ],
)
async def test_a_merge_by_github_for_the_app_is_told_from_what_others_made(
    desk: Bench, address: str, is_valid: bool, by_github: bool, is_own: bool
):
    signature = {
        "__typename": "GpgSignature",
        "isValid": is_valid,
        "wasSignedByGitHub": by_github,
    }
    made: dict[str, Any] = {
        "author": {"email": address},
        "parents": nodes({"oid": HEAD}, {"oid": TIP}),
    }
    served(
        desk, pull(commit(**made), commit(oid="f" * 40, signature=signature, **made))
    )
    assert [one.by_app for one in (await look(desk)).commits] == [False, is_own]


async def test_own_updates_are_followed_back_however_many_there_are(desk: Bench):
    shas = [f"{n:040x}" for n in range(1, 24)]
    login = APP.login
    made = [
        commit(
            oid=sha,
            author={"email": f"4242+{login}@users.noreply.github.com"},
            signature={
                "__typename": "GpgSignature",
                "isValid": True,
                "wasSignedByGitHub": True,
            },
            parents=nodes({"oid": before}, {"oid": TIP}),
        )
        for before, sha in pairwise(shas)
    ]
    first = commit(oid=shas[0])

    def page(start: int, end: int) -> dict[str, Any]:
        found = nodes(*[first, *made][start:end])
        found["pageInfo"] = {"hasPreviousPage": start > 0, "startCursor": str(start)}
        return found

    pages = [page(13, 23), page(3, 13), page(0, 3)]
    asked = served(
        desk,
        *(
            pull(headRefOid=shas[-1], commits=one, heads=nodes(commit()))
            for one in pages
        ),
    )
    found = await look(desk)
    assert [one.sha for one in found.commits] == shas
    assert is_own_update(found, shas[0])
    assert [one.data["variables"]["b0"] for one in asked] == [None, "13", "3"]


async def test_what_is_read_of_a_head_that_moves_meanwhile_counts_for_nothing(
    desk: Bench,
):
    passed, failed = run("ci", "SUCCESS"), run("ci", "FAILURE")
    served(
        desk,
        pull(commit(passed, more="X")),
        pull(commit(failed), headRefOid="e" * 40),
        pull(commit(failed), headRefOid="e" * 40),
    )
    found = await look(desk)
    assert found.head_sha == "e" * 40
    assert [check.state for check in found.checks] == [CheckState.FAILED]


@pytest.mark.parametrize(
    ("lacking", "wording", "gone"),
    [
        (
            "mergeStateStatus",
            "Field 'mergeStateStatus' doesn't exist on type 'PullRequest'"
            " (Did you mean `reviewDecision`?)",
            {"mergeStateStatus"},
        ),
        (
            "mergeQueueEntry",
            "Field 'mergeQueueEntry' doesn't exist on type 'PullRequest'",
            {"mergeQueueEntry", "isMergeQueueEnabled", "timelineItems"},
        ),
        (
            "MergeQueueEvent",
            "No such type RemovedFromMergeQueueEvent, so it can't be a fragment"
            " condition",
            {"mergeQueueEntry", "isMergeQueueEnabled", "timelineItems"},
        ),
        (
            "isRequired",
            "Field 'isRequired' doesn't exist on type 'CheckRun'",
            {"isRequired"},
        ),
        (
            "refUpdateRule",
            "Field 'refUpdateRule' doesn't exist on type 'Ref'",
            {"refUpdateRule"},
        ),
    ],
)
async def test_an_older_server_is_asked_once_for_what_it_lacks(
    desk: Bench, lacking: str, wording: str, gone: set[str]
):
    asked = served(desk, pull(), lacks=lambda q: wording if lacking in q else "")
    reader, question = desk.reader, PullRequestNow(REPOSITORY, ItemNumber(32))
    for _ in range(2):
        found: PullRequest = (await reader.ask([question]))[question]
        assert found.head_sha == HEAD
        assert found.review is ReviewDecision.NONE
        is_untold = lacking == "mergeStateStatus"
        state = MergeState.UNTOLD if is_untold else MergeState.CLEAN
        assert found.merge_state is state
    assert len(asked) == 3
    assert not any(name in asked[1].data["query"] for name in gone)
    assert "reviewDecision" in asked[1].data["query"]
    assert reader.lacks(REPOSITORY)


async def test_what_rulesets_and_protection_demand_adds_up(desk: Bench):
    protection = {
        "requiredStatusCheckContexts": ["lint"],
        "requiredApprovingReviewCount": 1,
        "requiresCodeOwnerReviews": False,
        "requiresConversationResolution": False,
    }
    base = {
        "target": {"__typename": "Commit", "oid": TIP},
        "refUpdateRule": protection,
    }
    checks = {
        "required_status_checks": [{"context": "build"}],
        "strict_required_status_checks_policy": True,
    }
    reviews = {
        "allowed_merge_methods": ["squash", "merge"],
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": True,
        "require_last_push_approval": False,
        "required_approving_review_count": 2,
        "required_review_thread_resolution": True,
    }
    rules = [
        {"type": "required_status_checks", "parameters": checks},
        {"type": "pull_request", "parameters": reviews},
        {"type": "merge_queue", "parameters": {}},
        {"type": "required_linear_history"},
        {"type": "of_another_year", "parameters": {}},
    ]
    served(desk, pull(baseRef=base), rules=rules)
    assert (await look(desk)).rules == BaseRules(
        checks=("lint", "build"),
        is_strict=True,
        approvals=2,
        wants_code_owners=True,
        wants_conversations_resolved=True,
        has_queue=True,
        methods=(MergeMethod.SQUASH,),
    )


async def test_rules_are_asked_for_once_in_some_minutes(desk: Bench):
    served(desk, pull())
    reader = desk.reader
    asked = PullRequestNow(REPOSITORY, ItemNumber(32))
    for _ in range(3):
        await reader.ask([asked])
    assert desk.github.calls.count(RULES) == 1


async def test_the_queue_and_why_it_threw_a_pull_request_out(desk: Bench):
    own = {"__typename": "Bot", "login": "batch-bot"}
    queued = pull(
        isMergeQueueEnabled=True,
        mergeQueueEntry={
            "position": 3,
            "state": "QUEUED",
            "enqueuedAt": "2026-03-03T09:00:00Z",
            "enqueuer": own,
        },
    )
    left = {
        "__typename": "RemovedFromMergeQueueEvent",
        "createdAt": "2026-03-03T10:00:00Z",
        "reason": "failing checks",
        "actor": own,
    }
    added = {"__typename": "AddedToMergeQueueEvent"}
    served(desk, queued, pull(timelineItems=nodes(added, left)))
    assert (await look(desk)).queue == QueueEntry(
        3, "queued", datetime(2026, 3, 3, 9, tzinfo=UTC), by_app=True
    )
    found = await look(desk)
    assert found.queue is None
    assert found.left_queue_because == "failing checks"


async def test_a_merged_one_says_by_whom_and_into_which_commit(desk: Bench):
    merged = {"state": "MERGED", "mergeCommit": {"oid": TIP}}
    slug = APP.login.removesuffix("[bot]")
    bot = {"__typename": "Bot", "login": slug}
    person = {"__typename": "User", "login": slug}
    served(desk, pull(**merged, mergedBy=bot), pull(**merged, mergedBy=person))
    found = await look(desk)
    assert (found.state, found.merged_sha) == (PullState.MERGED, TIP)
    assert found.is_merged_by_app
    assert not (await look(desk)).is_merged_by_app


async def test_a_base_that_was_merged_says_into_what(desk: Bench):
    below = nodes(
        {"baseRefName": "patches", "isCrossRepository": True},
        {"baseRefName": "main", "isCrossRepository": False},
    )
    asked = served(desk, pull(baseRefName="topic-31"), pullRequests=below)
    desk.github.on("GET /repos/octo/app/rules/branches/topic-31", Reply([]))
    assert (await look(desk, stacked_on="topic-31")).merged_below == "main"
    assert "topic-31" in asked[0].data["variables"].values()


@pytest.mark.parametrize("word", ["DRAFT", "UNKNOWN"])
async def test_a_state_that_decides_nothing_is_unknown(desk: Bench, word: str):
    served(desk, pull(mergeStateStatus=word, isDraft=word == "DRAFT"))
    assert (await look(desk)).merge_state is MergeState.UNKNOWN
