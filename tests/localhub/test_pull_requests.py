"""Pull requests, merged with real git."""

import pytest

from bot.localhub import pulls
from bot.localhub.errors import GitHubError
from bot.localhub.hub import LocalHub
from bot.localhub.reviews import LineComment
from bot.localhub.state import Thread
from tests.localhub.client import NAME, REPO, client

CODE = "src/widgets.py"
BETTER = "def area(width, height):\n    return abs(width * height)\n"


def open_pull(
    hub: LocalHub, head: str = "topic", *, body: str = "", content: str = BETTER
) -> Thread:
    hub.push("wade", NAME, head, {CODE: content}, message="Use abs", base="main")
    return hub.open_pull_request("wade", NAME, "Use abs", head=head, body=body)


def head_of(thread: Thread) -> str:
    return pulls.pull_of(thread).head_sha


async def merge_status(hub: LocalHub, **body: str) -> tuple[int, str]:
    async with client(hub) as github:
        answer = await github.send("PUT", f"{REPO}/pulls/1/merge", body)
    return answer.status, answer.body["message"]


@pytest.mark.parametrize(
    ("method", "parents", "subject"),
    [
        ("merge", 2, "Merge pull request #1 from acme/topic"),
        ("squash", 1, "Use abs (#1)"),
        ("rebase", 1, "Use abs"),
    ],
)
async def test_a_merge_changes_the_base(
    hub: LocalHub, method: str, parents: int, subject: str
):
    thread = open_pull(hub)
    hub.push("wade", NAME, "main", {"other.txt": "1\n"}, message="Other")
    sha = hub.merge("olivia", NAME, 1, method=method)
    git = hub.repository(NAME).git
    commit = git.commit(sha)
    assert git.resolve("main") == sha
    assert (len(commit.parents), commit.message.splitlines()[0]) == (parents, subject)
    assert git.read_file(sha, CODE) == BETTER.encode()
    assert git.read_file(sha, "other.txt") == b"1\n"
    assert (thread.state, pulls.pull_of(thread).merge_commit_sha) == ("closed", sha)
    async with client(hub) as github:
        assert (await github.get(f"{REPO}/pulls/1")).body["merged"] is True


async def test_a_merge_closes_what_its_body_closes(hub: LocalHub):
    thread = open_pull(hub, body="Fixes #2, resolves: #3. See #4 and closes #1.")
    for title in ("Two", "Three", "Four"):
        hub.open_issue("olivia", NAME, title)
    assert [issue.number for issue in pulls.closes(thread)] == [2, 3]
    hub.merge("olivia", NAME, 1)
    states = [hub.thread(NAME, number).state_reason for number in (2, 3, 4)]
    assert states == ["completed", "completed", None]


async def test_a_moved_head_is_409(hub: LocalHub):
    thread = open_pull(hub)
    old = head_of(thread)
    hub.push("wade", NAME, "topic", {"more.txt": "1\n"}, message="More")
    assert await merge_status(hub, sha=old) == (
        409,
        "Head branch was modified. Review and try the merge again.",
    )
    assert (await merge_status(hub, sha=head_of(thread)))[0] == 200
    assert (await merge_status(hub))[0] == 405


async def test_a_deleted_branch_closes_and_a_pushed_merge_merges(hub: LocalHub):
    gone = open_pull(hub, "gone")
    merged = open_pull(hub, "merged", content="x = 1\n")
    hub.set_ref("wade", NAME, "refs/heads/gone", None)
    assert (gone.state, pulls.pull_of(gone).is_merged) == ("closed", False)
    hub.set_ref("wade", NAME, "refs/heads/main", head_of(merged))
    assert (merged.state, pulls.pull_of(merged).is_merged) == ("closed", True)


async def test_only_one_pull_request_for_a_branch_and_only_with_commits(
    hub: LocalHub,
):
    open_pull(hub)
    for head, word in (("topic", "already exists"), ("main", "No commits")):
        with pytest.raises(GitHubError) as caught:
            hub.open_pull_request("wade", NAME, "Again", head=head)
        assert word in caught.value.errors[0]["message"]
    hub.close("wade", NAME, 1)
    again = hub.open_pull_request("wade", NAME, "Again", head="topic")
    assert again.number == 2
    async with client(hub) as github:
        listed = await github.get(f"{REPO}/pulls?state=all&head=acme:topic")
    assert [pull["number"] for pull in listed.body] == [2, 1]


@pytest.mark.parametrize(
    ("path", "line", "side", "is_in_diff"),
    [
        (CODE, 2, "RIGHT", True),
        (CODE, 2, "LEFT", True),
        (CODE, 1, "RIGHT", True),
        (CODE, 3, "RIGHT", False),
        ("README.md", 1, "RIGHT", False),
        (CODE, None, "RIGHT", True),
    ],
)
async def test_a_review_comments_on_lines_of_the_diff(
    hub: LocalHub, path: str, line: int | None, side: str, is_in_diff: bool
):
    thread = open_pull(hub)
    comment = LineComment(path, "why?", line, side)

    def review() -> None:
        hub.review("olivia", NAME, 1, event="COMMENT", comments=[comment])

    if is_in_diff:
        review()
        hunk = pulls.pull_of(thread).review_comments[0].diff_hunk
        sign = {"RIGHT": "+", "LEFT": "-"}[side] if line == 2 else " "
        assert line is None or hunk.splitlines()[-1].startswith(sign)
    else:
        with pytest.raises(GitHubError) as caught:
            review()
        assert "must be part of the diff" in caught.value.errors[0]["message"]
        assert pulls.pull_of(thread).reviews == []


async def test_nobody_approves_their_own_pull_request(hub: LocalHub):
    open_pull(hub)
    with pytest.raises(GitHubError) as caught:
        hub.review("wade", NAME, 1, event="APPROVE")
    assert caught.value.texts == ("Review Can not approve your own pull request",)
    hub.request_review("wade", NAME, 1, reviewers=["olivia"])
    hub.review("olivia", NAME, 1, event="APPROVE")
    pull = pulls.pull_of(hub.thread(NAME, 1))
    assert pull.requested_reviewers == []
    assert [review.state for review in pull.reviews] == ["APPROVED"]


async def test_renames_binary_files_and_odd_names_are_in_the_list(hub: LocalHub):
    text = "".join(f"line {number}\n" for number in range(30))
    hub.push("wade", NAME, "main", {"old name.txt": text}, message="Add")
    changes: dict[str, str | bytes | None] = {
        "old name.txt": None,
        "new ü.txt": text,
        "blob.bin": b"\0\1",
        "README.md": None,
    }
    hub.push("wade", NAME, "topic", changes, message="Move")
    hub.open_pull_request("wade", NAME, "Move", head="topic")
    async with client(hub) as github:
        files = (await github.get(f"{REPO}/pulls/1/files")).body
    seen = {
        file["filename"]: (file["status"], file.get("previous_filename"))
        for file in files
    }
    assert seen == {
        "README.md": ("removed", None),
        "blob.bin": ("added", None),
        "new ü.txt": ("renamed", "old name.txt"),
    }
    assert "patch" not in next(f for f in files if f["filename"] == "blob.bin")


def stack(hub: LocalHub) -> tuple[Thread, Thread]:
    """Return a pull request, and one into its branch."""
    lower = open_pull(hub)
    files = {"more.txt": "1\n"}
    hub.push("wade", NAME, "upper", files, message="More", base="topic")
    upper = hub.open_pull_request("wade", NAME, "More", head="upper", base="topic")
    return lower, upper


def test_a_merge_alone_keeps_the_branch_and_what_is_stacked_on_it(hub: LocalHub):
    _, upper = stack(hub)
    hub.merge("olivia", NAME, 1, method="squash")
    assert upper.is_open
    assert pulls.pull_of(upper).base_ref == "topic"
    assert hub.repository(NAME).git.resolve("topic")


def test_a_merge_that_deletes_its_branch_aims_what_is_stacked_at_the_base(
    hub: LocalHub,
):
    _, upper = stack(hub)
    hub.repository(NAME).deletes_branch_on_merge = True
    hub.merge("olivia", NAME, 1, method="squash")
    assert hub.repository(NAME).git.resolve("refs/heads/topic") is None
    assert upper.is_open
    assert pulls.pull_of(upper).base_ref == "main"


def test_a_deleted_base_closes_what_is_stacked_for_good(hub: LocalHub):
    _, upper = stack(hub)
    hub.merge("olivia", NAME, 1, method="squash")
    hub.set_ref("olivia", NAME, "refs/heads/topic", None)
    assert not upper.is_open
    for change in (
        lambda: hub.reopen("olivia", NAME, 2),
        lambda: hub.set_base("olivia", NAME, 2, "main"),
    ):
        with pytest.raises(GitHubError) as refused:
            change()
        assert refused.value.status == 422


def test_a_renamed_branch_takes_the_pull_requests_into_it_along(hub: LocalHub):
    lower, upper = stack(hub)
    hub.rename_branch("acme", NAME, "main", "trunk")
    assert hub.repository(NAME).default_branch == "trunk"
    assert pulls.pull_of(lower).base_ref == "trunk"
    hub.rename_branch("wade", NAME, "topic", "other")
    assert (lower.is_open, upper.is_open) == (False, True)
    assert pulls.pull_of(upper).base_ref == "other"
