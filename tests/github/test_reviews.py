"""Reviews posted and found again; what they go by, in GitHub's own schema."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import graphql
import pytest

from bot.core.effects import CreateReview, HideReviews, LineComment, Receipt
from bot.core.model import ItemNumber
from bot.core.review.facts import (
    Annotation,
    ChangedFile,
    EarlierReview,
    ReviewFacts,
    ReviewFactsOf,
)
from bot.errors import Refused, Uncertain
from tests import contracts
from tests.github.server import REPOSITORY, Bench, Reply
from tests.github.test_pull_now import HEAD, TIP, nodes, pull, run, served

pytestmark = pytest.mark.skipif(contracts.folder() is None, reason=contracts.ADVICE)

NUMBER = ItemNumber(32)
SINCE = datetime(2026, 3, 3, tzinfo=UTC)
ROUTE = "/repos/octo/app/pulls/32/reviews"
FILES = "GET /repos/octo/app/pulls/32/files"
MARK = "<!-- batch-bot:review b7k2-32 abc -->"
REVIEW = CreateReview(
    REPOSITORY,
    NUMBER,
    HEAD,
    MARK,
    f"{MARK}\nLook",
    (LineComment("a.py", 2, "No."),),
    f"{MARK}\nAll",
)


def posted(**facts: Any) -> dict[str, Any]:
    return {
        "id": 900,
        "html_url": "https://x/900",
        "commit_id": HEAD,
        "body": f"{MARK}\r\nLook",
        "user": {"login": "batch-bot[bot]"},
        **facts,
    }


def own(name: str, **facts: Any) -> dict[str, Any]:
    return {
        "__typename": "PullRequestReview",
        "id": name,
        "url": f"https://x/{name}",
        "body": f"{MARK}\nLook",
        "isMinimized": False,
        "state": "COMMENTED",
        "author": {"__typename": "Bot", "login": "batch-bot"},
        "commit": {"oid": HEAD},
        **facts,
    }


def thread(name: str, of: str, *, is_resolved: bool = False) -> dict[str, Any]:
    comments = nodes({"pullRequestReview": {"id": of}})
    return {"id": name, "isResolved": is_resolved, "comments": comments}


def file(path: str, ref: str = HEAD, **facts: Any) -> dict[str, Any]:
    return {
        "filename": path,
        "status": "modified",
        "additions": 1,
        "deletions": 0,
        "sha": "f" * 40,
        "contents_url": f"https://api/contents/{path}?ref={ref}",
        **facts,
    }


def known(**facts: Any) -> dict[str, Any]:
    size = {"changedFiles": 1, "additions": 1, "deletions": 0}
    words = {"title": "Add a", "body": "", "updatedAt": "2026-03-03T12:00:00Z"}
    told = {**words, "milestone": None, "labels": nodes(), "assignees": nodes()}
    facts = {"mergeable": "MERGEABLE", "reviews": nodes(), **size, **told, **facts}
    return pull(**facts)


async def look(desk: Bench) -> ReviewFacts:
    asked = ReviewFactsOf(REPOSITORY, NUMBER)
    found: ReviewFacts = (await desk.reader.ask([asked]))[asked]
    return found


# --- posted ----------------------------------------------------------------------------


async def test_a_review_names_its_commit_and_takes_no_side(desk: Bench):
    desk.github.on(f"POST {ROUTE}", Reply(posted()))
    receipt = await desk.effects.do(REVIEW)
    assert receipt == Receipt(id=900, url="https://x/900", sha=HEAD)
    assert desk.github.seen[-1].data == {
        "commit_id": HEAD,
        "event": "COMMENT",
        "body": f"{MARK}\nLook",
        "comments": [{"path": "a.py", "line": 2, "side": "RIGHT", "body": "No."}],
    }


async def test_a_comment_on_several_lines_names_where_they_begin(desk: Bench):
    desk.github.on(f"POST {ROUTE}", Reply(posted()))
    one = LineComment("a.py", 4, "No.", "RIGHT", 2, "LEFT")
    await desk.effects.do(replace(REVIEW, comments=(one,), event="REQUEST_CHANGES"))
    sent = desk.github.seen[-1].data
    assert sent["event"] == "REQUEST_CHANGES"
    assert sent["comments"] == [
        {
            "path": "a.py",
            "line": 4,
            "side": "RIGHT",
            "body": "No.",
            "start_line": 2,
            "start_side": "LEFT",
        }
    ]


async def test_a_verdict_that_github_does_not_take_is_left_out(desk: Bench):
    refused = Reply({"message": "Review Can not approve your own pull request"}, 422)
    desk.github.on(f"POST {ROUTE}", refused, refused, Reply(posted()))
    receipt = await desk.effects.do(replace(REVIEW, event="APPROVE"))
    sent = [one.data for one in desk.github.seen if one.method == "POST"][-3:]
    said = [(one["event"], len(one["comments"]), one["body"][-3:]) for one in sent]
    assert said == [("APPROVE", 1, "ook"), ("APPROVE", 0, "All"), ("COMMENT", 0, "All")]
    assert "GitHub took no comments on lines: " in receipt.note
    assert "GitHub took no verdict: " in receipt.note


async def test_without_its_comments_a_review_says_all_in_its_text(desk: Bench):
    refused = Reply({"message": "Line could not be resolved"}, 422)
    desk.github.on(f"POST {ROUTE}", refused, Reply(posted()))
    receipt = await desk.effects.do(REVIEW)
    assert "Line could not be resolved" in receipt.note
    sent = desk.github.seen[-1].data
    assert (sent["body"], sent["comments"]) == (f"{MARK}\nAll", [])


async def test_what_github_takes_in_no_form_is_raised(desk: Bench):
    desk.github.on(f"POST {ROUTE}", Reply({"message": "commit_id is unknown"}, 422))
    with pytest.raises(Refused, match="commit_id"):
        await desk.effects.do(REVIEW)
    desk.github.on(f"POST {ROUTE}", Reply({"message": "No."}, 403))
    with pytest.raises(Refused):
        await desk.effects.do(REVIEW)
    desk.github.on(f"POST {ROUTE}", Reply(status=502))
    with pytest.raises(Uncertain):
        await desk.effects.do(REVIEW)


@pytest.mark.parametrize(
    ("facts", "is_it"),
    [
        ({}, True),
        ({"commit_id": TIP}, False),
        ({"user": {"login": "batch-bot"}}, False),
        ({"user": None}, False),
        ({"body": f"Look\n{MARK}"}, False),
        ({"body": None}, False),
    ],
)
async def test_it_is_found_by_author_commit_and_mark(desk: Bench, facts, is_it):
    desk.github.on(f"GET {ROUTE}", Reply([posted(**facts)]))
    found = await desk.effects.find(REVIEW, since=SINCE)
    assert (found is not None) is is_it


async def test_old_reviews_are_folded_and_resolved_in_one_request(desk: Bench):
    desk.github.on("POST /graphql", Reply({"data": {}}))
    hide = HideReviews(REPOSITORY, NUMBER, ("R1", "R2"), ("T1",))
    await desk.effects.do(hide)
    sent = desk.github.seen[-1].data
    assert len(desk.github.calls) == 1
    document = graphql.parse(sent["query"])
    assert graphql.validate(contracts.graphql_schema(), document) == []
    assert sent["query"].count("minimizeComment(") == 2
    assert sent["variables"] == {"r0": "R1", "r1": "R2", "t0": "T1"}


async def test_what_github_does_not_fold_is_noted_and_weather_is_not(desk: Bench):
    hide = HideReviews(REPOSITORY, NUMBER, ("R1",), ("T1",))
    refused = {"type": "FORBIDDEN", "path": ["t0"], "message": "Not accessible"}
    desk.github.on("POST /graphql", Reply({"data": {}, "errors": [refused]}))
    receipt = await desk.effects.do(hide)
    assert "Not accessible" in receipt.note
    desk.github.on("POST /graphql", Reply(status=502))
    with pytest.raises(Uncertain):
        await desk.effects.do(hide)


# --- what it goes by -------------------------------------------------------------------


async def test_all_that_a_review_goes_by_is_a_query_and_the_files(desk: Bench):
    said = {
        "path": "a.py",
        "message": "no",
        "location": {"start": {"line": 3}},
    }
    build = run("build", "FAILURE", annotations=nodes(said))
    rollup = {"contexts": nodes(build)}
    made = known(reviews=nodes(own("R1")), reviewThreads=nodes(thread("T1", "R1")))
    made["commits"]["nodes"][0]["commit"]["statusCheckRollup"] = rollup
    asked = served(desk, made)
    desk.github.on(FILES, Reply([file("a.py", patch="@@ -1 +1 @@\n+a")]))
    found = await look(desk)
    assert len(asked) == 1
    assert found.files == (ChangedFile("a.py", "modified", 1, 0, "@@ -1 +1 @@\n+a"),)
    assert found.annotations == {"build": (Annotation("a.py", 3, "no"),)}
    earlier = EarlierReview("R1", "https://x/R1", HEAD, MARK, open_threads=("T1",))
    assert found.earlier == (earlier,)
    assert (found.has_conflicts, found.files_in_all) == (False, 1)


async def test_reviews_of_others_and_resolved_conversations_are_not_its_own(
    desk: Bench,
):
    person = own("R2", author={"__typename": "User", "login": "batch-bot"})
    gone = own("R3", author=None, commit=None)
    threads = nodes(thread("T1", "R1", is_resolved=True), thread("T2", "R2"))
    served(desk, known(reviews=nodes(own("R1"), person, gone), reviewThreads=threads))
    desk.github.on(FILES, Reply([]))
    (found,) = (await look(desk)).earlier
    assert (found.node_id, found.open_threads) == ("R1", ())


async def test_the_required_checks_of_rulesets_count(desk: Bench):
    checks = {
        "required_status_checks": [{"context": "ci"}],
        "strict_required_status_checks_policy": False,
    }
    rule = {"type": "required_status_checks", "parameters": checks}
    served(desk, known(), rules=[rule])
    desk.github.on(FILES, Reply([]))
    assert [one.name for one in (await look(desk)).pull.required] == ["ci"]


async def test_a_submodule_is_known_by_the_commit_that_its_entry_names(desk: Bench):
    before, after = "a" * 40, "b" * 40
    moved = f"@@ -1 +1 @@\n-Subproject commit {before}\n+Subproject commit {after}"
    served(desk, known())
    gone = f"@@ -1 +0,0 @@\n-Subproject commit {before}"
    entries = [
        file("lib", patch=moved, sha=after),
        file("old", patch=gone, sha=before, status="removed"),
        file("reads-so.txt", patch=moved),
        file(
            "app.py", patch=f"@@ -1 +1,2 @@\n+a\n+Subproject commit {after}", sha=after
        ),
    ]
    desk.github.on(FILES, Reply(entries))
    found = [one.submodule for one in (await look(desk)).files]
    assert found == [(before, after), (before, ""), None, None]


async def test_until_conflicts_are_known_no_file_is_read(desk: Bench):
    served(desk, known(mergeable="UNKNOWN"))
    assert (await look(desk)).has_conflicts is None
    assert FILES not in desk.github.calls


async def test_with_conflicts_it_is_told_what_both_sides_changed(desk: Bench):
    served(desk, known(mergeable="CONFLICTING"))
    moved = file("new.py", status="renamed", previous_filename="old.py")
    desk.github.on(FILES, Reply([file("a.py"), moved, file("c.py")]))
    there = {"files": [{"filename": "a.py"}, {"filename": "old.py"}]}
    desk.github.on(f"GET /repos/octo/app/compare/{HEAD}...{TIP}", Reply(there))
    assert (await look(desk)).changed_on_both == ("a.py", "new.py")
    desk.github.on(f"GET /repos/octo/app/compare/{HEAD}...{TIP}", Reply(status=404))
    assert (await look(desk)).changed_on_both == ()


async def test_a_diff_that_github_cannot_make_is_known_by_its_count(desk: Bench):
    served(desk, known(changedFiles=4_000))
    too_big = {"message": "Sorry, this diff is taking too long to generate."}
    desk.github.on(FILES, Reply(too_big, 422))
    found = await look(desk)
    assert (found.files, found.files_in_all) == ((), 4_000)


async def test_files_of_another_head_tell_that_it_moved(desk: Bench):
    served(desk, known())
    desk.github.on(FILES, Reply([file("a.py", TIP)]))
    assert (await look(desk)).pull.head_sha == TIP
