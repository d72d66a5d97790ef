"""What a failed job of GitHub Actions wrote, and the lines of it that tell why it failed.

https://docs.github.com/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.world.markdown import cut
from bot.core.world.questions import Question

MOST_LINES = 12
_WIDTH = 200

_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ?")
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_COMMAND = re.compile(r"^##\[(?P<word>\w+)\](?P<rest>.*)$")
_EXIT = re.compile(r"^Process completed with exit code \d+")


@dataclass(frozen=True, slots=True)
class JobLogOf(Question[tuple[str, ...]]):
    """The telling lines of a job that failed; none where its log cannot be had."""

    job_id: int


def telling_lines(text: str) -> Sequence[str]:
    """Return the last lines of the step that failed first, without stamps and colours.

    A failing step ends with an ``error`` line; what stands before it, from the beginning
    of the step on, is what it said.
    """
    kept: list[str] = []
    errors: list[str] = []
    for raw in text.splitlines():
        line = _COLOUR.sub("", _STAMP.sub("", raw)).rstrip()
        command = _COMMAND.match(line)
        if command is None:
            kept.append(line)
        elif command["word"] == "error":
            said = command["rest"].strip()
            if _EXIT.match(said) or not kept:
                errors.append(said)
                break
            kept.append(said)
        elif command["word"] == "group" and command["rest"].startswith("Run "):
            kept = []  # another step begins
        elif command["word"] not in ("group", "endgroup", "debug"):
            kept.append(command["rest"].strip())
    lines = [cut(line, _WIDTH) for line in kept if line.strip()]
    return (*lines[-MOST_LINES + len(errors) :], *errors)
