"""``/batch review`` with a command of the operator's: what it says is part of the review.

The command is ``worker.py``; the text of the pull request tells it what to do.
"""

import json
import sys
from typing import Any

import pytest

from bot.localhub.faults import Fault
from bot.localhub.pulls import pull_of
from bot.localhub.state import Thread
from tests.flow.test_review import comments, push, review, reviews, said
from tests.flow.world import REPOSITORY, WORKER, World

REVIEWER = [sys.executable, str(WORKER)]


def wrote(**review: Any) -> str:
    return f"review result.json {json.dumps(review)}"


def with_reviewer(on: World, command: Any = None, name: str = "review") -> None:
    on.settings_file["commands"][name] = command or [*REVIEWER]


def from_fork(on: World, number: int, body: str) -> Thread:
    """Open a pull request of somebody who may not write here."""
    on.hub.fork("rita", REPOSITORY)
    on.hub.push("rita", "rita/widgets", "work", {"a.py": "1\n"}, message="Work")
    with on._next_number(number):
        return on.hub.open_pull_request(
            "rita", REPOSITORY, "Work", head="rita:work", body=body
        )


async def test_what_a_command_says_is_one_review_with_what_is_certain(on: World):
    with_reviewer(on)
    remarks = [
        {"path": "app.py", "line": 2, "body": "Why? @ada", "suggestion": "log(os)"},
        {"path": "app.py", "start_line": 1, "line": 2, "body": "Both."},
        {"path": "README.md", "line": 1, "body": "Not in the diff."},
    ]
    on.pull_request(61, wrote(summary="Reads *well*.", comments=remarks))
    push(on, 61, {"app.py": "import os\nprint(os)\n"})
    async with on.bot():
        report = await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    text = said(posted)
    assert posted.state == "COMMENTED"
    assert text.startswith("**`review` has 3 remarks; 1 thing to know** at `")
    assert "Changes 1 file of code and no test" in text
    assert "`review` says:\n\nReads \\*well\\*.\n\n" in text
    assert "More of `review`:\n\n- Not in the diff. — `README.md:1`" in text
    shown = [(one.start_line, one.line, one.body) for one in comments(on, 61)]
    assert shown == [
        (None, 2, "Why? @\u2060ada\n\n```suggestion\nlog(os)\n```"),
        (1, 2, "Both."),
    ]
    assert f"#pullrequestreview-{posted.id}): 3 remarks" in report


async def test_the_command_finds_head_base_and_the_diff(on: World):
    with_reviewer(on)
    told = ("BATCH_HEAD", "BATCH_BASE", "BATCH_BASE_SHA", "BATCH_MERGE_BASE")
    more = ("BATCH_REPOSITORY", "GITHUB_TOKEN", "PRIVATE_KEY")
    tells = "\n".join(f"tell {name}" for name in (*told, *more))
    on.pull_request(61, f"cat topic61.txt\n{tells}\nexit 1")
    left = on.repository.git.refs()["refs/heads/main"]
    on.hub.push("ada", REPOSITORY, "main", {"later.txt": "1\n"}, message="Later")
    async with on.bot():
        report = await review(on, "/batch review 61")
    head = pull_of(on.thread(61)).head_sha
    main = on.repository.git.refs()["refs/heads/main"]
    for line in (
        "topic",
        f"BATCH_HEAD={head}",
        "BATCH_BASE=main",
        f"BATCH_BASE_SHA={main}",
        f"BATCH_MERGE_BASE={left}",
        f"BATCH_REPOSITORY={REPOSITORY}",
        "GITHUB_TOKEN=\nPRIVATE_KEY=\n",
    ):
        assert line in report
    assert reviews(on, 61) == []


async def test_what_is_printed_counts_where_no_file_is_written(on: World):
    with_reviewer(on)
    sarif = {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "lint"}},
                "results": [
                    {
                        "ruleId": "T1",
                        "message": {"text": "no topics"},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": "topic61.txt"},
                                    "region": {"startLine": 1},
                                }
                            }
                        ],
                    }
                ],
            }
        ],
    }
    on.pull_request(61, f"say {json.dumps(sarif)}")
    async with on.bot():
        await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    (comment,) = comments(on, 61)
    assert (comment.path, comment.line) == ("topic61.txt", 1)
    assert comment.body == "⚠️ **T1** no topics"
    assert " · lint · isolation: none" in said(posted)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "wrote neither `result.json` nor `result.sarif` into `BATCH_OUTPUT`, nor"),
        ("say All good!", "standard output is no review: line 1, column 1: no JSON"),
        ("review result.json", "`result.json` is no review: line 1, column 1: no JSON"),
        (
            'review result.json {"verdict": "LGTM"}',
            "no review: line 1: verdict: “LGTM” is no verdict; there is COMMENT, APPROVE",
        ),
        (
            wrote(comments=[{"path": "a", "line": "4", "body": "b"}]),
            "line 1: comments&#91;0&#93;.line: expected a whole number",
        ),
        ("say no config\nexit 2", "exit code 2: no config"),
        ("exit 127", "the command cannot be started"),
    ],
)
async def test_what_cannot_be_posted_is_named(on: World, body: str, says: str):
    with_reviewer(on)
    on.pull_request(61, body)
    async with on.bot():
        report = await review(on, "/batch review 61")
    assert says in report.replace("\\", "").replace("[", "&#91;").replace("]", "&#93;")
    assert reviews(on, 61) == []


async def test_a_command_may_ask_for_another_try(on: World):
    with_reviewer(on)
    on.pull_request(61, f"{wrote(summary='Fine.')}\nexit 75 once")
    async with on.bot():
        report = await review(on, "/batch review 61")
    assert "1 of 1 done" in report
    assert len(reviews(on, 61)) == 1


# --- verdicts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "allowed", "state"),
    [
        ("APPROVE", "[approve]", "APPROVED"),
        ("approve", "[request_changes]", "COMMENTED"),
        ("request_changes", "[approve, request_changes]", "CHANGES_REQUESTED"),
        ("request_changes", "[]", "COMMENTED"),
        ("comment", "[approve]", "COMMENTED"),
    ],
)
async def test_a_verdict_counts_where_the_repository_lets_it(
    on: World, verdict: str, allowed: str, state: str
):
    with_reviewer(on)
    on.configure(f"review: {{verdicts: {allowed}}}")
    on.pull_request(61, wrote(verdict=verdict))
    async with on.bot():
        await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    assert posted.state == state
    is_untold = state == "COMMENTED" and verdict != "comment"
    assert ("that counts only where `verdicts` of" in said(posted)) == is_untold


async def test_the_bot_judges_no_pull_request_of_its_own(on: World):
    with_reviewer(on)
    on.configure("review: {verdicts: [approve]}")
    on.issue(12, "write a.txt 1")
    async with on.bot():
        await on.finished(on.say("/batch 12"))
        thread = on.pull_requests()[12]
        on.hub.edit_thread(
            "ada", REPOSITORY, thread.number, body=wrote(verdict="approve")
        )
        on.later(minutes=2)
        await review(on, f"/batch review {thread.number}")
        (posted,) = reviews(on, thread.number)
    assert posted.state == "COMMENTED"
    assert "GitHub lets nobody do that on a pull request of their own." in said(posted)


async def test_a_verdict_that_github_refuses_is_told(on: World):
    with_reviewer(on)
    on.configure("review: {verdicts: [approve]}")
    on.pull_request(61, wrote(verdict="approve", summary="Fine."))
    on.hub.faults.add(
        Fault(method="POST", path="/reviews$", status=422, message="Not by apps")
    )
    async with on.bot():
        report = await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    assert posted.state == "COMMENTED"
    assert "GitHub took no verdict: " in report


# --- whose command, on what --------------------------------------------------------------


async def test_nothing_is_run_on_a_fork_unless_the_operator_allows_it(on: World):
    with_reviewer(on)
    from_fork(on, 61, wrote(summary="From a fork."))
    async with on.bot():
        plan = on.say("/batch plan review 61")
        await on.until(lambda: on.comments("plan") or on.comments("reply"))
        assert "#61 comes from a fork: the command `review` is not run on it" in (
            on.thread(40).comments[-1].body
        ), plan
        await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    assert "From a fork." not in posted.body
    assert "The command `review` was not run: this comes from a fork" in said(posted)


async def test_the_operator_may_let_a_command_run_on_forks(on: World):
    with_reviewer(on, {"run": REVIEWER, "forks": True})
    from_fork(on, 61, f"{wrote(summary='From a fork.')}\ncat a.py")
    async with on.bot():
        await review(on, "/batch review 61")
        (posted,) = reviews(on, 61)
    assert "From a fork." in said(posted)


async def test_a_name_of_the_repository_reviews_with_a_command_of_its_own(on: World):
    with_reviewer(on)
    with_reviewer(on, name="linter")
    on.configure(
        "actions:\n  security: {uses: review}\n  lint: {uses: review, command: linter}"
    )
    on.pull_request(61, wrote(summary="Once."))
    async with on.bot():
        await review(on, "/batch review 61")
        on.later(minutes=2)
        assert "reviewed before" in await review(on, "/batch security 61")
        on.later(minutes=2)
        await review(on, "/batch lint 61")
        first, second = reviews(on, 61)
        push(on, 61, {"app.py": "1\n"})
        on.later(minutes=2)
        await review(on, "/batch lint 61")
        third = reviews(on, 61)[-1]
    assert said(first).startswith("**`review` has no remark** at `")
    assert said(second).startswith("**`linter` has no remark** at `")
    # Only what the same command said of another head is over.
    assert (first.minimized_as, second.minimized_as) == ("", "outdated")
    assert third.minimized_as == ""


async def test_what_the_batch_opens_is_looked_at_too(on: World):
    with_reviewer(on)
    on.issue(12, f"write a.txt 1\n{wrote(summary='Fine.')}")
    async with on.bot():
        report = await review(on, "/batch 12 review:12")
        thread = on.pull_requests()[12]
        (posted,) = reviews(on, thread.number)
    assert "2 of 2 done" in report
    assert posted.commit_id == pull_of(thread).head_sha
    assert "`review` says:\n\nFine." in said(posted)


async def test_the_command_is_told_of_what_the_batch_opened_not_only_of_its_issue(
    on: World,
):
    with_reviewer(on)
    keys = ("kind", "number", "title", "author", "base", "head", "head_sha", "labels")
    known = "\n".join(f"known {key}" for key in keys)
    on.issue(12, f"write a.txt 1\n{known}\nexit 3")
    on.settings_file["commands"]["implement"] = [
        *(sys.executable, "-c", "open('a.txt', 'w').write('1')")
    ]
    async with on.bot():
        await on.finished(on.say("/batch 12 review:12"))
        report = on.said("report")
        thread = on.pull_requests()[12]
    pull = pull_of(thread)
    for key, value in {
        "kind": "pull_request",
        "number": thread.number,
        "title": thread.title,
        "author": "batch-bot[bot]",
        "base": "main",
        "head": pull.head_ref,
        "head_sha": pull.head_sha,
    }.items():
        assert f"{key}: {json.dumps(value)}" in report, (key, report)


async def test_a_push_while_the_command_looks_ends_the_item(on: World):
    with_reviewer(on)
    on.pull_request(61, f"hang\n{wrote(summary='Late.')}")
    async with on.bot():
        command = on.say("/batch review 61")
        await on.until(lambda: on.rows("SELECT 1 FROM events WHERE kind='ItemStarted'"))
        push(on, 61, {"app.py": "1\n"})
        await on.finished(command)
    assert "head moved" in on.said("report")
    assert reviews(on, 61) == []


async def test_what_would_be_run_is_said_before(on: World):
    with_reviewer(on)
    on.pull_request(61, wrote(summary="Fine."))
    async with on.bot():
        on.say("/batch plan review 61")
        await on.until(lambda: len(on.thread(40).comments) == 2)
        assert (
            "**Commands** that run: `review` for 1 item."
            in on.thread(40).comments[-1].body
        )
        on.say("/batch help review")
        await on.until(lambda: len(on.thread(40).comments) == 4)
        assert "what the command `review` says" in on.thread(40).comments[-1].body
