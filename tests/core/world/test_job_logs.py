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


def test_a_log_without_an_end_tells_its_last_lines():
    assert telling_lines(log("one", "two")) == ("one", "two")
    assert telling_lines("") == ()
