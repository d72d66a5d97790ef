"""What the pages of the local GitHub show, as values."""

from bot.localhub.display import diff_lines


def test_lines_are_numbered_as_git_counts_them():
    rows = (
        "@@ -1,2 +1,2 @@",
        " first\x0cand\u2028more",
        "-old",
        "\\ No newline at end of file",
        "+new",
        "\\ No newline at end of file",
    )
    (file,) = diff_lines([("a.txt", "modified", 1, 1, "\n".join(rows))])
    assert [(line.kind, line.old, line.new) for line in file.lines] == [
        ("hunk", "", ""),
        ("same", "1", "1"),
        ("removed", "2", ""),
        ("hunk", "", ""),
        ("added", "", "2"),
        ("hunk", "", ""),
    ]
