"""What a failed job of GitHub Actions wrote, and the lines of it that tell why it failed.

https://docs.github.com/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from bot.core.world.markdown import cut
from bot.core.world.questions import Question

MOST_LINES = 12
_WIDTH = 200

_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ?")
_COLOUR = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_COMMAND = re.compile(r"^##\[(?P<word>\w+)\](?P<rest>.*)$")
_EXIT = re.compile(r"^Process completed with exit code \d+")


@dataclass(frozen=True, slots=True)
class JobLogOf(Question[tuple[str, ...]]):
    """The telling lines of a job that failed; none where its log cannot be had."""

    is_dear: ClassVar[bool] = True
    job_id: int


def telling_lines(text: str) -> Sequence[str]:
    """Return the last lines of the step that failed first, without stamps and colours.

    A failing command ends with an ``error`` line that says so; what stands before it,
    from the beginning of the step on, is what it said. Without one, an action failed or
    the job was stopped: the last step that wrote an error tells, up to that.
    """
    kept: list[str] = []
    failed: list[str] = []
    end = 0  # of what the present step wrote, with its last error
    for raw in text.split("\n"):
        # Of what overwrites itself, the last state is to be read.
        line = _COLOUR.sub("", _STAMP.sub("", raw.rstrip("\r"))).rpartition("\r")[2]
        command = _COMMAND.match(line)
        if command is None:
            kept.append(line)
        elif command["word"] == "error":
            said = command["rest"].strip()
            kept.append(said)
            end = len(kept)
            if _EXIT.match(said):
                break
        elif command["word"] == "group" and command["rest"].startswith("Run "):
            failed = kept[:end] or failed
            kept, end = [], 0  # another step begins
        elif command["word"] not in ("group", "endgroup", "debug"):
            kept.append(command["rest"].strip())
    lines = kept[:end] or failed or kept
    return tuple(
        [cut(line.rstrip(), _WIDTH) for line in lines if line.strip()][-MOST_LINES:]
    )
