"""The lines of a log of GitHub Actions that tell why a job failed."""

from bot.core.world.job_logs import MOST_LINES, telling_lines

STAMP = "2026-03-01T09:00:00.1234567Z "


def log(*lines: str) -> str:
    return "\ufeff" + "\n".join(STAMP + line for line in lines)


def test_the_failing_step_tells_without_stamps_colours_and_commands():
    text = log(
        "##[group]Run pip install .",
        "pip install .",
        "##[endgroup]",
        "installed",
        "##[group]Run pytest",
        "\x1b[36;1mpytest\x1b[0m",
        "shell: /usr/bin/bash -e {0}",
        "##[endgroup]",
        "",
        "E   assert 1 == 2",
        "\x1b[31m1 failed\x1b[0m",
        "##[error]Process completed with exit code 1.",
        "##[group]Run actions/cache@v4",
        "Post job cleanup.",
    )
    assert telling_lines(text) == (
        "pytest",
        "shell: /usr/bin/bash -e {0}",
        "E   assert 1 == 2",
        "1 failed",
        "Process completed with exit code 1.",
    )


def test_only_the_last_lines_are_kept_and_each_is_short():
    text = log(
        *map(str, range(50)), "x" * 500, "##[error]Process completed with exit code 2."
    )
    found = telling_lines(text)
    assert len(found) == MOST_LINES
    assert found[-1] == "Process completed with exit code 2."
    assert len(found[-2]) == 200


def test_an_error_of_a_tool_stands_among_what_it_wrote():
    text = log(
        "a.py",
        "##[error]a.py: no such name",
        "##[error]Process completed with exit code 1.",
    )
    assert telling_lines(text)[1] == "a.py: no such name"


def test_a_step_that_ends_without_an_exit_code_tells_and_not_what_always_runs_after_it():
    text = log(
        "##[group]Run actions/upload-artifact@v4",
        "##[endgroup]",
        "looking for dist",
        "##[error]No files were found with the provided path: dist",
        "##[group]Run rm -rf tmp",
        "rm -rf tmp",
        "##[endgroup]",
        "Post job cleanup.",
    )
    assert telling_lines(text) == (
        "looking for dist",
        "No files were found with the provided path: dist",
    )
    stopped = log(
        "##[group]Run pytest",
        "test_a.py ..",
        "##[error]The operation was canceled.",
        "Post job cleanup.",
        "[command]/usr/bin/git version",
    )
    assert telling_lines(stopped) == ("test_a.py ..", "The operation was canceled.")


def test_an_error_at_once_is_not_the_end_of_what_a_step_wrote():
    text = log(
        "##[error]a.py: no such name",
        "1 error",
        "##[error]Process completed with exit code 1.",
    )
    assert telling_lines(text)[:2] == ("a.py: no such name", "1 error")


def test_a_bar_that_overwrites_itself_is_one_line():
    text = log("10%\r20%\r100%\r", "\x1b]8;;https://x.test\x07docs\x1b]8;;\x07 failed")
    assert telling_lines(text) == ("100%", "docs failed")


def test_a_log_without_an_end_tells_its_last_lines():
    assert telling_lines(log("one", "two")) == ("one", "two")
    assert telling_lines("") == ()
