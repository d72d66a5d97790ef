"""Reviews on lines: what the local GitHub takes, and what it refuses in GitHub's words."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.localhub.diff_limits import MOST_LINES, as_told
from bot.localhub.errors import GitHubError
from bot.localhub.git import ChangedFile
from bot.localhub.hub import LocalHub
from tests.localhub.client import NAME, REPO, Client, client

LINE = "Pull request review thread line must be part of the diff"
HUNK = "Pull request review thread diff hunk can't be blank"
START = "Pull request review thread start line must"


@pytest.fixture
async def github(hub: LocalHub) -> AsyncIterator[Client]:
    async with client(hub) as opened:
        yield opened


@pytest.fixture
async def pull(github: Client) -> str:
    """Open a pull request with two hunks; return its address."""
    hub = github.hub
    rows = [f"row {number}\n" for number in range(1, 61)]
    hub.push("olivia", NAME, "main", {"a.py": "".join(rows)}, message="Start")
    rows[1], rows[49] = "two\n", "fifty\n"
    del rows[50]
    hub.push("wade", NAME, "topic", {"a.py": "".join(rows)}, message="Change")
    opened = hub.open_pull_request("wade", NAME, "Change", head="topic")
    return f"{REPO}/pulls/{opened.number}"


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ({"line": 2}, ""),
        ({"line": 2, "side": "LEFT"}, ""),
        ({"line": 5}, ""),  # unchanged, and shown
        ({"line": 51, "side": "LEFT"}, ""),
        ({"line": 54, "side": "LEFT"}, ""),
        ({"line": 50, "start_line": 48}, ""),
        ({"line": 50, "start_line": 50, "start_side": "LEFT"}, ""),
        ({"subject_type": "file"}, ""),
        ({"line": 30}, f"{LINE} and {HUNK}"),
        ({"line": 900}, f"{LINE} and {HUNK}"),
        ({"line": 54}, f"{LINE} and {HUNK}"),  # one is gone: that is the other side's
        ({"line": 50, "start_line": 50}, f"{START} precede the end line."),
        ({"line": 48, "start_line": 50}, f"{START} precede the end line."),
        (
            {"line": 50, "start_line": 2},
            f"{START} be part of the same hunk as the line.",
        ),
        (
            {"line": 30, "start_line": 2},
            f"{LINE}, {START} be part of the same hunk as the line., and {HUNK}",
        ),
        ({"line": 2, "path": "b.py"}, f"{LINE} and {HUNK}"),
    ],
)
async def test_a_comment_stands_on_the_diff_or_all_of_the_review_is_refused(
    github: Client, pull: str, place: dict[str, Any], says: str
):
    fine = {"path": "a.py", "line": 2, "body": "fine"}
    comments = [fine, {"path": "a.py", "body": "here", **place}]
    review = {"event": "COMMENT", "body": "seen", "comments": comments}
    answer = await github.send("POST", f"{pull}/reviews", review)
    there = len((await github.get(f"{pull}/comments")).body)
    if not says:
        assert (answer.status, there) == (200, 2), answer.body
        return
    assert (answer.status, there) == (422, 0)
    assert (answer.body["message"], answer.body["errors"]) == (
        "Unprocessable Entity",
        [says],
    )


async def test_a_comment_of_its_own_is_refused_with_its_fields(
    github: Client, pull: str
):
    head = github.hub.repository(NAME).git.resolve("topic")
    first = github.hub.repository(NAME).git.resolve("main")
    line = {"path": "a.py", "line": 30, "body": "x", "commit_id": head}
    answer = await github.send("POST", f"{pull}/comments", line)
    assert [(one["field"], one["code"]) for one in answer.body["errors"]] == [
        ("pull_request_review_thread.line", "custom"),
        ("pull_request_review_thread.diff_hunk", "custom"),
    ]
    other = {**line, "line": 2, "commit_id": first}
    answer = await github.send("POST", f"{pull}/comments", other)
    (error,) = answer.body["errors"]
    assert error["message"] == "end_commit_oid is not part of the pull request"


async def test_a_review_is_of_a_commit_of_the_pull_request(github: Client, pull: str):
    first = github.hub.repository(NAME).git.resolve("main")
    review = {"event": "COMMENT", "body": "seen", "commit_id": first}
    answer = await github.send("POST", f"{pull}/reviews", review)
    assert answer.body["errors"] == ["The commitOID is not part of the pull request"]


@pytest.mark.parametrize("event", ["COMMENT", "REQUEST_CHANGES"])
async def test_a_review_that_says_nothing_is_refused(
    github: Client, pull: str, event: str
):
    answer = await github.send("POST", f"{pull}/reviews", {"event": event})
    assert answer.status == 422


@pytest.mark.parametrize(
    ("event", "word"),
    [("APPROVE", "approve"), ("REQUEST_CHANGES", "request changes on")],
)
def test_nobody_judges_their_own(hub: LocalHub, event: str, word: str):
    hub.push("wade", NAME, "own", {"a.txt": "a\n"}, message="Own")
    number = hub.open_pull_request("wade", NAME, "Own", head="own").number
    with pytest.raises(GitHubError) as caught:
        hub.review("wade", NAME, number, event=event, body="x")
    assert caught.value.texts == (f"Review Can not {word} your own pull request",)
    hub.review("wade", NAME, number, event="COMMENT", body="x")


async def test_a_pending_review_is_its_authors_alone(github: Client, pull: str):
    number = int(pull.rpartition("/")[2])
    own = await github.send("POST", f"{pull}/reviews", {"body": "mine"})
    github.hub.review("olivia", NAME, number, body="hers")
    listed = (await github.get(f"{pull}/reviews")).body
    assert [(one["state"], one["body"]) for one in listed] == [("PENDING", "mine")]
    one = f"{pull}/reviews/{own.body['id']}"
    sent = {"event": "COMMENT", "body": "after all"}
    await github.send("POST", f"{one}/events", sent)
    listed = (await github.get(f"{pull}/reviews")).body
    assert [(one["state"], one["body"]) for one in listed] == [
        ("COMMENTED", "after all")
    ]


def file(path: str, lines: int, width: int = 1) -> ChangedFile:
    patch = "\n".join(["@@ -0,0 +1 @@", *(["+" + "x" * width] * lines)])
    return ChangedFile(path, "added", lines, 0, "0" * 40, patch)


def test_past_some_size_an_answer_has_neither_lines_nor_counts():
    half = MOST_LINES // 2
    told = as_told([file("a", half), file("b", half), file("c", 1)])
    assert [(one.path, one.additions, one.patch is None) for one in told] == [
        ("a", half, False),
        ("b", half, False),
        ("c", 0, True),
    ]
    big = as_told([file("a", 10, width=60_000), file("b", 1)])
    assert [(one.additions, one.patch is None) for one in big] == [
        (10, True),
        (1, False),
    ]
