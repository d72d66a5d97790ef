"""How the files of a commit are told to GitHub."""

import pytest

from bot.github.signed_commits import MOST_ENTRIES, MOST_TEXT, steps
from bot.ports.github import TreeEntry

SHA = "a" * 40


def change(path: str, sha: str = SHA, content: str | None = None) -> TreeEntry:
    return TreeEntry(path, "100644", sha, content)


def paths(*changes: TreeEntry) -> list[list[str]]:
    return [[one.path for one in step] for step in steps(changes)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([change("b"), change("a", "")], [["a", "b"]]),
        ([change("a/b/c"), change("a", "")], [["a"], ["a/b/c"]]),
        ([change("a"), change("a/b/c", "")], [["a/b/c"], ["a"]]),
        ([change("a/b", ""), change("a/c")], [["a/b", "a/c"]]),
        ([], []),
    ],
)
def test_what_goes_makes_room_first(changes: list[TreeEntry], told: list[list[str]]):
    assert paths(*changes) == told


def test_no_request_carries_too_much():
    many = [change(f"{number}") for number in range(2 * MOST_ENTRIES + 1)]
    assert [len(step) for step in paths(*many)] == [MOST_ENTRIES, MOST_ENTRIES, 1]
    half = "x" * (MOST_TEXT // 2)
    long = [
        change("a", content=half),
        change("b", content=half),
        change("c", content="x"),
    ]
    assert paths(*long) == [["a", "b"], ["c"]]
